package pennylanetest

import (
	"slices"
	"strconv"

	"relanced/connectors/bookstest"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// ledger is the company's books for a generator: money is a line of the bank
// account, matched with invoices as far as both go; a credit note is made for one
// invoice; a finalized invoice is cancelled, never deleted; to give one up is to
// mark it as paid. What remains in another currency is no figure to rely on, so
// that all is in euros.
type ledger struct{ b *Books }

// Ledger is the books as a generator changes them.
func (b *Books) Ledger() bookstest.Ledger { return ledger{b} }

const onDay = "2026-06-15"

func (l ledger) Ways() bookstest.Ways {
	return bookstest.Ways{Currencies: []string{"EUR"}, Lacks: []bookstest.Kind{bookstest.Instalments, bookstest.Applied, bookstest.Deleted, bookstest.Foreign}}
}

func (l ledger) Customer(name, _ string) string {
	return text(l.b.AddCustomer(Customer{Name: name, Emails: []string{"compta@lacaze.example"}}))
}

func (l ledger) Invoice(customer, number, _ string, dues []bookstest.Instalment) string {
	on := dues[0].On
	return text(l.b.AddInvoice(Invoice{Customer: serial(customer), Number: number, Date: on.AddDays(-30).String(), Deadline: on.String(), Total: Cents(dues[0].Minor)}))
}

func (l ledger) CreditNote(customer, number, _ string, minor int64) string {
	return text(l.b.AddInvoice(Invoice{Customer: serial(customer), Number: number, Date: onDay, Total: Cents(minor), Credit: true}))
}

func (l ledger) Payment(customer, _ string, minor int64) string {
	return text(l.b.AddTransaction(Transaction{Customer: serial(customer), Date: onDay, Amount: Cents(minor), Label: "VIR"}))
}

func (l ledger) Allocate(payment, invoice string, _ int64) {
	l.b.mu.Lock()
	t, in := l.b.transactions[serial(payment)], l.b.invoices[serial(invoice)]
	fits := t.Amount > t.used && l.b.remaining(in) > 0
	l.b.mu.Unlock()
	if fits {
		l.b.Match(serial(invoice), serial(payment))
	}
}

func (l ledger) Apply(string, string, int64) { panic("a credit note is made for its invoice") }

func (l ledger) Release(payment string) {
	l.b.mu.Lock()
	invoices := slices.Clone(l.b.transactions[serial(payment)].invoices)
	l.b.mu.Unlock()
	for _, invoice := range invoices {
		l.b.Unmatch(invoice, serial(payment))
	}
}

func (l ledger) Redate(invoice string, due calendar.Date) {
	l.b.ChangeInvoice(serial(invoice), func(in *Invoice) { in.Deadline = due.String() })
}

func (l ledger) WriteOff(invoice string) { l.b.MarkPaid(serial(invoice)) }

func (l ledger) Void(invoice string) {
	l.b.mu.Lock()
	matched := slices.Clone(l.b.invoices[serial(invoice)].matched)
	l.b.mu.Unlock()
	for _, transaction := range matched {
		l.b.Unmatch(serial(invoice), transaction)
	}
	l.b.mu.Lock()
	left := l.b.remaining(l.b.invoices[serial(invoice)])
	l.b.mu.Unlock()
	if left > 0 {
		l.b.Cancel(serial(invoice))
	}
}

func (l ledger) Delete(string) { panic("only drafts are deleted") }

func (l ledger) Truth() bookstest.Truth {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	t := bookstest.NewTruth()
	for id, in := range l.b.invoices {
		b := bookstest.Balance{Kind: receivable.Invoice, Account: text(in.Customer), Total: money.New(int64(in.Total), in.Currency), Open: money.New(int64(in.Total), in.Currency)}
		switch {
		case !in.Credit:
			b.Open.Minor = int64(l.b.remaining(in))
			b.Dues = []bookstest.Instalment{{On: calendar.MustParse(in.Deadline), Minor: b.Total.Minor}}
		case in.Credits != 0:
			b.Kind, b.Open.Minor = receivable.CreditNote, 0
		default:
			b.Kind = receivable.CreditNote
		}
		t.Documents[text(id)] = b
	}
	for id, p := range l.b.transactions {
		t.Payments[text(id)] = bookstest.Balance{Account: text(p.Customer), Total: money.New(int64(p.Amount), p.Currency), Open: money.New(int64(p.Amount-p.used), p.Currency)}
	}
	return t
}

func text(id int64) string { return strconv.FormatInt(id, 10) }

func serial(external string) int64 {
	id, err := strconv.ParseInt(external, 10, 64)
	if err != nil {
		panic(err)
	}
	return id
}
