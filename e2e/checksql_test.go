package e2e

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3"

	"relanced/connectors/sql/sqltest"
	"relanced/internal/store/storetest"
)

const readerPassword = "p@ss:w/rd"

// readOnPostgres makes books in a PostgreSQL with a user who may read them, and
// who must give the password; it returns that user's address of them.
func readOnPostgres(t *testing.T) *url.URL {
	t.Helper()
	address := storetest.Postgres(t)(t)
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	books, err := sqltest.Create(t.Context(), db, sqltest.Postgres, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	books.AddCustomer("Lacaze")
	var rules string
	if err := db.QueryRow("SHOW hba_file").Scan(&rules); err != nil {
		t.Fatal(err)
	}
	known, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rules, append([]byte("host all reader 127.0.0.1/32 scram-sha-256\n"), known...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"CREATE ROLE reader LOGIN PASSWORD '" + readerPassword + "'", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", "SELECT pg_reload_conf()",
	} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("reader", readerPassword)
	return u
}

// readOnSQLite makes books in a file.
func readOnSQLite(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := sqltest.Create(t.Context(), db, sqltest.SQLite, time.Now); err != nil {
		t.Fatal(err)
	}
}

func TestCheck_ofADatabaseSaysWhatToDo(t *testing.T) {
	t.Parallel()
	tool(t, "pgserver")
	w := &world{t: t, dir: t.TempDir()}
	address := readOnPostgres(t)
	changed := func(change func(u *url.URL)) string {
		u := *address
		change(&u)
		return u.String()
	}
	closed := unanswered(t, "http://127.0.0.1:0")
	file := filepath.Join(w.dir, "trade.db")
	readOnSQLite(t, file)
	other := func(manifest string) string { return strings.ReplaceAll(manifest, "FROM payment", "FROM payment_2019") }
	w.put("postgres.yaml", sqltest.Postgres.Manifest(100))
	w.put("postgres-other.yaml", other(sqltest.Postgres.Manifest(100)))
	w.put("sqlite.yaml", sqltest.SQLite.Manifest(100))
	w.put("sqlite-other.yaml", other(sqltest.SQLite.Manifest(100)))
	tests := []struct{ name, manifest, dsn, do string }{
		{"pg", "postgres", address.String(), ""},
		{"pg-password", "postgres", changed(func(u *url.URL) { u.User = url.UserPassword("reader", "another") }), "PostgreSQL at " + address.Host + " refuses user or password: put the right ones in the dsn"},
		{"pg-database", "postgres", changed(func(u *url.URL) { u.Path = "/nowhere" }), `there is no database "nowhere" at ` + address.Host},
		{"pg-table", "postgres-other", address.String(), "the manifest trade does not fit this database (payment_2019)"},
		{"pg-down", "postgres", changed(func(u *url.URL) { u.Host = closed }), "nobody answers at " + closed + ": see whether the server runs"},
		{"lite", "sqlite", "sqlite:" + file, ""},
		{"lite-file", "sqlite", "sqlite:" + file + "x", "trade.dbx is no database that can be read: correct the path in the dsn"},
		{"lite-table", "sqlite-other", "sqlite:" + file, "the manifest trade does not fit this database (payment_2019)"},
	}
	text := "store: sqlite:relanced.db\nhttp: {listen: off}\ncompanies:\n  - id: halles\n    name: Studio Halles\n    country: FR\n    reminders: {mode: off}\n    connections:\n"
	for _, test := range tests {
		w.put(test.name+".dsn", test.dsn+"\n")
		text += fmt.Sprintf("      - {name: %s, type: sql, manifest: ./%s.yaml, dsn: {file: %s.dsn}, timeout: 5s}\n", test.name, test.manifest, test.name)
	}
	w.put("relanced.yaml", text)
	w.config = filepath.Join(w.dir, "relanced.yaml")
	r := w.command("check", "--json")
	if r.code != 1 {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
	lines := map[string]checkLine{}
	for _, line := range decode[checkLine](w, r.out) {
		if line.What == "connection" {
			lines[line.Name] = line
		}
	}
	for _, test := range tests {
		line, do := lines[test.name], ""
		if line.Do != nil {
			do = *line.Do
		}
		t.Logf("%s: %s → %s", test.name, line.Message, do)
		if line.OK != (test.do == "") || line.OK != (do == "") || !strings.Contains(do, test.do) {
			t.Errorf("%s: %+v, %q, want %q", test.name, line, do, test.do)
		}
	}
	for _, form := range []string{readerPassword, url.QueryEscape(readerPassword), "p%40ss"} {
		if strings.Contains(r.out+r.err, form) {
			t.Errorf("the password shows: %s%s", r.out, r.err)
		}
	}
}
