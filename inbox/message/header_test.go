package message

import (
	"strings"
	"testing"
)

// A header beyond all bounds still tells whose message it is and what it
// answers, and its text is read.
func TestParse_paddedHeaders(t *testing.T) {
	t.Parallel()
	const fields = "From: a@b.example\r\nIn-Reply-To: <x@y.example>\r\n\r\nOui.\r\n"
	for name, padding := range map[string]string{
		"one long field":   "X-Long: " + strings.Repeat("a", 300<<10) + "\r\n",
		"long fields":      strings.Repeat("X-Long: "+strings.Repeat("a", 60<<10)+"\r\n", 8),
		"many fields":      strings.Repeat("X-Many: a\r\n", 3000),
		"long folded":      "X-Long: a\r\n" + strings.Repeat(" "+strings.Repeat("a", 900)+"\r\n", 400),
		"what is no field": strings.Repeat(strings.Repeat("a", 900)+"\r\n", 400),
	} {
		m := Parse([]byte(padding + fields))
		if m.From.Email != "a@b.example" || len(m.InReplyTo) != 1 || m.Text != "Oui." || m.Unreadable {
			t.Errorf("%s: from %q, answers %q, text %q, unreadable %v, %q", name, m.From.Email, m.InReplyTo, m.Text, m.Unreadable, m.Problems)
		}
		if len(m.Header) > maxFields+len(usualNames) {
			t.Errorf("%s: %d fields kept", name, len(m.Header))
		}
	}
}

// A message that was cut within its header is completed by the fields that
// were read by themselves, and by nothing it has already.
func TestComplete_cutWithinTheHeader(t *testing.T) {
	t.Parallel()
	m := Parse([]byte("From: a@b.example\r\nX-Long: " + strings.Repeat("a", 1<<20)))
	m.Complete(ParseHeader([]byte("From: other@b.example\r\nIn-Reply-To: <x@y.example>\r\n\r\n")))
	if m.From.Email != "a@b.example" || len(m.InReplyTo) != 1 {
		t.Errorf("from %q, answers %q", m.From.Email, m.InReplyTo)
	}
}
