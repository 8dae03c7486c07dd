package match

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"relanced/internal/email"
)

// TestMayHold_rulesOutNothingThatIsFound: what is looked at cheaply first hides
// neither an id nor a visible reference, however it was retyped or mangled.
func TestMayHold_rulesOutNothingThatIsFound(t *testing.T) {
	t.Parallel()
	keys, err := email.NewKeys(1, map[int][]byte{1: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	around := rapid.SampledFrom([]string{"", "Re: ", "é", "votre rappel ", "r ", "_", "\n", "<a@b.example> "})
	rapid.Check(t, func(t *rapid.T) {
		id := email.NewID()
		before, after := around.Draw(t, "before"), around.Draw(t, "after")
		reference := before + strings.ReplaceAll(email.Reference(id), "-", rapid.SampledFrom([]string{"-", "", " ", " - ", "–", "\n"}).Draw(t, "hyphen")) + after
		if rapid.Bool().Draw(t, "lower") {
			reference = strings.ToLower(reference)
		}
		if len(email.FindReferences(reference)) > 0 && !mayHoldReference(reference) {
			t.Fatalf("the reference in %q is ruled out", reference)
		}
		quoted := before + rapid.SampledFrom([]string{keys.MessageID(id, "dupont.example"), keys.TokenAddress(id, "a@dupont.example"), keys.Ref(id, "dupont.example")}).Draw(t, "id") + after
		at := rapid.IntRange(0, len(quoted)).Draw(t, "fold")
		quoted = quoted[:at] + rapid.SampledFrom([]string{"", "\r\n ", "=\r\n", "\n\t"}).Draw(t, "with") + quoted[at:]
		if len(keys.Find(quoted, "dupont.example")) > 0 && !mayHoldID(quoted) {
			t.Fatalf("the id in %q is ruled out", quoted)
		}
	})
}
