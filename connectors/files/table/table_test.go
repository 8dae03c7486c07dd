package table

import (
	"bytes"
	"io"
	"testing"
	"time"

	"relanced/connectors/files/ledger"
	"relanced/internal/calendar"
)

func TestAmounts_readAsTheirColumnIsWritten(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cells []string
		want  []int64
	}{
		"French":     {[]string{"1 234,56", "1\u202f000,00", "-5,5", "(2,00)", "3,00 €", "4,00 C", "7-"}, []int64{123_456, 100_000, -550, -200, 300, -400, -700}},
		"German":     {[]string{"1.234,56", "1.000"}, []int64{123_456, 100_000}},
		"English":    {[]string{"1,234.56", "1,000"}, []int64{123_456, 100_000}},
		"Swiss":      {[]string{"1'234.56", "EUR 2.00"}, []int64{123_456, 200}},
		"repetition": {[]string{"1.234.567", "1.234"}, []int64{123_456_700, 123_400}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var a amounts
			for i, cell := range test.cells {
				if err := a.look(i+1, cell); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.decide(Spec{}); err != nil {
				t.Fatal(err)
			}
			for i, cell := range test.cells {
				if got, err := a.read(cell, 2); err != nil || got != test.want[i] {
					t.Errorf("%q: %d, %v; want %d", cell, got, err, test.want[i])
				}
			}
		})
	}
}

func TestDates_readAsTheirColumnIsWritten(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"05/01/2026": "2026-01-05", "05/01/26": "2026-01-05", "2026-01-05": "2026-01-05", "20260105": "2026-01-05",
		"050126": "2026-01-05", "46027": "2026-01-05", "": "", "05.01.2026 00:00": "2026-01-05",
	} {
		var d dates
		if err := d.look(1, cell); err != nil {
			t.Fatal(err)
		}
		d.decide(Spec{})
		if got, err := d.read(cell); err != nil || got.String() != want {
			t.Errorf("%q: %s, %v; want %s", cell, got, err, want)
		}
	}
}

// Whatever the bytes are, reading ends with pages or a reason.
func FuzzReadList(f *testing.F) {
	f.Add([]byte("numero;client;total;solde\nF1;Durand;1,00;1,00\n"), true)
	f.Add([]byte("sep=,\nnumber,customer,total,paid\n\"a\nb\",x,1.000,oui\n"), false)
	terms, err := calendar.ParseTerms("30d")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, open bool) {
		spec := Spec{Shape: Invoices}
		if open {
			spec.Shape = OpenItems
		}
		list, err := ReadList(t.Context(), func() (io.Reader, error) { return bytes.NewReader(body), nil }, spec,
			ledger.Config{Currency: "EUR", Zone: time.UTC, Terms: terms, Scratch: t.TempDir()})
		if err != nil {
			return
		}
		defer list.Close()
		for kept, err := range list.Pages.All() {
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range kept.Page.Documents {
				if d.Outstanding.Sign() < 0 || d.Outstanding.Cmp(d.Total) > 0 {
					t.Errorf("%s: %s outstanding of %s", d.Number, d.Outstanding, d.Total)
				}
			}
		}
	})
}
