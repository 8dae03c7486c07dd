// Package rest reads the books from any JSON interface that a manifest describes
// (package manifest): one of those shipped here, or the company's own.
//
// It only reads: requests are GET, or a POST that the manifest declares to be a
// question. A manifest is data: what it and the source's values make of an
// address stays below the configured base_url, redirects are not followed, and
// nothing of this machine can be named in it.
//
// The first pass lists everything, each kind of thing as a listing; later ones
// ask for what changed where the manifest says how (`since`), and list the kinds
// for which it does not. Pages that come twice, cursors that run in circles, and
// rows that move while they are read are found, not followed.
package rest

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/connectors/manifest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/oauth"
)

// Spec is what a connection of type rest configures.
type Spec struct {
	Manifest     manifest.Name          `yaml:"manifest" jsonschema:"required" doc:"the name of a shipped manifest (axonaut), or the path of a file"`
	Secrets      map[string]conf.Secret `yaml:"secrets" doc:"the secrets that the manifest names"`
	ClientID     string                 `yaml:"client_id" doc:"where the manifest says oauth2: of the app registered at the vendor"`
	ClientSecret conf.Secret            `yaml:"client_secret" doc:"where the manifest says oauth2"`
	BaseURL      conf.URL               `yaml:"base_url" doc:"replaces the manifest's; required where it has none"`

	oauth.Endpoints

	book *book // as Check compiled it
}

// Defaults fills what the configuration leaves out.
func (s *Spec) Defaults() { s.RedirectURL = oauth.DefaultRedirectURL }

// With is the same connection with another manifest.
func (s *Spec) With(name manifest.Name) *Spec {
	other := *s
	other.Manifest, other.book = name, nil
	return &other
}

// Check reports what keeps the connection from being opened, and all that is
// wrong with the manifest.
func (s *Spec) Check(p *conf.Problems) {
	if s.Manifest == "" {
		p.At("manifest").Addf("a rest connection needs a manifest: write manifest: %s, or the path of a file of your own", strings.Join(manifest.Shipped(Manifests()), ", "))
		return
	}
	if s.BaseURL != "" {
		if _, err := httpapi.ParseURL(string(s.BaseURL)); err != nil {
			p.At("base_url").Addf("%s", err)
		}
	}
	b, ok := load(s.Manifest, p.At("manifest"))
	if !ok {
		return
	}
	s.book = b
	if s.BaseURL == "" && b.BaseURL == "" {
		p.At("base_url").Addf("the manifest %s does not say where the interface is: write base_url: with the address of yours", b.Manifest)
	}
	s.checkSecrets(p)
	s.checkGrant(p)
}

func (s *Spec) checkSecrets(p *conf.Problems) {
	known := map[string]bool{}
	for _, name := range s.book.secrets() {
		name, optional := strings.CutSuffix(name, "?")
		known[name] = true
		if held := s.Secrets[name]; held.IsZero() && !optional {
			p.At("secrets", name).Addf("the manifest %s needs the secret %s: write secrets: {%s: {env: NAME}}", s.book.Manifest, name, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		if !known[name] {
			p.At("secrets", name).Key().Addf("the manifest %s knows no secret %q", s.book.Manifest, name)
		}
	}
}

func (s *Spec) checkGrant(p *conf.Problems) {
	g := s.book.Auth.OAuth2
	if g == nil {
		if s.ClientID != "" || !s.ClientSecret.IsZero() {
			p.At("client_id").Addf("the manifest %s is not authorised by OAuth: leave client_id and client_secret out", s.book.Manifest)
		}
		return
	}
	if s.ClientID == "" {
		p.At("client_id").Addf("the manifest %s needs the client_id of the app registered at the vendor", s.book.Manifest)
	}
	if s.ClientSecret.IsZero() && !g.PKCE {
		p.At("client_secret").Addf("the manifest %s needs the app's secret: write client_secret: {env: NAME}, {file: path} or {credential: name}", s.book.Manifest)
	}
	if s.TokenURL == "" && g.TokenURL == "" {
		p.At("token_url").Addf("the manifest %s does not say where tokens are given: write token_url", s.book.Manifest)
	}
	if g.Kind == code && s.AuthorizeURL == "" && g.AuthorizeURL == "" {
		p.At("authorize_url").Addf("the manifest %s does not say where a person agrees: write authorize_url", s.book.Manifest)
	}
}

// Open builds the connector. It touches no network.
func (s *Spec) Open(env connectors.Env) (connectors.Connector, error) { return New(s, env) }

// Connector reads the books of one company behind one interface. What else it can
// do besides depends on the manifest: see New.
type Connector struct {
	book     *book
	http     *httpapi.Client
	base     *url.URL
	grant    oauth.Client
	defaults manifest.Defaults
}

// New returns a connector that has the abilities that its manifest describes,
// and no other. It touches no network.
func New(s *Spec, env connectors.Env) (connectors.Connector, error) {
	c, err := newConnector(s, env)
	if err != nil {
		return nil, fmt.Errorf("rest: %w", err)
	}
	return c.able(), nil
}

func newConnector(s *Spec, env connectors.Env) (*Connector, error) {
	b := s.book
	if b == nil {
		var problems conf.Problems
		var ok bool
		if b, ok = load(s.Manifest, &problems); !ok {
			return nil, problems.Err()
		}
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	c := &Connector{book: b}
	c.defaults.Currency = env.Company.Currency
	if c.defaults.Currency == "" {
		c.defaults.Currency = "EUR"
	}
	var err error
	if env.Company.Terms != "" {
		if c.defaults.Terms, err = calendar.ParseTerms(env.Company.Terms); err != nil {
			return nil, fmt.Errorf("terms: %w", err)
		}
	}
	address := s.BaseURL
	if address == "" {
		address = b.BaseURL
	}
	if c.base, err = httpapi.ParseURL(string(address)); err != nil {
		return nil, fmt.Errorf("base_url: %w", err)
	}
	options := httpapi.Options{
		Name: b.Manifest, BaseURL: string(address), Message: b.message, Explain: b.explain, Env: env,
		Header: b.header(func(name string) string { return strings.TrimSpace(s.Secrets[name].Value()) }),
		Hints: map[connectors.Kind]string{
			connectors.Auth:   "put the right secrets into the connection " + string(env.Connection) + ", and let them read customers, invoices and payments; then run relanced check",
			connectors.Schema: "see with relanced connector try what the interface answers, and correct a copy of the manifest " + b.Manifest,
		},
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		options.Secrets = append(options.Secrets, strings.TrimSpace(s.Secrets[name].Value()))
	}
	if text, isBasic := strings.CutPrefix(options.Header.Get("Authorization"), "Basic "); isBasic {
		options.Secrets = append(options.Secrets, text)
	}
	if b.Rate.Count > 0 {
		options.Rate, options.Burst = rate.Limit(float64(b.Rate.Count)/b.Rate.Per.Seconds()), min(b.Rate.Count, 5)
	}
	if err := c.authorise(s, env, &options); err != nil {
		return nil, err
	}
	c.http, err = httpapi.New(options)
	return c, err
}

// authorise has requests carry the tokens of OAuth, where the manifest says so.
func (c *Connector) authorise(s *Spec, env connectors.Env, options *httpapi.Options) error {
	g := c.book.Auth.OAuth2
	if g == nil {
		return nil
	}
	asking, err := httpapi.TokenClient(env)
	if err != nil {
		return err
	}
	c.grant = oauth.Client{
		ID: s.ClientID, Secret: strings.TrimSpace(s.ClientSecret.Value()), Scopes: g.Scopes, Basic: g.Basic, PKCE: g.PKCE, Consent: g.Consent,
		AuthorizeURL: string(first(s.AuthorizeURL, g.AuthorizeURL)), TokenURL: string(first(s.TokenURL, g.TokenURL)), RedirectURL: string(s.RedirectURL),
		HTTP: asking,
	}
	options.Secrets = append(options.Secrets, c.grant.Secret)
	if g.Kind == clientCredentials {
		options.Token = oauth.NewOwn(string(env.Connection), c.grant, env.Now).Token
		return nil
	}
	options.Token = func(ctx context.Context, refused string) (string, error) {
		if env.Tokens == nil { // there is nobody to keep a grant
			return "", &oauth.Error{Kind: oauth.Unconnected, ID: string(env.Connection)}
		}
		t, err := env.Tokens.Token(ctx, c.grant, refused)
		return t.Access, err
	}
	options.Hints[connectors.Auth] = "reconnect: run relanced connect " + string(env.Connection)
	return nil
}

func first(a, b conf.URL) conf.URL {
	if a != "" {
		return a
	}
	return b
}

// How often a source is read again beyond its changes.
const (
	listEvery   = 24 * time.Hour
	rereadOpen  = 24 * time.Hour
	maxAge      = 24 * time.Hour
	defaultSize = 100
	singleChunk = 20 // invoices re-read one by one, between two looks at the clock
)

// Info tells what the interface can and cannot do.
func (c *Connector) Info() connectors.Info {
	info := connectors.Info{
		PageSize:    c.book.Invoices.Page.Size,
		Allocations: connectors.None, // an allocation that is taken back leaves no trace
		Payments:    c.book.Payments != nil,
		ListEvery:   listEvery,
		MaxAge:      maxAge,
		DueDates:    !c.book.Invoices.Map.DueOn.IsZero() || !c.book.Invoices.Map.Dues.IsZero(),
		ReadChunk:   singleChunk,
	}
	if info.PageSize == 0 {
		info.PageSize = defaultSize
	}
	if r := c.book.Invoices.Read; r != nil && r.several() {
		info.ReadChunk, info.RereadOpen = r.Most, rereadOpen
	}
	return info
}

// Requests returns how many requests this connector has sent, repeated ones counted.
func (c *Connector) Requests() int64 { return c.http.Requests() }
