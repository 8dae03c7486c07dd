package outbox

import (
	"testing"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email/emailtest"
)

// What a full mailbox refused leaves again after two days, twice, without
// anybody's word; then a person is asked.
func TestSender_fullMailboxIsWrittenToAgain(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.remind()
	w.approve()
	for n := 1; n <= 1+dossier.Resends; n++ {
		w.at(emailtest.Rcpt, 1, emailtest.Fault{Reply: "552 5.2.2 mailbox full"})
		w.send()
		rows := w.outbox(dossier.StateRefused)
		if len(rows) != n || len(w.outbox()) != n {
			t.Fatalf("after try %d: %d of %d messages refused", n, len(rows), len(w.outbox()))
		}
		for _, row := range rows {
			if row.Subject == "" {
				t.Errorf("try %d: nobody can tell what was refused", n)
			}
		}
		asked := n > dossier.Resends
		d, err := w.Dossier(w.ctx(), rows[0].Customer)
		w.must(err)
		if (len(w.tasks("refused")) == 1) != asked || (len(d.Holds) == 1) != asked || len(d.Bounced) != 0 {
			t.Errorf("try %d: tasks %v, holds %v, bounced %v", n, w.tasks(""), d.Holds, d.Bounced)
		}
		w.later(24 * time.Hour)
		w.sweep()
		if len(w.outbox()) != n {
			t.Fatalf("again a day after try %d", n)
		}
		w.later(6 * 24 * time.Hour) // a Monday again
		w.sweep()
		if more := len(w.outbox()) - n; more != 1 && !asked || more != 0 && asked {
			t.Fatalf("%d more messages a week after try %d", more, n)
		}
	}
}
