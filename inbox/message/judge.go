package message

import (
	"regexp"
	"slices"
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
)

// Context is what is known besides the message itself. Its zero value reads a
// message as one that matches a customer.
type Context struct {
	Own        []string               // addresses of our mailboxes and of our people
	Ours       func(text string) bool // whether a header quotes an id that we made; nil: none does
	Unmatched  bool                   // it was looked up and belongs to nobody
	Sent       Outgoing               // what we wrote to the customer
	ReceivedOn calendar.Date          // in the company's zone; zero: no dates are read
	Country    string                 // of the company: US writes the month first
}

// Verdict is what a message is.
type Verdict struct {
	Class      dossier.Class
	Holds      bool     // a message like this that matches a customer holds the next step
	Why        []string // the signs, in words
	New        NewText
	Language   string        // fr, en, de, es, it, nl; "" unknown
	ReturnOn   calendar.Date // when an absent person is back; zero: not told
	Departed   bool          // the person has left, the address is given up
	Insolvent  bool          // an automatic answer speaks of the end of the firm
	Substitute []string      // addresses an automatic answer names instead
	Forwarded  Address       // whose message one of our people forwarded
}

// Judge decides what the message is, in an order in which the first sign
// decides. Every doubt holds.
func (m *Message) Judge(c Context) (v Verdict) {
	defer func() {
		if recover() != nil {
			v = Verdict{Class: dossier.ClassUnreadable, Holds: true, Why: []string{"the message could not be read"}}
		}
	}()
	if m.Unreadable {
		return Verdict{Class: dossier.ClassUnreadable, Holds: true, Why: []string{"the message could not be read"}}
	}
	j := judge{m: m, c: c}
	j.v.New = m.newText(c.Sent)
	new := j.v.New.Text
	j.text = Fold(new[:min(len(new), 16<<10)])
	j.base, j.reply, j.forward = m.stripped()
	j.decide()
	j.v.Language = guessLanguage(new, m.Text, m.Subject)
	switch j.v.Class {
	case dossier.ClassAutoReply, dossier.ClassProbableAuto, dossier.ClassMachineAck:
		j.v.ReturnOn = returnOn(new, c.ReceivedOn, c.Country)
		if j.v.ReturnOn.IsZero() && j.v.Class != dossier.ClassMachineAck && !j.v.Departed {
			j.v.ReturnOn = returnOn(m.Subject, c.ReceivedOn, c.Country)
		}
		if j.v.Departed {
			j.v.ReturnOn = 0
		}
		j.v.Substitute = j.substitutes()
	case dossier.ClassHuman:
		if absences.in(j.text) {
			j.v.ReturnOn = returnOn(new, c.ReceivedOn, c.Country)
		}
	case dossier.ClassReceipt, dossier.ClassBounce, dossier.ClassComplaint:
		j.v.New = NewText{}
	}
	return j.v
}

type judge struct {
	m              *Message
	c              Context
	v              Verdict
	text           string // new text, folded
	base           string // of the subject
	reply, forward bool
}

func (j *judge) is(class dossier.Class, holds bool, why ...string) {
	j.v.Class, j.v.Holds = class, holds
	j.v.Why = append(j.v.Why, why...)
}

func (j *judge) decide() {
	m := j.m
	switch {
	case j.fromUs():
		switch sender := j.forwarded(); {
		case j.ours():
			j.is(dossier.ClassOwn, false, "from our own address, with our mark")
		case sender.Email != "":
			j.v.Forwarded = sender
			j.is(dossier.ClassHuman, true, "forwarded by "+m.From.Email)
		default:
			j.is(dossier.ClassColleague, true, "from one of our own people")
		}
	case m.Report != nil:
		holds := false
		for _, r := range m.Report.Recipients {
			holds = holds || r.Failed() && r.Class.Holds()
		}
		// A notice that names nobody is still a failure that somebody must look at.
		holds = holds || len(m.Report.Recipients) == 0
		why := "signs of a failure notice"
		if m.Report.Standard {
			why = "delivery status part"
		}
		j.is(dossier.ClassBounce, holds, why)
	case m.Complaint():
		j.is(dossier.ClassComplaint, true, strings.TrimSpace("feedback report "+m.feedback))
	case strings.HasPrefix(Fold(m.Subject), "report domain:") && (m.kinds["application/zip"] || m.kinds["application/gzip"] || m.kinds["application/x-gzip"] || m.kinds["application/x-zip-compressed"]):
		j.is(dossier.ClassIgnore, false, "aggregate DMARC report")
	case m.main.params["report-type"] == "disposition-notification" || m.kinds["message/disposition-notification"] && !j.personal():
		j.is(dossier.ClassReceipt, false, "disposition notification")
	case !j.reply && receiptSubjects.in(Fold(m.Subject)) && (j.text == "" || receiptText.MatchString(j.text)):
		j.is(dossier.ClassReceipt, false, "subject and text of a read receipt")
	case m.calendarAnswer() && !wordy(j.text):
		j.is(dossier.ClassCalendar, false, "answer to an invitation, nothing typed")
	default:
		j.automatic()
	}
}

var receiptText = regexp.MustCompile(`^(your message|votre message|ihre nachricht|su mensaje|il messaggio|uw bericht|le message|das ist eine|this is a (return )?receipt|ceci est un accuse|message lu)`)

func (j *judge) automatic() {
	sure, maybe := j.m.sureSign(), j.m.doubtfulSign()
	absentSubject := absenceSubjects.in(j.base) || domino(j.base)
	absent := absences.in(j.text)
	acked := acks.in(j.text) || j.m.subjectAcks(j.base)
	switch {
	case sure != "":
		switch {
		case j.over(dossier.ClassAutoReply, sure):
		case acks.in(j.text) && !absent:
			j.is(dossier.ClassMachineAck, true, sure, "acknowledgement phrase: "+acks.find(j.text))
		case !absent && !absentSubject && personal.in(j.text):
			j.is(dossier.ClassProbableAuto, true, sure, "but it reads as typed by a person: "+personal.find(j.text))
		default:
			j.is(dossier.ClassAutoReply, false, sure)
		}
	case maybe != "" && j.c.Unmatched:
		j.is(dossier.ClassIgnore, false, maybe, "belongs to no customer")
	case maybe != "":
		switch {
		case absentSubject && absent && j.m.generated():
			if !j.over(dossier.ClassAutoReply, maybe) {
				j.is(dossier.ClassAutoReply, false, maybe, "subject and text of an absence notice")
			}
		case acked && !personal.in(acks.without(j.text)):
			j.is(dossier.ClassMachineAck, true, maybe, "acknowledgement phrase: "+acks.find(j.text))
		case absentSubject:
			j.is(dossier.ClassProbableAuto, true, maybe, "subject of an automatic answer")
		case !j.personal() && !j.quotes() && (absent || departures.in(j.text)):
			j.v.Departed = departures.in(j.text)
			j.is(dossier.ClassProbableAuto, true, maybe, "reads as an automatic answer")
		default:
			j.is(dossier.ClassHuman, true, maybe, "no acknowledgement phrase, or words of a person")
		}
	case absentSubject:
		j.v.Departed = departures.in(j.text)
		j.is(dossier.ClassProbableAuto, true, "subject of an automatic answer, no header says so")
	case !j.personal() && !j.quotes() && (absent || departures.in(j.text) || acks.in(j.text)) && j.text != "":
		j.v.Departed = departures.in(j.text)
		j.is(dossier.ClassProbableAuto, true, "reads as an automatic answer, no header says so")
	default:
		j.is(dossier.ClassHuman, true, "no sign of a machine")
	}
}

// over applies what makes an automatic answer hold all the same.
func (j *judge) over(class dossier.Class, sign string) bool {
	j.v.Departed = departures.in(j.text)
	j.v.Insolvent = insolvencies.in(j.text)
	switch {
	case j.v.Insolvent:
		j.is(class, true, sign, "speaks of the end of the firm: "+insolvencies.find(j.text))
	case j.v.Departed:
		j.is(class, true, sign, "the person has left: "+departures.find(j.text))
	default:
		return false
	}
	return true
}

func (j *judge) personal() bool { return personal.in(j.text) }

// quotes tells whether the message quotes what it answers: machines rarely do.
func (j *judge) quotes() bool {
	for _, s := range j.m.segments {
		if c := cutQuotes(s.lines()); c.cut {
			return true
		}
	}
	return false
}

func (j *judge) fromUs() bool {
	for _, a := range j.c.Own {
		if email.SameAddress(a, j.m.From.Email) {
			return true
		}
	}
	return false
}

func (j *judge) ours() bool {
	if j.c.Ours == nil {
		return false
	}
	return j.c.Ours(j.m.Header.Raw("x-relanced-ref")) || j.c.Ours(j.m.MessageID)
}

// forwarded gives the sender of the message that a forward carries.
func (j *judge) forwarded() Address {
	if !j.forward {
		return Address{}
	}
	return j.m.ForwardedSender()
}

// domino tells the subject of a Notes absence agent: "AUTO: NAME is out …".
func domino(base string) bool {
	rest, ok := strings.CutPrefix(base, "auto:")
	return ok && rest != ""
}

// sureSign names the header that proves an automatic answer, or "".
func (m *Message) sureSign() string {
	h := m.Header
	low := func(name string) string { return strings.ToLower(strings.TrimSpace(h.Raw(name))) }
	if strings.HasPrefix(low("auto-submitted"), "auto-replied") {
		return "Auto-Submitted: auto-replied"
	}
	for _, name := range []string{"x-autoreply", "x-autorespond", "x-autoresponder", "x-autoresponse", "x-mail-autoreply", "x-autoreply-from", "x-vacation"} {
		if h.Has(name) && low(name) != "no" {
			return name
		}
	}
	switch {
	case low("precedence") == "auto_reply", low("x-precedence") == "auto_reply":
		return "Precedence: auto_reply"
	case low("delivered-to") == "autoresponder":
		return "Delivered-To: Autoresponder"
	case low("x-apple-action") == "vacation":
		return "X-Apple-Action: VACATION"
	case low("x-fc-machinegenerated") == "true":
		return "X-FC-MachineGenerated: true"
	case suppressAll.MatchString(low("x-auto-response-suppress")) &&
		(h.Has("x-ms-exchange-inbox-rules-loop") || strings.Contains(low("x-ms-exchange-generated-message-source"), "mailbox rules agent")):
		return "absence notice of Exchange"
	}
	return ""
}

var suppressAll = regexp.MustCompile(`\ball\b`)

var (
	// noReplyWords are those of which noReply needs one.
	noReplyWords = []string{"reply", "repondre", "notification", "antwort"}

	noReply = regexp.MustCompile(`^(no[._-]?reply|ne[._-]?pas[._-]?repondre|do[._-]?not[._-]?reply|notifications?|noreply[._-].*|no-reply[._-].*|.*[._-]no-?reply|nepasrepondre.*|keine[._-]?antwort)([._+-].*)?$`)
	tickets = []string{"zendesk", "freshdesk", "freshservice", "otrs", "znuny", "zammad", "glpi", "jira", "servicenow", "odoo", "request tracker", "osticket", "help scout", "helpscout", "front app", "kayako", "zoho desk", "intercom", "mantis", "redmine", "coupa", "salesforce", "hubspot"}
)

// doubtfulSign names the header that tells of a machine between a person and
// us, which proves nothing, or "".
func (m *Message) doubtfulSign() string {
	h := m.Header
	low := func(name string) string { return strings.ToLower(strings.TrimSpace(h.Raw(name))) }
	auto := low("auto-submitted")
	local, _, _ := strings.Cut(Fold(m.From.Email), "@")
	switch {
	case strings.HasPrefix(auto, "auto-"):
		return "Auto-Submitted: " + firstWord(auto)
	case h.Has("x-auto-response-suppress"):
		return "X-Auto-Response-Suppress"
	case low("precedence") == "bulk", low("precedence") == "junk", low("precedence") == "list":
		return "Precedence: " + low("precedence")
	case h.Has("list-id"), h.Has("x-loop"), h.Has("feedback-id") && !strings.Contains(low("feedback-id"), ":user:"), h.Has("x-otrs-loop"), h.Has("x-servicenow-generated"):
		return "header of a list or a ticket system"
	case holdsAny(local, noReplyWords) && noReply.MatchString(local):
		return "sender " + local
	case holdsAny(low("x-mailer"), tickets):
		return "X-Mailer of a ticket system"
	case m.nullReturnPath():
		return "null return path"
	}
	return ""
}

func holdsAny(text string, words []string) bool {
	return text != "" && slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

func (m *Message) generated() bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(m.Header.Raw("auto-submitted"))), "auto-") || m.nullReturnPath()
}

// subjectAcks tells the subject a ticket system gives its acknowledgements. One
// that is an answer to ours says nothing.
func (m *Message) subjectAcks(base string) bool {
	return ackSubject.MatchString(base)
}

var ackSubject = regexp.MustCompile(`^(request received|demande recue|ticket recu|ticket (received|created|opened)|(case|ticket|incident|dossier|le dossier|your request|votre demande|ticket aperto)\b.{0,40}(opened|closed|created|received|ouvert|recue?|clos|cree|aperto|registrat)|accuse de reception|eingangsbestatigung|acuse de recibo|ontvangstbevestiging|nous avons bien recu)`)

func (m *Message) calendarAnswer() bool {
	method := strings.ToLower(m.main.params["method"])
	if m.main.main == "text/calendar" {
		return method == "reply" || method == "counter"
	}
	return m.kinds["text/calendar"] && m.calendarMethod != "" && (m.calendarMethod == "reply" || m.calendarMethod == "counter")
}

// substitutes gives the addresses the text names besides the sender's own.
func (j *judge) substitutes() []string {
	var out []string
	seen := map[string]bool{email.Canonical(j.m.From.Email): true}
	for _, a := range append(j.m.To, j.m.Cc...) {
		seen[email.Canonical(a.Email)] = true
	}
	new := j.v.New.Text
	for _, a := range anyAddr.FindAllString(new[:min(len(new), 8<<10)], 20) {
		if k := email.Canonical(a); !seen[k] {
			seen[k] = true
			out = append(out, a)
		}
	}
	return out
}

// Complaint tells a feedback report: somebody called our mail spam.
func (m *Message) Complaint() bool {
	return m.feedback != "" || m.kinds["message/feedback-report"] || strings.EqualFold(m.main.params["report-type"], "feedback-report") ||
		strings.EqualFold(m.From.Email, "staff@hotmail.com") && len(m.Enclosed) > 0
}

// MayBeNotice tells from the header alone whether the message may be a failure
// notice, a complaint or a receipt.
func (m *Message) MayBeNotice() bool {
	return strings.HasPrefix(m.main.main, "multipart/report") || m.daemonScore() >= 1 && !m.replies() || m.Complaint() ||
		strings.EqualFold(m.From.Email, "staff@hotmail.com")
}

func (m *Message) replies() bool {
	_, reply, _ := m.stripped()
	return reply
}

// Bulk tells from the header alone a newsletter, a list or an automatic answer.
func (m *Message) Bulk() bool { return m.sureSign() != "" || m.doubtfulSign() != "" }

// MayConcern tells from the subject alone whether a message of an unknown
// sender may be about money that is owed.
func (m *Message) MayConcern() bool {
	base, _, forward := m.stripped()
	return topics.in(base) || forward && base == "" || base == ""
}
