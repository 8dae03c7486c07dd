package ledger

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"relanced/internal/calendar"
)

const day calendar.Date = 740_000

// The control equation of the open items: what is open adds up to the balance,
// whatever the lines are.
func TestSettle_whatIsOpenAddsUpToTheBalance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		items := drawItems(t)
		for _, partial := range []bool{true, false} {
			o := settle(items, partial)
			if !o.holds() {
				t.Fatalf("open items do not add up to %d: %+v", o.balance, o)
			}
			for _, i := range append(append([]*item{}, o.open...), o.after...) {
				if i.left <= 0 || i.left > i.amount {
					t.Fatalf("%d left of %d", i.left, i.amount)
				}
			}
			for _, i := range o.credits {
				if i.left >= 0 || i.left < i.amount {
					t.Fatalf("%d left of the credit %d", i.left, i.amount)
				}
			}
		}
		if o := fifo(items); !o.holds() {
			t.Fatalf("oldest first: open items do not add up to %d: %+v", o.balance, o)
		}
	})
}

func drawItems(t *rapid.T) []*item {
	var items []*item
	for n := range rapid.IntRange(0, 30).Draw(t, "lines") {
		i := &item{
			id: fmt.Sprint(n), no: n, amount: rapid.Int64Range(-5000, 5000).Draw(t, "amount"),
			letter: rapid.SampledFrom([]string{"", "", "A", "B", "aa", "Agr"}).Draw(t, "letter"),
		}
		i.on = day + calendar.Date(rapid.IntRange(0, 5).Draw(t, "day")) //nolint:gosec // small
		i.kind = rapid.SampledFrom([]kind{kindOther, kindInvoice, kindOpening}).Draw(t, "kind")
		if i.amount < 0 {
			i.kind = rapid.SampledFrom([]kind{kindOther, kindPayment, kindCreditNote, kindOpening}).Draw(t, "kind")
		}
		if i.letter == "" && rapid.IntRange(0, 9).Draw(t, "carried") == 0 {
			i.carried, i.later = true, i.amount > 0 && rapid.Bool().Draw(t, "later")
			i.letter = "A"
		}
		items = append(items, i)
	}
	return items
}

func TestSettle_rules(t *testing.T) {
	t.Parallel()
	debit := func(no int, amount int64, letter string, k kind) *item {
		return &item{id: fmt.Sprint(no), no: no, on: 740_000, amount: amount, letter: letter, kind: k}
	}
	tests := map[string]struct {
		items   []*item
		open    string
		credits string
		unused  int64
	}{
		"balanced group":                        {[]*item{debit(1, 100, "A", kindInvoice), debit(2, -100, "A", kindPayment)}, "", "", 0},
		"letters keep their case":               {[]*item{debit(1, 100, "A", kindInvoice), debit(2, -100, "a", kindPayment)}, "", "", 100},
		"paid after the end":                    {[]*item{debit(1, 100, "A", kindInvoice)}, "", "", 0},
		"partial, the payment takes the oldest": {[]*item{debit(1, 100, "A", kindInvoice), debit(2, 50, "A", kindInvoice), debit(3, -120, "A", kindPayment)}, "2:30", "", 0},
		"lower case stays open":                 {[]*item{debit(1, 100, "ab", kindInvoice)}, "1:100", "", 0},
		"mixed case is no partial lettering":    {[]*item{debit(1, 100, "Agr", kindInvoice)}, "", "", 0},
		"last year's invoice is in the opening": {[]*item{debit(1, 100, "", kindOpening), debit(2, -70, "A", kindPayment)}, "1:30", "", 0},
		"the pool spares this year's invoices":  {[]*item{debit(1, 100, "", kindInvoice), debit(2, -70, "A", kindPayment)}, "1:100", "", 70},
		"unlettered credits are never set off":  {[]*item{debit(1, 100, "", kindInvoice), debit(2, -100, "", kindPayment)}, "1:100", "2:-100", 0},
		"the oldest opening line is used first": {[]*item{debit(1, 40, "", kindOpening), debit(2, 40, "", kindOpening), debit(3, -50, "B", kindPayment)}, "2:30", "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := settle(test.items, true)
			if got := lefts(o.open); got != test.open {
				t.Errorf("open %q, want %q", got, test.open)
			}
			if got := lefts(o.credits); got != test.credits {
				t.Errorf("credits %q, want %q", got, test.credits)
			}
			if o.unused != test.unused || !o.holds() {
				t.Errorf("unused %d, want %d; adds up: %v", o.unused, test.unused, o.holds())
			}
		})
	}
}

func lefts(items []*item) string {
	text := ""
	for _, i := range items {
		if text != "" {
			text += " "
		}
		text += fmt.Sprintf("%s:%d", i.id, i.left)
	}
	return text
}

func TestIdentifier(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]string{
		"VIR DUPONT 220363":              "220363",
		"Facture n° FA-2026/0012 du":     "FA-2026/0012",
		"Règlement du 12/03/2026":        "",
		"12/03/2026 facture 4411 client": "4411",
		"Prestation 2026":                "",
		"DUPONT":                         "",
	} {
		if got := Identifier(label); got != want {
			t.Errorf("%q: %q, want %q", label, got, want)
		}
	}
}
