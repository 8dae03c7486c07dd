package legal

import (
	"fmt"
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

func (t Terms) words(language string) (Words, bool) {
	if money.IsFrench(language) {
		language = "fr"
	} else {
		language = "en"
	}
	words, ok := t.Preset.Words[language]
	return words, ok
}

// Rule is what may be said of the interest on late payment.
type Rule struct {
	Interest string  // "Late-payment interest"
	Basis    string  // where the rate comes from, with its law
	Rate     Percent // of the day asked for
	Figure   bool    // Rate may be said: it is known, and the same for all invoices
}

// Rule returns the rule in a language, with the rate of the day on. It is the
// zero Rule where there is nothing to say: no preset, or no rate.
func (t Terms) Rule(language string, on calendar.Date) Rule {
	words, ok := t.words(language)
	if !ok {
		return Rule{}
	}
	r := Rule{Interest: words.Interest, Basis: words.Basis}
	perInvoice := t.Preset.Mode == Frozen || t.Preset.Mode == FrozenOnDue
	if t.contractual() {
		r.Basis, perInvoice = contractBasis(t.Contract.TimesLegal, language)+", "+words.Law, false
	}
	rate, err := t.RateOn(on)
	if err == nil && rate == 0 {
		return Rule{}
	}
	r.Rate, r.Figure = rate, err == nil && !perInvoice
	return r
}

func contractBasis(timesLegal bool, language string) string {
	switch {
	case money.IsFrench(language) && timesLegal:
		return "trois fois le taux d’intérêt légal"
	case money.IsFrench(language):
		return "taux du contrat"
	case timesLegal:
		return "three times the French legal interest rate"
	}
	return "contract rate"
}

// FeeWords names the fixed fee; where it depends on the debt, from the least to
// the most. It is "" where there is none.
func (t Terms) FeeWords(language string) string {
	words, ok := t.words(language)
	if !ok || words.Fee == "" || len(t.Preset.Fees) == 0 {
		return ""
	}
	var amounts []string
	for _, tier := range t.Preset.Fees {
		text := money.Format(tier.Fee, language)
		for _, zeros := range []string{",00", ".00"} {
			text = strings.Replace(text, zeros, "", 1)
		}
		amounts = append(amounts, text)
	}
	or := " or "
	if money.IsFrench(language) {
		or = " ou "
	}
	last := len(amounts) - 1
	text := amounts[last]
	if last > 0 {
		text = strings.Join(amounts[:last], ", ") + or + text
	}
	return fmt.Sprintf(words.Fee, text)
}
