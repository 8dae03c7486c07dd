package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"relanced/internal/conf"
)

// Expr is an expression of a manifest, compiled where it is decoded. The zero
// Expr was not written, and is null.
type Expr struct {
	text    string
	node    conf.Node
	place   string
	program *vm.Program
	field   string // it is this field of the row and nothing else: no machine is needed
	reads   []string
}

// FieldOf is the expression of a field of the row, as a connector writes it that
// knows one itself.
func FieldOf(name string) Expr {
	return Expr{text: "it." + name, field: name, reads: []string{name}}
}

// IsZero tells whether none was written.
func (e Expr) IsZero() bool { return e.text == "" }

// Reads lists the fields of the row that the expression names.
func (e Expr) Reads() []string { return e.reads }

// Node is where it stands.
func (e Expr) Node() conf.Node { return e.node }

// Place is file:line:column of it, "" for one that no file holds.
func (e Expr) Place() string { return e.place }

// scope is what an expression may speak of.
type scope struct {
	It Row `expr:"it"`
}

// What bounds an expression: the compiler's stack grows with its brackets.
const (
	maxText  = 4000
	maxNodes = 1000
)

// DecodeConf compiles the expression.
func (e *Expr) DecodeConf(n conf.Node, p *conf.Problems) {
	text := n.Text()
	switch {
	case n.IsMapping() || n.IsSequence():
		p.Addf("an expression is expected, as in it.name; put quotes around one that begins with { or [")
		return
	case strings.TrimSpace(text) == "":
		p.Addf("an expression is missing, as in it.name")
		return
	case len(text) > maxText:
		p.Addf("an expression has at most %d characters", maxText)
		return
	}
	seen := &reader{}
	program, err := expr.Compile(text, append(helpers(), expr.Env(scope{}), expr.AsAny(), expr.MaxNodes(maxNodes), expr.Patch(seen), expr.Patch(exactly{seen}))...)
	if err == nil {
		err = seen.err
	}
	if err != nil {
		p.Addf("%v", explain(err))
		return
	}
	line, column := n.Position()
	*e = Expr{text: text, node: n, place: fmt.Sprintf("%s:%d:%d", n.File(), line, column), program: program, reads: seen.names}
	if len(seen.names) == 1 && strings.TrimSpace(text) == "it."+seen.names[0] {
		e.field = seen.names[0]
	}
}

// machines are used again: making one costs more than most expressions.
var machines = sync.Pool{New: func() any { return new(vm.VM) }}

// Text evaluates the expression on a row as a text; null is "". The error is an
// *Error that names field.
func (e *Expr) Text(field string, row Row) (string, error) {
	r := &reading{row: row}
	text := r.text(field, e)
	return text, r.err
}

// Flag evaluates the expression on a row as true or false; null is false. The
// error is an *Error that names field.
func (e *Expr) Flag(field string, row Row) (bool, error) {
	r := &reading{row: row}
	flag := r.flag(field, e)
	return flag, r.err
}

// value evaluates the expression on a row.
func (e *Expr) value(row Row) (any, error) {
	switch {
	case e.field != "":
		return row[e.field], nil
	case e.program == nil:
		return nil, nil
	}
	machine := machines.Get().(*vm.VM) //nolint:forcetypeassert // what New makes
	got, err := machine.Run(e.program, scope{row})
	machines.Put(machine)
	if err != nil {
		return nil, explain(err)
	}
	return got, nil
}

// wrong makes the error of a field of the map on a row.
func (e *Expr) wrong(field string, row Row, err error) error {
	return &Error{Field: field, Place: e.place, Text: err.Error(), Held: excerpt(row, e.reads)}
}

// reader notes the fields of `it` that an expression names.
type reader struct {
	names []string
	err   error
}

func (r *reader) Visit(node *ast.Node) {
	member, ok := (*node).(*ast.MemberNode)
	if !ok {
		return
	}
	base, isName := member.Node.(*ast.IdentifierNode)
	property, isText := member.Property.(*ast.StringNode)
	if isName && base.Value == "it" && isText && !slices.Contains(r.names, property.Value) {
		r.names = append(r.names, property.Value)
	}
}

// exactly makes the operators on numbers exact.
type exactly struct{ *reader }

func (x exactly) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.FloatNode:
		ast.Patch(node, &ast.ConstantNode{Value: json.Number(strconv.FormatFloat(n.Value, 'f', -1, 64))})
	case *ast.UnaryNode:
		if _, literal := n.Node.(*ast.IntegerNode); n.Operator == "-" && !literal {
			ast.Patch(node, call("minus", &ast.IntegerNode{Value: 0}, n.Node))
		}
	case *ast.BinaryNode:
		name := arithmetics[n.Operator]
		if name == "" {
			name = comparisons[n.Operator]
		}
		switch {
		case name != "":
			ast.Patch(node, call(name, n.Left, n.Right))
		case slices.Contains([]string{"/", "%", "**", "^"}, n.Operator) && x.err == nil:
			at := n.Location()
			x.err = &mistake{text: n.Operator + " is refused: amounts are not divided here; have the source give the quotient", line: 1, column: at.From + 1}
		}
	}
}

func call(name string, args ...ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
}

// mistake is an error at its place in the text of an expression. It implements
// conf.Offset.
type mistake struct {
	text         string
	line, column int
}

func (m *mistake) Error() string { return m.text }

// Offset tells where in the expression the mistake is.
func (m *mistake) Offset() (line, column int) { return m.line, m.column }

// explain turns what the compiler or the machine says into a sentence.
func explain(err error) error {
	var known *mistake
	if errors.As(err, &known) {
		return known
	}
	var told *file.Error
	if !errors.As(err, &told) {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return errors.New(first)
	}
	text, _, _ := strings.Cut(told.Message, "\n")
	if strings.HasPrefix(text, "interface conversion:") && strings.HasSuffix(text, "not bool") {
		text = "true or false is meant: compare, as in it.x == 1"
	}
	if text == "invalid operation: int(string)" { // a text is indexed by number
		text = "a field is asked of a text, which has none; fromJSON(x) reads one that holds JSON"
	}
	if name, of, ok := strings.Cut(strings.TrimPrefix(text, "cannot fetch "), " from "); ok && strings.HasPrefix(text, "cannot fetch ") {
		text = fmt.Sprintf("%s is asked of a text or number, which has no fields; fromJSON(x) reads a text that holds JSON", name)
		if of == "<nil>" {
			text = fmt.Sprintf("%s is asked of null: write ?.%s where a row may lack what it belongs to", name, name)
		}
	}
	if name, ok := strings.CutPrefix(text, "unknown name "); ok {
		text = fmt.Sprintf("unknown name %s: a field of the row is it.%s", name, name)
		if slices.Contains(refused, name) {
			text = name + " is refused: a row means the same whenever it is read, and numbers stay exact"
		}
	}
	return &mistake{text: text, line: told.Line, column: told.Column + 1}
}
