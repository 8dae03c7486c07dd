package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"relanced/internal/store"
)

// reminded makes a world in which so many customers have got a reminder, and
// returns the reminders by address.
func reminded(t *testing.T, n int) (*world, map[string]letter) {
	t.Helper()
	w := batch(t, newPost(t), n)
	w.do("remind")
	w.await("achats", n)
	letters := map[string]letter{}
	for _, l := range w.post.letters("achats", "INBOX") {
		to := l.header("To")
		letters[strings.TrimSuffix(to[strings.LastIndexByte(to, '<')+1:], ">")] = l
	}
	return w, letters
}

// replies lets each customer answer.
func (w *world) replies(letters map[string]letter, each func(code string, send func())) {
	for i := range len(letters) {
		address := fmt.Sprintf("achats@client%d.example", i+1)
		each(fmt.Sprintf("K%03d", i+1), func() {
			message, _ := answer(address, fmt.Sprintf("Client %d", i+1), letters[address], fmt.Sprintf("Bonjour,\n\nJe paierai la semaine prochaine (%d).", i))
			w.post.send(address, "compta@dupont.example", message)
		})
	}
}

// TestDrillReply_holdsWithinASecond measures how long it takes from a reply
// handed to the mail server until its customer is held.
func TestDrillReply_holdsWithinASecond(t *testing.T) {
	t.Parallel()
	n := 8
	if full() {
		n = 200
	}
	w, letters := reminded(t, n)
	d := w.daemon()
	until(t, 60*time.Second, "listening", func() bool { return one[statusRow](w, "status").Mailboxes[0].State == "fresh" })
	facts, err := store.Open(t.Context(), w.store, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer facts.Close()
	var took []time.Duration
	w.replies(letters, func(code string, send func()) {
		id, err := facts.FindCustomer(t.Context(), "dupont", code)
		if err != nil {
			t.Fatal(err)
		}
		send()
		sent := time.Now()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for held := false; !held; <-tick.C {
			who, err := facts.Dossier(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			held = len(who.Holds) > 0
			if time.Since(sent) > 20*time.Second {
				t.Fatalf("%s is not held", code)
			}
		}
		took = append(took, time.Since(sent))
	})
	d.stop()
	slices.Sort(took)
	t.Logf("%d replies: held after %s at the median, %s at the 99th percentile", n, took[n/2].Round(time.Millisecond), took[n*99/100].Round(time.Millisecond))
	if took[n/2] > 5*time.Second {
		t.Errorf("it takes %s to hear a reply", took[n/2])
	}
}

// TestDrillKill_whileListening kills the reader while answers come in: each is
// heard, once, and stays as it was.
func TestDrillKill_whileListening(t *testing.T) {
	t.Parallel()
	n, rounds := 6, 2
	if full() {
		n, rounds = 60, 12
	}
	w, letters := reminded(t, n)
	d := w.daemon()
	sent := 0
	w.replies(letters, func(_ string, send func()) {
		send()
		if sent++; sent%(n/rounds) == 0 {
			d.kill()
			d = w.daemon()
		}
	})
	heard := func() int { return len(rows[replyRow](w, "replies")) }
	until(t, 90*time.Second, "all heard", func() bool { return heard() >= n })
	d.stop()
	w.do("inbox", "read")
	if got := heard(); got != n {
		t.Errorf("%d answers are known, want %d", got, n)
	}
	for _, c := range rows[customerRow](w, "customers") {
		if !c.Held {
			t.Errorf("%s is not held", c.Customer)
		}
	}
	for _, l := range w.post.letters("compta", "INBOX") {
		if len(l.flags) != 0 {
			t.Errorf("message %d got the flags %v", l.uid, l.flags)
		}
	}
}
