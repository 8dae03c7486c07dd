package match

import (
	"regexp"
	"slices"
	"strings"

	"relanced/inbox/message"
	"relanced/internal/email"
)

// Clues are the keys of a message by which it may be found.
type Clues struct {
	Tokens     []email.ID // signed, in an address it came to
	Refs       []email.ID // signed, in the ids it answers
	Mangled    []email.ID // signed, elsewhere in the header
	MIDs       []string   // ids it answers, nearest first, lower case
	Threads    []string   // conversation GUID
	References []string   // visible references
	Addresses  []string   // of the sender, canonical, the likeliest first
	Domains    []string   // of the sender, neither public nor ours
	Numbers    []string   // what may be invoice numbers, normalised
}

// maxKeys bounds each kind of key: a hostile message asks no more.
const maxKeys = 100

var addressFields = []string{"delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-forwarded-to", "to", "cc"}

// HeaderFields are the fields that reading a header alone needs: those by which
// a message is matched, and those that tell a machine from a person.
var HeaderFields = []string{
	"From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To", "Sender",
	"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Forwarded-To", "X-Original-From", "Received",
	"Thread-Index", email.RefHeader, "Return-Path", "Content-Type", "X-Failed-Recipients",
	"Auto-Submitted", "Precedence", "X-Precedence", "X-Auto-Response-Suppress", "X-MS-Exchange-Inbox-Rules-Loop",
	"X-MS-Exchange-Generated-Message-Source", "X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Autoresponse",
	"X-Mail-Autoreply", "X-AutoReply-From", "X-Vacation", "X-Apple-Action", "X-FC-MachineGenerated",
	"List-Id", "List-Unsubscribe", "X-Loop", "Feedback-ID", "X-Mailer",
}

// cluesOf reads the keys of a message. Of one whose header alone was read, what
// only a body holds is missing. Own are the domains of the seller.
func cluesOf(m *message.Message, s Seller, own []string) Clues {
	var c Clues
	find := func(text string) []email.ID {
		if len(text) > 128<<10 {
			text = text[:128<<10]
		}
		if !mayHoldID(text) {
			return nil
		}
		ids := s.Keys.Find(text, own...)
		return ids[:min(len(ids), maxKeys)]
	}
	c.Tokens = find(join(m.Header, addressFields...) + received(m.Header))
	ids := answered(m)
	c.Refs = find(strings.Join(ids, "\n"))
	var rest strings.Builder
	for _, f := range m.Header {
		if f.Name == "received" || f.Name == "message-id" || slices.Contains(addressFields, f.Name) || !mayHoldID(f.Value) {
			continue
		}
		if rest.Len() < 128<<10 {
			rest.WriteString(f.Value)
			rest.WriteByte('\n')
		}
	}
	for _, id := range find(rest.String()) {
		if !slices.Contains(c.Refs, id) {
			c.Mangled = append(c.Mangled, id)
		}
	}
	for _, id := range ids {
		c.MIDs = addKey(c.MIDs, strings.ToLower(id))
	}
	if g := email.ThreadGUID(m.Header.Raw("thread-index")); g != "" {
		c.Threads = []string{g}
	}
	text := m.Subject + "\n" + m.Text
	if len(text) > 256<<10 {
		text = strings.ToValidUTF8(text[:256<<10], "")
	}
	if mayHoldReference(text) {
		for _, r := range email.FindReferences(text) {
			c.References = addKey(c.References, r)
		}
	}
	for _, a := range senders(m, s) {
		c.Addresses = addKey(c.Addresses, email.Canonical(a))
	}
	if len(c.Addresses) > 0 {
		if d := email.Domain(c.Addresses[0]); d != "" && !email.IsPublicDomain(d) && !slices.Contains(own, d) {
			c.Domains = []string{d}
		}
	}
	c.Numbers = numbersIn(text + "\n" + strings.Join(m.Attachments, "\n"))
	return c
}

// mayHoldID tells cheaply whether a text may quote an id of ours: 16 letters or
// digits, a full stop, 16 more, wherever it was folded or percent-encoded.
func mayHoldID(text string) bool {
	run, before := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			if run++; run >= 16 && before >= 16 {
				return true
			}
		case c == '%':
			return true
		case c == '.':
			before, run = run, 0
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '=':
		default:
			before, run = 0, 0
		}
	}
	return false
}

// mayHoldReference tells cheaply whether a text may name a visible reference: a
// word begins with R, and a sign or four letters and digits follow.
func mayHoldReference(text string) bool {
	run := 0 // of letters and digits, since the R that begins a word
	inWord := false
	for i := range len(text) {
		c := text[i] | 0x20
		letter := c >= 'a' && c <= 'z' || text[i] >= '0' && text[i] <= '9'
		switch {
		case letter && run > 0:
			if run++; run == 5 {
				return true
			}
		case letter && !inWord && c == 'r':
			run = 1
		case !letter && run == 1:
			return true
		case !letter:
			run = 0
		}
		inWord = letter || text[i] == '_'
	}
	return false
}

func addKey(list []string, key string) []string {
	if key == "" || len(list) >= maxKeys || slices.Contains(list, key) {
		return list
	}
	return append(list, key)
}

// answered gives the ids a message answers: In-Reply-To, then References from
// the last to the first.
func answered(m *message.Message) []string {
	out := slices.Clone(m.InReplyTo)
	for i := len(m.References) - 1; i >= 0; i-- {
		if !slices.Contains(out, m.References[i]) {
			out = append(out, m.References[i])
		}
	}
	return out[:min(len(out), maxKeys)]
}

var forAddress = regexp.MustCompile(`\bfor\s+<?([^\s<>;]+@[^\s<>;]+)`)

func received(h message.Header) string {
	var b strings.Builder
	for i, v := range h.All("received") {
		if i == 10 {
			break
		}
		if !mayHoldID(v) {
			continue
		}
		if m := forAddress.FindStringSubmatch(v); m != nil {
			b.WriteString(m[1] + "\n")
		}
	}
	return b.String()
}

var (
	srs     = regexp.MustCompile(`(?i)^srs[01][=+-](?:[^=]*==)?[^=]*=[^=]*=([^=]+)=([^@]+)@`)
	rewrote = regexp.MustCompile(`^([^=@]+)=([^=@]+\.[^=@]+)@`)
	robot   = regexp.MustCompile(`(?i)^(no[._-]?reply|do[._-]?not[._-]?reply|ne[._-]?pas[._-]?repondre|notifications?|mailer-daemon)([._+-]|@|$)`)
)

// senders gives the addresses that may be the sender's, the likeliest first.
// A message that one of our people forwards is of whoever wrote it.
func senders(m *message.Message, s Seller) []string {
	var out []string
	add := func(a string) {
		if a == "" || s.Owns(a) || slices.Contains(out, a) || len(out) > 20 {
			return
		}
		if !strings.Contains(a, "=") {
			out = append(out, a)
			return
		}
		if k := srs.FindStringSubmatch(a); k != nil {
			out = append(out, k[2]+"@"+k[1])
		} else if k := rewrote.FindStringSubmatch(a); k != nil {
			out = append(out, k[1]+"@"+k[2])
		}
		out = append(out, a)
	}
	if s.Owns(m.From.Email) {
		add(m.ForwardedSender().Email)
		return out
	}
	indirect := m.Header.Has("list-id") || robot.MatchString(m.From.Email) || m.From.Email == ""
	if indirect {
		for _, a := range m.ReplyTo {
			add(a.Email)
		}
	}
	add(m.From.Email)
	for _, a := range m.ReplyTo {
		add(a.Email)
	}
	add(m.Sender.Email)
	for _, v := range m.Header.All("x-original-from") {
		for _, a := range message.Addresses(v) {
			add(a.Email)
		}
	}
	return out
}
