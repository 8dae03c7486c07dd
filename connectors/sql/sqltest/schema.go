// Package sqltest is a made-up trading system whose books live in a real
// database: SQLite, PostgreSQL or MariaDB. It changes them as such a system does
// and tells what is truly owed. With it goes the manifest that reads it.
package sqltest

import (
	"fmt"
	"strings"
)

// Database is the kind of database that holds the books.
type Database string

// The databases.
const (
	SQLite   Database = "sqlite"
	Postgres Database = "postgres"
	MariaDB  Database = "mysql"
)

// schema is that of the trading system. SQLite has no decimals: it holds
// hundredths there.
const schema = `
CREATE TABLE customer (id INTEGER PRIMARY KEY, code VARCHAR(20) NOT NULL, name VARCHAR(200) NOT NULL, email VARCHAR(200), updated_at MOMENT NOT NULL);
CREATE TABLE invoice (id INTEGER PRIMARY KEY, number VARCHAR(40) NOT NULL, customer_id INTEGER NOT NULL, credit BOOLEAN NOT NULL, state VARCHAR(20) NOT NULL,
  issued_on DATE NOT NULL, due_on DATE, currency CHAR(3) NOT NULL, total AMOUNT NOT NULL, remaining AMOUNT NOT NULL, updated_at MOMENT NOT NULL);
CREATE TABLE instalment (id INTEGER PRIMARY KEY, invoice_id INTEGER NOT NULL, due_on DATE NOT NULL, amount AMOUNT NOT NULL);
CREATE TABLE payment (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, paid_on DATE NOT NULL, currency CHAR(3) NOT NULL, amount AMOUNT NOT NULL,
  remaining AMOUNT NOT NULL, label VARCHAR(200), updated_at MOMENT NOT NULL);
CREATE TABLE allocation (id INTEGER PRIMARY KEY, invoice_id INTEGER NOT NULL, payment_id INTEGER, credit_id INTEGER, currency CHAR(3) NOT NULL,
  amount AMOUNT NOT NULL, updated_at MOMENT NOT NULL);
CREATE INDEX customer_updated ON customer (updated_at);
CREATE INDEX invoice_updated ON invoice (updated_at);
CREATE INDEX instalment_invoice ON instalment (invoice_id);
CREATE INDEX payment_updated ON payment (updated_at);
CREATE INDEX allocation_updated ON allocation (updated_at);
CREATE INDEX allocation_invoice ON allocation (invoice_id)
`

// types are what MOMENT and AMOUNT are called.
var types = map[Database][2]string{
	SQLite:   {"TEXT", "BIGINT"},
	Postgres: {"TIMESTAMP", "NUMERIC(14,3)"},
	MariaDB:  {"DATETIME(6)", "DECIMAL(14,3)"},
}

// statements are those that make the schema.
func (d Database) statements() []string {
	text := strings.NewReplacer("MOMENT", types[d][0], "AMOUNT", types[d][1]).Replace(schema)
	return strings.Split(strings.TrimSpace(text), ";\n")
}

// Manifest reads the books, a page of that many rows at a time.
func (d Database) Manifest(page int) string {
	amount := func(column string) string {
		if d == SQLite {
			return fmt.Sprintf("it.%s * 0.001", column)
		}
		return "it." + column
	}
	return fmt.Sprintf(`manifest: trade
speaks: sql
product: "the trading system of the tests"
page: %d
customers:
  query: SELECT id, code, name, email, updated_at FROM customer
  key: id
  changed: updated_at
  map: {code: it.code, name: it.name, emails: emails(it.email)}
invoices:
  query: |
    SELECT id, number, customer_id, credit, state, issued_on, due_on, currency, total, remaining, updated_at
    FROM invoice
  key: id
  changed: updated_at
  map:
    customer: it.customer_id
    number: it.number
    kind: 'it.credit == 1 ? "credit_note" : "invoice"'
    issued_on: it.issued_on
    due_on: it.due_on
    currency: it.currency
    total: %s
    outstanding: %s
    standing: 'it.state == "lost" ? "written_off" : ""'
    skip: it.state == "draft"
dues:
  query: SELECT invoice_id, due_on, amount FROM instalment
  key: invoice_id
  map: {on: it.due_on, total: %s}
payments:
  query: SELECT id, customer_id, paid_on, currency, amount, remaining, label, updated_at FROM payment
  key: id
  changed: updated_at
  map:
    customer: it.customer_id
    on: it.paid_on
    currency: it.currency
    amount: %s
    unallocated: %s
    label: it.label
allocations:
  query: SELECT id, invoice_id, payment_id, credit_id, currency, amount, updated_at FROM allocation
  key: id
  changed: updated_at
  map: {invoice: it.invoice_id, payment: it.payment_id, credit_note: it.credit_id, currency: it.currency, amount: %s}
`, page, amount("total"), amount("remaining"), amount("amount"), amount("amount"), amount("remaining"), amount("amount"))
}
