package sage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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

// tooLarge tells that a page may have failed for its size.
func tooLarge(err error) bool {
	switch httpapi.StatusOf(err) {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// smaller is the next size to try, at most half: a divisor, so that pages of it
// begin where the larger ones did.
func smaller(size int) int {
	for n := size / 2; n > 1; n-- {
		if size%n == 0 {
			return n
		}
	}
	return 1
}

// sizeAt is the largest size, no more than most, of which a page begins after
// that many rows.
func sizeAt(whole, most, after int) int {
	for size := whole; size > 1; size = smaller(size) {
		if size <= most && after%size == 0 {
			return size
		}
	}
	return 1
}

// attempts is how often a list that does not add up is read again from its start.
const attempts = 8

// list yields a list page by page, the last one only when all of it was read:
// the vendor's pages are numbers, so that a row deleted on an early page moves
// another one over a border unseen, and a page beyond the end is the last one
// again. Where rows came or went meanwhile it begins again.
func list[T keyed](ctx context.Context, c *client, r resource, query url.Values, each func(p page[T], last bool) error) error {
	l := lister[T]{c: c, r: r, query: query, each: each, deleted: map[string]bool{}}
	for range attempts {
		ended, err := l.once(ctx)
		if ended || err != nil {
			return err
		}
	}
	return c.http.Fail("list "+r.plain+"s", connectors.Temporary, "rows come and go faster than they can be listed", "")
}

type lister[T keyed] struct {
	c       *client
	r       resource
	query   url.Values
	each    func(p page[T], last bool) error
	deleted map[string]bool // known to be, before this attempt
}

// once reads the list from its start; false where it does not add up.
func (l *lister[T]) once(ctx context.Context) (bool, error) {
	seen := map[string]bool{}
	var began time.Time
	total, most := 0, l.c.page
	for after := 0; ; {
		size := sizeAt(l.c.page, most, after)
		op := fmt.Sprintf("list %ss, from %d", l.r.plain, after+1)
		got, err := read[T](ctx, l.c, op, l.r, l.query, after/size+1, size)
		if tooLarge(err) && size > 1 {
			most = smaller(size)
			continue
		}
		if tooLarge(err) {
			got, err = l.alone(ctx, op, after+1)
			most = l.c.page
		}
		if err != nil {
			return false, err
		}
		if began.IsZero() {
			total, began = got.total, serverTime(got.meta)
		}
		last := after+size >= total
		if !got.fits || got.total != total || got.n() != min(size, total-after) {
			return false, nil
		}
		for _, id := range got.ids(l.r) {
			if seen[id] {
				return false, nil
			}
			seen[id] = true
		}
		if last && after > 0 { // one answer alone is of one moment
			if same, err := l.unmoved(ctx, total, began); err != nil || !same {
				return false, err
			}
		}
		if err := l.each(got, last); err != nil || last {
			return err == nil, err
		}
		after += size
	}
}

// alone reads one row that spoils its page: its id from the bare list, then by
// id. What cannot be read even so is reported.
func (l *lister[T]) alone(ctx context.Context, op string, number int) (page[T], error) {
	query := url.Values{}
	for key, values := range l.query {
		if key != "attributes" && key != "nested_attributes" && key != "show_payments_allocations" {
			query[key] = values
		}
	}
	bare, err := read[thin](ctx, l.c, op, l.r, query, number, 1)
	out := page[T]{total: bare.total, meta: bare.meta, fits: bare.fits}
	if err != nil || len(bare.rows) == 0 {
		return out, err
	}
	row, err := one[T](ctx, l.c, l.r, bare.rows[0].key(), triesAlone)
	switch {
	case tooLarge(err):
		out.bad = []connectors.Rejected{rejected(l.r, bare.rows[0].key(), "Sage fails to give it: look at it there")}
	case httpapi.KindOf(err) == connectors.NotFound:
		out.fits = false
	case err != nil:
		return out, err
	default:
		out.rows = []T{row}
	}
	return out, nil
}

// unmoved asks once more how many there are, and whether any was deleted since
// the list began. Times have seconds: what is told twice was known.
func (l *lister[T]) unmoved(ctx context.Context, total int, began time.Time) (bool, error) {
	query := url.Values{}
	for key, values := range l.query {
		if key != "attributes" && key != "nested_attributes" {
			query[key] = values
		}
	}
	now, err := read[thin](ctx, l.c, "count "+l.r.plain+"s again", l.r, query, 1, 1)
	if err != nil || !now.fits || now.total != total {
		return false, err
	}
	if query.Has("deleted_since") {
		return true, nil
	}
	gone, err := read[thin](ctx, l.c, "look for deleted "+l.r.plain+"s", l.r, url.Values{"deleted_since": {stamp(began.Add(-time.Second))}}, 1, l.c.page)
	if err != nil || !gone.fits {
		return false, err
	}
	same := gone.total == gone.n()
	for _, id := range gone.ids(l.r) {
		same = same && l.deleted[id]
		l.deleted[id] = true
	}
	return same, nil
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

func rejected(r resource, id, text string) connectors.Rejected {
	return connectors.Rejected{Ref: connectors.Ref{Kind: r.kind, External: r.external(id)}, Text: text}
}
