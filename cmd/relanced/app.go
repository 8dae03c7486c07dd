package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"time"

	"relanced/configs"
	"relanced/connectors/builtin"
	"relanced/internal/daemon"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"

	"relanced/desk/actions"
)

// load reads the configuration, and shows everything that is wrong with it.
// Warnings are for those who set it up: they pass aloud.
func (a *app) load(path string, aloud bool) (*configs.File, error) {
	found, err := configs.Find(path)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	file, problems := configs.Load(found, builtin.Factories())
	if aloud && !a.quiet {
		for _, w := range problems.Warnings() {
			a.warn("warning: %s", w.String())
		}
	}
	if err := problems.Err(); err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return file, a.narrow(file)
}

// narrow leaves only the company that --company chose.
func (a *app) narrow(file *configs.File) error {
	if a.Company == "" {
		return nil
	}
	c, ok := file.Company(receivable.CompanyID(a.Company))
	if !ok {
		return missingf("there is no company %q in %s", a.Company, file.Path)
	}
	file.Companies = []configs.Company{*c}
	return nil
}

// open builds everything from the configuration. The caller closes it.
func (a *app) open(ctx context.Context, aloud bool) (*daemon.Daemon, error) {
	file, err := a.load(a.Config, aloud)
	if err != nil {
		return nil, err
	}
	logs := file.Log
	if logs.Level != "debug" {
		logs.Level = "error" // a command says itself what it did and could not do
	}
	return daemon.Open(ctx, file, daemon.Options{Logger: daemon.NewLogger(logs, a.err, a.color)})
}

// with opens everything, runs f and closes again.
func (a *app) with(ctx context.Context, f func(*daemon.Daemon) error) error {
	d, err := a.open(ctx, false)
	if err != nil {
		return err
	}
	return errors.Join(f(d), d.Close())
}

// company is the one that --company chose, "" for all.
func (a *app) company() receivable.CompanyID { return receivable.CompanyID(a.Company) }

// by names who types the command, for the timeline.
func by() string {
	who, err := user.Current()
	if err != nil || who.Username == "" {
		return "command line"
	}
	return who.Username
}

// customer finds a customer by code, name or address.
func (a *app) customer(ctx context.Context, d *daemon.Daemon, name string) (dossier.CustomerID, error) {
	id, err := d.Store.FindCustomer(ctx, a.company(), name)
	return id, notFound(err, "customer", name)
}

// target finds a customer or an invoice.
func (a *app) target(ctx context.Context, d *daemon.Daemon, name string) (actions.Target, error) {
	document, customer, err := d.Store.FindInvoice(ctx, a.company(), name)
	if err == nil {
		return actions.Target{Customer: customer, Document: document}, nil
	}
	var ambiguous *store.AmbiguousError
	if errors.As(err, &ambiguous) {
		return actions.Target{}, notFound(err, "invoice", name)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return actions.Target{}, err
	}
	id, err := d.Store.FindCustomer(ctx, a.company(), name)
	return actions.Target{Customer: id}, notFound(err, "customer or invoice", name)
}

// notFound turns the store's answer to a name into one with its exit code.
func notFound(err error, what, name string) error {
	var ambiguous *store.AmbiguousError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return missingf("there is no %s %q", what, name)
	case errors.As(err, &ambiguous):
		different := slices.Compact(slices.Sorted(slices.Values(ambiguous.Candidates)))
		if len(different) < len(ambiguous.Candidates) {
			return missingf("%s %q is in several companies: say which with --company", what, name)
		}
		return &exitError{exitMissing, fmt.Errorf("%w: name it as CONNECTION/CODE", err)}
	}
	return err
}

// companyOf finds the company of the configuration that has the id.
func companyOf(d *daemon.Daemon, id receivable.CompanyID) (*daemon.Company, error) {
	for _, c := range d.Companies {
		if c.CompanyID() == id {
			return c, nil
		}
	}
	return nil, missingf("the company %q is not in the configuration", id)
}

// connectionOf finds a connection, in whatever company has it.
func connectionOf(d *daemon.Daemon, name string) (*daemon.Company, receivable.ConnectionID, error) {
	var found *daemon.Company
	for _, c := range d.Companies {
		if _, ok := c.Source(receivable.ConnectionID(name)); ok {
			if found != nil {
				return nil, "", missingf("several companies have a connection %q: say which with --company", name)
			}
			found = c
		}
	}
	if found == nil {
		return nil, "", missingf("there is no connection %q", name)
	}
	return found, receivable.ConnectionID(name), nil
}

// ---- JSON words

func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(time.RFC3339)
	return &text
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func none[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// amountText is an amount in major units, "0.00" in its currency.
func amountText(a money.Amount) string { return a.String() }

// lang is the language people of the company read.
func lang(c *daemon.Company) string {
	if strings.HasPrefix(string(c.Language), "fr") {
		return "fr"
	}
	return "en"
}
