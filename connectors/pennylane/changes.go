package pennylane

import (
	"net/http"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/receivable"
)

const (
	// overlap is read again at each poll: events appear up to a second after
	// what they tell, and several may share a moment.
	overlap = 2 * time.Minute
	// skew is how far the vendor's own clocks may differ; older events than the
	// load are known by it.
	skew = 2 * time.Second
	// settled is how far behind the server's clock a mark follows when nothing
	// happens, so that a quiet month does not outlive the vendor's memory.
	settled = time.Hour
	// mostHandled bounds the events remembered in the cursor.
	mostHandled = 300
)

// followChanges polls the three changelogs and reads again what they name. The
// marks move in the last page only: a pass that was cut repeats its work.
func (p *pass) followChanges() error {
	p.began = p.c.now()
	marks, handled := map[string]time.Time{}, map[string][]string{}

	ids, err := p.poll(customers, marks, handled)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		if err := p.yieldCustomers(chunk); err != nil {
			return err
		}
	}
	if len(ids) > 0 {
		p.meet(ids[len(ids)-1]) // they come sorted
	}
	ids, err = p.poll(transactions, marks, handled)
	if err != nil {
		return err
	}
	touched, err := p.changedTransactions(ids)
	if err != nil {
		return err
	}
	ids, err = p.poll(invoices, marks, handled)
	if err != nil {
		return err
	}
	for _, id := range touched { // a bank match need not show among the invoices' changes
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		if err := p.changedInvoices(chunk); err != nil {
			return err
		}
	}
	p.cur.Marks, p.cur.Handled = marks, handled
	return p.send(connectors.Page{})
}

// poll returns the ids that a changelog names and that were not handled yet,
// neither by an earlier poll nor by the load. What the events say happened is
// not trusted: the object itself tells, and one that is nowhere is gone.
func (p *pass) poll(resource string, marks map[string]time.Time, handled map[string][]string) ([]string, error) {
	mark := p.cur.Marks[resource]
	events, date, err := p.c.changes(p.ctx, resource, mark.Add(-overlap))
	if err != nil {
		return nil, err
	}
	before := make(map[string]bool, len(p.cur.Handled[resource]))
	for _, key := range p.cur.Handled[resource] {
		before[key] = true
	}
	var ids []string
	covered := p.cur.Loaded.Add(-skew)
	seen := map[string]bool{}
	for _, e := range events {
		if e.ProcessedAt.After(mark) {
			mark = e.ProcessedAt
		}
		if id := string(e.ID); id != "" && !seen[id] && !before[handledKey(e)] && !e.ProcessedAt.Before(covered) {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	if quiet := date.Add(-settled); quiet.After(mark) {
		mark = quiet
	}
	marks[resource] = mark
	var keys []string
	for _, e := range events {
		if !e.ProcessedAt.Before(mark.Add(-overlap).Truncate(time.Second)) {
			keys = append(keys, handledKey(e))
		}
	}
	if len(keys) <= mostHandled {
		handled[resource] = keys
	}
	slices.SortFunc(ids, compareIDs)
	return ids, nil
}

// changedTransactions yields transactions by id and returns the invoices they
// are matched with.
func (p *pass) changedTransactions(ids []string) (touched []string, err error) {
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		out := connectors.Page{AsOf: p.c.now()}
		rows, bad, err := byID[transaction](p.ctx, p.c.client, "read changed transactions", "/transactions", chunk)
		if err != nil {
			return nil, err
		}
		if rows, err = p.c.absent(p.ctx, &out, receivable.ItemPayment, chunk, rows, bad); err != nil {
			return nil, err
		}
		if err := p.c.payments(p.ctx, &out, rows, bad); err != nil {
			return nil, err
		}
		for _, payment := range out.Payments {
			matched, err := sub[matchedInvoice](p.ctx, p.c.client, "list invoices of a transaction", "/transactions/"+payment.External+"/matched_invoices")
			if err != nil && !refusedSub(err) {
				return nil, err
			}
			for _, m := range matched {
				if m.Type == "customer" || m.Type == "" {
					touched = append(touched, string(m.ID))
				}
			}
		}
		if err := p.send(out); err != nil {
			return nil, err
		}
	}
	return touched, nil
}

func (p *pass) changedInvoices(ids []string) error {
	out := connectors.Page{AsOf: p.c.now()}
	rows, err := p.c.invoices(p.ctx, &out, ids)
	if err != nil {
		return err
	}
	if err := p.debtors(out.Documents); err != nil {
		return err
	}
	if err := p.c.allDetails(p.ctx, &out, rows); err != nil {
		return err
	}
	return p.send(out)
}

// refusedSub tells that a list beside the main objects is not to be had: its
// facts are then done without.
func refusedSub(err error) bool {
	status := httpapi.StatusOf(err)
	return status == http.StatusForbidden || status == http.StatusNotFound
}
