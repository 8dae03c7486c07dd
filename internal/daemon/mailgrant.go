package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"relanced/connectors"
	"relanced/inbox/mailbox"
	"relanced/internal/oauth"
	"relanced/internal/store"
)

// mailGrant is how the program comes into one mailbox by OAuth: as whoever ran
// connect, else in its own name where the vendor lets it.
type mailGrant struct {
	keeper     *oauth.Keeper
	id         string
	box        mailbox.Config
	delegated  oauth.Client
	unattended *oauth.Own  // nil: it may not come in its own name
	own        atomic.Bool // the last token was in its own name
}

// tokenLimit bounds one request for a token where the program's transport is
// not the network's.
const tokenLimit = 10 * time.Second

func (d *Daemon) mailGrant(c *Company, m mailbox.Config, transport http.RoundTripper) *mailGrant {
	g := &mailGrant{keeper: d.Grants, id: oauth.ID(string(c.ID), string(m.Name)), box: m, delegated: m.Login.Delegated()}
	unattended, alone := m.Login.Unattended()
	if transport != nil {
		asking := &http.Client{Transport: transport, Timeout: tokenLimit}
		g.delegated.HTTP, unattended.HTTP = asking, asking
	}
	if alone {
		g.unattended = oauth.NewOwn(g.id, unattended, d.now)
	}
	return g
}

// Token returns an access token of the mailbox, as mailbox.Account wants it.
func (g *mailGrant) Token(ctx context.Context, refused string) (string, error) {
	t, err := g.keeper.Token(ctx, g.id, g.delegated, refused)
	var told *oauth.Error
	own := g.unattended != nil && errors.As(err, &told) && told.Kind == oauth.Unconnected
	g.own.Store(own)
	if own {
		return g.unattended.Token(ctx, refused)
	}
	return t.Access, err
}

// OAuth is what the vendor knows this program by.
func (g *mailGrant) OAuth() oauth.Client { return g.delegated }

// Accept looks whether the token opens the mailbox: another mailbox's does not.
func (g *mailGrant) Accept(ctx context.Context, access string, _ url.Values) (map[string]string, string, error) {
	account := accountOf(g.box)
	account.Token = func(context.Context, string) (string, error) { return access, nil }
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	_, err := mailbox.Probe(ctx, account)
	if err == nil {
		return nil, fmt.Sprintf("%s (%s)", g.box.Login.User, g.box.Login.OAuth2), nil
	}
	failed := &connectors.Error{Kind: connectors.Temporary, Op: "open the mailbox", Err: err, Do: "try again"}
	var known *mailbox.Error
	if errors.As(err, &known) {
		if known.Kind == mailbox.Auth {
			failed.Kind, failed.Detail = connectors.Auth, "the permission does not open "+g.box.Login.User
		}
		if known.Do != "" {
			failed.Do = known.Do
		}
	}
	return nil, "", failed
}

// welcome has a mailbox that was just connected tried at once.
func (d *Daemon) welcome(ctx context.Context, c *Company, name string) error {
	for _, r := range c.Readers {
		if r.Key.Name != name {
			continue
		}
		return d.Store.InTx(ctx, func(tx *store.Tx) error {
			if _, err := tx.EnsureMailbox(r.Key, r.Account.Address); err != nil {
				return err
			}
			if err := tx.UnblockMailbox(r.Key); err != nil {
				return err
			}
			return tx.SetMeta(wishKey(r.Key), wish{tx.Now(), true}.text())
		})
	}
	return nil
}
