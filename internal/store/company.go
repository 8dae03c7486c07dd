package store

import (
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// CompanyFacts is what is known of a company besides its configuration.
type CompanyFacts struct {
	ID               receivable.CompanyID
	FirstConfirmedAt time.Time // when a person first accepted one of its connections
	RemindAt         time.Time // the last tick somebody asked for
	RestoredAt       time.Time // the database is a restored copy, and nobody confirmed since
	Rules            string    // hash given to RulesChanged last
}

// WorkList is a list of drafts that was mailed, and what its numbers mean.
type WorkList struct {
	ID        int64
	Company   receivable.CompanyID
	Token     string // signed by whoever made it; unique
	To        string
	SentAt    time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // an answer was carried out; zero: none yet
	UsedBy    string
	Message   dossier.MessageID // its row in the outbox
	Items     []WorkItem
}

// WorkItem is one numbered draft.
type WorkItem struct {
	Number  int
	Message dossier.MessageID
	Basis   string
	Acted   string // what was done: approved, declined; "" nothing yet
}
