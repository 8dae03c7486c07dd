package sageactivetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// argument is what a field is given under a name, variables replaced; the zero
// value where it is not.
func (f field) argument(name string, given map[string]json.RawMessage) value {
	for _, a := range f.arguments {
		if a.name == name {
			return a.value.with(given)
		}
	}
	return value{}
}

// nests tells whether objects are asked for in the rows of a list.
func (f field) nests() bool {
	return slices.ContainsFunc(f.sub, func(nodes field) bool {
		return nodes.name == "nodes" && slices.ContainsFunc(nodes.sub, func(one field) bool { return one.sub != nil })
	})
}

func (v value) with(given map[string]json.RawMessage) value {
	if v.kind == aVariable {
		v, _ = literal(given[v.text]) // checked before; the zero value where it is not given
		return v
	}
	v.list, v.fields = slices.Clone(v.list), slices.Clone(v.fields)
	for i := range v.list {
		v.list[i] = v.list[i].with(given)
	}
	for i := range v.fields {
		v.fields[i].value = v.fields[i].value.with(given)
	}
	return v
}

// chosen keeps of an answer what was asked for: a field that nobody asked for is
// not told, one that has nothing is null.
func chosen(answer any, sub []field) any {
	switch answer := answer.(type) {
	case []any:
		out := make([]any, len(answer))
		for i := range answer {
			out[i] = chosen(answer[i], sub)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for _, f := range sub {
			out[f.name] = chosen(answer[f.name], f.sub)
		}
		return out
	}
	return answer
}

// holds tells whether a row fits a filter.
func (v value) holds(r row) (bool, error) {
	for _, a := range v.fields {
		var ok bool
		var err error
		switch a.name {
		case "and", "or":
			ok = a.name == "and"
			for _, each := range a.value.list {
				one, failed := each.holds(r)
				if failed != nil {
					return false, failed
				}
				if a.name == "and" {
					ok = ok && one
				} else {
					ok = ok || one
				}
			}
		default:
			ok, err = a.value.compares(r.value(a.name))
		}
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// compares tells whether a value fits all operators. What has none fits none.
func (v value) compares(got any) (bool, error) {
	text, _ := got.(string)
	for _, a := range v.fields {
		order := strings.Compare(text, a.value.text)
		at, err := time.Parse(time.RFC3339, a.value.text)
		if mine, err2 := time.Parse(time.RFC3339, text); err == nil && err2 == nil {
			order = mine.Compare(at)
		}
		ok := false
		switch a.name {
		case "eq":
			ok = order == 0
		case "gt":
			ok = order > 0
		case "gte":
			ok = order >= 0
		case "in":
			ok = slices.ContainsFunc(a.value.list, func(one value) bool { return one.text == text })
		default:
			return false, fmt.Errorf("this simulator does not know what `%s` does", a.name)
		}
		if !ok || got == nil {
			return false, nil
		}
	}
	return true, nil
}

// value is what a row has under a name.
func (r row) value(name string) any {
	switch name {
	case "id":
		return r.ID
	case "creationDate":
		return stamp(r.created)
	case "modificationDate":
		return stamp(r.modified)
	}
	return r.look()[name]
}
