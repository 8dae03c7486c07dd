package sageactivetest

import (
	"fmt"
	"slices"
	"sync"

	"relanced/connectors/bookstest"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// ledger is the organization's books for a generator. Documents are of its
// currency and final: they are corrected by credit notes. Payments show in what
// is paid of an instalment and nowhere else, so that their shares are kept here.
type ledger struct {
	b        *Books
	currency string

	mu       sync.Mutex
	payments map[string][]share
}

type share struct {
	invoice string
	minor   int64
}

// Ledger is the books as a generator changes them.
func (s *Server) Ledger() bookstest.Ledger {
	return &ledger{b: s.Books, currency: s.o.Currency, payments: map[string][]share{}}
}

const onDay = "2026-06-15"

func (l *ledger) Ways() bookstest.Ways {
	return bookstest.Ways{Currencies: []string{l.currency}, Lacks: []bookstest.Kind{bookstest.WrittenOff, bookstest.Voided, bookstest.Deleted, bookstest.Foreign}}
}

func (l *ledger) Customer(name, _ string) string {
	return l.b.AddCustomer(Customer{Name: name, Emails: map[string]string{"INVOICES": "compta@perrin.example"}})
}

func (l *ledger) Invoice(customer, number, _ string, dues []bookstest.Instalment) string {
	var items []Item
	for _, due := range dues {
		items = append(items, Item{Amount: Cents(due.Minor), Due: due.On.String()})
	}
	return l.b.AddInvoice(Invoice{Customer: customer, Number: number, Date: dues[0].On.AddDays(-30).String(), Items: items})
}

func (l *ledger) CreditNote(customer, number, _ string, minor int64) string {
	return l.b.AddInvoice(Invoice{Customer: customer, Number: number, Type: "CREDIT_NOTE", Date: onDay, Items: []Item{{Amount: Cents(minor), Due: onDay}}})
}

func (l *ledger) Payment(string, string, int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := fmt.Sprintf("bank-%d", len(l.payments)+1)
	l.payments[id] = nil
	return id
}

func (l *ledger) Allocate(payment, invoice string, minor int64) {
	l.mu.Lock()
	l.payments[payment] = append(l.payments[payment], share{invoice, minor})
	l.mu.Unlock()
	l.b.Pay(invoice, Cents(minor))
}

func (l *ledger) Apply(credit, invoice string, minor int64) {
	l.b.Pay(credit, Cents(minor))
	l.b.Pay(invoice, Cents(minor))
}

func (l *ledger) Release(payment string) {
	l.mu.Lock()
	shares := l.payments[payment]
	l.payments[payment] = nil
	l.mu.Unlock()
	for _, s := range shares {
		l.b.Pay(s.invoice, Cents(-s.minor))
	}
}

func (l *ledger) Redate(invoice string, due calendar.Date) {
	l.b.Change(invoice, func(_ *Customer, in *Invoice) { in.Items[0].Due = due.String() })
}

func (l *ledger) WriteOff(string) { panic("the interface tells no write-off") }
func (l *ledger) Void(string)     { panic("an issued invoice is final") }
func (l *ledger) Delete(string)   { panic("an issued invoice is final") }

func (l *ledger) Truth() bookstest.Truth {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	t := bookstest.NewTruth()
	for _, in := range l.b.invoices {
		total := Cents(0)
		for _, item := range in.Items {
			total += item.Amount
		}
		b := bookstest.Balance{Kind: receivable.Invoice, Account: in.Customer, Total: money.New(int64(total), l.currency), Open: money.New(int64(in.open()), l.currency)}
		if in.Type == "CREDIT_NOTE" {
			b.Kind = receivable.CreditNote
		} else {
			for _, item := range in.Items {
				b.Dues = append(b.Dues, bookstest.Instalment{On: calendar.MustParse(item.Due), Minor: int64(item.Amount)})
			}
			slices.SortFunc(b.Dues, bookstest.ByDate)
		}
		t.Documents[in.ID] = b
	}
	return t
}
