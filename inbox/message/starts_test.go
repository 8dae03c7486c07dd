package message

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPhrases_startsRuleOutNothingThatMatches compares with the expression.
func TestPhrases_startsRuleOutNothingThatMatches(t *testing.T) {
	t.Parallel()
	lists := []*phrases{absenceSubjects, bounceSubjects, receiptSubjects, acks, absences, departures, insolvencies, personal, topics, stubs, closings}
	var words []string
	for _, p := range lists {
		for _, e := range p.entries() {
			words = append(words, Fold(e[1]))
			if folded := Fold(e[1]); p.once().MatchString(folded) && !p.in(folded) {
				t.Errorf("%s: %q is ruled out", p.name, folded)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := Fold(rapid.SampledFrom([]string{"", "x", "bonjour, ", "é ", "(", "a-"}).Draw(t, "before") + rapid.SampledFrom(words).Draw(t, "words") + rapid.StringN(0, 5, 10).Draw(t, "after"))
		for _, p := range lists {
			if p.once().MatchString(text) != p.in(text) {
				t.Fatalf("%s: %q", p.name, text)
			}
		}
	})
	if topics.starts().always || bounceSubjects.starts().always {
		t.Error("the lists asked of each header rule nothing out")
	}
}
