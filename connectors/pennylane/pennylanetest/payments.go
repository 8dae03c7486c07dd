package pennylanetest

import (
	"slices"
	"time"
)

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
