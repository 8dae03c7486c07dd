package sandbox

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email/emailtest"
	"relanced/internal/store"
	"relanced/reminders"
)

// checks hold each mail that leaves against what is true at that moment. What is
// true is kept here and in the simulated books, apart from the program.
type checks struct {
	t *testing.T
	w *world

	held      map[int]string           // customers that nobody may remind, and why
	back      map[int]calendar.Date    // those who may not be before that day
	dead      map[int]bool             // whose address does not exist
	disputed  map[string]bool          // invoices
	promised  map[string]calendar.Date // invoices, until that day
	unmatched []transferred

	read  map[int]int           // mails looked at, by customer
	mids  map[string]int        // of all mails, how often
	past  map[int][]past        // reminders that left, by customer
	left  map[string]int        // mails that left, by kind and step
	days  map[calendar.Date]int // reminders a day that nobody approved
	taken map[string]int        // the step that an invoice has come to
}

// transferred is money for an invoice that nobody has matched with it.
type transferred struct {
	invoice, transfer int64
	amount            pennylanetest.Cents
}

// past is a reminder that left.
type past struct {
	at       time.Time
	mid      string
	step     string
	demanded []string
}

// ladder is the steps by mail of the plans that the company uses, in their order,
// with their days after the due date.
var ladder = map[string][]rung{
	"standard":     {{"preventive", -7}, {"first", 5}, {"second", 15}, {"third", 30}},
	"public_buyer": {{"", 0}, {"first", 0}, {"second", 10}},
}

type rung struct {
	step string
	at   int
}

// dayOff are the public holidays of those months, written down by hand.
var dayOff = []string{"2027-11-01", "2027-11-11", "2027-12-25", "2028-01-01", "2028-04-17", "2028-05-01", "2028-05-08"}

func newChecks(t *testing.T, w *world) checks {
	return checks{
		t: t, w: w, held: map[int]string{}, back: map[int]calendar.Date{}, dead: map[int]bool{}, disputed: map[string]bool{},
		promised: map[string]calendar.Date{}, read: map[int]int{}, mids: map[string]int{}, past: map[int][]past{}, left: map[string]int{},
		days: map[calendar.Date]int{}, taken: map[string]int{},
	}
}

func (c *checks) off(on calendar.Date) bool {
	return on.Weekday() == time.Saturday || on.Weekday() == time.Sunday || slices.Contains(dayOff, on.String())
}

// look looks at the mails that have reached customers since the last look.
func (c *checks) look() {
	c.t.Helper()
	for who := range customers {
		mails := c.mailsOf(who)
		for _, m := range mails[c.read[who]:] {
			c.mail(who, m)
		}
		c.read[who] = len(mails)
	}
}

func (c *checks) mailsOf(who int) []emailtest.Mail {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.w.sent[mailOf(who)]
}

// mail checks one mail.
func (c *checks) mail(who int, m emailtest.Mail) {
	c.t.Helper()
	ctx := context.WithoutCancel(c.t.Context())
	now, name := c.w.clock.now().In(c.w.zone), customers[who].code
	fail := func(format string, args ...any) {
		c.t.Helper()
		c.t.Errorf("%s, %s: "+format, append([]any{now.Format("Mon 2006-01-02 15:04"), name}, args...)...)
	}
	parsed, err := mail.ReadMessage(strings.NewReader(string(m.Data)))
	if err != nil {
		fail("the mail cannot be read: %v", err)
		return
	}
	mid := parsed.Header.Get("Message-Id")
	if c.mids[mid]++; c.mids[mid] > 1 {
		fail("%s left twice", mid)
	}
	found, err := c.w.daemon.Store.SentByMID(ctx, c.w.company.CompanyID(), []string{mid})
	if err != nil || len(found) != 1 {
		fail("the outbox does not know %s: %v, %v", mid, found, err)
		return
	}
	var row store.Outgoing
	for _, ref := range found {
		if row, err = c.w.daemon.Store.Message(ctx, ref.Message); err != nil {
			fail("%v", err)
			return
		}
	}
	if row.State != dossier.StateSent || row.Code != name {
		fail("message %d of %s is %s", row.ID, row.Code, row.State)
	}
	c.left[strings.TrimSuffix(string(row.Kind)+" "+row.Step, " ")]++
	if row.Kind != dossier.KindReminder {
		return
	}
	c.moment(now, fail)
	c.people(who, now, fail)
	c.lines(row, now, fail)
	c.order(who, row, now, fail)
	c.thread(who, row, parsed.Header, fail)
	c.remember(who, row, mid, now)
}

type failing func(format string, args ...any)

// moment: only on working days, in working hours.
func (c *checks) moment(now time.Time, fail failing) {
	minute := now.Hour()*60 + now.Minute()
	if c.off(calendar.DateOf(now)) || minute < 8*60+30 || minute >= 18*60+30 {
		fail("it left outside the hours in which mail may leave")
	}
}

// people: nobody is reminded who has answered, is away, or whom somebody holds.
func (c *checks) people(who int, now time.Time, fail failing) {
	today := calendar.DateOf(now)
	if why := c.held[who]; why != "" {
		fail("it left though %s holds", why)
	}
	if today < c.back[who] {
		fail("it left before %s", c.back[who])
	}
	if c.dead[who] {
		fail("it left to an address that does not exist")
	}
}

// lines: what is demanded is owed, to the cent, and neither contested, promised
// nor probably paid.
func (c *checks) lines(row store.Outgoing, now time.Time, fail failing) {
	owed := map[string]pennylanetest.Cents{}
	for external, left := range c.w.books.Owed() {
		id, _ := strconv.ParseInt(external, 10, 64) // the simulator's own
		owed[c.w.numbers[id]] = left
	}
	demanded := 0
	for _, line := range row.Lines {
		if line.Role != dossier.RoleUpcoming && owed[line.Invoice] != pennylanetest.Cents(line.Outstanding.Minor) {
			fail("it says %d of %s, the source %d", line.Outstanding.Minor, line.Invoice, owed[line.Invoice])
		}
		if line.Role != dossier.RoleDemanded {
			continue
		}
		demanded++
		if c.disputed[line.Invoice] {
			fail("it demands %s, which is contested", line.Invoice)
		}
		if on := c.promised[line.Invoice]; calendar.DateOf(now) <= on {
			fail("it demands %s, promised for %s", line.Invoice, on)
		}
		for _, u := range c.unmatched {
			if c.w.numbers[u.invoice] == line.Invoice && u.amount == owed[line.Invoice] {
				fail("it demands %s, for which money has come", line.Invoice)
			}
		}
	}
	if demanded == 0 && row.Step != "preventive" {
		fail("message %d demands nothing", row.ID)
	}
}

// order: one a day, four in thirty days, a week apart; and each reminder takes an
// invoice one step further, whose day has come. The message speaks as the invoice
// that is furthest: no step is left out, none is taken twice.
func (c *checks) order(who int, row store.Outgoing, now time.Time, fail failing) {
	today, recent := calendar.DateOf(now), 0
	for _, p := range c.past[who] {
		apart := today.DaysSince(calendar.DateOf(p.at))
		if apart < 30 {
			recent++
		}
		if apart < 7 {
			fail("only %d days after the one of %s", apart, p.at.Format(time.DateOnly))
		}
	}
	if recent >= 4 {
		fail("the fifth in 30 days")
	}
	steps := ladder[row.Plan]
	step := slices.IndexFunc(steps, func(r rung) bool { return r.step == row.Step })
	if step < 0 {
		fail("the plan %s has no step %s by mail", row.Plan, row.Step)
		return
	}
	// Between the second and the third step lies a call, of which the mails do not
	// tell when it counts as done: an invoice takes the third where nothing else
	// explains the message.
	var waits, seen []string
	furthest, on := 0, 0
	for _, line := range row.Lines {
		if line.Role != dossier.RoleDemanded {
			continue
		}
		late := today.DaysSince(c.due(line.Invoice))
		if late < 1 {
			fail("it demands %s, late by %d days", line.Invoice, late)
		}
		seen = append(seen, fmt.Sprintf("%s %d days late, at step %d", line.Invoice, late, c.taken[line.Invoice]))
		next := c.taken[line.Invoice] + 1
		// A broken promise is answered one step higher, without waiting.
		_, promised := c.promised[line.Invoice]
		come := next < len(steps) && (late >= steps[next].at || promised)
		switch {
		case next > step || next == len(steps) || !come && (next < step || next == 3):
		case next == 3:
			waits = append(waits, line.Invoice)
			furthest = next
		default: // what stands in a message of its next step has got that step, be it early
			c.taken[line.Invoice] = next
			if come {
				on++
			}
		}
		furthest = max(furthest, c.taken[line.Invoice])
	}
	if on == 0 && len(waits) > 0 {
		c.taken[waits[0]] = 3
		on++
	}
	if step > 0 && on == 0 {
		fail("step %s, and no invoice had come to its next one: %s", row.Step, strings.Join(seen, "; "))
		c.history(who)
	}
	if step != furthest {
		fail("step %s, and the furthest invoice is at %s: %s", row.Step, steps[furthest].step, strings.Join(seen, "; "))
		c.history(who)
	}
}

// history tells which reminders a customer has got so far.
func (c *checks) history(who int) {
	c.t.Helper()
	for _, p := range c.past[who] {
		c.t.Logf("%s got %s on %s: %v", customers[who].code, p.step, p.at.Format(time.DateOnly), p.demanded)
	}
}

// due is when an invoice falls due, as the source says.
func (c *checks) due(number string) calendar.Date {
	var on calendar.Date
	for id, name := range c.w.numbers {
		if name == number {
			c.w.books.ChangeQuietly(id, func(in *pennylanetest.Invoice) { on = calendar.MustParse(in.Deadline) })
		}
	}
	return on
}

// thread: a reminder answers the last one of its case, and a new case begins a
// new thread.
func (c *checks) thread(who int, row store.Outgoing, head mail.Header, fail failing) {
	if from, err := mail.ParseAddress(head.Get("From")); err != nil || from.Address != ourAddress {
		fail("From: %s", head.Get("From"))
	}
	if to, err := mail.ParseAddressList(head.Get("To")); err != nil || len(to) != 1 || to[0].Address != mailOf(who) {
		fail("To: %s", head.Get("To"))
	}
	references, answers := strings.Fields(head.Get("References")), head.Get("In-Reply-To")
	var last *past
	for i := range c.past[who] {
		p := &c.past[who][i]
		if p.step != "preventive" && slices.ContainsFunc(row.Lines, func(l dossier.MessageLine) bool {
			return l.Role == dossier.RoleDemanded && slices.Contains(p.demanded, l.Invoice)
		}) {
			last = p
		}
	}
	switch {
	case row.Step == "preventive":
		if answers != "" {
			fail("a preventive message answers %s", answers)
		}
	case last == nil:
		// Another invoice of the same case may tie it to an earlier one.
	case !slices.Contains(references, last.mid) || answers != references[len(references)-1]:
		fail("References: %v, In-Reply-To: %s; the last one about the same was %s", references, answers, last.mid)
	case !strings.HasPrefix(head.Get("Subject"), "Re: ") && !strings.HasPrefix(head.Get("Subject"), "=?"):
		fail("Subject: %s", head.Get("Subject"))
	}
	for _, mid := range references {
		if strings.HasSuffix(mid, "@kermadec.example>") && c.mids[mid] == 0 {
			fail("References: %s, which never left", mid)
		}
	}
}

func (c *checks) remember(who int, row store.Outgoing, mid string, now time.Time) {
	p := past{at: now, mid: mid, step: row.Step}
	for _, line := range row.Lines {
		if line.Role == dossier.RoleDemanded {
			p.demanded = append(p.demanded, line.Invoice)
		}
	}
	c.past[who] = append(c.past[who], p)
	if row.ApprovedBy == "" {
		c.days[calendar.DateOf(now)]++
	}
}

// finish wants the outbox and the mail server to agree, no day to be a burst, and
// nobody to be forgotten: whatever is overdue and not held goes on at a moment
// that is known.
func (c *checks) finish() {
	c.t.Helper()
	ctx := context.WithoutCancel(c.t.Context())
	rows, err := c.w.daemon.Store.Outbox(ctx, store.OutboxFilter{Company: c.w.company.CompanyID()})
	if err != nil {
		c.t.Fatal(err)
	}
	sent := 0
	for _, row := range rows {
		if row.Kind == dossier.KindNotice || row.State == dossier.StateCancelled {
			continue
		}
		switch row.State {
		case dossier.StateSent:
			sent++
			if c.mids[row.MID] != 1 {
				c.t.Errorf("message %d is sent and arrived %d times", row.ID, c.mids[row.MID])
			}
		case dossier.StateDraft, dossier.StateQueued, dossier.StateDropped:
		default:
			c.t.Errorf("message %d is %s: %s", row.ID, row.State, row.Problem)
		}
	}
	if sent != len(c.mids) {
		c.t.Errorf("%d messages are sent, %d arrived", sent, len(c.mids))
	}
	for on, n := range c.days {
		if n > 20 {
			c.t.Errorf("%d reminders left on %s without a person", n, on)
		}
	}
	for _, kind := range []string{"reminder first", "reminder second", "reminder third", "thanks"} {
		if c.left[kind] == 0 {
			c.t.Errorf("no %s has left: %v", kind, c.left)
		}
	}
	ids, err := c.w.daemon.Store.CustomerIDs(ctx, c.w.company.CompanyID())
	if err != nil {
		c.t.Fatal(err)
	}
	now := c.w.clock.now()
	for _, id := range ids {
		d, err := c.w.daemon.Store.Dossier(ctx, id)
		if err != nil {
			c.t.Fatal(err)
		}
		decision := reminders.Decide(d, c.w.company.Rules, now)
		for _, v := range decision.Verdicts {
			if v.Outcome == reminders.Wait && (decision.NextAt.IsZero() || decision.NextAt.After(now.AddDate(0, 0, 60))) {
				c.t.Errorf("%s: %s waits (%s) until %s", d.Customer.Code, v.Line.Invoice, v.Reason, decision.NextAt)
			}
		}
	}
}
