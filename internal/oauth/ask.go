package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// limit bounds one request for a token.
const limit = 10 * time.Second

// plain is the HTTP client where none is given. Redirects are not followed:
// credentials go where the configuration says and nowhere else.
func (c Client) plain() *http.Client {
	base := &http.Client{Timeout: limit}
	if c.HTTP != nil {
		copied := *c.HTTP
		base = &copied
	}
	base.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return base
}

// refresh asks for a new pair. Where the outcome is unknown, the old refresh
// token is tried once more: the vendor may not have seen it.
func (c Client) refresh(ctx context.Context, now time.Time, old Grant) (Grant, error) {
	renew := func(ctx context.Context) (*oauth2.Token, error) {
		return c.config().TokenSource(ctx, &oauth2.Token{RefreshToken: old.Refresh}).Token()
	}
	g, err := c.ask(ctx, now, renew)
	if unanswered(err) && ctx.Err() == nil {
		g, err = c.ask(ctx, now, renew)
	}
	if err != nil {
		return Grant{}, err
	}
	if g.Refresh == "" {
		g.Refresh = old.Refresh
	}
	g.Facts = old.Facts
	return g, nil
}

// exchange turns the code of a consent into a grant.
func (c Client) exchange(ctx context.Context, now time.Time, code, verifier string) (Grant, error) {
	return c.ask(ctx, now, func(ctx context.Context) (*oauth2.Token, error) {
		if c.PKCE {
			return c.config().Exchange(ctx, code, oauth2.VerifierOption(verifier))
		}
		return c.config().Exchange(ctx, code)
	})
}

// own asks for a token in the client's own name: no person consents. id is that of
// the grant.
func (c Client) own(ctx context.Context, id string, now time.Time) (Grant, error) {
	config := clientcredentials.Config{ClientID: c.ID, ClientSecret: c.Secret, TokenURL: c.TokenURL, Scopes: c.Scopes, AuthStyle: c.config().Endpoint.AuthStyle}
	g, err := c.ask(ctx, now, config.Token)
	var told *Error
	if errors.As(err, &told) {
		told.ID = id
		if told.Kind == Lost { // there is no consent to lose
			told.Kind = Refused
		}
	}
	return g, err
}

func (c Client) ask(ctx context.Context, now time.Time, get func(context.Context) (*oauth2.Token, error)) (Grant, error) {
	t, err := get(context.WithValue(ctx, oauth2.HTTPClient, c.plain()))
	if err != nil {
		if ctx.Err() != nil {
			return Grant{}, ctx.Err()
		}
		told := c.explain(err)
		told.registry = c.Registry
		if u, err := url.Parse(c.TokenURL); err == nil {
			told.tokenHost = u.Host
		}
		return Grant{}, told
	}
	g := Grant{Access: t.AccessToken, Refresh: t.RefreshToken}
	switch {
	case t.ExpiresIn > 0:
		g.ExpiresAt = now.Add(time.Duration(t.ExpiresIn) * time.Second)
	case !t.Expiry.IsZero(): // client credentials tell it by the system's clock alone
		g.ExpiresAt = now.Add(time.Until(t.Expiry))
	}
	return g, nil
}

// unanswered tells whether the vendor may have acted without our learning of it.
func unanswered(err error) bool {
	var told *Error
	return errors.As(err, &told) && told.unanswered
}

// explain says what a refusal of the token endpoint asks for.
func (c Client) explain(err error) *Error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response == nil {
		var network *url.Error
		if errors.As(err, &network) {
			return &Error{Kind: Temporary, Err: errors.New(c.hide(tidy(network.Err.Error()))), unanswered: true}
		}
		if strings.Contains(err.Error(), "cannot fetch token") { // its body broke off
			return &Error{Kind: Temporary, Err: errors.New("the answer broke off"), unanswered: true}
		}
		return &Error{Kind: Invalid, Detail: "there is no access token in it", unanswered: true}
	}
	code, told := answer.ErrorCode, answer.ErrorDescription
	if code == "" { // some vendors say it in an envelope of their own
		var envelope struct {
			Error, Message string
		}
		_ = json.Unmarshal(answer.Body, &envelope)
		code, told = envelope.Error, envelope.Message
	}
	e := &Error{Kind: Refused, Detail: c.hide(tidy(strings.TrimPrefix(code+": "+told, ": ")))}
	e.Detail = strings.TrimSuffix(strings.TrimSuffix(e.Detail, " "), ":")
	status := answer.Response.StatusCode
	switch {
	case status == http.StatusTooManyRequests || status >= 500 || status == http.StatusRequestTimeout || code == "temporarily_unavailable" || code == "server_error":
		e.Kind = Temporary
	case code == "invalid_grant":
		e.Kind = Lost
	case status >= 300 && status < 400, status == http.StatusNotFound, code == "" && status == http.StatusOK:
		e.Kind = Invalid
	}
	if c.Advise != nil && e.Kind != Temporary {
		e.do = c.Advise(code + ": " + told)
	}
	if e.Detail == "" {
		e.Detail = answer.Response.Status
	}
	return e
}

func (c Client) hide(text string) string {
	if c.Secret != "" {
		text = strings.ReplaceAll(text, c.Secret, "•••")
	}
	return text
}

// tidy makes foreign text one short line.
func tidy(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)), " ")
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}
