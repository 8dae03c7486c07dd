package manifest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Row is one row of the source. Its values are nil, bool, string, time.Time, an
// int64 for a whole number, a json.Number for any other exact number, and lists
// and Rows of these; a float64 only where the source itself has a binary float.
type Row = map[string]any

// RowOf makes a row of a decoded JSON object whose numbers are json.Number
// (json.Decoder.UseNumber). It changes the value in place.
func RowOf(decoded any) (Row, error) {
	row, ok := decoded.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("an object is expected, here is %s", kindOf(decoded))
	}
	whole(row)
	return row, nil
}

// whole makes int64 of whole numbers, at every depth.
func whole(v any) any {
	switch v := v.(type) {
	case json.Number:
		return Number(string(v))
	case map[string]any:
		for key, inner := range v {
			v[key] = whole(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = whole(inner)
		}
	}
	return v
}

// Number is the value in a Row of a number as the source wrote it: "12" is an
// int64, "12.50" a json.Number.
func Number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return json.Number(text)
}

// Error tells why a row became no noun.
type Error struct {
	Field string // of the map, "" where the row as a whole is wrong
	Place string // in the manifest: file:line:column
	Text  string // what is wrong
	Held  string // what of the row the field was made of, shortened
}

// Error is "field: text, from column = value (file:line:column)".
func (e *Error) Error() string {
	text := e.Text
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.Held != "" {
		text += ", from " + e.Held
	}
	if e.Place != "" {
		text += " (" + e.Place + ")"
	}
	return text
}

// excerpt shows the fields of a row that an expression reads.
func excerpt(row Row, reads []string) string {
	var parts []string
	for _, name := range reads {
		parts = append(parts, name+" = "+show(row[name]))
	}
	return strings.Join(parts, ", ")
}

// show writes a value for people: quoted where it is text, short, on one line.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(shorten(v))
	case time.Time:
		return v.Format(time.RFC3339)
	case map[string]any, []any:
		text, _ := json.Marshal(v) // decoded JSON: cannot fail
		return shorten(string(text))
	}
	return shorten(fmt.Sprint(v))
}

// shorten keeps what foreign text can be shown of: 40 printable characters.
func shorten(text string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "\ufffd")))
	if len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return string(runes)
}

// kindOf names a value for people.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "text"
	case int, int64, json.Number:
		return "a number"
	case float64, float32:
		return "a binary float"
	case time.Time:
		return "an instant"
	case []any, []string:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("%T", v)
}
