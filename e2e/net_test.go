package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"relanced/internal/email/emailtest"
	"relanced/internal/store/storetest"
)

// service is a server that the program needs, behind a gate.
type service struct {
	behind func(w *world, g *gate) // makes the world go through the gate
	target func(w *world) string   // where the true server is
	says   string                  // what the one problem that is reported speaks of
	faults []fault                 // the first stands for all in a small drill
	tries  int                     // most lines that the program may try while it is watched
}

// watch is how long a broken line is watched; a source is tried for a minute
// before it is said to be away.
func watch() time.Duration {
	if full() {
		return 75 * time.Second
	}
	return 10 * time.Second
}

var services = map[string]service{
	"api": {
		target: func(w *world) string { return hostOf(w.books.URL()) },
		behind: func(w *world, g *gate) {
			u, _ := url.Parse(w.books.URL()) // the simulator's own
			u.Host = fmt.Sprintf("127.0.0.1:%d", g.port)
			w.api = u.String()
		},
		says: "connection compta", faults: []fault{reset, refused, mute, drip, garble}, tries: 25,
	},
	"imap": {
		target: func(w *world) string { return "127.0.0.1:" + w.post.env["MAIL_IMAPS_PORT"] },
		behind: func(w *world, g *gate) {
			w.imap = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: implicit, ca: %q, poll: 1m}", g.port, w.post.env["MAIL_CA"])
		},
		says: "mailbox courrier", faults: []fault{refused, reset, mute, drip, garble}, tries: 12,
	},
	"smtp": {
		target: func(w *world) string { return "127.0.0.1:" + w.post.env["MAIL_SUBMISSION_PORT"] },
		behind: func(w *world, g *gate) {
			w.smtp = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: starttls, ca: %q, pace: 600/min}", g.port, w.post.env["MAIL_CA"])
		},
		says: "nothing leaves", faults: []fault{refused, reset, mute, drip, garble}, tries: 4,
	},
}

func hostOf(address string) string {
	u, _ := url.Parse(address) // the simulator's own
	return u.Host
}

// TestDrillNet_aBrokenLineSendsNothingAndHeals breaks the line to each server in
// each way under a running daemon with two approved reminders. Nothing leaves
// that must not, one problem is reported and not one a try, the server is not
// hammered; once the line is back everything leaves, once.
func TestDrillNet_aBrokenLineSendsNothingAndHeals(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	for name, s := range services {
		faults := s.faults
		if !full() {
			faults = faults[:1]
		}
		for _, how := range faults {
			t.Run(name+"/"+string(how), func(t *testing.T) {
				t.Parallel()
				w := newWorldWith(t, "", p)
				g := newGate(t, s.target(w))
				s.behind(w, g)
				w.config = w.write("relanced.yaml")
				mark := strings.ToLower(strings.NewReplacer("/", "-", " ", "-").Replace(name + "-" + string(how)))
				for i, code := range []string{"P001", "P002"} {
					w.customer(code, "Client "+code, fmt.Sprintf("petit@%s%d.example", mark, i), fmt.Sprintf("PL-%d", i), 30_000)
				}
				w.approved(2)
				g.set(how)
				d := w.daemon()
				<-time.After(watch())
				if n := g.tried(); n > s.tries {
					t.Errorf("%d tries while it was watched", n)
				}
				if n := len(w.arrivedIn("petit", mark)); n != 0 {
					t.Errorf("%d messages left", n)
				}
				problems := slices.DeleteFunc(w.problems(), func(what string) bool { return strings.Contains(what, "exports") })
				// Who is mute or slow is waited for: that is no failure yet.
				patient := how == mute || how == drip || name == "api" && !full()
				if n := len(problems); n > 1 || n == 0 && !patient || n == 1 && !strings.Contains(problems[0], s.says) {
					t.Errorf("problems: %q", problems)
				}
				if n := strings.Count(d.said(), "WRN"); n > 3 {
					t.Errorf("%d warnings while it was watched:\n%s", n, tail(d.said(), 3000))
				}
				t.Logf("%d tries, problems %q", g.tried(), problems)
				g.set(none)
				began := time.Now()
				limit := 150 * time.Second
				if full() {
					limit = 420 * time.Second // after the second failure of a mail server the pause is five minutes
				}
				until(t, limit, "all sent", func() bool { return len(w.arrivedIn("petit", mark)) == 2 })
				t.Logf("all sent %s after the line was back", time.Since(began).Round(time.Second))
				until(t, 30*time.Second, "no problem left", func() bool {
					return !slices.ContainsFunc(w.problems(), func(what string) bool { return strings.Contains(what, s.says) })
				})
				d.stop()
				for _, row := range rows[outboxRow](w, "outbox") {
					if row.State != "sent" {
						t.Errorf("message %d is %s", row.ID, row.State)
					}
				}
				for mid, n := range w.arrivedIn("petit", mark) {
					if n != 1 {
						t.Errorf("%s arrived %d times", mid, n)
					}
				}
			})
		}
	}
}

// arrivedIn counts by Message-ID what reached addresses with the mark.
func (w *world) arrivedIn(user, mark string) map[string]int {
	w.t.Helper()
	counts := map[string]int{}
	for _, l := range w.post.letters(user, "INBOX") {
		if strings.Contains(l.header("To"), "@"+mark) {
			counts[l.head.Get("Message-Id")]++
		}
	}
	return counts
}

func (w *world) problems() []string {
	w.t.Helper()
	var list []string
	for _, p := range one[statusRow](w, "status").Problems {
		list = append(list, p.What)
	}
	return list
}

// TestDrillNet_aDatabaseThatIsAwaySendsNothingAndComesBack takes PostgreSQL away
// from a running daemon, and gives it back.
func TestDrillNet_aDatabaseThatIsAwaySendsNothingAndComesBack(t *testing.T) {
	t.Parallel()
	tool(t, "pgserver")
	faults := []fault{reset}
	if full() {
		faults = []fault{reset, refused, mute}
	}
	p := newPost(t)
	for _, how := range faults {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			direct := storetest.Postgres(t, "fsync=off")(t)
			w := newWorldWith(t, direct, p)
			mark := "pg-" + strings.ReplaceAll(string(how), " ", "-")
			w.customer("P001", "Boulangerie Petit", "petit@"+mark+"1.example", "PL-1", 30_000)
			w.approved(1)
			g := newGate(t, hostOf(direct))
			u, err := url.Parse(direct)
			if err != nil {
				t.Fatal(err)
			}
			u.Host = fmt.Sprintf("127.0.0.1:%d", g.port)
			w.do("hold", "P001", "--reason", "pas encore")
			w.store = u.String()
			d := w.daemon()
			g.set(how)
			w.store = direct
			w.do("resume", "P001") // by another node, which the daemon cannot see
			w.do("approve", "--all")
			<-time.After(watch())
			if n := len(w.arrivedIn("petit", mark)); n != 0 {
				t.Errorf("%d messages left by a daemon without a database", n)
			}
			said := d.said()
			if n := strings.Count(said, "WRN") + strings.Count(said, "ERR"); n > 5 || strings.Count(said, "database away") != 1 {
				t.Errorf("%d warnings and errors while it was watched:\n%s", n, tail(said, 3000))
			}
			g.set(none)
			began := time.Now()
			until(t, 120*time.Second, "sent", func() bool { return len(w.arrivedIn("petit", mark)) == 1 })
			t.Logf("sent %s after the database was back", time.Since(began).Round(time.Second))
			d.stop()
			if states := w.states(); states["sent"] != 1 || states["queued"]+states["unknown"]+states["armed"] != 0 {
				t.Errorf("%v", states)
			}
		})
	}
}

// TestDrillNet_aLineCutAfterEachWordLosesAndDoublesNothing cuts the line to the
// mail server after each of its steps: before the content it is known that
// nothing left, and the message waits for its next try. What happens at the final
// dot stands in TestDrillNet_resetAroundTheLastDot.
func TestDrillNet_aLineCutAfterEachWordLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	stages := []emailtest.Stage{emailtest.Connect, emailtest.Rcpt, emailtest.Data}
	if full() {
		stages = []emailtest.Stage{emailtest.Connect, emailtest.Ehlo, emailtest.Auth, emailtest.MailFrom, emailtest.Rcpt, emailtest.Data}
	}
	p := newPost(t)
	for _, stage := range stages {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, "", p)
			var cut atomic.Bool
			server := w.handTo(emailtest.SMTPConfig{Fault: func(at emailtest.Stage, _ string) emailtest.Fault {
				return emailtest.Fault{Drop: at == stage && cut.CompareAndSwap(false, true)}
			}})
			// The worlds share our mailbox: to each, the others' mail is a colleague's.
			w.customer("P001", "Boulangerie Petit", "petit@cut-"+strings.ToLower(string(stage))+".example", "PL-1", 30_000)
			w.approved(1)
			if r := w.command("remind"); !cut.Load() {
				t.Fatalf("%s was not reached: %s", stage, r.err)
			}
			if states := w.states(); states["queued"] != 1 || len(server.Mails()) != 0 {
				t.Errorf("after the cut: %v, %d messages taken", states, len(server.Mails()))
			}
			if !full() {
				return
			}
			d := w.daemon() // after a pause of a minute
			until(t, 120*time.Second, "sent", func() bool { return w.states()["sent"] == 1 })
			d.stop()
			if n := len(server.Mails()); n != 1 {
				t.Errorf("%d messages taken", n)
			}
		})
	}
}

// TestDrillNet_aNameThatNobodyKnows gives servers names that do not resolve.
func TestDrillNet_aNameThatNobodyKnows(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	nowhere := strings.Repeat("x", 64) + ".example" // no name server is asked for a label that long
	for name, set := range map[string]func(*world){
		"api":  func(w *world) { w.api = "https://" + nowhere + "/api/external/v2" },
		"imap": func(w *world) { w.imap = "{host: " + nowhere + ", tls: implicit}" },
		"smtp": func(w *world) { w.smtp = "{host: " + nowhere + ", tls: starttls}" },
	} {
		if name == "api" && !full() {
			continue // it is tried for a minute
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, "", p)
			w.customer("P001", "Boulangerie Petit", "petit@petit.example", "PL-1", 30_000)
			w.approved(1)
			set(w)
			w.config = w.write("relanced.yaml")
			r := w.command("remind")
			if states := w.states(); states["queued"] != 1 {
				t.Errorf("%v", states)
			}
			if !slices.ContainsFunc(w.problems(), func(what string) bool { return strings.Contains(what, "no such host") }) {
				t.Errorf("problems %q; remind: exit %d, %s", w.problems(), r.code, r.err)
			}
			if r.code != 1 || r.err == "" {
				t.Errorf("remind: exit %d: %s", r.code, r.err)
			}
		})
	}
}

// states counts the rows of the outbox by state.
func (w *world) states() map[string]int {
	w.t.Helper()
	states := map[string]int{}
	for _, row := range rows[outboxRow](w, "outbox") {
		states[row.State]++
	}
	return states
}
