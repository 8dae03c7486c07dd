// Package sageactivetest is a simulated Sage Active organization (public
// interface V2, GraphQL) with its authorization server: with the vendor's
// envelopes, headers, cursors that are offsets, and its two kinds of 401.
package sageactivetest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Cents is an amount in hundredths.
type Cents int64

// MarshalJSON writes a number with a fraction.
func (c Cents) MarshalJSON() ([]byte, error) {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Appendf(nil, "%s%d.%02d", sign, c/100, c%100), nil
}

type record struct {
	ID                string
	born              int
	created, modified time.Time
}

// Customer is who owes.
type Customer struct {
	record
	Code, Name, DocumentID, Status, Language string

	Emails map[string]string // by usage
}

// Item is an instalment.
type Item struct {
	ID           string
	Amount, Paid Cents
	Due          string // YYYY-MM-DD

	modified time.Time
}

// Invoice is an invoice, a credit note, or (Ledger) an entry of the ledger that
// no sales invoice stands behind.
type Invoice struct {
	record
	Customer, Number, Type, Date string

	Status   string // "": from what is paid
	Items    []Item
	Ledger   bool
	Source   string // sourceType of the entry; "": IMPORT_FILE
	Corrects string
}

// Books are the organization's. They are safe for concurrent use.
type Books struct {
	mu        sync.Mutex
	now       func() time.Time
	moves     bool
	last      int
	customers []*Customer
	invoices  []*Invoice
	altered   map[string]map[string]any
}

// Alter has a record told with other values under some of its fields.
func (b *Books) Alter(id string, with map[string]any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.altered == nil {
		b.altered = map[string]map[string]any{}
	}
	b.altered[id] = with
}

func (b *Books) bear(r *record) {
	b.last++
	*r = record{ID: fmt.Sprintf("3f0d9a52-8c1b-4a77-9d1e-%012d", b.last), born: b.last, created: b.now()}
}

// AddCustomer adds a customer and returns its id.
func (b *Books) AddCustomer(c Customer) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bear(&c.record)
	b.customers = append(b.customers, &c)
	return c.ID
}

// AddInvoice adds an invoice and returns its id.
func (b *Books) AddInvoice(in Invoice) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bear(&in.record)
	if in.Type == "" {
		in.Type = "NORMAL"
	}
	for i := range in.Items {
		in.Items[i].ID = fmt.Sprintf("%s-%d", in.ID, i)
	}
	b.invoices = append(b.invoices, &in)
	return in.ID
}

// Change edits a customer or an invoice.
func (b *Books) Change(id string, change func(c *Customer, in *Invoice)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.customers {
		if c.ID == id {
			change(c, nil)
			c.modified = b.now()
		}
	}
	if in := b.find(id); in != nil {
		change(nil, in)
		in.modified = b.now()
	}
}

func (b *Books) find(id string) *Invoice {
	for _, in := range b.invoices {
		if in.ID == id {
			return in
		}
	}
	return nil
}

// Pay pays a part of an invoice (0: all of it), the oldest instalment first. A
// negative part takes a payment back.
func (b *Books) Pay(id string, part Cents) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := b.find(id)
	if part == 0 {
		part = in.open()
	}
	for i := range in.Items {
		item := &in.Items[i]
		step := min(part, item.Amount-item.Paid)
		if part < 0 {
			step = max(part, -item.Paid)
		}
		if i == len(in.Items)-1 && part > 0 {
			step = part // paid too much
		}
		if step != 0 {
			item.Paid, part, item.modified = item.Paid+step, part-step, b.now()
			if b.moves && !in.Ledger {
				in.modified = b.now()
			}
		}
	}
	if in.Ledger && b.moves {
		in.modified = b.now()
	}
}

func (in *Invoice) open() Cents {
	sum := Cents(0)
	for _, item := range in.Items {
		sum += max(item.Amount-item.Paid, 0)
	}
	return sum
}

// Remove takes an invoice or an entry out: nothing tells of it.
func (b *Books) Remove(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.invoices = slices.DeleteFunc(b.invoices, func(in *Invoice) bool { return in.ID == id })
}

// Owed is what may truly be chased, by the connector's name of the document.
func (b *Books) Owed() map[string]int64 { return b.sum(false) }

// Credits is what is unused of credit notes.
func (b *Books) Credits() map[string]int64 { return b.sum(true) }

func (b *Books) sum(credit bool) map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := map[string]int64{}
	for _, in := range b.invoices {
		if (in.Type == "CREDIT_NOTE") != credit || in.open() == 0 || in.Status == "Pending" || in.Status == "Closed" || in.Source == "SALES" {
			continue
		}
		key := in.ID
		if in.Ledger {
			key = "entry:" + in.ID + "/i" + in.ID
		}
		sum[key] = int64(in.open())
	}
	return sum
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func day(text string) any {
	if text == "" {
		return nil
	}
	return text + "T00:00:00+00:00"
}

func (r record) fields(m map[string]any) map[string]any {
	m["id"], m["creationDate"], m["modificationDate"] = r.ID, stamp(r.created), stamp(r.modified)
	return m
}

func (c *Customer) look() map[string]any {
	emails := []any{}
	for usage, address := range c.Emails {
		emails = append(emails, map[string]any{"emailAddress": address, "usage": usage, "isDefault": usage == "NOT_SET"})
	}
	return c.fields(map[string]any{
		"code": c.Code, "socialName": c.Name, "documentId": c.DocumentID, "status": c.Status, "documentLanguage": c.Language,
		"addresses": []any{map[string]any{"firstLine": "4 quai de Seine", "city": "Paris", "zipCode": "75004", "countryIsoCodeAlpha2": "FR", "isMainAddress": true}},
		"contacts":  []any{map[string]any{"id": "k", "name": "Anne", "surname": "Perrin", "isDefault": true, "isDefaultCustomer": false, "emails": emails, "phones": []any{}}},
	})
}

func (in *Invoice) items(sign Cents) []any {
	list := []any{}
	for _, i := range in.Items {
		list = append(list, map[string]any{"id": i.ID, "amount": sign * i.Amount, "paidAmountAccumulated": sign * i.Paid, "dueDate": day(i.Due), "status": "NOT_SPECIFIED", "modificationDate": stamp(i.modified)})
	}
	return list
}

func (in *Invoice) look(sign Cents) map[string]any {
	status := in.Status
	switch {
	case status != "":
	case in.open() == 0:
		status = "Collected"
	case slices.ContainsFunc(in.Items, func(i Item) bool { return i.Paid > 0 }):
		status = "PartiallyCollected"
	default:
		status = "Posted"
	}
	total := Cents(0)
	for _, i := range in.Items {
		total += i.Amount
	}
	if in.Type != "CREDIT_NOTE" {
		sign = 1
	}
	var source any
	if in.Corrects != "" {
		source = in.Corrects
	}
	return in.fields(map[string]any{
		"operationalNumber": in.Number, "type": in.Type, "status": status, "customerId": in.Customer, "socialName": "snapshot", "documentDate": day(in.Date),
		"firstDueDate": in.Items[0].Due, "totalLiquid": sign * total, "externalReference": "BC-" + in.Number, "sourceSalesInvoiceId": source, "openItems": in.items(sign),
	})
}

func (in *Invoice) entry() map[string]any {
	debit, credit := in.Items[0].Amount, Cents(0)
	if in.Type == "CREDIT_NOTE" {
		debit, credit = credit, debit
	}
	source := in.Source
	if source == "" {
		source = "IMPORT_FILE"
	}
	third := map[string]any{"thirdPartyId": in.Customer, "code": "C", "socialName": "snapshot", "origin": "CUSTOMER"}
	return in.fields(map[string]any{
		"sourceType": source, "salesInvoice": nil, "date": day(in.Date), "documentNumber": in.Number, "journalType": map[string]any{"code": "VE"},
		"accountingEntryLines": []any{
			map[string]any{
				"id": "l" + in.ID, "debitAmount": debit, "creditAmount": credit, "subAccount": map[string]any{"code": map[string]any{"value": "41100001"}}, "accountingEntryThirdParty": third,
				"accountingEntryInvoice": map[string]any{"id": "i" + in.ID, "externalInvoiceNumber": in.Number, "documentDate": day(in.Date), "amount": debit + credit, "openItems": in.items(1)},
			},
			map[string]any{"id": "m" + in.ID, "debitAmount": credit, "creditAmount": debit, "subAccount": map[string]any{"code": map[string]any{"value": "70600000"}}, "accountingEntryThirdParty": nil, "accountingEntryInvoice": nil},
		},
	})
}

// row is an object as lists see it.
type row struct {
	record
	look func() map[string]any
}

// rows returns the objects of a list, oldest first.
func (b *Books) rows(list string, sign Cents) []row {
	var out []row
	switch list {
	case "customers":
		for _, c := range b.customers {
			out = append(out, row{c.record, c.look})
		}
	case "salesInvoices":
		for _, in := range b.invoices {
			if !in.Ledger {
				out = append(out, row{in.record, func() map[string]any { return in.look(sign) }})
			}
		}
	case "salesInvoiceOpenItems":
		for _, in := range b.invoices {
			for _, item := range in.Items {
				if !in.Ledger {
					r := record{ID: item.ID, born: in.born, created: in.created, modified: item.modified}
					out = append(out, row{r, func() map[string]any { return r.fields(map[string]any{"salesInvoice": map[string]any{"id": in.ID}}) }})
				}
			}
		}
	case "accountingEntries":
		for _, in := range b.invoices {
			if in.Ledger {
				out = append(out, row{in.record, in.entry})
				continue
			}
			// The posting of a sales invoice.
			posting := *in
			posting.Source, posting.ID = "SALES", "p"+in.ID
			out = append(out, row{posting.record, posting.entry})
		}
	}
	slices.SortStableFunc(out, func(x, y row) int { return x.born - y.born })
	for i, r := range out {
		if with := b.altered[r.ID]; with != nil {
			out[i].look = func() map[string]any {
				m := r.look()
				maps.Copy(m, with)
				return m
			}
		}
	}
	return out
}
