package sageactive

import "encoding/json"

// root is one list of the interface.
type root struct {
	name   string // of the field
	plain  string // in a sentence
	fields string
	filter string // of what changed since $t
}

const changed = "{or:[{modificationDate:{gte:$t}},{creationDate:{gte:$t}}]}"

const items = "openItems { id amount paidAmountAccumulated dueDate status modificationDate }"

var (
	customers = root{"customers", "customers", `id code socialName tradeName documentId vatNumber status disabled documentLanguage creationDate modificationDate
    addresses { firstLine secondLine city zipCode countryIsoCodeAlpha2 isMainAddress }
    contacts { id name surname isDefault isDefaultCustomer emails { emailAddress usage isDefault } phones { number type isDefault } }`, changed}
	invoices = root{"salesInvoices", "invoices", `id operationalNumber type status customerId socialName documentDate firstDueDate totalLiquid externalReference sourceSalesInvoiceId
    creationDate modificationDate ` + items, changed}
	// A payment is only told to move the instalment, not the invoice.
	movedItems = root{"salesInvoiceOpenItems", "instalments", `id modificationDate salesInvoice { id }`, "{modificationDate:{gte:$t}}"}
	entries    = root{"accountingEntries", "ledger entries", `id sourceType salesInvoice { id } date documentNumber creationDate modificationDate
    accountingEntryLines { id debitAmount creditAmount subAccount { code { value } }
      accountingEntryThirdParty { thirdPartyId socialName origin }
      accountingEntryInvoice { id externalInvoiceNumber documentDate amount ` + items + ` } }`, changed}
	invoiceIDs = root{"salesInvoices", "ids of invoices", "id", changed}
)

// largest is the most rows that the vendor gives in one answer. What an answer
// may cost is limited too, by a rule that is not told: it may refuse a page of
// many fields, or fail to make it, and then gives a smaller one. It is asked for
// none below smallest, its own.
const (
	largest  = 500
	smallest = 20
)

// since is the query for what changed since $t, from after $c on.
func (r root) since() string {
	return "query($t:DateTime!,$c:String,$n:Int){ " + r.name + "(first:$n, after:$c, where:" + r.filter + ", order:[{creationDate:ASC}]) { nodes { " +
		r.fields + " } pageInfo { endCursor hasNextPage } totalCount } }"
}

// byID is the query for given ids.
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
