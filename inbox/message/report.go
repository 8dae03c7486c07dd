package message

import (
	"regexp"
	"slices"
	"strings"

	"relanced/internal/email"
)

// Report is what a failure or delay notice says.
type Report struct {
	EnvelopeID string // Original-Envelope-Id: the ENVID we gave
	OriginalID string // X-Original-Message-ID, without brackets
	Standard   bool   // it carries a delivery status part
	Recipients []Recipient
}

// Recipient is one address of a notice and what became of it.
type Recipient struct {
	Address  string // the one that failed: it may be where ours was forwarded to
	Original string // the one we wrote to, where the notice tells
	Action   string // failed, delayed, delivered, relayed, expanded; "" untold
	Status   string // the code that tells most: 5.1.1, else 550, else ""
	Text     string // what the server said
	Class    email.Failure
}

// Failed tells whether the message did not arrive and no more will be tried.
func (r Recipient) Failed() bool { return r.Action == "failed" }

// Hard tells whether the address itself is to be taken for wrong.
func (r Recipient) Hard() bool { return r.Failed() && r.Class == email.HardAddress }

// Failed tells whether the notice reports any failure.
func (r *Report) Failed() bool {
	for _, x := range r.Recipients {
		if x.Failed() {
			return true
		}
	}
	return false
}

// Hard tells whether every recipient that failed is a wrong address.
func (r *Report) Hard() bool {
	hard := false
	for _, x := range r.Recipients {
		if x.Failed() && !x.Hard() {
			return false
		}
		hard = hard || x.Hard()
	}
	return hard
}

// Action sums the recipients up: failed before delayed before the others.
func (r *Report) Action() string {
	action := ""
	for _, x := range r.Recipients {
		switch {
		case x.Action == "failed":
			return "failed"
		case x.Action == "delayed", action == "":
			action = x.Action
		}
	}
	return action
}

// Status is the code of the first recipient that has the summed-up action.
func (r *Report) Status() string {
	for _, x := range r.Recipients {
		if x.Action == r.Action() && x.Status != "" {
			return x.Status
		}
	}
	return ""
}

// maxRecipients bounds what is read of one notice.
const maxRecipients = 200

// statusBlocks reads the blocks of a delivery status part: the message's, then
// one per recipient. Fields of two blocks are never mixed.
func statusBlocks(body []byte) []Header {
	var out []Header
	rest := toLF(body)
	for len(rest) > 0 && len(out) <= maxRecipients {
		var h Header
		h, rest, _ = splitHeader(rest)
		if len(h) > 0 {
			out = append(out, h)
		}
	}
	return out
}

// readStatus fills a report from the blocks of a delivery status part.
func (r *Report) readStatus(blocks []Header, text string) {
	for _, h := range blocks {
		if id := h.Text("original-envelope-id"); id != "" && r.EnvelopeID == "" {
			r.EnvelopeID = strings.TrimSpace(id)
		}
		if ids := IDs(h.Raw("x-original-message-id")); len(ids) > 0 && r.OriginalID == "" {
			r.OriginalID = ids[0]
		}
		if !h.Has("final-recipient") && !h.Has("original-recipient") && !h.Has("action") && !h.Has("diagnostic-code") {
			continue
		}
		x := Recipient{
			Address:  typed(h.Text("final-recipient")),
			Original: typed(h.Text("original-recipient")),
			Action:   strings.ToLower(firstWord(h.Text("action"))),
			Text:     diagnostic(h.Text("diagnostic-code")),
		}
		if x.Address == "" {
			x.Address = x.Original
		}
		status := enhanced.FindString(h.Text("status"))
		x.settle(status, underAddress(text, x.Address))
		if len(r.Recipients) < maxRecipients {
			r.Recipients = append(r.Recipients, x)
		}
	}
}

// settle chooses the code that tells most and derives action and class.
func (x *Recipient) settle(status, around string) {
	inText := enhanced.FindString(x.Text)
	digits := replyCode.FindString(x.Text)
	below := enhanced.FindString(around)
	switch {
	case inText != "" && (status == "" || generic(status) || digits != "" && digits[0] != status[0]):
		x.Status = inText
	case below != "" && (status == "" || generic(status)) && inText == "":
		x.Status = below
	case status != "" && !generic(status):
		x.Status = status
	case inText != "":
		x.Status = inText
	case status != "":
		x.Status = status
	}
	if digits == "" {
		digits = replyCode.FindString(around)
	}
	if x.Status == "" {
		x.Status = digits
	}
	if x.Text == "" {
		x.Text = around
	}
	if x.Action == "" {
		x.Action = "failed"
		if strings.HasPrefix(x.Status, "2") {
			x.Action = "delivered"
		}
	}
	x.Class = email.FailureOf(x.Status, digits, Fold(x.Text+" "+around))
}

var (
	enhanced  = regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`)
	replyCode = regexp.MustCompile(`\b[45]\d\d\b`)
	anyAddr   = regexp.MustCompile(`[A-Za-z0-9._%+=&'/-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}`)
	technical = regexp.MustCompile(`(?i)^(final-recipient|original-recipient|action|status|diagnostic-code) ?: ?(.*)$`)
)

func generic(status string) bool { return strings.HasSuffix(status, ".0.0") }

// typed takes the address out of "rfc822; bob@example.com".
func typed(s string) string {
	if _, after, ok := strings.Cut(s, ";"); ok {
		s = after
	}
	if a := anyAddr.FindString(s); a != "" {
		return a
	}
	return strings.Trim(strings.TrimSpace(s), "<>")
}

func diagnostic(s string) string {
	if kind, after, ok := strings.Cut(s, ";"); ok && len(kind) < 20 {
		s = after
	}
	s = strings.Join(strings.Fields(strings.Map(dropControl, s)), " ")
	return clean(s[:min(len(s), 2000)])
}

func firstWord(s string) string {
	if f := strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == ';' || r == '(' }); len(f) > 0 {
		return f[0]
	}
	return ""
}

// underAddress gives the lines of a notice's text from the one that names the
// address on: that one and the next six.
func underAddress(text, address string) string {
	if address == "" {
		return ""
	}
	i := strings.Index(strings.ToLower(text), strings.ToLower(address))
	if i < 0 || i > len(text) {
		return ""
	}
	rest := text[i:]
	end := 0
	for n := 0; n < 7 && end < len(rest); n++ {
		k := strings.IndexByte(rest[end:], '\n')
		if k < 0 {
			end = len(rest)
			break
		}
		end += k + 1
	}
	rest = strings.ToValidUTF8(rest[:min(end, 1500)], "")
	return strings.Join(strings.Fields(rest), " ")
}

// readReport finds what the message reports of a delivery, if it does.
func (m *Message) readReport(root *part) *Report {
	r := &Report{}
	text := m.Text[:min(len(m.Text), 64<<10)]
	daemon := m.main.main == "multipart/report" || m.daemonScore() >= 2
	root.leaves(func(p *part) {
		if p.kind.main != "message/delivery-status" && p.kind.main != "message/global-delivery-status" {
			return
		}
		if p.inside && !daemon {
			return // a person sends a notice along
		}
		r.Standard = true
		r.readStatus(statusBlocks(decodeTransfer(p.body, p.header.Raw("content-transfer-encoding"))), text)
	})
	reported := m.main.main == "multipart/report" && strings.EqualFold(m.main.params["report-type"], "delivery-status")
	switch {
	case len(r.Recipients) > 0:
		return r
	case r.Standard || reported || m.daemonScore() >= 2:
		r.readText(m, text)
		return r
	}
	return nil
}

// readText reads a notice without a delivery status part: fields written into
// the text, X-Failed-Recipients, addresses with a code near them.
func (r *Report) readText(m *Message, text string) {
	var fields strings.Builder
	for l := range strings.SplitSeq(text, "\n") {
		if technical.MatchString(strings.TrimSpace(l)) {
			fields.WriteString(strings.TrimSpace(l) + "\n")
		} else if fields.Len() > 0 && strings.TrimSpace(l) == "" {
			fields.WriteString("\n")
		}
	}
	r.readStatus(statusBlocks([]byte(fields.String())), text)
	if len(r.Recipients) > 0 {
		return
	}
	var addresses []string
	seen := make(map[string]bool)
	add := func(a string) {
		if k := strings.ToLower(a); a != "" && !seen[k] && len(addresses) < 20 {
			seen[k] = true
			addresses = append(addresses, a)
		}
	}
	for _, v := range m.Header.All("x-failed-recipients") {
		for _, a := range anyAddr.FindAllString(DecodeWords(v), 20) {
			add(a)
		}
	}
	if len(addresses) == 0 {
		own := make(map[string]bool)
		for _, a := range append(append([]Address{m.From}, m.To...), m.Cc...) {
			own[strings.ToLower(a.Email)] = true
		}
		top := text
		for _, mark := range []string{"\nReturn-Path:", "\nReceived:", "\n--- ", "\n-----"} {
			if i := strings.Index(top, mark); i > 0 {
				top = top[:i]
			}
		}
		for _, a := range anyAddr.FindAllString(top, 50) {
			if !own[strings.ToLower(a)] && !strings.HasPrefix(strings.ToLower(a), "postmaster@") {
				add(a)
				break
			}
		}
	}
	delayed := strings.Contains(Fold(m.Subject), "delay") || strings.Contains(Fold(m.Subject), "retard") || strings.Contains(Fold(m.Subject), "verzoger")
	for _, a := range addresses {
		x := Recipient{Address: a}
		if delayed {
			x.Action = "delayed"
		}
		x.settle("", underAddress(text, a))
		if x.Status == "" || x.Class == email.UnknownFailure {
			whole := Recipient{Address: a, Action: x.Action, Text: diagnostic(strings.Join(strings.Fields(text), " "))}
			whole.settle("", "")
			if whole.Class != email.UnknownFailure {
				whole.Text = x.Text
				x = whole
			}
		}
		r.Recipients = append(r.Recipients, x)
	}
}

var (
	// daemonWords are those of which daemonLocal needs one.
	daemonWords = []string{"daemon", "postmaster", "bounce", "microsoftexchange"}
	daemonLocal = regexp.MustCompile(`^(mailer-?daemon|mail-daemon|postmaster|bounces?([+-].*)?|microsoftexchange[0-9a-f]{32})$`)
	daemonNames = []string{"mail delivery system", "mail delivery subsystem", "system administrator", "administrateur systeme", "systemadministrator", "postmaster", "microsoft outlook"}
)

// daemonScore counts the signs of a failure notice; two make one.
func (m *Message) daemonScore() int {
	score := 0
	count := func(yes bool) {
		if yes {
			score++
		}
	}
	local, _, _ := strings.Cut(strings.ToLower(m.From.Email), "@")
	count(holdsAny(local, daemonWords) && daemonLocal.MatchString(local))
	count(slices.Contains(daemonNames, Fold(m.From.Name)))
	count(m.Header.Has("x-failed-recipients"))
	count(m.nullReturnPath())
	base, _, _ := m.stripped()
	count(bounceSubjects.in(base))
	count(m.kinds["text/rfc822-headers"] || m.kinds["message/rfc822-headers"])
	count(score > 0 && bounceAnchors.in(Fold(m.Text[:min(len(m.Text), 16<<10)])))
	return score
}

func (m *Message) nullReturnPath() bool {
	v := m.Header.Raw("return-path")
	return m.Header.Has("return-path") && strings.Trim(strings.TrimSpace(v), "<> ") == ""
}
