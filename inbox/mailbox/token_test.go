package mailbox_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/inbox/mailbox"
	"relanced/internal/email/emailtest"
	"relanced/internal/oauth"
)

// tokens gives what is in it, in this order, and keeps which were refused.
type tokens struct {
	give    []any // a token, or why there is none
	refused []string
}

func (k *tokens) token(_ context.Context, refused string) (string, error) {
	k.refused = append(k.refused, refused)
	next := k.give[0]
	k.give = k.give[1:]
	if err, ok := next.(error); ok {
		return "", err
	}
	return next.(string), nil
}

const bearerAddress = "compta@dupont.example"

func TestOpen_logsInByToken(t *testing.T) {
	t.Parallel()
	lost := &oauth.Error{Kind: oauth.Lost, ID: "dupont/courrier"}
	away := &oauth.Error{Kind: oauth.Temporary}
	for name, test := range map[string]struct {
		user    string
		give    []any
		refused []string
		kind    mailbox.Kind // "": logged in
		do      string
	}{
		"good":                       {bearerAddress, []any{"good"}, []string{""}, "", ""},
		"ended, renewed":             {bearerAddress, []any{"old", "good"}, []string{"", "old"}, "", ""},
		"refused, and the next one":  {bearerAddress, []any{"old", "older"}, []string{"", "old"}, mailbox.Auth, "what the administrator must do"},
		"refused, and there is none": {bearerAddress, []any{"old", lost}, []string{"", "old"}, mailbox.Auth, "reconnect: run relanced connect courrier"},
		"refused, none for now":      {bearerAddress, []any{"old", away}, []string{"", "old"}, mailbox.Temporary, away.Do()},
		"another's mailbox":          {"paie@dupont.example", []any{"good", "good"}, []string{"", "good"}, mailbox.Auth, "what the administrator must do"},
		"never connected":            {bearerAddress, []any{&oauth.Error{Kind: oauth.Unconnected, ID: "dupont/courrier"}}, []string{""}, mailbox.Auth, "run relanced connect courrier"},
	} {
		for _, bearer := range []string{"XOAUTH2", "OAUTHBEARER"} {
			t.Run(name+" by "+bearer, func(t *testing.T) {
				t.Parallel()
				server, err := emailtest.NewIMAP(emailtest.IMAPConfig{
					Users: map[string]string{bearerAddress: "x", "paie@dupont.example": "x"}, Bearer: bearer,
					Token: func(login, token string) bool { return login == bearerAddress && token == "good" },
				})
				if err != nil {
					t.Fatal(err)
				}
				defer server.Close()
				k := &tokens{give: test.give}
				session, err := mailbox.Open(t.Context(), mailbox.Account{
					User: test.user, Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS, Token: k.token,
					Advise: func(said string) string {
						return "what the administrator must do" + strings.TrimPrefix(said, "AUTHENTICATE failed.")
					},
				})
				if diff := cmp.Diff(test.refused, k.refused); diff != "" {
					t.Error(diff)
				}
				if test.kind == "" {
					if err != nil {
						t.Fatal(err)
					}
					defer session.Close()
					if status, err := session.Examine(t.Context(), "INBOX"); err != nil {
						t.Errorf("%v, %v", status, err)
					}
					return
				}
				var told *mailbox.Error
				if !errors.As(err, &told) || told.Kind != test.kind || told.Do != test.do || strings.Contains(err.Error(), "old") {
					t.Errorf("%v: %+v", err, told)
				}
			})
		}
	}
}

// The reason is answered with an empty line: "=" is no base64, and a server that
// says so hides the refusal.
func TestOpen_answersTheReasonWithAnEmptyLine(t *testing.T) {
	t.Parallel()
	for _, caps := range []string{"IMAP4rev1 AUTH=XOAUTH2 SASL-IR", "IMAP4rev1 AUTH=XOAUTH2"} {
		s := newScript(t)
		s.caps = caps
		answers := make(chan string, 8)
		s.on = func(c *client, tag, command string) bool {
			if !strings.HasPrefix(command, "AUTHENTICATE") {
				return false
			}
			answers <- command
			said := func(challenge string) {
				c.say("+ %s", challenge)
				line, _ := c.in.ReadString('\n')
				answers <- line
			}
			if !strings.Contains(caps, "SASL-IR") {
				said("")
			}
			said("eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=")
			c.say("%s NO AUTHENTICATE failed.", tag)
			return true
		}
		account := s.account()
		account.User = "u"
		account.Token = (&tokens{give: []any{"T", "T"}}).token
		_, err := mailbox.Open(t.Context(), account)
		if mailbox.KindOf(err) != mailbox.Auth || !strings.Contains(err.Error(), "AUTHENTICATE failed.") {
			t.Errorf("%s: %v", caps, err)
		}
		close(answers)
		var got []string
		for line := range answers {
			got = append(got, line)
		}
		want := []string{"AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIFQBAQ==", "\r\n"}
		if !strings.Contains(caps, "SASL-IR") {
			want = []string{"AUTHENTICATE XOAUTH2", "dXNlcj11AWF1dGg9QmVhcmVyIFQBAQ==\r\n", "\r\n"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", caps, diff)
		}
	}
}

// Exchange takes the token of whom it has no mailbox for.
func TestProbe_aLogInToNoMailboxIsRefused(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"EXAMINE", "LIST"} {
		s := newScript(t)
		s.on = func(c *client, tag, line string) bool {
			if strings.HasPrefix(line, command) {
				c.say("%s BAD User is authenticated but not connected.", tag)
			}
			return strings.HasPrefix(line, command)
		}
		account := s.account()
		account.Advise = func(said string) string { return "about " + said }
		_, err := mailbox.Probe(t.Context(), account)
		if command == "LIST" {
			_, err = mailbox.Folders(t.Context(), account)
		}
		var told *mailbox.Error
		if !errors.As(err, &told) || told.Kind != mailbox.Auth || told.Do != "about User is authenticated but not connected." {
			t.Errorf("%s: %v", command, err)
		}
	}
}

func TestOpen_aServerWithoutTokensIsSaid(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	account := s.account()
	account.Token = (&tokens{give: []any{"T", "T"}}).token
	_, err := mailbox.Open(t.Context(), account)
	var told *mailbox.Error
	if !errors.As(err, &told) || told.Kind != mailbox.Auth || told.Do == "" {
		t.Errorf("%v", err)
	}
}

// What a log-in leaves open after a refusal, servers count.
func TestOpen_aRefusedLogInIsHungUp(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	ended := make(chan struct{})
	s.on = func(c *client, tag, command string) bool {
		if !strings.HasPrefix(command, "LOGIN") {
			return false
		}
		c.say("%s NO no", tag)
		go func() {
			defer close(ended)
			for {
				if _, err := c.in.ReadString('\n'); err != nil {
					return
				}
			}
		}()
		<-ended
		return true
	}
	if _, err := mailbox.Open(t.Context(), s.account()); mailbox.KindOf(err) != mailbox.Auth {
		t.Error(err)
	}
	<-ended
}
