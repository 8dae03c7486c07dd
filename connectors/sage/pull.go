package sage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/receivable"
)

// overlap asks for changes told before: the vendor's times have seconds, and
// its lists may lag.
const overlap = 5 * time.Minute

var errStopped = errors.New("stopped")

// Pull loads everything on the first pass, list by list, and then follows the
// changes and deletions of each. What changed while loading is caught by the
// changes since the load began. A pass that goes on with a load reads the
// customers again, so that every document's is known.
func (c *Connector) Pull(ctx context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		p := &pass{c: c, ctx: ctx, yield: yield, people: c.people(), opening: map[string][]httpapi.Text{}, stale: map[string]bool{}}
		if err := p.run(since); err != nil && !errors.Is(err, errStopped) {
			yield(connectors.Page{}, err)
		}
	}
}

// pass is one Pull.
type pass struct {
	c     *Connector
	ctx   context.Context //nolint:containedctx // lives as long as the Pull
	yield func(connectors.Page, error) bool
	cur   cursor

	people  people
	opening map[string][]httpapi.Text // what is settled of opening balances, by id
	stale   map[string]bool           // customers whose opening balances and money on account are to be read again
	listed  time.Time                 // when customers were: newer documents may name newer ones
}

func (p *pass) run(since connectors.Cursor) error {
	var err error
	if p.cur, err = readCursor(since); err != nil {
		return err
	}
	if p.cur.Business != "" && p.cur.Business != p.c.business {
		return p.c.http.Fail("look whose books these are", connectors.Auth,
			fmt.Sprintf("business_id is %s, the connection has the books of business %s", p.c.business, p.cur.Business),
			"put the first business back, or configure the other one as a connection of its own")
	}
	p.cur.Business = p.c.business
	if p.cur.Phase == followChanges {
		again, err := p.rolesChanged()
		if err != nil {
			return err
		}
		if !again {
			err = p.followChanges()
		}
		if again || isDenied(err) {
			p.cur = p.cur.again()
			p.opening, p.stale = map[string][]httpapi.Text{}, map[string]bool{} // payments are counted from the first again
			return p.load()
		}
		return err
	}
	return p.load()
}

func (p *pass) load() error {
	if p.cur.Phase != loadContacts {
		if err := p.contacts(p.all(contacts), nil); err != nil {
			return err
		}
	}
	if p.cur.Phase == loadAllocations || p.cur.Phase == loadOpenings {
		p.cur.Phase = loadPayments // what they settle of opening balances is known to this pass alone
	}
	for p.cur.Phase != followChanges {
		if err := p.step(); err != nil {
			return err
		}
	}
	p.cur.Cleared = false
	return p.followChanges()
}

// step reads one list of a load.
func (p *pass) step() error {
	if p.cur.Phase == loadInvoices {
		if err := p.roles(); err != nil {
			return err
		}
	}
	at := steps[p.cur.Phase]
	scope := &connectors.Scope{Kind: at.kind, Part: "all", Absent: connectors.AbsentGone}
	if p.cur.denies(at.resource) {
		p.cur.Phase = at.next
		out := connectors.Page{AsOf: p.c.now()}
		if at.path == openings.path {
			out.Listing, out.Whole = scope, true
		}
		return p.send(out)
	}
	switch at.kind {
	case receivable.ItemAccount:
		return p.contacts(p.all(at.resource), scope)
	case receivable.ItemDocument:
		return p.documents(at.resource, p.all(at.resource), scope)
	case receivable.ItemAllocation:
		scope = nil
	case receivable.ItemPayment:
	}
	return p.settling(at.resource, p.all(at.resource), scope)
}

// all asks for everything of a list, in an order that changes move nothing in.
func (p *pass) all(r resource) url.Values {
	q := p.full(r)
	if r.sorted {
		q.Set("sort", "created_at:asc")
	}
	return q
}

func (p *pass) full(r resource) url.Values {
	q := full(r)
	if r.tells && p.cur.denies(allocations) {
		q.Set("show_payments_allocations", "true")
	}
	return q
}

// send yields a page; what it needs to go on from there is with it.
func (p *pass) send(out connectors.Page) error {
	out.Next = p.cur.next()
	if !p.yield(out, nil) {
		return errStopped
	}
	return nil
}

// begin remembers the server's time when a load began.
func (p *pass) begin(meta httpapi.Meta) {
	if p.cur.Since.IsZero() {
		p.cur.Since = serverTime(meta)
	}
}

// finish moves on to the next list of a load with the last page of one.
func (p *pass) finish(scope *connectors.Scope, last bool) {
	if (scope != nil || p.cur.Phase == loadAllocations) && last {
		p.cur.Phase = steps[p.cur.Phase].next
	}
}

func (p *pass) contacts(query url.Values, scope *connectors.Scope) error {
	return list(p.ctx, &p.c.client, contacts, query, func(got page[contact], last bool) error {
		p.begin(got.meta)
		if p.listed.IsZero() {
			p.listed = serverTime(got.meta)
		}
		out := connectors.Page{Listing: scope, Whole: scope != nil && last, AsOf: got.meta.At, Bad: got.bad}
		p.people.skip(got.bad)
		for _, row := range got.rows {
			p.people.add(&out, row)
		}
		p.finish(scope, last)
		if scope == nil && len(out.Accounts)+len(out.Bad) == 0 {
			return nil
		}
		return p.send(out)
	})
}

func (p *pass) documents(r resource, query url.Values, scope *connectors.Scope) error {
	return list(p.ctx, &p.c.client, r, query, func(got page[document], last bool) error {
		out := connectors.Page{Listing: scope, Whole: scope != nil && last && r.path == openings.path, AsOf: got.meta.At, Bad: got.bad}
		if err := p.debtors(r, got.rows); err != nil {
			return err
		}
		if err := p.add(&out, r, got.rows); err != nil {
			return err
		}
		p.finish(scope, last)
		if scope == nil && len(out.Documents)+len(out.Bad)+len(out.Gone) == 0 {
			return nil
		}
		return p.send(out)
	})
}

// add adds documents to a page. What became a draft is no receivable.
func (p *pass) add(out *connectors.Page, r resource, rows []document) error {
	if len(rows) == 0 {
		return nil
	}
	s, err := p.c.settings(p.ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		doc, ok := p.c.document(s, out, r, row, p.opening[row.key()], p.people.known[row.Contact.id()])
		if !ok || r.path == openings.path {
			continue
		}
		switch {
		case p.cur.denies(allocations):
			got, err := s.credits(doc, row)
			if err != nil {
				out.Notes = append(out.Notes, rejected(r, row.key(), err.Error()))
				continue
			}
			out.Groups = append(out.Groups, got.group)
			out.Allocations = append(out.Allocations, got.links...)
		case p.cur.Cleared:
			out.Groups = append(out.Groups, creditsOf(doc.External))
		}
	}
	return nil
}

// document adds one document to a page; false where it is none or cannot be read.
func (c *Connector) document(s settings, out *connectors.Page, r resource, row document, settled []httpapi.Text, of dealing) (receivable.Document, bool) {
	if row.isDraft() {
		out.Gone = append(out.Gone, connectors.Ref{Kind: r.kind, External: r.external(row.key())})
		return receivable.Document{}, false
	}
	doc, err := s.document(r, row, settled, of)
	if err != nil {
		out.Bad = append(out.Bad, rejected(r, row.key(), err.Error()))
		return doc, false
	}
	out.Documents = append(out.Documents, doc)
	return doc, true
}

// debtors yields, before the documents that name them, customers that this pass
// has not read and who may be newer than the list of them.
func (p *pass) debtors(r resource, rows []document) error {
	loading := p.cur.Phase != followChanges
	out := connectors.Page{AsOf: p.c.now()}
	for _, row := range rows {
		id := row.Contact.id()
		_, known := p.people.known[id]
		fresh := row.updated().IsZero() || !row.updated().Before(p.listed.Add(-2*time.Second))
		wanted := loading || fresh || row.Currency == nil || row.DueDate == "" && r.path != creditNotes.path // then its customer's count
		if id == "" || known || row.isDraft() || !wanted {
			continue
		}
		if err := p.people.read(p.ctx, &out, id, row); err != nil {
			return err
		}
	}
	if len(out.Accounts)+len(out.Bad) == 0 {
		return nil
	}
	return p.send(out)
}

func (p *pass) settling(r resource, query url.Values, scope *connectors.Scope) error {
	return list(p.ctx, &p.c.client, r, query, func(got page[settling], last bool) error {
		out := connectors.Page{Listing: scope, Whole: scope != nil && last, AsOf: got.meta.At, Bad: got.bad}
		for _, row := range got.rows {
			if row.Currency == nil && row.concerns() { // its customer's counts
				if err := p.people.ensure(p.ctx, &out, row.Contact.id()); err != nil {
					return err
				}
			}
		}
		if err := p.settle(&out, r, got.rows); err != nil {
			return err
		}
		p.finish(scope, last)
		if p.cur.Phase == followChanges && scope == nil && len(out.Groups)+len(out.Bad)+len(out.Accounts) == 0 {
			return nil
		}
		return p.send(out)
	})
}

// settle adds payments or allocations to a page.
func (p *pass) settle(out *connectors.Page, r resource, rows []settling) error {
	if len(rows) == 0 {
		return nil
	}
	s, err := p.c.settings(p.ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if !row.concerns() {
			continue
		}
		got, err := s.settle(r, row, p.people.known[row.Contact.id()])
		if err != nil {
			out.Bad = append(out.Bad, rejected(r, row.key(), err.Error()))
			continue
		}
		out.Groups = append(out.Groups, got.group)
		out.Allocations = append(out.Allocations, got.links...)
		if got.payment != nil {
			out.Payments = append(out.Payments, *got.payment)
		}
		for id, parts := range got.opening {
			p.opening[id] = append(p.opening[id], parts...)
		}
		p.follow(got.group, row.Contact.id(), row.moves())
	}
	return nil
}
