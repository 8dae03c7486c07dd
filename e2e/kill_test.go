package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"relanced/configs"
	"relanced/connectors/builtin"
	"relanced/internal/daemon"
	"relanced/internal/store"
)

// A child process does one run of reminders and kills itself at a named point
// of the send path, as a power cut would.
const (
	childPoint  = "RELANCED_E2E_KILL_POINT"
	childConfig = "RELANCED_E2E_CONFIG"
	childVisits = "RELANCED_E2E_KILL_VISIT" // at which visit of the point, from 1
)

func child(point string) int {
	visits, err := strconv.Atoi(os.Getenv(childVisits))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	file, problems := configs.Load(os.Getenv(childConfig), builtin.Factories())
	if err := problems.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	ctx := context.Background()
	d, err := daemon.Open(ctx, file, daemon.Options{
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Fault: func(at string) {
			if at != point {
				return
			}
			if visits--; visits == 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // the signal is on its way: nothing more happens here
			}
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer d.Close()
	if _, err := d.Remind(ctx, d.Companies[0], "drill"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// dies runs a child and tells whether it was killed at the point.
func (w *world) dies(point string, visit int) bool {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(w.env(), childPoint+"="+point, childConfig+"="+w.config, childVisits+"="+strconv.Itoa(visit))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ctx.Err() != nil || !ok || status.Signal() != syscall.SIGKILL {
		w.t.Fatalf("the child ended otherwise: %v\n%s", err, out)
	}
	return true
}

// batch makes a world with so many approved reminders that may leave now. All
// customers read their mail in the same mailbox.
func batch(t *testing.T, p *post, n int) *world {
	t.Helper()
	w := newWorldWith(t, "", p)
	for i := range n {
		w.customer(fmt.Sprintf("K%03d", i+1), fmt.Sprintf("Client %d", i+1), fmt.Sprintf("achats@client%d.example", i+1), fmt.Sprintf("%s-%d", filepath.Base(w.dir), i+1), int64(10_000+i))
	}
	w.approved(n)
	return w
}

// approved reads the books, accepts them, and approves the n drafts made.
func (w *world) approved(n int) {
	w.t.Helper()
	w.put("clients.csv", "code\n")
	w.do("sync", "compta")
	w.do("confirm", "compta", "--yes")
	w.do("remind")
	if got := len(rows[outboxRow](w, "outbox", "--state", "draft")); got != n {
		w.t.Fatalf("%d drafts, want %d", got, n)
	}
	w.do("approve", "--all")
}

// delivered counts by Message-ID what reached the customers' mailbox.
func (w *world) delivered(user string) map[string]int {
	w.t.Helper()
	until(w.t, 30*time.Second, "delivered by the mail server", func() bool { return strings.TrimSpace(w.post.run("queue")) == "" })
	counts := map[string]int{}
	for _, l := range w.post.letters(user, "INBOX") {
		counts[l.head.Get("Message-Id")]++
	}
	return counts
}

// agree compares what the outbox says with what arrived, lets a person settle
// what is unknown by what arrived, and returns how many rows are in each state.
func (w *world) agree(user string) map[string]int {
	w.t.Helper()
	arrived := w.delivered(user)
	states := map[string]int{}
	for _, row := range rows[outboxRow](w, "outbox") {
		n := arrived[row.mid()]
		if n > 1 {
			w.t.Errorf("message %d arrived %d times", row.ID, n)
		}
		switch row.State {
		case "sent":
			if n != 1 {
				w.t.Errorf("message %d is sent and arrived %d times", row.ID, n)
			}
		case "unknown":
			outcome := "not-sent"
			if n == 1 {
				outcome = "sent"
			}
			w.do("resolve", fmt.Sprint(row.ID), outcome)
		default:
			if n != 0 {
				w.t.Errorf("message %d is %s and arrived", row.ID, row.State)
			}
		}
		states[row.State]++
	}
	return states
}

// TestDrillKill_atEachCommitOfTheSendPath kills the sender before and after each
// commit. After a restart nothing has left twice, and nothing is lost.
func TestDrillKill_atEachCommitOfTheSendPath(t *testing.T) {
	t.Parallel()
	size, visits := 3, []int{2}
	if full() {
		size, visits = 8, []int{1, 2, 5, 8}
	}
	for _, point := range []string{store.PointArming, store.PointArmed, store.PointRecording, store.PointRecorded} {
		for _, visit := range visits {
			t.Run(fmt.Sprintf("%s/%d", point, visit), func(t *testing.T) {
				t.Parallel()
				w := batch(t, newPost(t), size)
				if !w.dies(point, visit) {
					t.Fatalf("the point %s was not reached", point)
				}
				w.do("remind") // waits for the dead one's lease to run out
				states := w.agree("achats")
				t.Logf("killed at %s: %v", point, states)
				if states["sent"]+states["unknown"] != size || states["unknown"] > 1 {
					t.Errorf("%d messages: %v", size, states)
				}
				w.do("remind")
				again := w.agree("achats")
				if again["unknown"] != 0 || again["sent"]+again["queued"] != size {
					t.Errorf("after a person settled it: %v", again)
				}
			})
		}
	}
}

// TestDrillKill_whileTakingOver kills the one that takes over, too.
func TestDrillKill_whileTakingOver(t *testing.T) {
	t.Parallel()
	for _, point := range []string{store.PointTaking, store.PointTaken} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := batch(t, newPost(t), 2)
			if !w.dies(store.PointArmed, 1) {
				t.Fatal("not killed while armed")
			}
			w.dies(point, 1)
			w.do("remind")
			states := w.agree("achats")
			if states["unknown"] != 1 || states["sent"] != 1 {
				t.Errorf("%v", states)
			}
		})
	}
}

// TestDrillKill_atRandomMoments kills the daemon again and again in the middle
// of a batch, until all has left.
func TestDrillKill_atRandomMoments(t *testing.T) {
	t.Parallel()
	size, rounds := 12, 3
	if full() {
		size, rounds = 200, 40
	}
	w := batch(t, newPost(t), size)
	for round := range rounds {
		d := w.daemon()
		before := len(w.post.letters("achats", "INBOX"))
		until(t, 60*time.Second, "sending", func() bool {
			return len(w.post.letters("achats", "INBOX")) > before || w.left() == 0
		})
		<-time.After(time.Duration(round*137%250) * time.Millisecond)
		d.kill()
		if w.left() == 0 {
			break
		}
	}
	d := w.daemon()
	until(t, 120*time.Second, "all handed over", func() bool { return w.left() == 0 })
	d.stop()
	states := w.agree("achats")
	t.Logf("%v", states)
	if states["sent"]+states["unknown"] != size {
		t.Errorf("%d messages: %v", size, states)
	}
}

// left counts what has still to leave.
func (w *world) left() int {
	w.t.Helper()
	return len(slices.DeleteFunc(rows[outboxRow](w, "outbox"), func(o outboxRow) bool { return o.State != "queued" && o.State != "armed" }))
}
