package reminders

import (
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
)

// resendAfter is how many days after such a failure the same step is taken
// again. A message too big for the mailbox goes again at once, without its
// attachments.
var resendAfter = map[email.Failure]int{email.MailboxFull: 2, email.Expired: 1, email.Greylisted: 1, email.TooBig: 0}

// missed tells whether a reminder reached nobody, and notes when its step is to
// be taken again: it moved no line up its ladder, and no gap follows it.
func (e *evaluation) missed(m *dossier.Message) bool {
	failures, none := e.d.ReachedNobody(m)
	for _, f := range failures {
		e.resend.raise(moment{on: e.date(f.At).AddDays(resendAfter[f.Why])})
	}
	if none && m.Approved {
		e.repeats = append(e.repeats, m.Basis)
	}
	return none
}

// missedOn is the day of the last reminder that reached nobody, zero for none
// that was not followed by one that did.
func (x *explainer) missedOn() calendar.Date {
	var on calendar.Date
	for i := range x.d.Messages {
		m := &x.d.Messages[i]
		if m.Kind != dossier.KindReminder {
			continue
		}
		failures, none := x.d.ReachedNobody(m)
		switch {
		case none:
			on = calendar.DateOf(failures[len(failures)-1].At.In(x.r.Company.Zone))
		case m.State == dossier.StateSent:
			on = 0
		}
	}
	return on
}
