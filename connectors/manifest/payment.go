package manifest

import (
	"fmt"

	"relanced/internal/conf"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Due maps a row of a table of instalments to a due line.
type Due struct {
	Invoice     Expr `yaml:"invoice"     doc:"the key of its invoice"`
	Rank        Expr `yaml:"rank"        doc:"its place among the lines of the invoice; else by date"`
	On          Expr `yaml:"on"          doc:"due date"`
	Total       Expr `yaml:"total"       doc:"its amount"`
	Outstanding Expr `yaml:"outstanding" doc:"what is left of it; else what was paid has settled the earliest lines"`
	Skip        Expr `yaml:"skip"        doc:"the row is no instalment"`
}

// Check reports what is missing.
func (m *Due) Check(p *conf.Problems) {
	required(p, map[string]Expr{"invoice": m.Invoice, "on": m.On, "total": m.Total}, "a due line")
}

// Reads lists the expressions that were written.
func (m *Due) Reads() []Expr {
	return written(m.Invoice, m.Rank, m.On, m.Total, m.Outstanding, m.Skip)
}

// InvoiceOf tells whose line a row is.
func (m *Due) InvoiceOf(row Row) (string, error) {
	r := &reading{row: row}
	invoice := r.key("invoice", &m.Invoice)
	return invoice, r.err
}

// Read makes the due line of a row, in the currency of its invoice. The error is
// an *Error, or ErrSkip.
func (m *Due) Read(row Row, currency string) (DueLine, error) {
	r := &reading{row: row}
	if r.flag("skip", &m.Skip) {
		return DueLine{}, ErrSkip
	}
	line := DueLine{Due: receivable.Due{
		Rank: get(r, "rank", &m.Rank, asRank), On: r.day("on", &m.On), Total: r.amount("total", &m.Total, currency),
	}}
	if !m.Outstanding.IsZero() {
		line.Told, line.Outstanding = true, r.amount("outstanding", &m.Outstanding, currency)
	}
	return line, r.err
}

// Payment maps a row to money received. A refund is negative.
type Payment struct {
	ID          Expr `yaml:"id"             doc:"the source's own key"`
	Customer    Expr `yaml:"customer"       doc:"the key of who paid"`
	On          Expr `yaml:"on"             doc:"day of payment"`
	Amount      Expr `yaml:"amount"         doc:"what was received"`
	Unallocated Expr `yaml:"unallocated"    doc:"what of it settles no invoice yet; 0 where the source cannot tell"`
	Currency    Expr `yaml:"currency"       doc:"code; the company's where not told"`
	Label       Expr `yaml:"label"          doc:"what the bank or the accountant wrote"`
	Method      Expr `yaml:"payment_method" doc:"transfer, direct_debit, bill, cheque or card"`
	Invoices    Expr `yaml:"invoices"       doc:"what it settles, within the row: a list of {invoice, amount}"`
	Skip        Expr `yaml:"skip"           doc:"the row is no payment"`
}

// Check reports what is missing.
func (m *Payment) Check(p *conf.Problems) {
	required(p, map[string]Expr{"id": m.ID, "on": m.On, "amount": m.Amount, "unallocated": m.Unallocated}, "a payment")
}

// Reads lists the expressions that were written.
func (m *Payment) Reads() []Expr {
	return written(m.ID, m.Customer, m.On, m.Amount, m.Unallocated, m.Currency, m.Label, m.Method, m.Invoices, m.Skip)
}

// Read makes the payment of a row, and the allocations that the row holds: one
// group for each invoice. The error is an *Error, or ErrSkip.
func (m *Payment) Read(row Row, d Defaults) (receivable.Payment, []receivable.Allocation, error) {
	r := &reading{row: row}
	if r.flag("skip", &m.Skip) {
		return receivable.Payment{}, nil, ErrSkip
	}
	currency := r.currency(&m.Currency, d)
	p := receivable.Payment{
		External: r.key("id", &m.ID), Account: r.text("customer", &m.Customer), On: r.day("on", &m.On),
		Amount: r.amount("amount", &m.Amount, currency), Unallocated: r.amount("unallocated", &m.Unallocated, currency),
		Label:  r.text("label", &m.Label),
		Method: receivable.PaymentMethod(r.word("payment_method", &m.Method, "transfer", "direct_debit", "bill", "cheque", "card")),
	}
	var links []receivable.Allocation
	for _, share := range get(r, "invoices", &m.Invoices, asRows) {
		invoice, amount, err := shareOf(share, currency)
		if err != nil {
			return p, nil, m.Invoices.wrong("invoices", row, err)
		}
		links = append(links, settlement(p.External, receivable.ItemPayment, invoice, amount)...)
	}
	return p, links, r.err
}

// shareOf reads what a payment gives to an invoice; the amount may be untold.
func shareOf(row Row, currency string) (string, money.Amount, error) {
	invoice, err := asText(row["invoice"])
	if err == nil && invoice == "" {
		err = fmt.Errorf("the key of an invoice is missing")
	}
	if err != nil || row["amount"] == nil {
		return invoice, money.Amount{}, err
	}
	amount, err := asAmount(row["amount"], currency)
	return invoice, amount, err
}

// Allocation maps a row of what settles what: a share of an invoice that a payment
// or a credit note settles, or one item of a group whose items settle each other,
// as a line of a lettering.
type Allocation struct {
	Invoice    Expr `yaml:"invoice"     doc:"the key of the invoice that is settled"`
	Payment    Expr `yaml:"payment"     doc:"the key of the payment that settles it"`
	CreditNote Expr `yaml:"credit_note" doc:"the key of the credit note that settles it, where payment is null"`
	Group      Expr `yaml:"group"       doc:"instead: the key of a group"`
	Item       Expr `yaml:"item"        doc:"the key of the invoice, credit note or payment in it"`
	Kind       Expr `yaml:"kind"        doc:"document or payment"`
	Amount     Expr `yaml:"amount"      doc:"what is settled; in a group signed: + raises the debt, - settles it; left out where the source tells only the link"`
	Currency   Expr `yaml:"currency"    doc:"code; the company's where not told"`
	Skip       Expr `yaml:"skip"        doc:"the row links nothing"`
}

// Check reports what is missing, and what contradicts itself.
func (m *Allocation) Check(p *conf.Problems) {
	switch {
	case m.Invoice.IsZero():
		required(p, map[string]Expr{"group": m.Group, "item": m.Item, "kind": m.Kind}, "an allocation (or its invoice and payment)")
	case len(written(m.Group, m.Item, m.Kind)) > 0:
		p.At("invoice").Addf("invoice and payment tell what settles what: group, item and kind are for groups")
	case m.Payment.IsZero() && m.CreditNote.IsZero():
		p.At("payment").Addf("an allocation needs payment or credit_note, what settles the invoice")
	}
}

// Reads lists the expressions that were written.
func (m *Allocation) Reads() []Expr {
	return written(m.Invoice, m.Payment, m.CreditNote, m.Group, m.Item, m.Kind, m.Amount, m.Currency, m.Skip)
}

// Read makes the allocations of a row: one of a group, or both sides of a
// settlement. The error is an *Error, or ErrSkip.
func (m *Allocation) Read(row Row, d Defaults) ([]receivable.Allocation, error) {
	r := &reading{row: row}
	if r.flag("skip", &m.Skip) {
		return nil, ErrSkip
	}
	var amount money.Amount
	if !m.Amount.IsZero() {
		amount = r.amount("amount", &m.Amount, r.currency(&m.Currency, d))
	}
	if m.Invoice.IsZero() {
		kind := receivable.ItemKind(r.word("kind", &m.Kind, string(receivable.ItemDocument), string(receivable.ItemPayment)))
		return []receivable.Allocation{{Group: r.key("group", &m.Group), Item: r.key("item", &m.Item), Kind: kind, Amount: amount}}, r.err
	}
	invoice := r.key("invoice", &m.Invoice)
	by, kind := r.text("payment", &m.Payment), receivable.ItemPayment
	if by == "" {
		by, kind = r.key("credit_note", &m.CreditNote), receivable.ItemDocument
	}
	return settlement(by, kind, invoice, amount), r.err
}

// settlement is both sides of what settles an invoice.
func settlement(by string, kind receivable.ItemKind, invoice string, amount money.Amount) []receivable.Allocation {
	group := by + "/" + invoice
	if kind == receivable.ItemDocument {
		group = "credit " + group // the keys of payments and documents may be alike
	}
	return []receivable.Allocation{
		{Group: group, Item: invoice, Kind: receivable.ItemDocument, Amount: amount},
		{Group: group, Item: by, Kind: kind, Amount: amount.Neg()},
	}
}
