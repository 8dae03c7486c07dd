package legal

import (
	"math/big"
	"slices"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

// Imputation is what a payment settles first.
type Imputation int

// The imputations: the invoice, as the books show it; or the interest due,
// which is the civil-code default.
const (
	PrincipalFirst Imputation = iota
	InterestFirst
)

// ReductionKind is what lowered a debt.
type ReductionKind int

// The kinds. What a corrective credit note takes off was never owed; a
// commercial one counts from its own date, as a payment does.
const (
	Payment ReductionKind = iota
	Corrective
	Commercial
)

// Reduction is a payment or credit note. A negative amount is money taken back.
type Reduction struct {
	On     calendar.Date
	Amount money.Amount
	Kind   ReductionKind
}

// Claim is a debt that may bear interest. All amounts are in its currency.
type Claim struct {
	Terms
	Principal  money.Amount  // as invoiced, including tax
	Reductions []Reduction   // in any order
	DueOn      calendar.Date // zero: nobody knows, and nothing is late
	NoticeOn   calendar.Date // formal notice; zero: none was given
	DefaultOn  calendar.Date // day default began, where the law asks for more than a due date; zero: the due date
	Until      calendar.Date // the last day that may bear interest
	Estimated  bool          // the due date was not told by the books: no interest, no fee
	Barred     bool          // insolvency forbade payment on the due date: no fee
	Imputation Imputation
}

// Segment is a run of days of one rate and one balance, both ends included. Its
// Interest is rounded for show; the claim's is rounded once over all.
type Segment struct {
	From, To calendar.Date
	Days     int
	Balance  money.Amount
	Rate     Percent
	Interest money.Amount
}

// Paid is how a payment was divided under InterestFirst.
type Paid struct {
	On             calendar.Date
	Payment        money.Amount
	ToInterest     money.Amount
	ToPrincipal    money.Amount
	PrincipalAfter money.Amount
}

// Computation is a claim worked out.
type Computation struct {
	Days         int // late: from the due date to Until, or to the day nothing was left
	Segments     []Segment
	Interest     money.Amount // in all, rounded once, half away from zero
	InterestLeft money.Amount // what payments have not settled of it
	Fee          money.Amount // in the preset's currency; the zero Amount for none
	Open         money.Amount // principal left
	Paid         []Paid       // under InterestFirst
	Below        []Below      // semesters in which the contract's rate was too low
}

const yearDays = 365 // leap years included

// Compute works out a claim. It fails with ErrRate where a day bears a rate that
// is not known.
func Compute(c Claim) (Computation, error) {
	w := walk{claim: c, balance: c.Principal, settled: money.New(0, c.Principal.Currency)}
	var dated []Reduction
	for _, r := range c.Reductions {
		if r.Kind == Corrective {
			w.balance = w.balance.Sub(r.Amount)
		} else if r.On <= c.Until {
			dated = append(dated, r)
		}
	}
	slices.SortStableFunc(dated, func(a, b Reduction) int { return int(a.On - b.On) })
	w.begin()
	for _, r := range dated {
		if err := w.accrue(r.On); err != nil {
			return Computation{}, err
		}
		w.reduce(r)
	}
	if err := w.accrue(c.Until); err != nil {
		return Computation{}, err
	}
	return w.end(), nil
}

// walk follows a claim day by day, a segment at a time.
type walk struct {
	claim    Claim
	bears    bool          // interest may run at all
	start    calendar.Date // interest runs from the day after
	day      calendar.Date // the last day counted
	balance  money.Amount
	exact    big.Int // interest so far: minor units × rate × days
	settled  money.Amount
	lateDebt money.Amount // what was owed when it became late
	lateOn   calendar.Date
	out      Computation
}

func (w *walk) begin() {
	c := w.claim
	w.start = c.DueOn
	w.bears = !c.Estimated && !c.DueOn.IsZero()
	switch c.Preset.Start {
	case AfterDefault:
		w.start = max(c.DueOn, c.DefaultOn)
	case AfterNotice:
		// A contract for a rate makes it run from the due date.
		if !c.contractual() {
			w.start = max(c.DueOn, c.NoticeOn)
			w.bears = w.bears && !c.NoticeOn.IsZero()
		}
	}
	w.day = w.start
	w.lateDebt = money.New(0, c.Principal.Currency)
}

// accrue counts the days after the last one counted, to the day until.
func (w *walk) accrue(until calendar.Date) error {
	if w.balance.Sign() > 0 && until > w.claim.DueOn {
		w.lateOn = max(w.lateOn, until)
	}
	if until <= w.day {
		return nil
	}
	if w.balance.Sign() > 0 && w.lateDebt.IsZero() {
		w.lateDebt = w.balance
	}
	first := w.start + 1
	for from := w.day + 1; w.bears && w.balance.Sign() > 0 && from <= until; {
		to := until
		if w.claim.varies() {
			to = min(to, SemesterOf(from).lastDay())
		}
		rate, below, err := w.claim.rate(from, first, w.claim.DueOn)
		if err != nil {
			return err
		}
		if below != nil && (len(w.out.Below) == 0 || w.out.Below[len(w.out.Below)-1] != *below) {
			w.out.Below = append(w.out.Below, *below)
		}
		w.add(Segment{From: from, To: to, Balance: w.balance, Rate: rate})
		from = to + 1
	}
	w.day = until
	return nil
}

func (w *walk) add(s Segment) {
	if s.Rate == 0 {
		return
	}
	w.exact.Add(&w.exact, product(s.Balance, s.Rate, s.To.DaysSince(s.From)+1))
	if n := len(w.out.Segments); n > 0 {
		last := &w.out.Segments[n-1]
		if last.To+1 == s.From && last.Rate == s.Rate && last.Balance == s.Balance {
			last.To = s.To
			return
		}
	}
	w.out.Segments = append(w.out.Segments, s)
}

func (w *walk) reduce(r Reduction) {
	amount := r.Amount
	if w.claim.Imputation == InterestFirst && r.Kind == Payment && amount.Sign() > 0 {
		due := rounded(&w.exact, w.balance.Currency).Sub(w.settled)
		part := due
		if amount.Cmp(due) < 0 {
			part = amount
		}
		w.settled = w.settled.Add(part)
		amount = amount.Sub(part)
		w.out.Paid = append(w.out.Paid, Paid{
			On: r.On, Payment: r.Amount, ToInterest: part, ToPrincipal: amount, PrincipalAfter: w.balance.Sub(amount),
		})
	}
	w.balance = w.balance.Sub(amount)
}

func (w *walk) end() Computation {
	out, c := w.out, w.claim
	for i, s := range out.Segments {
		days := s.To.DaysSince(s.From) + 1
		out.Segments[i].Days = days
		out.Segments[i].Interest = rounded(product(s.Balance, s.Rate, days), s.Balance.Currency)
	}
	if w.lateOn > c.DueOn && !c.DueOn.IsZero() {
		out.Days = w.lateOn.DaysSince(c.DueOn)
	}
	out.Interest = rounded(&w.exact, c.Principal.Currency)
	out.InterestLeft = out.Interest.Sub(w.settled)
	out.Open = w.balance
	if out.Open.Sign() < 0 {
		out.Open = money.New(0, c.Principal.Currency)
	}
	if w.lateDebt.Sign() > 0 && !c.Estimated && !c.DueOn.IsZero() && !c.Barred {
		out.Fee = c.Preset.Fee(w.lateDebt)
	}
	return out
}

func product(balance money.Amount, rate Percent, days int) *big.Int {
	p := big.NewInt(balance.Minor)
	p.Mul(p, big.NewInt(int64(rate)))
	return p.Mul(p, big.NewInt(int64(days)))
}

// rounded turns minor units × hundredths of a per cent × days into interest,
// half away from zero.
func rounded(exact *big.Int, currency string) money.Amount {
	const divisor = 100_00 * yearDays
	twice := new(big.Int).Lsh(exact, 1) // never negative: only positive balances bear
	twice.Add(twice, big.NewInt(divisor))
	return money.New(twice.Div(twice, big.NewInt(2*divisor)).Int64(), currency)
}
