package sync

import (
	"context"
	"strings"
	"testing"
	"time"

	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

func TestFindings_limits(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	sums := func(minor int64) []money.Amount { return []money.Amount{money.New(minor, "EUR")} }
	known := store.Connection{AcceptedAt: at, ConfirmedAt: at, Stats: store.Stats{Payments: 1000, Open: 100, Paid: 2000, OpenSums: sums(1_000_000)}}
	calm := store.Stats{Payments: 1000, Open: 100, Paid: 2000, OpenSums: sums(1_100_000)}
	small := store.Stats{Payments: 20, Open: 8, Paid: 10, OpenSums: sums(100_000)}
	for name, tt := range map[string]struct {
		did  store.PassCount
		now  store.Stats
		none bool // nobody accepted the connection
		want string
	}{
		"a usual day":                      {store.PassCount{New: 30, Changed: 40, Reopened: 2, DatesMoved: 3, PaymentsGone: 4}, calm, false, ""},
		"payments vanished":                {store.PassCount{PaymentsGone: 51}, calm, false, "payments_vanished"},
		"as many payments as a person may": {store.PassCount{PaymentsGone: 50}, calm, false, ""},
		"settled invoices are open again":  {store.PassCount{Reopened: 41}, calm, false, "reopened"},
		"a few are open again":             {store.PassCount{Reopened: 10}, calm, false, ""},
		"due dates moved in bulk":          {store.PassCount{DatesMoved: 21}, calm, false, "dates_moved"},
		"the open total jumped":            {store.PassCount{}, store.Stats{Open: 100, OpenSums: sums(4_000_000)}, false, "total_jumped"},
		"the open total doubled":           {store.PassCount{}, store.Stats{Open: 100, OpenSums: sums(2_000_000)}, false, ""},
		"half of few payments":             {store.PassCount{PaymentsGone: 10}, small, false, "payments_vanished"},
		"half of a few settled ones":       {store.PassCount{Reopened: 5}, small, false, "reopened"},
		"very few due dates":               {store.PassCount{DatesMoved: 4}, small, false, ""},
		"nobody accepted it yet":           {store.PassCount{PaymentsGone: 900, Reopened: 900}, calm, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := known
			if tt.now.Open == small.Open {
				before.Stats = small
			}
			if tt.none {
				before.ConfirmedAt = time.Time{}
			}
			var codes []string
			for _, f := range findings(before, tt.did, tt.now) {
				codes = append(codes, f.Code)
			}
			if got := strings.Join(codes, " "); got != tt.want {
				t.Errorf("findings %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPass_strangeDataStopsUntilOneConfirmation(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	list := b.fill(5, 60)
	var paid []int64
	for _, id := range list[:40] {
		paid = append(paid, b.sim.Books.Pay(id, "2026-11-01"))
	}
	b.clock.advance(time.Hour)
	b.mustPass()
	b.confirm()
	b.clock.advance(time.Minute)
	for _, id := range paid[:30] {
		b.sim.Books.DeleteTransaction(id)
	}
	for range 3 {
		b.clock.advance(time.Minute)
		report := b.pass(Options{})
		if report.OK || !report.Suspect || report.Error != nil {
			t.Fatalf("30 of 40 payments vanished and the pass says %+v", report)
		}
	}
	if known := b.connection(); known.Fresh() || len(known.Findings) == 0 {
		t.Errorf("suspect books are called fresh: %+v", known)
	}
	tasks := func() (open int) {
		list, err := b.store.Tasks(context.Background(), store.TaskFilter{Company: dupont, Kind: "suspect"})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := tasks(); n != 1 {
		t.Errorf("%d tasks speak of it, want 1", n)
	}
	b.confirm()
	if known := b.connection(); !known.Fresh() || len(known.Findings) != 0 {
		t.Errorf("one confirmation did not lift it: %+v", known)
	}
	if n := tasks(); n != 0 {
		t.Errorf("%d tasks are left after the confirmation", n)
	}
	b.clock.advance(time.Minute)
	b.mustPass()
	b.sameAsSource()
}

func TestPass_freshOnlyWhenEndedAndAccepted(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	b.fill(5, 30)
	somebody := b.sim.Books.AddCustomer(pennylanetest.Customer{Name: "Before"})
	b.clock.advance(time.Hour)
	b.mustPass()
	if !b.connection().Fresh() {
		t.Fatal("not fresh after a pass that ended and was accepted")
	}
	asOf := b.connection().AsOf
	// A pass that only fails before it wrote anything leaves the books as they were.
	b.clock.advance(time.Minute)
	b.sim.Fail(pennylanetest.Fault{Status: 403, Body: "{}"})
	b.pass(Options{Asked: true})
	if known := b.connection(); !known.Fresh() || !known.AsOf.Equal(asOf) {
		t.Errorf("a pass that wrote nothing made the books stale, or younger: %v", known.AsOf)
	}
	b.sim.Heal()
	// One that wrote, and did not end, does not.
	b.clock.advance(time.Minute)
	b.sim.Books.ChangeCustomer(somebody, func(c *pennylanetest.Customer) { c.Name = "Renamed" })
	b.sim.Fail(pennylanetest.Fault{Path: "/changelogs/transactions", Status: 403, Body: "{}"})
	b.pass(Options{Asked: true})
	if known := b.connection(); known.WrittenAt.After(known.AcceptedAt) == known.Fresh() {
		t.Errorf("written %s, accepted %s, fresh %v", known.WrittenAt, known.AcceptedAt, known.Fresh())
	}
	if b.connection().Fresh() {
		t.Error("books that a broken pass wrote are called fresh")
	}
	if err := b.Confirm(context.Background(), dupont, compta, nil, "marie"); err != nil {
		t.Fatal(err)
	}
	if b.connection().Fresh() {
		t.Error("a confirmation made a broken pass fresh")
	}
	b.sim.Heal()
	b.clock.advance(time.Minute)
	if report := b.pass(Options{Asked: true}); !report.OK || !b.connection().Fresh() || !b.connection().AsOf.After(asOf) {
		t.Errorf("not fresh after the next good pass: %+v", report)
	}
}

func TestReread_seesAPaymentThatNoChangeTells(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	list := b.fill(5, 30)
	b.clock.advance(time.Hour)
	b.mustPass()
	b.confirm()
	b.sim.Books.ChangeQuietly(list[3], func(in *pennylanetest.Invoice) { in.MarkedPay = true })
	b.sim.Books.Vanish(list[4])
	b.clock.advance(time.Minute)
	b.mustPass()
	if b.owed()[key(list[3])] == 0 {
		t.Fatal("the feed told a quiet change: the test shows nothing")
	}
	before := b.connection()
	err := b.Reread(context.Background(), dupont, map[receivable.ConnectionID][]string{compta: {key(list[3]), key(list[4]), key(list[5])}})
	if err != nil {
		t.Fatal(err)
	}
	b.sameAsSource()
	after := b.connection()
	if !after.Fresh() || string(after.Cursor) != string(before.Cursor) || after.Pass.Changed != before.Pass.Changed {
		t.Errorf("a live re-read moved the feed, or made the books stale: %+v", after)
	}
}

func TestPass_openInvoicesAreReadAgainDaily(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	list := b.fill(5, 250)
	b.clock.advance(time.Hour)
	b.mustPass()
	b.sim.Books.ChangeQuietly(list[7], func(in *pennylanetest.Invoice) { in.MarkedPay = true })
	b.clock.advance(23 * time.Hour)
	b.mustPass()
	if b.owed()[key(list[7])] == 0 {
		t.Fatal("read again too early: the test shows nothing")
	}
	b.clock.advance(2 * time.Hour)
	// Cut off in the middle, it goes on where it was.
	ctx, cancel := context.WithCancel(context.Background())
	b.sim.Fail(pennylanetest.Fault{Path: "/customer_invoices", Skip: 1, Times: 1, Before: cancel})
	if _, err := b.Pass(ctx, dupont, compta, Options{}); err == nil {
		t.Fatal("the pass was not cut off")
	}
	b.mustPass()
	b.sameAsSource()
	before := b.sim.Requests()
	b.clock.advance(time.Hour)
	b.mustPass()
	if n := b.sim.Requests() - before; n > 5 {
		t.Errorf("%d requests an hour after everything was read again", n)
	}
}

func TestConfirm_needsABookReadToItsEnd(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	if err := b.Confirm(context.Background(), dupont, compta, nil, "marie"); err == nil || !strings.Contains(err.Error(), "relanced sync compta") {
		t.Errorf("a connection that was never read can be confirmed: %v", err)
	}
}

func TestConfirm_exceptLeavesCustomersAlone(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	b.fill(3, 6)
	b.mustPass()
	id, err := b.store.FindCustomer(context.Background(), dupont, "C1")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Confirm(context.Background(), dupont, compta, []dossier.CustomerID{id}, "marie"); err != nil {
		t.Fatal(err)
	}
	d, err := b.store.Dossier(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Holds) != 1 || d.Holds[0].Reason != dossier.Excluded || d.Holds[0].By != "marie" || d.Company.FirstConfirmedAt.IsZero() {
		t.Errorf("holds %+v, confirmed %s", d.Holds, d.Company.FirstConfirmedAt)
	}
}
