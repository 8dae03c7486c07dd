package sageactive

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// entryPrefix tells invoices that exist in the ledger alone: "entry:ENTRY/INVOICE".
const entryPrefix = "entry:"

// isDraft tells what has no number yet.
func (in invoice) isDraft() bool { return strings.EqualFold(in.Status, "Pending") }

// document reads an invoice or a credit note: what is owed are its instalments.
func (in invoice) document(currency string) (receivable.Document, error) {
	doc := receivable.Document{
		External: in.ID, Account: in.Customer, Number: string(in.Number), Kind: receivable.Invoice, OrderRef: strings.TrimSpace(string(in.Reference)), Fetchable: true,
	}
	if in.ID == "" {
		return doc, errors.New("id is missing")
	}
	switch {
	case strings.EqualFold(in.Type, "CREDIT_NOTE"):
		doc.Kind, doc.Credits = receivable.CreditNote, in.Source
	case !strings.EqualFold(in.Type, "NORMAL") && !strings.EqualFold(in.Type, "PAYMENT_IN_ADVANCE"):
		doc.Standing = receivable.StandingUnchecked
	}
	switch strings.ToLower(in.Status) {
	case "posted", "partiallycollected", "collected":
	default: // numbered and not in the ledger yet, where a payment would show
		doc.Standing = receivable.StandingUnchecked
	}
	var err error
	if doc.IssuedOn, err = httpapi.Date("documentDate", in.Date); err != nil {
		return doc, err
	}
	if len(in.Items) == 0 {
		whole := openItem{ID: in.ID, Amount: in.Total, Paid: "0", Due: in.FirstDue}
		if strings.EqualFold(in.Status, "Collected") {
			whole.Paid = in.Total
		}
		in.Items = []openItem{whole}
	}
	return doc, settle(&doc, in.Items, currency)
}

// settle reads the instalments of a document into its due lines.
func settle(doc *receivable.Document, list []openItem, currency string) error {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b openItem) int { return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.ID, b.ID)) })
	doc.Total, doc.Outstanding = money.New(0, currency), money.New(0, currency)
	over := money.New(0, currency)
	for i, item := range list {
		total, err := amount("openItems.amount", item.Amount, currency)
		if err != nil {
			return err
		}
		paid, err := amount("openItems.paidAmountAccumulated", item.Paid, currency)
		if err != nil {
			return err
		}
		if doc.Kind == receivable.CreditNote { // their sign is not documented
			total, paid = total.Abs(), paid.Abs()
		}
		if total.Sign() < 0 {
			return fmt.Errorf("openItems.amount is negative (%s)", item.Amount)
		}
		due := receivable.Due{Rank: i + 1, Total: total, Outstanding: total.Sub(paid)}
		if due.Outstanding.Sign() < 0 {
			over, due.Outstanding = over.Sub(due.Outstanding), money.New(0, currency)
		}
		if due.On, err = httpapi.Date("openItems.dueDate", item.Due); err != nil {
			return err
		}
		if due.On.IsZero() {
			due.On, due.Estimated = doc.IssuedOn.AddDays(30), true // the term of the law, where nothing was agreed
		}
		doc.Total, doc.Outstanding = doc.Total.Add(due.Total), doc.Outstanding.Add(due.Outstanding)
		if doc.Kind == receivable.Invoice {
			doc.Dues = append(doc.Dues, due)
		}
	}
	if over.Sign() > 0 {
		doc.Note = "overpaid by " + over.String() + " " + currency
	}
	return nil
}

func amount(what string, text httpapi.Text, currency string) (money.Amount, error) {
	return httpapi.Amount(what, httpapi.Plain(text), currency)
}

// documents reads the invoices that an entry of the ledger tells of: those of
// customers, where no sales invoice stands behind the entry. An invoice that cannot
// be read costs no other.
func (in entry) documents(currency string) (docs []receivable.Document, bad []connectors.Rejected) {
	if strings.EqualFold(in.SourceType, "SALES") || in.Invoice != nil {
		return nil, nil
	}
	for _, l := range in.Lines {
		if !l.isReceivable() {
			continue
		}
		doc, err := in.document(l, currency)
		switch {
		case slices.ContainsFunc(docs, func(d receivable.Document) bool { return d.External == doc.External }):
			// another line of the same invoice: it tells all its instalments each time
		case err != nil:
			bad = append(bad, rejected(doc.External, err.Error()))
		default:
			docs = append(docs, doc)
		}
	}
	return docs, bad
}

// document reads the invoice or credit note that a line of the entry tells of.
func (in entry) document(l line, currency string) (receivable.Document, error) {
	doc := receivable.Document{
		External: entryOf(in.ID, l.Invoice.ID), Account: l.ThirdParty.ID, Number: string(cmp.Or(l.Invoice.Number, in.Number)), Kind: receivable.Invoice,
	}
	if credit, err := amount("creditAmount", l.Credit, currency); err == nil && credit.Sign() > 0 {
		doc.Kind = receivable.CreditNote
	}
	var err error
	if doc.IssuedOn, err = httpapi.Date("documentDate", cmp.Or(l.Invoice.Date, in.Date)); err != nil {
		return doc, err
	}
	if len(l.Invoice.Items) == 0 {
		return doc, fmt.Errorf("invoice %s has no open items", doc.Number)
	}
	return doc, settle(&doc, l.Invoice.Items, currency)
}

// entryOf names an invoice of the ledger.
func entryOf(entry, invoice string) string { return entryPrefix + entry + "/" + invoice }

// isReceivable tells a line that is what a customer owes by an invoice.
func (l line) isReceivable() bool {
	if l.Invoice == nil || l.ThirdParty == nil || !strings.EqualFold(l.ThirdParty.Origin, "CUSTOMER") {
		return false
	}
	return l.SubAccount == nil || strings.HasPrefix(l.SubAccount.Code.Value, "411")
}

var languages = map[string]string{"FRENCH": "fr", "ENGLISH": "en", "GERMAN": "de", "SPANISH": "es"}

// account reads a customer. Who was erased on demand gets no address: nobody
// writes to them.
func account(in customer) (receivable.Account, error) {
	a := receivable.Account{
		External: in.ID, Code: strings.TrimSpace(string(in.Code)), Name: strings.TrimSpace(string(cmp.Or(in.SocialName, in.TradeName))), Kind: receivable.KindUnknown,
		VAT: strings.TrimSpace(string(in.VAT)), Language: languages[strings.ToUpper(in.Language)],
	}
	if in.ID == "" {
		return a, errors.New("id is missing")
	}
	number := strings.ReplaceAll(string(in.DocumentID), " ", "")
	switch len(number) {
	case 14:
		a.SIRET, a.SIREN = number, number[:9]
	case 9:
		a.SIREN = number
	}
	if a.SIREN+a.VAT != "" {
		a.Kind = receivable.KindBusiness
	}
	for _, at := range in.Addresses {
		if at.Main || len(a.Address.Lines) == 0 {
			a.Address = receivable.Address{Postcode: string(at.Zip), City: string(at.City)}
			a.Country = strings.ToUpper(at.Country)
			for _, text := range []httpapi.Text{at.Line1, at.Line2} {
				if line := strings.TrimSpace(string(text)); line != "" {
					a.Address.Lines = append(a.Address.Lines, line)
				}
			}
		}
		if at.Main {
			break
		}
	}
	if strings.EqualFold(in.Status, "GDPR_APPLIED") {
		return a, nil
	}
	a.Emails = emails(in.Contacts)
	for _, p := range in.Contacts {
		one := receivable.Contact{Name: strings.TrimSpace(string(p.FirstName + " " + p.Surname))}
		for _, phone := range p.Phones {
			if one.Phone == "" || phone.Default {
				one.Phone = string(phone.Number)
			}
		}
		if len(p.Emails) > 0 {
			one.Email = strings.TrimSpace(p.Emails[0].Address)
		}
		if a.Phone == "" || p.main() && one.Phone != "" {
			a.Phone = one.Phone
		}
		a.Contacts = append(a.Contacts, one)
	}
	return a, nil
}

func (p person) main() bool { return p.Customer || p.Default }

// emails are those meant for payments, else for invoices, else that of the main
// person, else the first of anybody.
func emails(people []person) []string {
	for _, wanted := range []func(p person, usage string, preferred bool) bool{
		func(_ person, usage string, _ bool) bool { return usage == "PAYMENTS" },
		func(_ person, usage string, _ bool) bool { return usage == "INVOICES" },
		func(p person, _ string, preferred bool) bool { return p.main() && preferred },
		func(p person, _ string, _ bool) bool { return p.main() },
		func(person, string, bool) bool { return true },
	} {
		var found []string
		for _, p := range people {
			for _, e := range p.Emails {
				text := strings.TrimSpace(e.Address)
				if text != "" && wanted(p, strings.ToUpper(e.Usage), e.Default) && !slices.Contains(found, text) {
					found = append(found, text)
				}
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}
