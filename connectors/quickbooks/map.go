package quickbooks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// errNoID is an object that cannot be told from others.
var errNoID = errors.New("the field Id is missing")

// kindOf is the table an entity goes to.
func kindOf(entity string) receivable.ItemKind {
	switch entity {
	case customers:
		return receivable.ItemAccount
	case payments:
		return receivable.ItemPayment
	}
	return receivable.ItemDocument
}

// plain names an entity in a sentence.
func plain(entity string) string {
	return map[string]string{customers: "customer", invoices: "invoice", creditMemos: "credit memo", payments: "payment"}[entity]
}

// memoPrefix tells credit memos from invoices: the vendor's ids are unique per
// entity only, and both are documents to us.
const memoPrefix = "creditmemo:"

func external(entity, id string) string {
	if entity == creditMemos && id != "" {
		return memoPrefix + id
	}
	return id
}

// mapping is what the reading of a row needs to know of the company.
type mapping struct {
	home  string // currency where a row names none
	terms calendar.Terms
}

func (m mapping) currency(r *reference) string {
	if r == nil || r.Value == "" {
		return m.home
	}
	return strings.ToUpper(string(r.Value))
}

func (r *reference) id() string {
	if r == nil {
		return ""
	}
	return string(r.Value)
}

// isVoided tells whether the note says so: people may edit it, so that the
// amounts have their word too.
func isVoided(note string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(note)), "voided")
}

// document reads an invoice or a credit memo. odd is what a person should look
// at, though the row was read; "" nothing.
func (m mapping) document(entity string, in document) (doc receivable.Document, odd string, err error) {
	if in.ID == "" {
		return doc, "", errNoID
	}
	currency := m.currency(in.Currency)
	if currency == "" {
		return doc, "", errors.New("CurrencyRef is missing, and the company's currency is not known")
	}
	doc = receivable.Document{
		External: external(entity, string(in.ID)), Account: in.Customer.id(), Number: in.Number, Kind: receivable.Invoice,
		OrderRef: orderRef(in), Fetchable: true,
	}
	if entity == creditMemos {
		doc.Kind = receivable.CreditNote
	}
	if doc.Number == "" {
		doc.Number = string(in.ID) // custom numbers are on, and this one was left blank
	}
	if doc.IssuedOn, err = httpapi.Date("TxnDate", in.TxnDate); err != nil {
		return doc, "", err
	}
	if doc.Total, err = amount("TotalAmt", in.Total, currency); err != nil {
		return doc, "", err
	}
	left := in.Balance
	if doc.Kind == receivable.CreditNote && in.Remaining != "" {
		left = in.Remaining
	}
	if doc.Outstanding, err = amount("Balance", left, currency); err != nil {
		return doc, "", err
	}
	switch {
	case doc.Total.Sign() < 0:
		return doc, "", fmt.Errorf("TotalAmt is negative (%s)", in.Total)
	case isVoided(in.Note):
		if !doc.Outstanding.IsZero() || !doc.Total.IsZero() {
			odd = fmt.Sprintf("its note says that it is void, its balance is %s: nothing is asked for; correct it in QuickBooks", doc.Outstanding)
		}
		doc.Outstanding, doc.Note = money.New(0, currency), "voided in QuickBooks"
	case doc.Outstanding.Sign() < 0:
		doc.Note = "overpaid by " + doc.Outstanding.Neg().String() + " " + currency
		doc.Outstanding = money.New(0, currency)
	}
	if doc.Kind == receivable.Invoice {
		due := receivable.Due{Rank: 1, Total: doc.Total, Outstanding: doc.Outstanding}
		if due.On, err = httpapi.Date("DueDate", in.DueDate); err != nil {
			return doc, "", err
		}
		if due.On.IsZero() {
			due.On, due.Estimated = m.terms.Due(doc.IssuedOn), true
			if due.On.IsZero() {
				due.On = doc.IssuedOn
			}
		}
		doc.Dues = []receivable.Due{due}
	}
	return doc, odd, nil
}

// amount reads a number of the interface; an exponent occurs.
func amount(what string, text httpapi.Text, currency string) (money.Amount, error) {
	return httpapi.Amount(what, httpapi.Plain(text), currency)
}

// orderRef is the customer's order number, where a custom field is called so.
func orderRef(in document) string {
	for _, f := range in.Fields {
		switch name := strings.ToLower(f.Name); {
		case name == "po", strings.Contains(name, "po number"), strings.Contains(name, "p.o."), strings.Contains(name, "purchase order"), strings.Contains(name, "order"), strings.Contains(name, "commande"):
			return strings.TrimSpace(f.Value)
		}
	}
	return ""
}

// settled is what a payment says: money, and what it settles. A payment of
// nothing that links a credit to an invoice is no money.
type settled struct {
	payment *receivable.Payment // nil: no money came in
	group   string
	links   []receivable.Allocation
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
	if isVoided(in.Note) || total.IsZero() && len(in.Lines) == 0 {
		return out, nil
	}
	balance := money.New(0, currency)
	for _, line := range in.Lines {
		if len(line.Linked) == 0 {
			continue
		}
		part, err := amount("Line.Amount", line.Amount, currency)
		if err != nil {
			return out, err
		}
		id := string(line.Linked[0].ID)
		switch line.Linked[0].Type {
		case invoices:
		case creditMemos:
			part = part.Neg()
		default:
			continue // a journal entry, an expense: part of what is left over below
		}
		balance = balance.Add(part)
		out.link(external(line.Linked[0].Type, id), receivable.ItemDocument, part)
	}
	paid := total.Sub(unapplied)
	if !total.IsZero() {
		p := receivable.Payment{External: string(in.ID), Account: in.Customer.id(), Amount: total, Unallocated: unapplied, Label: label(in)}
		if p.On, err = httpapi.Date("TxnDate", in.TxnDate); err != nil {
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
		if s.links[i].Item == item {
			s.links[i].Amount = s.links[i].Amount.Add(part)
			return
		}
	}
	s.links = append(s.links, receivable.Allocation{Group: s.group, Item: item, Kind: kind, Amount: part})
}

func label(in payment) string {
	if in.Number != "" {
		return in.Number
	}
	return in.Note
}

// account reads a customer. The display name is what people call it by, and
// unique. more are addresses to use where it has none of its own.
func (m mapping) account(in customer, more []string) (receivable.Account, error) {
	if in.ID == "" {
		return receivable.Account{}, errNoID
	}
	a := receivable.Account{
		External: string(in.ID), Code: in.DisplayName, Name: strings.TrimSpace(in.CompanyName), Kind: receivable.KindUnknown,
		Emails: addresses(in.Email),
	}
	person := strings.TrimSpace(in.GivenName + " " + in.FamilyName)
	if a.Name == "" {
		a.Name = in.DisplayName
	} else {
		a.Kind = receivable.KindBusiness
	}
	if in.Job && in.Parent != nil {
		a.Name = in.DisplayName // a project of the parent, who may have several
	}
	if a.Name == "" {
		a.Name = person
	}
	if len(a.Emails) == 0 {
		a.Emails = more
	}
	if in.Phone != nil {
		a.Phone = in.Phone.Number
	}
	if a.Phone == "" && in.Mobile != nil {
		a.Phone = in.Mobile.Number
	}
	if person != "" {
		a.Contacts = []receivable.Contact{{Name: person, Phone: a.Phone}}
	}
	if p := in.Address; p != nil {
		a.Address = receivable.Address{Postcode: p.Postcode, City: p.City}
		for _, line := range []string{p.Line1, p.Line2, p.Line3, p.Line4, p.Line5} {
			if line = strings.TrimSpace(line); line != "" {
				a.Address.Lines = append(a.Address.Lines, line)
			}
		}
		a.Country = country(p.Country)
	}
	return a, nil
}

// addresses splits what may be several. Bad ones are kept: they show as no
// address.
func addresses(in *emailAddress) []string {
	if in == nil {
		return nil
	}
	var list []string
	for _, part := range strings.FieldsFunc(in.Address, func(r rune) bool { return r == ',' || r == ';' }) {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(list, part) {
			list = append(list, part)
		}
	}
	return list
}

// country reads what is free text to the vendor: two letters, or three of those
// it announces.
func country(text string) string {
	text = strings.ToUpper(strings.TrimSpace(text))
	if len(text) == 2 {
		return text
	}
	return alpha3[text]
}

var alpha3 = map[string]string{
	"FRA": "FR", "GBR": "GB", "IRL": "IE", "USA": "US", "CAN": "CA", "AUS": "AU", "DEU": "DE", "BEL": "BE", "NLD": "NL", "ESP": "ES",
	"ITA": "IT", "CHE": "CH", "LUX": "LU", "PRT": "PT", "AUT": "AT", "NZL": "NZ", "ZAF": "ZA", "IND": "IN", "SGP": "SG",
}

func rejected(entity, id, text string) connectors.Rejected {
	return connectors.Rejected{Ref: connectors.Ref{Kind: kindOf(entity), External: external(entity, id)}, Text: text}
}
