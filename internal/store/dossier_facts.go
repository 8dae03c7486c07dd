package store

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"relanced/internal/dossier"
)

func (g *gathering) holds() ([]question, func() error) {
	return []question{ask(func(scan scanner) error {
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
WHERE `+g.is("customer", 1)+" AND (ended_at = 0 OR ended_at >= $2) ORDER BY id", g.who, g.horizon())}, nil
}

// horizon is the moment from which ended facts are remembered.
func (g *gathering) horizon() time.Time {
	if g.at.IsZero() {
		return g.now.Add(-remembered)
	}
	return g.at.Add(-remembered)
}

func (g *gathering) promises() ([]question, func() error) {
	return []question{ask(func(scan scanner) error {
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
WHERE `+g.is("customer", 1)+" AND (ended_at = 0 OR ended_at >= $2) ORDER BY id", g.who, g.horizon())}, nil
}

func (g *gathering) disputes() ([]question, func() error) {
	return []question{ask(func(scan scanner) error {
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
WHERE `+g.is("customer", 1)+" AND (ended_at = 0 OR ended_at >= $2) ORDER BY id", g.who, g.horizon())}, nil
}

func (g *gathering) replies() ([]question, func() error) {
	return []question{ask(func(scan scanner) error {
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
FROM message_match x JOIN message_in m ON m.id = x.message WHERE `+g.is("x.customer", 1)+" ORDER BY m.received_at, m.id", g.who)}, nil
}

func (g *gathering) taken() ([]question, func() error) {
	if len(g.lines) == 0 {
		return nil, nil
	}
	is, which := among(g.Tx, slices.Sorted(maps.Keys(g.lines)))
	return []question{ask(func(scan scanner) error {
		var t dossier.Taken
		err := scan(&t.Due, &t.Plan, &t.Step, at(&t.At), &t.How)
		if !g.past(t.At) {
			d := g.lines[t.Due]
			d.Taken = append(d.Taken, t)
		}
		return err
	}, "SELECT due, plan, step, at, how FROM taken WHERE "+is("due", 1)+" ORDER BY at, due, step", which)}, nil
}

func (g *gathering) tasks() ([]question, func() error) {
	return []question{ask(func(scan scanner) error {
		t, err := scanTask(scan)
		if g.past(t.OpenedAt) {
			return err
		}
		g.until(&t.DoneAt)
		d := g.of(int64(t.Customer))
		d.Tasks = append(d.Tasks, t.Task)
		return err
	}, taskQuery+"WHERE "+g.is("t.customer", 1)+" ORDER BY t.id", g.who)}, nil
}

func (g *gathering) bounced() ([]question, func() error) {
	asked := ask(func(scan scanner) error {
		var b dossier.Bounced
		var customer int64
		err := scan(&customer, &b.Address, at(&b.At), &b.Status, &b.Text)
		if !g.past(b.At) {
			d := g.of(customer)
			d.Bounced = append(d.Bounced, b)
		}
		return err
	}, "SELECT customer, address, at, status, text FROM bounced WHERE "+g.is("customer", 1), g.who)
	return []question{asked}, func() error {
		for _, d := range g.by {
			slices.SortFunc(d.Bounced, func(a, b dossier.Bounced) int { return cmp.Compare(a.Address, b.Address) })
		}
		return nil
	}
}
