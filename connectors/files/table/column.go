package table

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"relanced/internal/calendar"
)

// amounts gathers what the cells of one column say on its decimal mark.
type amounts struct {
	title        string
	comma, point int // lines on which the mark is decimal beyond doubt; 0 none
	either       string
	eitherLine   int
	decimal      byte
}

var errDamage = errors.New("a spreadsheet has damaged this column: export it again without opening it in one")

// bare strips what stands around an amount: currency, blanks, sign, side.
func bare(cell string) (digits string, sign int64, err error) {
	sign = 1
	text := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\u00a0', '\u202f', '\u2009', '\'', '\u2019', '\t':
			return -1
		case '\u2212':
			return '-'
		}
		return r
	}, cell)
	upper := strings.ToUpper(text)
	for _, mark := range []string{"EUR", "€", "USD", "GBP", "CHF", "$", "£"} {
		upper = strings.TrimSuffix(strings.TrimPrefix(upper, mark), mark)
	}
	if strings.HasPrefix(upper, "(") && strings.HasSuffix(upper, ")") {
		upper, sign = upper[1:len(upper)-1], -1
	}
	switch {
	case strings.HasSuffix(upper, "DB"), strings.HasSuffix(upper, "CR"):
		if upper[len(upper)-2] == 'C' {
			sign = -sign
		}
		upper = upper[:len(upper)-2]
	case strings.HasSuffix(upper, "D"):
		upper = upper[:len(upper)-1]
	case strings.HasSuffix(upper, "C"):
		upper, sign = upper[:len(upper)-1], -sign
	}
	for _, mark := range []string{"EUR", "€"} {
		upper = strings.TrimSuffix(strings.TrimPrefix(upper, mark), mark)
	}
	switch {
	case strings.HasPrefix(upper, "-"):
		upper, sign = upper[1:], -sign
	case strings.HasSuffix(upper, "-"):
		upper, sign = upper[:len(upper)-1], -sign
	case strings.HasPrefix(upper, "+"):
		upper = upper[1:]
	}
	if upper == "" || strings.Trim(upper, "0123456789.,") != "" || strings.Trim(upper, ".,") == "" {
		return "", 0, fmt.Errorf("%q is not an amount", shorten(cell))
	}
	return upper, sign, nil
}

// isDamage tells a number in powers of ten, or a column too narrow to show.
func isDamage(cell string) bool {
	if strings.HasPrefix(cell, "##") {
		return true
	}
	mantissa, power, found := strings.Cut(strings.ToUpper(cell), "E+")
	return found && mantissa != "" && power != "" && strings.Trim(mantissa, "0123456789.,") == "" && strings.Trim(power, "0123456789") == ""
}

// look takes one cell into account.
func (a *amounts) look(line int, cell string) error {
	if cell == "" {
		return nil
	}
	if isDamage(cell) {
		return damaged(line, a.title, cell, errDamage.Error())
	}
	digits, _, err := bare(cell)
	if err != nil {
		return nil //nolint:nilerr // that line is rejected when it is read
	}
	last := strings.LastIndexAny(digits, ",.")
	if last < 0 {
		return nil
	}
	mark := digits[last]
	other := ',' + '.' - mark
	switch {
	case strings.IndexByte(digits, other) >= 0: // both: the last is decimal
	case strings.Count(digits, string(mark)) > 1: // repeated: thousands
		mark = other
	case len(digits)-last-1 == 3 && last > 0 && last <= 3 && digits[0] != '0':
		a.either, a.eitherLine = cell, line
		return nil
	}
	if mark == ',' && a.comma == 0 {
		a.comma = line
	}
	if mark == '.' && a.point == 0 {
		a.point = line
	}
	if a.comma != 0 && a.point != 0 {
		return damaged(line, a.title, cell, fmt.Sprintf("the decimal mark differs from that of line %d: amounts of one column must be written alike", min(a.comma, a.point)))
	}
	return nil
}

// decide fixes the decimal mark.
func (a *amounts) decide(spec Spec) error {
	switch {
	case a.comma != 0:
		a.decimal = ','
	case a.point != 0:
		a.decimal = '.'
	case a.either != "" && spec.Locale == "":
		return damaged(a.eitherLine, a.title, a.either, "it cannot be told whether the mark is decimal or for thousands: say csv.locale (fr, en-GB…)")
	case spec.point():
		a.decimal = '.'
	default:
		a.decimal = ','
	}
	return nil
}

// read reads a cell in minor units.
func (a *amounts) read(cell string, digits int) (int64, error) {
	text, sign, err := bare(cell)
	if err != nil {
		return 0, err
	}
	var minor int64
	decimals, after := 0, false
	for i := range len(text) {
		c := text[i]
		switch {
		case c == a.decimal && after:
			return 0, fmt.Errorf("%q is not an amount", shorten(cell))
		case c == a.decimal:
			after = true
			continue
		case c == ',' || c == '.':
			if after {
				return 0, fmt.Errorf("%q is not an amount", shorten(cell))
			}
			continue
		}
		if after {
			if decimals++; decimals > digits {
				if c != '0' {
					return 0, fmt.Errorf("%q has too many decimals", shorten(cell))
				}
				continue
			}
		}
		if minor = minor*10 + int64(c-'0'); minor > 1_000_000_000_000_000 {
			return 0, fmt.Errorf("%q is too large an amount", shorten(cell))
		}
	}
	for ; decimals < digits; decimals++ {
		minor *= 10
	}
	return minor * sign, nil
}

// dates gathers what the cells of one column say on the order of their parts.
type dates struct {
	title              string
	dayFirst, monFirst int // lines that prove it
	serial, written    int
	yearLast8          bool
	month              bool
}

// look takes one cell into account.
func (d *dates) look(line int, cell string) error {
	if cell == "" {
		return nil
	}
	if isDamage(cell) {
		return damaged(line, d.title, cell, errDamage.Error())
	}
	parts := dateParts(cell)
	switch {
	case len(parts) == 1 && len(parts[0]) == 5:
		d.serial = line
	case len(parts) == 3 || (len(parts) == 1 && (len(parts[0]) == 8 || len(parts[0]) == 6)):
		d.written = line
	default:
		return nil
	}
	if d.serial != 0 && d.written != 0 {
		return damaged(line, d.title, cell, fmt.Sprintf("dates and numbers in one column (see line %d too): %v", min(d.serial, d.written), errDamage))
	}
	if len(parts) == 1 && len(parts[0]) == 8 {
		if _, err := day(parts[0][:4], parts[0][4:6], parts[0][6:]); err != nil {
			d.yearLast8 = true
		}
		return nil
	}
	if len(parts) == 1 && len(parts[0]) == 6 {
		parts = []string{parts[0][:2], parts[0][2:4], parts[0][4:]}
	}
	if len(parts) != 3 || len(parts[0]) == 4 {
		return nil
	}
	if n := number(parts[0]); n > 12 && n <= 31 && d.dayFirst == 0 {
		d.dayFirst = line
	}
	if n := number(parts[1]); n > 12 && n <= 31 && d.monFirst == 0 {
		d.monFirst = line
	}
	if d.dayFirst != 0 && d.monFirst != 0 {
		return damaged(line, d.title, cell, fmt.Sprintf("the day stands elsewhere than on line %d: dates of one column must be written alike", min(d.dayFirst, d.monFirst)))
	}
	return nil
}

// decide fixes the order of day and month.
func (d *dates) decide(spec Spec) {
	d.month = d.monFirst != 0 || (d.dayFirst == 0 && spec.monthFirst())
}

// read reads a cell; a blank is no date.
func (d *dates) read(cell string) (calendar.Date, error) {
	if cell == "" || strings.Trim(cell, "0/-. :") == "" {
		return 0, nil
	}
	bad := fmt.Errorf("%q is not a date", shorten(cell))
	parts := dateParts(cell)
	switch {
	case len(parts) == 1 && len(parts[0]) == 5:
		if n := number(parts[0]); n > 20000 && n < 60000 {
			return calendar.On(1899, 12, 30).AddDays(n), nil
		}
		return 0, bad
	case len(parts) == 1 && len(parts[0]) == 8 && !d.yearLast8:
		parts = []string{parts[0][:4], parts[0][4:6], parts[0][6:]}
	case len(parts) == 1 && len(parts[0]) == 8:
		parts = []string{parts[0][:2], parts[0][2:4], parts[0][4:]}
	case len(parts) == 1 && len(parts[0]) == 6:
		parts = []string{parts[0][:2], parts[0][2:4], parts[0][4:]}
	}
	if len(parts) != 3 {
		return 0, bad
	}
	y, m, dd := parts[2], parts[1], parts[0]
	switch {
	case len(parts[0]) == 4:
		y, m, dd = parts[0], parts[1], parts[2]
	case d.month:
		m, dd = parts[0], parts[1]
	}
	on, err := day(y, m, dd)
	if err != nil {
		return 0, bad
	}
	return on, nil
}

// dateParts cuts the numbers of a date; nil where there is something else.
func dateParts(cell string) []string {
	if at := strings.IndexAny(cell, " T"); at > 0 {
		cell = cell[:at]
	}
	parts := strings.FieldsFunc(cell, func(r rune) bool { return r == '/' || r == '-' || r == '.' })
	for _, part := range parts {
		if strings.Trim(part, "0123456789") != "" {
			return nil
		}
	}
	return parts
}

func day(year, month, date string) (calendar.Date, error) {
	y, m, d := number(year), number(month), number(date)
	switch {
	case len(year) == 2 && y < 70:
		y += 2000
	case len(year) == 2:
		y += 1900
	case len(year) != 4:
		y = 0
	}
	if y < 1900 || y > 2200 || m < 1 || m > 12 || d < 1 || d > 31 {
		return 0, errors.New("not a date")
	}
	on := calendar.On(y, time.Month(m), d)
	if _, _, got := on.Civil(); got != d {
		return 0, errors.New("not a date")
	}
	return on, nil
}

// number reads digits; -1 where they are none.
func number(digits string) int {
	if digits == "" || len(digits) > 9 {
		return -1
	}
	n := 0
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return -1
		}
		n = n*10 + int(digits[i]-'0')
	}
	return n
}
