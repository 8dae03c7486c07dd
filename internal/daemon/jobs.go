package daemon

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

// Chore is a kind of scheduled work.
type Chore string

// The chores. What they do is idempotent: nothing rests on one running once.
const (
	ChoreSync      Chore = "sync"
	ChoreBrief     Chore = "brief"
	ChoreHousekeep Chore = "housekeep"
)

// Scheduled is a chore for one thing (a connection, a company) at times of its own.
type Scheduled struct {
	Chore Chore
	Of    string // "dupont/compta", "dupont"; "" for housekeep
	Next  func(time.Time) time.Time
	Do    func(context.Context) error
}

// choreArgs is what a job stores: identifiers only.
type choreArgs struct {
	Chore Chore  `json:"chore" river:"unique"`
	Of    string `json:"of" river:"unique"`
}

// Kind names the job in the database.
func (choreArgs) Kind() string { return "chore" }

// jobs spreads scheduled work over the nodes that share a database.
type jobs interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// choreLimit bounds one chore: longer, it is cut and comes again at its time.
const choreLimit = 30 * time.Minute

// choreGrace is how long a chore may go on after the daemon was asked to stop:
// then it is cut, and comes again at its time.
const choreGrace = 5 * time.Second

// newJobs prepares the job engine on PostgreSQL (pool) or SQLite (db: a handle
// of its own on the same file, one connection); exactly one of them is set.
func newJobs(ctx context.Context, pool *pgxpool.Pool, db *sql.DB, work []Scheduled, logger *slog.Logger, l *line) (jobs, error) {
	if pool != nil {
		return startable[pgx.Tx](ctx, riverpgxv5.New(pool), work, logger, l)
	}
	return startable[*sql.Tx](ctx, riversqlite.New(db), work, logger, l)
}

// engine is the job engine, whose log knows when it is to stop.
type engine struct {
	jobs
	log *jobLog
}

// Stop lets chores finish until ctx ends.
func (e engine) Stop(ctx context.Context) error {
	e.log.stopping.Store(true)
	return e.jobs.Stop(ctx)
}

func startable[Tx any](ctx context.Context, driver riverdriver.Driver[Tx], work []Scheduled, logger *slog.Logger, l *line) (jobs, error) {
	log := newJobLog(logger, l)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(log)})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("prepare the job tables: %w", err)
	}
	do := map[choreArgs]func(context.Context) error{}
	periodic := make([]*river.PeriodicJob, 0, len(work))
	for _, w := range work {
		args := choreArgs{w.Chore, w.Of}
		do[args] = w.Do
		periodic = append(periodic, river.NewPeriodicJob(nextFunc(w.Next), func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{
				MaxAttempts: 1,
				// By arguments alone, a job orphaned by a crash would keep every later
				// one away until it is rescued, an hour later.
				UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: period(w.Next)},
			}
		}, &river.PeriodicJobOpts{ID: string(w.Chore) + "_" + identifier(w.Of), RunOnStart: true}))
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &choreWorker{do: do, logger: logger})
	client, err := river.NewClient(driver, &river.Config{
		Queues:       map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 8}},
		Workers:      workers,
		PeriodicJobs: periodic,
		MaxAttempts:  1,
		JobTimeout:   choreLimit,
		Logger:       slog.New(log),

		SoftStopTimeout: choreGrace,
	})
	return engine{client, log}, err
}

// nextFunc makes a schedule of a function.
type nextFunc func(time.Time) time.Time

// Next is f.
func (f nextFunc) Next(t time.Time) time.Time { return f(t) }

// period is the span within which a second job of the same kind is the same
// job: the time between two runs, a minute at most. River cuts periods out of
// the day and counts jobs that ended: with a day's period, the job of a node
// that started at six would keep the one of half past seven away.
func period(next func(time.Time) time.Time) time.Duration {
	at := next(time.Now())
	then := next(at)
	if then.IsZero() || !then.After(at) {
		return time.Minute
	}
	return max(min(then.Sub(at), time.Minute), time.Second)
}

// identifier makes text a periodic job id: letters, digits, - and _.
func identifier(text string) string {
	out := []byte(text)
	for i, b := range out {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-':
		default:
			out[i] = '_'
		}
	}
	return string(out)
}

type choreWorker struct {
	river.WorkerDefaults[choreArgs]
	do     map[choreArgs]func(context.Context) error
	logger *slog.Logger
}

// Work runs the chore. What it reports is logged here, once; the job itself
// ends well, because its schedule brings it again.
func (w *choreWorker) Work(ctx context.Context, job *river.Job[choreArgs]) error {
	do := w.do[job.Args]
	if do == nil {
		return nil // another node's configuration knows it
	}
	began := time.Now()
	err := do(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		w.logger.WarnContext(ctx, "chore not finished", "chore", job.Args.Chore, "of", job.Args.Of, "err", err, "took", time.Since(began))
	}
	return nil
}
