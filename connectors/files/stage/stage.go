// Package stage keeps the lines of a file that is being read in a temporary
// SQLite database, so that memory stays flat whatever the file's size, and
// holds back the pages made of them until the whole file has proved good.
package stage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3" // the driver of the temporary database
)

// Ours tells whether an error of reading a file comes from this machine (a full
// disk, a folder that cannot be written to) and not from what is in the file.
func Ours(err error) bool {
	var path *fs.PathError
	if errors.As(err, &path) {
		return true
	}
	var fault sqlite3.Error
	if !errors.As(err, &fault) {
		return false
	}
	switch fault.Code {
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrCantOpen, sqlite3.ErrReadonly, sqlite3.ErrNomem:
		return true
	}
	return false
}

// DB is a temporary database; it is lost with the process, and may be.
type DB struct {
	*sql.DB
	Pages  *Pages
	folder string
}

// Open makes an empty database in a new folder under scratch ("" the system's
// temporary folder) with the tables of schema.
func Open(ctx context.Context, scratch, schema string) (*DB, error) {
	folder, err := os.MkdirTemp(scratch, "relanced-files-")
	if err != nil {
		return nil, fmt.Errorf("stage: make a folder for temporary files: %w", err)
	}
	// Nothing here outlives the reading of one file: no journal, no waiting for
	// the disk. One connection holds the file exclusively.
	dsn := "file:" + filepath.ToSlash(filepath.Join(folder, "stage.db")) +
		"?_journal_mode=OFF&_synchronous=OFF&_locking_mode=EXCLUSIVE&_cache_size=-32000"
	db, err := sql.Open("sqlite3", dsn)
	if err == nil {
		db.SetMaxOpenConns(1)
		_, err = db.ExecContext(ctx, schema)
	}
	if err != nil {
		if db != nil {
			_ = db.Close()
		}
		_ = os.RemoveAll(folder)
		return nil, fmt.Errorf("stage: %w", err)
	}
	return &DB{DB: db, Pages: &Pages{folder: folder}, folder: folder}, nil
}

// Close deletes the database.
func (d *DB) Close() error {
	err := d.DB.Close()
	d.Pages.close()
	if gone := os.RemoveAll(d.folder); err == nil {
		err = gone
	}
	return err
}

// Bulk runs one prepared statement many times in one transaction. The database
// answers nobody else before Done.
type Bulk struct {
	tx   *sql.Tx
	stmt *sql.Stmt
}

// Bulk begins.
func (d *DB) Bulk(ctx context.Context, statement string) (*Bulk, error) {
	tx, err := d.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	stmt, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return &Bulk{tx, stmt}, nil
}

// Add runs the statement once.
func (b *Bulk) Add(ctx context.Context, args ...any) error {
	_, err := b.stmt.ExecContext(ctx, args...)
	return err
}

// Exec runs another statement in the same transaction.
func (b *Bulk) Exec(ctx context.Context, statement string, args ...any) error {
	_, err := b.tx.ExecContext(ctx, statement, args...)
	return err
}

// Done commits.
func (b *Bulk) Done() error {
	_ = b.stmt.Close()
	return b.tx.Commit()
}

// Drop gives up what was added, where Done was not called.
func (b *Bulk) Drop() {
	_ = b.stmt.Close()
	_ = b.tx.Rollback()
}
