package receivable

import (
	"cmp"
	"math/big"
	"slices"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

// OpenItem is a due line with something left, as a payment may settle it.
type OpenItem struct {
	Number      string // of the invoice: equal rights go to the lower one
	DueOn       calendar.Date
	IssuedOn    calendar.Date
	Outstanding money.Amount
}

// Method is how a payment was divided over what is open.
type Method string

// The methods, from the surest to the last resort.
const (
	ByNothing          Method = ""
	ByReference        Method = "reference"
	ByExactSingle      Method = "exact_single"
	ByExactCombination Method = "exact_combination"
	ByLegalOrder       Method = "legal_order"
	ByProrata          Method = "legal_order_prorata"
)

// Share is a part of a payment for one item, by its index.
type Share struct {
	Item   int
	Amount money.Amount
}

// Proposal is how a payment that the books have not matched could be. The
// accounting software's own matching is the truth; this is never written to it.
type Proposal struct {
	Shares      []Share // in the order of the items
	Unallocated money.Amount
	Method      Method
	Review      bool // several invoices have this amount: a person should look
}

// The limits of the search for a sum of several.
const (
	mostSearched = 20
	mostCombined = 6
)

// Propose divides a payment over items of the same customer: to those it names,
// by index; else to the one item of its amount; else to the only combination
// that sums to it; else in legal order, the oldest due date first (so due debts
// before the others), then the oldest issue date, equals in proportion. Items of
// another currency take no part. The surplus stays on account; what a payment
// names is not exceeded. No command asks it yet: `answer` will, where a reply says
// that it has paid.
func Propose(payment money.Amount, items []OpenItem, named ...int) Proposal {
	p := Proposal{Unallocated: payment}
	if payment.Sign() <= 0 {
		return p
	}
	open := candidates(payment.Currency, items)
	if len(named) > 0 {
		p.Method = ByReference
		kept := open[:0]
		for _, i := range open {
			if slices.Contains(named, i) {
				kept = append(kept, i)
			}
		}
		p.inOrder(items, kept)
		return p
	}
	byAge(items, open)
	if same := singles(payment, items, open); len(same) > 0 {
		p.Method, p.Review = ByExactSingle, len(same) > 1
		p.give(same[0], payment)
		return p
	}
	var only []int
	sets := 0
	combinations(payment, items, open, func(set []int) bool {
		only = slices.Clone(set)
		sets++
		return sets < 2
	})
	if sets == 1 {
		p.Method = ByExactCombination
		for _, i := range only {
			p.give(i, items[i].Outstanding)
		}
		p.sort()
		return p
	}
	if len(open) == 0 {
		return p
	}
	p.Method = ByLegalOrder
	if p.inOrder(items, open) {
		p.Method = ByProrata
	}
	return p
}

// ProbablyPaid returns the items, by index and in order, that an amount not yet
// allocated may have paid: those of exactly that amount; else every item where
// it equals the whole; else all that take part in a sum of two to six that equals
// it. Several readings are not told apart: any of them could be meant.
func ProbablyPaid(amount money.Amount, items []OpenItem) ([]int, Method) {
	if amount.Sign() <= 0 {
		return nil, ByNothing
	}
	open := candidates(amount.Currency, items)
	byAge(items, open)
	if same := singles(amount, items, open); len(same) > 0 {
		slices.Sort(same)
		return same, ByExactSingle
	}
	if len(open) > 0 && sum(amount.Currency, items, open) == amount {
		slices.Sort(open)
		return open, ByExactCombination
	}
	var found []int
	combinations(amount, items, open, func(set []int) bool {
		for _, i := range set {
			if !slices.Contains(found, i) {
				found = append(found, i)
			}
		}
		return len(found) < min(len(open), mostSearched)
	})
	if len(found) == 0 {
		return nil, ByNothing
	}
	slices.Sort(found)
	return found, ByExactCombination
}

// candidates are the indexes of items of the currency with something left.
func candidates(currency string, items []OpenItem) []int {
	var open []int
	for i, item := range items {
		if item.Outstanding.Currency == currency && item.Outstanding.Sign() > 0 {
			open = append(open, i)
		}
	}
	return open
}

// byAge puts the oldest first: by due date, no date last, then issue date, then number.
func byAge(items []OpenItem, open []int) {
	slices.SortStableFunc(open, func(i, j int) int {
		return cmp.Or(rank(items[i], items[j]), cmp.Compare(items[i].Number, items[j].Number))
	})
}

// rank compares the age of two items; equal ones share in proportion.
func rank(a, b OpenItem) int {
	if a.DueOn.IsZero() != b.DueOn.IsZero() {
		if a.DueOn.IsZero() {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.DueOn, b.DueOn), cmp.Compare(a.IssuedOn, b.IssuedOn))
}

func singles(amount money.Amount, items []OpenItem, open []int) []int {
	var same []int
	for _, i := range open {
		if items[i].Outstanding == amount {
			same = append(same, i)
		}
	}
	return same
}

// combinations calls yield with each set of two to six of the twenty oldest
// items that sums to the amount, until it returns false. The set is reused.
func combinations(amount money.Amount, items []OpenItem, open []int, yield func([]int) bool) {
	open = open[:min(len(open), mostSearched)]
	var chosen []int
	var search func(from int, rest int64) bool
	search = func(from int, rest int64) bool {
		if rest == 0 && len(chosen) > 1 {
			return yield(chosen)
		}
		if len(chosen) == mostCombined {
			return true
		}
		for k := from; k < len(open); k++ {
			part := items[open[k]].Outstanding.Minor
			if part > rest {
				continue
			}
			chosen = append(chosen, open[k])
			if !search(k+1, rest-part) {
				return false
			}
			chosen = chosen[:len(chosen)-1]
		}
		return true
	}
	search(0, amount.Minor)
}

func sum(currency string, items []OpenItem, open []int) money.Amount {
	total := money.New(0, currency)
	for _, i := range open {
		total = total.Add(items[i].Outstanding)
	}
	return total
}

// inOrder gives what is left to the items in legal order, and tells whether
// equals had to share.
func (p *Proposal) inOrder(items []OpenItem, open []int) (shared bool) {
	byAge(items, open)
	for len(open) > 0 && p.Unallocated.Sign() > 0 {
		n := 1
		for n < len(open) && rank(items[open[0]], items[open[n]]) == 0 {
			n++
		}
		equals := open[:n]
		if total := sum(p.Unallocated.Currency, items, equals); n > 1 && p.Unallocated.Cmp(total) < 0 {
			p.share(items, equals, total)
			shared = true
			break
		}
		for _, i := range equals {
			p.give(i, smaller(items[i].Outstanding, p.Unallocated))
		}
		open = open[n:]
	}
	p.sort()
	return shared
}

// share divides what is left in proportion to what is outstanding; the cents
// left over go to the largest fractions, then to the lower numbers.
func (p *Proposal) share(items []OpenItem, equals []int, total money.Amount) {
	type part struct {
		item     int
		whole    int64
		fraction *big.Int
	}
	payment, rest := p.Unallocated, p.Unallocated.Minor
	parts := make([]part, len(equals))
	for k, i := range equals {
		product := new(big.Int).Mul(big.NewInt(payment.Minor), big.NewInt(items[i].Outstanding.Minor))
		whole, fraction := product.QuoRem(product, big.NewInt(total.Minor), new(big.Int))
		parts[k] = part{i, whole.Int64(), fraction}
		rest -= parts[k].whole
	}
	slices.SortStableFunc(parts, func(a, b part) int {
		return cmp.Or(b.fraction.Cmp(a.fraction), cmp.Compare(items[a.item].Number, items[b.item].Number))
	})
	for k, part := range parts {
		if int64(k) < rest {
			part.whole++
		}
		p.give(part.item, money.New(part.whole, payment.Currency))
	}
}

func (p *Proposal) give(item int, amount money.Amount) {
	if amount.Sign() > 0 {
		p.Shares = append(p.Shares, Share{item, amount})
		p.Unallocated = p.Unallocated.Sub(amount)
	}
}

func (p *Proposal) sort() {
	slices.SortFunc(p.Shares, func(a, b Share) int { return a.Item - b.Item })
}

func smaller(a, b money.Amount) money.Amount {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}
