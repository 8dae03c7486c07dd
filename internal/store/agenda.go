package store

import (
	"time"

	"relanced/internal/dossier"
)

// AgendaRow says when a customer must be looked at again.
type AgendaRow struct {
	Customer dossier.CustomerID
	Version  int64     // grows with each fact
	NextAt   time.Time // zero: never by time alone
	Rules    string    // hash of all else Decide read
	Gated    bool      // withheld by a gate: waits for it, not for NextAt
}
