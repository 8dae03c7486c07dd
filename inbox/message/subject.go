package message

import (
	"regexp"
	"strings"
)

const number = `(?: ?(?:\[\d{1,3}\]|\(\d{1,3}\)|²|\^\d))?`

var (
	replyPrefix   = regexp.MustCompile(`^(?:re|rep|ref|aw|antw|antwort|sv|vs|va|res|r|rif|odp|ynt|atb|απ|回复|答复)` + number + `(?: ?\.)? ?[:：] ?`)
	forwardPrefix = regexp.MustCompile(`^(?:fw|fwd|tr|wg|rv|i|enc|doorst|vb|vl|pd|πρθ|转发)` + number + `(?: ?\.)? ?[:：] ?`)
	tagPrefix     = regexp.MustCompile(`^(?:\[[^\]]{1,60}\]|\*{2,}[^*]{1,40}\*{2,}|\{[^}]{1,40}\}) ?`)
)

// BaseSubject is a subject folded, without the prefixes of answers and
// forwards and without tags in brackets, as often as they come.
func BaseSubject(subject string) string {
	base, _, _ := strip(subject)
	return base
}

// strip gives the folded base of a subject, and which prefixes it had.
func strip(subject string) (base string, reply, forward bool) {
	s := subjectReplacer.Replace(Fold(subject[:min(len(subject), 4000)]))
	for range 30 {
		if !strings.ContainsAny(s, ":：[*{") {
			break // nothing that ends a prefix
		}
		switch {
		case replyPrefix.MatchString(s):
			s, reply = s[len(replyPrefix.FindString(s)):], true
		case forwardPrefix.MatchString(s):
			s, forward = s[len(forwardPrefix.FindString(s)):], true
		case tagPrefix.MatchString(s) && len(tagPrefix.FindString(s)) < len(s):
			s = s[len(tagPrefix.FindString(s)):]
		default:
			return s, reply, forward
		}
	}
	return s, reply, forward
}

// stripped is strip of the message's subject, done once.
func (m *Message) stripped() (base string, reply, forward bool) {
	if m.subject == nil || m.subject.of != m.Subject {
		m.subject = &subject{of: m.Subject}
		m.subject.base, m.subject.reply, m.subject.forward = strip(m.Subject)
	}
	return m.subject.base, m.subject.reply, m.subject.forward
}

// subject is what was stripped of one.
type subject struct {
	of, base       string
	reply, forward bool
}
