package resttest

import (
	"slices"
	"strconv"
	"strings"

	"relanced/connectors/bookstest"
	"relanced/internal/calendar"
	"relanced/internal/receivable"
)

// ledger is the service's books for a generator.
type ledger struct{ b *Books }

// Ledger is the books as a generator changes them.
func (b *Books) Ledger() bookstest.Ledger { return ledger{b} }

// creditPrefix is what the manifest puts before the ids of credit notes.
const creditPrefix = "C"

func (l ledger) Ways() bookstest.Ways {
	return bookstest.Ways{Currencies: []string{"EUR", "USD", "JPY"}}
}

func (l ledger) Customer(name, _ string) string { return l.b.AddCustomer(name) }

func (l ledger) Invoice(customer, number, currency string, dues []bookstest.Instalment) string {
	in := Invoice{Customer: serial(customer), Number: number, Date: dues[0].On.AddDays(-30).String(), Due: dues[0].On.String(), Currency: currency, State: "open"}
	for _, due := range dues {
		in.Total += bookstest.Scaled(due.Minor, currency)
		if len(dues) > 1 {
			in.Instalments = append(in.Instalments, Instalment{due.On.String(), bookstest.Scaled(due.Minor, currency)})
		}
	}
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	in.ID, in.Left, in.changed = l.b.next(), in.Total, l.b.now()
	l.b.invoices = append(l.b.invoices, &in)
	return strconv.Itoa(in.ID)
}

func (l ledger) CreditNote(customer, _, currency string, minor int64) string {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	total := bookstest.Scaled(minor, currency)
	c := &Credit{ID: l.b.next(), Customer: serial(customer), Currency: currency, Total: total, Left: total, changed: l.b.now()}
	l.b.credits = append(l.b.credits, c)
	return creditPrefix + strconv.Itoa(c.ID)
}

func (l ledger) Payment(customer, currency string, minor int64) string {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	amount := bookstest.Scaled(minor, currency)
	p := &Payment{ID: l.b.next(), Customer: serial(customer), Currency: currency, Amount: amount, Free: amount, changed: l.b.now()}
	l.b.payments = append(l.b.payments, p)
	return strconv.Itoa(p.ID)
}

func (l ledger) Allocate(payment, invoice string, minor int64) {
	p := l.payment(payment)
	l.b.change(invoice, func(in *Invoice) {
		part := bookstest.Scaled(minor, in.Currency)
		in.Left, p.Free, p.changed = in.Left-part, p.Free-part, l.b.now()
		p.shares = append(slices.Clone(p.shares), share{in.ID, part})
	})
}

func (l ledger) Apply(credit, invoice string, minor int64) {
	l.b.mu.Lock()
	c := l.b.credits[slices.IndexFunc(l.b.credits, func(c *Credit) bool { return c.ID == serial(credit) })]
	l.b.mu.Unlock()
	l.b.change(invoice, func(in *Invoice) {
		part := bookstest.Scaled(minor, in.Currency)
		in.Left, c.Left, c.changed = in.Left-part, c.Left-part, l.b.now()
		c.shares = append(slices.Clone(c.shares), share{in.ID, part})
	})
}

func (l ledger) payment(id string) *Payment {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.b.payments[slices.IndexFunc(l.b.payments, func(p *Payment) bool { return p.ID == serial(id) })]
}

func (l ledger) Release(payment string) {
	p := l.payment(payment)
	for _, s := range p.shares {
		l.b.change(strconv.Itoa(s.invoice), func(in *Invoice) { in.Left += s.amount })
	}
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	p.shares, p.Free, p.changed = nil, p.Amount, l.b.now()
}

func (l ledger) Unlink(payment, invoice string) {
	p := l.payment(payment)
	var kept []share
	var back int64
	for _, s := range p.shares {
		if strconv.Itoa(s.invoice) == invoice {
			back += s.amount
		} else {
			kept = append(kept, s)
		}
	}
	l.b.change(invoice, func(in *Invoice) { in.Left += back })
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	p.shares, p.Free, p.changed = kept, p.Free+back, l.b.now()
}

func (l ledger) Redate(invoice string, due calendar.Date) {
	l.b.change(invoice, func(in *Invoice) { in.Due = due.String() })
}

func (l ledger) WriteOff(invoice string) {
	l.b.change(invoice, func(in *Invoice) { in.State = "lost" })
}

func (l ledger) Void(invoice string) {
	l.b.change(invoice, func(in *Invoice) {
		l.b.free(in)
		in.State = "void"
	})
}

func (l ledger) Delete(invoice string) { l.b.Delete(invoice) }

func (l ledger) Truth() bookstest.Truth {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	t := bookstest.NewTruth()
	for _, in := range l.b.invoices {
		if in.State == "void" {
			continue
		}
		b := bookstest.Balance{
			Kind: receivable.Invoice, Account: strconv.Itoa(in.Customer),
			Total: bookstest.Minor(in.Total, in.Currency), Open: bookstest.Minor(in.Left, in.Currency),
		}
		if in.State == "lost" {
			b.Standing = receivable.StandingWrittenOff
		}
		for _, i := range in.instalments() {
			b.Dues = append(b.Dues, bookstest.Instalment{On: calendar.MustParse(i.Due), Minor: bookstest.Minor(i.Amount, in.Currency).Minor})
		}
		slices.SortFunc(b.Dues, bookstest.ByDate)
		t.Documents[strconv.Itoa(in.ID)] = b
	}
	for _, c := range l.b.credits {
		t.Documents[creditPrefix+strconv.Itoa(c.ID)] = bookstest.Balance{
			Kind: receivable.CreditNote, Account: strconv.Itoa(c.Customer),
			Total: bookstest.Minor(c.Total, c.Currency), Open: bookstest.Minor(c.Left, c.Currency),
		}
	}
	for _, p := range l.b.payments {
		t.Payments[strconv.Itoa(p.ID)] = bookstest.Balance{
			Account: strconv.Itoa(p.Customer), Total: bookstest.Minor(p.Amount, p.Currency), Open: bookstest.Minor(p.Free, p.Currency),
		}
	}
	return t
}

func serial(external string) int {
	id, err := strconv.Atoi(strings.TrimPrefix(external, creditPrefix))
	if err != nil {
		panic(err)
	}
	return id
}
