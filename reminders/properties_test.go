package reminders

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

var epoch = day("2026-06-01")

// drawRules draws a company's rules; every one compiles.
func drawRules(t *rapid.T, tb testing.TB) Rules {
	return rulesWith(tb, func(c *Config, _ map[string]PlanConfig) {
		c.Mode = rapid.SampledFrom([]Mode{ModeReview, ModeAuto}).Draw(t, "mode")
		c.Plan = rapid.SampledFrom(ShippedNames).Draw(t, "plan")
		c.Start.Older = rapid.SampledFrom([]Older{OlderTask, OlderIgnore, OlderFirst}).Draw(t, "older")
		c.Caps.Per30d = rapid.IntRange(1, 4).Draw(t, "per_30d")
		c.Thanks = rapid.SampledFrom([]Thanks{ThanksNone, ThanksPaid}).Draw(t, "thanks")
		if rapid.Bool().Draw(t, "conditions") {
			c.HoldWhen = []HoldWhen{
				{If: `customer.payment_method in ["direct_debit", "bill"] && !invoice.returned`, Reason: dossier.DirectDebit, Until: "due+5wd"},
				{If: `"factor" in customer.tags`, Reason: dossier.Assigned},
			}
			c.ExcludeWhen = []string{`invoice.outstanding > 3900`}
			c.Closures = []calendar.DateRange{{From: epoch.AddDays(20), To: epoch.AddDays(33)}}
		}
		if rapid.Bool().Draw(t, "anytime") {
			c.Window = WindowConfig{Days: 127, Hours: calendar.AllDay, Holidays: calendar.NoHolidays}
		}
	})
}

func drawDay(t *rapid.T, label string, from, to int) calendar.Date {
	return epoch.AddDays(rapid.IntRange(from, to).Draw(t, label))
}

func drawTime(t *rapid.T, label string, from, to int) time.Time {
	return drawDay(t, label, from, to).Time(paris).Add(time.Duration(rapid.IntRange(0, 24*60-1).Draw(t, label+" minute")) * time.Minute).UTC()
}

// drawDossier draws a customer about whom much is known.
func drawDossier(t *rapid.T) dossier.Dossier {
	d := customer()
	d.Company.FirstConfirmedAt = epoch.Time(paris).UTC()
	if rapid.IntRange(0, 3).Draw(t, "asked") == 0 {
		d.Company.RemindAt = drawTime(t, "remind at", 0, 60)
	}
	d.Customer.Kind = rapid.SampledFrom([]receivable.Kind{receivable.KindBusiness, receivable.KindConsumer, receivable.KindUnknown}).Draw(t, "kind")
	d.Customer.Supplier = rapid.Bool().Draw(t, "supplier")
	if rapid.IntRange(0, 9).Draw(t, "no address") == 0 {
		d.Customer.Emails = nil
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "lines") {
		l := invoice(int64(i+1), fmt.Sprintf("F-100%d", i), drawDay(t, "due", -90, 60).String(), int64(rapid.IntRange(50, 400_000).Draw(t, "amount")))
		l.FirstSeenAt = drawTime(t, "first seen", -20, 20)
		l.ConfirmedAt = epoch.Time(paris).UTC()
		switch rapid.IntRange(0, 11).Draw(t, "oddity") {
		case 0:
			l.Outstanding = eur(0)
			l.LastPaymentOn = drawDay(t, "paid on", 0, 30)
		case 1:
			l.Method = receivable.MethodDirectDebit
		case 2:
			l.Returned = true
		case 3:
			l.DueEstimated = true
		case 4:
			l.Estimated = true
		case 5:
			l.Problem = "the lines do not sum to the total"
		case 6:
			l.ConfirmedAt = time.Time{}
		}
		d.Lines = append(d.Lines, l)
	}
	some := func(label string) bool { return rapid.IntRange(0, 3).Draw(t, label) == 0 }
	document := func() dossier.DocumentID {
		return dossier.DocumentID(rapid.IntRange(0, len(d.Lines)).Draw(t, "document"))
	}
	for some("hold") {
		h := dossier.Hold{
			ID: int64(len(d.Holds) + 1), Document: document(), From: drawTime(t, "from", -10, 40),
			Reason: rapid.SampledFrom([]dossier.Reason{dossier.Replied, dossier.Manual, dossier.Conversation}).Draw(t, "reason"),
		}
		if rapid.Bool().Draw(t, "has end") {
			h.Until = drawDay(t, "until", 0, 80)
		}
		if rapid.Bool().Draw(t, "ended") {
			h.EndedAt = h.From.Add(time.Duration(rapid.IntRange(1, 1000).Draw(t, "for")) * time.Hour)
		}
		d.Holds = append(d.Holds, h)
	}
	for some("promise") {
		p := dossier.Promise{ID: int64(len(d.Promises) + 1), Document: document(), MadeAt: drawTime(t, "made", -10, 40)}
		p.On = calendar.DateOf(p.MadeAt.In(paris)).AddDays(rapid.IntRange(0, 20).Draw(t, "in days"))
		d.Promises = append(d.Promises, p)
	}
	for some("dispute") {
		p := dossier.Dispute{ID: int64(len(d.Disputes) + 1), Document: document(), OpenedAt: drawTime(t, "opened", -10, 40)}
		if rapid.Bool().Draw(t, "part") {
			p.Amount = eur(int64(rapid.IntRange(1, 100_000).Draw(t, "contested")))
		}
		d.Disputes = append(d.Disputes, p)
	}
	for some("absence") {
		d.Replies = append(d.Replies, dossier.Reply{
			ID: dossier.ReplyID(len(d.Replies) + 1), Class: dossier.ClassAutoReply,
			From: "compta@durand.example", ReceivedAt: drawTime(t, "received", -10, 40), ReturnOn: drawDay(t, "return", 0, 60),
		})
	}
	for some("credit") {
		d.Credits = append(d.Credits, dossier.Credit{
			ID: int64(len(d.Credits) + 1), On: drawDay(t, "on", -10, 0),
			Amount: eur(int64(rapid.IntRange(1, 100_000).Draw(t, "credit amount"))),
		})
	}
	for n := int64(1); n <= 3 && some("message"); n++ {
		var lines []dossier.Line
		for _, l := range d.Lines {
			if rapid.Bool().Draw(t, "in message") {
				lines = append(lines, l)
			}
		}
		m := sent(n, rapid.SampledFrom([]string{"preventive", "first", "second", "third"}).Draw(t, "step"), "2026-01-01 00:00", lines...)
		m.SentAt = drawTime(t, "sent", -30, 30)
		m.CreatedAt = m.SentAt
		if rapid.IntRange(0, 4).Draw(t, "live") == 0 {
			m.State = rapid.SampledFrom([]dossier.State{dossier.StateDraft, dossier.StateQueued, dossier.StateArmed, dossier.StateUnknown}).Draw(t, "state")
			m.SentAt = time.Time{}
			m.Approved = rapid.Bool().Draw(t, "approved")
		}
		d.Messages = append(d.Messages, m)
	}
	d.Customer.Tags = rapid.SliceOfN(rapid.SampledFrom([]string{"factor", "x", "y", "z"}), 0, 1).Draw(t, "tags")
	d.Customer.Method = rapid.SampledFrom([]receivable.PaymentMethod{"", "", receivable.MethodTransfer, receivable.MethodBill}).Draw(t, "method")
	if some("two addresses") {
		d.Customer.Emails = append(d.Customer.Emails, "b@durand.example")
	}
	if rapid.IntRange(0, 9).Draw(t, "bounced") == 0 {
		d.Bounced = []dossier.Bounced{{Address: "compta@durand.example", At: drawTime(t, "bounced at", -10, 20)}}
	}
	for some("taken") {
		d.Taken = append(d.Taken, dossier.Taken{
			Due: dossier.DueID(rapid.IntRange(1, len(d.Lines)).Draw(t, "due line")), Plan: rapid.SampledFrom(ShippedNames).Draw(t, "plan"),
			Step: rapid.SampledFrom([]string{"preventive", "first", "second", "call", "third", "formal"}).Draw(t, "step taken"),
			At:   drawTime(t, "taken", -20, 30),
			How:  rapid.SampledFrom([]string{TakenDeclined, TakenDone, TakenHistory, TakenDropped, TakenResumed, TakenExpired}).Draw(t, "how"),
		})
	}
	for some("task") {
		task := dossier.Task{ID: int64(len(d.Tasks) + 1), Kind: "call", Step: "call", Lines: []dossier.DueID{dossier.DueID(document())}, OpenedAt: drawTime(t, "task opened", -20, 30)}
		if rapid.Bool().Draw(t, "task done") {
			task.DoneAt = task.OpenedAt.Add(30 * time.Hour)
		}
		d.Tasks = append(d.Tasks, task)
	}
	return d
}

func show(d Decision) string {
	var b strings.Builder
	for _, v := range d.Verdicts {
		fmt.Fprintf(&b, "  %s due %s: %s %s step %s at %s\n", v.Line.Invoice, v.Line.DueOn, v.Outcome, v.Reason, v.Step, v.At.In(paris).Format("2006-01-02 15:04"))
	}
	for _, a := range d.Actions {
		fmt.Fprintf(&b, "  action %s %s %s at %s reopens %d, %d lines\n", a.Channel, a.Kind, cmp.Or(a.Step, a.Task), a.At.In(paris).Format("2006-01-02 15:04"), a.Reopens, len(a.Lines))
	}
	fmt.Fprintf(&b, "  keep %d withdraw %v next %s\n", len(d.Keep), d.Withdraw, d.NextAt.In(paris).Format("2006-01-02 15:04:05"))
	return b.String()
}

// sameAs tells whether the decisions differ in nothing that time could be waited
// for: the counts of days among the facts aside.
func sameAs(a, b Decision) bool {
	return a.doesAs(&b) && slices.EqualFunc(a.Verdicts, b.Verdicts, func(v, w Verdict) bool {
		return v.Outcome == w.Outcome && v.Reason == w.Reason && v.Step == w.Step && v.Channel == w.Channel &&
			v.At.Equal(w.At) && v.Line.ID == w.Line.ID
	})
}

func TestDecide_nothingChangesBeforeNextAt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r, d := drawRules(rt, t), drawDossier(rt)
		now := drawTime(rt, "now", -5, 60)
		got := Decide(d, r, now)
		until := got.NextAt
		if until.IsZero() {
			until = now.AddDate(5, 0, 0)
		}
		if !until.After(now) {
			rt.Fatalf("NextAt %s is not after now %s", got.NextAt, now)
		}
		for range 4 {
			between := now.Add(time.Duration(rapid.Int64Range(0, int64(until.Sub(now))-1).Draw(rt, "later")))
			if later := Decide(d, r, between); !sameAs(got, later) || !later.NextAt.Equal(got.NextAt) {
				rt.Fatalf("at %s\n%sat %s, before NextAt\n%s", now.In(paris), show(got), between.In(paris), show(later))
			}
		}
		if !got.NextAt.IsZero() && sameAs(got, Decide(d, r, got.NextAt)) {
			rt.Fatalf("at NextAt %s nothing changes\n%s", got.NextAt.In(paris), show(got))
		}
	})
}

func TestDecide_orderOfFactsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r, d := drawRules(rt, t), drawDossier(rt)
		now := drawTime(rt, "now", -5, 60)
		other := d
		other.Lines = rapid.Permutation(d.Lines).Draw(rt, "lines")
		other.Messages = rapid.Permutation(d.Messages).Draw(rt, "messages")
		other.Holds = rapid.Permutation(d.Holds).Draw(rt, "holds")
		other.Promises = rapid.Permutation(d.Promises).Draw(rt, "promises")
		other.Disputes = rapid.Permutation(d.Disputes).Draw(rt, "disputes")
		other.Credits = rapid.Permutation(d.Credits).Draw(rt, "credits")
		other.Replies = rapid.Permutation(d.Replies).Draw(rt, "replies")
		other.Tasks = rapid.Permutation(d.Tasks).Draw(rt, "tasks")
		other.Taken = rapid.Permutation(d.Taken).Draw(rt, "taken")
		a, b := Decide(d, r, now), Decide(other, r, now)
		for _, x := range []*Decision{&a, &b} {
			slices.SortFunc(x.Verdicts, func(v, w Verdict) int { return int(v.Line.ID - w.Line.ID) })
		}
		if !sameAs(a, b) || !a.NextAt.Equal(b.NextAt) {
			rt.Fatalf("%s\nin another order\n%s", show(a), show(b))
		}
	})
}

func TestDecide_onlyOneMessageAndOnlyForOpenLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r, d := drawRules(rt, t), drawDossier(rt)
		got := Decide(d, r, drawTime(rt, "now", -5, 60))
		messages := 0
		verdicts := map[dossier.DueID]Verdict{}
		for _, v := range got.Verdicts {
			verdicts[v.Line.ID] = v
			if (v.Outcome == Act) != (v.Reason == "") || v.Outcome != Act && outcomeOf(v.Reason) != v.Outcome {
				rt.Fatalf("outcome %q with reason %q", v.Outcome, v.Reason)
			}
		}
		for _, a := range slices.Concat(got.Actions, got.Keep) {
			if a.Kind == dossier.KindThanks || a.Task == TaskBacklog || a.Task == TaskAddress || a.Task == TaskBounce {
				continue
			}
			if a.Channel == Email || a.Channel == Letter {
				messages++
			}
			for _, use := range a.Lines {
				v := verdicts[use.Line.ID]
				if v.Outcome == Done && v.Reason != dossier.PlanEnd || v.Outcome == Held && v.Reason != dossier.Approval {
					rt.Fatalf("speaks of %s, which is %s %s\n%s", use.Line.Invoice, v.Outcome, v.Reason, show(got))
				}
				if use.Line.Outstanding.Sign() <= 0 {
					rt.Fatalf("asks for nothing\n%s", show(got))
				}
			}
			if a.Formal && a.Channel == Email && !a.Approval {
				rt.Fatalf("a formal notice leaves alone")
			}
		}
		if messages > 1 {
			rt.Fatalf("%d messages at once\n%s", messages, show(got))
		}
	})
}

// TestDecide_neverSkipsNorPressesWhateverTheDowntime carries decisions out with
// the program asleep for spells of any length.
func TestDecide_neverSkipsNorPressesWhateverTheDowntime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r, d := drawRules(rt, t), drawDossier(rt)
		d.Messages, d.Tasks, d.Taken = nil, nil, nil
		plan := r.plans[r.Config.Plan]
		for now := drawTime(rt, "start", 0, 5); now.Before(epoch.AddDays(150).Time(paris)); {
			before := len(d.Messages)
			got := Decide(d, r, now)
			now = Apply(&d, r, got, now)
			for _, m := range d.Messages[before:] {
				if m.Kind == dossier.KindReminder {
					checkReminder(rt, r, plan, d, m)
				}
			}
			now = now.Add(time.Duration(rapid.IntRange(1, 24*12).Draw(rt, "asleep")) * time.Hour)
		}
	})
}

func checkReminder(rt *rapid.T, r Rules, p *plan, d dossier.Dossier, m dossier.Message) {
	on := calendar.DateOf(m.SentAt.In(paris))
	if !r.WindowOf(d.Customer).Contains(m.SentAt) {
		rt.Fatalf("left at %s, outside the window", m.SentAt.In(paris))
	}
	in30 := 0
	for _, task := range d.Tasks {
		if task.Kind != string(Letter) || task.OpenedAt.After(m.SentAt) {
			continue
		}
		days := on.DaysSince(calendar.DateOf(task.OpenedAt.In(paris)))
		if days < p.gap.Days {
			rt.Fatalf("%s left %d days after a letter, the gap is %s", m.Step, days, p.gap)
		}
		if days < 30 {
			in30++
		}
	}
	steps := map[dossier.DueID][]string{}
	for _, other := range d.Messages {
		if other.Kind != dossier.KindReminder || other.SentAt.After(m.SentAt) || other.ID == m.ID {
			continue
		}
		days := on.DaysSince(calendar.DateOf(other.SentAt.In(paris)))
		if days < p.gap.Days {
			rt.Fatalf("%s left %d days after %s, the gap is %s", m.Step, days, other.Step, p.gap)
		}
		if days < 30 {
			in30++
		}
		for _, use := range other.Lines {
			steps[use.Due] = append(steps[use.Due], other.Step)
		}
	}
	if in30 >= r.Config.Caps.Per30d {
		rt.Fatalf("%d messages in 30 days, the cap is %d", in30+1, r.Config.Caps.Per30d)
	}
	// Some line of the message has had every earlier e-mail of the plan that is due by then.
	target := p.find(r, m.Plan, m.Step)
	for _, use := range m.Lines {
		had := 0
		want := 0
		for i := range target {
			if s := p.steps[i]; s.Channel == Email && !s.preventive() {
				want++
				if len(steps[use.Due]) > had {
					had++
				}
			}
		}
		if had >= want {
			return
		}
	}
	rt.Fatalf("%s skips earlier steps: %v", m.Step, steps)
}

func TestSimulate_isDecidingAgainAndAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r, d := drawRules(rt, t), drawDossier(rt)
		from := drawTime(rt, "from", -5, 60)
		until := from.AddDate(0, 0, 60)
		var simulated []string
		for got := range Simulate(d, r, from, until) {
			simulated = append(simulated, show(got))
			if len(simulated) > 500 {
				rt.Fatalf("it does not end:\n%s", strings.Join(simulated[490:], "\n"))
			}
		}
		var decided []string
		d = confirmed(d, from)
		for now := from; !now.After(until); {
			got := Decide(d, r, now)
			decided = append(decided, show(got))
			if len(got.Actions)+len(got.Keep)+len(got.Withdraw) > 0 {
				now = Apply(&d, r, got, now)
			} else if now = got.NextAt; now.IsZero() {
				break
			}
		}
		if !slices.Equal(simulated, decided) {
			rt.Fatalf("simulated\n%s\ndecided\n%s", strings.Join(simulated, "\n"), strings.Join(decided, "\n"))
		}
	})
}
