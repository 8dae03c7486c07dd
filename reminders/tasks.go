package reminders

import (
	"cmp"
	"slices"
	"time"

	"relanced/internal/dossier"
)

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
