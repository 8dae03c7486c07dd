package httpapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"relanced/connectors"
)

// ParseURL reads the address of a source: https, or http to this machine.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("not an address such as https://host/path")
	case u.User != nil:
		return nil, errors.New("credentials do not belong in an address")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("an address with ? or # cannot be extended")
	}
	if !allowed(u) {
		return nil, errors.New("plain http:// is allowed only to this machine (127.0.0.1): use https://")
	}
	for len(u.Path) > 0 && u.Path[len(u.Path)-1] == '/' {
		u.Path = u.Path[:len(u.Path)-1]
	}
	u.RawPath = ""
	return u, nil
}

func allowed(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u)
}

func loopback(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// baseTransport is what env gives, or a default one, trusting env's CA file too.
func baseTransport(env connectors.Env) (http.RoundTripper, error) {
	if env.Transport != nil && env.CA == "" {
		return env.Transport, nil
	}
	base, ok := env.Transport.(*http.Transport)
	switch {
	case env.Transport == nil:
		base = http.DefaultTransport.(*http.Transport)
	case !ok:
		return env.Transport, nil // wrapped by the caller, who then knows of the CA
	}
	base = base.Clone()
	if env.CA != "" {
		pem, err := os.ReadFile(env.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no certificate in PEM form", env.CA)
		}
		base.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return base, nil
}

// TokenClient is what a connector asks its token endpoint with: the same
// transport and trust as its other requests.
func TokenClient(env connectors.Env) (*http.Client, error) {
	base, err := baseTransport(env)
	if err != nil {
		return nil, err
	}
	limit := env.Timeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	return &http.Client{Transport: base, Timeout: limit}, nil
}

// counted counts requests and limits their time, answer included.
type counted struct {
	c    *Client
	next http.RoundTripper
}

func (t *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(r.Context(), t.c.o.Env.Timeout, errSlow)
	t.c.requests.Add(1)
	resp, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		if errors.Is(context.Cause(ctx), errSlow) {
			err = errSlow
		}
		cancel()
		return nil, err
	}
	resp.Body = &timedBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel}
	return resp, nil
}

var errSlow = errors.New("no answer in time")

type timedBody struct {
	io.ReadCloser
	ctx    context.Context //nolint:containedctx // ends the reading of one answer
	cancel context.CancelFunc
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.ctx), errSlow) {
		err = errSlow
	}
	return n, err
}

func (b *timedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// paced waits for its turn before each request, retries included.
type paced struct {
	c    *Client
	pace *pace
	next http.RoundTripper
}

func (t *paced) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.pace.turn(r.Context()); err != nil {
		return nil, err
	}
	try, _ := r.Context().Value(tryKey{}).(*try)
	if try != nil {
		try.begin(t.c.now())
	}
	began := time.Now()
	resp, err := (&counted{c: t.c, next: t.next}).RoundTrip(r)
	status := 0
	if err == nil {
		status = resp.StatusCode
		t.pace.learn(resp.Header)
		err = t.c.read(try, resp)
	}
	if try != nil {
		t.c.logSent(try, resp, status, time.Since(began))
	}
	return resp, err
}

// logSent tells of a request: to those who look for trouble, and, where the
// source refused and its support would ask which, to everybody.
func (c *Client) logSent(t *try, resp *http.Response, status int, took time.Duration) {
	about := []any{"op", t.op, "attempt", t.attempt, "status", status, "took", took}
	if resp == nil || c.o.Trace == "" {
		c.log.Debug("request sent", about...)
		return
	}
	about = append(about, "trace", short(resp.Header.Get(c.o.Trace), 80))
	if status >= 400 && status != http.StatusUnauthorized { // a token that has ended is nothing unusual
		c.log.Warn("request refused", about...)
		return
	}
	c.log.Debug("request sent", about...)
}

// pace keeps to the limit the source tells in its answers (ratelimit-remaining,
// ratelimit-reset), and to a steady rate while it tells none.
type pace struct {
	steady *rate.Limiter // nil: no limit

	mu    sync.Mutex
	told  bool      // the last answer carried a limit
	left  int       // requests it leaves us
	until time.Time // when the limit is renewed, by our clock
}

// spare is what is left to others that use the same token beside us.
const spare = 1

func newPace(limit rate.Limit, burst int) *pace {
	if limit <= 0 {
		return &pace{}
	}
	return &pace{steady: rate.NewLimiter(limit, max(burst, 1))}
}

func (p *pace) turn(ctx context.Context) error {
	p.mu.Lock()
	told, rest := p.told, time.Duration(0)
	if told {
		p.left--
		if p.left < spare {
			rest = time.Until(p.until)
		}
	}
	p.mu.Unlock()
	if told {
		return sleep(ctx, rest)
	}
	if p.steady != nil {
		return p.steady.Wait(ctx)
	}
	return nil
}

// learn reads what the answer says of the limit. The renewal is counted from
// the server's own Date, so that clocks need not agree.
func (p *pace) learn(h http.Header) {
	left, err := strconv.Atoi(h.Get("ratelimit-remaining"))
	if err != nil {
		p.mu.Lock()
		p.told = false
		p.mu.Unlock()
		return
	}
	rest := untilReset(h)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told, p.left, p.until = true, left, time.Now().Add(rest)
}

// longestWindow bounds what a source may make us wait by its reset header alone.
const longestWindow = time.Minute

func untilReset(h http.Header) time.Duration {
	at, err := strconv.ParseInt(h.Get("ratelimit-reset"), 10, 64)
	if err != nil {
		return time.Second
	}
	now := time.Now()
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	rest := time.Unix(at, 0).Sub(now)
	if at < 1e6 { // seconds to wait, as some sources write it
		rest = time.Duration(at) * time.Second
	}
	if rest > longestWindow {
		return time.Second
	}
	return max(rest, 0)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
