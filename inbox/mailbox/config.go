package mailbox

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"relanced/internal/conf"
	"relanced/internal/email"
)

// Config is an entry of the key `mailboxes` of a company: an address that is
// read, and written from where Sends says so.
type Config struct {
	Name    conf.Name   `yaml:"name"`
	Address string      `yaml:"address"`
	Display string      `yaml:"display" doc:"shown beside the address"` // shown beside the address
	Login   LoginConfig `yaml:"login"`

	Provider Provider `yaml:"provider" doc:"hosts, ports, protection and limits, where smtp and imap do not say otherwise"`

	Sends   *bool      `yaml:"sends" doc:"exactly one mailbox of a company does"` // exactly one of a company does; nil: told by Settle
	Folders FolderList `yaml:"folders" doc:"to read; Junk is always read"`        // to read; Junk always is
	Sent    SentWatch  `yaml:"sent" doc:"a colleague's own message to a client holds the next step, or is ignored"`
	SMTP    SMTPConfig `yaml:"smtp"`
	IMAP    IMAPConfig `yaml:"imap"`

	Commands      conf.Later `yaml:"commands"`
	OnlyCustomers conf.Later `yaml:"only_customers"`
}

// SMTPConfig is where messages are handed over, and how fast.
type SMTPConfig struct {
	Host     string    `yaml:"host"`
	Port     uint16    `yaml:"port"` // default: 587, 465 where tls is implicit
	TLS      TLS       `yaml:"tls"`  // default: starttls, implicit on port 465
	CA       conf.Path `yaml:"ca"`   // PEM file trusted besides the system's
	Insecure bool      `yaml:"insecure,omitempty" doc:"allows tls: none beyond this machine"`
	Pace     conf.Rate `yaml:"pace" doc:"messages in a time, as in 20/min"`
	PerDay   int       `yaml:"per_day" doc:"messages a day"`
}

// IMAPConfig is where messages are read, and how often.
type IMAPConfig struct {
	Host     string        `yaml:"host"`
	Port     uint16        `yaml:"port"` // default: 993, 143 where tls is starttls or none
	TLS      TLS           `yaml:"tls"`  // default: implicit, starttls on port 143
	CA       conf.Path     `yaml:"ca"`
	Insecure bool          `yaml:"insecure,omitempty"`
	Poll     time.Duration `yaml:"poll" doc:"at most between two readings"` // at most between two readings
}

// SentWatch is what a colleague's own message to a customer, seen in Sent, does.
type SentWatch string

// The ways: it holds the next step, or Sent is not read.
const (
	SentWatched SentWatch = "watch"
	SentIgnored SentWatch = "ignore"
)

// Values lists the words.
func (SentWatch) Values() []string { return []string{string(SentWatched), string(SentIgnored)} }

// Values lists the words.
func (TLS) Values() []string { return []string{string(Implicit), string(StartTLS), string(NoTLS)} }

// FolderList is a list of folders to read.
type FolderList []string

// DecodeConf reads the list. All folders at once are not available yet.
func (f *FolderList) DecodeConf(n conf.Node, p *conf.Problems) {
	if n.Text() == "all" {
		p.Addf("folders: all is not available yet: name the folders, as in [INBOX]")
		return
	}
	if !n.IsSequence() {
		p.Addf("must be a list of folders, as in [INBOX]")
		return
	}
	*f = nil
	for i, item := range n.Items() {
		var name string
		item.Decode(p.At(i), &name)
		if name != "" && slices.Contains(*f, name) {
			p.At(i).Addf("%q is listed twice", name)
		}
		*f = append(*f, name)
	}
	if len(*f) == 0 {
		p.Addf("no folder: a mailbox that is not read hears no answer")
	}
}

// Defaults fills in what config.md shows.
func (c *Config) Defaults() {
	c.Folders = FolderList{"INBOX"}
	c.Sent = SentWatched
	c.SMTP.Pace = conf.Rate{Count: 20, Per: time.Minute}
	c.SMTP.PerDay = 1000
	c.IMAP.Poll = 3 * time.Minute
}

// Settle fills in the defaults that depend on other keys: what the provider says,
// the user, ports and protection of each mailbox, and which one sends where there
// is only one. p stands at `mailboxes`.
func Settle(list []Config, p *conf.Problems) {
	for i := range list {
		c := &list[i]
		c.settleProvider(p.At(i))
		c.Login.settle()
		if c.Login.User == "" {
			c.Login.User = c.Address
		}
		if c.Sends == nil {
			sends := len(list) == 1
			c.Sends = &sends
		}
		c.SMTP.TLS, c.SMTP.Port = settleTLS(c.SMTP.TLS, c.SMTP.Port, StartTLS, 465, 587)
		c.IMAP.TLS, c.IMAP.Port = settleTLS(c.IMAP.TLS, c.IMAP.Port, Implicit, 993, 143)
	}
}

// settleTLS completes protection and port from one another.
func settleTLS(tls TLS, port uint16, usual TLS, implicit, plain uint16) (TLS, uint16) {
	if tls == "" {
		switch port {
		case implicit:
			tls = Implicit
		case plain:
			tls = StartTLS
		default:
			tls = usual
		}
	}
	if port == 0 {
		port = plain
		if tls == Implicit {
			port = implicit
		}
	}
	return tls, port
}

// Check reports what is wrong in one mailbox, settled. p stands at its entry.
func (c Config) Check(p *conf.Problems) {
	if c.Name == "" {
		p.At("name").Addf("a mailbox needs a name, as in name: courrier")
	}
	if c.Address == "" {
		p.At("address").Addf("a mailbox needs its address")
	} else if err := email.CheckAddress(c.Address); err != nil {
		p.At("address").Addf("%v", err)
	}
	c.Login.check(p.At("login"))
	if c.IMAP.Host == "" {
		p.At("imap").At("host").Addf("a mailbox is read over IMAP: imap: {host: …}, or provider")
	}
	if c.SMTP.Host == "" && c.Sends != nil && *c.Sends {
		p.At("smtp").At("host").Addf("the mailbox that sends needs smtp: {host: …}, or provider")
	}
	if by := presets()[string(c.Provider)].OAuth2; by != "" && c.Login.OAuth2 == "" && !c.Login.Password.IsZero() {
		p.At("login", "password").Warnf("%s takes no password for IMAP: write oauth2: %s", c.Provider, by)
	}
	checkServer(p.At("smtp"), c.SMTP.Host, c.SMTP.TLS, c.SMTP.Insecure)
	checkServer(p.At("imap"), c.IMAP.Host, c.IMAP.TLS, c.IMAP.Insecure)
	if c.SMTP.PerDay <= 0 {
		p.At("smtp", "per_day").Addf("%d messages a day: write at least 1", c.SMTP.PerDay)
	}
	if c.IMAP.Poll < time.Second || c.IMAP.Poll > 24*time.Hour {
		p.At("imap", "poll").Addf("write between 1s and 24h")
	}
}

func checkServer(p *conf.Problems, host string, tls TLS, insecure bool) {
	if host == "" {
		return
	}
	if port, written := p.At("port").Node(); written && port.Text() == "0" {
		p.At("port").Addf("write a port between 1 and 65535, or leave it out")
	}
	if err := checkHost(host); err != nil {
		p.At("host").Addf("%v", err)
		return
	}
	switch {
	case tls != NoTLS || conf.Loopback(host):
	case !insecure:
		p.At("tls").Addf("tls: none sends the password in clear to %s: use starttls or implicit (or insecure: true, knowing that)", host)
	default:
		p.At("tls").Warnf("password and mail travel in clear to %s", host)
	}
}

func checkHost(host string) error {
	if strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return fmt.Errorf("%q is not the name of a server: the port is a key of its own, port", host)
	}
	for _, r := range host {
		if r <= ' ' || r == '/' || r == '@' || r == 0x7f {
			return fmt.Errorf("%q is not the name of a server (as in mail.example.org)", host)
		}
	}
	if len(host) > 253 {
		return fmt.Errorf("a server's name has at most 253 characters")
	}
	return nil
}

// CheckSending reports a company of which not exactly one mailbox sends. The
// list is settled; p stands at `mailboxes`.
func CheckSending(list []Config, p *conf.Problems) {
	senders := 0
	for i, c := range list {
		if c.Sends == nil || !*c.Sends {
			continue
		}
		if senders++; senders > 1 {
			p.At(i, "sends").Addf("another mailbox sends already: exactly one does")
		}
	}
	if senders == 0 && len(list) > 0 {
		p.Addf("no mailbox sends: write sends: true in one of them")
	}
}
