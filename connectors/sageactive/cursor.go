package sageactive

import (
	"encoding/json"
	"fmt"
	"time"

	"relanced/connectors"
)

// phase is where a pass stands.
type phase string

const (
	loadCustomers phase = "customers"
	loadInvoices  phase = "invoices"
	loadEntries   phase = "entries"
	followChanges phase = "changes"
)

type cursor struct {
	Version      int       `json:"v"`
	Organization string    `json:"organization"` // whose books these are
	Phase        phase     `json:"phase"`
	Since        time.Time `json:"since"` // the server's time up to which changes are known
}

func readCursor(since connectors.Cursor) (cursor, error) {
	cur := cursor{Version: 1, Phase: loadCustomers}
	if len(since) == 0 || string(since) == "null" {
		return cur, nil
	}
	if err := json.Unmarshal(since, &cur); err != nil {
		return cur, fmt.Errorf("sageactive: stored cursor: %w", err)
	}
	switch cur.Phase {
	case loadCustomers, loadInvoices, loadEntries, followChanges:
		return cur, nil
	}
	return cur, fmt.Errorf("sageactive: stored cursor: unknown phase %q", cur.Phase)
}

func (cur cursor) next() connectors.Cursor {
	text, _ := json.Marshal(cur) // plain fields: cannot fail
	return text
}

// Restart returns the cursor of a full load that still knows the organization.
func (c *Connector) Restart(since connectors.Cursor) connectors.Cursor {
	cur, err := readCursor(since)
	if err != nil {
		return nil
	}
	return cursor{Version: 1, Organization: cur.Organization, Phase: loadCustomers}.next()
}
