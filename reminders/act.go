package reminders

import (
	"cmp"
	"slices"
	"time"

	"relanced/internal/dossier"
)

// act turns what is due into actions, and says of live messages whether they
// still stand.
func (e *evaluation) act(d *Decision) {
	e.backlogTask(d)
	if e.live != nil && !e.drafting() {
		e.onItsWay()
	} else {
		e.message(d)
	}
	e.tasks(d)
	e.thanks(d)
}

// onItsWay keeps everything else back while a message is being sent, or nobody
// knows whether it left.
func (e *evaluation) onItsWay() {
	for i := range e.lines {
		l := &e.lines[i]
		if !l.open || l.next == nil || !l.next.message() {
			continue
		}
		if e.live.State == dossier.StateUnknown {
			l.verdict.outcome, l.verdict.reason, l.verdict.at = Held, dossier.OutcomeUnknown, time.Time{}
		} else if slices.ContainsFunc(e.live.Lines, func(use dossier.MessageLine) bool { return use.Due == l.ID }) {
			l.verdict.outcome, l.verdict.reason, l.verdict.step, l.verdict.at = Act, "", e.live.Step, e.live.ArmedAt
		}
		l.due = false
	}
}

// message proposes the one e-mail or letter that is due, keeps the live one that
// says the same, and withdraws the one that nothing calls for.
func (e *evaluation) message(d *Decision) {
	if e.live != nil && e.live.Approved {
		if a, ok := e.approved(); ok {
			d.Keep = append(d.Keep, a)
			e.shown(&a, false)
			return
		}
	}
	lead := e.lead(func(l *lineWork) bool { return l.due && l.next.message() })
	if lead != nil && lead.next.Channel == Email && e.mute != "" {
		e.muted(d)
		lead = e.lead(func(l *lineWork) bool { return l.due && l.next.Channel == Letter })
	}
	if lead == nil {
		e.withdraw(d)
		return
	}
	a := e.build(lead, nil)
	if a.Channel == Letter {
		e.withdraw(d)
		d.Actions = append(d.Actions, a)
		e.shown(&a, false)
		return
	}
	switch {
	case e.live == nil:
		d.Actions = append(d.Actions, a)
		e.shown(&a, false)
	case a.Basis == e.live.Basis:
		a.Reopens = e.live.ID
		d.Keep = append(d.Keep, a)
		e.shown(&a, e.live.State == dossier.StateDraft && !e.live.Approved)
	default:
		a.Reopens = e.live.ID
		if e.live.Approved && !a.Approval {
			a.Approval, a.Because = true, dossier.Approval
		}
		d.Actions = append(d.Actions, a)
		e.shown(&a, e.live.State == dossier.StateDraft && a.Approval)
	}
}

// lead returns the line whose step is the highest among those that match; the
// oldest of equals.
func (e *evaluation) lead(match func(*lineWork) bool) (lead *lineWork) {
	for i := range e.lines {
		l := &e.lines[i]
		if !l.open || l.next == nil || !match(l) {
			continue
		}
		if lead == nil || l.above(lead) {
			lead = l
		}
	}
	return lead
}

// above puts the line with the higher step first.
func (l *lineWork) above(other *lineWork) bool {
	order := cmp.Or(
		cmp.Compare(days(other.next.At), days(l.next.At)),
		cmp.Compare(other.next.index, l.next.index),
		cmp.Compare(l.plan.name, other.plan.name),
	)
	return order < 0 || order == 0 && l.before(other)
}

// approved returns the live message as it would be proposed now from its own
// lines alone, where it still says what a person approved. Lines that fell due
// since wait for the next one.
func (e *evaluation) approved() (Action, bool) {
	own := map[dossier.DueID]bool{}
	for _, use := range e.live.Lines {
		own[use.Due] = true
	}
	lead := e.lead(func(l *lineWork) bool {
		return own[l.ID] && l.reached && l.next.index <= l.plan.find(e.r, e.live.Plan, e.live.Step) && l.plan.name == e.live.Plan && l.next.Channel == Email
	})
	if lead == nil || e.mute != "" {
		return Action{}, false
	}
	a := e.build(lead, own)
	a.Reopens = e.live.ID
	return a, a.Basis == e.live.Basis
}

// shown writes the action into the verdicts of the lines that it takes a step
// for; a draft waits for a person.
func (e *evaluation) shown(a *Action, draft bool) {
	for i := range a.Lines {
		use := &a.Lines[i]
		if use.Role == dossier.RoleAnnex || use.Role == dossier.RoleUpcoming && a.Lines[0].Role != use.Role {
			continue
		}
		l := &e.lines[e.index(use.Line.ID)]
		v := &l.verdict
		*v = judgement{outcome: Act, plan: a.Plan, step: a.Step, channel: a.Channel, at: a.At}
		if draft {
			v.outcome, v.reason = Held, dossier.Approval
		}
		l.due = false
	}
}

// withdraw takes back the live message, telling why its first line is not
// chased now.
func (e *evaluation) withdraw(d *Decision) {
	if e.live == nil {
		return
	}
	w := Withdrawal{Message: e.live.ID}
	for _, use := range e.live.Lines {
		if i := e.index(use.Due); i >= 0 && use.Role != dossier.RoleAnnex && w.Reason == "" {
			w.Reason = e.lines[i].verdict.reason
		}
	}
	d.Withdraw = append(d.Withdraw, w)
}
