package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/internal/conf"
	"relanced/internal/money"
)

func eval(t testing.TB, text string, r Row) (any, error) {
	t.Helper()
	var p conf.Problems
	var e struct {
		X Expr `yaml:"x"`
	}
	quoted, _ := json.Marshal(text)
	n, ok := conf.Parse("erp.yaml", []byte("x: "+string(quoted)+"\n"), &p)
	if ok {
		n.Decode(&p, &e)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return e.X.value(r)
}

func TestExpression_numbersAreExact(t *testing.T) {
	t.Parallel()
	r := row(t, `{"net": 0.1, "vat": "0.2", "n": 3, "big": 9007199254740993, "null": null, "name": " Durand "}`)
	for text, want := range map[string]any{
		"it.net + it.vat":                       json.Number("0.3"),
		"it.net + it.net == 0.2":                true,
		"it.net - it.net":                       int64(0),
		"-it.net":                               json.Number("-0.1"),
		"it.n * 1.1":                            json.Number("3.3"),
		"it.big + 1":                            int64(9007199254740994),
		"it.n == '3'":                           true,
		"it.n == 3.00":                          true,
		"it.n != 3":                             false,
		"it.net < 1 && it.n >= 3":               true,
		"it.vat > 0.1":                          true,
		"it.null == nil":                        true,
		"it.absent ?? 7":                        7,
		"sum([it.net, it.vat, it.n])":           json.Number("3.3"),
		"max(it.net, it.n)":                     int64(3),
		"min(it.net, it.n, 1)":                  json.Number("0.1"),
		"abs(-0.5)":                             json.Number("0.5"),
		"cents(12345)":                          json.Number("123.45"),
		"cents('100')":                          int64(1),
		"money('1250.00')":                      int64(1250),
		"money('-1\u202f234\u00a0567,50', ',')": json.Number("-1234567.5"),
		"money('12.000,00', ',')":               int64(12000),
		"money(\"1'234.5\", '.')":               json.Number("1234.5"),
		"money('7', ',')":                       int64(7),
		"money(it.net, ',')":                    json.Number("0.1"),
		"text(it.name)":                         "Durand",
		"text(it.null)":                         "",
		"first(it.null, ' ', it.n)":             int64(3),
		"concat(it.name, '-', it.n)":            "Durand-3",
		"date('20261129')":                      "2026-11-29",
		"date('2026-11-29T23:59:00Z')":          "2026-11-29",
		"date('29/11/2026', 'DD/MM/YYYY')":      "2026-11-29",
		"date(it.null)":                         "",
		"date('0000-00-00')":                    "",
		"digits('FR 732 829 320')":              "732829320",
		"left('732829320 00074', 9)":            "732829320",
		"left('été', 2)":                        "ét",
		`map(fromJSON('[{"mail": "a@x.fr"}]'), #.mail)`: []any{"a@x.fr"},
		"emails('a@x.fr; b@x.fr,c@x.fr')":               []any{"a@x.fr", "b@x.fr", "c@x.fr"},
		"{'3': 'cheque'}[text(it.n)] ?? ''":             "cheque",
		"len(filter([1, 2.5, 3], # > 2))":               2,
		"upper(text(it.null)) == '' ? 'a' : 'b'":        "a",
		"it.n in [1, 3]":                                true,
		"let x = it.n - 1; x * x":                       int64(4),
		`"2026-01-02" < "2026-01-10" ? 1 : 2`:           1,
		"map([{'a': 1}], ({'invoice': #.a}))[0].a":      nil,
		"0.1 + 0.2 == 0.3 and not (0.1 + 0.2 > 0.3)":    true,
	} {
		got, err := eval(t, text, r)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if !cmp.Equal(got, want) {
			t.Errorf("%s = %#v, want %#v", text, got, want)
		}
	}
}

func TestExpression_whatIsNoNumberIsRefusedOnTheRow(t *testing.T) {
	t.Parallel()
	r := Row{"text": "abc", "float": 0.1, "null": nil, "long": json.Number("0.12345678901234567891"), "exponent": json.Number("1e3"), "pair": "1,50", "whole": int64(1)}
	for text, want := range map[string]string{
		"it.text + 1":                  `"abc" is no number`,
		"it.float + 1":                 "0.1 is a binary float",
		"money(it.float)":              "0.1 is a binary float",
		"money('1.5', ',')":            `"1.5" is no number with the decimal mark ","`,
		"money('1,234.50', ',')":       `"1,234.50" is no number`,
		"money('12O,00', ',')":         `"12O,00" is no number`,
		"money('', ',')":               `"" is no number`,
		"money('1', ';')":              `";" is no decimal mark: write "," or "."`,
		"money('1,234.50')":            `"1,234.50" is no number (digits, with a point before decimals)`,
		"it.null.x":                    "x is asked of null: write ?.x where a row may lack",
		"it.text.x":                    "a field is asked of a text, which has none; fromJSON(x)",
		"map(it.text, #.x)":            "x is asked of a text or number",
		"it.null + 1":                  "a number is missing",
		"it.null > 1":                  "a number is missing",
		"it.long + 1":                  "more digits than can be computed with",
		"it.exponent * 1":              "is no number",
		"money(it.pair)":               `"1,50" is no number (digits, with a point before decimals; money(x, ",") reads one with a comma)`,
		"cents(1.5)":                   "no whole number of hundredths",
		"date('2026-02-30')":           "is no date",
		"date('11/29/26', 'DD/MM/YY')": "no date of the form DD/MM/YY",
		"999999999999999999.9 * 9.99":  "more digits than can be computed with",
		"text([1])":                    "text is meant, here is a list",
		"it.whole ? 1 : 2":             "true or false is meant",
	} {
		got, err := eval(t, text, r)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %v, %v; want an error with %q", text, got, err, want)
		}
	}
}

func TestExpression_sumsAsIntegersDo(t *testing.T) {
	t.Parallel()
	m := decode[Document](t, "{id: it.id, customer: it.id, number: it.id, issued_on: it.on, total: it.net + it.vat, paid: it.paid}")
	rapid.Check(t, func(rt *rapid.T) {
		cents := rapid.Int64Range(0, 99_999_999_99)
		net, vat := cents.Draw(rt, "net"), cents.Draw(rt, "vat")
		paid := rapid.Int64Range(0, net+vat).Draw(rt, "paid")
		text := func(n int64) any { return Number(money.New(n, "EUR").String() + "0000") }
		doc, err := m.Read(Row{"id": "1", "on": "2026-01-02", "net": text(net), "vat": text(vat), "paid": text(paid)}, Defaults{Currency: "EUR"})
		if err != nil {
			rt.Fatal(err)
		}
		if doc.Total.Minor != net+vat || doc.Outstanding.Minor != net+vat-paid {
			rt.Fatalf("%v of %v", doc.Outstanding, doc.Total)
		}
	})
}

func TestExpression_secondsAreDays(t *testing.T) {
	t.Parallel()
	r := Row{"night": int64(1791410400), "none": nil, "zero": int64(0)} // 2026-10-07 22:00 UTC
	for text, want := range map[string]string{
		`unix(it.night)`: "2026-10-07", `unix(it.night, "Europe/Paris")`: "2026-10-08", `unix(it.none)`: "", `unix(it.zero)`: "",
	} {
		if got, err := eval(t, text, r); err != nil || got != want {
			t.Errorf("%s = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{`unix("soon")`, `unix(-5)`, `unix(it.night, "Nowhere")`, `unix(99999999999999)`} {
		if got, err := eval(t, text, r); err == nil {
			t.Errorf("%s = %v", text, got)
		}
	}
}
