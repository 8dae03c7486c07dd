package mailbox

import (
	_ "embed"
	"maps"
	"slices"
	"sync"

	"relanced/internal/conf"
)

// Provider is who runs a mailbox: what is known of it stands in providers.yaml.
type Provider string

// Values lists the names.
func (Provider) Values() []string { return slices.Sorted(maps.Keys(presets())) }

// FilesSent tells whether the provider is known to file in Sent what is handed
// to it by SMTP.
func (p Provider) FilesSent() bool { return presets()[string(p)].FilesSent }

// preset is what is known of one provider. What is empty is not known.
type preset struct {
	IMAP      IMAPConfig `yaml:"imap"`
	SMTP      SMTPConfig `yaml:"smtp"`
	OAuth2    Vendor     `yaml:"oauth2"` // no password reads its mailboxes
	FilesSent bool       `yaml:"files_sent"`
}

//go:embed providers.yaml
var providers []byte

var presets = sync.OnceValue(func() map[string]preset {
	var p conf.Problems
	var known map[string]preset
	if n, ok := conf.Parse("providers.yaml", providers, &p); ok {
		n.Decode(&p, &known)
	}
	if err := p.Err(); err != nil {
		panic(err) // the file is part of the program
	}
	return known
})

// settleProvider fills in what the provider says and the document does not. p
// stands at the mailbox.
func (c *Config) settleProvider(p *conf.Problems) {
	known, ok := presets()[string(c.Provider)]
	if !ok {
		return
	}
	server := func(host *string, port *uint16, tls *TLS, usual string, usualPort uint16, usualTLS TLS) {
		if *host == "" {
			*host = usual
		}
		if *port == 0 && *tls == "" { // one of them implies the other
			*port, *tls = usualPort, usualTLS
		}
	}
	server(&c.IMAP.Host, &c.IMAP.Port, &c.IMAP.TLS, known.IMAP.Host, known.IMAP.Port, known.IMAP.TLS)
	server(&c.SMTP.Host, &c.SMTP.Port, &c.SMTP.TLS, known.SMTP.Host, known.SMTP.Port, known.SMTP.TLS)
	written := func(key string) bool { _, ok := p.At("smtp", key).Node(); return ok }
	if known.SMTP.Pace.Count > 0 && !written("pace") {
		c.SMTP.Pace = known.SMTP.Pace
	}
	if known.SMTP.PerDay > 0 && !written("per_day") {
		c.SMTP.PerDay = known.SMTP.PerDay
	}
}
