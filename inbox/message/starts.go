package message

import (
	"regexp/syntax"
	"strings"
)

// starts tells cheaply that a list of phrases cannot occur in a text: by how its
// phrases begin. Most texts are ruled out without running the expression.
type starts struct {
	always bool // nothing can be ruled out
	first  bool // phrases stand at the start of the text only
	begin  [maxStart + 1]map[string]bool
}

const (
	minStart  = 2
	maxStart  = 4
	maxStarts = 5000
)

// startsOf reads an expression whose matches begin at the start of the text (^)
// or at a word (\b), as before says.
func startsOf(expr, before string) *starts {
	s := &starts{always: true}
	if before != `^` && before != `\b` {
		return s
	}
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return s
	}
	list, _ := beginnings(parsed)
	for _, b := range list {
		b = b[:min(len(b), maxStart)]
		if len(b) < minStart || before == `\b` && !isWord(b[0]) {
			return s
		}
		if s.begin[len(b)] == nil {
			s.begin[len(b)] = map[string]bool{}
		}
		s.begin[len(b)][b] = true
	}
	s.always, s.first = len(list) == 0, before == `^`
	return s
}

// may tells whether the expression may match.
func (s *starts) may(text string) bool {
	if s.always {
		return true
	}
	for i := range len(text) {
		if !s.first && (!isWord(text[i]) || i > 0 && isWord(text[i-1])) {
			continue
		}
		for n := minStart; n <= maxStart && i+n <= len(text); n++ {
			if s.begin[n][text[i:i+n]] {
				return true
			}
		}
		if s.first {
			return false
		}
	}
	return false
}

// isWord tells what \b takes for part of a word.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// beginnings gives strings of which each match begins with one; whole: a match
// is one of them and nothing more.
func beginnings(re *syntax.Regexp) (list []string, whole bool) {
	if re.Flags&syntax.FoldCase != 0 {
		return []string{""}, false
	}
	switch re.Op { //nolint:exhaustive // of the others nothing is known
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, true
	case syntax.OpEmptyMatch, syntax.OpWordBoundary, syntax.OpNoWordBoundary, syntax.OpBeginText, syntax.OpBeginLine, syntax.OpEndText, syntax.OpEndLine:
		return []string{""}, true
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			if re.Rune[i+1]-re.Rune[i] > 30 {
				return []string{""}, false
			}
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				list = append(list, string(r))
			}
		}
		return list, true
	case syntax.OpCapture:
		return beginnings(re.Sub[0])
	case syntax.OpPlus:
		list, _ = beginnings(re.Sub[0])
		return list, false
	case syntax.OpQuest:
		list, whole = beginnings(re.Sub[0])
		return append([]string{""}, list...), whole
	case syntax.OpAlternate:
		whole = true
		for _, sub := range re.Sub {
			more, ends := beginnings(sub)
			list, whole = append(list, more...), whole && ends
		}
		return list, whole
	case syntax.OpConcat:
		return joined(re.Sub)
	}
	return []string{""}, false
}

// joined gives the beginnings of expressions in a row.
func joined(row []*syntax.Regexp) (list []string, whole bool) {
	list = []string{""}
	for _, sub := range row {
		more, ends := beginnings(sub)
		if len(list)*len(more) > maxStarts {
			return list, false
		}
		next := make([]string, 0, len(list)*len(more))
		enough := true
		for _, a := range list {
			for _, b := range more {
				next = append(next, a+b)
				enough = enough && len(a+b) >= maxStart
			}
		}
		list = next
		if !ends || enough {
			return list, false
		}
	}
	return list, true
}

// subjectReplacer closes up brackets that some programs space out.
var subjectReplacer = strings.NewReplacer("( ", "(", " )", ")")
