package calendar

import (
	"slices"
	"time"
)

// Calendar says which days are worked: those of its week that are neither a
// public holiday of one of its regions nor in a closure. The zero Calendar works
// Monday to Friday, without holidays.
type Calendar struct {
	Week     Weekdays // empty: Monday to Friday
	Regions  []Region // the holidays of all of them rest
	Closures []DateRange

	known *workedDays // of exactly the fields above; nil: not remembered
}

// Remembered returns the calendar with a table of its days, for one that is asked
// often. Its fields must not be changed from then on.
func (c Calendar) Remembered() Calendar {
	if c.known == nil {
		c.known = &workedDays{calendar: c}
	}
	return c
}

// Union returns the calendar in which a day is worked only where both work it:
// the creditor's and the client's.
func (c Calendar) Union(d Calendar) Calendar {
	u := Calendar{
		Week:     c.week() & d.week(),
		Regions:  slices.Concat(c.Regions, d.Regions),
		Closures: slices.Concat(c.Closures, d.Closures),
	}
	if u.Week == 0 { // two weeks without a common day would never work
		u.Week = c.week()
	}
	return u
}

// With returns the calendar that rests on the holidays of the region too.
func (c Calendar) With(region Region) Calendar {
	if region == "" || region == NoHolidays || slices.Contains(c.Regions, region) {
		return c
	}
	c.Regions = append(slices.Clip(c.Regions), region)
	c.known = nil
	return c
}

// IsWorkingDay tells whether the day is worked.
func (c Calendar) IsWorkingDay(d Date) bool {
	if c.known != nil {
		return c.known.has(d)
	}
	return c.works(d)
}

func (c Calendar) works(d Date) bool {
	if !c.week().Has(d.Weekday()) {
		return false
	}
	for _, region := range c.Regions {
		if region.IsHoliday(d) {
			return false
		}
	}
	for _, closure := range c.Closures {
		if closure.Has(d) {
			return false
		}
	}
	return true
}

// NextWorkingDay returns d where it is worked, else the first worked day after it.
func (c Calendar) NextWorkingDay(d Date) Date {
	for !c.IsWorkingDay(d) {
		d = c.skip(d, 1)
	}
	return d
}

// AddWorkDays returns the nth worked day after d, or before it where n is
// negative; d itself need not be worked. Zero days is d.
func (c Calendar) AddWorkDays(d Date, n int) Date {
	step := 1
	if n < 0 {
		n, step = -n, -1
	}
	for ; n > 0; n-- {
		for d = d.AddDays(step); !c.IsWorkingDay(d); {
			d = c.skip(d, step)
		}
	}
	return d
}

// WorkDaysBetween counts the worked days after from, up to and with to; zero
// where to is not later.
func (c Calendar) WorkDaysBetween(from, to Date) int {
	n := 0
	for d := from + 1; d <= to; d++ {
		if c.IsWorkingDay(d) {
			n++
		}
	}
	return n
}

// AddSpan returns the day s after d. A clock span counts as whole days, rounded
// away from d.
func (c Calendar) AddSpan(d Date, s Span) Date {
	d = c.AddWorkDays(d.AddDays(s.Days), s.WorkDays)
	const day = 24 * time.Hour
	whole := s.Clock / day
	if rest := s.Clock % day; rest > 0 {
		whole++
	} else if rest < 0 {
		whole--
	}
	return d.AddDays(int(whole))
}

// After returns the instant s after t. Days and working days keep the clock
// time of t in its zone; a clock time that the day skips moves on with it.
func (c Calendar) After(t time.Time, s Span) time.Time {
	if s.Days == 0 && s.WorkDays == 0 {
		return t.Add(s.Clock)
	}
	day := c.AddWorkDays(DateOf(t).AddDays(s.Days), s.WorkDays)
	hour, minute, second := t.Clock()
	since := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	return day.at(since, t.Location()).Add(time.Duration(t.Nanosecond()) + s.Clock)
}

func (c Calendar) week() Weekdays {
	if c.Week == 0 {
		return MondayToFriday
	}
	return c.Week
}

// skip moves on from a day that is not worked: over the whole of a closure, so
// that one of a century costs no more than one of a day.
func (c Calendar) skip(d Date, step int) Date {
	for _, closure := range c.Closures {
		if closure.Has(d) {
			if step > 0 {
				return closure.To + 1
			}
			return closure.From - 1
		}
	}
	return d.AddDays(step)
}

// at returns the first instant of the day at which the clock shows since or
// later: where the clock jumps over it, the jump; where it shows it twice, the
// first time.
func (d Date) at(since time.Duration, zone *time.Location) time.Time {
	wall := d.Time(time.UTC).Add(since)
	var best time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(near).In(zone).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		_, shown := t.Zone()
		if shown == offset && (best.IsZero() || t.Before(best)) {
			best = t
		}
	}
	if !best.IsZero() {
		return best
	}
	// The clock jumps over it: the offset before the jump, read after it, lands
	// beyond the jump, in the zone period that begins with it.
	_, offset := wall.Add(-24 * time.Hour).In(zone).Zone()
	jump, _ := wall.Add(-time.Duration(offset) * time.Second).In(zone).ZoneBounds()
	return jump
}
