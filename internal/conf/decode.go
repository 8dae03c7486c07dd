package conf

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
	"github.com/govalues/decimal"

	"relanced/internal/calendar"
)

// Decoder is implemented by types that decode themselves from what stands at
// p's place, and report to p.
type Decoder interface {
	DecodeConf(n Node, p *Problems)
}

// Defaulter is implemented by structs that have defaults: it is called on each
// new value before the document is laid over it, inner structs first.
type Defaulter interface {
	Defaults()
}

// Enum is implemented by string types with a fixed set of words.
type Enum interface {
	Values() []string
}

// Later is the type of a key that is known but not built yet: writing it is a
// problem, and it is in no schema.
type Later struct{}

var (
	laterType    = reflect.TypeFor[Later]()
	nodeType     = reflect.TypeFor[Node]()
	durationType = reflect.TypeFor[time.Duration]()
	amountType   = reflect.TypeFor[decimal.Decimal]()
)

// Decode reads the node strictly into structs (pointers to them): the defaults
// first, then what the document says. With several structs the mapping's keys
// are shared out among them, so that an envelope (name, type) and the keys of
// its type stand in one entry. Everything that does not fit is reported to p.
func (n Node) Decode(p *Problems, into ...any) {
	view := n.On(p)
	view.path, view.from, view.read = p.path, p.path, true
	targets := make([]reflect.Value, len(into))
	for i, target := range into {
		v := reflect.ValueOf(target)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			panic(fmt.Sprintf("conf: decode into %T: want a pointer", target))
		}
		SetDefaults(target)
		targets[i] = v.Elem()
	}
	if len(targets) == 1 {
		view.decode(targets[0])
		return
	}
	if mapping, ok := view.mapping("a mapping"); ok {
		view.fields(mapping, targets)
	}
}

// SetDefaults fills a struct (a pointer to it) with its defaults, inner structs
// first, so that the outer one has the last word.
func SetDefaults(into any) {
	setDefaults(reflect.ValueOf(into).Elem())
}

func setDefaults(v reflect.Value) {
	if v.Kind() == reflect.Struct && !isLeaf(v.Type()) {
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				setDefaults(v.Field(i))
			}
		}
	}
	if v.CanAddr() {
		if d, ok := v.Addr().Interface().(Defaulter); ok {
			d.Defaults()
		}
	}
}

// isLeaf tells whether values of the type are decoded as a whole.
func isLeaf(t reflect.Type) bool {
	ptr := reflect.PointerTo(t)
	return t == nodeType || t == laterType || ptr.Implements(reflect.TypeFor[Decoder]()) ||
		ptr.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// decode reads what stands at p into v.
func (p *Problems) decode(v reflect.Value) {
	n := p.node
	if n.doc.budget--; n.doc.budget < 0 {
		if n.doc.budget == -1 {
			p.Addf("aliases repeat more than can be read")
		}
		return
	}
	if v.Type() == nodeType {
		v.Set(reflect.ValueOf(n))
		return
	}
	if !p.stands() {
		return
	}
	if d, ok := v.Addr().Interface().(Decoder); ok {
		d.DecodeConf(n, p)
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		p.unmarshal(u, v.Type())
		return
	}
	if v.Type() == durationType {
		p.duration(v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		setDefaults(fresh.Elem())
		p.decode(fresh.Elem())
		v.Set(fresh)
	case reflect.Struct:
		if mapping, ok := p.mapping("a mapping"); ok {
			p.fields(mapping, []reflect.Value{v})
		} else if holdsSecret(v.Type()) {
			n.Hide()
		}
	case reflect.Slice:
		p.sequence(v)
	case reflect.Map:
		p.entries(v)
	case reflect.String:
		p.text(v)
	case reflect.Bool:
		if b, ok := n.resolved().(*ast.BoolNode); ok {
			v.SetBool(b.Value)
		} else {
			p.mismatch("true or false")
		}
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint16:
		p.integer(v)
	default:
		panic("conf: no decoding into " + v.Type().String())
	}
}

// stands reports what cannot be decoded whatever is expected: nothing, an alias
// of nothing, a tag.
func (p *Problems) stands() bool {
	switch v := p.node.resolved().(type) {
	case nil:
		p.Addf("this alias stands for nothing that comes before it")
		return false
	case *ast.NullNode:
		p.Addf("there is no value: write one, or remove the key")
		return false
	case *ast.TagNode:
		p.Addf("tags (%s) have no meaning here: remove it", v.GetToken().Value)
		return false
	}
	return true
}

// mapping returns the pairs that stand at p, and reports what is no mapping.
func (p *Problems) mapping(want string) ([]pair, bool) {
	if p.node.IsZero() || !p.stands() {
		return nil, false
	}
	if !p.node.IsMapping() {
		p.mismatch(want)
		return nil, false
	}
	if merges := p.node.merges(); merges > maxMerges {
		p.Addf("%d mappings are merged in by <<: at most %d can be", merges, maxMerges)
		return nil, false
	}
	pairs := p.node.pairs()
	seen := map[string]pair{}
	unique := pairs[:0:0]
	for _, pr := range pairs {
		first, twice := seen[pr.name]
		switch {
		case !twice:
			seen[pr.name] = pr
			unique = append(unique, pr)
		case !pr.merged:
			at := position(pr.key)
			at.doc = p.node.doc
			p.on(pr.node, pr.name).addAt(at, false, "%q is given twice, first on line %d", pr.name, first.key.Position.Line)
		}
	}
	return unique, true
}

// fields lays a mapping over structs: each key goes to the first that knows it.
func (p *Problems) fields(pairs []pair, structs []reflect.Value) {
	known := map[string]reflect.Value{}
	var names []string
	for _, s := range structs {
		for name, field := range fieldsOf(s) {
			if _, taken := known[name]; !taken {
				known[name] = field
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, pr := range pairs {
		view := p.on(pr.node, pr.name)
		field, ok := known[pr.name]
		switch {
		case !ok:
			at := position(pr.key)
			at.doc = p.node.doc
			near := nearest(pr.name, names)
			if near != "" && holdsSecret(known[near].Type()) {
				pr.node.Hide()
			}
			view.addAt(at, false, "unknown key %q%s", pr.name, hint(near, names))
		case field.Type() == laterType:
			at := position(pr.key)
			at.doc = p.node.doc
			view.addAt(at, false, "%s is not available yet", pr.name)
		default:
			view.decode(field)
		}
	}
}

// fieldsOf returns the fields of a struct by their yaml names, those of
// embedded structs among them.
func fieldsOf(s reflect.Value) map[string]reflect.Value {
	found := map[string]reflect.Value{}
	t := s.Type()
	if s.Kind() != reflect.Struct {
		panic("conf: decode into " + t.String() + ": want a struct")
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			for inner, field := range fieldsOf(s.Field(i)) {
				if _, taken := found[inner]; !taken {
					found[inner] = field
				}
			}
		case name != "" && name != "-":
			found[name] = s.Field(i)
		}
	}
	return found
}

func (p *Problems) sequence(v reflect.Value) {
	if !p.node.IsSequence() {
		p.mismatch("a list")
		if holdsSecret(v.Type().Elem()) {
			p.node.Hide()
		}
		return
	}
	items := p.node.Items()
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		setDefaults(list.Index(i))
		p.on(item, i).decode(list.Index(i))
	}
	v.Set(list)
}

func (p *Problems) entries(v reflect.Value) {
	pairs, ok := p.mapping("a mapping")
	if !ok {
		return
	}
	entries := reflect.MakeMapWithSize(v.Type(), len(pairs))
	for _, pr := range pairs {
		value := reflect.New(v.Type().Elem()).Elem()
		setDefaults(value)
		p.on(pr.node, pr.name).decode(value)
		entries.SetMapIndex(reflect.ValueOf(pr.name).Convert(v.Type().Key()), value)
	}
	v.Set(entries)
}

func (p *Problems) text(v reflect.Value) {
	text, isText := plainText(p.node.resolved())
	if !isText {
		p.noText("text")
		return
	}
	if strings.TrimSpace(text) == "" {
		p.Addf("there is no value: write one, or remove the key")
		return
	}
	if enum, ok := v.Addr().Interface().(Enum); ok && !slices.Contains(enum.Values(), text) {
		p.Addf("%q is not one of %s%s", text, strings.Join(enum.Values(), ", "), didYouMean(nearest(text, enum.Values())))
		return
	}
	v.SetString(text)
}

// noText reports what should be text and is not.
func (p *Problems) noText(want string) {
	if text, isScalar := scalarText(p.node.resolved()); isScalar {
		p.Addf("must be text: put quotes around it (%q)", text)
		return
	}
	p.mismatch(want)
}

// bareDigits tells whether digits stand there that the parser takes for text:
// with zeros before them, or too many.
func bareDigits(n ast.Node) bool {
	text, ok := n.(*ast.StringNode)
	return ok && text.Token.Type == token.StringType && digits.MatchString(text.Value)
}

var digits = regexp.MustCompile(`^[-+]?\d+$`)

func (p *Problems) integer(v reflect.Value) {
	if _, ok := p.node.resolved().(*ast.IntegerNode); !ok && !bareDigits(p.node.resolved()) {
		p.mismatch("a whole number")
		return
	}
	text, _ := scalarText(p.node.resolved())
	number, err := strconv.ParseInt(text, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		p.Addf("%s is out of range", text)
		return
	}
	if err != nil || len(strings.TrimLeft(text, "+-")) > 1 && strings.TrimLeft(text, "+-")[0] == '0' {
		p.Addf("%q is not a plain whole number", text)
		return
	}
	if v.CanUint() {
		if number < 0 || v.OverflowUint(uint64(number)) { //nolint:gosec // not negative
			p.Addf("%d is out of range", number)
			return
		}
		v.SetUint(uint64(number))
		return
	}
	if v.OverflowInt(number) {
		p.Addf("%d is out of range", number)
		return
	}
	v.SetInt(number)
}

// unmarshal hands the scalar to the type's own parser, as it was written.
func (p *Problems) unmarshal(u encoding.TextUnmarshaler, t reflect.Type) {
	text, ok := scalarText(p.node.resolved())
	if _, isBool := p.node.resolved().(*ast.BoolNode); !ok || isBool {
		p.mismatch("a single value")
		if holdsSecret(t) {
			p.node.Hide()
		}
		return
	}
	if t == amountType && !amount.MatchString(text) {
		p.Addf("%q is not an amount (write 1250 or 1250.50)", text)
		return
	}
	if err := u.UnmarshalText([]byte(text)); err != nil {
		p.Addf("%s", oneLine(err.Error()))
		return
	}
	if _, isText := plainText(p.node.resolved()); !isText && t.Kind() == reflect.String {
		p.noText("text")
	}
}

// amount matches what an amount may look like: the decimal type reads more.
var amount = regexp.MustCompile(`^-?(0|[1-9]\d{0,14})(\.\d{1,4})?$`)

// duration reads a clock duration, or days of 24 hours.
func (p *Problems) duration(v reflect.Value) {
	text, _ := scalarText(p.node.resolved())
	span, err := calendar.ParseSpan(text)
	if err == nil && (span.WorkDays != 0 || span.Days < 0 || span.Clock < 0) {
		err = fmt.Errorf("%q cannot stand here (write 90s, 30m, 24h, 7d)", text)
	}
	if err != nil {
		p.Addf("%s", oneLine(err.Error()))
		return
	}
	v.SetInt(int64(span.Clock) + int64(span.Days)*int64(24*time.Hour))
}

func (p *Problems) mismatch(want string) {
	p.Addf("must be %s, is %s", want, kindOf(p.node.resolved()))
}

// kindOf names what stands there, for people.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.BoolNode:
		return "true or false"
	}
	return "a number"
}

// oneLine keeps a message of a parser from breaking the list.
func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
