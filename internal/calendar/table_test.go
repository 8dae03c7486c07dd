package calendar

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDates_sayWhatDateOfAndTimeSay(t *testing.T) {
	t.Parallel()
	var tables []*Dates
	for _, name := range []string{"UTC", "Europe/Paris", "America/New_York", "America/Havana", "Atlantic/Azores", "Asia/Beirut", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Cairo"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, NewDates(zone))
	}
	rapid.Check(t, func(rt *rapid.T) {
		days := rapid.SampledFrom(tables).Draw(rt, "zone")
		d := Date(rapid.Int32Range(int32(On(2005, 1, 1)), int32(On(2120, 1, 1))).Draw(rt, "day"))
		begin := d.Time(days.zone)
		if got := days.Begin(d); !got.Equal(begin) || got.Location() != time.UTC {
			rt.Fatalf("%s in %s begins at %s, not %s", d, days.zone, got, begin)
		}
		at := begin.Add(time.Duration(rapid.Int64Range(-int64(26*time.Hour), int64(26*time.Hour)).Draw(rt, "after")))
		for _, at := range []time.Time{at, begin, begin.Add(-time.Nanosecond)} {
			if got, want := days.Of(at), DateOf(at.In(days.zone)); got != want {
				rt.Fatalf("%s in %s is %s, not %s", at, days.zone, got, want)
			}
		}
	})
}

func TestInstants_askOncePerDayAndKeepNoTime(t *testing.T) {
	t.Parallel()
	asked := 0
	table := NewInstants(func(d Date) time.Time {
		asked++
		if d.Weekday() == time.Sunday {
			return time.Time{}
		}
		return d.Time(time.UTC).Add(7 * time.Hour)
	})
	saturday := MustParse("2026-11-28")
	for range 3 {
		if got := table.On(saturday); !got.Equal(saturday.Time(time.UTC).Add(7 * time.Hour)) {
			t.Errorf("Saturday: %s", got)
		}
		if got := table.On(saturday + 1); !got.IsZero() {
			t.Errorf("Sunday: %s", got)
		}
	}
	if asked != 2 {
		t.Errorf("worked out %d times, want once for each day", asked)
	}
}

func TestCalendar_rememberedIsTheSame(t *testing.T) {
	t.Parallel()
	plain := Calendar{Regions: []Region{"FR"}, Closures: []DateRange{{MustParse("2026-12-24"), MustParse("2027-01-03")}}}
	known := plain.Remembered()
	alsace := known.With("FR-ALSACE-MOSELLE")
	for d := On(2005, 1, 1); d < On(2120, 1, 1); d++ {
		if plain.IsWorkingDay(d) != known.IsWorkingDay(d) {
			t.Fatalf("%s: worked %v, remembered %v", d, plain.IsWorkingDay(d), known.IsWorkingDay(d))
		}
	}
	if good := MustParse("2026-04-03"); !known.IsWorkingDay(good) || alsace.IsWorkingDay(good) {
		t.Error("a region added later is not heeded")
	}
}
