// Package calendar holds dates, working days and the windows in which messages
// may leave. A Date is a day of the civil calendar without a zone; instants are
// time.Time. Business rules use the company's zone to go from one to the other.
package calendar

import (
	"fmt"
	"time"
)

// Date is a calendar day. The zero Date is "no date". Dates compare with < and ==.
type Date int32 // days since 0000-12-31, so that 0001-01-01 is 1

const unixEpochDay = 719163 // 1970-01-01 as a Date

// On returns the date of that year, month and day, normalised as time.Date does
// (32 January is 1 February).
func On(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()/86400 + unixEpochDay) //nolint:gosec // years of business documents
}

// DateOf returns the day it is at t in the zone of t.
func DateOf(t time.Time) Date { return On(t.Date()) }

// ParseDate reads YYYY-MM-DD. An impossible day (2026-02-30) is an error.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1 {
		return 0, fmt.Errorf("%q is not a date (YYYY-MM-DD)", text)
	}
	return DateOf(t), nil
}

// MustParse is ParseDate for dates written in code; it panics on a bad one.
func MustParse(text string) Date {
	d, err := ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

// IsZero tells whether there is no date.
func (d Date) IsZero() bool { return d == 0 }

// Time returns the first instant of the day in the zone.
func (d Date) Time(zone *time.Location) time.Time {
	y, m, day := d.Civil()
	t := time.Date(y, m, day, 0, 0, 0, 0, zone)
	if hour, minute, _ := t.Clock(); hour+minute > 0 || DateOf(t) != d || DateOf(t.Add(-time.Second)) == d {
		return d.at(0, zone) // midnight is skipped, or comes twice
	}
	return t
}

// Civil returns year, month and day.
func (d Date) Civil() (int, time.Month, int) {
	return time.Unix(int64(d-unixEpochDay)*86400, 0).UTC().Date()
}

// Year returns the year of d.
func (d Date) Year() int { y, _, _ := d.Civil(); return y }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return time.Weekday(d % 7) } // 0001-01-01 was a Monday

// AddDays returns the date n calendar days later (earlier where n is negative).
func (d Date) AddDays(n int) Date { return d + Date(n) } //nolint:gosec // day counts are small

// AddMonths returns the same day n months later, clamped to that month's last day.
func (d Date) AddMonths(n int) Date {
	y, m, day := d.Civil()
	first := On(y, m+time.Month(n), 1)
	return min(first.AddDays(day-1), first.EndOfMonth())
}

// EndOfMonth returns the last day of d's month.
func (d Date) EndOfMonth() Date {
	y, m, _ := d.Civil()
	return On(y, m+1, 1) - 1
}

// DaysSince returns the calendar days from e to d: negative where d is earlier.
func (d Date) DaysSince(e Date) int { return int(d - e) }

// String returns YYYY-MM-DD, and "" for no date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	y, m, day := d.Civil()
	if y < 0 || y > 9999 {
		return fmt.Sprintf("%04d-%02d-%02d", y, m, day)
	}
	digit := func(n int) byte { return byte('0' + n%10) }
	return string([]byte{
		digit(y / 1000), digit(y / 100), digit(y / 10), digit(y), '-',
		digit(int(m) / 10), digit(int(m)), '-', digit(day / 10), digit(day),
	})
}

// MarshalText writes the date as String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote, and any YYYY-MM-DD.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	got, err := ParseDate(string(text))
	if err == nil {
		*d = got
	}
	return err
}
