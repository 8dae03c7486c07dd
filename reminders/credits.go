package reminders

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// settleCredits holds what unallocated money and credit notes probably pay:
// lines that a credit settles exactly or by name, then all that is overdue in a
// currency where the credits left cover it.
func (e *evaluation) settleCredits() {
	if len(e.d.Credits) == 0 {
		return
	}
	byCurrency := map[string]int64{}
	for _, c := range e.d.Credits {
		if c.Amount.Sign() > 0 {
			byCurrency[c.Amount.Currency] = plus(byCurrency[c.Amount.Currency], c.Amount.Minor)
		}
	}
	for currency, credit := range byCurrency {
		var open []*lineWork
		overdue := int64(0)
		for i := range e.lines {
			l := &e.lines[i]
			if l.open && l.ask.Currency == currency {
				open = append(open, l)
				if l.overdue {
					overdue = plus(overdue, l.ask.Minor)
				}
			}
		}
		if overdue > 0 && credit >= overdue && !exact(open, credit) {
			for _, l := range open {
				if l.overdue {
					l.hold(dossier.CreditCovers)
				}
			}
			continue
		}
		for _, l := range probablyPaid(open, e.d.Credits, currency) {
			l.hold(dossier.ProbablyPaid)
		}
	}
}

func (l *lineWork) hold(reason dossier.Reason) {
	l.open = false
	l.verdict.outcome, l.verdict.reason, l.verdict.at = Held, reason, time.Time{}
}

// exact tells whether the credit is what exactly one open line asks for.
func exact(open []*lineWork, credit int64) bool {
	count := 0
	for _, l := range open {
		if l.Outstanding.Minor == credit {
			count++
		}
	}
	return count == 1
}

// probablyPaid returns the lines that the credits of the currency settle in full.
func probablyPaid(open []*lineWork, credits []dossier.Credit, currency string) []*lineWork {
	credits = slices.Clone(credits)
	slices.SortFunc(credits, func(a, b dossier.Credit) int {
		return cmp.Or(cmp.Compare(a.On, b.On), cmp.Compare(a.ID, b.ID))
	})
	paid := map[dossier.DueID]bool{}
	var list []*lineWork
	for _, c := range credits {
		if c.Amount.Currency != currency || c.Amount.Sign() <= 0 {
			continue
		}
		left := make([]*lineWork, 0, len(open))
		for _, l := range open {
			if !paid[l.ID] {
				left = append(left, l)
			}
		}
		for _, i := range settledBy(c, left) {
			paid[left[i].ID] = true
			list = append(list, left[i])
		}
	}
	return list
}

// settledBy returns the lines, by index, that the credit settles in full:
// those its label names, else those that its amount may have been meant for,
// else, from the oldest on, as many overdue ones as it covers.
func settledBy(c dossier.Credit, lines []*lineWork) []int {
	var named []int
	for i, l := range lines {
		if mentions(c.Label, l.Invoice) {
			named = append(named, i)
		}
	}
	if len(named) > 0 {
		return covered(c.Amount.Minor, lines, named)
	}
	items := make([]receivable.OpenItem, len(lines))
	for i, l := range lines {
		items[i] = receivable.OpenItem{Number: l.Invoice, DueOn: l.DueOn, IssuedOn: l.IssuedOn, Outstanding: l.Outstanding}
	}
	if found, _ := receivable.ProbablyPaid(c.Amount, items); len(found) > 0 {
		return found
	}
	var due []int
	for i, l := range lines {
		if l.overdue {
			due = append(due, i)
		}
	}
	return covered(c.Amount.Minor, lines, due)
}

func (l *lineWork) before(other *lineWork) bool {
	return cmp.Or(cmp.Compare(l.DueOn, other.DueOn), cmp.Compare(l.IssuedOn, other.IssuedOn), cmp.Compare(l.ID, other.ID)) < 0
}

// covered returns those of the chosen that the amount pays in full, oldest first,
// up to the first it does not.
func covered(amount int64, lines []*lineWork, chosen []int) []int {
	slices.SortFunc(chosen, func(a, b int) int {
		if lines[a].before(lines[b]) {
			return -1
		}
		return 1
	})
	for n, i := range chosen {
		if amount -= lines[i].Outstanding.Minor; amount < 0 {
			return chosen[:n]
		}
	}
	return chosen
}

// mentions tells whether the label names the invoice: its number, with no letter
// or digit beside it. Numbers of fewer than four characters name nothing.
func mentions(label, number string) bool {
	label, number = strings.ToUpper(label), strings.ToUpper(strings.TrimSpace(number))
	if len(number) < 4 {
		return false
	}
	alphanumeric := func(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || c >= 0x80 }
	for from := 0; ; {
		at := strings.Index(label[from:], number)
		if at < 0 {
			return false
		}
		begin, end := from+at, from+at+len(number)
		if (begin == 0 || !alphanumeric(label[begin-1])) && (end == len(label) || !alphanumeric(label[end])) {
			return true
		}
		from = begin + 1
	}
}
