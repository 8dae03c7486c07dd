package store

import (
	"cmp"
	"slices"
	"time"

	"relanced/internal/dossier"
)

func (g *gathering) holds() error {
	return g.each(func(scan scanner) error {
		var h dossier.Hold
		var customer int64
		err := scan(&h.ID, &customer, &h.Document, &h.Reason, &h.By, &h.Note, at(&h.From), on(&h.Until), at(&h.EndedAt), &h.EndedBy, &h.Reply)
		if g.past(h.From) {
			return err
		}
		g.until(&h.EndedAt)
		d := g.of(customer)
		d.Holds = append(d.Holds, h)
		return err
	}, `SELECT id, customer, document, reason, by_whom, note, from_at, until_on, ended_at, ended_by, reply FROM hold
WHERE `+g.in("customer", 1)+" AND (ended_at = 0 OR ended_at >= $2) ORDER BY id", numbers(g.members), g.horizon())
}

// horizon is the moment from which ended facts are remembered.
func (g *gathering) horizon() time.Time {
	if g.at.IsZero() {
		return g.now.Add(-remembered)
	}
	return g.at.Add(-remembered)
}

func (g *gathering) promises() error {
	return g.each(func(scan scanner) error {
		var p dossier.Promise
		var customer int64
		err := scan(&p.ID, &customer, &p.Document, &p.Amount.Minor, &p.Amount.Currency, on(&p.On), on(&p.Until), &p.Claimed, &p.By, at(&p.MadeAt), at(&p.EndedAt))
		if g.past(p.MadeAt) {
			return err
		}
		g.until(&p.EndedAt)
		d := g.of(customer)
		d.Promises = append(d.Promises, p)
		return err
	}, `SELECT id, customer, document, amount, currency, on_day, until_on, claimed, by_whom, made_at, ended_at FROM promise
WHERE `+g.in("customer", 1)+" AND (ended_at = 0 OR ended_at >= $2) ORDER BY id", numbers(g.members), g.horizon())
}

func (g *gathering) disputes() error {
	return g.each(func(scan scanner) error {
		var p dossier.Dispute
		var customer int64
		err := scan(&p.ID, &customer, &p.Document, &p.Amount.Minor, &p.Amount.Currency, &p.Reason, &p.Owner, &p.By, on(&p.Until), at(&p.OpenedAt), at(&p.EndedAt))
		if g.past(p.OpenedAt) {
			return err
		}
		g.until(&p.EndedAt)
		d := g.of(customer)
		d.Disputes = append(d.Disputes, p)
		return err
	}, `SELECT id, customer, document, amount, currency, reason, owner, by_whom, until_on, opened_at, ended_at FROM dispute
WHERE `+g.in("customer", 1)+" AND (ended_at = 0 OR ended_at >= $2) ORDER BY id", numbers(g.members), g.horizon())
}

func (g *gathering) replies() error {
	return g.each(func(scan scanner) error {
		var r dossier.Reply
		var customer int64
		var recorded time.Time
		err := scan(&r.ID, &customer, &r.Mailbox, at(&r.ReceivedAt), at(&recorded), &r.From, &r.Subject, &r.Class, &r.Holds, &r.Quote, on(&r.ReturnOn), &r.Absent, &r.MID, &r.Message)
		if g.past(recorded) {
			return err
		}
		d := g.of(customer)
		if !slices.ContainsFunc(d.Replies, func(had dossier.Reply) bool { return had.ID == r.ID }) {
			d.Replies = append(d.Replies, r)
		}
		return err
	}, `SELECT m.id, x.customer, m.mailbox, m.received_at, m.recorded_at, m.sender, m.subject, m.class, m.holds, m.quote, m.return_on, m.absent, m.mid, x.outbox
FROM message_match x JOIN message_in m ON m.id = x.message WHERE `+g.in("x.customer", 1)+" ORDER BY m.received_at, m.id", numbers(g.members))
}

func (g *gathering) taken() error {
	if len(g.lines) == 0 {
		return nil
	}
	ids := make([]dossier.DueID, 0, len(g.lines))
	where := map[dossier.DueID]*dossier.Dossier{}
	for _, d := range g.by {
		for _, l := range d.Lines {
			ids = append(ids, l.ID)
			where[l.ID] = d
		}
	}
	return g.each(func(scan scanner) error {
		var t dossier.Taken
		err := scan(&t.Due, &t.Plan, &t.Step, at(&t.At), &t.How)
		if !g.past(t.At) {
			d := where[t.Due]
			d.Taken = append(d.Taken, t)
		}
		return err
	}, "SELECT due, plan, step, at, how FROM taken WHERE "+g.in("due", 1)+" ORDER BY at, due, step", numbers(ids))
}

func (g *gathering) tasks() error {
	list, err := all(g.Tx, scanTask, taskQuery+"WHERE "+g.in("t.customer", 1)+" ORDER BY t.id", numbers(g.members))
	for _, t := range list {
		if g.past(t.OpenedAt) {
			continue
		}
		g.until(&t.DoneAt)
		d := g.of(int64(t.Customer))
		d.Tasks = append(d.Tasks, t.Task)
	}
	return err
}

func (g *gathering) bounced() error {
	err := g.each(func(scan scanner) error {
		var b dossier.Bounced
		var customer int64
		err := scan(&customer, &b.Address, at(&b.At), &b.Status, &b.Text)
		if !g.past(b.At) {
			d := g.of(customer)
			d.Bounced = append(d.Bounced, b)
		}
		return err
	}, "SELECT customer, address, at, status, text FROM bounced WHERE "+g.in("customer", 1), numbers(g.members))
	for _, d := range g.by {
		slices.SortFunc(d.Bounced, func(a, b dossier.Bounced) int { return cmp.Compare(a.Address, b.Address) })
	}
	return err
}
