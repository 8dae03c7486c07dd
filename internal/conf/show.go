package conf

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Mask is what stands in the place of a secret wherever it would be shown.
const Mask = "•••"

// shown bounds what a problem quotes of a line, in runes.
const shown = 120

// mask is a part of a document that is never shown, end excluded.
type mask struct {
	fromLine, fromColumn int
	toLine, toColumn     int // toLine 0: to the end of the document
}

// secretWords end the names of keys whose values are secrets.
const secretWords = `(?:pass(?:words?|wd|phrase|code)?|pwd|mdp|mot[-_]?de[-_]?passe|secrets?|tokens?|key|credentials|bearer|dsn)`

var (
	secretName  = regexp.MustCompile(`(?i)(?:` + secretWords + `|^pw)$`)
	secretMap   = regexp.MustCompile(`(?i)(?:passwords|secrets|tokens|credentials)$`)
	secretValue = regexp.MustCompile(`(?i)` + secretWords + `["']?\s*:\s+(?:[|>][-+0-9]*$|"[^"]*"?|'[^']*'?|[&*][^\s,}]+|[^\s{\[&*#"'][^,}]*)`)
	urlPassword = regexp.MustCompile(`://[^/\s:@"']*:([^\s"']+)@`)
	assigned    = regexp.MustCompile(`(?i)` + secretWords + `\s*=\s*('[^']*'?|[^\s&"',}]+)`) // of a DSN or a query
)

// Hide keeps the scalars at n from being shown: they are, or hold, a secret.
func (n Node) Hide() {
	if n.doc == nil {
		return
	}
	switch v := n.value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		for _, entry := range entries(v) {
			Node{doc: n.doc, value: entry.Value}.Hide()
		}
		return
	case *ast.SequenceNode:
		for _, item := range v.Values {
			Node{doc: n.doc, value: item}.Hide()
		}
		return
	case *ast.AnchorNode: // an unquoted password may begin with & or *
		if _, named := v.Value.(*ast.NullNode); !named {
			Node{doc: n.doc, value: v.Value}.Hide()
			return
		}
	case *ast.AliasNode:
		if target := n.resolved(); target != nil {
			if !n.doc.aliased[target] { // aliases of aliases multiply, and may run in circles
				n.doc.aliased[target] = true
				Node{doc: n.doc, value: target}.Hide()
			}
			return
		}
	case *ast.TagNode:
		Node{doc: n.doc, value: v.Value}.Hide()
		return
	case nil, *ast.NullNode:
		return
	}
	first := firstToken(n.value)
	last := first
	switch v := n.value.(type) {
	case *ast.LiteralNode:
		if v.Value != nil {
			last = v.Value.GetToken()
		}
	case *ast.AliasNode:
		last = v.Value.GetToken()
	case *ast.AnchorNode:
		last = v.Name.GetToken()
	}
	m := mask{fromLine: first.Position.Line, fromColumn: first.Position.Column}
	if next := nextAfter(last, first); next != nil {
		m.toLine, m.toColumn = next.Position.Line, next.Position.Column
	}
	if !slices.Contains(n.doc.masks, m) {
		n.doc.masks = append(n.doc.masks, m)
	}
}

// nextAfter returns the first token behind last that lies behind first in the
// text: content tokens of block scalars carry positions of their own.
func nextAfter(last, first *token.Token) *token.Token {
	if last == nil {
		return nil
	}
	for tk := last.Next; tk != nil; tk = tk.Next {
		if tk.Position.Line > first.Position.Line ||
			tk.Position.Line == first.Position.Line && tk.Position.Column > first.Position.Column {
			return tk
		}
	}
	return nil
}

// hideSecrets hides the values of all keys below n that sound like secrets,
// unless they are written as a secret should be.
func (n Node) hideSecrets(depth int) {
	if depth > maxDepth {
		return
	}
	switch v := n.value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		for _, entry := range entries(v) {
			name, value := keyName(entry.Key), Node{doc: n.doc, value: entry.Value}
			switch {
			case !value.IsMapping() && secretName.MatchString(name):
				value.Hide()
			case secretMap.MatchString(name) && !value.isReference():
				value.hideEach()
			default:
				value.hideSecrets(depth + 1)
			}
		}
	case *ast.SequenceNode:
		for _, item := range v.Values {
			Node{doc: n.doc, value: item}.hideSecrets(depth + 1)
		}
	case *ast.AnchorNode:
		Node{doc: n.doc, value: v.Value}.hideSecrets(depth + 1)
	}
}

// hideEach hides the values of a mapping of secrets, references aside.
func (n Node) hideEach() {
	for _, entry := range entries(n.value) {
		if value := (Node{doc: n.doc, value: entry.Value}); !value.isReference() {
			value.Hide()
		}
	}
}

// isReference tells whether n says where a secret is.
func (n Node) isReference() bool {
	for _, kind := range []string{"env", "file", "credential"} {
		if _, ok := n.Get(kind); ok {
			return true
		}
	}
	return false
}

// show returns a line as it may be shown and the 0-based rune in it that column
// points at: secrets masked, control characters gone, a long line cut around it.
func (d *document) show(line, column int) (text string, caret int) {
	if line < 1 || line > len(d.lines) {
		return "", -1
	}
	source := []rune(d.lines[line-1])
	hidden := d.hidden(line)
	var out []rune
	caret = -1
	for i := 0; i < len(source); i++ {
		if i == column-1 {
			caret = len(out)
		}
		if !hidden[i] {
			out = append(out, visible(source[i]))
			continue
		}
		out = append(out, []rune(Mask)...)
		for ; i+1 < len(source) && hidden[i+1]; i++ {
			if i+1 == column-1 {
				caret = len(out) - utf8.RuneCountInString(Mask)
			}
		}
	}
	if caret < 0 {
		caret = len(out)
	}
	if cut := caret - shown/2; cut > 0 && len(out) > shown {
		out = append([]rune("…"), out[cut:]...)
		caret -= cut - 1
	}
	if len(out) > shown {
		out = append(out[:shown:shown], '…')
	}
	return strings.TrimRight(string(out), " "), caret
}

// hidden marks the runes of a line that are not shown: those known to be
// secrets, and those that look like one in a file that could not be parsed.
func (d *document) hidden(line int) []bool {
	text := d.lines[line-1]
	marks := make([]bool, utf8.RuneCountInString(text))
	mark := func(from, to int) { // columns, end excluded
		for from < to && to-2 < len(marks) && to >= 2 && from >= 1 && unicode.IsSpace([]rune(text)[to-2]) {
			to--
		}
		for i := max(from-1, 0); i < min(to-1, len(marks)); i++ {
			marks[i] = true
		}
	}
	for _, m := range d.masks {
		from, to := 1, len(marks)+1
		if line == m.fromLine {
			from = m.fromColumn
		}
		if line == m.toLine {
			to = m.toColumn
		}
		if line >= m.fromLine && (m.toLine == 0 || line <= m.toLine) {
			if line > m.fromLine {
				for from <= len(marks) && unicode.IsSpace([]rune(text)[from-1]) {
					from++
				}
			}
			mark(from, to)
		}
	}
	column := func(offset int) int { return utf8.RuneCountInString(text[:offset]) + 1 }
	for _, found := range secretValue.FindAllStringIndex(text, -1) {
		colon := found[0] + strings.IndexByte(text[found[0]:found[1]], ':')
		start := colon + 1
		for start < found[1] && (text[start] == ' ' || text[start] == '\t') {
			start++
		}
		end := found[1]
		if comment := strings.Index(text[start:end], " #"); comment >= 0 && text[start] != '"' && text[start] != '\'' {
			end = start + comment
		}
		if !strings.Contains(text[:found[0]], "{") {
			end = len(text) // outside braces a comma is part of the value, and what follows a quote is a mistake
		}
		mark(column(start), column(end))
	}
	for _, pattern := range []*regexp.Regexp{urlPassword, assigned} {
		for _, found := range pattern.FindAllStringSubmatchIndex(text, -1) {
			mark(column(found[2]), column(found[3]))
		}
	}
	return marks
}

// visible keeps a character from moving or reordering what is printed.
func visible(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
		return '\ufffd'
	}
	return r
}

var secretType = reflect.TypeFor[Secret]()

// holdsSecret tells whether values of the type are secrets or hold some.
func holdsSecret(t reflect.Type) bool {
	return findSecret(t, 0)
}

func findSecret(t reflect.Type, depth int) bool {
	if t == secretType {
		return true
	}
	if depth > 4 {
		return false
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return findSecret(t.Elem(), depth+1)
	case reflect.Struct:
		for i := range t.NumField() {
			if findSecret(t.Field(i).Type, depth+1) {
				return true
			}
		}
	}
	return false
}
