package reminders

import (
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
)

// sums are what the lines that may be chased ask for, as far as steps with a
// least amount ask.
type sums struct{ overdue, upcoming, reached tally }

// tally sums minor units under few keys.
type tally []struct {
	step, currency string
	minor          int64
}

func (t *tally) add(step, currency string, minor int64) {
	for i := range *t {
		if entry := &(*t)[i]; entry.step == step && entry.currency == currency {
			entry.minor = plus(entry.minor, minor)
			return
		}
	}
	*t = append(*t, struct {
		step, currency string
		minor          int64
	}{step, currency, minor})
}

func (t tally) of(step, currency string) int64 {
	for i := range t {
		if t[i].step == step && t[i].currency == currency {
			return t[i].minor
		}
	}
	return 0
}

// chooseSteps gives each line that may be chased its next step and the moments
// at which that is reached, proposed and may leave.
func (e *evaluation) chooseSteps() {
	anyOverdue := false
	for i := range e.lines {
		anyOverdue = anyOverdue || e.lines[i].open && e.lines[i].overdue
	}
	measured := false
	for i := range e.lines {
		measured = measured || e.lines[i].open && e.lines[i].plan.measured
	}
	var total *sums
	if measured { // first where each line stands whatever the sums, then the sums, then what they allow
		for i := range e.lines {
			if l := &e.lines[i]; l.open {
				e.nextStep(i, l, anyOverdue, nil, false)
			}
		}
		total = e.sums()
	}
	for i := range e.lines {
		if l := &e.lines[i]; l.open {
			e.nextStep(i, l, anyOverdue, total, true)
		}
	}
}

// sums returns what steps with a least amount are measured by.
func (e *evaluation) sums() *sums {
	total := &e.room.sums
	total.overdue, total.upcoming, total.reached = total.overdue[:0], total.upcoming[:0], total.reached[:0]
	for i := range e.lines {
		l := &e.lines[i]
		if !l.open {
			continue
		}
		if l.askable {
			total.overdue.add("", l.ask.Currency, l.ask.Minor)
		}
		if l.next == nil || !l.reached {
			continue
		}
		if l.next.preventive() {
			total.upcoming.add("", l.ask.Currency, l.ask.Minor)
		}
		total.reached.add(l.next.ID, l.ask.Currency, l.ask.Minor)
	}
	return total
}

// nextStep finds the first step after those done that applies to the line; in
// the final round also when it may be taken.
func (e *evaluation) nextStep(i int, l *lineWork, anyOverdue bool, total *sums, final bool) {
	l.next, l.reached, l.due = nil, false, false
	for n := l.level + 1; n < len(l.plan.steps); n++ {
		s := &l.plan.steps[n]
		if s.Formal() && l.DueEstimated {
			continue
		}
		if s.preventive() && (anyOverdue || l.overdue) {
			continue
		}
		start := e.startOf(l, s)
		l.reached = e.begun(start)
		if !s.MinAmount.IsZero() && total != nil && !e.enough(l, s, total) {
			continue
		}
		l.next = s
		if !final {
			return
		}
		e.schedule(i, l, start)
		if s.preventive() && e.date(l.verdict.at) > l.DueOn { // too late to be early
			l.next = nil
			continue
		}
		return
	}
	l.reached = false
	l.verdict.outcome, l.verdict.reason = Done, dossier.PlanEnd
	l.verdict.plan, l.verdict.step, l.verdict.channel = "", "", ""
	l.verdict.at = time.Time{}
}

// startOf returns the day from which the step may be taken for the line, its
// other conditions aside.
func (e *evaluation) startOf(l *lineWork, s *step) calendar.Date {
	start := e.r.WorkDays().AddSpan(l.DueOn, s.At)
	if s.preventive() {
		return start
	}
	if l.Returned && s.index == l.plan.overdue { // a returned payment is chased at once
		return min(start, l.DueOn+1)
	}
	start = max(start, l.graceOn)
	if l.shortcut != 0 && s.index == l.level+1 && s.Channel == Email && !s.Formal() && e.date(l.levelAt) < l.shortcut && l.level >= 0 {
		return min(start, max(l.shortcut, l.graceOn)) // a broken promise is answered one level higher, without waiting
	}
	return start
}

// enough tells whether a message at the step would ask for its least amount.
func (e *evaluation) enough(l *lineWork, s *step, total *sums) bool {
	currency := l.ask.Currency
	sum := l.ask.Minor
	switch {
	case s.preventive():
		if l.reached {
			sum = total.upcoming.of("", currency)
		}
	case s.Covers == CoversReached:
		if l.reached {
			sum = max(sum, total.reached.of(s.ID, currency))
		}
	case l.askable:
		sum = total.overdue.of("", currency)
	default:
		sum = plus(sum, total.overdue.of("", currency))
	}
	return sum >= e.r.plain(s.MinAmount, currency).Minor
}

// schedule works out when the line's next step may be taken, and its verdict
// while that has not come.
func (e *evaluation) schedule(i int, l *lineWork, start calendar.Date) {
	s := l.next
	reason := dossier.NotDue
	ready := moment{on: start}
	ready.raise(l.since)
	ready.raise(moment{at: l.levelAt}) // the step before it is done since then
	wait := func(m moment, why dossier.Reason) {
		if m == (moment{}) || m.at.IsZero() && m.on <= ready.on {
			return
		}
		if e.instant(m).After(e.instant(ready)) {
			ready.raise(m)
			if l.reached {
				reason = why
			}
		}
	}
	if end, open := e.pending[pendingKey{i, s.ID}]; open {
		wait(moment{on: end}, dossier.Gap)
	}
	if s.message() {
		wait(e.gapEnd(l), dossier.Gap)
		wait(e.capEnd(), dossier.Cap)
		if s.Channel == Email {
			wait(e.resend, dossier.Gap)
			if len(e.d.Replies) > 0 {
				wait(e.absenceEnd(e.instant(ready)), dossier.Absent)
			}
		}
		wait(e.everyEnd(s), dossier.Gap)
	} else {
		wait(e.spacing(l, start), dossier.Gap)
	}
	l.ready = e.instant(ready)
	l.slot = e.slot(ready)
	if on := e.date(l.slot); s.Channel != Email && !l.slot.Equal(e.d.Company.RemindAt) {
		if worked := e.r.WorkDays().NextWorkingDay(on); worked != on {
			l.slot = e.r.slots.tickOn(worked) // nobody calls or writes letters on a day off
		}
	}
	if e.drafting() && s.message() {
		l.slot = l.ready
		if created := e.live.CreatedAt; created.After(l.slot) {
			l.slot = created
		}
	}
	l.due = l.reached && e.passed(l.ready) && e.passed(l.slot)
	v := &l.verdict
	v.outcome, v.plan, v.step, v.channel = Wait, l.plan.name, s.ID, s.Channel
	v.reason = reason
	if l.reached && e.passed(l.ready) {
		v.reason = dossier.Window
	}
	v.at = l.slot
	if s.Channel != Email {
		return
	}
	v.at = e.leaving.open(l.slot)
	if e.mute != "" && l.overdue { // whenever it falls due, nobody could be written to
		v.outcome, v.reason, v.at = Held, e.mute, time.Time{}
	}
}

// drafting tells whether a live message can still be changed: what is proposed
// then replaces it at once.
func (e *evaluation) drafting() bool {
	return e.live != nil && (e.live.State == dossier.StateDraft || e.live.State == dossier.StateQueued)
}

// slot returns when what is ready at the moment is proposed: at the next tick of
// the schedule, or when somebody asked for reminders since.
func (e *evaluation) slot(ready moment) time.Time {
	at := e.instant(ready)
	var tick time.Time
	if ready.on != 0 && at.Equal(e.midnight(ready.on)) {
		tick = e.r.slots.tickOn(ready.on)
	} else {
		tick = e.r.slots.tick(at)
	}
	if asked := e.d.Company.RemindAt; !asked.IsZero() && !asked.Before(at) && asked.Before(tick) {
		return asked
	}
	return tick
}

// leaves returns when what was proposed at the slot may leave: since when, where
// that is now, else the next moment at which it may.
func (e *evaluation) leaves(slot time.Time) time.Time {
	first := e.leaving.open(slot)
	if first.IsZero() || !e.passed(first) {
		return first
	}
	if next := e.leaving.open(e.now); next.IsZero() || !e.passed(next) {
		return next
	}
	if shut := e.leaving.shuts.On(e.today); !shut.IsZero() {
		e.passed(shut)
	}
	return first
}

// gapEnd returns when the gap after the customer's last message, or after a step
// of the line that a person skipped, has passed.
func (e *evaluation) gapEnd(l *lineWork) (end moment) {
	last := e.lastSent
	if l.skippedAt.After(last) {
		last = l.skippedAt
	}
	switch {
	case last.IsZero():
		return moment{}
	case l.plan.gap.Clock != 0:
		return moment{at: last.Add(l.plan.gap.Clock)}
	}
	return moment{on: e.r.WorkDays().AddSpan(e.date(last), l.plan.gap)}
}

// capEnd returns the day on which the caps allow another message.
func (e *evaluation) capEnd() (end moment) {
	caps := e.r.Config.Caps
	if n := len(e.sent); caps.PerDay > 0 && n >= caps.PerDay {
		end.raise(moment{on: e.sent[n-caps.PerDay] + 1})
	}
	if n := len(e.sent); caps.Per30d > 0 && n >= caps.Per30d {
		end.raise(moment{on: e.sent[n-caps.Per30d].AddDays(30)})
	}
	return end
}

// everyEnd returns when a step with max_every may reach the customer again.
func (e *evaluation) everyEnd(s *step) (end moment) {
	if s.MaxEvery.IsZero() {
		return moment{}
	}
	for _, a := range e.anchors {
		if a.step == s.ID {
			end.raise(moment{on: e.r.WorkDays().AddSpan(e.date(a.at), s.MaxEvery)})
		}
	}
	return end
}

// longestAbsence is how long an absence can shift a step.
const longestAbsence = 15

// absenceEnd returns when the customer's only reader is back, two working days
// given, never later than 15 days after the step was to leave.
func (e *evaluation) absenceEnd(planned time.Time) (end moment) {
	if len(e.to) != 1 {
		return moment{}
	}
	latest := e.date(planned).AddDays(longestAbsence)
	for i := range e.d.Replies {
		reply := &e.d.Replies[i]
		if reply.ReturnOn == 0 || !sameAddress(reply.Absent, reply.From, e.to[0]) || !e.passed(reply.ReceivedAt) {
			continue
		}
		back := e.r.WorkDays().AddWorkDays(reply.ReturnOn, 2)
		if e.date(planned) < back {
			end.raise(moment{on: min(back, latest)})
		}
	}
	return end
}

// spacing keeps calls and tasks of a late joiner apart: a step taken more than a
// week after its day leaves the next one the time the plan puts between them.
func (e *evaluation) spacing(l *lineWork, start calendar.Date) (end moment) {
	if l.level < 0 {
		return moment{}
	}
	done := &l.plan.steps[l.level]
	taken := e.date(l.levelAt)
	if taken <= e.startOf(l, done).AddDays(7) {
		return moment{}
	}
	between := start.DaysSince(e.startOf(l, done))
	if gap := l.plan.gap.Days; gap > 0 {
		between = min(between, gap)
	}
	return moment{on: taken.AddDays(max(between, 0))}
}
