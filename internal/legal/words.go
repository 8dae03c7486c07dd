package legal

import (
	"fmt"
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

// Mention says in one neutral sentence what the law adds to a late payment,
// without amounts computed: the rule. It is "" where nothing may be said: no
// preset, no rate, or a consumer. The figure is the rate of the day on; where
// that is not known, or depends on the invoice, the rule stands without it.
func (t Terms) Mention(language string, on calendar.Date) string {
	words, ok := t.words(language)
	if !ok || t.Preset.Consumer {
		return ""
	}
	rule := t.Rule(language, on).sentence(language)
	if rule == "" {
		return ""
	}
	parts := []string{rule}
	if fee := t.feeWords(words, language); fee != "" {
		parts = append(parts, fee)
	}
	return sentence(parts, language)
}

// Claimed says the same with the amounts of a claim or of a statement. Zero
// amounts leave their part out; nothing at all gives "".
func (t Terms) Claimed(language string, on calendar.Date, interest, fees money.Amount) string {
	words, ok := t.words(language)
	if !ok {
		return ""
	}
	var parts []string
	if rule := t.Rule(language, on).sentence(language); rule != "" && interest.Sign() > 0 {
		parts = append(parts, rule+colon(language)+money.Format(interest, language))
	}
	if fee := t.feeWords(words, language); fee != "" && fees.Sign() > 0 {
		parts = append(parts, fee+colon(language)+money.Format(fees, language))
	}
	return sentence(parts, language)
}

func (t Terms) words(language string) (Words, bool) {
	if money.IsFrench(language) {
		language = "fr"
	} else {
		language = "en"
	}
	words, ok := t.Preset.Words[language]
	return words, ok
}

// Rule is what may be said of the interest on late payment, for those who lay
// out the sentence themselves.
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

// sentence writes the rule without its full stop; "" where there is none.
func (r Rule) sentence(language string) string {
	if r.Interest == "" {
		return ""
	}
	if !r.Figure {
		return r.Interest + " (" + r.Basis + ")"
	}
	number := money.Number(r.Rate.String(), language)
	if money.IsFrench(language) {
		return fmt.Sprintf("%s au taux annuel de %s\u00a0%% (%s)", r.Interest, number, r.Basis)
	}
	return fmt.Sprintf("%s at %s%% a year (%s)", r.Interest, number, r.Basis)
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

// feeWords names the fixed fee; where it depends on the debt, from the least to
// the most.
func (t Terms) feeWords(words Words, language string) string {
	if words.Fee == "" || len(t.Preset.Fees) == 0 {
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

func sentence(parts []string, language string) string {
	if len(parts) == 0 {
		return ""
	}
	between := "; "
	if money.IsFrench(language) {
		between = "\u00a0; "
	}
	text := strings.Join(parts, between)
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func colon(language string) string {
	if money.IsFrench(language) {
		return "\u00a0: "
	}
	return ": "
}
