package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/money"
)

// Books are those of one company. Methods panic on what cannot be: they are
// called by tests and drills with books of their own.
type Books struct {
	db   *sql.DB
	kind Database
	now  func() time.Time
	last map[string]int64 // ids given, by table
}

// Create makes the tables in an empty database and returns books without
// entries. now gives the moment of each change.
func Create(ctx context.Context, db *sql.DB, kind Database, now func() time.Time) (*Books, error) {
	db.SetMaxOpenConns(1)
	for _, statement := range kind.statements() {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("sqltest: make the tables: %w", err)
		}
	}
	return &Books{db: db, kind: kind, now: now, last: map[string]int64{}}, nil
}

// Clear removes all entries.
func (b *Books) Clear() {
	clear(b.last)
	if b.kind == Postgres { // where rows that were deleted stay in the way
		b.exec("TRUNCATE allocation, payment, instalment, invoice, customer")
		return
	}
	for _, table := range []string{"allocation", "payment", "instalment", "invoice", "customer"} {
		b.exec("DELETE FROM " + table)
	}
}

// Instalment is an amount of an invoice with its due date.
type Instalment struct {
	On    calendar.Date
	Minor int64
}

// AddCustomer adds a customer of that name and returns its id.
func (b *Books) AddCustomer(name string) int64 {
	n := b.last["customer"] + 1
	return b.AddClient(fmt.Sprintf("C%05d", n), name, fmt.Sprintf("compta%d@client.example; c%d@client.example", n, n))
}

// AddClient adds a customer with a code and its addresses, and returns its id.
func (b *Books) AddClient(code, name, emails string) int64 {
	id := b.id("customer")
	b.exec("INSERT INTO customer (id, code, name, email, updated_at) VALUES (?, ?, ?, ?, ?)", id, code, storable(name), emails, b.moment())
	return id
}

// Rename gives a customer another name.
func (b *Books) Rename(customer int64, name string) {
	b.exec("UPDATE customer SET name = ?, updated_at = ? WHERE id = ?", storable(name), b.moment(), customer)
}

// AddInvoice adds an invoice of one due line, or of several, and returns its id.
func (b *Books) AddInvoice(customer int64, number, currency string, dues ...Instalment) int64 {
	id := b.id("invoice")
	var total int64
	for _, due := range dues {
		total += due.Minor
	}
	b.within(func() {
		b.insertInvoice(id, customer, number, false, currency, total, dues[0].On)
		for _, due := range dues {
			if len(dues) > 1 {
				b.exec("INSERT INTO instalment (id, invoice_id, due_on, amount) VALUES (?, ?, ?, ?)", b.id("instalment"), id, due.On.String(), b.amount(due.Minor, currency))
			}
		}
	})
	return id
}

func (b *Books) insertInvoice(id, customer int64, number string, credit bool, currency string, total int64, due calendar.Date) {
	var on any
	if !credit {
		on = due.String()
	}
	b.exec("INSERT INTO invoice (id, number, customer_id, credit, state, issued_on, due_on, currency, total, remaining, updated_at) VALUES (?, ?, ?, ?, 'issued', ?, ?, ?, ?, ?, ?)",
		id, number, customer, credit, due.AddDays(-30).String(), on, currency, b.amount(total, currency), b.amount(total, currency), b.moment())
}

// AddCredit adds a credit note, unused, and returns its id.
func (b *Books) AddCredit(customer int64, number, currency string, minor int64, on calendar.Date) int64 {
	id := b.id("invoice")
	b.insertInvoice(id, customer, number, true, currency, minor, on)
	return id
}

// AddPayment adds money received, not allocated, and returns its id.
func (b *Books) AddPayment(customer int64, currency string, minor int64, on calendar.Date) int64 {
	id := b.id("payment")
	b.exec("INSERT INTO payment (id, customer_id, paid_on, currency, amount, remaining, label, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		id, customer, on.String(), currency, b.amount(minor, currency), b.amount(minor, currency), fmt.Sprintf("VIR %d", id), b.moment())
	return id
}

// Allocate settles a part of an invoice with a payment.
func (b *Books) Allocate(payment, invoice, minor int64) {
	b.allocate("payment", payment, invoice, minor)
}

// Apply settles a part of an invoice with a credit note.
func (b *Books) Apply(credit, invoice, minor int64) { b.allocate("invoice", credit, invoice, minor) }

func (b *Books) allocate(table string, from, invoice, minor int64) {
	currency := b.text("SELECT currency FROM invoice WHERE id = ?", invoice)
	payment, credit := any(from), any(nil)
	if table == "invoice" {
		payment, credit = nil, from
	}
	b.within(func() {
		b.exec("INSERT INTO allocation (id, invoice_id, payment_id, credit_id, currency, amount, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			b.id("allocation"), invoice, payment, credit, currency, b.amount(minor, currency), b.moment())
		b.take(table, from, minor, currency)
		b.take("invoice", invoice, minor, currency)
	})
}

// take lowers what is left of a document or payment; negative raises it.
func (b *Books) take(table string, id, minor int64, currency string) {
	b.exec("UPDATE "+table+" SET remaining = remaining - "+b.cast()+", updated_at = ? WHERE id = ?", b.amount(minor, currency), b.moment(), id)
}

// Release takes back everything that a payment settles.
func (b *Books) Release(payment int64) { b.release(payment, "") }

// Unlink takes back what a payment settles of an invoice.
func (b *Books) Unlink(payment, invoice int64) { b.release(payment, " AND invoice_id = ?", invoice) }

func (b *Books) release(payment int64, and string, args ...any) {
	type share struct{ id, invoice, minor int64 }
	var shares []share
	currency := b.text("SELECT currency FROM payment WHERE id = ?", payment)
	b.each("SELECT id, invoice_id, amount FROM allocation WHERE payment_id = ?"+and, append([]any{payment}, args...), func(scan func(...any) error) error {
		var s share
		var amount string
		err := scan(&s.id, &s.invoice, &amount)
		s.minor = b.minor(amount, currency)
		shares = append(shares, s)
		return err
	})
	b.within(func() {
		for _, s := range shares {
			b.exec("DELETE FROM allocation WHERE id = ?", s.id)
			b.take("payment", payment, -s.minor, currency)
			b.take("invoice", s.invoice, -s.minor, currency)
		}
	})
}

// Redate moves the due date of an invoice of one due line.
func (b *Books) Redate(invoice int64, due calendar.Date) {
	b.exec("UPDATE invoice SET due_on = ?, updated_at = ? WHERE id = ?", due.String(), b.moment(), invoice)
}

// SetState makes an invoice "issued", "draft" (as if it had never been), or
// "lost" (written off).
func (b *Books) SetState(invoice int64, state string) {
	b.exec("UPDATE invoice SET state = ?, updated_at = ? WHERE id = ?", state, b.moment(), invoice)
}

// Delete removes an invoice with all that hangs on it; what settled it is free
// again.
func (b *Books) Delete(invoice int64) {
	currency := b.text("SELECT currency FROM invoice WHERE id = ?", invoice)
	type share struct {
		payment, credit sql.NullInt64
		minor           int64
	}
	var shares []share
	b.each("SELECT payment_id, credit_id, amount FROM allocation WHERE invoice_id = ?", []any{invoice}, func(scan func(...any) error) error {
		var s share
		var amount string
		err := scan(&s.payment, &s.credit, &amount)
		s.minor = b.minor(amount, currency)
		shares = append(shares, s)
		return err
	})
	b.within(func() {
		for _, s := range shares {
			if s.payment.Valid {
				b.take("payment", s.payment.Int64, -s.minor, currency)
			} else {
				b.take("invoice", s.credit.Int64, -s.minor, currency)
			}
		}
		b.exec("DELETE FROM allocation WHERE invoice_id = ?", invoice)
		b.exec("DELETE FROM instalment WHERE invoice_id = ?", invoice)
		b.exec("DELETE FROM invoice WHERE id = ?", invoice)
	})
}

// Document is an invoice or credit note as the books truly have it.
type Document struct {
	Customer    int64
	Credit      bool
	State       string
	Due         calendar.Date // of an invoice of one due line
	Total, Left money.Amount
}

// Documents are all of them, by id.
func (b *Books) Documents() map[int64]Document {
	all := map[int64]Document{}
	b.each("SELECT id, customer_id, credit, state, CAST(due_on AS CHAR(10)), currency, total, remaining FROM invoice", nil, func(scan func(...any) error) error {
		var id int64
		var d Document
		var due sql.NullString
		var currency, total, left string
		err := scan(&id, &d.Customer, &d.Credit, &d.State, &due, &currency, &total, &left)
		if due.Valid {
			d.Due = calendar.MustParse(due.String)
		}
		d.Total, d.Left = money.New(b.minor(total, currency), currency), money.New(b.minor(left, currency), currency)
		all[id] = d
		return err
	})
	return all
}

// Payment is money received and what of it settles nothing.
type Payment struct {
	Customer     int64
	Amount, Free money.Amount
}

// Payments are all of them, by id.
func (b *Books) Payments() map[int64]Payment {
	all := map[int64]Payment{}
	b.each("SELECT id, customer_id, currency, amount, remaining FROM payment", nil, func(scan func(...any) error) error {
		var id int64
		var p Payment
		var currency, amount, left string
		err := scan(&id, &p.Customer, &currency, &amount, &left)
		p.Amount, p.Free = money.New(b.minor(amount, currency), currency), money.New(b.minor(left, currency), currency)
		all[id] = p
		return err
	})
	return all
}

// Allocation is a row of what settles what; of a payment and a credit note one is
// 0.
type Allocation struct {
	Invoice, Payment, Credit int64
	Minor                    int64
}

// Allocations are all of them.
func (b *Books) Allocations() []Allocation {
	var all []Allocation
	b.each("SELECT invoice_id, payment_id, credit_id, currency, amount FROM allocation", nil, func(scan func(...any) error) error {
		var a Allocation
		var payment, credit sql.NullInt64
		var currency, amount string
		err := scan(&a.Invoice, &payment, &credit, &currency, &amount)
		a.Payment, a.Credit, a.Minor = payment.Int64, credit.Int64, b.minor(amount, currency)
		all = append(all, a)
		return err
	})
	return all
}

// amount is one as the column holds it.
func (b *Books) amount(minor int64, currency string) any {
	if b.kind == SQLite {
		for range 3 - money.Digits(currency) {
			minor *= 10
		}
		return minor
	}
	return money.New(minor, currency).String()
}

// minor reads an amount of a column.
func (b *Books) minor(text, currency string) int64 {
	if b.kind == SQLite {
		n, err := strconv.ParseInt(text, 10, 64)
		must(err)
		for range 3 - money.Digits(currency) {
			n /= 10
		}
		return n
	}
	a, err := money.Parse(text, currency)
	must(err)
	return a.Minor
}

// cast is a parameter in a sum: PostgreSQL wants to know its type.
func (b *Books) cast() string {
	if b.kind == Postgres {
		return "CAST(? AS NUMERIC)"
	}
	return "?"
}

func (b *Books) moment() any {
	at := b.now().UTC()
	if b.kind == SQLite {
		return at.Format("2006-01-02 15:04:05.000000")
	}
	return at
}

func (b *Books) id(table string) int64 {
	b.last[table]++
	return b.last[table]
}

func (b *Books) within(change func()) {
	b.exec("BEGIN")
	change()
	b.exec("COMMIT")
}

func (b *Books) exec(query string, args ...any) {
	_, err := b.db.ExecContext(context.Background(), b.marks(query), args...)
	must(err)
}

func (b *Books) text(query string, args ...any) string {
	var text string
	must(b.db.QueryRowContext(context.Background(), b.marks(query), args...).Scan(&text))
	return text
}

func (b *Books) each(query string, args []any, row func(scan func(...any) error) error) {
	rows, err := b.db.QueryContext(context.Background(), b.marks(query), args...)
	must(err)
	defer rows.Close()
	for rows.Next() {
		must(row(rows.Scan))
	}
	must(rows.Err())
}

// marks writes the parameters as the database wants them.
func (b *Books) marks(query string) string {
	if b.kind != Postgres {
		return query
	}
	var out strings.Builder
	n := 0
	for _, r := range query {
		if r == '?' {
			n++
			fmt.Fprintf(&out, "$%d", n)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// storable is a name without what no column holds.
func storable(name string) string { return strings.ReplaceAll(name, "\x00", "") }

func must(err error) {
	if err != nil {
		panic(fmt.Errorf("sqltest: %w", err))
	}
}

// Fill adds n invoices, a customer for each forty: nine in ten paid, each by a
// payment of its own.
func (b *Books) Fill(n int) {
	due := calendar.MustParse("2026-06-30")
	b.within(func() {
		for i := range n {
			if i%40 == 0 {
				b.AddCustomer(fmt.Sprintf("Client %d", i/40))
			}
			id, customer, minor := b.id("invoice"), b.last["customer"], int64(10000+i)
			b.insertInvoice(id, customer, fmt.Sprintf("F-%06d", i), false, "EUR", minor, due.AddDays(i%90))
			if i%10 == 0 {
				continue
			}
			payment := b.AddPayment(customer, "EUR", minor, due)
			b.exec("INSERT INTO allocation (id, invoice_id, payment_id, credit_id, currency, amount, updated_at) VALUES (?, ?, ?, NULL, 'EUR', ?, ?)",
				b.id("allocation"), id, payment, b.amount(minor, "EUR"), b.moment())
		}
		b.exec("UPDATE invoice SET remaining = 0 WHERE id IN (SELECT invoice_id FROM allocation)")
		b.exec("UPDATE payment SET remaining = 0 WHERE id IN (SELECT payment_id FROM allocation)")
	})
}
