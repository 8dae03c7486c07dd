package sage

import "relanced/internal/receivable"

// resource is one list of the interface.
type resource struct {
	path   string // also the first part of a record's $path
	plain  string // of one, in a sentence
	kind   receivable.ItemKind
	prefix string // of the external id: all kinds of document live in one table
	sorted bool   // takes sort
	marks  bool   // reading one marks it as sent, unless told not to
	tells  bool   // takes show_payments_allocations
}

var (
	contacts     = resource{path: "/contacts", plain: "customer", kind: receivable.ItemAccount}
	invoices     = resource{path: "/sales_invoices", plain: "invoice", kind: receivable.ItemDocument, sorted: true, marks: true, tells: true}
	creditNotes  = resource{path: "/sales_credit_notes", plain: "credit note", kind: receivable.ItemDocument, prefix: "creditnote:", sorted: true, marks: true, tells: true}
	quickEntries = resource{path: "/sales_quick_entries", plain: "quick entry", kind: receivable.ItemDocument, prefix: "quickentry:", sorted: true, tells: true}
	openings     = resource{path: "/contact_opening_balances", plain: "opening balance", kind: receivable.ItemDocument, prefix: "opening:"}
	payments     = resource{path: "/contact_payments", plain: "payment", kind: receivable.ItemPayment, prefix: "", sorted: true}
	allocations  = resource{path: "/contact_allocations", plain: "allocation", kind: receivable.ItemAllocation, sorted: true}
)

// documentResources are all that hold receivables; invoices, without a prefix, last.
var documentResources = []resource{creditNotes, quickEntries, openings, invoices}

// onAccount is the kind of artefact that is money not yet allocated.
const onAccount = "/payments_on_account"

// optional are read where the user's roles allow it, with what is missing
// where they do not.
var optional = []struct {
	resource

	roles, missing string
}{
	{allocations, "Full Access in Sales, Purchases and Contacts", "credits are taken from the documents instead, and those applied to opening balances stay unseen"},
	{openings, "Full Access or Read Only in Settings, Sales and Purchases", "debts from before Sage are not reminded of"},
}

func (r resource) external(id string) string {
	if id == "" {
		return ""
	}
	return r.prefix + id
}
