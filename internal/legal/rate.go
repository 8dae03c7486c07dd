// Package legal computes what the law adds to a late payment: interest segment
// by segment, the fixed recovery fee, the words for both, and the day a claim
// is time-barred. Its presets are the rules of one country for one kind of
// customer. Rates are data; one that is not known is an error, never a guess.
package legal

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"relanced/internal/calendar"
)

// Percent is a yearly rate in hundredths of a per cent: 12.40 % is 1240.
type Percent int64

// ParsePercent reads "12", "12.4", "12.40" or "12.40 %": from 0 to 100, with two
// decimals at most.
func ParsePercent(text string) (Percent, error) {
	bad := fmt.Errorf("%q is not a yearly rate in per cent (write 12.40)", text)
	number := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%"))
	whole, decimals, point := strings.Cut(number, ".")
	if len(decimals) > 2 || (point && decimals == "") || strings.Trim(whole+decimals, "0123456789") != "" {
		return 0, bad
	}
	n, err := strconv.ParseInt(whole+(decimals + "00")[:2], 10, 64)
	if err != nil || whole == "" || n > 100_00 {
		return 0, bad
	}
	return Percent(n), nil
}

// String writes the rate with two decimals: "12.40".
func (p Percent) String() string {
	sign := ""
	if p < 0 {
		sign, p = "-", -p
	}
	return fmt.Sprintf("%s%d.%02d", sign, p/100, p%100)
}

// MarshalText writes the rate as String does.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Semester is half a year, for which reference rates are fixed.
type Semester struct {
	Year int
	Half int // 1 or 2
}

// SemesterOf returns the semester of a day.
func SemesterOf(d calendar.Date) Semester {
	year, month, _ := d.Civil()
	return Semester{year, 1 + (int(month)-1)/6}
}

// String writes "2026-S2".
func (s Semester) String() string { return fmt.Sprintf("%04d-S%d", s.Year, s.Half) }

// lastDay returns 30 June or 31 December.
func (s Semester) lastDay() calendar.Date {
	return calendar.On(s.Year, time.Month(6*s.Half), 1).EndOfMonth()
}

// ErrRate tells that a reference rate is not known; the error's text names the
// semester as "2027-S1".
var ErrRate = errors.New("rate to be entered")

// Reference is a published rate that presets build on.
type Reference string

// The references, as named in rates.csv.
const (
	ECB             Reference = "mro"
	LegalBusiness   Reference = "legal_pro"
	LegalIndividual Reference = "legal_ind"
	GermanBase      Reference = "de_base"
	UKBase          Reference = "uk_base"
)

var referenceNames = map[Reference]string{
	ECB:             "main refinancing rate of the ECB",
	LegalBusiness:   "French legal interest rate",
	LegalIndividual: "French legal interest rate for individuals",
	GermanBase:      "German base rate",
	UKBase:          "Bank of England base rate",
}

// In returns the reference rate of a semester.
func (r Reference) In(s Semester) (Percent, error) {
	rate, ok := rates()[rateKey{r, s}]
	if !ok {
		return 0, fmt.Errorf("%w: %s for %s is not known to this version; update relanced", ErrRate, referenceNames[r], s)
	}
	return rate, nil
}

//go:embed rates.csv
var ratesCSV []byte

type rateKey struct {
	Reference
	Semester
}

// rates is the table, read at first use. A damaged one cannot leave the tests.
var rates = sync.OnceValue(func() map[rateKey]Percent {
	table, err := readRates(ratesCSV)
	if err != nil {
		panic(fmt.Errorf("rates.csv: %w", err))
	}
	return table
})

func readRates(text []byte) (map[rateKey]Percent, error) {
	reader := csv.NewReader(bytes.NewReader(text))
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, err
	}
	table := map[rateKey]Percent{}
	for _, row := range rows[1:] {
		var s Semester
		if _, err := fmt.Sscanf(row[0], "%d-S%d", &s.Year, &s.Half); err != nil {
			return nil, err
		}
		for i, text := range row[1:] {
			digits, negative := strings.CutPrefix(text, "-")
			rate, err := ParsePercent(digits)
			if err != nil {
				return nil, err
			}
			if negative {
				rate = -rate
			}
			table[rateKey{Reference(rows[0][i+1]), s}] = rate
		}
	}
	return table, nil
}
