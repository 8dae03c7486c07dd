// Package sagetest is a simulated Sage Accounting service (interface 3.1) with
// its authorization server: strict about what it is asked, with the vendor's
// paging, envelopes, side effects and oddities.
package sagetest

import (
	"crypto/md5" //nolint:gosec // makes ids that look like the vendor's
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Cents is an amount in hundredths.
type Cents int64

func (c Cents) abs() Cents { return max(c, -c) }

// String writes it as the vendor does: no more digits than it takes.
func (c Cents) String() string {
	text := fmt.Sprintf("%d.%02d", c.abs()/100, c.abs()%100)
	text = strings.TrimSuffix(text, "0")
	if c < 0 {
		return "-" + text
	}
	return text
}

// The lists, by their path.
const (
	Contacts     = "contacts"
	Invoices     = "sales_invoices"
	CreditNotes  = "sales_credit_notes"
	QuickEntries = "sales_quick_entries"
	Openings     = "contact_opening_balances"
	Payments     = "contact_payments"
	Allocations  = "contact_allocations"
	OnAccount    = "payments_on_account"
)

// record is what every object carries.
type record struct {
	ID   string
	list string
	born int // rows are kept in this order

	created, updated, deleted time.Time
}

// Contact is a customer, and maybe a supplier too.
type Contact struct {
	record
	Name, Reference, Email, PersonEmail, Locale, Country, TaxNumber string

	CreditDays string // "": none of its own
	Currency   string // "": the business's
	Vendor     bool
	System     bool
	Obfuscated bool
}

// Document is an invoice, a credit note, a quick entry or an opening balance.
type Document struct {
	record
	Contact   string
	Number    string
	Date, Due string
	Total     Cents
	Currency  string
	Status    string // "": from what is settled
	Credit    bool   // of a quick entry or an opening balance
	Sent      bool

	settled Cents
}

// Settling is a payment or an allocation.
type Settling struct {
	record
	Contact  string
	Type     string // "": CUSTOMER_RECEIPT, CUSTOMER_ALLOCATION
	Date     string
	Total    Cents // of a payment
	Currency string
	Parts    []Part

	used Cents // of its money on account, by allocations and refunds
}

// Part is what it settles of one thing.
type Part struct {
	List, ID         string
	Amount, Discount Cents
}

// Books are a business's. They are safe for concurrent use.
type Books struct {
	mu        sync.Mutex
	now       func() time.Time
	touch     bool // a payment or an allocation touches what it settles
	voidKeeps bool // what is void keeps its outstanding amount
	last      int
	contacts  map[string]*Contact
	documents map[string]*Document
	settlings map[string]*Settling
}

func newBooks(o Options) *Books {
	return &Books{
		now: o.Now, touch: !o.Untouched, voidKeeps: o.VoidKeeps,
		contacts: map[string]*Contact{}, documents: map[string]*Document{}, settlings: map[string]*Settling{},
	}
}

func (b *Books) bear(r *record, list string) {
	b.last++
	sum := md5.Sum([]byte(strconv.Itoa(b.last))) //nolint:gosec // as above
	at := b.now().Truncate(time.Second)
	*r = record{ID: hex.EncodeToString(sum[:]), list: list, born: b.last, created: at, updated: at}
}

func (b *Books) edited(r *record) { r.updated = b.now().Truncate(time.Second) }

// AddContact adds a customer and returns its id.
func (b *Books) AddContact(c Contact) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bear(&c.record, Contacts)
	b.contacts[c.ID] = &c
	return c.ID
}

// AddDocument adds a document to a list.
func (b *Books) AddDocument(list string, d Document) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bear(&d.record, list)
	b.documents[d.ID] = &d
	return d.ID
}

// AddSettling adds a payment or an allocation to a list.
func (b *Books) AddSettling(list string, s Settling) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bear(&s.record, list)
	if s.Type == "" {
		s.Type = map[string]string{Payments: "CUSTOMER_RECEIPT", Allocations: "CUSTOMER_ALLOCATION"}[list]
	}
	b.settlings[s.ID] = &s
	b.apply(&s, 1)
	return s.ID
}

func (b *Books) apply(s *Settling, sign Cents) {
	for _, part := range s.Parts {
		if part.List == OnAccount {
			of := b.settlings[strings.TrimPrefix(part.ID, "poa")]
			of.used += sign * part.Amount.abs()
			if b.touch {
				b.edited(&of.record)
			}
			continue
		}
		d := b.documents[part.ID]
		d.settled += sign * (part.Amount.abs() + part.Discount.abs())
		if b.touch && d.list != Openings {
			b.edited(&d.record)
		}
	}
}

// Change edits a document, a customer or what settles.
func (b *Books) Change(id string, change func(c *Contact, d *Document, s *Settling)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, d, s := b.contacts[id], b.documents[id], b.settlings[id]
	if s != nil {
		b.apply(s, -1)
	}
	change(c, d, s)
	switch {
	case c != nil:
		b.edited(&c.record)
	case d != nil:
		b.edited(&d.record)
	case s != nil:
		b.apply(s, 1)
		b.edited(&s.record)
	}
}

// Void voids a document: what settles it must have been deleted before.
func (b *Books) Void(id string) {
	b.Change(id, func(_ *Contact, d *Document, _ *Settling) {
		if d.settled != 0 {
			panic("what is settled cannot be voided")
		}
		d.Status = "VOID"
	})
}

// Delete deletes a record; of a document what settles it goes first.
func (b *Books) Delete(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.now().Truncate(time.Second)
	if c := b.contacts[id]; c != nil {
		c.deleted = at
		return
	}
	if s := b.settlings[id]; s != nil && s.deleted.IsZero() {
		b.apply(s, -1)
		s.deleted = at
		return
	}
	d := b.documents[id]
	for _, s := range b.settlings {
		if s.deleted.IsZero() && slices.ContainsFunc(s.Parts, func(p Part) bool { return p.ID == id }) {
			b.apply(s, -1)
			s.deleted = at
		}
	}
	d.deleted = at
}

// Pay pays a part of a document (0: all that is open) with a receipt.
func (b *Books) Pay(id string, part Cents, on string) string {
	b.mu.Lock()
	d := b.documents[id]
	if open := d.open(); part == 0 || part > open {
		part = open
	}
	b.mu.Unlock()
	return b.AddSettling(Payments, Settling{Contact: d.Contact, Date: on, Total: part, Currency: d.Currency, Parts: []Part{{d.list, id, part, 0}}})
}

// Credit issues a credit note and allocates it to a document.
func (b *Books) Credit(id string, part Cents, on string) string {
	b.mu.Lock()
	d := b.documents[id]
	b.mu.Unlock()
	note := b.AddDocument(CreditNotes, Document{Contact: d.Contact, Number: "SCN-" + id[:4], Date: on, Total: part, Currency: d.Currency})
	b.AddSettling(Allocations, Settling{Contact: d.Contact, Date: on, Currency: d.Currency, Parts: []Part{{d.list, id, part, 0}, {CreditNotes, note, -part, 0}}})
	return note
}

// Settled tells whether anything settles a document.
func (b *Books) Settled(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.documents[id].settled != 0
}

func (d *Document) open() Cents {
	if d.Status == "VOID" || d.Status == "DRAFT" || d.Status == "PRO_FORMA" {
		return 0
	}
	return d.Total - d.settled
}

func (d *Document) credit() bool { return d.list == CreditNotes || d.Credit }

// left is the money on account of a receipt.
func (s *Settling) left() Cents {
	left := s.Total - s.used
	for _, part := range s.Parts {
		left -= part.Amount.abs()
	}
	return left
}

// prefixes tell the lists apart in what the connector calls a document.
var prefixes = map[string]string{CreditNotes: "creditnote:", QuickEntries: "quickentry:", Openings: "opening:"}

// Owed is what may truly be chased, by the connector's name of the document.
func (b *Books) Owed() map[string]int64 { return b.sum(false) }

// Credits is what is unused of credits and of receipts.
func (b *Books) Credits() map[string]int64 {
	left := b.sum(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.settlings {
		if s.deleted.IsZero() && s.Type == "CUSTOMER_RECEIPT" && s.left() > 0 {
			left[id] = int64(s.left())
		}
	}
	return left
}

func (b *Books) sum(credits bool) map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := map[string]int64{}
	for id, d := range b.documents {
		if d.deleted.IsZero() && d.credit() == credits && d.open() > 0 {
			sum[prefixes[d.list]+id] = int64(d.open())
		}
	}
	return sum
}

// Marked counts documents that were marked as sent by being read.
func (b *Books) Marked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, d := range b.documents {
		if d.Sent {
			n++
		}
	}
	return n
}
