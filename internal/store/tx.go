package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
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
	lite    *sql.Tx
	pg      pgx.Tx
	now     time.Time
	touched map[dossier.CustomerID]bool
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
		tx.lite, err = s.writer.BeginTx(ctx, nil)
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
		err = tx.pg.Commit(ctx)
	} else {
		err = tx.lite.Commit()
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
		tx.lite, err = s.reader.BeginTx(ctx, nil)
	}
	if err != nil {
		return explain(err)
	}
	defer tx.rollback() //nolint:errcheck // nothing was written
	return explain(do(tx))
}

func (tx *Tx) rollback() error {
	if tx.pg != nil {
		// The context may be over: the connection must be given back all the same.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tx.ctx), 5*time.Second)
		defer cancel()
		return tx.pg.Rollback(ctx)
	}
	return tx.lite.Rollback()
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
		tag, err := tx.pg.Exec(tx.ctx, query, tx.bind(args)...)
		return tag.RowsAffected(), annotate(err, query)
	}
	result, err := tx.lite.ExecContext(tx.ctx, lite(query), tx.bind(args)...)
	if err != nil {
		return 0, annotate(err, query)
	}
	return result.RowsAffected()
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

// each calls row for every row. row must not use tx.
func (tx *Tx) each(row func(scan scanner) error, query string, args ...any) error {
	if tx.pg != nil {
		rows, err := tx.pg.Query(tx.ctx, query, tx.bind(args)...)
		if err != nil {
			return annotate(err, query)
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(rows.Scan); err != nil {
				return annotate(err, query)
			}
		}
		return annotate(rows.Err(), query)
	}
	rows, err := tx.lite.QueryContext(tx.ctx, lite(query), tx.bind(args)...)
	if err != nil {
		return annotate(err, query)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return annotate(err, query)
		}
	}
	return annotate(rows.Err(), query)
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
