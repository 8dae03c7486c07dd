package manifest

import (
	"fmt"
	"slices"
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Defaults are what a row is completed with.
type Defaults struct {
	Currency string                  // of amounts whose row names none
	Terms    calendar.Terms          // where a row tells no due date; the zero Terms: none is estimated
	Kind     receivable.DocumentKind // of documents whose row does not tell; "" invoice
}

// reading evaluates the fields of one row; the first error stays.
type reading struct {
	row   Row
	notes []string
	err   error
}

// get evaluates a field and converts it.
func get[T any](r *reading, field string, e *Expr, convert func(any) (T, error)) T {
	var zero T
	if r.err != nil || e.IsZero() {
		return zero
	}
	v, err := e.value(r.row)
	var got T
	if err == nil {
		got, err = convert(v)
	}
	if err != nil {
		r.err = e.wrong(field, r.row, err)
		return zero
	}
	return got
}

func (r *reading) text(field string, e *Expr) string { return get(r, field, e, asText) }

func (r *reading) day(field string, e *Expr) calendar.Date { return get(r, field, e, asDay) }

func (r *reading) flag(field string, e *Expr) bool { return get(r, field, e, asFlag) }

func (r *reading) list(field string, e *Expr) []string { return get(r, field, e, asList) }

func (r *reading) amount(field string, e *Expr, currency string) money.Amount {
	return get(r, field, e, func(v any) (money.Amount, error) { return asAmount(v, currency) })
}

// key is a text that must be there.
func (r *reading) key(field string, e *Expr) string {
	text := r.text(field, e)
	if text == "" && r.err == nil {
		r.err = e.wrong(field, r.row, fmt.Errorf("it is missing"))
	}
	return text
}

// currency is the code of the row's amounts.
func (r *reading) currency(e *Expr, d Defaults) string {
	code := strings.ToUpper(r.text("currency", e))
	if code == "" {
		return d.Currency
	}
	if !money.IsCode(code) && r.err == nil {
		r.err = e.wrong("currency", r.row, fmt.Errorf("%s is no currency code (EUR)", show(code)))
	}
	return code
}

// word is one of some words, or "".
func (r *reading) word(field string, e *Expr, words ...string) string {
	text := r.text(field, e)
	if text != "" && !slices.Contains(words, text) && r.err == nil {
		r.err = e.wrong(field, r.row, fmt.Errorf("%s is not one of %s", show(text), strings.Join(words, ", ")))
	}
	return text
}

// optional keeps what tells something useful only where it is well formed: the
// row is read without it, and a note tells.
func (r *reading) optional(field string, e *Expr, form func(string) (string, bool)) string {
	text := r.text(field, e)
	if text == "" || r.err != nil {
		return ""
	}
	good, ok := form(text)
	if !ok {
		r.notes = append(r.notes, e.wrong(field, r.row, fmt.Errorf("%s is none: it was left out", show(text))).Error())
		return ""
	}
	return good
}

// required reports the fields of a map that are not written.
func required(p *conf.Problems, fields map[string]Expr, what string) {
	for name, e := range fields {
		if e.IsZero() {
			p.At(name).Addf("%s needs %s", what, name)
		}
	}
}
