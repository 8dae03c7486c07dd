package sql_test

import (
	stdsql "database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/manifest"
	"relanced/connectors/sql"
	"relanced/connectors/sql/sqltest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

func TestCheckSelect_onlyOneSelectThatReads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"SELECT a FROM t", "select [order], \"update\" FROM dbo.t WHERE x = 'it''s; DROP' /* all of it */",
		"SELECT a -- why\nFROM t", "SELECT a FROM (SELECT b FROM u ORDER BY b) x", "WITH x AS (SELECT 1 AS a) SELECT a FROM x", "SELECT deleted, set_on FROM t",
		"SELECT REPLACE(a, 'x', 'y') FROM t",
	} {
		if err := sql.CheckSelect(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"DELETE FROM t":                           "begins with SELECT",
		"EXEC sp_who":                             "begins with SELECT",
		"SELECT 1; DROP TABLE t":                  "without a ;",
		"SELECT 1 INTO t2 FROM t":                 "INTO cannot stand there",
		"SELECT 1) q; SELECT (1":                  "closes nothing",
		"SELECT (1":                               "is not closed",
		"SELECT * FROM t WITH (NOLOCK)":           "NOLOCK cannot stand there",
		"SELECT * FROM OPENROWSET('x', 'y', 'z')": "OPENROWSET cannot stand there",
		"WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x": "DELETE cannot stand there",
		"SELECT a FROM t ORDER BY a":                            "no ORDER BY of its own",
		"SELECT a FROM t -- the end":                            "ends the query",
		"SELECT a /*! , SLEEP(9) */ FROM t":                     "can be more than a comment",
		"SELECT a FROM t WHERE b = 'x\\' OR 1 = 1 -- '":         "backslash",
		"SELECT a FROM t WHERE b = ?":                           "no parameters",
		"SELECT 'a FROM t":                                      "is not closed",
		"SELECT $$;$$":                                          "cannot stand outside",
		"SELECT a FROM t # x":                                   "cannot stand outside",
		"SELECT a FROM t FOR UPDATE":                            "UPDATE cannot stand there",
	} {
		if err := sql.CheckSelect(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzCheckSelect(f *testing.F) {
	f.Add("SELECT a FROM t WHERE b = 'x' /* y */ -- z\n")
	f.Add("SELECT [a], \"b\", `c` FROM (SELECT 1) x")
	f.Fuzz(func(t *testing.T, text string) {
		if sql.CheckSelect(text) != nil {
			return
		}
		if depth := strings.Count(text, "(") - strings.Count(text, ")"); depth != 0 && !strings.ContainsAny(text, "'\"`[/-") {
			t.Errorf("%q leaves the table it stands in", text)
		}
	})
}

func TestManifests_thatAreShippedHaveNoProblem(t *testing.T) {
	t.Parallel()
	for _, name := range manifest.Shipped(sql.Manifests()) {
		text, err := fs.ReadFile(sql.Manifests(), name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var p conf.Problems
		spec := &sql.Spec{Manifest: manifest.Name(name), DSN: conf.SecretOf("sqlserver://u:p@127.0.0.1?database=X")}
		spec.Check(&p)
		if err := p.Err(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(string(text), "not verified") {
			t.Errorf("%s does not say what was not verified", name)
		}
	}
}

func TestSpec_everyProblemAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("erp.yaml", `manifest: erp
speaks: sql
driver: oracle
page: 0
customers:
  query: UPDATE t SET a = 1
  key: a b
  map: {id: it.id, name: 'it["full name"]'}
invoices:
  query: SELECT 1 AS id
  changed: at
  map: {customer: it.c, number: it.n, issued_on: it.d, total: it.t / 1}
dues:
  query: SELECT 1 AS i
  key: i
  sums: true
  changed: at
  map: {on: it.d, total: it.t}
`)
	config := "{name: a, type: sql, manifest: " + filepath.Join(dir, "erp.yaml") + ", dsn: {file: " + filepath.Join(dir, "dsn") + "}}"
	write("dsn", "postgres://marie:s3cret@@@:x/y")
	var p conf.Problems
	n, ok := conf.Parse("relanced.yaml", []byte(config), &p)
	if !ok {
		t.Fatal(p.Err())
	}
	var common struct {
		Name string `yaml:"name"`
		Type string `yaml:"type"`
	}
	spec := &sql.Spec{}
	n.Decode(&p, &common, spec)
	spec.Check(n.On(&p))
	got := fmt.Sprint(p.Err())
	for _, want := range []string{
		"relanced.yaml:1:", "this is not the address of a database", `erp.yaml:3:9: "oracle" is no database`,
		"erp.yaml:4:7: write 1 to 10000 rows", "erp.yaml:6:10: a query begins with SELECT", "erp.yaml:7:8: a column of the query is expected",
		"erp.yaml:8:13: `key` is the id", `"full name" is no name of a column`, "erp.yaml:9:1: invoices need their key", "erp.yaml:12:68: / is refused",
		"erp.yaml:12:8: an invoice needs outstanding", "erp.yaml:16:9: sums of lines need", "erp.yaml:17:12: due lines are read with their invoices",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not among the problems:\n%s", want, got)
		}
	}
	if strings.Contains(got, "s3cret") {
		t.Error("the password is among the problems")
	}
}

func TestSpec_theDSNIsOfTheManifestsDatabase(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"sqlserver://u:p@srv?database=X":            "",
		"sqlserver://u:p@srv":                       "names no database",
		"postgres://u:p@srv/X":                      "the manifest sage100 is for sqlserver, the dsn is of PostgreSQL",
		"u:p@tcp(srv:3306)/X":                       "the dsn is of MySQL",
		"mysql://u:p@srv/X?allowOldPasswords=maybe": "after ?",
		"sqlite:":            "not the address",
		"oracle://u:p@srv/X": "not the address",
		"sqlserver://u:p@srv?database=X&encrypt=perhaps": "not the address",
	} {
		var p conf.Problems
		(&sql.Spec{Manifest: "sage100", DSN: conf.SecretOf(dsn)}).Check(&p)
		if got := fmt.Sprint(p.Err()); want == "" && p.Err() != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", dsn, got, want)
		}
	}
}

// probe opens a connector on the dsn and probes it.
func probe(t *testing.T, src *source, dsn string) (string, error) {
	t.Helper()
	c, err := sql.New(&sql.Spec{Manifest: manifest.Name(src.manifest), DSN: conf.SecretOf(dsn)}, connectors.Env{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.Probe(t.Context())
}

func TestProbe_saysWhatToDo(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	listener.Close()
	for name, start := range map[string]func(*testing.T) server{"postgres": postgresServer, "mariadb": mariaServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := newSource(start(t))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			change := func(edit func(*url.URL)) string {
				u, err := url.Parse(src.at.readDSN)
				if err != nil {
					t.Fatal(err)
				}
				edit(u)
				return u.String()
			}
			if text, err := probe(t, src, src.at.readDSN); err != nil || !strings.Contains(text, "answers the queries of the manifest trade") {
				t.Errorf("fine: %q, %v", text, err)
			}
			revoke := "REVOKE SELECT ON payment FROM " + src.at.role
			if name == "mariadb" {
				revoke = "" // granted on the whole database there
			}
			for what, c := range map[string]struct {
				dsn  string
				kind connectors.Kind
				do   string
			}{
				"server down": {change(func(u *url.URL) { u.Host = closed }), connectors.Temporary, "nobody answers at " + closed},
				"no database": {change(func(u *url.URL) { u.Path = "/nowhere" }), connectors.Auth, `there is no database "nowhere"`},
				"not trusted": {change(func(u *url.URL) { setTLS(u, name) }), connectors.Temporary, "its certificate is not trusted"},
				"wrong user":  {change(func(u *url.URL) { u.User = url.UserPassword("nobody", password) }), connectors.Auth, "refuses user or password"},
			} {
				_, err := probe(t, src, c.dsn)
				expect(t, what, err, c.kind, c.do)
			}
			if revoke != "" {
				run(t, src.db, revoke)
				_, err := probe(t, src, src.at.readDSN)
				expect(t, "no right", err, connectors.Auth, "let the user of the dsn read (GRANT SELECT) payment")
				run(t, src.db, "GRANT SELECT ON payment TO "+src.at.role)
			}
			run(t, src.db, "ALTER TABLE payment RENAME COLUMN label TO wording")
			_, err = probe(t, src, src.at.readDSN)
			expect(t, "a column is lost", err, connectors.Invalid, "does not fit this database")
			if err != nil && !strings.Contains(err.Error(), "the query of payments") && !strings.Contains(err.Error(), "label") {
				t.Errorf("a column is lost: %v", err)
			}
			run(t, src.db, "ALTER TABLE payment RENAME COLUMN wording TO label")
		})
	}
}

func setTLS(u *url.URL, name string) {
	q := u.Query()
	if name == "postgres" {
		q.Set("sslmode", "verify-full")
	} else {
		q.Set("tls", "true")
	}
	u.RawQuery = q.Encode()
}

func run(t *testing.T, db *stdsql.DB, text string) {
	t.Helper()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, what string, err error, kind connectors.Kind, do string) {
	t.Helper()
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok || e.Kind != kind || !strings.Contains(e.Do, do) {
		t.Errorf("%s: %v (%+v), want kind %s and %q", what, err, e, kind, do)
		return
	}
	if strings.Contains(e.Error()+e.Do, password) || strings.Contains(e.Error()+e.Do, url.QueryEscape(password)) {
		t.Errorf("%s: the password shows: %v", what, e)
	}
}

func TestProbe_ofSQLite(t *testing.T) {
	t.Parallel()
	src, err := newSource(sqliteServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if text, err := probe(t, src, src.at.readDSN); err != nil || !strings.Contains(text, "trade.db") {
		t.Errorf("fine: %q, %v", text, err)
	}
	_, err = probe(t, src, "sqlite:"+t.TempDir()+"/none.db")
	expect(t, "no file", err, connectors.Invalid, "is no database that can be read")
	other := filepath.Join(t.TempDir(), "note.txt")
	if err := os.WriteFile(other, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = probe(t, src, "sqlite:"+other)
	expect(t, "no database", err, connectors.Invalid, "is no database that can be read")
	run(t, src.db, "ALTER TABLE customer RENAME COLUMN email TO mail")
	_, err = probe(t, src, src.at.readDSN)
	expect(t, "a column is lost", err, connectors.Invalid, "does not fit this database")
}

func TestLocated_namesTheColumnAndItsPlace(t *testing.T) {
	t.Parallel()
	src, err := newSource(sqliteServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	text := strings.Replace(sqltest.SQLite.Manifest(10), "name: it.name", "name: it.surname", 1)
	text = strings.Replace(text, "changed: updated_at", "changed: changed_on", 1)
	text = strings.Replace(text, "label, updated_at FROM payment", "label, updated_at FROM receipts", 1)
	if err := os.WriteFile(src.manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = probe(t, src, src.at.readDSN)
	if err == nil || !strings.Contains(err.Error(), "the query of customers gives no surname ("+src.manifest+":9:30), changed_on ("+src.manifest+":8:12)") ||
		!strings.Contains(err.Error(), "; the query of payments ("+src.manifest+":") || !strings.Contains(err.Error(), "no such table: receipts") {
		t.Errorf("got %v", err)
	}
	run(t, src.db, "DROP TABLE instalment")
}

// TestSession_writesNothing tries to write through the very sessions of the
// connector, with a user who may.
func TestSession_writesNothing(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) server{"sqlite": sqliteServer, "postgres": postgresServer, "mariadb": mariaServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := newSource(start(t))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			dsn := src.at.readDSN
			if name != "sqlite" { // the owner of the tables
				u, err := url.Parse(dsn)
				if err != nil {
					t.Fatal(err)
				}
				u.User = url.User(map[string]string{"postgres": "postgres", "mariadb": "root"}[name])
				dsn = u.String()
			}
			c, err := sql.New(&sql.Spec{Manifest: manifest.Name(src.manifest), DSN: conf.SecretOf(dsn)}, connectors.Env{Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for _, text := range []string{"INSERT INTO customer (id, code, name, updated_at) VALUES (9, 'x', 'x', '2026-01-01 00:00:00')", "CREATE TABLE mine (a INTEGER)"} {
				if name == "mariadb" && strings.HasPrefix(text, "CREATE") {
					continue // it ends the transaction there; no query can hold it
				}
				if err := c.Exec(t.Context(), text); err == nil {
					t.Errorf("%s was carried out", text)
				}
			}
		})
	}
}

func TestPull_aStatementThatTakesTooLongIsCutOff(t *testing.T) {
	t.Parallel()
	src, err := newSource(postgresServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	text := strings.Replace(sqltest.Postgres.Manifest(10), "updated_at FROM customer", "updated_at FROM customer, pg_sleep(30)", 1)
	if err := os.WriteFile(src.manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	src.Books.AddCustomer("A")
	src.timeout = 3 * time.Second
	began := time.Now()
	err = connectortest.Pass(t.Context(), src, connectortest.NewMirror())
	expect(t, "slow", err, connectors.Temporary, "longer timeout")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestPull_anotherDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	s := sqliteServer(t)
	src, err := newSource(s)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	m := connectortest.NewMirror()
	if err := connectortest.Pass(t.Context(), src, m); err != nil {
		t.Fatal(err)
	}
	m.Cursor = connectors.Cursor(strings.Replace(string(m.Cursor), "trade.db", "other.db", 1))
	expect(t, "another database", connectortest.Pass(t.Context(), src, m), connectors.Auth, "configure the other one as a connection of its own")
}

func TestPull_aKeyThatStandsTwiceIsToldNotSkipped(t *testing.T) {
	t.Parallel()
	src, err := newSource(sqliteServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	text := strings.Replace(sqltest.SQLite.Manifest(2), "FROM customer\n", "FROM customer UNION ALL SELECT id, code, 'again', email, updated_at FROM customer WHERE id = 2\n", 1)
	if err := os.WriteFile(src.manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		src.Books.AddCustomer("A")
	}
	expect(t, "twice", connectortest.Pass(t.Context(), src, connectortest.NewMirror()), connectors.Invalid, "one row for each key")
}

func TestPull_rowsThatDoNotFitAreToldAndTheRestIsRead(t *testing.T) {
	t.Parallel()
	src, err := newSource(sqliteServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	customer := src.Books.AddCustomer("Durand")
	due := sqltest.Instalment{On: calendar.MustParse("2026-06-30"), Minor: 10000}
	bad := src.Books.AddInvoice(customer, "F1", "EUR", due)
	src.Books.AddInvoice(customer, "F2", "EUR", due)
	split := src.Books.AddInvoice(customer, "F3", "EUR", due, due)
	run(t, src.db, fmt.Sprintf("UPDATE invoice SET remaining = 12.345 WHERE id = %d", bad))
	run(t, src.db, fmt.Sprintf("UPDATE instalment SET amount = 1000 WHERE invoice_id = %d", split))
	m := connectortest.NewMirror()
	if err := connectortest.Pass(t.Context(), src, m); err != nil {
		t.Fatal(err)
	}
	if len(m.Documents) != 1 || len(m.Bad) != 2 {
		t.Errorf("%d documents, rejected %v", len(m.Documents), m.Bad)
	}
	if text := m.Bad["1"]; !strings.Contains(text, "outstanding: 12.345 is a binary float") || !strings.Contains(text, src.manifest+":") {
		t.Errorf("rejected with %q", text)
	}
	if text := m.Bad["3"]; !strings.Contains(text, "due lines: its due lines sum to") {
		t.Errorf("rejected with %q", text)
	}
}

// TestPull_aQueryThatWritesIsRefused writes into a manifest's query: as a statement,
// and by a function that the query calls, which no reading of the query can show.
func TestPull_aQueryThatWritesIsRefused(t *testing.T) {
	t.Parallel()
	functions := map[string][]string{
		"sqlite": nil, // it has none that write
		"postgres": {`CREATE FUNCTION taken(n INTEGER) RETURNS INTEGER LANGUAGE sql SECURITY DEFINER
			SET search_path FROM CURRENT AS 'UPDATE customer SET name = ''gone'' WHERE id = n; SELECT n'`},
		"mariadb": {
			`CREATE FUNCTION taken(n INTEGER) RETURNS INTEGER MODIFIES SQL DATA BEGIN UPDATE customer SET name = 'gone' WHERE id = n; RETURN n; END`,
			`GRANT EXECUTE ON FUNCTION taken TO ROLE@'127.0.0.1'`,
		},
	}
	for name, start := range map[string]func(*testing.T) server{"sqlite": sqliteServer, "postgres": postgresServer, "mariadb": mariaServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, err := newSource(start(t))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			src.AddCustomer("Lacaze")
			for _, text := range functions[name] {
				run(t, src.db, strings.ReplaceAll(text, "ROLE", src.at.role))
			}
			pull := func(query string) error {
				text := strings.Replace(src.kind.Manifest(10), "SELECT id, code", query, 1)
				if err := os.WriteFile(src.manifest, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				c, err := src.connector()
				if err != nil {
					return err
				}
				defer c.Close()
				for _, err := range c.Pull(t.Context(), nil) {
					if err != nil {
						return err
					}
				}
				return nil
			}
			if err := pull("DELETE FROM customer RETURNING id, code"); err == nil || !strings.Contains(err.Error(), "a query begins with SELECT") {
				t.Errorf("a statement that deletes: %v", err)
			}
			if functions[name] != nil {
				expect(t, "a function that writes", pull("SELECT taken(id) AS id, code"), connectors.Invalid, "a query of the manifest trade writes")
			}
			if err := pull("SELECT id, code"); err != nil { // for the next test of these books
				t.Error(err)
			}
			var left string
			if err := src.db.QueryRow("SELECT name FROM customer").Scan(&left); err != nil || left != "Lacaze" {
				t.Errorf("the customer is %q, %v", left, err)
			}
		})
	}
}
