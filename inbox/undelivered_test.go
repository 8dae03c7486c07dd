package inbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/inbox/mailbox"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/email/emailtest"
)

// A failure that may pass by itself asks nobody, twice; then it does.
func TestReader_failuresThatMayPass(t *testing.T) {
	t.Parallel()
	own := "compta@dupont.example"
	server, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{own: "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := newWorld(t, "pleine", "lourd")
	r := w.reader(mailbox.Account{User: own, Password: "secret", Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS})
	fails := func(code, status, said string) dossier.Dossier {
		t.Helper()
		to := "contact@" + code + ".example"
		m := w.remind(code, to, dossier.StateSent)
		for range 2 { // a second notice about the same message counts for nothing
			if !server.Put(own, "INBOX", []byte(notice(to, status, said, m.mid)), time.Now()) {
				t.Fatal("not filed")
			}
		}
		read(t, r)
		d := w.dossier(code)
		last := d.Undelivered[len(d.Undelivered)-1]
		if last.Message != m.id || last.Address != to {
			t.Errorf("%s: %+v", code, last)
		}
		out, err := w.store.Message(t.Context(), m.id)
		if err != nil || out.State != dossier.StateSent || !strings.HasPrefix(out.Problem, string(last.Why)+": "+to) {
			t.Errorf("%s: %s, problem %q, %v", code, out.State, out.Problem, err)
		}
		return d
	}
	for n := 1; n <= dossier.Resends; n++ {
		if d := fails("pleine", "5.2.2", "552 5.2.2 mailbox full"); len(d.Tasks)+len(d.Holds)+len(d.Bounced) != 0 || len(d.Undelivered) != n || d.Undelivered[0].Why != email.MailboxFull {
			t.Errorf("failure %d: tasks %+v, holds %+v, bounced %+v, undelivered %+v", n, d.Tasks, d.Holds, d.Bounced, d.Undelivered)
		}
	}
	d := fails("pleine", "5.2.2", "552 5.2.2 mailbox full")
	if diff := cmp.Diff([]dossier.Reason{dossier.BouncedAddress}, w.holds("pleine")); diff != "" || len(d.Tasks) != 1 || len(d.Bounced) != 0 {
		t.Errorf("the third: holds %v, tasks %+v, bounced %+v", w.holds("pleine"), d.Tasks, d.Bounced)
	}
	if d := fails("lourd", "5.3.4", "552 5.3.4 message size exceeds fixed limit"); len(d.Holds) != 0 || len(d.Tasks) != 1 || !strings.Contains(d.Tasks[0].Title, "sans pièces jointes") {
		t.Errorf("too big: holds %+v, tasks %+v", d.Holds, d.Tasks)
	}
}
