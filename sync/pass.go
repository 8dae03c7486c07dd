package sync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
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
}

// waitLimit bounds how long a pass waits for another one.
const waitLimit = 30 * time.Minute

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
	held, holding, err := s.hold(ctx, key, o.Wait)
	if errors.Is(err, lease.ErrHeld) {
		return Report{Connection: name, Busy: true}, nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("sync: %s: %w", name, err)
	}
	defer held.Release()
	if o.Asked {
		holding = connectors.WithAsked(holding)
	}
	began := time.Now()
	p := &pass{Syncer: s, company: c, source: src, key: key, info: src.Connector.Info(), options: o}
	report, err := p.run(holding)
	if err != nil {
		return report, fmt.Errorf("sync: %s: %w", name, err)
	}
	level := s.logger.InfoContext
	if !report.OK {
		level = s.logger.WarnContext
	}
	level(ctx, "pass ended", "connection", name, "ok", report.OK, "suspect", report.Suspect, "new", report.New,
		"changed", report.Changed, "gone", report.Gone, "unchanged", report.Unchanged, "rejected", report.Rejected,
		"requests", report.Requests, "took", time.Since(began).Round(time.Millisecond), "err", report.failure())
	return report, nil
}

func (r Report) failure() error {
	if r.Error == nil {
		return nil
	}
	return r.Error
}

// hold takes the connection's lease, waiting for it where asked.
func (s *Syncer) hold(ctx context.Context, key store.ConnectionKey, wait bool) (*lease.Lease, context.Context, error) {
	limit, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	for {
		held, holding, err := lease.Hold(ctx, s.store, leaseName(key), s.owner)
		if err == nil || !wait || !errors.Is(err, lease.ErrHeld) {
			return held, holding, err
		}
		select {
		case <-limit.Done():
			return nil, nil, err
		case <-time.After(200 * time.Millisecond):
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

	before store.Connection
	asOf   time.Time
	reread map[string]bool // invoices to be read again
	closed int
}

func (p *pass) run(ctx context.Context) (Report, error) {
	asked := requests(p.source.Connector)
	if err := p.begin(ctx); err != nil {
		return Report{}, err
	}
	failure, err := p.read(ctx)
	if err != nil {
		return Report{}, err
	}
	if err := p.layOver(ctx, p.company, true); err != nil && failure == nil {
		failure = &Failure{Kind: connectors.Invalid, Message: err.Error(), Do: "correct `customers: {file: …}` or the file"}
	}
	if failure != nil {
		err = p.store.InTx(ctx, func(tx *store.Tx) error {
			return tx.FailPass(p.key, store.PassError{Kind: string(failure.Kind), Message: failure.Message, Do: failure.Do, At: tx.Now()})
		})
	} else {
		err = p.end(ctx)
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
		resumed := !p.before.PassStartedAt.IsZero() && p.before.PassStartedAt.After(p.before.PassEndedAt) && !p.options.Full
		return tx.BeginPass(p.key, resumed)
	})
}

// read makes the pass's requests. The failure is the source's, the error ours.
func (p *pass) read(ctx context.Context) (*Failure, error) {
	p.reread = map[string]bool{}
	since := connectors.Cursor(p.before.Cursor)
	if p.options.Full {
		since = nil
	}
	p.asOf = p.before.AsOf
	if failure, err := p.apply(ctx, p.source.Connector.Pull(ctx, since), false); failure != nil || err != nil {
		return failure, err
	}
	if failure, err := p.list(ctx); failure != nil || err != nil {
		return failure, err
	}
	return p.readAgain(ctx)
}

// apply commits pages as they come. live: they are of a re-read, the cursor stays.
func (p *pass) apply(ctx context.Context, pages iter.Seq2[connectors.Page, error], live bool) (*Failure, error) {
	for in, err := range pages {
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return failed(err), nil
		}
		out := page(p.company, p.info, in)
		out.KeepCursor = live
		applied, err := p.store.ApplyPage(ctx, p.key, out)
		if errors.Is(err, store.ErrOlder) {
			if refused, err := p.refuse(in); refused || err != nil {
				if err != nil {
					return failed(err), nil
				}
				continue
			}
			return &Failure{Kind: connectors.Invalid, Message: "what the source gave is older than what was accepted before", Do: "export again"}, nil
		}
		if err != nil {
			return nil, err
		}
		if in.AsOf.After(p.asOf) && !live {
			p.asOf = in.AsOf
		}
		p.closed += applied.Closed
		for _, id := range slices.Concat(applied.Linked, applied.Reread) {
			p.reread[id] = true
		}
		for _, doc := range in.Documents {
			if live {
				delete(p.reread, doc.External)
			}
		}
	}
	return nil, nil
}

// refuse hands a file back that is older than what was accepted.
func (p *pass) refuse(in connectors.Page) (bool, error) {
	refuser, ok := p.source.Connector.(connectors.FileRefuser)
	if !ok || in.File == "" {
		return false, nil
	}
	return true, refuser.RefuseFile(in.File, "it is older than the export accepted before it: export again")
}

// list asks for the ids of everything, where the source can and it is time.
func (p *pass) list(ctx context.Context) (*Failure, error) {
	lister, ok := p.source.Connector.(connectors.Lister)
	if !ok || !p.due(p.info.ListEvery, p.before.ListedAt) && !p.options.Full {
		return nil, nil
	}
	return p.apply(ctx, lister.List(ctx, "all"), true)
}

// due tells whether something done at last is to be done again. What was never
// done is new with the first load.
func (p *pass) due(every time.Duration, last time.Time) bool {
	return every > 0 && !last.IsZero() && p.store.Now().Sub(last) >= every
}

// readAgain reads invoices once more by id: those tied to a payment or an
// allocation that came or went, and once in a while every open one.
func (p *pass) readAgain(ctx context.Context) (*Failure, error) {
	reader, ok := p.source.Connector.(connectors.InvoiceReader)
	if !ok {
		return nil, nil
	}
	for chunk := range slices.Chunk(sortedKeys(p.reread), max(p.info.ReadChunk, 1)) {
		if failure, err := p.apply(ctx, reader.ReadInvoices(ctx, chunk), true); failure != nil || err != nil {
			return failure, err
		}
	}
	if !p.due(p.info.RereadOpen, p.before.RereadAt) {
		return nil, nil
	}
	for after := ""; ; {
		open, err := p.store.OpenInvoices(ctx, p.key, after, max(p.info.ReadChunk, 1))
		if err != nil || len(open) == 0 {
			return nil, err
		}
		if failure, err := p.apply(ctx, reader.ReadInvoices(ctx, open), true); failure != nil || err != nil {
			return failure, err
		}
		after = open[len(open)-1]
	}
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
		books, err := tx.Measure(p.key)
		if err != nil {
			return err
		}
		end := store.PassEnd{AsOf: p.asOf, Findings: findings(p.before, now.Pass, books)}
		first := p.before.RereadAt.IsZero()
		end.Reread = first || p.due(p.info.RereadOpen, p.before.RereadAt)
		end.Listed = p.before.ListedAt.IsZero() || p.options.Full || p.due(p.info.ListEvery, p.before.ListedAt)
		if err := tx.EndPass(p.key, end); err != nil {
			return err
		}
		return p.tell(tx, end, now.Pass)
	})
}

// tell puts on the timeline what a person would want to see.
func (p *pass) tell(tx *store.Tx, end store.PassEnd, count store.PassCount) error {
	for _, f := range end.Findings {
		event := store.Event{Company: p.company.ID, Kind: "suspect", By: "relanced", Text: f.Text, Ref: string(p.key.Name)}
		if err := tx.AddEvent(event); err != nil {
			return err
		}
	}
	if count.New+count.Changed+count.Gone == 0 {
		return nil
	}
	return tx.AddEvent(store.Event{
		Company: p.company.ID, Kind: "synced", By: "relanced", Ref: string(p.key.Name),
		Text: fmt.Sprintf("%d new, %d changed, %d gone", count.New, count.Changed, count.Gone),
	})
}

func (p *pass) report(ctx context.Context, failure *Failure) (Report, error) {
	after, err := p.store.Connection(ctx, p.key)
	if err != nil {
		return Report{}, err
	}
	problems, err := p.store.Problems(ctx, p.key)
	if err != nil {
		return Report{}, err
	}
	return Report{
		Connection: p.key.Name, OK: failure == nil && after.SuspectAt.IsZero(), Suspect: !after.SuspectAt.IsZero(),
		PassCount: after.Pass, Closed: p.closed, AsOf: after.AsOf, Problems: problems, Error: failure,
	}, nil
}

// failed reads an error of a connector.
func failed(err error) *Failure {
	f := &Failure{Kind: connectors.Temporary, Message: err.Error(), Do: "it is tried again at the next pass"}
	var e *connectors.Error
	if errors.As(err, &e) {
		f.Kind, f.Do = e.Kind, e.Do
	}
	return f
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
