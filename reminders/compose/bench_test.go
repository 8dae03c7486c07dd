package compose

import (
	"testing"

	"relanced/internal/email"
)

// BenchmarkRender writes one reminder of two invoices, to its bytes.
func BenchmarkRender(b *testing.B) {
	r := sampleFor("second", "fr")
	b.ReportAllocs()
	for b.Loop() {
		m, err := Render(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := email.Build(m); err != nil {
			b.Fatal(err)
		}
	}
}
