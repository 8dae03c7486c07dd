package store

import (
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// InvoiceFilter chooses documents. The zero filter: those of every company
// with something left.
type InvoiceFilter struct {
	Company  receivable.CompanyID
	Customer dossier.CustomerID
	All      bool // settled and vanished ones too
}

// InvoiceRow is a document as the invoices command shows it.
type InvoiceRow struct {
	ID               dossier.DocumentID
	Company          receivable.CompanyID
	Connection       receivable.ConnectionID
	External         string
	Customer         string // code
	CustomerID       dossier.CustomerID
	ExternalCustomer string
	Name             string
	Number           string
	Kind             receivable.DocumentKind
	IssuedOn         calendar.Date
	DueOn            calendar.Date // earliest open due line
	Total            money.Amount
	Outstanding      money.Amount
	Dues             []receivable.Due
	GoneAt           time.Time
	Problems         []string
}

// CustomerRow is an account in one currency, as the customers command shows it.
type CustomerRow struct {
	ID          dossier.CustomerID
	Company     receivable.CompanyID
	Connection  receivable.ConnectionID
	External    string
	Code        string
	Name        string
	Kind        receivable.Kind
	Emails      []string
	Outstanding money.Amount
	Overdue     money.Amount
	Credit      money.Amount
	Held        bool // some hold of the whole customer lasts
	NextAt      time.Time
}

// AgedRow is a customer's open lines by age, in one currency.
type AgedRow struct {
	ID      dossier.CustomerID
	Code    string
	Name    string
	NotDue  money.Amount // no due date counts here
	Days30  money.Amount
	Days60  money.Amount
	Days90  money.Amount
	Older   money.Amount
	Overdue money.Amount
	Total   money.Amount // the five buckets; credit not netted
	Credit  money.Amount
}

// ReplyRow is an incoming message as the replies command shows it.
type ReplyRow struct {
	Incoming

	Customer   dossier.CustomerID
	Code       string
	Name       string
	Message    dossier.MessageID
	Label      string
	Confidence string
}

// EventRow is an event with the customer's code.
type EventRow struct {
	Event

	Code string
}
