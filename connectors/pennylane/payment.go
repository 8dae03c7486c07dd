package pennylane

import (
	"errors"
	"strings"

	"relanced/connectors/httpapi"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// mapTransaction reads money that came in. errIgnored: it went out.
func mapTransaction(in transaction) (receivable.Payment, error) {
	if in.ID == "" {
		return receivable.Payment{}, errors.New("id is missing")
	}
	p := receivable.Payment{External: string(in.ID), Account: in.Customer.id(), Label: in.Label}
	currency, text, field := strings.ToUpper(in.Currency), in.CurrencyAmount, "currency_amount"
	if currency == "" || text == "" && currency == euro {
		currency, text, field = euro, in.Amount, "amount"
	}
	var err error
	if p.Amount, err = httpapi.Amount(field, text, currency); err != nil {
		return p, err
	}
	if p.Amount.Sign() <= 0 {
		return p, errIgnored
	}
	if p.On, err = httpapi.Date("date", in.Date); err != nil {
		return p, err
	}
	p.Unallocated, err = unallocated(in, p.Amount)
	return p, err
}

// unallocated is what of a transaction is not reconciled. The balance has the
// opposite sign of the amount; an unknown one counts as all of it.
func unallocated(in transaction, amount money.Amount) (money.Amount, error) {
	nothing := money.New(0, amount.Currency)
	if in.ArchivedAt != "" {
		return nothing, nil
	}
	if in.OutstandingBalance == "" {
		return amount, nil
	}
	balance, err := httpapi.Amount("outstanding_balance", in.OutstandingBalance, euro)
	switch {
	case err != nil:
		return nothing, err
	case balance.IsZero():
		return nothing, nil
	case amount.Currency != euro || balance.Abs().Cmp(amount) >= 0:
		return amount, nil
	}
	return balance.Abs(), nil
}
