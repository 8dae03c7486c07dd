package outbox

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email/emailtest"
	"relanced/internal/store"
	"relanced/internal/store/storetest"
)

// The child process of the drill: it is told by the environment where the
// database and the mail server are, what time it is, and where to die.
const (
	drillDSN   = "OUTBOX_DRILL_DSN"
	drillSMTP  = "OUTBOX_DRILL_SMTP"
	drillClock = "OUTBOX_DRILL_CLOCK" // minutes since the start
	drillPoint = "OUTBOX_DRILL_POINT" // the name of the point, and the how manieth time
)

// TestDrillChild is the program that is killed: it proposes, approves and sends
// what it finds, as daemon and people would.
func TestDrillChild(t *testing.T) {
	dsn := os.Getenv(drillDSN)
	if dsn == "" {
		t.Skip("only as the child of TestDrill_killedAnywhere…")
	}
	minutes, err := strconv.Atoi(os.Getenv(drillClock))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, clock: storetest.NewClock(), inSent: map[string]bool{}}
	w.clock.Add(time.Duration(minutes) * time.Minute)
	point, times, _ := strings.Cut(os.Getenv(drillPoint), " ")
	left, _ := strconv.Atoi(times)
	w.fault = func(reached string) {
		if reached != point {
			return
		}
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	w.start(dsn)
	host, port, err := net.SplitHostPort(os.Getenv(drillSMTP))
	if err != nil {
		t.Fatal(err)
	}
	w.sender.Server.Host = host
	w.sender.Server.Port, _ = strconv.Atoi(port)
	w.later(0)
	w.remind()
	w.approve()
	w.hold(fmt.Sprint("child ", os.Getpid()))
	for range 5 {
		if _, err := w.sender.Once(w.ctx(), w.fence); err != nil {
			t.Fatal(err)
		}
		w.sweep()
	}
}

// child runs the program until it ends or is killed. It returns false where it
// was killed.
func child(t *testing.T, ctx context.Context, dsn, smtp string, minutes int, point string) bool {
	t.Helper()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDrillChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), drillDSN+"="+dsn, drillSMTP+"="+smtp, drillClock+"="+strconv.Itoa(minutes), drillPoint+"="+point)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return true
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
		return false
	}
	t.Fatalf("%v: %s", err, out)
	return false
}

var messageID = regexp.MustCompile(`(?im)^Message-ID:\s*(<[^>]+>)`)

func TestDrill_killedAnywhereNothingLeavesTwiceOrIsLost(t *testing.T) {
	t.Parallel()
	points := []string{
		store.PointProposing, store.PointProposed, store.PointApproving, store.PointApproved, store.PointArming, store.PointArmed,
		"dot", store.PointRecording, store.PointRecorded, store.PointTaking, store.PointTaken,
	}
	const customers = 4
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		for i, point := range points {
			t.Run(point, func(t *testing.T) {
				address := dsn(t)
				w := open(t, address, customers)
				w.must(w.Close())
				var mu sync.Mutex
				arrived := map[string]int{}
				var kill atomic.Pointer[context.CancelFunc]
				server, err := emailtest.NewSMTP(emailtest.SMTPConfig{Accepted: func(m emailtest.Mail) {
					mu.Lock()
					arrived[messageID.FindStringSubmatch(string(m.Data))[1]]++
					n := len(arrived)
					mu.Unlock()
					if stop := kill.Load(); stop != nil && n == 2 {
						(*stop)()
						<-time.After(50 * time.Millisecond) // the 250 finds nobody
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = server.Close() })
				smtp := net.JoinHostPort(server.Host, strconv.Itoa(server.Port))
				times := 2
				if strings.HasPrefix(point, "takeover") || strings.HasPrefix(point, "propose") {
					times = 1 // once for all of them
				}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if point == "dot" {
					kill.Store(&stop)
				}
				if child(t, ctx, address, smtp, 1, fmt.Sprint(point, " ", times)) {
					t.Fatalf("never reached %s", point)
				}
				kill.Store(nil)
				// The machine is back; the lease of the dead has run out.
				for run := range 3 {
					if !child(t, t.Context(), address, smtp, 15+15*run, "") {
						t.Fatal("killed")
					}
				}
				s, err := store.Open(t.Context(), address, store.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				rows, err := s.Outbox(t.Context(), store.OutboxFilter{Company: dupont})
				if err != nil {
					t.Fatal(err)
				}
				sent, unknown := 0, 0
				for _, row := range rows {
					switch row.State {
					case dossier.StateSent:
						sent++
						if arrived[row.MID] != 1 {
							t.Errorf("message %d is sent and arrived %d times", row.ID, arrived[row.MID])
						}
					case dossier.StateUnknown:
						unknown++
						if arrived[row.MID] > 1 {
							t.Errorf("message %d of unknown outcome arrived %d times", row.ID, arrived[row.MID])
						}
					default:
						if row.State != dossier.StateCancelled || arrived[row.MID] != 0 {
							t.Errorf("message %d is %s and arrived %d times", row.ID, row.State, arrived[row.MID])
						}
					}
				}
				least, most := 0, 0
				switch point {
				case store.PointArmed, store.PointRecording, "dot":
					least, most = 1, 1
				case store.PointArming, store.PointRecorded: // the last outcome is stored by itself or with the next arming
					most = 1
				}
				if sent+unknown != customers || unknown < least || unknown > most {
					t.Errorf("%d sent, %d unknown of %d (point %d)", sent, unknown, customers, i)
				}
				if len(arrived) > customers || len(arrived) < sent {
					t.Errorf("%d arrived, %d sent", len(arrived), sent)
				}
			})
		}
	})
}
