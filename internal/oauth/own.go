package oauth

import (
	"context"
	"sync"
	"time"
)

// Own gives the access tokens that a client is given in its own name, without
// anybody's consent. They are kept in memory alone. It is safe for concurrent use.
type Own struct {
	id     string
	client Client
	now    func() time.Time

	mu    sync.Mutex
	grant Grant
}

// NewOwn returns those of a client; id is the name of what they open.
func NewOwn(id string, c Client, now func() time.Time) *Own {
	return &Own{id: id, client: c, now: now}
}

// Token returns one that is good for a minute at least; refused is one that was not
// taken ("" none). Errors are *Error, or the context's own.
func (o *Own) Token(ctx context.Context, refused string) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.grant.good(o.now(), refused) {
		return o.grant.Access, nil
	}
	g, err := o.client.own(ctx, o.id, o.now())
	if err != nil {
		return "", err
	}
	o.grant = g
	return g.Access, nil
}
