package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// unopened says why PostgreSQL could not be opened, in one sentence with what to
// do about it. The password stands in none of them.
type unopened struct {
	text string
	err  error
}

// Error is the sentence.
func (e *unopened) Error() string { return e.text }

// Unwrap is what the driver said.
func (e *unopened) Unwrap() error { return e.err }

// unopenedBy puts what the driver says of an opening that failed in words for
// people. What has none is returned as it is.
func unopenedBy(c *pgx.ConnConfig, err error) error {
	if err == nil {
		return nil
	}
	server := net.JoinHostPort(c.Host, fmt.Sprint(c.Port))
	if strings.HasPrefix(c.Host, "/") { // the folder of a socket
		server = c.Host
	}
	say := func(format string, args ...any) error { return &unopened{fmt.Sprintf(format, args...), err} }
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "28P01", "28000":
			return say("PostgreSQL at %s refuses the user %s (%s): correct user and password of `store`, or let the user in by pg_hba.conf", server, c.User, pg.Message)
		case "3D000":
			return say("PostgreSQL at %s has no database %s: correct the name in `store`, or make it with `createdb --owner=%s %s`", server, c.Database, c.User, c.Database)
		case "42501":
			return say("the user %s may not do that in the database %s (%s): make it the owner, ALTER DATABASE %s OWNER TO %s, and of its tables where there are some",
				c.User, c.Database, pg.Message, c.Database, c.User)
		case "53300":
			return say("PostgreSQL at %s has no connection left (%s): raise its max_connections, or end what uses them", server, pg.Message)
		case "57P01", "57P02", "57P03":
			return say("PostgreSQL at %s is starting or stopping (%s): try again in a moment", server, pg.Message)
		}
		return err
	}
	var dial *net.OpError
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return say("PostgreSQL is not found: the name %s is not known (%s): correct the host in `store`", c.Host, name.Err)
	case errors.As(err, &dial):
		return say("PostgreSQL does not answer at %s (%v): start it, or correct host and port in `store`", server, dial.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return say("PostgreSQL does not answer at %s in time: see whether it runs and a firewall lets us through, or correct host and port in `store`", server)
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return say("PostgreSQL at %s offers no TLS: switch it on there, or allow the line without by sslmode=disable in `store`", server)
	}
	return err
}

// misread says that the address is not understood, without what it holds of a
// password.
func misread(dsn string, err error) error {
	why := ""
	if u, bad := url.Parse(dsn); bad == nil {
		cause := errors.Unwrap(err)
		secrets := append(u.Query()["password"], u.Query()["sslpassword"]...)
		if password, has := u.User.Password(); has {
			secrets = append(secrets, password)
		}
		shown := cause != nil
		for _, secret := range secrets {
			shown = shown && (secret == "" || !strings.Contains(cause.Error(), secret))
		}
		if shown {
			why = fmt.Sprintf(" (%v)", cause)
		}
	}
	return fmt.Errorf("the address of the database is not understood%s: write postgres://USER@HOST:5432/DATABASE, special characters in a password as %%XX", why)
}
