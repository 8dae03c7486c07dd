package quickbooks

import (
	"encoding/json"
	"fmt"
	"time"

	"relanced/connectors"
)

// phase is where a pass stands.
type phase string

const (
	loadCustomers   phase = "customers"
	loadInvoices    phase = "invoices"
	loadCreditMemos phase = "creditmemos"
	loadPayments    phase = "payments"
	followChanges   phase = "changes"
)

// phases are the steps of a full load, in order.
var phases = map[phase]struct {
	entity string
	next   phase
}{
	loadCustomers:   {customers, loadInvoices},
	loadInvoices:    {invoices, loadCreditMemos},
	loadCreditMemos: {creditMemos, loadPayments},
	loadPayments:    {payments, followChanges},
}

type cursor struct {
	Version int       `json:"v"`
	Realm   string    `json:"realm,omitempty"` // whose books these are
	Phase   phase     `json:"phase"`
	After   string    `json:"after,omitempty"`  // last id of the phase that was committed
	Count   int       `json:"count,omitempty"`  // rows of the phase so far
	Hidden  bool      `json:"hidden,omitempty"` // the listing met a row of which not even the id could be read
	Newest  string    `json:"newest,omitempty"` // highest id of a customer yielded
	Home    string    `json:"home,omitempty"`   // the company's currency
	Since   time.Time `json:"since"`            // the server's time up to which changes are known
	Gone    []string  `json:"gone,omitempty"`   // deletions told since then and looked into
}

func readCursor(since connectors.Cursor) (cursor, error) {
	cur := cursor{Version: 1, Phase: loadCustomers}
	if len(since) == 0 || string(since) == "null" {
		return cur, nil
	}
	if err := json.Unmarshal(since, &cur); err != nil {
		return cur, fmt.Errorf("quickbooks: stored cursor: %w", err)
	}
	if _, loading := phases[cur.Phase]; !loading && cur.Phase != followChanges {
		return cur, fmt.Errorf("quickbooks: stored cursor: unknown phase %q", cur.Phase)
	}
	return cur, nil
}

func (cur cursor) next() connectors.Cursor {
	text, _ := json.Marshal(cur) // plain fields: cannot fail
	return text
}

// Restart returns the cursor of a full load that still knows the company.
func (c *Connector) Restart(since connectors.Cursor) connectors.Cursor {
	cur, err := readCursor(since)
	if err != nil {
		return nil
	}
	return cursor{Version: 1, Realm: cur.Realm, Phase: loadCustomers}.next()
}
