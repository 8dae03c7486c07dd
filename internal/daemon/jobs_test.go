package daemon

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

func TestJobs_runAtStartAndAtTheirTimes(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "j.db")+"?_journal_mode=WAL&_busy_timeout=5000&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	ran := make(chan string, 10)
	every := func(t time.Time) time.Time { return t.Truncate(time.Second).Add(time.Second) }
	engine, err := newJobs(t.Context(), nil, db, []Scheduled{
		{Chore: ChoreSync, Of: "dupont/compta", Next: every, Do: func(context.Context) error { ran <- "sync"; return nil }},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case <-ran:
		case <-time.After(20 * time.Second):
			t.Fatal("the chore did not run")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := engine.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestPeriod_isNeverLongerThanAMinute(t *testing.T) {
	t.Parallel()
	for every, want := range map[time.Duration]time.Duration{
		time.Second: time.Second, 30 * time.Second: 30 * time.Second, time.Hour: time.Minute, 24 * time.Hour: time.Minute,
	} {
		if got := period(func(t time.Time) time.Time { return t.Truncate(every).Add(every) }); got != want {
			t.Errorf("every %s: period %s, want %s", every, got, want)
		}
	}
}
