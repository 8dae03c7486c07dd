// Package bookstest makes books at random and says what they truly are. The
// simulators of accounting systems are its ledgers; the conformance suite and the
// drills let a Generator change them. It does not import testing: drills of
// running programs use it too.
package bookstest

import (
	"cmp"
	"slices"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Ledger is a source whose books can be what real ones are: payments over
// several invoices, money on account, credit notes, instalments, several
// currencies, and all of it undone again. Amounts are in minor units of the
// currency. Ids are those that connectors give.
type Ledger interface {
	Ways() Ways
	Customer(name, currency string) string
	Invoice(customer, number, currency string, dues []Instalment) string
	CreditNote(customer, number, currency string, minor int64) string
	Payment(customer, currency string, minor int64) string
	// Allocate and Apply settle a part of an invoice, with a payment or with a
	// credit note of its currency and customer.
	Allocate(payment, invoice string, minor int64)
	Apply(credit, invoice string, minor int64)
	// Release takes back what a payment settles.
	Release(payment string)
	// Redate moves the due date of an invoice of one due line.
	Redate(invoice string, due calendar.Date)
	// WriteOff gives up what is open of an invoice; Void takes it out of the books
	// as the source does, Delete as if it had never been.
	WriteOff(invoice string)
	Void(invoice string)
	Delete(invoice string)
	Truth() Truth
}

// Unlinker is a Ledger that can take a payment off one of the invoices it settles.
type Unlinker interface {
	Unlink(payment, invoice string)
}

// WaysOf is what books of the ledger's source can be.
func WaysOf(l Ledger) Ways {
	w := l.Ways()
	if _, ok := l.(Unlinker); !ok {
		w.Lacks = append(slices.Clone(w.Lacks), Unlinked)
	}
	return w
}

// Ways is what books of a source can be.
type Ways struct {
	Currencies []string // that a customer may have, for good
	Lacks      []Kind   // changes that the source cannot express
}

// Instalment is an amount of an invoice with its due date.
type Instalment struct {
	On    calendar.Date
	Minor int64
}

// Truth is what the books say, by external id. Payments are those that the source
// tells.
type Truth struct {
	Documents map[string]Balance
	Payments  map[string]Balance
	Links     map[Link]int64 // what settles what, in minor units; nil: not compared
}

// Link is an invoice and the payment or credit note that settles of it.
type Link struct {
	Invoice, By string
	Kind        receivable.ItemKind // of what settles it
}

// NewTruth returns empty books.
func NewTruth() Truth {
	return Truth{Documents: map[string]Balance{}, Payments: map[string]Balance{}}
}

// Balance is an amount and what of it is open: outstanding on a document,
// unallocated of a payment.
type Balance struct {
	Kind     receivable.DocumentKind // "" for a payment
	Account  string
	Standing receivable.Standing
	Total    money.Amount
	Open     money.Amount
	Dues     []Instalment // of an invoice, by date
}

// Scaled is an amount of minor units in hundredths, in which simulators count
// whatever the currency; Minor is the way back.
func Scaled(minor int64, currency string) int64 { return minor * scale(currency) }

// Minor is an amount of hundredths in minor units of the currency.
func Minor(hundredths int64, currency string) money.Amount {
	return money.New(hundredths/scale(currency), currency)
}

// scale is for currencies of no more than two digits.
func scale(currency string) int64 {
	if money.Digits(currency) == 0 {
		return 100
	}
	return 1
}

// ByDate orders instalments; those of one day by their amounts.
func ByDate(a, b Instalment) int {
	return cmp.Or(cmp.Compare(a.On, b.On), cmp.Compare(a.Minor, b.Minor))
}
