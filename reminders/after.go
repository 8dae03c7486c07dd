package reminders

import (
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
)

// Following is the step that a plan has after another.
type Following struct {
	Step    string
	Channel Channel
	Formal  bool // a formal notice
	On      calendar.Date
}

// After tells what follows the action where nobody pays or answers, and from
// which day: what a message may announce. ok is false at the end of the plan.
func (r Rules) After(a Action, now time.Time) (f Following, ok bool) {
	p := r.plans[a.Plan]
	if p == nil {
		return Following{}, false
	}
	for i, s := range p.steps {
		if s.ID != a.Step || i+1 == len(p.steps) {
			continue
		}
		next := p.steps[i+1]
		days := r.WorkDays()
		on := days.AddSpan(calendar.DateOf(now.In(r.Company.Zone)), p.gap)
		for _, use := range a.Lines {
			if use.Role == dossier.RoleDemanded && !use.Line.DueOn.IsZero() {
				on = max(on, days.AddSpan(use.Line.DueOn, next.At))
				break // the oldest, which leads
			}
		}
		return Following{Step: next.ID, Channel: next.Channel, Formal: next.Formal(), On: days.NextWorkingDay(on)}, true
	}
	return Following{}, false
}
