package store

import (
	"context"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// Page is a slice of the books to be written in one transaction with its
// cursor: connectors.Page in the ground's own words.
type Page struct {
	Accounts    []receivable.Account
	Documents   []receivable.Document
	Payments    []receivable.Payment
	Allocations []receivable.Allocation
	Groups      []string // groups told whole: what they held before and the page does not name is gone
	Gone        []Ref
	Bad         []Rejected
	Notes       []Rejected
	Listing     *Listing // set on every page of a full listing
	Seen        []Ref    // of a listing: keys named without content
	Whole       bool     // the listing's last page: what it did not name is absent
	AsOf        time.Time
	Next        []byte        // the cursor; nil leaves the stored one
	KeepCursor  bool          // a re-read: the stored cursor stays whatever Next says
	Apart       bool          // a live re-read outside of any pass: it counts to none and leaves the books as fresh as they were
	Derive      bool          // the source tells no payments: a fall of what is outstanding becomes one
	PayOn       calendar.Date // the day of AsOf in the company's zone: derived payments are dated so
}

// Ref names a thing at the source. The external id of an allocation is its
// group, a NUL and its item.
type Ref struct {
	Kind     receivable.ItemKind
	External string
}

// Rejected is a row that could not be read, or (as a note) is odd.
type Rejected struct {
	Ref  Ref
	File string
	Line int
	Text string
}

// Listing is what a full listing covers and what absence from it means.
type Listing struct {
	Kind   receivable.ItemKind
	Part   string // "all", "open", or a snapshot's name
	Absent Absence
}

// Absence is what it means that a listing did not name something.
type Absence string

// The meanings of absence; the words are those of connectors.
const (
	AbsentGone    Absence = "gone"
	AbsentSettled Absence = "settled"
	AbsentReread  Absence = "reread"
)

// Applied is what writing a page did.
type Applied struct {
	PassCount
	Customers []dossier.CustomerID // whose facts were written, sorted
	Linked    []string             // invoices not in the page, linked before or after to a payment or allocation that was written or has gone: to be re-read
	Reread    []string             // invoices a listing did not name, where absence means "to be re-read"
	Closed    int                  // documents that were open and are not any more
}

// Problem is something wrong with a row of the source.
type Problem struct {
	Connection receivable.ConnectionID
	Kind       receivable.ItemKind
	External   string
	File       string
	Line       int
	Text       string
	Note       bool // the row was read nevertheless
	At         time.Time
}

// OpenInvoices returns external ids of the connection's open invoices, sorted,
// the first limit after the given one ("" for the start).
func (s *Store) OpenInvoices(ctx context.Context, key ConnectionKey, after string, limit int) ([]string, error) {
	return view(ctx, s, func(tx *Tx) ([]string, error) {
		_, id, err := tx.connection(key)
		if err != nil {
			return nil, err
		}
		return all(tx, func(scan scanner) (string, error) {
			var external string
			err := scan(&external)
			return external, err
		}, `SELECT external FROM document WHERE connection = $1 AND outstanding <> 0 AND gone_at = 0 AND kind = 'invoice' AND external > $2
ORDER BY external LIMIT $3`, id, after, limit)
	})
}

// Externals names documents as their sources do, by connection.
func (s *Store) Externals(ctx context.Context, documents []dossier.DocumentID) (map[receivable.ConnectionID][]string, error) {
	return view(ctx, s, func(tx *Tx) (map[receivable.ConnectionID][]string, error) {
		externals := map[receivable.ConnectionID][]string{}
		return externals, tx.each(func(scan scanner) error {
			var connection receivable.ConnectionID
			var external string
			err := scan(&connection, &external)
			externals[connection] = append(externals[connection], external)
			return err
		}, "SELECT c.name, d.external FROM document d JOIN connection c ON c.id = d.connection WHERE "+tx.in("d.id", 1)+" ORDER BY d.id", numbers(documents))
	})
}
