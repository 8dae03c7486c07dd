package reminders

import (
	"cmp"
	"slices"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
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

// build makes the action of the lead's step. With own, only lines in it are
// spoken of.
func (e *evaluation) build(lead *lineWork, own map[dossier.DueID]bool) Action {
	s := lead.next
	a := Action{
		Customer: e.d.Customer.ID, Company: e.d.Company.ID, Channel: s.Channel, Kind: dossier.KindReminder,
		Plan: lead.plan.name, Step: s.ID, Template: s.Template, Legal: s.Legal, Formal: s.Formal(),
	}
	slot := time.Time{}
	estimated, second := false, false
	all := e.room.spoken[:0]
	for i := range e.lines {
		l := &e.lines[i]
		if !l.open || own != nil && !own[l.ID] {
			continue
		}
		role, speaks := e.role(l, lead)
		if !speaks {
			continue
		}
		all = append(all, spoken{l, role})
		if role != dossier.RoleAnnex {
			estimated = estimated || l.Estimated
		}
		if role == dossier.RoleDemanded {
			second = second || l.level >= l.plan.overdue && l.level >= 0
		}
		if l.next == s && l.reached && (slot.IsZero() || l.slot.Before(slot)) {
			slot = l.slot
		}
	}
	e.room.spoken = all
	a.Lines = e.uses(all)
	a.At = slot
	if s.Channel == Email {
		s = raised(lead, all)
		a.Step, a.Template, a.Legal = s.ID, s.Template, s.Legal
		if e.private() && a.Legal == LegalMention {
			a.Legal = LegalNone // no penalties or fees are printed to private persons
		}
		a.At = e.leaves(slot)
		a.To, a.CC = e.to, e.cc
		a.Approval = s.Approval == ApprovalRequired || s.Approval == ApprovalByMode && e.r.Mode != ModeAuto
		if s.Approval == ApprovalRequired || s.Formal() || estimated || e.d.Customer.Supplier && second || e.broken() >= 2 {
			a.Approval, a.Because = true, dossier.Approval
		}
	} else {
		e.asTask(&a, s)
	}
	switch {
	case e.live != nil:
		a.Basis = a.basis(e.live.Added)
	case len(e.repeats) > 0:
		a.Basis = a.basis("")
	}
	if slices.Contains(e.repeats, a.Basis) {
		a.Approval, a.Because = false, "" // approved once, and it reached nobody
	}
	return a
}

// spoken is a line that an action speaks of.
type spoken struct {
	*lineWork
	role dossier.LineRole
}

// uses puts the lines in the order of an action: by role, then by due date.
func (e *evaluation) uses(all []spoken) []LineUse {
	slices.SortFunc(all, func(x, y spoken) int {
		return cmp.Or(cmp.Compare(roleOrder(x.role), roleOrder(y.role)), cmp.Compare(x.DueOn, y.DueOn), cmp.Compare(x.ID, y.ID))
	})
	list := e.useRoom(len(all))
	for i, s := range all {
		list[i] = LineUse{Line: *s.Line, Role: s.role, Disputed: s.disputed}
		if s.ask.Currency != "" {
			list[i].Line.Outstanding = s.ask
		}
	}
	return list
}

// useRoom returns room for as many lines: of the decision's own, or of the
// evaluation's where only a look ahead needs it.
func (e *evaluation) useRoom(n int) []LineUse {
	if !e.ahead {
		return make([]LineUse, n)
	}
	used := len(e.room.uses)
	e.room.uses = slices.Grow(e.room.uses, n)[:used+n]
	return e.room.uses[used : used+n : used+n]
}

// raised returns the step whose words a message takes: the lead's, or a later
// one that a line asked for in it has had already. Nobody who was told of a
// second reminder is told of a probable oversight next.
func raised(lead *lineWork, all []spoken) *step {
	s := lead.next
	if s.preventive() {
		return s
	}
	for _, spoken := range all {
		l := spoken.lineWork
		if spoken.role != dossier.RoleDemanded || l.plan != lead.plan {
			continue
		}
		for i := s.index + 1; i <= l.level; i++ {
			if had := &l.plan.steps[i]; had.Channel == Email && !had.Formal() {
				s = had
			}
		}
	}
	return s
}

// private tells whether the law of private persons rules wording and fees.
func (e *evaluation) private() bool {
	return e.kind == receivable.KindConsumer || e.kind == receivable.KindUnknown
}

func roleOrder(role dossier.LineRole) int {
	switch role {
	case dossier.RoleDemanded:
		return 0
	case dossier.RoleAnnex:
		return 1
	}
	return 2
}

// role says how a message of the lead's step speaks of the line.
func (e *evaluation) role(l, lead *lineWork) (dossier.LineRole, bool) {
	s := lead.next
	if s.preventive() {
		return dossier.RoleUpcoming, !l.overdue && e.upcoming(l)
	}
	same := l.plan == lead.plan && l.next == s && l.reached
	switch {
	case same:
		return dossier.RoleDemanded, true
	case !l.overdue:
		return dossier.RoleUpcoming, e.upcoming(l)
	case s.Covers == CoversReached, !l.askable:
		return dossier.RoleAnnex, true
	}
	return dossier.RoleDemanded, true
}

// upcoming tells whether a preventive step of the line's plan has been reached.
func (e *evaluation) upcoming(l *lineWork) bool {
	for i := range l.plan.steps {
		if s := &l.plan.steps[i]; s.preventive() && e.begun(e.startOf(l, s)) {
			return true
		}
	}
	return false
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

// muted holds the lines whose e-mail is due and reaches nobody, and has a person
// find an address.
func (e *evaluation) muted(d *Decision) {
	kind := TaskAddress
	if e.mute == dossier.BouncedAddress {
		kind = TaskBounce
	}
	var lines []LineUse
	for i := range e.lines {
		l := &e.lines[i]
		if !l.open || l.next == nil || !l.due || l.next.Channel != Email {
			continue
		}
		l.verdict.outcome, l.verdict.reason, l.verdict.at = Held, e.mute, time.Time{}
		l.due = false
		lines = append(lines, LineUse{Line: *l.Line, Role: dossier.RoleDemanded})
	}
	e.openTask(d, kind, lines, func(t *dossier.Task) bool {
		for _, b := range e.d.Bounced {
			if b.At.After(t.OpenedAt) && e.passed(b.At) {
				return false
			}
		}
		return t.DoneAt.IsZero() || !e.passed(t.DoneAt.AddDate(0, 0, nagAgain))
	})
}

// nagAgain is after how many days a task done without effect is opened again.
const nagAgain = 30

func (e *evaluation) backlogTask(d *Decision) {
	if e.r.Config.Start.Older != OlderTask && e.r.Config.Start.Older != "" {
		return
	}
	var lines []LineUse
	for i := range e.lines {
		if l := &e.lines[i]; l.verdict.reason == dossier.Backlog {
			lines = append(lines, LineUse{Line: *l.Line, Role: dossier.RoleDemanded})
		}
	}
	e.openTask(d, TaskBacklog, lines, func(*dossier.Task) bool { return true })
}

// openTask asks for a task of the kind, unless one that covers is there.
func (e *evaluation) openTask(d *Decision, kind string, lines []LineUse, covers func(*dossier.Task) bool) {
	if len(lines) == 0 {
		return
	}
	for i := range e.d.Tasks {
		if t := &e.d.Tasks[i]; t.Kind == kind && covers(t) {
			return
		}
	}
	slices.SortFunc(lines, func(x, y LineUse) int {
		return cmp.Or(cmp.Compare(x.Line.DueOn, y.Line.DueOn), cmp.Compare(x.Line.ID, y.Line.ID))
	})
	d.Actions = append(d.Actions, Action{
		Customer: e.d.Customer.ID, Company: e.d.Company.ID, Channel: ToDo, Task: kind, Lines: lines,
	})
}

// tasks opens the calls and tasks that are due, one for each step.
func (e *evaluation) tasks(d *Decision) {
	for {
		lead := e.lead(func(l *lineWork) bool { return l.due && !l.next.message() })
		if lead == nil {
			return
		}
		s := lead.next
		a := Action{
			Customer: e.d.Customer.ID, Company: e.d.Company.ID, Channel: s.Channel,
			Plan: lead.plan.name, Step: s.ID, Template: s.Template, Legal: s.Legal, At: lead.slot,
		}
		all := e.room.spoken[:0]
		for i := range e.lines {
			l := &e.lines[i]
			if !l.open || l.next != s || !l.due {
				continue
			}
			all = append(all, spoken{l, dossier.RoleDemanded})
			if l.slot.Before(a.At) {
				a.At = l.slot
			}
		}
		e.room.spoken = all
		a.Lines = e.uses(all)
		e.asTask(&a, s)
		d.Actions = append(d.Actions, a)
		e.shown(&a, false)
	}
}

// asTask fills in what a person who does the step needs.
func (e *evaluation) asTask(a *Action, s *step) {
	a.Kind = ""
	a.Task = string(s.Channel)
	if s.Channel == ToDo {
		a.Task = s.ID
	}
	a.WaitUntil = e.r.WorkDays().AddSpan(e.date(a.At), s.wait)
}

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
