// Package pennylane reads customers, invoices, credit notes and bank
// transactions from Pennylane (company interface v2). It only reads. The
// vendor's ways are described in the README beside.
package pennylane

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

// DefaultBaseURL is the vendor's address; sandbox companies live there too.
const DefaultBaseURL = "https://app.pennylane.com/api/external/v2"

// scopes are what the token must grant, each as ":readonly" or ":all".
var scopes = []string{"customers", "customer_invoices", "transactions"}

const newToken = "create a token in Pennylane (Settings > Connectivity > Developers) with the scopes " +
	"customers:readonly, customer_invoices:readonly and transactions:readonly, and put it where token: points"

// Spec is what a connection of type pennylane configures.
type Spec struct {
	Token   conf.Secret `yaml:"token" jsonschema:"required" doc:"token of the company, made in Pennylane under Settings > Connectivity > Developers"`
	BaseURL conf.URL    `yaml:"base_url" doc:"with its path"`
}

// Defaults fills what the configuration leaves out.
func (s *Spec) Defaults() { s.BaseURL = DefaultBaseURL }

// Check reports what keeps the connection from being opened.
func (s *Spec) Check(p *conf.Problems) {
	if s.Token.IsZero() {
		p.At("token").Addf("a pennylane connection needs its token: write token: {env: NAME}, {file: path} or {credential: name}")
	} else if strings.TrimSpace(s.Token.Value()) == "" {
		p.At("token").Addf("the token is empty")
	}
	if s.BaseURL == "" {
		return
	}
	if _, err := httpapi.ParseURL(string(s.BaseURL)); err != nil {
		p.At("base_url").Addf("%s", err)
	}
}

// Open builds the connector. It touches no network.
func (s *Spec) Open(env connectors.Env) (connectors.Connector, error) { return New(*s, env) }

// Connector reads the books of one company in Pennylane.
type Connector struct {
	client
	base  string // the address
	now   func() time.Time
	zone  *time.Location
	terms calendar.Terms

	mu        sync.Mutex
	schedules schedules // whether this company has payment schedules
}

// New returns a connector. It touches no network.
func New(s Spec, env connectors.Env) (*Connector, error) {
	if s.BaseURL == "" {
		s.BaseURL = DefaultBaseURL
	}
	token := strings.TrimSpace(s.Token.Value())
	c := &Connector{base: strings.TrimRight(string(s.BaseURL), "/"), now: env.Now, zone: env.Company.Zone}
	if c.now == nil {
		c.now = time.Now
	}
	if c.zone == nil {
		c.zone = time.UTC
	}
	if env.Company.Terms != "" {
		var err error
		if c.terms, err = calendar.ParseTerms(env.Company.Terms); err != nil {
			return nil, fmt.Errorf("pennylane: terms: %w", err)
		}
	}
	var err error
	c.http, err = httpapi.New(httpapi.Options{
		Name:    "pennylane",
		BaseURL: string(s.BaseURL),
		Header:  http.Header{"X-Use-2026-Api-Changes": {"true"}},
		Authorize: func(_ context.Context, h http.Header) error {
			h.Set("Authorization", "Bearer "+token)
			return nil
		},
		Secrets: []string{token},
		Rate:    5, // 25 in 5 seconds, where no header says how many are left
		Burst:   20,
		Hints:   map[connectors.Kind]string{connectors.Auth: newToken},
		Env:     env,
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Info tells what Pennylane can and cannot do.
func (c *Connector) Info() connectors.Info {
	return connectors.Info{
		PageSize:      pageSize,
		Allocations:   connectors.None, // matched transactions carry no share
		Payments:      true,
		SeesDeletions: true,
		RereadOpen:    24 * time.Hour, // not every match, lettering or credit note shows as a change
		MaxAge:        24 * time.Hour,
		DueDates:      true,
		ReadChunk:     idsAtOnce,
	}
}

// Requests returns how many requests this connector has sent, repeated ones counted.
func (c *Connector) Requests() int64 { return c.http.Requests() }

// Probe tells whose books the token opens, and fails where a scope is missing.
func (c *Connector) Probe(ctx context.Context) (string, error) {
	m, _, err := c.me(ctx)
	if err != nil {
		return "", err
	}
	if err := c.granted(m); err != nil {
		return "", err
	}
	if m.Company == nil {
		return "Pennylane answers, but does not say for which company", nil
	}
	return fmt.Sprintf("%s (Pennylane company %d)", cut(m.Company.Name, 100), m.Company.ID), nil
}

// granted tells which scopes the token lacks. A source that lists none leaves
// it to the first refusal.
func (c *Connector) granted(m me) error {
	if m.Scopes == nil {
		return nil
	}
	var missing []string
	for _, s := range scopes {
		if !slices.Contains(m.Scopes, s+":readonly") && !slices.Contains(m.Scopes, s+":all") {
			missing = append(missing, s+":readonly")
		}
	}
	if missing == nil {
		return nil
	}
	list := strings.Join(missing, ", ")
	return c.http.Fail("ask whose books these are", connectors.Auth, "the token lacks "+list,
		"create a token in Pennylane (Settings > Connectivity > Developers) that also has "+list+", and put it where token: points")
}

func (c *Connector) today() calendar.Date { return calendar.DateOf(c.now().In(c.zone)) }
