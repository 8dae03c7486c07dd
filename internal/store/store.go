package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// Options is what Open needs besides the address. The zero Options works.
type Options struct {
	Now    func() time.Time   // nil: time.Now
	Logger *slog.Logger       // nil: none
	Fault  func(point string) // for drills: called at named points of the send path, before and after each commit
}

// Store keeps the facts. It is safe for use by several goroutines.
type Store struct {
	now    func() time.Time
	log    *slog.Logger
	fault  func(string)
	file   string  // SQLite: the file as a URI
	writer *sql.DB // SQLite
	reader *sql.DB // SQLite
	pool   *pgxpool.Pool
}

// Open opens sqlite:PATH or postgres://…, brings the schema up to date and
// checks what must hold. The error is a sentence for people; ErrNewer, ErrAsync
// and ErrDisk are recognisable.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	s := &Store{now: o.Now, log: o.Logger, fault: o.Fault}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.fault == nil {
		s.fault = func(string) {}
	}
	var err error
	path, isFile := strings.CutPrefix(dsn, "sqlite:")
	switch {
	case isFile:
		err = s.openSQLite(ctx, path)
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		err = s.openPostgres(ctx, dsn)
	default:
		return nil, errors.New("store: the address starts neither with sqlite: nor with postgres://")
	}
	if err == nil {
		err = s.welcome(ctx)
	}
	if err != nil {
		_ = s.Close() // the first error is the one to tell
		return nil, fmt.Errorf("store: open: %w", explain(err))
	}
	return s, nil
}

// Close ends all connections. Transactions that run are rolled back.
func (s *Store) Close() error {
	var errs []error
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	if s.pool != nil {
		s.pool.Close()
	}
	return errors.Join(errs...)
}

// Ping makes one round trip: an error says why facts cannot be written.
func (s *Store) Ping(ctx context.Context) error {
	if s.pool != nil {
		return explain(s.pool.Ping(ctx))
	}
	return explain(s.writer.PingContext(ctx))
}

// SQL is SQLite's one writer, for the job engine; nil on PostgreSQL.
func (s *Store) SQL() *sql.DB { return s.writer }

// Pool is PostgreSQL's pool, for the job engine; nil on SQLite.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Now is the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// migrate brings the schema up to date, unless a newer program wrote it.
func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB, folder string, options ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return err
	}
	options = append(options, goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	if have > want {
		return fmt.Errorf("%w (schema %d, this program knows %d): install that version, or restore a backup made before the upgrade", ErrNewer, have, want)
	}
	if have == want {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// welcome notices that the database is a copy that was restored: until a person
// confirms, nothing of it is believed enough to send.
func (s *Store) welcome(ctx context.Context) error {
	here := ""
	if s.pool != nil {
		var oid int64
		if err := s.pool.QueryRow(ctx, "SELECT oid::bigint FROM pg_database WHERE datname = current_database()").Scan(&oid); err != nil {
			return err
		}
		here = strconv.FormatInt(oid, 10)
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
		if mark != "" || home != "" && home != here {
			if err := tx.restored(); err != nil {
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

func (tx *Tx) restored() error {
	for _, q := range []string{
		"UPDATE connection SET confirmed_at = 0, confirmed_by = ''",
		"UPDATE company SET restored_at = $1",
		"INSERT INTO company (id, restored_at) SELECT DISTINCT company, CAST($1 AS BIGINT) FROM connection WHERE true ON CONFLICT (id) DO UPDATE SET restored_at = excluded.restored_at",
		"UPDATE agenda SET version = version + 1, next_at = $1, gated = FALSE",
		"UPDATE lease SET owner = '', until_at = 0, fence = fence + 1",
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
