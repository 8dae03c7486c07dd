package storetest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// start starts a server on a free port; another program may be quicker to take
// it, and then another one is tried.
func start(tb testing.TB, tool string, settings []string) (dir string, port int) {
	tb.Helper()
	for try := range 5 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		port = listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		dir = filepath.Join(tb.TempDir(), "pg")
		run := exec.Command(tool, "start", dir, strconv.Itoa(port))
		run.Env = append(os.Environ(), "PG_CONF="+strings.Join(append([]string{"synchronous_commit=on"}, settings...), " "))
		out, err := run.CombinedOutput()
		if err == nil {
			return dir, port
		}
		if try == 4 || !strings.Contains(string(out), "already in use") {
			missing(tb, fmt.Sprintf("PostgreSQL does not start: %v: %s", err, out))
		}
	}
	return dir, port
}

// Postgres starts a throw-away PostgreSQL that ends with the test, and returns
// a function that makes a new database in it and gives its address. Where no
// server is installed the test is skipped; under CI=true it fails. Settings are
// PostgreSQL's own, as "name=value".
func Postgres(tb testing.TB, settings ...string) func(testing.TB) string {
	tb.Helper()
	tool := filepath.Join(root(tb), "..", "shared", "tools", "pgserver")
	if _, err := os.Stat(tool); err != nil {
		missing(tb, "no PostgreSQL to test with: "+err.Error())
	}
	dir, port := start(tb, tool, settings)
	tb.Cleanup(func() {
		if out, err := exec.Command(tool, "stop", dir).CombinedOutput(); err != nil {
			tb.Logf("stop PostgreSQL: %v: %s", err, out)
		}
	})
	server := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	var made atomic.Int64
	return func(tb testing.TB) string {
		tb.Helper()
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			tb.Fatal(err)
		}
		defer conn.Close(ctx)
		name := fmt.Sprintf("store%d", made.Add(1))
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
			tb.Fatal(err)
		}
		u, err := url.Parse(server)
		if err != nil {
			tb.Fatal(err)
		}
		u.Path = name
		return u.String()
	}
}

func missing(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatal(why)
	}
	tb.Skip(why)
}

// root is the folder of go.mod.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	tb.Fatal("no go.mod above the test")
	return ""
}
