package rest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/connectors/manifest"
)

// detailed makes the second request for the rows whose list does not tell enough.
// A row that is gone by then is left out.
func (c *Connector) detailed(ctx context.Context, s *Section, rows []any, out *connectors.Page) ([]any, error) {
	d := s.Detail
	if d == nil {
		return rows, nil
	}
	kept := rows[:0:0]
	for _, v := range rows {
		row, err := manifest.RowOf(v)
		if err != nil {
			kept = append(kept, v) // take tells it
			continue
		}
		wanted := true
		if !d.When.IsZero() {
			wanted, err = d.When.Flag("when", row)
		}
		key := ""
		if err == nil && wanted {
			key, err = s.id.Text("id", row)
		}
		switch {
		case err != nil:
			out.Bad = append(out.Bad, connectors.Rejected{Ref: connectors.Ref{Kind: s.kind()}, Text: err.Error()})
			continue
		case !wanted || key == "":
			kept = append(kept, row)
			continue
		}
		a := &answer{items: orDot(d.Items)}
		err = c.ask(ctx, "read "+s.name+" in detail", &d.request, nil, values{id: key}, noTime, a)
		switch {
		case httpapi.KindOf(err) == connectors.NotFound && d.As != "": // there are none of it
		case httpapi.KindOf(err) == connectors.NotFound:
			out.Gone = append(out.Gone, connectors.Ref{Kind: s.kind(), External: key})
			continue
		case err != nil:
			return nil, err
		}
		if err := d.complete(row, a.rows); err != nil {
			out.Bad = append(out.Bad, connectors.Rejected{Ref: connectors.Ref{Kind: s.kind(), External: key}, Text: err.Error()})
			continue
		}
		kept = append(kept, row)
	}
	return kept, nil
}

// complete puts what the second request brought into the row.
func (d *detail) complete(row manifest.Row, rows []any) error {
	if d.As == "" && len(rows) > 1 {
		line, column := d.Path.node.Position()
		return fmt.Errorf("detail: the answer holds %d rows: write as: NAME, and they are the list it.NAME (%s:%d:%d)", len(rows), d.Path.node.File(), line, column)
	}
	list := make([]any, 0, len(rows))
	for _, more := range rows {
		told, err := manifest.RowOf(more)
		if err != nil {
			return fmt.Errorf("detail: %w", err)
		}
		list = append(list, told)
		if d.As == "" {
			maps.Copy(row, told)
		}
	}
	if d.As != "" {
		row[d.As] = list
	}
	return nil
}

func orDot(items string) string {
	if items == "" {
		return "."
	}
	return items
}

// byKeys reads rows by their keys, each with its detail where reading it again
// does not ask for just that. Keys that the source does not know are left out; what
// cannot be read is among the bad rows of out.
func (c *Connector) byKeys(ctx context.Context, s *Section, keys []string, out *connectors.Page) (rows []any, asOf time.Time, err error) {
	op := "read " + s.name + " again"
	read := func(v values) error {
		a := &answer{items: s.Read.Items}
		err := c.ask(ctx, op, &s.Read.request, nil, v, noTime, a)
		if asOf.IsZero() {
			asOf = a.at
		}
		switch {
		case httpapi.KindOf(err) == connectors.NotFound, s.Empty.is(err):
			return nil
		case err != nil:
			return err
		}
		rows = append(rows, a.rows...)
		return nil
	}
	if s.Read.several() {
		for chunk := range slices.Chunk(keys, s.Read.Most) {
			if err := read(values{ids: chunk, size: len(chunk)}); err != nil {
				return nil, asOf, err
			}
		}
	} else {
		for _, key := range keys {
			if err := read(values{id: key}); err != nil {
				return nil, asOf, err
			}
		}
	}
	if s.Detail != nil && s.Detail.Path.text != s.Read.Path.text {
		rows, err = c.detailed(ctx, s, rows, out)
	}
	return rows, asOf, err
}
