package reminders

import (
	"slices"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// roles returns how the only message of the decision speaks of each invoice.
func roles(t *testing.T, d Decision) map[string]dossier.LineRole {
	t.Helper()
	if len(d.Actions) != 1 {
		t.Fatalf("%d actions, want one\n%s", len(d.Actions), show(d))
	}
	got := map[string]dossier.LineRole{}
	for _, use := range d.Actions[0].Lines {
		got[use.Line.Invoice] = use.Role
	}
	return got
}

// previewed returns step and day of all that a preview foresees.
func previewed(d dossier.Dossier, r Rules, from, until string) []string {
	var got []string
	for v := range Preview(d, r, at(from), at(until)) {
		if v.Outcome == Act {
			got = append(got, v.Step+" "+v.At.In(paris).Format(time.DateOnly))
		}
	}
	return got
}

func TestDecide_lineWithinItsGraceIsListedNotDemanded(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, auto)
	old, young := invoice(1, "FA-1001", "2026-10-20", 100_000), invoice(2, "FA-1002", "2026-11-20", 50_000)
	d := customer(old, young)
	// FA-1002 fell due on a Friday; two working days later is Tuesday.
	got := Decide(d, r, at("2026-11-23 12:00"))
	want := map[string]dossier.LineRole{"FA-1001": dossier.RoleDemanded, "FA-1002": dossier.RoleAnnex}
	if have := roles(t, got); have["FA-1001"] != want["FA-1001"] || have["FA-1002"] != want["FA-1002"] {
		t.Errorf("roles %v, want %v", have, want)
	}
	if sums := got.Actions[0].Sums(); len(sums) != 1 || sums[0] != eur(100_000) {
		t.Errorf("demands %v, want only what is past its grace", sums)
	}
	d.Messages = []dossier.Message{sent(1, "first", "2026-11-23 12:00", old)}
	d.Messages[0].Lines = append(d.Messages[0].Lines, dossier.MessageLine{Due: 2, Document: 2, Role: dossier.RoleAnnex})
	if v := Decide(d, r, at("2026-11-26 12:00")).Verdicts[1]; v.Step != "first" || v.Reason != dossier.Gap {
		t.Errorf("a line that was only listed has had its first reminder: %s, next is %s", v.Reason, v.Step)
	}
	d.Messages = nil
	if have := roles(t, Decide(d, r, at("2026-11-24 12:00"))); have["FA-1002"] != dossier.RoleDemanded {
		t.Errorf("after its grace: %v", have)
	}
	d.Lines[1].Returned = true
	if have := roles(t, Decide(d, r, at("2026-11-23 12:00"))); have["FA-1002"] != dossier.RoleDemanded {
		t.Errorf("a payment that came back is not on its way: %v", have)
	}
}

func TestDecide_moneyWithinGraceDoesNotReachTheLeastAmount(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, func(c *Config, plans map[string]PlanConfig) {
		c.Mode, c.Plan = ModeAuto, "p"
		plans["p"] = PlanConfig{Steps: []StepConfig{{ID: "only", At: calendar.Days(5), Channel: Email, Template: "first", MinAmount: decimal.MustParse("1200")}}}
	})
	d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000), invoice(2, "FA-1002", "2026-11-20", 50_000))
	if got := Decide(d, r, at("2026-11-23 12:00")); len(got.Actions) != 0 {
		t.Errorf("1000 € demanded where 1200 € are the least\n%s", show(got))
	}
	if got := Decide(d, r, at("2026-11-24 12:00")); len(got.Actions) != 1 {
		t.Errorf("1500 € are not demanded\n%s", show(got))
	}
}

func TestDecide_brokenPromiseDemandsNothingBeforeItsGrace(t *testing.T) {
	t.Parallel()
	d := customer(invoice(1, "FA-1001", "2026-11-30", 100_000))
	preventive := sent(1, "preventive", "2026-11-23 09:00", d.Lines[0])
	preventive.Lines[0].Role = dossier.RoleUpcoming
	d.Messages = []dossier.Message{preventive}
	d.Promises = []dossier.Promise{{ID: 1, Document: 1, On: day("2026-11-25"), MadeAt: at("2026-11-24 09:00")}}
	r := rulesWith(t, auto)
	if got := Decide(d, r, at("2026-11-30 12:00")); len(got.Actions) != 0 {
		t.Errorf("demanded before it is due\n%s", show(got))
	}
	if got := Decide(d, r, at("2026-12-02 12:00")); len(got.Actions) != 1 || got.Actions[0].Step != "first" {
		t.Errorf("a broken promise is not answered at once\n%s", show(got))
	}
}

func TestDecide_methodOfOneInvoiceIsNotAnothers(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, func(c *Config, _ map[string]PlanConfig) {
		c.Mode = ModeAuto
		c.HoldWhen = []HoldWhen{{If: `customer.payment_method == "cheque"`, Reason: dossier.Manual}}
	})
	d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000), invoice(2, "FA-1002", "2026-10-20", 50_000))
	d.Lines[0].Method = receivable.MethodCheque
	for range 2 {
		got := Decide(d, r, at("2026-11-23 12:00"))
		for _, v := range got.Verdicts {
			if held := v.Reason == dossier.Manual; held != (v.Line.Invoice == "FA-1001") {
				t.Errorf("%s: %s %s", v.Line.Invoice, v.Outcome, v.Reason)
			}
		}
		slices.Reverse(d.Lines)
	}
}

func TestDecide_letterCountsForTheCaps(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, func(c *Config, plans map[string]PlanConfig) {
		c.Mode, c.Plan, c.Caps.Per30d = ModeAuto, "p", 2
		plans["p"] = PlanConfig{Gap: calendar.Days(1), Steps: []StepConfig{
			{ID: "one", At: calendar.Days(5), Channel: Email, Template: "first"},
			{ID: "two", At: calendar.Days(8), Channel: Letter, Template: "second", Wait: calendar.Days(1)},
			{ID: "three", At: calendar.Days(11), Channel: Email, Template: "third"},
			{ID: "four", At: calendar.Days(41), Channel: Letter, Template: "third"},
		}}
	})
	got := previewed(customer(invoice(1, "FA-1001", "2026-06-01", 100_000)), r, "2026-06-02 12:00", "2026-09-30 12:00")
	want := []string{"one 2026-06-08", "two 2026-06-09", "three 2026-07-08", "four 2026-07-13"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
