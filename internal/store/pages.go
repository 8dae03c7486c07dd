package store

import (
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// Page is a slice of the books to be written in one transaction with its
// cursor: connectors.Page in the ground's own words.
type Page struct {
	Accounts    []receivable.Account
	Documents   []receivable.Document
	Payments    []receivable.Payment
	Allocations []receivable.Allocation
	Gone        []Ref
	Bad         []Rejected
	Notes       []Rejected
	Listing     *Listing // set on every page of a full listing
	Seen        []Ref    // of a listing: keys named without content
	Whole       bool     // the listing's last page: what it did not name is absent
	AsOf        time.Time
	Next        []byte // the cursor; nil leaves the stored one
	KeepCursor  bool   // a live re-read: the stored cursor stays whatever Next says
	Derive      bool   // the source tells no payments: a fall of what is outstanding becomes one
	// PayDay is the last day of AsOf in the company's zone: derived payments are dated so.
	PayDay func(time.Time) time.Time
}

// Ref names a thing at the source. The external id of an allocation is its
// group, a NUL and its item.
type Ref struct {
	Kind     receivable.ItemKind
	External string
}

// Rejected is a row that could not be read, or (as a note) is odd.
type Rejected struct {
	Ref  Ref
	File string
	Line int
	Text string
}

// Listing is what a full listing covers and what absence from it means.
type Listing struct {
	Kind   receivable.ItemKind
	Part   string // "all", "open", or a snapshot's name
	Absent Absence
}

// Absence is what it means that a listing did not name something.
type Absence string

// The meanings of absence; the words are those of connectors.
const (
	AbsentGone    Absence = "gone"
	AbsentSettled Absence = "settled"
	AbsentReread  Absence = "reread"
)

// Applied is what writing a page did.
type Applied struct {
	PassCount
	Customers []dossier.CustomerID // whose facts were written, sorted
	Linked    []string             // invoices not in the page, linked before or after to a payment or allocation that was written or has gone: to be re-read
	Reread    []string             // invoices a listing did not name, where absence means "to be re-read"
	Closed    int                  // documents that were open and are not any more
}

// Problem is something wrong with a row of the source.
type Problem struct {
	Connection receivable.ConnectionID
	Kind       receivable.ItemKind
	External   string
	File       string
	Line       int
	Text       string
	Note       bool // the row was read nevertheless
	At         time.Time
}
