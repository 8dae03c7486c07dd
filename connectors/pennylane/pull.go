package pennylane

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/internal/email"
	"relanced/internal/receivable"
)

// tooOld is how old what we know may be before everything is loaded again: the
// vendor keeps changes for four weeks.
const tooOld = 21 * 24 * time.Hour

// Pull loads everything on the first pass (customers, invoices, transactions,
// each as a full listing) and then follows the changelogs. What changed while
// loading is caught by the changes since the load began.
func (c *Connector) Pull(ctx context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		p := &pass{c: c, ctx: ctx, yield: yield, accounts: map[string]bool{}, details: detailsOnLoad, contacts: detailsOnLoad}
		if err := p.run(since); err != nil && !errors.Is(err, errStopped) {
			yield(connectors.Page{}, err)
		}
	}
}

// errStopped tells that the caller wants no more pages.
var errStopped = errors.New("stopped")

// detailsOnLoad is how many due invoices, and how many debtors with an address,
// a full load asks about one by one. Beyond it they are asked about when they
// are read again, daily and before each message.
const detailsOnLoad = 50

// pass is one Pull.
type pass struct {
	c        *Connector
	ctx      context.Context //nolint:containedctx // lives as long as the Pull
	yield    func(connectors.Page, error) bool
	cur      cursor
	began    time.Time
	accounts map[string]bool     // yielded with their contacts in this pass
	known    map[string]customer // as the load has just read them
	details  int                 // due invoices that may still be asked about
	contacts int                 // debtors with an address of whom contacts may still be asked
}

func (p *pass) run(since connectors.Cursor) error {
	var err error
	if p.cur, err = readCursor(since); err != nil {
		return err
	}
	p.began = p.c.now()
	if p.cur.Phase == followChanges && p.stale() {
		p.restart()
	}
	if err := p.identify(); err != nil {
		return err
	}
	for {
		switch p.cur.Phase {
		case loadCustomers:
			err = p.loadCustomers()
		case loadInvoices:
			err = p.loadInvoices()
		case loadTransactions:
			err = p.loadTransactions()
		case followChanges:
			err = p.followChanges()
			if errors.Is(err, errTooOld) {
				p.restart()
				err = p.identify()
				break
			}
			return err
		}
		if err != nil {
			return err
		}
	}
}

// identify makes sure that the token still opens the same company, and begins
// the watch on changes at the server's own time.
func (p *pass) identify() error {
	m, meta, err := p.c.me(p.ctx)
	if err != nil {
		return err
	}
	if err := p.c.granted(m); err != nil {
		return err
	}
	if m.Company != nil {
		if p.cur.Company != 0 && m.Company.ID != p.cur.Company {
			return p.c.http.Fail("ask whose books these are", connectors.Auth,
				fmt.Sprintf("the token opens company %d (%s), this connection has the books of company %d", m.Company.ID, cut(m.Company.Name, 60), p.cur.Company),
				"put back a token of the first company, or configure the other one as a connection of its own")
		}
		p.cur.Company = m.Company.ID
	}
	if p.cur.Marks == nil {
		start := meta.Date
		if start.IsZero() {
			start = p.began
		}
		p.cur.Loaded = start
		p.cur.Marks = map[string]time.Time{customers: start, transactions: start, invoices: start}
	}
	return nil
}

func (p *pass) stale() bool {
	for _, r := range []string{customers, transactions, invoices} {
		if p.began.Sub(p.cur.Marks[r]) > tooOld {
			return true
		}
	}
	return false
}

// restart begins a full load. The company stays: its books are replaced, not
// those of another.
func (p *pass) restart() {
	p.cur = cursor{Version: 1, Company: p.cur.Company, Phase: loadCustomers}
	p.accounts, p.known, p.details, p.contacts = map[string]bool{}, nil, detailsOnLoad, detailsOnLoad
}

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

func (p *pass) enter(next phase) {
	p.cur.Phase, p.cur.After = next, ""
}

func (p *pass) loadCustomers() error {
	p.known = map[string]customer{}
	scope := &connectors.Scope{Kind: receivable.ItemAccount, Part: "all", Absent: connectors.AbsentGone}
	for got, err := range list[customer](p.ctx, p.c.client, "list customers", "/customers", after(p.cur.After)) {
		if err != nil {
			return err
		}
		out := connectors.Page{Listing: scope, Whole: got.last, AsOf: got.meta.At}
		for _, row := range got.rows {
			p.known[string(row.ID)] = row
			p.advance(string(row.ID))
			p.meet(string(row.ID))
			p.account(&out, row, nil)
		}
		for _, b := range got.bad {
			p.advance(b.id)
			out.Bad = append(out.Bad, rejected(receivable.ItemAccount, b.id, b.text))
		}
		if got.last {
			p.enter(loadInvoices)
		}
		if err := p.send(out); err != nil {
			return err
		}
	}
	return nil
}

// advance moves the resumption point; pages come by growing id.
func (p *pass) advance(id string) {
	if compareIDs(id, p.cur.After) > 0 {
		p.cur.After = id
	}
}

func (p *pass) account(out *connectors.Page, row customer, contacts []contact) {
	a, err := mapCustomer(row, contacts)
	if err != nil {
		out.Bad = append(out.Bad, rejected(receivable.ItemAccount, string(row.ID), err.Error()))
		return
	}
	out.Accounts = append(out.Accounts, a)
}

func (p *pass) loadInvoices() error {
	scope := &connectors.Scope{Kind: receivable.ItemDocument, Part: "all", Absent: connectors.AbsentGone}
	final := condition{"draft", "eq", "false"}
	for got, err := range list[invoice](p.ctx, p.c.client, "list invoices", "/customer_invoices", after(p.cur.After, final)) {
		if err != nil {
			return err
		}
		out := connectors.Page{Listing: scope, Whole: got.last, AsOf: got.meta.At}
		p.c.documents(&out, got.rows, got.bad)
		if err := p.debtors(out.Documents); err != nil {
			return err
		}
		if err := p.someDetails(&out, got.rows); err != nil {
			return err
		}
		for _, row := range got.rows {
			p.advance(string(row.ID))
		}
		for _, b := range got.bad {
			p.advance(b.id)
		}
		if got.last {
			p.enter(loadTransactions)
			p.known = nil
		}
		if err := p.send(out); err != nil {
			return err
		}
	}
	return nil
}

// someDetails asks about the first due invoices of a load one by one.
func (p *pass) someDetails(out *connectors.Page, rows []invoice) error {
	for i := range out.Documents {
		doc := &out.Documents[i]
		if p.details == 0 {
			return nil
		}
		if !p.c.due(*doc) {
			continue
		}
		p.details--
		if err := p.c.detail(p.ctx, out, doc, statusOf(rows, doc.External)); err != nil {
			return err
		}
	}
	return nil
}

// debtors yields, before the documents that name them, customers that owe
// something, with their contacts: those without an address, and the first of the
// others. And those that appeared after the customers were read.
func (p *pass) debtors(docs []receivable.Document) error {
	var ids []string
	for _, doc := range docs {
		if doc.Account == "" || p.accounts[doc.Account] || slices.Contains(ids, doc.Account) {
			continue
		}
		unmet := compareIDs(doc.Account, p.cur.Newest) > 0
		if !unmet && (!owing(doc) || p.addressed(doc.Account) && p.contacts == 0) {
			continue
		}
		if !unmet && p.addressed(doc.Account) {
			p.contacts--
		}
		ids = append(ids, doc.Account)
	}
	return p.yieldCustomers(ids)
}

// addressed tells whether the load has read an address of the customer.
func (p *pass) addressed(id string) bool {
	return slices.ContainsFunc(p.known[id].Emails, email.IsAddress)
}

// meet remembers the newest customer of a list that holds all of them, of the
// load or of the changes: ids grow, so those before it are known, and a document
// that names a newer one would come before its account.
func (p *pass) meet(id string) {
	if compareIDs(id, p.cur.Newest) > 0 {
		p.cur.Newest = id
	}
}

func owing(doc receivable.Document) bool {
	return doc.Kind == receivable.Invoice && doc.Outstanding.Sign() > 0 && doc.Account != ""
}

// yieldCustomers reads customers by id, with contacts, and yields them; one
// that is nowhere is gone.
func (p *pass) yieldCustomers(ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	out := connectors.Page{AsOf: p.c.now()}
	if err := p.c.customers(p.ctx, &out, ids, p.known); err != nil {
		return err
	}
	for _, id := range ids {
		p.accounts[id] = true
	}
	return p.send(out)
}

func (p *pass) loadTransactions() error {
	scope := &connectors.Scope{Kind: receivable.ItemPayment, Part: "all", Absent: connectors.AbsentGone}
	p.cur.After = "" // their list has no filter to go on from: a cut load begins it again
	for got, err := range list[transaction](p.ctx, p.c.client, "list transactions", "/transactions", after("")) {
		if err != nil {
			return err
		}
		out := connectors.Page{Listing: scope, Whole: got.last, AsOf: got.meta.At}
		if err := p.c.payments(p.ctx, &out, got.rows, got.bad); err != nil {
			return err
		}
		if got.last {
			p.enter(followChanges)
		}
		if err := p.send(out); err != nil {
			return err
		}
	}
	return nil
}
