package calendar

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDate_agreesWithTheCivilCalendar(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := Date(rapid.Int32Range(1, 3_652_028).Draw(t, "days")) // 0001-01-01 to 9999-11-30
		at := time.Date(1, 1, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, int(d)-1)
		if d.String() != at.Format(time.DateOnly) || d.Weekday() != at.Weekday() || DateOf(at) != d {
			t.Fatalf("day %d is %s, a %s, not %s", int32(d), d, d.Weekday(), at)
		}
		if again, err := ParseDate(d.String()); err != nil || again != d {
			t.Fatalf("%s is read as %s, %v", d, again, err)
		}
		end := d.EndOfMonth()
		if end < d || (end + 1).String()[8:] != "01" {
			t.Fatalf("%s ends its month on %s", d, end)
		}
	})
}

func TestDate_addMonthsClampsToTheLastDay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-01-31", 1, "2026-02-28"},
		{"2024-01-31", 1, "2024-02-29"},
		{"2026-03-31", -1, "2026-02-28"},
		{"2026-12-15", 1, "2027-01-15"},
		{"2024-02-29", 12, "2025-02-28"},
	} {
		if got := MustParse(c.from).AddMonths(c.n); got != MustParse(c.want) {
			t.Errorf("%s and %d months is %s", c.from, c.n, got)
		}
	}
}

func TestParseDate_refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2026-02-30", "2026-2-3", "21/11/2026", "2026-11-21T00:00:00Z", "0000-01-01", "20261121", " 2026-11-21"} {
		if d, err := ParseDate(text); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
}

func TestDate_timeIsTheFirstInstantOfTheDay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Paris", "America/Havana", "Asia/Beirut", "America/Santiago", "UTC"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for d := MustParse("2024-01-01"); d < MustParse("2027-01-01"); d++ {
			at := d.Time(zone)
			if DateOf(at) != d || DateOf(at.Add(-time.Nanosecond)) != d-1 {
				t.Errorf("%s begins at %s", d, at)
			}
		}
	}
}

func TestSpan_isWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"7d": "7d", "-7d": "-7d", "5wd": "5wd", "90s": "1m30s", "30m": "30m", "24h": "24h", "0": "0d", "1h30m": "1h30m",
	} {
		span, err := ParseSpan(text)
		if err != nil || span.String() != want {
			t.Errorf("%q is written %q, %v", text, span, err)
		}
		if again, err := ParseSpan(span.String()); err != nil || again != span {
			t.Errorf("%q is read back as %v, %v", span, again, err)
		}
	}
	for _, text := range []string{"", "7", "d", "wd", "1.5d", "7 d", "99999d", "7j"} {
		if span, err := ParseSpan(text); err == nil {
			t.Errorf("%q is %v", text, span)
		}
	}
}
