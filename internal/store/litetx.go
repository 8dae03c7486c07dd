package store

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/mattn/go-sqlite3"
)

// liteTx is a transaction on an SQLite connection of its own. That of
// database/sql may be cancelled while a query is under way, and has a goroutine
// wait for it with every one; ours is asked between two statements.
type liteTx struct{ *sql.Conn }

// beginLite begins a transaction; how is the statement that does.
func beginLite(ctx context.Context, db *sql.DB, how string) (*liteTx, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx := &liteTx{conn}
	if _, err := conn.ExecContext(ctx, how); err != nil {
		_ = tx.end() // the first error is the one to tell
		return nil, err
	}
	return tx, nil
}

// commit makes the transaction durable, unless ctx is over.
func (tx *liteTx) commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := tx.ExecContext(context.WithoutCancel(ctx), "COMMIT")
	return err
}

// end undoes what was not committed, and gives the connection back. One that
// cannot be brought out of its transaction is closed: whoever got it next would
// write into it.
func (tx *liteTx) end() error {
	err := tx.Raw(func(conn any) error {
		lite := conn.(*sqlite3.SQLiteConn) //nolint:forcetypeassert // liteConnector opens no other
		if lite.AutoCommit() {
			return nil // committed, or undone by SQLite itself
		}
		if _, err := lite.Exec("ROLLBACK", nil); err != nil {
			return driver.ErrBadConn
		}
		return nil
	})
	_ = tx.Close() // after ErrBadConn it is closed
	return err
}
