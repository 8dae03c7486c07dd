package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
)

// Readers of one snapshot each beside the one writer.
const readers = 4

// liteConnector opens connections of one kind, each with its pragmas.
type liteConnector struct {
	dsn     string
	pragmas string
}

// Connect opens one connection.
func (c liteConnector) Connect(context.Context) (driver.Conn, error) {
	d := &sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
		_, err := conn.Exec(c.pragmas, nil)
		return err
	}}
	return d.Open(c.dsn)
}

// Driver is what database/sql asks for; it opens nothing through it.
func (c liteConnector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (s *Store) openSQLite(ctx context.Context, path string) error {
	if path == "" {
		return errors.New("sqlite: name a file, as in sqlite:/var/lib/relanced/relanced.db")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := private(path); err != nil {
		return err
	}
	s.file, s.memory = address(path), memory(path)
	// A full sync at each commit: with less, a power cut undoes the last commits
	// and an armed message would be queued again.
	s.writer = sql.OpenDB(liteConnector{
		dsn:     s.file + "?_txlock=immediate&_busy_timeout=20000&_stmt_cache_size=100",
		pragmas: "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=10000; PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY",
	})
	s.writer.SetMaxOpenConns(1)
	s.reader = sql.OpenDB(liteConnector{
		dsn:     s.file + "?_busy_timeout=20000&_stmt_cache_size=50",
		pragmas: "PRAGMA query_only=TRUE; PRAGMA cache_size=-4000",
	})
	s.reader.SetMaxOpenConns(readers)
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer unlock()
	return migrate(ctx, goose.DialectSQLite3, s.writer, "sqlite")
}

// address is a file as SQLite's URI.
func address(path string) string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

// private makes the file, readable by its owner alone; SQLite gives the files
// beside it the same rights.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("the folder %s does not exist: make it, owned by who runs relanced", filepath.Dir(path))
	case errors.Is(err, syscall.EROFS), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case err != nil:
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm() != 0o600 {
		err = f.Chmod(0o600)
	}
	return errors.Join(err, f.Close())
}

// lockFolder keeps two processes from migrating one new file at the same time.
// It locks the folder, not the database: closing a descriptor of that file
// would drop the locks that SQLite holds on it.
func lockFolder(folder string) (unlock func(), err error) {
	d, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil { //nolint:gosec // a file descriptor
		return nil, errors.Join(fmt.Errorf("lock %s: %w", folder, err), d.Close())
	}
	return func() { _ = d.Close() }, nil
}
