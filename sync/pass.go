package sync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relanced/connectors"
	"relanced/internal/lease"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// Options is how a pass is made. The zero Options: a scheduled one.
type Options struct {
	Full  bool // everything again, and what is gone
	Wait  bool // wait for another pass over the connection instead of leaving it to that one
	Asked bool // a person asked: a file still being copied is taken as it is

	Begun func() // called, if not nil, when the pass begins to ask: what changes from then on may be missed

	soon bool // a message is about to leave: wait a little only
}

// How long a pass waits for another one: a person, for the first load of large
// books; a message about to leave, not so long that it would speak of the past.
const (
	waitLimit = 30 * time.Minute
	soonLimit = time.Minute
)

func (o Options) limit() time.Duration {
	switch {
	case !o.Wait:
		return 0
	case o.soon:
		return soonLimit
	}
	return waitLimit
}

// Pass reads what changed in a connection since the last pass, then whatever
// the source asks to be read again, and says whether the books are believed. A
// failure of the source is in the report; the error is one of our own store.
// What a broken pass wrote stays, and the next one goes on from there.
func (s *Syncer) Pass(ctx context.Context, company receivable.CompanyID, name receivable.ConnectionID, o Options) (Report, error) {
	c, src, err := s.source(company, name)
	if err != nil {
		return Report{}, err
	}
	key := store.ConnectionKey{Company: company, Name: name}
	if failure := s.paused(key); failure != nil && !o.Asked && !o.Full {
		return Report{Connection: name, Paused: true, Error: failure}, nil
	}
	held, holding, err := s.hold(ctx, key, o.limit())
	if errors.Is(err, lease.ErrHeld) {
		return Report{Connection: name, Busy: true}, nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("sync: %s: %w", name, err)
	}
	defer held.Release()
	if o.Begun != nil {
		o.Begun()
	}
	if o.Asked {
		holding = connectors.WithAsked(holding)
	}
	began := time.Now()
	p := s.newPass(c, src, o)
	report, err := p.run(holding)
	if err != nil {
		return report, fmt.Errorf("sync: %s: %w", name, ended(holding, err))
	}
	s.pauseAfter(key, report.Error)
	level := s.logger.InfoContext
	if !report.OK && p.before.Error == nil { // a failure that lasts is told once
		level = s.logger.WarnContext
	}
	level(ctx, "pass ended", "connection", name, "ok", report.OK, "suspect", report.Suspect, "new", report.New,
		"changed", report.Changed, "gone", report.Gone, "unchanged", report.Unchanged, "rejected", report.Rejected,
		"requests", report.Requests, "took", time.Since(began).Round(time.Millisecond), "err", report.failure())
	return report, nil
}

// hold takes the connection's lease, waiting for it up to limit.
func (s *Syncer) hold(ctx context.Context, key store.ConnectionKey, limit time.Duration) (*lease.Lease, context.Context, error) {
	over := time.NewTimer(limit)
	defer over.Stop()
	for {
		held, holding, err := lease.Hold(ctx, s.store, leaseName(key), s.owner)
		if err == nil || limit == 0 || !errors.Is(err, lease.ErrHeld) {
			return held, holding, err
		}
		again := time.NewTimer(200 * time.Millisecond)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil, nil, context.Cause(ctx)
		case <-over.C:
			again.Stop()
			return nil, nil, err
		case <-again.C:
		}
	}
}

// pass is one pass on its way.
type pass struct {
	*Syncer
	company Company
	source  Source
	key     store.ConnectionKey
	info    connectors.Info
	options Options

	before      store.Connection // as the pass found it
	resumed     bool             // it goes on where another was cut short
	asOf        time.Time
	todo        todo
	done        map[string]bool // invoices read again by id in this pass
	listed      bool            // the feed itself listed all documents
	refused     map[string]bool // files handed back
	numbers     map[string]bool // folded invoice numbers of the history file that came by
	met         map[string]bool // numbers in public registers of accounts that came by
	newAccounts bool
	closed      int
}

func (s *Syncer) newPass(c Company, src Source, o Options) *pass {
	return &pass{
		Syncer: s, company: c, source: src, key: store.ConnectionKey{Company: c.ID, Name: src.Name}, info: src.Connector.Info(), options: o,
		done: map[string]bool{}, refused: map[string]bool{}, numbers: map[string]bool{}, met: map[string]bool{},
	}
}

func (p *pass) run(ctx context.Context) (Report, error) {
	asked := requests(p.source.Connector)
	if err := p.layCustomersFile(ctx); err != nil {
		return Report{}, err
	}
	if err := p.begin(ctx); err != nil {
		return Report{}, err
	}
	failure, err := p.read(ctx)
	if err != nil {
		return Report{}, err
	}
	if failure != nil {
		err = p.store.InTx(ctx, func(tx *store.Tx) error { return p.fail(tx, failure) })
	} else if err = p.end(ctx); err == nil {
		err = p.layAgain(ctx)
	}
	if err != nil {
		return Report{}, err
	}
	report, err := p.report(ctx, failure)
	report.Requests = requests(p.source.Connector) - asked
	return report, err
}

// begin marks the pass as running. A pass that a crash stopped goes on with its
// counts, so that the comparison at its end sees all of it.
func (p *pass) begin(ctx context.Context) error {
	return p.store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		if p.before, err = tx.EnsureConnection(p.key, p.source.Type); err != nil {
			return err
		}
		if p.todo, err = loadTodo(tx, p.key); err != nil {
			return err
		}
		p.resumed = p.before.PassStartedAt.After(p.before.PassEndedAt) && !p.options.Full
		p.asOf = p.before.AsOf
		return tx.BeginPass(p.key, p.resumed)
	})
}

// read makes the pass's requests. The failure is the source's, the error ours.
func (p *pass) read(ctx context.Context) (*Failure, error) {
	since := connectors.Cursor(p.before.Cursor)
	if p.options.Full && !p.info.AgeIsOfExport { // files that were taken cannot be asked for again
		since = nil
		if r, ok := p.source.Connector.(connectors.Restarter); ok && len(p.before.Cursor) > 0 {
			since = r.Restart(connectors.Cursor(p.before.Cursor))
		}
	}
	for {
		failure, err := p.apply(ctx, p.pull(ctx, since), false)
		if errors.Is(err, errRefused) { // the feed goes on without that file
			known, err := p.store.Connection(ctx, p.key)
			if err != nil {
				return nil, err
			}
			since = known.Cursor
			continue
		}
		if failure != nil || err != nil {
			return failure, err
		}
		break
	}
	if failure, err := p.list(ctx); failure != nil || err != nil {
		return failure, err
	}
	return p.readAgain(ctx)
}

// fail records why the pass did not end. A failure that lasts is told once.
func (p *pass) fail(tx *store.Tx, f *Failure) error {
	err := tx.FailPass(p.key, store.PassError{Kind: string(f.Kind), Message: f.Message, Do: f.Do, At: tx.Now()})
	if err != nil || p.before.Error != nil {
		return err
	}
	return p.event(tx, "failed", fmt.Sprintf("%s (%s)", f.Message, f.Do))
}

// end checks the books, compares them with the last accepted ones and records
// the pass.
func (p *pass) end(ctx context.Context) error {
	return p.store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.CheckBooks(p.key, string(p.info.Allocations)); err != nil {
			return err
		}
		now, err := tx.Connection(p.key)
		if err != nil {
			return err
		}
		end := store.PassEnd{AsOf: p.asOf}
		if end.AsOf.After(tx.Now()) {
			end.AsOf = tx.Now() // no source knows tomorrow: an export dated later is not fresher for it
		}
		books, err := tx.Measure(p.key)
		if err != nil {
			return err
		}
		end.Findings = findings(p.before, now.Pass, books)
		end.Reread = p.before.RereadAt.IsZero() || p.due(p.info.RereadOpen, p.before.RereadAt)
		end.Listed = p.before.ListedAt.IsZero() || p.listed || p.options.Full || p.due(p.info.ListEvery, p.before.ListedAt)
		if err := tx.EndPass(p.key, end); err != nil {
			return err
		}
		if err := (todo{}).save(tx, p.key); err != nil {
			return err
		}
		if err := p.takeHistory(tx); err != nil {
			return err
		}
		if err := p.proposeJoins(tx); err != nil {
			return err
		}
		return p.tell(tx, end, now.Pass)
	})
}

func wrote(c store.PassCount) bool { return c.New+c.Changed+c.Gone > 0 }
