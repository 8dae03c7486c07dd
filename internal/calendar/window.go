package calendar

import "time"

// Window says when messages may leave: within its hours on the worked days of
// its calendar, on the clock of its zone.
type Window struct {
	Calendar Calendar
	Hours    Hours          // the zero Hours is the whole day
	Zone     *time.Location // nil: UTC
}

// Contains tells whether t lies in the window.
func (w Window) Contains(t time.Time) bool {
	t = t.In(w.zone())
	return w.hours().Has(t) && w.Calendar.IsWorkingDay(DateOf(t))
}

// Next returns the first instant at or after t that lies in the window, in the
// window's zone. It is the zero time where there is none in ten years.
func (w Window) Next(t time.Time) time.Time {
	t = t.In(w.zone())
	if w.Contains(t) {
		return t
	}
	// Where the clock is set back into the hours, they open a second time that day.
	_, again := t.ZoneBounds()
	day := DateOf(t)
	if DateOf(again) != day || !w.Contains(again) {
		again = time.Time{}
	}
	for end := day.AddMonths(120); day < end; day = w.Calendar.skip(day, 1) {
		if !w.Calendar.IsWorkingDay(day) {
			continue
		}
		open := day.at(time.Duration(w.hours().From)*time.Minute, w.zone())
		if !open.Before(t) && w.Contains(open) && (again.IsZero() || open.Before(again)) {
			return open
		}
		if !again.IsZero() {
			return again
		}
	}
	return time.Time{}
}

func (w Window) zone() *time.Location {
	if w.Zone == nil {
		return time.UTC
	}
	return w.Zone
}

func (w Window) hours() Hours {
	if w.Hours == (Hours{}) {
		return AllDay
	}
	return w.Hours
}
