package main

import (
	"context"
	"errors"

	"relanced/desk/actions"
	"relanced/internal/daemon"
	"relanced/internal/money"
)

// act finds targets by name and does something to each.
func (a *app) act(ctx context.Context, names []string, do func(d *daemon.Daemon, t actions.Target) (actions.Done, error)) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		targets := make([]actions.Target, len(names))
		for i, name := range names { // all names first: a typo in the last does nothing
			var err error
			if targets[i], err = a.target(ctx, d, name); err != nil {
				return err
			}
		}
		for _, t := range targets {
			done, err := do(d, t)
			if errors.Is(err, actions.ErrNothing) {
				a.say("%s (%s): nothing was kept back", done.Name, done.Code)
				continue
			}
			if err != nil {
				return err
			}
			if err := a.tellDone(done); err != nil {
				return err
			}
		}
		return nil
	})
}

// sum reads an optional amount in the currency of what the target owes.
func sum(ctx context.Context, d *daemon.Daemon, t actions.Target, text string) (money.Amount, error) {
	if text == "" {
		return money.Amount{}, nil
	}
	facts, err := d.Store.DossierOf(ctx, t.Customer, t.Document)
	if err != nil {
		return money.Amount{}, err
	}
	currency := ""
	for _, line := range facts.Lines {
		if t.Document == 0 || line.Document == t.Document {
			currency = line.Outstanding.Currency
			break
		}
	}
	if currency == "" {
		company, err := companyOf(d, facts.Company.ID)
		if err != nil {
			return money.Amount{}, err
		}
		currency = string(company.Currency)
	}
	return amount("--amount", text, currency)
}

type holdCmd struct {
	Name   string `arg:"" name:"customer|invoice" help:"Customer or invoice."`
	Until  date   `help:"First day on which reminders may go on (YYYY-MM-DD). Default: until resumed." placeholder:"DATE"`
	Reason string `required:"" help:"Why."`
}

// Run stops reminders of a customer or an invoice.
func (c *holdCmd) Run(ctx context.Context, a *app) error {
	return a.act(ctx, []string{c.Name}, func(d *daemon.Daemon, t actions.Target) (actions.Done, error) {
		if err := c.Until.ahead("--until", 1, "write the first day on which reminders may go on, tomorrow or later", d.Companies, a.now()); err != nil {
			return actions.Done{}, err
		}
		return d.Desk.Hold(ctx, t, c.Until.Date, c.Reason, by())
	})
}

type resumeCmd struct {
	Names []string `arg:"" name:"customer|invoice" help:"Customers or invoices."`
}

// Run ends what keeps reminders back.
func (c *resumeCmd) Run(ctx context.Context, a *app) error {
	return a.act(ctx, c.Names, func(d *daemon.Daemon, t actions.Target) (actions.Done, error) {
		return d.Desk.Resume(ctx, t, by())
	})
}

type excludeCmd struct {
	Names  []string `arg:"" name:"customer|invoice" help:"Customers or invoices."`
	Reason string   `help:"Why."`
}

// Run stops reminders for good, until resumed.
func (c *excludeCmd) Run(ctx context.Context, a *app) error {
	return a.act(ctx, c.Names, func(d *daemon.Daemon, t actions.Target) (actions.Done, error) {
		return d.Desk.Exclude(ctx, t, c.Reason, by())
	})
}

type disputeCmd struct {
	Invoice string `arg:"" help:"Invoice."`
	Amount  string `help:"The part that is contested. Default: all of it."`
	Reason  string `required:"" help:"What the customer says."`
	Owner   string `help:"Who sees to it."`
	Until   date   `help:"First day on which it no longer holds (YYYY-MM-DD)." placeholder:"DATE"`
}

// Run records that an invoice is contested.
func (c *disputeCmd) Run(ctx context.Context, a *app) error {
	return a.act(ctx, []string{c.Invoice}, func(d *daemon.Daemon, t actions.Target) (actions.Done, error) {
		if t.Document == 0 {
			return actions.Done{}, missingf("there is no invoice %q", c.Invoice)
		}
		if err := c.Until.ahead("--until", 1, "write the first day on which the dispute no longer holds, tomorrow or later", d.Companies, a.now()); err != nil {
			return actions.Done{}, err
		}
		part, err := sum(ctx, d, t, c.Amount)
		if err != nil {
			return actions.Done{}, err
		}
		return d.Desk.Dispute(ctx, t, part, c.Reason, c.Owner, c.Until.Date, by())
	})
}

type promiseCmd struct {
	Names  []string `arg:"" name:"customer|invoice" help:"Customer or invoices."`
	On     date     `required:"" help:"Day on which payment is promised (YYYY-MM-DD)." placeholder:"DATE"`
	Amount string   `help:"The part that is promised. Default: all of it."`
}

// Run records that payment is promised.
func (c *promiseCmd) Run(ctx context.Context, a *app) error {
	return a.act(ctx, c.Names, func(d *daemon.Daemon, t actions.Target) (actions.Done, error) {
		if err := c.On.ahead("--on", 0, "write the day on which payment is promised, today or later", d.Companies, a.now()); err != nil {
			return actions.Done{}, err
		}
		part, err := sum(ctx, d, t, c.Amount)
		if err != nil {
			return actions.Done{}, err
		}
		return d.Desk.Promise(ctx, t, c.On.Date, part, by())
	})
}

type claimedCmd struct {
	Names  []string `arg:"" name:"customer|invoice" help:"Customer or invoices."`
	By     string   `required:"" enum:"cheque,transfer" help:"cheque or transfer."`
	Sent   date     `required:"" help:"Day on which it left, as the customer says (YYYY-MM-DD)." placeholder:"DATE"`
	Amount string   `help:"The part that was paid. Default: all of it."`
}

// Run records that the customer says it has paid.
func (c *claimedCmd) Run(ctx context.Context, a *app) error {
	if err := c.Sent.come("--sent", a.now()); err != nil {
		return err
	}
	return a.act(ctx, c.Names, func(d *daemon.Daemon, t actions.Target) (actions.Done, error) {
		part, err := sum(ctx, d, t, c.Amount)
		if err != nil {
			return actions.Done{}, err
		}
		return d.Desk.Claimed(ctx, t, c.By, c.Sent.Date, part, by())
	})
}

type calledCmd struct {
	Customer string `arg:"" help:"Customer."`
	Note     string `required:"" help:"What was said."`
	Outcome  string `help:"In a word: reached, voicemail, refused…"`
	Next     date   `help:"When to speak again; reminders wait until then (YYYY-MM-DD)." placeholder:"DATE"`
}

// Run records a call.
func (c *calledCmd) Run(ctx context.Context, a *app) error {
	return a.act(ctx, []string{c.Customer}, func(d *daemon.Daemon, t actions.Target) (actions.Done, error) {
		if err := c.Next.ahead("--next", 0, "write the day on which to speak again, today or later", d.Companies, a.now()); err != nil {
			return actions.Done{}, err
		}
		return d.Desk.Called(ctx, t, c.Note, c.Outcome, c.Next.Date, by())
	})
}
