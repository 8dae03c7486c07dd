package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestJobLog_aStopIsNoError stops the engine at different moments after its
// start, when parts of it are at work on the database.
func TestJobLog_aStopIsNoError(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer // slog writes one record at a time
	logs := slog.NewTextHandler(&said, nil)
	for i := range 12 {
		every := func(t time.Time) time.Time { return t.Truncate(time.Second).Add(time.Second) }
		engine := engineSaying(t, logs, Scheduled{
			Chore: ChoreSync, Of: "dupont/compta", Next: every, Do: func(context.Context) error { return nil },
		})
		<-time.After(time.Duration(i) * 7 * time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		if err := engine.Stop(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}
	if said.Len() > 0 {
		t.Errorf("stopping logs\n%s", said.String())
	}
}

func TestJobLog_aDatabaseThatIsAwayIsToldOnceAndItsReturnToo(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	under := slog.New(slog.NewTextHandler(&said, nil))
	l := newLine(under)
	log := slog.New(newJobLog(under, l)).With("client_id", "a")
	l.tell(t.Context(), nil)
	for range 5 {
		log.Error("Elector: Error attempting reelection", "err", errors.New("dial tcp 127.0.0.1:5432: connect: connection refused"))
		log.Error("Notifier: Error running listener", "err", "failed to connect to `user=relanced database=relanced`: unexpected EOF")
		log.Error("Producer: Error fetching jobs", "error", "FATAL: terminating connection due to administrator command (SQLSTATE 57P01)")
	}
	if lines := strings.Count(said.String(), "\n"); lines != 1 || !strings.Contains(said.String(), "database away") {
		t.Errorf("an outage logs %d lines, want one:\n%s", lines, said.String())
	}
	l.tell(t.Context(), nil)
	l.tell(t.Context(), nil)
	if lines := strings.Count(said.String(), "\n"); lines != 2 || !strings.Contains(said.String(), "database back") {
		t.Errorf("with its end %d lines, want two:\n%s", lines, said.String())
	}
}

func TestJobLog_whatAPersonMustSeeToIsKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		stopping bool
		log      func(*slog.Logger)
		want     bool
	}{
		{"an error of the schema", false, func(l *slog.Logger) {
			l.Error("Error fetching jobs", "err", `relation "river_job" does not exist (SQLSTATE 42P01)`)
		}, true},
		{"a panic", false, func(l *slog.Logger) { l.Error("panic recovery; possible bug with Worker", "panic_val", "boom") }, true},
		{"a full disk during a stop", true, func(l *slog.Logger) { l.Error("Error completing job", "err", "database or disk is full") }, true},
		{"a closed database", false, func(l *slog.Logger) { l.Error("Error attempting to elect", "err", "sql: database is closed") }, true},
		{"a closed database during a stop", true, func(l *slog.Logger) { l.Error("Error attempting to elect", "err", "sql: database is closed") }, false},
		{"a cancelled context", false, func(l *slog.Logger) { l.Error("Error starting transaction", "error", "context canceled") }, false},
		{"news", false, func(l *slog.Logger) { l.Info("River client started") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var said bytes.Buffer
			under := slog.New(slog.NewTextHandler(&said, nil))
			h := newJobLog(under, newLine(under))
			h.stopping.Store(c.stopping)
			c.log(slog.New(h))
			if got := said.Len() > 0; got != c.want {
				t.Errorf("shown: %t, want %t: %s", got, c.want, said.String())
			}
		})
	}
}
