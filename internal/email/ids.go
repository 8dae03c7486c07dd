package email

import (
	"cmp"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// RefHeader carries "{id}.{mac}": it survives where a provider replaces the
// Message-ID, and comes back inside bounces.
const RefHeader = "X-Relanced-Ref"

// MessageID returns the Message-ID of a message from that domain, with its
// angle brackets: <r1.{id}.{mac}@{domain}>, r1 telling the key's version.
func (k Keys) MessageID(id ID, domain string) string {
	domain = ASCIIDomain(domain)
	return "<r" + strconv.Itoa(k.current) + "." + k.Ref(id, domain) + "@" + domain + ">"
}

// Ref returns "{id}.{mac}", the two as they stand in the Message-ID.
func (k Keys) Ref(id ID, domain string) string {
	return string(id) + "." + k.mac(k.current, midText(id, ASCIIDomain(domain)))
}

// TokenAddress returns the address with the message's token in it:
// billing+r.{id}.{mac}@example.com. It is "" where the local part would pass
// the 64 bytes that a local part may have.
func (k Keys) TokenAddress(id ID, address string) string {
	local, domain, found := cutAddress(address)
	token := local + "+r." + k.Ref(id, domain)
	if !found || len(token) > 64 {
		return ""
	}
	return token + "@" + domain
}

func midText(id ID, domain string) string { return "mid1|" + string(id) + "|" + domain }

var idPattern = regexp.MustCompile(`(?:r([0-9]{0,2})\.)?([0-9a-z]{16})\.([0-9a-z]{16})(?:@([0-9a-z][0-9a-z.-]*))?`)

// Find returns the ids of our messages that text quotes, in order, each once:
// Message-IDs, references and token addresses, however mangled: lists with
// commas, folds inside an id, doubled brackets, percent signs, changed case.
// Only ids with a valid signature count. Own are the domains we write from:
// they complete an id whose domain is missing, as in X-Relanced-Ref.
func (k Keys) Find(text string, own ...string) []ID {
	var found []ID
	seen := map[ID]bool{}
	for _, variant := range unmangle(text) {
		for _, m := range idPattern.FindAllStringSubmatch(variant, -1) {
			version, _ := strconv.Atoi(cmp.Or(m[1], "0"))
			id, mac := ID(m[2]), m[3]
			if seen[id] {
				continue
			}
			for _, domain := range append([]string{strings.Trim(m[4], ".-")}, own...) {
				if k.verify(version, midText(id, ASCIIDomain(domain)), mac) {
					seen[id] = true
					found = append(found, id)
					break
				}
			}
		}
	}
	return found
}

var (
	folds   = regexp.MustCompile(`=?[\r\n]+[ \t]*`)
	percent = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)

// unmangle returns text in lower case as it may have stood before transport:
// with folds taken out, with folds as spaces, each with percent signs decoded.
func unmangle(text string) []string {
	plain := strings.ToLower(percent.ReplaceAllStringFunc(text, func(code string) string {
		if decoded, err := url.PathUnescape(code); err == nil {
			return decoded
		}
		return code
	}))
	joined, spaced := folds.ReplaceAllString(plain, ""), folds.ReplaceAllString(plain, " ")
	if joined == spaced {
		return []string{plain}
	}
	return []string{spaced, joined, strings.Join(strings.Fields(joined), "")}
}
