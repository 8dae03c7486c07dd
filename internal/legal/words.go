package legal

import (
	"errors"
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
	rule := t.rule(words, language, on)
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
	if rule := t.rule(words, language, on); rule != "" && interest.Sign() > 0 {
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

// rule names the rate and where it comes from; "" where there is no rate.
func (t Terms) rule(words Words, language string, on calendar.Date) string {
	basis := words.Basis
	perInvoice := t.Preset.Mode == Frozen || t.Preset.Mode == FrozenOnDue
	if t.contractual() {
		basis, perInvoice = contractBasis(t.Contract.TimesLegal, language)+", "+words.Law, false
	}
	rate, err := t.RateOn(on)
	switch {
	case perInvoice || errors.Is(err, ErrRate):
		return words.Interest + " (" + basis + ")"
	case rate == 0:
		return ""
	}
	number := money.Number(rate.String(), language)
	if money.IsFrench(language) {
		return fmt.Sprintf("%s au taux annuel de %s\u00a0%% (%s)", words.Interest, number, basis)
	}
	return fmt.Sprintf("%s at %s%% a year (%s)", words.Interest, number, basis)
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
