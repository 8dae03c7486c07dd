package reminders

import (
	"slices"
	"sync"
	"time"

	"github.com/expr-lang/expr/vm"

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
	e := evaluations.Get().(*evaluation)
	e.begin(&d, r)
	decision, next := e.at(now)
	decision.Verdicts = e.verdicts()
	e.ahead = true
	for range maxPassed {
		if next.IsZero() {
			break
		}
		later, after := e.at(next)
		if !decision.doesAs(&later) || !e.saysAs(decision.Verdicts) {
			break
		}
		next = after // that moment changes nothing that anybody could see
	}
	decision.NextAt = next
	decision.seal()
	if len(e.lines) <= most {
		evaluations.Put(e) // nothing of the decision lies in its room
	}
	return decision
}

// maxPassed limits the moments looked at beyond now; giving up only wakes a
// customer's row too early.
const maxPassed = 1000

// evaluations are kept and used again: a sweep decides for many customers, one
// after the other, and would else leave the room for each to the collector.
var evaluations = sync.Pool{New: func() any { return new(evaluation) }}

// evaluation is what stays the same of a dossier whatever the time.
type evaluation struct {
	d       dossier.Dossier
	r       Rules
	leaving *departures
	kind    receivable.Kind
	lines   []lineWork
	byDue   map[dossier.DueID]int // of more than few lines
	events  []event
	anchors []anchor         // what the gap counts from
	sent    []calendar.Date  // the days reminders left on, in order
	live    *dossier.Message // the reminder on its way, nil for none
	resend  moment           // when what reached nobody is said again
	repeats []string         // the bases of it that a person approved
	to, cc  []string
	mute    dossier.Reason // why nobody can be written to: no_address, bounced; "" somebody can
	docs    docFacts
	start   calendar.Date // of the backlog rule; zero: none is old
	scope   scope         // of conditions
	machine vm.VM

	room room

	// what follows belongs to one moment
	ahead    bool // later than what is decided: asked only whether anything changes
	now      time.Time
	today    calendar.Date
	nextTime time.Time
	nextDay  calendar.Date
	pending  map[pendingKey]calendar.Date
	lastSent time.Time // of any message to the customer
}

// room is what one moment works in, used again by the next.
type room struct {
	actions []Action
	uses    []LineUse
	spoken  []spoken
	sums    sums
	owed    tally
}

// most is up to how many lines the room of an evaluation is kept.
const most = 10_000

// lineWork is a due line while it is decided.
type lineWork struct {
	*dossier.Line
	plan      *plan
	byRule    dossier.Reason // hold_when
	byRuleEnd calendar.Date
	excluded  bool
	graceOn   calendar.Date // the first day on which money for it should have come
	resumedAt time.Time     // when a person had the ladder of an old line started

	// what follows belongs to one moment
	level     int // highest step done; -1 none
	levelAt   time.Time
	skippedAt time.Time    // when a person last skipped a step of it
	ask       money.Amount // what may be asked for: outstanding less what is disputed
	disputed  money.Amount
	open      bool // may be chased
	overdue   bool
	askable   bool          // overdue, and no money for it can be on its way: may be demanded
	since     moment        // when the last thing that kept it went away
	shortcut  calendar.Date // a broken promise: the next step is reached from then on
	next      *step
	reached   bool
	ready     time.Time
	slot      time.Time
	due       bool
	verdict   judgement
}

// judgement is a verdict while it is made.
type judgement struct {
	outcome Outcome
	reason  dossier.Reason
	plan    string
	step    string
	channel Channel
	at      time.Time
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

// instant returns the moment on the clock.
func (e *evaluation) instant(m moment) time.Time {
	if m.on == 0 {
		return m.at
	}
	if day := e.midnight(m.on); day.After(m.at) {
		return day
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
		if day := e.midnight(e.nextDay); next.IsZero() || day.Before(next) {
			next = day
		}
	}
	return next
}

// at decides for one moment, and returns the nearest moment at which a
// comparison with the time would come out otherwise.
func (e *evaluation) at(now time.Time) (Decision, time.Time) {
	e.now, e.today = now, e.date(now)
	e.nextTime, e.nextDay = time.Time{}, 0
	e.room.actions, e.room.uses = e.room.actions[:0], e.room.uses[:0]
	e.replay()
	e.selectLines()
	e.settleCredits()
	e.chooseSteps()
	decision := Decision{Customer: e.d.Customer.ID, Company: e.d.Company.ID}
	if e.ahead {
		decision.Actions = e.room.actions
	}
	e.act(&decision)
	if e.ahead {
		e.room.actions = decision.Actions
	}
	return decision, e.next()
}

// verdicts returns what the moment says of each line.
func (e *evaluation) verdicts() []Verdict {
	list := make([]Verdict, len(e.lines))
	for i := range e.lines {
		l, v := &e.lines[i], &list[i]
		v.Line = *l.Line
		v.Outcome, v.Reason, v.Plan, v.Step = l.verdict.outcome, l.verdict.reason, l.verdict.plan, l.verdict.step
		v.Channel, v.At = l.verdict.channel, l.verdict.at
	}
	return list
}

// saysAs tells whether the moment says the same of each line: the counts of
// days among the facts aside.
func (e *evaluation) saysAs(list []Verdict) bool {
	for i := range list {
		v, now := &list[i], &e.lines[i].verdict
		if v.Outcome != now.outcome || v.Reason != now.reason || v.Step != now.step || v.Channel != now.channel || !v.At.Equal(now.at) {
			return false
		}
	}
	return true
}

// seal names what each action asks a person to approve.
func (d *Decision) seal() {
	for i := range d.Actions {
		if a := &d.Actions[i]; a.Basis == "" && (a.Step != "" || a.Kind == dossier.KindThanks) {
			a.Basis = a.basis("")
		}
	}
}

// doesAs tells whether the decisions differ in nothing that is done.
func (d *Decision) doesAs(other *Decision) bool {
	return sameActions(d.Actions, other.Actions) && sameActions(d.Keep, other.Keep) && slices.Equal(d.Withdraw, other.Withdraw)
}

func sameActions(list, others []Action) bool {
	if len(list) != len(others) {
		return false
	}
	for i := range list {
		if !list[i].same(&others[i]) {
			return false
		}
	}
	return true
}

func (a *Action) same(other *Action) bool {
	if a.Channel != other.Channel || a.Kind != other.Kind || a.Plan != other.Plan || a.Step != other.Step ||
		a.Task != other.Task || a.Basis != other.Basis || !a.At.Equal(other.At) || a.Approval != other.Approval ||
		a.Because != other.Because || a.Reopens != other.Reopens || a.WaitUntil != other.WaitUntil || len(a.Lines) != len(other.Lines) {
		return false
	}
	for i := range a.Lines {
		x, y := &a.Lines[i], &other.Lines[i]
		if x.Line.ID != y.Line.ID || x.Role != y.Role || x.Line.Outstanding != y.Line.Outstanding {
			return false
		}
	}
	return true
}
