package pennylane

import (
	"errors"
	"slices"
	"strings"

	"relanced/internal/receivable"
)

// mapCustomer reads a customer and its contacts.
func mapCustomer(in customer, contacts []contact) (receivable.Account, error) {
	if in.ID == "" {
		return receivable.Account{}, errors.New("id is missing")
	}
	a := receivable.Account{
		External: string(in.ID),
		Code:     strings.TrimSpace(in.Reference),
		Name:     strings.TrimSpace(in.Name),
		Kind:     receivable.KindUnknown,
		Phone:    in.Phone,
		Country:  strings.ToUpper(in.BillingAddress.Country),
		VAT:      in.VATNumber,
		Terms:    terms(in.PaymentConditions),
		Address:  receivable.Address{Postcode: in.BillingAddress.PostalCode, City: in.BillingAddress.City},
	}
	if a.Name == "" {
		a.Name = strings.TrimSpace(in.FirstName + " " + in.LastName)
	}
	switch in.Type {
	case "company":
		a.Kind = receivable.KindBusiness
	case "individual":
		a.Kind = receivable.KindConsumer
	}
	if language, _, _ := strings.Cut(in.BillingLanguage, "_"); len(language) == 2 {
		a.Language = strings.ToLower(language)
	}
	for line := range strings.Lines(in.BillingAddress.Address) {
		if line = strings.TrimSpace(line); line != "" {
			a.Address.Lines = append(a.Address.Lines, line)
		}
	}
	switch digits := strings.ReplaceAll(in.RegNo, " ", ""); len(digits) {
	case 9:
		a.SIREN = digits
	case 14:
		a.SIREN, a.SIRET = digits[:9], digits
	}
	addPeople(&a, in, contacts)
	return a, nil
}

// addPeople gives the account its contacts and addresses. An accounting
// contact's address goes first: reminders are for whoever pays.
func addPeople(a *receivable.Account, in customer, contacts []contact) {
	if in.Recipient != "" {
		a.Contacts = append(a.Contacts, receivable.Contact{Name: in.Recipient, Role: "recipient"})
	}
	billing := ""
	for _, c := range contacts {
		role := c.Role
		if accounting(role) {
			role = "billing"
			if billing == "" {
				billing = strings.TrimSpace(c.Email)
			}
		}
		phone := c.Telephone
		if phone == "" {
			phone = c.Mobile
		}
		a.Contacts = append(a.Contacts, receivable.Contact{
			Name: strings.TrimSpace(c.FirstName + " " + c.LastName), Email: strings.TrimSpace(c.Email), Phone: phone, Role: role,
		})
	}
	a.Emails = appendNew(a.Emails, billing)
	for _, entry := range in.Emails {
		if strings.ContainsAny(entry, "\r\n\t") { // kept as it is: no part of it is an address
			a.Emails = appendNew(a.Emails, entry)
			continue
		}
		// People type several into one.
		for email := range strings.FieldsFuncSeq(entry, func(r rune) bool { return r == ';' || r == ',' }) {
			a.Emails = appendNew(a.Emails, strings.Trim(email, " "))
		}
	}
}

func appendNew(list []string, text string) []string {
	if text == "" || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// accounting tells whether a free-text role is that of somebody who pays bills.
func accounting(role string) bool {
	role = strings.ToLower(role)
	for _, word := range []string{"compta", "account", "factur", "billing", "invoic", "paiement", "payment", "payable", "règlement", "reglement", "trésor", "tresor", "treasur", "buchhalt", "financ", "daf", "raf"} {
		if strings.HasPrefix(role, word) || strings.Contains(role, " "+word) || len(word) > 4 && strings.Contains(role, word) {
			return true
		}
	}
	return false
}
