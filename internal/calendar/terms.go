package calendar

import (
	"fmt"
	"strconv"
	"strings"
)

// Terms are payment terms: when an invoice falls due. The zero Terms is no
// terms; Terms{Agreed: true} is due on receipt.
type Terms struct {
	Agreed   bool
	Days     int
	Months   int
	EOM      EndOfMonthRule
	DayOfDue int // "on the 10th"; 0 for none
}

// EndOfMonthRule is where the end of the month stands in the terms.
type EndOfMonthRule int

// The rules: none; the days, then the end of that month; the end of the issue
// month, then the days.
const (
	NoEndOfMonth EndOfMonthRule = iota
	ThenEndOfMonth
	EndOfMonthThen
)

// ParseTerms reads "30d", "2m", "45d_eom", "eom_45d", each with "_10" for "on
// the 10th", and "receipt", of any case.
func ParseTerms(text string) (Terms, error) {
	bad := fmt.Errorf("%q are not payment terms (write 30d, 45d_eom, eom_45d, 30d_eom_10, 2m or receipt)", text)
	terms := Terms{Agreed: true}
	rest := strings.ToLower(strings.TrimSpace(text))
	if rest == "receipt" {
		return terms, nil
	}
	parts := strings.Split(rest, "_")
	if parts[0] == "eom" && len(parts) > 1 {
		terms.EOM, parts = EndOfMonthThen, parts[1:]
	}
	var err error
	if days, ok := strings.CutSuffix(parts[0], "d"); ok {
		terms.Days, err = count(days, 0, 999)
	} else if months, ok := strings.CutSuffix(parts[0], "m"); ok {
		terms.Months, err = count(months, 1, 36)
	} else {
		return Terms{}, bad
	}
	parts = parts[1:]
	if err == nil && len(parts) > 0 && parts[0] == "eom" && terms.EOM == NoEndOfMonth {
		terms.EOM, parts = ThenEndOfMonth, parts[1:]
	}
	if err == nil && len(parts) > 0 {
		terms.DayOfDue, err = count(parts[0], 1, 31)
		parts = parts[1:]
	}
	if err != nil || len(parts) > 0 {
		return Terms{}, bad
	}
	return terms, nil
}

func count(digits string, low, high int) (int, error) {
	n, err := strconv.Atoi(digits)
	if err != nil || n < low || n > high || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a number from %d to %d", digits, low, high)
	}
	return n, nil
}

// Due returns the day an invoice issued on that day falls due: the issue day is
// day 0, and weekends and holidays move nothing. No terms give no date.
func (t Terms) Due(issued Date) Date {
	if !t.Agreed || issued.IsZero() {
		return 0
	}
	due := issued
	if t.EOM == EndOfMonthThen {
		due = due.EndOfMonth()
	}
	due = due.AddMonths(t.Months).AddDays(t.Days)
	if t.EOM == EndOfMonthThen && t.Months > 0 {
		due = due.EndOfMonth() // months from an end of month lead to an end of month
	}
	if t.EOM == ThenEndOfMonth {
		due = due.EndOfMonth()
	}
	if t.DayOfDue == 0 {
		return due
	}
	if t.EOM != ThenEndOfMonth {
		if on := dayOfMonth(due, t.DayOfDue); on >= due {
			return on
		}
	}
	return dayOfMonth(due.EndOfMonth()+1, t.DayOfDue)
}

// dayOfMonth returns that day of d's month, or its last.
func dayOfMonth(d Date, day int) Date {
	y, m, _ := d.Civil()
	return min(On(y, m, day), d.EndOfMonth())
}

// String writes the terms as ParseTerms reads them, and "" for none.
func (t Terms) String() string {
	if !t.Agreed {
		return ""
	}
	if t == (Terms{Agreed: true}) {
		return "receipt"
	}
	text := strconv.Itoa(t.Days) + "d"
	if t.Months > 0 {
		text = strconv.Itoa(t.Months) + "m"
	}
	switch t.EOM {
	case ThenEndOfMonth:
		text += "_eom"
	case EndOfMonthThen:
		text = "eom_" + text
	}
	if t.DayOfDue > 0 {
		text += "_" + strconv.Itoa(t.DayOfDue)
	}
	return text
}

// MarshalText writes the terms as String does.
func (t Terms) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what ParseTerms reads, and nothing as no terms.
func (t *Terms) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = Terms{}
		return nil
	}
	return parseInto(t, ParseTerms, text)
}

// CapVerdict is how a due date stands to the longest term that French law allows.
type CapVerdict string

// The verdicts. A date that needs the clause is lawful only where the contract
// says "45 days end of month"; periodic invoices have no such variant.
const (
	Within60Net   CapVerdict = "within_60_net"
	OnlyWith45EOM CapVerdict = "only_with_45_eom_clause"
	Within45Net   CapVerdict = "within_45_net"
	OverCap       CapVerdict = "over_cap"
)

// Cap judges a due date by the general rule of French law (C. com. L441-10 I):
// 60 days, or 45 days end of month in the later of its two readings where the
// contract says so; for periodic invoices 45 days. No command asks it yet: `check`
// will warn of terms beyond.
func Cap(issued, due Date, periodic bool) CapVerdict {
	if periodic {
		if due <= issued.AddDays(45) {
			return Within45Net
		}
		return OverCap
	}
	if due <= issued.AddDays(60) {
		return Within60Net
	}
	then := Terms{Agreed: true, Days: 45, EOM: ThenEndOfMonth}
	first := Terms{Agreed: true, Days: 45, EOM: EndOfMonthThen}
	if due <= max(then.Due(issued), first.Due(issued)) {
		return OnlyWith45EOM
	}
	return OverCap
}
