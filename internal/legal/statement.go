package legal

import (
	"slices"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

// Entry is an invoice of a statement.
type Entry struct {
	Number string
	Claim
}

// Row is an invoice of a statement, worked out.
type Row struct {
	Number string
	DueOn  calendar.Date
	Computation
}

// Total sums a statement in one currency. A fee in another currency than its
// invoice counts in its own.
type Total struct {
	Overdue  money.Amount // principal
	Interest money.Amount // rounded per invoice, then added
	Fees     money.Amount
}

// Sum returns all three together.
func (t Total) Sum() money.Amount { return t.Overdue.Add(t.Interest).Add(t.Fees) }

// Statement works out several invoices, and totals per currency in order of
// appearance. An invoice paid late and now settled is in the rows only where
// settled is true; an invoice that is not late is in the rows, not in the totals.
// No command asks it yet: `letter`, and the statement attached to messages, will.
func Statement(entries []Entry, settled bool) ([]Row, []Total, error) {
	var rows []Row
	var totals []Total
	in := func(currency string) *Total {
		i := slices.IndexFunc(totals, func(t Total) bool { return t.Overdue.Currency == currency })
		if i < 0 {
			i = len(totals)
			zero := money.New(0, currency)
			totals = append(totals, Total{zero, zero, zero})
		}
		return &totals[i]
	}
	for _, e := range entries {
		c, err := Compute(e.Claim)
		if err != nil {
			return nil, nil, err
		}
		if c.Open.IsZero() && !settled {
			continue
		}
		rows = append(rows, Row{e.Number, e.DueOn, c})
		if c.Days == 0 {
			continue
		}
		total := in(e.Principal.Currency)
		total.Overdue = total.Overdue.Add(c.Open)
		total.Interest = total.Interest.Add(c.InterestLeft)
		if !c.Fee.IsZero() {
			total = in(c.Fee.Currency)
			total.Fees = total.Fees.Add(c.Fee)
		}
	}
	return rows, totals, nil
}
