package conf

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"relanced/internal/calendar"
)

// Parter is implemented by entries that are written as the keys of several
// structs: the envelope and the keys of its type.
type Parter interface {
	Parts() []any
}

// Marshal writes a struct as the YAML that Decode reads, defaults spelled out.
// Secrets are written as the reference they came from, with the mask behind it.
// What is empty is left out, and so are keys that are not available yet and zeros
// of fields tagged omitempty, where zero says nothing.
func Marshal(v any) []byte {
	w := &writer{}
	w.value(reflect.ValueOf(v), 0, true)
	return []byte(strings.TrimLeft(w.String(), "\n"))
}

type writer struct{ strings.Builder }

// plain matches text that stands in YAML without quotes and stays text.
var plain = regexp.MustCompile(`^[\p{L}/][\p{L}\p{N} _./+@-]*(?::[\p{L}\p{N}_./@-]+)*$`)

var words = []string{"true", "false", "null", "yes", "no", "on", "y", "n", ".inf", ".nan"}

// quoted writes text so that YAML reads it back as that text.
func quoted(text string) string {
	if plain.MatchString(text) && !slices.Contains(words, strings.ToLower(text)) && !strings.HasSuffix(text, " ") {
		return text
	}
	return strconv.Quote(text)
}

// value writes what comes behind "key:" or "-", its line break included. A
// mapping at the start of an item or the file begins on the same line.
func (w *writer) value(v reflect.Value, indent int, same bool) {
	v = indirect(v)
	if text, ok := scalar(v); ok {
		w.WriteString(" " + text + "\n")
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		w.keys(keysOf(v), indent, same)
	case reflect.Map:
		var keys []keyed
		for _, name := range sortedKeys(v) {
			keys = append(keys, keyed{name, v.MapIndex(reflect.ValueOf(name).Convert(v.Type().Key()))})
		}
		w.keys(keys, indent, same)
	case reflect.Slice:
		if flow, ok := flowList(v); ok {
			w.WriteString(" " + flow + "\n")
			return
		}
		w.WriteString("\n")
		for i := range v.Len() {
			w.WriteString(strings.Repeat(" ", indent) + "-")
			w.value(v.Index(i), indent+2, true)
		}
	}
}

func (w *writer) keys(keys []keyed, indent int, same bool) {
	first := true
	for _, key := range keys {
		if empty(key.value) {
			continue
		}
		switch {
		case !first || !same:
			if first {
				w.WriteString("\n")
			}
			w.WriteString(strings.Repeat(" ", indent))
		case indent > 0:
			w.WriteString(" ")
		}
		first = false
		w.WriteString(quoted(key.name) + ":")
		w.value(key.value, indent+2, false)
	}
	if first {
		w.WriteString(" {}\n")
	}
}

type keyed struct {
	name  string
	value reflect.Value
}

// keysOf returns the keys of a struct in the order of its fields.
func keysOf(v reflect.Value) []keyed {
	if parter, ok := v.Interface().(Parter); ok {
		var keys []keyed
		for _, part := range parter.Parts() {
			if part != nil {
				keys = append(keys, keysOf(indirect(reflect.ValueOf(part)))...)
			}
		}
		return keys
	}
	var keys []keyed
	t := v.Type()
	for i := range t.NumField() {
		name, optional, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		switch {
		case t.Field(i).Anonymous && name == "":
			keys = append(keys, keysOf(v.Field(i))...)
		case name != "" && name != "-":
			if optional == "omitempty" && v.Field(i).IsZero() {
				continue
			}
			keys = append(keys, keyed{name, v.Field(i)})
		}
	}
	return keys
}

func sortedKeys(v reflect.Value) []string {
	var names []string
	for _, key := range v.MapKeys() {
		names = append(names, key.String())
	}
	slices.Sort(names)
	return names
}

func indirect(v reflect.Value) reflect.Value {
	for (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && !v.IsNil() {
		v = v.Elem()
	}
	return v
}

// scalar writes what fits on a line.
func scalar(v reflect.Value) (string, bool) {
	if !v.IsValid() {
		return "", false
	}
	if s, ok := v.Interface().(Secret); ok {
		kind, name := s.Reference()
		if kind == "" {
			return quoted(Mask), true
		}
		return fmt.Sprintf("{%s: %s} # %s", kind, quoted(name), Mask), true
	}
	if d, ok := v.Interface().(time.Duration); ok {
		if d%(24*time.Hour) == 0 && d > 24*time.Hour {
			return fmt.Sprintf("%dd", d/(24*time.Hour)), true
		}
		return calendar.Span{Clock: d}.String(), true
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return "", false
		}
		if numeric.Match(text) && v.Kind() != reflect.String {
			return string(text), true
		}
		return quoted(string(text)), true
	}
	switch v.Kind() {
	case reflect.String:
		return quoted(v.String()), true
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int, reflect.Int64, reflect.Int32:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Uint16:
		return strconv.FormatUint(v.Uint(), 10), true
	}
	return "", false
}

// numeric matches amounts, spans and dates, which types of their own read back.
var numeric = regexp.MustCompile(`^-?\d+(?:\.\d+)?(?:d|wd|s|m|h)?$`)

// flowList writes a list of scalars on one line.
func flowList(v reflect.Value) (string, bool) {
	var items []string
	for i := range v.Len() {
		text, ok := scalar(indirect(v.Index(i)))
		if !ok || strings.Contains(text, "#") {
			return "", false
		}
		items = append(items, text)
	}
	return "[" + strings.Join(items, ", ") + "]", true
}

// empty tells whether a key is left out.
func empty(v reflect.Value) bool {
	if v.Type() == laterType || v.Type() == nodeType {
		return true
	}
	if v.Type() == durationType {
		return false
	}
	if text, ok := scalar(indirect(v)); ok {
		if s, isSecret := indirect(v).Interface().(Secret); isSecret {
			return s.IsZero()
		}
		return text == `""` || text == ""
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		return !slices.ContainsFunc(keysOf(v), func(k keyed) bool { return !empty(k.value) })
	}
	return false
}
