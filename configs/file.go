// Package configs is the configuration as a whole: files, includes, what its
// parts say of each other, all problems at once, the effective configuration,
// the annotated example and the schema that editors complete from.
package configs

import (
	"path/filepath"
	"time"

	"relanced/connectors"
	"relanced/desk/brief"
	"relanced/inbox/mailbox"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/receivable"
	"relanced/reminders"
)

// File is a configuration: the first file with all it includes.
type File struct {
	Store     Store                           `yaml:"store" doc:"where facts are kept: sqlite:/path/to/file or postgres://host/database"`
	Key       conf.Secret                     `yaml:"key" doc:"32 bytes in base64: encrypts stored grants and signs links; default: a file relanced.key beside the store"` // 32 bytes in base64; zero: the file KeyFile
	Log       Log                             `yaml:"log"`
	HTTP      HTTP                            `yaml:"http"`
	Companies []Company                       `yaml:"companies" doc:"whose books are read and whose customers are reminded"`
	Plans     map[string]reminders.PlanConfig `yaml:"plans" doc:"plans of one's own, or shipped ones changed"` // shipped ones among them
	Include   []string                        `yaml:"include" doc:"globs of further files with companies, plans and include"`

	Path string `yaml:"-"` // of the first file
	key  []byte
}

// Defaults fills in what config.md shows.
func (f *File) Defaults() {
	f.Store = Store{Kind: SQLite, Source: "/var/lib/relanced/relanced.db"}
}

// KeyBytes returns the decoded key; nil where it stands in the file KeyFile.
func (f *File) KeyBytes() []byte { return f.key }

// KeyFile returns where the key is kept when the configuration names none: a
// 0600 file beside the store, or beside the configuration of a PostgreSQL.
func (f *File) KeyFile() string {
	if f.Store.Kind == SQLite {
		return filepath.Join(filepath.Dir(f.Store.Source), "relanced.key")
	}
	return filepath.Join(filepath.Dir(f.Path), "relanced.key")
}

// Company finds a company by its id.
func (f *File) Company(id receivable.CompanyID) (*Company, bool) {
	for i := range f.Companies {
		if f.Companies[i].CompanyID() == id {
			return &f.Companies[i], true
		}
	}
	return nil, false
}

// Company is one company: who it is, where its books and mail are, how it reminds.
type Company struct {
	ID           conf.Name        `yaml:"id" doc:"stays for ever: facts are kept under it"`
	Name         string           `yaml:"name" doc:"as customers know the company"`
	Country      Country          `yaml:"country" doc:"two letters; default FR"`
	Language     Language         `yaml:"language" doc:"default: the country's"`                                       // default: the country's
	Timezone     string           `yaml:"timezone" doc:"as in Europe/Paris; default: the country's, where it has one"` // default: the country's, where it has one
	Currency     Currency         `yaml:"currency" doc:"default: the country's"`                                       // default: the country's
	SIREN        string           `yaml:"siren" doc:"nine digits, in quotes"`
	BankAccounts []BankAccount    `yaml:"bank_accounts" doc:"the first whose condition holds; a change of IBAN asks a person"`
	PaymentLink  string           `yaml:"payment_link" doc:"https address with {invoice.number} in it"`
	Connections  []Connection     `yaml:"connections" doc:"where the books are"`
	Customers    Customers        `yaml:"customers" doc:"completes and corrects what the connections say of customers"`
	Documents    Documents        `yaml:"documents" doc:"invoice copies, where a source has none"`
	Mailboxes    []mailbox.Config `yaml:"mailboxes" doc:"what is read, and written from"`
	Team         []brief.Member   `yaml:"team" doc:"who may act by answering a mail"`
	Brief        brief.Config     `yaml:"brief" doc:"the morning's work list"`
	Reminders    reminders.Config `yaml:"reminders"`
	Senders      conf.Later       `yaml:"senders"`

	Zone  *time.Location  `yaml:"-"`
	Rules reminders.Rules `yaml:"-"` // compiled from Reminders and the plans
}

// Defaults fills in what config.md shows.
func (c *Company) Defaults() {
	c.Country = "FR"
	c.Documents.Match = "*{number}*.pdf"
	c.Reminders = reminders.Default()
}

// CompanyID is the id as the books know it.
func (c *Company) CompanyID() receivable.CompanyID { return receivable.CompanyID(c.ID) }

// Sender returns the mailbox that sends, nil where the company has none.
func (c *Company) Sender() *mailbox.Config {
	for i := range c.Mailboxes {
		if c.Mailboxes[i].Sends != nil && *c.Mailboxes[i].Sends {
			return &c.Mailboxes[i]
		}
	}
	return nil
}

// Connection is one configured source. The keys of its type are in Spec.
type Connection struct {
	Name     conf.Name       `yaml:"name"`
	Type     string          `yaml:"type"`
	Schedule conf.Schedule   `yaml:"schedule" doc:"cron with five fields on the company's clock, @daily, @every 15m"`
	MaxAge   time.Duration   `yaml:"max_age" doc:"older books hold reminders; default 24h, files 8d"` // older books hold reminders; default: 24h, files 8d
	Timeout  time.Duration   `yaml:"timeout" doc:"of one request"`                                    // of one request
	CA       conf.Path       `yaml:"ca" doc:"PEM file trusted besides the system's"`                  // PEM file trusted besides the system's
	Spec     connectors.Spec `yaml:"-"`
}

// Defaults fills in what config.md shows.
func (c *Connection) Defaults() {
	c.Schedule = conf.MustSchedule("*/15 * * * *")
	c.Timeout = 30 * time.Second
}

// ID is the name as the books know it.
func (c *Connection) ID() receivable.ConnectionID { return receivable.ConnectionID(c.Name) }

// Customers completes and corrects what the connections say of customers.
type Customers struct {
	File  conf.Path      `yaml:"file" doc:"CSV with a column code, and what it says wins over the source"`
	Terms calendar.Terms `yaml:"terms" doc:"where a source gives no due date: 30d, 45d_eom, eom_45d, eom_30d_10"` // where a source gives no due date; zero: none
	Kind  CustomerKind   `yaml:"kind" doc:"of customers, where unknown"`                                          // where unknown; "" leaves them unknown
}

// Documents is where invoice copies are, for sources that have none.
type Documents struct {
	Folder conf.Path `yaml:"folder"`
	Match  string    `yaml:"match" doc:"{number} counts only with no letter or digit beside it"` // {number} stands for the invoice's number
}

// BankAccount is an account to pay to: the first whose condition holds.
type BankAccount struct {
	IBAN string `yaml:"iban"`
	BIC  string `yaml:"bic"`
	If   string `yaml:"if" doc:"a condition over customer, invoice and company"`
}

// CustomerKind is what customers are taken for where nobody says.
type CustomerKind string

// Values lists the words.
func (CustomerKind) Values() []string {
	return []string{
		string(receivable.KindBusiness), string(receivable.KindPublic),
		string(receivable.KindConsumer), string(receivable.KindSoleTrader),
	}
}

// bare is a Connection without its way of being written.
type bare Connection

// Parts are the keys of every connection and those of its type.
func (c Connection) Parts() []any { return []any{bare(c), c.Spec} }
