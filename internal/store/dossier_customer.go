package store

import (
	"cmp"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
)

// ownFacts is what a customer is besides its account.
type ownFacts struct {
	root    int64 // who pays for it
	company dossier.Company
	code    string
	overlay Overlay
	since   time.Time // of the overlay
}

// whom asks whose dossiers are wanted, by a condition on a.id: of each customer
// the root, and the members under it.
func (g *gathering) whom(condition string, arg any) question {
	g.order, g.own = map[dossier.CustomerID]int64{}, map[int64]ownFacts{}
	return ask(func(scan scanner) error {
		var asked dossier.CustomerID
		var member int64
		var o ownFacts
		err := scan(&asked, &member, &o.root, &o.company.ID, &o.code, doc(&o.overlay), at(&o.since), at(&o.company.FirstConfirmedAt), at(&o.company.RemindAt))
		g.order[asked] = o.root
		if _, ok := g.own[member]; !ok {
			g.members = append(g.members, member)
		}
		g.until(&o.company.FirstConfirmedAt)
		g.until(&o.company.RemindAt)
		g.own[member] = o
		return err
	}, `SELECT a.id, m.id, m.root, m.company, m.code, m.overlay, m.since, coalesce(k.first_confirmed_at, 0), coalesce(k.remind_at, 0)
FROM customer a JOIN customer m ON m.root = a.root LEFT JOIN company k ON k.id = m.company WHERE `+condition+" ORDER BY a.id, m.id", arg)
}

func (g *gathering) customers() ([]question, func() error) {
	type account struct {
		id, customer int64
		ref          dossier.AccountRef
		content      string
		since        time.Time
	}
	var accounts []account
	asked := ask(func(scan scanner) error {
		var a account
		err := scan(&a.id, &a.customer, &a.ref.Connection, &a.ref.External, &a.content, at(&a.since))
		a.ref.ID = a.id
		accounts = append(accounts, a)
		return err
	}, "SELECT a.id, a.customer, c.name, a.external, a.content, a.since FROM account a JOIN connection c ON c.id = a.connection WHERE "+g.is("a.customer", 1)+" ORDER BY a.id", g.who)
	return []question{asked}, func() error {
		past, err := g.old("customer", g.members)
		if err != nil {
			return err
		}
		for id, before := range past {
			if o := g.own[id]; g.past(o.since) {
				o.overlay = Overlay{}
				if err := doc(&o.overlay).Scan(before); err != nil {
					return err
				}
				g.own[id] = o
			}
		}
		for _, root := range g.roots {
			d, o := g.by[root], g.own[root]
			d.Company = o.company
			d.Customer = dossier.Customer{ID: dossier.CustomerID(root), Code: o.code, Kind: receivable.KindUnknown}
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
			if a.customer != g.own[a.customer].root {
				continue
			}
			if before, ok := past[a.id]; ok && g.past(a.since) {
				a.content = before
			}
			var said receivable.Account
			if err := doc(&said).Scan(a.content); err != nil {
				return err
			}
			fill(&d.Customer, said, g.own[a.customer].overlay)
		}
		return nil
	}
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
