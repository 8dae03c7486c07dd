package compose

import (
	"rsc.io/qr"

	"relanced/internal/bank"
	"relanced/internal/email"
	"relanced/internal/money"
)

// code returns the picture of the transfer code for what is demanded in euros,
// and that sum; nil where no code can be made: the details in words remain.
func (b builder) code(reference string) (money.Amount, []byte) {
	for _, amount := range b.totals() {
		if amount.Currency != "EUR" {
			continue
		}
		payload, err := bank.Transfer{
			Name:   email.Clean(first(b.Bank.Holder, b.Company.Name), 200),
			IBAN:   b.Bank.IBAN,
			BIC:    bank.NormaliseIBAN(b.Bank.BIC),
			Amount: amount,
			Text:   reference,
		}.Payload()
		if err != nil {
			return amount, nil
		}
		code, err := qr.Encode(payload, qr.M)
		if err != nil {
			return amount, nil
		}
		return amount, code.PNG()
	}
	return money.Amount{}, nil
}
