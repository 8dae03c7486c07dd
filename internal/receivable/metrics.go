package receivable

import (
	"math/big"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

// Figure is a number of days or a percentage, exact until shown. The zero Figure
// is undefined: nothing was sold, nothing was paid.
type Figure struct {
	value    *big.Rat
	MoreThan bool // history ended before the figure was reached
}

// Defined tells whether there is a number.
func (f Figure) Defined() bool { return f.value != nil }

// String writes the figure with one decimal, "—" where it is undefined, and
// ">91.0" where it is more than what is known.
func (f Figure) String() string {
	switch {
	case f.value == nil:
		return "—"
	case f.MoreThan:
		return ">" + f.value.FloatString(1)
	}
	return f.value.FloatString(1)
}

// Sub returns f - g on exact values, undefined where either is.
func (f Figure) Sub(g Figure) Figure {
	if f.value == nil || g.value == nil {
		return Figure{}
	}
	return Figure{value: new(big.Rat).Sub(f.value, g.value)}
}

// quotient returns a × times / b, undefined where b is not positive.
func quotient(a, b money.Amount, times int64) Figure {
	if b.Sign() <= 0 {
		return Figure{}
	}
	value := big.NewRat(a.Minor, b.Minor)
	return Figure{value: value.Mul(value, big.NewRat(times, 1))}
}

// What follows is for the command `metrics`, which is not built yet.

// Period is what a company sold and was owed over some days, in one currency,
// tax included.
type Period struct {
	Days    int
	Sales   money.Amount
	Opening money.Amount // receivables when it began
	Closing money.Amount // receivables when it ended
	NotDue  money.Amount // the part of Closing not yet due
	Months  []Month      // the last one first, for CountBack
}

// Month is the sales of one month.
type Month struct {
	Days  int
	Sales money.Amount
}

// DSO returns receivables over sales, in days.
func (p Period) DSO() Figure { return quotient(p.Closing, p.Sales, int64(p.Days)) }

// BestDSO returns what DSO would be if all paid on time.
func (p Period) BestDSO() Figure { return quotient(p.NotDue, p.Sales, int64(p.Days)) }

// Delinquent returns the average days delinquent: DSO less the best possible.
func (p Period) Delinquent() Figure { return p.DSO().Sub(p.BestDSO()) }

// CEI returns the collection effectiveness index, in per cent.
func (p Period) CEI() Figure {
	owed := p.Opening.Add(p.Sales)
	return quotient(owed.Sub(p.Closing), owed.Sub(p.NotDue), 100)
}

// CountBack returns DSO by exhausting the receivables with the sales of the last
// months. Where the months do not suffice it is more than their days.
func (p Period) CountBack() Figure {
	days := new(big.Rat)
	rest := p.Closing
	for _, month := range p.Months {
		if rest.Sign() <= 0 {
			break
		}
		if month.Sales.Sign() > 0 && rest.Cmp(month.Sales) < 0 {
			return Figure{value: days.Add(days, quotient(rest, month.Sales, int64(month.Days)).value)}
		}
		days.Add(days, big.NewRat(int64(month.Days), 1))
		if month.Sales.Sign() > 0 {
			rest = rest.Sub(month.Sales)
		}
	}
	return Figure{value: days, MoreThan: rest.Sign() > 0}
}

// PaidInvoice is an invoice fully paid in a period.
type PaidInvoice struct {
	Amount                money.Amount
	IssuedOn, DueOn, Paid calendar.Date
}

// AverageDaysLate returns the days from due date to payment, weighted by amount;
// early payments count negative.
func AverageDaysLate(paid []PaidInvoice) Figure {
	return weighted(paid, func(i PaidInvoice) int { return i.Paid.DaysSince(i.DueOn) })
}

// AverageDaysToPay returns the days from issue to payment, weighted by amount.
func AverageDaysToPay(paid []PaidInvoice) Figure {
	return weighted(paid, func(i PaidInvoice) int { return i.Paid.DaysSince(i.IssuedOn) })
}

func weighted(paid []PaidInvoice, days func(PaidInvoice) int) Figure {
	sum, weight := new(big.Int), new(big.Int)
	for _, i := range paid {
		amount := big.NewInt(i.Amount.Minor)
		weight.Add(weight, amount)
		sum.Add(sum, amount.Mul(amount, big.NewInt(int64(days(i)))))
	}
	if weight.Sign() <= 0 {
		return Figure{}
	}
	return Figure{value: new(big.Rat).SetFrac(sum, weight)}
}
