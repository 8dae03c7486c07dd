package quickbooks

import (
	"errors"
	"fmt"
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
