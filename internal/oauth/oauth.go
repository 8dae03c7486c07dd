// Package oauth keeps what vendors let us do: a person's consent, once, and from
// then on access tokens that are renewed before they end.
//
// A refresh token may die at its use, so that losing one answer loses the
// consent. A grant is therefore renewed under a lease, one process at a time,
// outside any transaction, and the new pair is stored before it is used.
// Grants are sealed with the key of the configuration: the database alone opens
// no account.
package oauth

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"relanced/internal/conf"
)

// Client is what a vendor knows this program by, and where it asks.
type Client struct {
	ID           string
	Secret       string
	Registry     string // where the vendor shows both, in words: "developer.example.com"; "" the vendor
	AuthorizeURL string // its own parameters are kept
	TokenURL     string
	RedirectURL  string
	Scopes       []string
	Basic        bool              // the token endpoint wants ID and Secret by HTTP Basic; else in the form
	PKCE         bool              // the vendor supports it
	Consent      map[string]string // parameters added to the vendor's page
	HTTP         *http.Client      // nil: a plain one with a time limit
	// Advise says what to do about a refusal in the vendor's words, "" where the
	// usual advice will do. It may be nil.
	Advise func(said string) string
}

// DefaultRedirectURL is where the vendor sends the browser back to, unless the
// configuration says otherwise.
const DefaultRedirectURL = "http://localhost:8686/oauth/callback"

// Endpoints are the keys of a connection or log-in that say where consent and
// tokens are asked for; each defaults to the vendor's.
type Endpoints struct {
	AuthorizeURL conf.URL `yaml:"authorize_url" doc:"the page where a person consents; its own parameters are kept"`
	TokenURL     conf.URL `yaml:"token_url" doc:"where tokens are given"`
	RedirectURL  conf.URL `yaml:"redirect_url" doc:"where the browser is sent back to, as registered at the vendor"`
}

// CheckClient reports what is missing of what a vendor knows this program by: who
// needs it ("a sage connection"), and the vendor is where its app is registered.
func CheckClient(p *conf.Problems, who, vendor, id string, secret conf.Secret) {
	if id == "" {
		p.At("client_id").Addf("%s needs the client_id of the app registered at %s", who, vendor)
	}
	if secret.IsZero() {
		p.At("client_secret").Addf("%s needs the app's secret: write client_secret: {env: NAME}, {file: path} or {credential: name}", who)
	}
}

// Token is an access token with the facts that came with the consent.
type Token struct {
	Access string
	Facts  map[string]string // as Grant.Facts
}

// Kind is what an error asks for.
type Kind string

// The kinds: nobody consented yet, the consent is lost, the vendor does not know
// this client, the answer made no sense, try again later.
const (
	Unconnected Kind = "unconnected"
	Lost        Kind = "lost"
	Refused     Kind = "refused"
	Invalid     Kind = "invalid"
	Temporary   Kind = "temporary"
)

// Error is why there is no token.
type Error struct {
	Kind   Kind
	ID     string // of the grant
	Detail string // what the vendor said, shortened
	Err    error

	do         string // instead of the usual advice
	registry   string // Client.Registry
	tokenHost  string // where tokens are asked for
	unanswered bool   // the vendor may have acted without our learning of it
}

// Error tells it without secrets.
func (e *Error) Error() string {
	text := map[Kind]string{
		Unconnected: "nobody has given access yet",
		Lost:        "the access that was given is no longer valid",
		Refused:     "the vendor does not accept this client",
		Invalid:     "the answer to a request for a token makes no sense",
		Temporary:   "no token for now",
	}[e.Kind]
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Do says what a person should do.
func (e *Error) Do() string {
	if e.do != "" {
		return e.do
	}
	name := e.ID[strings.LastIndexByte(e.ID, '/')+1:]
	registry, host := cmp.Or(e.registry, "the vendor"), cmp.Or(e.tokenHost, "the token address")
	switch e.Kind {
	case Unconnected:
		return "run relanced connect " + name
	case Lost:
		return "reconnect: run relanced connect " + name
	case Refused:
		return fmt.Sprintf("check client_id and client_secret of %s against those of the app at %s, then run relanced check", name, registry)
	case Invalid:
		return "check token_url"
	}
	return "nothing: it is tried again; if it lasts, see whether this machine reaches " + host
}

func (c Client) config() *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if c.Basic {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, RedirectURL: c.RedirectURL, Scopes: c.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: c.AuthorizeURL, TokenURL: c.TokenURL, AuthStyle: style},
	}
}

// consentURL is the vendor's page: its own parameters, overlaid with ours.
func (c Client) consentURL(state, verifier string) (string, error) {
	u, err := url.Parse(c.AuthorizeURL)
	if err != nil {
		return "", fmt.Errorf("authorize_url: %w", err)
	}
	q := u.Query()
	for key, value := range c.Consent {
		q.Set(key, value)
	}
	q.Set("response_type", "code")
	q.Set("client_id", c.ID)
	q.Set("redirect_uri", c.RedirectURL)
	q.Set("state", state)
	if len(c.Scopes) > 0 {
		q.Set("scope", strings.Join(c.Scopes, " "))
	}
	if c.PKCE {
		q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(verifier))
		q.Set("code_challenge_method", "S256")
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // some vendors do not read + as a space
	return u.String(), nil
}
