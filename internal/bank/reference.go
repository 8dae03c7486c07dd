package bank

import (
	"fmt"
	"regexp"
	"strings"
)

// MakeRF returns the creditor reference (ISO 11649) of a number, without
// spaces. Everything but letters A to Z and digits is dropped; a number left
// with none, or with more than 21, has no reference. No command asks it yet:
// payment pages and statements will show one.
func MakeRF(number string) (string, error) {
	body := strings.Map(func(c rune) rune {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return -1
		}
		return c
	}, strings.ToUpper(number))
	if body == "" || len(body) > 21 {
		return "", fmt.Errorf("%.40q makes no payment reference: it has %d letters and digits, not 1 to 21", number, len(body))
	}
	return fmt.Sprintf("RF%02d%s", 98-mod97(body+"RF00"), body), nil
}

var rfForm = regexp.MustCompile(`^RF[0-9]{2}[0-9A-Z]{1,21}$`)

// CheckRF tells whether text, with or without spaces and in any case, is a valid
// creditor reference.
func CheckRF(text string) bool {
	reference := NormaliseIBAN(text)
	return rfForm.MatchString(reference) && mod97(reference[4:]+reference[:4]) == 1
}

var ogmBase = regexp.MustCompile(`^[0-9]{10}$`)

// MakeOGM returns the Belgian structured communication of ten digits:
// "+++090/9337/55493+++". No command asks it yet: messages of Belgian companies will
// show one.
func MakeOGM(digits string) (string, error) {
	if !ogmBase.MatchString(digits) {
		return "", fmt.Errorf("%.40q makes no structured communication: it is not ten digits", digits)
	}
	all := fmt.Sprintf("%s%02d", digits, ogmCheck(digits))
	return fmt.Sprintf("+++%s/%s/%s+++", all[:3], all[3:7], all[7:]), nil
}

var ogmForm = regexp.MustCompile(`^(\+{3}|\*{3})?([0-9]{3})/?([0-9]{4})/?([0-9]{5})(\+{3}|\*{3})?$`)

// CheckOGM tells whether text, with or without its signs and spaces, is a valid
// Belgian structured communication.
func CheckOGM(text string) bool {
	parts := ogmForm.FindStringSubmatch(strings.Join(strings.Fields(text), ""))
	if parts == nil {
		return false
	}
	all := parts[2] + parts[3] + parts[4]
	return fmt.Sprintf("%02d", ogmCheck(all[:10])) == all[10:]
}

func ogmCheck(digits string) int {
	if rest := mod97(digits); rest != 0 {
		return rest
	}
	return 97
}
