package conf

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when something is done: cron with five fields, @daily and its
// like, or @every 1s. It is read on the clock of the zone of the time it is
// given. The zero Schedule never comes.
type Schedule struct {
	text  string
	every time.Duration
	cron  cron.Schedule
}

// ParseSchedule reads a schedule. One that never comes is an error.
func ParseSchedule(text string) (s Schedule, err error) {
	defer func() {
		if recover() != nil { // the cron parser panics on some input
			s, err = Schedule{}, badSchedule(text, "")
		}
	}()
	clean := strings.Join(strings.Fields(text), " ")
	if rest, found := strings.CutPrefix(clean, "@every "); found {
		every, err := time.ParseDuration(rest)
		if err != nil || every < time.Second || every%time.Second != 0 {
			return Schedule{}, badSchedule(text, "at least 1s, in whole seconds")
		}
		return Schedule{text: clean, every: every}, nil
	}
	if strings.Contains(clean, "TZ=") {
		return Schedule{}, badSchedule(text, "the zone is the company's timezone")
	}
	parsed, err := cron.ParseStandard(clean)
	if err != nil {
		return Schedule{}, badSchedule(text, "")
	}
	if parsed.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, fmt.Errorf("%q never comes", text)
	}
	return Schedule{text: clean, cron: parsed}, nil
}

// MustSchedule is ParseSchedule for schedules written in code; it panics on a bad one.
func MustSchedule(text string) Schedule {
	s, err := ParseSchedule(text)
	if err != nil {
		panic(err)
	}
	return s
}

func badSchedule(text, why string) error {
	if why == "" {
		why = `write minute hour day month weekday, as in "30 7 * * 1-5", or @daily, or @every 15m`
	}
	return fmt.Errorf("%q is not a schedule (%s)", text, why)
}

// IsZero tells whether there is no schedule.
func (s Schedule) IsZero() bool { return s.text == "" }

// Next returns the first time after t at which the schedule comes, in the zone
// of t; zero where it never does. @every counts from the Unix epoch, so that
// all who ask agree.
func (s Schedule) Next(t time.Time) time.Time {
	switch {
	case s.every > 0:
		seconds := int64(s.every / time.Second)
		k := t.Unix() / seconds
		if t.Unix()%seconds < 0 {
			k--
		}
		return time.Unix((k+1)*seconds, 0).In(t.Location())
	case s.cron != nil:
		return s.cron.Next(t)
	}
	return time.Time{}
}

// AtOrAfter returns the first time not before t at which the schedule comes.
func (s Schedule) AtOrAfter(t time.Time) time.Time { return s.Next(t.Add(-time.Nanosecond)) }

// Equal tells whether both are written alike.
func (s Schedule) Equal(other Schedule) bool { return s.text == other.text }

// String is the schedule as it was written.
func (s Schedule) String() string { return s.text }

// MarshalText writes the schedule as String does.
func (s Schedule) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// UnmarshalText reads what ParseSchedule reads.
func (s *Schedule) UnmarshalText(text []byte) error { return parseInto(s, ParseSchedule, text) }

func parseInto[T any](into *T, parse func(string) (T, error), text []byte) error {
	got, err := parse(string(text))
	if err == nil {
		*into = got
	}
	return err
}
