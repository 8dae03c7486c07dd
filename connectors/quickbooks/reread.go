package quickbooks

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/receivable"
)

// accounts adds customers to a page. One without an address of its own has that of
// its newest invoice, else its parent's, where the parent pays for it.
func (c *client) accounts(ctx context.Context, m mapping, out *connectors.Page, list []customer) error {
	others, err := c.otherAddresses(ctx, list)
	if err != nil {
		return err
	}
	for _, row := range list {
		a, err := m.account(row, others[row.key()])
		if err != nil {
			out.Bad = append(out.Bad, rejected(customers, row.key(), err.Error()))
			continue
		}
		out.Accounts = append(out.Accounts, a)
	}
	return nil
}

// documents adds invoices or credit memos to a page.
func (c *client) documents(m mapping, out *connectors.Page, entity string, list []document) {
	for _, row := range list {
		doc, odd, err := m.document(entity, row)
		if err != nil {
			out.Bad = append(out.Bad, rejected(entity, row.key(), err.Error()))
			continue
		}
		if odd != "" {
			out.Notes = append(out.Notes, rejected(entity, row.key(), odd))
		}
		out.Documents = append(out.Documents, doc)
	}
}

// payments adds payments and what they settle to a page; one that is void is gone.
func (c *client) payments(m mapping, out *connectors.Page, list []payment) {
	for _, row := range list {
		got, err := m.payment(row)
		if err != nil {
			out.Bad = append(out.Bad, rejected(payments, row.key(), err.Error()))
			continue
		}
		if got.odd != "" {
			out.Notes = append(out.Notes, rejected(payments, row.key(), got.odd))
		}
		out.Groups = append(out.Groups, got.group)
		out.Allocations = append(out.Allocations, got.links...)
		if got.payment == nil {
			out.Gone = append(out.Gone, connectors.Ref{Kind: receivable.ItemPayment, External: row.key()})
			continue
		}
		out.Payments = append(out.Payments, *got.payment)
	}
}

// confirmGone looks whether something told as deleted is: the vendor was seen to
// say so of what was only edited.
func (c *client) confirmGone(ctx context.Context, m mapping, out *connectors.Page, entity, id string) error {
	a, _, err := c.get(ctx, "look at a deleted "+plain(entity), "/"+strings.ToLower(entity)+"/"+url.PathEscape(id), nil)
	switch {
	case httpapi.KindOf(err) == connectors.NotFound:
		out.Gone = append(out.Gone, connectors.Ref{Kind: kindOf(entity), External: external(entity, id)})
		if entity == payments {
			out.Groups = append(out.Groups, groupOf(id))
		}
		return nil
	case isPoisoned(err):
		out.Bad = append(out.Bad, rejected(entity, id, spoilt(entity, err)))
		return nil
	case err != nil:
		return err
	case a.Invoice != nil:
		c.documents(m, out, invoices, []document{*a.Invoice})
	case a.CreditMemo != nil:
		c.documents(m, out, creditMemos, []document{*a.CreditMemo})
	case a.Payment != nil:
		c.payments(m, out, []payment{*a.Payment})
	}
	return nil
}

// debtors adds the customers with the given ids to a page.
func (c *client) debtors(ctx context.Context, m mapping, out *connectors.Page, ids []string) error {
	slices.SortFunc(ids, compareIDs)
	got, err := byID[customer](ctx, c, "read customers", customers, ids)
	if err != nil {
		return err
	}
	out.Bad = append(out.Bad, got.bad...)
	if out.AsOf.IsZero() {
		out.AsOf = got.meta.At
	}
	return c.accounts(ctx, m, out, got.list)
}

// ReadInvoices reads invoices, and credit memos, with the customers they name.
// One that is missing from the answer is asked for alone before it counts as gone.
func (c *Connector) ReadInvoices(ctx context.Context, externals []string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		page, err := c.reread(ctx, externals)
		yield(page, err)
	}
}

func (c *Connector) reread(ctx context.Context, externals []string) (connectors.Page, error) {
	out := connectors.Page{AsOf: c.now()}
	home, err := c.knownHome(ctx)
	if err != nil {
		return out, err
	}
	m := mapping{home: home, terms: c.terms}
	wanted := map[string][]string{}
	for _, ext := range externals {
		entity, id := invoices, ext
		if memo, ok := strings.CutPrefix(ext, memoPrefix); ok {
			entity, id = creditMemos, memo
		}
		wanted[entity] = append(wanted[entity], id)
	}
	for _, entity := range []string{invoices, creditMemos} {
		ids := wanted[entity]
		if len(ids) == 0 {
			continue
		}
		slices.SortFunc(ids, compareIDs)
		got, err := byID[document](ctx, &c.client, fmt.Sprintf("read %ss again", plain(entity)), entity, ids)
		if err != nil {
			return out, err
		}
		c.documents(m, &out, entity, got.list)
		told := keysOf(got.list)
		for _, b := range got.bad { // what hid its name is missing below, and named there
			if b.Ref.External != "" {
				out.Bad = append(out.Bad, b)
				told = append(told, strings.TrimPrefix(b.Ref.External, memoPrefix))
			}
		}
		for _, id := range ids {
			if slices.Contains(told, id) {
				continue
			}
			if err := c.confirmGone(ctx, m, &out, entity, id); err != nil {
				return out, err
			}
		}
	}
	var people []string
	for _, doc := range out.Documents {
		if doc.Account != "" && !slices.Contains(people, doc.Account) {
			people = append(people, doc.Account)
		}
	}
	if len(people) == 0 {
		return out, nil
	}
	return out, c.debtors(ctx, m, &out, people)
}

// knownHome is the company's currency, asked for once; where the vendor does not
// tell, that of the configuration.
func (c *Connector) knownHome(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.currency != "" {
		return c.currency, nil
	}
	home, err := c.home(ctx)
	if err == nil {
		c.currency = cmp.Or(home, c.configured)
	}
	return c.currency, err
}

// List yields the ids of all invoices and credit memos, as a listing: what it
// does not name is asked for once more.
func (c *Connector) List(ctx context.Context, part string) iter.Seq2[connectors.Page, error] {
	scope := &connectors.Scope{Kind: receivable.ItemDocument, Part: part, Absent: connectors.AbsentReread}
	open := ""
	if part == "open" {
		open = "Balance > '0'"
	}
	return c.named(ctx, scope, open, invoices, creditMemos)
}

// named lists the ids of entities that fit the condition, as one listing.
func (c *client) named(ctx context.Context, scope *connectors.Scope, condition string, entities ...string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		for i, entity := range entities {
			for after := ""; ; {
				beyond := ""
				if after != "" {
					beyond = "Id > " + quote(after)
				}
				got, err := query[id](ctx, c, fmt.Sprintf("list all %ss", plain(entity)), entity, where(condition, beyond)+" ORDERBY Id", 1, c.page)
				if err != nil {
					yield(connectors.Page{}, err)
					return
				}
				ended := got.n() < c.page || len(got.list) == 0
				if got.unnamed() {
					looked := *scope
					looked.Absent = connectors.AbsentReread
					scope = &looked
				}
				out := connectors.Page{Listing: scope, AsOf: got.meta.At, Whole: ended && i == len(entities)-1}
				for _, row := range got.list {
					out.Seen = append(out.Seen, connectors.Ref{Kind: scope.Kind, External: external(entity, row.key())})
				}
				for _, b := range got.bad {
					if b.Ref.External != "" {
						out.Seen = append(out.Seen, b.Ref)
					}
				}
				if !yield(out, nil) {
					return
				}
				if ended {
					break
				}
				after = got.list[len(got.list)-1].key()
			}
		}
	}
}
