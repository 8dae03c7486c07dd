package daemon

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"relanced/configs"
	"relanced/internal/store"
	syncer "relanced/sync"
)

// After the first signal: how long a message that is leaving may take (systemd
// waits 90 s), and how long schedules may once they were cut off.
const (
	softStop = 75 * time.Second
	cutStop  = 5 * time.Second
)

// Run does the daemon's work until ctx ends: loops, schedules, the health page.
// Sends in flight finish; hard, where it ends, cuts them off.
func (d *Daemon) Run(ctx, hard context.Context) error {
	release, err := d.alone()
	if err != nil {
		return err
	}
	defer release()
	h := &health{ping: d.Store.Ping}
	listening, stopHTTP, err := h.serve(ctx, string(d.File.HTTP.Listen), d.hooks(ctx), d.logger)
	if err != nil {
		return err
	}
	defer stopHTTP()
	db, err := d.jobsDB()
	if err != nil {
		return err
	}
	if db != nil {
		defer db.Close()
	}
	l := newLine(d.logger)
	engine, err := newJobs(ctx, d.Store.Pool(), db, d.scheduled(), d.logger.With("component", "jobs"), l)
	if err != nil {
		return fmt.Errorf("start the schedules: %w", err)
	}
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	if err := engine.Start(work); err != nil {
		return fmt.Errorf("start the schedules: %w", err)
	}
	n := &node{store: d.Store, owner: d.owner, duties: d.duties(), logger: d.logger, line: l}
	done := make(chan struct{})
	go func() { defer close(done); n.run(ctx) }()
	h.tellReady(ctx, d.logger)
	d.logger.InfoContext(ctx, "ready", "companies", len(d.Companies), "store", d.File.Store.Kind, "http", listening)
	<-ctx.Done()
	h.tellStopping()
	d.logger.Info("stopping")
	select {
	case <-done:
	case <-hard.Done():
	case <-time.After(softStop):
	}
	stopping, cancel := context.WithTimeout(hard, choreGrace+cutStop)
	defer cancel()
	if err := engine.Stop(stopping); err != nil && !errors.Is(err, context.Canceled) {
		d.logger.Warn("schedules cut off", "err", err)
	}
	return nil
}

// alone keeps a second daemon off an SQLite file, which one node works on. The
// lock ends with the process, however that ends. Commands do not ask for it.
func (d *Daemon) alone() (release func(), err error) {
	if d.File.Store.Kind != configs.SQLite {
		return func() {}, nil
	}
	path := d.File.Store.Source
	lock, err := os.OpenFile(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the database: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a file descriptor
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another daemon works on %s: stop it first (several nodes share the work on PostgreSQL, with store: postgres://…)", path)
		}
		return nil, fmt.Errorf("lock the database: %w", err)
	}
	return func() { _ = lock.Close() }, nil
}

// jobsDB is a handle of the job engine's own on the SQLite file, nil on
// PostgreSQL: it must not wait for a transaction of ours that waits for it.
func (d *Daemon) jobsDB() (*sql.DB, error) {
	if d.File.Store.Kind != configs.SQLite {
		return nil, nil
	}
	db, err := sql.Open("sqlite3", "file:"+d.File.Store.Source+"?_journal_mode=WAL&_busy_timeout=10000&_txlock=immediate&_synchronous=NORMAL")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// duties are what one node at a time does.
func (d *Daemon) duties() []duty {
	var duties []duty
	for _, c := range d.Companies {
		duties = append(duties, duty{leaseOfCompany(c.id()), d.companyDuty(c)})
		for _, r := range c.Readers {
			duties = append(duties, duty{leaseOfMailbox(r.Key), d.mailboxDuty(c, r)})
		}
	}
	return duties
}

// manyLooked is how many customers a sweep may look at before the memory that
// took is given back at once: such a sweep is rare.
const manyLooked = 2000

// companyDuty decides for customers as their moments come.
func (d *Daemon) companyDuty(c *Company) func(context.Context, store.Fence) error {
	return func(ctx context.Context, _ store.Fence) error {
		for first := true; ctx.Err() == nil; first = false {
			next, err := d.Store.NextAgenda(ctx, c.id())
			if err != nil {
				return err
			}
			if first || !next.IsZero() && !next.After(d.Store.Now()) {
				report, err := c.Box.Sweep(ctx)
				if err != nil {
					return err
				}
				if report.Proposed+report.Queued+report.Withdrawn+report.Tasks > 0 {
					d.logger.InfoContext(ctx, "reminders decided", "company", c.ID, "looked", report.Looked, "proposed", report.Proposed,
						"queued", report.Queued, "withdrawn", report.Withdrawn, "tasks", report.Tasks)
				}
				if report.Looked > manyLooked {
					debug.FreeOSMemory()
				}
			}
			pause(ctx, time.Second)
		}
		return nil
	}
}

// scheduled are the chores with their times.
func (d *Daemon) scheduled() []Scheduled {
	work := []Scheduled{{Chore: ChoreHousekeep, Next: hourly, Do: d.housekeep}}
	for _, c := range d.Companies {
		for _, conn := range c.Connections {
			work = append(work, Scheduled{
				Chore: ChoreSync, Of: string(c.ID) + "/" + string(conn.Name), Next: conn.Schedule.Next,
				Do: func(ctx context.Context) error {
					_, err := d.Syncer.Pass(ctx, c.id(), conn.ID(), syncer.Options{})
					return err
				},
			})
		}
		if len(c.Brief.To) > 0 {
			work = append(work, Scheduled{
				Chore: ChoreBrief, Of: string(c.ID), Next: func(t time.Time) time.Time { return c.Brief.Schedule.Next(t.In(c.Zone)) },
				Do: func(ctx context.Context) error { return d.mailBrief(ctx, c) },
			})
		}
	}
	return work
}

func hourly(t time.Time) time.Time { return t.Truncate(time.Hour).Add(time.Hour) }

// housekeep seals the timeline.
func (d *Daemon) housekeep(ctx context.Context) error {
	_, err := d.Store.Seal(ctx)
	return err
}
