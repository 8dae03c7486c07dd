package sage

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
)

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
		if rich := l.query.Get("attributes") == "all"; rich && httpapi.TooMuch(err) {
			if size > 1 {
				most = smaller(size)
				continue
			}
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

// failing is said of a record that the vendor breaks on.
const failing = "Sage fails to give it: look at it there"

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
	case httpapi.KindOf(err) == connectors.Schema:
		out.bad = []connectors.Rejected{unreadable(l.r, bare.rows[0].key(), err)}
	case httpapi.TooMuch(err):
		out.bad = []connectors.Rejected{rejected(l.r, bare.rows[0].key(), failing)}
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
