// Package receivable holds the nouns of the books: who owes what, since when,
// and what was paid. It mirrors the accounting software and decides nothing.
//
// Keys named External are the source's own, unique within a connection and kind.
package receivable

import (
	"relanced/internal/calendar"
	"relanced/internal/money"
)

// CompanyID names a company of the configuration; ConnectionID one of its
// connections. Connection names are unique over the whole configuration of a company.
type (
	CompanyID    string
	ConnectionID string
)

// Kind is what sort of customer owes: it chooses the law that applies.
type Kind string

// The kinds of customer. KindUnknown is treated as a consumer for fees and wording.
const (
	KindBusiness   Kind = "business"
	KindPublic     Kind = "public"
	KindConsumer   Kind = "consumer"
	KindSoleTrader Kind = "sole_trader"
	KindUnknown    Kind = "unknown"
)

// PaymentMethod is how the customer agreed to pay, where the source tells.
type PaymentMethod string

// The means of payment that change what is done.
const (
	MethodTransfer    PaymentMethod = "transfer"
	MethodDirectDebit PaymentMethod = "direct_debit"
	MethodBill        PaymentMethod = "bill"
	MethodCheque      PaymentMethod = "cheque"
	MethodCard        PaymentMethod = "card"
)

// Account is the source's record of a customer. Foreign text is kept as it
// came, valid UTF-8; whoever shows it makes it safe.
type Account struct {
	External string
	Code     string // what people call the customer by; "" where the source has none
	Name     string
	Kind     Kind
	Emails   []string // as the source gives them; an entry with white space is no address
	Contacts []Contact
	Phone    string
	Language string // ISO 639-1, "" unknown
	Country  string // ISO 3166-1 alpha-2, "" unknown
	Address  Address
	SIREN    string
	SIRET    string
	VAT      string
	Terms    string // as in the configuration ("45d_eom"); "" unknown
	Method   PaymentMethod
	Tags     []string
	Owner    string
	Supplier bool // also a supplier with an open balance
}

// Address is where letters go.
type Address struct {
	Lines    []string
	Postcode string
	City     string
}

// Contact is a person or mailbox at the customer.
type Contact struct {
	Name  string
	Email string
	Phone string
	Role  string // billing, management… free text of the source
}

// DocumentKind tells an invoice from a credit note.
type DocumentKind string

// The kinds of document.
const (
	Invoice    DocumentKind = "invoice"
	CreditNote DocumentKind = "credit_note"
)

// Document is an invoice or a credit note as the source last said. Amounts of
// both are positive: a credit note's Outstanding is its unused part.
type Document struct {
	External    string
	Account     string // external id of the account; "" where the source names none
	Number      string
	Kind        DocumentKind
	IssuedOn    calendar.Date
	Total       money.Amount // including tax
	Outstanding money.Amount
	Dues        []Due  // at least one for an invoice; their Outstanding sums to the document's
	Credits     string // of a credit note: external id of the invoice it corrects, where known
	OrderRef    string
	Method      PaymentMethod
	Returned    bool      // a direct debit, cheque or bill came back
	Assigned    bool      // sold to a factor
	EStatus     EStatus   // e-invoicing status, where the source tells
	Standing    Standing  // why the source would not have it chased
	Estimated   bool      // outstanding is inferred (FEC without lettering), never auto-sent
	Note        string    // the source's word on what is odd
	Fetchable   bool      // the source can give its PDF
	CreditUsed  []Applied // of a credit note: invoices it was applied to, where told
}

// Applied is a part of a credit note used on an invoice.
type Applied struct {
	Invoice string // external id
	Amount  money.Amount
}

// Standing is what besides money keeps a document from being chased.
type Standing string

// The standings. Normal documents are chased; the others are shown.
const (
	StandingNormal     Standing = ""
	StandingUnchecked  Standing = "unchecked"   // imported and not validated, or of a status nobody knows
	StandingArchived   Standing = "archived"    // filed away
	StandingDoubtful   Standing = "doubtful"    // moved to doubtful debts (416)
	StandingWrittenOff Standing = "written_off" // passed to loss
	StandingBill       Standing = "bill"        // settled by a bill of exchange not yet cashed (413)
	StandingIncoming   Standing = "incoming"    // money on its way through the source (debit, payment link)
)

// EStatus is the state of the invoice in e-invoicing.
type EStatus string

// The e-invoicing states that matter to reminders.
const (
	EStatusNone      EStatus = ""
	EStatusDisputed  EStatus = "disputed"
	EStatusRefused   EStatus = "refused"
	EStatusRejected  EStatus = "rejected"
	EStatusPaid      EStatus = "paid"
	EStatusSuspended EStatus = "suspended"
	EStatusApproved  EStatus = "approved"
	EStatusOther     EStatus = "other"
)

// Due is one amount of an invoice falling due on one date: the unit that is chased.
type Due struct {
	Rank        int // 1 is the first instalment; stable over syncs
	On          calendar.Date
	Total       money.Amount
	Outstanding money.Amount
	Estimated   bool // the date was computed from terms, not told by the source
}

// Payment is money received. Amounts are positive; a refund is negative.
type Payment struct {
	External    string
	Account     string // "" where the source does not know who paid
	On          calendar.Date
	Amount      money.Amount
	Unallocated money.Amount // on account: not yet settling an invoice
	Label       string
	Method      PaymentMethod
	Derived     bool // inferred from a fall of what is outstanding
}

// Allocation ties the items of one group: what settles each other. Amount is
// signed (+ raises the debt, - settles it); the zero Amount with no currency
// means that the source tells only the link.
type Allocation struct {
	Group  string
	Item   string // external id of a document or payment
	Kind   ItemKind
	Amount money.Amount
}

// ItemKind names the table an external id belongs to.
type ItemKind string

// The kinds of item.
const (
	ItemAccount    ItemKind = "account"
	ItemDocument   ItemKind = "document"
	ItemPayment    ItemKind = "payment"
	ItemAllocation ItemKind = "allocation" // External = Group + "\x00" + Item, of whatever kind
)
