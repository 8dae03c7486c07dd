package manifest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/expr-lang/expr"
	"github.com/govalues/decimal"

	"relanced/internal/calendar"
)

// refused are the functions of expr that depend on the clock, and those that compute
// with binary floats.
var refused = []string{"now", "timezone", "duration", "float", "round", "ceil", "floor", "mean", "median", "int"}

// replaced are expr's functions of the same name as one of ours.
var replaced = []string{"date", "first", "abs", "min", "max", "sum", "concat"}

// helpers are the functions that expressions may call besides expr's own.
func helpers() []expr.Option {
	var options []expr.Option
	for _, name := range slices.Concat(refused, replaced) {
		options = append(options, expr.DisableBuiltin(name))
	}
	function := func(name string, fn func(args ...any) (any, error), shape any) {
		options = append(options, expr.Function(name, fn, shape))
	}
	function("text", func(args ...any) (any, error) { return asText(args[0]) }, new(func(any) string))
	function("first", func(args ...any) (any, error) { return first(args), nil }, new(func(...any) any))
	function("concat", concat, new(func(...any) string))
	function("date", date, new(func(any, ...string) string))
	function("unix", unix, new(func(any, ...string) string))
	function("money", decimalOf, new(func(any, ...string) any))
	function("cents", func(args ...any) (any, error) { return cents(args[0]) }, new(func(any) any))
	function("abs", func(args ...any) (any, error) { return abs(args[0]) }, new(func(any) any))
	function("min", func(args ...any) (any, error) { return extreme(-1, args) }, new(func(any, ...any) any))
	function("max", func(args ...any) (any, error) { return extreme(1, args) }, new(func(any, ...any) any))
	function("sum", func(args ...any) (any, error) { return sum(args[0]) }, new(func(any) any))
	function("emails", func(args ...any) (any, error) { return emails(args) }, new(func(...any) []any))
	function("digits", digits, new(func(any) string))
	function("left", left, new(func(any, int) string))
	for op, name := range arithmetics {
		function(name, func(args ...any) (any, error) { return arithmetic(op, args[0], args[1]) }, new(func(any, any) any))
	}
	for op, name := range comparisons {
		function(name, func(args ...any) (any, error) { return compares(op, args[0], args[1]) }, new(func(any, any) bool))
	}
	return options
}

// The operators on numbers, and what they become.
var (
	arithmetics = map[string]string{"+": "plus", "-": "minus", "*": "times"}
	comparisons = map[string]string{"==": "same", "!=": "other", "<": "less", "<=": "atMost", ">": "more", ">=": "atLeast"}
)

func compares(op string, a, b any) (bool, error) {
	switch op {
	case "==":
		return equal(a, b), nil
	case "!=":
		return !equal(a, b), nil
	}
	order, err := compare(a, b)
	switch op {
	case "<":
		return order < 0, err
	case "<=":
		return order <= 0, err
	case ">":
		return order > 0, err
	}
	return order >= 0, err
}

func first(args []any) any {
	for _, arg := range args {
		if text, ok := arg.(string); arg != nil && (!ok || strings.TrimSpace(text) != "") {
			return arg
		}
	}
	return nil
}

func concat(args ...any) (any, error) {
	var b strings.Builder
	for _, arg := range args {
		text, err := asText(arg)
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// forms are the parts of a date as people write its form.
var forms = strings.NewReplacer("YYYY", "2006", "YY", "06", "MM", "01", "DD", "02")

func date(args ...any) (any, error) {
	if len(args) == 1 {
		day, err := asDay(args[0])
		return day.String(), err
	}
	text, err := asText(args[0])
	if err != nil || text == "" {
		return "", err
	}
	form, _ := args[1].(string)
	t, err := time.Parse(forms.Replace(form), text)
	if err != nil {
		return nil, fmt.Errorf("%s is no date of the form %s", show(text), form)
	}
	return calendar.DateOf(t).String(), nil
}

// unix is the day of an instant in seconds since 1970, in a zone or UTC. Zero is
// no day.
func unix(args ...any) (any, error) {
	text, err := asText(args[0])
	if err != nil || text == "" || text == "0" {
		return "", err
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || seconds > maxSeconds {
		return nil, fmt.Errorf("%s is no number of seconds since 1970", show(text))
	}
	zone := time.UTC
	if len(args) > 1 {
		name, _ := args[1].(string)
		if zone, err = time.LoadLocation(name); err != nil {
			return nil, fmt.Errorf("%s is no zone (Europe/Paris)", show(name))
		}
	}
	return calendar.DateOf(time.Unix(seconds, 0).In(zone)).String(), nil
}

// maxSeconds is the year 9999.
const maxSeconds = 253_402_300_799

// decimalOf is an amount, of a text also one whose decimal mark is told.
func decimalOf(args ...any) (any, error) {
	v := args[0]
	if text, ok := v.(string); ok && len(args) > 1 {
		mark, _ := args[1].(string)
		plain, err := unmarked(strings.TrimSpace(text), mark)
		if err != nil {
			return nil, err
		}
		v = plain
	}
	d, err := exact(v)
	if err != nil {
		return nil, err
	}
	return number(d), nil
}

func cents(v any) (any, error) {
	d, err := exact(v)
	if err != nil {
		return nil, err
	}
	if !d.IsInt() {
		return nil, fmt.Errorf("%s is no whole number of hundredths", show(v))
	}
	d, err = d.MulExact(decimal.MustNew(1, 2), 2)
	if err != nil {
		return nil, fmt.Errorf("%s is too large an amount", show(v))
	}
	return number(d), nil
}

func abs(v any) (any, error) {
	d, err := exact(v)
	if err != nil {
		return nil, err
	}
	return number(d.Abs()), nil
}

// extreme is the largest (sign 1) or smallest (-1).
func extreme(sign int, args []any) (any, error) {
	var best decimal.Decimal
	for i, arg := range args {
		d, err := exact(arg)
		if err != nil {
			return nil, err
		}
		if i == 0 || d.Cmp(best) == sign {
			best = d
		}
	}
	return number(best), nil
}

func sum(v any) (any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("sum is of a list, here is %s", kindOf(v))
	}
	var total any = int64(0)
	var err error
	for _, item := range list {
		if total, err = arithmetic("+", total, item); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func emails(args []any) (any, error) {
	found := []any{}
	for _, arg := range args {
		text, err := asText(arg)
		if err != nil {
			return nil, err
		}
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == ',' || unicode.IsSpace(r) }) {
			found = append(found, part)
		}
	}
	return found, nil
}

func digits(args ...any) (any, error) {
	text, err := asText(args[0])
	if err != nil {
		return nil, err
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text), nil
}

func left(args ...any) (any, error) {
	text, err := asText(args[0])
	if err != nil {
		return nil, err
	}
	n, ok := args[1].(int)
	if !ok || n < 0 || n > math.MaxInt16 {
		return nil, errors.New("left takes a number of characters")
	}
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n]), nil
	}
	return text, nil
}
