package store

import (
	"cmp"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
)

func (g *gathering) customers() error {
	type own struct {
		id      int64
		code    string
		overlay Overlay
	}
	owns := map[int64]own{}
	companies := map[int64]receivable.CompanyID{}
	past, err := g.old("customer", g.members)
	if err != nil {
		return err
	}
	err = g.each(func(scan scanner) error {
		var o own
		var company receivable.CompanyID
		var content string
		var since time.Time
		if err := scan(&o.id, &company, &o.code, &content, at(&since)); err != nil {
			return err
		}
		companies[o.id] = company
		if before, ok := past[o.id]; ok && g.past(since) {
			content = before
		}
		err := doc(&o.overlay).Scan(content)
		owns[o.id] = o
		return err
	}, "SELECT id, company, code, overlay, since FROM customer WHERE "+g.in("id", 1), numbers(g.members))
	if err != nil {
		return err
	}
	facts := map[receivable.CompanyID]dossier.Company{}
	err = g.each(func(scan scanner) error {
		var c dossier.Company
		err := scan(&c.ID, at(&c.FirstConfirmedAt), at(&c.RemindAt))
		g.until(&c.FirstConfirmedAt)
		g.until(&c.RemindAt)
		facts[c.ID] = c
		return err
	}, "SELECT id, first_confirmed_at, remind_at FROM company")
	if err != nil {
		return err
	}
	for _, root := range g.roots {
		d, o := g.by[root], owns[root]
		d.Company = facts[companies[root]]
		d.Company.ID = companies[root]
		d.Customer = dossier.Customer{ID: dossier.CustomerID(root), Code: o.code, Kind: receivable.KindUnknown}
	}
	type account struct {
		id, customer int64
		ref          dossier.AccountRef
		content      string
		gone, since  time.Time
	}
	accounts, err := all(g.Tx, func(scan scanner) (account, error) {
		var a account
		err := scan(&a.id, &a.customer, &a.ref.Connection, &a.ref.External, &a.content, at(&a.gone), at(&a.since))
		a.ref.ID = a.id
		return a, err
	}, "SELECT a.id, a.customer, c.name, a.external, a.content, a.gone_at, a.since FROM account a JOIN connection c ON c.id = a.connection WHERE "+g.in("a.customer", 1)+" ORDER BY a.id", numbers(g.members))
	if err != nil {
		return err
	}
	var ids []int64
	for _, a := range accounts {
		ids = append(ids, a.id)
	}
	if past, err = g.old("account", ids); err != nil {
		return err
	}
	for _, a := range accounts {
		d := g.of(a.customer)
		d.Customer.Accounts = append(d.Customer.Accounts, a.ref)
		if a.customer != g.root[a.customer] {
			continue
		}
		if before, ok := past[a.id]; ok && g.past(a.since) {
			a.content = before
		}
		var said receivable.Account
		if err := doc(&said).Scan(a.content); err != nil {
			return err
		}
		fill(&d.Customer, said, owns[a.customer].overlay)
	}
	return nil
}

// fill says of a customer what its account says, with the file laid over it.
func fill(c *dossier.Customer, a receivable.Account, o Overlay) {
	c.Name = cmp.Or(o.Name, a.Name, c.Code)
	c.Kind = cmp.Or(o.Kind, a.Kind, receivable.KindUnknown)
	c.Phone = cmp.Or(o.Phone, a.Phone)
	c.Language = cmp.Or(o.Language, a.Language)
	c.Country, c.Postcode, c.VAT, c.Supplier = a.Country, a.Address.Postcode, a.VAT, a.Supplier
	c.SIREN, c.SIRET = cmp.Or(o.SIREN, a.SIREN), cmp.Or(o.SIRET, a.SIRET)
	c.ServiceCode, c.Portal, c.OrderRef = o.ServiceCode, o.Portal, o.OrderRef
	c.Method = cmp.Or(o.Method, a.Method)
	c.Owner, c.Plan = cmp.Or(o.Owner, a.Owner), o.Plan
	c.DoNotContact = o.DoNotContact
	c.Tags = a.Tags
	if len(o.Tags) > 0 {
		c.Tags = o.Tags
	}
	c.Contact = o.Contact
	entries := slices.Clone(a.Emails)
	for _, contact := range a.Contacts {
		if c.Contact == "" && contact.Name != "" {
			c.Contact = contact.Name
		}
		if len(a.Emails) == 0 && contact.Email != "" && (contact.Role == "billing" || len(entries) == 0) {
			entries = append(entries, contact.Email)
		}
	}
	if len(o.Emails) > 0 || len(o.BadEmails) > 0 {
		entries = slices.Concat(o.Emails, o.BadEmails)
	}
	c.CC = o.CC
	for _, entry := range entries {
		if email.IsAddress(entry) {
			c.Emails = append(c.Emails, entry)
		} else if entry != "" {
			c.BadEmails = append(c.BadEmails, entry)
		}
	}
}
