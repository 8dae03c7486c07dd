// Package pennylanetest simulates the company interface v2 of Pennylane over
// HTTP: its limits, paging, filters, scopes, errors and changelogs, with books
// that can be changed while it runs. It is strict: what the vendor would refuse,
// it refuses. What the vendor leaves undocumented is a Switch.
package pennylanetest

import (
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
