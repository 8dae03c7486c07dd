package brief

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/email/layout"
	"relanced/internal/money"
	"relanced/reminders"
)

// lasting are the reasons that may keep a customer back with no end in sight.
var lasting = []dossier.Reason{
	dossier.Replied, dossier.Disputed, dossier.Manual, dossier.Objection, dossier.BouncedAddress, dossier.Insolvent, dossier.Arranged, dossier.Legal,
}

// recentlyBroken is how many days a broken promise is told.
const recentlyBroken = 7

// readStandings gathers who probably paid, who is held for long, and whose
// promises are due or broken: only of customers of whom some fact says so.
func (b *Brief) readStandings(ctx context.Context, c *content, _ time.Time) error {
	ids, err := b.Box.Store.AttentionIDs(ctx, b.Box.Company.ID)
	if err != nil {
		return fmt.Errorf("find who is held: %w", err)
	}
	rules := b.Box.Company.Rules
	for chunk := range slices.Chunk(ids, 250) {
		dossiers, err := b.Box.Store.Dossiers(ctx, chunk)
		if err != nil {
			return fmt.Errorf("read who is held: %w", err)
		}
		for _, d := range dossiers {
			decision := reminders.Explain(reminders.Decide(d, rules, c.now), d, rules, c.now, b.lang())
			b.standing(c, d, decision)
		}
	}
	for _, list := range [][]item{c.paid, c.held, c.promises} {
		slices.SortStableFunc(list, func(x, y item) int { return cmp.Compare(x.rank, y.rank) })
	}
	return nil
}

// standing adds what is to be said of one customer.
func (b *Brief) standing(c *content, d dossier.Dossier, decision reminders.Decision) {
	type group struct {
		sums     []money.Amount
		invoices []string
		because  string
	}
	groups := map[dossier.Reason]*group{}
	var order []dossier.Reason
	for _, v := range decision.Verdicts {
		if v.Outcome != reminders.Held || v.Line.DueOn == 0 || v.Line.DueOn > c.today {
			continue
		}
		g := groups[v.Reason]
		if g == nil {
			g = &group{because: v.Because}
			groups[v.Reason] = g
			order = append(order, v.Reason)
		}
		g.sums = plus(g.sums, v.Line.Outstanding)
		g.invoices = append(g.invoices, email.Clean(v.Line.Invoice, 60))
	}
	name := who(d.Customer.Name, d.Customer.Code)
	nag := b.Box.Company.Rules.Config.Holds.ReplyNag
	for _, reason := range order {
		g := groups[reason]
		head := name + b.say(" : ", ": ") + b.sums(g.sums)
		switch {
		case reason == dossier.ProbablyPaid || reason == dossier.CreditCovers:
			c.paid = append(c.paid, item{head: head, lines: []string{b.invoices(g.invoices), email.Clean(g.because, 400)}})
		case slices.Contains(lasting, reason):
			since := heldSince(d, reason, c.today)
			day := calendar.DateOf(since.In(b.zone()))
			if since.IsZero() || b.Box.Company.Rules.WorkDays().AddSpan(day, nag) > c.today {
				continue
			}
			head += ", " + reminders.Word(reason, b.lang()) + b.say(" depuis le ", " since ") + b.date(day)
			i := item{head: head, lines: []string{b.invoices(g.invoices)}, rank: int64(day)}
			if reason == dossier.Replied {
				i.lines = append(i.lines, b.say("Répondre au client, puis : relanced resume ", "Answer the customer, then: relanced resume ")+email.Clean(d.Customer.Code, 40))
			}
			c.held = append(c.held, i)
		}
	}
	b.promised(c, d, name)
}

// heldSince is when the oldest fact began that holds for that reason with no
// end in sight; zero where none does.
func heldSince(d dossier.Dossier, reason dossier.Reason, today calendar.Date) time.Time {
	var since time.Time
	older := func(t time.Time) {
		if since.IsZero() || t.Before(since) {
			since = t
		}
	}
	for _, h := range d.Holds {
		if h.Reason == reason && h.EndedAt.IsZero() && (h.Until == 0 || h.Until > today) {
			older(h.From)
		}
	}
	if reason == dossier.Disputed {
		for _, q := range d.Disputes {
			if q.EndedAt.IsZero() && (q.Until == 0 || q.Until > today) {
				older(q.OpenedAt)
			}
		}
	}
	if reason == dossier.BouncedAddress && since.IsZero() {
		for _, a := range d.Bounced {
			older(a.At)
		}
	}
	return since
}

// promised adds promises that are due today, awaited since, or broken.
func (b *Brief) promised(c *content, d dossier.Dossier, name string) {
	for _, p := range d.Promises {
		if !p.EndedAt.IsZero() || p.On > c.today || p.Until != 0 && p.Until < c.today.AddDays(-recentlyBroken) {
			continue
		}
		var left []money.Amount
		var numbers []string
		for _, line := range d.Lines {
			asked := p.Document == line.Document || p.Document == 0 && line.DueOn != 0 && line.DueOn <= p.On
			if asked && !line.Outstanding.IsZero() && line.GoneAt.IsZero() {
				left = plus(left, line.Outstanding)
				numbers = append(numbers, email.Clean(line.Invoice, 60))
			}
		}
		if len(left) == 0 {
			continue // kept
		}
		var state string
		broken := p.Until != 0 && p.Until <= c.today
		switch {
		case p.Claimed != "" && broken:
			state = b.say("paiement annoncé le %s, toujours pas arrivé", "said to be paid on %s, still not here")
		case p.Claimed != "":
			continue // it shows as probably paid
		case broken:
			state = b.say("promesse du %s non tenue", "promise for %s broken")
		case p.On == c.today:
			state = b.say("paiement promis pour aujourd'hui, le %s", "payment promised for today, %s")
		default:
			state = b.say("paiement promis pour le %s, attendu", "payment promised for %s, awaited")
		}
		head := name + b.say(" : ", ": ") + b.sums(left) + ", " + fmt.Sprintf(state, b.date(p.On))
		c.promises = append(c.promises, item{head: head, lines: []string{b.invoices(numbers)}, rank: int64(p.On)})
	}
}

func (b *Brief) invoices(numbers []string) string {
	numbers = slices.Compact(numbers)
	more := ""
	if len(numbers) > 8 {
		more, numbers = fmt.Sprintf(" +%d", len(numbers)-8), numbers[:8]
	}
	word := b.say("Facture ", "Invoice ")
	if len(numbers) > 1 {
		word = b.say("Factures ", "Invoices ")
	}
	return word + strings.Join(numbers, ", ") + more
}

func (b *Brief) date(d calendar.Date) string { return layout.ShortDate(b.lang(), d) }

func (b *Brief) moment(t time.Time) string {
	t = t.In(b.zone())
	return b.date(calendar.DateOf(t)) + b.say(" à ", " at ") + t.Format("15:04")
}
