package bookstest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"relanced/internal/calendar"
	"relanced/internal/receivable"
)

// Kind is a kind of change.
type Kind string

// The kinds of change.
const (
	Billed      Kind = "an invoice"
	Instalments Kind = "an invoice with instalments"
	Credited    Kind = "a credit note"
	OnAccount   Kind = "money on account"
	PaidInPart  Kind = "a payment of a part"
	PaidSeveral Kind = "one payment over several invoices"
	Overpaid    Kind = "a payment of too much"
	Applied     Kind = "a credit note used"
	Released    Kind = "a payment taken off"
	Unlinked    Kind = "a payment taken off one of its invoices"
	Redated     Kind = "a due date moved"
	WrittenOff  Kind = "a write-off"
	Voided      Kind = "a void"
	Deleted     Kind = "a deletion"
	Foreign     Kind = "another currency"
)

// Kinds are all of them.
var Kinds = []Kind{
	Billed, Instalments, Credited, OnAccount, PaidInPart, PaidSeveral, Overpaid, Applied, Released, Unlinked, Redated, WrittenOff, Voided, Deleted, Foreign,
}

// weights say how often a kind is tried.
var weights = []Kind{
	Billed, Billed, Billed, Instalments, Instalments, Credited, OnAccount, PaidInPart, PaidInPart, PaidSeveral, PaidSeveral, Overpaid,
	Applied, Applied, Released, Unlinked, Redated, WrittenOff, Voided, Deleted,
}

// Generator changes books at random, and never beyond what they allow. It is
// safe for concurrent use.
type Generator struct {
	ledger Ledger

	mu        sync.Mutex
	rng       *rand.Rand // of the change that is made
	customers []customer
	n         int
	plain     map[string]bool            // invoices of one due line
	settling  map[string]map[string]bool // by payment, the invoices it settled of
	done      map[Kind]int
}

type customer struct{ id, currency string }

// NewGenerator returns one that has two customers of the first currency, and one
// of each other.
func NewGenerator(l Ledger) *Generator {
	g := &Generator{ledger: l, plain: map[string]bool{}, settling: map[string]map[string]bool{}, done: map[Kind]int{}}
	for i, currency := range l.Ways().Currencies {
		for range max(2-i, 1) {
			g.customers = append(g.customers, customer{l.Customer(fmt.Sprintf("Customer %d", len(g.customers)+1), currency), currency})
		}
	}
	return g
}

// Done counts the changes made so far, by kind.
func (g *Generator) Done() map[Kind]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[Kind]int{}
	for kind, n := range g.done {
		out[kind] = n
	}
	return out
}

// Missing are the kinds that the source can express and done does not count.
func Missing(w Ways, done map[Kind]int) []Kind {
	return slices.DeleteFunc(slices.Clone(Kinds), func(k Kind) bool { return done[k] > 0 || slices.Contains(w.Lacks, k) })
}

// Change makes one change, or none where the books give no occasion: which one,
// the seed and the books decide.
func (g *Generator) Change(seed uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rng = rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // tests want it repeatable
	kind := weights[g.rng.IntN(len(weights))]
	if slices.Contains(WaysOf(g.ledger).Lacks, kind) {
		kind = Billed
	}
	if g.change(kind) {
		g.done[kind]++
	}
}

func (g *Generator) between(low, high int64) int64 { return low + g.rng.Int64N(high-low+1) }

// amount is mostly of three digits or more, and one cent now and then.
func (g *Generator) amount() int64 {
	if g.rng.IntN(8) == 0 {
		return 1
	}
	return g.between(1, 999_999)
}

var due = calendar.MustParse("2026-06-30")

func (g *Generator) change(kind Kind) bool {
	truth := g.ledger.Truth()
	who := g.customers[g.rng.IntN(len(g.customers))]
	switch kind {
	case Billed, Instalments:
		g.bill(who, kind)
		return true
	case Credited:
		g.ledger.CreditNote(who.id, g.number("A"), who.currency, g.amount())
		return true
	case OnAccount:
		g.ledger.Payment(who.id, who.currency, g.amount())
		return true
	case PaidInPart, Overpaid:
		return g.pay(truth, kind)
	case PaidSeveral:
		return g.paySeveral(truth)
	case Applied:
		return g.apply(truth)
	case Released:
		payment, ok := g.pickPayment()
		if ok {
			delete(g.settling, payment)
			g.ledger.Release(payment)
		}
		return ok
	case Unlinked:
		return g.unlink()
	case Redated:
		invoice, ok := g.pick(truth.Documents, func(id string, b Balance) bool { return isOpen(b) && g.plain[id] })
		if ok {
			g.ledger.Redate(invoice, due.AddDays(int(g.between(-60, 60))))
		}
		return ok
	case WrittenOff:
		return g.with(truth, isOpen, g.ledger.WriteOff)
	case Voided:
		return g.with(truth, func(b Balance) bool { return b.Kind == receivable.Invoice && b.Total.Sign() > 0 && b.Standing == "" }, g.ledger.Void)
	case Deleted:
		return g.with(truth, func(b Balance) bool { return b.Kind == receivable.Invoice }, g.ledger.Delete)
	case Foreign: // counted with the invoices
	}
	return false
}

func isOpen(b Balance) bool {
	return b.Kind == receivable.Invoice && b.Open.Sign() > 0 && b.Standing == ""
}

func (g *Generator) number(prefix string) string {
	g.n++
	return fmt.Sprintf("%s-%d", prefix, g.n)
}

func (g *Generator) bill(who customer, kind Kind) {
	lines := 1
	if kind == Instalments {
		lines = int(g.between(2, 4))
	}
	var dues []Instalment
	for range lines {
		dues = append(dues, Instalment{due.AddDays(int(g.between(-60, 60))), g.amount()})
	}
	id := g.ledger.Invoice(who.id, g.number("F"), who.currency, dues)
	g.plain[id] = lines == 1
	if who.currency != g.customers[0].currency {
		g.done[Foreign]++
	}
}

// pay pays one invoice in part, or with more than is open.
func (g *Generator) pay(truth Truth, kind Kind) bool {
	invoice, ok := g.pick(truth.Documents, func(_ string, b Balance) bool { return isOpen(b) })
	if !ok {
		return false
	}
	b := truth.Documents[invoice]
	share, money := b.Open.Minor, b.Open.Minor+g.amount()
	if kind == PaidInPart {
		share = g.between(1, b.Open.Minor)
		money = share
	}
	payment := g.ledger.Payment(b.Account, b.Total.Currency, money)
	g.allocate(payment, invoice, share)
	return true
}

func (g *Generator) allocate(payment, invoice string, minor int64) {
	g.ledger.Allocate(payment, invoice, minor)
	if g.settling[payment] == nil {
		g.settling[payment] = map[string]bool{}
	}
	g.settling[payment][invoice] = true
}

// unlink takes a payment off one of the invoices it settles of.
func (g *Generator) unlink() bool {
	payment, ok := g.pickPayment()
	if !ok {
		return false
	}
	invoice, ok := g.oneOf(slices.Collect(maps.Keys(g.settling[payment])))
	if ok {
		delete(g.settling[payment], invoice)
		g.ledger.(Unlinker).Unlink(payment, invoice) //nolint:forcetypeassert // WaysOf says so
	}
	return ok
}

// paySeveral settles what one payment reaches of a customer's invoices, each in
// part or whole; the payment may be one that was on account.
func (g *Generator) paySeveral(truth Truth) bool {
	first, ok := g.pick(truth.Documents, func(_ string, b Balance) bool { return isOpen(b) })
	if !ok {
		return false
	}
	of := truth.Documents[first]
	mine := func(_ string, b Balance) bool {
		return b.Account == of.Account && b.Total.Currency == of.Total.Currency
	}
	payment, ok := g.pick(truth.Payments, func(id string, b Balance) bool { return mine(id, b) && b.Open.Sign() > 0 })
	left := truth.Payments[payment].Open.Minor
	if !ok || g.rng.IntN(2) == 0 {
		left = g.between(1, 3_000_000)
		payment = g.ledger.Payment(of.Account, of.Total.Currency, left)
	}
	return g.settle(left, mine, func(invoice string, minor int64) {
		g.allocate(payment, invoice, minor)
	}) > 1
}

func (g *Generator) apply(truth Truth) bool {
	credit, ok := g.pick(truth.Documents, func(_ string, b Balance) bool { return b.Kind == receivable.CreditNote && b.Open.Sign() > 0 })
	if !ok {
		return false
	}
	of := truth.Documents[credit]
	return g.settle(of.Open.Minor, func(_ string, b Balance) bool {
		return b.Account == of.Account && b.Total.Currency == of.Total.Currency
	},
		func(invoice string, minor int64) { g.ledger.Apply(credit, invoice, minor) }) > 0
}

// settle gives what is left to up to four open invoices, each a part or all of
// what is open, and returns how many got some.
func (g *Generator) settle(left int64, mine func(string, Balance) bool, give func(invoice string, minor int64)) int {
	given := map[string]bool{}
	for range 4 {
		truth := g.ledger.Truth()
		invoice, ok := g.pick(truth.Documents, func(id string, b Balance) bool { return isOpen(b) && mine(id, b) && !given[id] })
		if !ok || left == 0 {
			break
		}
		share := min(left, truth.Documents[invoice].Open.Minor)
		if g.rng.IntN(2) == 0 {
			share = g.between(1, share)
		}
		give(invoice, share)
		given[invoice] = true
		left -= share
	}
	return len(given)
}

func (g *Generator) with(truth Truth, want func(Balance) bool, do func(invoice string)) bool {
	invoice, ok := g.pick(truth.Documents, func(_ string, b Balance) bool { return want(b) })
	if ok {
		do(invoice)
	}
	return ok
}

// pick draws one that satisfies a condition.
func (g *Generator) pick(all map[string]Balance, want func(string, Balance) bool) (string, bool) {
	var ids []string
	for id, b := range all {
		if want(id, b) {
			ids = append(ids, id)
		}
	}
	return g.oneOf(ids)
}

func (g *Generator) pickPayment() (string, bool) {
	var ids []string
	for id := range g.settling {
		ids = append(ids, id)
	}
	return g.oneOf(ids)
}

// oneOf draws an id in an order that does not depend on how ids look: books made
// alike are changed alike.
func (g *Generator) oneOf(ids []string) (string, bool) {
	if len(ids) == 0 {
		return "", false
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return ids[g.rng.IntN(len(ids))], true
}
