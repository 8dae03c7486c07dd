package daemon

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/mattn/go-sqlite3"

	"relanced/internal/store/storetest"
)

// engineOf starts the job engine on a new SQLite file.
func engineOf(t *testing.T, work ...Scheduled) jobs {
	t.Helper()
	return engineSaying(t, slog.DiscardHandler, work...)
}

// engineSaying is engineOf with its log.
func engineSaying(t *testing.T, logs slog.Handler, work ...Scheduled) jobs {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "j.db")+"?_journal_mode=WAL&_busy_timeout=5000&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	engine, err := newJobs(t.Context(), nil, db, work, slog.New(logs), newLine(slog.New(logs)))
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return engine
}

func TestJobs_runAtStartAndAtTheirTimes(t *testing.T) {
	t.Parallel()
	ran := make(chan string, 10)
	every := func(t time.Time) time.Time { return t.Truncate(time.Second).Add(time.Second) }
	engine := engineOf(t, Scheduled{Chore: ChoreSync, Of: "dupont/compta", Next: every, Do: func(context.Context) error { ran <- "sync"; return nil }})
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

// TestJobs_aChoreThatDoesNotEndIsCutWhenTheDaemonStops wants Stop to return, and
// only when the chore has ended: the database closes after it.
func TestJobs_aChoreThatDoesNotEndIsCutWhenTheDaemonStops(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan struct{})
	engine := engineOf(t, Scheduled{
		Chore: ChoreSync, Of: "dupont/compta", Next: hourly,
		Do: func(ctx context.Context) error {
			close(began)
			<-ctx.Done()
			close(ended)
			return ctx.Err()
		},
	})
	select {
	case <-began:
	case <-time.After(20 * time.Second):
		t.Fatal("the chore did not run")
	}
	ctx, cancel := context.WithTimeout(context.Background(), choreGrace+20*time.Second)
	defer cancel()
	if err := engine.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	default:
		t.Error("the engine has stopped and the chore goes on")
	}
}

// TestJobs_oneNodeOfSeveralDoesAChore starts the engines of two nodes at once.
func TestJobs_oneNodeOfSeveralDoesAChore(t *testing.T) {
	t.Parallel()
	dsn := storetest.Postgres(t, "fsync=off")(t)
	for time.Now().Second() > 40 { // both must start within one minute of the clock
		<-time.After(time.Second)
	}
	ran := make(chan string, 10)
	for _, node := range []string{"a", "b"} {
		pool, err := pgxpool.New(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		engine, err := newJobs(t.Context(), pool, nil, []Scheduled{
			{Chore: ChoreBrief, Of: "dupont", Next: hourly, Do: func(context.Context) error { ran <- node; return nil }},
		}, slog.New(slog.DiscardHandler), newLine(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Start(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = engine.Stop(context.Background()) })
	}
	select {
	case <-ran:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody does the chore")
	}
	select {
	case <-ran:
		t.Error("the chore was done twice")
	case <-time.After(3 * time.Second):
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
