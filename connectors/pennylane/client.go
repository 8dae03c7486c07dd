package pennylane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
)

// Page sizes are the vendor's maxima; beyond them it answers 400.
const (
	pageSize      = 100
	changesSize   = 1000
	idsAtOnce     = 100 // in one "in" filter; the true maximum is not published
	repeatedPages = 3   // the same cursor again and again is no progress
)

// client speaks the company interface v2 in the vendor's words.
type client struct {
	http *httpapi.Client
}

type condition struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    any    `json:"value"` // strings, also for booleans; a list of strings for "in"
}

func filter(conditions ...condition) string {
	text, _ := json.Marshal(conditions) // strings only: cannot fail
	return string(text)
}

func (c client) me(ctx context.Context) (me, httpapi.Meta, error) {
	var m me
	meta, err := c.http.Get(ctx, "ask whose books these are", "/me", nil, &m)
	return m, meta, err
}

// list yields the pages of a list. Filter and sort are sent again with every
// page: the vendor's cursor does not remember the filter.
func list[T any](ctx context.Context, c client, op, path string, query url.Values) iter.Seq2[listed[T], error] {
	return func(yield func(listed[T], error) bool) {
		query = cloneValues(query)
		seen := map[string]int{}
		for n := 1; ; n++ {
			var p page[T]
			meta, err := c.http.Get(ctx, fmt.Sprintf("%s, page %d", op, n), path, query, &p)
			if err != nil {
				yield(listed[T]{}, err)
				return
			}
			if p.more && p.next == "" {
				yield(listed[T]{}, c.http.Fail(op, connectors.Schema, "more is announced, but no cursor leads to it", ""))
				return
			}
			if seen[p.next]++; p.more && seen[p.next] > repeatedPages {
				yield(listed[T]{}, c.http.Fail(op, connectors.Temporary, "the same page comes again and again", ""))
				return
			}
			if !yield(listed[T]{page: p, meta: meta, last: !p.more}, nil) || !p.more {
				return
			}
			query.Set("cursor", p.next)
			query.Del("start_date") // together with a cursor it is refused
		}
	}
}

// listed is one page with where it stands.
type listed[T any] struct {
	page[T]
	meta httpapi.Meta
	last bool
}

// all reads a short list to its end.
func all[T any](ctx context.Context, c client, op, path string, query url.Values) ([]T, []badRow, error) {
	var rows []T
	var bad []badRow
	for p, err := range list[T](ctx, c, op, path, query) {
		if err != nil {
			return nil, nil, err
		}
		rows, bad = append(rows, p.rows...), append(bad, p.bad...)
	}
	return rows, bad, nil
}

// after is the query of a list by growing id, from the first id beyond after.
func after(id string, conditions ...condition) url.Values {
	if id != "" {
		conditions = append(conditions, condition{"id", "gt", id})
	}
	q := url.Values{"limit": {strconv.Itoa(pageSize)}, "sort": {"id"}}
	if len(conditions) > 0 {
		q.Set("filter", filter(conditions...))
	}
	return q
}

// byID reads the objects with the given ids; those that are not there are
// missing from the answer. A batch the vendor finds too large is halved.
func byID[T any](ctx context.Context, c client, op, path string, ids []string) ([]T, []badRow, error) {
	var rows []T
	var bad []badRow
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		r, b, err := batch[T](ctx, c, op, path, chunk)
		if err != nil {
			return nil, nil, err
		}
		rows, bad = append(rows, r...), append(bad, b...)
	}
	return rows, bad, nil
}

func batch[T any](ctx context.Context, c client, op, path string, ids []string) ([]T, []badRow, error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}, "sort": {"id"}, "filter": {filter(condition{"id", "in", ids})}}
	rows, bad, err := all[T](ctx, c, op, path, query)
	status := httpapi.StatusOf(err)
	tooMany := status == http.StatusBadRequest || status == http.StatusRequestURITooLong || status == http.StatusUnprocessableEntity
	if !tooMany || len(ids) == 1 {
		return rows, bad, err
	}
	half := len(ids) / 2
	rows, bad, err = batch[T](ctx, c, op, path, ids[:half])
	if err != nil {
		return nil, nil, err
	}
	more, worse, err := batch[T](ctx, c, op, path, ids[half:])
	return append(rows, more...), append(bad, worse...), err
}

// one reads a single object; found is false where the vendor has none.
func one[T any](ctx context.Context, c client, op, path, id string) (row T, found bool, err error) {
	_, err = c.http.Get(ctx, op, path+"/"+url.PathEscape(id), nil, &row)
	if httpapi.KindOf(err) == connectors.NotFound {
		return row, false, nil
	}
	return row, err == nil, err
}

// sub reads a list that hangs on an object. An object that went away meanwhile
// has an empty one.
func sub[T any](ctx context.Context, c client, op, path string) ([]T, error) {
	rows, _, err := all[T](ctx, c, op, path, url.Values{"limit": {strconv.Itoa(pageSize)}})
	if httpapi.KindOf(err) == connectors.NotFound {
		return nil, nil
	}
	return rows, err
}

// errTooOld tells that the changes since a moment are no longer kept.
var errTooOld = errors.New("changes are no longer kept")

// changes reads what changed in a resource since a moment, and the server's
// time at the first page.
func (c client) changes(ctx context.Context, resource string, since time.Time) ([]change, time.Time, error) {
	query := url.Values{
		"limit":      {strconv.Itoa(changesSize)},
		"start_date": {since.UTC().Truncate(time.Second).Format(time.RFC3339)},
	}
	var events []change
	var date time.Time
	for p, err := range list[change](ctx, c, "list changes of "+strings.ReplaceAll(resource, "_", " "), "/changelogs/"+resource, query) {
		if httpapi.StatusOf(err) == http.StatusUnprocessableEntity {
			return nil, date, errTooOld
		}
		if err != nil {
			return nil, date, err
		}
		if len(p.bad) > 0 {
			return nil, date, c.http.Fail("list changes of "+resource, connectors.Schema, p.bad[0].text, "")
		}
		if date.IsZero() {
			date = p.meta.Date
		}
		events = append(events, p.rows...)
	}
	return events, date, nil
}

func cloneValues(v url.Values) url.Values {
	c := make(url.Values, len(v)+1)
	for key, values := range v {
		c[key] = slices.Clone(values)
	}
	return c
}
