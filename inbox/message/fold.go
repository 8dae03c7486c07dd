package message

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// folds are letters that lose no mark when decomposed, and the signs people
// and programs write in several ways.
var folds = map[rune]string{
	'œ': "oe", 'æ': "ae", 'ß': "ss", 'ø': "o", 'ł': "l", 'đ': "d", 'ı': "i",
	'’': "'", '‘': "'", 'ʼ': "'", '`': "'", '´': "'", '′': "'",
	'“': `"`, '”': `"`, '«': `"`, '»': `"`, '„': `"`,
	'–': "-", '—': "-", '−': "-", '‐': "-", '‑': "-", '…': "...",
}

// Fold makes text comparable: lower case, without accents, one kind of
// apostrophe, quote and dash, white space collapsed to single spaces.
func Fold(s string) string {
	if plain(s) {
		return foldPlain(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range norm.NFD.String(s) {
		switch {
		case invisible(r) || unicode.Is(unicode.Mn, r):
			continue
		case unicode.IsSpace(r) || r == '\u00a0' || r == '\u202f':
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		r = unicode.ToLower(r)
		if to, ok := folds[r]; ok {
			b.WriteString(to)
			continue
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}

// foldPlain is Fold of ASCII.
func foldPlain(s string) string {
	out := make([]byte, 0, len(s))
	space := false
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ' ', c >= '\t' && c <= '\r':
			space = len(out) > 0
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == '`':
			c = '\''
		}
		if space {
			out = append(out, ' ')
			space = false
		}
		out = append(out, c)
	}
	return string(out)
}

// invisible tells characters that take no room: zero-width ones, soft hyphen,
// byte-order mark, marks of direction.
func invisible(r rune) bool {
	switch {
	case r == '\u00ad', r == '\u034f', r == '\u061c', r == '\ufeff', r >= '\u200b' && r <= '\u200f',
		r >= '\u202a' && r <= '\u202e', r >= '\u2060' && r <= '\u2069':
		return true
	}
	return false
}

// tidy makes one line plain: no-break spaces and tabs become spaces, what takes
// no room goes, and so do spaces at its end. Joiners inside emoji stay.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u00a0' || r == '\u202f' || r == '\t' || r == '\u2007' || r == '\u2009':
			return ' '
		case r == '\u200d':
			return r
		case invisible(r) || r == '\r':
			return -1
		}
		return r
	}, s)
	return strings.TrimRight(s, " ")
}

// wordy tells whether a text says anything: a letter, a digit, or a symbol
// such as an emoji.
func wordy(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.So, r) {
			return true
		}
	}
	return false
}
