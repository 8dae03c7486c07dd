package sage

import (
	"net/url"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/receivable"
)

// follow remembers whose opening balances and money on account a group moves,
// and that they are to be read again now that it was told or is gone.
func (p *pass) follow(group, whose string, moves bool) {
	if before := p.cur.Moving[group]; before != "" {
		p.stale[before] = true
		delete(p.cur.Moving, group)
	}
	if moves && whose != "" {
		p.stale[whose] = true
		p.cur.Moving[group] = whose
	}
}

// followChanges asks each list what changed and what was deleted.
func (p *pass) followChanges() error {
	since := stamp(p.cur.Since.Add(-overlap))
	asked := p.c.now()
	p.stale, p.opening = map[string]bool{}, map[string][]httpapi.Text{}
	p.listed = time.Time{}
	changed := func(r resource) url.Values {
		q := p.full(r)
		q.Set("updated_or_created_since", since)
		if r.sorted {
			q.Set("sort", "updated_at:asc")
		}
		return q
	}
	var out connectors.Page
	if err := p.contacts(changed(contacts), nil); err != nil {
		return err
	}
	began := p.listed
	for _, r := range []resource{invoices, creditNotes, quickEntries} {
		if err := p.documents(r, changed(r), nil); err != nil {
			return err
		}
	}
	for _, r := range []resource{payments, allocations} {
		if p.cur.denies(r) {
			continue
		}
		if err := p.settling(r, changed(r), nil); err != nil {
			return err
		}
	}
	if !p.cur.denies(openings) {
		q := changed(openings)
		for key := range all(openings) {
			q.Del(key) // who they are of is enough: they are read with what settles them
		}
		q.Set("attributes", "contact")
		if err := list(p.ctx, &p.c.client, openings, q, func(got page[document], _ bool) error {
			for _, row := range got.rows {
				if id := row.Contact.id(); id != "" {
					p.stale[id] = true
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, r := range []resource{contacts, invoices, creditNotes, quickEntries, openings, payments, allocations} {
		if p.cur.denies(r) {
			continue
		}
		if err := p.deletions(&out, r, since); err != nil {
			return err
		}
	}
	if err := p.refresh(); err != nil {
		return err
	}
	p.tellMissing(&out)
	out.AsOf, p.cur.Since = asked, began
	return p.send(out)
}

// deletions adds what was deleted of one list.
func (p *pass) deletions(out *connectors.Page, r resource, since string) error {
	return list(p.ctx, &p.c.client, r, url.Values{"deleted_since": {since}}, func(got page[thin], _ bool) error {
		for _, id := range got.ids(r) {
			if r.kind == receivable.ItemPayment || r.kind == receivable.ItemAllocation {
				out.Groups = append(out.Groups, groupOf(r, id))
				p.follow(groupOf(r, id), "", false)
			}
			if r.kind != receivable.ItemAllocation {
				out.Gone = append(out.Gone, connectors.Ref{Kind: r.kind, External: r.external(id)})
			}
		}
		return nil
	})
}

// refresh reads the opening balances and the money on account of customers of
// whom a payment or an allocation changed: their own rows tell nothing of it.
func (p *pass) refresh() error {
	ids := make([]string, 0, len(p.stale))
	for id := range p.stale {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		out := connectors.Page{AsOf: p.c.now()}
		if err := p.people.ensure(p.ctx, &out, id); err != nil {
			return err
		}
		if err := p.c.balances(p.ctx, &out, id, p.people.known[id], p.cur); err != nil {
			return err
		}
		if err := p.send(out); err != nil {
			return err
		}
	}
	return nil
}
