package sageactivetest

import (
	"fmt"
	"regexp"
	"strings"
)

// operation is what a request asks for, as it is written: one operation, without
// fragments, directives and aliases.
type operation struct {
	kind      string            // query, mutation, subscription
	variables map[string]string // their types, as declared
	fields    []field
}

// field is one that is asked for; sub is nil where nothing of it is chosen.
type field struct {
	name      string
	arguments []argument
	sub       []field
}

type argument struct {
	name  string
	value value
}

// value is a literal or a variable.
type value struct {
	kind   valueKind
	text   string // of a variable its name, of a string its content
	list   []value
	fields []argument
}

type valueKind string

const (
	aVariable valueKind = "a variable"
	aString   valueKind = "a string"
	aNumber   valueKind = "a number"
	aName     valueKind = "a name" // of an enumeration, or true, false and null
	aList     valueKind = "a list"
	anObject  valueKind = "an object"
)

// parse reads a request.
func parse(text string) (operation, error) {
	p := &parser{tokens: lexeme.FindAllString(text, -1)}
	if rest := strings.Trim(lexeme.ReplaceAllString(text, ""), " \t\r\n,"); rest != "" {
		return operation{}, fmt.Errorf("syntax error: unexpected %q", rest)
	}
	op, err := p.operation()
	if err == nil && p.peek() != "" {
		err = p.unexpected()
	}
	return op, err
}

// lexeme is a name, a number, a string, a sign or a comment.
var lexeme = regexp.MustCompile(`#[^\n]*|[_A-Za-z][_0-9A-Za-z]*|-?[0-9]+(?:\.[0-9]+)?|"(?:[^"\\\n]|\\.)*"|[!$():=@\[\]{}]|\.\.\.`)

type parser struct{ tokens []string }

func (p *parser) peek() string {
	for len(p.tokens) > 0 && strings.HasPrefix(p.tokens[0], "#") {
		p.tokens = p.tokens[1:]
	}
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	token := p.peek()
	if token != "" {
		p.tokens = p.tokens[1:]
	}
	return token
}

// take takes a sign where it is the next.
func (p *parser) take(sign string) bool {
	if p.peek() != sign {
		return false
	}
	p.next()
	return true
}

func (p *parser) want(sign string) error {
	if !p.take(sign) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) unexpected() error {
	if p.peek() == "" {
		return fmt.Errorf("syntax error: the query ends too early")
	}
	return fmt.Errorf("syntax error: unexpected %q", p.peek())
}

func (p *parser) name() (string, error) {
	if c := p.peek(); c == "" || !strings.ContainsAny(c[:1], "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		return "", p.unexpected()
	}
	return p.next(), nil
}

func (p *parser) operation() (operation, error) {
	op := operation{kind: "query", variables: map[string]string{}}
	if p.peek() != "{" {
		op.kind = p.next()
		if op.kind != "query" && op.kind != "mutation" && op.kind != "subscription" {
			return op, fmt.Errorf("syntax error: unexpected %q", op.kind)
		}
		if p.peek() != "(" && p.peek() != "{" {
			if _, err := p.name(); err != nil {
				return op, err
			}
		}
	}
	if p.take("(") {
		for !p.take(")") {
			if err := p.declaration(op.variables); err != nil {
				return op, err
			}
		}
	}
	var err error
	op.fields, err = p.selection()
	return op, err
}

func (p *parser) declaration(into map[string]string) error {
	if err := p.want("$"); err != nil {
		return err
	}
	name, err := p.name()
	if err != nil {
		return err
	}
	if err := p.want(":"); err != nil {
		return err
	}
	into[name], err = p.name()
	p.take("!")
	return err
}

func (p *parser) selection() ([]field, error) {
	if err := p.want("{"); err != nil {
		return nil, err
	}
	var fields []field
	for !p.take("}") {
		f, err := p.field()
		if err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	if fields == nil {
		return nil, fmt.Errorf("syntax error: nothing is chosen between { and }")
	}
	return fields, nil
}

func (p *parser) field() (f field, err error) {
	if f.name, err = p.name(); err != nil {
		return f, err
	}
	if p.take("(") {
		if f.arguments, err = p.arguments(")"); err != nil {
			return f, err
		}
	}
	if p.peek() == "{" {
		f.sub, err = p.selection()
	}
	return f, err
}

// arguments reads names with values until the sign that ends them.
func (p *parser) arguments(end string) ([]argument, error) {
	var all []argument
	for !p.take(end) {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		if err := p.want(":"); err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		all = append(all, argument{name, v})
	}
	return all, nil
}

func (p *parser) value() (v value, err error) {
	token := p.next()
	switch {
	case token == "$":
		v.kind = aVariable
		v.text, err = p.name()
	case token == "[":
		v.kind = aList
		for err == nil && !p.take("]") {
			var item value
			item, err = p.value()
			v.list = append(v.list, item)
		}
	case token == "{":
		v.kind = anObject
		v.fields, err = p.arguments("}")
	case strings.HasPrefix(token, `"`):
		v.kind = aString
		v.text, err = unquote(token)
	case token != "" && strings.ContainsAny(token[:1], "-0123456789"):
		v.kind, v.text = aNumber, token
	case token != "" && !strings.ContainsAny(token[:1], "!():=@]}."):
		v.kind, v.text = aName, token
	default:
		err = fmt.Errorf("syntax error: unexpected %q", token)
	}
	return v, err
}
