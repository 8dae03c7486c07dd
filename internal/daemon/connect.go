package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/internal/oauth"
)

// grant gives the tokens of one connection or mailbox.
type grant struct {
	keeper *oauth.Keeper
	id     string
}

// Token is the keeper's.
func (g grant) Token(ctx context.Context, c oauth.Client, refused string) (oauth.Token, error) {
	return g.keeper.Token(ctx, g.id, c, refused)
}

// consentLimit is how long connect waits for a person to agree.
const consentLimit = 10 * time.Minute

// Authorizer finds what has to be authorised under a name of the company.
// known: there is something of that name; a nil Authorizer then needs nothing.
func (c *Company) Authorizer(name string) (who connectors.Authorizer, known bool) {
	for _, s := range c.Sources {
		if string(s.Name) == name {
			who, _ = s.Connector.(connectors.Authorizer)
			return who, true
		}
	}
	if g := c.grants[name]; g != nil {
		return g, true
	}
	for _, m := range c.Mailboxes {
		if string(m.Name) == name {
			return nil, true
		}
	}
	return nil, false
}

// Connect has a person agree at the vendor's page, and keeps what that gave. show
// is given the address of the page; lines are read for the address the browser
// was sent back to; say is given what else the person should know. It returns
// whose books were opened. Nothing is kept where it fails.
func (d *Daemon) Connect(ctx context.Context, c *Company, name string, who connectors.Authorizer, lines io.Reader, show, say func(string)) (string, error) {
	client := who.OAuth()
	visit, err := client.Begin()
	if err != nil {
		return "", err
	}
	waiting, cancel := context.WithTimeout(ctx, consentLimit)
	defer cancel()
	params, err := visit.Visit(waiting, lines, show, say)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return "", fmt.Errorf("nobody agreed within %s: run relanced connect %s again", consentLimit, name)
	}
	if err != nil {
		return "", err
	}
	given, err := visit.Finish(ctx, d.now(), params)
	if err != nil {
		return "", named(err, name)
	}
	return d.accept(ctx, c, name, who, given, params)
}

// TakeOver keeps the access that a refresh token opens, and that somebody else
// obtained.
func (d *Daemon) TakeOver(ctx context.Context, c *Company, name string, who connectors.Authorizer, refresh string) (string, error) {
	given, err := who.OAuth().TakeOver(ctx, d.now(), strings.TrimSpace(refresh))
	if err != nil {
		return "", named(err, name)
	}
	whose, err := d.accept(ctx, c, name, who, given, nil)
	var known *connectors.Error
	if errors.As(err, &known) && known.Kind == connectors.Auth || err == nil {
		return whose, err
	}
	// The token in the file may be dead by now: its successor must not be lost.
	if kept := d.Grants.Put(ctx, oauth.ID(string(c.ID), name), given); kept != nil {
		return "", errors.Join(err, kept)
	}
	return "", fmt.Errorf("the access was kept, but could not be tried: %w", err)
}

func (d *Daemon) accept(ctx context.Context, c *Company, name string, who connectors.Authorizer, given oauth.Grant, params url.Values) (string, error) {
	facts, whose, err := who.Accept(ctx, given.Access, params)
	if err != nil {
		return "", err
	}
	given.Facts = facts
	if err := d.Grants.Put(ctx, oauth.ID(string(c.ID), name), given); err != nil {
		return "", err
	}
	return whose, d.welcome(ctx, c, name)
}

// named gives an error of a grant the name that its advice speaks of.
func named(err error, name string) error {
	var told *oauth.Error
	if errors.As(err, &told) {
		told.ID = name
		if told.Kind == oauth.Lost { // of a token or code just given
			return fmt.Errorf("the vendor did not take it (%s): begin again", told.Detail)
		}
		return fmt.Errorf("%w: %s", told, told.Do())
	}
	return err
}
