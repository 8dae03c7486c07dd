package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

// Text is a JSON string, number or null, kept as text; null and absent are "".
// Sources write ids and amounts either way.
type Text string

// UnmarshalJSON reads a string, a number or null.
func (t *Text) UnmarshalJSON(data []byte) error {
	switch {
	case bytes.Equal(data, []byte("null")):
		*t = ""
	case data[0] == '"':
		if raw := data[1 : len(data)-1]; !bytes.ContainsAny(raw, "\\") && utf8.Valid(raw) {
			*t = Text(raw)
			return nil
		}
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*t = Text(s)
	case data[0] == '-' || data[0] >= '0' && data[0] <= '9':
		*t = Text(data)
	default:
		return errors.New("neither text nor number")
	}
	return nil
}

// Amount reads text as an amount of the currency; what names the field. A
// missing amount is an error, never zero.
func Amount(what string, text Text, currency string) (money.Amount, error) {
	if text == "" {
		return money.Amount{}, fmt.Errorf("%s is missing", what)
	}
	if strings.ContainsAny(string(text), "eE") {
		return money.Amount{}, fmt.Errorf("%s: %q is not an amount", what, short(string(text), 40))
	}
	a, err := money.Parse(string(text), currency)
	if err != nil {
		return money.Amount{}, fmt.Errorf("%s: %s", what, short(err.Error(), 80))
	}
	return a, nil
}

// Plain writes a number with an exponent out ("1.0E-2" is "0.010"); other text
// is returned as it is. Some sources write numbers so.
func Plain(text Text) Text {
	mantissa, exponent, found := strings.Cut(strings.ToLower(string(text)), "e")
	if !found {
		return text
	}
	shift, err := strconv.Atoi(exponent)
	if err != nil || shift < -18 || shift > 18 {
		return text
	}
	sign := ""
	if strings.HasPrefix(mantissa, "-") {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return text
	}
	digits, point := whole+fraction, len(whole)+shift
	if point <= 0 {
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	}
	if point >= len(digits) {
		return Text(sign + digits + strings.Repeat("0", point-len(digits)))
	}
	return Text(sign + digits[:point] + "." + digits[point:])
}

// Date reads the day that begins text (YYYY-MM-DD, or an instant whose day is
// meant); "" is no date.
func Date(what, text string) (calendar.Date, error) {
	if text == "" {
		return 0, nil
	}
	if len(text) > 10 && text[10] == 'T' {
		text = text[:10]
	}
	d, err := calendar.ParseDate(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %s", what, short(err.Error(), 80))
	}
	return d, nil
}

// Rows decodes a JSON list: a row that cannot be decoded is given to bad with its
// raw text, and the list goes on.
func Rows[T any](list json.RawMessage, bad func(raw json.RawMessage, err error)) ([]T, error) {
	if len(list) == 0 {
		return nil, errors.New("no list")
	}
	var whole []T
	if json.Unmarshal(list, &whole) == nil { // in one go, as nearly all can be
		return whole, nil
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(list, &raws); err != nil {
		return nil, err
	}
	rows := make([]T, 0, len(raws))
	for _, raw := range raws {
		var row T
		if err := json.Unmarshal(raw, &row); err != nil {
			bad(raw, err)
			continue
		}
		rows = append(rows, row)
	}
	return rows, nil
}
