// Package resttest is the interface of a made-up invoicing service, Quittance,
// that can page in every way a manifest can describe. It is strict: a parameter
// it does not know, a page that is too large and a missing credential are
// refused. With it goes the manifest that reads it.
package resttest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Books are those of one company. Amounts are in hundredths.
type Books struct {
	now func() time.Time

	mu        sync.Mutex
	company   string // the service's id of it
	last      int
	customers []*Customer
	invoices  []*Invoice
	credits   []*Credit
	payments  []*Payment
}

// Customer is one of the company's.
type Customer struct {
	ID      int // given by AddClient
	Code    string
	Name    string
	Email   string
	Country string
	changed time.Time
}

// Invoice is one of the company's.
type Invoice struct {
	ID, Customer int
	Number       string
	Date, Due    string
	Instalments  []Instalment // none: all on Due
	Currency     string       // "": EUR
	Total, Left  int64
	State        string // "open"; "draft", "void", "lost"
	changed      time.Time
}

// Instalment is a part of an invoice that falls due on a day of its own.
type Instalment struct {
	Due    string
	Amount int64
}

// Credit is a credit note, used for invoices.
type Credit struct {
	ID, Customer int
	Currency     string
	Total, Left  int64
	shares       []share
	changed      time.Time
}

// Payment is money received for invoices, or on account.
type Payment struct {
	ID, Customer int
	Currency     string
	Amount, Free int64
	shares       []share
	changed      time.Time
}

// share is what a payment or a credit note settles of an invoice.
type share struct {
	invoice int
	amount  int64
}

// Company is the service's id of the company; SetCompany makes these the books of
// another one.
func (b *Books) Company() string { b.mu.Lock(); defer b.mu.Unlock(); return b.company }

// SetCompany gives the company another id.
func (b *Books) SetCompany(id string) { b.mu.Lock(); defer b.mu.Unlock(); b.company = id }

func (b *Books) next() int { b.last++; return b.last }

// AddCustomer adds a customer of that name and returns its id.
func (b *Books) AddCustomer(name string) string { return b.AddClient(Customer{Name: name}) }

// AddClient adds a customer and returns its id. Who has no address gets one.
func (b *Books) AddClient(c Customer) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.ID, c.Country, c.changed = b.next(), "FR", b.now()
	if c.Email == "" {
		c.Email = fmt.Sprintf("compta%d@client.example", c.ID)
	}
	b.customers = append(b.customers, &c)
	return strconv.Itoa(c.ID)
}

// Rename gives a customer another name.
func (b *Books) Rename(customer, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.customers {
		if strconv.Itoa(c.ID) == customer {
			c.Name, c.changed = name, b.now()
		}
	}
}

// AddInvoice adds an invoice and returns its id.
func (b *Books) AddInvoice(customer, number string, minor int64, date, due string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := b.next()
	of, _ := strconv.Atoi(customer)
	b.invoices = append(b.invoices, &Invoice{ID: id, Customer: of, Number: number, Date: date, Due: due, Total: minor, Left: minor, State: "open", changed: b.now()})
	return strconv.Itoa(id)
}

func (b *Books) change(invoice string, change func(in *Invoice)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, in := range b.invoices {
		if strconv.Itoa(in.ID) == invoice {
			change(in)
			in.changed = b.now()
		}
	}
}

// Change edits an invoice.
func (b *Books) Change(invoice string, change func(in *Invoice)) { b.change(invoice, change) }

// Pay settles a part of an invoice, all that is left of it where minor is 0.
func (b *Books) Pay(invoice string, minor int64) {
	b.change(invoice, func(in *Invoice) {
		if minor == 0 || minor > in.Left {
			minor = in.Left
		}
		if minor == 0 {
			return
		}
		in.Left -= minor
		b.payments = append(b.payments, &Payment{
			ID: b.next(), Customer: in.Customer, Currency: in.Currency, Amount: minor, shares: []share{{in.ID, minor}}, changed: b.now(),
		})
	})
}

// Credit makes a credit note for a part of an invoice, and uses it up.
func (b *Books) Credit(invoice string, minor int64) {
	b.change(invoice, func(in *Invoice) {
		minor = min(minor, in.Left)
		in.Left -= minor
		b.credits = append(b.credits, &Credit{
			ID: b.next(), Customer: in.Customer, Currency: in.Currency, Total: minor, shares: []share{{in.ID, minor}}, changed: b.now(),
		})
	})
}

// Delete removes an invoice; what settled it is free again.
func (b *Books) Delete(invoice string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, in := range b.invoices {
		if strconv.Itoa(in.ID) != invoice {
			continue
		}
		b.invoices = append(b.invoices[:i:i], b.invoices[i+1:]...)
		b.free(in)
		return
	}
}

// free takes an invoice off what settles it.
func (b *Books) free(in *Invoice) {
	take := func(shares []share, left *int64, changed *time.Time) []share {
		return slices.DeleteFunc(slices.Clone(shares), func(s share) bool {
			if s.invoice == in.ID {
				*left, *changed = *left+s.amount, b.now()
				in.Left += s.amount
			}
			return s.invoice == in.ID
		})
	}
	for _, p := range b.payments {
		p.shares = take(p.shares, &p.Free, &p.changed)
	}
	for _, c := range b.credits {
		c.shares = take(c.shares, &c.Left, &c.changed)
	}
}

// Owed is what is left of each invoice.
func (b *Books) Owed() map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	owed := map[string]int64{}
	for _, in := range b.invoices {
		if in.Left > 0 && in.State == "open" {
			owed[strconv.Itoa(in.ID)] = in.Left
		}
	}
	return owed
}

// row is one object of the interface with when it changed.
type row struct {
	id      int
	changed time.Time
	object  map[string]any
}

// rows are the objects of a kind, by growing id.
func (b *Books) rows(kind string) []row {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rows []row
	add := func(id int, changed time.Time, object map[string]any) {
		object["id"], object["updated_at"] = id, changed.UTC().Format(time.RFC3339)
		rows = append(rows, row{id, changed, object})
	}
	switch kind {
	case "customers":
		for _, c := range b.customers {
			add(c.ID, c.changed, map[string]any{"code": c.Code, "name": c.Name, "email": c.Email, "address": map[string]any{"country": c.Country}})
		}
	case "invoices":
		for _, in := range b.invoices {
			instalments := []any{}
			for _, i := range in.instalments() {
				instalments = append(instalments, map[string]any{"due_date": i.Due, "amount": decimal(i.Amount)})
			}
			add(in.ID, in.changed, map[string]any{
				"number": in.Number, "customer": map[string]any{"id": in.Customer}, "state": in.State, "date": in.Date, "instalments": instalments,
				"currency": currency(in.Currency), "total": decimal(in.Total), "remaining": decimal(in.Left),
			})
		}
	case "credits":
		for _, c := range b.credits {
			add(c.ID, c.changed, map[string]any{
				"number": fmt.Sprintf("AV-%d", c.ID), "customer": map[string]any{"id": c.Customer}, "date": onDay,
				"currency": currency(c.Currency), "total": decimal(c.Total), "unused": decimal(c.Left),
			})
		}
	case "payments":
		for _, p := range b.payments {
			shares := []any{}
			for _, s := range p.shares {
				shares = append(shares, map[string]any{"invoice_id": s.invoice, "amount": decimal(s.amount)})
			}
			add(p.ID, p.changed, map[string]any{
				"customer": map[string]any{"id": p.Customer}, "date": onDay,
				"currency": currency(p.Currency), "amount": decimal(p.Amount), "unallocated": decimal(p.Free), "shares": shares,
			})
		}
	}
	return rows
}

// instalments are those of an invoice, one at least.
func (in *Invoice) instalments() []Instalment {
	if len(in.Instalments) > 0 {
		return in.Instalments
	}
	return []Instalment{{in.Due, in.Total}}
}

const onDay = "2026-06-15"

func currency(code string) string { return cmp.Or(code, "EUR") }

func decimal(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }
