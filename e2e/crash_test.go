package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/store"
	"relanced/internal/store/storetest"
)

// TestDrillKill_atCommits kills a whole run, which reads the books and the
// mailbox, decides and sends, before or after its nth commit. Once a run has come
// to its end, all is as if nobody had been killed: no payment, no answer and no
// reminder is lost, and nothing has left twice.
func TestDrillKill_atCommits(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	at := []int{2, 7, 13, 18, 24}
	if full() {
		at = nil
		for n := range 48 {
			at = append(at, n+1)
		}
	}
	var killed atomic.Int64
	t.Run("at", func(t *testing.T) {
		for i, n := range at {
			point := []string{store.PointCommitted, store.PointCommitting}[i%2]
			t.Run(fmt.Sprintf("%s/%d", point, n), func(t *testing.T) {
				t.Parallel()
				l := newLot(t, p, fmt.Sprintf("c%03d", n))
				if l.dies(point, n) {
					killed.Add(1)
				}
				l.do("remind") // waits for the leases of the dead to run out
				l.check()
			})
		}
	})
	t.Logf("killed at %d of %d commits", killed.Load(), len(at))
	if killed.Load() < int64(len(at)/2) {
		t.Error("too few were killed: runs have fewer commits")
	}
}

// lot is a world in which everything has yet to be read: an approved reminder
// each to who has paid meanwhile, to who has answered, and to who must get it;
// and a new customer.
type lot struct {
	*world
	mark string
	mids map[string]string // of the reminders, by customer
}

func newLot(t *testing.T, p *post, mark string) *lot {
	t.Helper()
	l := &lot{newWorldWith(t, "", p), mark, map[string]string{}}
	invoices := map[string]int64{}
	for _, code := range []string{"PAYS", "SAYS", "GETS"} {
		_, invoices[code] = l.customer(code, "Client "+code, l.address(code), mark+"-"+code, 30_000)
	}
	l.approved(3)
	for code := range invoices {
		l.mids[code] = l.message(code).mid()
	}
	l.books.Books.Pay(invoices["PAYS"], day(0).String())
	l.customer("NEW", "Client NEW", l.address("NEW"), mark+"-NEW", 50_000)
	l.post.send(l.address("SAYS"), "compta@dupont.example", fmt.Sprintf(`From: Julie Petit <%s>
To: compta@dupont.example
Subject: Facture %s-SAYS
Date: %s
Message-ID: %s
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Bonjour, je regarde cela et reviens vers vous. Julie Petit
`, l.address("SAYS"), mark, time.Now().Format(time.RFC1123Z), newMID("petit.example")))
	return l
}

func (l *lot) address(code string) string {
	return fmt.Sprintf("petit@%s-%s.example", l.mark, strings.ToLower(code))
}

// check compares the end with what it must be.
func (l *lot) check() {
	l.t.Helper()
	if states := l.agreeMarked("petit", l.mark); states["unknown"] > 1 {
		l.t.Errorf("%v", states)
	}
	arrived := l.arrivedIn("petit", l.mark)
	want := map[string]int{l.mids["GETS"]: 1}
	if row := l.message("GETS"); row.State != "sent" { // of unknown outcome, and a person said that it did not leave
		want = map[string]int{}
	}
	if diff := cmp.Diff(want, arrived); diff != "" {
		l.t.Errorf("arrived (-want +got):\n%s", diff)
	}
	if row := l.message("NEW"); row.State != "draft" {
		l.t.Errorf("the new customer's reminder is %s", row.State)
	}
	if got := l.why("SAYS").reason(); got != "replied" {
		l.t.Errorf("who answered: %s", got)
	}
	if n := len(rows[replyRow](l.world, "replies")); n != 1 {
		l.t.Errorf("%d answers are known", n)
	}
	l.balanced()
	drafts := map[string]int{}
	for _, row := range rows[outboxRow](l.world, "outbox", "--state", "draft") {
		drafts[row.customer()]++
	}
	if diff := cmp.Diff(map[string]int{"NEW": 1}, drafts); diff != "" {
		l.t.Errorf("drafts (-want +got):\n%s", diff)
	}
}

// agreeMarked is agree where several worlds share the customers' mailbox.
func (w *world) agreeMarked(user, mark string) map[string]int {
	w.t.Helper()
	w.delivered(user)
	arrived, states := w.arrivedIn(user, mark), map[string]int{}
	for _, row := range rows[outboxRow](w, "outbox") {
		n := arrived[row.mid()]
		states[row.State]++
		switch {
		case n > 1, n == 1 && row.State != "sent" && row.State != "unknown", n == 0 && row.State == "sent":
			w.t.Errorf("message %d is %s and arrived %d times", row.ID, row.State, n)
		case row.State == "unknown" && n == 1:
			w.do("resolve", strconv.FormatInt(row.ID, 10), "sent")
		case row.State == "unknown":
			w.do("resolve", strconv.FormatInt(row.ID, 10), "not-sent")
		}
	}
	return states
}

// balanced wants what the program knows to be owed to be what Pennylane says.
func (w *world) balanced() {
	w.t.Helper()
	w.owes(pennylaneBooks{w.books}.Owed())
}

// owes wants what the program knows to be owed to be this, by external id.
func (w *world) owes(want map[string]int64) {
	w.t.Helper()
	got := map[string]int64{}
	for _, row := range rows[struct {
		Connection  string      `json:"connection"`
		External    string      `json:"external_id"`
		Kind        string      `json:"kind"`
		Outstanding json.Number `json:"outstanding"`
	}](w, "invoices") {
		if row.Connection != "compta" || row.Kind != "invoice" {
			continue
		}
		cents, err := strconv.ParseInt(strings.Replace(string(row.Outstanding), ".", "", 1), 10, 64)
		if err != nil {
			w.t.Fatal(err)
		}
		got[row.External] = cents
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("what is owed (-source +program):\n%s", diff)
	}
}

// TestDrillKill_whileReadingTheBooks kills the program at random requests of its
// passes, while the books go on changing: at the end every balance is the
// source's.
func TestDrillKill_whileReadingTheBooks(t *testing.T) {
	t.Parallel()
	size, rounds := 350, 3
	if full() {
		size, rounds = 3000, 20
	}
	w := newWorld(t, "")
	w.put("clients.csv", "code\n")
	who, _ := w.customer("P001", "Boulangerie Petit", "petit@petit.example", "PL-0", 30_000)
	var invoices []int64
	for i := range size {
		invoices = append(invoices, w.overdue(who, fmt.Sprintf("PL-%d", i+1), int64(10_000+i)))
	}
	dice := rand.New(rand.NewPCG(11, 12))
	killed := 0
	for range rounds {
		ctx, kill := context.WithCancel(t.Context())
		w.books.Fail(pennylanetest.Fault{Skip: 2 + dice.IntN(5), Times: 1, Before: kill})
		cmd := exec.CommandContext(ctx, binary, "--config", w.config, "sync", "compta")
		cmd.Env = w.env()
		_ = cmd.Run()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			killed++
		}
		kill()
		w.books.Heal()
		w.books.Books.Pay(invoices[dice.IntN(len(invoices))], day(0).String())
		w.books.Books.Credit(invoices[dice.IntN(len(invoices))], 1)
	}
	w.do("sync", "compta")
	w.do("sync", "compta")
	t.Logf("%d invoices, killed in %d of %d passes", size, killed, rounds)
	w.balanced()
	if killed == 0 {
		t.Error("no pass was killed")
	}
}

// TestDrillKill_whileMigrating kills the program while it makes its database.
func TestDrillKill_whileMigrating(t *testing.T) {
	t.Parallel()
	rounds := 6
	if full() {
		rounds = 60
	}
	p := newPost(t)
	for name, dsn := range map[string]func() string{
		"sqlite":   func() string { return "" },
		"postgres": func() string { tool(t, "pgserver"); return storetest.Postgres(t, "fsync=off")(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, dsn(), p)
			w.put("clients.csv", "code\n")
			killed := 0
			for round := range rounds {
				ctx, kill := context.WithTimeout(t.Context(), time.Duration(20+round*180/rounds)*time.Millisecond)
				cmd := exec.CommandContext(ctx, binary, "--config", w.config, "status")
				cmd.Env = w.env()
				if err := cmd.Run(); err != nil {
					killed++
				}
				kill()
			}
			w.do("sync", "compta")
			w.balanced()
			t.Logf("killed %d of %d times", killed, rounds)
		})
	}
}
