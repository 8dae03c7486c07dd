package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"relanced/connectors"
	"relanced/internal/daemon"
)

type connectCmd struct {
	Name             string `arg:"" help:"Connection or mailbox that is authorised by OAuth."`
	RefreshTokenFile string `help:"Take over access obtained elsewhere: the file holds the refresh token." placeholder:"FILE"`
}

// Run lets this program into a vendor's account.
func (c *connectCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		company, who, err := authorizerOf(d, c.Name)
		if err != nil {
			return err
		}
		var whose string
		if c.RefreshTokenFile != "" {
			whose, err = c.takeOver(ctx, d, company, who)
		} else {
			show := a.say
			if a.json {
				show = a.warn
			}
			whose, err = d.Connect(ctx, company, c.Name, who, a.in,
				func(page string) {
					show("Open this address in a browser and agree:\n\n%s\n", page)
					show("Waiting for the answer. On a server without a browser: open it anywhere, and paste here the address that the browser is sent back to.")
				},
				func(text string) { a.warn("relanced: %s", text) })
		}
		if err != nil {
			var known *connectors.Error
			if errors.As(err, &known) && known.Do != "" {
				return fmt.Errorf("connect %s: %w: %s", c.Name, err, known.Do)
			}
			return fmt.Errorf("connect %s: %w", c.Name, err)
		}
		if a.json {
			return a.object(map[string]any{"name": c.Name, "connected": true, "account": whose})
		}
		a.say("%s is connected: %s", c.Name, whose)
		return nil
	})
}

func (c *connectCmd) takeOver(ctx context.Context, d *daemon.Daemon, company *daemon.Company, who connectors.Authorizer) (string, error) {
	text, err := os.ReadFile(c.RefreshTokenFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", missingf("there is no file %q", c.RefreshTokenFile)
	case err != nil:
		return "", err
	case strings.TrimSpace(string(text)) == "":
		return "", usagef("%s is empty: it must hold the refresh token", c.RefreshTokenFile)
	}
	return d.TakeOver(ctx, company, c.Name, who, string(text))
}

// authorizerOf finds a connection or mailbox to authorise, in whatever company
// has it.
func authorizerOf(d *daemon.Daemon, name string) (*daemon.Company, connectors.Authorizer, error) {
	var company *daemon.Company
	var who connectors.Authorizer
	for _, c := range d.Companies {
		found, known := c.Authorizer(name)
		if !known {
			continue
		}
		if company != nil {
			return nil, nil, missingf("several companies have a connection or mailbox %q: say which with --company", name)
		}
		company, who = c, found
	}
	switch {
	case company == nil:
		return nil, nil, missingf("there is no connection or mailbox %q", name)
	case who == nil:
		return nil, nil, usagef("%s needs no authorisation: what it logs in with stands in the configuration", name)
	}
	return company, who, nil
}
