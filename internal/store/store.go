package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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
	Fault  func(point string) // for drills: called at the named points, see PointCommitting
}

// Store keeps the facts. It is safe for use by several goroutines.
type Store struct {
	now    func() time.Time
	log    *slog.Logger
	fault  func(string)
	file   string  // SQLite: the file as a URI
	memory string  // SQLite: the file that remembers how often a message was armed
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
