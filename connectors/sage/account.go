package sage

import (
	"errors"
	"slices"
	"strings"

	"relanced/internal/receivable"
)

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
