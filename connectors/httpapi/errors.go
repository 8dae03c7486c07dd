package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"relanced/connectors"
	"relanced/internal/oauth"
)

// Status is the HTTP status behind an error of a source.
type Status int

// Error is the status as people know it: "404 Not Found".
func (s Status) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", int(s), http.StatusText(int(s))))
}

// StatusOf returns the HTTP status that caused err, 0 where none did.
func StatusOf(err error) int {
	s, _ := errors.AsType[Status](err)
	return int(s)
}

// KindOf returns the kind of err, "" where it is no error of a source.
func KindOf(err error) connectors.Kind {
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		return e.Kind
	}
	return ""
}

// slow is that no answer came within a time.
type slow time.Duration

func (s slow) Error() string { return "no answer within " + time.Duration(s).String() }

// large is that an answer has more bytes than are read of one.
type large int64

func (l large) Error() string { return fmt.Sprintf("the answer is larger than %d bytes", int64(l)) }

// TooMuch tells that a call may have failed for how much it asked for at once: the
// source broke, took too long or answered more than is read. Less may do.
func TooMuch(err error) bool {
	switch StatusOf(err) {
	case http.StatusRequestEntityTooLarge, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	_, late := errors.AsType[slow](err)
	_, long := errors.AsType[large](err)
	return late || long
}

// Fail makes an error of this source about something its answers said. NAME in do
// stands for the connection's name; "" is what is usual for the kind.
func (c *Client) Fail(op string, kind connectors.Kind, detail, do string) *connectors.Error {
	e := c.fail(op, kind, detail, nil)
	if do != "" {
		e.Do = c.named(do)
	}
	return e
}

func (c *Client) named(do string) string {
	return strings.ReplaceAll(do, "NAME", string(c.o.Env.Connection))
}

func (c *Client) fail(op string, kind connectors.Kind, detail string, cause error) *connectors.Error {
	_, status := cause.(Status) //nolint:errorlint // as it is: a bare status holds no secret and stays what callers look for
	if cause != nil && !status && c.hide(cause.Error()) != cause.Error() {
		cause = errors.New(c.hide(cause.Error()))
	}
	return &connectors.Error{Kind: kind, Op: c.o.Name + ": " + op, Detail: c.hide(detail), Do: c.hint(kind), Err: cause}
}

func (c *Client) hint(kind connectors.Kind) string {
	if text := c.o.Hints[kind]; text != "" {
		return text
	}
	switch kind {
	case connectors.Auth:
		return "give this connection a valid token, then run relanced check"
	case connectors.Rate:
		return "nothing: it is tried again; if it lasts, another program uses the same token"
	case connectors.Temporary:
		return "nothing: it is tried again at the next pass; if it lasts, see whether this machine reaches " + c.base.Host
	case connectors.Invalid, connectors.NotFound:
		return "check base_url, then run relanced check"
	}
	return ""
}

// Refusal is what a source says is wrong, in our terms. A Decoder returns it as
// an error where an answer of status 200 is one in fact.
type Refusal struct {
	Kind   connectors.Kind
	Detail string
	Do     string        // NAME in it stands for the connection's; "" what is usual for the kind
	Retry  time.Duration // when to come back; 0: not told
	Final  bool          // another token would not help
}

// Error is the detail.
func (r *Refusal) Error() string { return r.Detail }

// tell makes an error of a refusal.
func (c *Client) tell(op string, r Refusal, cause error) *connectors.Error {
	e := c.fail(op, r.Kind, "", cause)
	e.Detail = c.clean(r.Detail)
	if r.Do != "" {
		e.Do = c.named(r.Do)
	}
	e.Retry = r.Retry
	return e
}

// refused turns an answer outside 200–299 into an error.
func (c *Client) refused(op string, resp *http.Response, body []byte) error {
	if resp.StatusCode >= 400 && resp.StatusCode < 500 && namesNothing(resp.StatusCode) && cutOff(body) {
		return c.fail(op, connectors.Temporary, "the answer is cut off", Status(resp.StatusCode))
	}
	if c.o.Explain != nil {
		if r, ok := c.o.Explain(resp.StatusCode, resp.Header, body); ok {
			if d, told := retryAfter(resp.Header); told && r.Retry == 0 {
				r.Retry = d
			}
			return c.tell(op, r, Status(resp.StatusCode))
		}
	}
	detail, page := c.told(body)
	var kind connectors.Kind
	do := ""
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		kind = connectors.Auth
	case code == http.StatusForbidden && page:
		kind, do = connectors.Temporary, "a proxy or firewall between this machine and "+c.base.Host+" refuses: let it pass"
	case code == http.StatusForbidden:
		kind = connectors.Auth
	case (code == http.StatusNotFound || code == http.StatusGone) && page:
		kind = connectors.Invalid
	case code == http.StatusNotFound || code == http.StatusGone:
		kind = connectors.NotFound
	case code == http.StatusTooManyRequests:
		kind = connectors.Rate
	case code == http.StatusProxyAuthRequired:
		kind, do = connectors.Temporary, "give this machine's proxy its credentials (HTTPS_PROXY)"
	case code >= 300 && code < 400:
		kind, do = connectors.Invalid, "set base_url to the address it redirects to, if that is the vendor's"
		if to, err := resp.Location(); err == nil {
			detail = "redirected to " + c.clean(to.Scheme+"://"+to.Host)
		}
	case passing(code):
		kind = connectors.Temporary
	default:
		kind = connectors.Invalid
	}
	e := c.fail(op, kind, detail, Status(resp.StatusCode))
	if do != "" {
		e.Do = do
	}
	if d, ok := retryAfter(resp.Header); ok {
		e.Retry = d
	} else if kind == connectors.Rate {
		e.Retry = wait(0, resp)
	}
	return e
}

// told is what an error body says, shortened; page tells that it is a web page.
func (c *Client) told(body []byte) (text string, page bool) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '<' {
		return "a web page instead of data" + pageTitle(body), true
	}
	if c.o.Message != nil {
		if said := c.o.Message(body); said != "" {
			return c.clean(said), false
		}
	}
	var fields struct {
		Message any `json:"message"`
		Error   any `json:"error"`
	}
	if json.Unmarshal(body, &fields) == nil {
		for _, v := range []any{fields.Message, fields.Error} {
			if s, ok := v.(string); ok && s != "" {
				return c.clean(s), false
			}
		}
	}
	return c.clean(string(body)), false
}

// Wrap makes an error of this source of what a call that it made beside its
// requests ended with: a token that could not be had.
func (c *Client) Wrap(ctx context.Context, op string, err error) error { return c.wrap(ctx, op, err) }

// wrap makes an error of a source of whatever a call ended with. The context's
// end passes through as it is.
func (c *Client) wrap(ctx context.Context, op string, err error) error {
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		return e
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %s: %w", c.o.Name, op, context.Cause(ctx))
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the address may carry what is nobody's business
	}
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return &connectors.Error{Kind: kindOfGrant(e.Kind), Op: c.o.Name + ": " + op, Do: e.Do(), Err: e}
	}
	e := c.fail(op, connectors.Temporary, "", err)
	switch {
	case untrusted(err):
		e.Detail, e.Do = "its certificate is not trusted", "if your network inspects TLS, name its certificate in ca:"
	case isDNS(err):
		e.Detail = "its name is not found"
	case errors.Is(err, errSlow):
		e.Err = slow(c.o.Env.Timeout)
	}
	return e
}

// namesNothing tells that a status alone does not say what is wrong.
func namesNothing(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusTooManyRequests, http.StatusProxyAuthRequired:
		return false
	}
	return true
}

// cutOff tells that a body began as JSON and did not end: it says nothing of what
// is wrong, and the call is to be tried again later.
func cutOff(body []byte) bool {
	body = bytes.TrimSpace(body)
	return bytes.HasPrefix(body, []byte("{")) && len(body) < errorBody && !json.Valid(body)
}

// kindOfGrant is what an error of a grant asks of the connection.
func kindOfGrant(kind oauth.Kind) connectors.Kind {
	switch kind {
	case oauth.Temporary:
		return connectors.Temporary
	case oauth.Invalid:
		return connectors.Invalid
	case oauth.Unconnected, oauth.Lost, oauth.Refused:
	}
	return connectors.Auth
}

func isDNS(err error) bool {
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

var (
	title   = regexp.MustCompile(`(?is)<title[^>]*>([^<]{1,200})`)
	address = regexp.MustCompile(`[^\s@"<>]{1,80}@[^\s@"<>]{1,80}`)
)

func pageTitle(page []byte) string {
	m := title.FindSubmatch(page)
	if m == nil {
		return ""
	}
	return " (" + short(string(m[1]), 80) + ")"
}

// clean makes foreign text fit to be shown: one line, short, without secrets
// and addresses of people.
func (c *Client) clean(text string) string {
	return short(address.ReplaceAllString(c.hide(text), "•••"), 200)
}

// hide replaces every secret in text, as it is and as it stands in an address.
func (c *Client) hide(text string) string {
	for _, secret := range append(c.tokens.all(), c.o.Secrets...) {
		if secret == "" {
			continue
		}
		text = strings.ReplaceAll(text, secret, "•••")
		if escaped := url.QueryEscape(secret); escaped != secret {
			text = strings.ReplaceAll(text, escaped, "•••")
		}
	}
	return text
}

func short(text string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range strings.ToValidUTF8(text, "") {
		if unicode.IsSpace(r) {
			space = n > 0
			continue
		}
		if !unicode.IsPrint(r) {
			continue
		}
		if n >= limit {
			return b.String() + "…"
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
