package sage_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relanced/connectors/connectortest"
	"relanced/connectors/sage/sagetest"
)

// TestPull_balancesEqualWhateverHappens changes books at random, between passes
// and between the requests of one, under a drawn reading of what is not
// documented; at the end all that is owed either way equals the source.
func TestPull_balancesEqualWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		o := sagetest.Options{
			Numbers: rapid.Bool().Draw(rt, "numbers"), Untouched: rapid.Bool().Draw(rt, "untouched"), ReadOnly: rapid.Bool().Draw(rt, "read only"),
			VoidKeeps: rapid.Bool().Draw(rt, "void keeps"), VoidNull: rapid.Bool().Draw(rt, "void null"), NoSettings: rapid.Bool().Draw(rt, "no settings"),
			Bare: rapid.Bool().Draw(rt, "bare"), AccountPath: rapid.SampledFrom([]string{"", "contact_payments_on_account"}).Draw(rt, "path"),
		}
		w := &world{source: newSource(o), mirror: connectortest.NewMirror()}
		w.limit, w.page = 30*time.Second, 4
		defer w.Server.Close()
		g := &generator{Books: w.Books, rng: rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1)), readOnly: o.ReadOnly, untouched: o.Untouched}
		g.customers = []string{w.AddCustomer("A"), w.Books.AddContact(sagetest.Contact{Name: "B", Currency: "EUR"})}
		for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 10).Draw(rt, "changes") {
				g.step()
			}
			g.lasting = len(g.settlings)
			for range rapid.IntRange(0, 2).Draw(rt, "meanwhile") {
				w.Between(rapid.IntRange(0, 25).Draw(rt, "after"), g.step)
			}
			w.pass(rt)
			w.Heal()
			w.Pass(time.Hour)
		}
		w.pass(rt)
		w.Pass(time.Hour)
		w.pass(rt)
		if o.Untouched && o.ReadOnly { // then nothing tells of a credit that was applied but the daily re-read
			cursor := w.mirror.Cursor
			w.reread(rt, slices.Collect(maps.Keys(w.mirror.Documents)))
			w.mirror.Cursor = cursor
		}
		w.equal(rt)
		if n := w.Books.Marked(); n != 0 || len(w.Problems()) > 0 {
			rt.Errorf("%d marked, %v", n, w.Problems())
		}
	})
}

// generator makes bookings that the vendor would take.
type generator struct {
	*sagetest.Books
	rng       *rand.Rand // a request that changes the books cannot draw
	readOnly  bool       // credits applied to opening balances cannot be seen then
	customers []string
	debts     []sagetest.Part // with the customer in none: List and ID alone
	of        map[string]string
	settlings []string
	lasting   int  // of them, that the last pass could list
	untouched bool // what a pass has not listed, and is taken back before it could be, is told by nothing
	receipts  []string
}

func (g *generator) between(low, high int) int { return low + g.rng.IntN(high-low+1) }

func (g *generator) step() {
	if g.of == nil {
		g.of = map[string]string{}
	}
	kind := g.between(0, 9)
	if len(g.debts) == 0 {
		kind = 0
	}
	switch kind {
	case 0, 1, 2:
		g.debt()
	case 3, 4:
		g.receipt()
	case 5:
		debt := g.pick()
		if left := g.left(debt); left > 0 && !(g.readOnly && debt.List == sagetest.Openings) {
			g.Credit(debt.ID, sagetest.Cents(int64(g.between(1, int(left)))), on)
		}
	case 6:
		if len(g.receipts) > 0 && !g.readOnly {
			g.useAccount()
		}
	case 7:
		n := len(g.settlings)
		if g.untouched {
			n = g.lasting
		}
		if n > 0 {
			i := g.between(0, n-1)
			g.Delete(g.settlings[i])
			g.settlings = slices.Delete(g.settlings, i, i+1)
			g.lasting--
		}
	case 8:
		i := g.between(0, len(g.debts)-1)
		g.drop(i)
	case 9:
		debt := g.pick()
		g.Change(debt.ID, func(_ *sagetest.Contact, d *sagetest.Document, _ *sagetest.Settling) { d.Due = due.AddDays(9).String() })
	}
}

func (g *generator) debt() {
	lists := []string{sagetest.Invoices, sagetest.QuickEntries, sagetest.Openings}
	list := lists[g.between(0, len(lists)-1)]
	customer := g.customers[g.between(0, len(g.customers)-1)]
	currency := map[string]string{g.customers[0]: "GBP", g.customers[1]: "EUR"}[customer] // a customer has one
	id := g.AddDocument(list, sagetest.Document{
		Contact: customer, Number: "F" + strconv.Itoa(len(g.of)), Date: on, Due: due.String(), Total: sagetest.Cents(int64(g.between(1, 99999))), Currency: currency,
	})
	g.debts, g.of[id] = append(g.debts, sagetest.Part{List: list, ID: id}), customer
}

func (g *generator) pick() sagetest.Part { return g.debts[g.between(0, len(g.debts)-1)] }

func (g *generator) left(p sagetest.Part) int64 {
	prefix := map[string]string{sagetest.QuickEntries: "quickentry:", sagetest.Openings: "opening:"}[p.List]
	return g.Owed()[prefix+p.ID]
}

// receipt pays several debts of one customer in part, with discounts, and more.
func (g *generator) receipt() {
	first := g.pick()
	customer := g.of[first.ID]
	s := sagetest.Settling{Contact: customer, Date: on, Currency: map[string]string{g.customers[0]: "GBP", g.customers[1]: "EUR"}[customer]}
	for _, debt := range g.debts {
		left := g.left(debt)
		if g.of[debt.ID] != customer || left < 2 || debt.ID != first.ID && (g.between(0, 1) == 1) {
			continue
		}
		debt.Amount = sagetest.Cents(int64(g.between(1, int(left))))
		if g.between(0, 1) == 1 {
			debt.Discount = sagetest.Cents(left) - debt.Amount
		}
		s.Parts, s.Total = append(s.Parts, debt), s.Total+debt.Amount
	}
	s.Total += sagetest.Cents(int64(g.between(0, 500)))
	if s.Total > 0 {
		id := g.AddSettling(sagetest.Payments, s)
		g.receipts = append(g.receipts, id)
		g.of[id] = customer
	}
}

// useAccount allocates money on account to a debt.
func (g *generator) useAccount() {
	receipt := g.receipts[g.between(0, len(g.receipts)-1)]
	left := g.Credits()[receipt]
	for _, debt := range g.debts {
		if open := g.left(debt); g.of[debt.ID] == g.of[receipt] && left > 0 && open > 0 && !(g.readOnly && debt.List == sagetest.Openings) {
			part := sagetest.Cents(min(left, open))
			id := g.AddSettling(sagetest.Allocations, sagetest.Settling{Contact: g.of[receipt], Date: on, Parts: []sagetest.Part{
				{List: debt.List, ID: debt.ID, Amount: part}, {List: sagetest.OnAccount, ID: "poa" + receipt, Amount: -part},
			}})
			g.settlings = append(g.settlings, id)
			return
		}
	}
}

// drop voids what nothing settles, deletes the rest.
func (g *generator) drop(i int) {
	debt := g.debts[i]
	if debt.List == sagetest.Invoices && (g.between(0, 1) == 1) {
		if total := g.left(debt); total > 0 && !g.Settled(debt.ID) {
			g.Void(debt.ID)
			g.debts = slices.Delete(g.debts, i, i+1)
			return
		}
	}
	if !g.Settled(debt.ID) {
		g.Delete(debt.ID)
		g.debts = slices.Delete(g.debts, i, i+1)
	}
}
