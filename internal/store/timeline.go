package store

import (
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// Event is a fact that a person would want to see. Events are only added.
type Event struct {
	ID       int64
	Company  receivable.CompanyID
	Customer dossier.CustomerID // 0: of the company
	At       time.Time          // zero on adding: now
	Kind     string             // synced, proposed, approved, sent, replied, held, paid…
	By       string
	Text     string
	Ref      string // what it is about: "message 12", "F-2026-7"; "" nothing
	Erased   time.Time
}

// Seal is what verifying a chain says.
type Seal struct {
	Events int    // sealed ones
	Erased int    // of those, without content
	Last   string // hash of the last, in hex
	Broken int64  // id of the first event that does not fit; 0: the chain holds
}

// SealedEvent is an event with what an offline check needs.
type SealedEvent struct {
	Event
	Salt     string // hex; "" once erased
	Content  string // hash of salt and content, hex
	Previous string // hash before, hex; "" for the first
	Hash     string // hex
}
