package sageactive

// SetPage makes pages smaller than the vendor's.
func (c *Connector) SetPage(n int) { c.most = n }

// Queries are all that the connector asks, as it asks it.
func Queries() []string {
	all := []string{organizations, organizationDetail, pdf("3f0d9a52-8c1b-4a77-9d1e-0a6b7c8d9e01")}
	for _, r := range []root{customers, invoices, movedItems, entries, invoiceIDs} {
		all = append(all, r.since(), r.byID([]string{"3f0d9a52-8c1b-4a77-9d1e-0a6b7c8d9e01"}))
	}
	return all
}
