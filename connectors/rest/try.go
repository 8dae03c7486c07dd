package rest

import (
	"context"
	"encoding/json"
	"iter"
	"strings"

	"relanced/connectors"
)

// Tried is a row of the source beside what the manifest makes of it.
type Tried struct {
	Section string          // customers, invoices…
	Row     json.RawMessage // as it came, with its detail
	Becomes connectors.Page // of this row alone: nothing where it is left out
	Problem string          // why it could not be read
	Skipped bool            // the manifest's skip leaves it out
}

// Try asks for the first page of each kind of thing and yields most rows of each
// with what they become. An error ends it.
func (c *Connector) Try(ctx context.Context, most int) iter.Seq2[Tried, error] {
	return func(yield func(Tried, error) bool) {
		for _, s := range c.book.sections() {
			b, err := c.walk(s, noTime, place{}).next(ctx)
			if err != nil {
				yield(Tried{}, err)
				return
			}
			var bad connectors.Page
			rows, err := c.detailed(ctx, s, b.rows[:min(most, len(b.rows))], &bad)
			if err != nil {
				yield(Tried{}, err)
				return
			}
			for _, row := range rows {
				if !yield(c.tried(s, row), nil) {
					return
				}
			}
			for _, rejected := range bad.Bad {
				if !yield(Tried{Section: s.name, Problem: rejected.Text}, nil) {
					return
				}
			}
		}
	}
}

func (c *Connector) tried(s *Section, row any) Tried {
	t := Tried{Section: s.name}
	c.take(s, row, &t.Becomes)
	t.Row, _ = json.Marshal(row) // decoded JSON: cannot fail
	for _, rejected := range t.Becomes.Bad {
		t.Problem = strings.TrimPrefix(t.Problem+"; "+rejected.Text, "; ")
	}
	p := &t.Becomes
	t.Skipped = len(p.Bad)+len(p.Accounts)+len(p.Documents)+len(p.Payments)+len(p.Allocations) == 0
	return t
}
