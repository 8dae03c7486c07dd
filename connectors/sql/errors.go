package sql

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	mssql "github.com/microsoft/go-mssqldb"

	"relanced/connectors"
)

// state is what an error of a database asks for.
type state string

const (
	unknown    state = ""
	badLogin   state = "login"     // wrong user or password
	noDatabase state = "database"  // no such database, or not for this user
	noRight    state = "right"     // no SELECT on something
	noTable    state = "table"     // no such table or view
	noColumn   state = "column"    // no such column
	slow       state = "slow"      // a statement took longer than allowed
	down       state = "down"      // nobody answers there
	untrusted  state = "tls"       // the certificate, or the way TLS is spoken
	passing    state = "passing"   // tried again at once: the line was lost, the server was busy
	noFile     state = "file"      // SQLite: the file is not there or no database
	syntax     state = "statement" // the database does not understand the query
	writes     state = "writes"    // the query writes: the session does not let it
)

// fault makes an error of this source of whatever a read ended with. The
// context's end passes through as it is.
func (c *Connector) fault(ctx context.Context, op string, err error) error {
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		return e
	}
	if ctx.Err() != nil {
		return fmt.Errorf("sql: %s: %w", op, context.Cause(ctx))
	}
	state, named := c.stateOf(err)
	e := &connectors.Error{Kind: connectors.Temporary, Op: "sql: " + op, Detail: c.clean(err.Error())}
	t := c.target
	something := "the tables of the manifest"
	if named != "" {
		something = c.clean(named)
	}
	switch state {
	case badLogin:
		e.Kind, e.Do = connectors.Auth, fmt.Sprintf("%s at %s refuses user or password: put the right ones in the dsn (characters such as @ : / written as %%40 %%3A %%2F), then run relanced check", t.title, t.where)
	case noDatabase:
		e.Kind, e.Do = connectors.Auth, fmt.Sprintf("there is no database %q at %s, or this user may not open it: correct its name in the dsn, or let the user connect to it", t.database, t.where)
	case noRight:
		e.Kind, e.Do = connectors.Auth, fmt.Sprintf("let the user of the dsn read (GRANT SELECT) %s", something)
	case noTable, noColumn, syntax:
		e.Kind, e.Do = connectors.Invalid, fmt.Sprintf("the manifest %s does not fit this database (%s): choose the database in the dsn, or adapt a copy of the manifest to this version of the product", c.book.Manifest, something)
	case writes:
		e.Kind, e.Do = connectors.Invalid, fmt.Sprintf("a query of the manifest %s writes, by a function or a view that it names, and a connection only reads: take that out of a copy of the manifest", c.book.Manifest)
	case slow:
		e.Detail, e.Do = fmt.Sprintf("no answer within %v", c.timeout), "have the key and changed columns of the manifest's queries indexed, or give the connection a longer timeout:"
	case down:
		e.Do = fmt.Sprintf("nobody answers at %s: see whether the server runs, listens there, and lets this machine in", t.where)
	case untrusted:
		e.Do = "its certificate is not trusted: name the authority that signed it in ca:, or, on a network you trust, turn the check off in the dsn (sslmode=require, TrustServerCertificate=true, tls=skip-verify)"
	case noFile:
		e.Kind, e.Do = connectors.Invalid, fmt.Sprintf("%s is no database that can be read: correct the path in the dsn, and let this program's user read the file", t.where)
	case passing, unknown:
		e.Do = "nothing: it is tried again at the next pass; if it lasts, look at the server " + t.where
	}
	return e
}

// stateOf reads an error of the driver, of the network or of TLS.
func (c *Connector) stateOf(err error) (state, string) {
	if s, named := c.target.wrong(err); s != unknown {
		return s, named
	}
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		dns       *net.DNSError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &verify), errors.As(err, &record):
		return untrusted, ""
	case errors.Is(err, context.DeadlineExceeded):
		return slow, ""
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial":
		return down, ""
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op):
		return passing, ""
	}
	return unknown, ""
}

var quotedName = regexp.MustCompile(`["'«` + "`" + `]([^"'»` + "`" + `]{1,120})["'»` + "`" + `]`)

// firstName is the first quoted name of a message: a table, a column.
func firstName(message string) string {
	if m := quotedName.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}

func postgresState(err error) (state, string) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if strings.Contains(err.Error(), "server refused TLS connection") {
			return untrusted, ""
		}
		return unknown, ""
	}
	switch {
	case e.Code == "28P01" || e.Code == "28000":
		return badLogin, ""
	case e.Code == "3D000":
		return noDatabase, ""
	case e.Code == "42501" && strings.Contains(e.Message, "database"):
		return noDatabase, ""
	case e.Code == "42501":
		name := e.TableName
		if name == "" { // "permission denied for table invoice"
			name = e.Message[strings.LastIndexByte(e.Message, ' ')+1:]
		}
		return noRight, name
	case e.Code == "42P01":
		return noTable, firstName(e.Message)
	case e.Code == "42703":
		return noColumn, firstName(e.Message)
	case e.Code == "25006":
		return writes, ""
	case e.Code == "57014":
		return slow, ""
	case strings.HasPrefix(e.Code, "57P"), strings.HasPrefix(e.Code, "08"), e.Code == "53300", e.Code == "40001", e.Code == "40P01":
		return passing, ""
	case strings.HasPrefix(e.Code, "42"), strings.HasPrefix(e.Code, "22"):
		return syntax, "a query of it: " + e.Message
	}
	return unknown, ""
}

func mysqlState(err error) (state, string) {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		if errors.Is(err, mysql.ErrNoTLS) {
			return untrusted, ""
		}
		if errors.Is(err, mysql.ErrInvalidConn) {
			return passing, ""
		}
		return unknown, ""
	}
	switch e.Number {
	case 1045, 1698:
		return badLogin, ""
	case 1044, 1049:
		return noDatabase, ""
	case 1142, 1143, 1370:
		parts := quotedName.FindAllStringSubmatch(e.Message, -1)
		if len(parts) == 0 {
			return noRight, ""
		}
		return noRight, parts[len(parts)-1][1]
	case 1146:
		return noTable, firstName(e.Message)
	case 1054:
		return noColumn, firstName(e.Message)
	case 1792:
		return writes, ""
	case 1969, 3024, 1205:
		return slow, ""
	case 1040, 1053, 1213, 1927, 1158, 1159, 1160, 1161:
		return passing, ""
	case 1064, 1248, 1060, 1630, 1305:
		return syntax, "a query of it: " + e.Message
	}
	return unknown, ""
}

func sqlserverState(err error) (state, string) {
	var e mssql.Error
	if !errors.As(err, &e) {
		if text := err.Error(); strings.Contains(text, "TLS Handshake failed") || strings.Contains(text, "certificate") {
			return untrusted, ""
		}
		return unknown, ""
	}
	switch e.Number {
	case 18456, 18452, 18486, 18487, 18488:
		return badLogin, ""
	case 4060, 911, 916:
		return noDatabase, ""
	case 229, 230:
		return noRight, firstName(e.Message)
	case 208:
		return noTable, firstName(e.Message)
	case 207:
		return noColumn, firstName(e.Message)
	case 1222:
		return slow, ""
	case 1205, 3960, 17142, 6005, 10928, 10929, 40197, 40501, 40613:
		return passing, ""
	case 102, 156, 195, 319, 8156, 8155, 245, 8114:
		return syntax, "a query of it: " + e.Message
	}
	return unknown, ""
}

func sqliteState(err error) (state, string) {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return unknown, ""
	}
	text := e.Error()
	switch {
	case e.Code == sqlite3.ErrCantOpen, e.Code == sqlite3.ErrNotADB, e.Code == sqlite3.ErrCorrupt, e.Code == sqlite3.ErrPerm, e.Code == sqlite3.ErrAuth:
		return noFile, ""
	case e.Code == sqlite3.ErrReadonly:
		return writes, ""
	case e.Code == sqlite3.ErrInterrupt:
		return slow, ""
	case e.Code == sqlite3.ErrBusy, e.Code == sqlite3.ErrLocked:
		return passing, ""
	case strings.HasPrefix(text, "no such table"):
		return noTable, afterColon(text)
	case strings.HasPrefix(text, "no such column"):
		return noColumn, afterColon(text)
	case e.Code == sqlite3.ErrError:
		return syntax, "a query of it: " + text
	}
	return unknown, ""
}

func afterColon(text string) string {
	_, name, _ := strings.Cut(text, ": ")
	return name
}

// clean makes foreign text fit to be shown: one line, short, without the
// password, as it is and as it stands in an address.
func (c *Connector) clean(text string) string {
	if secret := c.target.secret; secret != "" {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "•••")
		}
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}
