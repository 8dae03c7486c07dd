package store

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// books reads the documents: open ones, and those that our messages spoke of.
func (g *gathering) books() ([]question, func() error) {
	type stored struct {
		id      dossier.DueID
		changed time.Time
	}
	type found struct {
		id, customer int64
		line         dossier.Line
		kind         receivable.DocumentKind
		content      string
		problem      time.Time // since when it has the problem, or none
		since        time.Time
		dues         map[int]stored // by rank
	}
	which := "(d.outstanding <> 0 AND d.gone_at = 0)"
	if !g.at.IsZero() {
		which = "d.first_seen_at <= " + fmt.Sprint(micros(g.at))
	}
	const columns = `SELECT d.id, d.customer, c.name, c.confirmed_at, d.external, d.number, d.kind, d.content, d.problem, d.problem_at, d.since, d.first_seen_at, d.gone_at,
  coalesce(l.id, 0), coalesce(l.rank, 0), coalesce(l.changed_at, 0)
FROM document d JOIN connection c ON c.id = d.connection LEFT JOIN due l ON l.document = d.id WHERE `
	var list []found
	place := map[int64]int{} // where in the list a document stands
	row := func(scan scanner) error {
		f := found{dues: map[int]stored{}}
		var rank int
		var due stored
		err := scan(&f.id, &f.customer, &f.line.Connection, at(&f.line.ConfirmedAt), &f.line.External, &f.line.Invoice, &f.kind, &f.content,
			&f.line.Problem, at(&f.problem), at(&f.since), at(&f.line.FirstSeenAt), at(&f.line.GoneAt), &due.id, &rank, at(&due.changed))
		i, there := place[f.id]
		if !there {
			i = len(list)
			place[f.id], list = i, append(list, f)
		}
		list[i].dues[rank] = due
		return err
	}
	// Settled ones only where a message spoke of them: of those there may be many.
	asked := []question{
		ask(row, columns+g.is("d.customer", 1)+" AND "+which, g.who),
		ask(row, columns+"d.id IN (SELECT s.document FROM outbox o JOIN outbox_line s ON s.outbox = o.id WHERE "+g.is("o.customer", 1)+") AND "+g.is("+d.customer", 1)+" AND NOT "+which, g.who),
	}
	if len(g.documents) > 0 {
		asked = append(asked, ask(row, columns+g.in("d.id", 2)+" AND "+g.is("+d.customer", 1)+" AND NOT "+which, g.who, numbers(g.documents)))
	}
	return asked, func() error {
		slices.SortFunc(list, func(a, b found) int { return cmp.Compare(a.id, b.id) })
		wanted := map[int64]bool{} // settled ones too
		for _, id := range g.documents {
			wanted[int64(id)] = true
		}
		var ids []int64
		for _, f := range list {
			ids = append(ids, f.id)
		}
		past, err := g.old("document", ids)
		if err != nil {
			return err
		}
		pastProblems, err := g.old("problem", ids)
		if err != nil {
			return err
		}
		for _, f := range list {
			if g.past(f.line.FirstSeenAt) {
				continue
			}
			if before, ok := past[f.id]; ok && g.past(f.since) {
				f.content = before
			}
			if g.past(f.problem) {
				f.line.Problem = pastProblems[f.id]
			}
			g.until(&f.line.GoneAt)
			g.until(&f.line.ConfirmedAt)
			var row documentRow
			if err := doc(&row).Scan(f.content); err != nil {
				return err
			}
			open := row.Outstanding != 0 && f.line.GoneAt.IsZero()
			if !open && !wanted[f.id] {
				continue
			}
			d := g.of(f.customer)
			if f.kind == receivable.CreditNote {
				if open {
					d.Credits = append(d.Credits, dossier.Credit{ID: f.id, Label: f.line.Invoice, Note: true, On: row.IssuedOn, Amount: amount(row.Outstanding, row.Currency).Abs()})
				}
				continue
			}
			for _, due := range row.Dues {
				if due.Outstanding == 0 && !wanted[f.id] {
					continue
				}
				line := f.line
				line.ID, line.Document = f.dues[due.Rank].id, dossier.DocumentID(f.id)
				line.IssuedOn, line.DueOn, line.Rank, line.Of = row.IssuedOn, due.On, due.Rank, len(row.Dues)
				line.Total, line.Outstanding = amount(due.Total, row.Currency), amount(due.Outstanding, row.Currency)
				line.InvoiceTotal = amount(row.Total, row.Currency)
				line.DueEstimated, line.Estimated, line.Returned, line.Assigned = due.Estimated, row.Estimated, row.Returned, row.Assigned
				line.Method, line.EStatus, line.Standing, line.OrderRef, line.Fetchable = row.Method, row.EStatus, row.Standing, row.OrderRef, row.Fetchable
				line.ChangedAt = f.dues[due.Rank].changed
				if g.past(line.ChangedAt) {
					line.ChangedAt = line.FirstSeenAt
				}
				d.Lines = append(d.Lines, line)
				g.lines[line.ID] = d
			}
		}
		for _, d := range g.by {
			slices.SortFunc(d.Lines, func(a, b dossier.Line) int {
				return cmp.Or(cmp.Compare(closed(a), closed(b)), cmp.Compare(a.DueOn, b.DueOn), cmp.Compare(a.ID, b.ID))
			})
			slices.SortFunc(d.Credits, func(a, b dossier.Credit) int { return cmp.Or(cmp.Compare(a.On, b.On), cmp.Compare(a.ID, b.ID)) })
		}
		return nil
	}
}

func closed(l dossier.Line) int {
	if l.Outstanding.IsZero() || !l.GoneAt.IsZero() {
		return 1
	}
	return 0
}

// credits reads money on account.
func (g *gathering) credits() ([]question, func() error) {
	which := " AND p.unallocated <> 0 AND p.gone_at = 0"
	if !g.at.IsZero() {
		which = fmt.Sprintf(" AND p.first_seen_at <= %d AND (p.gone_at = 0 OR p.gone_at > %d)", micros(g.at), micros(g.at))
	}
	type found struct {
		id, customer int64
		row          paymentRow
		since        time.Time
	}
	var list []found
	asked := ask(func(scan scanner) error {
		var f found
		err := scan(&f.id, &f.customer, doc(&f.row), at(&f.since))
		list = append(list, f)
		return err
	}, "SELECT p.id, p.customer, p.content, p.since FROM payment p WHERE "+g.is("p.customer", 1)+which+" ORDER BY p.paid_on, p.id", g.who)
	return []question{asked}, func() error {
		var ids []int64
		for _, f := range list {
			ids = append(ids, f.id)
		}
		past, err := g.old("payment", ids)
		if err != nil {
			return err
		}
		for _, f := range list {
			if before, ok := past[f.id]; ok && g.past(f.since) {
				f.row = paymentRow{}
				if err := doc(&f.row).Scan(before); err != nil {
					return err
				}
			}
			if f.row.Unallocated <= 0 {
				continue
			}
			d := g.of(f.customer)
			d.Credits = append(d.Credits, dossier.Credit{ID: f.id, Label: f.row.Label, On: f.row.On, Amount: amount(f.row.Unallocated, f.row.Currency)})
		}
		return nil
	}
}
