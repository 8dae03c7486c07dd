package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"relanced/connectors"
	"relanced/internal/oauth"
)

// How long one call tries: a source that is away for a minute is reported.
const (
	budget      = time.Minute
	glance      = 5 * time.Second // where somebody only wants to know whether it answers
	firstWait   = 500 * time.Millisecond
	longestWait = 15 * time.Second
	// unreadable answers (a web page, cut-off JSON) rarely mend themselves soon
	unreadableTries = 3
)

type tryKey struct{}

// try is the state of one call over its attempts.
type try struct {
	op      string
	safe    bool
	most    int // attempts that may end with 5xx or without an answer in time; 0: any number
	attempt int
	start   time.Time // of the first attempt, by the runtime's clock
	at      time.Time // of the last attempt, by the injected clock
	final   bool      // the source says that another attempt would end the same way
}

// read has the source's own words looked at where a status alone would have the
// call repeated.
func (c *Client) read(t *try, resp *http.Response) error {
	if t == nil || c.o.Explain == nil || resp.StatusCode < 400 {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, errorBody))
	drain(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	told, ok := c.o.Explain(resp.StatusCode, resp.Header, text)
	t.final = ok && told.Kind != connectors.Temporary && told.Kind != connectors.Rate
	return nil
}

func (t *try) begin(at time.Time) {
	if t.attempt == 0 {
		t.start = time.Now()
	}
	t.attempt++
	t.at = at
}

// checkRetry repeats safe calls that failed for a reason that may pass, as long
// as the next attempt begins within the budget.
func (c *Client) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	t, ok := ctx.Value(tryKey{}).(*try)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case !ok || !t.safe || t.final || t.attempt == 0:
		return false, nil
	case err != nil && !mayPass(t, err):
		return false, nil
	case err == nil && !passing(resp.StatusCode):
		return false, nil
	case t.most > 0 && t.attempt >= t.most && (resp != nil && resp.StatusCode >= 500 || errors.Is(err, errSlow)):
		return false, nil
	}
	limit := budget
	if connectors.Glance(ctx) {
		limit = glance
	}
	if time.Since(t.start)+wait(t.attempt-1, resp) > limit {
		return false, nil
	}
	c.log.Debug("request repeated", "op", t.op, "attempt", t.attempt)
	return true, nil
}

func mayPass(t *try, err error) bool {
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		switch {
		case e.Kind == connectors.Rate:
			return true
		case e.Kind != connectors.Temporary:
			return false
		case StatusOf(err) != 0:
			return passing(StatusOf(err))
		}
		return t.attempt < unreadableTries
	}
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		return e.Kind == oauth.Temporary
	}
	return !untrusted(err)
}

func untrusted(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok
}

func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= 500
}

// wait is the time before the attempt after number n (from 0): what the source
// asks for, else twice the last one.
func wait(n int, resp *http.Response) time.Duration {
	if resp != nil {
		if d, ok := retryAfter(resp.Header); ok {
			return d
		}
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("ratelimit-reset") != "" {
			return max(untilReset(resp.Header), firstWait)
		}
	}
	d := min(firstWait<<min(n, 10), longestWait)
	return d - time.Duration(rand.Int64N(int64(d)/5)) //nolint:gosec // spreads retries, guards nothing
}

// retryAfter reads Retry-After, in seconds or as a date.
func retryAfter(h http.Header) (time.Duration, bool) {
	text := h.Get("Retry-After")
	if text == "" {
		return 0, false
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if n < 0 || n > 1e8 {
			return 0, false
		}
		return time.Duration(n * float64(time.Second)), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	now := time.Now()
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(at.Sub(now), 0), true
}
