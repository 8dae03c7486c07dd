package ledger

import (
	"cmp"
	"slices"
	"strings"

	"relanced/internal/calendar"
)

// item is a line of a party, or an item that the year before left open.
type item struct {
	id       string
	letter   string
	kind     kind
	amount   int64 // debit minus credit
	left     int64 // what is open of it, same sign as amount
	on       calendar.Date
	pieceOn  calendar.Date
	letterOn calendar.Date
	dueOn    calendar.Date
	entry    int64
	no       int
	rank     int
	number   string
	journal  string
	entryNum string
	label    string
	total    int64 // of its document, where it came from the year before; 0 elsewhere
	later    bool  // from the year before: lettered there, settled after its end
	carried  bool  // from the year before
	returned bool
	credit   bool // of a carried credit: a credit note
}

// age orders items from oldest to newest.
func age(a, b *item) int {
	return cmp.Or(cmp.Compare(a.issued(), b.issued()), cmp.Compare(a.on, b.on), cmp.Compare(a.no, b.no), cmp.Compare(a.id, b.id))
}

func (i *item) issued() calendar.Date {
	if i.pieceOn != 0 {
		return i.pieceOn
	}
	return i.on
}

// outcome is what is open of a party, in three kinds, and the check on it.
type outcome struct {
	open    []*item // debits, left > 0
	credits []*item // credits, left < 0
	after   []*item // debits lettered with what comes after the file's end, left > 0
	unused  int64   // credits lettered with debits the file does not hold
	balance int64
}

// holds tells whether what is open adds up to the balance.
func (o *outcome) holds() bool {
	sum := -o.unused
	for _, list := range [][]*item{o.open, o.credits, o.after} {
		for _, i := range list {
			sum += i.left
		}
	}
	return sum == o.balance
}

// settle works out what is open of one party from its lettering. Lines of
// groups that add up to nothing may be left out. partialCase tells that a code
// in lower case means a partial lettering.
func settle(items []*item, partialCase bool) outcome {
	var (
		o        outcome
		openings []*item
		pool     int64
		groups   = make(map[string][]*item)
		letters  []string
	)
	for _, i := range items {
		o.balance += i.amount
		i.left = 0
		switch {
		case i.letter != "" && !i.carried:
			if groups[i.letter] == nil {
				letters = append(letters, i.letter)
			}
			groups[i.letter] = append(groups[i.letter], i)
		case i.amount < 0:
			i.left = i.amount
			o.credits = append(o.credits, i)
		case i.amount > 0 && (i.kind == kindOpening || i.carried):
			i.left = i.amount
			openings = append(openings, i)
		case i.amount > 0:
			i.left = i.amount
			o.open = append(o.open, i)
		}
	}
	slices.Sort(letters)
	short := make(map[string]int64) // groups whose debits are not in the file, by letter
	for _, letter := range letters {
		group := groups[letter]
		residual, paid := int64(0), false
		for _, i := range group {
			residual += i.amount
			paid = paid || i.kind == kindPayment
		}
		switch {
		case residual == 0:
		case residual < 0:
			short[letter] = -residual
			pool -= residual
		default:
			left := consume(group)
			if paid || (partialCase && lower(letter)) {
				o.open = append(o.open, left...)
			} else {
				o.after = append(o.after, left...)
			}
		}
	}
	slices.SortFunc(openings, age)
	// What the year before knew to be settled after its end goes first, the
	// items of the very group before the others.
	for _, own := range []bool{true, false} {
		for _, i := range openings {
			if i.later && (!own || short[i.letter] > 0) {
				take := min(i.left, pool)
				if own {
					take = min(take, short[i.letter])
					short[i.letter] -= take
				}
				i.left -= take
				pool -= take
			}
		}
	}
	for _, i := range openings {
		take := min(i.left, pool)
		i.left -= take
		pool -= take
		switch {
		case i.left == 0:
		case i.later:
			o.after = append(o.after, i)
		default:
			o.open = append(o.open, i)
		}
	}
	o.unused = pool
	return o
}

// consume lets the credits of a list settle its debits from oldest to newest
// and returns the debits that keep something, oldest first.
func consume(items []*item) []*item {
	var pool int64
	var debits []*item
	for _, i := range items {
		if i.amount < 0 {
			pool -= i.amount
		} else if i.amount > 0 {
			debits = append(debits, i)
		}
	}
	slices.SortFunc(debits, age)
	var left []*item
	for _, i := range debits {
		take := min(i.amount, pool)
		pool -= take
		if i.left = i.amount - take; i.left > 0 {
			left = append(left, i)
		}
	}
	return left
}

// fifo lets credits settle the oldest debits: what is open where nothing is
// lettered.
func fifo(items []*item) outcome {
	o := outcome{open: consume(items)}
	var debits int64
	var credits []*item
	for _, i := range items {
		o.balance += i.amount
		if i.amount > 0 {
			debits += i.amount
		} else if i.amount < 0 {
			credits = append(credits, i)
		}
	}
	slices.SortFunc(credits, age)
	for _, i := range credits {
		take := min(-i.amount, debits)
		debits -= take
		if i.left = i.amount + take; i.left < 0 {
			o.credits = append(o.credits, i)
		}
	}
	return o
}

// lower tells whether a lettering code is in lower case.
func lower(letter string) bool {
	return strings.ToLower(letter) == letter && strings.ToUpper(letter) != letter
}
