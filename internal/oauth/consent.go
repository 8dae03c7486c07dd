package oauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Consent is one visit of a person to the vendor's page.
type Consent struct {
	URL string // of the page

	client          Client
	state, verifier string
}

// Begin prepares a visit.
func (c Client) Begin() (*Consent, error) {
	s := &Consent{client: c, state: rand.Text(), verifier: oauth2.GenerateVerifier()}
	var err error
	s.URL, err = c.consentURL(s.state, s.verifier)
	return s, err
}

// ErrDenied tells that the person, or the vendor, refused.
var ErrDenied = errors.New("access was refused")

// ErrStranger tells that an address is not the answer to this visit.
var ErrStranger = errors.New("this is not the answer to the address above")

// Read takes what the vendor sent back out of the address that the browser was
// redirected to, or out of its query alone. ErrDenied where it is a refusal,
// ErrStranger where it belongs to no visit or to another one.
func (s *Consent) Read(address string) (url.Values, error) {
	address = strings.Trim(strings.TrimSpace(address), `"'<>`)
	query := address
	if _, after, ok := strings.Cut(address, "?"); ok {
		query = after
	}
	query, _, _ = strings.Cut(query, "#")
	params, err := url.ParseQuery(query)
	if err != nil || subtle.ConstantTimeCompare([]byte(params.Get("state")), []byte(s.state)) != 1 {
		return nil, ErrStranger
	}
	if refusal := params.Get("error"); refusal != "" {
		return nil, fmt.Errorf("%w: %s", ErrDenied, tidy(strings.TrimSuffix(refusal+": "+params.Get("error_description"), ": ")))
	}
	if params.Get("code") == "" {
		return nil, ErrStranger
	}
	return params, nil
}

// Finish turns what Read returned into a grant. A code serves once, and ends
// within a minute at some vendors.
func (s *Consent) Finish(ctx context.Context, now time.Time, params url.Values) (Grant, error) {
	return s.client.exchange(ctx, now, params.Get("code"), s.verifier)
}

// TakeOver renews a refresh token that somebody else obtained: what it returns
// is stored before anything else is done with it.
func (c Client) TakeOver(ctx context.Context, now time.Time, refresh string) (Grant, error) {
	return c.refresh(ctx, now, Grant{Refresh: refresh})
}
