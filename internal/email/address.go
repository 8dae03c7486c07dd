package email

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is a mailbox with the name shown beside it.
type Address struct {
	Name string
	Addr string
}

var errAddress = errors.New("is no e-mail address")

// CheckAddress says why text is not one plain address that mail can be sent to:
// nil when it is. White space or a line break anywhere makes it none, also
// around it, as do display names, brackets, lists, comments and quoted parts.
func CheckAddress(text string) error {
	local, domain, found := cutAddress(text)
	switch {
	case !found || local == "" || domain == "":
		return fmt.Errorf("%q %w", Clean(text, 80), errAddress)
	case !utf8.ValidString(text) || len(text) > 254 || len(local) > 64:
		return fmt.Errorf("%q %w: too long or not UTF-8", Clean(text, 80), errAddress)
	case strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."):
		return fmt.Errorf("%q %w: misplaced dot", Clean(text, 80), errAddress)
	}
	for _, r := range local {
		if !isAtom(r) && r != '.' {
			return fmt.Errorf("%q %w: %q before the @", Clean(text, 80), errAddress, r)
		}
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !isDomain(strings.ToLower(ascii)) {
		return fmt.Errorf("%q %w: no such form of domain", Clean(text, 80), errAddress)
	}
	return nil
}

// IsAddress tells whether CheckAddress finds nothing wrong.
func IsAddress(text string) bool { return CheckAddress(text) == nil }

func isAtom(r rune) bool {
	if r >= 0x80 {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
	}
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func isDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	if len(labels) < 2 || len(domain) > 253 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

func cutAddress(text string) (local, domain string, found bool) {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return "", "", false
	}
	return text[:at], text[at+1:], true
}

// ASCIIDomain returns a domain in lower case with international labels in
// their ASCII form; what cannot be converted is only lowered.
func ASCIIDomain(domain string) string {
	domain = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(domain)), ".")
	if isPlain(domain) {
		return domain
	}
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		return ascii
	}
	return domain
}

// isPlain tells a domain that has nothing to convert: the case of nearly all.
func isPlain(domain string) bool {
	for i := range len(domain) {
		if domain[i] >= 0x80 {
			return false
		}
	}
	return !strings.Contains(domain, "xn--")
}

// Domain returns the domain of an address as ASCIIDomain does, "" for none.
func Domain(address string) string {
	_, domain, found := cutAddress(strings.TrimSpace(address))
	if !found {
		return ""
	}
	return ASCIIDomain(domain)
}

// Wire returns the address as it stands in headers and on the SMTP line: its
// domain in ASCII. The local part is kept as written.
func Wire(address string) string {
	local, domain, found := cutAddress(address)
	if !found {
		return address
	}
	return local + "@" + ASCIIDomain(domain)
}

// Canonical returns the form in which addresses are compared: lower case,
// domain in ASCII, the part after + left out; for Gmail one domain and no dots.
func Canonical(address string) string {
	local, domain, found := cutAddress(strings.ToLower(strings.TrimSpace(address)))
	if !found {
		return local
	}
	domain = ASCIIDomain(domain)
	if plain, _, plus := strings.Cut(local, "+"); plus && plain != "" {
		local = plain
	}
	if domain == "googlemail.com" {
		domain = "gmail.com"
	}
	if domain == "gmail.com" {
		local = strings.ReplaceAll(local, ".", "")
	}
	return local + "@" + domain
}

// SameAddress tells whether two addresses reach the same mailbox, as far as
// their form can tell.
func SameAddress(a, b string) bool {
	return Canonical(a) == Canonical(b) && strings.Contains(a, "@")
}

//go:embed public_domains.txt
var publicDomains string

var publicList = sync.OnceValues(func() (exact, families map[string]bool) {
	exact, families = map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(publicDomains) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if family, ok := strings.CutSuffix(line, ".*"); ok {
			families[family] = true
		} else {
			exact[line] = true
		}
	}
	return exact, families
})

// IsPublicDomain tells whether anybody can have a mailbox at the domain, so
// that two addresses there have nothing in common.
func IsPublicDomain(domain string) bool {
	exact, families := publicList()
	domain = ASCIIDomain(domain)
	if exact[domain] {
		return true
	}
	first, rest, _ := strings.Cut(domain, ".")
	// hotmail.fr and hotmail.co.uk are public, hotmail.dupont.fr is not
	second, last, two := strings.Cut(rest, ".")
	return families[first] && rest != "" && (!two || len(second) <= 3 && len(last) <= 3)
}
