package sage

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"relanced/connectors"
	"relanced/connectors/httpapi"
)

// isDenied tells that the user's roles do not reach so far.
func isDenied(err error) bool { return httpapi.StatusOf(err) == http.StatusForbidden }

// may asks for one row of a list that not every user may read.
func (c *client) may(ctx context.Context, r resource) (bool, error) {
	_, err := read[thin](ctx, c, "look whether "+r.plain+"s may be read", r, url.Values{}, 1, 1)
	if isDenied(err) {
		return false, nil
	}
	return err == nil, err
}

// rolesChanged tells whether a list may be read now that could not be.
func (p *pass) rolesChanged() (bool, error) {
	for _, o := range optional {
		if p.cur.denies(o.resource) {
			if may, err := p.c.may(p.ctx, o.resource); may || err != nil {
				return may, err
			}
		}
	}
	return false, nil
}

// roles finds out which lists the user may not read.
func (p *pass) roles() error {
	p.cur.Denied = nil
	for _, o := range optional {
		may, err := p.c.may(p.ctx, o.resource)
		if err != nil {
			return err
		}
		if !may {
			p.cur.Denied = append(p.cur.Denied, o.path)
		}
	}
	return nil
}

// tellMissing says what the user's roles keep from being read.
func (p *pass) tellMissing(out *connectors.Page) {
	for _, o := range optional {
		if p.cur.denies(o.resource) {
			out.Notes = append(out.Notes, connectors.Rejected{
				Ref:  connectors.Ref{Kind: o.kind},
				Text: fmt.Sprintf("%ss may not be read by the Sage user who agreed (it takes %s): %s", o.plain, o.roles, o.missing),
			})
		}
	}
}
