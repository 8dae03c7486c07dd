package legal

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

func day(text string) calendar.Date { return calendar.MustParse(text) }

func TestCompute_missingSemesterIsNamed(t *testing.T) {
	t.Parallel()
	c := Claim{Terms: preset(t, "FR-B2B"), Principal: amount(t, "100", "EUR"), DueOn: day("2026-12-01"), Until: day("2027-01-01")}
	_, err := Compute(c)
	if !errors.Is(err, ErrRate) || !strings.Contains(err.Error(), "2027-S1") {
		t.Errorf("error %v does not name 2027-S1", err)
	}
	c.Until = day("2026-12-31")
	compute(t, c)
	c.Until = day("2027-01-01")
	c.Terms = preset(t, "FR-PUBLIC") // frozen in 2026-S2
	compute(t, c)
	c.Terms, c.Reductions = preset(t, "FR-B2B"), []Reduction{{On: day("2026-12-31"), Amount: c.Principal}}
	if got := compute(t, c); got.Days != 30 {
		t.Errorf("settled in time for the known rates: %d days", got.Days)
	}
	c.Terms, c.Reductions = preset(t, "FR-B2B"), nil
	c.Contract = ContractRate{Set: true, TimesLegal: true}
	if _, err := Compute(c); !errors.Is(err, ErrRate) {
		t.Errorf("three times an unknown rate: %v", err)
	}
}

func TestCompute_irelandFreezesTheSemesterOfTheDueDate(t *testing.T) {
	t.Parallel()
	c := Claim{Terms: preset(t, "IE-B2B"), Principal: amount(t, "1000", "EUR"), DueOn: day("2026-06-30"), Until: day("2026-08-30")}
	if got := compute(t, c); got.Segments[0].Rate != 10_15 || len(got.Segments) != 1 || got.Fee != money.New(7000, "EUR") {
		t.Errorf("Ireland: %+v", got)
	}
	c.Terms = preset(t, "FR-PUBLIC")
	if got := compute(t, c); got.Segments[0].Rate != 10_40 {
		t.Errorf("public: %+v", got)
	}
}

func TestCompute_germanDefaultBeginsLater(t *testing.T) {
	t.Parallel()
	c := Claim{
		Terms: preset(t, "de-b2b"), Principal: amount(t, "1000", "EUR"),
		DueOn: day("2026-07-31"), DefaultOn: day("2026-08-30"), Until: day("2026-09-10"),
	}
	got := compute(t, c)
	if len(got.Segments) != 1 || got.Segments[0].From != day("2026-08-31") || got.Segments[0].Days != 11 || got.Days != 41 {
		t.Errorf("%+v", got)
	}
	c.Until = day("2026-08-30")
	if got := compute(t, c); !got.Interest.IsZero() || !got.Fee.IsZero() {
		t.Errorf("before default: %+v", got)
	}
}

func TestCompute_consumerWithoutNoticeOwesNothingMore(t *testing.T) {
	t.Parallel()
	c := Claim{Terms: preset(t, "FR-B2C"), Principal: amount(t, "850", "EUR"), DueOn: day("2026-01-31"), Until: day("2026-11-21")}
	c.Contract = ContractRate{Set: true, Percent: 12_00} // the company's terms of business
	got := compute(t, c)
	if len(got.Segments) != 0 || !got.Interest.IsZero() || !got.Fee.IsZero() || got.Days != 294 {
		t.Errorf("%+v", got)
	}
}

func TestCompute_estimatedDueDateBearsNothing(t *testing.T) {
	t.Parallel()
	c := Claim{Terms: preset(t, "FR-B2B"), Principal: amount(t, "850", "EUR"), DueOn: day("2026-01-31"), Until: day("2026-11-21"), Estimated: true}
	got := compute(t, c)
	if len(got.Segments) != 0 || !got.Interest.IsZero() || !got.Fee.IsZero() {
		t.Errorf("%+v", got)
	}
}

func TestCompute_contractWithoutReferenceRate(t *testing.T) {
	t.Parallel()
	c := Claim{Terms: preset(t, "US"), Principal: amount(t, "1000", "USD"), DueOn: day("2026-01-31"), Until: day("2027-06-01")}
	if got := compute(t, c); len(got.Segments) != 0 || !got.Interest.IsZero() || got.Days != 486 {
		t.Errorf("no contract: %+v", got)
	}
	c.Contract = ContractRate{Set: true, Percent: 18_00}
	if got := compute(t, c); len(got.Segments) != 1 || got.Segments[0].Days != 486 {
		t.Errorf("contract: %+v", got)
	}
	c.Terms = preset(t, "EU-B2B")
	c.Contract = ContractRate{Set: true, TimesLegal: true} // means nothing outside France
	c.Until = day("2026-12-31")
	if got := compute(t, c); got.Segments[0].Rate != 10_15 {
		t.Errorf("3x_legal outside France: %+v", got)
	}
}

func TestCompute_contractBelowTheFloorInOneSemester(t *testing.T) {
	t.Parallel()
	c := Claim{Terms: preset(t, "FR-B2B"), Principal: amount(t, "1000", "EUR"), DueOn: day("2026-06-15"), Until: day("2026-07-20")}
	c.Contract = ContractRate{Set: true, Percent: 8_00}
	got := compute(t, c)
	if len(got.Segments) != 2 || got.Segments[0].Rate != 8_00 || got.Segments[1].Rate != 8_25 || len(got.Below) != 1 {
		t.Errorf("%+v", got)
	}
	if text := got.Below[0].String(); !strings.Contains(text, "8.25") || !strings.Contains(text, "2026-S2") {
		t.Errorf("the warning says %q", text)
	}
}

func TestCompute_paymentTakenBackBearsAgain(t *testing.T) {
	t.Parallel()
	c := Claim{Terms: preset(t, "FR-B2B"), Principal: amount(t, "1000", "EUR"), DueOn: day("2026-07-01"), Until: day("2026-07-31")}
	c.Reductions = []Reduction{
		{On: day("2026-07-20"), Amount: amount(t, "-1000", "EUR")},
		{On: day("2026-07-10"), Amount: amount(t, "1000", "EUR")},
	}
	got := compute(t, c)
	if len(got.Segments) != 2 || got.Segments[0].Days != 9 || got.Segments[1].Days != 11 || got.Open != c.Principal {
		t.Errorf("%+v", got)
	}
}

func drawClaim(t *rapid.T) Claim {
	due := day("2020-01-01").AddDays(rapid.IntRange(0, 2300).Draw(t, "due"))
	code := rapid.SampledFrom([]string{"FR-B2B", "FR-PUBLIC", "UK-B2B", "DE-B2B", "BE-B2B", "IE-B2B", "EU-B2B"}).Draw(t, "preset")
	p, err := Find(code)
	if err != nil {
		t.Fatal(err)
	}
	c := Claim{
		Terms: Terms{Preset: p}, Principal: money.New(rapid.Int64Range(1, 1e12).Draw(t, "principal"), "EUR"),
		DueOn: due, Until: min(due.AddDays(rapid.IntRange(-5, 900).Draw(t, "late")), day("2026-12-31")),
		Imputation: Imputation(rapid.IntRange(0, 1).Draw(t, "imputation")),
	}
	for range rapid.IntRange(0, 4).Draw(t, "payments") {
		c.Reductions = append(c.Reductions, Reduction{
			On:     due.AddDays(rapid.IntRange(-10, 900).Draw(t, "on")),
			Amount: money.New(rapid.Int64Range(1, 1e11).Draw(t, "paid"), "EUR"),
			Kind:   ReductionKind(rapid.IntRange(0, 2).Draw(t, "kind")),
		})
	}
	return c
}

func TestCompute_segmentsCoverTheLateDaysOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := drawClaim(t)
		got, err := Compute(c)
		if err != nil {
			t.Fatal(err)
		}
		next, days := c.DueOn+1, 0
		for i, s := range got.Segments {
			if s.From != next || s.To < s.From || s.Days != s.To.DaysSince(s.From)+1 || s.Balance.Sign() <= 0 {
				t.Fatalf("segment %d of %+v", i, got.Segments)
			}
			if i > 0 && s.Rate == got.Segments[i-1].Rate && s.Balance == got.Segments[i-1].Balance {
				t.Fatalf("segments %d and %d should be one", i-1, i)
			}
			next, days = s.To+1, days+s.Days
		}
		if days != got.Days {
			t.Fatalf("segments cover %d days of %d", days, got.Days)
		}
		if (got.Days > 0) != (got.Fee.Sign() > 0) {
			t.Fatalf("fee %s", got.Fee)
		}
	})
}

func TestCompute_anotherDayNeverLowersInterest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := drawClaim(t)
		before, err := Compute(c)
		if err != nil {
			t.Fatal(err)
		}
		c.Until = min(c.Until.AddDays(rapid.IntRange(1, 60).Draw(t, "more")), day("2026-12-31"))
		after, err := Compute(c)
		if err != nil {
			t.Fatal(err)
		}
		if after.Interest.Cmp(before.Interest) < 0 || after.Days < before.Days {
			t.Fatalf("%s after %d days, then %s after %d", before.Interest, before.Days, after.Interest, after.Days)
		}
	})
}

func TestCompute_roundsOnceOverAllSegments(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got, err := Compute(drawClaim(t))
		if err != nil {
			t.Fatal(err)
		}
		sum := money.New(0, "EUR")
		for _, s := range got.Segments {
			sum = sum.Add(s.Interest)
		}
		// Each segment is at most half a cent off, and so is the whole.
		if apart := sum.Sub(got.Interest).Abs().Minor; 2*apart > int64(len(got.Segments))+1 {
			t.Fatalf("segments sum to %s, interest is %s", sum, got.Interest)
		}
	})
}

func TestCompute_paymentsAreDividedWithoutLoss(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := drawClaim(t)
		c.Imputation = InterestFirst
		got, err := Compute(c)
		if err != nil {
			t.Fatal(err)
		}
		settled := money.New(0, "EUR")
		for _, p := range got.Paid {
			if p.ToInterest.Add(p.ToPrincipal) != p.Payment || p.ToInterest.Sign() < 0 || p.ToPrincipal.Sign() < 0 {
				t.Fatalf("divided %+v", p)
			}
			settled = settled.Add(p.ToInterest)
		}
		if settled.Add(got.InterestLeft) != got.Interest || got.InterestLeft.Sign() < 0 {
			t.Fatalf("%s settled, %s left of %s", settled, got.InterestLeft, got.Interest)
		}
	})
}

func TestAuto(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		country string
		kind    receivable.Kind
		want    Code
	}{
		{"FR", receivable.KindBusiness, "FR-B2B"},
		{"fr", receivable.KindSoleTrader, "FR-B2B"},
		{"FR", receivable.KindPublic, "FR-PUBLIC"},
		{"FR", receivable.KindConsumer, "FR-B2C"},
		{"FR", receivable.KindUnknown, "FR-B2C"},
		{"FR", "", "FR-B2C"},
		{"DE", receivable.KindBusiness, "DE-B2B"},
		{"DE", receivable.KindUnknown, "DE-B2C"},
		{"GB", receivable.KindPublic, "UK-B2B"},
		{"GB", receivable.KindConsumer, ""},
		{"BE", receivable.KindBusiness, "BE-B2B"},
		{"BE", receivable.KindConsumer, ""},
		{"AT", receivable.KindBusiness, "EU-B2B"},
		{"US", receivable.KindBusiness, "US"},
		{"JP", receivable.KindBusiness, ""},
		{"", receivable.KindBusiness, ""},
	} {
		if got := Auto(c.country, c.kind).Code; got != c.want {
			t.Errorf("Auto(%q, %q) = %q, want %q", c.country, c.kind, got, c.want)
		}
	}
}

func TestFind_takesAnyCaseAndNamesTheOthers(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"fr-b2b", "UK-B2B", "gb-b2b", " Ca-Qc "} {
		if _, err := Find(code); err != nil {
			t.Error(err)
		}
	}
	if _, err := Find("FR"); err == nil || !strings.Contains(err.Error(), "FR-PUBLIC") {
		t.Errorf("error %v", err)
	}
}

func TestPresets_consumersOweNoFee(t *testing.T) {
	t.Parallel()
	for _, p := range presets {
		if p.Consumer && (len(p.Fees) > 0 || !p.NoContract) {
			t.Errorf("%s: a consumer's preset with a fee or a contract rate", p.Code)
		}
		for language, words := range p.Words {
			if (words.Fee != "") != (len(p.Fees) > 0) || words.Interest == "" || words.Law == "" && !p.NoContract {
				t.Errorf("%s in %s: words %+v", p.Code, language, words)
			}
			if strings.Contains(words.Basis+words.Fee, "L441-6") {
				t.Errorf("%s quotes a repealed article", p.Code)
			}
		}
		if len(p.Words) != 2 {
			t.Errorf("%s has words in %d languages", p.Code, len(p.Words))
		}
	}
}

func TestRule_andFeeSayWhatTheLawAdds(t *testing.T) {
	t.Parallel()
	on := day("2026-11-21")
	times := preset(t, "FR-B2B")
	times.Contract = ContractRate{Set: true, TimesLegal: true}
	french := Rule{Interest: "Pénalités de retard", Basis: "taux BCE majoré de 10 points, article L441-10 du code de commerce", Rate: 12_40, Figure: true}
	forty := "indemnité forfaitaire de recouvrement de 40\u00a0€ par facture (article D441-5)"
	for name, c := range map[string]struct {
		terms    Terms
		language string
		want     Rule
		fee      string
	}{
		"French business": {preset(t, "FR-B2B"), "fr", french, forty},
		"in English": {
			preset(t, "FR-B2B"), "en",
			Rule{"Late-payment interest", "ECB rate plus 10 points, article L441-10 of the French commercial code", 12_40, true},
			"fixed recovery fee of €40 per invoice (article D441-5)",
		},
		"3x_legal": {
			times, "fr", Rule{"Pénalités de retard", "trois fois le taux d’intérêt légal, article L441-10 du code de commerce", 8_25, true}, forty,
		},
		"public": {
			preset(t, "FR-PUBLIC"), "fr",
			Rule{"Intérêts moratoires", "taux BCE majoré de 8 points, article R2192-31 du code de la commande publique", 10_40, false},
			"indemnité forfaitaire pour frais de recouvrement de 40\u00a0€ par demande de paiement (article D2192-35)",
		},
		"tiers": {
			preset(t, "UK-B2B"), "en",
			Rule{"Statutory interest", "Bank of England base rate plus 8%, Late Payment of Commercial Debts (Interest) Act 1998", 11_75, false},
			"fixed compensation of GBP\u00a040, GBP\u00a070 or GBP\u00a0100 per invoice (same Act)",
		},
		"no law known": {Terms{}, "fr", Rule{}, ""},
		"no contract":  {preset(t, "US"), "en", Rule{}, ""},
	} {
		if got := c.terms.Rule(c.language, on); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
		if got := c.terms.FeeWords(c.language); got != c.fee {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := preset(t, "FR-B2C").FeeWords("fr"); got != "" {
		t.Errorf("a fee for a consumer: %q", got)
	}
	if got := preset(t, "FR-B2B").Rule("fr", day("2027-01-04")); got.Figure || got.Interest == "" {
		t.Errorf("with a rate not known: %+v", got)
	}
}

func TestLimitation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, due, anew, want string
	}{
		{"FR-B2B", "2026-06-15", "", "2031-06-15"},
		{"FR-B2B", "2026-06-15", "2026-09-01", "2031-09-01"},
		{"FR-B2C", "2024-02-29", "", "2026-02-28"},
		{"FR-PUBLIC", "2026-06-15", "", "2030-12-31"},
		{"FR-PUBLIC", "2026-06-15", "2028-01-02", "2032-12-31"},
		{"DE-B2B", "2026-06-15", "", "2029-12-31"},
		{"UK-B2B", "2026-06-15", "", "2032-06-15"},
		{"US", "2026-06-15", "", ""},
	} {
		var anew []calendar.Date
		if c.anew != "" {
			anew = append(anew, day(c.anew))
		}
		if got := preset(t, c.code).Preset.Limitation.ExpiresOn(day(c.due), anew...).String(); got != c.want {
			t.Errorf("%s due %s: %s, want %s", c.code, c.due, got, c.want)
		}
	}
}

func TestPercent_text(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Percent{"12": 1200, "12.4": 1240, "12.40 %": 1240, "0.05": 5, "100": 10000} {
		if got, err := ParsePercent(text); err != nil || got != want {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "12.", "12.345", "-3", "+3", "101", "1,5", "1.5% a month", "99999999999999999999"} {
		if got, err := ParsePercent(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	if got := Percent(-88).String(); got != "-0.88" {
		t.Error(got)
	}
}

func TestContractRate_text(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"3x_legal", "12.40", ""} {
		var c ContractRate
		if text != "" {
			if err := c.UnmarshalText([]byte(text)); err != nil {
				t.Error(err)
			}
		}
		if got, _ := c.MarshalText(); string(got) != text {
			t.Errorf("%q is written %q", text, got)
		}
	}
	if err := new(ContractRate).UnmarshalText([]byte("2x_legal")); err == nil || !strings.Contains(err.Error(), "3x_legal") {
		t.Errorf("error %v", err)
	}
}

// The semester table must agree with the dated decisions it was made from.
func TestRates_agreeWithTheDecisions(t *testing.T) {
	t.Parallel()
	for reference, file := range map[Reference]string{ECB: "testdata/ecb.csv", UKBase: "testdata/boe.csv"} {
		moves := readMoves(t, file)
		for year := 2015; year <= 2026; year++ {
			for half, month := range []time.Month{time.January, time.July} {
				anchor := calendar.On(year, month, 1)
				if reference == UKBase {
					anchor-- // the day before the semester
				}
				want := Percent(-1)
				for _, m := range moves {
					if m.on <= anchor {
						want = m.rate
					}
				}
				if got, err := reference.In(Semester{year, half + 1}); err != nil || got != want {
					t.Errorf("%s on %s: %s, %v, want %s", reference, anchor, got, err, want)
				}
			}
		}
	}
}

type move struct {
	on   calendar.Date
	rate Percent
}

func readMoves(t *testing.T, file string) []move {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var moves []move
	for line := range strings.Lines(string(text)) {
		on, rate, ok := strings.Cut(line, ",")
		if !ok || strings.HasPrefix(on, "effective") {
			continue
		}
		percent, err := ParsePercent(strings.TrimSpace(rate))
		if err != nil {
			t.Fatal(err)
		}
		moves = append(moves, move{day(on), percent})
	}
	return moves
}

func FuzzParsePercent(f *testing.F) {
	f.Add("12.40 %")
	f.Add("3x_legal")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := ParsePercent(text); err == nil {
			if again, err := ParsePercent(got.String()); err != nil || again != got {
				t.Errorf("%q: %s, then %s", text, got, again)
			}
		}
	})
}

func TestCompute_withoutADueDateNothingIsLate(t *testing.T) {
	t.Parallel()
	got := compute(t, Claim{Terms: preset(t, "FR-B2B"), Principal: amount(t, "850", "EUR"), Until: day("2026-11-21")})
	if got.Days != 0 || len(got.Segments) != 0 || !got.Fee.IsZero() || got.Open.String() != "850.00" {
		t.Errorf("%+v", got)
	}
}

func TestRule_figureOnlyWhereItHoldsForAll(t *testing.T) {
	t.Parallel()
	on := day("2026-11-21")
	european := preset(t, "EU-B2B")
	european.Contract = ContractRate{Set: true, TimesLegal: true}
	for name, c := range map[string]struct {
		terms  Terms
		on     calendar.Date
		figure bool
		basis  string
	}{
		"each day its semester's": {preset(t, "FR-B2B"), on, true, "ECB rate plus 10 points"},
		"frozen per invoice":      {preset(t, "FR-PUBLIC"), on, false, "ECB rate plus 8 points"},
		"not yet known":           {preset(t, "FR-B2B"), day("2027-01-04"), false, "ECB rate plus 10 points"},
		"3x_legal out of France":  {european, on, true, "ECB rate plus 8 points"},
		"no contract":             {preset(t, "US"), on, false, ""},
		"no law known":            {Terms{}, on, false, ""},
	} {
		got := c.terms.Rule("en", c.on)
		if got.Figure != c.figure || !strings.HasPrefix(got.Basis, c.basis) || c.basis == "" && got != (Rule{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
