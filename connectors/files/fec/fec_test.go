package fec

import (
	"bytes"
	"strings"
	"testing"

	"relanced/connectors/files/ledger"
)

func TestAmount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1234,56": 123_456, "": 0, "0": 0, "0000000074,70": 7_470, "-000000000001437,12": -143_712, "12,5": 1_250,
		"12,50-": -1_250, "+3": 300, "1 234,56": 123_456, "1\u00a0234,56": 123_456, "1234.56": 123_456, "1.234,56": 123_456,
		"5,500": 550,
	} {
		if got, err := amount([]byte(text), 2); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"-", "abc", "1,234", "1-2", "1E5", "1,2,3", "99999999999999999"} {
		if got, err := amount([]byte(text), 2); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"20260315": "2026-03-15", "2026-03-15": "2026-03-15", "15/03/2026": "2026-03-15", "15.03.2026": "2026-03-15",
		"15032026": "2026-03-15", "15/03/2026 10:00:00": "2026-03-15", "00000000": "", "": "", "0": "",
	} {
		if got, err := date([]byte(text)); err != nil || got.String() != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"20260230", "32/01/2026", "hello", "2026"} {
		if got, err := date([]byte(text)); err == nil {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

func TestParseName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Name{
		"732829320FEC20251231.txt":               {"732829320", 2025, "20251231"},
		"/a/b/732829320FEC20251231_v2.TXT":       {"732829320", 2025, "20251231"},
		"732829320DONNEESCOMPTABLES20251231.csv": {"732829320", 2025, "20251231"},
		"1234567890FEC20251231.txt":              {"", 2025, "20251231"},
		"export.txt":                             {},
	} {
		if got := ParseName(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

type sink struct{ lines, rejected int }

func (s *sink) Add(*ledger.Line) error                   { s.lines++; return nil }
func (s *sink) Reject(int, string, []byte, []byte) error { s.rejected++; return nil }
func (s *sink) Note(int, string)                         {}
func (s *sink) Both(int)                                 {}

// Whatever the bytes are, reading ends, and each line is taken at most once.
func FuzzRead(f *testing.F) {
	header := strings.Join(titles[:norm18], "|")
	f.Add([]byte(header + "\nVE|Ventes|1|20260101|411000|Clients|C1|Durand|F1|20260101|Fact | x|1,00|0,00|A||20260101||\n"))
	f.Add([]byte(strings.ReplaceAll(header, "|", "\t") + "\r\r\n\"\"\t\t\n"))
	f.Add([]byte("<?xml"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var s sink
		_ = Read(bytes.NewReader(body), "EUR", &s)
		if most := bytes.Count(body, []byte("\n")) + bytes.Count(body, []byte("\r")) + 1; s.lines+s.rejected > most {
			t.Errorf("%d lines of at most %d", s.lines+s.rejected, most)
		}
	})
}
