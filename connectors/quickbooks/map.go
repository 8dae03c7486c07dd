package quickbooks

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/language"

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
		External: external(entity, string(in.ID)), Account: in.Customer.id(), Number: string(in.Number), Kind: receivable.Invoice,
		OrderRef: orderRef(in), Fetchable: true,
	}
	if entity == creditMemos {
		doc.Kind = receivable.CreditNote
	}
	if doc.Number == "" {
		doc.Number = string(in.ID) // custom numbers are on, and this one was left blank
	}
	if doc.IssuedOn, err = httpapi.Date("TxnDate", string(in.TxnDate)); err != nil {
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
	case isVoided(string(in.Note)):
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
		if due.On, err = httpapi.Date("DueDate", string(in.DueDate)); err != nil {
			return doc, "", err
		}
		if due.On.IsZero() {
			due.On, due.Estimated = m.estimate(doc.IssuedOn, in.Terms), true
			if due.On.IsZero() {
				odd = "neither TxnDate nor DueDate says when it falls due: nothing is asked for; give it a date in QuickBooks"
			}
		}
		doc.Dues = []receivable.Due{due}
	}
	return doc, odd, nil
}

// estimate is when an invoice without a due date falls due: by its own terms,
// which only their name tells here, else by the connection's, else at once.
func (m mapping) estimate(issued calendar.Date, own *reference) calendar.Date {
	for _, terms := range []calendar.Terms{termsNamed(own), m.terms} {
		if due := terms.Due(issued); !due.IsZero() {
			return due
		}
	}
	return issued
}

var net = regexp.MustCompile(`(?i)^net (\d{1,3})( days)?$`)

// termsNamed reads terms by the name that the program gives those it comes with:
// "Net 30", "Due on receipt".
func termsNamed(terms *reference) calendar.Terms {
	if terms == nil {
		return calendar.Terms{}
	}
	name := strings.TrimSpace(string(terms.Name))
	if strings.EqualFold(name, "due on receipt") {
		return calendar.Terms{Agreed: true}
	}
	days := net.FindStringSubmatch(name)
	if days == nil {
		return calendar.Terms{}
	}
	n, _ := strconv.Atoi(days[1]) // digits
	return calendar.Terms{Agreed: true, Days: n}
}

// amount reads a number of the interface; an exponent occurs.
func amount(what string, text httpapi.Text, currency string) (money.Amount, error) {
	return httpapi.Amount(what, httpapi.Plain(text), currency)
}

// orderRef is the customer's order number, where a custom field is called so.
func orderRef(in document) string {
	for _, f := range in.Fields {
		value := strings.TrimSpace(string(f.Value))
		switch name := strings.ToLower(string(f.Name)); {
		case value == "":
		case name == "po", strings.Contains(name, "po number"), strings.Contains(name, "p.o."), strings.Contains(name, "purchase order"), strings.Contains(name, "order"), strings.Contains(name, "commande"):
			return value
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
		External: string(in.ID), Code: string(in.DisplayName), Name: strings.TrimSpace(string(in.CompanyName)), Kind: receivable.KindUnknown,
		Emails: addresses(in.Email),
	}
	person := strings.TrimSpace(string(in.GivenName + " " + in.FamilyName))
	if a.Name == "" {
		a.Name = a.Code
	} else {
		a.Kind = receivable.KindBusiness
	}
	if in.Job && in.Parent != nil {
		a.Name = a.Code // a project of the parent, who may have several
	}
	if a.Name == "" {
		a.Name = person
	}
	if len(a.Emails) == 0 {
		a.Emails = more
	}
	if in.Phone != nil {
		a.Phone = string(in.Phone.Number)
	}
	if a.Phone == "" && in.Mobile != nil {
		a.Phone = string(in.Mobile.Number)
	}
	if person != "" {
		a.Contacts = []receivable.Contact{{Name: person, Phone: a.Phone}}
	}
	if p := in.Address; p != nil {
		a.Address = receivable.Address{Postcode: string(p.Postcode), City: string(p.City)}
		for _, line := range []httpapi.Text{p.Line1, p.Line2, p.Line3, p.Line4, p.Line5} {
			if line := strings.TrimSpace(string(line)); line != "" {
				a.Address.Lines = append(a.Address.Lines, line)
			}
		}
		a.Country = country(string(p.Country))
	}
	return a, nil
}

// country reads what is free text to the vendor, where it is a code: two letters,
// or three as the vendor announces.
func country(text string) string {
	region, err := language.ParseRegion(strings.TrimSpace(text))
	if err != nil || !region.IsCountry() {
		return ""
	}
	return region.Canonicalize().String()
}

func rejected(entity, id, text string) connectors.Rejected {
	return connectors.Rejected{Ref: connectors.Ref{Kind: kindOf(entity), External: external(entity, id)}, Text: text}
}
