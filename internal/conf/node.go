package conf

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Node is a value of a document. As a field of a struct it keeps what stands
// there, to be decoded later. The zero Node is nothing.
type Node struct {
	doc   *document
	key   *token.Token // of the pair it is the value of; nil for an item and the root
	value ast.Node
}

// IsZero tells whether there is nothing.
func (n Node) IsZero() bool { return n.value == nil }

// File returns the name of the file it stands in.
func (n Node) File() string {
	if n.doc == nil {
		return ""
	}
	return n.doc.name
}

// Dir returns the folder of its file, where relative paths start.
func (n Node) Dir() string {
	if n.doc == nil {
		return "."
	}
	return n.doc.dir
}

// On returns the view of p's list that stands at n, under the given path.
func (n Node) On(p *Problems, path ...any) *Problems {
	view := &Problems{list: p.shared(), node: n}
	for _, step := range path {
		view.path = joinPath(view.path, step)
	}
	view.from = view.path
	return view
}

// Items returns the entries of a sequence, nil for anything else.
func (n Node) Items() []Node {
	seq, ok := n.resolved().(*ast.SequenceNode)
	if !ok {
		return nil
	}
	items := make([]Node, len(seq.Values))
	for i, item := range seq.Values {
		items[i] = Node{doc: n.doc, value: item}
	}
	return items
}

// Get returns the value of a key of a mapping.
func (n Node) Get(key string) (Node, bool) { return n.child(key) }

// Text returns the text of a scalar, "" for anything else.
func (n Node) Text() string {
	text, _ := scalarText(n.resolved())
	return text
}

// IsMapping tells whether keys stand there.
func (n Node) IsMapping() bool {
	switch n.resolved().(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// IsSequence tells whether a list stands there.
func (n Node) IsSequence() bool {
	_, ok := n.resolved().(*ast.SequenceNode)
	return ok
}

// Position tells where in its file it stands, 1-based; 0, 0 for nothing.
func (n Node) Position() (line, column int) {
	at := n.place()
	return at.line, at.column
}

// child walks one step: a string key or an int index.
func (n Node) child(step any) (Node, bool) {
	switch step := step.(type) {
	case int:
		if items := n.Items(); step >= 0 && step < len(items) {
			return items[step], true
		}
	case string:
		for _, pair := range n.pairs() {
			if pair.name == step {
				return pair.node, true
			}
		}
	}
	return Node{}, false
}

// pair is a key with its value.
type pair struct {
	name   string
	key    *token.Token
	node   Node
	merged bool // came in by <<
}

// pairs returns the entries of a mapping in the order of the text, those merged
// in by << last: what is written out wins.
func (n Node) pairs() []pair {
	var pairs, merged []pair
	for _, entry := range entries(n.resolved()) {
		tk := entry.Key.GetToken()
		if _, isMerge := entry.Key.(*ast.MergeKeyNode); isMerge {
			for _, source := range mergeSources(n.doc, entry.Value) {
				for _, e := range entries(source) {
					if _, again := e.Key.(*ast.MergeKeyNode); again {
						continue
					}
					tk := e.Key.GetToken()
					merged = append(merged, pair{tk.Value, tk, Node{n.doc, tk, e.Value}, true})
				}
			}
			continue
		}
		pairs = append(pairs, pair{keyName(entry.Key), tk, Node{n.doc, tk, entry.Value}, false})
	}
	return append(pairs, merged...)
}

// maxMerges bounds how many mappings may be merged into one.
const maxMerges = 50

// merges counts the mappings that << brings into this one.
func (n Node) merges() int {
	count := 0
	for _, entry := range entries(n.resolved()) {
		if _, isMerge := entry.Key.(*ast.MergeKeyNode); isMerge {
			count += len(mergeSources(n.doc, entry.Value))
		}
	}
	return count
}

func keyName(key ast.MapKeyNode) string {
	if text, ok := key.(*ast.StringNode); ok {
		return text.Value
	}
	return key.GetToken().Value
}

// mergeSources returns the mappings that a merge key names: one, or a list.
func mergeSources(d *document, value ast.Node) []ast.Node {
	node := Node{doc: d, value: value}
	if node.IsSequence() {
		var sources []ast.Node
		for _, item := range node.Items() {
			sources = append(sources, item.resolved())
		}
		return sources
	}
	return []ast.Node{node.resolved()}
}

func entries(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// resolved follows anchors and aliases to what they stand for. It is nil for an
// alias whose anchor does not come before it, and where they run in circles.
func (n Node) resolved() ast.Node {
	value := n.value
	for range maxDepth {
		switch v := value.(type) {
		case *ast.AnchorNode:
			value = v.Value
		case *ast.AliasNode:
			value = n.doc.anchor(v)
		default:
			return value
		}
	}
	return nil
}

// anchor returns what the alias stands for: the last anchor of its name before
// it, unless the alias stands inside that anchor.
func (d *document) anchor(alias *ast.AliasNode) ast.Node {
	if alias.Value == nil || alias.Value.GetToken() == nil {
		return nil
	}
	name, offset := alias.Value.GetToken().Value, alias.GetToken().Position.Offset
	for i := len(d.anchors) - 1; i >= 0; i-- {
		a := d.anchors[i]
		if a.Name != nil && a.Name.GetToken().Value == name && a.GetToken().Position.Offset < offset {
			return a.Value
		}
	}
	return nil
}

// place says where to point: a scalar at itself, a block of lines at the key it
// stands under, flow collections at their bracket.
func (n Node) place() place {
	if n.value == nil {
		return place{doc: n.doc}
	}
	tk := firstToken(n.value)
	block := false
	switch v := n.value.(type) {
	case *ast.MappingNode:
		block = !v.IsFlowStyle
	case *ast.MappingValueNode:
		block = true
	case *ast.SequenceNode:
		block = !v.IsFlowStyle
	case *ast.NullNode:
		block = true
	}
	if n.key != nil && (block || tk == nil) {
		tk = n.key
	}
	at := position(tk)
	at.doc = n.doc
	if n.doc == nil || at.line < 1 || at.line > len(n.doc.lines) {
		return place{n.doc, 1, 1}
	}
	// Behind a tab the parser counts one column too few.
	line := []rune(n.doc.lines[at.line-1])
	for at.column >= 1 && at.column < len(line) && (line[at.column-1] == ' ' || line[at.column-1] == '\t') {
		at.column++
	}
	return at
}

// inside moves the place of a text to where in it err arose, where err tells and
// the text stands on one line as it is.
func (n Node) inside(at place, err error) place {
	var told Offset
	if !errors.As(err, &told) {
		return at
	}
	text, ok := n.resolved().(*ast.StringNode)
	line, column := told.Offset()
	if !ok || line != 1 || column < 1 || column > utf8.RuneCountInString(text.Value)+1 || at.doc == nil {
		return at
	}
	source := []rune(at.doc.lines[at.line-1])
	for _, start := range []int{at.column, at.column - 1} { // behind the quote, or plain
		if start >= 0 && start <= len(source) && strings.HasPrefix(string(source[start:]), text.Value) {
			at.column = start + column
			return at
		}
	}
	return at
}

// firstToken returns the token at which the node begins.
func firstToken(n ast.Node) *token.Token {
	switch v := n.(type) {
	case *ast.MappingNode:
		if !v.IsFlowStyle && len(v.Values) > 0 {
			return v.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return v.Key.GetToken()
	}
	if n == nil {
		return nil
	}
	return n.GetToken()
}

// plainText returns the text of a scalar that is text: no number, not true or false.
func plainText(n ast.Node) (string, bool) {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return scalarText(n)
	}
	return "", false
}

// scalarText returns the text of a scalar as it was written, quotes aside.
func scalarText(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return v.GetToken().Value, true
	}
	return "", false
}
