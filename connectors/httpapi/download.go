package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"relanced/connectors"
)

// Download fetches a document from a link the source gave, at most limit bytes.
// Redirects are followed; our credentials are never sent. A link that leads to
// nothing (404, 410) is a Temporary error: documents appear minutes after their
// invoice, and links die young.
func (c *Client) Download(ctx context.Context, op, link string, limit int64) ([]byte, error) {
	target, err := url.Parse(link)
	if err != nil || !c.mayFetch(target) {
		return nil, c.fail(op, connectors.Invalid, "the link is neither https nor to this machine", nil)
	}
	t := &try{op: op, safe: true}
	for {
		t.begin(c.now())
		data, resp, err := c.download(ctx, op, target, limit) //nolint:bodyclose // closed where it is read
		again, stop := c.checkRetry(context.WithValue(ctx, tryKey{}, t), resp, err)
		switch {
		case err == nil:
			return data, nil
		case stop != nil || !again:
			return nil, c.wrap(ctx, op, err)
		}
		if err := sleep(ctx, wait(t.attempt-1, resp)); err != nil {
			return nil, c.wrap(ctx, op, err)
		}
	}
}

func (c *Client) download(ctx context.Context, op string, target *url.URL, limit int64) ([]byte, *http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, nil, c.fail(op, connectors.Invalid, "the link cannot be read", nil)
	}
	req.Header.Set("User-Agent", "relanced")
	resp, err := c.raw.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer drain(resp.Body)
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		e := c.fail(op, connectors.Temporary, "the document is not there yet", Status(resp.StatusCode))
		e.Do = "nothing: it is tried again; documents appear some minutes after their invoice"
		return nil, resp, e
	case resp.StatusCode != http.StatusOK:
		return nil, resp, c.refused(op, resp, nil)
	}
	data, err := readAll(resp, limit)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, resp, c.fail(op, connectors.Invalid, fmt.Sprintf("the document is larger than %d bytes", limit), nil)
	case err != nil:
		return nil, nil, err
	case bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")):
		return nil, nil, c.fail(op, connectors.Temporary, "a web page instead of a document", nil)
	case len(data) == 0:
		return nil, nil, c.fail(op, connectors.Temporary, "an empty document", nil)
	}
	return data, resp, nil
}

// mayFetch tells whether a link may be followed: https, or this machine when
// the source itself is there.
func (c *Client) mayFetch(u *url.URL) bool {
	if u.Host == "" || u.User != nil {
		return false
	}
	if loopback(u) {
		return allowed(u) && loopback(c.base)
	}
	return u.Scheme == "https"
}

func (c *Client) checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return c.fail("follow a link", connectors.Invalid, "too many redirects", nil)
	}
	if !c.mayFetch(r.URL) {
		return c.fail("follow a link", connectors.Invalid, "it leads where neither https nor this machine is", nil)
	}
	return nil
}
