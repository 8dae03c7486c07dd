// Package quickbooks reads customers, invoices, credit memos and payments from
// QuickBooks Online (accounting interface v3). It only reads. The vendor's ways
// are described in the README beside.
package quickbooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/oauth"
)

// The vendor's addresses.
const (
	ProductionURL = "https://quickbooks.api.intuit.com"
	SandboxURL    = "https://sandbox-quickbooks.api.intuit.com"
	AuthorizeURL  = "https://appcenter.intuit.com/connect/oauth2"
	TokenURL      = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer" //nolint:gosec // an address
)

const (
	scope     = "com.intuit.quickbooks.accounting"
	factRealm = "realm_id"
)

// Environment tells books that are real from those to try things on.
type Environment string

// The environments.
const (
	Production Environment = "production"
	Sandbox    Environment = "sandbox"
)

// Values lists the words.
func (Environment) Values() []string { return []string{string(Production), string(Sandbox)} }

// Spec is what a connection of type quickbooks configures.
type Spec struct {
	ClientID     string      `yaml:"client_id" jsonschema:"required" doc:"of the app registered at Intuit"`
	ClientSecret conf.Secret `yaml:"client_secret" jsonschema:"required"`
	RealmID      string      `yaml:"realm_id" doc:"id of the company; another company's permission is refused"`
	Environment  Environment `yaml:"environment"`
	WebhookToken conf.Secret `yaml:"webhook_token" doc:"verifier token of the app's webhooks; without it none is taken"`
	BaseURL      conf.URL    `yaml:"base_url" doc:"the host alone"`

	oauth.Endpoints
}

// Defaults fills what the configuration leaves out.
func (s *Spec) Defaults() {
	s.Environment = Production
	s.Endpoints = oauth.Endpoints{AuthorizeURL: AuthorizeURL, TokenURL: TokenURL, RedirectURL: oauth.DefaultRedirectURL}
}

// Check reports what keeps the connection from being opened.
func (s *Spec) Check(p *conf.Problems) {
	oauth.CheckClient(p, "a quickbooks connection", "Intuit", s.ClientID, s.ClientSecret)
	if strings.Trim(s.RealmID, "0123456789") != "" {
		p.At("realm_id").Addf("a realm_id has digits only")
	}
	if s.BaseURL == "" {
		return
	}
	if u, err := httpapi.ParseURL(string(s.BaseURL)); err != nil {
		p.At("base_url").Addf("%s", err)
	} else if u.Path != "" {
		p.At("base_url").Addf("write the host alone: /v3/company/… is added")
	}
}

// Open builds the connector. It touches no network.
func (s *Spec) Open(env connectors.Env) (connectors.Connector, error) { return New(*s, env) }

// Connector reads the books of one company in QuickBooks.
type Connector struct {
	client
	now      func() time.Time
	terms    calendar.Terms
	verifier string // of webhooks; "" none is taken

	configured string // the company's currency by the configuration

	mu       sync.Mutex
	currency string // the company's, once it was asked for
}

// New returns a connector. It touches no network.
func New(s Spec, env connectors.Env) (*Connector, error) {
	if s.BaseURL == "" {
		s.BaseURL = ProductionURL
		if s.Environment == Sandbox {
			s.BaseURL = SandboxURL
		}
	}
	c := &Connector{now: env.Now, verifier: strings.TrimSpace(s.WebhookToken.Value()), configured: env.Company.Currency}
	if c.now == nil {
		c.now = time.Now
	}
	var err error
	if env.Company.Terms != "" {
		if c.terms, err = calendar.ParseTerms(env.Company.Terms); err != nil {
			return nil, fmt.Errorf("quickbooks: terms: %w", err)
		}
	}
	asking, err := httpapi.TokenClient(env)
	if err != nil {
		return nil, fmt.Errorf("quickbooks: %w", err)
	}
	c.realm, c.tokens, c.page = s.RealmID, env.Tokens, pageSize
	c.grant = oauth.Client{
		ID: s.ClientID, Secret: strings.TrimSpace(s.ClientSecret.Value()), Registry: "developer.intuit.com", Basic: true, Scopes: []string{scope},
		AuthorizeURL: string(s.AuthorizeURL), TokenURL: string(s.TokenURL), RedirectURL: string(s.RedirectURL), HTTP: asking,
	}
	c.http, err = httpapi.New(httpapi.Options{
		Name: "quickbooks", BaseURL: string(s.BaseURL),
		Token: func(ctx context.Context, refused string) (string, error) {
			t, err := c.tokens.Token(ctx, c.grant, refused)
			return t.Access, err
		},
		Secrets: []string{c.grant.Secret, c.verifier},
		Explain: explain,
		Rate:    5, // 500 a minute and 10 a second, for all programs together
		Burst:   5,
		Trace:   "intuit_tid",
		MaxBody: 128 << 20, // a thousand invoices with all their lines
		Hints:   map[connectors.Kind]string{connectors.Auth: "reconnect: run relanced connect " + string(env.Connection)},
		Env:     env,
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Info tells what QuickBooks can and cannot do.
func (c *Connector) Info() connectors.Info {
	return connectors.Info{
		PageSize:      c.page,
		Allocations:   connectors.Some, // a deposit or a journal entry lowers a balance without a payment
		Payments:      true,
		SeesDeletions: true,
		RereadOpen:    24 * time.Hour, // changes were reported missing now and then
		ListEvery:     7 * 24 * time.Hour,
		MaxAge:        24 * time.Hour,
		DueDates:      true,
		ReadChunk:     idsAtOnce,
	}
}

// Requests returns how many requests this connector has sent, repeated ones counted.
func (c *Connector) Requests() int64 { return c.http.Requests() }

// OAuth is what Intuit knows this program by.
func (c *Connector) OAuth() oauth.Client { return c.grant }

// Accept looks whether the permission is for the configured company. Which one it
// is for, only the redirected address says.
func (c *Connector) Accept(ctx context.Context, access string, params url.Values) (map[string]string, string, error) {
	const op = "look whose books these are"
	given := params.Get("realmId")
	switch {
	case given == "" && c.realm == "":
		return nil, "", c.http.Fail(op, connectors.Auth, "it is not told for which company the permission is", "write realm_id in the configuration")
	case given == "":
		given = c.realm
	case c.realm != "" && given != c.realm:
		return nil, "", c.http.Fail(op, connectors.Auth, fmt.Sprintf("the permission is for company %s, the configuration says %s", given, c.realm),
			"choose the configured company at Intuit, or correct realm_id")
	}
	asking := c.client
	asking.realm = given
	name, err := asking.company(httpapi.WithToken(ctx, access))
	if err != nil {
		return nil, "", err
	}
	return map[string]string{factRealm: given}, fmt.Sprintf("%s (QuickBooks company %s)", name, given), nil
}

// Probe tells whose books the permission opens.
func (c *Connector) Probe(ctx context.Context) (string, error) {
	name, err := c.company(ctx)
	if err != nil {
		return "", err
	}
	return name + " (QuickBooks)", nil
}

func (c *client) company(ctx context.Context) (string, error) {
	const op = "ask whose books these are"
	a, _, err := c.get(ctx, op, "/companyinfo/"+url.PathEscape(c.realmOr(ctx)), nil)
	if err != nil {
		return "", err
	}
	if a.Company == nil {
		return "", c.http.Fail(op, connectors.Schema, "the answer holds no company", "")
	}
	return string(cmp.Or(a.Company.LegalName, a.Company.Name)), nil
}

// realmOr is the company's id as path found it; "" where that failed: path tells.
func (c *client) realmOr(ctx context.Context) string {
	path, err := c.path(ctx, "")
	if err != nil {
		return ""
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}

// home is the company's own currency; "" where it is not told.
func (c *client) home(ctx context.Context) (string, error) {
	const op = "ask for the company's currency"
	a, _, err := c.get(ctx, op, "/preferences", nil)
	if err != nil {
		return "", err
	}
	if a.Preferences == nil || a.Preferences.Currency.Home.id() == "" {
		return "", nil
	}
	return strings.ToUpper(a.Preferences.Currency.Home.id()), nil
}

// FetchDocument fetches the PDF of an invoice or a credit memo.
func (c *Connector) FetchDocument(ctx context.Context, ext string, limit int64) (connectors.Copy, error) {
	const op = "fetch a document"
	rest, name := "/invoice/"+url.PathEscape(ext)+"/pdf", ext
	if id, memo := strings.CutPrefix(ext, memoPrefix); memo {
		rest, name = "/creditmemo/"+url.PathEscape(id)+"/pdf", id
	}
	path, err := c.path(ctx, rest)
	if err != nil {
		return connectors.Copy{}, err
	}
	var pdf httpapi.Raw
	_, err = c.http.Do(ctx, httpapi.Call{
		Op: op, Path: path, Query: url.Values{"minorversion": {"75"}}, Header: http.Header{"Accept": {"application/pdf"}}, Limit: limit,
	}, &pdf)
	if err != nil {
		return connectors.Copy{}, err
	}
	if len(pdf) < 5 || string(pdf[:5]) != "%PDF-" {
		return connectors.Copy{}, c.http.Fail(op, connectors.Temporary, "the answer is no PDF", "")
	}
	return connectors.Copy{Name: name + ".pdf", Bytes: pdf}, nil
}

var errStopped = errors.New("stopped")
