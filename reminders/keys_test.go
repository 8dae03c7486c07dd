package reminders

import (
	"slices"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

var (
	everyDay = conf.MustSchedule("0 7 * * *")
	hourly   = conf.MustSchedule("0 * * * *")
)

// planned is a company whose plan is of these steps.
func planned(gap calendar.Span, change func(*Config), steps ...StepConfig) func(*Config, map[string]PlanConfig) {
	return func(c *Config, plans map[string]PlanConfig) {
		c.Mode, c.Plan = ModeAuto, "p"
		plans["p"] = PlanConfig{Gap: gap, Steps: steps}
		if change != nil {
			change(c)
		}
	}
}

func mail(id string, at calendar.Span) StepConfig {
	return StepConfig{ID: id, At: at, Channel: Email, Template: "first"}
}

// TestPreview_keys says what each key of the configuration does to when the
// steps of one invoice, due on Thursday 2026-10-01, leave.
func TestPreview_keys(t *testing.T) {
	t.Parallel()
	start, least := calendar.Days(5), decimal.MustParse("1000")
	for _, c := range []struct {
		name   string
		rules  func(*Config, map[string]PlanConfig)
		change func(*dossier.Dossier)
		want   []string
	}{
		{"nothing", planned(calendar.Days(7), nil, mail("a", start), mail("b", calendar.Days(8))), nil, []string{"a 2026-10-06", "b 2026-10-13"}},
		{
			"gap in working days", planned(calendar.WorkDays(3), nil, mail("a", start), mail("b", calendar.Days(8))), nil,
			[]string{"a 2026-10-06", "b 2026-10-09"},
		},
		{
			"one a day at most", planned(calendar.Span{Clock: time.Hour}, func(c *Config) { c.Schedule = hourly }, mail("a", start), mail("b", start)), nil,
			[]string{"a 2026-10-06", "b 2026-10-07"},
		},
		{
			"no cap of a day", planned(calendar.Span{Clock: time.Hour}, func(c *Config) { c.Schedule, c.Caps.PerDay = hourly, 0 }, mail("a", start), mail("b", start)), nil,
			[]string{"a 2026-10-06", "b 2026-10-06"},
		},
		{
			"one in 30 days at most", planned(calendar.Days(7), func(c *Config) { c.Caps.Per30d = 1 }, mail("a", start), mail("b", calendar.Days(8))), nil,
			[]string{"a 2026-10-06", "b 2026-11-05"},
		},
		{
			"closure", planned(calendar.Days(7), func(c *Config) {
				c.Closures = []calendar.DateRange{{From: day("2026-10-05"), To: day("2026-10-11")}}
			}, mail("a", start)), nil,
			[]string{"a 2026-10-12"},
		},
		{
			"grace over a closure", planned(calendar.Days(7), func(c *Config) {
				c.Closures = []calendar.DateRange{{From: day("2026-10-02"), To: day("2026-10-04")}}
				c.Grace = calendar.WorkDays(4)
			}, mail("a", start)), nil,
			[]string{"a 2026-10-08"},
		},
		{
			"the client's holidays too", planned(calendar.Days(7), nil, mail("a", calendar.Days(25))),
			func(d *dossier.Dossier) { d.Customer.Country = "AT" }, // National Day is 26 October
			[]string{"a 2026-10-27"},
		},
		{
			"no holidays", planned(calendar.Days(7), func(c *Config) { c.Window.Holidays = calendar.NoHolidays }, mail("a", calendar.Days(25))),
			func(d *dossier.Dossier) { d.Customer.Country = "AT" },
			[]string{"a 2026-10-26"},
		},
		{
			"working days on Saturday", planned(calendar.Days(7), func(c *Config) { c.Window.Days, c.Schedule = 127, everyDay }, mail("a", calendar.Days(2))), nil,
			[]string{"a 2026-10-03"},
		},
		{
			"a call nobody reports", planned(calendar.Days(7), nil, StepConfig{ID: "call", At: start, Channel: Call}, mail("a", calendar.Days(6))), nil,
			[]string{"call 2026-10-06", "a 2026-10-13"},
		},
		{
			"a call that waits longer", planned(calendar.Days(7), nil, StepConfig{ID: "call", At: start, Channel: Call, Wait: calendar.Days(9)}, mail("a", calendar.Days(6))), nil,
			[]string{"call 2026-10-06", "a 2026-10-15"},
		},
		{
			"a letter counts for the gap", planned(calendar.Days(7), nil, StepConfig{ID: "letter", At: start, Channel: Letter, Wait: calendar.Days(1)}, mail("a", calendar.Days(6))), nil,
			[]string{"letter 2026-10-06", "a 2026-10-13"},
		},
		{
			"a least amount not reached", planned(calendar.Days(7), nil, StepConfig{ID: "a", At: start, Channel: Email, Template: "first", MinAmount: least}, mail("b", calendar.Days(8))), nil,
			[]string{"b 2026-10-09"},
		},
		{
			"a least amount reached by all that is overdue",
			planned(calendar.Days(7), nil, StepConfig{ID: "a", At: start, Channel: Email, Template: "first", MinAmount: least}),
			func(d *dossier.Dossier) { d.Lines = append(d.Lines, invoice(2, "FA-1002", "2026-10-01", 40_000)) },
			[]string{"a 2026-10-06", "a 2026-10-06"},
		},
		{
			"a preventive step", planned(calendar.Days(7), nil, mail("early", calendar.Days(-7)), mail("a", start)), nil,
			[]string{"early 2026-09-24", "a 2026-10-06"},
		},
		{
			"a preventive step not again within max_every",
			planned(calendar.Days(7), nil, StepConfig{ID: "early", At: calendar.Days(-7), Channel: Email, Template: "preventive", MaxEvery: calendar.Days(30)}, mail("a", start)),
			func(d *dossier.Dossier) {
				m := sent(1, "early", "2026-09-10 09:00")
				d.Messages = []dossier.Message{m}
			},
			[]string{"a 2026-10-06"},
		},
		{
			"a plan by a condition, the first that holds", func(c *Config, plans map[string]PlanConfig) {
				c.Mode = ModeAuto
				plans["p"], plans["q"] = PlanConfig{Steps: []StepConfig{mail("p", start)}}, PlanConfig{Steps: []StepConfig{mail("q", start)}}
				c.PlansWhen = []PlanWhen{{`customer.code == "nobody"`, "standard"}, {`invoice.outstanding >= 600`, "q"}, {`true`, "p"}}
			}, nil,
			[]string{"q 2026-10-06"},
		},
		{
			"the customers' file names the plan", func(c *Config, plans map[string]PlanConfig) {
				c.Mode = ModeAuto
				plans["p"], plans["q"] = PlanConfig{Steps: []StepConfig{mail("p", start)}}, PlanConfig{Steps: []StepConfig{mail("q", start)}}
				c.PlansWhen = []PlanWhen{{`true`, "q"}}
			}, func(d *dossier.Dossier) { d.Customer.Plan = "p" },
			[]string{"p 2026-10-06"},
		},
		{
			"a hold until days after the due date", planned(calendar.Days(7), func(c *Config) {
				c.HoldWhen = []HoldWhen{{`invoice.total == 600`, dossier.Manual, "due+10wd"}}
			}, mail("a", start)), nil,
			[]string{"a 2026-10-15"},
		},
		{
			"a hold until a date", planned(calendar.Days(7), func(c *Config) {
				c.HoldWhen = []HoldWhen{{`invoice.total == 600`, dossier.Manual, "2026-10-20"}}
			}, mail("a", start)), nil,
			[]string{"a 2026-10-20"},
		},
		{
			"a hold without end", planned(calendar.Days(7), func(c *Config) {
				c.HoldWhen = []HoldWhen{{`invoice.total == 600`, dossier.Manual, ""}}
			}, mail("a", start)), nil, nil,
		},
		{
			"excluded", planned(calendar.Days(7), func(c *Config) { c.ExcludeWhen = []string{`"interne" in customer.tags`} }, mail("a", start)),
			func(d *dossier.Dossier) { d.Customer.Tags = []string{"interne"} }, nil,
		},
		{
			"a promise, and the days after it", planned(calendar.Days(7), func(c *Config) { c.Holds.Promise = calendar.WorkDays(4) }, mail("a", start)),
			func(d *dossier.Dossier) {
				d.Promises = []dossier.Promise{{ID: 1, Document: 1, On: day("2026-10-09"), MadeAt: at("2026-10-02 09:00")}}
			},
			[]string{"a 2026-10-15"},
		},
		{
			"a late joiner starts low and catches up spaced", planned(calendar.Days(7), nil, mail("a", start), mail("b", calendar.Days(15)), mail("c", calendar.Days(30))),
			func(d *dossier.Dossier) { d.Lines[0].FirstSeenAt = at("2026-11-16 06:00") },
			[]string{"a 2026-11-16", "b 2026-11-23", "c 2026-11-30"},
		},
		{
			"a history wins over the backlog", planned(calendar.Days(7), func(c *Config) { c.Start.From = day("2026-12-01") }, mail("a", start), mail("b", calendar.Days(15))),
			func(d *dossier.Dossier) {
				d.Taken = []dossier.Taken{{Due: 1, Plan: "p", Step: "a", How: TakenHistory, At: at("2026-10-05 09:00")}}
			},
			[]string{"b 2026-10-16"},
		},
		{
			"the backlog starts the ladder", planned(calendar.Days(7), func(c *Config) { c.Start = StartConfig{From: day("2026-12-01"), Older: OlderFirst} }, mail("a", start)), nil,
			[]string{"a 2026-10-06"},
		},
		{
			"the backlog is ignored", planned(calendar.Days(7), func(c *Config) { c.Start = StartConfig{From: day("2026-12-01"), Older: OlderIgnore} }, mail("a", start)), nil, nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := customer(invoice(1, "FA-1001", "2026-10-01", 60_000))
			if c.change != nil {
				c.change(&d)
			}
			if got := previewed(d, rulesWith(t, c.rules), "2026-09-15 12:00", "2026-12-30 12:00"); !slices.Equal(got, c.want) {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestDecide_oldBacklogIsOneTask(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, func(c *Config, _ map[string]PlanConfig) { c.Start.From = day("2026-11-01") })
	d := customer(invoice(1, "FA-1001", "2026-10-01", 60_000), invoice(2, "FA-1002", "2026-09-01", 60_000))
	got := Decide(d, r, at("2026-11-23 12:00"))
	if len(got.Actions) != 1 || got.Actions[0].Task != TaskBacklog || len(got.Actions[0].Lines) != 2 {
		t.Fatalf("%s", show(got))
	}
	Apply(&d, r, got, at("2026-11-23 12:00"))
	if again := Decide(d, r, at("2026-11-30 12:00")); len(again.Actions) != 0 {
		t.Errorf("asked for again\n%s", show(again))
	}
	d.Tasks[0].DoneAt, d.Tasks[0].Outcome = at("2026-12-01 09:00"), BacklogResumed
	if ladder := Decide(d, r, at("2026-12-02 12:00")); len(ladder.Actions) != 1 || ladder.Actions[0].Step != "first" {
		t.Errorf("resuming does not start the ladder\n%s", show(ladder))
	}
}

func TestDecide_approvalOfStepOverridesMode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode    Mode
		step    StepApproval
		approve bool
		because dossier.Reason
	}{
		{ModeReview, ApprovalByMode, true, ""},
		{ModeReview, ApprovalAuto, false, ""},
		{ModeReview, ApprovalRequired, true, dossier.Approval},
		{ModeAuto, ApprovalByMode, false, ""},
		{ModeAuto, ApprovalAuto, false, ""},
		{ModeAuto, ApprovalRequired, true, dossier.Approval},
	} {
		step := mail("a", calendar.Days(5))
		step.Approval = c.step
		r := rulesWith(t, planned(calendar.Days(7), func(config *Config) { config.Mode = c.mode }, step))
		a := Decide(customer(invoice(1, "FA-1001", "2026-10-20", 100_000)), r, at("2026-11-23 12:00")).Actions[0]
		if a.Approval != c.approve || a.Because != c.because {
			t.Errorf("%s, %q: approval %v because %q", c.mode, c.step, a.Approval, a.Because)
		}
	}
}

func TestDecide_autoModeAsksAPersonWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*dossier.Dossier)
		approve bool
	}{
		"nothing is odd":                   {func(*dossier.Dossier) {}, false},
		"what is outstanding is estimated": {func(d *dossier.Dossier) { d.Lines[0].Estimated = true }, true},
		"one promise was broken": {func(d *dossier.Dossier) {
			d.Promises = []dossier.Promise{{ID: 1, Document: 1, On: day("2026-11-02"), MadeAt: at("2026-10-27 09:00")}}
		}, false},
		"two promises were broken": {func(d *dossier.Dossier) {
			d.Promises = []dossier.Promise{
				{ID: 1, Document: 1, On: day("2026-11-02"), MadeAt: at("2026-10-27 09:00")},
				{ID: 2, On: day("2026-11-10"), MadeAt: at("2026-11-05 09:00")},
			}
		}, true},
		"a supplier's first reminder": {func(d *dossier.Dossier) { d.Customer.Supplier = true }, false},
		"a supplier's second reminder": {func(d *dossier.Dossier) {
			d.Customer.Supplier = true
			d.Messages = []dossier.Message{sent(1, "first", "2026-11-02 09:00", d.Lines[0])}
		}, true},
	} {
		d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
		c.change(&d)
		got := Decide(d, rulesWith(t, auto), at("2026-11-23 12:00"))
		if len(got.Actions) != 1 || got.Actions[0].Approval != c.approve {
			t.Errorf("%s: %s", name, show(got))
		}
	}
}

func TestDecide_coversReachedListsTheOthersApart(t *testing.T) {
	t.Parallel()
	for covers, want := range map[Covers]dossier.LineRole{CoversAll: dossier.RoleDemanded, CoversReached: dossier.RoleAnnex} {
		step := mail("late", calendar.Days(30))
		step.Covers = covers
		r := rulesWith(t, planned(calendar.Days(7), nil, mail("early", calendar.Days(-3)), step))
		d := customer(
			invoice(1, "FA-1001", "2026-10-20", 100_000), invoice(2, "FA-1002", "2026-11-10", 50_000), invoice(3, "FA-1003", "2026-11-25", 20_000),
			invoice(4, "FA-1004", "2026-12-25", 20_000),
		)
		got := roles(t, Decide(d, r, at("2026-11-23 12:00")))
		if len(got) != 3 || got["FA-1001"] != dossier.RoleDemanded || got["FA-1002"] != want || got["FA-1003"] != dossier.RoleUpcoming {
			t.Errorf("covers %s: %v", covers, got)
		}
	}
}

func TestDecide_tinyIsInclusiveAndOfLikeWorthInOtherCurrencies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount money.Amount
		alone  bool // all that the customer owes in the currency
		tiny   bool
	}{
		{eur(100), false, true},
		{eur(101), false, false},
		{eur(1500), true, true},
		{eur(1501), true, false},
		{money.New(100, "JPY"), false, true},
		{money.New(101, "JPY"), false, false},
		{money.New(500, "XOF"), false, true},
		{money.New(501, "XOF"), false, false},
		{money.New(1000, "TND"), false, true},
		{money.New(1001, "TND"), false, false},
	} {
		l := invoice(1, "FA-1001", "2026-10-20", 1)
		l.Outstanding = c.amount
		d := customer(l)
		if !c.alone {
			other := invoice(2, "FA-1002", "2026-12-31", 1)
			other.Outstanding = money.New(100_000_000, c.amount.Currency)
			d.Lines = append(d.Lines, other)
		}
		if v := Decide(d, rulesWith(t, auto), at("2026-11-23 12:00")).Verdicts[0]; (v.Reason == dossier.Tiny) != c.tiny {
			t.Errorf("%s %s: %s %s", c.amount, c.amount.Currency, v.Outcome, v.Reason)
		}
	}
}

// TestTiny_aCompanyInYen: what is tiny in another currency is worth as much.
func TestTiny_aCompanyInYen(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, func(c *Config, _ map[string]PlanConfig) { c.Tiny = DefaultTiny("JPY") })
	r.Company.Currency = "JPY"
	for _, c := range []struct {
		currency string
		want     int64 // minor units
	}{{"JPY", 100}, {"EUR", 100}, {"XOF", 500}, {"TND", 1000}} {
		if got := r.threshold(r.Config.Tiny.Invoice, c.currency); got != money.New(c.want, c.currency) {
			t.Errorf("%s: %d, want %d", c.currency, got.Minor, c.want)
		}
	}
}

func TestRules_paymentsAreStaleAfterWorkingDays(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, func(c *Config, _ map[string]PlanConfig) {
		c.Closures = []calendar.DateRange{{From: day("2026-12-24"), To: day("2027-01-03")}}
	})
	for _, c := range []struct {
		newest, now string
		stale       bool
	}{
		{"2026-11-16", "2026-11-23 12:00", false}, // Monday to Monday: five working days
		{"2026-11-13", "2026-11-23 12:00", true},
		{"2026-12-21", "2027-01-06 23:00", false}, // the closure does not count
		{"2026-12-21", "2027-01-07 00:00", true},
	} {
		if got := r.PaymentsStale(day(c.newest), at(c.now)); got != c.stale {
			t.Errorf("newest %s at %s: %v", c.newest, c.now, got)
		}
	}
	if !r.PaymentsStale(0, at("2026-11-23 12:00")) {
		t.Error("no payment at all is not stale")
	}
}

func TestHoldSpan_until(t *testing.T) {
	t.Parallel()
	days := rulesWith(t, nil).WorkDays()
	for text, want := range map[string]string{"ask": "", "7d": "2026-11-27", "5wd": "2026-11-27", "0d": "2026-11-20"} {
		var h HoldSpan
		if err := h.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := h.Until(day("2026-11-20"), days).String(); got != want {
			t.Errorf("%s: until %q, want %q", text, got, want)
		}
	}
}

func TestDecide_holdsOfPeopleStandWithTheirReason(t *testing.T) {
	t.Parallel()
	now := at("2026-11-23 12:00")
	for _, reason := range []dossier.Reason{
		dossier.Replied, dossier.Conversation, dossier.Arranged, dossier.Manual, dossier.Insolvent, dossier.Objection,
		dossier.Legal, dossier.Excluded, dossier.Disputed, dossier.Promised, dossier.ProbablyPaid, dossier.Assigned, dossier.DirectDebit,
	} {
		for _, document := range []dossier.DocumentID{0, 1} {
			d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000), invoice(2, "FA-1002", "2026-10-20", 100_000))
			d.Holds = []dossier.Hold{{ID: 1, Document: document, Reason: reason, From: now.Add(-time.Hour), Until: day("2026-11-25")}}
			got := Decide(d, rulesWith(t, auto), now)
			if v := got.Verdicts[0]; v.Outcome != Held || v.Reason != reason || !v.At.Equal(at("2026-11-25 00:00")) {
				t.Errorf("%s: %s", reason, show(got))
			}
			if v := got.Verdicts[1]; (v.Outcome == Held) != (document == 0) {
				t.Errorf("%s of the first invoice only: %s", reason, show(got))
			}
			d.Holds[0].EndedAt = now.Add(-time.Minute)
			if v := Decide(d, rulesWith(t, auto), at("2026-11-24 12:00")).Verdicts[0]; v.Outcome != Act {
				t.Errorf("%s, ended: %s %s", reason, v.Outcome, v.Reason)
			}
		}
	}
	d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
	d.Holds = []dossier.Hold{{ID: 1, Reason: dossier.Conversation, From: now}, {ID: 2, Reason: dossier.Insolvent, From: now}}
	if v := Decide(d, rulesWith(t, auto), now).Verdicts[0]; v.Reason != dossier.Insolvent {
		t.Errorf("of two holds %s is told, not the graver", v.Reason)
	}
}

func TestDecide_standingsOfTheSource(t *testing.T) {
	t.Parallel()
	for change, want := range map[receivable.Standing]dossier.Reason{
		receivable.StandingNormal: "", receivable.StandingUnchecked: dossier.Excluded, receivable.StandingArchived: dossier.Excluded,
		receivable.StandingWrittenOff: dossier.Excluded, receivable.StandingDoubtful: dossier.Legal,
		receivable.StandingIncoming: dossier.ProbablyPaid, receivable.StandingBill: dossier.DirectDebit,
	} {
		d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
		d.Lines[0].Standing = change
		if v := Decide(d, rulesWith(t, auto), at("2026-11-23 12:00")).Verdicts[0]; v.Reason != want {
			t.Errorf("%q: %s", change, v.Reason)
		}
	}
	for status, want := range map[receivable.EStatus]dossier.Reason{
		receivable.EStatusApproved: "", receivable.EStatusOther: "", receivable.EStatusDisputed: dossier.Disputed, receivable.EStatusRefused: dossier.Disputed,
		receivable.EStatusSuspended: dossier.Disputed, receivable.EStatusRejected: dossier.Excluded, receivable.EStatusPaid: dossier.Paid,
	} {
		d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
		d.Lines[0].EStatus = status
		if v := Decide(d, rulesWith(t, auto), at("2026-11-23 12:00")).Verdicts[0]; v.Reason != want {
			t.Errorf("%q: %s", status, v.Reason)
		}
	}
}

func TestDecide_creditOfExactlyWhatIsOverdueCoversIt(t *testing.T) {
	t.Parallel()
	d := customer(invoice(1, "FA-1001", "2026-10-20", 60_000), invoice(2, "FA-1002", "2026-10-27", 40_000), invoice(3, "FA-1003", "2026-12-20", 10_000))
	for credit, want := range map[int64][]dossier.Reason{
		99_999:  {dossier.ProbablyPaid, "", dossier.NotDue}, // the oldest it pays in full
		100_000: {dossier.CreditCovers, dossier.CreditCovers, dossier.NotDue},
		100_001: {dossier.CreditCovers, dossier.CreditCovers, dossier.NotDue},
		40_000:  {"", dossier.ProbablyPaid, dossier.NotDue},
	} {
		d.Credits = []dossier.Credit{{ID: 1, Amount: eur(credit)}}
		got := Decide(d, rulesWith(t, auto), at("2026-11-23 12:00"))
		for i, v := range got.Verdicts {
			if v.Reason != want[i] {
				t.Errorf("credit of %d: %s", credit, show(got))
				break
			}
		}
	}
}
