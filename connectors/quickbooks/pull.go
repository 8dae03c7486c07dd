package quickbooks

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/internal/receivable"
)

const (
	// kept is how old what we know may be before everything is loaded again: the
	// vendor tells changes of thirty days.
	kept = 29 * 24 * time.Hour
	// overlap asks for changes told before: the vendor's times have seconds, and
	// its views lag.
	overlap = 5 * time.Minute
)

// Pull loads everything on the first pass (customers, invoices, credit memos,
// payments, each as a full listing) and then follows the changes. What changed
// while loading is caught by the changes since the load began.
func (c *Connector) Pull(ctx context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		p := &pass{c: c, ctx: ctx, yield: yield, met: map[string]bool{}}
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
	began time.Time
	met   map[string]bool // customers yielded for a document that named them

	renewed bool // everything is read anew in this very pass
}

func (p *pass) run(since connectors.Cursor) error {
	var err error
	if p.cur, err = readCursor(since); err != nil {
		return err
	}
	p.began = p.c.now()
	if err := p.identify(); err != nil {
		return err
	}
	if p.cur.Phase == followChanges && p.began.Sub(p.cur.Since) > kept {
		p.restart()
	}
	for {
		switch p.cur.Phase {
		case loadCustomers:
			err = p.loadCustomers()
		case loadInvoices, loadCreditMemos:
			err = p.loadDocuments()
		case loadPayments:
			err = p.loadPayments()
		case followChanges:
			err = p.followChanges()
			if !errors.Is(err, errTooOld) {
				return err
			}
			if p.renewed {
				return p.c.http.Fail("ask what changed", connectors.Temporary, "changes since the list began are refused as too old", "set the clock of this machine, then run relanced check")
			}
			p.restart()
			err = nil
		}
		if err != nil {
			return err
		}
	}
}

// identify makes sure that the permission still opens the same company.
func (p *pass) identify() error {
	path, err := p.c.path(p.ctx, "")
	if err != nil {
		return err
	}
	realm := path[strings.LastIndexByte(path, '/')+1:]
	if p.cur.Realm != "" && realm != p.cur.Realm {
		return p.c.http.Fail("look whose books these are", connectors.Auth,
			fmt.Sprintf("this is company %s, the connection has the books of company %s", realm, p.cur.Realm),
			"put the first company back, or configure the other one as a connection of its own")
	}
	p.cur.Realm = realm
	return nil
}

func (p *pass) restart() {
	p.cur, p.renewed = cursor{Version: 1, Realm: p.cur.Realm, Phase: loadCustomers}, true
}

func (p *pass) mapping() mapping { return mapping{home: p.cur.Home, terms: p.c.terms} }

func (p *pass) send(page connectors.Page) error {
	page.Next = p.cur.next()
	if page.AsOf.IsZero() {
		page.AsOf = p.began
	}
	if !p.yield(page, nil) {
		return errStopped
	}
	return nil
}

// followChanges asks for all that changed in one request.
func (p *pass) followChanges() error {
	asked := p.c.now()
	got, err := p.c.changes(p.ctx, p.cur.Since.Add(-overlap))
	if err != nil {
		return err
	}
	out := connectors.Page{AsOf: got.meta.At, Bad: slices.Concat(got.customers.bad, got.invoices.bad, got.creditMemos.bad, got.payments.bad)}
	if out.AsOf.IsZero() {
		out.AsOf = asked
	}
	m := p.mapping()
	people, _ := split(got.customers.list)
	if err := p.c.accounts(p.ctx, m, &out, people); err != nil {
		return err
	}
	for _, row := range people {
		p.meet(row.key())
	}
	bills, noBills := split(got.invoices.list)
	if err := p.addressed(&out, bills); err != nil {
		return err
	}
	p.c.documents(m, &out, invoices, bills)
	memos, noMemos := split(got.creditMemos.list)
	p.c.documents(m, &out, creditMemos, memos)
	money, noMoney := split(got.payments.list)
	p.c.payments(m, &out, money)
	var gone []string
	for entity, ids := range map[string][]string{invoices: noBills, creditMemos: noMemos, payments: noMoney} {
		for _, id := range ids {
			told := entity + "/" + id
			gone = append(gone, told)
			if slices.Contains(p.cur.Gone, told) {
				continue // told again because changes overlap
			}
			if err := p.c.confirmGone(p.ctx, m, &out, entity, id); err != nil {
				return err
			}
		}
	}
	if err := p.debtors(&out); err != nil {
		return err
	}
	slices.Sort(gone)
	p.cur.Gone, p.cur.Since = gone, got.at
	if p.cur.Since.IsZero() {
		p.cur.Since = asked
	}
	if err := p.send(out); err != nil {
		return err
	}
	return p.sweep(got.cut)
}

// addressed adds the customers whose mail may go where a changed invoice says and
// who have not changed themselves.
func (p *pass) addressed(out *connectors.Page, bills []document) error {
	told := map[string]bool{"": true}
	for _, a := range out.Accounts {
		told[a.External] = true
	}
	var ids []string
	for _, bill := range bills {
		if id := bill.Customer.id(); len(addresses(bill.BillEmail)) > 0 && !told[id] {
			ids = append(ids, id)
			told[id], p.met[id] = true, true
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return p.c.debtors(p.ctx, p.mapping(), out, ids)
}

// sweep names all that is there of entities of which deletions may not have been
// told: what is not named is looked at.
func (p *pass) sweep(cut []string) error {
	if slices.Contains(cut, invoices) || slices.Contains(cut, creditMemos) {
		for page, err := range p.c.List(p.ctx, "all") {
			if err == nil {
				err = p.send(page)
			}
			if err != nil {
				return err
			}
		}
	}
	if !slices.Contains(cut, payments) {
		return nil
	}
	scope := &connectors.Scope{Kind: receivable.ItemPayment, Part: "all", Absent: connectors.AbsentGone}
	for page, err := range p.c.named(p.ctx, scope, "", payments) {
		if err == nil {
			err = p.send(page)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// split tells rows that are there, each once, from the ids of deleted ones.
func split[T keyed](list []T) (there []T, deleted []string) {
	for _, row := range newest(list) {
		if row.deleted() {
			deleted = append(deleted, row.key())
		} else {
			there = append(there, row)
		}
	}
	return there, deleted
}
