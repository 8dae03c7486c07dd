package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/google/go-cmp/cmp"

	"relanced/inbox/mailbox"
)

// look reads INBOX from the mark on and gives all heads and the last mark.
func look(t *testing.T, s *mailbox.Session, mark mailbox.Mark) (heads []mailbox.Head, next mailbox.Mark, err error) {
	t.Helper()
	next = mark
	err = s.Read(t.Context(), mailbox.Folder{Name: "INBOX", Role: mailbox.RoleInbox}, mark, monthBack, func(_ context.Context, b mailbox.Batch) error {
		heads = append(heads, b.Heads...)
		next = b.Next
		return nil
	})
	return heads, next, err
}

// monthBack is from when a renumbered folder is read again.
func monthBack() (time.Time, error) { return time.Now().AddDate(0, 0, -30), nil }

func open(t *testing.T, s *script) *mailbox.Session {
	t.Helper()
	session, err := mailbox.Open(t.Context(), s.account())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	return session
}

func uids(heads []mailbox.Head) []int {
	list := []int{}
	for _, h := range heads {
		if h.Unreadable {
			list = append(list, -int(h.UID))
		} else {
			list = append(list, int(h.UID))
		}
	}
	return list
}

// TestRead_oddMessagesStopNothing: whatever one message does to the library,
// all the others are read, in one reading, and the mark moves past it.
func TestRead_oddMessagesStopNothing(t *testing.T) {
	t.Parallel()
	for q, unreadable := range map[quirk]bool{"": false, bodyFirst: false, noZone: false, poison: true} {
		t.Run(string(q), func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			want := []int{}
			for uid := 1; uid <= 30; uid++ {
				l := letter{uid: uid, raw: text(fmt.Sprint("m", uid))}
				want = append(want, uid)
				if uid == 4 || uid == 17 || uid == 30 {
					l.quirk = q
					if unreadable {
						want[uid-1] = -uid
					}
				}
				s.add(l)
			}
			heads, next, err := look(t, open(t, s), mailbox.Mark{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, uids(heads)); diff != "" {
				t.Error(diff)
			}
			if next != (mailbox.Mark{UIDValidity: 7, NextUID: 31}) {
				t.Errorf("mark %v", next)
			}
			for _, h := range heads {
				if !h.Unreadable && !strings.Contains(string(h.Fields), fmt.Sprintf("<m%d@b.example>", h.UID)) {
					t.Errorf("%d: %q", h.UID, h.Fields)
				}
			}
			if q == noZone && !heads[3].ReceivedAt.Equal(time.Date(2026, 11, 24, 8, 30, 0, 0, time.UTC)) {
				t.Errorf("arrival %v", heads[3].ReceivedAt)
			}
		})
	}
}

// TestRead_manyOddMessagesNeverBlock: more messages cut the line than one
// reading bears; each reading comes further, and none is read twice.
func TestRead_manyOddMessagesNeverBlock(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	for uid := 1; uid <= 60; uid++ {
		l := letter{uid: uid, raw: text(fmt.Sprint("m", uid))}
		if uid%3 == 0 {
			l.quirk = poison
		}
		s.add(l)
	}
	mark := mailbox.Mark{UIDValidity: 7, NextUID: 1}
	var got []int
	for range 20 {
		heads, next, err := look(t, open(t, s), mark)
		got = append(got, uids(heads)...)
		if err == nil {
			break
		}
		if next.NextUID <= mark.NextUID {
			t.Fatalf("no step forward from %v: %v", mark, err)
		}
		mark = next
	}
	want := []int{}
	for uid := 1; uid <= 60; uid++ {
		if uid%3 == 0 {
			want = append(want, -uid)
		} else {
			want = append(want, uid)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestBody_oddBodies: a body is used only when it came whole.
func TestBody_oddBodies(t *testing.T) {
	t.Parallel()
	for q, want := range map[quirk]string{
		"": text("m"), noOffset: text("m"), nilBody: "", bodyFirst: text("m"), cutOnce: text("m"), cutBody: "", refused: "",
	} {
		if raceDetector && (q == cutOnce || q == cutBody) {
			continue // the library itself races where the line is cut inside a literal
		}
		t.Run(string(q), func(t *testing.T) {
			t.Parallel()
			s := newScript(t, letter{uid: 5, raw: text("m"), quirk: q})
			session := open(t, s)
			heads, _, err := look(t, session, mailbox.Mark{})
			if err != nil || len(heads) != 1 {
				t.Fatal(heads, err)
			}
			body, err := session.Body(t.Context(), 7, 5)
			if given := q != cutBody && q != refused; err != nil || string(body) != want || (body != nil) != given {
				t.Errorf("%q %v", body, err)
			}
			if again, _, err := look(t, session, mailbox.Mark{}); err != nil || len(again) != 1 {
				t.Errorf("the session is of no use afterwards: %v", err)
			}
		})
	}
}

func TestBody_ofAMessageThatLeft(t *testing.T) {
	t.Parallel()
	s := newScript(t, letter{uid: 5, raw: text("m"), quirk: gone}, letter{uid: 6, raw: text("n")})
	session := open(t, s)
	heads, _, err := look(t, session, mailbox.Mark{})
	if err != nil || len(heads) != 2 {
		t.Fatal(uids(heads), err)
	}
	if _, err := session.Body(t.Context(), 7, 5); !errors.Is(err, mailbox.ErrGone) {
		t.Errorf("%v", err)
	}
}

// TestRead_nothingNewIsOneRoundTrip counts commands.
func TestRead_nothingNewIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	s := newScript(t, letter{uid: 9, raw: text("m")})
	session := open(t, s)
	_, mark, err := look(t, session, mailbox.Mark{})
	if err != nil {
		t.Fatal(err)
	}
	before := len(s.commands())
	for range 10 {
		if _, _, err := look(t, session, mark); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(s.commands()) - before; got != 10 {
		t.Errorf("%d commands for 10 looks: %v", got, s.commands()[before:])
	}
}

// TestRead_marks: what a server tells and does not tell of its numbers.
func TestRead_marks(t *testing.T) {
	t.Parallel()
	three := []letter{{uid: 3, raw: text("a")}, {uid: 8, raw: text("b")}, {uid: 9, raw: text("c")}}
	for name, test := range map[string]struct {
		validity, uidNext int
		mark              mailbox.Mark
		want              []int
		next              mailbox.Mark
	}{
		"from the mark on":          {7, 0, mailbox.Mark{UIDValidity: 7, NextUID: 8}, []int{8, 9}, mailbox.Mark{UIDValidity: 7, NextUID: 10}},
		"the star gives no old one": {7, 12, mailbox.Mark{UIDValidity: 7, NextUID: 10}, []int{}, mailbox.Mark{UIDValidity: 7, NextUID: 12}},
		"UIDNEXT missing":           {7, -1, mailbox.Mark{UIDValidity: 7, NextUID: 4}, []int{8, 9}, mailbox.Mark{UIDValidity: 7, NextUID: 10}},
		"UIDNEXT missing, nothing":  {7, -1, mailbox.Mark{UIDValidity: 7, NextUID: 10}, []int{}, mailbox.Mark{UIDValidity: 7, NextUID: 10}},
		"renumbered":                {7, 0, mailbox.Mark{UIDValidity: 6, NextUID: 100}, []int{3, 8, 9}, mailbox.Mark{UIDValidity: 7, NextUID: 10}},
		"UIDVALIDITY missing":       {0, 0, mailbox.Mark{UIDValidity: 0, NextUID: 9}, []int{3, 8, 9}, mailbox.Mark{UIDValidity: 0, NextUID: 10}},
		"never read":                {7, 0, mailbox.Mark{}, []int{3, 8, 9}, mailbox.Mark{UIDValidity: 7, NextUID: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t, three...)
			s.validity, s.uidNext = test.validity, test.uidNext
			heads, next, err := look(t, open(t, s), test.mark)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, uids(heads)); diff != "" || next != test.next {
				t.Errorf("%v %s", next, diff)
			}
		})
	}
}

// TestRead_firstLookIsSevenDays: SEARCH knows days only; arrival decides.
func TestRead_firstLookIsSevenDays(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	s := newScript(t, letter{uid: 1, raw: text("old"), age: 7*day + time.Hour}, letter{uid: 2, raw: text("new"), age: 7*day - time.Hour})
	heads, next, err := look(t, open(t, s), mailbox.Mark{})
	if err != nil || next.NextUID != 3 {
		t.Fatal(next, err)
	}
	if diff := cmp.Diff([]int{2}, uids(heads)); diff != "" {
		t.Error(diff)
	}
}

// TestRead_vanishedMessagesAreCounted: a rule moves messages before we come.
func TestRead_vanishedMessagesAreCounted(t *testing.T) {
	t.Parallel()
	s := newScript(t, letter{uid: 12, raw: text("m")})
	s.uidNext = 15
	vanished := 0
	err := open(t, s).Read(t.Context(), mailbox.Folder{Name: "INBOX"}, mailbox.Mark{UIDValidity: 7, NextUID: 10}, monthBack, func(_ context.Context, b mailbox.Batch) error {
		vanished += b.Vanished
		return nil
	})
	if err != nil || vanished != 4 {
		t.Errorf("%d vanished, %v", vanished, err)
	}
}

// TestRead_aServerInLowerCase: the library does not see its numbers, so each
// look is a rescan; nothing is missed.
func TestRead_aServerInLowerCase(t *testing.T) {
	t.Parallel()
	s := newScript(t, letter{uid: 4, raw: text("m")})
	s.lower = true
	session := open(t, s)
	for range 2 {
		if heads, next, err := look(t, session, mailbox.Mark{NextUID: 5}); err != nil || len(heads) != 1 || next.NextUID != 5 {
			t.Errorf("%v %v %v", uids(heads), next, err)
		}
	}
}

// TestSession_asksOnlyWhatLeavesNoTrace lists the commands of a whole life.
func TestSession_asksOnlyWhatLeavesNoTrace(t *testing.T) {
	t.Parallel()
	s := newScript(t, letter{uid: 1, raw: text("m")}, letter{uid: 2, raw: text("n"), quirk: poison}, letter{uid: 3, raw: text("o"), quirk: bodyFirst})
	account := s.account()
	folders, err := mailbox.Folders(t.Context(), account)
	if err != nil || len(folders) == 0 {
		t.Fatal(folders, err)
	}
	session := open(t, s)
	if _, _, err := look(t, session, mailbox.Mark{}); err != nil {
		t.Fatal(err)
	}
	for _, uid := range []imap.UID{1, 2, 3} {
		if _, err := session.Body(t.Context(), 7, uid); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := session.Wait(t.Context(), time.Millisecond, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := mailbox.FindSent(t.Context(), account, "INBOX", "<a@b>", "X-Relanced-Ref", "x"); err != nil {
		t.Fatal(err)
	}
	session.Close()
	for _, c := range s.commands() {
		ok := false
		for _, allowed := range []string{"CAPABILITY", "ID ", "LOGIN ", "LIST ", "EXAMINE ", "UID SEARCH ", "SEARCH ", "UID FETCH ", "FETCH ", "NOOP", "IDLE", "UNSELECT", "LOGOUT"} {
			ok = ok || strings.HasPrefix(c, allowed)
		}
		_, items, _ := strings.Cut(c, "FETCH ")
		if !ok || strings.Contains(items, "RFC822 ") || strings.Contains(items, "ENVELOPE") || strings.Contains(items, "BODYSTRUCTURE") || strings.Contains(items, "FLAGS") || strings.Contains(items, "BODY[") {
			t.Errorf("asked %q", c)
		}
	}
}

// TestSession_silenceEnds: a server that stops answering costs the limit of the
// command, or until whoever waits gives up, and nothing hangs.
func TestSession_silenceEnds(t *testing.T) {
	t.Parallel()
	for _, silent := range []string{"greeting", "LOGIN", "EXAMINE", "UID SEARCH", "UID FETCH", "IDLE", "LIST"} {
		t.Run(silent, func(t *testing.T) {
			t.Parallel()
			s := newScript(t, letter{uid: 1, raw: text("m")})
			if silent == "greeting" {
				s.greeting = ""
			}
			s.on = func(_ *client, _, command string) bool { return strings.HasPrefix(command, silent) }
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			err := func() error {
				if silent == "LIST" {
					_, err := mailbox.Folders(ctx, s.account())
					return err
				}
				session, err := mailbox.Open(ctx, s.account())
				if err != nil {
					return err
				}
				defer session.Close()
				err = session.Read(ctx, mailbox.Folder{Name: "INBOX"}, mailbox.Mark{}, monthBack, func(context.Context, mailbox.Batch) error { return nil })
				if err != nil {
					return err
				}
				_, err = session.Wait(ctx, time.Minute, nil)
				return err
			}()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestSession_aServerThatNeverStopsIsCut: literals are unbounded in IMAP.
func TestSession_aServerThatNeverStopsIsCut(t *testing.T) {
	t.Parallel()
	s := newScript(t, letter{uid: 1, raw: text("m")})
	s.on = func(c *client, _, command string) bool {
		if !strings.HasPrefix(command, "UID FETCH") || !strings.Contains(command, "BODY.PEEK[]") {
			return false
		}
		_, _ = fmt.Fprintf(c, "* 1 FETCH (UID 1 BODY[]<0> {%d}\r\n", int64(1)<<40)
		block := make([]byte, 1<<20)
		for {
			if _, err := c.Write(block); err != nil {
				return true
			}
		}
	}
	session := open(t, s)
	if _, _, err := look(t, session, mailbox.Mark{}); err != nil {
		t.Fatal(err)
	}
	body, err := session.Body(t.Context(), 7, 1)
	if err != nil || body != nil {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

// TestOpen_refusedLogins: what a NO means decides whether and when to try again.
func TestOpen_refusedLogins(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]mailbox.Kind{
		"NO [AUTHENTICATIONFAILED] wrong": mailbox.Auth,
		"NO wrong":                        mailbox.Auth,
		"NO [UNAVAILABLE] later":          mailbox.Busy,
		"NO [LIMIT] many":                 mailbox.Busy,
		"NO Too many connections":         mailbox.Busy,
	} {
		s := newScript(t)
		s.on = func(c *client, tag, command string) bool {
			if !strings.HasPrefix(command, "LOGIN") {
				return false
			}
			c.say("%s %s", tag, answer)
			return true
		}
		_, err := mailbox.Open(t.Context(), s.account())
		if mailbox.KindOf(err) != want {
			t.Errorf("%s: %v", answer, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is told: %v", err)
		}
	}
	for greeting, want := range map[string]mailbox.Kind{"* BYE too many connections": mailbox.Busy, "* OK hello": mailbox.Temporary, "nonsense": mailbox.Temporary} {
		s := newScript(t)
		s.greeting = greeting
		s.on = func(c *client, _, _ string) bool { _ = c.Close(); return true }
		if _, err := mailbox.Open(t.Context(), s.account()); mailbox.KindOf(err) != want || err == nil {
			t.Errorf("%s: %v", greeting, err)
		}
	}
}

// TestFolders_anOddNameHidesNothing: one name that is no UTF-7 ends the listing.
func TestFolders_anOddNameHidesNothing(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.on = func(c *client, tag, command string) bool {
		if !strings.HasPrefix(command, "LIST") {
			return false
		}
		_, pattern, _ := strings.Cut(command, `"" `)
		switch strings.Trim(pattern, `"`) {
		case "*", "%":
			c.say(`* LIST () "/" "R&D"`)
		case "INBOX":
			c.say(`* LIST () "/" INBOX`)
		case "Junk", "Clients/Sud":
			c.say(`* LIST () "/" %s`, pattern)
		case "Sent Items":
			c.say(`* LIST () "/" "Sent Items"`)
		}
		c.say("%s OK", tag)
		return true
	}
	account := s.account()
	account.Folders, account.Sent = []string{"INBOX", "Clients/Sud"}, true
	got, err := mailbox.Folders(t.Context(), account)
	want := []mailbox.Folder{{Name: "INBOX", Role: mailbox.RoleInbox}, {Name: "Clients/Sud", Role: mailbox.RoleExtra}, {Name: "Junk", Role: mailbox.RoleJunk}, {Name: "Sent Items", Role: mailbox.RoleSent}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	account.Folders = []string{"INBOX", "Clients/Nord"}
	if _, err := mailbox.Folders(t.Context(), account); mailbox.KindOf(err) != mailbox.Missing || !strings.Contains(err.Error(), "Clients/Nord") {
		t.Errorf("%v", err)
	}
}

// TestFolders_byAttributeAndByName: servers say which folder is which, or not.
func TestFolders_byAttributeAndByName(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		listed []string
		want   []mailbox.Folder
	}{
		"attributes": {[]string{`() "/" INBOX`, `(\Junk) "/" Spam`, `(\Sent) "/" "Messages"`, `() "/" Sent`}, []mailbox.Folder{{"INBOX", mailbox.RoleInbox}, {"Spam", mailbox.RoleJunk}, {"Messages", mailbox.RoleSent}}},
		"names":      {[]string{`() "/" INBOX`, `() "/" "Courrier ind&AOk-sirable"`, `() "/" "&AMk-l&AOk-ments envoy&AOk-s"`}, []mailbox.Folder{{"INBOX", mailbox.RoleInbox}, {"Courrier indésirable", mailbox.RoleJunk}, {"Éléments envoyés", mailbox.RoleSent}}},
		"nested":     {[]string{`() "." INBOX`, `() "." INBOX.Junk`, `() "." INBOX.Sent`}, []mailbox.Folder{{"INBOX", mailbox.RoleInbox}, {"INBOX.Junk", mailbox.RoleJunk}, {"INBOX.Sent", mailbox.RoleSent}}},
		"gmail":      {[]string{`() "/" INBOX`, `(\Noselect) "/" "[Gmail]"`, `(\All) "/" "[Gmail]/Tous les messages"`, `(\Junk) "/" "[Gmail]/Spam"`, `(\Sent) "/" "[Gmail]/Messages envoy&AOk-s"`}, []mailbox.Folder{{"[Gmail]/Tous les messages", mailbox.RoleInbox}, {"[Gmail]/Spam", mailbox.RoleJunk}}},
	} {
		s := newScript(t)
		s.on = func(c *client, tag, command string) bool {
			if !strings.HasPrefix(command, "LIST") {
				return false
			}
			for _, l := range test.listed {
				c.say("* LIST %s", l)
			}
			c.say("%s OK", tag)
			return true
		}
		account := s.account()
		account.Sent = true
		got, err := mailbox.Folders(t.Context(), account)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

// TestWait_rings at once, by IDLE or for what came before it began.
func TestWait_rings(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.on = func(c *client, _, command string) bool {
		if command == "IDLE" {
			c.say("+ idling")
			c.say("* 1 EXISTS")
			line, _ := c.in.ReadString('\n')
			if strings.TrimSpace(line) != "DONE" {
				s.t.Errorf("got %q", line)
			}
			s.mu.Lock()
			last := len(s.log)
			s.mu.Unlock()
			c.say("T%d OK", last)
			return true
		}
		return false
	}
	session := open(t, s)
	if _, err := session.Examine(t.Context(), "INBOX"); err != nil {
		t.Fatal(err)
	}
	rang, err := session.Wait(t.Context(), time.Minute, nil)
	if !rang || err != nil {
		t.Errorf("%v %v", rang, err)
	}
}

// TestWait_without IDLE, woken, and by time.
func TestWait_wokenAndByTime(t *testing.T) {
	t.Parallel()
	for _, caps := range []string{"IMAP4rev1", "IMAP4rev1 IDLE"} {
		s := newScript(t)
		s.caps = caps
		session := open(t, s)
		if _, err := session.Examine(t.Context(), "INBOX"); err != nil {
			t.Fatal(err)
		}
		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		if rang, err := session.Wait(t.Context(), time.Hour, wake); rang || err != nil {
			t.Errorf("woken: %v %v", rang, err)
		}
		if rang, err := session.Wait(t.Context(), time.Millisecond, wake); rang || err != nil {
			t.Errorf("by time: %v %v", rang, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := session.Wait(ctx, time.Hour, wake); !errors.Is(err, context.Canceled) {
			t.Errorf("ended: %v", err)
		}
	}
}
