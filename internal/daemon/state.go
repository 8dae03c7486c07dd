package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"relanced/inbox"
	"relanced/inbox/mailbox"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// State is how a connection or a mailbox is, as shown to people.
type State string

// The states. Mailboxes are fresh, stale or blocked.
const (
	Fresh       State = "fresh"
	Stale       State = "stale"
	Suspect     State = "suspect"
	Blocked     State = "blocked"
	Unconfirmed State = "unconfirmed"
)

// Health is how a company's connections, mailboxes and outbox are.
type Health struct {
	Connections []ConnectionHealth
	Mailboxes   []MailboxHealth
	Outbox      map[dossier.State]int
	Problems    []Problem
}

// ConnectionHealth is how one connection is.
type ConnectionHealth struct {
	Name       receivable.ConnectionID
	Type       string
	State      State
	AsOf       time.Time
	LastPassAt time.Time
	Error      string
	Problems   []string
}

// MailboxHealth is how one mailbox is.
type MailboxHealth struct {
	Name   string
	State  State
	ReadAt time.Time
	Error  string
}

// Problem is something a person must see to.
type Problem struct {
	What  string
	Since time.Time
	Do    string
}

// shownProblems is how many rows that could not be read are named one by one.
const shownProblems = 20

// Health looks at a company as it is now.
func (d *Daemon) Health(ctx context.Context, c *Company) (Health, error) {
	h := Health{Outbox: map[dossier.State]int{}}
	gates, err := c.Box.Gates(ctx)
	if err != nil {
		return h, err
	}
	for i, conn := range c.Connections {
		known, err := d.Store.Connection(ctx, store.ConnectionKey{Company: c.id(), Name: conn.ID()})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return h, err
		}
		one := ConnectionHealth{Name: conn.ID(), Type: c.Sources[i].Type, AsOf: known.AsOf, LastPassAt: known.PassEndedAt}
		if known.Error != nil {
			one.Error = known.Error.Message
			h.Problems = append(h.Problems, Problem{fmt.Sprintf("connection %s: %s", conn.Name, known.Error.Message), known.Error.At, known.Error.Do})
		}
		for _, f := range known.Findings {
			one.Problems = append(one.Problems, f.Text)
			h.Problems = append(h.Problems, Problem{fmt.Sprintf("connection %s looks wrong: %s", conn.Name, f.Text), known.SuspectAt, fmt.Sprintf("run `relanced confirm %s`", conn.Name)})
		}
		rows, err := d.Store.Problems(ctx, store.ConnectionKey{Company: c.id(), Name: conn.ID()})
		if err != nil {
			return h, err
		}
		for _, p := range rows[:min(len(rows), shownProblems)] {
			one.Problems = append(one.Problems, located(p))
		}
		one.State = connectionState(known, gates.Connections[conn.ID()])
		if one.State == Unconfirmed && !known.PassEndedAt.IsZero() {
			h.Problems = append(h.Problems, Problem{fmt.Sprintf("connection %s was not accepted yet: nothing of it is proposed", conn.Name), known.PassEndedAt, fmt.Sprintf("look at `relanced preview`, then run `relanced confirm %s`", conn.Name)})
		}
		if one.State == Stale {
			h.Problems = append(h.Problems, staleBooks(conn.ID(), c.Sources[i].Connector.Info().AgeIsOfExport, known, conn.MaxAge))
		}
		h.Connections = append(h.Connections, one)
	}
	beside, err := d.Syncer.FileProblems(ctx, c.id())
	if err != nil {
		return h, err
	}
	for _, p := range beside[:min(len(beside), shownProblems)] {
		h.Problems = append(h.Problems, Problem{p.Text, p.At, "mend the file: it is read again when it has changed"})
	}
	boxes, err := d.Store.Mailboxes(ctx, c.id())
	if err != nil {
		return h, err
	}
	known := map[store.MailboxKey]store.Mailbox{}
	for _, b := range boxes {
		known[b.Key] = b
	}
	for _, r := range c.Readers {
		one, problems := mailboxHealth(r.Key.Name, known[r.Key], d.Store.Now())
		h.Mailboxes, h.Problems = append(h.Mailboxes, one), append(h.Problems, problems...)
		folders, err := d.Store.Folders(ctx, r.Key)
		if err != nil {
			return h, err
		}
		h.Problems = append(h.Problems, vanished(r.Key.Name, folders, d.Store.Now())...)
	}
	if c.Sends != nil {
		since, why, err := c.Box.Unreachable(ctx)
		if err != nil {
			return h, err
		}
		if !since.IsZero() {
			h.Problems = append(h.Problems, Problem{
				fmt.Sprintf("mailbox %s: nothing leaves: %s", c.Box.Company.Mailbox.Name, why), since,
				"it is tried again by itself; where that lasts, check host, port and tls of its smtp with `relanced check`",
			})
		}
	}
	if h.Outbox, err = d.Store.OutboxCounts(ctx, c.id()); err != nil {
		return h, err
	}
	if n := h.Outbox[dossier.StateUnknown]; n > 0 {
		h.Problems = append(h.Problems, Problem{What: fmt.Sprintf("messages that may have left, or not: %d", n), Do: "look at `relanced outbox --state unknown`, then run `relanced resolve`"})
	}
	return h, nil
}

// located is a problem with where it lies: the row's id at the source, or the
// line of a file.
func located(p store.Problem) string {
	switch {
	case p.External != "":
		return p.External + ": " + p.Text
	case p.File != "" && p.Line > 0:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return p.Text
}

// staleBooks says why books are too old to remind from.
func staleBooks(name receivable.ConnectionID, export bool, known store.Connection, age time.Duration) Problem {
	p := Problem{What: fmt.Sprintf("connection %s: its books are not of today", name), Since: known.AsOf}
	switch {
	case !known.Fresh():
		p.What = fmt.Sprintf("connection %s: its last pass did not end", name)
	case age > 0:
		p.What = fmt.Sprintf("connection %s: its books are of %s, older than %s (max_age): nothing of it is sent", name, known.AsOf.UTC().Format(time.DateOnly), span(age))
	}
	p.Do = fmt.Sprintf("run `relanced sync %s`", name)
	if export {
		p.Do = "export the books anew, and import the file"
	}
	return p
}

// span writes a length of time in whole days or hours.
func span(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return d.String()
}

func connectionState(known store.Connection, gate dossier.Reason) State {
	switch {
	case known.Error != nil && known.Error.Kind == "auth":
		return Blocked
	case !known.SuspectAt.IsZero():
		return Suspect
	case gate == dossier.FirstRun:
		return Unconfirmed
	case gate == dossier.StaleData:
		return Stale
	}
	return Fresh
}

// mailboxAge is how long ago a mailbox may have been read to be shown as fresh.
const mailboxAge = 30 * time.Minute

func mailboxHealth(name string, box store.Mailbox, now time.Time) (MailboxHealth, []Problem) {
	one := MailboxHealth{Name: name, State: Fresh, ReadAt: box.ReadAt}
	var problems []Problem
	if box.ReadAt.IsZero() || now.Sub(box.ReadAt) > mailboxAge || !box.ErrorAt.IsZero() {
		one.State = Stale
	}
	if !box.ErrorAt.IsZero() {
		one.Error = box.Error
		problems = append(problems, Problem{fmt.Sprintf("mailbox %s: %s", name, box.Error), box.ErrorAt, doMailbox(name, box.Error, "nothing leaves until it can be read")})
	}
	switch refused := !box.ErrorAt.IsZero() && box.ErrorKind == string(mailbox.Auth); {
	case refused: // sending is, too, for the same reason
		one.State = Blocked
	case !box.BlockedAt.IsZero():
		one.State, one.Error = Blocked, box.Blocked
		problems = append(problems, Problem{fmt.Sprintf("mailbox %s: sending is stopped: %s", name, box.Blocked), box.BlockedAt, doMailbox(name, box.Blocked, "mend it, then restart or run `relanced remind`")})
	}
	return one, problems
}

// vanished tells from which folders messages left before they were read: where
// a rule files them elsewhere, answers of customers are missed.
func vanished(name string, folders []store.Folder, now time.Time) []Problem {
	var problems []Problem
	for _, f := range folders {
		if f.Vanished == 0 || now.Sub(f.VanishedAt) > inbox.VanishedFor {
			continue
		}
		what := fmt.Sprintf("mailbox %s: %d messages left the folder %s before they were read", name, f.Vanished, f.Name)
		if f.Vanished == 1 {
			what = fmt.Sprintf("mailbox %s: a message left the folder %s before it was read", name, f.Name)
		}
		problems = append(problems, Problem{what, f.VanishedSince, "where a rule or a person files mail of customers in another folder, add that to the mailbox's `folders`"})
	}
	return problems
}

// doMailbox is what to do about a mailbox: to connect it where that is what it
// asks for, else the usual.
func doMailbox(name, text, usual string) string {
	if connect := "run relanced connect " + name; strings.HasSuffix(text, connect) {
		return connect
	}
	return usual
}
