package sage

import (
	"encoding/json"
	"fmt"
	"time"

	"relanced/connectors"
)

// phase is where a pass stands.
type phase string

const (
	loadContacts     phase = "contacts"
	loadInvoices     phase = "invoices"
	loadCreditNotes  phase = "creditnotes"
	loadQuickEntries phase = "quickentries"
	loadPayments     phase = "payments"
	loadAllocations  phase = "allocations"
	loadOpenings     phase = "openings"
	followChanges    phase = "changes"
)

// steps are the lists of a full load, in order: opening balances come last, for
// what is open of them is known from what settles them.
var steps = map[phase]struct {
	resource

	next phase
}{
	loadContacts:     {contacts, loadInvoices},
	loadInvoices:     {invoices, loadCreditNotes},
	loadCreditNotes:  {creditNotes, loadQuickEntries},
	loadQuickEntries: {quickEntries, loadPayments},
	loadPayments:     {payments, loadAllocations},
	loadAllocations:  {allocations, loadOpenings},
	loadOpenings:     {openings, followChanges},
}

type cursor struct {
	Version  int               `json:"v"`
	Business string            `json:"business"` // whose books these are
	Phase    phase             `json:"phase"`
	Since    time.Time         `json:"since"`             // the server's time up to which changes are known
	Denied   []string          `json:"denied,omitempty"`  // lists that the user may not read
	Cleared  bool              `json:"cleared,omitempty"` // allocations were denied before this load
	Moving   map[string]string `json:"moving,omitempty"`  // groups that settle opening balances or use money on account: whose
}

func readCursor(since connectors.Cursor) (cursor, error) {
	cur := cursor{Version: 1, Phase: loadContacts}
	if len(since) > 0 && string(since) != "null" {
		if err := json.Unmarshal(since, &cur); err != nil {
			return cur, fmt.Errorf("sage: stored cursor: %w", err)
		}
		if _, loading := steps[cur.Phase]; !loading && cur.Phase != followChanges {
			return cur, fmt.Errorf("sage: stored cursor: unknown phase %q", cur.Phase)
		}
	}
	if cur.Moving == nil {
		cur.Moving = map[string]string{}
	}
	return cur, nil
}

func (cur cursor) next() connectors.Cursor {
	text, _ := json.Marshal(cur) // plain fields: cannot fail
	return text
}

// Restart returns the cursor of a full load that still knows the business.
func (c *Connector) Restart(since connectors.Cursor) connectors.Cursor {
	cur, err := readCursor(since)
	if err != nil {
		return nil
	}
	return cur.again().next()
}

// again is where a load begins that forgets all but whose books these are.
func (cur cursor) again() cursor {
	return cursor{
		Version: 1, Business: cur.Business, Phase: loadContacts, Cleared: cur.Cleared || cur.denies(allocations), Moving: map[string]string{},
	}
}

func (cur cursor) denies(r resource) bool {
	for _, path := range cur.Denied {
		if path == r.path {
			return true
		}
	}
	return false
}
