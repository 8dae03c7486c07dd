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
func (g *gathering) books() error {
	type found struct {
		id, customer int64
		line         dossier.Line
		kind         receivable.DocumentKind
		content      string
		problem      time.Time // since when it has the problem, or none
		since        time.Time
		row          documentRow
		open         bool
	}
	reminded := numbers(slices.Clone(g.documents))
	which := "(d.outstanding <> 0 AND d.gone_at = 0)"
	if !g.at.IsZero() {
		which = "d.first_seen_at <= " + fmt.Sprint(micros(g.at))
	}
	list, err := all(g.Tx, func(scan scanner) (found, error) {
		var f found
		err := scan(&f.id, &f.customer, &f.line.Connection, at(&f.line.ConfirmedAt), &f.line.External, &f.line.Invoice, &f.kind, &f.content,
			&f.line.Problem, at(&f.problem), at(&f.since), at(&f.line.FirstSeenAt), at(&f.line.GoneAt))
		return f, err
	}, `SELECT d.id, d.customer, c.name, c.confirmed_at, d.external, d.number, d.kind, d.content, d.problem, d.problem_at, d.since, d.first_seen_at, d.gone_at
FROM document d JOIN connection c ON c.id = d.connection WHERE `+g.in("d.customer", 1)+" AND "+which+`
UNION ALL SELECT d.id, d.customer, c.name, c.confirmed_at, d.external, d.number, d.kind, d.content, d.problem, d.problem_at, d.since, d.first_seen_at, d.gone_at
FROM document d JOIN connection c ON c.id = d.connection WHERE `+g.in("d.id", 2)+" AND "+g.in("d.customer", 1)+" AND NOT "+which+" ORDER BY 1",
		numbers(g.members), reminded)
	if err != nil {
		return err
	}
	asked := map[int64]bool{}
	for _, id := range g.documents {
		asked[int64(id)] = true
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
	var there []int // places in the list of what was there at the moment asked for
	for i := range list {
		f := &list[i]
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
		if err := doc(&f.row).Scan(f.content); err != nil {
			return err
		}
		f.open = f.row.Outstanding != 0 && f.line.GoneAt.IsZero()
		there = append(there, i)
	}
	dueOf := map[int64][]storedDue{}
	changed := map[int64]time.Time{}
	err = g.each(func(scan scanner) error {
		var s storedDue
		var when, gone time.Time
		err := scan(&s.id, &s.document, &s.rank, at(&when), at(&gone))
		s.gone = !gone.IsZero()
		dueOf[s.document] = append(dueOf[s.document], s)
		changed[s.id] = when
		return err
	}, "SELECT id, document, rank, changed_at, gone_at FROM due WHERE "+g.in("document", 1)+" ORDER BY document, rank", numbers(ids))
	if err != nil {
		return err
	}
	for _, i := range there {
		f := list[i]
		if !f.open && !asked[f.id] {
			continue
		}
		d := g.of(f.customer)
		row := f.row
		if f.kind == receivable.CreditNote {
			if f.open {
				d.Credits = append(d.Credits, dossier.Credit{ID: f.id, Label: f.line.Invoice, Note: true, On: row.IssuedOn, Amount: amount(row.Outstanding, row.Currency).Abs()})
			}
			continue
		}
		byRank := map[int]int64{}
		for _, s := range dueOf[f.id] {
			byRank[s.rank] = s.id
		}
		for _, due := range row.Dues {
			if due.Outstanding == 0 && !asked[f.id] {
				continue
			}
			line := f.line
			line.ID, line.Document = dossier.DueID(byRank[due.Rank]), dossier.DocumentID(f.id)
			line.IssuedOn, line.DueOn, line.Rank, line.Of = row.IssuedOn, due.On, due.Rank, len(row.Dues)
			line.Total, line.Outstanding = amount(due.Total, row.Currency), amount(due.Outstanding, row.Currency)
			line.InvoiceTotal = amount(row.Total, row.Currency)
			line.DueEstimated, line.Estimated, line.Returned, line.Assigned = due.Estimated, row.Estimated, row.Returned, row.Assigned
			line.Method, line.EStatus, line.Standing, line.OrderRef, line.Fetchable = row.Method, row.EStatus, row.Standing, row.OrderRef, row.Fetchable
			line.ChangedAt = changed[byRank[due.Rank]]
			if g.past(line.ChangedAt) {
				line.ChangedAt = line.FirstSeenAt
			}
			d.Lines = append(d.Lines, line)
			g.lines[line.ID] = true
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

func closed(l dossier.Line) int {
	if l.Outstanding.IsZero() || !l.GoneAt.IsZero() {
		return 1
	}
	return 0
}

// credits reads money on account.
func (g *gathering) credits() error {
	which := " AND p.unallocated <> 0 AND p.gone_at = 0"
	if !g.at.IsZero() {
		which = fmt.Sprintf(" AND p.first_seen_at <= %d AND (p.gone_at = 0 OR p.gone_at > %d)", micros(g.at), micros(g.at))
	}
	type found struct {
		id, customer int64
		row          paymentRow
		since        time.Time
	}
	list, err := all(g.Tx, func(scan scanner) (found, error) {
		var f found
		err := scan(&f.id, &f.customer, doc(&f.row), at(&f.since))
		return f, err
	}, "SELECT p.id, p.customer, p.content, p.since FROM payment p WHERE "+g.in("p.customer", 1)+which+" ORDER BY p.paid_on, p.id", numbers(g.members))
	if err != nil {
		return err
	}
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
