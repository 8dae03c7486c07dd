// Package money holds exact amounts: whole minor units of a currency.
//
// Binary floats never touch money, and amounts of different currencies are
// never added. Text from outside is parsed once, at the edge, by Parse.
package money

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/govalues/decimal"
)

// Amount is a sum in the minor unit of its currency (cents of EUR, yen of JPY).
// The zero Amount has no currency: it is "nothing", and adds to any amount.
type Amount struct {
	Minor    int64
	Currency string // ISO 4217, upper case
}

// ErrCurrency tells that two amounts of different currencies were combined.
var ErrCurrency = errors.New("amounts of different currencies")

// ErrOverflow tells that a sum is too large for an Amount.
var ErrOverflow = errors.New("sum of amounts too large")

// New returns the amount of minor units in the currency.
func New(minor int64, currency string) Amount { return Amount{minor, currency} }

// Parse reads a decimal with a point ("1234.5", "-12", "0.00") as an amount.
// Trailing zeros beyond the currency's decimals are accepted, other digits
// there are an error, as is an empty text: a missing amount is never zero.
func Parse(text, currency string) (Amount, error) {
	if text == "" {
		return Amount{}, errors.New("missing amount")
	}
	if !IsCode(currency) {
		return Amount{}, fmt.Errorf("%q is not a currency code", currency)
	}
	d, err := decimal.Parse(text)
	if err != nil {
		return Amount{}, fmt.Errorf("%q is not an amount", text)
	}
	digits := Digits(currency)
	if d.MinScale() > digits {
		return Amount{}, fmt.Errorf("%q has more decimals than %s allows", text, currency)
	}
	return fromDecimal(d, currency)
}

// Round reads d as an amount, rounded half away from zero at the minor unit.
func Round(d decimal.Decimal, currency string) (Amount, error) {
	digits := Digits(currency)
	half := decimal.MustNew(5, digits+1)
	if d.IsNeg() {
		half = half.Neg()
	}
	sum, err := d.Add(half)
	if err != nil {
		return Amount{}, err
	}
	return fromDecimal(sum.Trunc(digits), currency)
}

func fromDecimal(d decimal.Decimal, currency string) (Amount, error) {
	digits := Digits(currency)
	whole, frac, ok := d.Trunc(digits).Int64(digits)
	if !ok {
		return Amount{}, fmt.Errorf("%s is too large an amount", d)
	}
	scale := pow10(digits)
	if whole >= maxMinor/scale || whole <= -maxMinor/scale {
		return Amount{}, fmt.Errorf("%s is too large an amount", d)
	}
	return Amount{whole*scale + frac, currency}, nil
}

// maxMinor bounds what is read: ten million million euros. Nine thousand
// amounts of that size can be added before Add overflows.
const maxMinor = 1_000_000_000_000_000

// Decimal returns the amount in major units.
func (a Amount) Decimal() decimal.Decimal { return decimal.MustNew(a.Minor, Digits(a.Currency)) }

// String returns the amount in major units with a point and all the
// currency's decimals, without the currency: "1234.50", "-0.05", "1200".
func (a Amount) String() string {
	digits := Digits(a.Currency)
	sign, abs := "", uint64(a.Minor) //nolint:gosec // the sign is handled just below
	if a.Minor < 0 {
		sign, abs = "-", -abs
	}
	if digits == 0 {
		return fmt.Sprintf("%s%d", sign, abs)
	}
	scale := uint64(pow10(digits)) //nolint:gosec // a small positive power of ten
	return fmt.Sprintf("%s%d.%0*d", sign, abs/scale, digits, abs%scale)
}

// Add returns a + b. It panics where both have a currency and they differ:
// callers group by currency first. It panics too on a sum beyond int64, which
// amounts that were parsed do not reach: no wrong sum is ever shown.
func (a Amount) Add(b Amount) Amount {
	sum := a.Minor + b.Minor
	if (sum < a.Minor) != (b.Minor < 0) {
		panic(fmt.Errorf("%w: %d and %d", ErrOverflow, a.Minor, b.Minor))
	}
	return Amount{sum, common(a, b)}
}

// Sub returns a - b, under the rule of Add.
func (a Amount) Sub(b Amount) Amount {
	rest := a.Minor - b.Minor
	if (rest > a.Minor) != (b.Minor < 0) {
		panic(fmt.Errorf("%w: %d less %d", ErrOverflow, a.Minor, b.Minor))
	}
	return Amount{rest, common(a, b)}
}

// Neg returns -a.
func (a Amount) Neg() Amount { return Amount{-a.Minor, a.Currency} }

// Abs returns the amount without its sign.
func (a Amount) Abs() Amount {
	if a.Minor < 0 {
		return a.Neg()
	}
	return a
}

// Cmp compares two amounts of one currency, under the rule of Add.
func (a Amount) Cmp(b Amount) int {
	common(a, b)
	return cmp.Compare(a.Minor, b.Minor)
}

// Sign is -1, 0 or 1.
func (a Amount) Sign() int { return cmp.Compare(a.Minor, 0) }

// IsZero tells whether nothing is owed either way.
func (a Amount) IsZero() bool { return a.Minor == 0 }

func common(a, b Amount) string {
	switch {
	case a.Currency == b.Currency || b.Currency == "":
		return a.Currency
	case a.Currency == "":
		return b.Currency
	}
	panic(fmt.Errorf("%w: %s and %s", ErrCurrency, a.Currency, b.Currency))
}

// Digits returns how many decimals the currency has (ISO 4217).
func Digits(currency string) int {
	switch currency {
	case "JPY", "KRW", "CLP", "VND", "ISK", "XOF", "XAF", "XPF", "PYG", "UGX", "RWF", "GNF", "KMF", "DJF", "VUV", "BIF":
		return 0
	case "TND", "BHD", "KWD", "OMR", "JOD", "IQD", "LYD":
		return 3
	}
	return 2
}

// IsCode tells whether text has the form of a currency code: three capitals.
func IsCode(text string) bool {
	return len(text) == 3 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}
