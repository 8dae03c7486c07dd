package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"relanced/connectors/manifest"
)

// tries is how often a read is begun where the line is lost or the server busy,
// and what is waited before each time but the first.
var tries = []time.Duration{0, 200 * time.Millisecond, time.Second}

// read runs fn in one read-only transaction, which is always rolled back. Where
// the line was lost or the server was busy it runs again from the start: fn
// keeps nothing of a run that failed.
func (c *Connector) read(ctx context.Context, op string, fn func(*reader) error) error {
	var err error
	for _, pause := range tries {
		if pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				timer.Stop()
				return c.fault(ctx, op, ctx.Err())
			case <-timer.C:
			}
		}
		if err = c.once(ctx, fn); err == nil {
			return nil
		}
		if s, _ := c.stateOf(err); s != passing || ctx.Err() != nil {
			break
		}
	}
	return c.fault(ctx, op, err)
}

func (c *Connector) once(ctx context.Context, fn func(*reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slow := time.AfterFunc(c.timeout, func() { cancel(context.DeadlineExceeded) })
	defer slow.Stop()
	opts := c.target.begin
	tx, err := c.db.BeginTx(ctx, &opts)
	if err != nil {
		return late(ctx, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if bound := c.target.limits(c.timeout); bound != "" {
		if _, err := tx.ExecContext(ctx, bound); err != nil {
			return late(ctx, err)
		}
	}
	if !slow.Stop() {
		return context.DeadlineExceeded
	}
	return fn(&reader{c: c, ctx: ctx, tx: tx})
}

// reader reads within one transaction.
type reader struct {
	c   *Connector
	ctx context.Context //nolint:containedctx // lives as long as the transaction
	tx  *sql.Tx
}

// rows asks a query and hands each of its rows to each, by the columns' names
// as the manifest spells them. The row is used again: each keeps nothing of it.
func (r *reader) rows(query string, args []any, columns []string, each func(manifest.Row) error) error {
	r.c.requests.Add(1)
	ctx, cancel := context.WithTimeout(r.ctx, r.c.timeout)
	defer cancel()
	rows, err := r.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return late(ctx, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return late(ctx, err)
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = strings.ToUpper(t.DatabaseTypeName())
	}
	values, into := make([]any, len(types)), make([]any, len(types))
	for i := range values {
		into[i] = &values[i]
	}
	row := make(manifest.Row, len(columns))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return late(ctx, err)
		}
		for i, name := range columns {
			row[name] = r.c.target.value(names[i], values[i], r.c.zone)
		}
		if err := each(row); err != nil {
			return err
		}
	}
	return late(ctx, rows.Err())
}

// late tells a statement that took too long from one that failed, whatever the
// driver makes of it.
func late(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// from is the query of a section as a table, with the conditions on it.
func (s *Section) from(conditions ...string) string {
	text := fmt.Sprintf("FROM (%s) q", s.Query)
	if len(conditions) > 0 {
		text += " WHERE " + strings.Join(conditions, " AND ")
	}
	return text
}

// what are the columns asked for.
func (s *Section) what() string {
	return "q." + strings.Join(s.columns, ", q.")
}

// among is the condition that a column is one of these keys.
func (c *Connector) among(col column, keys []string, args []any) (string, []any) {
	var marks []string
	for _, key := range keys {
		for _, form := range c.forms(key) {
			args = append(args, form)
			marks = append(marks, c.target.mark(len(args)))
		}
	}
	return fmt.Sprintf("q.%s IN (%s)", col, strings.Join(marks, ", ")), args
}
