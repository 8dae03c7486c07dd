package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"relanced/internal/dossier"
)

// Tx is a transaction on either engine. It lives as long as the function it
// was handed to and belongs to one goroutine.
type Tx struct {
	ctx     context.Context //nolint:containedctx // of the one call that the transaction is
	s       *Store
	lite    *liteTx
	pg      pgx.Tx
	now     time.Time
	touched map[dossier.CustomerID]bool
	posted  []question // PostgreSQL: statements that leave with the next one
}

// attempts is how often a transaction is run again where PostgreSQL found it in
// conflict with others.
const attempts = 10

// Now is the moment of the transaction: one for all that it writes.
func (tx *Tx) Now() time.Time { return tx.now }

// InTx runs do in one writing transaction and commits it durably. It may run do
// again where PostgreSQL asks for it: do has no effect but through tx.
func (s *Store) InTx(ctx context.Context, do func(*Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := s.write(ctx, do)
		if err == nil || attempt == attempts || !conflicted(err) {
			return explain(err)
		}
		pause := time.NewTimer(time.Duration(rand.IntN(20*attempt)+1) * time.Millisecond) //nolint:gosec // spreads retries, keeps no secret
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

func (s *Store) write(ctx context.Context, do func(*Tx) error) error {
	tx := &Tx{ctx: ctx, s: s, touched: map[dossier.CustomerID]bool{}}
	var err error
	if s.pool != nil {
		tx.pg, err = s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	} else {
		tx.lite, err = beginLite(ctx, s.writer, "BEGIN IMMEDIATE")
	}
	if err != nil {
		return err
	}
	tx.now = s.now().UTC().Truncate(time.Microsecond)
	defer tx.rollback() //nolint:errcheck // after a commit it does nothing
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.flush(); err != nil {
		return err
	}
	s.fault(PointCommitting)
	if tx.pg != nil {
		if err = tx.together(); err != nil {
			return err
		}
		err = tx.pg.Commit(ctx)
	} else {
		err = tx.lite.commit(ctx)
	}
	if err == nil {
		s.fault(PointCommitted)
	}
	return err
}

// View runs do on one consistent snapshot. Writing inside it is an error.
func (s *Store) View(ctx context.Context, do func(*Tx) error) error {
	tx := &Tx{ctx: ctx, s: s, now: s.now().UTC().Truncate(time.Microsecond)}
	var err error
	if s.pool != nil {
		tx.pg, err = s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	} else {
		tx.lite, err = beginLite(ctx, s.reader, "BEGIN DEFERRED")
	}
	if err != nil {
		return explain(err)
	}
	defer tx.rollback() //nolint:errcheck // nothing was written
	err = do(tx)
	if err == nil {
		err = tx.together() // what was posted all the same is refused here
	}
	return explain(err)
}

func (tx *Tx) rollback() error {
	if tx.pg != nil {
		// The context may be over: the connection must be given back all the same.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tx.ctx), 5*time.Second)
		defer cancel()
		return tx.pg.Rollback(ctx)
	}
	return tx.lite.end()
}

// view is View for one value.
func view[T any](ctx context.Context, s *Store, read func(*Tx) (T, error)) (T, error) {
	var got T
	err := s.View(ctx, func(tx *Tx) error {
		var err error
		got, err = read(tx)
		return err
	})
	return got, err
}

// exec runs a statement and returns how many rows it wrote.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	if tx.pg != nil {
		var wrote int64
		err := tx.together(question{query: query, args: args, wrote: &wrote})
		return wrote, err
	}
	if err := tx.ctx.Err(); err != nil {
		return 0, err
	}
	result, err := tx.lite.ExecContext(tx.liteCtx(), lite(query), tx.bind(args)...)
	if err != nil {
		return 0, annotate(err, query)
	}
	return result.RowsAffected()
}

// post runs a statement of which nobody needs to know how many rows it wrote. On
// PostgreSQL it leaves with the statement that follows, or before the commit,
// and costs no round trip of its own; that one returns its error.
func (tx *Tx) post(query string, args ...any) error {
	if tx.pg == nil {
		_, err := tx.exec(query, args...)
		return err
	}
	tx.posted = append(tx.posted, question{query: query, args: args})
	return nil
}

// must1 is exec for a statement that has to find exactly its row.
func (tx *Tx) must1(otherwise error, query string, args ...any) error {
	n, err := tx.exec(query, args...)
	if err == nil && n != 1 {
		err = otherwise
	}
	return err
}

// scanner reads the columns of the row at hand.
type scanner func(dest ...any) error

// question is a statement with what to do for every row of its answer.
type question struct {
	row   func(scan scanner) error
	query string
	args  []any
	wrote *int64 // PostgreSQL: where to say how many rows were written; nil: nowhere
}

func ask(row func(scan scanner) error, query string, args ...any) question {
	return question{row: row, query: query, args: args}
}

// each calls row for every row. row must not use tx.
func (tx *Tx) each(row func(scan scanner) error, query string, args ...any) error {
	return tx.together(ask(row, query, args...))
}

// together asks several questions, one after the other: each sees what is
// committed by then. On PostgreSQL they cost one round trip.
func (tx *Tx) together(questions ...question) error {
	if tx.pg == nil {
		for _, q := range questions {
			if err := tx.ctx.Err(); err != nil {
				return err
			}
			rows, err := tx.lite.QueryContext(tx.liteCtx(), lite(q.query), tx.bind(q.args)...) //nolint:rowserrcheck // answer does
			if err := answer(rows, err, q); err != nil {
				return err
			}
		}
		return nil
	}
	questions = slices.Concat(tx.posted, questions)
	tx.posted = nil
	switch len(questions) {
	case 0:
		return nil
	case 1:
		rows, err := tx.pg.Query(tx.ctx, questions[0].query, tx.bind(questions[0].args)...)
		return answerPg(rows, err, questions[0])
	}
	batch := &pgx.Batch{}
	for _, q := range questions {
		batch.Queue(q.query, tx.bind(q.args)...)
	}
	results := tx.pg.SendBatch(tx.ctx, batch)
	for _, q := range questions {
		rows, err := results.Query()
		if err := answerPg(rows, err, q); err != nil {
			_ = results.Close() // the first error is the one to tell
			return err
		}
	}
	return results.Close()
}

func answerPg(rows pgx.Rows, err error, q question) error {
	if err = answer(pgRows{rows}, err, q); err == nil && q.wrote != nil {
		*q.wrote = rows.CommandTag().RowsAffected()
	}
	return err
}

// pgRows are rows as database/sql gives them.
type pgRows struct{ pgx.Rows }

// Close ends reading; Err tells what went wrong.
func (r pgRows) Close() error {
	r.Rows.Close()
	return nil
}

// answer reads the rows of one question.
func answer(rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}, err error, q question,
) error {
	if err != nil {
		return annotate(err, q.query)
	}
	defer func() { _ = rows.Close() }() // Err tells what went wrong
	for rows.Next() {
		if q.row == nil {
			continue
		}
		if err := q.row(rows.Scan); err != nil {
			return annotate(err, q.query)
		}
	}
	return annotate(rows.Err(), q.query)
}

// liteCtx is the context of one statement on SQLite. The driver spends a
// goroutine on each that can be cancelled: in writing transactions they last
// microseconds and cannot; what is cancelled between two is the transaction.
func (tx *Tx) liteCtx() context.Context {
	if tx.touched == nil {
		return tx.ctx
	}
	return context.WithoutCancel(tx.ctx)
}

// one reads one row into dest; ErrNotFound where there is none.
func (tx *Tx) one(dest []any, query string, args ...any) error {
	found := false
	err := tx.each(func(scan scanner) error {
		if found {
			return nil
		}
		found = true
		return scan(dest...)
	}, query, args...)
	if err == nil && !found {
		err = ErrNotFound
	}
	return err
}

// insert runs an INSERT … RETURNING id.
func (tx *Tx) insert(query string, args ...any) (int64, error) {
	var id int64
	err := tx.one([]any{&id}, query+" RETURNING id", args...)
	return id, err
}

// all collects rows.
func all[T any](tx *Tx, row func(scan scanner) (T, error), query string, args ...any) ([]T, error) {
	var list []T
	err := tx.each(func(scan scanner) error {
		v, err := row(scan)
		list = append(list, v)
		return err
	}, query, args...)
	return list, err
}

// lite gives the statement SQLite's numbered placeholders: mattn binds $n in
// the order of appearance. The plus changes no value. Without it SQLite takes a
// parameter beside a column for a reason to plan anew when it is bound to
// another value; the driver clears all of them before each execution, and so a
// statement kept ready would be parsed and planned every time.
func lite(query string) string { return strings.ReplaceAll(query, "$", "+?") }

// annotate names the statement in errors of ours to find.
func annotate(err error, query string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	head := strings.Join(strings.Fields(query), " ")
	if len(head) > 60 {
		head = head[:60] + "…"
	}
	return fmt.Errorf("%s: %w", head, err)
}
