package mailbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/emersion/go-imap/v2"

	"relanced/internal/oauth"
)

// connect logs in. A token that the server refuses is renewed, once: it may have
// ended sooner than it was said to.
func (s *Session) connect(ctx context.Context) error {
	a := s.account
	if a.Token == nil {
		return s.reach(ctx, "")
	}
	token, err := a.Token(ctx, "")
	if err != nil {
		return a.noToken(ctx, err)
	}
	err = s.reach(ctx, token)
	if err == nil || KindOf(err) != Auth {
		return err
	}
	fresh, unrenewed := a.Token(ctx, token)
	if unrenewed != nil {
		return a.noToken(ctx, unrenewed)
	}
	if fresh == token {
		return err
	}
	return s.reach(ctx, fresh)
}

// noToken is why there is nothing to log in with.
func (a Account) noToken(ctx context.Context, err error) error {
	out := &Error{Kind: Temporary, Op: a.loggingIn(), Err: err}
	var told *oauth.Error
	if errors.As(err, &told) && ctx.Err() == nil {
		out.Do = told.Do()
		if told.Kind != oauth.Temporary {
			out.Kind = Auth
		}
	}
	return out
}

func (a Account) loggingIn() string { return fmt.Sprintf("log in to %s as %s", a.addr(), a.User) }

var errNoBearer = errors.New("the server offers no log-in by OAuth (XOAUTH2, OAUTHBEARER)")

// bear logs in by the token.
func (s *Session) bear(token string) error {
	caps := s.client.Caps()
	mechanism := oauth.SASL(s.account.User, token, func(name string) bool {
		for announced := range caps {
			if strings.EqualFold(string(announced), "AUTH="+name) {
				return true
			}
		}
		return false
	})
	if mechanism == nil {
		return errNoBearer
	}
	if s.saying != nil {
		s.saying.sasl = true
		defer func() { s.saying.sasl = false }()
	}
	return s.client.Authenticate(mechanism)
}

// unconnected is that a log-in was for nothing, nil where err is something else:
// Exchange lets in whom it has no mailbox for, and says so at the next command.
func (s *Session) unconnected(err error) error {
	var answer *imap.Error
	if !errors.As(err, &answer) || !strings.Contains(strings.ToLower(answer.Text), "authenticated but not connected") {
		return nil
	}
	return s.loginError(&imap.Error{Type: imap.StatusResponseTypeNo, Text: answer.Text})
}

// saying is the line below the library. An empty answer to a challenge is an
// empty line (RFC 9051 §6.2.2); the library writes "=", which stands for an empty
// first answer only, and which servers refuse as no base64.
type saying struct {
	net.Conn
	sasl bool // a log-in is being said
}

// Write writes, and mends the empty answer.
func (c *saying) Write(b []byte) (int, error) {
	if c.sasl && string(b) == "=\r\n" {
		_, err := c.Conn.Write([]byte("\r\n"))
		return len(b), err
	}
	return c.Conn.Write(b)
}
