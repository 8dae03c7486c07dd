package sageactive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/internal/receivable"
)

// overlap asks for changes told before: lists may lag behind the vendor's clock.
const overlap = 5 * time.Minute

var errStopped = errors.New("stopped")

// Pull loads customers, invoices and the ledger's own invoices on the first pass
// and then follows what changed of each, and the instalments that changed. What
// changed while loading is caught by the changes since the load began. A pass
// that goes on with a load reads the customers again.
func (c *Connector) Pull(ctx context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		p := &pass{c: c, ctx: ctx, yield: yield, known: map[string]bool{}, done: map[string]bool{}}
		if err := p.run(since); err != nil && !errors.Is(err, errStopped) {
			yield(connectors.Page{}, err)
		}
	}
}

// pass is one Pull.
type pass struct {
	c      *Connector
	ctx    context.Context //nolint:containedctx // lives as long as the Pull
	yield  func(connectors.Page, error) bool
	cur    cursor
	known  map[string]bool // customers yielded
	done   map[string]bool // invoices yielded since changes are asked for
	listed time.Time       // when customers were: newer documents may name newer ones
}

func (p *pass) run(since connectors.Cursor) error {
	var err error
	if p.cur, err = readCursor(since); err != nil {
		return err
	}
	if p.cur.Organization != "" && p.cur.Organization != p.c.organization {
		return p.c.http.Fail("look whose books these are", connectors.Auth,
			fmt.Sprintf("organization_id is %s, the connection has the books of organization %s", p.c.organization, p.cur.Organization),
			"put the first organization back, or configure the other one as a connection of its own")
	}
	p.cur.Organization = p.c.organization
	all := func(kind receivable.ItemKind) *connectors.Scope {
		return &connectors.Scope{Kind: kind, Part: "all", Absent: connectors.AbsentGone}
	}
	if p.cur.Phase != followChanges {
		if err := p.customers(time.Time{}, all(receivable.ItemAccount)); err != nil {
			return err
		}
		if p.cur.Phase == loadInvoices {
			if err := p.invoices(time.Time{}, all(receivable.ItemDocument)); err != nil {
				return err
			}
		}
		if err := p.entries(time.Time{}, all(receivable.ItemDocument)); err != nil {
			return err
		}
	}
	return p.followChanges()
}

func (p *pass) followChanges() error {
	from := p.cur.Since.Add(-overlap)
	asked := p.c.now()
	p.listed = time.Time{}
	if err := p.customers(from, nil); err != nil {
		return err
	}
	began := p.listed
	if err := p.invoices(from, nil); err != nil {
		return err
	}
	if err := p.moved(from); err != nil {
		return err
	}
	if err := p.entries(from, nil); err != nil {
		return err
	}
	p.cur.Since = began
	return p.send(connectors.Page{AsOf: asked})
}

func (p *pass) send(out connectors.Page) error {
	out.Next = p.cur.next()
	if !p.yield(out, nil) {
		return errStopped
	}
	return nil
}

func (p *pass) customers(from time.Time, scope *connectors.Scope) error {
	return list(p.ctx, &p.c.client, customers, customers.since(), since(from), func(got page[customer], last bool) error {
		if p.listed.IsZero() {
			p.listed = serverTime(got.meta)
		}
		if p.cur.Since.IsZero() {
			p.cur.Since = serverTime(got.meta)
		}
		out := connectors.Page{Listing: scope, Whole: scope != nil && last, AsOf: got.meta.At, Bad: got.bad}
		p.add(&out, got.rows)
		for _, b := range got.bad {
			p.known[b.Ref.External] = true // it would be as unreadable by id
		}
		if last && p.cur.Phase == loadCustomers {
			p.cur.Phase = loadInvoices
		}
		if scope == nil && len(out.Accounts)+len(out.Bad) == 0 {
			return nil
		}
		return p.send(out)
	})
}

func (p *pass) add(out *connectors.Page, rows []customer) {
	for _, row := range rows {
		p.known[row.ID] = true
		addAccount(out, row)
	}
}

func addAccount(out *connectors.Page, row customer) {
	a, err := account(row)
	if err != nil {
		out.Bad = append(out.Bad, connectors.Rejected{Ref: connectors.Ref{Kind: receivable.ItemAccount, External: row.ID}, Text: err.Error()})
		return
	}
	out.Accounts = append(out.Accounts, a)
}

func (p *pass) invoices(from time.Time, scope *connectors.Scope) error {
	return list(p.ctx, &p.c.client, invoices, invoices.since(), since(from), func(got page[invoice], last bool) error {
		return p.bills(got, last, scope)
	})
}

// bills yields a page of invoices and credit notes. The ledger's own invoices
// belong to the same listing: it does not end here.
func (p *pass) bills(got page[invoice], last bool, scope *connectors.Scope) error {
	out := connectors.Page{Listing: scope, AsOf: got.meta.At, Bad: got.bad}
	if len(got.rows) > 0 {
		if err := p.c.bills(p.ctx, &out, got.rows); err != nil {
			return err
		}
	}
	names := map[string]string{}
	for _, row := range got.rows {
		if p.cur.Phase == followChanges { // a load may have read it before it changed
			p.done[row.ID] = true
		}
		p.wanted(names, row.Customer, string(row.Name), row.updated())
	}
	if err := p.debtors(names); err != nil {
		return err
	}
	if last && p.cur.Phase == loadInvoices {
		p.cur.Phase = loadEntries
	}
	if scope == nil && len(out.Documents)+len(out.Bad) == 0 {
		return nil
	}
	return p.send(out)
}

// wanted notes a customer that a document names, with the name it gives, where
// this pass has not read it and it may be newer than the list of them.
func (p *pass) wanted(names map[string]string, id, name string, updated time.Time) {
	if id == "" || p.known[id] || p.cur.Phase == followChanges && !updated.IsZero() && updated.Before(p.listed.Add(-2*time.Second)) {
		return
	}
	names[id] = name
}

// debtors yields customers before the documents that name them.
func (p *pass) debtors(names map[string]string) error {
	if len(names) == 0 {
		return nil
	}
	out := connectors.Page{AsOf: p.c.now()}
	if err := p.c.debtors(p.ctx, &out, names); err != nil {
		return err
	}
	for id := range names {
		p.known[id] = true
	}
	return p.send(out)
}

// moved reads the invoices of instalments that changed: a payment is only told
// to move those.
func (p *pass) moved(from time.Time) error {
	ids := map[string]bool{}
	err := list(p.ctx, &p.c.client, movedItems, movedItems.since(), since(from), func(got page[moved], _ bool) error {
		for _, row := range got.rows {
			if row.Invoice != nil && !p.done[row.Invoice.ID] {
				ids[row.Invoice.ID] = true
			}
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	return byID(p.ctx, &p.c.client, invoices, slices.Sorted(maps.Keys(ids)), func(got page[invoice], last bool) error {
		return p.bills(got, last, nil)
	})
}

func (p *pass) entries(from time.Time, scope *connectors.Scope) error {
	return list(p.ctx, &p.c.client, entries, entries.since(), since(from), func(got page[entry], last bool) error {
		out := connectors.Page{Listing: scope, Whole: scope != nil && last, AsOf: got.meta.At, Bad: got.bad}
		names, err := p.c.ledger(p.ctx, &out, got.rows)
		if err != nil {
			return err
		}
		wanted := map[string]string{}
		for id, name := range names {
			p.wanted(wanted, id, name, time.Time{})
		}
		if err := p.debtors(wanted); err != nil {
			return err
		}
		if last && scope != nil {
			p.cur.Phase = followChanges
		}
		if scope == nil && len(out.Documents)+len(out.Bad) == 0 {
			return nil
		}
		return p.send(out)
	})
}
