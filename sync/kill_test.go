package sync

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relanced/connectors/pennylane/pennylanetest"
)

// mutate changes the books at random.
func mutate(draw func(n int) int, b *pennylanetest.Books, customers []int64, list, paid *[]int64) {
	pick := func() int64 { return (*list)[draw(len(*list))] }
	switch draw(7) {
	case 0:
		*list = append(*list, b.AddInvoice(pennylanetest.Invoice{
			Customer: customers[draw(len(customers))], Date: "2026-11-01", Deadline: "2026-12-20", Total: pennylanetest.Cents(100 + draw(1_000_000)),
		}))
	case 1:
		id := pick()
		if b.Owed()[key(id)] > 0 {
			*paid = append(*paid, b.Pay(id, "2026-11-20"))
		}
	case 2:
		id := pick()
		if left := b.Owed()[key(id)]; left > 100 {
			*paid = append(*paid, b.PayPart(id, 1+pennylanetest.Cents(draw(int(left-1))), "2026-11-21"))
		}
	case 3:
		id := pick()
		if left := b.Owed()[key(id)]; left > 100 {
			b.Credit(id, 1+pennylanetest.Cents(draw(int(left-1))))
		}
	case 4:
		if len(*paid) > 0 {
			at := draw(len(*paid))
			b.DeleteTransaction((*paid)[at])
			*paid = append((*paid)[:at:at], (*paid)[at+1:]...)
		}
	case 5:
		b.ChangeInvoice(pick(), func(in *pennylanetest.Invoice) { in.Deadline = "2027-01-31" })
	case 6:
		b.ChangeCustomer(customers[draw(len(customers))], func(c *pennylanetest.Customer) { c.Name += "x" })
	}
}

// TestPass_killedAnywhereLosesNothing cuts passes off at random requests, with
// the store opened anew each time, while the books go on changing: at the end
// every balance equals the source's to the cent.
func TestPass_killedAnywhereLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b := newBundle(t, pennylanetest.Options{Switches: pennylanetest.Switches{
			QuietMatch: rapid.Bool().Draw(rt, "quiet match"), StartExclusive: rapid.Bool().Draw(rt, "start exclusive"),
		}})
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "n") }
		list := b.fill(5, 30)
		var customers, paid []int64
		for i := range 3 {
			customers = append(customers, b.sim.Books.AddCustomer(pennylanetest.Customer{Name: "Late " + key(int64(i))}))
		}
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			for range draw(8) {
				mutate(draw, b.sim.Books, customers, &list, &paid)
			}
			ctx, cancel := context.WithCancel(context.Background())
			b.sim.Fail(pennylanetest.Fault{Skip: draw(15), Times: 1, Before: cancel})
			if _, err := b.Pass(ctx, dupont, compta, Options{Full: draw(5) == 0}); err != nil && !errors.Is(err, context.Canceled) {
				rt.Fatal(err)
			}
			cancel()
			b.sim.Heal()
			_ = b.store.Close()
			b.open()
			b.clock.advance(time.Minute)
		}
		for range draw(5) {
			mutate(draw, b.sim.Books, customers, &list, &paid)
		}
		b.clock.advance(time.Minute)
		b.mustPass()
		b.clock.advance(time.Minute)
		b.mustPass()
		b.sameAsSource()
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// TestPass_faultsOfTheSourceLeaveTrueBalances breaks answers in every way.
func TestPass_faultsOfTheSourceLeaveTrueBalances(t *testing.T) {
	t.Parallel()
	for _, fault := range []pennylanetest.Fault{
		{Status: 500, Body: "no"},
		{Status: 403, Body: `{"error":"no"}`},
		{Status: 404, Body: `{}`},
		{Status: 200, Body: "<html>maintenance</html>"},
		{Kind: pennylanetest.Truncated},
		{Kind: pennylanetest.CutShort},
		{Kind: pennylanetest.Disconnect},
		{Kind: pennylanetest.Repeated},
	} {
		t.Run(fault.Kind+fault.Body, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, pennylanetest.Options{})
			list := b.fill(5, 250)
			rnd := rand.New(rand.NewPCG(1, 2))
			for round := range 4 {
				f := fault
				f.Skip, f.Times = 1+rnd.IntN(6), 1+rnd.IntN(2)
				b.sim.Fail(f)
				b.sim.Books.Pay(list[round], "2026-11-20")
				report := b.pass(Options{Asked: true})
				if known := b.connection(); report.Error != nil && known.WrittenAt.After(known.AcceptedAt) && known.Fresh() {
					t.Error("books of a failed pass that wrote are called fresh")
				}
				b.sim.Heal()
				b.clock.advance(time.Minute)
			}
			if report := b.pass(Options{Asked: true}); !report.OK {
				t.Fatal(report.Error)
			}
			b.clock.advance(time.Minute)
			b.pass(Options{Asked: true})
			b.sameAsSource()
		})
	}
}

func TestPass_failureIsToldOnceAndPauses(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	b.fill(2, 5)
	b.mustPass()
	b.sim.SetToken("another")
	b.clock.advance(time.Minute)
	for range 3 {
		if report := b.pass(Options{Asked: true}); report.OK || report.Error == nil || report.Error.Kind != "auth" || report.Error.Do == "" {
			t.Fatalf("a refused token gave %+v", report.Error)
		}
	}
	since := b.connection().Error.At
	asked := b.sim.Requests()
	if report := b.pass(Options{}); !report.Paused || report.Error == nil || b.sim.Requests() != asked {
		t.Errorf("a scheduled pass asked a source that has just failed: %+v", report)
	}
	b.clock.advance(longestPause)
	if report := b.pass(Options{}); report.Paused || !b.connection().Error.At.Equal(since) {
		t.Errorf("after the pause: %+v, failing since %s, want %s", report, b.connection().Error.At, since)
	}
	events, err := b.store.Timeline(context.Background(), dupont, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range events {
		count[e.Kind]++
	}
	b.sim.SetToken("test-token")
	b.clock.advance(longestPause)
	b.mustPass()
	if b.connection().Error != nil || count["failed"] != 1 || count["recovered"] != 0 {
		t.Errorf("error %v, events %v: want one failure told", b.connection().Error, count)
	}
}

func TestPass_secondOneLeavesOrWaits(t *testing.T) {
	t.Parallel()
	b := newBundle(t, pennylanetest.Options{})
	b.fill(2, 5)
	inside, leave := make(chan struct{}), make(chan struct{})
	b.sim.Fail(pennylanetest.Fault{Times: 1, Before: func() { close(inside); <-leave }})
	first := make(chan Report, 1)
	go func() { r, _ := b.Pass(context.Background(), dupont, compta, Options{}); first <- r }()
	<-inside
	if report := b.pass(Options{}); !report.Busy {
		t.Errorf("a second pass did not leave: %+v", report)
	}
	second := make(chan Report, 1)
	go func() { r, _ := b.Pass(context.Background(), dupont, compta, Options{Wait: true}); second <- r }()
	close(leave)
	if a, z := <-first, <-second; !a.OK || !z.OK || z.New != 0 {
		t.Errorf("first %+v, then %+v: want the second to wait and find nothing new", a, z)
	}
}

func key(id int64) string { return formatID(id) }
