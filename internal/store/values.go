package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"relanced/internal/calendar"
)

// bind turns arguments into what both drivers take.
func (tx *Tx) bind(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = tx.value(a)
	}
	return out
}

func (tx *Tx) value(a any) any {
	switch v := a.(type) {
	case nil, int64, bool:
		return v
	case string:
		return clean(v)
	case int:
		return int64(v)
	case time.Time:
		return micros(v)
	case calendar.Date:
		return v.String()
	case []byte:
		return v
	case list:
		if tx.pg != nil {
			return v.values
		}
		return encode(v.values)
	}
	switch v := reflect.ValueOf(a); v.Kind() { //nolint:exhaustive // the kinds of our named types
	case reflect.String:
		return clean(v.String())
	case reflect.Int64, reflect.Int32, reflect.Int:
		return v.Int()
	case reflect.Uint32:
		return int64(v.Uint()) //nolint:gosec // 32 bits
	}
	return a
}

// list is an argument that stands for many values: []string or []int64.
type list struct{ values any }

func texts[T ~string](values []T) list {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = clean(string(v))
	}
	return list{out}
}

func numbers[T ~int64](values []T) list {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = int64(v)
	}
	return list{out}
}

// in is the condition that column is one of the list bound as argument n.
func (tx *Tx) in(column string, n int) string {
	if tx.pg != nil {
		return fmt.Sprintf("%s = ANY($%d)", column, n)
	}
	return fmt.Sprintf("%s IN (SELECT value FROM json_each($%d))", column, n)
}

// among is in for ids, with the argument to bind: one alone needs no list.
func among[T ~int64](tx *Tx, ids []T) (is func(column string, n int) string, arg any) {
	if len(ids) == 1 {
		return func(column string, n int) string { return fmt.Sprintf("%s = $%d", column, n) }, int64(ids[0])
	}
	return tx.in, numbers(ids)
}

// clean makes foreign text storable: PostgreSQL takes neither NUL nor broken UTF-8.
func clean(text string) string {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "")
	}
	return text
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instantOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// encode writes JSON; the empty value of anything becomes "".
func encode(v any) string {
	if rv := reflect.ValueOf(v); !rv.IsValid() || rv.IsZero() || rv.Kind() == reflect.Slice && rv.Len() == 0 && rv.Type().Elem().Kind() != reflect.String && rv.Type().Elem().Kind() != reflect.Int64 {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("store: encode %T: %w", v, err)) // only types of ours come here
	}
	return string(b)
}

// at, on and doc read an instant, a date and JSON from a column.
func at(t *time.Time) *instant     { return (*instant)(t) }
func on(d *calendar.Date) *day     { return (*day)(d) }
func doc[T any](v *T) *document[T] { return &document[T]{v} }

type instant time.Time

// Scan reads microseconds.
func (i *instant) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("an instant came as %T", src)
	}
	*i = instant(instantOf(n))
	return nil
}

type day calendar.Date

// Scan reads YYYY-MM-DD.
func (d *day) Scan(src any) error { return (*calendar.Date)(d).UnmarshalText(bytesOf(src)) }

type document[T any] struct{ v *T }

// Scan reads JSON; "" leaves the value as it is.
func (d *document[T]) Scan(src any) error {
	b := bytesOf(src)
	if len(b) == 0 {
		return nil
	}
	return json.Unmarshal(b, d.v)
}

func bytesOf(src any) []byte {
	switch v := src.(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	}
	return nil
}
