package reminders

import (
	"slices"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Decide says what to do for one customer at a moment, and why. It reads nothing
// but its arguments: the same facts give the same decision, in whatever order
// they stand.
//
// Between now and NextAt time alone changes nothing: any moment in between gives
// the same actions and verdicts (their Facts, which count days, apart).
func Decide(d dossier.Dossier, r Rules, now time.Time) Decision {
	e := newEvaluation(&d, &r)
	decision, next := e.at(now)
	for range maxPassed {
		if next.IsZero() {
			break
		}
		later, after := e.at(next)
		if !decision.sameAs(later) {
			break
		}
		next = after // that moment changes nothing that anybody could see
	}
	decision.NextAt = next
	return decision
}

// maxPassed limits the moments looked at beyond now; giving up only wakes a
// customer's row too early.
const maxPassed = 1000

// evaluation is what stays the same of a dossier whatever the time.
type evaluation struct {
	d       *dossier.Dossier
	r       *Rules
	zone    *time.Location
	region  calendar.Region
	kind    receivable.Kind
	lines   []lineWork
	byDue   map[dossier.DueID]int
	events  []event
	anchors []anchor               // what the gap counts from
	sent    []calendar.Date        // the days reminders left on, in order
	byStep  map[string][]time.Time // when each step last went out, for max_every
	live    *dossier.Message       // the reminder on its way, nil for none
	resend  moment                 // when what reached nobody is said again
	repeats []string               // the bases of it that a person approved
	to, cc  []string
	mute    dossier.Reason // why nobody can be written to: no_address, bounced; "" somebody can
	docs    docFacts
	start   calendar.Date // of the backlog rule; zero: none is old

	// what follows belongs to one moment
	now      time.Time
	today    calendar.Date
	nextTime time.Time
	nextDay  calendar.Date
	pending  map[pendingKey]calendar.Date
	lastSent time.Time // of any message to the customer
}

// lineWork is a due line while it is decided.
type lineWork struct {
	*dossier.Line
	plan      *plan
	byRule    dossier.Reason // hold_when
	byRuleEnd calendar.Date
	excluded  bool
	resumedAt time.Time // when a person had the ladder of an old line started

	// what follows belongs to one moment
	level     int // highest step done; -1 none
	levelAt   time.Time
	skippedAt time.Time    // when a person last skipped a step of it
	ask       money.Amount // what may be asked for: outstanding less what is disputed
	disputed  money.Amount
	open      bool // may be chased
	overdue   bool
	since     moment        // when the last thing that kept it went away
	shortcut  calendar.Date // a broken promise: the next step is reached from then on
	next      *step
	reached   bool
	ready     time.Time
	slot      time.Time
	due       bool
	verdict   Verdict
}

// moment is an instant, or the beginning of a day, whichever is later.
type moment struct {
	at time.Time
	on calendar.Date
}

func (m *moment) raise(other moment) {
	if other.at.After(m.at) {
		m.at = other.at
	}
	m.on = max(m.on, other.on)
}

// in returns the instant.
func (m moment) in(zone *time.Location) time.Time {
	if m.on == 0 {
		return m.at
	}
	if day := m.on.Time(zone); day.After(m.at) {
		return day.UTC()
	}
	return m.at
}

// passed tells whether the instant has come; one to come is a threshold.
func (e *evaluation) passed(t time.Time) bool {
	if !t.After(e.now) {
		return true
	}
	if e.nextTime.IsZero() || t.Before(e.nextTime) {
		e.nextTime = t
	}
	return false
}

// begun tells whether the day has begun; one to come is a threshold.
func (e *evaluation) begun(d calendar.Date) bool {
	if d <= e.today {
		return true
	}
	if e.nextDay == 0 || d < e.nextDay {
		e.nextDay = d
	}
	return false
}

// next returns the nearest threshold, zero for none.
func (e *evaluation) next() time.Time {
	next := e.nextTime
	if e.nextDay != 0 {
		if day := e.nextDay.Time(e.zone).UTC(); next.IsZero() || day.Before(next) {
			next = day
		}
	}
	return next
}

// at decides for one moment, and returns the nearest moment at which a
// comparison with the time would come out otherwise.
func (e *evaluation) at(now time.Time) (Decision, time.Time) {
	e.now, e.today = now, calendar.DateOf(now.In(e.zone))
	e.nextTime, e.nextDay = time.Time{}, 0
	e.replay()
	e.selectLines()
	e.settleCredits()
	e.chooseSteps()
	decision := Decision{Customer: e.d.Customer.ID, Company: e.d.Company.ID}
	e.act(&decision)
	decision.Verdicts = make([]Verdict, len(e.lines))
	for i := range e.lines {
		decision.Verdicts[i] = e.lines[i].verdict
	}
	return decision, e.next()
}

// sameAs tells whether the decisions differ in nothing that time could be
// waited for: the counts of days among the facts aside.
func (d Decision) sameAs(other Decision) bool {
	return slices.EqualFunc(d.Actions, other.Actions, Action.same) &&
		slices.EqualFunc(d.Keep, other.Keep, Action.same) &&
		slices.Equal(d.Withdraw, other.Withdraw) &&
		slices.EqualFunc(d.Verdicts, other.Verdicts, Verdict.same)
}

func (v Verdict) same(other Verdict) bool {
	return v.Outcome == other.Outcome && v.Reason == other.Reason && v.Step == other.Step &&
		v.Channel == other.Channel && v.At.Equal(other.At) && v.Line.ID == other.Line.ID
}

func (a Action) same(other Action) bool {
	return a.Channel == other.Channel && a.Kind == other.Kind && a.Plan == other.Plan && a.Step == other.Step &&
		a.Task == other.Task && a.Basis == other.Basis && a.At.Equal(other.At) && a.Approval == other.Approval &&
		a.Because == other.Because && a.Reopens == other.Reopens && a.WaitUntil == other.WaitUntil &&
		slices.EqualFunc(a.Lines, other.Lines, func(x, y LineUse) bool {
			return x.Line.ID == y.Line.ID && x.Role == y.Role && x.Line.Outstanding == y.Line.Outstanding
		})
}
