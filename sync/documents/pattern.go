package documents

import (
	"fmt"
	"strings"
)

const placeholder = "{number}"

// pattern is what a file name looks like: a part before the number and a part
// after it, in which * stands for anything and ? for one character.
type pattern struct {
	before, after glob
}

type glob []rune

func parsePattern(match string) (pattern, error) {
	before, after, found := strings.Cut(match, placeholder)
	switch {
	case !found || strings.Contains(after, placeholder):
		return pattern{}, fmt.Errorf("match %q: {number} must stand in it once, as in \"*{number}*.pdf\"", match)
	case strings.ContainsAny(match, `/\`):
		return pattern{}, fmt.Errorf("match %q: it names files of the folder itself, without / or \\", match)
	}
	return pattern{glob(fold(before)), glob(fold(after))}, nil
}

// tail and head are the letters and digits of the pattern right beside the number.
func (g glob) tail() []rune {
	n := len(g)
	for n > 0 && alnum(g[n-1]) {
		n--
	}
	return g[n:]
}

func (g glob) head() []rune {
	n := 0
	for n < len(g) && alnum(g[n]) {
		n++
	}
	return g[:n]
}

// match tells whether the name carries the number where the pattern has it,
// with no letter or digit beside it but the pattern's own.
func (p pattern) match(name, number []rune) bool {
	for at := 0; at+len(number) <= len(name); at++ {
		end := at + len(number)
		if !same(name[at:end], number) {
			continue
		}
		if at > 0 && alnum(name[at-1]) && len(p.before.tail()) == 0 {
			continue
		}
		if end < len(name) && alnum(name[end]) && len(p.after.head()) == 0 {
			continue
		}
		if p.before.match(name[:at]) && p.after.match(name[end:]) {
			return true
		}
	}
	return false
}

// same compares a number with a part of a name. What cannot stand in a file
// name was written as - _ . or a blank; a blank may have become _.
func same(name, number []rune) bool {
	for i, r := range number {
		c := name[i]
		switch {
		case c == r:
		case strings.ContainsRune(`/\:*?"<>|`, r) && strings.ContainsRune("-_. ", c):
		case r == ' ' && c == '_':
		default:
			return false
		}
	}
	return true
}

// match tells whether the text is what the glob says, in linear space and
// without backtracking beyond the last star.
func (g glob) match(text []rune) bool {
	i, j, star, mark := 0, 0, -1, 0
	for j < len(text) {
		switch {
		case i < len(g) && g[i] == '*':
			star, mark = i, j
			i++
		case i < len(g) && (g[i] == '?' || g[i] == text[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(g) && g[i] == '*' {
		i++
	}
	return i == len(g)
}
