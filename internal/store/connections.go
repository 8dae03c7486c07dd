package store

import (
	"time"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// ConnectionKey names a connection of a company.
type ConnectionKey struct {
	Company receivable.CompanyID
	Name    receivable.ConnectionID
}

// Connection is what is known of one connection: how far it was read, and
// whether what it said was believed.
type Connection struct {
	Key           ConnectionKey
	Type          string
	Cursor        []byte           // opaque JSON of the connector; nil: from the start
	AsOf          time.Time        // whose truth the last ended pass is
	PassStartedAt time.Time        // of the last or running pass
	PassEndedAt   time.Time        // of the last pass that ended
	AcceptedAt    time.Time        // when the last pass was accepted
	WrittenAt     time.Time        // when a pass last wrote a row
	RereadAt      time.Time        // when the open invoices were last re-read
	ListedAt      time.Time        // when everything was last listed
	ConfirmedAt   time.Time        // when a person first accepted it; zero: unconfirmed
	ConfirmedBy   string           //
	SuspectAt     time.Time        // since when the data looks wrong; zero: it does not
	Findings      []Finding        // why it is suspect
	Error         *PassError       // of the last pass; nil where it went well
	LastPaymentOn calendar.Date    // newest payment in the books
	UpToDateOn    calendar.Date    // payments are entered up to that day, as a person said
	Pass          PassCount        // of the running or last pass
	Stats         Stats            // of the last accepted pass
	Files         map[string]int64 // rows read of each file of the last pass
}

// Fresh tells whether the last pass ended, was accepted, and no later pass has
// written a row. How old it may be is the caller's business: age counts from AsOf.
func (c Connection) Fresh() bool {
	return !c.AcceptedAt.IsZero() && c.SuspectAt.IsZero() && !c.WrittenAt.After(c.AcceptedAt)
}

// Finding is something strange in the data, as the breaker words it.
type Finding struct {
	Code string // payments_vanished, reopened, dates_moved, total_jumped
	Text string
}

// PassError is why a pass failed.
type PassError struct {
	Kind    string // as connectors.Kind
	Message string
	Do      string
	At      time.Time // since when it fails: the first failure in a row
}

// PassCount counts what one pass did, over all its pages.
type PassCount struct {
	New, Changed, Gone, Unchanged, Rejected int

	PaymentsGone  int            // payments and allocations that vanished
	Reopened      int            // paid invoices that are open again
	DatesMoved    int            // due lines whose date moved
	Outstanding   []money.Amount // what open invoices rose or fell by, per currency
	DocumentsSeen int
}

// Stats is what the breaker compares from one accepted pass to the next.
type Stats struct {
	Payments int
	Open     int            // open invoices
	Paid     int            // settled ones
	OpenSums []money.Amount // outstanding of open invoices, per currency
}

// PassEnd is how a pass ended well.
type PassEnd struct {
	AsOf     time.Time
	Findings []Finding // none: accepted; some: the connection is suspect
	Reread   bool      // all open invoices were re-read
	Listed   bool      // everything was listed
}
