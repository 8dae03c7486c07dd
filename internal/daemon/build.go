package daemon

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"relanced/configs"
	"relanced/connectors"
	"relanced/desk/actions"
	"relanced/desk/brief"
	"relanced/inbox"
	"relanced/inbox/mailbox"
	"relanced/inbox/match"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/legal"
	"relanced/internal/oauth"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
	"relanced/reminders/compose"
	"relanced/reminders/outbox"
	syncer "relanced/sync"
	"relanced/sync/documents"
)

// Options is what a program gives besides the configuration. The zero Options
// is that of the command line.
type Options struct {
	Logger    *slog.Logger
	Now       func() time.Time   // nil: the system's clock
	Fault     func(point string) // for drills
	Transport http.RoundTripper  // nil: the network
}

// Daemon is everything that a configuration makes, ready to work.
type Daemon struct {
	File   *configs.File
	Store  *store.Store
	Syncer *syncer.Syncer
	Desk   *actions.Desk
	Keys   email.Keys
	Grants *oauth.Keeper

	Companies []*Company

	owner   string
	logger  *slog.Logger
	now     func() time.Time
	scratch string
}

// Company is one company with its rooms.
type Company struct {
	*configs.Company
	Box     *outbox.Box
	Sources []syncer.Source
	Readers []*inbox.Reader
	Sends   *outbox.Sender // nil where no mailbox sends

	grants map[string]*mailGrant // of mailboxes that are let into by OAuth, by name
}

// id is the company's.
func (c *Company) id() receivable.CompanyID { return c.CompanyID() }

// Source finds a connection of the company.
func (c *Company) Source(name receivable.ConnectionID) (syncer.Source, bool) {
	for _, s := range c.Sources {
		if s.Name == name {
			return s, true
		}
	}
	return syncer.Source{}, false
}

// reader returns the reader of a mailbox.
func (c *Company) reader(key store.MailboxKey) *inbox.Reader {
	for _, r := range c.Readers {
		if r.Key == key {
			return r
		}
	}
	return nil
}

// Open builds everything, and starts nothing.
func Open(ctx context.Context, file *configs.File, o Options) (*Daemon, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Daemon{File: file, owner: owner(), logger: o.Logger, now: o.Now}
	secret, err := secretOf(file)
	if err != nil {
		return nil, err
	}
	if d.Keys, err = ring(secret); err != nil {
		return nil, err
	}
	dsn := file.Store.Source
	if file.Store.Kind == configs.SQLite {
		dsn = "sqlite:" + file.Store.Source
	}
	if d.Store, err = store.Open(ctx, dsn, store.Options{Now: o.Now, Logger: o.Logger, Fault: o.Fault}); err != nil {
		return nil, err
	}
	d.Grants, err = oauth.NewKeeper(d.Store, secret, d.owner)
	if err == nil {
		err = d.build(o)
	}
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// Close undoes Open.
func (d *Daemon) Close() error {
	for _, c := range d.Companies {
		if c.Sends != nil {
			c.Sends.Close()
		}
		for _, r := range c.Readers {
			r.Close()
		}
	}
	return errors.Join(d.Store.Close(), os.RemoveAll(d.scratch))
}

// owner names this process in leases.
func owner() string {
	host, _ := os.Hostname()
	id := make([]byte, 4)
	_, _ = rand.Read(id)
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), hex.EncodeToString(id))
}

func (d *Daemon) build(o Options) error {
	scratch, err := os.MkdirTemp("", "relanced-")
	if err != nil {
		return fmt.Errorf("make a folder for temporary files: %w", err)
	}
	d.scratch = scratch
	boxes := map[receivable.CompanyID]*outbox.Box{}
	var read []syncer.Company
	for i := range d.File.Companies {
		c := &Company{Company: &d.File.Companies[i]}
		if err := d.openSources(c, o); err != nil {
			return err
		}
		known, err := d.books(c)
		if err != nil {
			return err
		}
		read = append(read, known)
		d.Companies = append(d.Companies, c)
	}
	d.Syncer = syncer.New(d.Store, read, d.owner, d.logger.With("component", "sync"))
	for _, c := range d.Companies {
		if err := d.openMail(c, o); err != nil {
			return err
		}
		boxes[c.id()] = c.Box
	}
	d.Desk = &actions.Desk{Store: d.Store, Boxes: boxes, May: func(id receivable.CompanyID, by string, right actions.Right) bool {
		c, known := d.File.Company(id)
		return known && brief.May(c.Team, by, right)
	}}
	return nil
}

func (d *Daemon) openSources(c *Company, o Options) error {
	for i := range c.Connections {
		conn := &c.Connections[i]
		opened, err := d.openSource(c, conn, conn.Spec, o.Transport)
		if err != nil {
			return fmt.Errorf("connection %s: %w", conn.Name, err)
		}
		c.Sources = append(c.Sources, syncer.Source{Name: conn.ID(), Type: conn.Type, Connector: opened})
	}
	return nil
}

// openSource builds the connector that a spec describes in the place of a
// connection.
func (d *Daemon) openSource(c *Company, conn *configs.Connection, spec connectors.Spec, transport http.RoundTripper) (connectors.Connector, error) {
	scratch := filepath.Join(d.scratch, string(c.ID), string(conn.Name))
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for temporary files: %w", err)
	}
	return spec.Open(connectors.Env{
		Connection: conn.ID(),
		Company: connectors.Company{
			ID: c.id(), SIREN: c.SIREN, Country: string(c.Country), Currency: string(c.Currency), Zone: c.Zone, Terms: terms(c.Customers.Terms),
		},
		Tokens:    grant{d.Grants, oauth.ID(string(c.ID), string(conn.Name))},
		Transport: transport, Logger: d.logger.With("component", "connector", "connection", conn.Name), Now: d.now,
		Scratch: scratch, Timeout: conn.Timeout, CA: string(conn.CA),
	})
}

// OpenAs builds the connector that a spec describes, with the grant and all else
// of a connection of the company. It touches no network.
func (d *Daemon) OpenAs(c *Company, connection string, spec connectors.Spec) (connectors.Connector, error) {
	for i := range c.Connections {
		if conn := &c.Connections[i]; string(conn.Name) == connection {
			return d.openSource(c, conn, spec, nil)
		}
	}
	return nil, fmt.Errorf("there is no connection %q", connection)
}

func terms(t calendar.Terms) string {
	text, err := t.MarshalText()
	if err != nil || t == (calendar.Terms{}) {
		return ""
	}
	return string(text)
}

// books is the company as the syncer reads it.
func (d *Daemon) books(c *Company) (syncer.Company, error) {
	known := syncer.Company{ID: c.id(), Zone: c.Zone, Sources: c.Sources, CustomersFile: string(c.Customers.File), History: historyOf(d.File, c)}
	if c.Documents.Folder != "" {
		folder, err := documents.New(string(c.Documents.Folder), c.Documents.Match)
		if err != nil {
			return known, fmt.Errorf("company %s: documents: %w", c.ID, err)
		}
		known.Documents = folder
	}
	return known, nil
}

// historyOf is what was sent before relanced came.
func historyOf(file *configs.File, c *Company) syncer.History {
	rules := c.Rules
	h := syncer.History{Path: c.Reminders.Start.History, PromiseEnds: func(on calendar.Date) calendar.Date {
		return rules.WorkDays().AddSpan(on, rules.Config.Holds.Promise)
	}}
	for _, plan := range file.Plans {
		for _, step := range plan.Steps {
			if id := step.ID; !slices.Contains(h.Steps, id) {
				h.Steps = append(h.Steps, id)
			}
		}
	}
	return h
}

// openMail makes the outbox, the readers and the sender of a company.
func (d *Daemon) openMail(c *Company, o Options) error {
	c.grants = map[string]*mailGrant{}
	for _, m := range c.Mailboxes {
		if m.Login.OAuth2 != "" {
			c.grants[string(m.Name)] = d.mailGrant(c, m, o.Transport)
		}
	}
	seller := match.Seller{Company: c.id(), Keys: d.Keys}
	var members []string
	for _, m := range c.Team {
		members = append(members, m.Email)
	}
	for _, m := range c.Mailboxes {
		seller.Own = append(seller.Own, m.Address)
	}
	seller.Own = append(seller.Own, members...)
	box := outbox.Company{
		ID: c.id(), Rules: c.Rules, Keys: d.Keys, PayLink: c.PaymentLink,
		Compose: compose.Company{Name: c.Name, Language: string(c.Language), SIREN: c.SIREN},
	}
	var err error
	if box.Legal, err = legalOf(c); err != nil {
		return err
	}
	if box.Accounts, err = accountsOf(c); err != nil {
		return err
	}
	for i, conn := range c.Connections {
		box.Connections = append(box.Connections, outbox.Connection{
			Name: conn.ID(), MaxAge: conn.MaxAge, File: c.Sources[i].Connector.Info().AgeIsOfExport,
		})
	}
	for _, m := range c.Mailboxes {
		key := store.MailboxKey{Company: c.id(), Name: string(m.Name)}
		box.Mailboxes = append(box.Mailboxes, key)
		c.Readers = append(c.Readers, d.readerOf(c, m, key, seller, members))
	}
	logger := d.logger.With("component", "outbox", "company", c.ID)
	sends := c.Sender()
	if sends != nil {
		box.Mailbox = store.MailboxKey{Company: c.id(), Name: string(sends.Name)}
		box.Sender = compose.Sender{Display: sends.Display, Address: sends.Address}
	}
	c.Box = &outbox.Box{Store: d.Store, Company: box, Documents: invoiceCopies{d.Syncer}, Logger: logger}
	if sends == nil {
		return nil
	}
	server, err := c.serverOf(*sends)
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", sends.Name, err)
	}
	c.Sends = &outbox.Sender{
		Box: c.Box, Server: server, Refresher: d.Syncer, Mailbox: &mailboxes{d, c},
		Interval: sends.SMTP.Pace.Per / time.Duration(max(sends.SMTP.Pace.Count, 1)), PerDay: sends.SMTP.PerDay,
	}
	return nil
}

func (d *Daemon) readerOf(c *Company, m mailbox.Config, key store.MailboxKey, seller match.Seller, members []string) *inbox.Reader {
	rules := c.Rules
	until := func(span reminders.HoldSpan) func(calendar.Date) calendar.Date {
		return func(from calendar.Date) calendar.Date { return span.Until(from, rules.WorkDays()) }
	}
	logger := d.logger.With("component", "inbox", "mailbox", m.Name)
	account := accountOf(m)
	account.Fields, account.Logger, account.Now = match.HeaderFields, logger, d.now
	if g := c.grants[string(m.Name)]; g != nil {
		account.Token = g.Token
		account.Advise = func(said string) string { return m.AdviseIMAP(said, g.own.Load()) }
	}
	return &inbox.Reader{
		Store: d.Store, Key: key, Logger: logger, Account: account, FilesSent: m.Provider.FilesSent(),
		Company: inbox.Company{
			Seller: seller, Members: members, Country: string(c.Country), Zone: c.Zone, French: strings.HasPrefix(string(c.Language), "fr"),
			Holds: inbox.Holds{
				Reply: until(rules.Config.Holds.Reply), Conversation: until(rules.Config.Holds.Conversation), Ack: until(rules.Config.Holds.Ack),
			},
		},
	}
}

// accountOf is where a mailbox is read. By OAuth, it gets its Token yet.
func accountOf(m mailbox.Config) mailbox.Account {
	return mailbox.Account{
		Name: string(m.Name), Address: m.Address, User: m.Login.User, Password: m.Login.Password.Value(),
		Host: m.IMAP.Host, Port: int(m.IMAP.Port), TLS: m.IMAP.TLS, CA: string(m.IMAP.CA),
		Folders: m.Folders, Sent: m.Sent == mailbox.SentWatched,
		Advise: func(said string) string { return m.AdviseIMAP(said, false) },
	}
}

// serverOf is where a mailbox hands its mail over.
func (c *Company) serverOf(m mailbox.Config) (outbox.Server, error) {
	server := outbox.Server{
		Host: m.SMTP.Host, Port: int(m.SMTP.Port), TLS: outbox.TLSMode(m.SMTP.TLS), User: m.Login.User, Password: m.Login.Password.Value(),
	}
	g := c.grants[string(m.Name)]
	server.Advise = func(said string) string { return m.AdviseSMTP(said, g != nil && g.own.Load()) }
	if g != nil {
		server.Token = g.Token
	}
	if m.SMTP.CA == "" {
		return server, nil
	}
	pem, err := os.ReadFile(string(m.SMTP.CA))
	if err != nil {
		return server, err
	}
	if server.CA, err = x509.SystemCertPool(); err != nil {
		server.CA = x509.NewCertPool()
	}
	if !server.CA.AppendCertsFromPEM(pem) {
		return server, fmt.Errorf("%s holds no certificate in PEM form", m.SMTP.CA)
	}
	return server, nil
}

func legalOf(c *Company) (outbox.Legal, error) {
	l := outbox.Legal{Country: string(c.Country), Auto: strings.EqualFold(c.Reminders.Legal.Preset, "auto")}
	l.Contract = c.Reminders.Legal.ContractRate
	if l.Auto {
		return l, nil
	}
	var err error
	if l.Preset, err = legal.Find(c.Reminders.Legal.Preset); err != nil {
		return l, fmt.Errorf("company %s: legal.preset: %w", c.ID, err)
	}
	return l, nil
}

// accountsOf returns where customers pay.
func accountsOf(c *Company) ([]outbox.Account, error) {
	var accounts []outbox.Account
	for _, a := range c.BankAccounts {
		account := outbox.Account{Bank: compose.Bank{Holder: c.Name, IBAN: a.IBAN, BIC: a.BIC}}
		if a.If != "" {
			holds, err := reminders.CustomerCondition(a.If)
			if err != nil {
				return nil, fmt.Errorf("company %s: bank_accounts: %w", c.ID, err)
			}
			rules := c.Rules
			account.If = func(who dossier.Customer) bool { return holds(rules, who) }
		}
		accounts = append(accounts, account)
	}
	return accounts, nil
}

// invoiceCopies gives the outbox the copies that the syncer finds.
type invoiceCopies struct{ *syncer.Syncer }

// Copy fetches the copy of an invoice.
func (s invoiceCopies) Copy(ctx context.Context, id receivable.CompanyID, line dossier.Line, limit int64) (email.Part, bool, error) {
	file, ok, err := s.Syncer.Copy(ctx, id, line, limit)
	if err != nil || !ok {
		return email.Part{}, false, err
	}
	return email.Part{Name: file.Name, Type: "application/pdf", Data: file.Bytes}, true, nil
}
