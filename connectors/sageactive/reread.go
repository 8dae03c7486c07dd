package sageactive

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/internal/receivable"
)

// bills adds invoices and credit notes to a page; drafts are none yet.
func (c *Connector) bills(ctx context.Context, out *connectors.Page, rows []invoice) error {
	currency, err := c.currency(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.isDraft() {
			continue
		}
		doc, err := row.document(currency)
		if err != nil {
			out.Bad = append(out.Bad, rejected(row.ID, err.Error()))
			continue
		}
		out.Documents = append(out.Documents, doc)
	}
	return nil
}

// ledger adds the invoices that exist in the ledger alone to a page, and returns
// the names of the customers they are of, by id.
func (c *Connector) ledger(ctx context.Context, out *connectors.Page, rows []entry) (map[string]string, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	currency, err := c.currency(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, row := range rows {
		docs, bad := row.documents(currency)
		out.Documents, out.Bad = append(out.Documents, docs...), append(out.Bad, bad...)
		for _, l := range row.Lines {
			if l.isReceivable() {
				names[l.ThirdParty.ID] = string(l.ThirdParty.Name)
			}
		}
	}
	return names, nil
}

// debtors adds customers by id to a page. Of one that is not there, what names
// it tells the name; one that cannot be read is told, and stays as it was known.
func (c *Connector) debtors(ctx context.Context, out *connectors.Page, names map[string]string) error {
	left := maps.Clone(names)
	delete(left, "")
	if len(left) == 0 {
		return nil
	}
	err := byID(ctx, &c.client, customers, slices.Sorted(maps.Keys(left)), func(got page[customer], _ bool) error {
		out.Bad = append(out.Bad, got.bad...)
		for _, id := range got.ids {
			delete(left, id)
		}
		for _, row := range got.rows {
			addAccount(out, row)
		}
		return nil
	})
	for _, id := range slices.Sorted(maps.Keys(left)) {
		out.Accounts = append(out.Accounts, receivable.Account{External: id, Name: left[id], Kind: receivable.KindUnknown})
	}
	return err
}

// ReadInvoices reads invoices again by id, with the customers they name. What is
// missing from the answer is asked for once more before it counts as gone.
func (c *Connector) ReadInvoices(ctx context.Context, externals []string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		out := connectors.Page{AsOf: c.now()}
		err := c.reread(ctx, &out, externals)
		yield(out, err)
	}
}

func (c *Connector) reread(ctx context.Context, out *connectors.Page, externals []string) error {
	left := map[string]bool{}
	for _, ext := range externals {
		left[ext] = true
	}
	names := map[string]string{}
	var got connectors.Page
	for range 2 {
		var bills, ledger []string
		for ext := range left {
			if id, ok := strings.CutPrefix(ext, entryPrefix); ok {
				id, _, _ = strings.Cut(id, "/")
				ledger = append(ledger, id)
			} else {
				bills = append(bills, ext)
			}
		}
		slices.Sort(bills)
		slices.Sort(ledger)
		if err := c.readBills(ctx, &got, bills, names); err != nil {
			return err
		}
		if err := c.readLedger(ctx, &got, slices.Compact(ledger), names); err != nil {
			return err
		}
		for _, d := range got.Documents {
			delete(left, d.External)
		}
		for _, b := range got.Bad {
			for ext := range left {
				if of := b.Ref.External; of == "" || ext == of || strings.HasPrefix(ext, of+"/") {
					delete(left, ext)
				}
			}
		}
		if len(left) == 0 {
			break
		}
	}
	if err := c.debtors(ctx, out, names); err != nil {
		return err
	}
	out.Documents, out.Bad = got.Documents, append(out.Bad, got.Bad...)
	for _, ext := range slices.Sorted(maps.Keys(left)) {
		out.Gone = append(out.Gone, connectors.Ref{Kind: receivable.ItemDocument, External: ext})
	}
	return nil
}

func (c *Connector) readBills(ctx context.Context, out *connectors.Page, ids []string, names map[string]string) error {
	return byID(ctx, &c.client, invoices, ids, func(got page[invoice], _ bool) error {
		out.Bad = append(out.Bad, got.bad...)
		for _, row := range got.rows {
			names[row.Customer] = string(row.Name)
		}
		return c.bills(ctx, out, got.rows)
	})
}

func (c *Connector) readLedger(ctx context.Context, out *connectors.Page, ids []string, names map[string]string) error {
	return byID(ctx, &c.client, entries, ids, func(got page[entry], _ bool) error {
		out.Bad = append(out.Bad, got.bad...)
		found, err := c.ledger(ctx, out, got.rows)
		maps.Copy(names, found)
		return err
	})
}

// List yields the ids of all documents, as a listing: what it does not name is
// asked for once more. The vendor tells of no deletion.
func (c *Connector) List(ctx context.Context, part string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		if err := c.ids(ctx, part, func(p connectors.Page) bool { return yield(p, nil) }); err != nil && !errors.Is(err, errStopped) {
			yield(connectors.Page{}, err)
		}
	}
}

func (c *Connector) ids(ctx context.Context, part string, yield func(connectors.Page) bool) error {
	scope := &connectors.Scope{Kind: receivable.ItemDocument, Part: part, Absent: connectors.AbsentReread}
	name := func(at time.Time, whole bool, ids []string) error {
		out := connectors.Page{Listing: scope, AsOf: at, Whole: whole}
		for _, id := range ids {
			out.Seen = append(out.Seen, connectors.Ref{Kind: scope.Kind, External: id})
		}
		if !yield(out) {
			return errStopped
		}
		return nil
	}
	err := list(ctx, &c.client, invoiceIDs, invoiceIDs.since(), since(time.Time{}), func(got page[record], _ bool) error {
		return name(got.meta.At, false, got.ids)
	})
	if err != nil {
		return err
	}
	return list(ctx, &c.client, entries, entries.since(), since(time.Time{}), func(got page[entry], last bool) error {
		var ids []string
		for _, row := range got.rows {
			for _, l := range row.Lines {
				if l.Invoice != nil {
					ids = append(ids, entryOf(row.ID, l.Invoice.ID))
				}
			}
		}
		return name(got.meta.At, last, ids)
	})
}
