package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relanced/configs"
	"relanced/connectors/builtin"
)

// opened returns a daemon on a small configuration, whose logs go to the handler.
func opened(tb testing.TB, dir, listen string, logs slog.Handler) *Daemon {
	tb.Helper()
	path := filepath.Join(dir, "relanced.yaml")
	text := fmt.Sprintf("store: sqlite:r.db\nhttp: {listen: %q}\ncompanies:\n  - {id: dupont, name: Dupont, country: FR, connections: [{name: exports, type: files}], reminders: {mode: off}}\n", listen)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	file, problems := configs.Load(path, builtin.Factories())
	if err := problems.Err(); err != nil {
		tb.Fatal(err)
	}
	d, err := Open(tb.Context(), file, Options{Logger: slog.New(logs)})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// readiness tells, when the daemon says that it is ready, where it listens.
type readiness struct {
	slog.Handler
	ready chan string
}

func newReadiness() readiness {
	return readiness{slog.NewTextHandler(io.Discard, nil), make(chan string, 1)} //nolint:sloglint // it must be enabled to see what is logged
}

// Handle waits for the one message.
func (r readiness) Handle(_ context.Context, record slog.Record) error {
	if record.Message == "ready" {
		record.Attrs(func(a slog.Attr) bool {
			if a.Key == "http" {
				r.ready <- a.Value.String()
			}
			return true
		})
	}
	return nil
}

// WithAttrs keeps the channel.
func (r readiness) WithAttrs([]slog.Attr) slog.Handler { return r }

func TestRun_saysReadyAnswersAndStopsSoftly(t *testing.T) {
	t.Parallel()
	logs := newReadiness()
	d := opened(t, t.TempDir(), "127.0.0.1:0", logs)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, context.Background()) }()
	var address string
	select {
	case address = <-logs.ready:
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("it is not ready")
	}
	response, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("/healthz answers %s", response.Status)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not stop")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestRun_aSecondDaemonOnOneSQLiteFileIsRefusedUntilTheFirstEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := newReadiness(), newReadiness()
	a, b := opened(t, dir, "off", first), opened(t, dir, "off", second)
	defer a.Close()
	defer b.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, context.Background()) }()
	<-first.ready
	if err := b.Run(ctx, context.Background()); err == nil || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("a second daemon: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	again, end := context.WithCancel(t.Context())
	defer end()
	go func() { ended <- b.Run(again, context.Background()) }()
	select {
	case <-second.ready:
	case err := <-ended:
		t.Fatalf("after the first has ended: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("not ready after the first has ended")
	}
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRun_anAddressInUseIsSaid(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := opened(t, t.TempDir(), l.Addr().String(), slog.DiscardHandler)
	defer d.Close()
	err = d.Run(t.Context(), t.Context())
	if err == nil || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("got %v", err)
	}
}

func TestHealth_unreadyOrWithoutStoreIs503WithTheReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ready bool
		ping  error
		code  int
		says  string
	}{
		{false, nil, 503, "starting"},
		{true, fmt.Errorf("disk is gone"), 503, "disk is gone"},
		{true, nil, 200, "ok"},
	} {
		h := &health{ping: func(context.Context) error { return c.ping }}
		h.ready.Store(c.ready)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
		go server.Serve(l)
		response, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		server.Close()
		if response.StatusCode != c.code || !strings.Contains(string(body), c.says) {
			t.Errorf("ready %t, ping %v: %d %q", c.ready, c.ping, response.StatusCode, body)
		}
	}
}

func TestTold_aFailureIsSaidOnceAndItsEndToo(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	said := told{logger: slog.New(slog.NewTextHandler(&out, nil)), bad: "not read", good: "read again"}
	down := fmt.Errorf("connection refused")
	for _, err := range []error{nil, down, down, down, nil, nil, down} {
		said.tell(t.Context(), err)
	}
	if bad, good := strings.Count(out.String(), "not read"), strings.Count(out.String(), "read again"); bad != 2 || good != 1 {
		t.Errorf("said %d failures and %d recoveries, want 2 and 1:\n%s", bad, good, out.String())
	}
}

func TestWish_readsBackAsWritten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 123456000, time.UTC)
	for _, w := range []wish{{now, true}, {now, false}} {
		if got := wishOf(w.text()); got != w {
			t.Errorf("got %+v, want %+v", got, w)
		}
	}
	if got := wishOf("nonsense"); !got.at.IsZero() {
		t.Errorf("a stranger's text is a wish: %+v", got)
	}
}

// BenchmarkStart measures from the configuration to ready, on a database that
// is there. The bar is 150 ms.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	if err := opened(b, dir, "off", slog.DiscardHandler).Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		logs := newReadiness()
		ctx, stop := context.WithCancel(b.Context())
		d := opened(b, dir, "off", logs)
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx, context.Background()) }()
		<-logs.ready
		b.StopTimer()
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
