package einvoice

import (
	"regexp"
	"strings"

	"relanced/internal/calendar"
)

// The phrases of payment terms that are understood, in French, English and German.
var (
	daysPattern    = regexp.MustCompile(`\b(\d{1,3})\s*(?:jours?|jrs?|j|days?|tagen?|tage)\b`)
	monthPattern   = regexp.MustCompile(`fin d[eu] mois|\bfdm\b|end of (?:the )?month|\beom\b|monatsende`)
	receiptPattern = regexp.MustCompile(`(?:a|à) r[eé]ception|on receipt|upon receipt|sofort|comptant`)
)

// suggested reads payment terms from prose, where it names one number of days
// or none. A discount's days are not the terms: such prose says nothing.
func suggested(text string) (calendar.Terms, bool) {
	text = strings.ToLower(text)
	for _, word := range []string{"escompte", "discount", "skonto", "pénalité", "penalit", "%"} {
		if strings.Contains(text, word) {
			return calendar.Terms{}, false
		}
	}
	terms := calendar.Terms{Agreed: true}
	days := daysPattern.FindAllStringSubmatch(text, 2)
	month := monthPattern.MatchString(text)
	switch {
	case len(days) == 1:
		for _, digit := range days[0][1] {
			terms.Days = terms.Days*10 + int(digit-'0')
		}
	case len(days) > 1, !month && !receiptPattern.MatchString(text):
		return calendar.Terms{}, false
	}
	if month {
		terms.EOM = calendar.ThenEndOfMonth
	}
	return terms, true
}
