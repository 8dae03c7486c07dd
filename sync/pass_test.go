package sync

import (
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/receivable"
)

func TestPass_firstLoadEqualsTheSource(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	list := b.fill(7, 60)
	b.sim.Books.Pay(list[0], "2026-11-01")
	b.sim.Books.PayPart(list[1], 1234, "2026-11-01")
	b.sim.Books.Credit(list[2], 500)
	report := b.mustPass()
	if report.New == 0 || report.Requests == 0 || report.AsOf.IsZero() {
		t.Errorf("the report tells nothing: %+v", report)
	}
	b.sameAsSource()
	known := b.connection()
	if !known.Fresh() {
		t.Error("the books are not fresh after an accepted pass")
	}
	if !known.ConfirmedAt.IsZero() {
		t.Error("a new connection is confirmed by nobody")
	}
}

func TestPass_idleAsksAHandfulOfRequests(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	b.fill(20, 300)
	b.clock.advance(time.Hour)
	b.mustPass()
	b.mustPass() // what happened while loading
	b.clock.advance(time.Hour)
	before := b.sim.Requests()
	report := b.mustPass()
	if n := b.sim.Requests() - before; n > 5 || int64(n) != report.Requests {
		t.Errorf("an idle pass made %d requests (%d reported), want at most 5", n, report.Requests)
	}
	if report.New+report.Changed+report.Gone != 0 {
		t.Errorf("an idle pass wrote: %+v", report.PassCount)
	}
}

func TestPass_booksThatAnotherConnectionReadsAreRefused(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	b.fill(3, 10)
	first := b.c.Sources[0]
	twin := Source{Name: "double", Type: first.Type, Connector: first.Connector}
	other := Company{ID: "martin", Zone: time.UTC, Sources: []Source{{Name: "books", Type: first.Type, Connector: first.Connector}}}
	b.c.Sources = append(b.c.Sources, twin)
	b.Syncer = New(b.store, []Company{b.c, other}, "test", slog.New(slog.DiscardHandler))
	b.mustPass()
	owed := b.owed()
	for _, at := range []struct {
		company receivable.CompanyID
		name    receivable.ConnectionID
	}{{dupont, "double"}, {"martin", "books"}} {
		report, err := b.Pass(t.Context(), at.company, at.name, Options{Asked: true})
		if err != nil || report.Error == nil || report.Error.Kind != connectors.Auth || !strings.Contains(report.Error.Message, "compta of the company dupont") {
			t.Errorf("%s: %+v, %v", at.name, report.Error, err)
		}
		if report.New != 0 {
			t.Errorf("%s: %d rows were written", at.name, report.New)
		}
	}
	if got := b.owed(); !maps.Equal(got, owed) {
		t.Errorf("owed %v, want %v", got, owed)
	}
	b.mustPass()

	// Under another name in the configuration they are taken over.
	b.c.Sources = b.c.Sources[1:]
	b.Syncer = New(b.store, []Company{b.c}, "test", slog.New(slog.DiscardHandler))
	if report, err := b.Pass(t.Context(), dupont, "double", Options{Asked: true}); err != nil || !report.OK {
		t.Errorf("%+v, %v", report.Error, err)
	}
}

func TestPass_firstLoadCountsEachThingOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	customer := b.sim.Books.AddCustomer(pennylanetest.Customer{
		Name: "Durand", Emails: []string{"contact@durand.example"},
		Contacts: []pennylanetest.Contact{{FirstName: "Eve", Role: "accountant", Email: "eve@durand.example"}},
	})
	b.sim.Books.AddInvoice(pennylanetest.Invoice{Customer: customer, Date: "2026-09-01", Deadline: "2026-10-01", Total: 12000})
	b.clock.advance(time.Hour)
	if got := b.mustPass(); got.New != 2 || got.Changed != 0 || got.Unchanged != 0 {
		t.Errorf("a customer, completed by its contacts, and an invoice: %d new, %d changed, %d unchanged", got.New, got.Changed, got.Unchanged)
	}
	b.clock.advance(time.Hour)
	b.sim.Books.ChangeCustomer(customer, func(c *pennylanetest.Customer) { c.Name = "Durand SA" })
	b.clock.advance(time.Hour)
	if got := b.mustPass(); got.New != 0 || got.Changed != 1 {
		t.Errorf("a changed name: %d new, %d changed", got.New, got.Changed)
	}
}
