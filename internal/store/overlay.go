package store

import (
	"relanced/internal/receivable"
)

// Overlay is what the customers' file says of one customer. It wins over the
// source; an empty field says nothing.
type Overlay struct {
	Connection   receivable.ConnectionID // "" where codes do not repeat
	Code         string
	Name         string
	Emails       []string // valid ones
	CC           []string
	BadEmails    []string
	Contact      string
	Phone        string
	Language     string
	Kind         receivable.Kind
	SIREN        string
	SIRET        string
	Terms        string
	Method       receivable.PaymentMethod
	Owner        string
	Plan         string
	Payer        string // code of who pays: both become one customer
	Tags         []string
	DoNotContact bool
	ServiceCode  string
	Portal       string
	OrderRef     string
}

// OverlayResult is what laying the file over the customers did.
type OverlayResult struct {
	Changed   int
	Unknown   []string // codes nobody has yet: kept for when they come
	Ambiguous []string // codes in several connections, without the connection
	Payers    []string // payers nobody knows, or that pay themselves in a circle
}
