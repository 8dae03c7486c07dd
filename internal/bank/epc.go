package bank

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"relanced/internal/money"
)

// Transfer is a SEPA credit transfer in euros, as a QR code asks for it.
type Transfer struct {
	Name      string       // the account holder, as the bank knows it
	IBAN      string       // with or without spaces
	BIC       string       // may be ""
	Amount    money.Amount // the zero Amount leaves it to the payer
	Purpose   string       // four letters at most, may be ""
	Reference string       // structured; excludes Text
	Text      string
	Note      string // to the payer
}

// maxPayload is what the code holds, in bytes of UTF-8.
const maxPayload = 331

// Payload returns the content of the QR code (EPC069-12, version 002). Nothing
// is shortened: what does not fit is an error.
func (t Transfer) Payload() (string, error) {
	iban := NormaliseIBAN(t.IBAN)
	amount, err := t.amount()
	if check := CheckIBAN(iban); err == nil && check != OK {
		err = fmt.Errorf("IBAN: %s", check)
	}
	if err == nil && t.BIC != "" && !IsBIC(t.BIC) {
		err = errors.New("BIC: not 8 or 11 capitals and digits")
	}
	if err == nil && t.Reference != "" && t.Text != "" {
		err = errors.New("a structured reference and a free text exclude each other")
	}
	if err == nil && strings.HasPrefix(t.Reference, "RF") && !CheckRF(t.Reference) {
		err = errors.New("structured reference: its check digits are wrong")
	}
	for _, field := range []struct {
		name, text string
		least, max int
	}{
		{"name", t.Name, 1, 70},
		{"purpose", t.Purpose, 0, 4},
		{"structured reference", t.Reference, 0, 35},
		{"free text", t.Text, 0, 140},
		{"note", t.Note, 0, 70},
	} {
		if err == nil {
			err = checkField(field.name, field.text, field.least, field.max)
		}
	}
	if err != nil {
		return "", fmt.Errorf("QR code: %w", err)
	}
	payload := strings.TrimRight(strings.Join([]string{
		"BCD", "002", "1", "SCT", t.BIC, t.Name, iban, amount, t.Purpose, t.Reference, t.Text, t.Note,
	}, "\n"), "\n")
	if len(payload) > maxPayload {
		return "", fmt.Errorf("QR code: %d bytes are more than the %d it holds: shorten the free text", len(payload), maxPayload)
	}
	return payload, nil
}

func (t Transfer) amount() (string, error) {
	switch {
	case t.Amount == money.Amount{}:
		return "", nil
	case t.Amount.Currency != "EUR":
		return "", fmt.Errorf("amount: only euros, not %s", t.Amount.Currency)
	case t.Amount.Minor < 1 || t.Amount.Minor > 999_999_999_99:
		return "", fmt.Errorf("amount: %s is not from 0.01 to 999999999.99", t.Amount)
	}
	return "EUR" + t.Amount.String(), nil
}

// checkField refuses what would not fit or would break the lines.
func checkField(name, text string, least, most int) error {
	n := utf8.RuneCountInString(text)
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("%s: not valid UTF-8", name)
	case n < least:
		return fmt.Errorf("%s: missing", name)
	case n > most:
		return fmt.Errorf("%s: %d characters are more than %d", name, n, most)
	case strings.IndexFunc(text, unicode.IsControl) >= 0:
		return fmt.Errorf("%s: has a line break or another control character", name)
	case text != "" && strings.TrimSpace(text) == "":
		return fmt.Errorf("%s: only spaces", name)
	}
	return nil
}
