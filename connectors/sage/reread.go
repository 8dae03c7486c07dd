package sage

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/receivable"
)

// few records are read one by one; more out of the lists of what is open.
const few = 20

// ReadInvoices reads receivables again by id, with the customers they name. The
// vendor takes one id at a time.
func (c *Connector) ReadInvoices(ctx context.Context, externals []string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		r := rereading{c: c, ctx: ctx, people: c.people()}
		err := r.all(externals)
		yield(r.out, err)
	}
}

type rereading struct {
	c       *Connector
	ctx     context.Context //nolint:containedctx // lives as long as the re-read
	out     connectors.Page
	people  people
	answers bool // the business itself was seen to be there
}

func (r *rereading) all(externals []string) error {
	r.out.AsOf = r.c.now()
	wanted := map[string][]string{}
	for _, ext := range externals {
		for _, of := range documentResources {
			if id, ok := strings.CutPrefix(ext, of.prefix); ok {
				wanted[of.path] = append(wanted[of.path], id)
				break
			}
		}
	}
	found := map[string][]document{}
	for _, of := range documentResources {
		var err error
		if found[of.path], err = r.read(of, wanted[of.path]); err != nil {
			return err
		}
	}
	if err := r.debtors(found); err != nil {
		return err
	}
	s, err := r.c.settings(r.ctx)
	if err != nil {
		return err
	}
	settled := map[string]map[string][]httpapi.Text{} // by customer and opening balance
	for _, of := range documentResources {
		for _, row := range found[of.path] {
			whose := row.Contact.id()
			if of.path == openings.path && settled[whose] == nil {
				if settled[whose], _, err = r.c.settledOf(r.ctx, &connectors.Page{}, whose, r.people.known[whose]); err != nil {
					return err
				}
			}
			r.c.document(s, &r.out, of, row, settled[whose][row.key()], r.people.known[whose])
		}
	}
	return nil
}

// read reads the given records of one list; those that are nowhere are gone.
func (r *rereading) read(of resource, ids []string) ([]document, error) {
	var rows []document
	left := map[string]bool{}
	for _, id := range ids {
		left[id] = true
	}
	if len(ids) > few && of.path != openings.path {
		for _, status := range []string{"UNPAID", "PART_PAID"} {
			q := all(of)
			q.Set("status_id", status)
			q.Set("sort", "created_at:asc")
			if err := list(r.ctx, &r.c.client, of, q, func(got page[document], _ bool) error {
				for _, row := range got.rows {
					if left[row.key()] {
						rows = append(rows, row)
						delete(left, row.key())
					}
				}
				return nil
			}); err != nil {
				return nil, err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(left)) {
		row, err := one[document](r.ctx, &r.c.client, of, id, triesAlone)
		switch {
		case httpapi.KindOf(err) == connectors.NotFound:
			if err := r.there(); err != nil {
				return nil, err
			}
			r.out.Gone = append(r.out.Gone, connectors.Ref{Kind: of.kind, External: of.external(id)})
		case httpapi.TooMuch(err):
			if _, away := r.c.name(r.ctx); away != nil {
				return nil, err
			}
			r.out.Bad = append(r.out.Bad, rejected(of, id, failing))
		case httpapi.KindOf(err) == connectors.Schema:
			r.out.Bad = append(r.out.Bad, unreadable(of, id, err))
		case of.path == openings.path && isDenied(err):
			r.out.Bad = append(r.out.Bad, rejected(of, id, "may not be read any more by the Sage user who agreed"))
		case err != nil:
			return nil, err
		default:
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// there makes sure that a record is missing, not the business: the vendor
// answers alike for both.
func (r *rereading) there() error {
	if r.answers {
		return nil
	}
	_, err := r.c.name(r.ctx)
	r.answers = err == nil
	return err
}

// debtors reads the customers that documents name.
func (r *rereading) debtors(found map[string][]document) error {
	wanted := map[string]document{}
	for _, rows := range found {
		for _, row := range rows {
			if row.Contact.id() != "" {
				wanted[row.Contact.id()] = row
			}
		}
	}
	if len(wanted) > few {
		if err := list(r.ctx, &r.c.client, contacts, full(contacts), func(got page[contact], _ bool) error {
			for _, row := range got.rows {
				if _, ok := wanted[row.key()]; ok {
					r.people.add(&r.out, row)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		if _, known := r.people.known[id]; !known {
			if err := r.people.read(r.ctx, &r.out, id, wanted[id]); err != nil {
				return err
			}
		}
	}
	return nil
}

// settledOf reads what a customer's payments and allocations settle of opening
// balances, by their id, and the groups that they do it by. The payments are added
// to the page, with what is left of them. Allocations that may not be read are left
// out.
func (c *Connector) settledOf(ctx context.Context, out *connectors.Page, whose string, of dealing) (parts map[string][]httpapi.Text, moving []string, err error) {
	s, err := c.settings(ctx)
	if err != nil {
		return nil, nil, err
	}
	parts = map[string][]httpapi.Text{}
	for _, r := range []resource{payments, allocations} {
		q := all(r)
		q.Set("contact_id", whose)
		q.Set("sort", "created_at:asc")
		err := list(ctx, &c.client, r, q, func(got page[settling], _ bool) error {
			for _, row := range got.rows {
				one, err := s.settle(r, row, of)
				if err != nil || !row.concerns() {
					continue // among the problems of the pass that read it
				}
				if row.moves() {
					moving = append(moving, one.group)
				}
				if one.payment != nil {
					out.Payments = append(out.Payments, *one.payment)
				}
				for id, list := range one.opening {
					parts[id] = append(parts[id], list...)
				}
			}
			return nil
		})
		if err != nil && (r.path != allocations.path || !isDenied(err)) {
			return nil, nil, err
		}
	}
	return parts, moving, nil
}

// balances adds a customer's opening balances and money on account to a page.
func (c *Connector) balances(ctx context.Context, out *connectors.Page, whose string, of dealing, cur cursor) error {
	parts, moving, err := c.settledOf(ctx, out, whose, of)
	for _, group := range moving { // of what came after the lists, too
		cur.Moving[group] = whose
	}
	if err != nil || cur.denies(openings) {
		return err
	}
	s, err := c.settings(ctx)
	if err != nil {
		return err
	}
	q := full(openings)
	q.Set("contact_id", whose)
	return list(ctx, &c.client, openings, q, func(got page[document], _ bool) error {
		out.Bad = append(out.Bad, got.bad...)
		for _, row := range got.rows {
			c.document(s, out, openings, row, parts[row.key()], of)
		}
		return nil
	})
}

// List yields the ids of all documents, or of those that are open, as a listing:
// what it does not name is asked for once more. Opening balances do not tell
// whether they are open: all of them are named.
func (c *Connector) List(ctx context.Context, part string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		scope := &connectors.Scope{Kind: receivable.ItemDocument, Part: part, Absent: connectors.AbsentReread}
		err := c.ids(ctx, part, func(r resource, got page[thin]) error {
			out := connectors.Page{Listing: scope, AsOf: got.meta.At}
			for _, id := range got.ids(r) {
				out.Seen = append(out.Seen, connectors.Ref{Kind: scope.Kind, External: r.external(id)})
			}
			if !yield(out, nil) {
				return errStopped
			}
			return nil
		})
		switch {
		case err == nil:
			yield(connectors.Page{Listing: scope, Whole: true, AsOf: c.now()}, nil)
		case err != errStopped: //nolint:errorlint // never wrapped
			yield(connectors.Page{}, err)
		}
	}
}

func (c *Connector) ids(ctx context.Context, part string, each func(r resource, got page[thin]) error) error {
	for _, r := range documentResources {
		states := []string{""}
		if part == "open" && r.path != openings.path {
			states = []string{"UNPAID", "PART_PAID"}
		}
		for _, state := range states {
			q := url.Values{}
			if state != "" {
				q.Set("status_id", state)
			}
			if r.sorted {
				q.Set("sort", "created_at:asc")
			}
			err := list(ctx, &c.client, r, q, func(got page[thin], _ bool) error { return each(r, got) })
			if err != nil && (r.path != openings.path || !isDenied(err)) {
				return err
			}
		}
	}
	return nil
}
