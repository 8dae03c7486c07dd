package reminders

import (
	"sync"
	"time"

	"relanced/internal/calendar"
)

// ticker is a schedule: Next returns its first moment after t.
type ticker interface{ Next(t time.Time) time.Time }

// slots finds the days of the company's zone and the moments of its schedule.
// Most questions are about the first moment of a day, and are remembered: zones
// and cron expressions are slow to walk beside the rest of a decision.
type slots struct {
	schedule ticker
	zone     *time.Location
	dates    *calendar.Dates
	ticks    *calendar.Instants // the first tick on or after each day
	window   calendar.Window

	lock       sync.RWMutex
	departures map[calendar.Region]*departures
}

func newSlots(schedule ticker, window calendar.Window) *slots {
	s := &slots{schedule: schedule, zone: window.Zone, window: window, departures: map[calendar.Region]*departures{}}
	s.dates = calendar.NewDates(s.zone)
	s.ticks = calendar.NewInstants(func(d calendar.Date) time.Time { return s.tick(d.Time(s.zone)) })
	return s
}

// tick returns the first moment of the schedule at or after t.
func (s *slots) tick(t time.Time) time.Time {
	return s.schedule.Next(t.Add(-time.Nanosecond).In(s.zone)).UTC()
}

// tickOn returns the first moment of the schedule on or after the day.
func (s *slots) tickOn(d calendar.Date) time.Time { return s.ticks.On(d) }

// to returns when messages may leave to a region.
func (s *slots) to(region calendar.Region) *departures {
	s.lock.RLock()
	d := s.departures[region]
	s.lock.RUnlock()
	if d != nil {
		return d
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if d = s.departures[region]; d == nil {
		w := s.window
		w.Calendar = w.Calendar.With(region).Remembered()
		d = &departures{window: w, shuts: calendar.NewInstants(func(d calendar.Date) time.Time { return shut(w, d) }), opens: map[int64]time.Time{}}
		s.departures[region] = d
	}
	return d
}

// departures are the moments at which messages may leave to one region.
type departures struct {
	window calendar.Window
	shuts  *calendar.Instants // when the window that is open on a day shuts; zero: not within a year

	lock  sync.RWMutex
	opens map[int64]time.Time // by tick, in microseconds
}

// shut returns when a window that is open on the day shuts.
func shut(w calendar.Window, from calendar.Date) time.Time {
	hours := w.Hours
	if hours == (calendar.Hours{}) {
		hours = calendar.AllDay
	}
	for d := from; d < from.AddDays(366); d++ { // whole days run into each other
		year, month, day := d.Civil()
		if at := time.Date(year, month, day, 0, hours.To, 0, 0, w.Zone); !w.Contains(at) {
			return at
		}
	}
	return time.Time{}
}

// open returns the first moment at or after t at which a message may leave; the
// zero time where there is none in ten years.
func (d *departures) open(t time.Time) time.Time {
	tick := t.UnixMicro()
	d.lock.RLock()
	open, known := d.opens[tick]
	d.lock.RUnlock()
	if known {
		return open
	}
	if open = d.window.Next(t); !open.IsZero() {
		open = open.UTC()
	}
	if t.Nanosecond() == 0 && t.Second() == 0 { // moments of a schedule, not arrivals
		d.lock.Lock()
		d.opens[tick] = open
		d.lock.Unlock()
	}
	return open
}
