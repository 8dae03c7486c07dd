package calendar

import (
	"sync/atomic"
	"time"
)

// The days that tables hold: those that invoices of today can speak of. Before
// 2012 some zones set their clocks back over midnight, so that a day began, ended
// and began again; what is asked of days outside is worked out anew.
var (
	firstDay = On(2012, 1, 1)
	lastDay  = firstDay + tablePages*pageDays - 1
)

const (
	pageDays   = 512
	tablePages = 72 // a hundred years
)

// Instants remembers one instant for each day, to the second. It is filled as it
// is asked, and may be used by many goroutines.
type Instants struct {
	of    func(Date) time.Time
	pages [tablePages]atomic.Pointer[[pageDays]atomic.Int64]
}

// NewInstants makes a table of what the function says, which must always say the
// same of a day.
func NewInstants(of func(Date) time.Time) *Instants { return &Instants{of: of} }

// On returns the instant of the day, in UTC.
func (t *Instants) On(d Date) time.Time { return time.Unix(t.seconds(d), 0).UTC() }

func (t *Instants) seconds(d Date) int64 {
	if d < firstDay || d > lastDay {
		return t.of(d).Unix()
	}
	page, day := (d-firstDay)/pageDays, (d-firstDay)%pageDays
	cells := t.pages[page].Load()
	if cells == nil {
		t.pages[page].CompareAndSwap(nil, new([pageDays]atomic.Int64))
		cells = t.pages[page].Load()
	}
	seconds := cells[day].Load()
	if seconds == 0 { // no day of the table is 1970
		seconds = t.of(d).Unix()
		cells[day].Store(seconds)
	}
	return seconds
}

// Dates goes from instants to the days of a zone and back, as DateOf and
// Date.Time do, by a look into a table.
type Dates struct {
	zone   *time.Location
	begins *Instants
}

// NewDates returns the dates of the zone.
func NewDates(zone *time.Location) *Dates {
	return &Dates{zone, NewInstants(func(d Date) time.Time { return d.Time(zone) })}
}

// Begin returns the first instant of the day, in UTC.
func (t *Dates) Begin(d Date) time.Time { return t.begins.On(d) }

// Of returns the day it is at the instant.
func (t *Dates) Of(at time.Time) Date {
	seconds := at.Unix()
	const day = 86400
	if seconds < int64(firstDay+1-unixEpochDay)*day || seconds > int64(lastDay-2-unixEpochDay)*day {
		return DateOf(at.In(t.zone))
	}
	d := Date(seconds/day) + unixEpochDay
	for seconds < t.begins.seconds(d) {
		d--
	}
	for seconds >= t.begins.seconds(d+1) {
		d++
	}
	return d
}

// workedDays remembers which days of a calendar are worked, a bit for each.
type workedDays struct {
	calendar Calendar
	pages    [tablePages]atomic.Pointer[[pageDays / 64]uint64]
}

func (w *workedDays) has(d Date) bool {
	if d < firstDay || d > lastDay {
		return w.calendar.works(d)
	}
	page, day := (d-firstDay)/pageDays, (d-firstDay)%pageDays
	bits := w.pages[page].Load()
	if bits == nil {
		bits = new([pageDays / 64]uint64)
		for i := range Date(pageDays) {
			if w.calendar.works(firstDay + page*pageDays + i) {
				bits[i/64] |= 1 << (i % 64)
			}
		}
		w.pages[page].Store(bits)
	}
	return bits[day/64]&(1<<(day%64)) != 0
}
