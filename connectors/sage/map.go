package sage

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"relanced/connectors/httpapi"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// settings are what the reading of a row needs to know of the business.
type settings struct {
	home  string // currency where a row names none; "" unknown
	days  int    // credit of customers who have none of their own; 0 unknown
	terms calendar.Terms
}

// usualCredit is where neither the customer, nor the business, nor the
// configuration says: the term of the law in the United Kingdom and Ireland.
const usualCredit = 30

// The states of a document that ask for something special.
const (
	statusDraft    = "DRAFT"
	statusProForma = "PRO_FORMA"
	statusVoid     = "VOID"
)

// isDraft tells what is no receivable yet.
func (d document) isDraft() bool {
	return d.Status.id() == statusDraft || d.Status.id() == statusProForma
}

// isCredit tells what is owed to the customer.
func (d document) isCredit(r resource) bool {
	kind := d.QuickType.id()
	if r.path == openings.path {
		kind = d.OpeningType.id()
	}
	return r.path == creditNotes.path || strings.Contains(strings.ToUpper(kind), "CREDIT")
}

// number is what people call it by.
func (d document) number() string {
	for _, parts := range [][2]httpapi.Text{{d.InvoicePre, d.InvoiceNo}, {d.CreditPre, d.CreditNoteNo}} {
		if parts[1] != "" {
			return string(parts[0] + parts[1])
		}
	}
	if d.Name == "" || d.Path != "" && strings.HasPrefix(d.Path, openings.path) && d.Reference != "" {
		return string(d.Reference)
	}
	return d.Name
}

func (s settings) currency(r *reference) (string, error) {
	code := strings.ToUpper(r.id())
	if code == "" {
		code = s.home
	}
	if code == "" {
		return "", errors.New("currency is missing, and the business's is not known")
	}
	return code, nil
}

// document reads a receivable or a credit. settled is what is settled of an
// opening balance, which does not tell; credit the customer's days of credit for
// what has no due date, "" unknown.
func (s settings) document(r resource, in document, settled []httpapi.Text, credit string) (receivable.Document, error) {
	doc := receivable.Document{
		External: r.external(in.key()), Account: in.Contact.id(), Number: in.number(), Kind: receivable.Invoice, OrderRef: strings.TrimSpace(string(in.Reference)),
		Fetchable: r.path == invoices.path || r.path == creditNotes.path,
	}
	if in.isCredit(r) {
		doc.Kind = receivable.CreditNote
	}
	if in.ID == "" {
		return doc, errors.New("id is missing")
	}
	currency, err := s.currency(in.Currency)
	if err != nil {
		return doc, err
	}
	if doc.IssuedOn, err = day("date", in.Date); err != nil {
		return doc, err
	}
	if doc.Total, err = amount("total_amount", in.Total, currency); err != nil {
		return doc, err
	}
	if doc.Kind == receivable.CreditNote {
		doc.Total = doc.Total.Abs()
	}
	if doc.Total.Sign() < 0 {
		return doc, fmt.Errorf("total_amount is negative (%s)", in.Total)
	}
	if doc.Outstanding, err = outstanding(r, in, doc, settled); err != nil {
		return doc, err
	}
	switch status := in.Status.id(); {
	case status == statusVoid:
		doc.Outstanding, doc.Note = money.New(0, currency), "voided in Sage"
	case doc.Outstanding.Sign() < 0:
		doc.Note = "overpaid by " + doc.Outstanding.Neg().String() + " " + currency
		doc.Outstanding = money.New(0, currency)
	case r.path != openings.path && !slices.Contains([]string{"UNPAID", "PART_PAID", "PAID"}, status):
		doc.Standing = receivable.StandingUnchecked
	}
	if doc.Kind == receivable.Invoice {
		doc.Dues, err = s.due(r, in, doc, credit)
	}
	return doc, err
}

// outstanding is what is open: told, or for an opening balance computed.
func outstanding(r resource, in document, doc receivable.Document, settled []httpapi.Text) (money.Amount, error) {
	if r.path != openings.path {
		left, err := amount("outstanding_amount", in.Outstanding, doc.Total.Currency)
		if doc.Kind == receivable.CreditNote {
			left = left.Abs()
		}
		return left, err
	}
	left := doc.Total
	for _, part := range settled {
		a, err := amount("what is allocated to it", part, doc.Total.Currency)
		if err != nil {
			return left, err
		}
		left = left.Sub(a.Abs())
	}
	return left, nil
}

// due is the one due line of an invoice. An opening balance is due at once; a
// quick entry after the customer's credit.
func (s settings) due(r resource, in document, doc receivable.Document, credit string) ([]receivable.Due, error) {
	due := receivable.Due{Rank: 1, Total: doc.Total, Outstanding: doc.Outstanding}
	var err error
	if due.On, err = day("due_date", in.DueDate); err != nil {
		return nil, err
	}
	switch days, bad := strconv.Atoi(credit); {
	case !due.On.IsZero():
	case r.path == openings.path:
		due.On = doc.IssuedOn
	case bad == nil && days >= 0:
		due.On, due.Estimated = doc.IssuedOn.AddDays(days), true
	case s.days > 0:
		due.On, due.Estimated = doc.IssuedOn.AddDays(s.days), true
	default:
		if due.On, due.Estimated = s.terms.Due(doc.IssuedOn), true; due.On.IsZero() {
			due.On = doc.IssuedOn.AddDays(usualCredit)
		}
	}
	return []receivable.Due{due}, nil
}

func amount(what string, text httpapi.Text, currency string) (money.Amount, error) {
	return httpapi.Amount(what, httpapi.Plain(httpapi.Text(strings.TrimSpace(string(text)))), currency)
}

func day(what string, text httpapi.Text) (calendar.Date, error) {
	return httpapi.Date(what, strings.TrimSpace(string(text)))
}

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
// payment: an opening balance, or money on account.
func (p settling) moves() bool {
	return slices.ContainsFunc(p.Parts, func(part artefact) bool {
		r, ok := artefactOf(part.Artefact)
		return ok && r.path == openings.path || isOnAccount(part.Artefact)
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
// settle, not by the sign they come with. usual is the customer's currency:
// allocations tell none.
func (s settings) settle(r resource, in settling, usual *reference) (settled, error) {
	out := settled{group: groupOf(r, in.key()), opening: map[string][]httpapi.Text{}}
	if in.ID == "" {
		return out, errors.New("id is missing")
	}
	if in.Currency == nil {
		in.Currency = usual
	}
	currency, err := s.currency(in.Currency)
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
	p := &receivable.Payment{External: in.key(), Account: in.Contact.id(), Unallocated: money.New(0, currency), Label: in.Reference}
	if p.Label == "" {
		p.Label = in.Name
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

// account reads a customer. Who is internal to Sage, or was made unreadable on
// demand, gets no address: nobody writes to them.
func account(in contact) (receivable.Account, error) {
	a := receivable.Account{
		External: in.key(), Code: strings.TrimSpace(string(in.Reference)), Name: strings.TrimSpace(in.FullName), Kind: receivable.KindUnknown,
		VAT: strings.TrimSpace(string(in.TaxNumber)),
	}
	if in.ID == "" {
		return a, errors.New("id is missing")
	}
	if a.Name == "" {
		a.Name = in.Name
	}
	if a.VAT != "" {
		a.Kind = receivable.KindBusiness
	}
	if language, _, ok := strings.Cut(in.Locale, "-"); ok || len(in.Locale) == 2 {
		a.Language = strings.ToLower(language)
	}
	a.Supplier = slices.ContainsFunc(in.Types, func(t reference) bool { return t.ID == "VENDOR" })
	if p := in.Address; p != nil {
		a.Address = receivable.Address{Postcode: p.Postcode, City: p.City}
		for _, line := range []string{p.Line1, p.Line2} {
			if line = strings.TrimSpace(line); line != "" {
				a.Address.Lines = append(a.Address.Lines, line)
			}
		}
		if code := p.Country.id(); len(code) == 2 {
			a.Country = strings.ToUpper(code)
		}
	}
	if in.System || in.Obfuscated {
		return a, nil
	}
	a.Emails, a.Contacts, a.Phone = mail(in)
	return a, nil
}

// mail is where a customer is written to: the main person's address, else that
// of the customer itself, which the vendor fills from one of its people.
func mail(in contact) (emails []string, people []receivable.Contact, phone string) {
	add := func(text string) {
		if text = strings.TrimSpace(text); text != "" && len(emails) == 0 {
			emails = append(emails, text)
		}
	}
	if p := in.Person; p != nil {
		add(p.Email)
		if phone = p.Telephone; phone == "" {
			phone = p.Mobile
		}
		if p.Name != "" || p.Email != "" {
			people = append(people, receivable.Contact{Name: p.Name, Email: strings.TrimSpace(p.Email), Phone: phone, Role: p.Role})
		}
	}
	add(in.Email)
	return emails, people, phone
}
