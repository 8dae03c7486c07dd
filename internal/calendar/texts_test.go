package calendar

import (
	"encoding"
	"strings"
	"testing"
)

func TestParse_writesBackWhatItRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		into       interface{ encoding.TextUnmarshaler }
		text, want string
	}{
		{new(Weekdays), "mon-fri", "mon-fri"},
		{new(Weekdays), "Fri, mon-wed", "mon-wed,fri"},
		{new(Weekdays), "sat-mon", "mon,sat-sun"},
		{new(Weekdays), "mon-sun", "mon-sun"},
		{new(Weekdays), "sun", "sun"},
		{new(Hours), "08:30-18:30", "08:30-18:30"},
		{new(Hours), "00:00 - 24:00", "00:00-24:00"},
		{new(DateRange), "2026-12-24..2027-01-03", "2026-12-24..2027-01-03"},
		{new(DateRange), "2026-12-24", "2026-12-24"},
		{new(Terms), "45D_EOM", "45d_eom"},
		{new(Terms), "eom_45d", "eom_45d"},
		{new(Terms), "30d_eom_10", "30d_eom_10"},
		{new(Terms), "eom_45d_10", "eom_45d_10"},
		{new(Terms), "30d_10", "30d_10"},
		{new(Terms), "2m", "2m"},
		{new(Terms), "receipt", "receipt"},
		{new(Terms), "0d", "receipt"},
		{new(Terms), "", ""},
		{new(Region), "fr", "FR"},
		{new(Region), "NONE", "none"},
	} {
		if err := c.into.UnmarshalText([]byte(c.text)); err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		got := ""
		switch v := c.into.(type) {
		case *Region:
			got = string(*v)
		case encoding.TextMarshaler:
			text, _ := v.MarshalText()
			got = string(text)
		}
		if got != c.want {
			t.Errorf("%T %q is written %q, want %q", c.into, c.text, got, c.want)
		}
	}
}

func TestParse_refusesAndSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		into encoding.TextUnmarshaler
		text string
	}{
		{new(Weekdays), ""},
		{new(Weekdays), "mon-"},
		{new(Weekdays), "lundi"},
		{new(Hours), "18:30-08:30"},
		{new(Hours), "08:30"},
		{new(Hours), "08:30-25:00"},
		{new(Hours), "08:30-08:30"},
		{new(DateRange), "2027-01-03..2026-12-24"},
		{new(DateRange), "2026-02-30"},
		{new(DateRange), ""},
		{new(Terms), "45"},
		{new(Terms), "eom"},
		{new(Terms), "eom_45d_eom"},
		{new(Terms), "30d_32"},
		{new(Terms), "30d_10_10"},
		{new(Terms), "-30d"},
		{new(Terms), "+30d"},
		{new(Region), "FRA"},
		{new(Region), ""},
	} {
		err := c.into.UnmarshalText([]byte(c.text))
		if err == nil {
			t.Errorf("%T took %q", c.into, c.text)
		} else if !strings.Contains(err.Error(), `"`+c.text) {
			t.Errorf("%T %q: the error does not quote it: %v", c.into, c.text, err)
		}
	}
}

func TestTerms_due(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ terms, issued, want string }{
		{"60d", "2026-01-15", "2026-03-16"},
		{"1m", "2026-01-15", "2026-02-15"},
		{"1m", "2026-01-31", "2026-02-28"},
		{"eom_1m", "2026-02-15", "2026-03-31"},
		{"1m_eom", "2026-02-15", "2026-03-31"},
		{"receipt", "2026-01-15", "2026-01-15"},
		{"30d_eom_10", "2026-01-15", "2026-03-10"},
		{"30d_eom_31", "2026-01-15", "2026-03-31"},
		{"0d_eom_31", "2026-01-15", "2026-02-28"},
		{"30d_10", "2026-01-05", "2026-02-10"},
		{"30d_10", "2026-01-15", "2026-03-10"},
		{"eom_45d_10", "2026-01-15", "2026-04-10"},
	} {
		terms, err := ParseTerms(c.terms)
		if err != nil {
			t.Fatal(err)
		}
		if got := terms.Due(MustParse(c.issued)).String(); got != c.want {
			t.Errorf("%s from %s: %s, want %s", c.terms, c.issued, got, c.want)
		}
	}
	if !(Terms{}).Due(MustParse("2026-01-15")).IsZero() {
		t.Error("no terms gave a date")
	}
}

func TestCap_periodic(t *testing.T) {
	t.Parallel()
	issued := MustParse("2026-03-02")
	if got := Cap(issued, issued.AddDays(45), true); got != Within45Net {
		t.Errorf("45 days: %s", got)
	}
	if got := Cap(issued, issued.AddDays(46), true); got != OverCap {
		t.Errorf("46 days: %s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("mon-fri")
	f.Add("45d_eom_10")
	f.Add("2026-12-24..2027-01-03")
	f.Add("08:30-18:30")
	f.Fuzz(func(t *testing.T, text string) {
		if terms, err := ParseTerms(text); err == nil {
			if again, err := ParseTerms(terms.String()); err != nil || again != terms {
				t.Errorf("terms %q: %v, then %v", text, terms, again)
			}
		}
		if week, err := ParseWeekdays(text); err == nil {
			if again, err := ParseWeekdays(week.String()); err != nil || again != week {
				t.Errorf("days %q: %v, then %v", text, week, again)
			}
		}
		if hours, err := ParseHours(text); err == nil {
			if again, err := ParseHours(hours.String()); err != nil || again != hours {
				t.Errorf("hours %q: %v, then %v", text, hours, again)
			}
		}
		if days, err := ParseDateRange(text); err == nil {
			if again, err := ParseDateRange(days.String()); err != nil || again != days {
				t.Errorf("dates %q: %v, then %v", text, days, again)
			}
		}
	})
}
