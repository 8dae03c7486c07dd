package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup writes a consistent copy while running, 0600, marked so that in the
// copy every connection is unconfirmed until a person confirms. The file must
// not exist. ErrNoBackup on PostgreSQL.
func (s *Store) Backup(ctx context.Context, file string) error {
	if s.pool != nil {
		return fmt.Errorf("backup: %w", ErrNoBackup)
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("backup: %s exists already: name another file", file)
	}
	// The copy gets its name when it is whole, marked and on the disk: a file of
	// that name is never half a backup.
	part, err := os.CreateTemp(filepath.Dir(file), ".backup-*")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer os.Remove(part.Name()) //nolint:errcheck // gone already where all went well
	if err := part.Close(); err != nil {
		return err
	}
	if err := s.copyTo(ctx, part.Name()); err != nil {
		return fmt.Errorf("backup: %w", explain(err))
	}
	if err := publish(part.Name(), file); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// publish gives the part its name, which must be free. The name is taken first,
// for the moment of the renaming: a link would do both at once, but memory sticks
// and shares of the network have none.
func publish(part, file string) error {
	taken, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(taken.Close(), os.Rename(part, file)); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}

func (s *Store) copyTo(ctx context.Context, path string) error {
	// VACUUM INTO reads one snapshot and blocks nobody; it accepts an empty file.
	// The readers are kept from writing, and this counts as writing.
	source := sql.OpenDB(liteConnector{dsn: s.file + "?_busy_timeout=20000", pragmas: "PRAGMA temp_store=MEMORY"})
	_, err := source.ExecContext(ctx, "VACUUM INTO ?", path)
	if err := errors.Join(err, source.Close()); err != nil {
		return err
	}
	db := sql.OpenDB(liteConnector{dsn: address(path), pragmas: "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL"})
	_, err = db.ExecContext(ctx, "INSERT INTO meta (key, value) VALUES ('copy', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", s.now().UTC().Format("2006-01-02T15:04:05Z"))
	err = errors.Join(err, db.Close())
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
