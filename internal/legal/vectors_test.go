package legal

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/vectortest"
)

type segmentText struct {
	From, To      calendar.Date
	Days          int
	Balance, Rate string
}

type datedText struct {
	Date   calendar.Date
	Amount string
}

type claimText struct {
	Preset       string
	Currency     string
	Principal    string
	Due          calendar.Date
	FormalNotice calendar.Date `json:"formal_notice"`
	Reductions   []datedText   `json:"principal_reductions"`
	Payments     []datedText
	Until        calendar.Date
	Imputation   string
}

func (c claimText) claim(t *testing.T) Claim {
	t.Helper()
	claim := Claim{
		Terms: preset(t, c.Preset), Principal: amount(t, c.Principal, c.Currency),
		DueOn: c.Due, NoticeOn: c.FormalNotice, Until: c.Until,
	}
	for _, r := range append(c.Reductions, c.Payments...) {
		claim.Reductions = append(claim.Reductions, Reduction{On: r.Date, Amount: amount(t, r.Amount, c.Currency)})
	}
	if c.Imputation == "interest_first" {
		claim.Imputation = InterestFirst
	}
	return claim
}

func preset(t *testing.T, code string) Terms {
	t.Helper()
	if rate, ok := strings.CutPrefix(code, "contract "); ok {
		var contract ContractRate
		if err := contract.UnmarshalText([]byte(rate)); err != nil {
			t.Fatal(err)
		}
		return Terms{preset(t, "US").Preset, contract}
	}
	p, err := Find(code)
	if err != nil {
		t.Fatal(err)
	}
	return Terms{Preset: p}
}

func amount(t *testing.T, text, currency string) money.Amount {
	t.Helper()
	a, err := money.Parse(text, currency)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func compute(t *testing.T, c Claim) Computation {
	t.Helper()
	got, err := Compute(c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func texts(segments []Segment) []segmentText {
	list := []segmentText{}
	for _, s := range segments {
		list = append(list, segmentText{s.From, s.To, s.Days, s.Balance.String(), s.Rate.String()})
	}
	return list
}

func same(t *testing.T, name string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestCompute_segmentVectors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"PEN-01", "PEN-02", "PEN-03", "PEN-04", "PEN-06", "PEN-07", "PEN-08", "PEN-09"} {
		var in claimText
		var want struct {
			Days     int `json:"days_total"`
			Segments []segmentText
			Penalty  string
		}
		vectortest.Read(t, name, &in, &want)
		got := compute(t, in.claim(t))
		same(t, name, want.Segments, texts(got.Segments))
		if got.Interest.String() != want.Penalty || got.Days != want.Days {
			t.Errorf("%s: %s over %d days, want %s over %d", name, got.Interest, got.Days, want.Penalty, want.Days)
		}
		if in.Preset == "FR-B2B" && got.Fee.IsZero() != (want.Days == 0) {
			t.Errorf("%s: fee %s", name, got.Fee)
		}
	}
}

func TestCompute_correctiveCreditNoteVector(t *testing.T) {
	t.Parallel()
	var in claimText
	var want struct {
		Days     int `json:"days_total"`
		Segments []segmentText
		Penalty  string
	}
	vectortest.Read(t, "PEN-08", &in, &want)
	claim := in.claim(t) // the vector's principal is net of the note: say it as the books do
	claim.Principal = amount(t, "6000.00", "EUR")
	claim.Reductions = []Reduction{{calendar.MustParse("2026-07-20"), amount(t, "1000.00", "EUR"), Corrective}}
	got := compute(t, claim)
	same(t, "segments", want.Segments, texts(got.Segments))
	if got.Interest.String() != want.Penalty {
		t.Errorf("interest %s, want %s", got.Interest, want.Penalty)
	}
	claim.Reductions[0].Kind = Commercial
	if got := compute(t, claim); len(got.Segments) != 2 || got.Segments[0].To != calendar.MustParse("2026-07-20") {
		t.Errorf("a commercial credit note gives %v", got.Segments)
	}
}

func TestCompute_interestFirstVector(t *testing.T) {
	t.Parallel()
	type step struct {
		Date           calendar.Date
		Payment        string
		ToInterest     string `json:"to_interest"`
		ToPrincipal    string `json:"to_principal"`
		PrincipalAfter string `json:"principal_after"`
	}
	var in claimText
	var want struct {
		PrincipalLeft string `json:"principal_left"`
		InterestLeft  string `json:"interest_left"`
		TotalLeft     string `json:"total_left"`
		Steps         []step
	}
	vectortest.Read(t, "PEN-05", &in, &want)
	got := compute(t, in.claim(t))
	var steps []step
	for _, p := range got.Paid {
		steps = append(steps, step{p.On, p.Payment.String(), p.ToInterest.String(), p.ToPrincipal.String(), p.PrincipalAfter.String()})
	}
	same(t, "steps", want.Steps, steps)
	if got.Open.String() != want.PrincipalLeft || got.InterestLeft.String() != want.InterestLeft ||
		got.Open.Add(got.InterestLeft).String() != want.TotalLeft {
		t.Errorf("left %s and %s, want %+v", got.Open, got.InterestLeft, want)
	}
}

func TestRates_frenchVector(t *testing.T) {
	t.Parallel()
	type row struct {
		Date    calendar.Date
		Default string `json:"b2b_default"`
		Floor   string `json:"contract_floor_3x_legal"`
		Public  string `json:"public_if_starting_that_day"`
	}
	var in struct{ Dates []calendar.Date }
	var want struct{ Rows []row }
	vectortest.Read(t, "RATE-01", &in, &want)
	var got []row
	for _, d := range in.Dates {
		floor, err := Floor(d)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row{d, rateOn(t, "FR-B2B", d), floor.String(), rateOn(t, "FR-PUBLIC", d)})
	}
	same(t, "RATE-01", want.Rows, got)
}

func rateOn(t *testing.T, code string, d calendar.Date) string {
	t.Helper()
	rate, err := preset(t, code).RateOn(d)
	if err != nil {
		t.Fatal(err)
	}
	return rate.String()
}

func TestFloor_vector(t *testing.T) {
	t.Parallel()
	type result struct {
		Rate       string
		Date       calendar.Date
		Floor      string
		Acceptable bool
	}
	var in struct {
		Cases []struct {
			Rate string
			Date calendar.Date
		}
	}
	var want struct{ Results []result }
	vectortest.Read(t, "RATE-02", &in, &want)
	var got []result
	for _, c := range in.Cases {
		terms := preset(t, "FR-B2B")
		terms.Contract = preset(t, "contract "+c.Rate).Contract
		computed := compute(t, Claim{Terms: terms, Principal: amount(t, "1000", "EUR"), DueOn: c.Date - 1, Until: c.Date})
		floor, err := Floor(c.Date)
		if err != nil {
			t.Fatal(err)
		}
		used := computed.Segments[0].Rate
		if len(computed.Below) == 0 && used.String() != c.Rate || len(computed.Below) > 0 && used != floor {
			t.Errorf("%s on %s: used %s, warned %v", c.Rate, c.Date, used, computed.Below)
		}
		got = append(got, result{c.Rate, c.Date, floor.String(), len(computed.Below) == 0})
		terms.Contract = ContractRate{Set: true, TimesLegal: true}
		if rate, err := terms.RateOn(c.Date); err != nil || rate != floor {
			t.Errorf("3x_legal on %s is %s, %v", c.Date, rate, err)
		}
	}
	same(t, "RATE-02", want.Results, got)
}

func TestFee_perLateInvoiceVector(t *testing.T) {
	t.Parallel()
	var in struct {
		Preset   string
		Invoices []struct {
			Number               string
			Late, B2B, Insolvent bool
			Kind                 string
		}
	}
	var want struct {
		FeeTotal string `json:"fee_total"`
	}
	vectortest.Read(t, "FEE-01", &in, &want)
	var entries []Entry
	for _, i := range in.Invoices {
		if !i.B2B || i.Kind != "invoice" {
			t.Fatalf("the vector has a case this test does not know: %+v", i)
		}
		due := calendar.MustParse("2026-09-30")
		until := due
		if i.Late {
			until += 3
		}
		entries = append(entries, Entry{i.Number, Claim{
			Terms: preset(t, in.Preset), Principal: amount(t, "100", "EUR"), DueOn: due, Until: until, Barred: i.Insolvent,
			Reductions: []Reduction{{On: due, Amount: amount(t, "40", "EUR")}},
		}})
	}
	_, totals, err := Statement(entries, false)
	if err != nil || len(totals) != 1 || totals[0].Fees.String() != want.FeeTotal {
		t.Errorf("fees %v, %v, want %s", totals, err, want.FeeTotal)
	}
	entries[0].Barred = true
	if _, totals, _ := Statement(entries, false); totals[0].Fees.String() != "80.00" {
		t.Errorf("with one barred: %s", totals[0].Fees)
	}
}

func TestFee_ukTiersVector(t *testing.T) {
	t.Parallel()
	var in struct {
		Preset string
		Debts  []string
	}
	var want struct{ Fees []string }
	vectortest.Read(t, "FEE-02", &in, &want)
	var got []string
	for _, debt := range in.Debts {
		got = append(got, preset(t, in.Preset).Preset.Fee(amount(t, debt, "GBP")).String())
	}
	same(t, "FEE-02", want.Fees, got)
}

func TestCompute_frozenVectors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"PUB-01", "UK-01"} {
		var in claimText
		var want struct {
			Rate          string
			Days          int
			Interest, Fee string
		}
		vectortest.Read(t, name, &in, &want)
		got := compute(t, in.claim(t))
		if len(got.Segments) != 1 || got.Segments[0].Rate.String() != want.Rate || got.Segments[0].Days != want.Days ||
			got.Days != want.Days || got.Interest.String() != want.Interest || got.Fee.String() != want.Fee {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestCompute_germanAndConsumerVectors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"DE-01", "B2C-01"} {
		var in claimText
		var want struct {
			Segments      []segmentText
			Interest, Fee string
		}
		vectortest.Read(t, name, &in, &want)
		claim := in.claim(t)
		if claim.DueOn.IsZero() {
			claim.DueOn = calendar.MustParse("2026-01-31") // irrelevant, says the vector
		}
		got := compute(t, claim)
		same(t, name, want.Segments, texts(got.Segments))
		fee := got.Fee
		if fee.Currency == "" {
			fee = money.New(0, "EUR")
		}
		if got.Interest.String() != want.Interest || fee.String() != want.Fee {
			t.Errorf("%s: interest %s, fee %s, want %s and %s", name, got.Interest, fee, want.Interest, want.Fee)
		}
	}
}

func TestRates_belgianVector(t *testing.T) {
	t.Parallel()
	type row struct {
		Date calendar.Date
		Rate string
	}
	var in struct {
		Preset string
		Dates  []calendar.Date
	}
	var want struct{ Rows []row }
	vectortest.Read(t, "BE-01", &in, &want)
	var got []row
	for _, d := range in.Dates {
		got = append(got, row{d, rateOn(t, in.Preset, d)})
	}
	same(t, "BE-01", want.Rows, got)
}

func TestStatement_vector(t *testing.T) {
	t.Parallel()
	type row struct {
		Number       string
		Open         string
		DaysLate     int `json:"days_late"`
		Penalty, Fee string
	}
	type result struct {
		Rows      []row
		Overdue   string `json:"overdue_principal"`
		Penalties string
		Fees      string
		Total     string
	}
	var in struct {
		Preset, Currency string
		AsOf             calendar.Date `json:"as_of"`
		Settled          bool          `json:"include_settled_late"`
		Invoices         []struct {
			Number, Amount string
			Due            calendar.Date
			Payments       []datedText
		}
	}
	var want result
	vectortest.Read(t, "STM-01", &in, &want)
	var entries []Entry
	for _, i := range in.Invoices {
		c := claimText{Preset: in.Preset, Currency: in.Currency, Principal: i.Amount, Due: i.Due, Payments: i.Payments, Until: in.AsOf}
		entries = append(entries, Entry{i.Number, c.claim(t)})
	}
	rows, totals, err := Statement(entries, in.Settled)
	if err != nil || len(totals) != 1 {
		t.Fatalf("%v, %v", totals, err)
	}
	got := result{
		Overdue: totals[0].Overdue.String(), Penalties: totals[0].Interest.String(),
		Fees: totals[0].Fees.String(), Total: totals[0].Sum().String(),
	}
	for _, r := range rows {
		fee := money.New(r.Fee.Minor, in.Currency)
		got.Rows = append(got.Rows, row{r.Number, r.Open.String(), r.Days, r.Interest.String(), fee.String()})
	}
	same(t, "STM-01", want, got)
}
