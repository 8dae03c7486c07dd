package quickbooks

import (
	"context"
	"slices"
	"strings"
)

// addresses splits what may be several. Bad ones are kept: they show as no
// address.
func addresses(in *emailAddress) []string {
	if in == nil {
		return nil
	}
	var list []string
	for _, part := range strings.FieldsFunc(string(in.Address), func(r rune) bool { return r == ',' || r == ';' }) {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(list, part) {
			list = append(list, part)
		}
	}
	return list
}

// otherAddresses finds where mail of customers goes who have no address: where
// their newest invoice went, else to the parent who pays for them.
func (c *client) otherAddresses(ctx context.Context, list []customer) (map[string][]string, error) {
	var without []string
	for _, row := range list {
		if len(addresses(row.Email)) == 0 {
			without = append(without, row.key())
		}
	}
	found := map[string][]string{}
	for chunk := range slices.Chunk(without, min(idsAtOnce, c.page)) {
		if err := c.billAddresses(ctx, chunk, found); err != nil {
			return nil, err
		}
	}
	return found, c.parentAddresses(ctx, list, found)
}

// billAddresses adds, for each of the customers, the addresses on the newest open
// invoice that has some, else those on one of the newest that are paid: who has
// just paid is still to be thanked.
func (c *client) billAddresses(ctx context.Context, ids []string, found map[string][]string) error {
	const op, perCustomer = "look for addresses on invoices", 5
	missing, newest := ids, map[string]document{}
	look := func(condition string, first, n int) (int, error) {
		got, err := query[document](ctx, c, op, invoices, where("CustomerRef IN ("+quoted(missing)+")", condition)+" ORDERBY TxnDate DESC", first, n)
		for _, row := range got.list {
			who, list := row.Customer.id(), addresses(row.BillEmail)
			have, known := newest[who]
			if len(list) > 0 && (!known || row.TxnDate == have.TxnDate && compareIDs(row.key(), have.key()) > 0) {
				newest[who], found[who] = row, list
			}
		}
		return got.n(), err
	}
	for first := 1; ; {
		n, err := look("Balance > '0'", first, c.page)
		if err != nil {
			return err
		}
		if first += n; n < c.page {
			break
		}
	}
	missing = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return found[id] != nil })
	if len(missing) == 0 {
		return nil
	}
	_, err := look("", 1, min(perCustomer*len(missing), c.page))
	return err
}

// parentAddresses adds the addresses of parents who pay for customers without any.
func (c *client) parentAddresses(ctx context.Context, list []customer, found map[string][]string) error {
	children := map[string][]string{} // by parent
	var parents []string
	for _, row := range list {
		parent := row.Parent.id()
		if !row.BillWithParent || parent == "" || len(addresses(row.Email)) > 0 || found[row.key()] != nil {
			continue
		}
		if children[parent] == nil {
			parents = append(parents, parent)
		}
		children[parent] = append(children[parent], row.key())
	}
	if len(parents) == 0 {
		return nil
	}
	slices.SortFunc(parents, compareIDs)
	got, err := byID[customer](ctx, c, "read customers who pay for others", customers, parents)
	for _, parent := range got.list {
		for _, child := range children[parent.key()] {
			found[child] = addresses(parent.Email)
		}
	}
	return err
}
