package e2e

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/email/emailtest"
)

// TestDrillNet_whatCannotBeReadSendsNothing takes away the mailbox, the books
// and the mail server, one after the other: nothing leaves without a fresh view,
// it is said what to do, and everything leaves once when they are back.
func TestDrillNet_whatCannotBeReadSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.customer("P001", "Boulangerie Petit", "petit@petit.example", "PL-1", 30_000)
	w.approved(1)
	mid := w.message("P001").mid()
	refused := func(what string) {
		t.Helper()
		r := w.command("remind")
		if r.code != 1 || strings.TrimSpace(r.err) == "" {
			t.Errorf("%s: exit %d: %s", what, r.code, r.err)
		}
		if row := w.message("P001"); row.State != "queued" {
			t.Errorf("%s: the message is %s", what, row.State)
		}
		t.Logf("%s: %s", what, strings.TrimSpace(r.err))
	}

	w.post.run("down", "imap")
	refused("the mailbox is away")
	w.post.run("up", "imap")
	if full() { // it takes the limits of log-in
		w.post.run("hang", "imap")
		refused("the mailbox is frozen")
		w.post.run("wake", "imap")
	}
	if n := w.delivered("petit")[mid]; n != 0 {
		t.Error("the message left without a look at the mailbox")
	}

	w.books.SetToken("another")
	refused("the token is refused")
	w.books.SetToken(token)

	w.books.Fail(pennylanetest.Fault{Kind: pennylanetest.Disconnect})
	refused("the books are away")
	w.books.Heal()

	d := w.daemon()
	until(t, 90*time.Second, "sent once all is back", func() bool { return w.delivered("petit")[mid] == 1 })
	d.stop()
	w.do("remind")
	if states := w.agree("petit"); states["sent"] != 1 {
		t.Errorf("%v", states)
	}
}

// TestDrillNet_resetAroundTheLastDot cuts the line to the mail server after the
// content, before its answer: with the message taken and not taken. Both times
// nobody knows; nothing is sent again by guess.
func TestDrillNet_resetAroundTheLastDot(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]bool{"taken": true, "lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			cut := false
			server := w.handTo(emailtest.SMTPConfig{
				Fault: func(stage emailtest.Stage, _ string) emailtest.Fault {
					if stage == emailtest.Dot && !cut {
						cut = true
						return emailtest.Fault{Drop: true, Taken: taken}
					}
					return emailtest.Fault{}
				},
			})
			w.customer("P001", "Boulangerie Petit", "petit@petit.example", "PL-1", 30_000)
			w.customer("P002", "Cabinet Lefèvre", "lefevre@lefevre.example", "PL-2", 45_000)
			w.approved(2)
			w.do("remind")
			w.do("remind")
			if got := one[statusRow](w, "status").Outbox; got["unknown"] != 1 || got["sent"] != 1 {
				t.Errorf("outbox: %v", got)
			}
			want := 1
			if taken {
				want = 2
			}
			if n := len(server.Mails()); n != want {
				t.Errorf("the mail server took %d messages, want %d", n, want)
			}
			for _, row := range rows[outboxRow](w, "outbox", "--state", "unknown") {
				if reason := w.why(row.customer()).reason(); reason != "outcome_unknown" {
					t.Errorf("why: %s", reason)
				}
				if taken {
					w.do("resolve", fmt.Sprint(row.ID), "sent")
				} else {
					w.do("resolve", fmt.Sprint(row.ID), "not-sent")
				}
			}
			w.do("remind")
			if n := len(server.Mails()); n != want { // not sent again before 15 minutes
				t.Errorf("the mail server took %d messages, want %d", n, want)
			}
		})
	}
}

// TestDrillRace_aPaymentThatTheChangelogHidesIsSeen reads the invoice again just
// before its mail leaves.
func TestDrillRace_aPaymentThatTheChangelogHidesIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.books.Switches.QuietMatch = true
	_, invoice := w.customer("P001", "Boulangerie Petit", "petit@petit.example", "PL-1", 30_000)
	w.approved(1)
	w.books.Books.Pay(invoice, day(0).String())
	w.do("remind")
	w.do("remind")
	if n := len(w.delivered("petit")); n != 0 {
		t.Errorf("%d messages left", n)
	}
	if row := w.message("P001"); row.State == "sent" {
		t.Errorf("the message is %s", row.State)
	}
}

// TestHostileNames wants each name to stay what it is: a name. No header, no
// recipient and no page is broken by it.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	names := []string{
		"Petit\r\nBcc: lefevre@lefevre.example\r\n\r\nhello",
		"<script>alert(1)</script><img src=x onerror=alert(1)>",
		"{{.Company}} **bold** [link](http://evil.example) `code`",
		"\u202eesrever\u2066 name\u2069",
		strings.Repeat("é", 5000),
		"=cmd|' /C calc'!A0",
	}
	for i, name := range names {
		w.customer(fmt.Sprintf("H%03d", i), name, fmt.Sprintf("petit@h%d.example", i), fmt.Sprintf("HN-%d", i), int64(30_000+i))
	}
	w.approved(len(names))
	w.do("remind")
	w.await("petit", len(names))
	for _, l := range w.post.letters("petit", "INBOX") {
		for name := range l.head {
			if strings.EqualFold(name, "Bcc") {
				t.Errorf("a name became the header %s", name)
			}
		}
		if to, err := mail.ParseAddressList(l.head.Get("To")); err != nil || len(to) != 1 || !strings.HasPrefix(to[0].Address, "petit@h") || len(to[0].Name) > 400 {
			t.Errorf("To: %.200s (%v)", l.header("To"), err)
		}
		page := l.text("text/html")
		for _, bad := range []string{"<script", "<img src=x", "href=\"http://evil.example", "\u202e"} {
			if strings.Contains(page, bad) || strings.Contains(l.header("Subject"), bad) {
				t.Errorf("%q stands in the page of %s", bad, l.header("To"))
			}
		}
	}
	if n := len(w.post.letters("lefevre", "INBOX")); n != 0 {
		t.Errorf("%d messages reached somebody else", n)
	}
	for _, args := range [][]string{{"customers"}, {"aged"}, {"why", "H003"}, {"outbox"}} {
		if out := w.do(args...); strings.ContainsAny(out, "\u202e\u2066\r\x1b") {
			t.Errorf("relanced %s prints what reorders a line: %q", args[0], out)
		}
	}
}

// TestWorkList_forgedAndRepeatedAnswersDoNothing lets a stranger answer a list
// that they got hold of, and Marie's answer come twice.
func TestWorkList_forgedAndRepeatedAnswersDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.brief = true
	w.config = w.write("relanced.yaml")
	w.put("clients.csv", "code\n")
	w.customer("P001", "Boulangerie Petit", "petit@petit.example", "PL-1", 30_000)
	w.customer("P002", "Cabinet Lefèvre", "lefevre@lefevre.example", "PL-2", 45_000)
	w.do("sync", "compta")
	w.do("confirm", "compta", "--yes")
	d := w.daemon()
	list := w.list(func(l letter) bool { return len(numbers(l)) == 2 })

	// Eve has the token, and says that she is herself; then that she is Marie,
	// without the token.
	stolen := regexp.MustCompile(`t\d+\.[0-9a-z]+\.[0-9a-z]+\.[0-9a-z]+`).FindString(list.text("text/plain"))
	if stolen == "" {
		t.Fatal("the list shows no token")
	}
	fresh := letter{head: mail.Header{"From": {"compta@dupont.example"}}}
	forged, _ := answer("eve@elsewhere.example", "Eve", fresh, "ok\n\n"+stolen)
	w.post.send("eve@elsewhere.example", "compta@dupont.example", forged)
	bare, _ := answer("marie@dupont.example", "Marie Petit", list, "ok")
	w.post.send("eve@elsewhere.example", "compta@dupont.example", bare[:strings.Index(bare, "________")])
	until(t, 30*time.Second, "both were read", func() bool {
		return len(w.post.letters("compta", "INBOX")) == 2 && one[statusRow](w, "status").Mailboxes[0].State == "fresh"
	})
	w.do("inbox", "read")
	for _, code := range []string{"P001", "P002"} {
		if row := w.message(code); row.State != "draft" {
			t.Errorf("after forged answers the draft of %s is %s", code, row.State)
		}
	}

	n := numbers(list)
	text := fmt.Sprintf("%d: Merci encore pour votre accueil de mardi.\nnon %d", n["P001"], n["P002"])
	real, _ := answer("marie@dupont.example", "Marie Petit", list, text)
	w.post.send("marie@dupont.example", "compta@dupont.example", real)
	w.await("petit", 1)
	if text := w.post.letters("petit", "INBOX")[0].text("text/plain"); !strings.Contains(text, "Merci encore pour votre accueil de mardi.") {
		t.Errorf("the sentence is not on top:\n%s", text)
	}
	again, _ := answer("marie@dupont.example", "Marie Petit", list, "ok")
	w.post.send("marie@dupont.example", "compta@dupont.example", again)
	w.do("inbox", "read")
	w.do("inbox", "read")
	d.stop()
	if n := len(w.delivered("petit")); n != 1 {
		t.Errorf("%d messages to who was approved", n)
	}
	if n := len(w.delivered("lefevre")); n != 0 {
		t.Errorf("%d messages to who was declined", n)
	}
}
