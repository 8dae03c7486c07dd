package quickbooks

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
)

// changesMost is how many objects one answer holds, over all entities; beyond,
// they are cut off.
const changesMost = 1000

// errTooOld tells that the changes since a moment are no longer kept.
var errTooOld = errors.New("changes are no longer kept")

// changed is what changed of each entity since a moment.
type changed struct {
	customers   rows[customer]
	invoices    rows[document]
	creditMemos rows[document]
	payments    rows[payment]
	cut         []string  // entities of which deletions may not have been told
	at          time.Time // the server's time
	meta        httpapi.Meta
}

// changes asks for all that changed. An answer at the vendor's limit is taken
// for cut off: each entity is then asked for alone, and where that is not enough,
// or one record spoils it, what was updated is listed instead.
func (c *client) changes(ctx context.Context, since time.Time) (changed, error) {
	all := []string{customers, invoices, creditMemos, payments}
	got, err := c.changesOf(ctx, since, all)
	if err == nil && got.n() < changesMost || err != nil && !isPoisoned(err) {
		return got, err
	}
	var out changed
	for _, entity := range all {
		one, err := c.changesOf(ctx, since, []string{entity})
		if out.at.IsZero() {
			out.at, out.meta = one.at, one.meta
		}
		if isPoisoned(err) || err == nil && one.n() >= changesMost {
			out.cut = append(out.cut, entity)
			one, err = c.updated(ctx, entity, since)
		}
		if err != nil {
			return out, err
		}
		out.customers.add(one.customers)
		out.invoices.add(one.invoices)
		out.creditMemos.add(one.creditMemos)
		out.payments.add(one.payments)
	}
	return out, nil
}

// updated lists what was updated of one entity.
func (c *client) updated(ctx context.Context, entity string, since time.Time) (out changed, err error) {
	switch entity {
	case customers:
		out.customers, err = updates[customer](ctx, c, entity, since)
	case invoices:
		out.invoices, err = updates[document](ctx, c, entity, since)
	case creditMemos:
		out.creditMemos, err = updates[document](ctx, c, entity, since)
	case payments:
		out.payments, err = updates[payment](ctx, c, entity, since)
	}
	return out, err
}

// updates lists rows by the time of their last change, each page from the time
// of the last row: rows that change meanwhile come again at the end. Only beyond
// a page of one and the same second it goes on by position.
func updates[T keyed](ctx context.Context, c *client, entity string, since time.Time) (rows[T], error) {
	var out rows[T]
	for first := 1; ; {
		condition := "MetaData.LastUpdatedTime >= " + quote(since.UTC().Format(time.RFC3339))
		got, err := query[T](ctx, c, fmt.Sprintf("list updated %ss", plain(entity)), entity, where(inactiveToo(entity), condition)+" ORDERBY MetaData.LastUpdatedTime", first, c.page)
		if err != nil {
			return out, err
		}
		out.add(got)
		if got.n() < c.page {
			return out, nil
		}
		first += got.n()
		if n := len(got.list); n > 0 && got.list[n-1].updated().After(since) {
			since, first = got.list[n-1].updated(), 1
		}
	}
}

func (c *changed) n() int {
	return c.customers.n() + c.invoices.n() + c.creditMemos.n() + c.payments.n()
}

func (c *client) changesOf(ctx context.Context, since time.Time, entities []string) (changed, error) {
	const op = "ask what changed"
	a, meta, err := c.get(ctx, op, "/cdc", url.Values{"entities": {strings.Join(entities, ",")}, "changedSince": {since.UTC().Format(time.RFC3339)}})
	if e, ok := errors.AsType[*connectors.Error](err); ok && e.Detail == tooOld {
		return changed{}, errTooOld
	}
	if err != nil {
		return changed{}, err
	}
	out := changed{at: a.at(), meta: meta}
	for _, response := range a.Changes {
		for _, part := range response.Query { // by key: their order is not to be trusted
			for entity, list := range part {
				var err error
				switch entity {
				case customers:
					err = out.customers.take(entity, list)
				case invoices:
					err = out.invoices.take(entity, list)
				case creditMemos:
					err = out.creditMemos.take(entity, list)
				case payments:
					err = out.payments.take(entity, list)
				default:
					continue // counters
				}
				if err != nil {
					return out, c.http.Fail(op, connectors.Schema, entity+": "+err.Error(), "")
				}
			}
		}
	}
	return out, nil
}

// newest keeps, of rows told twice, the one updated last; at equal times the one
// edited last. A balance can move without an edit, so the time comes first.
func newest[T keyed](list []T) []T {
	at := map[string]int{}
	kept := make([]T, 0, len(list))
	for _, row := range list {
		i, known := at[row.key()]
		switch {
		case !known:
			at[row.key()] = len(kept)
			kept = append(kept, row)
		case row.updated().After(kept[i].updated()), row.updated().Equal(kept[i].updated()) && compareIDs(row.edit(), kept[i].edit()) >= 0:
			kept[i] = row
		}
	}
	return kept
}
