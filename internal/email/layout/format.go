package layout

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"relanced/internal/calendar"
)

// nbsp keeps the parts of a date on one line.
const nbsp = "\u00a0"

var months = [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}

// Date writes a day in words: "21 novembre 2026", "1er mars 2026",
// "21 November 2026".
func Date(lang string, d calendar.Date) string {
	year, month, day := d.Civil()
	if lang != "fr" {
		return fmt.Sprintf("%d %s %d", day, month, year)
	}
	number := strconv.Itoa(day)
	if day == 1 {
		number = "1er"
	}
	return number + nbsp + months[month-time.January] + nbsp + strconv.Itoa(year)
}

// ShortDate writes a day for a table: "21/11/2026" in French, in words in
// English, where figures alone would be read in two ways.
func ShortDate(lang string, d calendar.Date) string {
	if lang == "fr" {
		year, month, day := d.Civil()
		return fmt.Sprintf("%02d/%02d/%d", day, month, year)
	}
	return Date(lang, d)
}

// List joins items as a phrase: "a, b et c", "a, b and c".
func List(lang string, items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	and := " and "
	if lang == "fr" {
		and = " et "
	}
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + and + items[last]
}
