package outbox

import (
	"context"
	"errors"
	"fmt"

	"relanced/internal/oauth"
)

// dialByToken opens a session by an access token. One that the server refuses is
// renewed, once: it may have ended sooner than it was said to.
func dialByToken(ctx context.Context, server Server) (*Session, Result) {
	token, err := server.Token(ctx, "")
	if err != nil {
		return nil, noToken(err)
	}
	s, r := dial(ctx, server, token)
	if s != nil || r.Stage != StageAuth || r.Code/100 != 5 {
		return s, r
	}
	fresh, err := server.Token(ctx, token)
	switch {
	case err != nil:
		return nil, noToken(err)
	case fresh == token:
		return nil, r
	}
	return dial(ctx, server, fresh)
}

// noToken is that there is nothing to log in with.
func noToken(err error) Result {
	r := failure(StageAuth, err)
	var told *oauth.Error
	if errors.As(err, &told) {
		r.Temporary, r.Do = told.Kind == oauth.Temporary, told.Do()
	}
	return r
}

// advise says what to do about a log-in that was refused for good.
func (s Server) advise(r Result) string {
	if s.Advise == nil || r.Temporary {
		return ""
	}
	return s.Advise(fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text))
}
