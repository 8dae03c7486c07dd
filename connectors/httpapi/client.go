// Package httpapi is what connectors to HTTP interfaces share: one transport
// that retries, keeps the source's pace, limits time and size and never shows a
// secret; and the turning of answers into the errors of package connectors.
//
// It only reads: calls are GET, or declared safe to repeat.
package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/time/rate"

	"relanced/connectors"
)

// Limits that hold where Options does not say otherwise.
const (
	defaultTimeout = 30 * time.Second
	defaultMaxBody = 32 << 20
	drainLimit     = 256 << 10
	errorBody      = 16 << 10
)

// Options describe one source to reach.
type Options struct {
	Name      string                                         // begins every operation: "pennylane"
	BaseURL   string                                         // with its path
	Header    http.Header                                    // sent with every call
	Authorize func(ctx context.Context, h http.Header) error // adds the credentials; nil: none
	// Token gives the bearer token of a request; refused is one that the source
	// answered with 401 ("" none), after which the request is sent once more.
	Token func(ctx context.Context, refused string) (string, error)
	// Explain reads a refusal in the source's own words; nil, or false: the
	// common reading of the status and of a JSON body's message or error. An answer
	// of status 200 that is XML or a web page is shown to it too.
	Explain func(status int, header http.Header, body []byte) (Refusal, bool)
	// Message finds what the JSON body of a refusal says to people; nil, or "": its
	// message or error.
	Message func(body []byte) string
	// Trace names the header of an answer by which the source's support finds a
	// request again: it is logged. "": none.
	Trace   string
	Secrets []string                   // never shown, wherever they turn up
	Rate    rate.Limit                 // calls a second while the source tells no limit of its own; 0: no limit
	Burst   int                        // calls at once under Rate
	Hints   map[connectors.Kind]string // what a person should do, by kind
	MaxBody int64                      // bytes of one answer; 0: 32 MiB
	Env     connectors.Env
}

// Client calls one source with one set of credentials. It is safe for
// concurrent use; all calls share one pace.
type Client struct {
	o        Options
	base     *url.URL
	retry    *retryablehttp.Client
	raw      *http.Client // without retry: downloads
	transmit http.RoundTripper
	requests atomic.Int64
	tokens   lately
	log      *slog.Logger
	now      func() time.Time
}

// New returns a client. It touches no network; a bad address or CA file is an error.
func New(o Options) (*Client, error) {
	base, err := ParseURL(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("%s: base_url: %w", o.Name, err)
	}
	if o.Env.Timeout <= 0 {
		o.Env.Timeout = defaultTimeout
	}
	if o.MaxBody <= 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.Env.Unpaced {
		o.Rate = 0
	}
	transport, err := baseTransport(o.Env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	c := &Client{o: o, base: base, transmit: transport, log: o.Env.Logger, now: o.Env.Now}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	var sender http.RoundTripper = &paced{c: c, pace: newPace(o.Rate, o.Burst), next: transport}
	if o.Token != nil {
		sender = &bearer{c: c, next: sender}
	}
	c.retry = &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     sender,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     1000, // the budget of time ends retrying, see checkRetry
		CheckRetry:   c.checkRetry,
		Backoff:      func(_, _ time.Duration, n int, resp *http.Response) time.Duration { return wait(n, resp) },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	c.raw = &http.Client{Transport: &counted{c: c, next: transport}, CheckRedirect: c.checkRedirect}
	return c, nil
}

// Requests returns how many requests were sent, each retry counted.
func (c *Client) Requests() int64 { return c.requests.Load() }

// Call is one request.
type Call struct {
	Op    string // "list invoices, page 4"
	Path  string // below the base address, escaped as in an address: "/me"
	Query url.Values
	Body  any  // sent as JSON by POST; nil: GET
	Safe  bool // a POST that only asks, and so may be repeated

	Header http.Header // of this call besides that of all; it wins
	Limit  int64       // bytes of the answer; 0: Options.MaxBody
	Tries  int         // at most, where the source answers 5xx or too late: it may be for what was asked; 0: as long as a call tries
}

// Raw takes an answer as it is, whatever its type: a document.
type Raw []byte

// Decoder is a value that decodes an answer itself: pages of rows of which one
// bad row must not spoil the others.
type Decoder interface {
	DecodeJSON(data []byte) error
}

// Meta is what an answer says besides its content.
type Meta struct {
	At     time.Time // when the request was sent, by our clock
	Date   time.Time // the server's clock; zero where it tells none
	Header http.Header
}

// Get asks for path and decodes the JSON answer into the value that into points to.
func (c *Client) Get(ctx context.Context, op, path string, query url.Values, into any) (Meta, error) {
	return c.Do(ctx, Call{Op: op, Path: path, Query: query}, into)
}

// Do sends one call and decodes the JSON answer. Every error is a
// *connectors.Error, save the context's own.
func (c *Client) Do(ctx context.Context, call Call, into any) (Meta, error) {
	target := *c.base
	if err := extend(&target, call.Path); err != nil {
		return Meta{}, c.fail(call.Op, connectors.Invalid, "the request cannot be written", err)
	}
	target.RawQuery = strings.ReplaceAll(call.Query.Encode(), "+", "%20") // not every source reads + as a space
	method, safe := http.MethodGet, true
	var body any
	if call.Body != nil {
		method, safe = http.MethodPost, call.Safe
		text, err := json.Marshal(call.Body)
		if err != nil {
			return Meta{}, c.fail(call.Op, connectors.Invalid, "the request cannot be written", err)
		}
		body = text
	}
	t := &try{op: call.Op, safe: safe, most: call.Tries}
	req, err := retryablehttp.NewRequestWithContext(context.WithValue(ctx, tryKey{}, t), method, target.String(), body)
	if err != nil {
		return Meta{}, c.fail(call.Op, connectors.Invalid, "the request cannot be written", err)
	}
	if err := c.dress(ctx, req.Request, call); err != nil {
		return Meta{}, c.wrap(ctx, call.Op, err)
	}
	var meta Meta
	req.SetResponseHandler(func(resp *http.Response) error {
		meta = Meta{At: t.at, Header: resp.Header}
		meta.Date, _ = http.ParseTime(resp.Header.Get("Date"))
		return c.receive(call, resp, into)
	})
	resp, err := c.retry.Do(req) //nolint:bodyclose // drain closes it
	if resp != nil {
		drain(resp.Body)
	}
	if err != nil {
		return meta, c.wrap(ctx, call.Op, err)
	}
	return meta, nil
}

// extend adds an escaped path to an address: what is escaped stays so.
func extend(target *url.URL, path string) error {
	plain, err := url.PathUnescape(path)
	if err != nil {
		return err
	}
	target.Path, target.RawPath = target.Path+plain, target.EscapedPath()+path
	return nil
}

func (c *Client) dress(ctx context.Context, r *http.Request, call Call) error {
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "relanced")
	if call.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range []http.Header{c.o.Header, call.Header} {
		for key, values := range header {
			r.Header[key] = values
		}
	}
	if c.o.Authorize == nil {
		return nil
	}
	return c.o.Authorize(ctx, r.Header)
}

// receive reads an answer to its end and decodes it, or turns it into an error.
func (c *Client) receive(call Call, resp *http.Response, into any) error {
	defer drain(resp.Body)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, errorBody)) // what arrived of it is told
		return c.refused(call.Op, resp, text)
	}
	limit := call.Limit
	if limit <= 0 {
		limit = c.o.MaxBody
	}
	text, err := readAll(resp, limit)
	switch {
	case errors.Is(err, errTooLarge):
		return c.fail(call.Op, connectors.Schema, "", large(limit))
	case err != nil:
		return err
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *Raw:
		*into = text
		return nil
	}
	return c.decode(call.Op, text, into)
}

func (c *Client) decode(op string, text []byte, into any) error {
	trimmed := bytes.TrimSpace(text)
	switch {
	case len(trimmed) == 0:
		return c.fail(op, connectors.Temporary, "an empty answer", nil)
	case trimmed[0] == '<':
		if c.o.Explain != nil {
			if r, ok := c.o.Explain(http.StatusOK, nil, trimmed); ok {
				return c.tell(op, r, nil)
			}
		}
		return c.fail(op, connectors.Temporary, "a web page instead of data"+pageTitle(trimmed), nil)
	case trimmed[0] != '{' && trimmed[0] != '[':
		return c.fail(op, connectors.Temporary, "not JSON: "+c.clean(string(trimmed)), nil)
	}
	var err error
	if d, ok := into.(Decoder); ok {
		err = d.DecodeJSON(trimmed)
	} else {
		err = json.Unmarshal(trimmed, into)
	}
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return c.tell(op, *r, nil)
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return c.fail(op, connectors.Temporary, "the answer is cut off or is not JSON", nil)
	}
	return c.fail(op, connectors.Schema, "the answer has another shape than known", err)
}

var errTooLarge = errors.New("too large")

func readAll(resp *http.Response, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= limit {
		buf.Grow(int(n) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err == nil && n > limit {
		err = errTooLarge
	}
	return buf.Bytes(), err
}

// drain reads what is left, within reason, so that the connection is used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, drainLimit)
	_ = body.Close()
}
