package manifest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/expr-lang/expr/vm/runtime"
	"github.com/govalues/decimal"
)

// mostDigits is what a decimal holds exactly.
const mostDigits = 19

// exact reads a number, or a text that is one, without losing a digit.
func exact(v any) (decimal.Decimal, error) {
	switch v := v.(type) {
	case int64:
		return decimal.New(v, 0)
	case int:
		return decimal.New(int64(v), 0)
	}
	text, err := canonical(v)
	if err != nil {
		return decimal.Decimal{}, err
	}
	return decimal.Parse(text)
}

// canonical writes a number, or a text that is one, in the plain way: "-12.5".
func canonical(v any) (string, error) {
	text := ""
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int: // a literal of the expression
		return strconv.Itoa(v), nil
	case json.Number:
		text = string(v)
	case string:
		text = strings.TrimSpace(v)
	case float64, float32:
		return "", fmt.Errorf("%v is a binary float: cast it to a decimal in the query (in SQLite to text, printf('%%.2f', x))", v)
	case nil:
		return "", fmt.Errorf("a number is missing")
	default:
		return "", fmt.Errorf("%s is no number", kindOf(v))
	}
	plain := strings.TrimPrefix(text, "-")
	whole, fraction, pointed := strings.Cut(plain, ".")
	fraction = strings.TrimRight(fraction, "0")
	whole = strings.TrimLeft(whole, "0")
	switch {
	case plain == "" || pointed && plain == "." || strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0123456789") != "":
		return "", fmt.Errorf("%s is no number (digits, with a point before decimals%s)", show(text), commaHint(text))
	case len(whole)+len(fraction) > mostDigits:
		return "", fmt.Errorf("%s has more digits than can be computed with", show(text))
	}
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if text[0] == '-' {
		whole = "-" + whole
	}
	return whole, nil
}

// commaHint tells how amounts with a comma are read.
func commaHint(text string) string {
	if _, decimals, ok := strings.Cut(text, ","); !ok || strings.ContainsAny(decimals, ",.") {
		return "" // a comma that parts thousands
	}
	return `; money(x, ",") reads one with a comma`
}

// unmarked writes a text with the decimal mark "," or "." in the plain way. What
// parts its thousands, blanks, apostrophes or the other mark, must part groups of
// three digits: 1.5 is no number whose mark is the comma.
func unmarked(text, mark string) (string, error) {
	other := map[string]string{",": ".", ".": ","}[mark]
	if other == "" {
		return "", fmt.Errorf("%s is no decimal mark: write \",\" or \".\"", show(mark))
	}
	whole, fraction, marked := strings.Cut(text, mark)
	groups := strings.FieldsFunc(strings.TrimPrefix(whole, "-"), func(r rune) bool {
		return unicode.IsSpace(r) || r == '\'' || r == '’' || string(r) == other
	})
	for i, group := range groups {
		if i > 0 && len(group) != 3 || i == 0 && len(groups) > 1 && len(group) > 3 {
			return "", notMarked(text, mark)
		}
	}
	plain := strings.Join(groups, "")
	if strings.HasPrefix(whole, "-") {
		plain = "-" + plain
	}
	if marked {
		plain += "." + fraction
	}
	if _, err := canonical(plain); err != nil {
		return "", notMarked(text, mark)
	}
	return plain, nil
}

func notMarked(text, mark string) error {
	return fmt.Errorf("%s is no number with the decimal mark %q", show(text), mark)
}

// number is the value in a row of a decimal.
func number(d decimal.Decimal) any { return Number(d.Trim(0).String()) }

// isNumber tells a number from a text that looks like one.
func isNumber(v any) bool {
	switch v.(type) {
	case int64, int, json.Number, float64, float32:
		return true
	}
	return false
}

// arithmetic is + - * of two exact numbers, the result exact or an error.
func arithmetic(op string, a, b any) (any, error) {
	x, err := exact(a)
	if err != nil {
		return nil, err
	}
	y, err := exact(b)
	if err != nil {
		return nil, err
	}
	var z decimal.Decimal
	switch op {
	case "+":
		z, err = x.AddExact(y, max(x.Scale(), y.Scale()))
	case "-":
		z, err = x.SubExact(y, max(x.Scale(), y.Scale()))
	case "*":
		z, err = x.MulExact(y, x.Scale()+y.Scale())
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s %s has more digits than can be computed with", x, op, y)
	}
	return number(z), nil
}

// compare is -1, 0 or 1 of two numbers, or of two texts. A text compares with a
// number as the number that it is.
func compare(a, b any) (int, error) {
	s, isText := a.(string)
	t, areTexts := b.(string)
	if isText && areTexts {
		return strings.Compare(s, t), nil
	}
	x, err := exact(a)
	if err != nil {
		return 0, err
	}
	y, err := exact(b)
	if err != nil {
		return 0, err
	}
	return x.Cmp(y), nil
}

// equal compares numbers by their worth, also with texts that are numbers and
// with flags, which some databases write as 0 and 1, and everything else as it is.
func equal(a, b any) bool {
	a, b = flagged(a, b), flagged(b, a)
	if isNumber(a) || isNumber(b) {
		x, errX := exact(a)
		y, errY := exact(b)
		return errX == nil && errY == nil && x.Cmp(y) == 0
	}
	return runtime.Equal(a, b)
}

// flagged is a flag as a number, where it is compared with one.
func flagged(v, other any) any {
	flag, ok := v.(bool)
	switch {
	case !ok || !isNumber(other):
		return v
	case flag:
		return int64(1)
	}
	return int64(0)
}
