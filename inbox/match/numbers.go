package match

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"relanced/inbox/message"
)

// keywords end in what precedes a number that is an invoice's.
var keywords = []string{
	"facture", "factures", "fact", "fac", "n°", "nº", "no", "num", "numero", "invoice", "invoices", "inv", "bill", "rechnung", "rechnungen",
	"re", "rg", "nr", "factura", "fattura", "factuur", "number", "#",
}

// announces tells whether folded text ends in a keyword, whatever signs follow it.
func announces(text string) bool {
	for {
		if slices.ContainsFunc(keywords, func(k string) bool { return strings.HasSuffix(text, k) }) {
			return true
		}
		sign, size := utf8.DecodeLastRuneInString(text)
		if size == 0 || !strings.ContainsRune(" .:°#-", sign) {
			return false
		}
		text = text[:len(text)-size]
	}
}

// wordsOf gives where runs of letters and digits stand in a line, those joined
// by - / . _ as one: each may be an invoice number, or one of two or three words
// that make one when written together.
func wordsOf(line string) [][2]int {
	var words [][2]int
	from, end := -1, -1 // of the word so far; end stays where a joiner may follow
	for i, r := range line {
		switch {
		case r < utf8.RuneSelf && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'), r >= utf8.RuneSelf && unicode.IsLetter(r):
			if from < 0 {
				from = i
			}
			end = i + utf8.RuneLen(r)
		case from >= 0 && end == i && strings.ContainsRune("-/._", r):
		case from >= 0:
			words = append(words, [2]int{from, end})
			from = -1
		}
		if len(words) == maxWords {
			return words
		}
	}
	if from >= 0 {
		words = append(words, [2]int{from, end})
	}
	return words
}

// maxWords bounds the words looked at in one line.
const maxWords = 300

// maxNumbers bounds the candidates looked up for one message.
const maxNumbers = 300

// Normal is an invoice number as numbers are compared: upper case, without
// spaces and punctuation.
func Normal(number string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r > 0x7f:
			return r
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return -1
	}, number)
}

// numbersIn gives what in a text may be an invoice number, normalised, with a
// variant without leading zeros. Up to four digits need a word before them
// that says so.
func numbersIn(text string) []string {
	var out []string
	seen := make(map[string]bool)
	add := func(n string) {
		if n = Normal(n); n != "" && len(n) <= 40 && strings.ContainsAny(n, "0123456789") && !seen[n] && len(out) < maxNumbers {
			seen[n] = true
			out = append(out, n)
			if z := strings.TrimLeft(n, "0"); z != n && z != "" && !seen[z] {
				seen[z] = true
				out = append(out, z)
			}
		}
	}
	count := 0
	for l := range strings.SplitSeq(text, "\n") {
		if count++; count > 5000 || len(out) >= maxNumbers {
			break
		}
		if len(l) > 2000 {
			l = strings.ToValidUTF8(l[:2000], "")
		}
		if !strings.ContainsAny(l, "0123456789") {
			continue
		}
		words := wordsOf(l)
		for i, at := range words {
			w := l[at[0]:at[1]]
			if strings.ContainsAny(w, "0123456789") {
				if !short(w) || announces(message.Fold(l[max(0, at[0]-24):at[0]])) {
					add(w)
				}
				if j := strings.LastIndexByte(w, '.'); j > 0 { // a file's name
					add(w[:j])
				}
			}
			// "FA 2026 0417", "n° F 12345"
			for n := 1; n <= 2 && i+n < len(words); n++ {
				joined := l[at[0]:words[i+n][1]]
				if len(joined) > 30 || strings.ContainsAny(joined, ",;:()@€$£") || len(w) > 8 {
					break
				}
				if k := Normal(joined); len(k) >= 5 && k != Normal(w) {
					add(joined)
				}
			}
		}
	}
	return out
}

func short(w string) bool {
	n := Normal(w)
	return len(n) <= 4 && strings.Trim(n, "0123456789") == ""
}
