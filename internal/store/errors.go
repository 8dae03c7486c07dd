package store

import (
	"errors"
	"fmt"
	"strings"
)

// What went wrong, for errors.Is. Disk errors keep their cause.
var (
	ErrNotFound  = errors.New("not found")
	ErrConflict  = errors.New("changed meanwhile")
	ErrEnded     = errors.New("already ended")
	ErrLive      = errors.New("another reminder of this customer is on its way")
	ErrFence     = errors.New("the lease was lost")
	ErrOlder     = errors.New("older than the last accepted one")
	ErrNewer     = errors.New("the database was written by a newer version of relanced")
	ErrAsync     = errors.New("synchronous_commit is off")
	ErrDisk      = errors.New("the database cannot be written")
	ErrFull      = fmt.Errorf("%w: the disk is full", ErrDisk)
	ErrReadOnly  = fmt.Errorf("%w: it is read-only", ErrDisk)
	ErrCorrupt   = fmt.Errorf("%w: the file is damaged", ErrDisk)
	ErrNoBackup  = errors.New("PostgreSQL is copied with its own tool: pg_dump --format=custom --file=FILE DATABASE")
	ErrDismissed = errors.New("nothing to do")
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
