package sql

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/mattn/go-sqlite3"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"relanced/internal/conf"
)

// target is a database to read, from a dsn.
type target struct {
	*dialect
	connector driver.Connector
	where     string // host:port, or a file: shown to people
	database  string // whose books these are
	secret    string // the password
	open      string // "" where the way there is private or encrypted and verified; else what is not
}

// forms is what people are told to write.
const forms = "write sqlserver://USER:PASSWORD@HOST:1433?database=NAME, postgres://USER:PASSWORD@HOST:5432/NAME, " +
	"mysql://USER:PASSWORD@HOST:3306/NAME or sqlite:/PATH; in a password, write characters such as @ : / ? # as %40 %3A %2F %3F %23"

var errDSN = errors.New("this is not the address of a database: " + forms)

// options is what the configuration says beside the dsn.
type options struct {
	ca      string // a PEM file to trust besides the system's
	timeout time.Duration
}

// parseDSN reads the address of a database. It touches no network; its errors
// never hold what was written.
func parseDSN(dsn string, o options) (target, error) {
	dsn = strings.TrimSpace(dsn)
	scheme, rest, _ := strings.Cut(dsn, ":")
	switch strings.ToLower(scheme) {
	case "postgres", "postgresql":
		return postgresTarget(dsn, o)
	case "sqlserver":
		return sqlserverTarget(dsn, o)
	case "mysql", "mariadb":
		return mysqlTarget(dsn, o)
	case "sqlite":
		return sqliteTarget(rest)
	}
	if strings.Contains(dsn, "@tcp(") || strings.Contains(dsn, "@unix(") {
		return mysqlTarget(dsn, o)
	}
	return target{}, errDSN
}

func (t target) named() (target, error) {
	if t.database == "" {
		return target{}, errors.New("the dsn names no database: " + forms)
	}
	return t, nil
}

func postgresTarget(dsn string, o options) (target, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return target{}, errDSN
	}
	q := u.Query()
	if q.Get("sslmode") == "" && u.Hostname() != "" && !conf.Loopback(u.Hostname()) {
		q.Set("sslmode", "verify-full")
	}
	if o.ca != "" && q.Get("sslmode") != "disable" && q.Get("sslrootcert") == "" {
		q.Set("sslrootcert", o.ca)
	}
	if q.Get("application_name") == "" {
		q.Set("application_name", "relanced")
	}
	u.RawQuery = q.Encode()
	cfg, err := pgx.ParseConfig(u.String())
	if err != nil {
		if o.ca != "" {
			if _, err := pool(o.ca); err != nil {
				return target{}, err
			}
		}
		return target{}, errDSN
	}
	cfg.ConnectTimeout = o.timeout
	t := target{
		dialect: dialects["postgres"], connector: stdlib.GetConnector(*cfg), where: hostPort(cfg.Host, fmt.Sprint(cfg.Port)),
		database: u.Path, secret: cfg.Password, open: openness(cfg.Host, cfg.TLSConfig != nil, cfg.TLSConfig),
	}
	t.database = strings.Trim(u.Path, "/")
	if t.database == "" {
		t.database = q.Get("dbname")
	}
	return t.named()
}

func sqlserverTarget(dsn string, o options) (target, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" {
		return target{}, errDSN
	}
	q := url.Values{}
	for key, values := range u.Query() {
		q.Set(strings.ToLower(key), values[0])
	}
	if q.Get("database") == "" {
		return target{}.named()
	}
	if q.Get("encrypt") == "" && !conf.Loopback(u.Hostname()) {
		q.Set("encrypt", "true")
	}
	if o.ca != "" && q.Get("certificate") == "" && q.Get("trustservercertificate") == "" {
		q.Set("certificate", o.ca)
	}
	if q.Get("app name") == "" {
		q.Set("app name", "relanced")
	}
	q.Set("applicationintent", "ReadOnly")
	q.Set("guid conversion", "true")
	u.RawQuery = q.Encode()
	cfg, err := msdsn.Parse(u.String())
	if err != nil {
		if o.ca != "" {
			if _, err := pool(o.ca); err != nil {
				return target{}, err
			}
		}
		return target{}, errDSN
	}
	cfg.DialTimeout = o.timeout
	encrypted := cfg.Encryption == msdsn.EncryptionRequired || cfg.Encryption == msdsn.EncryptionStrict
	t := target{
		dialect: dialects["sqlserver"], connector: mssql.NewConnectorConfig(cfg), where: u.Host + strings.TrimSuffix(u.Path, "/"),
		database: cfg.Database, secret: cfg.Password, open: openness(u.Hostname(), encrypted, cfg.TLSConfig),
	}
	if cfg.TrustServerCertificate && t.open == "" && !conf.Loopback(u.Hostname()) {
		t.open = unverified
	}
	return t.named()
}

func mysqlTarget(dsn string, o options) (target, error) {
	var cfg *mysql.Config
	var err error
	if strings.Contains(dsn, "://") {
		u, urlErr := url.Parse(dsn)
		if urlErr != nil || u.Host == "" {
			return target{}, errDSN
		}
		if cfg, err = mysql.ParseDSN("tcp(x)/?" + u.RawQuery); err != nil {
			return target{}, errors.New("the part of the dsn after ? is not understood (tls=true, tls=false…)")
		}
		cfg.User, cfg.DBName, cfg.Addr = u.User.Username(), strings.Trim(u.Path, "/"), u.Host
		cfg.Passwd, _ = u.User.Password()
		if u.Port() == "" {
			cfg.Addr = net.JoinHostPort(u.Hostname(), "3306")
		}
	} else if cfg, err = mysql.ParseDSN(dsn); err != nil {
		return target{}, errDSN
	}
	host := cfg.Addr
	if h, _, err := net.SplitHostPort(cfg.Addr); err == nil {
		host = h
	}
	cfg.ParseTime, cfg.Loc, cfg.MultiStatements, cfg.AllowAllFiles, cfg.Timeout = true, time.UTC, false, false, o.timeout
	cfg.Logger = &mysql.NopLogger{}
	private := cfg.Net == "unix" || conf.Loopback(host)
	if cfg.TLSConfig == "" && cfg.TLS == nil && (!private || o.ca != "") {
		roots, err := pool(o.ca)
		if err != nil {
			return target{}, err
		}
		cfg.TLS = &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	t := target{dialect: dialects["mysql"], where: cfg.Addr, database: cfg.DBName, secret: cfg.Passwd}
	switch {
	case private:
	case cfg.TLSConfig == "skip-verify" || cfg.TLSConfig == "preferred":
		t.open = unverified
	case cfg.TLS == nil && cfg.TLSConfig != "true":
		t.open = plain
	}
	if t.connector, err = mysql.NewConnector(cfg); err != nil {
		return target{}, errDSN
	}
	return t.named()
}

func sqliteTarget(path string) (target, error) {
	path = "/" + strings.TrimLeft(path, "/")
	if path == "/" {
		return target{}, errDSN
	}
	path = filepath.Clean(path)
	file := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "mode=ro&_query_only=1&_busy_timeout=2000"}
	return target{
		dialect: dialects["sqlite"], connector: sqliteConnector(file.String()), where: path, database: filepath.Base(path),
	}, nil
}

// sqliteConnector opens a file of SQLite.
type sqliteConnector string

func (c sqliteConnector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// What check shows of a way that others could read or bend.
const (
	plain      = "not encrypted"
	unverified = "encrypted, but the server's certificate is not verified"
)

// openness tells what of the way to a host is open to others; "" nothing.
func openness(host string, encrypted bool, cfg *tls.Config) string {
	switch {
	case strings.HasPrefix(host, "/") || conf.Loopback(host):
		return ""
	case !encrypted:
		return plain
	case cfg != nil && cfg.InsecureSkipVerify && cfg.VerifyPeerCertificate == nil && cfg.VerifyConnection == nil:
		return unverified
	}
	return ""
}

// pool is the system's certificates and those of the file.
func pool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: %s holds no certificate in PEM form", file)
	}
	return roots, nil
}

func hostPort(host, port string) string {
	if strings.HasPrefix(host, "/") {
		return host
	}
	return net.JoinHostPort(host, port)
}
