package store

import "relanced/internal/dossier"

// DueQuery, NoticesQuery and CheckQueries are statements whose plans tests look at.
const (
	DueQuery     = dueQuery
	NoticesQuery = outboxQuery + " " + noticesDue
)

var CheckQueries = []string{writtenQuery, linkedQuery, groupQuery}

// Rows reads with a statement of the test's own.
func (tx *Tx) Rows(row func(scan func(...any) error) error, query string, args ...any) error {
	return tx.each(func(scan scanner) error { return row(scan) }, query, args...)
}

// Gather is Dossiers inside the test's transaction.
func (tx *Tx) Gather(ids []dossier.CustomerID) ([]dossier.Dossier, error) {
	return tx.gather(ids, gathering{})
}

// Exec runs a statement of the test's own.
func (tx *Tx) Exec(query string, args ...any) error {
	_, err := tx.exec(query, args...)
	return err
}

// WrittenAnew makes every row count as written since the last pass.
func (tx *Tx) WrittenAnew() error {
	for _, table := range []string{"document", "allocation"} {
		if err := tx.Exec("UPDATE " + table + " SET round = (SELECT c.round FROM connection c WHERE c.id = " + table + ".connection)"); err != nil {
			return err
		}
	}
	return nil
}
