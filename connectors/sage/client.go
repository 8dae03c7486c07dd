package sage

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/oauth"
)

// pageSize is the vendor's most.
const pageSize = 200

// client speaks the interface 3.1 in the vendor's words.
type client struct {
	http     *httpapi.Client
	grant    oauth.Client
	business string
	page     int // rows of one answer
}

// all asks for every key: rows have three without.
func all(r resource) url.Values {
	q := url.Values{"attributes": {"all"}}
	if r.path == contacts.path {
		q.Set("nested_attributes", "all")
	}
	return q
}

// full asks for all that is of use in a list.
func full(r resource) url.Values {
	q := all(r)
	switch r.path {
	case contacts.path, openings.path:
		q.Set("contact_type_id", "CUSTOMER")
	}
	return q
}

// page is one answer of a list.
type page[T keyed] struct {
	rows  []T
	bad   []connectors.Rejected
	total int
	meta  httpapi.Meta
	fits  bool // it is the page that was asked for
}

func (p page[T]) n() int { return len(p.rows) + len(p.bad) }

// ids are those of all rows, of unreadable ones too where they tell it.
func (p page[T]) ids(r resource) []string {
	ids := make([]string, 0, p.n())
	for _, row := range p.rows {
		ids = append(ids, row.key())
	}
	for _, b := range p.bad {
		ids = append(ids, strings.TrimPrefix(b.Ref.External, r.prefix))
	}
	return ids
}

// triesAlone is how often a row is asked for that may fail for what it is.
const triesAlone = 3

// read asks for one page. Pages of all there is to rows may fail for their size
// alone: they are asked for twice and no more.
func read[T keyed](ctx context.Context, c *client, op string, r resource, query url.Values, number, size int) (page[T], error) {
	q := url.Values{}
	for key, values := range query {
		q[key] = values
	}
	q.Set("items_per_page", strconv.Itoa(size))
	q.Set("page", strconv.Itoa(number))
	call := httpapi.Call{Op: op, Path: r.path, Query: q}
	switch {
	case q.Get("attributes") != "all":
	case size > 1:
		call.Tries = 2
	default:
		call.Tries = triesAlone
	}
	var in envelope
	var out page[T]
	var err error
	if out.meta, err = c.http.Do(ctx, call, &in); err != nil {
		if httpapi.KindOf(err) == connectors.NotFound {
			return out, c.http.Fail(op, connectors.Auth, "Sage does not know the business "+c.business, "check business_id")
		}
		return out, err
	}
	if in.Total == nil || len(in.Items) == 0 {
		return out, nil // another answer than was asked for
	}
	out.total, out.fits = *in.Total, in.Page == 0 || in.Page == number
	out.rows, err = httpapi.Rows[T](in.Items, func(raw json.RawMessage, err error) {
		var known thin
		_ = json.Unmarshal(raw, &known)
		out.bad = append(out.bad, rejected(r, known.key(), "cannot be read: "+err.Error()))
	})
	if err != nil {
		return out, c.http.Fail(op, connectors.Schema, err.Error(), "")
	}
	for _, row := range out.rows {
		out.fits = out.fits && row.key() != "" && (row.path() == "" || strings.HasPrefix(row.path(), r.path+"/"))
	}
	return out, nil
}

// one reads a record by id; tries as in httpapi.Call.
func one[T keyed](ctx context.Context, c *client, r resource, id string, tries int) (T, error) {
	var row T
	q := all(r)
	if r.marks {
		q.Set("mark_as_sent", "false")
	}
	_, err := c.http.Do(ctx, httpapi.Call{Op: "read a " + r.plain, Path: r.path + "/" + url.PathEscape(id), Query: q, Tries: tries}, &row)
	switch {
	case err != nil:
	case row.key() != id:
		err = c.http.Fail("read a "+r.plain, connectors.Temporary, "another record came than was asked for", "")
	case row.gone():
		err = c.http.Fail("read a "+r.plain, connectors.NotFound, "it is deleted", "")
	}
	return row, err
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// serverTime is the vendor's clock at an answer; ours where it tells none.
func serverTime(meta httpapi.Meta) time.Time {
	if meta.Date.IsZero() {
		return meta.At
	}
	return meta.Date
}

// unreadable is a record that was answered by id and not understood.
func unreadable(r resource, id string, err error) connectors.Rejected {
	if e, ok := errors.AsType[*connectors.Error](err); ok && e.Err != nil {
		err = e.Err
	}
	return rejected(r, id, "cannot be read: "+err.Error())
}

func rejected(r resource, id, text string) connectors.Rejected {
	return connectors.Rejected{Ref: connectors.Ref{Kind: r.kind, External: r.external(id)}, Text: text}
}
