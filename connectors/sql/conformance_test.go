package sql_test

import (
	"context"
	stdsql "database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/manifest"
	"relanced/connectors/sql"
	"relanced/connectors/sql/sqltest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

// pageSize is small, so that books of some hundred rows have pages.
const pageSize = 40

// source is a trading system as the suite sees it.
type source struct {
	timeout time.Duration // of a statement; 0: a minute
	*sqltest.Books
	db       *stdsql.DB
	kind     sqltest.Database
	at       place
	idle     *pool
	open     *sql.Connector
	manifest string
	ahead    atomic.Int64

	mu       sync.Mutex
	asked    int
	wrote    int
	fault    connectortest.Fault
	skip     int
	times    int // 0: all
	hooks    []hook
	lines    []driver.Conn // not in use
	refusing func(on bool)
}

type hook struct {
	at     int
	change func()
}

func newSource(s server) (*source, error) {
	if src := s.idle.take(); src != nil {
		src.Clear()
		return src, nil
	}
	at, err := s.fresh()
	if err != nil {
		return nil, err
	}
	db, err := stdsql.Open(at.driver, at.dsn)
	if err != nil {
		return nil, err
	}
	src := &source{db: db, kind: s.kind, at: at, idle: s.idle}
	if src.Books, err = sqltest.Create(context.Background(), db, s.kind, src.now); err != nil {
		return nil, err
	}
	if err := at.grant(db); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sqltest")
	if err != nil {
		return nil, err
	}
	src.manifest = filepath.Join(dir, "trade.yaml")
	return src, os.WriteFile(src.manifest, []byte(s.kind.Manifest(pageSize)), 0o600)
}

func (s *source) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// Open closes the connector before: servers have few lines.
func (s *source) Open() (connectors.Connector, error) {
	if s.open != nil {
		_ = s.open.Close()
	}
	var err error
	s.open, err = s.connector()
	return s.open, err
}

func (s *source) connector() (*sql.Connector, error) {
	spec := &sql.Spec{Manifest: manifest.Name(s.manifest), DSN: conf.SecretOf(s.at.readDSN)}
	spec.Through(func(c driver.Connector) driver.Connector { return &line{c, s} })
	return sql.New(spec, connectors.Env{Connection: "compta", Now: s.now, Timeout: s.limit()})
}

func (s *source) limit() time.Duration {
	if s.timeout != 0 {
		return s.timeout
	}
	return time.Minute
}

func (s *source) PageSize() int { return pageSize }

func (s *source) AddCustomer(name string) string {
	return strconv.FormatInt(s.Books.AddCustomer(name), 10)
}

func (s *source) AddInvoice(customer, number string, minor int64, due calendar.Date) string {
	return strconv.FormatInt(s.Books.AddInvoice(id(customer), number, "EUR", sqltest.Instalment{On: due, Minor: minor}), 10)
}

func (s *source) Pay(invoice string, minor int64) {
	doc := s.Documents()[id(invoice)]
	if minor == 0 {
		minor = doc.Left.Minor
	}
	if minor > 0 {
		s.Allocate(s.AddPayment(1, "EUR", minor, calendar.MustParse("2026-06-15")), id(invoice), minor)
	}
}

func (s *source) Credit(invoice string, minor int64) {
	s.Apply(s.AddCredit(1, "AV", "EUR", minor, calendar.MustParse("2026-06-15")), id(invoice), minor)
}

func (s *source) Redate(invoice string, due calendar.Date) { s.Books.Redate(id(invoice), due) }

func (s *source) Rename(customer, name string) { s.Books.Rename(id(customer), name) }

func (s *source) Delete(invoice string) bool {
	s.Books.Delete(id(invoice))
	return true
}

func (s *source) Owed() map[string]int64 {
	owed := map[string]int64{}
	for id, d := range s.Documents() {
		if !d.Credit && d.State == "issued" && d.Left.Sign() > 0 {
			owed[strconv.FormatInt(id, 10)] = d.Left.Minor
		}
	}
	return owed
}

func (s *source) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Writes counts the statements that do more than read, and the transactions in
// which they could.
func (s *source) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrote
}

// told counts a statement that is none of these words.
func (s *source) told(statement string, words ...string) {
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(statement)), " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(words, word) {
		s.wrote++
	}
}

func (s *source) Pass(d time.Duration) { s.ahead.Add(int64(d)) }

func (s *source) Between(skip int, change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, hook{s.asked + skip, change})
}

func (s *source) Fail(f connectortest.Fault, skip, times int) bool {
	switch f {
	case connectortest.Unauthorized, connectortest.Forbidden:
		if s.kind != sqltest.Postgres || skip+times > 0 {
			return false // rights are taken away for good, or not
		}
		s.refuse(f)
		return true
	case connectortest.ServerError, connectortest.Disconnected:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fault, s.skip, s.times = f, s.asked+skip, times
		return true
	}
	return false
}

// refuse takes the reader's rights away, in the database itself.
func (s *source) refuse(f connectortest.Fault) {
	on, off := "REVOKE SELECT ON invoice FROM "+s.at.role, "GRANT SELECT ON invoice TO "+s.at.role
	if f == connectortest.Unauthorized {
		on, off = "ALTER ROLE "+s.at.role+" NOLOGIN", "ALTER ROLE "+s.at.role+" LOGIN"
	}
	s.refusing = func(yes bool) {
		text := off
		if yes {
			text = on
		}
		if _, err := s.db.Exec(text); err != nil {
			panic(err)
		}
	}
	s.refusing(true)
	s.hangUp()
}

// hangUp lets go of the connections: the next one logs in anew.
func (s *source) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.lines {
		_ = c.Close()
	}
	s.lines = nil
}

func (s *source) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.hooks = "", nil
	if s.refusing != nil {
		s.refusing(false)
		s.refusing = nil
	}
}

func (s *source) Close() error {
	s.Heal()
	if s.open != nil {
		_ = s.open.Close()
		s.open = nil
	}
	s.hooks, s.asked, s.wrote, s.timeout = nil, 0, 0, 0
	s.ahead.Store(0)
	s.idle.put(s)
	return nil
}

// asks counts a statement and tells what becomes of it.
func (s *source) asks() error {
	s.mu.Lock()
	s.asked++
	n := s.asked
	var run []func()
	for i := range s.hooks {
		if s.hooks[i].change != nil && s.hooks[i].at < n {
			run = append(run, s.hooks[i].change)
			s.hooks[i].change = nil
		}
	}
	var err error
	if s.fault != "" && n > s.skip && (s.times == 0 || n <= s.skip+s.times) {
		switch {
		case s.fault == connectortest.Disconnected:
			err = driver.ErrBadConn
		case s.kind == sqltest.Postgres:
			err = &pgconn.PgError{Code: "57P03", Message: "the database system is starting up"}
		case s.kind == sqltest.MariaDB:
			err = &mysql.MySQLError{Number: 1053, Message: "Server shutdown in progress"}
		default:
			err = sqlite3.Error{Code: sqlite3.ErrBusy}
		}
	}
	s.mu.Unlock()
	for _, change := range run {
		change()
	}
	return err
}

// line leads to the database over connections that a test can disturb. Those
// that a connector lets go of serve the next one: logging in is slow.
type line struct {
	driver.Connector
	s *source
}

func (l *line) Connect(ctx context.Context) (driver.Conn, error) {
	for {
		c := l.s.rested()
		if c == nil {
			break
		}
		if resting := (&conn{Conn: c, s: l.s}); resting.IsValid() && resting.ResetSession(ctx) == nil {
			return resting, nil
		}
		_ = c.Close()
	}
	c, err := l.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, s: l.s}, nil
}

// rested is a connection that nobody uses; nil where there is none.
func (s *source) rested() driver.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.lines)
	if n == 0 {
		return nil
	}
	c := s.lines[n-1]
	s.lines = s.lines[:n-1]
	return c
}

// conn tells what its driver tells of a line that is dead: one that is kept all
// the same is dead for whoever comes next.
type conn struct {
	driver.Conn
	s   *source
	bad bool
}

func (c *conn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !c.bad && (!ok || v.IsValid())
}

func (c *conn) ResetSession(ctx context.Context) error {
	r, ok := c.Conn.(driver.SessionResetter)
	if !ok {
		return nil
	}
	err := r.ResetSession(ctx)
	c.bad = c.bad || err != nil
	return err
}

// Close keeps the connection for the next one, unless it is lost: a deadline in
// the middle of an answer hangs up.
func (c *conn) Close() error {
	if !c.IsValid() {
		return c.Conn.Close()
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.lines = append(c.s.lines, c.Conn)
	return nil
}

func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if !o.ReadOnly && c.s.kind != sqltest.SQLite { // its file is opened to be read
		c.s.told("BEGIN")
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o) //nolint:forcetypeassert // all drivers have it
	c.bad = c.bad || err != nil
	return tx, err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.s.told(query, "SELECT")
	if err := c.s.asks(); err != nil {
		c.bad = true
		return nil, err
	}
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args) //nolint:forcetypeassert // all drivers have it
	c.bad = c.bad || err != nil
	return rows, err
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.s.told(query, "SET")
	result, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args) //nolint:forcetypeassert // all drivers have it
	c.bad = c.bad || err != nil
	return result, err
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func id(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func suite(s server) connectortest.Suite {
	return connectortest.Suite{
		Idle: 5, // how far changes go, then what changed of four kinds
		Lacks: []connectortest.Fault{ // a database speaks no HTTP
			connectortest.Throttled, connectortest.Truncated, connectortest.WebPage, connectortest.Slow, connectortest.Repeated,
		},
		New: func() (connectortest.Source, error) { return newSource(s) },
	}
}

func TestConformance_sqlite(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, suite(sqliteServer(t)))
}

func TestConformance_postgres(t *testing.T) {
	connectortest.Run(t, suite(postgresServer(t)))
}

func TestConformance_mariadb(t *testing.T) {
	connectortest.Run(t, suite(mariaServer(t)))
}

func balances(t *testing.T, s server) {
	t.Helper()
	connectortest.RunBalances(t, func() (connectortest.Ledger, error) {
		return newSource(s)
	})
}

func TestDrillAPI_firstLoadTakesThePagesThereAre(t *testing.T) {
	t.Parallel()
	connectortest.RunFirstLoad(t, connectortest.FirstLoad{
		New: func() (connectortest.Source, error) { return newSource(sqliteServer(t)) },
		// With their due lines and their customers page by page; and no payments, no allocations.
		Least: func(invoices, customers int) int {
			return 3*connectortest.Pages(invoices, pageSize) + connectortest.Pages(customers, pageSize) + 2
		},
		Besides: 1 + 5 + 4, // how far changes go, before and after; a page of nothing where the last is full
		Idle:    5,
	})
}

func TestBalances_sqlite(t *testing.T) {
	t.Parallel()
	balances(t, sqliteServer(t))
}

func TestBalances_mariadb(t *testing.T) {
	balances(t, mariaServer(t))
}

func TestBalances_postgres(t *testing.T) {
	balances(t, postgresServer(t))
}

// TestPull_linesThatTheServerEndedAreReplaced ends the reader's sessions on the
// server, as a restart, a firewall or an administrator does: while they rest
// between two pages, and in the middle of a page.
func TestPull_linesThatTheServerEndedAreReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start func(*testing.T) server
		end   string
	}{
		"postgres": {postgresServer, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '%s'"},
		"mariadb":  {mariaServer, "KILL USER %s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := newSource(c.start(t))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			customer := src.AddCustomer("Menuiserie Lacaze")
			for i := range 2*pageSize + 3 {
				src.AddInvoice(customer, fmt.Sprintf("F-%d", i), 10000, calendar.MustParse("2026-06-30"))
			}
			ended := 0
			end := func() {
				ended++
				run(t, src.db, fmt.Sprintf(c.end, src.at.role))
			}
			for skip := range 3 { // a page is tried three times: it meets one end
				src.Between(1+5*skip, end)
			}
			open, err := src.Open()
			if err != nil {
				t.Fatal(err)
			}
			m := connectortest.NewMirror()
			for page, err := range open.Pull(t.Context(), nil) {
				if err != nil {
					t.Fatalf("after %d ends: %v", ended, err)
				}
				if err := m.Apply(page); err != nil {
					t.Fatal(err)
				}
				end()
			}
			if diff := cmp.Diff(src.Owed(), m.Owed()); diff != "" || ended < 7 {
				t.Errorf("%d ends: what is owed differs (-source +mirror):\n%s", ended, diff)
			}
		})
	}
}
