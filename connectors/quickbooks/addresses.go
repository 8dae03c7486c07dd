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
	for _, part := range strings.FieldsFunc(in.Address, func(r rune) bool { return r == ',' || r == ';' }) {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(list, part) {
			list = append(list, part)
		}
	}
	return list
}

// otherAddresses finds where mail of customers goes who have no address.
func (c *client) otherAddresses(ctx context.Context, list []customer) (map[string][]string, error) {
	found := map[string][]string{}
	parents := map[string][]string{} // their ids, with the children that need them
	var without []string
	for _, row := range list {
		switch {
		case len(addresses(row.Email)) > 0:
		case row.BillWithParent && row.Parent.id() != "":
			parents[row.Parent.id()] = append(parents[row.Parent.id()], row.key())
		default:
			without = append(without, row.key())
		}
	}
	if len(parents) > 0 {
		ids := make([]string, 0, len(parents))
		for id := range parents {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, compareIDs)
		got, err := byID[customer](ctx, c, "read customers who pay for others", customers, ids)
		if err != nil {
			return nil, err
		}
		for _, parent := range got.list {
			for _, child := range parents[parent.key()] {
				found[child] = addresses(parent.Email)
			}
		}
	}
	for chunk := range slices.Chunk(without, min(idsAtOnce, c.page)) {
		quoted := make([]string, len(chunk))
		for i, id := range chunk {
			quoted[i] = quote(id)
		}
		got, err := query[document](ctx, c, "look for addresses on invoices", invoices, where("CustomerRef IN ("+strings.Join(quoted, ",")+")", "Balance > '0'")+" ORDERBY TxnDate", 1, c.page)
		if err != nil {
			return nil, err
		}
		for _, row := range got.list { // the newest comes last
			if list := addresses(row.BillEmail); len(list) > 0 {
				found[row.Customer.id()] = list
			}
		}
	}
	return found, nil
}
