package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relanced/internal/email/emailtest"
)

// slow makes a world with two approved reminders and a mail server that takes
// its time after the final dot of the first: it tells that it has the whole
// message, and answers when it is let.
func slow(t *testing.T) (w *world, server *emailtest.SMTP, dotted <-chan struct{}, answer func()) {
	t.Helper()
	w = newWorld(t, "")
	at, let := make(chan struct{}), make(chan struct{})
	first := true
	server = w.handTo(emailtest.SMTPConfig{Fault: func(stage emailtest.Stage, _ string) emailtest.Fault {
		if stage == emailtest.Dot && first {
			first = false
			close(at)
			<-let
		}
		return emailtest.Fault{}
	}})
	answered := false
	answer = func() {
		if !answered {
			answered = true
			close(let)
		}
	}
	t.Cleanup(answer)
	w.customer("P001", "Boulangerie Petit", "petit@petit.example", "PL-1", 30_000)
	w.customer("P002", "Cabinet Lefèvre", "lefevre@lefevre.example", "PL-2", 45_000)
	w.approved(2)
	return w, server, at, answer
}

func await(t *testing.T, what string, limit time.Duration, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(limit):
		t.Fatalf("after %s: not %s", limit, what)
	}
}

// TestFirstSignal_finishesTheMessageThatIsLeaving asks the daemon to end while
// the mail server has a whole message and has not answered: the answer is
// awaited and recorded, and nothing else begins.
func TestFirstSignal_finishesTheMessageThatIsLeaving(t *testing.T) {
	t.Parallel()
	w, server, dotted, answer := slow(t)
	d := w.daemon()
	await(t, "leaving", 60*time.Second, dotted)
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, 10*time.Second, "stopping", func() bool { return strings.Contains(d.said(), "stopping") })
	select {
	case err := <-d.done:
		t.Fatalf("it ended before the mail server answered: %v", err)
	case <-time.After(2 * time.Second):
	}
	answer()
	select {
	case err := <-d.done:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("it does not end after the message has left")
	}
	states := map[string]int{}
	for _, row := range rows[outboxRow](w, "outbox") {
		states[row.State]++
	}
	if states["sent"] != 1 || states["queued"] != 1 || len(server.Mails()) != 1 {
		t.Errorf("%v; the mail server took %d", states, len(server.Mails()))
	}
}

// TestSecondSignal_cutsOff asks twice: the daemon ends at once, and the message
// whose outcome nobody knows is not sent again.
func TestSecondSignal_cutsOff(t *testing.T) {
	t.Parallel()
	w, server, dotted, answer := slow(t)
	d := w.daemon()
	await(t, "leaving", 60*time.Second, dotted)
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, 10*time.Second, "stopping", func() bool { return strings.Contains(d.said(), "stopping") })
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-d.done:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end at the second signal")
	}
	if said := d.said(); strings.Contains(said, "panic") || strings.Contains(said, "goroutine ") {
		t.Errorf("it did not end in good order:\n%s", tail(said, 4000))
	}
	answer() // nobody listens any more
	w.do("remind")
	w.do("remind")
	states := map[string]int{}
	for _, row := range rows[outboxRow](w, "outbox") {
		states[row.State]++
	}
	if states["unknown"] != 1 || states["sent"] != 1 || len(server.Mails()) != 2 {
		t.Errorf("%v; the mail server took %d", states, len(server.Mails()))
	}
}

// TestNotify_tellsSystemdReadyAliveAndStopping listens where systemd would.
func TestNotify_tellsSystemdReadyAliveAndStopping(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "n") //nolint:usetesting // the address of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"}
	socket, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	heard := make(chan string, 100)
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				return
			}
			heard <- string(buffer[:n])
		}
	}()
	next := func(want string) {
		t.Helper()
		for limit := time.After(20 * time.Second); ; {
			select {
			case got := <-heard:
				if got == want {
					return
				}
				if want == "READY=1" {
					t.Fatalf("%q before it is ready", got)
				}
			case <-limit:
				t.Fatalf("systemd is not told %s", want)
			}
		}
	}
	w := newWorld(t, "")
	w.put("clients.csv", "code\n")
	w.vars = []string{"NOTIFY_SOCKET=" + address.Name, "WATCHDOG_USEC=1000000"}
	d := w.daemon()
	next("READY=1")
	next("WATCHDOG=1")
	next("WATCHDOG=1")
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	next("STOPPING=1")
	if err := <-d.done; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// TestHangup_isSaidAndChangesNothing asks for a reload, which is not there yet:
// the daemon goes on, and still stops when it is asked to.
func TestHangup_isSaidAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.put("clients.csv", "code\n")
	d := w.daemon()
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until(t, 10*time.Second, "said", func() bool { return strings.Contains(d.said(), "SIGHUP ignored") })
	select {
	case err := <-d.done:
		t.Fatalf("it ended: %v", err)
	default:
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-d.done; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if said := d.said(); strings.Contains(said, "ERR") {
		t.Errorf("stopping logs\n%s", tail(said, 2000))
	}
}
