package money

import "strings"

// The spaces of French numbers: narrow no-break between thousands, no-break
// before the currency.
const (
	narrowSpace  = "\u202f"
	noBreakSpace = "\u00a0"
)

// Format writes the amount for people who read the language (ISO 639-1, with or
// without a country): French "1 234,56 €", any other English "€1,234.56".
// Currencies other than the euro go by their code: "1 234,56 USD", "USD 1,234.56".
func Format(a Amount, language string) string {
	number := Number(a.String(), language)
	french, sign := IsFrench(language), ""
	if rest, negative := strings.CutPrefix(number, "-"); negative {
		sign, number = "-", rest
	}
	switch {
	case a.Currency == "":
		return sign + number
	case french && a.Currency == "EUR":
		return sign + number + noBreakSpace + "€"
	case french:
		return sign + number + noBreakSpace + a.Currency
	case a.Currency == "EUR":
		return sign + "€" + number
	}
	return sign + a.Currency + noBreakSpace + number
}

// Number writes a decimal with a point ("1234.5") with the decimal mark and the
// thousands of the language. Its sign, if any, is kept.
func Number(text, language string) string {
	thousands, mark := ",", "."
	if IsFrench(language) {
		thousands, mark = narrowSpace, ","
	}
	whole, decimals, _ := strings.Cut(text, ".")
	sign := ""
	if rest, negative := strings.CutPrefix(whole, "-"); negative {
		sign, whole = "-", rest
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + thousands + whole[i:]
	}
	if decimals != "" {
		whole += mark + decimals
	}
	return sign + whole
}

// IsFrench tells whether a language tag ("fr", "fr-CA") is French.
func IsFrench(language string) bool {
	base, _, _ := strings.Cut(strings.ReplaceAll(language, "_", "-"), "-")
	return strings.EqualFold(base, "fr")
}
