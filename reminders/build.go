package reminders

import (
	"cmp"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

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
