package sageactive

import "encoding/json"

// root is one list of the interface.
type root struct {
	name   string // of the field
	plain  string // in a sentence
	page   int    // rows of one answer: what fields cost is limited
	fields string
	filter string // of what changed since $t
}

const changed = "{or:[{modificationDate:{gte:$t}},{creationDate:{gte:$t}}]}"

const items = "openItems { id amount paidAmountAccumulated dueDate status modificationDate }"

var (
	customers = root{"customers", "customers", 200, `id code socialName tradeName documentId vatNumber status disabled documentLanguage creationDate modificationDate
    addresses { firstLine secondLine city zipCode countryIsoCodeAlpha2 isMainAddress }
    contacts { id name surname isDefault isDefaultCustomer emails { emailAddress usage isDefault } phones { number type isDefault } }`, changed}
	invoices = root{"salesInvoices", "invoices", 200, `id operationalNumber type status customerId socialName documentDate firstDueDate totalLiquid externalReference sourceSalesInvoiceId
    creationDate modificationDate ` + items, changed}
	// A payment is only told to move the instalment, not the invoice.
	movedItems = root{"salesInvoiceOpenItems", "instalments", 200, `id modificationDate salesInvoice { id }`, "{modificationDate:{gte:$t}}"}
	entries    = root{"accountingEntries", "ledger entries", 100, `id sourceType salesInvoice { id } date documentNumber creationDate modificationDate
    accountingEntryLines { id debitAmount creditAmount subAccount { code { value } }
      accountingEntryThirdParty { thirdPartyId socialName origin }
      accountingEntryInvoice { id externalInvoiceNumber documentDate amount ` + items + ` } }`, changed}
	invoiceIDs = root{"salesInvoices", "ids of invoices", 500, "id", changed}
)

// since is the query for what changed since $t, from after $c on.
func (r root) since() string {
	return "query($t:DateTime!,$c:String,$n:Int){ " + r.name + "(first:$n, after:$c, where:" + r.filter + ", order:[{creationDate:ASC}]) { nodes { " +
		r.fields + " } pageInfo { endCursor hasNextPage } totalCount } }"
}

// byID is the query for given ids, of which no more than a page may be asked for.
func (r root) byID(ids []string) string {
	list, _ := json.Marshal(ids) // strings: cannot fail, and are written as here
	return "query($c:String,$n:Int){ " + r.name + "(first:$n, after:$c, where:{id:{in:" + string(list) + "}}, order:[{creationDate:ASC}]) { nodes { " +
		r.fields + " } pageInfo { endCursor hasNextPage } totalCount } }"
}

const (
	organizations      = "query { organizations(first:100) { nodes { id socialName legislationCode status onboardingCompleted } totalCount } }"
	organizationDetail = "query { organizationDetail(first:1) { nodes { socialName documentId currency { code precision } } } }"
)

// pdf is the query for the document of an invoice or a credit note.
func pdf(id string) string {
	text, _ := json.Marshal(id) // as above
	return "query { documentPdfPreview(input:{type:SALES_INVOICE,id:" + string(text) + "}) { type id pdfPreview } }"
}
