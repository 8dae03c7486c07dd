package calendar

import (
	"fmt"
	"strings"
	"time"
)

// Weekdays is a set of days of the week, written "mon-fri", "sun" or
// "mon,wed-fri". The zero Weekdays is empty.
type Weekdays uint8

// MondayToFriday is the usual working week.
const MondayToFriday = Weekdays(1<<time.Monday | 1<<time.Tuesday | 1<<time.Wednesday | 1<<time.Thursday | 1<<time.Friday)

var weekdayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Has tells whether the day of the week is in the set.
func (w Weekdays) Has(day time.Weekday) bool { return w&(1<<day) != 0 }

// ParseWeekdays reads days of the week and ranges of them, separated by commas.
// A range may pass the end of the week ("sat-mon").
func ParseWeekdays(text string) (Weekdays, error) {
	var set Weekdays
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, ok := weekday(first)
		to := from
		if isRange && ok {
			to, ok = weekday(last)
		}
		if !ok {
			return 0, fmt.Errorf("%q are not days of the week (write mon-fri, or mon,wed,fri)", text)
		}
		for set |= 1 << from; from != to; set |= 1 << from {
			from = (from + 1) % 7
		}
	}
	return set, nil
}

func weekday(text string) (time.Weekday, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	for i, name := range weekdayNames {
		if text == name {
			return time.Weekday(i), true
		}
	}
	return 0, false
}

// String writes the set as ParseWeekdays reads it, Monday first.
func (w Weekdays) String() string {
	var parts []string
	for i := 1; i <= 7; i++ {
		if !w.Has(time.Weekday(i % 7)) {
			continue
		}
		first := i
		for i < 7 && w.Has(time.Weekday((i+1)%7)) {
			i++
		}
		part := weekdayNames[first%7]
		if i > first {
			part += "-" + weekdayNames[i%7]
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// MarshalText writes the set as String does.
func (w Weekdays) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what ParseWeekdays reads.
func (w *Weekdays) UnmarshalText(text []byte) error { return parseInto(w, ParseWeekdays, text) }

// Hours is a part of the day on the clock of a zone, "08:30-18:30": from the
// first minute, included, to the second, excluded. Minutes count from midnight.
type Hours struct{ From, To int }

// AllDay is "00:00-24:00".
var AllDay = Hours{0, 24 * 60}

// ParseHours reads "08:30-18:30". The end is after the beginning, "24:00" at most.
func ParseHours(text string) (Hours, error) {
	first, last, _ := strings.Cut(text, "-")
	from, ok1 := minute(strings.TrimSpace(first))
	to, ok2 := minute(strings.TrimSpace(last))
	if !ok1 || !ok2 || from >= to {
		return Hours{}, fmt.Errorf("%q are not hours of one day (write 08:30-18:30, or 00:00-24:00)", text)
	}
	return Hours{from, to}, nil
}

func minute(text string) (int, bool) {
	if text == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err == nil
}

// Has tells whether the clock time of t lies in the hours.
func (h Hours) Has(t time.Time) bool {
	m := t.Hour()*60 + t.Minute()
	return h.From <= m && m < h.To
}

// String writes the hours as ParseHours reads them.
func (h Hours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.From/60, h.From%60, h.To/60, h.To%60)
}

// MarshalText writes the hours as String does.
func (h Hours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what ParseHours reads.
func (h *Hours) UnmarshalText(text []byte) error { return parseInto(h, ParseHours, text) }

// DateRange is a run of days, both ends included: "2026-12-24..2027-01-03", or
// one day, "2026-12-24".
type DateRange struct{ From, To Date }

// ParseDateRange reads one day or two days joined by two points.
func ParseDateRange(text string) (DateRange, error) {
	first, last, two := strings.Cut(text, "..")
	if !two {
		last = first
	}
	from, err := ParseDate(strings.TrimSpace(first))
	if err != nil {
		return DateRange{}, err
	}
	to, err := ParseDate(strings.TrimSpace(last))
	if err != nil {
		return DateRange{}, err
	}
	if to < from {
		return DateRange{}, fmt.Errorf("%q ends before it begins", text)
	}
	return DateRange{from, to}, nil
}

// Has tells whether the day lies in the range.
func (r DateRange) Has(d Date) bool { return r.From <= d && d <= r.To }

// String writes the range as ParseDateRange reads it.
func (r DateRange) String() string {
	if r.From == r.To {
		return r.From.String()
	}
	return r.From.String() + ".." + r.To.String()
}

// MarshalText writes the range as String does.
func (r DateRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what ParseDateRange reads.
func (r *DateRange) UnmarshalText(text []byte) error { return parseInto(r, ParseDateRange, text) }

func parseInto[T any](into *T, parse func(string) (T, error), text []byte) error {
	got, err := parse(string(text))
	if err == nil {
		*into = got
	}
	return err
}
