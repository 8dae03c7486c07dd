package sync

import (
	"testing"
	"time"

	"relanced/connectors/pennylane/pennylanetest"
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
