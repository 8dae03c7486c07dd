package message

import (
	"testing"

	"pgregory.net/rapid"
)

// TestFold_plainTextAsAnyOther: an accent behind it makes text take the long way.
func TestFold_plainTextAsAnyOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.Map(rapid.IntRange(0, 0x7f), func(i int) rune { return rune(i) })).Draw(t, "text") + "x"
		if got, want := Fold(text)+"e", Fold(text+"é"); got != want {
			t.Fatalf("%q folds to %q, and before an accent to %q", text, got, want)
		}
	})
}
