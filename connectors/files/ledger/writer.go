package ledger

import (
	"fmt"
	"strconv"

	"relanced/connectors"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// pageSize is how many documents or payments a page holds.
const pageSize = 500

// writer goes through the staged lines party by party and puts pages.
type writer struct {
	books   *Books
	result  *Result
	numbers numbering
	partial bool

	doubt    map[string]connectors.Rejected
	supplier map[string]bool
	before   map[string][]Still
	opens    bool // the file has an opening entry
	replaced bool // the year before left too much to be kept

	account   receivable.Account // the customer being written
	wrote     bool               // its account stands on a page
	documents connectors.Page    // series 0, being filled
	payments  connectors.Page    // series 1
}

func (w *writer) run() error {
	b := w.books
	var err error
	if w.doubt, err = b.doubts(); err != nil {
		return err
	}
	if w.supplier, err = b.owed(); err != nil {
		return err
	}
	err = b.db.QueryRowContext(b.ctx, `select exists(select 1 from line where flags & ? <> 0 or (flags & ? <> 0 and on_ = ?))`,
		int64(opening), int64(wide|maybeOpening), int64(b.first)).Scan(&w.opens)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	w.before = make(map[string][]Still)
	if b.cfg.before != nil {
		w.replaced = b.cfg.before.Full && w.opens
		for _, s := range b.cfg.before.Items {
			w.before[s.Party] = append(w.before[s.Party], s)
		}
	}
	w.fresh(0)
	w.fresh(1)
	if b.cfg.later {
		b.Note(0, fmt.Sprintf("the ledger of %d is already loaded and tells what is still open: nothing of %d is shown; import %d again to get its invoices by their numbers",
			w.result.Year+1, w.result.Year, w.result.Year+1))
	}
	if err := w.scan(); err != nil {
		return err
	}
	for _, party := range sortedParties(w.before) {
		if err := w.party(party, &gathered{}); err != nil {
			return err
		}
	}
	w.documents.Bad = append(b.bad, w.documents.Bad...)
	w.documents.Notes = b.notes
	w.documents.Whole, w.payments.Whole = true, true
	if len(w.result.Closing.Items) > maxClosing {
		w.result.Closing.Items, w.result.Closing.Full = nil, true
	}
	if err := b.db.Pages.Put(0, w.documents); err != nil {
		return err
	}
	if err := b.db.Pages.Put(1, w.payments); err != nil {
		return err
	}
	if w.replaced {
		return w.closeBefore()
	}
	return nil
}

// closeBefore says of a whole year, of which too much was open to be kept, that
// nothing is: what is left of it stands in the opening entry of this one.
func (w *writer) closeBefore() error {
	for n, kind := range []receivable.ItemKind{receivable.ItemDocument, receivable.ItemPayment} {
		page := connectors.Page{
			AsOf: w.result.AsOf, File: w.books.cfg.File, Format: w.books.cfg.Format, Whole: true,
			Listing: &connectors.Scope{
				Kind: kind, Part: w.books.cfg.SIREN + "/" + strconv.Itoa(w.result.Year-1), Absent: connectors.AbsentSettled,
			},
		}
		if err := w.books.db.Pages.Put(2+n, page); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) fresh(series int) {
	page := connectors.Page{AsOf: w.result.AsOf, File: w.books.cfg.File, Format: w.books.cfg.Format}
	if series == 0 {
		page.Listing = &connectors.Scope{Kind: receivable.ItemDocument, Part: w.result.Part, Absent: connectors.AbsentSettled}
		w.documents = page
	} else {
		page.Listing = &connectors.Scope{Kind: receivable.ItemPayment, Part: w.result.Part, Absent: connectors.AbsentSettled}
		w.payments = page
	}
}

func (w *writer) put(doc receivable.Document) error {
	w.introduce(0)
	w.documents.Documents = append(w.documents.Documents, doc)
	return w.flush()
}

func (w *writer) pay(p receivable.Payment) error {
	w.introduce(1)
	w.payments.Payments = append(w.payments.Payments, p)
	return w.flush()
}

// introduce puts the customer's account on a page before what names it. Pages
// of payments follow all pages of documents.
func (w *writer) introduce(int) {
	if !w.wrote {
		w.wrote = true
		w.documents.Accounts = append(w.documents.Accounts, w.account)
	}
}

func (w *writer) flush() error {
	pages := w.books.db.Pages
	if d := &w.documents; max(len(d.Documents), len(d.Accounts), len(d.Seen), len(d.Bad)) >= pageSize {
		if err := pages.Put(0, *d); err != nil {
			return err
		}
		w.fresh(0)
	}
	if p := &w.payments; max(len(p.Payments), len(p.Seen)) >= pageSize {
		if err := pages.Put(1, *p); err != nil {
			return err
		}
		w.fresh(1)
	}
	return nil
}

func (b *Books) amount(minor int64) money.Amount { return money.New(minor, b.cfg.Currency) }

func (b *Books) money(minor int64) string { return b.amount(minor).String() + " " + b.cfg.Currency }

func yearBefore(year int) string { return strconv.Itoa(year - 1) }
