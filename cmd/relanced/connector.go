package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/manifest"
	"relanced/connectors/rest"
	"relanced/internal/conf"
	"relanced/internal/daemon"
	"relanced/internal/receivable"
)

type connectorCmd struct {
	Try connectorTryCmd `cmd:"" help:"Fetch one page and show what a manifest makes of it."`
}

type connectorTryCmd struct {
	Manifest   string   `arg:"" help:"Shipped manifest, or the path of one (speaks: rest)."`
	Connection string   `help:"Configured connection of type rest whose secrets, base_url and grant are used." placeholder:"NAME"`
	Secret     []string `help:"A secret of the manifest, without a configuration: NAME=env:VARIABLE or NAME=file:PATH." placeholder:"NAME=env:VARIABLE"`
	BaseURL    string   `name:"base-url" help:"Address of the interface, where the manifest has none." placeholder:"URL"`
	Rows       int      `help:"Rows of each kind to show." default:"3"`
}

// tryLimit bounds one look at a source.
const tryLimit = 2 * time.Minute

// Run shows rows beside what they become. Nothing is stored.
func (c *connectorTryCmd) Run(ctx context.Context, a *app) error {
	switch {
	case c.Rows < 1:
		return usagef("--rows takes a number from 1")
	case c.Connection != "" && len(c.Secret) > 0:
		return usagef("--secret is for trying without a connection: leave one of the two out")
	}
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	if c.Connection != "" {
		return a.with(ctx, func(d *daemon.Daemon) error {
			company, spec, err := c.configured(d)
			if err != nil {
				return err
			}
			return c.try(ctx, a, spec, func(spec connectors.Spec) (connectors.Connector, error) {
				return d.OpenAs(company, c.Connection, spec)
			})
		})
	}
	spec, err := c.given()
	if err != nil {
		return err
	}
	return c.try(ctx, a, spec, func(spec connectors.Spec) (connectors.Connector, error) {
		return spec.Open(connectors.Env{Connection: "try", Now: a.now})
	})
}

// configured is the spec of the connection with the manifest to try.
func (c *connectorTryCmd) configured(d *daemon.Daemon) (*daemon.Company, *rest.Spec, error) {
	for _, company := range d.Companies {
		for _, conn := range company.Connections {
			if string(conn.Name) != c.Connection {
				continue
			}
			known, ok := conn.Spec.(*rest.Spec)
			if !ok {
				return nil, nil, usagef("the connection %s is of type %s: only manifests of connections of type rest can be tried", c.Connection, conn.Type)
			}
			spec := known.With(manifest.Name(c.Manifest))
			return company, spec, c.address(spec)
		}
	}
	return nil, nil, missingf("there is no connection %q", c.Connection)
}

// given is a spec of what the flags say.
func (c *connectorTryCmd) given() (*rest.Spec, error) {
	spec := &rest.Spec{Manifest: manifest.Name(c.Manifest), Secrets: map[string]conf.Secret{}}
	for _, text := range c.Secret {
		name, from, ok := strings.Cut(text, "=")
		kind, ref, told := strings.Cut(from, ":")
		if !ok || !told || name == "" || ref == "" {
			return nil, usagef("--secret takes NAME=env:VARIABLE or NAME=file:PATH: a secret itself does not belong on a command line")
		}
		value := ""
		switch kind {
		case "env":
			value = os.Getenv(ref)
		case "file":
			data, err := os.ReadFile(ref)
			if err != nil {
				return nil, missingf("--secret %s: %v", name, err)
			}
			value = strings.TrimSpace(string(data))
		default:
			return nil, usagef("--secret %s: write env:VARIABLE or file:PATH after the =", name)
		}
		if value == "" {
			return nil, missingf("--secret %s: %s holds nothing", name, from)
		}
		spec.Secrets[name] = conf.SecretOf(value)
	}
	return spec, c.address(spec)
}

func (c *connectorTryCmd) address(spec *rest.Spec) error {
	if c.BaseURL == "" {
		return nil
	}
	address, err := conf.ParseURL(c.BaseURL)
	if err != nil {
		return usagef("--base-url: %v", err)
	}
	spec.BaseURL = address
	return nil
}

func (c *connectorTryCmd) try(ctx context.Context, a *app, spec *rest.Spec, open func(connectors.Spec) (connectors.Connector, error)) error {
	var problems conf.Problems
	spec.Check(&problems)
	if err := problems.Err(); err != nil {
		return &exitError{exitConfig, err}
	}
	opened, err := open(spec)
	if err != nil {
		return err
	}
	source, ok := opened.(interface {
		Try(ctx context.Context, most int) iter.Seq2[rest.Tried, error]
	})
	if !ok {
		return usagef("%s cannot be tried", c.Manifest)
	}
	failed := false
	for tried, err := range source.Try(ctx, c.Rows) {
		if err != nil {
			var known *connectors.Error
			if errors.As(err, &known) && known.Do != "" {
				return fmt.Errorf("%w: %s", err, known.Do)
			}
			return err
		}
		failed = failed || tried.Problem != ""
		if err := c.show(a, tried); err != nil {
			return err
		}
	}
	if failed {
		return errSaid
	}
	return nil
}

// field is one of what a row becomes.
type field struct {
	name  string
	value any
}

func (c *connectorTryCmd) show(a *app, t rest.Tried) error {
	if t.Page != nil {
		return showPage(a, t)
	}
	becomes := fieldsOf(t)
	notes := []string{}
	for _, note := range t.Becomes.Notes {
		notes = append(notes, note.Text)
	}
	if a.json {
		object := map[string]any{}
		for _, f := range becomes {
			object[f.name] = f.value
		}
		var problem any
		if t.Problem != "" {
			problem = t.Problem
		}
		return a.object(map[string]any{"section": t.Section, "row": t.Row, "becomes": object, "skipped": t.Skipped, "problem": problem, "notes": notes})
	}
	var right []string
	for _, f := range becomes {
		value := fmt.Sprint(f.value)
		if texts, several := f.value.([]string); several {
			value = strings.Join(texts, ", ")
		}
		right = append(right, oneLine(f.name+": "+value, widest))
	}
	if t.Skipped {
		right = append(right, "left out: skip holds")
	}
	if t.Problem != "" {
		right = append(right, "cannot be read: "+t.Problem)
	}
	for _, note := range notes {
		right = append(right, "note: "+note)
	}
	beside(a, t.Section, indented(t.Row), right)
	return nil
}

// showPage tells how many rows the first page of a section has, and whether a
// second one is asked for: a mistake in page: shows here.
func showPage(a *app, t rest.Tried) error {
	if a.json {
		return a.object(map[string]any{"section": t.Section, "rows": t.Page.Rows, "more": t.Page.More})
	}
	then := "nothing follows"
	if t.Page.More {
		then = "another page is asked for"
	}
	a.tell("%s: %d on the first page, %s\n", t.Section, t.Page.Rows, then)
	return nil
}

// leftWidth is how much of a line of JSON is shown.
const leftWidth = 60

// beside prints two columns.
func beside(a *app, title string, left, right []string) {
	a.tell("%s", title)
	for i := range max(len(left), len(right)) {
		l, r := "", ""
		if i < len(left) {
			l = cut(cleanText(left[i]), leftWidth)
		}
		if i < len(right) {
			r = strings.ReplaceAll(cleanText(right[i]), "\n", " ") // a problem ends with its place: it is not cut
		}
		a.tell("%s", strings.TrimRight(fmt.Sprintf("  %-*s  %s", leftWidth, l, r), " "))
	}
	a.tell("")
}

// cut shortens a line and keeps its indent.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

func indented(row json.RawMessage) []string {
	var b bytes.Buffer
	if len(row) == 0 || json.Indent(&b, row, "", "  ") != nil {
		return nil
	}
	return strings.Split(b.String(), "\n")
}

// fieldsOf are those of what a row becomes that hold something.
func fieldsOf(t rest.Tried) []field {
	p := &t.Becomes
	var fields []field
	add := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "[]" && text != "0001-01-01" {
			fields = append(fields, field{name, value})
		}
	}
	add("show", t.Show)
	add("id", t.ID)
	for _, x := range p.Accounts {
		add("id", x.External)
		add("code", x.Code)
		add("name", x.Name)
		add("kind", string(x.Kind))
		add("emails", x.Emails)
		var contacts []string
		for _, c := range x.Contacts {
			contacts = append(contacts, strings.TrimSpace(c.Name+" "+c.Email))
		}
		add("contacts", contacts)
		add("phone", x.Phone)
		add("language", x.Language)
		add("country", x.Country)
		add("street", x.Address.Lines)
		add("city", strings.TrimSpace(x.Address.Postcode+" "+x.Address.City))
		add("siren", x.SIREN)
		add("siret", x.SIRET)
		add("vat", x.VAT)
		add("terms", x.Terms)
		add("payment_method", string(x.Method))
		add("tags", x.Tags)
		add("owner", x.Owner)
	}
	for i := range p.Documents {
		x := &p.Documents[i]
		add("id", x.External)
		add("kind", string(x.Kind))
		add("customer", x.Account)
		add("number", x.Number)
		add("issued_on", x.IssuedOn.String())
		add("total", x.Total.String())
		add("outstanding", x.Outstanding.String())
		add("currency", x.Total.Currency)
		var dues []string
		for _, due := range x.Dues {
			dues = append(dues, dueText(due))
		}
		add("dues", dues)
		add("credits", x.Credits)
		add("order_ref", x.OrderRef)
		add("payment_method", string(x.Method))
		add("e_status", string(x.EStatus))
		add("standing", string(x.Standing))
		for _, flag := range []field{{"returned", x.Returned}, {"assigned", x.Assigned}, {"estimated", x.Estimated}} {
			if flag.value == true {
				add(flag.name, flag.value)
			}
		}
		add("note", x.Note)
	}
	for _, x := range p.Payments {
		add("id", x.External)
		add("customer", x.Account)
		add("on", x.On.String())
		add("amount", x.Amount.String())
		add("unallocated", x.Unallocated.String())
		add("currency", x.Amount.Currency)
		add("label", x.Label)
		add("payment_method", string(x.Method))
	}
	var settled []string
	for _, x := range p.Allocations {
		settled = append(settled, strings.TrimSpace(fmt.Sprintf("%s %s %s", x.Kind, x.Item, x.Amount)))
	}
	add("allocations", settled)
	return fields
}

func dueText(due receivable.Due) string {
	text := due.On.String() + " " + due.Outstanding.String()
	if due.Estimated {
		text += " (estimated)"
	}
	return text
}
