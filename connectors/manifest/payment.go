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

// Links tells whether rows tell what their payment settles: all of it, in the
// group LinksOf.
func (m *Payment) Links() bool { return !m.Invoices.IsZero() }

// LinksOf names the group of all that a payment's row tells that it settles.
func LinksOf(payment string) string { return "payment " + payment }

// Read makes the payment of a row, and the allocations that the row holds. The
// error is an *Error, or ErrSkip.
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
	var shares []share
	for _, row := range get(r, "invoices", &m.Invoices, asRows) {
		s, err := shareOf(row, currency)
		if err != nil {
			return p, nil, m.Invoices.wrong("invoices", r.row, err)
		}
		shares = append(shares, s)
	}
	return p, settlement(LinksOf(p.External), p.External, receivable.ItemPayment, shares), r.err
}

// share is what of an invoice is settled; the zero amount: that is untold.
type share struct {
	invoice string
	amount  money.Amount
}

// shareOf reads what a payment gives to an invoice; the amount may be untold.
func shareOf(row Row, currency string) (share, error) {
	invoice, err := asText(row["invoice"])
	if err == nil && invoice == "" {
		err = fmt.Errorf("the key of an invoice is missing")
	}
	if err != nil || row["amount"] == nil {
		return share{invoice: invoice}, err
	}
	amount, err := asAmount(row["amount"], currency)
	return share{invoice, amount}, err
}

// Allocation maps a row of what settles what: a share of an invoice that a payment
// or a credit note settles, or one item of a group whose items settle each other,
// as a line of a lettering.
type Allocation struct {
	ID         Expr `yaml:"id"          doc:"the row's own key; without it, a payment has one row at most for an invoice"`
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
	case m.Invoice.IsZero() && !m.ID.IsZero():
		p.At("id").Addf("group and item tell which link this is: leave id out")
	case m.Payment.IsZero() && m.CreditNote.IsZero():
		p.At("payment").Addf("an allocation needs payment or credit_note, what settles the invoice")
	}
}

// Reads lists the expressions that were written.
func (m *Allocation) Reads() []Expr {
	return written(m.ID, m.Invoice, m.Payment, m.CreditNote, m.Group, m.Item, m.Kind, m.Amount, m.Currency, m.Skip)
}

// Read makes the allocations of a row: one of a group, or both sides of a
// settlement. whole names the group that this row alone tells, also where it is
// skipped; "" where other rows belong to the group too. The error is an *Error, or
// ErrSkip.
func (m *Allocation) Read(row Row, d Defaults) (links []receivable.Allocation, whole string, err error) {
	r := &reading{row: row}
	skipped := r.flag("skip", &m.Skip)
	if m.Invoice.IsZero() {
		if skipped {
			return nil, "", ErrSkip
		}
		kind := receivable.ItemKind(r.word("kind", &m.Kind, string(receivable.ItemDocument), string(receivable.ItemPayment)))
		link := receivable.Allocation{Group: r.key("group", &m.Group), Item: r.key("item", &m.Item), Kind: kind, Amount: m.amount(r, d)}
		return []receivable.Allocation{link}, "", r.err
	}
	by, kind := r.text("payment", &m.Payment), receivable.ItemPayment
	if by == "" {
		by, kind = r.key("credit_note", &m.CreditNote), receivable.ItemDocument
	}
	s := share{invoice: r.key("invoice", &m.Invoice)}
	if whole = r.text("id", &m.ID); whole == "" && r.err == nil {
		whole = by + "/" + s.invoice
		if kind == receivable.ItemDocument {
			whole = "credit " + whole // the keys of payments and documents may be alike
		}
	}
	if skipped {
		return nil, whole, ErrSkip
	}
	s.amount = m.amount(r, d)
	return settlement(whole, by, kind, []share{s}), whole, r.err
}

func (m *Allocation) amount(r *reading, d Defaults) money.Amount {
	if m.Amount.IsZero() {
		return money.Amount{}
	}
	return r.amount("amount", &m.Amount, r.currency(&m.Currency, d))
}

// settlement is both sides of what settles invoices, as one group. What settles
// them has no amount where that of some share is untold.
func settlement(group, by string, kind receivable.ItemKind, shares []share) []receivable.Allocation {
	var links []receivable.Allocation
	at := map[string]int{} // an invoice may be named twice
	used, told := money.Amount{}, true
	for _, s := range shares {
		i, twice := at[s.invoice]
		if !twice {
			i, at[s.invoice] = len(links), len(links)
			links = append(links, receivable.Allocation{Group: group, Item: s.invoice, Kind: receivable.ItemDocument})
		}
		switch {
		case s.amount.Currency == "":
			told = false
		case used.Currency == "":
			used, links[i].Amount = s.amount, s.amount
		default:
			used = used.Add(s.amount)
			if twice && links[i].Amount.Currency != "" {
				s.amount = links[i].Amount.Add(s.amount)
			}
			links[i].Amount = s.amount
		}
	}
	if len(links) == 0 {
		return nil
	}
	if !told {
		used = money.Amount{}
	}
	return append(links, receivable.Allocation{Group: group, Item: by, Kind: kind, Amount: used.Neg()})
}
