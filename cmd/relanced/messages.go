package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"os"
	"slices"
	"strings"

	"relanced/desk/actions"
	"relanced/internal/daemon"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
	"relanced/reminders/outbox"
)

type outboxCmd struct {
	State []string `help:"Only these states: draft queued armed sent refused unknown cancelled dropped." enum:"draft,queued,armed,sent,refused,unknown,cancelled,dropped," placeholder:"STATE,…"`
}

type outboxJSON struct {
	ID        int64    `json:"id"`
	Kind      string   `json:"kind"`
	Customer  *string  `json:"customer"`
	To        []string `json:"to"`
	Step      *string  `json:"step"`
	Invoices  []string `json:"invoices"`
	Amount    *string  `json:"amount"`
	Currency  *string  `json:"currency"`
	Subject   *string  `json:"subject"`
	MessageID *string  `json:"message_id"`
	State     string   `json:"state"`
	At        *string  `json:"at"`
	Attempts  int      `json:"attempts"`
	Server    *string  `json:"server"`
	Problem   *string  `json:"problem"`
}

// Run lists messages.
func (c *outboxCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		filter := store.OutboxFilter{Company: a.company()}
		for _, s := range c.State {
			filter.States = append(filter.States, dossier.State(s))
		}
		rows, err := d.Store.Outbox(ctx, filter)
		if err != nil {
			return err
		}
		if err := subjects(ctx, d, rows); err != nil {
			return err
		}
		return list(a.printer, rows, "The outbox is empty.", []string{"ID", "State", "Since", "Customer", "Name", "Step", "Amount", "", "Subject", "Problem"},
			func(o store.Outgoing) []any {
				v := outboxView(o)
				return []any{v.ID, v.State, when(o.ChangedAt), o.Code, oneLine(o.Name, 28), o.Step, value(v.Amount), value(v.Currency), oneLine(o.Subject, 40), oneLine(o.Problem, 60)}
			}, func(o store.Outgoing) any { return outboxView(o) })
	})
}

// subjects gives messages that were not written out yet the subject they would
// leave with now.
func subjects(ctx context.Context, d *daemon.Daemon, rows []store.Outgoing) error {
	for _, company := range d.Companies {
		at := map[dossier.MessageID]int{}
		var unwritten []store.Outgoing
		for i, row := range rows {
			if row.Company == company.CompanyID() && row.Subject == "" && (row.State == dossier.StateDraft || row.State == dossier.StateQueued) {
				at[row.ID] = i
				unwritten = append(unwritten, row)
			}
		}
		for chunk := range slices.Chunk(unwritten, 100) {
			drafts, err := company.Box.Previews(ctx, chunk)
			if err != nil {
				return err
			}
			for _, draft := range drafts {
				rows[at[draft.ID]].Subject = draft.Mail.Subject
			}
		}
	}
	return nil
}

func outboxView(o store.Outgoing) outboxJSON {
	out := outboxJSON{
		ID: int64(o.ID), Kind: string(o.Kind), Customer: optional(o.Code), To: none(o.To), Step: optional(o.Step), Invoices: []string{},
		Subject: optional(o.Subject), MessageID: optional(o.MID), State: string(o.State), At: stamp(o.ChangedAt), Attempts: o.Attempts,
		Server: optional(o.Server), Problem: optional(o.Problem),
	}
	if len(o.Amounts) > 0 {
		out.Amount, out.Currency = optional(amountText(o.Amounts[0])), optional(o.Amounts[0].Currency)
	}
	demands := slices.ContainsFunc(o.Lines, func(l dossier.MessageLine) bool { return l.Role == dossier.RoleDemanded })
	for _, line := range o.Lines {
		if line.Role == dossier.RoleDemanded || line.Role == dossier.RoleUpcoming && !demands {
			out.Invoices = append(out.Invoices, line.Invoice)
		}
	}
	return out
}

type showCmd struct {
	ID     int64  `arg:"" help:"Number in the outbox."`
	Output string `short:"o" help:"Write it as .eml or .html." placeholder:"FILE" type:"path"`
}

// Run shows a message in full: as it left, or as it would leave now.
func (c *showCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		out, err := d.Store.Message(ctx, dossier.MessageID(c.ID))
		if errors.Is(err, store.ErrNotFound) {
			return missingf("there is no message %d", c.ID)
		}
		if err != nil {
			return err
		}
		text, html, raw, err := content(ctx, d, out)
		if err != nil {
			return err
		}
		if c.Output != "" {
			body := raw
			if strings.HasSuffix(strings.ToLower(c.Output), ".html") {
				body = []byte(html)
			}
			if err := os.WriteFile(c.Output, body, 0o600); err != nil {
				return err
			}
			a.say("Written to %s", c.Output)
			return nil
		}
		header, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
		if a.json {
			return a.object(struct {
				outboxJSON
				Headers string `json:"headers"`
				Text    string `json:"text"`
			}{outboxView(out), strings.ReplaceAll(string(header), "\r\n", "\n"), text})
		}
		a.tell("%s", readable(header))
		a.tell("\n%s", text)
		return nil
	})
}

// readable is a header as people read it: lines joined, words decoded.
func readable(header []byte) string {
	text := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\r\n", "\n").Replace(string(header))
	var words mime.WordDecoder
	if decoded, err := words.DecodeHeader(text); err == nil {
		return decoded
	}
	return text
}

// content returns a message's text, page and bytes.
func content(ctx context.Context, d *daemon.Daemon, out store.Outgoing) (text, html string, raw []byte, err error) {
	if out.Kind == dossier.KindNotice {
		raw = out.Content
	} else if out.Rendered {
		raw, err = d.Store.Bytes(ctx, out.ID)
	}
	if err != nil {
		return "", "", nil, err
	}
	if raw != nil {
		text, html = email.Parts(raw)
		if out.Text != "" {
			text = out.Text
		}
		return text, html, raw, nil
	}
	company, err := companyOf(d, out.Company)
	if err != nil {
		return "", "", nil, err
	}
	mail, err := company.Box.Preview(ctx, out)
	if errors.Is(err, outbox.ErrStands) && out.Problem != "" {
		return "", "", nil, fmt.Errorf("message %d is %s and has no text: %s", out.ID, out.State, out.Problem)
	}
	if errors.Is(err, outbox.ErrStands) {
		return "", "", nil, fmt.Errorf("message %d is %s and has no text: %w", out.ID, out.State, err)
	}
	if err != nil {
		return "", "", nil, err
	}
	raw, err = email.Build(mail)
	return mail.Text, mail.HTML, raw, err
}

type approveCmd struct {
	IDs []int64 `arg:"" optional:"" name:"id" help:"Drafts, by number."`
	All bool    `help:"Every draft."`
}

// Run lets drafts leave.
func (c *approveCmd) Run(ctx context.Context, a *app) error {
	if c.All == (len(c.IDs) > 0) {
		return usagef("name drafts by number, or --all")
	}
	return a.with(ctx, func(d *daemon.Daemon) error {
		ids := c.IDs
		if c.All {
			rows, err := d.Store.Outbox(ctx, store.OutboxFilter{Company: a.company(), States: []dossier.State{dossier.StateDraft}})
			if err != nil {
				return err
			}
			for _, row := range rows {
				ids = append(ids, int64(row.ID))
			}
			if len(ids) == 0 {
				a.say("No draft waits.")
				return nil
			}
		}
		return a.each(ids, func(id int64) (actions.Done, error) {
			return d.Desk.Approve(ctx, dossier.MessageID(id), "", by(), "")
		})
	})
}

type declineCmd struct {
	IDs    []int64 `arg:"" name:"id" help:"Drafts, by number."`
	Hold   bool    `help:"Pause the customer too."`
	Reason string  `help:"Why."`
}

// Run skips the step of drafts for their lines.
func (c *declineCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		return a.each(c.IDs, func(id int64) (actions.Done, error) {
			return d.Desk.Decline(ctx, dossier.MessageID(id), by(), c.Reason, c.Hold)
		})
	})
}

type resolveCmd struct {
	ID      int64  `arg:"" help:"Message of unknown outcome, by number."`
	Outcome string `arg:"" enum:"sent,not-sent,drop" help:"sent, not-sent (queued again, the same bytes) or drop (never sent)."`
}

// Run says what became of a message whose outcome is unknown.
func (c *resolveCmd) Run(ctx context.Context, a *app) error {
	state := map[string]dossier.State{"sent": dossier.StateSent, "not-sent": dossier.StateQueued, "drop": dossier.StateDropped}[c.Outcome]
	return a.with(ctx, func(d *daemon.Daemon) error {
		return a.each([]int64{c.ID}, func(id int64) (actions.Done, error) {
			return d.Desk.Resolve(ctx, dossier.MessageID(id), state, by())
		})
	})
}

// each does something to several messages, and goes on where one fails.
func (a *app) each(ids []int64, do func(id int64) (actions.Done, error)) error {
	var failed error
	for _, id := range ids {
		done, err := do(id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			err = missingf("there is no message %d", id)
		case err != nil:
			err = fmt.Errorf("message %d: %w", id, err)
		}
		if err != nil {
			failed = errors.Join(failed, err)
			if codeOf(err) == exitMissing {
				failed = &exitError{exitMissing, failed}
			}
			continue
		}
		if err := a.tellDone(done); err != nil {
			return err
		}
	}
	return failed
}

type doneJSON struct {
	ID       *int64 `json:"id"`
	Customer string `json:"customer"`
	Name     string `json:"name"`
	Done     string `json:"done"`
}

func (a *app) tellDone(done actions.Done) error {
	if a.json {
		out := doneJSON{Customer: done.Code, Name: done.Name, Done: done.Text}
		if done.ID != 0 {
			out.ID = &done.ID
		}
		return a.object(out)
	}
	number := ""
	if done.ID != 0 {
		number = fmt.Sprintf(" %d", done.ID)
	}
	a.say("%s%s: %s (%s)", done.Text, number, oneLine(done.Name, 80), oneLine(done.Code, 40))
	return nil
}
