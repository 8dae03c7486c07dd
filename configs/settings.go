package configs

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"

	"relanced/internal/conf"
)

// The kinds of store.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Store says where facts are kept: "sqlite:/path/to/file" or "postgres://…".
// It may be a secret, {env: NAME}, and must be where it holds a password.
type Store struct {
	Kind   string // SQLite or Postgres
	Source string // the file, ready to open, or the address
	secret conf.Secret
}

// DecodeConf reads the store, a text or a secret that holds such a text.
func (s *Store) DecodeConf(n conf.Node, p *conf.Problems) {
	text := n.Text()
	if n.IsMapping() {
		s.secret.DecodeConf(n, p)
		if text = s.secret.Value(); text == "" {
			return // reported by the secret
		}
	} else if u, err := url.Parse(text); err == nil && holdsPassword(u) {
		p.Addf("a password never stands in the file: write store: {env: NAME}, or leave it to a .pgpass file")
		return
	} else if err != nil && !strings.HasPrefix(text, "sqlite:") {
		n.Hide() // it may hold a password
	}
	switch path, isFile := strings.CutPrefix(text, "sqlite:"); {
	case isFile:
		path = strings.TrimPrefix(path, "//")
		if path == "" || strings.ContainsAny(path, "?#%") || strings.HasPrefix(path, ":memory:") {
			p.Addf("sqlite: wants the path of a file, as in sqlite:/var/lib/relanced/relanced.db")
			return
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(n.Dir(), path)
		}
		s.Kind, s.Source = SQLite, path
	case strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://"):
		if _, err := url.Parse(text); err != nil {
			p.Addf("this is not a postgres:// address")
			return
		}
		s.Kind, s.Source = Postgres, text
	default:
		p.Addf("a store is sqlite:/path/to/file or postgres://host/database")
	}
}

// holdsPassword tells whether an address holds one: for its user, or among its
// parameters.
func holdsPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has || u.Query().Has("password") || u.Query().Has("sslpassword")
}

// String tells the store without its password.
func (s Store) String() string {
	if s.Kind == SQLite {
		return "sqlite:" + s.Source
	}
	if !s.secret.IsZero() {
		return conf.Mask
	}
	return s.Source
}

// MarshalText writes the store as String does.
func (s Store) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Log is how the daemon tells what it does.
type Log struct {
	Level  LogLevel  `yaml:"level"`
	Format LogFormat `yaml:"format"`
}

// Defaults fills in what config.md shows.
func (l *Log) Defaults() { l.Level, l.Format = "info", "auto" }

// LogLevel is from which level on events are told.
type LogLevel string

// Values lists the words.
func (LogLevel) Values() []string { return []string{"debug", "info", "warn", "error"} }

// LogFormat is how they are written: auto is coloured on a terminal and JSON
// under systemd.
type LogFormat string

// Values lists the words.
func (LogFormat) Values() []string { return []string{"auto", "text", "json"} }

// HTTP is where the daemon answers /healthz.
type HTTP struct {
	Listen Listen `yaml:"listen"`

	PublicURL conf.Later `yaml:"public_url"`
}

// Defaults fills in what config.md shows.
func (h *HTTP) Defaults() { h.Listen = "127.0.0.1:8686" }

// Listen is "address:port", or "off".
type Listen string

// Off tells whether nothing is listened on.
func (l Listen) Off() bool { return l == "off" }

// MarshalText writes the address.
func (l Listen) MarshalText() ([]byte, error) { return []byte(l), nil }

// UnmarshalText reads the address.
func (l *Listen) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*l = "off"
		return nil
	}
	host, port, err := net.SplitHostPort(string(text))
	if number, bad := strconv.Atoi(port); err != nil || bad != nil || number < 0 || number > 65535 || strings.ContainsAny(host, " /@") {
		return fmt.Errorf("%q is not an address to listen on (write 127.0.0.1:8686, or off)", text)
	}
	*l = Listen(text)
	return nil
}

// checkKey decodes the key: 32 bytes in base64.
func checkKey(key conf.Secret, p *conf.Problems) []byte {
	if key.Value() == "" {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key.Value()))
	if err != nil || len(raw) != 32 {
		p.Addf("the key is not 32 bytes in base64: make one with `openssl rand -base64 32`")
		return nil
	}
	return raw
}

var (
	twoLetters   = regexp.MustCompile(`^[A-Z]{2}$`)
	threeLetters = regexp.MustCompile(`^[A-Z]{3}$`)
)

// Country is an ISO 3166-1 alpha-2 code.
type Country string

// UnmarshalText reads the two capital letters of a country that there is.
func (c *Country) UnmarshalText(text []byte) error {
	if string(text) == "UK" {
		return fmt.Errorf("the country code of the United Kingdom is GB")
	}
	region, err := language.ParseRegion(string(text))
	if !twoLetters.Match(text) || err != nil || !region.IsCountry() || region.Canonicalize() != region {
		return fmt.Errorf("%q is not a country (two capital letters, as in FR)", text)
	}
	*c = Country(text)
	return nil
}

// MarshalText writes the code.
func (c Country) MarshalText() ([]byte, error) { return []byte(c), nil }

// Currency is an ISO 4217 code.
type Currency string

// UnmarshalText reads the three capital letters of a currency that there is.
func (c *Currency) UnmarshalText(text []byte) error {
	if _, err := currency.ParseISO(string(text)); err != nil || !threeLetters.Match(text) {
		return fmt.Errorf("%q is not a currency (three capital letters, as in EUR)", text)
	}
	*c = Currency(text)
	return nil
}

// MarshalText writes the code.
func (c Currency) MarshalText() ([]byte, error) { return []byte(c), nil }

// Language is the language of the company's own people and the default of its messages.
type Language string

// Languages that have texts.
var languages = []string{"fr", "en"}

// languagesToCome are planned and have none yet.
var languagesToCome = []string{"de", "es", "it", "nl"}

// UnmarshalText reads a language that has texts.
func (l *Language) UnmarshalText(text []byte) error {
	switch {
	case slices.Contains(languages, string(text)):
		*l = Language(text)
		return nil
	case slices.Contains(languagesToCome, string(text)):
		return fmt.Errorf("the language %q is not available yet (write fr or en)", text)
	}
	return fmt.Errorf("%q is not a language with texts (write fr or en)", text)
}

// MarshalText writes the language.
func (l Language) MarshalText() ([]byte, error) { return []byte(l), nil }

// habits are what a country implies where the configuration is silent.
type habits struct{ language, zone, currency string }

// byCountry knows the countries of the legal presets. A country of several
// zones has none here.
var byCountry = map[Country]habits{
	"FR": {"fr", "Europe/Paris", "EUR"},
	"BE": {"fr", "Europe/Brussels", "EUR"},
	"LU": {"fr", "Europe/Luxembourg", "EUR"},
	"MC": {"fr", "Europe/Monaco", "EUR"},
	"CH": {"fr", "Europe/Zurich", "CHF"},
	"GB": {"en", "Europe/London", "GBP"},
	"IE": {"en", "Europe/Dublin", "EUR"},
	"DE": {"en", "Europe/Berlin", "EUR"},
	"AT": {"en", "Europe/Vienna", "EUR"},
	"ES": {"en", "Europe/Madrid", "EUR"},
	"IT": {"en", "Europe/Rome", "EUR"},
	"NL": {"en", "Europe/Amsterdam", "EUR"},
	"PT": {"en", "Europe/Lisbon", "EUR"},
	"PL": {"en", "Europe/Warsaw", "PLN"},
	"US": {"en", "", "USD"},
	"CA": {"en", "", "CAD"},
}
