package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/daemon"
	"relanced/internal/dossier"
	"relanced/reminders"
)

// verdictJSON is what preview and why print of one due line.
type verdictJSON struct {
	Customer    *string    `json:"customer"`
	Invoice     *string    `json:"invoice"`
	DueOn       *string    `json:"due_on"`
	Outstanding string     `json:"outstanding"`
	Currency    string     `json:"currency"`
	Verdict     string     `json:"verdict"`
	Reason      *string    `json:"reason"`
	Because     string     `json:"because"`
	Step        *string    `json:"step"`
	Channel     *string    `json:"channel"`
	At          *string    `json:"at"`
	Facts       []factJSON `json:"facts"`
}

type factJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// told is a verdict with whose it is.
type told struct {
	reminders.Verdict
	customer dossier.Customer
	zone     *time.Location
}

func (v told) view() any {
	out := verdictJSON{
		Customer: optional(v.customer.Code), Invoice: optional(v.Line.Invoice), DueOn: optional(v.Line.DueOn.String()), Outstanding: amountText(v.Line.Outstanding),
		Currency: v.Line.Outstanding.Currency, Verdict: string(v.Outcome), Reason: optional(string(v.Reason)), Because: v.Because,
		Step: optional(v.Step), Channel: optional(string(v.Channel)), At: stamp(v.At), Facts: []factJSON{},
	}
	for _, f := range v.Facts {
		out.Facts = append(out.Facts, factJSON{f.Name, f.Value})
	}
	return out
}

func (v told) at() string {
	if v.At.IsZero() {
		return ""
	}
	return v.At.In(v.zone).Format("2006-01-02 15:04")
}

type whyCmd struct {
	Name string `arg:"" name:"customer|invoice" help:"Customer (code, name, address) or invoice number."`
	At   string `help:"What was decided at that moment (RFC 3339, or a date: at its end)." placeholder:"TIME"`
}

// Run says what is decided and why.
func (c *whyCmd) Run(ctx context.Context, a *app) error {
	if _, err := moment(c.At, time.UTC); c.At != "" && err != nil {
		return usagef("--at: %v", err)
	}
	return a.with(ctx, func(d *daemon.Daemon) error {
		t, err := a.target(ctx, d, c.Name)
		if err != nil {
			return err
		}
		facts, err := d.Store.DossierOf(ctx, t.Customer, t.Document)
		if err != nil {
			return err
		}
		company, err := companyOf(d, facts.Company.ID)
		if err != nil {
			return err
		}
		now := d.Store.Now()
		decision, err := c.decide(ctx, a, d, company, &facts, &now)
		if err != nil {
			return err
		}
		explained := reminders.Explain(decision, facts, company.Rules, now, lang(company))
		var rows []told
		for _, v := range explained.Verdicts {
			if t.Document == 0 || v.Line.Document == t.Document {
				rows = append(rows, told{v, facts.Customer, company.Zone})
			}
		}
		if !a.json {
			a.say("%s (%s)", facts.Customer.Name, facts.Customer.Code)
		}
		err = list(a.printer, rows, "Nothing is open, and nothing was reminded.", []string{"Invoice", "Due", "Outstanding", "", "Verdict", "Reason", "Step", "When", "Because"},
			func(v told) []any {
				return []any{v.Line.Invoice, v.Line.DueOn.String(), amountText(v.Line.Outstanding), v.Line.Outstanding.Currency, string(v.Outcome), string(v.Reason), v.Step, v.at(), oneLine(v.Because, 120)}
			}, told.view)
		return err
	})
}

// decide decides for now with the gates as they are, or for another moment as it
// was known then.
func (c *whyCmd) decide(ctx context.Context, a *app, d *daemon.Daemon, company *daemon.Company, facts *dossier.Dossier, now *time.Time) (reminders.Decision, error) {
	if c.At == "" {
		gates, err := company.Box.Gates(ctx)
		if err != nil {
			return reminders.Decision{}, err
		}
		decision := reminders.Decide(*facts, company.Rules, *now)
		return reminders.Admit([]reminders.Decision{decision}, gates)[0], nil
	}
	at, err := moment(c.At, company.Zone)
	if err != nil {
		return reminders.Decision{}, usagef("--at: %v", err)
	}
	if at.Before(*now) {
		if *facts, err = d.Store.DossierAt(ctx, facts.Customer.ID, at); err != nil {
			return reminders.Decision{}, err
		}
	}
	*now = at
	return reminders.Decide(*facts, company.Rules, at), nil
}

type previewCmd struct {
	Until      date   `help:"Last day (YYYY-MM-DD). Default: 60 days from now." placeholder:"DATE"`
	ConfigDiff string `name:"config-diff" help:"Another configuration: show what it would change." placeholder:"FILE" type:"path"`
	Customer   string `help:"Only this one." placeholder:"CUSTOMER"`
}

// previewDays is how far a preview looks unless told.
const previewDays = 60

// Run shows every step that would happen.
func (c *previewCmd) Run(ctx context.Context, a *app) error {
	until := c.Until.Date
	return a.with(ctx, func(d *daemon.Daemon) error {
		var only dossier.CustomerID
		if c.Customer != "" {
			var err error
			if only, err = a.customer(ctx, d, c.Customer); err != nil {
				return err
			}
		}
		var rows []told
		for _, company := range d.Companies {
			if company.Rules.Mode == reminders.ModeOff {
				a.warn("relanced: %s: reminders.mode is off: this is what would happen in review", string(company.ID))
			}
			some, err := c.rows(ctx, d, company, company.Rules, only, until)
			if err != nil {
				return err
			}
			rows = append(rows, some...)
		}
		if c.ConfigDiff != "" {
			return c.diff(ctx, a, d, rows, only, until)
		}
		return printPreview(a, rows)
	})
}

func printPreview(a *app, rows []told) error {
	return list(a.printer, rows, "Nothing is open.", []string{"When", "Customer", "Name", "Invoice", "Outstanding", "", "Verdict", "Step", "Channel", "Because"},
		func(v told) []any {
			verdict := string(v.Outcome)
			if v.Reason != "" {
				verdict += ": " + string(v.Reason)
			}
			return []any{v.at(), v.customer.Code, oneLine(v.customer.Name, 28), v.Line.Invoice, amountText(v.Line.Outstanding), v.Line.Outstanding.Currency, verdict, v.Step, string(v.Channel), oneLine(v.Because, 80)}
		}, told.view)
}

// rows simulates the period for the company's customers: steps by their day,
// then the lines that no step reaches.
func (c *previewCmd) rows(ctx context.Context, d *daemon.Daemon, company *daemon.Company, rules reminders.Rules, only dossier.CustomerID, until calendar.Date) ([]told, error) {
	ids, err := d.Store.OpenCustomerIDs(ctx, company.CompanyID())
	if err != nil {
		return nil, err
	}
	if only != 0 {
		if !slices.Contains(ids, only) {
			return nil, nil
		}
		ids = []dossier.CustomerID{only}
	}
	now := d.Store.Now()
	last := calendar.DateOf(now.In(company.Zone)).AddDays(previewDays)
	if until != 0 {
		last = until
	}
	end := last.AddDays(1).Time(company.Zone).Add(-time.Second)
	var acts, rest []told
	for chunk := range slices.Chunk(ids, 250) {
		dossiers, err := d.Store.Dossiers(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, facts := range dossiers {
			for v := range reminders.Preview(facts, rules, now, end) {
				at := now
				if v.Outcome == reminders.Act && v.At.After(at) {
					at = v.At // days late are counted on the day it happens
				}
				one := told{reminders.ExplainVerdict(v, facts, rules, at, lang(company)), facts.Customer, company.Zone}
				if v.Outcome == reminders.Act {
					acts = append(acts, one)
				} else {
					rest = append(rest, one)
				}
			}
		}
	}
	slices.SortStableFunc(acts, func(x, y told) int { return x.At.Compare(y.At) })
	return append(acts, rest...), nil
}

// diff shows which steps another configuration would add or take away.
func (c *previewCmd) diff(ctx context.Context, a *app, d *daemon.Daemon, before []told, only dossier.CustomerID, until calendar.Date) error {
	other, err := a.load(c.ConfigDiff, true)
	if err != nil {
		return err
	}
	var after []told
	for _, company := range d.Companies {
		changed, ok := other.Company(company.CompanyID())
		if !ok {
			continue
		}
		some, err := c.rows(ctx, d, company, changed.Rules, only, until)
		if err != nil {
			return err
		}
		after = append(after, some...)
	}
	key := func(v told) string {
		return fmt.Sprint(v.Line.ID, "|", v.Outcome, "|", v.Reason, "|", v.Step, "|", v.Channel, "|", v.at())
	}
	had, has := map[string]bool{}, map[string]bool{}
	for _, v := range before {
		had[key(v)] = true
	}
	for _, v := range after {
		has[key(v)] = true
	}
	var changes []change
	for _, v := range before {
		if !has[key(v)] {
			changes = append(changes, change{"-", v})
		}
	}
	for _, v := range after {
		if !had[key(v)] {
			changes = append(changes, change{"+", v})
		}
	}
	slices.SortStableFunc(changes, func(x, y change) int { return x.At.Compare(y.At) })
	return list(a.printer, changes, "Nothing would change.", []string{"", "When", "Customer", "Invoice", "Verdict", "Reason", "Step", "Channel"},
		func(v change) []any {
			return []any{v.sign, v.at(), v.customer.Code, v.Line.Invoice, string(v.Outcome), string(v.Reason), v.Step, string(v.Channel)}
		}, func(v change) any {
			view, _ := v.view().(verdictJSON)
			return struct {
				Change string `json:"change"`
				verdictJSON
			}{map[string]string{"-": "removed", "+": "added"}[v.sign], view}
		})
}

// change is a verdict that only one of two configurations gives.
type change struct {
	sign string
	told
}

type remindCmd struct {
	DryRun bool `help:"Bring books and mailboxes up to date, decide, and show it; propose and send nothing."`
}

// Run brings everything up to date, decides, and sends what may leave, once.
func (c *remindCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		bad := false
		for _, company := range d.Companies {
			stop := a.working("books, mailboxes, reminders of " + string(company.ID))
			var done daemon.Reminded
			var err error
			if c.DryRun {
				done.Unread = d.Refresh(ctx, company)
			} else {
				done, err = d.Remind(ctx, company, by())
			}
			stop()
			for _, problem := range done.Unread {
				bad = true
				a.warn("relanced: %v", problem)
			}
			switch {
			case err != nil:
				return err
			case c.DryRun:
				err = c.dry(ctx, a, d, company)
			default:
				err = printReminded(a, company, done)
			}
			if err != nil {
				return err
			}
		}
		if bad {
			return errSaid
		}
		return nil
	})
}

func printReminded(a *app, company *daemon.Company, done daemon.Reminded) error {
	if a.json {
		return a.object(map[string]any{
			"company": string(company.ID), "proposed": done.Decided.Proposed, "queued": done.Decided.Queued, "withdrawn": done.Decided.Withdrawn,
			"tasks": done.Decided.Tasks, "sent": done.Handed.Sent, "refused": done.Handed.Refused, "unknown": done.Handed.Unknown, "next_at": stamp(done.Handed.Next),
		})
	}
	a.say("%s: %d proposed, %d queued, %d withdrawn, %s; %d sent, %d refused, %d of unknown outcome", string(company.ID), done.Decided.Proposed, done.Decided.Queued,
		done.Decided.Withdrawn, count(done.Decided.Tasks, "task"), done.Handed.Sent, done.Handed.Refused, done.Handed.Unknown)
	if !done.Handed.Next.IsZero() {
		a.say("More may leave from %s.", when(done.Handed.Next))
	}
	return nil
}

// dry shows what a run would do now.
func (c *remindCmd) dry(ctx context.Context, a *app, d *daemon.Daemon, company *daemon.Company) error {
	gates, err := company.Box.Gates(ctx)
	if err != nil {
		return err
	}
	ids, err := d.Store.OpenCustomerIDs(ctx, company.CompanyID())
	if err != nil {
		return err
	}
	now := d.Store.Now()
	var rows []told
	for chunk := range slices.Chunk(ids, 250) {
		dossiers, err := d.Store.Dossiers(ctx, chunk)
		if err != nil {
			return err
		}
		decisions := make([]reminders.Decision, len(dossiers))
		for i := range dossiers {
			dossiers[i].Company.RemindAt = now
			decisions[i] = reminders.Decide(dossiers[i], company.Rules, now)
		}
		for i, decision := range reminders.Admit(decisions, gates) {
			for _, v := range reminders.Explain(decision, dossiers[i], company.Rules, now, lang(company)).Verdicts {
				rows = append(rows, told{v, dossiers[i].Customer, company.Zone})
			}
		}
	}
	return printPreview(a, rows)
}
