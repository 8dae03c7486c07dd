package reminders

import (
	"fmt"
	"testing"
	"time"

	"github.com/expr-lang/expr/vm"

	"relanced/internal/dossier"
)

// BenchmarkDecide measures due lines decided per second on one core, for
// customers of each size: some lines not due, some overdue, one message before.
// The baseline, in the same run, asks the same conditions about each line and
// works out the day and the slot of each step of its plan, and nothing else.
func BenchmarkDecide(b *testing.B) {
	for _, rules := range []struct {
		name   string
		change func(*Config, map[string]PlanConfig)
	}{
		{"plain", auto},
		{"conditions", func(c *Config, _ map[string]PlanConfig) {
			c.Mode = ModeAuto
			c.PlansWhen = []PlanWhen{{If: `"grand-compte" in customer.tags`, Plan: "key_account"}}
			c.HoldWhen = []HoldWhen{{If: `customer.payment_method in ["direct_debit", "bill"] && !invoice.returned`, Reason: dossier.DirectDebit, Until: "due+5wd"}}
			c.ExcludeWhen = []string{`"interne" in customer.tags`}
		}},
	} {
		for _, lines := range []int{1, 10, 1000} {
			b.Run(fmt.Sprintf("%s/lines=%d", rules.name, lines), func(b *testing.B) {
				r := rulesWith(b, rules.change)
				all := make([]dossier.Line, lines)
				for i := range all {
					all[i] = invoice(int64(i+1), fmt.Sprintf("F-%05d", i), day("2026-09-15").AddDays(i*37%120).String(), int64(30_000+i*17))
				}
				d := customer(all...)
				d.Messages = []dossier.Message{sent(1, "first", "2026-11-05 09:00", all[:(lines+1)/2]...)}
				now := at("2026-11-23 07:00")
				var ours, bare time.Duration
				const turn = 16
				b.ReportAllocs()
				for b.Loop() {
					began := time.Now()
					for range turn {
						Decide(d, r, now)
					}
					middle := time.Now()
					for range turn {
						bareDecide(&d, r)
					}
					ours += middle.Sub(began)
					bare += time.Since(middle)
				}
				count := float64(turn) * float64(lines) * float64(b.N)
				b.ReportMetric(count/ours.Seconds(), "lines/s")
				b.ReportMetric(count/bare.Seconds(), "bare-lines/s")
				b.ReportMetric(ours.Seconds()/bare.Seconds(), "times-bare")
				b.ReportMetric(0, "ns/op") // of both loops together: says nothing
			})
		}
	}
}

func bareDecide(d *dossier.Dossier, r Rules) (reached int) {
	var s scope
	var machine vm.VM
	s.setCustomer(&d.Customer, d.Customer.Kind)
	for i := range d.Lines {
		l := &d.Lines[i]
		if len(r.byRule) > 0 {
			s.setLine(l)
		}
		for _, rule := range r.byRule {
			rule.when.holds(&machine, &s)
		}
		for _, rule := range r.holdWhen {
			rule.when.holds(&machine, &s)
		}
		for _, c := range r.exclude {
			c.holds(&machine, &s)
		}
		grace := r.WorkDays().AddSpan(l.DueOn, r.Config.Grace)
		for _, step := range r.fallback.steps {
			on := max(grace, r.WorkDays().AddSpan(l.DueOn, step.At))
			if !r.slots.to("FR").open(r.slots.tickOn(on)).IsZero() {
				reached++
			}
		}
	}
	return reached
}
