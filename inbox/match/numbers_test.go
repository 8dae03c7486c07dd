package match

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestWordsOf_areRunsJoined compares with the expression that says it shortest.
func TestWordsOf_areRunsJoined(t *testing.T) {
	t.Parallel()
	expression := regexp.MustCompile(`[\p{L}\d]+(?:[-/._][\p{L}\d]+)*`)
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringOfN(rapid.SampledFrom([]rune("aZ09é-/._ ,:日²°")), 0, 30, -1).Draw(t, "line")
		var want [][2]int
		for _, at := range expression.FindAllStringIndex(line, -1) {
			want = append(want, [2]int{at[0], at[1]})
		}
		if diff := cmp.Diff(want, wordsOf(line)); diff != "" {
			t.Fatalf("%q: %s", line, diff)
		}
	})
}

// TestAnnounces_asTheExpressionSays compares with the expression that says it shortest.
func TestAnnounces_asTheExpressionSays(t *testing.T) {
	t.Parallel()
	expression := regexp.MustCompile(`(?:` + strings.Join(keywords, "|") + `)[ .:°#-]*$`)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("factureno°º#.: -x")), 0, 12, -1).Draw(t, "text")
		if got, want := announces(text), expression.MatchString(text); got != want {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	})
}
