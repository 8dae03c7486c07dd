package sagetest

import (
	"maps"
	"slices"
	"strings"

	"relanced/connectors/bookstest"
	"relanced/internal/calendar"
	"relanced/internal/receivable"
)

// ledger is the business's books for a generator. An invoice has one due date;
// a debt that is given up is credited; what is settled cannot be voided, so that
// what settles it is taken off before.
type ledger struct {
	b    *Books
	home string
}

// Ledger is the books as a generator changes them.
func (s *Server) Ledger() bookstest.Ledger { return ledger{s.Books, s.o.Home} }

const onDay = "2026-06-15"

func (l ledger) Ways() bookstest.Ways {
	return bookstest.Ways{Currencies: []string{l.home, "USD", "JPY"}, Lacks: []bookstest.Kind{bookstest.Instalments, bookstest.WrittenOff}}
}

func (l ledger) Customer(name, currency string) string {
	return l.b.AddContact(Contact{Name: name, PersonEmail: "accounts@quayside.example", Country: "GB", Currency: currency})
}

func (l ledger) Invoice(customer, number, currency string, dues []bookstest.Instalment) string {
	on := dues[0].On
	return l.b.AddDocument(Invoices, Document{
		Contact: customer, Number: number, Date: on.AddDays(-30).String(), Due: on.String(), Total: cents(dues[0].Minor, currency), Currency: currency,
	})
}

func (l ledger) CreditNote(customer, number, currency string, minor int64) string {
	return prefixes[CreditNotes] + l.b.AddDocument(CreditNotes, Document{Contact: customer, Number: number, Date: onDay, Total: cents(minor, currency), Currency: currency})
}

func (l ledger) Payment(customer, currency string, minor int64) string {
	return l.b.AddSettling(Payments, Settling{Contact: customer, Date: onDay, Total: cents(minor, currency), Currency: currency})
}

// Allocate uses a payment for an invoice: money on account is used by an
// allocation where the payment settles something already, else by the payment.
func (l ledger) Allocate(payment, invoice string, minor int64) {
	l.b.mu.Lock()
	p := *l.b.settlings[payment]
	l.b.mu.Unlock()
	part := cents(minor, p.Currency)
	if len(p.Parts) == 0 {
		l.b.Change(payment, func(_ *Contact, _ *Document, s *Settling) { s.Parts = []Part{{Invoices, invoice, part, 0}} })
		return
	}
	l.b.AddSettling(Allocations, Settling{Contact: p.Contact, Date: onDay, Currency: p.Currency, Parts: []Part{
		{Invoices, invoice, part, 0}, {OnAccount, onAccountOf + payment, -part, 0},
	}})
}

const onAccountOf = "poa"

func (l ledger) Apply(credit, invoice string, minor int64) {
	credit = strings.TrimPrefix(credit, prefixes[CreditNotes])
	l.b.mu.Lock()
	note := *l.b.documents[credit]
	l.b.mu.Unlock()
	part := cents(minor, note.Currency)
	l.b.AddSettling(Allocations, Settling{Contact: note.Contact, Date: onDay, Currency: note.Currency, Parts: []Part{
		{Invoices, invoice, part, 0}, {CreditNotes, credit, -part, 0},
	}})
}

func (l ledger) Release(payment string) {
	l.takeOff(onAccountOf + payment)
	l.b.Change(payment, func(_ *Contact, _ *Document, s *Settling) { s.Parts = nil })
}

func (l ledger) Redate(invoice string, due calendar.Date) {
	l.b.Change(invoice, func(_ *Contact, d *Document, _ *Settling) { d.Due = due.String() })
}

func (l ledger) WriteOff(string) { panic("Sage Accounting credits what is given up") }

func (l ledger) Void(invoice string) {
	l.takeOff(invoice)
	l.b.Void(invoice)
}

func (l ledger) Delete(invoice string) {
	l.takeOff(invoice)
	l.b.Delete(invoice)
}

// takeOff deletes the allocations that name an artefact and takes it off the
// payments: their money is on account again.
func (l ledger) takeOff(artefact string) {
	names := func(p Part) bool { return p.ID == artefact }
	l.b.mu.Lock()
	var found []*Settling
	for _, id := range slices.Sorted(maps.Keys(l.b.settlings)) {
		if s := l.b.settlings[id]; s.deleted.IsZero() && slices.ContainsFunc(s.Parts, names) {
			found = append(found, s)
		}
	}
	l.b.mu.Unlock()
	for _, s := range found {
		if s.list == Allocations {
			l.b.Delete(s.ID)
			continue
		}
		l.b.Change(s.ID, func(_ *Contact, _ *Document, s *Settling) { s.Parts = slices.DeleteFunc(slices.Clone(s.Parts), names) })
	}
}

func (l ledger) Truth() bookstest.Truth {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	t := bookstest.NewTruth()
	for id, d := range l.b.documents {
		if !d.deleted.IsZero() {
			continue
		}
		b := bookstest.Balance{
			Kind: receivable.Invoice, Account: d.Contact,
			Total: bookstest.Minor(int64(d.Total), d.Currency), Open: bookstest.Minor(int64(d.open()), d.Currency),
		}
		if d.credit() {
			b.Kind = receivable.CreditNote
		} else {
			b.Dues = []bookstest.Instalment{{On: calendar.MustParse(d.Due), Minor: b.Total.Minor}}
		}
		t.Documents[prefixes[d.list]+id] = b
	}
	for id, s := range l.b.settlings {
		if s.deleted.IsZero() && s.list == Payments {
			t.Payments[id] = bookstest.Balance{
				Account: s.Contact, Total: bookstest.Minor(int64(s.Total), s.Currency), Open: bookstest.Minor(int64(s.left()), s.Currency),
			}
		}
	}
	return t
}

func cents(minor int64, currency string) Cents { return Cents(bookstest.Scaled(minor, currency)) }
