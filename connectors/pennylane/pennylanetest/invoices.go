package pennylanetest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

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
