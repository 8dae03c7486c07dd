package calendar

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func TestRegionOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		country, postcode string
		want              Region
	}{
		{"FR", "75001", "FR"},
		{"fr", "67000", "FR-ALSACE-MOSELLE"},
		{"FR", "F-57 100", "FR-ALSACE-MOSELLE"},
		{"FR", "68200", "FR-ALSACE-MOSELLE"},
		{"FR", "6800", "FR"},
		{"FR", "97400", "FR-REUNION"},
		{"RE", "97400", "FR-REUNION"},
		{"FR", "97110", "FR-GUADELOUPE"},
		{"FR", "97600", "FR-MAYOTTE"},
		{"GB", "SW1A 1AA", "GB"},
		{"GB", "EH1 1YZ", "GB-SCOTLAND"},
		{"GB", "bt1 5gs", "GB-NORTHERN-IRELAND"},
		{"DE", "10115", "DE"},
		{"BE", "", "BE"},
		{"ZZ", "1", ""},
		{"", "67000", ""},
		{"none", "", ""},
	} {
		if got := RegionOf(c.country, c.postcode); got != c.want {
			t.Errorf("RegionOf(%q, %q) = %q, want %q", c.country, c.postcode, got, c.want)
		}
	}
}

func TestIsHoliday(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		region Region
		day    string
		want   bool
	}{
		{"FR", "2026-04-03", false}, // Good Friday
		{"FR-ALSACE-MOSELLE", "2026-04-03", true},
		{"FR-ALSACE-MOSELLE", "2026-12-26", true},
		{"FR-REUNION", "2026-12-20", true},
		{"FR-MARTINIQUE", "2026-05-22", true},
		{"GB", "2026-12-28", true}, // Boxing Day is a Saturday
		{"GB", "2026-08-31", true},
		{"GB-SCOTLAND", "2026-08-03", true},
		{"GB-SCOTLAND", "2026-08-31", false},
		{"GB-SCOTLAND", "2027-01-04", true}, // 2 January is a Saturday
		{"GB-SCOTLAND", "2022-01-04", true}, // 1 January is a Saturday, 2 a Sunday
		{"GB-NORTHERN-IRELAND", "2026-07-13", true},
		{"DE", "2026-10-03", true},
		{"BE", "2026-07-21", true},
		{"LU", "2026-06-23", true},
		{"PT", "2026-06-10", true},
		{NoHolidays, "2026-12-25", false},
		{"", "2026-12-25", false},
	} {
		if got := c.region.IsHoliday(MustParse(c.day)); got != c.want {
			t.Errorf("%q on %s: %v, want %v", c.region, c.day, got, c.want)
		}
	}
}

func TestCalendar_addWorkDays(t *testing.T) {
	t.Parallel()
	french := Calendar{Closures: []DateRange{{MustParse("2026-12-28"), MustParse("2027-01-03")}}}.With("FR")
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-11-20", 0, "2026-11-20"},
		{"2026-11-21", 0, "2026-11-21"},
		{"2026-11-20", 1, "2026-11-23"},
		{"2026-11-21", 1, "2026-11-23"},
		{"2026-11-10", 1, "2026-11-12"},
		{"2026-12-24", 1, "2027-01-04"},
		{"2027-01-04", -1, "2026-12-24"},
		{"2026-11-23", -5, "2026-11-16"},
	} {
		if got := french.AddWorkDays(MustParse(c.from), c.n); got != MustParse(c.want) {
			t.Errorf("%s + %d working days = %s, want %s", c.from, c.n, got, c.want)
		}
	}
	if got := french.AddSpan(MustParse("2026-11-21"), Span{Clock: 25 * time.Hour}); got != MustParse("2026-11-23") {
		t.Errorf("25 hours after 21 November is %s", got)
	}
	if got := french.WorkDaysBetween(MustParse("2026-11-09"), MustParse("2026-11-13")); got != 3 {
		t.Errorf("%d working days after 9 November until the 13th, want 3", got)
	}
}

func TestCalendar_unionRestsWhereEitherRests(t *testing.T) {
	t.Parallel()
	ours := Calendar{Closures: []DateRange{{MustParse("2026-08-03"), MustParse("2026-08-07")}}}.With("FR")
	both := ours.Union(Calendar{}.With("BE"))
	for day, want := range map[string]bool{
		"2026-07-14": false, // France
		"2026-07-21": false, // Belgium
		"2026-08-05": false,
		"2026-07-15": true,
	} {
		if got := both.IsWorkingDay(MustParse(day)); got != want {
			t.Errorf("%s worked: %v, want %v", day, got, want)
		}
	}
	if !ours.IsWorkingDay(MustParse("2026-07-21")) {
		t.Error("the union changed the calendar it was made from")
	}
}

func TestCalendar_workDaysGoBackAndForth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		d := c.NextWorkingDay(drawDate(t))
		n := rapid.IntRange(0, 40).Draw(t, "n")
		later := c.AddWorkDays(d, n)
		if !c.IsWorkingDay(later) {
			t.Fatalf("%s is not worked", later)
		}
		if back := c.AddWorkDays(later, -n); back != d {
			t.Fatalf("%s + %d = %s, back %s", d, n, later, back)
		}
		if between := c.WorkDaysBetween(d, later); between != n {
			t.Fatalf("%d days between, want %d", between, n)
		}
	})
}

func drawDate(t *rapid.T) Date {
	return On(2026, 1, 1).AddDays(rapid.IntRange(0, 1500).Draw(t, "day"))
}

func drawCalendar(t *rapid.T) Calendar {
	c := Calendar{Week: Weekdays(rapid.IntRange(0, 127).Draw(t, "week"))}
	c = c.With(rapid.SampledFrom([]Region{"", "FR", "FR-ALSACE-MOSELLE", "GB", NoHolidays}).Draw(t, "region"))
	for range rapid.IntRange(0, 2).Draw(t, "closures") {
		from := drawDate(t)
		c.Closures = append(c.Closures, DateRange{from, from.AddDays(rapid.IntRange(0, 20).Draw(t, "long"))})
	}
	return c
}

func TestWindow_next(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	office, _ := ParseHours("08:30-18:30")
	night, _ := ParseHours("02:30-04:00")
	lost, _ := ParseHours("02:15-02:45")
	small, _ := ParseHours("01:00-02:30")
	week := Calendar{}.With("FR")
	always := Calendar{Week: 127}
	for name, c := range map[string]struct {
		window     Window
		from, want string
	}{
		"inside":                      {Window{week, office, paris}, "2026-11-24T09:00:00+01:00", "2026-11-24T09:00:00+01:00"},
		"opens":                       {Window{week, office, paris}, "2026-11-24T06:00:00+01:00", "2026-11-24T08:30:00+01:00"},
		"the last minute is excluded": {Window{week, office, paris}, "2026-11-24T18:30:00+01:00", "2026-11-25T08:30:00+01:00"},
		"a moment before":             {Window{week, office, paris}, "2026-11-24T18:29:59.9+01:00", "2026-11-24T18:29:59.9+01:00"},
		"weekend":                     {Window{week, office, paris}, "2026-11-20T19:00:00+01:00", "2026-11-23T08:30:00+01:00"},
		"holiday":                     {Window{week, office, paris}, "2026-11-11T09:00:00+01:00", "2026-11-12T08:30:00+01:00"},
		"the day of the zone counts":  {Window{week, office, paris}, "2026-11-20T23:30:00Z", "2026-11-23T08:30:00+01:00"},
		"summer time begins":          {Window{week, office, paris}, "2026-03-27T19:00:00+01:00", "2026-03-30T08:30:00+02:00"},
		"always":                      {Window{always, AllDay, paris}, "2026-11-21T03:00:00+01:00", "2026-11-21T03:00:00+01:00"},
		"opens in the lost hour":      {Window{always, night, paris}, "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		"lost as a whole":             {Window{always, lost, paris}, "2026-03-29T00:00:00+01:00", "2026-03-30T02:15:00+02:00"},
		"first of two":                {Window{always, night, paris}, "2026-10-25T00:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		"opens again when set back":   {Window{always, small, paris}, "2026-10-25T02:45:00+02:00", "2026-10-25T02:00:00+01:00"},
		"opens before it is set back": {Window{always, small, paris}, "2026-10-25T00:10:00+02:00", "2026-10-25T01:00:00+02:00"},
		"closed for a long time":      {Window{Calendar{Closures: []DateRange{{MustParse("2026-01-01"), MustParse("2030-12-31")}}}, office, paris}, "2026-03-01T00:00:00Z", "2031-01-01T08:30:00+01:00"},
		"closed for ever":             {Window{Calendar{Closures: []DateRange{{MustParse("2026-01-01"), MustParse("9999-12-31")}}}, office, paris}, "2026-03-01T00:00:00Z", "0001-01-01T00:00:00Z"},
		"zero window is mon-fri, utc": {Window{}, "2026-11-21T09:00:00Z", "2026-11-23T00:00:00Z"},
	} {
		from, _ := time.Parse(time.RFC3339Nano, c.from)
		if got := c.window.Next(from).Format(time.RFC3339Nano); got != c.want {
			t.Errorf("%s: next after %s is %s, want %s", name, c.from, got, c.want)
		}
	}
}

func TestWindow_nextIsTheFirstInstantInside(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		from := rapid.IntRange(0, 1439).Draw(t, "from")
		w := Window{drawCalendar(t), Hours{from, rapid.IntRange(from+1, 1440).Draw(t, "to")}, zone}
		at := time.Unix(1767225600+rapid.Int64Range(0, 3*366*86400).Draw(t, "at"), 0)
		next := w.Next(at)
		if next.Before(at) || !w.Contains(next) {
			t.Fatalf("next after %s is %s", at.In(zone), next)
		}
		for probe := at; probe.Before(next); probe = probe.Add(max(time.Minute, next.Sub(probe)/50)) {
			if w.Contains(probe) {
				t.Fatalf("next after %s is %s, but %s is inside", at.In(zone), next, probe.In(zone))
			}
		}
	})
}

func TestCalendar_afterKeepsTheClock(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	c := Calendar{}.With("FR")
	for _, x := range []struct {
		from string
		span string
		want string
	}{
		{"2026-10-24T09:15:00+02:00", "1d", "2026-10-25T09:15:00+01:00"},
		{"2026-10-24T09:15:00+02:00", "24h", "2026-10-25T08:15:00+01:00"},
		{"2026-11-10T09:15:00+01:00", "1wd", "2026-11-12T09:15:00+01:00"},
		{"2026-03-28T02:30:00+01:00", "1d", "2026-03-29T03:00:00+02:00"},
	} {
		from, _ := time.Parse(time.RFC3339, x.from)
		span, _ := ParseSpan(x.span)
		if got := c.After(from.In(paris), span).Format(time.RFC3339); got != x.want {
			t.Errorf("%s + %s = %s, want %s", x.from, x.span, got, x.want)
		}
	}
}

func TestHolidays_areInOrderAndOfTheirYear(t *testing.T) {
	t.Parallel()
	for region := range regions {
		for year := 2024; year <= 2030; year++ {
			days := region.Holidays(year)
			if len(days) < 5 || !slices.IsSorted(days) || days[0].Year() != year || days[len(days)-1].Year() != year {
				t.Errorf("%s in %d: %v", region, year, days)
			}
		}
	}
}
