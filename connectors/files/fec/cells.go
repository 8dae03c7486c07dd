package fec

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"relanced/internal/calendar"
)

// maxMinor bounds one amount, in minor units, so that the sum of any file's
// lines fits an int64.
const maxMinor = 1_000_000_000_000_000

var errTooLarge = errors.New("is too large an amount")

// trim cuts blanks around a cell: spaces, tabs and no-break spaces.
func trim(cell []byte) []byte {
	for len(cell) > 0 {
		switch c := cell[0]; {
		case c <= ' ':
			cell = cell[1:]
			continue
		case c == 0xC2 && len(cell) > 1 && cell[1] == 0xA0:
			cell = cell[2:]
			continue
		case c == 0xE2 && bytes.HasPrefix(cell, []byte("\u202f")):
			cell = cell[3:]
			continue
		}
		break
	}
	for n := len(cell); n > 0; n = len(cell) {
		switch c := cell[n-1]; {
		case c <= ' ':
			cell = cell[:n-1]
			continue
		case c == 0xA0 && n > 1 && cell[n-2] == 0xC2:
			cell = cell[:n-2]
			continue
		case c == 0xAF && bytes.HasSuffix(cell, []byte("\u202f")):
			cell = cell[:n-3]
			continue
		}
		break
	}
	return cell
}

// amount reads a FEC amount in minor units of a currency with that many
// decimals. A blank is 0; the decimal mark is a comma, a point is let through;
// the sign stands in front, or behind.
func amount(cell []byte, digits int) (int64, error) {
	if len(cell) == 0 {
		return 0, nil
	}
	bad := func() error { return fmt.Errorf("%q is not an amount", cell) }
	mark := bytes.LastIndexAny(cell, ",.")
	var (
		minor          int64
		negative       bool
		seen, decimals int
		signed         bool
	)
	for i := 0; i < len(cell); i++ {
		switch c := cell[i]; {
		case c >= '0' && c <= '9':
			seen++
			if mark >= 0 && i > mark {
				if decimals++; decimals > digits {
					if c != '0' {
						return 0, fmt.Errorf("%q has too many decimals", cell)
					}
					continue
				}
			}
			if minor = minor*10 + int64(c-'0'); minor > maxMinor {
				return 0, fmt.Errorf("%q %w", cell, errTooLarge)
			}
		case c == '-' || c == '+':
			if signed || (seen > 0 && i != len(cell)-1) {
				return 0, bad()
			}
			signed, negative = true, c == '-'
		case i == mark:
		case c == ' ' || c == '\'':
		case c == 0xC2 && i+1 < len(cell) && cell[i+1] == 0xA0:
			i++
		case c == 0xE2 && bytes.HasPrefix(cell[i:], []byte("\u202f")):
			i += 2
		case (c == '.' || c == ',') && mark >= 0 && c != cell[mark]: // thousands
		default:
			return 0, bad()
		}
	}
	if seen == 0 {
		return 0, bad()
	}
	for ; decimals < digits; decimals++ {
		if minor *= 10; minor > maxMinor {
			return 0, fmt.Errorf("%q %w", cell, errTooLarge)
		}
	}
	if negative {
		minor = -minor
	}
	return minor, nil
}

// date reads a FEC date: YYYYMMDD, or with / - . between the parts, year first
// or day first, perhaps with a time behind it. Zeros and blanks are no date.
func date(cell []byte) (calendar.Date, error) {
	if len(cell) == 8 {
		if y, m, d, ok := ymd(cell[0:4], cell[4:6], cell[6:8]); ok {
			return valid(cell, y, m, d)
		}
	}
	if len(bytes.Trim(cell, "0 /-.:")) == 0 {
		return 0, nil
	}
	day := cell
	if at := bytes.IndexAny(day, " T"); at > 0 {
		day = day[:at]
	}
	var parts [3][]byte
	n := 0
	for i, start := 0, 0; i <= len(day); i++ {
		if i < len(day) && day[i] != '/' && day[i] != '-' && day[i] != '.' {
			continue
		}
		if n == 3 {
			return 0, fmt.Errorf("%q is not a date", cell)
		}
		parts[n], start = day[start:i], i+1
		n++
	}
	switch {
	case n == 3 && len(parts[0]) == 4:
		if y, m, d, ok := ymd(parts[0], parts[1], parts[2]); ok {
			return valid(cell, y, m, d)
		}
	case n == 3 && len(parts[2]) == 4:
		if y, m, d, ok := ymd(parts[2], parts[1], parts[0]); ok {
			return valid(cell, y, m, d)
		}
	case n == 1 && len(day) == 8:
		if y, m, d, ok := ymd(day[4:8], day[2:4], day[0:2]); ok {
			return valid(cell, y, m, d)
		}
		if y, m, d, ok := ymd(day[0:4], day[4:6], day[6:8]); ok {
			return valid(cell, y, m, d)
		}
	}
	return 0, fmt.Errorf("%q is not a date", cell)
}

func ymd(year, month, day []byte) (y, m, d int, ok bool) {
	y, ok1 := number(year)
	m, ok2 := number(month)
	d, ok3 := number(day)
	return y, m, d, ok1 && ok2 && ok3 && y >= 1900 && y < 2200 && m >= 1 && m <= 12 && d >= 1
}

func valid(cell []byte, y, m, d int) (calendar.Date, error) {
	on := calendar.On(y, time.Month(m), d)
	if _, _, day := on.Civil(); day != d {
		return 0, fmt.Errorf("%q is not a date", cell)
	}
	return on, nil
}

func number(digits []byte) (int, bool) {
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(digits) > 0 && len(digits) <= 4
}

// side reads a Sens: +1 for a debit, -1 for a credit.
func side(cell []byte) (int64, error) {
	switch string(bytes.ToUpper(cell)) {
	case "D", "+1", "1", "+", "DEBIT", "DÉBIT":
		return 1, nil
	case "C", "-1", "-", "CREDIT", "CRÉDIT":
		return -1, nil
	}
	return 0, fmt.Errorf("the column Sens is %q: D, C, +1 or -1 is expected", cell)
}
