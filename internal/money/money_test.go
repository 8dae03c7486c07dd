package money

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, currency string
		minor          int64
	}{
		{"1234.5", "EUR", 123450},
		{"-12", "EUR", -1200},
		{"-0.05", "EUR", -5},
		{"0.00", "EUR", 0},
		{"12.3400", "EUR", 1234},
		{"1200", "JPY", 1200},
		{"1200.00", "JPY", 1200},
		{"1.005", "TND", 1005},
		{"-1.005", "TND", -1005},
		{"9999999999999.99", "EUR", 999999999999999},
	} {
		got, err := Parse(c.text, c.currency)
		if err != nil || got != New(c.minor, c.currency) {
			t.Errorf("Parse(%q, %s) = %v, %v", c.text, c.currency, got, err)
		}
	}
}

func TestParse_refuses(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"", "EUR"},
		{"abc", "EUR"},
		{"1,5", "EUR"},
		{"1.005", "EUR"},
		{"1.5", "JPY"},
		{"1 000", "EUR"},
		{"10000000000000", "EUR"},
		{"-10000000000000", "EUR"},
		{"99999999999999999999", "EUR"},
		{"1e40", "EUR"},
		{"NaN", "EUR"},
		{"\n", "EUR"},
		{"1", "eur"},
		{"1", ""},
		{"1", "EURO"},
	} {
		if got, err := Parse(c[0], c[1]); err == nil {
			t.Errorf("Parse(%q, %q) = %v", c[0], c[1], got)
		}
	}
}

func TestRound_halfGoesAwayFromZero(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, currency, want string
	}{
		{"3.645", "EUR", "3.65"},
		{"-3.645", "EUR", "-3.65"},
		{"3.6449999999", "EUR", "3.64"},
		{"-3.6449999999", "EUR", "-3.64"},
		{"0.005", "EUR", "0.01"},
		{"-0.005", "EUR", "-0.01"},
		{"0.004", "EUR", "0.00"},
		{"9.999999999999999999", "EUR", "10.00"},
		{"9.994999999999999999", "EUR", "9.99"},
		{"99999.99499999999999", "EUR", "99999.99"},
		{"18264.5", "JPY", "18265"},
		{"18264.4999", "JPY", "18264"},
		{"1.0005", "TND", "1.001"},
	} {
		got, err := Round(decimal.MustParse(c.text), c.currency)
		if err != nil || got.String() != c.want {
			t.Errorf("Round(%s, %s) = %s, %v, want %s", c.text, c.currency, got, err, c.want)
		}
	}
	if got, err := Round(decimal.MustParse("9999999999999999999"), "EUR"); err == nil {
		t.Errorf("a huge number became %s", got)
	}
}

func TestAmount_textAndDecimalAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"EUR", "JPY", "TND"}).Draw(t, "currency")
		a := New(rapid.Int64Range(-maxMinor+1, maxMinor-1).Draw(t, "minor"), currency)
		if got, err := Parse(a.String(), currency); err != nil || got != a {
			t.Fatalf("%s read back as %v, %v", a, got, err)
		}
		if got, err := Round(a.Decimal(), currency); err != nil || got != a {
			t.Fatalf("%s rounded is %v, %v", a, got, err)
		}
	})
}

func TestAmount_smallestIsWritten(t *testing.T) {
	t.Parallel()
	if got := New(math.MinInt64, "EUR").String(); got != "-92233720368547758.08" {
		t.Error(got)
	}
}

func TestAmount_addsOnlyWhatCanBeAdded(t *testing.T) {
	t.Parallel()
	if got := (Amount{}).Add(New(5, "EUR")); got != New(5, "EUR") {
		t.Errorf("nothing and 5 cents is %v", got)
	}
	if got := New(5, "EUR").Sub(New(7, "EUR")); got != New(-2, "EUR") {
		t.Errorf("5 - 7 is %v", got)
	}
	for name, c := range map[string]struct {
		want error
		do   func()
	}{
		"currencies":   {ErrCurrency, func() { New(1, "EUR").Add(New(1, "USD")) }},
		"comparison":   {ErrCurrency, func() { New(1, "EUR").Cmp(New(1, "USD")) }},
		"too much":     {ErrOverflow, func() { New(math.MaxInt64, "EUR").Add(New(1, "EUR")) }},
		"too little":   {ErrOverflow, func() { New(math.MinInt64, "EUR").Add(New(-1, "EUR")) }},
		"sub least":    {ErrOverflow, func() { New(1, "EUR").Sub(New(math.MinInt64, "EUR")) }},
		"sub too much": {ErrOverflow, func() { New(math.MaxInt64, "EUR").Sub(New(-1, "EUR")) }},
	} {
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, c.want) {
					t.Errorf("%s: recovered %v, want %v", name, err, c.want)
				}
			}()
			c.do()
		}()
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount         Amount
		language, want string
	}{
		{New(123456, "EUR"), "fr", "1\u202f234,56\u00a0€"},
		{New(123456, "EUR"), "fr-FR", "1\u202f234,56\u00a0€"},
		{New(-123456, "EUR"), "fr", "-1\u202f234,56\u00a0€"},
		{New(5, "EUR"), "fr", "0,05\u00a0€"},
		{New(123456789012, "EUR"), "fr", "1\u202f234\u202f567\u202f890,12\u00a0€"},
		{New(99999, "EUR"), "fr", "999,99\u00a0€"},
		{New(123456, "USD"), "fr", "1\u202f234,56\u00a0USD"},
		{New(1234567, "JPY"), "fr", "1\u202f234\u202f567\u00a0JPY"},
		{New(123456, "EUR"), "en", "€1,234.56"},
		{New(-123456, "EUR"), "en", "-€1,234.56"},
		{New(123456, "EUR"), "", "€1,234.56"},
		{New(480000, "GBP"), "en", "GBP\u00a04,800.00"},
		{New(1234567, "TND"), "en", "TND\u00a01,234.567"},
		{Amount{}, "fr", "0,00"},
	} {
		if got := Format(c.amount, c.language); got != c.want {
			t.Errorf("Format(%v, %q) = %q, want %q", c.amount, c.language, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1234.5", "EUR")
	f.Add("-0.005", "TND")
	f.Add("1e3", "JPY")
	f.Fuzz(func(t *testing.T, text, currency string) {
		got, err := Parse(text, currency)
		if err != nil {
			return
		}
		again, err := Parse(got.String(), currency)
		if err != nil || again != got {
			t.Errorf("%q: %v, then %v, %v", text, got, again, err)
		}
		if strings.ContainsAny(Format(got, "fr"), ".") && !strings.Contains(currency, ".") {
			t.Errorf("%q: French with a point: %s", text, Format(got, "fr"))
		}
	})
}
