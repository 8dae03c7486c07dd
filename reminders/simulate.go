package reminders

import (
	"iter"
	"slices"
	"time"

	"relanced/internal/dossier"
)

// Simulate yields what would be decided from one moment to another, each action
// taken as done: connections confirmed, drafts approved at once, messages sent
// at the first moment they may leave, tasks opened and never reported. It yields
// a decision for the beginning and for each moment at which something changes.
// The dossier given is not changed. Mode off does not silence it.
func Simulate(d dossier.Dossier, r Rules, from, until time.Time) iter.Seq[Decision] {
	return func(yield func(Decision) bool) {
		for step := range simulation(d, r, from, until) {
			if !yield(step.decision) {
				return
			}
		}
	}
}

// Preview yields the verdicts of a simulation as people see them: one for each
// due line and step, At being when it may leave; and for a line that no step
// reaches one with its reason at the beginning, last.
func Preview(d dossier.Dossier, r Rules, from, until time.Time) iter.Seq[Verdict] {
	return func(yield func(Verdict) bool) {
		acted := map[dossier.DueID]bool{}
		var first []Verdict
		for step := range simulation(d, r, from, until) {
			if first == nil {
				first = step.decision.Verdicts
			}
			for _, v := range step.decision.Verdicts {
				if !step.taken(v) || v.At.After(until) {
					continue
				}
				acted[v.Line.ID] = true
				v.Outcome, v.Reason = Act, ""
				if v.At.Before(step.at) {
					v.At = step.at
				}
				if !yield(v) {
					return
				}
			}
		}
		for _, v := range first {
			if v.Outcome == Act {
				v.Outcome, v.Reason = Wait, dossier.NotDue // it may leave only after the period
			}
			if !acted[v.Line.ID] && !yield(v) {
				return
			}
		}
	}
}

// simulated is one decision of a simulation.
type simulated struct {
	at       time.Time
	decision Decision
}

// taken tells whether the decision takes the verdict's step: an action or a live
// message is about to do it.
func (s simulated) taken(v Verdict) bool {
	if v.Outcome != Act && v.Reason != dossier.Approval {
		return false
	}
	does := func(a Action) bool { return a.Step == v.Step && a.Kind != dossier.KindThanks }
	return slices.ContainsFunc(s.decision.Actions, does) || slices.ContainsFunc(s.decision.Keep, does)
}

func simulation(d dossier.Dossier, r Rules, from, until time.Time) iter.Seq[simulated] {
	return func(yield func(simulated) bool) {
		d = confirmed(d, from)
		for now := from; !now.After(until); {
			decision := Decide(d, r, now)
			if !yield(simulated{now, decision}) {
				return
			}
			next := decision.NextAt
			if len(decision.Actions)+len(decision.Keep)+len(decision.Withdraw) > 0 {
				next = Apply(&d, r, decision, now)
			}
			if next.IsZero() {
				return
			}
			now = next
		}
	}
}

// confirmed returns a dossier of its own in which every connection is accepted.
func confirmed(d dossier.Dossier, at time.Time) dossier.Dossier {
	d.Lines = slices.Clone(d.Lines)
	for i := range d.Lines {
		if d.Lines[i].ConfirmedAt.IsZero() {
			d.Lines[i].ConfirmedAt = at
		}
	}
	if d.Company.FirstConfirmedAt.IsZero() {
		d.Company.FirstConfirmedAt = at
	}
	d.Messages = slices.Clone(d.Messages)
	d.Tasks = slices.Clone(d.Tasks)
	return d
}

// Apply records in the dossier that the decision was carried out: messages sent
// at the first moment they may leave, tasks opened. It returns the moment of the
// last of it. Slices of the dossier are appended to; messages change in place.
func Apply(d *dossier.Dossier, r Rules, decision Decision, now time.Time) time.Time {
	window := r.WindowOf(d.Customer)
	last := now
	gone := func(id dossier.MessageID) {
		for i := range d.Messages {
			if d.Messages[i].ID == id {
				d.Messages[i].State, d.Messages[i].EndedAt = dossier.StateCancelled, now
			}
		}
	}
	for _, w := range decision.Withdraw {
		gone(w.Message)
	}
	for _, a := range slices.Concat(decision.Actions, decision.Keep) {
		gone(a.Reopens)
		if a.Task != "" {
			opened := later(a.At, now)
			task := dossier.Task{ID: int64(len(d.Tasks) + 1), Kind: a.Task, Step: a.Step, OpenedAt: opened, DueOn: a.WaitUntil}
			for _, use := range a.Lines {
				task.Lines = append(task.Lines, use.Line.ID)
			}
			d.Tasks = append(d.Tasks, task)
			last = later(last, opened)
			continue
		}
		leaves := window.Next(later(a.At, now)).UTC()
		if leaves.IsZero() || leaves.Year() <= 1 {
			leaves = later(a.At, now)
		}
		m := dossier.Message{
			ID: dossier.MessageID(-1 - len(d.Messages)), Kind: a.Kind, State: dossier.StateSent, Plan: a.Plan, Step: a.Step,
			To: a.To, Basis: a.Basis, CreatedAt: now, SentAt: leaves,
		}
		for _, use := range a.Lines {
			m.Lines = append(m.Lines, dossier.MessageLine{
				Due: use.Line.ID, Document: use.Line.Document, Invoice: use.Line.Invoice, Role: use.Role, Outstanding: use.Line.Outstanding,
			})
		}
		d.Messages = append(d.Messages, m)
		last = later(last, leaves)
	}
	return last
}
