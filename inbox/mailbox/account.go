// Package mailbox is the only IMAP code: folders, UIDs, IDLE, budgets, Sent.
//
// Reading leaves no trace: EXAMINE and BODY.PEEK only, no flag is stored,
// nothing moved or deleted. The one write is APPEND of our own message to Sent,
// on a connection of its own. One goroutine uses a Session.
package mailbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// Account says how to reach one mailbox.
type Account struct {
	Name     string // of the configuration
	Address  string
	User     string
	Password string
	// Token gives an access token to log in by, instead of Password; refused is one
	// that the server did not take ("" none). nil: Password is used.
	Token func(ctx context.Context, refused string) (string, error)
	// Advise says what to do where the server refuses the log-in, by what it said;
	// "" or nil: the usual.
	Advise  func(said string) string
	Host    string
	Port    int
	TLS     TLS
	CA      string   // PEM file trusted besides the system's; "" none
	Folders []string // to read besides Junk; empty: INBOX
	Sent    bool     // watch Sent too
	Fields  []string // header fields fetched of every new message
	Limits  Limits   // zero: the usual ones
	Logger  *slog.Logger
	Now     func() time.Time
}

// TLS is how a connection is protected.
type TLS string

// The ways of protecting a connection.
const (
	Implicit TLS = "implicit"
	StartTLS TLS = "starttls"
	NoTLS    TLS = "none"
)

// Kind is what a failure asks for.
type Kind string

// The kinds: a refused login needs a person, a busy server needs a pause of
// minutes, the rest is tried again soon.
const (
	Auth      Kind = "auth"
	Busy      Kind = "busy"
	Temporary Kind = "temporary"
	Missing   Kind = "missing" // a folder that is not there
)

// Error is a failure of a mailbox.
type Error struct {
	Kind Kind
	Op   string // "log in to imap.example.org:993"
	Do   string // what a person should do; "" nothing special
	Err  error
}

// Error is "operation: cause".
func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Op, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err, Temporary where it is not one of ours.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Temporary
}

func (a Account) addr() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// dial opens the connection, protected where TLS is implicit, and bounds what
// may be read from it.
func (a Account) dial(ctx context.Context) (net.Conn, *budgetConn, *tls.Config, error) {
	config, err := a.tlsConfig()
	if err != nil {
		return nil, nil, nil, err
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	plain, err := dialer.DialContext(ctx, "tcp", a.addr())
	if err != nil {
		return nil, nil, nil, err
	}
	budget := &budgetConn{Conn: plain}
	budget.left.Store(readBudget)
	if a.TLS != Implicit {
		return budget, budget, config, nil
	}
	secured := tls.Client(budget, config)
	ctx, cancel := context.WithTimeout(ctx, a.Limits.Login)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, nil, nil, err
	}
	return secured, budget, config, nil
}

func (a Account) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: a.Host, MinVersion: tls.VersionTLS12, NextProtos: []string{"imap"}}
	if a.CA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(a.CA)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", a.CA)
	}
	config.RootCAs = pool
	return config, nil
}

// readBudget bounds what a server may send in answer to one command: a hostile
// one must not exhaust memory, literals being unbounded in IMAP.
const readBudget = 64 << 20

var errBudget = errors.New("the server sent more than 64 MiB in one answer")

// budgetConn ends the connection when more was read than is left.
type budgetConn struct {
	net.Conn
	left atomic.Int64
}

func (c *budgetConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.left.Add(-int64(n)) < 0 {
		return n, errBudget
	}
	return n, err
}
