package sql_test

import (
	"context"
	stdsql "database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3"

	"relanced/connectors/sql/sqltest"
	"relanced/internal/store/storetest"
)

// server is a database that tests share, each with books of its own.
type server struct {
	kind  sqltest.Database
	fresh func() (place, error)
	idle  *pool
}

// pool keeps books that a test is done with for the next: tables are costly to
// make.
type pool struct {
	mu   sync.Mutex
	free []*source
}

func (p *pool) take() *source {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return nil
	}
	s := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return s
}

func (p *pool) put(s *source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, s)
}

// close drops what the tests used.
func (p *pool) close() {
	for _, s := range p.free {
		s.hangUp()
		_ = s.db.Close()
		s.at.drop()
		_ = os.RemoveAll(filepath.Dir(s.manifest))
	}
}

func newServer(t *testing.T, kind sqltest.Database, fresh func() (place, error)) server {
	t.Helper()
	s := server{kind, fresh, &pool{}}
	t.Cleanup(s.idle.close)
	return s
}

// place is where one company's books are: for those who write them, and for the
// connector, with a user of its own that may only read.
type place struct {
	driver, dsn, readDSN string
	role                 string
	grant                func(db *stdsql.DB) error // once the tables are there
	drop                 func()
}

// sqliteServer gives each books a file.
func sqliteServer(t *testing.T) server {
	t.Helper()
	return newServer(t, sqltest.SQLite, func() (place, error) {
		path := filepath.Join(t.TempDir(), "trade.db")
		return place{
			driver: "sqlite3", dsn: path + "?_journal_mode=WAL&_synchronous=OFF", readDSN: "sqlite:" + path,
			grant: func(*stdsql.DB) error { return nil }, drop: func() {},
		}, nil
	})
}

const password = "p@ss:w/rd"

// postgresServer gives each books a schema and a role.
func postgresServer(t *testing.T) server {
	t.Helper()
	root := storetest.Postgres(t)(t)
	var made atomic.Int64
	return newServer(t, sqltest.Postgres, func() (place, error) {
		n := made.Add(1)
		role, schema := fmt.Sprintf("reader%d", n), fmt.Sprintf("books%d", n)
		db, err := stdsql.Open("pgx", root)
		if err != nil {
			return place{}, err
		}
		defer db.Close()
		for _, text := range []string{
			"CREATE SCHEMA " + schema, "CREATE ROLE " + role + " LOGIN PASSWORD '" + password + "'", "GRANT USAGE ON SCHEMA " + schema + " TO " + role,
		} {
			if _, err := db.Exec(text); err != nil {
				return place{}, err
			}
		}
		u, err := url.Parse(root)
		if err != nil {
			return place{}, err
		}
		q := u.Query()
		q.Set("search_path", schema)
		u.RawQuery = q.Encode()
		p := place{driver: "pgx", dsn: u.String(), role: role, drop: func() {
			db, err := stdsql.Open("pgx", root)
			if err == nil {
				defer db.Close()
				_, _ = db.Exec("DROP SCHEMA " + schema + " CASCADE")
			}
		}}
		p.grant = func(db *stdsql.DB) error {
			_, err := db.Exec("GRANT SELECT ON ALL TABLES IN SCHEMA " + schema + " TO " + role)
			return err
		}
		u.User = url.UserPassword(role, password)
		p.readDSN = u.String()
		return p, nil
	})
}

// mariaServer starts a throw-away MariaDB that ends with the test and gives each
// books a database and a user.
func mariaServer(t *testing.T) server {
	t.Helper()
	addr := startMaria(t)
	var made atomic.Int64
	return newServer(t, sqltest.MariaDB, func() (place, error) {
		name := fmt.Sprintf("books%d", made.Add(1))
		root, err := stdsql.Open("mysql", "root@tcp("+addr+")/")
		if err != nil {
			return place{}, err
		}
		defer root.Close()
		for _, text := range []string{
			"CREATE DATABASE " + name + " CHARACTER SET utf8mb4", "CREATE USER " + name + "@'127.0.0.1' IDENTIFIED BY '" + password + "'",
			"GRANT SELECT ON " + name + ".* TO " + name + "@'127.0.0.1'",
		} {
			if _, err := root.Exec(text); err != nil {
				return place{}, err
			}
		}
		u := url.URL{Scheme: "mysql", User: url.UserPassword(name, password), Host: addr, Path: "/" + name}
		return place{
			driver: "mysql", dsn: "root@tcp(" + addr + ")/" + name + "?parseTime=true", readDSN: u.String(), role: name,
			grant: func(*stdsql.DB) error { return nil },
			drop: func() {
				root, err := stdsql.Open("mysql", "root@tcp("+addr+")/")
				if err == nil {
					defer root.Close()
					_, _ = root.Exec("DROP DATABASE " + name)
				}
			},
		}, nil
	})
}

func startMaria(t *testing.T) string {
	t.Helper()
	path := os.Getenv("PATH") + ":/usr/sbin"
	t.Helper()
	find := func(name string) string {
		for _, dir := range filepath.SplitList(path) {
			if full := filepath.Join(dir, name); executable(full) {
				return full
			}
		}
		return ""
	}
	server, install := find("mariadbd"), find("mariadb-install-db")
	if server == "" || install == "" {
		why := "no MariaDB to test with: make setup installs it"
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	flags := []string{"--no-defaults", "--datadir=" + data}
	if os.Geteuid() == 0 {
		flags = append(flags, "--user=root")
	}
	made := exec.Command(install, append(flags, "--auth-root-authentication-method=normal", "--skip-test-db")...)
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("make the data of MariaDB: %v: %s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	run := exec.Command(server, append(flags, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(port), "--socket="+filepath.Join(dir, "s"),
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--skip-name-resolve", "--max-connections=300")...)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	})
	db, err := stdsql.Open("mysql", "root@tcp("+addr+")/")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return addr
		}
		if ctx.Err() != nil {
			t.Fatalf("MariaDB does not start: %v", err)
		}
		wait := time.NewTimer(50 * time.Millisecond)
		<-wait.C
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
