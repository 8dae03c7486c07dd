package documents

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// index finds names by the words in them: a number stands in a name as whole
// words, for no letter or digit is beside it.
type index struct {
	names  []string
	folded [][]rune
	words  map[string][]int32
}

func newIndex(names []string) *index {
	slices.Sort(names)
	x := &index{names: names, folded: make([][]rune, len(names)), words: make(map[string][]int32)}
	for i, name := range names {
		x.folded[i] = fold(name)
		for _, word := range words(x.folded[i]) {
			list := x.words[word]
			if n := len(list); n == 0 || list[n-1] != int32(i) { //nolint:gosec // fewer names than 2³¹
				x.words[word] = append(list, int32(i)) //nolint:gosec // as above
			}
		}
	}
	return x
}

// find returns the names that carry the number, in order.
func (x *index) find(p pattern, number string) []string {
	folded := fold(strings.TrimSpace(number))
	if !slices.ContainsFunc(folded, alnum) {
		return nil
	}
	// Letters of the pattern right beside the number make one word with it.
	around := slices.Concat(p.before.tail(), folded, p.after.head())
	var rarest []int32
	for i, word := range words(around) {
		list := x.words[word]
		if len(list) == 0 {
			return nil
		}
		if i == 0 || len(list) < len(rarest) {
			rarest = list
		}
	}
	var found []string
	for _, i := range rarest {
		if p.match(x.folded[i], folded) {
			found = append(found, x.names[i])
		}
	}
	return found
}

func fold(text string) []rune {
	runes := []rune(norm.NFC.String(strings.ToLower(norm.NFC.String(text))))
	for i, r := range runes {
		if unicode.IsSpace(r) {
			runes[i] = ' '
		}
	}
	return runes
}

func alnum(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

func words(folded []rune) []string {
	var list []string
	start := -1
	for i, r := range folded {
		switch {
		case alnum(r) && start < 0:
			start = i
		case !alnum(r) && start >= 0:
			list, start = append(list, string(folded[start:i])), -1
		}
	}
	if start >= 0 {
		list = append(list, string(folded[start:]))
	}
	return list
}
