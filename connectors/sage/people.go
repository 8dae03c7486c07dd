package sage

import (
	"context"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/receivable"
)

// people are the customers that were read so far.
type people struct {
	c     *Connector
	known map[string]dealing
}

// dealing is how a customer is dealt with.
type dealing struct {
	days     httpapi.Text // of credit; "" none of its own
	currency *reference   // the only one it trades in; nil not told
}

func (c *Connector) people() people { return people{c, map[string]dealing{}} }

// add adds a customer to a page.
func (p people) add(out *connectors.Page, row contact) {
	p.known[row.key()] = dealing{row.CreditDays, row.Currency}
	a, err := account(row)
	if err != nil {
		out.Bad = append(out.Bad, rejected(contacts, row.key(), err.Error()))
		return
	}
	out.Accounts = append(out.Accounts, a)
}

// ensure adds a customer that was not read yet.
func (p people) ensure(ctx context.Context, out *connectors.Page, id string) error {
	if _, known := p.known[id]; known || id == "" {
		return nil
	}
	return p.read(ctx, out, id, document{})
}

// skip notes customers that cannot be read: they would be as unreadable by id.
func (p people) skip(bad []connectors.Rejected) {
	for _, b := range bad {
		p.known[b.Ref.External] = dealing{}
	}
}

// read reads a customer by id and adds it to a page. Of one that is deleted,
// the document that names it tells the name.
func (p people) read(ctx context.Context, out *connectors.Page, id string, named document) error {
	row, err := one[contact](ctx, &p.c.client, contacts, id, 0)
	switch {
	case httpapi.KindOf(err) == connectors.NotFound:
		p.known[id] = dealing{}
		a := receivable.Account{External: id, Name: string(named.ContactName), Kind: receivable.KindUnknown}
		if a.Name == "" && named.Contact != nil {
			a.Name = string(named.Contact.Name)
		}
		if a.Name != "" {
			out.Accounts = append(out.Accounts, a)
		}
		return nil
	case httpapi.KindOf(err) == connectors.Schema:
		out.Bad = append(out.Bad, unreadable(contacts, id, err))
		p.skip(out.Bad[len(out.Bad)-1:])
		return nil
	case err != nil:
		return err
	}
	p.add(out, row)
	return nil
}
