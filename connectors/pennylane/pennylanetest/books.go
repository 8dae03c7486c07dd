// Package pennylanetest simulates the company interface v2 of Pennylane over
// HTTP: its limits, paging, filters, scopes, errors and changelogs, with books
// that can be changed while it runs. It is strict: what the vendor would refuse,
// it refuses. What the vendor leaves undocumented is a Switch.
package pennylanetest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Cents are hundredths of the currency's main unit.
type Cents int64

// Customer is a customer of the books.
type Customer struct {
	ID         int64 // given by AddCustomer
	Type       string
	Name       string
	Reference  string
	Emails     []string
	Phone      string
	Recipient  string
	VAT, SIREN string
	Terms      string // payment_conditions
	Language   string // fr_FR
	Street     string
	Postcode   string
	City       string
	Country    string
	Contacts   []Contact

	created, updated time.Time
}

// Contact is a person at a customer.
type Contact struct {
	ID                                      int64
	FirstName, LastName, Role, Email, Phone string
}

// Invoice is an invoice, or a credit note where Credit is set. Amounts are
// positive; credit notes are shown negative.
type Invoice struct {
	ID        int64 // given by AddInvoice
	Customer  int64 // 0: null
	Number    string
	Date      string
	Deadline  string // "": null
	Total     Cents  // including tax, in Currency
	Currency  string // "": EUR
	Rate      Cents  // hundredths of Currency for one EUR; 0: 100
	Draft     bool
	Credit    bool
	Credits   int64 // of a credit note: the invoice it credits, 0 none
	EStatus   string
	Kind      string // "": an invoice; else a status of another kind of document ("proforma")
	NoFile    bool   // the PDF does not exist yet
	Filename  string
	Payments  []Payment
	Schedule  []Instalment
	Status    string         // forces a status, with "paid" and remaining as they would be
	Fields    map[string]any // laid over the JSON: unknown fields, nulls
	Archived  bool
	MarkedPay bool

	paid             Cents // by transactions
	matched          []int64
	shares           map[int64]Cents // by transaction
	archivedAt       time.Time
	created, updated time.Time
}

// Payment is one initiated through Pennylane.
type Payment struct {
	ID     int64
	Label  string
	Amount Cents
	Status string
}

// Instalment is one line of a payment schedule.
type Instalment struct {
	DueDate           string
	Amount, Remaining Cents
}

// Transaction is a line of a bank account.
type Transaction struct {
	ID        int64 // given by AddTransaction
	Customer  int64 // 0: null
	Date      string
	Amount    Cents // positive: money in
	Label     string
	Currency  string // "": EUR
	NoBalance bool   // outstanding_balance and currency null
	Archived  bool

	used             Cents // matched with invoices
	invoices         []int64
	created, updated time.Time
}

type event struct {
	id                        int64
	op                        string
	created, updated, process time.Time
}

// Books are what one company has in Pennylane. Methods are safe for concurrent
// use and panic on ids that do not exist: they are called by tests and the demo.
type Books struct {
	mu           sync.Mutex
	now          func() time.Time
	zone         *time.Location
	switches     *Switches
	nextID       int64
	tick         time.Duration // keeps instants of one moment apart
	customers    map[int64]*Customer
	invoices     map[int64]*Invoice
	transactions map[int64]*Transaction
	changes      map[string][]event
	processed    time.Time          // of the latest event
	order        map[string][]int64 // ids by resource, growing; deleted ones stay
	credits      map[int64]Cents    // by credited invoice; nil: to be summed again
	overdueOn    string             // the day up to which passing the due date was told
}

func newBooks(now func() time.Time, s *Switches) *Books {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		zone = time.UTC
	}
	return &Books{
		now: now, zone: zone, switches: s, nextID: 25465990001152,
		customers: map[int64]*Customer{}, invoices: map[int64]*Invoice{}, transactions: map[int64]*Transaction{},
		changes: map[string][]event{}, order: map[string][]int64{},
	}
}

func (b *Books) id() int64 {
	b.nextID += 4096
	return b.nextID
}

func (b *Books) moment() time.Time {
	b.tick += time.Microsecond
	return b.now().UTC().Truncate(time.Millisecond).Add(b.tick % time.Millisecond)
}

// tell writes the events of one change: an insert is followed by an update.
func (b *Books) tell(resource string, id int64, op string, created time.Time) time.Time {
	at := b.moment()
	b.credits = nil
	if op == "insert" {
		b.order[resource] = append(b.order[resource], id)
	}
	if created.IsZero() {
		created = at
	}
	b.changes[resource] = append(b.changes[resource], event{id, op, created, at, b.process(at)})
	if op == "insert" {
		b.changes[resource] = append(b.changes[resource], event{id, "update", created, at, b.process(at)})
	}
	return at
}

// process is when an event is written: after its change, in the order of changes.
func (b *Books) process(at time.Time) time.Time {
	at = at.Add(200 * time.Microsecond)
	if !at.After(b.processed) {
		at = b.processed.Add(time.Microsecond)
	}
	b.processed = at
	return at
}

// AddCustomer adds a customer and returns its id.
func (b *Books) AddCustomer(c Customer) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.ID = b.id()
	if c.Type == "" {
		c.Type = "company"
	}
	if c.Country == "" {
		c.Country = "FR"
	}
	if c.Language == "" {
		c.Language = "fr_FR"
	}
	if c.Terms == "" {
		c.Terms = "30_days"
	}
	for i := range c.Contacts {
		c.Contacts[i].ID = b.id()
	}
	c.created = b.tell("customers", c.ID, "insert", time.Time{})
	c.updated = c.created
	b.customers[c.ID] = &c
	return c.ID
}

// ChangeCustomer changes a customer.
func (b *Books) ChangeCustomer(id int64, change func(*Customer)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.customers[id]
	change(c)
	c.updated = b.tell("customers", id, "update", c.created)
}

// DeleteCustomer deletes a customer.
func (b *Books) DeleteCustomer(id int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tell("customers", id, "delete", b.customers[id].created)
	delete(b.customers, id)
}

// AddInvoice adds an invoice, draft or credit note and returns its id. A credit
// note with Credits lowers that invoice.
func (b *Books) AddInvoice(in Invoice) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addInvoice(in)
}

func (b *Books) addInvoice(in Invoice) int64 {
	in.ID = b.id()
	if in.Currency == "" {
		in.Currency = "EUR"
	}
	if in.Rate == 0 {
		in.Rate = 100
	}
	if in.Date == "" {
		in.Date = b.now().In(b.zone).Format(time.DateOnly)
	}
	if in.Number == "" && !in.Draft {
		in.Number = fmt.Sprintf("F-%s-%d", in.Date[:4], in.ID%1_000_000)
	}
	in.created = b.tell(invoicesChanges, in.ID, "insert", time.Time{})
	in.updated = in.created
	b.invoices[in.ID] = &in
	if in.Credits != 0 && !b.switches.QuietCredit {
		b.touch(in.Credits)
	}
	return in.ID
}

const invoicesChanges = "customer_invoices"

func (b *Books) touch(invoice int64) {
	in := b.invoices[invoice]
	in.updated = b.tell(invoicesChanges, invoice, "update", in.created)
}

// ChangeInvoice changes an invoice.
func (b *Books) ChangeInvoice(id int64, change func(*Invoice)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b.invoices[id])
	b.touch(id)
}

// ChangeQuietly changes an invoice without an event, as what the vendor's
// changelog may not show.
func (b *Books) ChangeQuietly(id int64, change func(*Invoice)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b.invoices[id])
	b.credits = nil
}

// Finalize makes a draft an invoice.
func (b *Books) Finalize(id int64, number string) {
	b.ChangeInvoice(id, func(in *Invoice) { in.Draft, in.Number = false, number })
}

// Archive files a document away.
func (b *Books) Archive(id int64) {
	b.ChangeInvoice(id, func(in *Invoice) { in.Archived, in.archivedAt = true, b.now().UTC() })
}

// MarkPaid is Pennylane's "mark as paid": settled without a transaction.
func (b *Books) MarkPaid(id int64) {
	b.ChangeInvoice(id, func(in *Invoice) {
		in.MarkedPay = true
		if b.switches.MarkPaidRow {
			in.Payments = append(in.Payments, Payment{ID: b.id(), Amount: in.Total, Status: "found"})
		}
	})
}

// Delete removes a document: of drafts the vendor allows it.
func (b *Books) Delete(id int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tell(invoicesChanges, id, "delete", b.invoices[id].created)
	delete(b.invoices, id)
	b.credits = nil
}

// Vanish removes a document without an event.
func (b *Books) Vanish(id int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.invoices, id)
	b.credits = nil
}

// Cancel credits an invoice wholly and returns the credit note's id.
func (b *Books) Cancel(id int64) int64 { return b.Credit(id, 0) }

// Credit credits a part of an invoice, or all that remains where amount is 0,
// and returns the credit note's id.
func (b *Books) Credit(id int64, amount Cents) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := b.invoices[id]
	if amount == 0 {
		amount = b.remaining(in)
	}
	return b.addInvoice(Invoice{Customer: in.Customer, Credit: true, Credits: id, Total: amount, Currency: in.Currency, Rate: in.Rate})
}

// AddTransaction adds a line of the bank account, matched with nothing.
func (b *Books) AddTransaction(t Transaction) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.ID = b.id()
	if t.Currency == "" {
		t.Currency = "EUR"
	}
	if t.Date == "" {
		t.Date = b.now().In(b.zone).Format(time.DateOnly)
	}
	t.created = b.tell("transactions", t.ID, "insert", time.Time{})
	t.updated = t.created
	b.transactions[t.ID] = &t
	return t.ID
}

// DeleteTransaction removes a line of the bank account and its matches.
func (b *Books) DeleteTransaction(id int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, in := range b.transactions[id].invoices {
		b.unmatch(in, id)
	}
	b.tell("transactions", id, "delete", b.transactions[id].created)
	delete(b.transactions, id)
}

// Match reconciles a transaction with an invoice, as far as both go.
func (b *Books) Match(invoice, transaction int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in, t := b.invoices[invoice], b.transactions[transaction]
	share := min(b.remaining(in), t.Amount-t.used)
	if in.shares == nil {
		in.shares = map[int64]Cents{}
	}
	in.paid += share
	in.shares[transaction] += share
	in.matched = append(in.matched, transaction)
	t.used += share
	t.invoices = append(t.invoices, invoice)
	t.updated = b.tell("transactions", transaction, "update", t.created)
	if !b.switches.QuietMatch {
		b.touch(invoice)
	}
}

// Unmatch takes a transaction off an invoice.
func (b *Books) Unmatch(invoice, transaction int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unmatch(invoice, transaction)
	t := b.transactions[transaction]
	t.updated = b.tell("transactions", transaction, "update", t.created)
}

func (b *Books) unmatch(invoice, transaction int64) {
	in, t := b.invoices[invoice], b.transactions[transaction]
	if in == nil {
		return
	}
	share := in.shares[transaction]
	delete(in.shares, transaction)
	in.paid -= share
	t.used -= share
	in.matched = slices.DeleteFunc(slices.Clone(in.matched), func(id int64) bool { return id == transaction })
	t.invoices = slices.DeleteFunc(slices.Clone(t.invoices), func(id int64) bool { return id == invoice })
	b.touch(invoice)
}

// Pay lets the whole of what remains of an invoice arrive and be matched on a
// day; the transaction's id is returned.
func (b *Books) Pay(invoice int64, on string) int64 { return b.PayPart(invoice, 0, on) }

// PayPart is Pay with an amount.
func (b *Books) PayPart(invoice int64, amount Cents, on string) int64 {
	b.mu.Lock()
	in := b.invoices[invoice]
	if amount == 0 {
		amount = b.remaining(in)
	}
	t := Transaction{Customer: in.Customer, Date: on, Amount: amount, Currency: in.Currency, Label: "VIR SEPA " + in.Number}
	b.mu.Unlock()
	id := b.AddTransaction(t)
	b.Match(invoice, id)
	return id
}

// Owed returns what is truly open: the invoices that may be chased, by id, with
// what remains of each in its currency.
func (b *Books) Owed() map[string]Cents {
	b.mu.Lock()
	defer b.mu.Unlock()
	owed := map[string]Cents{}
	for id, in := range b.invoices {
		switch b.status(in) {
		case "upcoming", "late", "partially_paid", "partially_cancelled":
			if left := b.remaining(in); left > 0 && !in.Archived {
				owed[strconv.FormatInt(id, 10)] = left
			}
		}
	}
	return owed
}

// remaining is what is left of an invoice, in its currency.
func (b *Books) remaining(in *Invoice) Cents {
	if in.MarkedPay {
		return 0
	}
	return in.Total - in.paid - b.credited(in)
}

func (b *Books) credited(in *Invoice) Cents {
	if b.credits == nil {
		b.credits = map[int64]Cents{}
		for _, note := range b.invoices {
			if note.Credit && note.Credits != 0 && !note.Draft {
				b.credits[note.Credits] += note.Total
			}
		}
	}
	return b.credits[in.ID]
}

func (b *Books) status(in *Invoice) string {
	credited := Cents(0)
	if !in.Credit {
		credited = b.credited(in)
	}
	switch {
	case in.Status != "":
		return in.Status
	case in.Credit:
		return "credit_note"
	case in.Draft:
		return "draft"
	case in.Kind != "":
		return in.Kind
	case in.Archived:
		return "archived"
	case credited >= in.Total && in.Total > 0:
		return "cancelled"
	case b.remaining(in) <= 0:
		return "paid"
	case in.paid > 0:
		return "partially_paid"
	case credited > 0:
		return "partially_cancelled"
	case in.Deadline != "" && in.Deadline < b.now().In(b.zone).Format(time.DateOnly):
		return "late"
	}
	return "upcoming"
}

// passDueDates writes the events of invoices whose due date has passed, where
// the switch says that the vendor does.
func (b *Books) passDueDates() {
	today := b.now().In(b.zone).Format(time.DateOnly)
	if b.switches.DueEvents && b.overdueOn != "" && today > b.overdueOn {
		for _, id := range slices.Sorted(maps.Keys(b.invoices)) {
			in := b.invoices[id]
			if in.Deadline >= b.overdueOn && in.Deadline < today && b.status(in) == "late" {
				b.touch(id)
			}
		}
	}
	b.overdueOn = today
}
