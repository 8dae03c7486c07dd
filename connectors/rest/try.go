package rest

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"

	"relanced/connectors"
	"relanced/connectors/manifest"
)

// Tried is a row of the source beside what the manifest makes of it.
type Tried struct {
	Section string          // probe, customers, invoices…
	Show    string          // of the probe: whose books these are, for people
	ID      string          // of the probe: the key of the company
	Page    *Paged          // of a section, before its rows: its first page
	Row     json.RawMessage // as it came, with its detail
	Becomes connectors.Page // of this row alone: nothing where it is left out
	Problem string          // why it could not be read
	Skipped bool            // the manifest's skip leaves it out
}

// Paged is the first page of a section.
type Paged struct {
	Rows int
	More bool // another page is asked for after it
}

// Try asks what the probe says, and for the first page of each kind of thing, and
// yields most rows of each with what they become. An error ends it.
func (c *Connector) Try(ctx context.Context, most int) iter.Seq2[Tried, error] {
	return func(yield func(Tried, error) bool) {
		if c.book.Probe != nil {
			if t, err := c.triedProbe(ctx); !yield(t, err) || err != nil {
				return
			}
		}
		for _, s := range c.book.sections() {
			b, err := c.walk(s, noTime, place{}).next(ctx)
			if err != nil {
				yield(Tried{}, err)
				return
			}
			if !yield(Tried{Section: s.name, Page: &Paged{Rows: len(b.rows), More: b.more}}, nil) {
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

// triedProbe is what the probe answers; where only the manifest's words for it are
// wrong, that is the problem.
func (c *Connector) triedProbe(ctx context.Context) (Tried, error) {
	t := Tried{Section: "probe"}
	var told manifest.Row
	var err error
	t.Show, t.ID, told, err = c.whose(ctx)
	t.Row, _ = json.Marshal(told) // decoded JSON: cannot fail
	if known, ok := errors.AsType[*connectors.Error](err); ok && told != nil {
		t.Problem = known.Detail
		return t, nil
	}
	return t, err
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
