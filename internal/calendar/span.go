package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span is a length of time as people write it in the configuration: calendar
// days ("7d"), working days ("5wd") or a clock duration ("90s", "24h"). Exactly
// one field is set; the zero Span is no time at all. Spans may be negative ("-7d").
type Span struct {
	Days     int
	WorkDays int
	Clock    time.Duration
}

// Days and WorkDays make spans in code.
func Days(n int) Span     { return Span{Days: n} }
func WorkDays(n int) Span { return Span{WorkDays: n} } //nolint:revive // the pair shares a comment

// ParseSpan reads "7d", "-7d", "5wd", "90s", "30m", "24h".
func ParseSpan(text string) (Span, error) {
	bad := fmt.Errorf("%q is not a duration (write 90s, 30m, 24h, 7d, or 5wd for working days)", text)
	for _, unit := range []string{"wd", "d"} {
		number, found := strings.CutSuffix(text, unit)
		if !found {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < -36500 || n > 36500 {
			return Span{}, bad
		}
		if unit == "wd" {
			return Span{WorkDays: n}, nil
		}
		return Span{Days: n}, nil
	}
	if text == "0" {
		return Span{}, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return Span{}, bad
	}
	return Span{Clock: d}, nil
}

// IsZero tells whether the span is no time at all.
func (s Span) IsZero() bool { return s == Span{} }

// String writes the span as ParseSpan reads it.
func (s Span) String() string {
	switch {
	case s.WorkDays != 0:
		return fmt.Sprintf("%dwd", s.WorkDays)
	case s.Clock != 0:
		text := s.Clock.String() // 24h0m0s, 3m0s
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		if strings.HasSuffix(text, "h0m") {
			text = strings.TrimSuffix(text, "0m")
		}
		return text
	}
	return fmt.Sprintf("%dd", s.Days)
}

// MarshalText writes the span as String does.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what ParseSpan reads.
func (s *Span) UnmarshalText(text []byte) error {
	got, err := ParseSpan(string(text))
	if err == nil {
		*s = got
	}
	return err
}
