package pennylane

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"relanced/connectors"
)

// phase is where a pass stands. The vendor's own cursors live minutes and are
// never stored: a load that was cut goes on after the last id it committed.
type phase string

const (
	loadCustomers    phase = "customers"
	loadInvoices     phase = "invoices"
	loadTransactions phase = "transactions"
	followChanges    phase = "changes"
)

// resources are followed by their changelogs.
const (
	customers    = "customers"
	transactions = "transactions"
	invoices     = "customer_invoices"
)

type cursor struct {
	Version int                  `json:"v"`
	Company int64                `json:"company,omitempty"`
	Phase   phase                `json:"phase"`
	After   string               `json:"after,omitempty"`  // last id of the phase that was committed
	Newest  string               `json:"newest,omitempty"` // customers up to this id are known
	Loaded  time.Time            `json:"loaded"`           // the server's time when the load began
	Marks   map[string]time.Time `json:"marks"`            // per resource: changes up to here are known
	Handled map[string][]string  `json:"handled,omitempty"`
}

func readCursor(since connectors.Cursor) (cursor, error) {
	cur := cursor{Version: 1, Phase: loadCustomers}
	if len(since) == 0 || string(since) == "null" {
		return cur, nil
	}
	if err := json.Unmarshal(since, &cur); err != nil {
		return cur, fmt.Errorf("pennylane: stored cursor: %w", err)
	}
	switch cur.Phase {
	case loadCustomers, loadInvoices, loadTransactions, followChanges:
	default:
		return cur, fmt.Errorf("pennylane: stored cursor: unknown phase %q", cur.Phase)
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
	return cursor{Version: 1, Company: cur.Company, Phase: loadCustomers}.next()
}

// Owner names the company in Pennylane, and the address it is read at: a
// simulator may count its companies from one too.
func (c *Connector) Owner(at connectors.Cursor) string {
	cur, err := readCursor(at)
	if err != nil || cur.Company == 0 {
		return ""
	}
	return c.base + " " + strconv.FormatInt(cur.Company, 10)
}

// handledKey names one event, so that those read again because polls overlap
// are not fetched again.
func handledKey(e change) string {
	return string(e.ID) + "@" + strconv.FormatInt(e.ProcessedAt.UnixMicro(), 36)
}
