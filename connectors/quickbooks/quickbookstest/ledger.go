package quickbookstest

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"relanced/connectors/bookstest"
	"relanced/internal/calendar"
	"relanced/internal/receivable"
)

// ledger is the company's books for a generator: an invoice has one due date, a
// credit is used by a payment of nothing, a write-off is an entry of the journal.
type ledger struct{ b *Books }

// Ledger is the books as a generator changes them. It wants several currencies.
func (b *Books) Ledger() bookstest.Ledger { return ledger{b} }

const onDay = "2026-06-15"

func (l ledger) Ways() bookstest.Ways {
	return bookstest.Ways{Currencies: []string{l.b.home, "USD", "JPY"}, Lacks: []bookstest.Kind{bookstest.Instalments}}
}

func (l ledger) Customer(name, currency string) string {
	return strconv.Itoa(l.b.AddCustomer(Customer{Name: name, Email: "ap@quayside.example", Currency: currency}))
}

func (l ledger) Invoice(customer, number, currency string, dues []bookstest.Instalment) string {
	on := dues[0].On
	return strconv.Itoa(l.b.AddInvoice(Invoice{
		Customer: serial(customer), Number: number, Date: on.AddDays(-30).String(), Due: on.String(), Currency: currency, Total: cents(dues[0].Minor, currency),
	}))
}

func (l ledger) CreditNote(customer, number, currency string, minor int64) string {
	return memoPrefix + strconv.Itoa(l.b.AddInvoice(Invoice{
		Customer: serial(customer), Number: number, Date: onDay, Currency: currency, Total: cents(minor, currency), Memo: true,
	}))
}

func (l ledger) Payment(customer, currency string, minor int64) string {
	total := cents(minor, currency)
	return strconv.Itoa(l.b.AddPayment(Payment{Customer: serial(customer), Date: onDay, Currency: currency, Total: total, Unapplied: total}))
}

func (l ledger) Allocate(payment, invoice string, minor int64) {
	l.b.ChangePayment(serial(payment), func(p *Payment) {
		part := cents(minor, p.Currency)
		p.Unapplied -= part
		p.Lines = append(slices.Clone(p.Lines), Line{part, serial(invoice), "Invoice"})
	})
}

func (l ledger) Apply(credit, invoice string, minor int64) {
	l.b.mu.Lock()
	memo := *l.b.documents[serial(credit)]
	l.b.mu.Unlock()
	part := cents(minor, memo.Currency)
	l.b.AddPayment(Payment{
		Customer: memo.Customer, Date: onDay, Currency: memo.Currency, Note: "Created by QB Online to link credits to charges.",
		Lines: []Line{{part, serial(invoice), "Invoice"}, {part, memo.ID, "CreditMemo"}},
	})
}

func (l ledger) Release(payment string) {
	l.b.ChangePayment(serial(payment), func(p *Payment) { p.Lines, p.Unapplied = nil, p.Total })
}

func (l ledger) Redate(invoice string, due calendar.Date) {
	l.b.ChangeInvoice(serial(invoice), func(in *Invoice) { in.Due = due.String() })
}

func (l ledger) WriteOff(invoice string) {
	l.b.mu.Lock()
	left := l.b.documents[serial(invoice)].Balance
	l.b.mu.Unlock()
	l.b.WriteOff(serial(invoice), left)
}

func (l ledger) Void(invoice string) {
	l.unlink(serial(invoice))
	l.b.Void(serial(invoice))
}

func (l ledger) Delete(invoice string) {
	l.unlink(serial(invoice))
	l.b.Delete(serial(invoice))
}

// unlink takes an invoice off the payments that settle it: their money is
// unapplied again, and credits are free.
func (l ledger) unlink(invoice int) {
	l.b.mu.Lock()
	var ids []int
	for _, id := range slices.Sorted(maps.Keys(l.b.payments)) {
		p := l.b.payments[id]
		if !p.deleted && slices.ContainsFunc(p.Lines, func(line Line) bool { return line.Txn == invoice && line.Type == "Invoice" }) {
			ids = append(ids, id)
		}
	}
	l.b.mu.Unlock()
	for _, id := range ids {
		l.b.mu.Lock()
		nothing := l.b.payments[id].Total == 0
		l.b.mu.Unlock()
		if nothing {
			l.b.Delete(id)
			continue
		}
		l.b.ChangePayment(id, func(p *Payment) {
			p.Lines = slices.DeleteFunc(slices.Clone(p.Lines), func(line Line) bool {
				if line.Txn == invoice {
					p.Unapplied += line.Amount
				}
				return line.Txn == invoice
			})
		})
	}
}

func (l ledger) Truth() bookstest.Truth {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	t := bookstest.NewTruth()
	for id, doc := range l.b.documents {
		if doc.deleted {
			continue
		}
		key := strconv.Itoa(id)
		b := bookstest.Balance{
			Kind: receivable.Invoice, Account: strconv.Itoa(doc.Customer),
			Total: bookstest.Minor(int64(doc.Total), doc.Currency), Open: bookstest.Minor(int64(doc.Balance), doc.Currency),
		}
		if doc.Memo {
			key, b.Kind = memoPrefix+key, receivable.CreditNote
		} else {
			b.Dues = []bookstest.Instalment{{On: calendar.MustParse(doc.Due), Minor: b.Total.Minor}}
		}
		t.Documents[key] = b
	}
	for id, p := range l.b.payments {
		if !p.deleted && p.Total != 0 {
			t.Payments[strconv.Itoa(id)] = bookstest.Balance{
				Account: strconv.Itoa(p.Customer), Total: bookstest.Minor(int64(p.Total), p.Currency), Open: bookstest.Minor(int64(p.Unapplied), p.Currency),
			}
		}
	}
	return t
}

// memoPrefix tells credit memos from invoices where both are documents.
const memoPrefix = "creditmemo:"

// serial is an id of ours, whatever stands before it.
func serial(external string) int {
	id, err := strconv.Atoi(strings.TrimPrefix(external, memoPrefix))
	if err != nil {
		panic(err)
	}
	return id
}

func cents(minor int64, currency string) Cents { return Cents(bookstest.Scaled(minor, currency)) }
