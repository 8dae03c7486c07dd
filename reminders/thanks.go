package reminders

import (
	"cmp"
	"slices"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
)

// thanksFor is how long after the payment a customer is thanked.
const thanksFor = 7

// thanks proposes a word of thanks once all that the reminders since the last
// one demanded has been paid, within a week of the payment.
func (e *evaluation) thanks(d *Decision) {
	var live *dossier.Message
	since := time.Time{} // the last word of thanks, whatever became of it
	for i := range e.d.Messages {
		m := &e.d.Messages[i]
		switch {
		case m.Kind != dossier.KindThanks:
		case m.State == dossier.StateDraft || m.State == dossier.StateQueued:
			live = m
		case m.State.Live():
			return
		default:
			since = later(since, later(m.CreatedAt, m.SentAt))
		}
	}
	a, ok := e.thankful(since, live)
	switch {
	case live == nil && ok:
		d.Actions = append(d.Actions, a)
	case live != nil && ok && a.Basis == live.Basis:
		a.Reopens = live.ID
		d.Keep = append(d.Keep, a)
	case live != nil:
		d.Withdraw = append(d.Withdraw, Withdrawal{Message: live.ID})
	}
}

// thankful builds the word of thanks where there is something to thank for.
func (e *evaluation) thankful(since time.Time, live *dossier.Message) (a Action, ok bool) {
	if e.r.Config.Thanks != ThanksPaid || e.mute != "" || e.d.Customer.DoNotContact {
		return Action{}, false
	}
	if customer, _ := e.customerHold(); customer.outcome != "" {
		return Action{}, false
	}
	demanded := map[int]bool{}
	for i := range e.d.Messages {
		m := &e.d.Messages[i]
		if m.Kind != dossier.KindReminder || m.State != dossier.StateSent || !m.SentAt.After(since) || !e.passed(m.SentAt) {
			continue
		}
		for _, use := range m.Lines {
			if use.Role == dossier.RoleDemanded {
				demanded[e.index(use.Due)] = true
			}
		}
	}
	if len(demanded) == 0 || demanded[-1] {
		return Action{}, false
	}
	var paidOn calendar.Date
	var lines []LineUse
	for i := range e.lines {
		l := &e.lines[i]
		if !demanded[i] {
			continue
		}
		if l.verdict.reason != dossier.Paid {
			return Action{}, false
		}
		on := l.LastPaymentOn
		if on == 0 && !l.ChangedAt.IsZero() {
			on = e.date(l.ChangedAt)
		}
		paidOn = max(paidOn, on)
		lines = append(lines, LineUse{Line: *l.Line, Role: dossier.RoleUpcoming})
	}
	if paidOn == 0 || !e.begun(paidOn) || e.begun(paidOn.AddDays(thanksFor+1)) {
		return Action{}, false
	}
	slices.SortFunc(lines, func(x, y LineUse) int { return cmp.Compare(x.Line.ID, y.Line.ID) })
	slot := e.slot(moment{on: paidOn})
	if live != nil {
		slot = live.CreatedAt
	} else if !e.passed(slot) {
		return Action{}, false
	}
	a = Action{
		Customer: e.d.Customer.ID, Company: e.d.Company.ID, Channel: Email, Kind: dossier.KindThanks, Template: "thanks",
		Lines: lines, To: e.to, CC: e.cc, At: e.leaves(slot), Approval: e.r.Mode != ModeAuto,
	}
	if live != nil {
		a.Basis = a.basis(live.Added)
	}
	return a, true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
