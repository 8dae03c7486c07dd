// Package bank writes and checks what a payment needs to arrive: account
// numbers, bank codes, payment references, and the payload of the SEPA QR code.
package bank

import (
	"regexp"
	"strings"
)

// IBANCheck is what CheckIBAN found.
type IBANCheck string

// The findings.
const (
	OK          IBANCheck = "ok"
	BadFormat   IBANCheck = "format"
	BadCountry  IBANCheck = "country"
	BadLength   IBANCheck = "length"
	BadChecksum IBANCheck = "checksum"
)

// ibanLengths are those of the IBAN registry for the countries reached by SEPA.
var ibanLengths = map[string]int{
	"AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
	"ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26,
	"IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28,
	"PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "VA": 22,
}

var ibanForm = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z0-9]+$`)

// NormaliseIBAN returns the number without white space, in upper case.
func NormaliseIBAN(text string) string {
	return strings.ToUpper(strings.Join(strings.Fields(text), ""))
}

// CheckIBAN checks a number written with or without spaces, in any case.
func CheckIBAN(text string) IBANCheck {
	iban := NormaliseIBAN(text)
	if !ibanForm.MatchString(iban) {
		return BadFormat
	}
	length, known := ibanLengths[iban[:2]]
	switch {
	case !known:
		return BadCountry
	case len(iban) != length:
		return BadLength
	case mod97(iban[4:]+iban[:4]) != 1:
		return BadChecksum
	}
	return OK
}

// Fours writes a number or reference in groups of four, as people read it.
func Fours(text string) string {
	var b strings.Builder
	for i, c := range NormaliseIBAN(text) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

var bicForm = regexp.MustCompile(`^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$`)

// IsBIC tells whether text has the form of a bank identifier: 8 or 11 capitals
// and digits.
func IsBIC(text string) bool { return bicForm.MatchString(text) }

// mod97 reads letters as 10 to 35 and returns the remainder of the number by 97.
// It takes only the letters A to Z and digits.
func mod97(text string) int {
	rest := 0
	for _, c := range []byte(text) {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest
}
