package message

import "strings"

// minOwn is how many letters a line needs before it can be told to be ours.
const minOwn = 20

// Outgoing is the text of messages we sent, ready for comparison.
type Outgoing struct{ text string }

// NewOutgoing prepares texts we sent. Their lines may be wrapped differently
// in a reply.
func NewOutgoing(texts ...string) Outgoing {
	var b strings.Builder
	for _, t := range texts {
		if len(t) > maxText {
			t = t[:maxText]
		}
		b.WriteString(letters(t))
		b.WriteByte('\n')
	}
	return Outgoing{b.String()}
}

// letters keeps what survives rewrapping and retyping: folded letters and digits.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f {
			return r
		}
		return -1
	}, Fold(s))
}

// Has tells whether a line of at least 20 letters stands in one of the texts.
func (o Outgoing) Has(s string) bool {
	if o.text == "" || len(s) > 4000 {
		return false
	}
	l := letters(s)
	return len(l) >= minOwn && strings.Contains(o.text, l)
}

// Quoted counts the different lines of a text that stand in ours. It stops at
// 20: three tell that our message is quoted.
func (o Outgoing) Quoted(text string) int {
	if o.text == "" {
		return 0
	}
	seen := make(map[string]bool)
	for n, l := range strings.Split(text, "\n") {
		if n > 2000 || len(seen) >= 20 {
			break
		}
		_, bare := quoteDepth(l)
		if o.Has(bare) {
			seen[letters(bare)] = true
		}
	}
	return len(seen)
}
