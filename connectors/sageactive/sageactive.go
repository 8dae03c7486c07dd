// Package sageactive reads customers, invoices, credit notes and the ledger's own
// invoices from Sage Active (public interface V2, GraphQL). It only reads. The
// vendor's ways are described in the README beside.
package sageactive

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/conf"
	"relanced/internal/oauth"
)

// The vendor's addresses, in France.
const (
	DefaultBaseURL = "https://api.fr.active.sage.com/graphql"
	AuthorizeURL   = "https://sbcauth.sage.fr/connect/authorize"
	TokenURL       = "https://sbcauth.sage.fr/connect/token" //nolint:gosec // an address
)

// registry is where the vendor shows an app's client, secret and subscription key.
const registry = "Sage Active's Developer Center"

// Spec is what a connection of type sageactive configures.
type Spec struct {
	ClientID        string      `yaml:"client_id" jsonschema:"required" doc:"of the app registered at Sage"`
	ClientSecret    conf.Secret `yaml:"client_secret" jsonschema:"required"`
	SubscriptionKey conf.Secret `yaml:"subscription_key" jsonschema:"required" doc:"of the app, primary or secondary"`
	OrganizationID  string      `yaml:"organization_id" jsonschema:"required" doc:"id of the organization, sent on every call"`
	BaseURL         conf.URL    `yaml:"base_url" doc:"with its path, …/graphql"`

	oauth.Endpoints
}

// Defaults fills what the configuration leaves out.
func (s *Spec) Defaults() {
	s.BaseURL = DefaultBaseURL
	s.Endpoints = oauth.Endpoints{AuthorizeURL: AuthorizeURL, TokenURL: TokenURL, RedirectURL: oauth.DefaultRedirectURL}
}

// Check reports what keeps the connection from being opened.
func (s *Spec) Check(p *conf.Problems) {
	oauth.CheckClient(p, "a sageactive connection", "Sage", s.ClientID, s.ClientSecret)
	if s.SubscriptionKey.IsZero() {
		p.At("subscription_key").Addf("a sageactive connection needs the app's subscription_key: write subscription_key: {env: NAME}, {file: path} or {credential: name}")
	}
	if strings.TrimSpace(s.OrganizationID) == "" {
		p.At("organization_id").Addf("a sageactive connection needs the organization_id")
	}
	if _, err := httpapi.ParseURL(string(s.BaseURL)); s.BaseURL != "" && err != nil {
		p.At("base_url").Addf("%s", err)
	}
}

// Open builds the connector. It touches no network.
func (s *Spec) Open(env connectors.Env) (connectors.Connector, error) { return New(*s, env) }

// Connector reads the books of one organization in Sage Active.
type Connector struct {
	client
	now func() time.Time

	asking sync.Mutex
	home   string // the organization's currency, once it was asked for
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
	asking, err := httpapi.TokenClient(env)
	if err != nil {
		return nil, fmt.Errorf("sageactive: %w", err)
	}
	c.most, c.sizes = largest, map[string]int{}
	c.organization = strings.TrimSpace(s.OrganizationID)
	key := strings.TrimSpace(s.SubscriptionKey.Value())
	c.grant = oauth.Client{
		ID: s.ClientID, Secret: strings.TrimSpace(s.ClientSecret.Value()), Registry: registry, Scopes: []string{"RDSA", "offline_access"},
		AuthorizeURL: string(s.AuthorizeURL), TokenURL: string(s.TokenURL), RedirectURL: string(s.RedirectURL), HTTP: asking,
	}
	c.http, err = httpapi.New(httpapi.Options{
		Name: "sageactive", BaseURL: string(s.BaseURL),
		Header: http.Header{"X-Api-Key": {key}, "X-Organizationid": {c.organization}},
		Token: func(ctx context.Context, refused string) (string, error) {
			t, err := env.Tokens.Token(ctx, c.grant, refused)
			return t.Access, err
		},
		Secrets: []string{c.grant.Secret, key},
		Explain: explain,
		Rate:    5, // 3000 a minute for an app, all its customers together
		Burst:   10,
		Hints:   map[connectors.Kind]string{connectors.Auth: "reconnect: run relanced connect " + string(env.Connection)},
		Env:     env,
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Info tells what Sage Active can and cannot do.
func (c *Connector) Info() connectors.Info {
	return connectors.Info{
		PageSize:    largest,
		Allocations: connectors.None,
		Payments:    false,
		RereadOpen:  2 * time.Hour, // that a match in the ledger moves its entry is not documented
		ListEvery:   24 * time.Hour,
		MaxAge:      24 * time.Hour,
		DueDates:    true,
		ReadChunk:   largest,
	}
}

// Requests returns how many requests this connector has sent, repeated ones counted.
func (c *Connector) Requests() int64 { return c.http.Requests() }

// OAuth is what Sage knows this program by.
func (c *Connector) OAuth() oauth.Client { return c.grant }

// Accept looks whether the permission reaches the configured organization: it is
// a user's, who may have several.
func (c *Connector) Accept(ctx context.Context, access string, _ url.Values) (map[string]string, string, error) {
	name, err := c.reached(httpapi.WithToken(ctx, access))
	if err != nil {
		return nil, "", err
	}
	return map[string]string{}, fmt.Sprintf("%s (Sage Active organization %s)", name, c.organization), nil
}

// reached is the name of the configured organization, among those that the
// permission reaches. An Auth error that names those where it is not.
func (c *client) reached(ctx context.Context) (string, error) {
	const op = "look whose books these are"
	list, err := c.nodes(ctx, op, "organizations", organizations)
	if err != nil {
		return "", err
	}
	var others []string
	for _, o := range list {
		switch {
		case o.ID != c.organization:
			others = append(others, fmt.Sprintf("%s (%s)", o.Name, o.ID))
		case o.Status != "" && o.Status != "READY", o.Onboarded != nil && !*o.Onboarded:
			return "", c.http.Fail(op, connectors.Auth, fmt.Sprintf("organization %s is not ready (%s)", o.Name, o.Status), "finish setting it up in Sage Active, then run relanced connect NAME again")
		default:
			return string(o.Name), nil
		}
	}
	detail := "the permission does not reach organization " + c.organization
	if len(others) > 0 {
		detail += "; it reaches " + strings.Join(others, ", ")
	}
	return "", c.http.Fail(op, connectors.Auth, detail, "correct organization_id, or run relanced connect NAME and sign in at Sage as a user of that organization")
}

// nodes are the rows of a short list of organizations.
func (c *client) nodes(ctx context.Context, op, name, query string) ([]organization, error) {
	a, _, err := c.ask(ctx, op, name, query, nil, 0)
	if err != nil {
		return nil, err
	}
	var in struct {
		Nodes []organization `json:"nodes"`
	}
	if err := json.Unmarshal(a.data[name], &in); err != nil {
		return nil, c.http.Fail(op, connectors.Schema, "the answer holds no "+name, "")
	}
	return in.Nodes, nil
}

// detail is the configured organization.
func (c *client) detail(ctx context.Context) (organization, error) {
	const op = "ask whose books these are"
	list, err := c.nodes(ctx, op, "organizationDetail", organizationDetail)
	if err != nil {
		return organization{}, err
	}
	if len(list) == 0 {
		return organization{}, c.http.Fail(op, connectors.Auth, "there is no organization "+c.organization+" for this user", "check organization_id")
	}
	return list[0], nil
}

// Probe tells whose books the permission opens.
func (c *Connector) Probe(ctx context.Context) (string, error) {
	o, err := c.detail(ctx)
	if httpapi.KindOf(err) == connectors.Auth && httpapi.StatusOf(err) == 0 { // it may be about the organization, or about the permission
		if _, told := c.reached(ctx); told != nil {
			return "", told
		}
	}
	if err != nil {
		return "", err
	}
	return string(o.Name) + " (Sage Active)", nil
}

// currency is the organization's, asked for once: documents name none.
func (c *Connector) currency(ctx context.Context) (string, error) {
	c.asking.Lock()
	defer c.asking.Unlock()
	if c.home != "" {
		return c.home, nil
	}
	o, err := c.detail(ctx)
	if err != nil {
		return "", err
	}
	if o.Currency == nil || o.Currency.Code == "" {
		return "", c.http.Fail("ask for the currency", connectors.Schema, "the organization has no currency", "")
	}
	c.home = strings.ToUpper(o.Currency.Code)
	return c.home, nil
}

// FetchDocument fetches the PDF of an invoice or a credit note. Those that exist
// in the ledger alone have none.
func (c *Connector) FetchDocument(ctx context.Context, ext string, limit int64) (connectors.Copy, error) {
	const op = "fetch a document"
	a, _, err := c.ask(ctx, op, "documentPdfPreview", pdf(ext), nil, limit/3*4+1024)
	if err != nil {
		return connectors.Copy{}, err
	}
	var in struct {
		Preview string `json:"pdfPreview"`
	}
	_ = json.Unmarshal(a.data["documentPdfPreview"], &in) // nothing in it is told below
	data, err := base64.StdEncoding.DecodeString(in.Preview)
	switch {
	case err != nil || len(data) < 5 || string(data[:5]) != "%PDF-":
		return connectors.Copy{}, c.http.Fail(op, connectors.Temporary, "the answer is no PDF", "")
	case int64(len(data)) > limit:
		return connectors.Copy{}, c.http.Fail(op, connectors.Schema, fmt.Sprintf("the document is larger than %d bytes", limit), "")
	}
	return connectors.Copy{Name: ext + ".pdf", Bytes: data}, nil
}
