package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"relanced/inbox"
	"relanced/inbox/message"
	"relanced/internal/calendar"
	"relanced/internal/daemon"
)

type inboxCmd struct {
	Explain inboxExplainCmd `cmd:"" help:"What is thought of a message, and why."`
	Read    inboxReadCmd    `cmd:"" help:"Read the mailboxes once, now."`
}

type inboxExplainCmd struct {
	Files    []string `arg:"" name:"file" help:"Messages (.eml)."`
	Received string   `help:"When it arrived (RFC 3339): dates in it are counted from there. Default: now." placeholder:"TIME"`
	Timezone string   `help:"Zone of the reader. Default: the company's, else Europe/Paris." placeholder:"ZONE"`
	Country  string   `help:"Country of the reader (ISO 3166): the order of day and month. Default: the company's, else FR."`
}

// Run explains messages. Without a configuration there is no customer to match.
func (c *inboxExplainCmd) Run(ctx context.Context, a *app) error {
	var d *daemon.Daemon
	if c.configured(a) {
		opened, err := a.open(ctx, false)
		if err != nil {
			return err
		}
		defer func() { _ = opened.Close() }()
		d = opened
	}
	zoneName, country := "Europe/Paris", "FR"
	if d != nil && len(d.Companies) > 0 {
		zoneName, country = d.Companies[0].Zone.String(), string(d.Companies[0].Country)
	}
	if c.Timezone != "" {
		zoneName = c.Timezone
	}
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return usagef("--timezone: there is no zone %q (write Europe/Paris)", zoneName)
	}
	if c.Country != "" {
		country = strings.ToUpper(c.Country)
	}
	at, err := received(c.Received, a.now(), zone)
	if err != nil {
		return err
	}
	for _, path := range c.Files {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return missingf("there is no file %q", path)
		}
		if err != nil {
			return err
		}
		e, err := explained(ctx, d, path, message.Parse(raw), at, message.Context{ReceivedOn: calendar.DateOf(at.In(zone)), Country: country})
		if err != nil {
			return err
		}
		if a.json {
			if err := a.object(e); err != nil {
				return err
			}
			continue
		}
		c.print(a, e)
	}
	return nil
}

// explained explains a message as the first company whose customer wrote it
// would see it, else as the first of all.
func explained(ctx context.Context, d *daemon.Daemon, path string, m *message.Message, at time.Time, known message.Context) (inbox.Explanation, error) {
	if d == nil || len(d.Companies) == 0 {
		return inbox.Explain(path, m, known, nil), nil
	}
	var first inbox.Explanation
	for i, company := range d.Companies {
		seen, named, err := d.Match(ctx, company, m, at, known)
		if err != nil {
			return first, err
		}
		e := inbox.Explain(path, m, seen, named)
		if i == 0 {
			first = e
		}
		if e.Match.Customer != nil {
			return e, nil
		}
	}
	return first, nil
}

// configured tells whether a configuration was named or can be found.
func (c *inboxExplainCmd) configured(a *app) bool {
	if a.Config != "" || os.Getenv("RELANCED_CONFIG") != "" {
		return true
	}
	for _, path := range []string{"relanced.yaml", "/etc/relanced/relanced.yaml"} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

func (c *inboxExplainCmd) print(a *app, e inbox.Explanation) {
	a.tell("%s", e.File)
	a.tell("  class     %s (%s)", e.Class, strings.Join(e.Why, "; "))
	a.tell("  holds     %s", yesNo(e.Holds))
	if e.Match.Customer != nil {
		a.tell("  customer  %s", *e.Match.Customer)
	}
	if len(e.Match.Evidence) > 0 {
		a.tell("  evidence  %s", strings.Join(e.Match.Evidence, "; "))
	}
	if e.ReturnOn != nil {
		a.tell("  back on   %s", *e.ReturnOn)
	}
	if e.Bounce != nil {
		for _, r := range e.Bounce.Recipients {
			a.tell("  failed    %s %s %s", r.Address, r.Class, value(r.Status))
		}
	}
	for _, p := range e.Problems {
		a.tell("  damaged   %s", p)
	}
	if e.NotTrimmed {
		a.tell("  text      all of it: what is new could not be told from what is quoted")
	}
	for _, line := range strings.Split(e.NewText, "\n") {
		a.tell("  | %s", line)
	}
}

type inboxReadCmd struct{}

// Run reads every mailbox to its end, once.
func (c *inboxReadCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		bad := false
		for _, company := range d.Companies {
			for _, err := range d.ReadMailboxes(ctx, company) {
				bad = true
				a.warn("relanced: %v", err)
			}
		}
		if bad {
			return errSaid
		}
		if a.json {
			return a.object(map[string]bool{"read": true})
		}
		a.say("Read. `relanced replies` shows what customers wrote.")
		return nil
	})
}
