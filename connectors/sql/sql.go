// Package sql reads the books from a database in the local network: SQL Server,
// PostgreSQL, MySQL or MariaDB, SQLite. What its tables mean stands in a manifest
// (package manifest), one of those shipped here or the company's own.
//
// It only reads: each statement is one SELECT in a read-only transaction that is
// rolled back; on SQL Server, which has no such transaction, the queries of a
// manifest are checked to be SELECTs and stand as tables in ours.
//
// Rows are asked for by growing key, a page each, so that memory stays flat, a
// pass that was cut goes on after the last page, and what changes meanwhile
// neither repeats nor hides a row. After the first load a pass asks for what
// changed by the manifest's `changed` columns; once a day everything is listed.
package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"relanced/connectors"
	"relanced/connectors/manifest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

// Spec is what a connection of type sql configures.
type Spec struct {
	Manifest manifest.Name `yaml:"manifest" doc:"the name of a shipped manifest (sage100), or the path of a file"`
	DSN      conf.Secret   `yaml:"dsn" doc:"address, user and password of the database: sqlserver://, postgres://, mysql://, sqlite:"`

	book *book // as Check compiled it
	wrap func(driver.Connector) driver.Connector
}

// Check reports what keeps the connection from being opened, and all that is
// wrong with the manifest.
func (s *Spec) Check(p *conf.Problems) {
	if s.DSN.IsZero() {
		p.At("dsn").Addf("an sql connection needs its dsn: write dsn: {env: NAME}, {file: path} or {credential: name}")
	}
	if s.Manifest == "" {
		p.At("manifest").Addf("an sql connection needs a manifest: write manifest: %s, or the path of a file of your own", strings.Join(manifest.Shipped(Manifests()), ", "))
		return
	}
	b, ok := load(s.Manifest, p.At("manifest"))
	if ok {
		s.book = b
	}
	if s.DSN.Value() == "" {
		return
	}
	t, err := parseDSN(s.DSN.Value(), options{})
	switch {
	case err != nil:
		p.At("dsn").Addf("%s", err)
	case ok:
		if err := b.fits(t); err != nil {
			p.At("dsn").Addf("%s", err)
		}
	}
}

// fits tells whether the manifest was written for the database of the dsn.
func (b *book) fits(t target) error {
	if len(b.Drivers) == 0 || slices.ContainsFunc(b.Drivers, func(name string) bool { return dialects[name] == t.dialect }) {
		return nil
	}
	return fmt.Errorf("the manifest %s is for %s, the dsn is of %s", b.Manifest, strings.Join(b.Drivers, ", "), t.title)
}

// Open builds the connector. It touches no network.
func (s *Spec) Open(env connectors.Env) (connectors.Connector, error) { return New(s, env) }

// Connector reads the books from one database.
type Connector struct {
	book     *book
	hash     string // of the manifest's queries and keys
	target   target
	db       *sql.DB
	timeout  time.Duration
	zone     *time.Location
	now      func() time.Time
	defaults manifest.Defaults
	requests atomic.Int64
}

// New returns a connector. It touches no network.
func New(s *Spec, env connectors.Env) (*Connector, error) {
	if env.Timeout == 0 {
		env.Timeout = time.Minute
	}
	if env.Company.Zone == nil {
		env.Company.Zone = time.UTC
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Logger == nil {
		env.Logger = slog.New(slog.DiscardHandler)
	}
	if env.Company.Currency == "" {
		env.Company.Currency = "EUR"
	}
	c := &Connector{book: s.book, timeout: env.Timeout, zone: env.Company.Zone, now: env.Now}
	c.defaults.Currency = env.Company.Currency
	if c.book == nil {
		var problems conf.Problems
		b, ok := load(s.Manifest, &problems)
		if !ok {
			return nil, fmt.Errorf("sql: %w", problems.Err())
		}
		c.book = b
	}
	c.hash = c.book.hash()
	var err error
	if c.target, err = parseDSN(s.DSN.Value(), options{ca: env.CA, timeout: env.Timeout}); err == nil {
		err = c.book.fits(c.target)
	}
	if err != nil {
		return nil, fmt.Errorf("sql: dsn: %w", err)
	}
	if env.Company.Terms != "" {
		if c.defaults.Terms, err = calendar.ParseTerms(env.Company.Terms); err != nil {
			return nil, fmt.Errorf("sql: terms: %w", err)
		}
	}
	if c.target.open != "" {
		env.Logger.Warn("the way to the database is open", "connection", string(env.Connection), "how", c.target.open)
	}
	through := c.target.connector
	if s.wrap != nil {
		through = s.wrap(through)
	}
	c.db = sql.OpenDB(through)
	c.db.SetMaxOpenConns(2)
	c.db.SetMaxIdleConns(1)
	c.db.SetConnMaxIdleTime(5 * time.Second) // a pass keeps its line, a daemon at rest none
	return c, nil
}

// readChunk is how many invoices one statement reads again: databases bound the
// number of parameters.
const readChunk = 500

// Info tells what the database can and cannot do.
func (c *Connector) Info() connectors.Info {
	return connectors.Info{
		PageSize:      c.book.Page,
		Allocations:   connectors.None, // one that is taken back may leave no trace until the next listing
		Payments:      c.book.Payments != nil,
		SeesDeletions: false, // between two listings
		RereadOpen:    6 * time.Hour,
		ListEvery:     24 * time.Hour,
		MaxAge:        24 * time.Hour,
		DueDates:      c.book.Dues != nil || !c.book.Invoices.Map.DueOn.IsZero() || !c.book.Invoices.Map.Dues.IsZero(),
		ReadChunk:     readChunk,
	}
}

// Requests returns how many statements this connector has asked.
func (c *Connector) Requests() int64 { return c.requests.Load() }

// Close lets go of the connections to the database.
func (c *Connector) Close() error { return c.db.Close() }

// Restart returns the cursor of a full load that still knows the database.
func (c *Connector) Restart(since connectors.Cursor) connectors.Cursor {
	cur, err := readCursor(since)
	if err != nil {
		return nil
	}
	return cursor{Version: 1, Database: cur.Database}.next()
}

// Probe tells whose books the dsn opens. It fails where something cannot be
// read, or where the manifest does not fit.
func (c *Connector) Probe(ctx context.Context) (string, error) {
	list := c.book.sections()
	if c.book.Dues != nil {
		list = append(list, &c.book.Dues.Section)
	}
	var misfit *connectors.Error
	for _, s := range list {
		err := c.read(ctx, "try the query of "+s.name, func(r *reader) error {
			return r.rows(c.target.limit(s.what(), s.from(), 1), nil, s.columns, func(manifest.Row) error { return nil })
		})
		if err == nil {
			continue
		}
		err, wrong := c.located(ctx, s, err)
		e, ok := errors.AsType[*connectors.Error](err)
		switch {
		case !ok || !wrong: // the next query would end the same way
			return "", err
		case misfit == nil:
			misfit = e
		default:
			misfit.Detail += "; " + e.Detail
		}
	}
	if misfit != nil {
		return "", misfit
	}
	text := fmt.Sprintf("%s database %s at %s answers the queries of the manifest %s", c.target.title, c.target.database, c.target.where, c.book.Manifest)
	if c.target.open != "" {
		text += "; the way there is " + c.target.open
	}
	return text, nil
}
