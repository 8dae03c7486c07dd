package email

import (
	"regexp"
	"strings"
)

// Reference returns the visible reference that belongs to an id: R-7K4Q-M2TX,
// six characters of the id and two check characters. It is what people quote,
// forward and retype. Different ids may, rarely, share one.
func Reference(id ID) string {
	body := string(id[:6])
	text := strings.ToUpper(body + check(body))
	return "R-" + text[:4] + "-" + text[4:]
}

// check returns the two check characters: any one wrong character and any two
// that changed places are noticed.
func check(body string) string {
	const prime = 1021 // below 1024, what two characters can tell
	sum := 0
	for i := range len(body) {
		sum = (sum*37 + strings.IndexByte(alphabet, body[i]) + 1) % prime
	}
	return string([]byte{alphabet[sum/32], alphabet[sum%32]})
}

var referencePattern = regexp.MustCompile(`(?i)\br[\s\x{2010}-\x{2015}_.:-]{0,3}([0-9a-z]{4})[\s\x{2010}-\x{2015}_.:-]{0,3}([0-9a-z]{4})\b`)

// FindReferences returns the visible references with a right check in text, in
// the form Reference gives, each once. Case, spaces for hyphens, and O, I, L
// for the digits they resemble are forgiven.
func FindReferences(text string) []string {
	var found []string
	seen := map[string]bool{}
	for _, m := range referencePattern.FindAllStringSubmatch(text, -1) {
		code := fold(m[1] + m[2])
		if strings.Trim(code, alphabet) != "" || check(code[:6]) != code[6:] || seen[code] {
			continue
		}
		seen[code] = true
		upper := strings.ToUpper(code)
		found = append(found, "R-"+upper[:4]+"-"+upper[4:])
	}
	return found
}
