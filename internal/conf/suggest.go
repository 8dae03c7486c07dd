package conf

import "strings"

// hint is what follows "unknown key": the key that was probably meant, or all
// of them where they are few.
func hint(near string, names []string) string {
	if near != "" {
		return didYouMean(near)
	}
	if len(names) > 0 && len(names) <= 8 {
		return " (known here: " + strings.Join(names, ", ") + ")"
	}
	return ""
}

func didYouMean(near string) string {
	if near == "" {
		return ""
	}
	return " (did you mean " + near + "?)"
}

// nearest returns the word closest to text, "" where none is close enough to
// have been meant: a third of its letters may be wrong, swapped or missing.
func nearest(text string, words []string) string {
	best, bestDistance := "", 1<<30
	text = strings.ReplaceAll(strings.ToLower(text), "-", "_")
	if len(text) > 64 {
		return ""
	}
	for _, word := range words {
		if d := distance(text, strings.ReplaceAll(strings.ToLower(word), "-", "_")); d < bestDistance {
			best, bestDistance = word, d
		}
	}
	if bestDistance > max(1, len(best)/3) {
		return ""
	}
	return best
}

// distance counts the edits between two words: letters changed, added, left
// out, or swapped with their neighbour.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			change := 1
			if s[i-1] == t[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}
