package reminders

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/vectortest"
)

// TestDecide_oneMessageAtHighestStepAfterGap is PLN-01.
func TestDecide_oneMessageAtHighestStepAfterGap(t *testing.T) {
	t.Parallel()
	var in struct {
		AsOf     string `json:"as_of"`
		Invoices []struct{ Number, Due string }
		Last     string `json:"last_message"`
		Gap      int    `json:"min_gap_days"`
		Earlier  bool   `json:"earlier_steps_sent"`
	}
	var want struct {
		Level    int      `json:"level"`
		SendOn   string   `json:"send_on"`
		Overdue  []string `json:"overdue_listed"`
		Upcoming []string `json:"upcoming_listed"`
	}
	vectortest.Read(t, "PLN-01", &in, &want)
	var lines []dossier.Line
	for i, x := range in.Invoices {
		lines = append(lines, invoice(int64(i+1), x.Number, x.Due, 100_000))
	}
	d := customer(lines...)
	d.Messages = []dossier.Message{
		sent(1, "first", "2026-10-26 09:00", lines[0]),
		sent(2, "second", "2026-11-04 09:00", lines[0]),
		sent(3, "first", in.Last+" 09:00", lines[0], lines[1]),
	}
	d.Taken = []dossier.Taken{{Due: 1, Plan: "standard", Step: "call", At: at("2026-11-12 09:00"), How: TakenDone}}
	r := rulesWith(t, auto)
	if got := Decide(d, r, at(in.AsOf+" 12:00")); len(got.Actions) != 0 {
		t.Fatalf("on %s, within the gap: %+v", in.AsOf, got.Actions)
	}
	got := Decide(d, r, at(want.SendOn+" 07:00"))
	if len(got.Actions) != 1 {
		t.Fatalf("on %s: %d actions, want 1: %+v", want.SendOn, len(got.Actions), got.Verdicts)
	}
	a := got.Actions[0]
	var overdue, upcoming []string
	for _, use := range a.Lines {
		if use.Role == dossier.RoleDemanded {
			overdue = append(overdue, use.Line.Invoice)
		} else {
			upcoming = append(upcoming, use.Line.Invoice)
		}
	}
	level := map[string]int{"first": 1, "second": 2, "third": 3}[a.Step]
	if diff := cmp.Diff([]any{want.Level, want.SendOn, want.Overdue, want.Upcoming},
		[]any{level, calendar.DateOf(a.At.In(paris)).String(), overdue, upcoming}); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestSimulate_sendDateMovesToWorkingDay is SND-01.
func TestSimulate_sendDateMovesToWorkingDay(t *testing.T) {
	t.Parallel()
	var in struct {
		Cases []struct {
			Due    string `json:"due"`
			Offset int    `json:"offset"`
			Region string `json:"region"`
		}
	}
	var want struct{ Send []string }
	vectortest.Read(t, "SND-01", &in, &want)
	for i, c := range in.Cases {
		r := rulesWith(t, func(config *Config, plans map[string]PlanConfig) {
			config.Mode, config.Plan = ModeAuto, "one"
			plans["one"] = PlanConfig{Steps: []StepConfig{{ID: "only", At: calendar.Days(c.Offset), Channel: Email, Template: "first"}}}
		})
		d := customer(invoice(1, "A", c.Due, 100_000))
		if c.Region != "FR" {
			d.Customer.Postcode = "67000"
		}
		var left []string
		for v := range Preview(d, r, at(c.Due+" 12:00"), at(c.Due+" 12:00").Add(90*24*time.Hour)) {
			left = append(left, calendar.DateOf(v.At.In(paris)).String())
		}
		if diff := cmp.Diff([]string{want.Send[i]}, left); diff != "" {
			t.Errorf("due %s, day %d, %s: -want +got\n%s", c.Due, c.Offset, c.Region, diff)
		}
	}
}

// TestDecide_tinyBalanceIsNotChased is TIN-01.
func TestDecide_tinyBalanceIsNotChased(t *testing.T) {
	t.Parallel()
	var in struct{ Invoice, Paid, Threshold string }
	var want struct {
		Balance string
		Chase   bool
		Propose bool `json:"propose_write_off"`
	}
	vectortest.Read(t, "TIN-01", &in, &want)
	l := invoice(1, "A", "2026-10-20", 123_456)
	l.Outstanding = eur(6)
	d := customer(l, invoice(2, "B", "2026-12-31", 100_000))
	got := Decide(d, rulesWith(t, auto), at("2026-11-23 12:00"))
	if chase := len(got.Actions) > 0; chase != want.Chase {
		t.Errorf("chased: %v, want %v", chase, want.Chase)
	}
	if v := got.Verdicts[0]; v.Outcome != Held || v.Reason != dossier.Tiny || l.Outstanding.String() != want.Balance {
		t.Errorf("verdict %s %s, outstanding %s", v.Outcome, v.Reason, l.Outstanding)
	}
}
