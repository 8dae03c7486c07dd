package receivable

import (
	"github.com/govalues/decimal"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

// Discount is an early-payment discount: a rate in per cent for payment within
// days of the issue date, the last of them included. No command asks it yet:
// `claimed` will, where a customer took one and the books show the rest as open.
type Discount struct {
	Rate decimal.Decimal
	Days int
}

// Settlement is what a payment did under a discount.
type Settlement struct {
	Discount money.Amount // granted
	Balance  money.Amount // still due; negative: paid too much
}

// Settle applies a payment to an invoice with a discount. In time, what is short
// of the discounted total stays due; late, what is short of the total. It fails
// on amounts too large to compute.
func (d Discount) Settle(total money.Amount, issuedOn calendar.Date, paid money.Amount, paidOn calendar.Date) (Settlement, error) {
	full := Settlement{Discount: money.New(0, total.Currency), Balance: total.Sub(paid)}
	if paidOn > issuedOn.AddDays(d.Days) || full.Balance.Sign() <= 0 {
		return full, nil
	}
	part, err := total.Decimal().Mul(d.Rate)
	if err != nil {
		return Settlement{}, err
	}
	part, err = part.Quo(decimal.MustNew(100, 0))
	if err != nil {
		return Settlement{}, err
	}
	most, err := money.Round(part, total.Currency)
	if err != nil {
		return Settlement{}, err
	}
	granted := smaller(most, full.Balance)
	return Settlement{Discount: granted, Balance: full.Balance.Sub(granted)}, nil
}
