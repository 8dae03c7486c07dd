package reminders

import (
	"cmp"
	"slices"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
)

// event is something that moved a line up its ladder.
type event struct {
	at   time.Time
	line int
	plan string
	step string
	how  how
	task *dossier.Task // of howTask
}

// how an event counts.
type how int

const (
	howMessage  how = iota // a message that demanded the line: its next step in order, whatever the message's level
	howUpcoming            // a message that listed the line as coming due: its preventive steps
	howStep                // that very step: told by the history, a task done
	howTask                // a task opened: done after its wait at the latest
)

// anchor is what the gap counts from: a message sent, or a step that a person skipped.
type anchor struct {
	at   time.Time
	line int    // -1: the whole customer
	step string // of a message sent
}

type pendingKey struct {
	line int
	step string
}

// docFacts are the facts about single invoices, by invoice.
type docFacts struct {
	holds    map[dossier.DocumentID][]*dossier.Hold
	promises map[dossier.DocumentID][]*dossier.Promise
	disputes map[dossier.DocumentID][]*dossier.Dispute
}

// begin gathers what is known of the customer.
func (e *evaluation) begin(d *dossier.Dossier, r Rules) {
	e.d, e.r, e.kind, e.ahead = *d, r, d.Customer.Kind, false
	e.live, e.to, e.cc, e.mute = nil, nil, nil, ""
	e.events, e.anchors, e.sent = e.events[:0], e.anchors[:0], e.sent[:0]
	e.resend, e.repeats = moment{}, e.repeats[:0]
	clear(e.byDue)
	if e.kind == "" {
		e.kind = receivable.KindUnknown
	}
	if e.kind == receivable.KindUnknown && r.Company.Kind != "" {
		e.kind = r.Company.Kind
	}
	e.leaving = r.slots.to(r.regionOf(&d.Customer))
	e.indexFacts()
	e.indexLines()
	e.indexMessages()
	e.indexTaken()
	e.recipients()
	e.start = r.backlogBefore(&d.Company)
}

func (e *evaluation) date(t time.Time) calendar.Date { return e.r.slots.dates.Of(t) }

func (e *evaluation) indexFacts() {
	e.docs = docFacts{}
	for i := range e.d.Holds {
		if h := &e.d.Holds[i]; h.Document != 0 {
			if e.docs.holds == nil {
				e.docs.holds = map[dossier.DocumentID][]*dossier.Hold{}
			}
			e.docs.holds[h.Document] = append(e.docs.holds[h.Document], h)
		}
	}
	for i := range e.d.Promises {
		if p := &e.d.Promises[i]; p.Document != 0 {
			if e.docs.promises == nil {
				e.docs.promises = map[dossier.DocumentID][]*dossier.Promise{}
			}
			e.docs.promises[p.Document] = append(e.docs.promises[p.Document], p)
		}
	}
	for i := range e.d.Disputes {
		if p := &e.d.Disputes[i]; p.Document != 0 {
			if e.docs.disputes == nil {
				e.docs.disputes = map[dossier.DocumentID][]*dossier.Dispute{}
			}
			e.docs.disputes[p.Document] = append(e.docs.disputes[p.Document], p)
		}
	}
}

// indexLines gives each line its plan and what the rules' conditions say of it.
func (e *evaluation) indexLines() {
	s := &e.scope
	conditions := len(e.r.byRule)+len(e.r.holdWhen)+len(e.r.exclude) > 0
	if conditions {
		s.setCustomer(&e.d.Customer, e.kind)
		s.Company = companyScope{ID: string(e.r.Company.ID), Country: e.r.Company.Country}
	}
	named := e.r.plans[e.d.Customer.Plan]
	e.lines = slices.Grow(e.lines[:0], len(e.d.Lines))[:len(e.d.Lines)]
	clear(e.lines)
	for i := range e.d.Lines {
		l := &e.lines[i]
		l.Line = &e.d.Lines[i]
		l.plan = named
		if l.Outstanding.Sign() > 0 && l.DueOn != 0 {
			l.graceOn = e.r.WorkDays().AddSpan(l.DueOn, e.r.Config.Grace)
		}
		if l.Outstanding.Sign() <= 0 || !conditions {
			if l.plan == nil {
				l.plan = e.r.fallback
			}
			continue
		}
		s.setLine(l.Line)
		for _, rule := range e.r.byRule {
			if l.plan == nil && rule.when.holds(&e.machine, s) {
				l.plan = rule.plan
			}
		}
		if l.plan == nil {
			l.plan = e.r.fallback
		}
		l.excluded = slices.ContainsFunc(e.r.exclude, func(c condition) bool { return c.holds(&e.machine, s) })
		for _, rule := range e.r.holdWhen {
			if l.byRule == "" && rule.when.holds(&e.machine, s) {
				l.byRule, l.byRuleEnd = rule.reason, rule.until.of(l.Line, e.r.WorkDays())
			}
		}
	}
}

// index returns the line of a due, -1 where the dossier does not show it.
func (e *evaluation) index(due dossier.DueID) int {
	if len(e.lines) <= few {
		return e.scan(due)
	}
	if len(e.byDue) == 0 {
		if e.byDue == nil {
			e.byDue = make(map[dossier.DueID]int, len(e.lines))
		}
		for i := range e.lines {
			e.byDue[e.lines[i].ID] = i
		}
	}
	if i, ok := e.byDue[due]; ok {
		return i
	}
	return -1
}

// few is how many lines are looked through faster than looked up.
const few = 8

func (e *evaluation) scan(due dossier.DueID) int {
	for i := range e.lines {
		if e.lines[i].ID == due {
			return i
		}
	}
	return -1
}

func (e *evaluation) indexMessages() {
	for i := range e.d.Messages {
		m := &e.d.Messages[i]
		if m.Kind != dossier.KindReminder && m.Kind != "" {
			continue
		}
		if m.State.Live() && (e.live == nil || liveBefore(m, e.live)) {
			e.live = m
		}
		left := m.SentAt
		switch {
		case e.missed(m):
			continue
		case m.State == dossier.StateSent && !left.IsZero():
			e.anchors = append(e.anchors, anchor{left, -1, m.Step})
			e.sent = append(e.sent, e.date(left))
		case m.State == dossier.StateDropped && !e.told(m):
			left = m.EndedAt
		default:
			continue
		}
		for _, use := range m.Lines {
			at := e.index(use.Due)
			if at < 0 || use.Role == dossier.RoleAnnex {
				continue
			}
			counts := howMessage
			if use.Role == dossier.RoleUpcoming {
				counts = howUpcoming
			}
			e.events = append(e.events, event{left, at, m.Plan, m.Step, counts, nil})
		}
	}
}

// liveBefore puts what cannot be recalled before what can, then the older first.
func liveBefore(m, other *dossier.Message) bool {
	rank := func(s dossier.State) int {
		return slices.Index([]dossier.State{dossier.StateUnknown, dossier.StateArmed, dossier.StateQueued, dossier.StateDraft}, s)
	}
	return cmp.Or(cmp.Compare(rank(m.State), rank(other.State)), cmp.Compare(m.ID, other.ID)) < 0
}

// told tells whether a person's word on a dropped message stands among the steps taken.
func (e *evaluation) told(m *dossier.Message) bool {
	return slices.ContainsFunc(e.d.Taken, func(t dossier.Taken) bool {
		return t.How == TakenDropped && t.Step == m.Step &&
			slices.ContainsFunc(m.Lines, func(l dossier.MessageLine) bool { return l.Due == t.Due })
	})
}

// How a step was taken, in dossier.Taken. TakenResumed is no step: it says that
// a person had the ladder started for a line of the backlog.
const (
	TakenSent     = "sent"
	TakenDeclined = "declined"
	TakenDone     = "done"
	TakenExpired  = "expired"
	TakenHistory  = "history"
	TakenDropped  = "dropped"
	TakenResumed  = "resumed"
)

func (e *evaluation) indexTaken() {
	for _, t := range e.d.Taken {
		i := e.index(t.Due)
		if i < 0 {
			continue
		}
		switch t.How {
		case TakenSent: // the message itself counts
			continue
		case TakenDeclined, TakenDropped:
			counts := howMessage
			if s := e.lines[i].plan.find(e.r, t.Plan, t.Step); s >= 0 && e.lines[i].plan.steps[s].preventive() {
				counts = howUpcoming
			}
			e.events = append(e.events, event{t.At, i, t.Plan, t.Step, counts, nil})
			e.anchors = append(e.anchors, anchor{t.At, i, ""})
		case TakenResumed:
			e.lines[i].resumedAt = t.At
		default:
			e.events = append(e.events, event{t.At, i, t.Plan, t.Step, howStep, nil})
			if t.How == TakenHistory {
				e.anchors = append(e.anchors, anchor{t.At, i, ""})
			}
		}
	}
	for i := range e.d.Tasks {
		task := &e.d.Tasks[i]
		if task.Step == "" {
			continue
		}
		for at := range e.lines {
			if taskCovers(task, e.lines[at].Line) {
				e.events = append(e.events, event{task.OpenedAt, at, "", task.Step, howTask, task})
			}
		}
		if task.Kind == string(Letter) {
			left := cmp.Or(task.DoneAt, task.OpenedAt)
			e.anchors = append(e.anchors, anchor{left, -1, ""})
			e.sent = append(e.sent, e.date(left))
		}
	}
	slices.Sort(e.sent)
	slices.SortStableFunc(e.events, func(a, b event) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.line, b.line), cmp.Compare(a.how, b.how), cmp.Compare(a.step, b.step))
	})
}

func taskCovers(t *dossier.Task, l *dossier.Line) bool {
	if len(t.Lines) > 0 {
		return slices.Contains(t.Lines, l.ID)
	}
	return t.Document == l.Document || t.Document == 0 && !l.FirstSeenAt.After(t.OpenedAt)
}

// recipients are the customer's addresses that have not failed for good.
func (e *evaluation) recipients() {
	c := &e.d.Customer
	if len(e.d.Bounced) == 0 {
		e.to, e.cc = c.Emails, c.CC
		if len(e.to) == 0 {
			e.mute = dossier.NoAddress
		}
		return
	}
	works := func(address string) bool {
		return !slices.ContainsFunc(e.d.Bounced, func(b dossier.Bounced) bool { return email.SameAddress(b.Address, address) })
	}
	for _, address := range c.Emails {
		if works(address) {
			e.to = append(e.to, address)
		}
	}
	for _, address := range c.CC {
		if works(address) {
			e.cc = append(e.cc, address)
		}
	}
	switch {
	case len(e.to) > 0:
	case len(c.Emails) > 0:
		e.mute = dossier.BouncedAddress
	default:
		e.mute = dossier.NoAddress
	}
}

// find returns the index in p of a step taken under a plan of that name: the
// step of that id, else the last one that is no later. -1 where there is none.
func (p *plan) find(r Rules, planName, id string) int {
	for i := range p.steps {
		if p.steps[i].ID == id {
			return i
		}
	}
	other := r.plans[planName]
	if other == nil || other == p {
		return -1
	}
	found := -1
	for _, s := range other.steps {
		if s.ID != id {
			continue
		}
		for i := range p.steps {
			if days(p.steps[i].At) <= days(s.At) {
				found = i
			}
		}
	}
	return found
}

// replay moves each line up its ladder, as far as events had come by now.
func (e *evaluation) replay() {
	e.pending = nil
	for i := range e.lines {
		l := &e.lines[i]
		l.level, l.levelAt, l.skippedAt = -1, time.Time{}, time.Time{}
	}
	e.lastSent = time.Time{}
	for _, a := range e.anchors {
		last := &e.lastSent
		if a.line >= 0 {
			last = &e.lines[a.line].skippedAt
		}
		if e.passed(a.at) && a.at.After(*last) {
			*last = a.at
		}
	}
	if len(e.events) == 0 {
		return
	}
	done := e.events
	if late := e.taskEnds(); len(late) > 0 {
		// A task that ends when a message leaves ended first: the message followed it.
		done = slices.Concat(late, e.events)
		slices.SortStableFunc(done, func(a, b event) int { return a.at.Compare(b.at) })
	}
	for _, ev := range done {
		if ev.how == howTask || !e.passed(ev.at) {
			continue
		}
		l := &e.lines[ev.line]
		target := l.plan.find(e.r, ev.plan, ev.step)
		if target < 0 {
			continue
		}
		on := e.date(ev.at)
		switch ev.how {
		case howStep:
		case howUpcoming:
			for target = len(l.plan.steps) - 1; target >= 0; target-- {
				if s := &l.plan.steps[target]; s.preventive() && e.startOf(l, s) <= on {
					break
				}
			}
		default:
			target = e.covered(l, target, on)
		}
		if target > l.level {
			l.level, l.levelAt = target, ev.at
		}
	}
}

// covered returns the step that a message of the target's level is for the line:
// the next in its own order, provided the day has come for it.
func (e *evaluation) covered(l *lineWork, target int, on calendar.Date) int {
	for i := l.level + 1; i <= target; i++ {
		s := &l.plan.steps[i]
		switch {
		case s.preventive() && target != i, s.Formal() && l.DueEstimated, !s.MinAmount.IsZero() && i < target:
			continue
		case !s.message():
			return -1
		case e.startOf(l, s) > on && i != target:
			return -1
		}
		return i
	}
	return -1
}

// taskEnds returns the moments at which open tasks count as done, and notes
// those to come as pending.
func (e *evaluation) taskEnds() []event {
	var ends []event
	for _, ev := range e.events {
		if ev.how != howTask {
			continue
		}
		l := &e.lines[ev.line]
		target := l.plan.find(e.r, "", ev.step)
		if target < 0 {
			continue
		}
		if !ev.task.DoneAt.IsZero() {
			ends = append(ends, event{ev.task.DoneAt, ev.line, "", ev.step, howStep, nil})
			continue
		}
		end := e.r.WorkDays().AddSpan(e.date(ev.at), l.plan.steps[target].wait)
		if e.begun(end) {
			ends = append(ends, event{e.midnight(end), ev.line, "", ev.step, howStep, nil})
			continue
		}
		if e.pending == nil {
			e.pending = map[pendingKey]calendar.Date{}
		}
		e.pending[pendingKey{ev.line, ev.step}] = end
	}
	return ends
}
