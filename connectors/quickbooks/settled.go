package quickbooks

import (
	"cmp"
	"errors"
	"fmt"

	"relanced/connectors/httpapi"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// settled is what a payment says: money, and what it settles. A payment of
// nothing that links a credit to an invoice is no money.
type settled struct {
	payment *receivable.Payment // nil: no money came in
	group   string
	links   []receivable.Allocation
	odd     string // what a person should look at; "" nothing
}

// groupOf names the group of a payment's links.
func groupOf(id string) string { return "payment:" + id }

// payment reads a payment: its lines say how much of it, and of which credits,
// settles what. They are never summed as cash.
func (m mapping) payment(in payment) (settled, error) {
	out := settled{group: groupOf(string(in.ID))}
	if in.ID == "" {
		return out, errNoID
	}
	currency := m.currency(in.Currency)
	if currency == "" {
		return out, errors.New("CurrencyRef is missing, and the company's currency is not known")
	}
	total, err := amount("TotalAmt", in.Total, currency)
	if err != nil {
		return out, err
	}
	unapplied := money.New(0, currency)
	if in.Unapplied != "" {
		if unapplied, err = amount("UnappliedAmt", in.Unapplied, currency); err != nil {
			return out, err
		}
	}
	if total.Sign() > 0 && unapplied.Cmp(total) > 0 {
		return out, fmt.Errorf("UnappliedAmt (%s) is more than TotalAmt (%s)", in.Unapplied, in.Total)
	}
	if total.IsZero() && len(in.Lines) == 0 {
		return out, nil // void, or nothing at all
	}
	if isVoided(string(in.Note)) && !total.IsZero() {
		out.odd = fmt.Sprintf("its note says that it is void, its amount is %s: it counts as received; correct it in QuickBooks", total)
	}
	balance, others := money.New(0, currency), false
	for _, line := range in.Lines {
		if len(line.Linked) == 0 {
			continue
		}
		part, err := amount("Line.Amount", line.Amount, currency)
		if err != nil {
			return out, err
		}
		id := string(line.Linked[0].ID)
		switch string(line.Linked[0].Type) {
		case invoices:
		case creditMemos:
			part = part.Neg()
		default:
			others = true
			continue // a journal entry, an expense: part of what is left over below
		}
		balance = balance.Add(part)
		out.link(external(string(line.Linked[0].Type), id), receivable.ItemDocument, part)
	}
	if rest := total.Sub(balance); in.Unapplied == "" && !others && rest.Sign() > 0 {
		unapplied = rest // it is not told, and nothing else can have it
	}
	paid := total.Sub(unapplied)
	if !total.IsZero() {
		p := receivable.Payment{External: string(in.ID), Account: in.Customer.id(), Amount: total, Unallocated: unapplied, Label: label(in)}
		if p.On, err = httpapi.Date("TxnDate", string(in.TxnDate)); err != nil {
			return out, err
		}
		out.payment = &p
		if !paid.IsZero() {
			out.link(p.External, receivable.ItemPayment, paid.Neg())
			balance = balance.Sub(paid)
		}
	}
	if !balance.IsZero() && len(out.links) > 0 {
		out.link("other:"+string(in.ID), receivable.ItemPayment, balance.Neg())
	}
	return out, nil
}

// link adds what the payment settles of one item; a document named on several
// lines is settled by their sum.
func (s *settled) link(item string, kind receivable.ItemKind, part money.Amount) {
	for i := range s.links {
		if s.links[i].Item == item && s.links[i].Kind == kind {
			s.links[i].Amount = s.links[i].Amount.Add(part)
			return
		}
	}
	s.links = append(s.links, receivable.Allocation{Group: s.group, Item: item, Kind: kind, Amount: part})
}

func label(in payment) string {
	return string(cmp.Or(in.Number, in.Note))
}
