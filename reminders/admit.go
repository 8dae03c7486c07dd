package reminders

import (
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// Gates is what the company as a whole is ready for. The zero Gates is open.
type Gates struct {
	Off         bool                                       // reminders.mode: off
	Auto        bool                                       // reminders.mode: auto
	Connections map[receivable.ConnectionID]dossier.Reason // stale_data, suspect_data, first_run, blocked; absent: open
	Inbox       dossier.Reason                             // stale_inbox, blocked; "" open
	Payments    map[receivable.ConnectionID]bool           // auto mode: payments not entered up to a recent day (Rules.PaymentsStale)
	MaxBatch    int                                        // as configured; 0: by the largest day
	LargestDay  int                                        // most reminders that left on one of the last 60 days
	Today       int                                        // reminders already queued or sent today
	Zone        *time.Location                             // of the company, for what is a day; nil: UTC
}

// LargeBatch is how many reminders may leave on one day unasked.
func (g Gates) LargeBatch() int {
	if g.MaxBatch > 0 {
		return g.MaxBatch
	}
	return max(20, 3*g.LargestDay)
}

// Admit withholds decisions that the company as a whole is not ready for. What
// it withholds is marked Gated, keeps no action, and says why in its verdicts;
// withdrawals always pass. A day larger than allowed becomes drafts, all of it.
// Admit never changes NextAt, and not its argument.
func Admit(ds []Decision, g Gates) []Decision {
	admitted := make([]Decision, len(ds))
	leaving := map[calendar.Date]int{}
	zone := g.Zone
	if zone == nil {
		zone = time.UTC
	}
	today := calendar.Date(0)
	for i, d := range ds {
		d = d.gate(g)
		admitted[i] = d
		for _, a := range d.Actions {
			if a.leavesAlone() {
				day := calendar.DateOf(a.At.In(zone))
				if today == 0 || day < today {
					today = day
				}
				leaving[day]++
			}
		}
	}
	for day, count := range leaving {
		if day == today {
			count += g.Today
		}
		if count <= g.LargeBatch() {
			continue
		}
		for i := range admitted {
			admitted[i] = admitted[i].asDrafts(day, zone)
		}
	}
	return admitted
}

// leavesAlone tells whether no person stands between the action and the customer.
func (a Action) leavesAlone() bool {
	return a.Channel == Email && a.Kind == dossier.KindReminder && !a.Approval
}

// gate withholds the decision where a gate it depends on is shut.
func (d Decision) gate(g Gates) Decision {
	reason := d.shut(g)
	idle := len(d.Actions) == 0 && len(d.Keep) == 0
	if reason == "" || idle && (reason == g.Inbox || reason == dossier.StalePayments) {
		return d
	}
	withheld := d
	withheld.Verdicts = make([]Verdict, len(d.Verdicts))
	for i, v := range d.Verdicts {
		// A step that waits for the next proposal would be withheld then too: a
		// mailbox is read before it, but these gates only a person opens.
		if v.Outcome == Act || v.Reason == dossier.Approval || idle && v.Reason == dossier.Window {
			v.Outcome, v.Reason, v.At = Held, reason, time.Time{}
		}
		withheld.Verdicts[i] = v
	}
	if idle {
		return withheld
	}
	withheld.Actions, withheld.Keep, withheld.Gated = nil, nil, true
	return withheld
}

// Shut returns why the gates withhold the decision, "" where they do not.
func (g Gates) Shut(d Decision) dossier.Reason { return d.shut(g) }

// shut returns the first gate that is shut for the decision, "" where none is.
func (d Decision) shut(g Gates) dossier.Reason {
	if g.Off {
		return dossier.Off
	}
	var stale dossier.Reason
	for _, v := range d.Verdicts {
		connection := v.Line.Connection
		if reason := g.Connections[connection]; reason != "" && v.Reason != dossier.FirstRun {
			return reason
		}
		if g.Auto && g.Payments[connection] {
			stale = dossier.StalePayments
		}
	}
	if g.Inbox != "" {
		return g.Inbox
	}
	return stale
}

// asDrafts turns what would leave alone on the day into drafts.
func (d Decision) asDrafts(day calendar.Date, zone *time.Location) Decision {
	drafts := d
	drafts.Actions = nil
	for _, a := range d.Actions {
		if a.leavesAlone() && calendar.DateOf(a.At.In(zone)) == day {
			a.Approval, a.Because = true, dossier.LargeBatch
			drafts.Verdicts = d.verdictsOf(a, dossier.LargeBatch)
		}
		drafts.Actions = append(drafts.Actions, a)
	}
	return drafts
}

// verdictsOf returns the verdicts with those of the action held for the reason.
func (d Decision) verdictsOf(a Action, reason dossier.Reason) []Verdict {
	verdicts := make([]Verdict, len(d.Verdicts))
	for i, v := range d.Verdicts {
		if v.Outcome == Act && v.Step == a.Step {
			v.Outcome, v.Reason = Held, reason
		}
		verdicts[i] = v
	}
	return verdicts
}
