package sage

import (
	"errors"
	"slices"
	"strings"

	"relanced/connectors/httpapi"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// artefactOf tells what a part of a payment or an allocation settles: its kind
// stands in its path alone. ok is false for what is no document of ours.
func artefactOf(a *reference) (r resource, ok bool) {
	for _, r := range documentResources {
		if a != nil && strings.HasPrefix(a.Path, r.path+"/") {
			return r, true
		}
	}
	return resource{}, false
}

func isOnAccount(a *reference) bool { return a != nil && strings.HasPrefix(a.Path, onAccount+"/") }

// concerns tells whether a payment or an allocation is about customers.
func (p settling) concerns() bool { return !strings.HasPrefix(p.Type.id(), "VENDOR") }

// moves tells whether it changes what shows on neither the document nor the
// payment: an opening balance, or money on account, whose path is not documented.
func (p settling) moves() bool {
	return slices.ContainsFunc(p.Parts, func(part artefact) bool {
		r, ok := artefactOf(part.Artefact)
		return !ok || r.path == openings.path
	})
}

// settled is what a payment or an allocation says.
type settled struct {
	payment *receivable.Payment
	group   string
	links   []receivable.Allocation
	opening map[string][]httpapi.Text // amounts settled of opening balances, by id
}

// groupOf names the group of a payment's or an allocation's links.
func groupOf(r resource, id string) string { return r.plain + ":" + id }

// settle reads a payment or an allocation. Amounts are signed by what they
// settle, not by the sign they come with. of says how the customer is dealt with:
// allocations tell no currency.
func (s settings) settle(r resource, in settling, of dealing) (settled, error) {
	out := settled{group: groupOf(r, in.key()), opening: map[string][]httpapi.Text{}}
	if in.ID == "" {
		return out, errors.New("id is missing")
	}
	currency, err := s.currency(in.Currency, of)
	if err != nil {
		return out, err
	}
	refund := strings.Contains(in.Type.id(), "REFUND")
	cash, given := money.New(0, currency), money.New(0, currency)
	for _, part := range in.Parts {
		if err := out.part(r, in, part, currency, refund, &cash, &given); err != nil {
			return out, err
		}
	}
	if r.path == payments.path {
		if out.payment, err = s.payment(in, currency, refund); err != nil {
			return out, err
		}
		out.link(in.key(), receivable.ItemPayment, cash.Neg())
	}
	out.link("discount:"+in.key(), receivable.ItemPayment, given.Neg())
	return out, nil
}

// part adds one artefact. A payment's parts are of one side; an allocation has
// debts as positive and credits as negative amounts.
func (o *settled) part(r resource, in settling, part artefact, currency string, refund bool, cash, given *money.Amount) error {
	a, err := amount("allocated_artefacts.amount", part.Amount, currency)
	if err != nil {
		return err
	}
	discount := money.New(0, currency)
	if part.Discount != "" {
		if discount, err = amount("allocated_artefacts.discount", part.Discount, currency); err != nil {
			return err
		}
	}
	item, kind := "", receivable.ItemPayment
	credit := refund
	switch of, ok := artefactOf(part.Artefact); {
	case ok:
		item, kind = of.external(part.Artefact.id()), receivable.ItemDocument
		switch of.path {
		case creditNotes.path:
			credit = true
		case invoices.path:
			credit = false
		default: // an invoice or a credit: the sign tells, in an allocation
			credit = refund || a.Sign() < 0
		}
		if of.path == openings.path {
			id := part.Artefact.id()
			o.opening[id] = append(o.opening[id], part.Amount, httpapi.Text(discount.String()))
		}
	case isOnAccount(part.Artefact):
		item, credit = "onaccount:"+part.Artefact.id(), true
	case part.Artefact.id() != "":
		item, credit = "other:"+part.Artefact.id(), credit || a.Sign() < 0
	default:
		return errors.New("allocated_artefacts.artefact is missing")
	}
	a, discount = a.Abs(), discount.Abs()
	whole := a.Add(discount)
	if credit {
		a, discount, whole = a.Neg(), discount.Neg(), whole.Neg()
	}
	*cash, *given = cash.Add(a), given.Add(discount)
	o.link(item, kind, whole)
	return nil
}

// link adds what is settled of one item; nothing is no link.
func (o *settled) link(item string, kind receivable.ItemKind, part money.Amount) {
	if part.IsZero() {
		return
	}
	for i := range o.links {
		if o.links[i].Item == item {
			o.links[i].Amount = o.links[i].Amount.Add(part)
			return
		}
	}
	o.links = append(o.links, receivable.Allocation{Group: o.group, Item: item, Kind: kind, Amount: part})
}

// payment reads the money of a receipt or, negative, of a refund.
func (s settings) payment(in settling, currency string, refund bool) (*receivable.Payment, error) {
	p := &receivable.Payment{External: in.key(), Account: in.Contact.id(), Unallocated: money.New(0, currency), Label: string(in.Reference)}
	if p.Label == "" {
		p.Label = string(in.Name)
	}
	var err error
	if p.On, err = day("date", in.Date); err != nil {
		return nil, err
	}
	if p.Amount, err = amount("total_amount", in.Total, currency); err != nil {
		return nil, err
	}
	if p.Amount = p.Amount.Abs(); refund {
		p.Amount = p.Amount.Neg()
	}
	if in.OnAccount != nil && !refund {
		if p.Unallocated, err = amount("payment_on_account.outstanding_amount", in.OnAccount.Outstanding, currency); err != nil {
			return nil, err
		}
		p.Unallocated = p.Unallocated.Abs()
	}
	return p, nil
}

// credits are the allocations that a document itself tells, as one group: what
// is read where the user may not see allocations.
func (s settings) credits(doc receivable.Document, in document) (settled, error) {
	out := settled{group: creditsOf(doc.External)}
	sum := money.New(0, doc.Total.Currency)
	for _, part := range in.Settlements {
		if part.Allocation.id() == "" {
			continue
		}
		a, err := amount("payments_allocations.amount", part.Amount, doc.Total.Currency)
		if err != nil {
			return out, err
		}
		sum = sum.Add(a.Abs())
	}
	if doc.Kind == receivable.CreditNote {
		sum = sum.Neg()
	}
	out.link(doc.External, receivable.ItemDocument, sum)
	out.link("other:"+doc.External, receivable.ItemPayment, sum.Neg())
	return out, nil
}

func creditsOf(external string) string { return "credits:" + external }
