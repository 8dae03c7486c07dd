package dossier

import (
	"slices"
	"time"

	"relanced/internal/email"
)

// Undelivered is a message that did not reach an address, for a reason that may
// pass by itself: a full mailbox, a network that was down, a message too big.
type Undelivered struct {
	Message MessageID
	Address string
	Why     email.Failure
	At      time.Time
	Text    string // what the server said
}

// Resends is how often a message that reached nobody is sent again before a
// person is asked, and ResendsWithin how long its failures are counted together.
const (
	Resends       = 2
	ResendsWithin = 30 * 24 * time.Hour
)

// ReachedNobody tells whether the message arrived at none of those it was to,
// for reasons that may pass; failures are what came of them.
func (d *Dossier) ReachedNobody(m *Message) (failures []Undelivered, none bool) {
	if len(d.Undelivered) == 0 || len(m.To) == 0 || m.State != StateSent && m.State != StateRefused {
		return nil, false
	}
	for _, to := range m.To {
		i := slices.IndexFunc(d.Undelivered, func(u Undelivered) bool { return u.Message == m.ID && email.SameAddress(u.Address, to) })
		if i < 0 {
			return nil, false
		}
		failures = append(failures, d.Undelivered[i])
	}
	return failures, true
}
