package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"relanced/connectors"
	"relanced/inbox"
	"relanced/inbox/mailbox"
	"relanced/inbox/match"
	"relanced/inbox/message"
	"relanced/internal/calendar"
	"relanced/internal/receivable"
	"relanced/reminders"
	"relanced/reminders/outbox"
)

// Checked is one line of a check.
type Checked struct {
	What    string // configuration, store, key, templates, file, connection, mailbox
	Name    string
	OK      bool
	Message string
	Do      string // what to do, where not OK
}

// probeLimit bounds one look at the outside.
const probeLimit = 90 * time.Second

// Check looks at everything the configuration names. offline: nothing of the
// network.
func (d *Daemon) Check(ctx context.Context, offline bool) []Checked {
	lines := []Checked{{What: "configuration", Name: d.File.Path, OK: true, Message: count(len(d.Companies), "company", "companies")}}
	if err := d.Store.Ping(ctx); err != nil {
		lines = append(lines, Checked{"store", d.File.Store.String(), false, err.Error(), "see that the database can be reached and written"})
	} else {
		lines = append(lines, Checked{"store", d.File.Store.String(), true, "open", ""})
	}
	if d.File.KeyBytes() == nil {
		lines = append(lines, checkKeyFile(d.File.KeyFile()))
	}
	for _, c := range d.Companies {
		lines = append(lines, d.templates(c))
		lines = append(lines, checkFiles(c)...)
		if !offline {
			lines = append(lines, d.checkOutside(ctx, c)...)
		}
	}
	return lines
}

// checkOutside looks at the sources all together, for who is away is waited for and
// several may be; and at one mailbox after the other: providers count log-ins.
func (d *Daemon) checkOutside(ctx context.Context, c *Company) []Checked {
	stands := map[receivable.ConnectionID]connectors.Cursor{}
	if known, err := d.Store.Connections(ctx, receivable.CompanyID(c.ID)); err == nil { // a store that is away has its own line
		for _, s := range known {
			stands[s.Key.Name] = s.Cursor
		}
	}
	sources := make([]Checked, len(c.Sources))
	var mailboxes []Checked
	var looks sync.WaitGroup
	looks.Go(func() {
		for i, r := range c.Readers {
			mailboxes = append(mailboxes, checkReading(ctx, r.Account, c.Mailboxes[i]), c.checkSending(ctx, c.Mailboxes[i]))
		}
	})
	for i, s := range c.Sources {
		looks.Go(func() { sources[i] = checkSource(ctx, string(s.Name), s.Connector, stands[s.Name]) })
	}
	looks.Wait()
	return append(sources, mailboxes...)
}

// checkKeyFile tells whether the key that the program made is its owner's alone.
func checkKeyFile(path string) Checked {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return Checked{"key", path, false, err.Error(), "see that the file can be read"}
	case info.Mode().Perm()&0o077 != 0:
		return Checked{"key", path, false, "others on this machine may read it", "chmod 600 " + path}
	}
	return Checked{"key", path, true, "only its owner reads it", ""}
}

// checkFiles tells whether the files that the configuration names are there:
// without them reminders are decided on less.
func checkFiles(c *Company) []Checked {
	var lines []Checked
	for _, named := range []struct {
		key, path string
		folder    bool
	}{
		{"customers.file", string(c.Customers.File), false},
		{"documents.folder", string(c.Documents.Folder), true},
		{"reminders.start.history", c.Reminders.Start.History, false},
	} {
		if named.path == "" {
			continue
		}
		line := Checked{What: "file", Name: named.path, OK: true, Message: named.key + " of " + string(c.ID)}
		switch info, err := os.Stat(named.path); {
		case err != nil:
			line.OK, line.Message, line.Do = false, err.Error(), "put it there, or correct "+named.key
		case info.IsDir() != named.folder:
			line.OK, line.Message, line.Do = false, named.key+" is a file where a folder is wanted, or the reverse", "correct "+named.key
		}
		lines = append(lines, line)
	}
	return lines
}

func count(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// templates names the templates that the plans use. All are there: without one
// the configuration is refused.
func (d *Daemon) templates(c *Company) Checked {
	var names []string
	for _, plan := range d.File.Plans {
		for _, step := range plan.Steps {
			if step.Channel == reminders.Email && !slices.Contains(names, step.Template) {
				names = append(names, step.Template)
			}
		}
	}
	slices.Sort(names)
	return Checked{What: "templates", Name: string(c.ID), OK: true, Message: strings.Join(names, ", ")}
}

// checkSource looks whether a source answers, and whether its books are those that
// were read so far.
func checkSource(ctx context.Context, name string, source connectors.Connector, stands connectors.Cursor) Checked {
	line := Checked{What: "connection", Name: name, OK: true, Message: "nothing to ask"}
	prober, ok := source.(connectors.Prober)
	if !ok {
		return line
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	told, err := prober.Probe(connectors.WithGlance(ctx))
	if err == nil {
		err = sameBooks(connectors.WithGlance(ctx), source, stands)
	}
	if err == nil {
		line.Message = told
		return line
	}
	line.OK, line.Message, line.Do = false, err.Error(), "try again"
	var known *connectors.Error
	if errors.As(err, &known) && known.Do != "" {
		line.Do = known.Do
	}
	return line
}

// sameBooks asks for the first page of what a pass would read now, where the
// connector knows whose books it has read: it refuses those of another company.
func sameBooks(ctx context.Context, source connectors.Connector, stands connectors.Cursor) error {
	owner, ok := source.(connectors.Owner)
	if !ok || stands == nil || owner.Owner(stands) == "" {
		return nil
	}
	for _, err := range source.Pull(ctx, stands) {
		return err
	}
	return nil
}

func checkReading(ctx context.Context, a mailbox.Account, c mailbox.Config) Checked {
	line := Checked{What: "mailbox", Name: string(c.Name) + " (imap)", OK: true}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	folders, err := mailbox.Folders(ctx, a)
	if err != nil {
		line.OK, line.Message, line.Do = false, err.Error(), "check host, port, user and password"
		var known *mailbox.Error
		if errors.As(err, &known) && known.Do != "" {
			line.Do = known.Do
		}
		return line
	}
	names := make([]string, len(folders))
	for i, f := range folders {
		names[i] = f.Name
	}
	line.Message = "reads " + strings.Join(names, ", ") + optOut(c.IMAP.TLS, c.IMAP.Insecure)
	return line
}

func (c *Company) checkSending(ctx context.Context, m mailbox.Config) Checked {
	line := Checked{What: "mailbox", Name: string(m.Name) + " (smtp)", OK: true}
	if m.Sends == nil || !*m.Sends {
		line.Message = "does not send"
		return line
	}
	server, err := c.serverOf(m)
	if err != nil {
		line.OK, line.Message, line.Do = false, err.Error(), "correct `ca` under smtp"
		return line
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	session, result := outbox.Connect(ctx, server)
	if session == nil {
		line.OK, line.Message, line.Do = false, fmt.Sprintf("%s:%d: %v", m.SMTP.Host, m.SMTP.Port, result.Err), doSMTP(result)
		return line
	}
	session.Close()
	line.Message = fmt.Sprintf("may send by %s:%d%s", m.SMTP.Host, m.SMTP.Port, optOut(m.SMTP.TLS, m.SMTP.Insecure))
	return line
}

// optOut shows where mail goes without protection.
func optOut(tls mailbox.TLS, insecure bool) string {
	switch {
	case tls == mailbox.NoTLS && insecure:
		return " (WITHOUT TLS, as configured)"
	case tls == mailbox.NoTLS:
		return " (without TLS, on this machine)"
	}
	return ""
}

func doSMTP(r outbox.Result) string {
	if r.Do != "" {
		return r.Do
	}
	switch r.Stage {
	case outbox.StageConnect:
		return "check host and port under smtp, and that this machine may reach them"
	case outbox.StageTLS:
		return "check `tls` and `port` under smtp (implicit is usually 465, starttls 587), and the server's certificate (`ca`)"
	case outbox.StageAuth:
		return "check the user and the password of this mailbox (many providers ask for an app password)"
	}
	return "ask the administrator of the mail server"
}

// Match finds whose message it is, for an explanation.
func (d *Daemon) Match(ctx context.Context, c *Company, m *message.Message, at time.Time, known message.Context) (message.Context, *inbox.Named, error) {
	var seller match.Seller
	if len(c.Readers) > 0 {
		seller = c.Readers[0].Company.Seller
	} else {
		seller = match.Seller{Company: c.id(), Keys: d.Keys}
	}
	found, err := match.Find(ctx, d.Store, seller, m, at)
	if err != nil {
		return known, nil, err
	}
	named := &inbox.Named{Result: found}
	for _, id := range found.Customers() {
		facts, err := d.Store.Dossier(ctx, id)
		if err != nil {
			return known, nil, err
		}
		named.Customers = append(named.Customers, facts.Customer.Code)
	}
	for _, h := range found.Hits {
		if h.Message != 0 {
			out, err := d.Store.Message(ctx, h.Message)
			if err != nil {
				return known, nil, err
			}
			named.Reminder = out.MID
			break
		}
	}
	known.Own, known.Ours, known.Sent = seller.Own, seller.Ours, found.Outgoing()
	if known.ReceivedOn.IsZero() {
		known.ReceivedOn = calendar.DateOf(at.In(c.Zone))
	}
	return known, named, nil
}
