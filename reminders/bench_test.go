package reminders

import (
	"fmt"
	"testing"

	"relanced/internal/dossier"
)

// BenchmarkDecide measures due lines decided per second on one core, for
// customers of each size: some lines not due, some overdue, one message before.
func BenchmarkDecide(b *testing.B) {
	for _, lines := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
			r := rulesWith(b, auto)
			all := make([]dossier.Line, lines)
			for i := range all {
				all[i] = invoice(int64(i+1), fmt.Sprintf("F-%05d", i), day("2026-09-15").AddDays(i*37%120).String(), int64(30_000+i*17))
			}
			d := customer(all...)
			d.Messages = []dossier.Message{sent(1, "first", "2026-11-05 09:00", all[:(lines+1)/2]...)}
			now := at("2026-11-23 07:00")
			b.ReportAllocs()
			for b.Loop() {
				Decide(d, r, now)
			}
			b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
