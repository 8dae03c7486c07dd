package store

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
)

// What went wrong, for errors.Is. Disk errors keep their cause.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("changed meanwhile")
	ErrEnded    = errors.New("already ended")
	ErrLive     = errors.New("another reminder of this customer is on its way")
	ErrFence    = errors.New("the lease was lost")
	ErrOlder    = errors.New("older than the last accepted one")
	ErrNewer    = errors.New("the database was written by a newer version of relanced")
	ErrAsync    = errors.New("synchronous_commit is off")
	ErrDisk     = errors.New("the database cannot be written")
	ErrFull     = fmt.Errorf("%w: the disk is full", ErrDisk)
	ErrReadOnly = fmt.Errorf("%w: it is read-only", ErrDisk)
	ErrCorrupt  = fmt.Errorf("%w: the file is damaged", ErrDisk)
	ErrNoBackup = errors.New("PostgreSQL is copied with its own tool: pg_dump --format=custom --file=FILE DATABASE")
)

// AmbiguousError tells that a name fits several things.
type AmbiguousError struct {
	Name       string
	Candidates []string // at most ten, as CONNECTION/CODE
}

// Error names what the name could mean.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q is not unique: it may be %s", e.Name, strings.Join(e.Candidates, ", "))
}

// explain adds the sentinel that fits a driver's error.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		switch lite.Code { //nolint:exhaustive // the others need no word of ours
		case sqlite3.ErrFull:
			return fmt.Errorf("%w: %w", ErrFull, err)
		case sqlite3.ErrReadonly:
			return fmt.Errorf("%w: %w", ErrReadOnly, err)
		case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
			return fmt.Errorf("%w, restore a backup: %w", ErrCorrupt, err)
		case sqlite3.ErrIoErr, sqlite3.ErrCantOpen:
			return fmt.Errorf("%w: %w", diskError(lite.SystemErrno), err)
		}
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "53100":
			return fmt.Errorf("%w: %w", ErrFull, err)
		case pg.Code == "25006":
			return fmt.Errorf("%w: %w", ErrReadOnly, err)
		case pg.Code == "XX001", pg.Code == "XX002":
			return fmt.Errorf("%w, restore a backup: %w", ErrCorrupt, err)
		case pg.ConstraintName == "outbox_live":
			return fmt.Errorf("%w: %w", ErrLive, err)
		}
	}
	return err
}

// diskError is what the system's own word means for people.
func diskError(errno syscall.Errno) error {
	switch errno { //nolint:exhaustive // the others need no word of ours
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return ErrFull
	case syscall.EROFS:
		return ErrReadOnly
	}
	return ErrDisk
}

// conflicted tells whether PostgreSQL wants the transaction run again.
func conflicted(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
