package connectortest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/connectors/bookstest"
	"relanced/internal/receivable"
)

// Ledger is a source whose books a generator can change.
type Ledger interface {
	Source
	Ledger() bookstest.Ledger
}

// Truth is what the pages told.
func (m *Mirror) Truth() bookstest.Truth {
	t := bookstest.NewTruth()
	for id, d := range m.Documents {
		b := bookstest.Balance{Kind: d.Kind, Account: d.Account, Standing: d.Standing, Total: d.Total, Open: d.Outstanding}
		for _, due := range d.Dues {
			b.Dues = append(b.Dues, bookstest.Instalment{On: due.On, Minor: due.Total.Minor})
		}
		slices.SortFunc(b.Dues, bookstest.ByDate)
		t.Documents[id] = b
	}
	for id, p := range m.Payments {
		t.Payments[id] = bookstest.Balance{Account: p.Account, Total: p.Amount, Open: p.Unallocated}
	}
	return t
}

// links are the settlements that the pages told: in groups of one invoice, or of
// one payment or credit note, it is known what settles what.
func (m *Mirror) links() map[bookstest.Link]int64 {
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
	links := map[bookstest.Link]int64{}
	for _, g := range groups {
		for _, invoice := range g.raised {
			for _, by := range g.settled {
				links[bookstest.Link{Invoice: invoice.Item, By: by.Item, Kind: by.Kind}] += min(invoice.Amount.Minor, -by.Amount.Minor)
			}
		}
	}
	return links
}

// RunBalances proves that balances equal the source's to the cent: random books
// are changed at random, also between two pages of a pass, passes are cut short
// and requests fail, and at the end every document and payment is as the source
// has it. Each kind of change that the source can express must have happened.
func RunBalances(t *testing.T, open func() (Ledger, error)) {
	t.Helper()
	var mu sync.Mutex
	var ways bookstest.Ways
	done := map[bookstest.Kind]int{}
	rapid.Check(t, func(rt *rapid.T) {
		src, err := open()
		if err != nil {
			rt.Fatal(err)
		}
		defer end(rt, src)
		l := src.Ledger()
		g, m := bookstest.NewGenerator(l), NewMirror()
		for range rapid.IntRange(1, 8).Draw(rt, "rounds") {
			balancesRound(rt, src, g, m)
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
		got, want := m.Truth(), l.Truth()
		if want.Links != nil {
			got.Links = m.links()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Errorf("balances differ (-source +mirror):\n%s", diff)
		}
		if len(m.Bad) > 0 {
			rt.Errorf("rejected rows: %v", m.Bad)
		}
		mu.Lock()
		defer mu.Unlock()
		ways = bookstest.WaysOf(l)
		for kind, n := range g.Done() {
			done[kind] += n
		}
	})
	t.Logf("changes: %v", done)
	if missing := bookstest.Missing(ways, done); !t.Failed() && len(missing) > 0 {
		t.Errorf("never happened: %v", missing)
	}
}

// balancesRound changes the books, lets time go by and makes a pass, whole or not.
// A change that the pass was too short for never happens.
func balancesRound(rt *rapid.T, src Ledger, g *bookstest.Generator, m *Mirror) {
	defer src.Heal()
	seed := rapid.Uint64()
	for range rapid.IntRange(0, 10).Draw(rt, "changes") {
		g.Change(seed.Draw(rt, "change"))
	}
	src.Pass(time.Duration(rapid.IntRange(0, 2*24*3600).Draw(rt, "seconds")) * time.Second)
	if rapid.Bool().Draw(rt, "edited while paging") {
		change := seed.Draw(rt, "meanwhile")
		src.Between(rapid.IntRange(0, 4).Draw(rt, "after"), func() { g.Change(change) })
	}
	switch rapid.IntRange(0, 5).Draw(rt, "ends") {
	case 0:
		faultyPass(rt, src, m)
	case 1, 2:
		cutPass(rt, src, m, rapid.IntRange(0, 4).Draw(rt, "pages"))
	default:
		if err := Pass(context.Background(), src, m); err != nil {
			rt.Fatal(err)
		}
	}
}
