package store

import (
	"database/sql"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Options is what Open needs besides the address. The zero Options works.
type Options struct {
	Now    func() time.Time   // nil: time.Now
	Logger *slog.Logger       // nil: none
	Fault  func(point string) // for drills: called at named points of the send path, before and after each commit
}

// Store keeps the facts. It is safe for use by several goroutines.
type Store struct {
	dsn    string
	now    func() time.Time
	log    *slog.Logger
	fault  func(string)
	writer *sql.DB // SQLite
	reader *sql.DB // SQLite
	pool   *pgxpool.Pool
}
