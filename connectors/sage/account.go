package sage

import (
	"errors"
	"slices"
	"strings"

	"relanced/connectors/httpapi"
	"relanced/internal/receivable"
)

// account reads a customer. Who is internal to Sage, or was made unreadable on
// demand, gets no address: nobody writes to them.
func account(in contact) (receivable.Account, error) {
	a := receivable.Account{
		External: in.key(), Code: strings.TrimSpace(string(in.Reference)), Name: strings.TrimSpace(string(in.FullName)), Kind: receivable.KindUnknown,
		VAT: strings.TrimSpace(string(in.TaxNumber)),
	}
	if in.ID == "" {
		return a, errors.New("id is missing")
	}
	if a.Name == "" {
		a.Name = string(in.Name)
	}
	if a.VAT != "" {
		a.Kind = receivable.KindBusiness
	}
	if language, _, ok := strings.Cut(string(in.Locale), "-"); ok || len(in.Locale) == 2 {
		a.Language = strings.ToLower(language)
	}
	a.Supplier = slices.ContainsFunc(in.Types, func(t reference) bool { return t.ID == "VENDOR" })
	if p := in.Address; p != nil {
		a.Address = receivable.Address{Postcode: string(p.Postcode), City: string(p.City)}
		for _, text := range []httpapi.Text{p.Line1, p.Line2} {
			if line := strings.TrimSpace(string(text)); line != "" {
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
	add := func(text httpapi.Text) {
		if address := strings.TrimSpace(string(text)); address != "" && len(emails) == 0 {
			emails = append(emails, address)
		}
	}
	if p := in.Person; p != nil {
		add(p.Email)
		if phone = string(p.Telephone); phone == "" {
			phone = string(p.Mobile)
		}
		if p.Name != "" || p.Email != "" {
			people = append(people, receivable.Contact{Name: string(p.Name), Email: strings.TrimSpace(string(p.Email)), Phone: phone, Role: string(p.Role)})
		}
	}
	add(in.Email)
	return emails, people, phone
}
