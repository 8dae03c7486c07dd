package message

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	contactLine = regexp.MustCompile(`(^|[ |,;•·-])(tel|t|m|p|mob|mobile|port|portable|fax|phone|ph|telefon|telefono|gsm|cell|direct|ligne directe|standard|tlf|tfno|cel)\b[ .:]*[+(]?\d[\d .()/-]{6,}|^[+(]?\d[\d .()/-]{7,}$|(^|[ |])(www\.|https?://)\S+$|^\S+@\S+\.\S+$`)
	sentence    = regexp.MustCompile(`[.?!…]["')»]?$`)
	postscript  = regexp.MustCompile(`^(p\.? ?s\.?|nb|n\.b\.|post[- ]?scriptum)\b ?[.:,-]*`)
	secrecy     = regexp.MustCompile(`confidenti[ae]l|destinataire|par erreur|in error|detrui|intended recipient|disclose|vertraulich|privileged|irrtumlich|adressat|delete this|supprimer|unauthori[sz]ed|confidencial|destinatario|riservat|vertrouwelijk|geadresseerde|bestemd voor|legally`)
	office      = regexp.MustCompile(`\b(service|comptabilite|compta|accounts?|payable|team|equipe|fournisseurs|suppliers?|finances?|secretariat|direction|buchhaltung|kreditoren|administration|administracion|amministrazione|crediteuren|boekhouding|purchase|ledger|accueil)\b`)
	weakClosing = regexp.MustCompile(`^(merci|thanks?|thank you|danke|vielen dank|gracias|grazie|bedankt|ta|best)\b`)
)

const maxSignature = 15 // lines

// tidyRun removes from a piece of new text the signature and what programs
// added, and gives its lines without empty ones at the ends. later tells that
// other new text stands above: then nothing of the piece needs to stay.
func tidyRun(run []line, from Address, later bool) []string {
	lines := make([]string, 0, len(run))
	for _, l := range run {
		f := ""
		if len(l.text) <= 1000 {
			f = Fold(l.text)
		}
		if f != "" && mobileLines.in(f) && len(f) < 160 {
			continue
		}
		if delimiter(l.text) && (later || hasText(lines)) {
			break
		}
		lines = append(lines, l.text)
	}
	lines = dropNotices(trim(lines))
	lines = dropTrailers(lines, later)
	lines = dropName(lines, from)
	lines = dropBelowClosing(lines)
	lines = dropContacts(lines)
	return dropTrailers(trim(lines), later)
}

// delimiter tells the line that starts a signature.
func delimiter(s string) bool {
	switch strings.TrimRight(s, " ") {
	case "--", "---", "__", "___", "—", "––", "--=20":
		return true
	}
	return false
}

func hasText(lines []string) bool {
	for _, l := range lines {
		if wordy(l) {
			return true
		}
	}
	return false
}

func trim(lines []string) []string {
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// dropNotices removes confidentiality notices: paragraphs, not the first, with
// at least two of their words.
func dropNotices(lines []string) []string {
	out := lines[:0:0]
	for start := 0; start < len(lines); {
		end := start
		for end < len(lines) && strings.TrimSpace(lines[end]) != "" {
			end++
		}
		p := Fold(strings.Join(lines[start:end], " "))
		if start > 0 && len(p) > 60 && secret(p) {
			p = ""
		} else {
			out = append(out, lines[start:end]...)
		}
		for end < len(lines) && strings.TrimSpace(lines[end]) == "" {
			if p != "" {
				out = append(out, "")
			}
			end++
		}
		start = end
	}
	return trim(out)
}

// secret tells a confidentiality notice from a person who writes of secrets.
func secret(p string) bool {
	n := distinct(secrecy.FindAllString(p, 12))
	return n >= 3 || n == 2 && !personal.in(p)
}

func distinct(words []string) int {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return len(m)
}

// dropTrailers removes from the end what ticket systems, virus scanners and
// the like put there.
func dropTrailers(lines []string, all bool) []string {
	for lines = trim(lines); len(lines) > 1 || all && len(lines) > 0; lines = trim(lines) {
		last := lines[len(lines)-1]
		f := Fold(last[:min(len(last), 1000)])
		if !trailers.in(f) && !rule.MatchString(f) {
			return lines
		}
		lines = lines[:len(lines)-1]
	}
	return lines
}

// nameTokens are the words of a sender's name, folded. A name that is written
// "Last, First" or carries "(Firm)" gives the same words.
func nameTokens(from Address) []string {
	name := Fold(from.Name)
	if i := strings.IndexAny(name, "(|<@"); i > 0 {
		name = name[:i]
	}
	if name == "" {
		local, _, _ := strings.Cut(Fold(from.Email), "@")
		local = strings.TrimRight(strings.Map(func(r rune) rune {
			if r == '.' || r == '_' || r == '-' {
				return ' '
			}
			return r
		}, local), "0123456789")
		if !strings.Contains(local, " ") {
			return nil
		}
		name = local
	}
	return tokens(name)
}

func tokens(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '&' })
}

// dropName cuts at the line with the sender's own name that starts a signature.
func dropName(lines []string, from Address) []string {
	name := nameTokens(from)
	if len(name) == 0 {
		return lines
	}
	for i := 1; i < len(lines); i++ {
		if len(lines[i]) > 200 || strings.TrimSpace(lines[i]) == "" {
			continue
		}
		above := strings.TrimSpace(lines[i-1]) == ""
		below := i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != ""
		full := isName(lines[i], name)
		first := above && len(name) > 1 && isGiven(lines[i], name)
		if !(full && (above || below)) && !first || full && !below && office.MatchString(Fold(lines[i])) && lastOf(lines, i) {
			continue
		}
		if signatureLike(lines[i+1:]) || full && business(lines[i+1:]) {
			return trim(lines[:i])
		}
	}
	return lines
}

// lastOf tells that nothing but empty lines follows line i.
func lastOf(lines []string, i int) bool { return len(trim(lines[i+1:])) == 0 }

// business tells the lines of a business card: contact data among the first
// ones. Whatever stands below it is no answer.
func business(lines []string) bool {
	n := 0
	for _, l := range lines {
		if strings.TrimSpace(l) == "" {
			continue
		}
		f := Fold(l[:min(len(l), 1000)])
		if contactLine.MatchString(f) {
			return true
		}
		if n++; n > 6 || len(f) > 90 || sentence.MatchString(l) || personal.in(f) && len(strings.Fields(f)) > 3 {
			return false
		}
	}
	return false
}

// isName tells a line that is the name, or the name and then a title or firm
// after a separator.
func isName(s string, name []string) bool {
	f := Fold(s)
	if i := strings.IndexAny(f, "|,/;("); i > 0 && !sameWords(tokens(f), name) {
		f = f[:i]
	}
	if i := strings.Index(f, " - "); i > 0 {
		f = f[:i]
	}
	return sameWords(tokens(f), name)
}

func sameWords(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	count := make(map[string]int)
	for _, w := range a {
		count[w]++
	}
	for _, w := range b {
		if count[w]--; count[w] < 0 {
			return false
		}
	}
	return true
}

// isGiven tells a line that is one word of the name.
func isGiven(s string, name []string) bool {
	t := tokens(Fold(s))
	if len(t) != 1 || len(t[0]) < 3 || sentence.MatchString(s) {
		return false
	}
	for _, w := range name {
		if w == t[0] {
			return true
		}
	}
	return false
}

// signatureLike tells lines that may stand below a name: few, short, without
// sentences that say something.
func signatureLike(lines []string) bool {
	n := 0
	for _, l := range lines {
		if strings.TrimSpace(l) == "" {
			continue
		}
		f := Fold(l[:min(len(l), 1000)])
		if n++; n > maxSignature || postscript.MatchString(f) {
			return false
		}
		if strings.HasSuffix(l, ":") && len(strings.Fields(f)) > 3 || len([]rune(l)) > 90 || sentence.MatchString(l) && !contactLine.MatchString(f) && len(strings.Fields(f)) > 3 || strings.HasSuffix(l, "?") {
			return false
		}
		if personal.in(f) && len(strings.Fields(f)) > 3 {
			return false
		}
	}
	return true
}

// dropBelowClosing removes the signature below a closing formula. A name typed
// right under the formula is part of it and stays.
func dropBelowClosing(lines []string) []string {
	at := -1
	for i, l := range lines {
		if len(l) > 300 {
			continue
		}
		f := Fold(l)
		if closings.in(f) {
			at = i
		}
	}
	if at < 0 {
		return lines
	}
	end := at + 1
	for end < len(lines) && strings.TrimSpace(lines[end]) != "" {
		if f := Fold(lines[end]); contactLine.MatchString(f) || end > at+3 && closingStarts.in(Fold(lines[at])) {
			break
		}
		end++
	}
	rest := trim(lines[end:])
	if len(rest) == 0 || !signatureLike(rest) {
		return lines
	}
	if weakClosing.MatchString(Fold(lines[at])) && !signed(rest) {
		return lines
	}
	return trim(lines[:end])
}

// signed tells lines that show contact data, or are several short ones.
func signed(lines []string) bool {
	n := 0
	for _, l := range lines {
		if contactLine.MatchString(Fold(l)) {
			return true
		}
		if strings.TrimSpace(l) != "" {
			n++
		}
	}
	return n >= 2
}

// dropContacts removes a last paragraph of short lines that gives a telephone
// number, an address or a site and says nothing.
func dropContacts(lines []string) []string {
	start := len(lines)
	for start > 0 && strings.TrimSpace(lines[start-1]) != "" {
		start--
	}
	block := lines[start:]
	if start == 0 || len(block) < 2 || !signatureLike(block) {
		return lines
	}
	for _, l := range block {
		if contactLine.MatchString(Fold(l)) {
			return trim(lines[:start])
		}
	}
	return lines
}
