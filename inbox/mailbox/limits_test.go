package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"relanced/inbox/mailbox"
)

const (
	shortly = 200 * time.Millisecond // the limit of every command in these tests
	never   = 30 * time.Second       // what no command may come near
)

// hurried is the account with short limits.
func (s *script) hurried() mailbox.Account {
	a := s.account()
	a.Limits = mailbox.Limits{Login: shortly, Examine: shortly, List: shortly, Search: shortly, Headers: shortly, Body: shortly, Append: shortly, Idle: time.Hour}
	return a
}

// lifetime does everything that is ever done to a mailbox.
func lifetime(ctx context.Context, a mailbox.Account) error {
	if _, err := mailbox.Folders(ctx, a); err != nil {
		return err
	}
	session, err := mailbox.Open(ctx, a)
	if err != nil {
		return err
	}
	defer session.Close()
	err = session.Read(ctx, mailbox.Folder{Name: "INBOX"}, mailbox.Mark{}, monthBack, func(ctx context.Context, b mailbox.Batch) error {
		for _, h := range b.Heads {
			if _, err := session.Body(ctx, 7, h.UID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := session.Wait(ctx, time.Millisecond, nil); err != nil {
		return err
	}
	return mailbox.Append(ctx, a, "Sent", []byte("From: a@b.example\r\n\r\nBonjour.\r\n"))
}

// TestSession_noCommandOutlastsItsLimit: the library waits for ever, we do not,
// though nobody gives up waiting for us; also where the server stops in the
// middle of an answer, trickles, or does not heed DONE.
func TestSession_noCommandOutlastsItsLimit(t *testing.T) {
	t.Parallel()
	hang := func(prefix string) func(*client, string, string) bool {
		return func(_ *client, _, command string) bool { return strings.HasPrefix(command, prefix) }
	}
	half := func(items, answer string) func(*client, string, string) bool {
		return func(c *client, _, command string) bool {
			if !strings.Contains(command, items) {
				return false
			}
			_, _ = fmt.Fprint(c, answer)
			return true
		}
	}
	for name, on := range map[string]func(*client, string, string) bool{
		"greeting": nil,
		"LOGIN":    hang("LOGIN"), "LIST": hang("LIST"), "EXAMINE": hang("EXAMINE"), "SEARCH": hang("UID SEARCH"), "heads": half("HEADER.FIELDS", ""),
		"NOOP": hang("NOOP"), "IDLE": hang("IDLE"), "APPEND": hang("APPEND"),
		"body":                    half("BODY.PEEK[]", ""),
		"in the middle of heads":  half("HEADER.FIELDS", "* 1 FETCH (UID 1 RFC822.SIZE 20 BODY[HEADER.FIELDS (FROM)] {500}\r\nFrom: a"),
		"in the middle of a body": half("BODY.PEEK[]", "* 1 FETCH (UID 1 BODY[]<0> {500}\r\nFrom: a"),
		"DONE": func(c *client, _, command string) bool {
			if command == "IDLE" {
				c.say("+ idling")
				_, _ = c.in.ReadString('\n')
				return true
			}
			return false
		},
		"a trickle of heads": func(c *client, _, command string) bool {
			if !strings.Contains(command, "HEADER.FIELDS") {
				return false
			}
			tick := time.NewTicker(shortly / 10)
			defer tick.Stop()
			_, err := fmt.Fprint(c, "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] {1000000}\r\n")
			for err == nil {
				<-tick.C
				_, err = fmt.Fprint(c, "x")
			}
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t, letter{uid: 1, raw: text("m")})
			if s.on = on; on == nil {
				s.greeting = ""
			}
			ended := make(chan error, 1)
			go func() { ended <- lifetime(context.Background(), s.hurried()) }()
			select {
			case err := <-ended:
				switch name {
				case "heads", "in the middle of heads", "a trickle of heads", "body", "in the middle of a body":
					if err != nil { // it is this message that does it: all else is read
						t.Errorf("%v", err)
					}
				default:
					if err == nil || !strings.Contains(err.Error(), "no answer within") {
						t.Errorf("%v", err)
					}
				}
			case <-time.After(never):
				t.Error("it hangs")
			}
		})
	}
}

// TestOpen_noHandshakeOutlastsItsLimit: neither the one of STARTTLS, for which
// the library sets no deadline, nor the one that comes first.
func TestOpen_noHandshakeOutlastsItsLimit(t *testing.T) {
	t.Parallel()
	for _, how := range []mailbox.TLS{mailbox.StartTLS, mailbox.Implicit} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			s.caps = "IMAP4rev1 STARTTLS"
			if how == mailbox.Implicit {
				s.greeting = ""
			}
			reached := make(chan struct{}, 1)
			s.on = func(c *client, tag, command string) bool {
				if command != "STARTTLS" {
					return false
				}
				c.say("%s OK begin", tag)
				reached <- struct{}{}
				for { // takes the client's hello, and says nothing
					if _, err := c.in.ReadByte(); err != nil {
						return true
					}
				}
			}
			account := s.hurried()
			account.TLS = how
			ended := make(chan error, 1)
			go func() {
				session, err := mailbox.Open(context.Background(), account)
				if err == nil {
					session.Close()
				}
				ended <- err
			}()
			select {
			case err := <-ended:
				if err == nil || mailbox.KindOf(err) != mailbox.Temporary {
					t.Errorf("%v", err)
				}
			case <-time.After(never):
				t.Fatal("it hangs")
			}
			if how == mailbox.StartTLS && len(reached) == 0 {
				t.Error("the handshake did not begin")
			}
		})
	}
}

// TestWait_isRenewed: boxes on the way forget a line on which nothing is said.
func TestWait_isRenewed(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	account := s.account()
	account.Limits = mailbox.Limits{Login: time.Minute, Examine: time.Minute, Idle: 50 * time.Millisecond}
	session, err := mailbox.Open(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	if _, err := session.Examine(t.Context(), "INBOX"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), never)
	defer cancel()
	if rang, err := session.Wait(ctx, time.Hour, nil); rang || err != nil {
		t.Errorf("%v %v", rang, err)
	}
}

// TestSession_oneCommandAtATime: no command is sent before the last one was
// answered, though heads are fetched ahead while bodies are read; APPEND goes
// over a line of its own.
func TestSession_oneCommandAtATime(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	for uid := 1; uid <= 1200; uid++ {
		s.add(letter{uid: uid, raw: text(fmt.Sprint("m", uid))})
	}
	var mu sync.Mutex
	said := map[*client][]string{}
	overlapping := 0
	s.on = func(c *client, _, command string) bool {
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // another one would come meanwhile
		_, err := c.in.Peek(1)
		_ = c.SetReadDeadline(time.Time{})
		mu.Lock()
		defer mu.Unlock()
		verb, _, _ := strings.Cut(command, " ")
		said[c] = append(said[c], verb)
		if err == nil && verb != "APPEND" && verb != "LOGOUT" {
			overlapping++
		}
		return false
	}
	account := s.account()
	session, err := mailbox.Open(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	err = session.Read(t.Context(), mailbox.Folder{Name: "INBOX"}, mailbox.Mark{}, monthBack, func(ctx context.Context, b mailbox.Batch) error {
		for _, h := range b.Heads[:min(3, len(b.Heads))] {
			if body, err := session.Body(ctx, 7, h.UID); err != nil || len(body) == 0 {
				return errors.Join(err, errors.New("no body"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := session.Wait(ctx, time.Hour, nil)
		waiting <- err
	}()
	if err := mailbox.Append(t.Context(), account, "INBOX", []byte(text("copy"))); err != nil {
		t.Error(err)
	}
	cancel()
	<-waiting
	mu.Lock()
	defer mu.Unlock()
	if overlapping > 0 {
		t.Errorf("%d commands were sent while another one was being answered", overlapping)
	}
	appends := 0
	for _, verbs := range said {
		line := strings.Join(verbs, " ")
		if strings.Contains(line, "APPEND") {
			appends++
			if strings.Contains(line, "EXAMINE") || strings.Contains(line, "IDLE") {
				t.Errorf("APPEND shares a line with reading: %s", line)
			}
		}
	}
	if appends != 1 {
		t.Errorf("%d lines on which a copy was filed", appends)
	}
}

// TestSession_ringingNeverBlocksTheReader: what the server says by itself is
// handled in the goroutine that reads all its answers. Nobody waits for it here.
func TestSession_ringingNeverBlocksTheReader(t *testing.T) {
	t.Parallel()
	s := newScript(t, letter{uid: 1, raw: text("m")})
	s.on = func(c *client, _, command string) bool {
		if strings.HasPrefix(command, "UID FETCH") {
			for n := range 1000 {
				c.say("* %d EXISTS", n+2)
			}
		}
		return false
	}
	ctx, cancel := context.WithTimeout(t.Context(), never)
	defer cancel()
	session, err := mailbox.Open(ctx, s.account())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	heads := 0
	err = session.Read(ctx, mailbox.Folder{Name: "INBOX"}, mailbox.Mark{}, monthBack, func(_ context.Context, b mailbox.Batch) error {
		heads += len(b.Heads)
		return nil
	})
	if err != nil || heads != 1 {
		t.Errorf("%d heads, %v", heads, err)
	}
	if rang, err := session.Wait(ctx, time.Hour, nil); !rang || err != nil {
		t.Errorf("it was not heard that something came: %v %v", rang, err)
	}
}
