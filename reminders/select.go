package reminders

import (
	"math"
	"slices"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// hold is why a line or a customer is not chased, and until when (zero: nobody knows).
type hold struct {
	outcome Outcome
	reason  dossier.Reason
	until   time.Time
}

func held(reason dossier.Reason, until time.Time) hold { return hold{Held, reason, until} }

// The order in which holds of people and of the mailbox are told, the gravest first.
var gravity = []dossier.Reason{
	dossier.Insolvent, dossier.Objection, dossier.Legal, dossier.Excluded, dossier.Manual, dossier.Replied,
	dossier.Disputed, dossier.Arranged, dossier.Promised, dossier.ProbablyPaid, dossier.Conversation,
	dossier.Assigned, dossier.DirectDebit, dossier.BouncedAddress, dossier.NoAddress, dossier.Absent,
}

// selectLines says of each line whether it may be chased, and else why not.
func (e *evaluation) selectLines() {
	customer, since := e.customerHold()
	for i := range e.lines {
		l := &e.lines[i]
		l.open, l.overdue, l.askable, l.next, l.reached, l.due = false, false, false, nil, false, false
		l.shortcut, l.ready, l.slot = 0, time.Time{}, time.Time{}
		l.ask, l.disputed = l.Outstanding, money.Amount{}
		l.verdict = judgement{}
		l.since = since
		l.since.raise(moment{at: l.resumedAt})
		h := e.lineHold(l, customer)
		if h.outcome != "" {
			l.verdict.outcome, l.verdict.reason, l.verdict.at = h.outcome, h.reason, h.until
			continue
		}
		l.open = true
		l.overdue = e.begun(l.DueOn + 1)
		l.askable = l.overdue && (l.Returned || e.begun(l.graceOn))
	}
	e.tinyCustomer()
}

// lineHold returns why the line is not chased; no outcome where it may be. The
// books come first, then people, then the rules.
func (e *evaluation) lineHold(l *lineWork, customer hold) hold {
	switch {
	case !l.GoneAt.IsZero() && e.passed(l.GoneAt):
		return hold{Done, dossier.Gone, time.Time{}}
	case l.Outstanding.Sign() <= 0:
		return hold{Done, dossier.Paid, time.Time{}}
	case l.Problem != "" || l.DueOn.IsZero() || l.plan == nil:
		return held(dossier.Inconsistent, time.Time{})
	case l.ConfirmedAt.IsZero() || !e.passed(l.ConfirmedAt):
		return held(dossier.FirstRun, time.Time{})
	case l.excluded || e.d.Customer.DoNotContact:
		return held(dossier.Excluded, time.Time{})
	}
	l.since.raise(moment{at: l.ConfirmedAt})
	l.since.raise(moment{at: l.FirstSeenAt})
	if customer.outcome != "" {
		return customer
	}
	if h := e.documentHold(l); h.outcome != "" {
		return h
	}
	if h := e.disputed(l); h.outcome != "" {
		return h
	}
	if h := e.promised(l); h.outcome != "" {
		return h
	}
	if h := e.standing(l); h.outcome != "" {
		return h
	}
	if l.byRule != "" {
		if l.byRuleEnd == 0 {
			return held(l.byRule, time.Time{})
		}
		if !e.begun(l.byRuleEnd) {
			return held(l.byRule, e.midnight(l.byRuleEnd))
		}
		l.since.raise(moment{on: l.byRuleEnd})
	}
	if l.ask.Minor <= e.r.tinyOf(e.r.Config.Tiny.Invoice, e.r.tinyInvoice, l.ask.Currency) {
		return held(dossier.Tiny, time.Time{})
	}
	if e.backlog(l) {
		return held(dossier.Backlog, time.Time{})
	}
	return hold{}
}

func (e *evaluation) midnight(d calendar.Date) time.Time { return e.r.slots.dates.Begin(d) }

// customerHold returns the gravest hold on the whole customer, and when the last
// one of those that ended went away.
func (e *evaluation) customerHold() (found hold, since moment) {
	for i := range e.d.Holds {
		if h := &e.d.Holds[i]; h.Document == 0 {
			found = e.weigh(h, found, &since)
		}
	}
	return found, since
}

func (e *evaluation) documentHold(l *lineWork) (found hold) {
	for _, h := range e.docs.holds[l.Document] {
		found = e.weigh(h, found, &l.since)
	}
	return found
}

// weigh returns the graver of what was found and the hold, where it stands now.
func (e *evaluation) weigh(h *dossier.Hold, found hold, since *moment) hold {
	if !h.From.IsZero() && !e.passed(h.From) {
		return found
	}
	if !h.EndedAt.IsZero() && e.passed(h.EndedAt) {
		since.raise(moment{at: h.EndedAt})
		return found
	}
	until := time.Time{}
	if h.Until != 0 {
		if e.begun(h.Until) {
			since.raise(moment{on: h.Until})
			return found
		}
		until = e.midnight(h.Until)
	}
	if found.outcome == "" || graver(h.Reason, until, found) {
		return hold{outcomeOf(h.Reason), h.Reason, until}
	}
	return found
}

func graver(reason dossier.Reason, until time.Time, than hold) bool {
	a, b := grave(reason), grave(than.reason)
	if a != b {
		return a < b
	}
	if reason != than.reason {
		return reason < than.reason
	}
	return !than.until.IsZero() && (until.IsZero() || until.After(than.until))
}

func grave(reason dossier.Reason) int {
	if i := slices.Index(gravity, reason); i >= 0 {
		return i
	}
	return len(gravity)
}

// outcomeOf sorts a reason, as config.md §4 does.
func outcomeOf(reason dossier.Reason) Outcome {
	switch reason {
	case dossier.Paid, dossier.Gone, dossier.PlanEnd:
		return Done
	case dossier.NotDue, dossier.Gap, dossier.Window, dossier.Cap, dossier.Absent:
		return Wait
	}
	return Held
}

// disputed holds a line whose invoice is contested as a whole, and takes what is
// contested in part out of what is asked for. A part is taken from the lines of
// the invoice in order of their dates.
func (e *evaluation) disputed(l *lineWork) hold {
	var part money.Amount
	for _, dispute := range e.docs.disputes[l.Document] {
		if !e.passed(dispute.OpenedAt) {
			continue
		}
		if !dispute.EndedAt.IsZero() && e.passed(dispute.EndedAt) {
			l.since.raise(moment{at: dispute.EndedAt})
			continue
		}
		if dispute.Until != 0 && e.begun(dispute.Until) {
			l.since.raise(moment{on: dispute.Until})
			continue
		}
		if dispute.Amount.IsZero() || dispute.Amount.Currency != l.Outstanding.Currency {
			return held(dossier.Disputed, e.end(dispute.Until))
		}
		part = part.Add(dispute.Amount)
	}
	if part.IsZero() {
		return hold{}
	}
	for i := range e.lines {
		other := e.lines[i].Line
		if other.Document == l.Document && other.Rank < l.Rank && other.Outstanding.Sign() > 0 {
			part = part.Sub(other.Outstanding)
		}
	}
	switch {
	case part.Sign() <= 0:
		return hold{}
	case part.Cmp(l.Outstanding) >= 0:
		return held(dossier.Disputed, time.Time{})
	}
	l.disputed, l.ask = part, l.Outstanding.Sub(part)
	return hold{}
}

func (e *evaluation) end(until calendar.Date) time.Time {
	if until == 0 {
		return time.Time{}
	}
	return e.midnight(until)
}

// promised holds a line whose payment is announced, until it should have come.
func (e *evaluation) promised(l *lineWork) hold {
	found := hold{}
	consider := func(p *dossier.Promise) {
		if !e.passed(p.MadeAt) {
			return
		}
		made := e.date(p.MadeAt)
		if p.Document == 0 && l.DueOn > made { // it spoke of what was overdue then
			return
		}
		if !p.EndedAt.IsZero() && e.passed(p.EndedAt) {
			l.since.raise(moment{at: p.EndedAt})
			return
		}
		if p.Document != 0 && !p.Amount.IsZero() && l.settledSince(made).Cmp(money.New(p.Amount.Minor, l.Outstanding.Currency)) >= 0 {
			return // kept: what is left is another matter
		}
		until := p.Until
		if until == 0 {
			until = e.r.WorkDays().AddSpan(p.On, e.r.Config.Holds.Promise)
		}
		if e.begun(until) {
			l.since.raise(moment{on: until})
			if p.Claimed == "" {
				l.shortcut = max(l.shortcut, until)
			}
			return
		}
		reason := dossier.Promised
		if p.Claimed != "" {
			reason = dossier.ProbablyPaid
		}
		if h := held(reason, e.midnight(until)); found.outcome == "" || h.until.After(found.until) ||
			h.until.Equal(found.until) && h.reason < found.reason {
			found = h
		}
	}
	for i := range e.d.Promises {
		if p := &e.d.Promises[i]; p.Document == 0 {
			consider(p)
		}
	}
	for _, p := range e.docs.promises[l.Document] {
		consider(p)
	}
	return found
}

// broken counts the promises that ran out unkept, and were not ended by anybody.
func (e *evaluation) broken() int {
	count := 0
	for i := range e.d.Promises {
		p := &e.d.Promises[i]
		until := p.Until
		if until == 0 {
			until = e.r.WorkDays().AddSpan(p.On, e.r.Config.Holds.Promise)
		}
		if p.Claimed == "" && p.EndedAt.IsZero() && e.begun(until) && e.stillOwed(p) {
			count++
		}
	}
	return count
}

func (e *evaluation) stillOwed(p *dossier.Promise) bool {
	made := e.date(p.MadeAt)
	for i := range e.lines {
		l := e.lines[i].Line
		if l.Outstanding.Sign() > 0 && (p.Document == l.Document || p.Document == 0 && l.DueOn <= made) {
			return true
		}
	}
	return false
}

// settledSince sums the money received for the line from the day on.
func (l *lineWork) settledSince(day calendar.Date) money.Amount {
	sum := money.Amount{Currency: l.Outstanding.Currency}
	for _, p := range l.Payments {
		if p.On >= day && !p.Credit && p.Amount.Currency == sum.Currency {
			sum = sum.Add(p.Amount)
		}
	}
	return sum
}

// standing says what the source itself holds against chasing the line.
func (e *evaluation) standing(l *lineWork) hold {
	method := l.Method
	if method == "" {
		method = e.d.Customer.Method
	}
	switch {
	case l.Standing == receivable.StandingUnchecked, l.Standing == receivable.StandingArchived,
		l.Standing == receivable.StandingWrittenOff:
		return held(dossier.Excluded, time.Time{})
	case l.Standing == receivable.StandingDoubtful:
		return held(dossier.Legal, time.Time{})
	case l.Standing == receivable.StandingIncoming:
		return held(dossier.ProbablyPaid, time.Time{})
	case l.EStatus == receivable.EStatusDisputed, l.EStatus == receivable.EStatusRefused, l.EStatus == receivable.EStatusSuspended:
		return held(dossier.Disputed, time.Time{})
	case l.EStatus == receivable.EStatusRejected:
		return held(dossier.Excluded, time.Time{})
	case l.EStatus == receivable.EStatusPaid:
		return hold{Done, dossier.Paid, time.Time{}} // our own company declared it cashed, the books are behind
	case l.Assigned:
		return held(dossier.Assigned, time.Time{})
	case l.Returned:
		return hold{}
	case l.Standing == receivable.StandingBill:
		return held(dossier.DirectDebit, time.Time{})
	case method == receivable.MethodDirectDebit, method == receivable.MethodBill:
		end := e.r.WorkDays().AddWorkDays(l.DueOn, presentedAfter)
		if !e.begun(end) {
			return held(dossier.DirectDebit, e.midnight(end))
		}
		l.since.raise(moment{on: end})
	}
	return hold{}
}

// presentedAfter is how many working days after the due date a direct debit or
// a bill is taken to have failed silently.
const presentedAfter = 5

// backlog tells whether the line was due before reminders started here, and
// nobody has had its ladder started.
func (e *evaluation) backlog(l *lineWork) bool {
	if e.r.Config.Start.Older == OlderFirst || e.start == 0 || l.DueOn >= e.start {
		return false
	}
	if l.level >= 0 {
		return false
	}
	if !l.resumedAt.IsZero() {
		return !e.passed(l.resumedAt)
	}
	for i := range e.d.Tasks {
		t := &e.d.Tasks[i]
		if t.Kind == TaskBacklog && t.Outcome == BacklogResumed && !t.DoneAt.IsZero() && taskCovers(t, l.Line) && e.passed(t.DoneAt) {
			l.since.raise(moment{at: t.DoneAt})
			return false
		}
	}
	return true
}

// tinyCustomer holds all lines of a currency in which the customer owes next to nothing.
func (e *evaluation) tinyCustomer() {
	owed := e.room.owed[:0]
	for i := range e.lines {
		l := &e.lines[i]
		if l.Outstanding.Sign() > 0 && l.verdict.outcome != Done {
			owed.add("", l.Outstanding.Currency, l.Outstanding.Minor)
		}
	}
	e.room.owed = owed
	for i := range e.lines {
		l := &e.lines[i]
		if l.open && owed.of("", l.ask.Currency) <= e.r.tinyOf(e.r.Config.Tiny.Customer, e.r.tinyCustomer, l.ask.Currency) {
			l.open = false
			l.verdict.outcome, l.verdict.reason = Held, dossier.Tiny
		}
	}
}

// plus adds sums to compare with thresholds; where it would overflow it stays at
// the most there is.
func plus(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
