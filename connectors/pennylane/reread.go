package pennylane

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/receivable"
)

// soon is how many days before its due date an invoice is asked about one by
// one (payments under way, payment schedule).
const soon = 7

// ReadInvoices reads invoices and credit notes again, with the customers of
// those that are open. Ids that are nowhere come back as gone.
func (c *Connector) ReadInvoices(ctx context.Context, externals []string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		for chunk := range slices.Chunk(externals, idsAtOnce) {
			page, err := c.readChunk(ctx, chunk)
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

func (c *Connector) readChunk(ctx context.Context, ids []string) (connectors.Page, error) {
	out := connectors.Page{AsOf: c.now()}
	rows, err := c.invoices(ctx, &out, ids)
	if err != nil {
		return connectors.Page{}, err
	}
	var debtors []string
	for _, doc := range out.Documents {
		if owing(doc) && !slices.Contains(debtors, doc.Account) {
			debtors = append(debtors, doc.Account)
		}
	}
	if err := c.customers(ctx, &out, debtors, nil); err != nil {
		return connectors.Page{}, err
	}
	if err := c.allDetails(ctx, &out, rows); err != nil {
		return connectors.Page{}, err
	}
	return out, nil
}

// List yields the ids of all documents, or of the open ones, as a listing.
func (c *Connector) List(ctx context.Context, part string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		scope := &connectors.Scope{Kind: receivable.ItemDocument, Part: part, Absent: connectors.AbsentGone}
		if part == "open" {
			scope.Absent = connectors.AbsentReread
		}
		final := condition{"draft", "eq", "false"}
		for got, err := range list[invoice](ctx, c.client, "list invoices", "/customer_invoices", after("", final)) {
			if err != nil {
				yield(connectors.Page{}, err)
				return
			}
			var docs connectors.Page
			c.documents(&docs, got.rows, got.bad)
			out := connectors.Page{Listing: scope, Whole: got.last, AsOf: got.meta.At}
			for _, doc := range docs.Documents {
				if part != "open" || doc.Outstanding.Sign() > 0 {
					out.Seen = append(out.Seen, connectors.Ref{Kind: receivable.ItemDocument, External: doc.External})
				}
			}
			for _, b := range docs.Bad { // unreadable is not absent
				out.Seen = append(out.Seen, b.Ref)
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

// FetchDocument downloads the PDF of an invoice or credit note. Its link lives
// for 30 minutes, so the invoice is read first.
func (c *Connector) FetchDocument(ctx context.Context, external string, limit int64) (connectors.Copy, error) {
	const op = "fetch the copy of an invoice"
	in, found, err := one[invoice](ctx, c.client, op, "/customer_invoices", external)
	switch {
	case err != nil:
		return connectors.Copy{}, err
	case !found:
		return connectors.Copy{}, c.http.Fail(op, connectors.NotFound, "the invoice is no longer in Pennylane", "")
	case in.PublicFileURL == "":
		return connectors.Copy{}, c.http.Fail(op, connectors.Temporary, "Pennylane has not made the document yet", "nothing: it is tried again")
	}
	data, err := c.http.Download(ctx, op, in.PublicFileURL, limit)
	if err != nil {
		return connectors.Copy{}, err
	}
	if !strings.HasPrefix(string(data[:min(len(data), 1024)]), "%PDF-") {
		return connectors.Copy{}, c.http.Fail(op, connectors.Schema, "what came is no PDF", "look at the invoice's document in Pennylane")
	}
	return connectors.Copy{Name: fileName(in), Bytes: data}, nil
}

// fileName is a name without paths and control characters.
func fileName(in invoice) string {
	name := in.Filename
	if name == "" {
		name = in.Number
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r):
			return '-'
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f:
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = strings.Trim(cut(strings.TrimSuffix(name, ".pdf"), 120), " .")
	if name == "" {
		name = string(in.ID)
	}
	return name + ".pdf"
}

// documents maps invoices into the page; drafts and what is no invoice are left out.
func (c *Connector) documents(out *connectors.Page, rows []invoice, bad []badRow) {
	for _, row := range rows {
		doc, err := mapInvoice(row, c.terms)
		switch {
		case errors.Is(err, errIgnored):
		case err != nil:
			out.Bad = append(out.Bad, rejected(receivable.ItemDocument, string(row.ID), err.Error()))
		default:
			out.Documents = append(out.Documents, doc)
		}
	}
	for _, b := range bad {
		out.Bad = append(out.Bad, rejected(receivable.ItemDocument, b.id, b.text))
	}
}

// invoices reads invoices by id into the page.
func (c *Connector) invoices(ctx context.Context, out *connectors.Page, ids []string) ([]invoice, error) {
	rows, bad, err := byID[invoice](ctx, c.client, "read invoices again", "/customer_invoices", ids)
	if err != nil {
		return nil, err
	}
	if rows, err = c.absentInvoices(ctx, out, ids, rows, bad); err != nil {
		return nil, err
	}
	c.documents(out, rows, bad)
	return rows, nil
}

// absentInvoices asks one by one for ids that a list left out: lists may omit
// archived invoices, and only a 404 says that one is gone.
func (c *Connector) absentInvoices(ctx context.Context, out *connectors.Page, ids []string, rows []invoice, bad []badRow) ([]invoice, error) {
	return absentees(ctx, c, out, receivable.ItemDocument, "/customer_invoices", ids, rows, bad, func(i invoice) string { return string(i.ID) })
}

func (c *Connector) absent(ctx context.Context, out *connectors.Page, kind receivable.ItemKind, ids []string, rows []transaction, bad []badRow) ([]transaction, error) {
	return absentees(ctx, c, out, kind, "/transactions", ids, rows, bad, func(t transaction) string { return string(t.ID) })
}

func absentees[T any](ctx context.Context, c *Connector, out *connectors.Page, kind receivable.ItemKind, path string, ids []string, rows []T, bad []badRow, id func(T) string) ([]T, error) {
	there := map[string]bool{}
	for _, row := range rows {
		there[id(row)] = true
	}
	for _, b := range bad {
		there[b.id] = true
	}
	for _, want := range ids {
		if there[want] {
			continue
		}
		row, found, err := one[T](ctx, c.client, "read one again", path, want)
		switch {
		case err != nil && httpapi.KindOf(err) == connectors.Schema:
			out.Bad = append(out.Bad, rejected(kind, want, "cannot be read"))
		case err != nil:
			return nil, err
		case found:
			rows = append(rows, row)
		default:
			out.Gone = append(out.Gone, connectors.Ref{Kind: kind, External: want})
		}
	}
	return rows, nil
}

// customers reads customers by id, each with its contacts, into the page. Those
// in known need not be read again.
func (c *Connector) customers(ctx context.Context, out *connectors.Page, ids []string, known map[string]customer) error {
	var rows []customer
	var missing []string
	for _, id := range ids {
		if row, ok := known[id]; ok {
			rows = append(rows, row)
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		read, bad, err := byID[customer](ctx, c.client, "read customers again", "/customers", missing)
		if err != nil {
			return err
		}
		for _, b := range bad {
			out.Bad = append(out.Bad, rejected(receivable.ItemAccount, b.id, b.text))
		}
		read, err = absentees(ctx, c, out, receivable.ItemAccount, "/customers", missing, read, bad, func(c customer) string { return string(c.ID) })
		if err != nil {
			return err
		}
		rows = append(rows, read...)
	}
	for _, row := range rows {
		contacts, err := sub[contact](ctx, c.client, "list contacts of a customer", "/customers/"+string(row.ID)+"/contacts")
		if err != nil && !refusedSub(err) {
			return err
		}
		a, err := mapCustomer(row, contacts)
		if err != nil {
			out.Bad = append(out.Bad, rejected(receivable.ItemAccount, string(row.ID), err.Error()))
			continue
		}
		out.Accounts = append(out.Accounts, a)
	}
	return nil
}

// payments maps transactions into the page. One whose balance is not told is
// asked what it is matched with: unknown is not zero, and not all of it either.
func (c *Connector) payments(ctx context.Context, out *connectors.Page, rows []transaction, bad []badRow) error {
	for _, row := range rows {
		payment, err := mapTransaction(row)
		if errors.Is(err, errIgnored) {
			continue
		}
		if err != nil {
			out.Bad = append(out.Bad, rejected(receivable.ItemPayment, string(row.ID), err.Error()))
			continue
		}
		if row.OutstandingBalance == "" && payment.Account != "" && payment.Unallocated.Sign() > 0 {
			matched, err := sub[matchedInvoice](ctx, c.client, "list invoices of a transaction", "/transactions/"+payment.External+"/matched_invoices")
			if err != nil && !refusedSub(err) {
				return err
			}
			if len(matched) > 0 {
				payment.Unallocated.Minor = 0
			}
		}
		out.Payments = append(out.Payments, payment)
	}
	for _, b := range bad {
		out.Bad = append(out.Bad, rejected(receivable.ItemPayment, b.id, b.text))
	}
	return nil
}

// due tells whether an invoice is open and near or past its due date: about
// those more is asked than the list tells.
func (c *Connector) due(doc receivable.Document) bool {
	if doc.Kind != receivable.Invoice || doc.Outstanding.Sign() <= 0 || doc.Standing != receivable.StandingNormal {
		return false
	}
	on := doc.Dues[0].On
	return on.IsZero() || on <= c.today().AddDays(soon)
}

func (c *Connector) allDetails(ctx context.Context, out *connectors.Page, rows []invoice) error {
	for i := range out.Documents {
		doc := &out.Documents[i]
		if !c.due(*doc) {
			continue
		}
		if err := c.detail(ctx, out, doc, statusOf(rows, doc.External)); err != nil {
			return err
		}
	}
	return nil
}

func statusOf(rows []invoice, id string) string {
	for _, row := range rows {
		if string(row.ID) == id {
			return row.Status
		}
	}
	return ""
}

// detail adds what only an invoice's own lists tell: payments under way through
// Pennylane, the payment schedule, and the dates of what was paid in part.
func (c *Connector) detail(ctx context.Context, out *connectors.Page, doc *receivable.Document, status string) error {
	path := "/customer_invoices/" + doc.External
	under, err := sub[payment](ctx, c.client, "list payments of an invoice", path+"/payments")
	if err != nil && !refusedSub(err) {
		return err
	}
	applyPayments(doc, under)
	if err := c.schedule(ctx, doc, path); err != nil {
		return err
	}
	if status != "partially_paid" {
		return nil
	}
	rows, err := sub[transaction](ctx, c.client, "list transactions of an invoice", path+"/matched_transactions")
	if err != nil && !refusedSub(err) {
		return err
	}
	for _, row := range rows {
		p, err := mapTransaction(row)
		if err != nil {
			continue // the transactions' own list reports it
		}
		if row.OutstandingBalance == "" {
			p.Unallocated.Minor = 0 // it is matched
		}
		out.Payments = append(out.Payments, p)
		group := doc.External + "/" + p.External
		out.Allocations = append(out.Allocations,
			receivable.Allocation{Group: group, Item: doc.External, Kind: receivable.ItemDocument},
			receivable.Allocation{Group: group, Item: p.External, Kind: receivable.ItemPayment})
	}
	return nil
}

// schedules tells whether a company has payment schedules.
type schedules int

const (
	schedulesUnknown schedules = iota
	schedulesNone
	schedulesSome
)

// schedule reads the instalments of an invoice. Companies without the feature
// are asked once: /company/features, and where that is refused, the first invoice.
func (c *Connector) schedule(ctx context.Context, doc *receivable.Document, path string) error {
	c.mu.Lock()
	has := c.schedules
	c.mu.Unlock()
	if has == schedulesUnknown {
		var features json.RawMessage
		_, err := c.http.Get(ctx, "ask which features the company has", "/company/features", nil, &features)
		switch {
		case err == nil && offersSchedules(features):
			has = schedulesSome
		case err == nil:
			has = schedulesNone
		case !refusedSub(err):
			return err
		}
		c.remember(has)
	}
	if has == schedulesNone {
		return nil
	}
	var items page[instalment]
	_, err := c.http.Get(ctx, "list instalments of an invoice", path+"/installments", nil, &items)
	switch {
	case err == nil:
		c.remember(schedulesSome)
		applySchedule(doc, items.rows)
	case refusedSub(err):
		if has == schedulesUnknown {
			c.remember(schedulesNone)
		}
	case httpapi.KindOf(err) == connectors.Schema || httpapi.KindOf(err) == connectors.Invalid:
	default:
		return err
	}
	return nil
}

func (c *Connector) remember(has schedules) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if has != schedulesUnknown {
		c.schedules = has
	}
}

// offersSchedules looks for a feature named after instalments that is on,
// whatever the shape of the answer.
func offersSchedules(features json.RawMessage) bool {
	var v any
	if json.Unmarshal(features, &v) != nil {
		return false
	}
	return offers(v, false)
}

func offers(v any, named bool) bool {
	switch v := v.(type) {
	case bool:
		return named && v
	case string:
		return isSchedule(v) || named && (v == "enabled" || v == "active" || v == "true")
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return offers(e, named) })
	case map[string]any:
		name, _ := v["name"].(string)
		if isSchedule(name) {
			for _, key := range []string{"enabled", "active", "available"} {
				if on, ok := v[key].(bool); ok {
					return on
				}
			}
			return true
		}
		for key, e := range v {
			if offers(e, named || isSchedule(key)) {
				return true
			}
		}
	}
	return false
}

func isSchedule(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "installment") || strings.Contains(name, "instalment") || strings.Contains(name, "payment_schedule")
}
