package conf

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may be. The parser's time grows with the square of the keys of
// one mapping and its stack with the depth: both are bounded before it runs.
const (
	maxBytes  = 1 << 20
	maxTokens = 60_000
	maxDepth  = 60
)

// document is one file: its lines, for showing, and its anchors.
type document struct {
	name    string // as the user named it
	dir     string // where relative paths start
	lines   []string
	anchors []*ast.AnchorNode // in the order of the text
	masks   []mask
	aliased map[ast.Node]bool // anchored values that are hidden
	budget  int               // nodes that may still be decoded: aliases of aliases multiply
}

// place is a position in a document; line 0 is the document as a whole.
type place struct {
	doc          *document
	line, column int
}

// ReadFile parses a file of at most a mebibyte. Relative paths in it start at
// its folder. ok is false where nothing of it can be decoded; the reason has
// been reported to p.
func ReadFile(name string, p *Problems) (n Node, ok bool) {
	outside := &document{name: name}
	f, err := os.Open(name) //nolint:gosec // the configuration is what the user names
	if err == nil {
		defer f.Close() //nolint:errcheck // read only
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() && !isPipe(info.Mode()) {
			err = fmt.Errorf("it is not a file")
		}
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(f, maxBytes+1))
	}
	if err != nil {
		p.addAt(place{doc: outside}, false, "cannot be read: %s", reason(err))
		return Node{}, false
	}
	return Parse(name, text, p)
}

// Parse parses the text of a file of that name. ok is false where nothing of it
// can be decoded; the reason has been reported to p.
func Parse(name string, text []byte, p *Problems) (n Node, ok bool) {
	d := &document{name: name, dir: filepath.Dir(name), budget: 5 * maxTokens, aliased: map[ast.Node]bool{}}
	fail := func(line, column int, format string, args ...any) (Node, bool) {
		p.addAt(place{d, line, column}, false, format, args...)
		return Node{}, false
	}
	switch {
	case len(text) > maxBytes:
		return fail(0, 0, "the file is larger than 1 MiB: it is no configuration, or wants to be split with include")
	case strings.HasPrefix(string(text), "\xff\xfe") || strings.HasPrefix(string(text), "\xfe\xff"):
		return fail(0, 0, "the file is UTF-16: save it as UTF-8")
	}
	clean := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(text), "\ufeff"))
	d.lines = strings.Split(clean, "\n")
	for i := range d.lines { // the parser counts blanks at a line's end into the column of what precedes them
		d.lines[i] = strings.TrimRight(d.lines[i], " \t")
	}
	clean = strings.Join(d.lines, "\n")
	for i, line := range d.lines {
		if at := invalidRune(line); at >= 0 {
			if !utf8.ValidString(line[at:]) && line[at] >= utf8.RuneSelf {
				return fail(i+1, utf8.RuneCountInString(line[:at])+1, "this is not UTF-8: save the file as UTF-8")
			}
			return fail(i+1, utf8.RuneCountInString(line[:at])+1, "a control character cannot stand here")
		}
	}
	body, at, problem := parse(clean)
	if problem != "" {
		at.line, at.column = min(max(at.line, 1), len(d.lines)), max(at.column, 1)
		return fail(at.line, at.column, "%s", problem)
	}
	if body == nil {
		return fail(1, 1, "the file is empty")
	}
	d.collectAnchors(body, 0)
	root := Node{doc: d, value: body}
	root.hideSecrets(0)
	return root, true
}

// parse runs the YAML parser over text it can stand: bounded in tokens and
// depth. A problem is told in one sentence, with its place.
func parse(text string) (body ast.Node, at place, problem string) {
	defer func() {
		if r := recover(); r != nil { // a defect of the parser is a file it cannot read
			body, problem = nil, "this file is beyond the YAML parser: "+fmt.Sprint(r)
		}
	}()
	tokens := lexer.Tokenize(text)
	if len(tokens) > maxTokens {
		return nil, at, "the file has too many entries: split it with include"
	}
	if deep := tooDeep(tokens); deep != nil {
		return nil, position(deep), "nested too deeply"
	}
	if bad := tokens.InvalidToken(); bad != nil {
		return nil, position(bad), syntax(bad.Error)
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var told yaml.Error
		if e, isTold := err.(yaml.Error); isTold { //nolint:errorlint // the parser returns it bare
			told = e
			return nil, position(told.GetToken()), syntax(told.GetMessage())
		}
		return nil, at, "YAML: " + err.Error()
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentGroupType || doc.Body.Type() == ast.DirectiveType:
		case body == nil:
			body = doc.Body
		default:
			return nil, position(firstToken(doc.Body)), "a second document begins here: one file holds one document (remove the ---)"
		}
	}
	return body, at, ""
}

// tooDeep returns the token at which the nesting passes maxDepth, nil for none.
func tooDeep(tokens token.Tokens) *token.Token {
	depth, line, onLine := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			line, onLine = tk.Position.Line, 0
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth = max(depth-1, 0)
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			onLine++ // "- - - -" nests without indentation
		}
		if depth > maxDepth || onLine > maxDepth || tk.Position.Column > 4000 && tk.Type == token.SequenceEntryType {
			return tk
		}
	}
	return nil
}

// syntax rewords what the parser says most often.
func syntax(message string) string {
	switch {
	case strings.Contains(message, "'\t'"):
		return "a tab cannot indent YAML: use spaces"
	case message == "non-map value is specified":
		return "YAML: expected `key: value` here, indented like its neighbours"
	case strings.Contains(message, "could not find end character"):
		return "YAML: this quoted text never ends"
	}
	return "YAML: " + strings.TrimSuffix(message, ".")
}

func position(tk *token.Token) place {
	if tk == nil || tk.Position == nil {
		return place{}
	}
	return place{line: tk.Position.Line, column: tk.Position.Column}
}

// invalidRune returns the offset of the first byte that cannot stand in YAML
// text, -1 for none.
func invalidRune(line string) int {
	for i, r := range line {
		switch {
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(line[i:]); size == 1 {
				return i
			}
		case r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return i
		}
	}
	return -1
}

func (d *document) collectAnchors(n ast.Node, depth int) {
	if depth > 4*maxDepth {
		return
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		d.anchors = append(d.anchors, n)
		d.collectAnchors(n.Value, depth+1)
	case *ast.TagNode:
		d.collectAnchors(n.Value, depth+1)
	case *ast.MappingNode:
		for _, pair := range n.Values {
			d.collectAnchors(pair, depth)
		}
	case *ast.MappingValueNode:
		d.collectAnchors(n.Value, depth+1)
	case *ast.SequenceNode:
		for _, item := range n.Values {
			d.collectAnchors(item, depth+1)
		}
	}
}

func isPipe(mode os.FileMode) bool { return mode&(os.ModeNamedPipe|os.ModeCharDevice) != 0 }

// reason strips the operation and the path, which the place already tells.
func reason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return text
}
