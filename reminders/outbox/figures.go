package outbox

import (
	"fmt"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/legal"
	"relanced/internal/receivable"
	"relanced/reminders"
	"relanced/reminders/compose"
)

// terms returns the law and contract that the customer's debts stand under.
func (l Legal) terms(kind, fallback receivable.Kind) legal.Terms {
	if kind == receivable.KindUnknown || kind == "" {
		kind = fallback
	}
	terms := legal.Terms{Preset: l.Preset, Contract: l.Contract}
	if l.Auto {
		terms.Preset = legal.Auto(l.Country, kind)
	}
	return terms
}

// figures returns what the message may say of late payment, at the day it is
// dated. A rate that is not known, or not the same for all invoices, is not
// mentioned; one that is not known stops a message that must state amounts.
func (b *Box) figures(d dossier.Dossier, a reminders.Action, lang string, today calendar.Date) (compose.Legal, error) {
	if a.Legal == reminders.LegalNone || a.Legal == "" {
		return compose.Legal{}, nil
	}
	terms := b.Company.Legal.terms(d.Customer.Kind, b.Company.Rules.Company.Kind)
	rule := terms.Rule(lang, today)
	said := compose.Legal{Interest: rule.Interest, Basis: rule.Basis, Fee: terms.FeeWords(lang)}
	if rule.Figure {
		said.Rate = rule.Rate.String()
	}
	if a.Legal != reminders.LegalAmounts {
		return said, nil
	}
	for _, use := range a.Lines {
		if use.Role != dossier.RoleDemanded {
			continue
		}
		line := use.Line
		sum, err := legal.Compute(Claim(terms, line, today))
		if err != nil {
			return compose.Legal{}, fmt.Errorf("work out the penalties of %s: %w", line.Invoice, err)
		}
		said.Lines = append(said.Lines, compose.LegalLine{Due: line.ID, Days: sum.Days, Interest: sum.Interest, Fee: sum.Fee})
	}
	return said, nil
}

// Claim is a due line as the law sees it on a day.
func Claim(terms legal.Terms, line dossier.Line, until calendar.Date) legal.Claim {
	claim := legal.Claim{
		Terms: terms, Principal: line.Outstanding, DueOn: line.DueOn, Until: until, Estimated: line.DueEstimated,
	}
	for _, s := range line.Payments {
		kind := legal.Payment
		if s.Credit {
			kind = legal.Corrective
		}
		claim.Principal = claim.Principal.Add(s.Amount)
		claim.Reductions = append(claim.Reductions, legal.Reduction{On: s.On, Amount: s.Amount, Kind: kind})
	}
	return claim
}
