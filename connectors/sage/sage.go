// Package sage reads customers, invoices, credit notes and payments from Sage
// Business Cloud Accounting (interface 3.1). It only reads, and leaves no mark on
// what it reads. The vendor's ways are described in the README beside.
package sage

import (
	"context"
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
	DefaultBaseURL = "https://api.accounting.sage.com/v3.1"
	AuthorizeURL   = "https://www.sageone.com/oauth2/auth/central?filter=apiv3.1"
	TokenURL       = "https://oauth.accounting.sage.com/token" //nolint:gosec // an address
)

const scope = "readonly"

// Spec is what a connection of type sage configures.
type Spec struct {
	ClientID     string      `yaml:"client_id" jsonschema:"required" doc:"of the app registered at Sage"`
	ClientSecret conf.Secret `yaml:"client_secret" jsonschema:"required"`
	BusinessID   string      `yaml:"business_id" jsonschema:"required" doc:"id of the business, sent on every call"`
	BaseURL      conf.URL    `yaml:"base_url" doc:"with its path, …/v3.1"`

	oauth.Endpoints
}

// Defaults fills what the configuration leaves out.
func (s *Spec) Defaults() {
	s.BaseURL = DefaultBaseURL
	s.Endpoints = oauth.Endpoints{AuthorizeURL: AuthorizeURL, TokenURL: TokenURL, RedirectURL: oauth.DefaultRedirectURL}
}

// Check reports what keeps the connection from being opened.
func (s *Spec) Check(p *conf.Problems) {
	oauth.CheckClient(p, "a sage connection", "Sage", s.ClientID, s.ClientSecret)
	if strings.TrimSpace(s.BusinessID) == "" {
		p.At("business_id").Addf("a sage connection needs the business_id: without it Sage answers for whichever business the user leads at that time")
	}
	if _, err := httpapi.ParseURL(string(s.BaseURL)); s.BaseURL != "" && err != nil {
		p.At("base_url").Addf("%s", err)
	}
}

// Open builds the connector. It touches no network.
func (s *Spec) Open(env connectors.Env) (connectors.Connector, error) { return New(*s, env) }

// Connector reads the books of one business in Sage.
type Connector struct {
	client
	now   func() time.Time
	terms calendar.Terms

	mu    sync.Mutex
	known *settings // of the business, once they were asked for
}

// New returns a connector. It touches no network.
func New(s Spec, env connectors.Env) (*Connector, error) {
	if s.BaseURL == "" {
		s.BaseURL = DefaultBaseURL
	}
	c := &Connector{now: env.Now}
	if c.now == nil {
		c.now = time.Now
	}
	var err error
	if env.Company.Terms != "" {
		if c.terms, err = calendar.ParseTerms(env.Company.Terms); err != nil {
			return nil, fmt.Errorf("sage: terms: %w", err)
		}
	}
	asking, err := httpapi.TokenClient(env)
	if err != nil {
		return nil, fmt.Errorf("sage: %w", err)
	}
	c.business, c.page = strings.TrimSpace(s.BusinessID), pageSize
	c.grant = oauth.Client{
		ID: s.ClientID, Secret: strings.TrimSpace(s.ClientSecret.Value()), Registry: "developer.sage.com", Scopes: []string{scope},
		AuthorizeURL: string(s.AuthorizeURL), TokenURL: string(s.TokenURL), RedirectURL: string(s.RedirectURL), HTTP: asking,
	}
	c.http, err = httpapi.New(httpapi.Options{
		Name: "sage", BaseURL: string(s.BaseURL),
		Header: http.Header{"X-Business": {c.business}},
		Token: func(ctx context.Context, refused string) (string, error) {
			t, err := env.Tokens.Token(ctx, c.grant, refused)
			return t.Access, err
		},
		Secrets: []string{c.grant.Secret},
		Explain: explain,
		Rate:    1, // the lowest limit that was ever told is 100 a minute for a business
		Burst:   20,
		Hints:   map[connectors.Kind]string{connectors.Auth: "reconnect: run relanced connect " + string(env.Connection)},
		Env:     env,
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Info tells what Sage can and cannot do.
func (c *Connector) Info() connectors.Info {
	return connectors.Info{
		PageSize:      c.page,
		Allocations:   connectors.Some, // tax withheld lowers what is open without a payment
		Payments:      true,
		SeesDeletions: true,
		RereadOpen:    24 * time.Hour, // that a payment touches its invoice is not documented
		ListEvery:     7 * 24 * time.Hour,
		MaxAge:        24 * time.Hour,
		DueDates:      true,
		ReadChunk:     1000, // beyond a few they come out of the lists of what is open
	}
}

// Requests returns how many requests this connector has sent, repeated ones counted.
func (c *Connector) Requests() int64 { return c.http.Requests() }

// OAuth is what Sage knows this program by.
func (c *Connector) OAuth() oauth.Client { return c.grant }

// Accept looks whether the permission reaches the configured business: it is a
// user's, who may have several.
func (c *Connector) Accept(ctx context.Context, access string, _ url.Values) (map[string]string, string, error) {
	name, err := c.reached(httpapi.WithToken(ctx, access))
	if err != nil {
		return nil, "", err
	}
	return map[string]string{}, fmt.Sprintf("%s (Sage business %s)", name, c.business), nil
}

// reached is the name of the configured business, among those that the permission
// reaches. An Auth error that names those where it is not.
func (c *client) reached(ctx context.Context) (string, error) {
	const op = "look whose books these are"
	var in struct {
		Items []reference `json:"$items"`
	}
	_, err := c.http.Get(ctx, op, "/businesses", nil, &in)
	if err != nil && !isDenied(err) && httpapi.KindOf(err) != connectors.NotFound {
		return "", err
	}
	var others []string
	for _, b := range in.Items {
		if b.id() == c.business {
			return string(b.Name), nil
		}
		others = append(others, fmt.Sprintf("%s (%s)", b.Name, b.id()))
	}
	detail := "the permission does not reach business " + c.business
	if len(others) > 0 {
		detail += "; it reaches " + strings.Join(others, ", ")
	}
	return "", c.http.Fail(op, connectors.Auth, detail, "correct business_id, or run relanced connect NAME and sign in at Sage as a user of that business")
}

// Probe tells whose books the permission opens, and what its user may not read.
func (c *Connector) Probe(ctx context.Context) (string, error) {
	name, err := c.name(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range []resource{contacts, invoices, creditNotes, quickEntries, payments} {
		may, err := c.may(ctx, r)
		if err != nil {
			return "", err
		}
		if !may {
			return "", c.http.Fail("look what may be read", connectors.Auth, fmt.Sprintf("%s: the user who agreed may not read %ss", name, r.plain),
				"give that user read access to Contacts, Sales and Bank in Sage")
		}
	}
	text := name + " (Sage)"
	for _, o := range optional {
		may, err := c.may(ctx, o.resource)
		if err != nil {
			return "", err
		}
		if !may {
			text += fmt.Sprintf("; %ss may not be read (it takes %s): %s", o.plain, o.roles, o.missing)
		}
	}
	return text, nil
}

// name is the business's.
func (c *client) name(ctx context.Context) (string, error) {
	const op = "ask whose books these are"
	var in reference
	_, err := c.http.Get(ctx, op, "/businesses/"+url.PathEscape(c.business), nil, &in)
	if httpapi.KindOf(err) == connectors.NotFound {
		return c.reached(ctx)
	}
	return string(in.Name), err
}

// settings asks for those of the business, once. Who may not read them gets what
// is usual.
func (c *Connector) settings(ctx context.Context) (settings, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known != nil {
		return *c.known, nil
	}
	var in struct {
		Base *reference   `json:"base_currency"`
		Days httpapi.Text `json:"customer_credit_days"`
	}
	for _, path := range []string{"/financial_settings", "/invoice_settings"} {
		_, err := c.http.Get(ctx, "ask for the business's settings", path, nil, &in)
		if err != nil && !isDenied(err) && httpapi.KindOf(err) != connectors.NotFound {
			return settings{}, err
		}
	}
	s := settings{home: strings.ToUpper(in.Base.id()), days: in.Days, terms: c.terms}
	c.known = &s
	return s, nil
}

// FetchDocument fetches the PDF of an invoice or a credit note.
func (c *Connector) FetchDocument(ctx context.Context, ext string, limit int64) (connectors.Copy, error) {
	const op = "fetch a document"
	r, id := invoices, ext
	if note, ok := strings.CutPrefix(ext, creditNotes.prefix); ok {
		r, id = creditNotes, note
	}
	var pdf httpapi.Raw
	_, err := c.http.Do(ctx, httpapi.Call{
		Op: op, Path: r.path + "/" + url.PathEscape(id), Query: url.Values{"mark_as_sent": {"false"}},
		Header: http.Header{"Accept": {"application/pdf"}}, Limit: limit,
	}, &pdf)
	if err != nil {
		return connectors.Copy{}, err
	}
	if len(pdf) < 5 || string(pdf[:5]) != "%PDF-" {
		return connectors.Copy{}, c.http.Fail(op, connectors.Temporary, "the answer is no PDF", "")
	}
	return connectors.Copy{Name: id + ".pdf", Bytes: pdf}, nil
}
