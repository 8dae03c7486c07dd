package store_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"relanced/internal/store"
	"relanced/internal/store/storetest"
)

const planted = "hunter2"

// refusing is a PostgreSQL that answers whoever comes with one error.
func refusing(t *testing.T, code, message string) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			backend := pgproto3.NewBackend(conn, conn)
			if _, err := backend.ReceiveStartupMessage(); err == nil {
				backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: message})
				_ = backend.Flush()
			}
			_ = conn.Close()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener's
}

// says opens the store, which must fail with all the words in one line and
// without the password.
func says(t *testing.T, dsn string, words ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := store.Open(ctx, dsn, store.Options{})
	if err == nil {
		_ = s.Close()
		t.Fatal("it opens")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q", err)
	}
}

func TestOpen_aPostgreSQLThatRefusesIsToldWithWhatToDo(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		message string
		words   []string
	}{
		"28P01": {`password authentication failed for user "relanced"`, []string{"refuses the user relanced", "password of `store`"}},
		"28000": {`no pg_hba.conf entry for host "10.0.0.7"`, []string{"refuses the user relanced", "pg_hba.conf"}},
		"3D000": {`database "books" does not exist`, []string{"no database books", "createdb --owner=relanced books"}},
		"53300": {"sorry, too many clients already", []string{"too many clients", "max_connections"}},
		"57P03": {"the database system is starting up", []string{"try again in a moment"}},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			port := refusing(t, code, c.message)
			says(t, fmt.Sprintf("postgres://relanced:%s@127.0.0.1:%d/books?sslmode=disable", planted, port), c.words...)
		})
	}
}

func TestOpen_aPostgreSQLThatIsAwayIsToldWithWhatToDo(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	says(t, "postgres://relanced:"+planted+"@"+address+"/books?sslmode=disable", "does not answer at "+address, "refused", "host and port in `store`")
	says(t, "postgres://relanced:"+planted+"@"+strings.Repeat("x", 64)+".example/books?sslmode=disable", "is not known", "correct the host")
}

func TestOpen_anAddressThatIsNotUnderstoodShowsNoPassword(t *testing.T) {
	t.Parallel()
	says(t, "postgres://relanced:hunter2%zz@127.0.0.1/books", "postgres://USER@HOST:5432/DATABASE", "%XX")
	says(t, "postgres://relanced:hunter2@127.0.0.1/books?sslmode=perhaps", "sslmode", "is not understood")
}

func TestOpen_aUserWithoutRightsIsToldWithWhatToDo(t *testing.T) {
	t.Parallel()
	dsn := storetest.Postgres(t, "fsync=off")(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, statement := range []string{"CREATE ROLE guest LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("guest", "hunter2")
	says(t, u.String(), "the user guest may not", "OWNER TO guest")
}
