package sqltest

import (
	"slices"
	"strconv"

	"relanced/connectors/bookstest"
	"relanced/internal/calendar"
	"relanced/internal/receivable"
)

// ledger is the trading system's books for a generator: what is void is a draft
// again, as if it had never been.
type ledger struct{ b *Books }

// Ledger is the books as a generator changes them.
func (b *Books) Ledger() bookstest.Ledger { return ledger{b} }

var onDay = calendar.MustParse("2026-06-15")

func (l ledger) Ways() bookstest.Ways {
	return bookstest.Ways{Currencies: []string{"EUR", "USD", "JPY", "TND"}}
}

func (l ledger) Customer(name, _ string) string { return text(l.b.AddCustomer(name)) }

func (l ledger) Invoice(customer, number, currency string, dues []bookstest.Instalment) string {
	var lines []Instalment
	for _, due := range dues {
		lines = append(lines, Instalment(due))
	}
	return text(l.b.AddInvoice(serial(customer), number, currency, lines...))
}

func (l ledger) CreditNote(customer, number, currency string, minor int64) string {
	return text(l.b.AddCredit(serial(customer), number, currency, minor, onDay))
}

func (l ledger) Payment(customer, currency string, minor int64) string {
	return text(l.b.AddPayment(serial(customer), currency, minor, onDay))
}

func (l ledger) Allocate(payment, invoice string, minor int64) {
	l.b.Allocate(serial(payment), serial(invoice), minor)
}

func (l ledger) Apply(credit, invoice string, minor int64) {
	l.b.Apply(serial(credit), serial(invoice), minor)
}

func (l ledger) Release(payment string) { l.b.Release(serial(payment)) }

func (l ledger) Unlink(payment, invoice string) { l.b.Unlink(serial(payment), serial(invoice)) }

func (l ledger) Redate(invoice string, due calendar.Date) { l.b.Redate(serial(invoice), due) }

func (l ledger) WriteOff(invoice string) { l.b.SetState(serial(invoice), "lost") }

func (l ledger) Void(invoice string) { l.b.SetState(serial(invoice), "draft") }

func (l ledger) Delete(invoice string) { l.b.Delete(serial(invoice)) }

func (l ledger) Truth() bookstest.Truth {
	t, dues := bookstest.NewTruth(), l.b.dues()
	for id, d := range l.b.Documents() {
		if d.State == "draft" {
			continue
		}
		b := bookstest.Balance{Kind: receivable.Invoice, Account: text(d.Customer), Total: d.Total, Open: d.Left}
		switch {
		case d.Credit:
			b.Kind = receivable.CreditNote
		case len(dues[id]) > 0:
			b.Dues = dues[id]
		default:
			b.Dues = []bookstest.Instalment{{On: d.Due, Minor: d.Total.Minor}}
		}
		if d.State == "lost" {
			b.Standing = receivable.StandingWrittenOff
		}
		t.Documents[text(id)] = b
	}
	t.Links = map[bookstest.Link]int64{}
	for _, a := range l.b.Allocations() {
		link := bookstest.Link{Invoice: text(a.Invoice), By: text(a.Payment), Kind: receivable.ItemPayment}
		if a.Payment == 0 {
			link.By, link.Kind = text(a.Credit), receivable.ItemDocument
		}
		t.Links[link] += a.Minor
	}
	for id, p := range l.b.Payments() {
		t.Payments[text(id)] = bookstest.Balance{Account: text(p.Customer), Total: p.Amount, Open: p.Free}
	}
	return t
}

// dues are the instalments of invoices that have several.
func (b *Books) dues() map[int64][]bookstest.Instalment {
	all := map[int64][]bookstest.Instalment{}
	b.each("SELECT i.invoice_id, CAST(i.due_on AS CHAR(10)), i.amount, v.currency FROM instalment i JOIN invoice v ON v.id = i.invoice_id", nil, func(scan func(...any) error) error {
		var invoice int64
		var on, amount, currency string
		err := scan(&invoice, &on, &amount, &currency)
		if err == nil {
			all[invoice] = append(all[invoice], bookstest.Instalment{On: calendar.MustParse(on), Minor: b.minor(amount, currency)})
		}
		return err
	})
	for _, list := range all {
		slices.SortFunc(list, bookstest.ByDate)
	}
	return all
}

func text(id int64) string { return strconv.FormatInt(id, 10) }

func serial(external string) int64 {
	id, err := strconv.ParseInt(external, 10, 64)
	must(err)
	return id
}
