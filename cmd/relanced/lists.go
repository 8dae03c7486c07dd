package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/daemon"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

type customersCmd struct{}

type customerJSON struct {
	Connection  string   `json:"connection"`
	Customer    *string  `json:"customer"`
	External    *string  `json:"external_id"`
	Name        *string  `json:"name"`
	Kind        string   `json:"kind"`
	Emails      []string `json:"emails"`
	Outstanding string   `json:"outstanding"`
	Overdue     string   `json:"overdue"`
	Credit      string   `json:"credit"`
	Currency    string   `json:"currency"`
	Held        bool     `json:"held"`
	NextAt      *string  `json:"next_at"`
}

// Run lists customers, one line per account and currency.
func (c *customersCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		var rows []store.CustomerRow
		unknown := map[receivable.CompanyID]receivable.Kind{} // what is taken for granted where a kind is unknown
		for _, company := range d.Companies {
			for row, err := range d.Store.Customers(ctx, company.CompanyID(), today(a, company)) {
				unknown[company.CompanyID()] = receivable.Kind(company.Customers.Kind)
				if err != nil {
					return err
				}
				rows = append(rows, row)
			}
		}
		return list(a.printer, rows, "No customer is known yet: run `relanced sync`.",
			[]string{"Code", "Name", "Outstanding", "Overdue", "Credit", "", "Held", "Addresses"},
			func(r store.CustomerRow) []any {
				return []any{r.Code, oneLine(r.Name, 40), amountText(r.Outstanding), amountText(r.Overdue), amountText(r.Credit), r.Outstanding.Currency, yesNo(r.Held), strings.Join(r.Emails, ", ")}
			},
			func(r store.CustomerRow) any {
				kind := r.Kind
				if kind == "" || kind == receivable.KindUnknown {
					kind = cmp.Or(unknown[r.Company], receivable.KindUnknown)
				}
				return customerJSON{
					Connection: string(r.Connection), Customer: optional(r.Code), External: optional(r.External), Name: optional(r.Name), Kind: string(kind), Emails: none(r.Emails),
					Outstanding: amountText(r.Outstanding), Overdue: amountText(r.Overdue), Credit: amountText(r.Credit), Currency: r.Outstanding.Currency,
					Held: r.Held, NextAt: stamp(r.NextAt),
				}
			})
	})
}

func today(a *app, c *daemon.Company) calendar.Date { return calendar.DateOf(a.now().In(c.Zone)) }

type invoicesCmd struct {
	All bool `help:"Settled and vanished ones too."`
}

type invoiceJSON struct {
	Connection  string    `json:"connection"`
	External    string    `json:"external_id"`
	Customer    *string   `json:"customer"`
	ExtCustomer *string   `json:"external_customer"`
	Name        *string   `json:"name"`
	Invoice     *string   `json:"invoice"`
	Kind        string    `json:"kind"`
	IssuedOn    *string   `json:"issued_on"`
	DueOn       *string   `json:"due_on"`
	Total       string    `json:"total"`
	Outstanding string    `json:"outstanding"`
	Currency    string    `json:"currency"`
	Dues        []dueJSON `json:"dues"`
	GoneAt      *string   `json:"gone_at"`
	Problems    []string  `json:"problems"`
}

type dueJSON struct {
	DueOn       *string `json:"due_on"`
	Total       string  `json:"total"`
	Outstanding string  `json:"outstanding"`
}

// Run lists invoices and credit notes.
func (c *invoicesCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		if a.json { // as they come: a million of them cost no memory
			for row, err := range d.Store.Invoices(ctx, store.InvoiceFilter{Company: a.company(), All: c.All}) {
				if err != nil {
					return err
				}
				if err := a.object(invoiceView(row)); err != nil {
					return err
				}
			}
			return nil
		}
		var rows []store.InvoiceRow
		for row, err := range d.Store.Invoices(ctx, store.InvoiceFilter{Company: a.company(), All: c.All}) {
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return list(a.printer, rows, "No invoice is open.",
			[]string{"Invoice", "Customer", "Name", "Issued", "Due", "Total", "Outstanding", "", "Problems"},
			func(r store.InvoiceRow) []any {
				number := r.Number
				if r.Kind == receivable.CreditNote {
					number += " (credit note)"
				}
				return []any{number, r.Customer, oneLine(r.Name, 32), r.IssuedOn.String(), r.DueOn.String(), amountText(r.Total), amountText(r.Outstanding), r.Total.Currency, strings.Join(r.Problems, "; ")}
			}, func(r store.InvoiceRow) any { return invoiceView(r) })
	})
}

func invoiceView(r store.InvoiceRow) invoiceJSON {
	out := invoiceJSON{
		Connection: string(r.Connection), External: r.External, Customer: optional(r.Customer), ExtCustomer: optional(r.ExternalCustomer), Name: optional(r.Name),
		Invoice: optional(r.Number), Kind: string(r.Kind), IssuedOn: optional(r.IssuedOn.String()), DueOn: optional(r.DueOn.String()),
		Total: amountText(r.Total), Outstanding: amountText(r.Outstanding), Currency: r.Total.Currency, Dues: []dueJSON{},
		GoneAt: stamp(r.GoneAt), Problems: none(r.Problems),
	}
	for _, due := range r.Dues {
		out.Dues = append(out.Dues, dueJSON{optional(due.On.String()), amountText(due.Total), amountText(due.Outstanding)})
	}
	return out
}

type repliesCmd struct{}

type replyJSON struct {
	ID         int64   `json:"id"`
	Mailbox    string  `json:"mailbox"`
	Customer   *string `json:"customer"`
	From       string  `json:"from"`
	Subject    string  `json:"subject"`
	ReceivedAt *string `json:"received_at"`
	Class      string  `json:"class"`
	Holds      bool    `json:"holds"`
	Quote      string  `json:"quote"`
	Label      *string `json:"label"`
	Confidence *string `json:"confidence"`
}

// Run lists what customers wrote.
func (c *repliesCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		rows, err := d.Store.Replies(ctx, a.company(), time.Time{})
		if err != nil {
			return err
		}
		return list(a.printer, rows, "No customer has written.", []string{"ID", "Received", "Customer", "From", "What", "Holds", "Text"},
			func(r store.ReplyRow) []any {
				return []any{int64(r.ID), when(r.ReceivedAt), r.Code, r.From, string(r.Class), yesNo(r.Holds), oneLine(r.Quote, 60)}
			}, func(r store.ReplyRow) any {
				return replyJSON{
					ID: int64(r.ID), Mailbox: r.Place.Mailbox, Customer: optional(r.Code), From: r.From, Subject: r.Subject, ReceivedAt: stamp(r.ReceivedAt),
					Class: string(r.Class), Holds: r.Holds, Quote: r.Quote, Label: optional(r.Label), Confidence: optional(r.Confidence),
				}
			})
	})
}

type tasksCmd struct {
	All bool `help:"Done ones too."`
}

type taskJSON struct {
	ID       int64   `json:"id"`
	Kind     string  `json:"kind"`
	Customer *string `json:"customer"`
	Title    string  `json:"title"`
	DueOn    *string `json:"due_on"`
	Owner    *string `json:"owner"`
	State    string  `json:"state"`
}

// Run lists what people have to do.
func (c *tasksCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		rows, err := d.Store.Tasks(ctx, store.TaskFilter{Company: a.company(), Done: c.All})
		if err != nil {
			return err
		}
		state := func(t store.CustomerTask) string {
			if t.DoneAt.IsZero() {
				return "open"
			}
			return "done"
		}
		return list(a.printer, rows, "Nothing to do.", []string{"ID", "Due", "Kind", "Customer", "What", "Owner", "State"},
			func(t store.CustomerTask) []any {
				return []any{t.ID, t.DueOn.String(), t.Kind, t.Code, oneLine(t.Title, 70), t.Owner, state(t)}
			}, func(t store.CustomerTask) any {
				return taskJSON{t.ID, t.Kind, optional(t.Code), t.Title, optional(t.DueOn.String()), optional(t.Owner), state(t)}
			})
	})
}

type timelineCmd struct {
	Customer string `arg:"" help:"Code, name or address."`
}

type eventJSON struct {
	At   *string `json:"at"`
	Kind string  `json:"kind"`
	By   string  `json:"by"`
	Text string  `json:"text"`
	Ref  *string `json:"ref"`
}

// Run tells what happened with a customer.
func (c *timelineCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		id, err := a.customer(ctx, d, c.Customer)
		if err != nil {
			return err
		}
		var company receivable.CompanyID
		err = d.Store.View(ctx, func(tx *store.Tx) error {
			company, err = tx.CompanyOf(id)
			return err
		})
		if err != nil {
			return err
		}
		rows, err := d.Store.Timeline(ctx, company, id, 0)
		if err != nil {
			return err
		}
		return list(a.printer, rows, "Nothing happened yet.", []string{"When", "What", "By", "Text", "About"},
			func(e store.EventRow) []any {
				text := oneLine(e.Text, 80)
				if !e.Erased.IsZero() {
					text = "erased on " + e.Erased.Format(time.DateOnly)
				}
				return []any{when(e.At), e.Kind, e.By, text, e.Ref}
			}, func(e store.EventRow) any {
				return eventJSON{stamp(e.At), e.Kind, e.By, e.Text, optional(e.Ref)}
			})
	})
}

type statusCmd struct{}

type statusJSON struct {
	Connections []connectionJSON `json:"connections"`
	Mailboxes   []mailboxJSON    `json:"mailboxes"`
	Outbox      map[string]int   `json:"outbox"`
	Problems    []problemJSON    `json:"problems"`
}

type connectionJSON struct {
	Name       string   `json:"name"`
	Type       string   `json:"type"`
	State      string   `json:"state"`
	AsOf       *string  `json:"as_of"`
	LastPassAt *string  `json:"last_pass_at"`
	Error      *string  `json:"error"`
	Problems   []string `json:"problems"`
}

type mailboxJSON struct {
	Name       string  `json:"name"`
	State      string  `json:"state"`
	LastReadAt *string `json:"last_read_at"`
	Error      *string `json:"error"`
}

type problemJSON struct {
	What  string  `json:"what"`
	Since *string `json:"since"`
	Do    *string `json:"do"`
}

// Run tells how connections, mailboxes and the outbox are.
func (c *statusCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		out := statusJSON{Connections: []connectionJSON{}, Mailboxes: []mailboxJSON{}, Outbox: map[string]int{}, Problems: []problemJSON{}}
		for _, company := range d.Companies {
			health, err := d.Health(ctx, company)
			if err != nil {
				return err
			}
			for _, conn := range health.Connections {
				view := connectionJSON{Name: string(conn.Name), Type: conn.Type, State: string(conn.State), AsOf: stamp(conn.AsOf), LastPassAt: stamp(conn.LastPassAt), Error: optional(conn.Error), Problems: none(conn.Problems)}
				out.Connections = append(out.Connections, view)
			}
			for _, box := range health.Mailboxes {
				out.Mailboxes = append(out.Mailboxes, mailboxJSON{box.Name, string(box.State), stamp(box.ReadAt), optional(box.Error)})
			}
			for _, p := range health.Problems {
				out.Problems = append(out.Problems, problemJSON{p.What, stamp(p.Since), optional(p.Do)})
			}
			for state, n := range health.Outbox {
				out.Outbox[string(state)] += n
			}
		}
		if a.json {
			return a.object(out)
		}
		return c.print(a, out)
	})
}

func (c *statusCmd) print(a *app, s statusJSON) error {
	word := func(text *string) string {
		if text == nil {
			return "-"
		}
		return *text
	}
	moments := func(text *string) string {
		at, _ := time.Parse(time.RFC3339, value(text)) // written by stamp
		return when(at)
	}
	t := a.table("Connection", "Type", "State", "As of", "Error")
	for _, conn := range s.Connections {
		t.AppendRow(cells([]any{conn.Name, conn.Type, conn.State, moments(conn.AsOf), word(conn.Error)}))
	}
	t.Render()
	a.tell("")
	t = a.table("Mailbox", "State", "Read", "Error")
	for _, box := range s.Mailboxes {
		t.AppendRow(cells([]any{box.Name, box.State, moments(box.LastReadAt), word(box.Error)}))
	}
	t.Render()
	a.tell("")
	states := make([]string, 0, len(s.Outbox))
	for state, n := range s.Outbox {
		states = append(states, fmt.Sprintf("%d %s", n, state))
	}
	slices.Sort(states)
	if len(states) > 0 {
		a.tell("Outbox: %s", strings.Join(states, ", "))
	}
	for _, p := range s.Problems {
		a.tell("! %s", sentence(p.What, value(p.Do)))
	}
	return nil
}

func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
