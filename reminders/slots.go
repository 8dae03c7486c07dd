package reminders

import (
	"sync"
	"time"

	"relanced/internal/calendar"
)

// ticker is a schedule: Next returns its first moment after t.
type ticker interface{ Next(t time.Time) time.Time }

// slots finds the moments of the schedule and of the window. Most questions are
// about the first moment of a day, and are remembered: cron expressions and
// holidays are slow to walk beside the rest of a decision.
type slots struct {
	schedule ticker
	window   calendar.Window
	ticks    sync.Map // calendar.Date → time.Time
	opens    sync.Map // opening → time.Time
}

type opening struct {
	tick   int64 // microseconds
	region calendar.Region
}

func newSlots(schedule ticker, window calendar.Window) *slots {
	return &slots{schedule: schedule, window: window}
}

// tick returns the first moment of the schedule at or after t.
func (s *slots) tick(t time.Time) time.Time {
	return s.schedule.Next(t.Add(-time.Nanosecond).In(s.window.Zone)).UTC()
}

// tickOn returns the first moment of the schedule on or after the day.
func (s *slots) tickOn(d calendar.Date) time.Time {
	if got, ok := s.ticks.Load(d); ok {
		return got.(time.Time)
	}
	t := s.tick(d.Time(s.window.Zone))
	s.ticks.Store(d, t)
	return t
}

// open returns the first moment at or after t at which a message may leave to
// the region; the zero time where there is none in ten years.
func (s *slots) open(t time.Time, region calendar.Region) time.Time {
	key := opening{t.UnixMicro(), region}
	if got, ok := s.opens.Load(key); ok {
		return got.(time.Time)
	}
	w := s.window
	w.Calendar = w.Calendar.With(region)
	open := w.Next(t)
	if !open.IsZero() {
		open = open.UTC()
	}
	if t.Nanosecond() == 0 && t.Second() == 0 { // moments of a schedule, not arrivals
		s.opens.Store(key, open)
	}
	return open
}
