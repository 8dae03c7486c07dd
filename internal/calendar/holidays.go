package calendar

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/aa"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/ca"
	"github.com/rickar/cal/v2/ch"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/pl"
	"github.com/rickar/cal/v2/us"
)

// Region is a place with public holidays of its own: a country ("FR") or a part
// of one ("FR-ALSACE-MOSELLE"). The zero Region, and any that is not known, has
// no holidays.
type Region string

// NoHolidays is the region that never rests but on weekends.
const NoHolidays Region = "none"

// The years for which holidays are known; outside them only weekends rest.
const firstYear, lastYear = 1990, 2110

// Known tells whether the holidays of the region are known; NoHolidays is.
func (r Region) Known() bool {
	_, ok := regions[r]
	return ok || r == NoHolidays
}

// IsHoliday tells whether the day is a public holiday of the region, or the
// weekday given in its place.
func (r Region) IsHoliday(d Date) bool {
	days, ok := regions[r]
	if !ok {
		return false
	}
	_, rests := days()[d]
	return rests
}

// Holidays returns the public holidays of the region in a year, in order.
func (r Region) Holidays(year int) []Date {
	days, ok := regions[r]
	if !ok {
		return nil
	}
	var list []Date
	for d := range days() {
		if d.Year() == year {
			list = append(list, d)
		}
	}
	slices.Sort(list)
	return list
}

// UnmarshalText reads a region of any case, or "none". One whose holidays are
// not known is an error.
func (r *Region) UnmarshalText(text []byte) error {
	got := Region(strings.ToUpper(strings.TrimSpace(string(text))))
	if strings.EqualFold(string(got), string(NoHolidays)) {
		got = NoHolidays
	}
	if !got.Known() {
		names := slices.Sorted(maps.Keys(regions))
		return fmt.Errorf("no public holidays are known for %q (write none, or one of %v)", text, names)
	}
	*r = got
	return nil
}

// RegionOf returns the region of an address: the country's (ISO 3166-1
// alpha-2), or a part of it told by the postcode. A country whose holidays are
// not known gives the zero Region.
func RegionOf(country, postcode string) Region {
	country = strings.ToUpper(strings.TrimSpace(country))
	if part, ok := territories[country]; ok {
		return part
	}
	switch country {
	case "FR":
		return frenchRegion(postcode)
	case "GB", "UK":
		return britishRegion(postcode)
	}
	if r := Region(country); r.Known() {
		return r
	}
	return ""
}

// The French departments and territories that have a country code of their own.
var territories = map[string]Region{
	"GP": "FR-GUADELOUPE", "MQ": "FR-MARTINIQUE", "GF": "FR-GUYANE", "RE": "FR-REUNION", "YT": "FR-MAYOTTE",
	"PM": "FR", "BL": "FR", "MF": "FR", "NC": "FR", "PF": "FR", "WF": "FR",
}

func frenchRegion(postcode string) Region {
	digits := strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, postcode)
	if len(digits) != 5 {
		return "FR"
	}
	switch digits[:2] {
	case "57", "67", "68":
		return "FR-ALSACE-MOSELLE"
	}
	switch digits[:3] {
	case "971":
		return "FR-GUADELOUPE"
	case "972":
		return "FR-MARTINIQUE"
	case "973":
		return "FR-GUYANE"
	case "974":
		return "FR-REUNION"
	case "976":
		return "FR-MAYOTTE"
	}
	return "FR"
}

func britishRegion(postcode string) Region {
	letters := strings.ToUpper(strings.TrimSpace(postcode))
	if end := strings.IndexFunc(letters, func(c rune) bool { return c < 'A' || c > 'Z' }); end >= 0 {
		letters = letters[:end]
	}
	switch letters {
	case "BT":
		return "GB-NORTHERN-IRELAND"
	case "AB", "DD", "DG", "EH", "FK", "G", "HS", "IV", "KA", "KW", "KY", "ML", "PA", "PH", "ZE":
		return "GB-SCOTLAND"
	}
	return "GB"
}

func on(month time.Month, day int) *cal.Holiday {
	return &cal.Holiday{Month: month, Day: day, Func: cal.CalcDayOfMonth}
}

// moved is a British day that goes to Monday when it falls on a weekend.
func moved(month time.Month, day int) *cal.Holiday {
	h := on(month, day)
	h.Observed = []cal.AltDay{{Day: time.Saturday, Offset: 2}, {Day: time.Sunday, Offset: 1}}
	return h
}

// regions maps each region to the set of its holidays, made at first use.
var regions = map[Region]func() map[Date]struct{}{
	"FR":                  holidays(fr.Holidays),
	"FR-ALSACE-MOSELLE":   holidays(fr.Holidays, aa.GoodFriday, on(time.December, 26)),
	"FR-GUADELOUPE":       holidays(fr.Holidays, on(time.May, 27)),
	"FR-MARTINIQUE":       holidays(fr.Holidays, on(time.May, 22)),
	"FR-GUYANE":           holidays(fr.Holidays, on(time.June, 10)),
	"FR-REUNION":          holidays(fr.Holidays, on(time.December, 20)),
	"FR-MAYOTTE":          holidays(fr.Holidays, on(time.April, 27)),
	"GB":                  holidays(gb.Holidays),
	"GB-NORTHERN-IRELAND": holidays(gb.Holidays, moved(time.March, 17), moved(time.July, 12)),
	"GB-SCOTLAND": holidays([]*cal.Holiday{
		gb.GoodFriday, gb.EarlyMay, gb.VEDay, gb.CoronationDay, gb.SpringHoliday, gb.SpringHoliday2022,
		gb.PlatinumJubilee, gb.SummerHolidayScotland, gb.ChristmasDay, gb.BoxingDay, moved(time.November, 30),
		// 1 and 2 January push each other on as Christmas and Boxing Day do.
		gb.NewYear,
		{Month: time.January, Day: 2, Func: cal.CalcDayOfMonth, Observed: gb.BoxingDay.Observed},
	}),
	"BE":    holidays(be.Holidays),
	"DE":    holidays(de.Holidays),
	"DE-BB": holidays(de.HolidaysBB),
	"DE-BE": holidays(de.HolidaysBE),
	"DE-BW": holidays(de.HolidaysBW),
	"DE-BY": holidays(de.HolidaysBY),
	"DE-HB": holidays(de.HolidaysHB),
	"DE-HE": holidays(de.HolidaysHE),
	"DE-HH": holidays(de.HolidaysHH),
	"DE-MV": holidays(de.HolidaysMV),
	"DE-NI": holidays(de.HolidaysNI),
	"DE-NW": holidays(de.HolidaysNW),
	"DE-RP": holidays(de.HolidaysRP),
	"DE-SH": holidays(de.HolidaysSH),
	"DE-SL": holidays(de.HolidaysSL),
	"DE-SN": holidays(de.HolidaysSN),
	"DE-ST": holidays(de.HolidaysST),
	"DE-TH": holidays(de.HolidaysTH),
	"AT":    holidays(at.Holidays),
	"CA":    holidays(ca.Holidays),
	"CH":    holidays(ch.Holidays),
	"ES":    holidays(es.Holidays),
	"IE":    holidays(ie.Holidays),
	"IT":    holidays(it.Holidays),
	"NL":    holidays(nl.Holidays),
	"PL":    holidays(pl.Holidays),
	"US":    holidays(us.Holidays),
	"LU": holidays([]*cal.Holiday{
		aa.NewYear, aa.EasterMonday, aa.WorkersDay, on(time.May, 9), aa.AscensionDay, aa.PentecostMonday,
		on(time.June, 23), aa.AssumptionOfMary, aa.AllSaintsDay, aa.ChristmasDay, aa.ChristmasDay2,
	}),
	"PT": holidays([]*cal.Holiday{
		aa.NewYear, aa.GoodFriday, on(time.April, 25), aa.WorkersDay, aa.CorpusChristi, on(time.June, 10),
		aa.AssumptionOfMary, on(time.October, 5), aa.AllSaintsDay, on(time.December, 1),
		aa.ImmaculateConception, aa.ChristmasDay,
	}),
}

func holidays(list []*cal.Holiday, more ...*cal.Holiday) func() map[Date]struct{} {
	return sync.OnceValue(func() map[Date]struct{} {
		days := map[Date]struct{}{}
		for _, h := range slices.Concat(list, more) {
			for year := firstYear; year <= lastYear; year++ {
				for _, at := range both(h.Calc(year)) {
					if !at.IsZero() {
						// Noon: in some zones midnight does not exist on some days.
						days[DateOf(at.Add(12*time.Hour))] = struct{}{}
					}
				}
			}
		}
		return days
	})
}

func both(actual, observed time.Time) [2]time.Time { return [2]time.Time{actual, observed} }
