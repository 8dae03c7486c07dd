package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A database may be an older copy of itself: a marked backup, files that
// somebody put back, a pg_dump that was restored. What left since is not in it,
// and would leave again. Three things tell:
//
//   - Beside an SQLite file stands a small one that says how often a message was
//     armed; a database that knows of fewer is older than what was sent. The file
//     is only ever behind, never ahead, and where it is missing nothing is
//     concluded.
//   - A PostgreSQL database knows where it lives: the numbers that the server gave
//     it and one of its tables. Restoring a dump gives new ones.
//   - In Sent comes a message of ours that the database does not know; the inbox
//     sees it, before anything leaves, and calls Doubt.

// welcome notices that the database is a copy that was restored: until a person
// confirms, nothing of it is believed enough to send.
func (s *Store) welcome(ctx context.Context) error {
	here := ""
	if s.pool != nil {
		var database, table int64
		err := s.pool.QueryRow(ctx, "SELECT oid::bigint, 'meta'::regclass::oid::bigint FROM pg_database WHERE datname = current_database()").Scan(&database, &table)
		if err != nil {
			return err
		}
		here = fmt.Sprintf("%d/%d", database, table)
	}
	return s.InTx(ctx, func(tx *Tx) error {
		mark, err := tx.Meta("copy")
		if err != nil {
			return err
		}
		home, err := tx.Meta("home")
		if err != nil {
			return err
		}
		older, err := tx.older()
		if err != nil {
			return err
		}
		if mark != "" || older || home != "" && home != here {
			if err := tx.Doubt(); err != nil {
				return err
			}
			if _, err := tx.exec("UPDATE lease SET owner = '', until_at = 0, fence = fence + 1"); err != nil {
				return err
			}
			s.log.Warn("restored copy opened", "do", "confirm each connection: nothing is sent before")
		}
		if home != here {
			return tx.SetMeta("home", here)
		}
		return nil
	})
}

// Doubt takes the database for an older copy of itself: every connection is
// unconfirmed, and nothing leaves before a person has confirmed.
func (tx *Tx) Doubt() error {
	for _, q := range []string{
		"UPDATE connection SET confirmed_at = 0, confirmed_by = ''",
		"UPDATE company SET restored_at = $1",
		"INSERT INTO company (id, restored_at) SELECT DISTINCT company, CAST($1 AS BIGINT) FROM connection WHERE true ON CONFLICT (id) DO UPDATE SET restored_at = excluded.restored_at",
		"UPDATE agenda SET version = version + 1, gated = FALSE",
		"DELETE FROM meta WHERE key = 'copy'",
	} {
		var args []any
		if strings.Contains(q, "$1") {
			args = append(args, tx.now)
		}
		if _, err := tx.exec(q, args...); err != nil {
			return err
		}
	}
	return nil
}

// Knows tells whether the reference is that of a message of this database, of
// whatever company.
func (tx *Tx) Knows(ref string) (bool, error) {
	var n int64
	err := tx.one([]any{&n}, "SELECT count(*) FROM outbox WHERE ref = $1 AND ref <> ''", ref)
	return n > 0, err
}

// memory is the file beside the database at path.
func memory(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".armed")
}

// older tells whether more left than the database knows of. Asked again, it does
// not tell so twice.
func (tx *Tx) older() (bool, error) {
	if tx.s.memory == "" {
		return false, nil
	}
	text, err := tx.Meta("armed")
	if err != nil {
		return false, err
	}
	known, _ := strconv.ParseInt(text, 10, 64) // none yet
	b, _ := os.ReadFile(tx.s.memory)           // missing, or cut short by a crash: nothing is concluded
	remembered, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || remembered <= known {
		return false, nil
	}
	if err := tx.SetMeta("armed", strconv.FormatInt(remembered, 10)); err != nil {
		return false, err
	}
	// A new database in the place of another has nothing to doubt.
	var connections int64
	err = tx.one([]any{&connections}, "SELECT count(*) FROM connection")
	return connections > 0, err
}

// countArmed counts a message that may leave now.
func (tx *Tx) countArmed() (n int64, err error) {
	if tx.s.memory == "" {
		return 0, nil
	}
	var text string
	err = tx.one([]any{&text}, "INSERT INTO meta (key, value) VALUES ('armed', '1') ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT) RETURNING value")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// remember writes the count beside the database, after the commit: over the one
// before, in as many digits, for a file that is emptied first is written out at
// once. Where that fails, an older copy put back is not noticed: no reason to
// send nothing.
func (s *Store) remember(armed int64) {
	if armed == 0 {
		return
	}
	f, err := os.OpenFile(s.memory, os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		_, err = fmt.Fprintf(f, "%019d\n", armed)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.log.Debug("count of messages not written", "file", s.memory, "error", err)
	}
}
