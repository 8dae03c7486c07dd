package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3"

	"relanced/connectors/connectortest"
	"relanced/connectors/sql/sqltest"
	"relanced/internal/calendar"
	"relanced/internal/store/storetest"
)

// sqlBooks are books in a database, read as a user who may only read.
type sqlBooks struct {
	*sqltest.Books
	t             *testing.T
	aside         *sql.DB // another line to the database
	manifest, dsn string
	faults        map[connectortest.Fault]trouble // those that last
	heal          *[]func()
}

// trouble makes the database fail and returns what ends it.
type trouble func() (end func())

func openBooks(t *testing.T, kind sqltest.Database, driver, writer, reader string, skew time.Duration) sqlBooks {
	t.Helper()
	open := func() *sql.DB {
		db, err := sql.Open(driver, writer)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	books, err := sqltest.Create(t.Context(), open(), kind, func() time.Time { return time.Now().Add(skew) })
	if err != nil {
		t.Fatal(err)
	}
	return sqlBooks{
		Books: books, t: t, aside: open(), manifest: inFile(t, "trade.yaml", kind.Manifest(100)), dsn: secretFile(t, reader), heal: &[]func(){},
	}
}

func newSQLite(t *testing.T, skew time.Duration) simulator {
	path := filepath.Join(t.TempDir(), "trade.db")
	b := openBooks(t, sqltest.SQLite, "sqlite3", path+"?_synchronous=OFF", "sqlite:"+path, skew)
	b.faults = map[connectortest.Fault]trouble{connectortest.ServerError: func() func() { // somebody has the file for themselves
		line, err := b.aside.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		b.run(line, "BEGIN EXCLUSIVE")
		return func() {
			b.run(line, "ROLLBACK")
			_ = line.Close()
		}
	}}
	return b
}

func newPostgres(t *testing.T, skew time.Duration) simulator {
	tool(t, "pgserver")
	direct := storetest.Postgres(t, "fsync=off")(t)
	g := newGate(t, hostOf(direct))
	reader, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	reader.User, reader.Host = url.UserPassword("reader", "p@ss:w/rd"), fmt.Sprintf("127.0.0.1:%d", g.port)
	b := openBooks(t, sqltest.Postgres, "pgx", direct, reader.String(), skew)
	b.run(b.aside, "CREATE ROLE reader LOGIN PASSWORD 'p@ss:w/rd'")
	b.run(b.aside, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
	statements := func(on, off string) trouble {
		return func() func() {
			b.run(b.aside, on)
			return func() { b.run(b.aside, off) }
		}
	}
	b.faults = map[connectortest.Fault]trouble{
		connectortest.Unauthorized: statements("ALTER ROLE reader NOLOGIN", "ALTER ROLE reader LOGIN"),
		connectortest.Forbidden:    statements("REVOKE SELECT ON invoice FROM reader", "GRANT SELECT ON invoice TO reader"),
		connectortest.Disconnected: func() func() {
			g.set(reset)
			return func() { g.set(none) }
		},
		connectortest.Slow: func() func() {
			g.set(mute)
			return func() { g.set(none) }
		},
	}
	return postgresBooks{b}
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (b sqlBooks) run(on execer, text string) {
	b.t.Helper()
	if _, err := on.ExecContext(context.Background(), text); err != nil {
		b.t.Errorf("%s: %v", text, err)
	}
}

func (b sqlBooks) Connection() string {
	return fmt.Sprintf("type: sql, manifest: %q, dsn: {file: %q}, timeout: 2s", b.manifest, b.dsn)
}

func (b sqlBooks) Customer(code, name, address string) string {
	return strconv.FormatInt(b.AddClient(code, name, address), 10)
}

func (b sqlBooks) Invoice(customer, number string, cents int64, due calendar.Date) string {
	return strconv.FormatInt(b.AddInvoice(number64(customer), number, "EUR", sqltest.Instalment{On: due, Minor: cents}), 10)
}

func (b sqlBooks) Pay(invoice string) {
	left := b.Documents()[number64(invoice)].Left.Minor
	b.Allocate(b.AddPayment(1, "EUR", left, day(0)), number64(invoice), left)
}

func (b sqlBooks) Owed() map[string]int64 {
	owed := map[string]int64{}
	for id, d := range b.Documents() {
		if !d.Credit && d.State == "issued" && d.Left.Sign() > 0 {
			owed[strconv.FormatInt(id, 10)] = d.Left.Minor
		}
	}
	return owed
}

// Fail makes what lasts: a statement alone cannot be reached from here.
func (b sqlBooks) Fail(f connectortest.Fault, _, times int) bool {
	make, ok := b.faults[f]
	if !ok || times != 0 {
		return false
	}
	*b.heal = append(*b.heal, make())
	return true
}

func (b sqlBooks) Heal() {
	for _, end := range *b.heal {
		end()
	}
	*b.heal = nil
}

// Between cannot be: a reader of SQLite sees the books of one moment.
func (b sqlBooks) Between(int, func()) bool { return false }

// postgresBooks can also change while they are read.
type postgresBooks struct{ sqlBooks }

// Between holds the reader before it reads payments, and changes the books as
// soon as it goes on. Heal ends the waiting for a reader that does not come.
func (b postgresBooks) Between(_ int, change func()) bool {
	line, err := b.aside.Conn(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	b.run(line, "BEGIN")
	b.run(line, "LOCK TABLE payment IN ACCESS EXCLUSIVE MODE")
	stop, done := make(chan struct{}), make(chan struct{})
	*b.heal = append(*b.heal, func() { close(stop); <-done })
	go func() {
		defer close(done)
		defer line.Close()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for waiting := false; !waiting; {
			select {
			case <-stop:
				b.run(line, "ROLLBACK")
				return
			case <-tick.C:
			}
			if err := b.aside.QueryRow("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'payment'::regclass)").Scan(&waiting); err != nil {
				b.t.Error(err)
				return
			}
		}
		b.run(line, "ROLLBACK") // the change may be of payments too
		change()
	}()
	return true
}
