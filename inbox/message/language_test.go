package message

import "testing"

func TestGuessLanguage_ofShortNotices(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Estaré fuera de la oficina hasta el 15 de diciembre de 2026.": "es",
		"Ik ben afwezig tot 17 december 2026.":                         "nl",
		"Je suis en congés du 1er décembre au 12 décembre 2026.":       "fr",
		"Sono fuori ufficio, rientro il 16 dicembre 2026.":             "it",
		"Ich bin bis einschließlich 11.12.2026 nicht im Büro.":         "de",
		"I am out of the office until 14 December 2026.":               "en",
	} {
		if got := guessLanguage(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
