package sql

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/manifest"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// page is what one statement brought.
type page struct {
	connectors.Page
	last any  // the key of the last row; nil where there was none
	more bool // rows follow
}

// page reads the rows of a section that satisfy the conditions, by growing key.
// One row more than a page is asked for: it tells whether others follow, and
// whether a key stands twice over the border.
func (r *reader) page(s *Section, conditions []string, args []any) (page, error) {
	var got page
	n, size := 0, r.c.book.Page
	query := r.c.target.limit(s.what(), s.from(conditions...)+" ORDER BY q."+string(s.Key), size+1)
	err := r.rows(query, args, s.columns, func(row manifest.Row) error {
		key := keyOf(row[string(s.Key)])
		if n++; key != nil && key == got.last {
			return s.badKey(fmt.Sprintf("%s = %v stands in two rows of the query", s.Key, key), "let the query give one row for each key, or name another column as key")
		}
		if n > size {
			got.more = true
			return nil
		}
		got.last = key
		r.c.take(s, row, &got.Page)
		return nil
	})
	if err == nil && got.more && got.last == nil {
		err = s.badKey(fmt.Sprintf("%s is null in more than %d rows", s.Key, size), "name a column as key that is never null")
	}
	if err == nil && s.name == "invoices" {
		err = r.dues(&got.Page)
	}
	return got, err
}

func (s *Section) badKey(detail, do string) error {
	return &connectors.Error{Kind: connectors.Invalid, Op: "sql: read " + s.name, Detail: detail, Do: do}
}

// keyOf is a key as it is kept: a whole number, or text.
func keyOf(v any) any {
	switch v.(type) {
	case nil, int64, string:
		return v
	}
	return fmt.Sprint(v)
}

// keyParam is a kept key as a parameter.
func (c *Connector) keyParam(key any) any {
	if c.target.typed {
		return key
	}
	return c.target.key(fmt.Sprint(key))
}

// forms are the parameters that a key known as text may be meant by.
func (c *Connector) forms(key string) []any {
	if n, err := strconv.ParseInt(key, 10, 64); c.target.typed && err == nil && strconv.FormatInt(n, 10) == key {
		return []any{n, key}
	}
	return []any{c.target.key(key)}
}

// take maps a row of a section into the page; one that does not fit is among
// the bad ones.
func (c *Connector) take(s *Section, row manifest.Row, into *connectors.Page) {
	var err error
	switch s.kind() {
	case receivable.ItemAccount:
		var a receivable.Account
		var notes []string
		if a, notes, err = c.book.Customers.Map.Read(row); err == nil {
			into.Accounts = append(into.Accounts, a)
		}
		for _, note := range notes {
			into.Notes = append(into.Notes, connectors.Rejected{Ref: connectors.Ref{Kind: receivable.ItemAccount, External: a.External}, Text: note})
		}
	case receivable.ItemDocument:
		var d receivable.Document
		if d, err = c.book.Invoices.Map.Read(row, c.defaults); err == nil {
			into.Documents = append(into.Documents, d)
		}
	case receivable.ItemPayment:
		var p receivable.Payment
		var links []receivable.Allocation
		if p, links, err = c.book.Payments.Map.Read(row, c.defaults); err == nil {
			into.Payments = append(into.Payments, p)
			into.Allocations = append(into.Allocations, links...)
		}
		if c.book.Payments.Map.Links() && (err == nil || errors.Is(err, manifest.ErrSkip)) {
			into.Groups = append(into.Groups, manifest.LinksOf(strings.TrimSpace(fmt.Sprint(keyOf(row[string(s.Key)])))))
		}
	case receivable.ItemAllocation:
		var links []receivable.Allocation
		var whole string
		links, whole, err = c.book.Allocations.Map.Read(row, c.defaults)
		if err == nil {
			into.Allocations = append(into.Allocations, links...)
		}
		if whole != "" && (err == nil || errors.Is(err, manifest.ErrSkip)) {
			into.Groups = append(into.Groups, whole)
		}
	}
	if err == nil {
		return
	}
	ref := connectors.Ref{Kind: s.kind()}
	if key := keyOf(row[string(s.Key)]); key != nil && s.kind() != receivable.ItemAllocation {
		ref.External = strings.TrimSpace(fmt.Sprint(key))
	}
	switch {
	case !errors.Is(err, manifest.ErrSkip):
		into.Bad = append(into.Bad, connectors.Rejected{Ref: ref, Text: err.Error()})
	case ref.External != "": // it may have been for the books before
		into.Gone = append(into.Gone, ref)
	}
}

// dues gives the invoices of a page the due lines of their table. An invoice
// without any keeps the one of its own row.
func (r *reader) dues(into *connectors.Page) error {
	d := r.c.book.Dues
	if d == nil {
		return nil
	}
	at := map[string]*receivable.Document{}
	var keys []string
	for i := range into.Documents {
		if doc := &into.Documents[i]; doc.Kind == receivable.Invoice {
			at[doc.External] = doc
			keys = append(keys, doc.External)
		}
	}
	lines, wrong := map[string][]manifest.DueLine{}, map[string]error{}
	for chunk := range slices.Chunk(keys, readChunk) {
		condition, args := r.c.among(d.Key, chunk, nil)
		err := r.rows("SELECT "+d.what()+" "+d.from(condition), args, d.columns, func(row manifest.Row) error {
			invoice, err := d.Map.InvoiceOf(row)
			if doc := at[invoice]; err == nil && doc != nil {
				line, err := d.Map.Read(row, doc.Total.Currency)
				if line.On.IsZero() {
					line.On = r.c.defaults.Terms.Due(doc.IssuedOn)
					line.Estimated = !line.On.IsZero()
				}
				switch {
				case err == nil:
					lines[invoice] = append(lines[invoice], line)
				case !errors.Is(err, manifest.ErrSkip):
					wrong[invoice] = err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	kept := into.Documents[:0]
	for i := range into.Documents {
		doc := into.Documents[i]
		err := wrong[doc.External]
		if err == nil && len(lines[doc.External]) > 0 && doc.Kind == receivable.Invoice {
			if d.Sums {
				sumUp(&doc, lines[doc.External])
			}
			err = manifest.Instalments(&doc, lines[doc.External])
		}
		if err != nil {
			into.Bad = append(into.Bad, connectors.Rejected{Ref: connectors.Ref{Kind: receivable.ItemDocument, External: doc.External}, Text: "due lines: " + err.Error()})
			continue
		}
		kept = append(kept, doc)
	}
	into.Documents = kept
	return nil
}

// sumUp makes the lines the whole of an invoice. A sum that cannot be leaves the
// invoice as it is, which its lines then contradict.
func sumUp(doc *receivable.Document, lines []manifest.DueLine) {
	total, left := money.New(0, doc.Total.Currency), money.New(0, doc.Total.Currency)
	for _, line := range lines[:min(len(lines), manifest.MostDues)] {
		total, left = total.Add(line.Total), left.Add(line.Outstanding)
	}
	if total.Sign() > 0 && left.Sign() >= 0 {
		doc.Total, doc.Outstanding = total, left
	}
}

// debtors adds the customers that the page's documents name, as far as they
// have changed since the mark that was found then; the zero mark: all of them.
func (r *reader) debtors(into *connectors.Page, since mark, found time.Time) error {
	s := &r.c.book.Customers.Section
	var keys []string
	for _, doc := range into.Documents {
		if doc.Account != "" && !slices.Contains(keys, doc.Account) {
			keys = append(keys, doc.Account)
		}
	}
	for chunk := range slices.Chunk(keys, readChunk) {
		condition, args := r.c.among(s.Key, chunk, nil)
		conditions := []string{condition}
		if !since.none() {
			operator, from := since.after(r.c.target.dialect, found)
			args = append(args, from)
			conditions = append(conditions, fmt.Sprintf("q.%s %s %s", s.Changed, operator, r.c.target.mark(len(args))))
		}
		err := r.rows("SELECT "+s.what()+" "+s.from(conditions...), args, s.columns, func(row manifest.Row) error {
			r.c.take(s, row, into)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadInvoices reads invoices and credit notes again, with their customers.
// Keys that the query does not give any more come back as gone.
func (c *Connector) ReadInvoices(ctx context.Context, externals []string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		for chunk := range slices.Chunk(externals, min(readChunk, c.book.Page)) {
			out, err := c.again(ctx, chunk)
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

func (c *Connector) again(ctx context.Context, keys []string) (connectors.Page, error) {
	s := &c.book.Invoices.Section
	var got page
	began := c.now()
	err := c.read(ctx, "read invoices again", func(r *reader) error {
		condition, args := c.among(s.Key, keys, nil)
		var err error
		if got, err = r.page(s, []string{condition}, args); err == nil {
			err = r.debtors(&got.Page, mark{}, began)
		}
		return err
	})
	if err != nil {
		err, _ := c.located(ctx, s, err)
		return connectors.Page{}, err
	}
	out := got.Page
	out.AsOf, out.Gone = began, nil
	there := map[string]bool{}
	for _, doc := range out.Documents {
		there[doc.External] = true
	}
	for _, bad := range out.Bad {
		there[bad.Ref.External] = true
	}
	for _, key := range keys {
		if !there[key] {
			out.Gone = append(out.Gone, connectors.Ref{Kind: receivable.ItemDocument, External: key})
		}
	}
	return out, nil
}

// located adds to an error of a query that does not fit the database which
// columns of the manifest it lacks, each with its place.
// misfit tells that the query or its columns are what is wrong.
func (c *Connector) located(ctx context.Context, s *Section, err error) (told error, misfit bool) {
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok || e.Kind != connectors.Invalid || s == nil {
		return err, false
	}
	var has []string
	asked := c.once(ctx, func(r *reader) error {
		rows, err := r.tx.QueryContext(r.ctx, "SELECT q.* "+s.from("1 = 0"))
		if err != nil {
			return err
		}
		defer rows.Close()
		has, err = rows.Columns()
		return errors.Join(err, rows.Err())
	})
	if asked != nil {
		state, _ := c.stateOf(asked)
		if misfit = state == noTable || state == noColumn || state == syntax; misfit {
			e.Detail = fmt.Sprintf("the query of %s (%s): %s", s.name, s.at, e.Detail)
		}
		return e, misfit
	}
	var lacks []string
	for _, name := range append(slices.Clone(s.columns), string(s.Changed)) {
		if name == "" || slices.ContainsFunc(has, func(c string) bool { return strings.EqualFold(c, name) }) {
			continue
		}
		if place := s.places[name]; place != "" {
			name += " (" + place + ")"
		}
		lacks = append(lacks, name)
	}
	if lacks != nil {
		e.Detail = fmt.Sprintf("the query of %s gives no %s", s.name, strings.Join(lacks, ", "))
	}
	return e, lacks != nil
}
