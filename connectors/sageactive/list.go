package sageactive

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/receivable"
)

// nodes is a page of a list as the interface tells it.
type nodes[N any] struct {
	Nodes N        `json:"nodes"`
	Info  pageInfo `json:"pageInfo"`
	Total *int     `json:"totalCount"`
}

type pageInfo struct {
	End  string `json:"endCursor"`
	Next bool   `json:"hasNextPage"`
}

// next is where the next page begins; "" there is none.
func (i pageInfo) next() string {
	if i.Next {
		return i.End
	}
	return ""
}

// listing is an answer with a page of a list, decoded in one go where every row
// of it can be, as is usual: decoding costs more than all else that is done here.
type listing[T keyed] struct {
	answer
	whole *nodes[[]T] // nil: the answer is to be read row by row
}

// DecodeJSON reads the page, or the envelope of whatever else it is.
func (l *listing[T]) DecodeJSON(data []byte) error {
	var in struct {
		Data   map[string]nodes[[]T] `json:"data"`
		Errors json.RawMessage       `json:"errors"`
	}
	if json.Unmarshal(data, &in) == nil && len(in.Errors) == 0 {
		if got := in.Data[l.field]; got.Nodes != nil && got.Total != nil {
			l.whole = &got
			return nil
		}
	}
	return l.answer.DecodeJSON(data)
}

// page is one answer of a list.
type page[T keyed] struct {
	rows  []T
	bad   []connectors.Rejected
	ids   []string // of all rows, unreadable ones too
	total int
	next  string // where the next page begins; "" there is none
	meta  httpapi.Meta
	fits  bool // it is of the list that was asked for
}

// read asks for one page. One that may fail for its size alone is asked for twice
// and no more.
func read[T keyed](ctx context.Context, c *client, r root, query string, variables map[string]any, size int) (page[T], error) {
	op := "list " + r.plain
	a := listing[T]{answer: answer{field: r.name}}
	variables["n"] = size
	tries := 2
	if size <= smallest {
		tries = 0
	}
	meta, err := c.send(ctx, op, query, variables, 0, tries, &a)
	out := page[T]{meta: meta}
	if err != nil {
		return out, err
	}
	if in := a.whole; in != nil {
		out.fits, out.total, out.next, out.rows = true, *in.Total, in.Info.next(), in.Nodes
		for _, row := range out.rows {
			out.ids = append(out.ids, row.key())
		}
		return out, nil
	}
	var in nodes[json.RawMessage]
	if len(a.data[r.name]) == 0 || json.Unmarshal(a.data[r.name], &in) != nil || in.Total == nil {
		return out, nil // another answer than was asked for
	}
	out.fits, out.total, out.next = true, *in.Total, in.Info.next()
	out.rows, err = httpapi.Rows[T](in.Nodes, func(raw json.RawMessage, err error) {
		id, externals := namesIn(r, raw)
		for _, ext := range externals {
			out.bad = append(out.bad, connectors.Rejected{Ref: connectors.Ref{Kind: kindOf(r), External: ext}, Text: "cannot be read: " + err.Error()})
		}
		out.ids = append(out.ids, id)
	})
	if err != nil {
		return out, c.http.Fail(op, connectors.Schema, err.Error(), "")
	}
	for _, row := range out.rows {
		out.ids = append(out.ids, row.key())
	}
	return out, nil
}

func kindOf(r root) receivable.ItemKind {
	if r.name == customers.name {
		return receivable.ItemAccount
	}
	return receivable.ItemDocument
}

// namesIn finds the id of a row that cannot be read, and what we call what it
// tells: an entry may tell several invoices.
func namesIn(r root, raw json.RawMessage) (id string, externals []string) {
	var in struct {
		ID    string `json:"id"`
		Lines []struct {
			Invoice struct {
				ID string `json:"id"`
			} `json:"accountingEntryInvoice"`
		} `json:"accountingEntryLines"`
	}
	_ = json.Unmarshal(raw, &in) // as much as can be
	for _, l := range in.Lines {
		if ext := entryOf(in.ID, l.Invoice.ID); l.Invoice.ID != "" && !slices.Contains(externals, ext) {
			externals = append(externals, ext)
		}
	}
	switch {
	case len(externals) > 0:
		return in.ID, externals
	case r.name == entries.name && in.ID != "":
		return in.ID, []string{entryPrefix + in.ID}
	}
	return in.ID, []string{in.ID}
}

// rejected is a document that cannot be read.
func rejected(external, text string) connectors.Rejected {
	return connectors.Rejected{Ref: connectors.Ref{Kind: receivable.ItemDocument, External: external}, Text: text}
}

// overlapping is the cursor one row earlier: the vendor's are offsets, so that
// the next page then begins with the last row again, and shows by it whether
// rows moved. A cursor that is no offset stays as it is.
func overlapping(cursor string) (string, bool) {
	text, err := base64.StdEncoding.DecodeString(cursor)
	if err != nil {
		return cursor, false
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 {
		return cursor, false
	}
	return base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(n - 1))), true
}

// attempts is how often a list that does not add up is read again from its start.
const attempts = 8

// list yields what a query finds page by page, the last one only when all of it
// was read: each page begins with the last row of the one before, and in the end
// there must be as many rows as the vendor counts, on each page alike. Else rows
// came or went meanwhile, and it begins again.
func list[T keyed](ctx context.Context, c *client, r root, query string, variables map[string]any, each func(p page[T], last bool) error) error {
	for range attempts {
		ended, err := once(ctx, c, r, query, variables, each)
		if ended || err != nil {
			return err
		}
	}
	return c.http.Fail("list "+r.plain, connectors.Temporary, "rows come and go faster than they can be listed", "")
}

func once[T keyed](ctx context.Context, c *client, r root, query string, variables map[string]any, each func(p page[T], last bool) error) (bool, error) {
	vars := map[string]any{}
	for key, value := range variables {
		vars[key] = value
	}
	seen := map[string]bool{}
	total, before, after := -1, "", ""
	size, refused := c.size(r), false
	for {
		got, err := read[T](ctx, c, r, query, vars, size)
		if size > smallest && (httpapi.KindOf(err) == connectors.Invalid || httpapi.TooMuch(err)) {
			refused = refused || httpapi.KindOf(err) == connectors.Invalid
			size = max(size/2, smallest)
			continue
		}
		if err != nil {
			return false, err
		}
		if refused { // as it would be each time, unlike what failed
			c.learn(r, size)
			refused = false
		}
		if total < 0 {
			total = got.total
		}
		if !got.fits || got.total != total || before != "" && (len(got.ids) == 0 || !slices.Contains(got.ids, before)) {
			return false, nil
		}
		fresh := got.rows[:0]
		for _, row := range got.rows {
			if row.key() != before {
				fresh = append(fresh, row)
			}
		}
		got.rows = fresh
		for _, id := range got.ids {
			if id != before && seen[id] {
				return false, nil
			}
			seen[id] = true
		}
		last := got.next == ""
		if last && len(seen) != total || !last && (got.next == after || len(got.ids) == 0) {
			return false, nil
		}
		if err := each(got, last); err != nil || last {
			return err == nil, err
		}
		after = got.next
		earlier, ok := overlapping(got.next)
		before = ""
		if ok && len(got.bad) == 0 {
			before = got.ids[len(got.ids)-1]
		} else {
			earlier = got.next
		}
		vars["c"] = earlier
	}
}

// byID reads the rows with the given ids; those that are not there are missing.
func byID[T keyed](ctx context.Context, c *client, r root, ids []string, each func(p page[T], last bool) error) error {
	for chunk := range slices.Chunk(ids, c.size(r)) {
		if err := list(ctx, c, r, r.byID(chunk), nil, each); err != nil {
			return err
		}
	}
	return nil
}
