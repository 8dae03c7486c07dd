package main

import (
	"fmt"
	"regexp"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/daemon"
	"relanced/internal/money"
)

// date is a calendar date typed on the command line. An empty one is none: it
// is as wrong as a misspelt one.
type date struct{ calendar.Date }

// UnmarshalText reads YYYY-MM-DD.
func (d *date) UnmarshalText(text []byte) error {
	on, err := calendar.ParseDate(string(text))
	d.Date = on
	return err
}

// come refuses a day that has begun nowhere yet.
func (d date) come(flag string, now time.Time) error {
	if d.Date > calendar.DateOf(now.UTC().Add(14*time.Hour)) {
		return usagef("%s: %s is still to come", flag, d)
	}
	return nil
}

// ahead refuses a day before the first one that makes sense, counted from the
// companies' today; none is fine.
func (d date) ahead(flag string, first int, why string, companies []*daemon.Company, now time.Time) error {
	if d.IsZero() {
		return nil
	}
	for _, c := range companies {
		if d.Date >= calendar.DateOf(now.In(c.Zone)).AddDays(first) {
			return nil
		}
	}
	return usagef("%s: %s is too early: %s", flag, d, why)
}

// decimals is how people write an amount: no sign, no exponent.
var decimals = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// amount reads what is owed or paid, more than nothing, in major units.
func amount(flag, text, currency string) (money.Amount, error) {
	sum, err := money.Parse(text, currency)
	if err != nil || !decimals.MatchString(text) || sum.Sign() <= 0 {
		return money.Amount{}, usagef("%s: %q is not an amount of %s (write 1200.00)", flag, text, currency)
	}
	return sum, nil
}

// moment reads RFC 3339, or a date: its end in the zone.
func moment(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	on, err := calendar.ParseDate(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no moment (write 2026-11-24 or 2026-11-24T09:00:00+01:00)", text)
	}
	return on.AddDays(1).Time(zone).Add(-time.Second), nil
}
