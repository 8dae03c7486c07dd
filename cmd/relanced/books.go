package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/daemon"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
	syncer "relanced/sync"
)

type syncCmd struct {
	Names []string `arg:"" optional:"" name:"name" help:"Connections. Default: all."`
	Full  bool     `help:"Read everything again, and what is gone."`
}

// syncJSON is what --json prints of one connection.
type syncJSON struct {
	Connection string            `json:"connection"`
	OK         bool              `json:"ok"`
	Suspect    bool              `json:"suspect"`
	Requests   int64             `json:"requests"`
	New        int               `json:"new"`
	Changed    int               `json:"changed"`
	Gone       int               `json:"gone"`
	Unchanged  int               `json:"unchanged"`
	Rejected   int               `json:"rejected"`
	AsOf       *string           `json:"as_of"`
	Problems   []syncProblemJSON `json:"problems"`
	Error      *failureJSON      `json:"error"`
}

type syncProblemJSON struct {
	External *string `json:"external_id"`
	Text     string  `json:"text"`
}

type failureJSON struct {
	Kind    string  `json:"kind"`
	Message string  `json:"message"`
	Do      *string `json:"do"`
}

// Run makes one pass over each connection, now.
func (c *syncCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		type one struct {
			company *daemon.Company
			name    receivable.ConnectionID
		}
		var wanted []one
		for _, name := range c.Names {
			company, id, err := connectionOf(d, name)
			if err != nil {
				return err
			}
			wanted = append(wanted, one{company, id})
		}
		if len(c.Names) == 0 {
			for _, company := range d.Companies {
				for _, s := range company.Sources {
					wanted = append(wanted, one{company, s.Name})
				}
			}
		}
		bad := false
		var reports []syncer.Report
		for _, w := range wanted {
			done := a.working("reading " + string(w.name))
			report, err := d.Syncer.Pass(ctx, w.company.CompanyID(), w.name, syncer.Options{Full: c.Full, Wait: true, Asked: true})
			done()
			if err != nil {
				return err
			}
			reports = append(reports, report)
			a.tellProblems(report)
			if told := a.tellFailure(report); told {
				bad = true
			}
		}
		err := list(a.printer, reports, "No connection is configured.",
			[]string{"Connection", "OK", "New", "Changed", "Gone", "Unchanged", "Rejected", "As of"},
			func(r syncer.Report) []any {
				return []any{string(r.Connection), yesNo(r.OK), r.New, r.Changed, r.Gone, r.Unchanged, r.Rejected, when(r.AsOf)}
			}, func(r syncer.Report) any { return syncView(r) })
		if err == nil && bad {
			return errSaid
		}
		return err
	})
}

// shownProblems is how many of a connection's problems are told one by one.
const shownProblems = 20

// tellProblems names on standard error what of a pass could not be read; JSON
// holds it.
func (a *app) tellProblems(r syncer.Report) {
	if a.json {
		return
	}
	for _, p := range r.Problems[:min(len(r.Problems), shownProblems)] {
		text := p.Text
		if p.External != "" {
			text = p.External + ": " + text
		}
		a.warn("%s: %s", string(r.Connection), text)
	}
	if more := len(r.Problems) - shownProblems; more > 0 {
		a.warn("%s: and %d more: `relanced --json sync` names them", string(r.Connection), more)
	}
}

// tellFailure names on standard error a connection that could not be read or
// believed, and files that were refused, with what to do.
func (a *app) tellFailure(r syncer.Report) bool {
	refused := r.RefusedFiles()
	for _, p := range refused {
		a.warn("relanced: connection %s: %s (the file and the reason lie in failed/)", string(r.Connection), p.Text)
	}
	if r.Error != nil {
		a.warn("relanced: connection %s: %s", string(r.Connection), sentence(r.Error.Message, r.Error.Do))
	} else {
		a.tellSuspect(r)
	}
	return r.Error != nil || r.Suspect || len(refused) > 0
}

// tellSuspect names on standard error a connection whose data looks wrong.
func (a *app) tellSuspect(r syncer.Report) {
	if r.Suspect {
		a.warn("relanced: connection %s: its data looks wrong (see `relanced status`): run `relanced confirm %s`", string(r.Connection), string(r.Connection))
	}
}

func sentence(message, do string) string {
	if do == "" {
		return message
	}
	return message + ": " + do
}

func syncView(r syncer.Report) syncJSON {
	out := syncJSON{
		Connection: string(r.Connection), OK: r.OK, Suspect: r.Suspect, Requests: r.Requests, New: r.New, Changed: r.Changed, Gone: r.Gone,
		Unchanged: r.Unchanged, Rejected: r.Rejected, AsOf: stamp(r.AsOf), Problems: []syncProblemJSON{},
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, syncProblemJSON{optional(p.External), p.Text})
	}
	if r.Error != nil {
		out.Error = &failureJSON{string(r.Error.Kind), r.Error.Message, optional(r.Error.Do)}
	}
	return out
}

type importCmd struct {
	Name   string   `arg:"" help:"Connection of type files."`
	Files  []string `arg:"" name:"file" help:"Files to read."`
	DryRun bool     `help:"Show what would be read; keep nothing."`
}

type importJSON struct {
	File      string              `json:"file"`
	Format    *string             `json:"format"`
	New       int                 `json:"new"`
	Changed   int                 `json:"changed"`
	Closed    int                 `json:"closed"`
	Unchanged int                 `json:"unchanged"`
	Rejected  int                 `json:"rejected"`
	Problems  []importProblemJSON `json:"problems"`
}

type importProblemJSON struct {
	Line   *int   `json:"line"`
	Reason string `json:"reason"`
}

// Run reads files into a connection.
func (c *importCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		company, name, err := connectionOf(d, c.Name)
		if err != nil {
			return err
		}
		for _, path := range c.Files {
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				return missingf("there is no file %q: nothing was imported", path)
			}
		}
		refused := false
		var reports []syncer.Report
		for _, path := range c.Files {
			done := a.working("reading " + path)
			report, err := d.Syncer.Import(ctx, company.CompanyID(), name, path, c.DryRun)
			done()
			if err != nil {
				return err
			}
			report.File = path // as it was typed
			reports = append(reports, report)
			if report.Error != nil {
				refused = true
				a.warn("relanced: %s: %s", path, sentence(report.Error.Message, report.Error.Do))
			}
			a.tellSuspect(report)
		}
		err = list(a.printer, reports, "", []string{"File", "Format", "New", "Changed", "Closed", "Unchanged", "Rejected"},
			func(r syncer.Report) []any {
				return []any{r.File, r.Format, r.New, r.Changed, r.Closed, r.Unchanged, r.Rejected}
			}, func(r syncer.Report) any { return importView(r) })
		if err != nil {
			return err
		}
		if !a.json {
			for _, r := range reports {
				for _, p := range r.Problems {
					a.say("%s:%d: %s", r.File, p.Line, p.Text)
				}
			}
		}
		if refused {
			return errSaid
		}
		return nil
	})
}

func importView(r syncer.Report) importJSON {
	out := importJSON{
		File: r.File, Format: optional(r.Format), New: r.New, Changed: r.Changed, Closed: r.Closed, Unchanged: r.Unchanged,
		Rejected: r.Rejected, Problems: []importProblemJSON{},
	}
	for _, p := range r.Problems {
		problem := importProblemJSON{Reason: p.Text}
		if p.Line > 0 {
			problem.Line = &p.Line
		}
		out.Problems = append(out.Problems, problem)
	}
	if r.Error != nil {
		out.Problems = append(out.Problems, importProblemJSON{Reason: sentence(r.Error.Message, r.Error.Do)})
	}
	return out
}

type confirmCmd struct {
	Connection string   `arg:"" help:"Connection to accept."`
	Except     []string `help:"Customers to leave alone for good." placeholder:"CUSTOMER,…"`
	Yes        bool     `help:"Do not ask."`
}

// Run accepts a new or suspect connection, after showing what it accepts.
func (c *confirmCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		company, name, err := connectionOf(d, c.Connection)
		if err != nil {
			return err
		}
		key := store.ConnectionKey{Company: company.CompanyID(), Name: name}
		known, err := d.Store.Connection(ctx, key)
		if errors.Is(err, store.ErrNotFound) || err == nil && known.PassEndedAt.IsZero() {
			return fmt.Errorf("connection %s was never read: run `relanced sync %s` (or import) first", name, name)
		}
		if err != nil {
			return err
		}
		var except []dossier.CustomerID
		for _, who := range c.Except {
			id, err := d.Store.FindCustomer(ctx, company.CompanyID(), who)
			if ambiguous := (*store.AmbiguousError)(nil); errors.As(err, &ambiguous) { // the code of another connection's customer too
				id, err = d.Store.FindCustomer(ctx, company.CompanyID(), string(name)+"/"+who)
			}
			if err := notFound(err, "customer", who); err != nil {
				return err
			}
			except = append(except, id)
		}
		a.showAccepted(known)
		if !c.Yes && !a.confirmed(fmt.Sprintf("Accept %s as it is?", name)) {
			if !a.interactive() {
				return usagef("nothing was accepted: look at what is shown, then run it with --yes")
			}
			return errors.New("nothing was accepted")
		}
		if err := d.Syncer.Confirm(ctx, company.CompanyID(), name, except, by()); err != nil {
			return err
		}
		if a.json {
			return a.object(map[string]any{"connection": string(name), "confirmed": true})
		}
		a.say("Accepted. `relanced preview` shows what comes next.")
		return nil
	})
}

func (a *app) showAccepted(known store.Connection) {
	show := a.say
	if a.json {
		show = a.warn
	}
	show("%s: %s, %d settled, %s known, as of %s", string(known.Key.Name), count(known.Stats.Open, "open invoice"), known.Stats.Paid, count(known.Stats.Payments, "payment"), when(known.AsOf))
	for _, sum := range known.Stats.OpenSums {
		show("  open: %s %s", sum.String(), sum.Currency)
	}
	for _, f := range known.Findings {
		show("  looks wrong: %s", f.Text)
	}
	if !known.LastPaymentOn.IsZero() {
		show("  newest payment in the books: %s", known.LastPaymentOn.String())
	}
	show("  Is the accounting software's own reminding switched off?")
}

// interactive tells whether a person sits at the other end.
func (a *app) interactive() bool { return isTerminal(a.in) }

// confirmed asks a question that wants a yes. Without a terminal it is a no.
func (a *app) confirmed(question string) bool {
	if !a.interactive() {
		return false
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	line, _ := bufio.NewReader(a.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes", "o", "oui":
		return true
	}
	return false
}

type upToDateCmd struct {
	On         date   `arg:"" name:"date" help:"Payments are entered up to this day (YYYY-MM-DD)."`
	Connection string `arg:"" optional:"" help:"Default: every connection."`
}

// Run records up to which day payments are entered.
func (c *upToDateCmd) Run(ctx context.Context, a *app) error {
	if err := c.On.come("<date>", a.now()); err != nil {
		return err
	}
	return a.with(ctx, func(d *daemon.Daemon) error {
		if c.Connection != "" {
			company, name, err := connectionOf(d, c.Connection)
			if err != nil {
				return err
			}
			return a.upToDate(ctx, d, company, name, c.On.Date)
		}
		for _, company := range d.Companies {
			for _, s := range company.Sources {
				if err := a.upToDate(ctx, d, company, s.Name, c.On.Date); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (a *app) upToDate(ctx context.Context, d *daemon.Daemon, c *daemon.Company, name receivable.ConnectionID, on calendar.Date) error {
	if on > today(a, c) {
		return usagef("%s is still to come: name the last day whose payments are entered", on)
	}
	if err := d.Syncer.UpToDate(ctx, c.CompanyID(), name, on, by()); err != nil {
		return err
	}
	if a.json {
		return a.object(map[string]string{"connection": string(name), "payments_entered_until": on.String()})
	}
	a.say("%s: payments are entered up to %s", string(name), on.String())
	return nil
}
