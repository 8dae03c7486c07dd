package main

import (
	"slices"
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/legal"
	"relanced/internal/money"
)

// interestCmd works out late-payment interest and fee. It needs no configuration.
type interestCmd struct {
	Amount  string   `required:"" help:"What was owed, including tax (1200.00)."`
	Due     date     `required:"" help:"Due date (YYYY-MM-DD)." placeholder:"DATE"`
	Paid    date     `xor:"until" help:"Day the money reached the account." placeholder:"DATE"`
	At      date     `xor:"until" help:"Work it out up to this day. Default: today." placeholder:"DATE"`
	Preset  string   `default:"FR-B2B" help:"The law: a code such as FR-B2B, FR-PUBLIC, UK-B2B, DE-B2B, BE-B2B."`
	Payment []string `help:"A part paid earlier, as DATE:AMOUNT. May be repeated." placeholder:"DATE:AMOUNT"`
}

// interestJSON is what --json prints.
type interestJSON struct {
	Preset   string        `json:"preset"`
	Amount   string        `json:"amount"`
	Currency string        `json:"currency"`
	DueOn    string        `json:"due_on"`
	Until    string        `json:"until"`
	Days     int           `json:"days"`
	Segments []segmentJSON `json:"segments"`
	Interest string        `json:"interest"`
	Fee      string        `json:"fee"`
	Total    string        `json:"total"`
}

type segmentJSON struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Days     int    `json:"days"`
	Balance  string `json:"balance"`
	Rate     string `json:"rate"`
	Interest string `json:"interest"`
}

// Run prints the computation with its segments.
func (c *interestCmd) Run(a *app) error {
	preset, err := legal.Find(c.Preset)
	if err != nil {
		return usagef("--preset: %v", err)
	}
	currency := preset.Currency
	if currency == "" {
		currency = "EUR"
	}
	claim, err := c.claim(preset, currency)
	if err != nil {
		return err
	}
	claim.Until = c.Paid.Date
	if claim.Until.IsZero() {
		claim.Until = c.At.Date
	}
	if claim.Until.IsZero() {
		claim.Until = calendar.DateOf(a.now())
	}
	sum, err := legal.Compute(claim)
	if err != nil {
		return err
	}
	return c.print(a, preset, claim, sum)
}

func (c *interestCmd) claim(preset legal.Preset, currency string) (legal.Claim, error) {
	principal, err := amount("--amount", c.Amount, currency)
	if err != nil {
		return legal.Claim{}, err
	}
	claim := legal.Claim{Terms: legal.Terms{Preset: preset}, Principal: principal, DueOn: c.Due.Date}
	for _, text := range c.Payment {
		day, sum, found := strings.Cut(text, ":")
		on, err := calendar.ParseDate(day)
		if err != nil || !found {
			return legal.Claim{}, usagef("--payment: %q is not DATE:AMOUNT (write 2026-03-15:500.00)", text)
		}
		paid, err := amount("--payment", sum, currency)
		if err != nil {
			return legal.Claim{}, err
		}
		claim.Reductions = append(claim.Reductions, legal.Reduction{On: on, Amount: paid})
	}
	slices.SortStableFunc(claim.Reductions, func(x, y legal.Reduction) int { return int(x.On - y.On) })
	return claim, nil
}

func (c *interestCmd) print(a *app, preset legal.Preset, claim legal.Claim, sum legal.Computation) error {
	fee := sum.Fee
	if fee.Currency == "" {
		fee = money.New(0, claim.Principal.Currency)
	}
	total := sum.Interest
	if fee.Currency == total.Currency {
		total = total.Add(fee)
	}
	out := interestJSON{
		Preset: string(preset.Code), Amount: claim.Principal.String(), Currency: claim.Principal.Currency,
		DueOn: claim.DueOn.String(), Until: claim.Until.String(), Days: sum.Days, Segments: []segmentJSON{},
		Interest: sum.Interest.String(), Fee: fee.String(), Total: total.String(),
	}
	for _, s := range sum.Segments {
		out.Segments = append(out.Segments, segmentJSON{s.From.String(), s.To.String(), s.Days, s.Balance.String(), s.Rate.String(), s.Interest.String()})
	}
	if a.json {
		return a.object(out)
	}
	a.tell("%s: %s %s due %s, up to %s: %s late", out.Preset, out.Amount, out.Currency, out.DueOn, out.Until, count(out.Days, "day"))
	if len(out.Segments) > 0 {
		t := a.table("From", "To", "Days", "Balance", "Rate %", "Interest")
		for _, s := range out.Segments {
			t.AppendRow([]any{s.From, s.To, s.Days, s.Balance, s.Rate, s.Interest})
		}
		t.Render()
	}
	a.tell("Interest %s, fixed fee %s, together %s %s", out.Interest, out.Fee, out.Total, out.Currency)
	return nil
}
