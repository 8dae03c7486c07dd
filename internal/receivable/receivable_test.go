package receivable

import (
	"fmt"
	"slices"
	"testing"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

func cents(n int64) money.Amount { return money.New(n, "EUR") }

func day(text string) calendar.Date { return calendar.MustParse(text) }

// open makes items of these amounts in cents, each due a day after the one before.
func open(amounts ...int64) []OpenItem {
	var items []OpenItem
	for i, n := range amounts {
		items = append(items, OpenItem{fmt.Sprintf("F%03d", i), day("2026-09-01").AddDays(i), 0, cents(n)})
	}
	return items
}

func given(p Proposal) map[int]int64 {
	shares := map[int]int64{}
	for _, s := range p.Shares {
		shares[s.Item] = s.Amount.Minor
	}
	return shares
}

func TestPropose(t *testing.T) {
	t.Parallel()
	alike := open(500, 500)
	alike[0].DueOn = day("2026-10-01") // the second is older
	dollars := open(500, 700)
	dollars[0].Outstanding.Currency = "USD"
	undated := open(1000, 1000)
	undated[0].DueOn = 0
	for name, c := range map[string]struct {
		payment int64
		items   []OpenItem
		named   []int
		shares  map[int]int64
		left    int64
		method  Method
		review  bool
	}{
		"several of one amount: the oldest, looked at": {500, alike, nil, map[int]int64{1: 500}, 0, ByExactSingle, true},
		"the only combination":                         {1200, open(1000, 500, 700), nil, map[int]int64{1: 500, 2: 700}, 0, ByExactCombination, false},
		"two combinations: legal order":                {1500, open(1000, 500, 700, 800), nil, map[int]int64{0: 1000, 1: 500}, 0, ByLegalOrder, false},
		"the whole is a combination":                   {2200, open(1000, 500, 700), nil, map[int]int64{0: 1000, 1: 500, 2: 700}, 0, ByExactCombination, false},
		"seven are not searched":                       {127, open(1, 2, 4, 8, 16, 32, 64), nil, map[int]int64{0: 1, 1: 2, 2: 4, 3: 8, 4: 16, 5: 32, 6: 64}, 0, ByLegalOrder, false},
		"named: the surplus stays on account":          {900, open(1000, 500), []int{1}, map[int]int64{1: 500}, 400, ByReference, false},
		"named twice: oldest first":                    {1200, open(1000, 500, 700), []int{2, 0}, map[int]int64{0: 1000, 2: 200}, 0, ByReference, false},
		"another currency takes no part":               {500, dollars, nil, map[int]int64{1: 500}, 0, ByLegalOrder, false},
		"no due date comes last":                       {300, undated, nil, map[int]int64{1: 300}, 0, ByLegalOrder, false},
		"nothing open":                                 {300, nil, nil, map[int]int64{}, 300, ByNothing, false},
		"a refund":                                     {-300, open(300), nil, map[int]int64{}, -300, ByNothing, false},
	} {
		p := Propose(cents(c.payment), c.items, c.named...)
		same(t, name, c.shares, given(p))
		if p.Unallocated.Minor != c.left || p.Method != c.method || p.Review != c.review {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestPropose_equalFractionsGoToTheLowerNumber(t *testing.T) {
	t.Parallel()
	items := open(300, 300, 300)
	for i := range items {
		items[i].DueOn, items[i].Number = day("2026-09-01"), fmt.Sprint(9-i)
	}
	same(t, "shares", map[int]int64{0: 33, 1: 33, 2: 34}, given(Propose(cents(100), items)))
}

func TestPropose_losesNoCent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var items []OpenItem
		for i := range rapid.IntRange(0, 30).Draw(t, "items") {
			items = append(items, OpenItem{
				fmt.Sprint(i), day("2026-09-01").AddDays(rapid.IntRange(0, 3).Draw(t, "due")), 0,
				cents(rapid.Int64Range(-5, 999_999_999_999_999).Draw(t, "open")),
			})
		}
		payment := cents(rapid.Int64Range(1, 999_999_999_999_999).Draw(t, "payment"))
		p := Propose(payment, items)
		total := p.Unallocated
		used := map[int]bool{}
		for _, s := range p.Shares {
			if used[s.Item] || s.Amount.Sign() <= 0 || s.Amount.Cmp(items[s.Item].Outstanding) > 0 {
				t.Fatalf("share %+v of %+v", s, items[s.Item])
			}
			used[s.Item] = true
			total = total.Add(s.Amount)
		}
		if total != payment || p.Unallocated.Sign() < 0 {
			t.Fatalf("%s became %s", payment, total)
		}
		if !p.Unallocated.IsZero() {
			for i, item := range items {
				if item.Outstanding.Sign() > 0 && !used[i] {
					t.Fatalf("%s left and %+v unpaid", p.Unallocated, item)
				}
			}
		}
	})
}

func TestProbablyPaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		amount int64
		items  []OpenItem
		want   []int
		method Method
	}{
		"one":                          {500, open(1000, 500), []int{1}, ByExactSingle},
		"each of the same amount":      {500, open(500, 1000, 500), []int{0, 2}, ByExactSingle},
		"a sum of several":             {1200, open(1000, 500, 700), []int{1, 2}, ByExactCombination},
		"every reading of a sum":       {1500, open(1000, 500, 700, 800, 900), []int{0, 1, 2, 3}, ByExactCombination},
		"the whole, however many":      {800, open(100, 100, 100, 100, 100, 100, 100, 100), []int{0, 1, 2, 3, 4, 5, 6, 7}, ByExactCombination},
		"a part of one":                {499, open(1000, 500), nil, ByNothing},
		"nothing open":                 {500, nil, nil, ByNothing},
		"nothing paid":                 {0, open(500), nil, ByNothing},
		"all alike, in any sum of six": {600, open(slices.Repeat([]int64{100}, 20)...), []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, ByExactCombination},
	} {
		got, method := ProbablyPaid(cents(c.amount), c.items)
		same(t, name, c.want, got)
		if method != c.method {
			t.Errorf("%s: method %s", name, method)
		}
	}
}

func TestProbablyPaid_findsWhatWasPaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		items := open(rapid.SliceOfN(rapid.Int64Range(1, 1_000_00), 1, 20).Draw(t, "open")...)
		paid := rapid.SliceOfNDistinct(rapid.IntRange(0, len(items)-1), 1, min(6, len(items)), rapid.ID).Draw(t, "paid")
		amount := cents(0)
		for _, i := range paid {
			amount = amount.Add(items[i].Outstanding)
		}
		got, method := ProbablyPaid(amount, items)
		if method == ByExactSingle {
			return // an invoice of that amount is the likelier reading
		}
		for _, i := range paid {
			if !slices.Contains(got, i) {
				t.Fatalf("%v paid, found %v", paid, got)
			}
		}
	})
}

func TestDiscount_settle(t *testing.T) {
	t.Parallel()
	d := Discount{decimal.MustParse("2"), 10}
	for name, c := range map[string]struct {
		paid              int64
		on                string
		discount, balance int64
	}{
		"a day late":       {235200, "2026-11-13", 0, 4800},
		"too much taken":   {235000, "2026-11-12", 4800, 200},
		"less taken":       {237000, "2026-11-12", 3000, 0},
		"none taken":       {240000, "2026-11-12", 0, 0},
		"paid too much":    {250000, "2026-11-12", 0, -10000},
		"on the issue day": {235200, "2026-11-02", 4800, 0},
	} {
		got, err := d.Settle(cents(240000), day("2026-11-02"), cents(c.paid), day(c.on))
		if err != nil || got.Discount != cents(c.discount) || got.Balance != cents(c.balance) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestPeriod_undefinedAndUnknown(t *testing.T) {
	t.Parallel()
	none := Period{Days: 30, Closing: cents(100), Opening: cents(0), Sales: cents(0), NotDue: cents(100)}
	for name, f := range map[string]Figure{"DSO": none.DSO(), "delinquent": none.Delinquent(), "CEI": none.CEI(), "late": AverageDaysLate(nil)} {
		if f.Defined() || f.String() != "—" {
			t.Errorf("%s: %s", name, f)
		}
	}
	p := Period{Closing: cents(1000), Months: []Month{{30, cents(300)}, {31, cents(0)}, {28, cents(-50)}, {31, cents(1400)}}}
	if got := p.CountBack().String(); got != "104.5" {
		t.Errorf("over an empty and a negative month: %s", got)
	}
	p.Months = p.Months[:3]
	if got := p.CountBack(); got.String() != ">89.0" || !got.MoreThan {
		t.Errorf("history exhausted: %s", got)
	}
	p = Period{Closing: cents(300), Months: []Month{{30, cents(300)}, {31, cents(0)}}}
	if got := p.CountBack().String(); got != "30.0" {
		t.Errorf("just exhausted: %s", got)
	}
}

func BenchmarkProbablyPaid_noMatch(b *testing.B) {
	var amounts []int64
	for i := range 20 {
		amounts = append(amounts, int64(1000+2*i))
	}
	items := open(amounts...)
	for b.Loop() {
		ProbablyPaid(cents(5001), items)
	}
}
