package compose

import (
	"errors"
	"strings"
	"unicode/utf8"

	"rsc.io/qr"

	"relanced/internal/email"
	"relanced/internal/money"
)

// epcPayload returns the text of an EPC069-12 code for a SEPA transfer, version
// 002. What does not fit its rules is an error, never cut.
func epcPayload(holder, iban, bic string, amount money.Amount, text string) (string, error) {
	switch {
	case amount.Currency != "EUR" || amount.Minor < 1 || amount.Minor > 99_999_999_999:
		return "", errors.New("the amount is not 0.01 to 999999999.99 euros")
	case holder == "" || utf8.RuneCountInString(holder) > 70:
		return "", errors.New("the account holder's name is not 1 to 70 characters")
	case len(iban) < 15 || len(iban) > 34:
		return "", errors.New("the IBAN has no valid length")
	case bic != "" && len(bic) != 8 && len(bic) != 11:
		return "", errors.New("the BIC has neither 8 nor 11 characters")
	case utf8.RuneCountInString(text) > 140:
		return "", errors.New("the text is longer than 140 characters")
	}
	payload := strings.Join([]string{"BCD", "002", "1", "SCT", bic, holder, iban, "EUR" + amount.String(), "", "", text}, "\n")
	payload = strings.TrimRight(payload, "\n")
	if len(payload) > 331 {
		return "", errors.New("it is longer than 331 bytes")
	}
	return payload, nil
}

// code returns the picture of the code for what is demanded in euros, and that
// sum; nil where no code can be made.
func (b builder) code(iban, reference string) (money.Amount, []byte) {
	for _, amount := range b.totals() {
		if amount.Currency != "EUR" {
			continue
		}
		holder := email.Clean(first(b.Bank.Holder, b.Company.Name), 200)
		bic := strings.ToUpper(strings.Join(strings.Fields(b.Bank.BIC), ""))
		payload, err := epcPayload(holder, iban, bic, amount, reference)
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
