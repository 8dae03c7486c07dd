// Package quickbookstest is a simulated QuickBooks Online company (accounting
// interface v3) with its authorization server: strict about what it is asked,
// with the vendor's query language, limits, envelopes and oddities.
package quickbookstest

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Cents is an amount in hundredths.
type Cents int64

// number writes it as the vendor does: integers where the cents are nil.
func (c Cents) number() any {
	if c%100 == 0 {
		return int64(c / 100)
	}
	return jsonNumber(fmt.Sprintf("%s%d.%02d", map[bool]string{true: "-"}[c < 0], abs(c)/100, abs(c)%100))
}

func abs(c Cents) Cents {
	if c < 0 {
		return -c
	}
	return c
}

// Customer is who owes.
type Customer struct {
	ID             int
	Name           string
	Company        string
	Email          string
	Inactive       bool
	Parent         int
	BillWithParent bool
	Currency       string
	Country        string

	changes
}

// Invoice is an invoice or a credit memo.
type Invoice struct {
	ID        int
	Customer  int
	Number    string
	Date, Due string // YYYY-MM-DD
	Total     Cents
	Balance   Cents
	Currency  string
	BillEmail string
	Note      string
	PONumber  string
	Memo      bool // a credit memo

	changes
}

// Payment settles; a zero Total with lines applies a credit.
type Payment struct {
	ID        int
	Customer  int
	Date      string
	Total     Cents
	Unapplied Cents
	Currency  string
	Note      string
	Lines     []Line

	changes
}

// Line is a part of a payment.
type Line struct {
	Amount Cents
	Txn    int
	Type   string // Invoice, CreditMemo, JournalEntry
}

// changes are what every object carries.
type changes struct {
	token            int
	created, updated time.Time
	deleted          bool
}

// Books are the company's. They are safe for concurrent use.
type Books struct {
	mu        sync.Mutex
	now       func() time.Time
	home      string
	multi     bool
	last      int
	customers map[int]*Customer
	documents map[int]*Invoice
	payments  map[int]*Payment
	shapes    map[int]func(map[string]any)
}

func newBooks(now func() time.Time, home string, multi bool) *Books {
	return &Books{now: now, home: home, multi: multi, customers: map[int]*Customer{}, documents: map[int]*Invoice{}, payments: map[int]*Payment{}, shapes: map[int]func(map[string]any){}}
}

func (b *Books) next() int { b.last++; return b.last }

func (c *changes) born(at time.Time) {
	c.created, c.updated = at.Truncate(time.Second), at.Truncate(time.Second)
}

// edited counts an edit; a moved balance only moves the time.
func (c *changes) edited(at time.Time) { c.token++; c.updated = at.Truncate(time.Second) }
func (c *changes) moved(at time.Time)  { c.updated = at.Truncate(time.Second) }

// AddCustomer adds a customer and returns its id.
func (b *Books) AddCustomer(c Customer) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.ID = b.next()
	c.born(b.now())
	b.customers[c.ID] = &c
	return c.ID
}

// AddInvoice adds an invoice, or a credit memo, with its whole balance.
func (b *Books) AddInvoice(in Invoice) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	in.ID, in.Balance = b.next(), in.Total
	in.born(b.now())
	b.documents[in.ID] = &in
	b.touch(in.Customer)
	return in.ID
}

func (b *Books) touch(customer int) {
	if c := b.customers[customer]; c != nil {
		c.moved(b.now())
	}
}

// AddPayment adds a payment, and lowers the balances its lines settle.
func (b *Books) AddPayment(p Payment) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.ID = b.next()
	p.born(b.now())
	b.payments[p.ID] = &p
	b.apply(&p, 1)
	b.touch(p.Customer)
	return p.ID
}

func (b *Books) apply(p *Payment, sign Cents) {
	for _, line := range p.Lines {
		if doc := b.documents[line.Txn]; doc != nil && line.Type != "JournalEntry" {
			doc.Balance -= sign * line.Amount
			doc.moved(b.now())
		}
	}
}

// Pay pays a part of an invoice (0: all of it) with a payment of its own.
func (b *Books) Pay(invoice int, part Cents, on string) int {
	b.mu.Lock()
	doc := b.documents[invoice]
	if part == 0 || part > doc.Balance {
		part = doc.Balance
	}
	customer, currency := doc.Customer, doc.Currency
	b.mu.Unlock()
	return b.AddPayment(Payment{Customer: customer, Date: on, Total: part, Currency: currency, Lines: []Line{{part, invoice, "Invoice"}}})
}

// Credit issues a credit memo over a part of an invoice and applies it by a
// payment of nothing, as the program does.
func (b *Books) Credit(invoice int, part Cents, on string) int {
	b.mu.Lock()
	doc := b.documents[invoice]
	customer, currency := doc.Customer, doc.Currency
	b.mu.Unlock()
	memo := b.AddInvoice(Invoice{Customer: customer, Number: "A" + strconv.Itoa(invoice), Date: on, Total: part, Currency: currency, Memo: true})
	b.AddPayment(Payment{
		Customer: customer, Date: on, Currency: currency, Note: "Created by QB Online to link credits to charges.",
		Lines: []Line{{part, invoice, "Invoice"}, {part, memo, "CreditMemo"}},
	})
	return memo
}

// ChangePayment edits a payment: what it settled before is given back.
func (b *Books) ChangePayment(id int, change func(*Payment)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.payments[id]
	b.apply(p, -1)
	change(p)
	p.edited(b.now())
	b.apply(p, 1)
	b.touch(p.Customer)
}

// ChangeInvoice edits an invoice.
func (b *Books) ChangeInvoice(id int, change func(*Invoice)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b.documents[id])
	b.documents[id].edited(b.now())
}

// ChangeCustomer edits a customer.
func (b *Books) ChangeCustomer(id int, change func(*Customer)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b.customers[id])
	b.customers[id].edited(b.now())
}

// Reshape changes what an object looks like, beyond what its fields can say: a
// number where there is text, a value that is missing.
func (b *Books) Reshape(id int, change func(fields map[string]any)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shapes[id] = change
}

// WriteOff lowers a balance with no entity of ours: a journal entry.
func (b *Books) WriteOff(invoice int, part Cents) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.documents[invoice].Balance -= part
	b.documents[invoice].moved(b.now())
}

// Void voids a document: nothing is left, and the note says so.
func (b *Books) Void(id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	doc := b.documents[id]
	doc.Total, doc.Balance, doc.Note = 0, 0, "Voided"
	doc.edited(b.now())
}

// VoidPayment voids a payment.
func (b *Books) VoidPayment(id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.payments[id]
	b.apply(p, -1)
	p.Total, p.Unapplied, p.Lines, p.Note = 0, 0, nil, "Voided"
	p.edited(b.now())
}

// Delete deletes a document or a payment; it is told for thirty days.
func (b *Books) Delete(id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.payments[id]; p != nil {
		b.apply(p, -1)
		p.deleted = true
		p.moved(b.now())
		return
	}
	doc := b.documents[id]
	doc.deleted = true
	doc.moved(b.now())
}

// Owed is what may truly be chased, by id of the invoice.
func (b *Books) Owed() map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	owed := map[string]int64{}
	for id, doc := range b.documents {
		if !doc.Memo && !doc.deleted && doc.Balance > 0 {
			owed[strconv.Itoa(id)] = int64(doc.Balance)
		}
	}
	return owed
}

// Credits is what is unused of credit memos and payments, by id.
func (b *Books) Credits() map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := map[string]int64{}
	for id, doc := range b.documents {
		if doc.Memo && !doc.deleted && doc.Balance > 0 {
			left[strconv.Itoa(id)] = int64(doc.Balance)
		}
	}
	for id, p := range b.payments {
		if !p.deleted && p.Unapplied > 0 {
			left[strconv.Itoa(id)] = int64(p.Unapplied)
		}
	}
	return left
}

// of returns the objects of an entity, deleted ones among them, by id. What they
// look like is made when it is asked for.
func (b *Books) of(entity string) []*object {
	var list []*object
	add := func(id int, c *changes, look func() map[string]any) {
		list = append(list, &object{id: id, changes: c, look: func() map[string]any {
			fields := look()
			if change := b.shapes[id]; change != nil {
				change(fields)
			}
			return fields
		}})
	}
	switch entity {
	case "Customer":
		balances := sync.OnceValue(b.balances)
		for _, c := range b.customers {
			add(c.ID, &c.changes, func() map[string]any { return b.customer(c, balances()[c.ID]) })
		}
	case "Invoice", "CreditMemo":
		for _, doc := range b.documents {
			if doc.Memo == (entity == "CreditMemo") {
				add(doc.ID, &doc.changes, func() map[string]any { return b.document(doc) })
			}
		}
	case "Payment":
		for _, p := range b.payments {
			add(p.ID, &p.changes, func() map[string]any { return b.payment(p) })
		}
	}
	slices.SortFunc(list, func(x, y *object) int { return x.id - y.id })
	return list
}
