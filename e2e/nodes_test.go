package e2e

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"relanced/internal/store/storetest"
)

// TestStory_onPostgreSQLWithTwoDaemons is the same story where two daemons
// share the work.
func TestStory_onPostgreSQLWithTwoDaemons(t *testing.T) {
	t.Parallel()
	tool(t, "pgserver")
	story(newWorld(t, storetest.Postgres(t)(t)), 2)
}

// TestDrillNodes_takesOverFromAKilledDaemon kills one of two daemons in the
// middle of a batch: the other one finishes it, within the time a lease lasts.
func TestDrillNodes_takesOverFromAKilledDaemon(t *testing.T) {
	t.Parallel()
	tool(t, "pgserver")
	size, rounds := 10, 1
	if full() {
		size, rounds = 120, 6
	}
	w := newWorld(t, storetest.Postgres(t)(t))
	for i := range size {
		w.customer(fmt.Sprintf("K%03d", i+1), fmt.Sprintf("Client %d", i+1), fmt.Sprintf("achats@client%d.example", i+1), fmt.Sprintf("N-%d", i+1), int64(10_000+i))
	}
	w.approved(size)
	nodes := []*process{w.daemon(), w.daemon()}
	for round := range rounds {
		before := len(w.post.letters("achats", "INBOX"))
		until(t, 60*time.Second, "sending", func() bool { return len(w.post.letters("achats", "INBOX")) > before || w.left() == 0 })
		victim := round % 2
		nodes[victim].kill()
		nodes[victim] = w.daemon()
	}
	killed := time.Now()
	until(t, time.Duration(120+2*size)*time.Second, "all handed over", func() bool { return w.left() == 0 })
	t.Logf("all handed over %s after the last kill", time.Since(killed).Round(time.Second))
	for _, n := range nodes {
		n.stop()
	}
	states := w.agree("achats")
	t.Logf("%v", states)
	if states["sent"]+states["unknown"] != size {
		t.Errorf("%d messages: %v", size, states)
	}
}

// TestDrillNodes_takesOverFromADaemonThatIsCutOff cuts one of two daemons off
// from the database in the middle of a batch, while it still reaches the mail
// server: it must not go on, the other one finishes, and nothing leaves twice
// when the line is back.
func TestDrillNodes_takesOverFromADaemonThatIsCutOff(t *testing.T) {
	t.Parallel()
	tool(t, "pgserver")
	size := 16
	if full() {
		size = 120
	}
	direct := storetest.Postgres(t, "fsync=off")(t)
	w := newWorld(t, direct)
	for i := range size {
		w.customer(fmt.Sprintf("K%03d", i+1), fmt.Sprintf("Client %d", i+1), fmt.Sprintf("achats@client%d.example", i+1), fmt.Sprintf("N-%d", i+1), int64(10_000+i))
	}
	w.approved(size)
	g := newGate(t, hostOf(direct))
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = fmt.Sprintf("127.0.0.1:%d", g.port)
	w.store = u.String()
	far := w.daemon()
	until(t, 60*time.Second, "sending", func() bool { return len(w.post.letters("achats", "INBOX")) > 0 })
	g.set(mute)
	w.store = direct
	near := w.daemon()
	cut := time.Now()
	until(t, time.Duration(120+2*size)*time.Second, "all handed over by the other one", func() bool { return w.left() == 0 })
	t.Logf("all handed over %s after one was cut off", time.Since(cut).Round(time.Second))
	g.set(none)
	until(t, 60*time.Second, "back", func() bool { return g.tried() > 0 })
	<-time.After(3 * time.Second)
	far.stop()
	near.stop()
	states := w.agree("achats")
	t.Logf("%v", states)
	if states["sent"]+states["unknown"] != size || states["unknown"] > 1 {
		t.Errorf("%d messages: %v", size, states)
	}
}
