package outbox

import (
	"errors"
	"testing"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/store"
)

// The outcome of a message is stored together with arming the next; where that
// fails, the outcome is stored all the same and the next has not left.
func TestSender_whatWasSentIsKnownThoughTheNextMayNotLeave(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		w := open(t, dsn(t), 3)
		w.remind()
		w.approve()
		w.hold("one")
		armings := 0
		w.fault = func(point string) {
			if point != store.PointArming {
				return
			}
			if armings++; armings == 2 { // the first has left: another holds the mailbox now
				w.clock.Add(11 * time.Minute)
				_, _, ok, err := w.ClaimLease(w.ctx(), "mailbox/courrier", "two", 10*time.Minute)
				w.must(err)
				if !ok {
					t.Error("not taken over")
				}
			}
		}
		h, err := w.sender.Once(w.ctx(), w.fence)
		if !errors.Is(err, store.ErrFence) || h.Sent != 1 {
			t.Errorf("%+v, %v", h, err)
		}
		states := map[dossier.State]int{}
		for _, row := range w.outbox() {
			states[row.State]++
		}
		if states[dossier.StateSent] != 1 || states[dossier.StateQueued] != 2 || len(w.smtp.Mails()) != 1 {
			t.Errorf("%v; the server has %d", states, len(w.smtp.Mails()))
		}
		if sent := w.outbox(dossier.StateSent); len(sent) == 1 {
			if events := w.events(sent[0].Customer); len(events) == 0 || events[len(events)-1] != "sent" {
				t.Errorf("the timeline says %q", events)
			}
		}
	})
}
