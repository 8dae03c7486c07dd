package legal

import (
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
)

// ClaimOn returns the claim of a due line for interest until a day. What lowered
// the line on no known date counts as never owed: it bears nothing. A credit note
// counts as corrective.
func ClaimOn(l dossier.Line, terms Terms, until calendar.Date) Claim {
	c := Claim{Terms: terms, Principal: l.Outstanding, DueOn: l.DueOn, Until: until, Estimated: l.DueEstimated || l.DueOn.IsZero()}
	for _, s := range l.Payments {
		kind := Payment
		if s.Credit {
			kind = Corrective
		}
		c.Principal = c.Principal.Add(s.Amount)
		c.Reductions = append(c.Reductions, Reduction{On: s.On, Amount: money.New(s.Amount.Minor, c.Principal.Currency), Kind: kind})
	}
	return c
}
