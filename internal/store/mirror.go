package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// writer writes one page of a connection.
type writer struct {
	*Tx
	company receivable.CompanyID
	conn    int64
	round   int64
	tally   *tally
	page    Page
	counts  Applied
	touch   map[int64]bool
	known   map[string]known // accounts that the page named so far, by external id
	linked  map[string]bool  // externals of items whose links changed: kind + "\x00" + external
	first   bool             // nothing of the connection was ever accepted
	began   int64            // when the pass began
}

// known is a mirrored row as it stands.
type known struct {
	id, customer, account int64
	hash                  string
	gone                  bool
	firstSeen             int64 // of an account
}

// ApplyPage is Store.ApplyPage inside the caller's transaction.
func (tx *Tx) ApplyPage(key ConnectionKey, page Page) (Applied, error) {
	c, err := tx.locked(key)
	if err != nil {
		return Applied{}, err
	}
	w := &writer{Tx: tx, company: key.Company, conn: c.id, round: c.round, tally: &c.tally, page: page, touch: map[int64]bool{}, known: map[string]known{}, linked: map[string]bool{}, first: c.AcceptedAt.IsZero(), began: micros(c.PassStartedAt)}
	for _, step := range []func() error{w.fresh, w.accounts, w.documents, w.payments, w.allocations, w.gone, w.seen, w.absent, w.bad, w.links} {
		if err := step(); err != nil {
			return Applied{}, fmt.Errorf("apply page of %s: %w", key.Name, err)
		}
	}
	for customer := range w.touch {
		w.counts.Customers = append(w.counts.Customers, dossier.CustomerID(customer))
	}
	slices.Sort(w.counts.Customers)
	tx.Touch(w.counts.Customers...)
	return w.counts, tx.countPage(c, w.counts.PassCount, page)
}

// ApplyPage writes one page with its cursor in one transaction. Rows whose
// content is unchanged are not written; replaying a page changes nothing.
// A document that names an account nobody has yet gets a nameless one, filled
// in when it comes: without an address it is never written to. ErrOlder: a
// snapshot older than the last accepted one of its part; nothing was written.
func (s *Store) ApplyPage(ctx context.Context, key ConnectionKey, page Page) (Applied, error) {
	var done Applied
	err := s.InTx(ctx, func(tx *Tx) error {
		var err error
		done, err = tx.ApplyPage(key, page)
		return err
	})
	return done, err
}

// fresh refuses a snapshot older than the one it would replace.
func (w *writer) fresh() error {
	l := w.page.Listing
	if l == nil || l.Part == "all" || l.Part == "open" {
		return nil
	}
	var last int64
	err := w.one([]any{&last}, "SELECT as_of FROM listing WHERE connection = $1 AND kind = $2 AND part = $3", w.conn, l.Kind, l.Part)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil && micros(w.page.AsOf) < last {
		return fmt.Errorf("%s of %s: %w, of %s", l.Part, w.page.AsOf.Format("2006-01-02 15:04"), ErrOlder, instantOf(last).Format("2006-01-02 15:04"))
	}
	return err
}

// lookup finds the mirrored rows of these external ids.
func (w *writer) lookup(table string, externals []string) (map[string]known, error) {
	found := make(map[string]known, len(externals))
	for chunk := range slices.Chunk(externals, 5000) {
		columns := "id, external, customer, hash, gone_at, account"
		if table == "account" {
			columns = "id, external, customer, hash, gone_at, first_seen_at"
		}
		err := w.each(func(scan scanner) error {
			var k known
			var external string
			var gone, last int64
			err := scan(&k.id, &external, &k.customer, &k.hash, &gone, &last)
			if k.gone = gone != 0; table == "account" {
				k.firstSeen = last
			} else {
				k.account = last
			}
			found[external] = k
			return err
		}, "SELECT "+columns+" FROM "+table+" WHERE connection = $1 AND "+w.in("external", 2), w.conn, texts(chunk))
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// keep moves the content that rows have until now into history.
func (w *writer) keep(table string, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	_, err := w.exec("INSERT INTO history (tbl, row_id, from_at, until_at, content) SELECT $1, id, since, CAST($2 AS BIGINT), content FROM "+table+
		" WHERE "+w.in("id", 3)+" AND since < $2 ORDER BY id", table, w.now, numbers(ids))
	return err
}

// sorted orders rows by their key and keeps the last of each.
func sorted[T any](rows []T, key func(T) string) []T {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	out := rows[:0]
	for i, r := range rows {
		if i+1 < len(rows) && key(rows[i+1]) == key(r) {
			continue
		}
		out = append(out, r)
	}
	return out
}

func keys[T any](rows []T, key func(T) string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = key(r)
	}
	return out
}
