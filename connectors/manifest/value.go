package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

// TextOf reads a value of a row as a text: a number as the source wrote it, null
// as "".
func TextOf(v any) (string, error) { return asText(v) }

// asText reads a text, or a number as the source wrote it; null is "".
func asText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(strings.ToValidUTF8(v, "\ufffd")), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int:
		return strconv.Itoa(v), nil
	case json.Number:
		return string(v), nil
	case time.Time:
		return v.Format(time.RFC3339), nil
	}
	return "", fmt.Errorf("text is meant, here is %s", kindOf(v))
}

// asDay reads the day that a value begins with; null and "" are no date. The
// zone of an instant is that in which the source wrote it.
func asDay(v any) (calendar.Date, error) {
	if t, ok := v.(time.Time); ok {
		if t.Year() < 1 { // the zero date of MySQL
			return 0, nil
		}
		return calendar.DateOf(t), nil
	}
	text, err := asText(v)
	if err != nil || text == "" || strings.HasPrefix(text, "0000-00-00") {
		return 0, err
	}
	day := text
	switch {
	case len(text) == 8 && strings.Trim(text, "0123456789") == "":
		day = text[:4] + "-" + text[4:6] + "-" + text[6:]
	case len(text) > 10 && (text[10] == 'T' || text[10] == ' '):
		day = text[:10]
	}
	d, err := calendar.ParseDate(day)
	if err != nil {
		return 0, fmt.Errorf("%s is no date (2026-11-29)", show(text))
	}
	return d, nil
}

// asAmount reads an amount of the currency. A missing one is an error, never zero.
func asAmount(v any, currency string) (money.Amount, error) {
	if text, ok := v.(string); v == nil || ok && strings.TrimSpace(text) == "" {
		return money.Amount{}, errors.New("the amount is missing")
	}
	plain, err := canonical(v)
	if err != nil {
		return money.Amount{}, err
	}
	return money.Parse(plain, currency)
}

// asFlag reads true or false, also as databases write them; null is false.
func asFlag(v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case int64:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	}
	return false, fmt.Errorf("true or false is meant, here is %s", show(v))
}

// asList reads the texts of a list, or one text; null and empty texts are left out.
func asList(v any) ([]string, error) {
	var items []any
	switch v := v.(type) {
	case []any:
		items = v
	case []string: // of split
		for _, text := range v {
			items = append(items, text)
		}
	default:
		items = []any{v}
	}
	var list []string
	for _, item := range items {
		text, err := asText(item)
		if err != nil {
			return nil, err
		}
		if text != "" {
			list = append(list, text)
		}
	}
	return list, nil
}

// asRows reads a list of objects; null is none.
func asRows(v any) ([]Row, error) {
	if v == nil {
		return nil, nil
	}
	items, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("a list is meant, here is %s", kindOf(v))
	}
	rows := make([]Row, 0, len(items))
	for _, item := range items {
		row, ok := item.(Row)
		if !ok {
			return nil, fmt.Errorf("a list of objects is meant, it holds %s", kindOf(item))
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// asRank reads the place of an instalment; null is 0, not told.
func asRank(v any) (int, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int:
		return v, nil
	case int64:
		if v > 0 && v < math.MaxInt32 {
			return int(v), nil
		}
	}
	return 0, fmt.Errorf("a whole number from 1 is meant, here is %s", show(v))
}
