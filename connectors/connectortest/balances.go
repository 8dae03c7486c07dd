package connectortest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Ledger is a source whose books can be everything that real ones are: payments
// over several invoices, money on account, credit notes, instalments, several
// currencies, and all of it undone again.
type Ledger interface {
	Source
	Invoice(customer, number, currency string, dues []Instalment) string
	CreditNote(customer, number, currency string, minor int64) string
	Payment(customer, currency string, minor int64) string
	// Allocate and Apply settle a part of an invoice, with a payment or with a
	// credit note of its currency.
	Allocate(payment, invoice string, minor int64)
	Apply(credit, invoice string, minor int64)
	// Release takes back what a payment settles; Unlink what it settles of one
	// invoice.
	Release(payment string)
	Unlink(payment, invoice string)
	// WriteOff gives an invoice up; Void takes it out of the books, as it is.
	WriteOff(invoice string)
	Void(invoice string)
	Truth() Truth
}

// Instalment is an amount of an invoice with its due date.
type Instalment struct {
	On    calendar.Date
	Minor int64
}

// Truth is what the books say, by external id.
type Truth struct {
	Documents map[string]Balance
	Payments  map[string]Balance
	Links     map[Link]int64 // what settles what, in minor units; nil: not compared
}

// Link is an invoice and the payment or credit note that settles of it.
type Link struct {
	Invoice, By string
	Kind        receivable.ItemKind // of what settles it
}

// Balance is an amount and what of it is open: outstanding on a document,
// unallocated of a payment.
type Balance struct {
	Kind     receivable.DocumentKind // "" for a payment
	Standing receivable.Standing
	Total    money.Amount
	Open     money.Amount
}

// balances are those that the pages told.
func (m *Mirror) balances() Truth {
	t := Truth{Documents: map[string]Balance{}, Payments: map[string]Balance{}}
	for id, d := range m.Documents {
		t.Documents[id] = Balance{d.Kind, d.Standing, d.Total, d.Outstanding}
	}
	for id, p := range m.Payments {
		t.Payments[id] = Balance{Total: p.Amount, Open: p.Unallocated}
	}
	return t
}

// links are the settlements that the pages told: in groups of one invoice, or of
// one payment or credit note, it is known what settles what.
func (m *Mirror) links() map[Link]int64 {
	type side struct{ raised, settled []receivable.Allocation }
	groups := map[string]*side{}
	for _, a := range m.Allocations {
		g := groups[a.Group]
		if g == nil {
			g = &side{}
			groups[a.Group] = g
		}
		if a.Amount.Sign() > 0 {
			g.raised = append(g.raised, a)
		} else {
			g.settled = append(g.settled, a)
		}
	}
	links := map[Link]int64{}
	for _, g := range groups {
		for _, invoice := range g.raised {
			for _, by := range g.settled {
				links[Link{invoice.Item, by.Item, by.Kind}] += min(invoice.Amount.Minor, -by.Amount.Minor)
			}
		}
	}
	return links
}

// RunBalances proves that balances equal the source's to the cent: random books
// are changed at random, also between two pages of a pass, passes are cut short,
// and at the end every document and payment is as the source has it.
func RunBalances(t *testing.T, open func() (Ledger, error)) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		src, err := open()
		if err != nil {
			rt.Fatal(err)
		}
		defer src.Close()
		g := &generator{Ledger: src, customers: []string{src.AddCustomer("A"), src.AddCustomer("B")}}
		m := NewMirror()
		for range rapid.IntRange(1, 8).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 10).Draw(rt, "changes") {
				g.change(rt)
			}
			src.Pass(time.Duration(rapid.IntRange(0, 2*24*3600).Draw(rt, "seconds")) * time.Second)
			if rapid.Bool().Draw(rt, "edited while paging") {
				src.Between(rapid.IntRange(0, 4).Draw(rt, "after"), func() { g.change(rt) })
			}
			if rapid.Bool().Draw(rt, "cut") {
				cutPass(rt, src, m, rapid.IntRange(0, 4).Draw(rt, "pages"))
			} else if err := Pass(context.Background(), src, m); err != nil {
				rt.Fatal(err)
			}
		}
		for range 2 { // the second sees what the first one's own moment hid
			src.Pass(time.Minute)
			if err := Pass(context.Background(), src, m); err != nil {
				rt.Fatal(err)
			}
		}
		if err := list(context.Background(), src, m); err != nil {
			rt.Fatal(err)
		}
		got, want := m.balances(), src.Truth()
		if want.Links != nil {
			got.Links = m.links()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Errorf("balances differ (-source +mirror):\n%s", diff)
		}
		if len(m.Bad) > 0 {
			rt.Errorf("rejected rows: %v", m.Bad)
		}
	})
}

// generator changes books at random, and never beyond what they allow.
type generator struct {
	Ledger
	customers []string
	n         int
}

var currencies = []string{"EUR", "EUR", "USD", "JPY", "TND"}

// pick draws the id of a document or payment that satisfies a condition.
func pick(rt *rapid.T, all map[string]Balance, want func(Balance) bool) (string, bool) {
	var ids []string
	for id, b := range all {
		if want(b) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return "", false
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(rt, "id"), true
}

func (g *generator) change(rt *rapid.T) {
	truth := g.Truth()
	currency := rapid.SampledFrom(currencies).Draw(rt, "currency")
	customer := rapid.SampledFrom(g.customers).Draw(rt, "customer")
	isInvoice := func(b Balance) bool { return b.Kind == receivable.Invoice }
	openInvoice := func(b Balance) bool { return isInvoice(b) && b.Open.Sign() > 0 && b.Standing == "" }
	g.n++
	switch rapid.IntRange(0, 13).Draw(rt, "kind") {
	case 0, 1, 2:
		var dues []Instalment
		for range rapid.IntRange(1, 4).Draw(rt, "lines") {
			dues = append(dues, Instalment{due.AddDays(rapid.IntRange(-60, 60).Draw(rt, "due")), rapid.Int64Range(1, 9_999_99).Draw(rt, "minor")})
		}
		g.Invoice(customer, fmt.Sprintf("F-%d", g.n), currency, dues)
	case 3:
		g.CreditNote(customer, fmt.Sprintf("A-%d", g.n), currency, rapid.Int64Range(1, 9_999_99).Draw(rt, "minor"))
	case 4, 5: // may be more than anything that is open
		g.Payment(customer, currency, rapid.Int64Range(1, 99_999_99).Draw(rt, "minor"))
	case 6, 7: // over as many invoices as it reaches
		if payment, ok := pick(rt, truth.Payments, func(b Balance) bool { return b.Open.Sign() > 0 }); ok {
			g.settle(rt, truth.Payments[payment], openInvoice, func(invoice string, minor int64) { g.Allocate(payment, invoice, minor) })
		}
	case 8:
		credit, ok := pick(rt, truth.Documents, func(b Balance) bool { return b.Kind == receivable.CreditNote && b.Open.Sign() > 0 })
		if ok {
			g.settle(rt, truth.Documents[credit], openInvoice, func(invoice string, minor int64) { g.Apply(credit, invoice, minor) })
		}
	case 9:
		if payment, ok := pick(rt, truth.Payments, func(b Balance) bool { return b.Open != b.Total }); ok {
			g.Release(payment)
		}
	case 10:
		if invoice, ok := pick(rt, truth.Documents, openInvoice); ok {
			g.WriteOff(invoice)
		}
	case 11:
		if invoice, ok := pick(rt, truth.Documents, isInvoice); ok {
			g.Void(invoice)
		}
	case 12:
		if invoice, ok := pick(rt, truth.Documents, isInvoice); ok {
			g.Delete(invoice)
		}
	case 13:
		payment, ok := pick(rt, truth.Payments, func(b Balance) bool { return b.Open != b.Total })
		if ok {
			if invoice, ok := pick(rt, truth.Documents, func(b Balance) bool { return isInvoice(b) && b.Open != b.Total }); ok {
				g.Unlink(payment, invoice)
			}
		}
	}
}

// settle gives what is left of a payment or credit note to open invoices, each a
// part or all of what is outstanding, until it is used or luck ends.
func (g *generator) settle(rt *rapid.T, from Balance, open func(Balance) bool, give func(invoice string, minor int64)) {
	left := from.Open.Minor
	for range rapid.IntRange(1, 4).Draw(rt, "invoices") {
		truth := g.Truth()
		invoice, ok := pick(rt, truth.Documents, func(b Balance) bool { return open(b) && b.Total.Currency == from.Total.Currency })
		if !ok || left == 0 {
			return
		}
		share := min(left, truth.Documents[invoice].Open.Minor)
		if rapid.Bool().Draw(rt, "in part") {
			share = rapid.Int64Range(1, share).Draw(rt, "share")
		}
		give(invoice, share)
		left -= share
	}
}
