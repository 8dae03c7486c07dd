package email

import (
	"strings"
	"unicode"
)

// Clean makes foreign text fit for one line that people read: line breaks and
// tabs become spaces, runs of spaces one; control characters, bidirectional
// overrides, invisible and private-use characters go; invalid bytes become
// U+FFFD; what is longer than limit characters ends in an ellipsis.
func Clean(text string, limit int) string {
	var out strings.Builder
	count, space, cut := 0, false, false
	for _, r := range text {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\v' || r == '\f' || r == 0x2028 || r == 0x2029 || r == 0x85 || r == ' ':
			space = count > 0
			continue
		case !shown(r):
			continue
		}
		need := 1
		if space {
			need = 2
		}
		if count+need > limit {
			cut = true
			break
		}
		if space {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
		count, space = count+need, false
	}
	if !cut {
		return out.String()
	}
	runes := []rune(out.String())
	if len(runes) >= limit && limit > 0 {
		runes = runes[:limit-1]
	}
	return strings.TrimRight(string(runes), " ") + "…"
}

// CleanText is Clean for text of several lines: line breaks stay, as "\n".
func CleanText(text string, limit int) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
	var out strings.Builder
	count := 0
	for _, r := range text {
		if r != '\n' && !shown(r) {
			continue
		}
		if count == limit {
			return out.String() + "…"
		}
		out.WriteRune(r)
		count++
	}
	return out.String()
}

// shown tells whether a character of foreign text may be shown: not one that
// steers the terminal, the direction of writing or the eye.
func shown(r rune) bool {
	switch {
	case unicode.IsControl(r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Bidi_Control, r):
		return false
	case r == 0x200B || r == 0x2060 || r == 0xFEFF || r == 0x00AD || r == 0x180E:
		return false
	case r >= 0xFFF9 && r <= 0xFFFB || r >= 0xE0000 && r <= 0xE007F || unicode.Is(unicode.Noncharacter_Code_Point, r):
		return false
	}
	return true
}
