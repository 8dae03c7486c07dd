package sync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/internal/dossier"
	"relanced/internal/lease"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// Options is how a pass is made. The zero Options: a scheduled one.
type Options struct {
	Full  bool // everything again, and what is gone
	Wait  bool // wait for another pass over the connection instead of leaving it to that one
	Asked bool // a person asked: a file still being copied is taken as it is

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

func (r Report) failure() error {
	if r.Error == nil {
		return nil
	}
	return r.Error
}

// ended is why something of ours failed: where the context has ended (somebody
// stopped it, the lease was lost), that is the cause, whatever a database made of it.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), err)
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

// pull asks for what changed. A source of files moves each when its last page
// was taken: it is asked for no page before that.
func (p *pass) pull(ctx context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	if p.info.AgeIsOfExport {
		return p.source.Connector.Pull(ctx, since)
	}
	return ahead(ctx, func(ctx context.Context) iter.Seq2[connectors.Page, error] {
		return p.source.Connector.Pull(ctx, since)
	})
}

// errRefused tells that a file was handed back to the connector.
var errRefused = errors.New("file refused")

// apply commits pages as they come. again: they are of a re-read or of a listing
// of ids, the cursor stays.
func (p *pass) apply(ctx context.Context, pages iter.Seq2[connectors.Page, error], again bool) (*Failure, error) {
	for in, err := range pages {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return failed(err), nil
		}
		if !again {
			if failure, err := p.taken(ctx, in.Next); failure != nil || err != nil {
				return failure, err
			}
		}
		out := page(p.company, p.info, in)
		out.KeepCursor = again
		applied, err := p.write(ctx, out, again)
		if errors.Is(err, store.ErrOlder) {
			return p.refuse(ctx, in)
		}
		if err != nil {
			return nil, err
		}
		if !again {
			p.asOf = later(p.asOf, in.AsOf)
			p.listed = p.listed || in.Whole && in.Listing != nil && in.Listing.Kind == receivable.ItemDocument && in.Listing.Part == "all"
		}
		p.closed += applied.Closed
		p.note(in, applied.New > 0)
	}
	return nil, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// write commits a page together with what it leaves to be read again.
func (p *pass) write(ctx context.Context, out store.Page, again bool) (store.Applied, error) {
	var applied store.Applied
	var next todo
	err := p.store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		if applied, err = tx.ApplyPage(p.key, out); err != nil {
			return err
		}
		if err := p.tellRefused(tx, out.Bad); err != nil {
			return err
		}
		var done []string
		if again {
			done = named(out)
		}
		var changed bool
		if next, changed = p.todo.with(p.unread(slices.Concat(applied.Linked, applied.Reread)), done); changed {
			return next.save(tx, p.key)
		}
		return nil
	})
	if err == nil {
		p.todo = next
	}
	return applied, err
}

// named are the documents that a page of a re-read answers for.
func named(page store.Page) []string {
	if page.Listing != nil {
		return nil
	}
	var ids []string
	for _, d := range page.Documents {
		ids = append(ids, d.External)
	}
	for _, g := range page.Gone {
		if g.Kind == receivable.ItemDocument {
			ids = append(ids, g.External)
		}
	}
	return ids
}

// unread leaves out what this pass has read by id already.
func (p *pass) unread(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return p.done[id] })
}

// note remembers what the end of the pass will look at.
func (p *pass) note(in connectors.Page, fresh bool) {
	p.newAccounts = p.newAccounts || fresh && len(in.Accounts) > 0
	if known := p.history(); len(known.rows) > 0 {
		for _, d := range in.Documents {
			if f := store.FoldNumber(d.Number); known.byNumber[f] != nil {
				p.numbers[f] = true
			}
		}
	}
	if len(p.company.Sources) < 2 {
		return
	}
	for _, a := range in.Accounts {
		if a.SIREN+a.SIRET+a.VAT != "" {
			for _, number := range registers(a.SIREN, a.SIRET, a.VAT) {
				p.met[number] = true
			}
		}
	}
}

// refuse hands a file back that is older than what was accepted.
func (p *pass) refuse(ctx context.Context, in connectors.Page) (*Failure, error) {
	const reason = "it is older than the export accepted before it: export again"
	refuser, ok := p.source.Connector.(connectors.FileRefuser)
	if !ok || in.File == "" || p.refused[in.File] {
		return &Failure{Kind: connectors.Invalid, Message: "what the source gave is older than what was accepted before", Do: "export again"}, nil
	}
	p.refused[in.File] = true
	if err := refuser.RefuseFile(in.File, reason); err != nil {
		return failed(err), nil
	}
	told := store.Page{
		KeepCursor: true, AsOf: in.AsOf,
		Bad: []store.Rejected{{File: in.File, Text: in.File + " was refused: " + reason}},
	}
	if _, err := p.write(ctx, told, false); err != nil {
		return nil, err
	}
	return nil, errRefused
}

// tellRefused opens a task for each file that was refused whole: among the
// problems it stands only until the next pass.
func (p *pass) tellRefused(tx *store.Tx, bad []store.Rejected) error {
	for _, b := range bad {
		if b.File == "" || b.Line != 0 || b.Ref.External != "" {
			continue
		}
		task := dossier.Task{Kind: "file", Title: fmt.Sprintf("%s: %s", p.key.Name, b.Text)}
		if _, err := tx.AddTask(p.company.ID, 0, task, "file/"+string(p.key.Name)+"/"+b.File); err != nil {
			return err
		}
	}
	return nil
}

// list asks for the ids of everything, where the source can and it is time.
func (p *pass) list(ctx context.Context) (*Failure, error) {
	lister, ok := p.source.Connector.(connectors.Lister)
	if !ok || p.listed || !p.due(p.info.ListEvery, p.before.ListedAt) && !p.options.Full {
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
	if failure, err := p.readTodo(ctx, reader); failure != nil || err != nil {
		return failure, err
	}
	if !p.due(p.info.RereadOpen, p.before.RereadAt) {
		return nil, nil
	}
	for {
		open, err := p.store.OpenInvoices(ctx, p.key, p.todo.After, max(p.info.ReadChunk, 1))
		if err != nil {
			return nil, err
		}
		if len(open) == 0 {
			break
		}
		if ids := p.unread(open); len(ids) > 0 {
			if failure, err := p.readIDs(ctx, reader, ids); failure != nil || err != nil {
				return failure, err
			}
		}
		if err := p.keep(ctx, todo{Invoices: p.todo.Invoices, After: open[len(open)-1]}); err != nil {
			return nil, err
		}
	}
	return p.readTodo(ctx, reader)
}

// readTodo reads what is left to be read again, and what that leads to; each
// invoice once in a pass.
func (p *pass) readTodo(ctx context.Context, reader connectors.InvoiceReader) (*Failure, error) {
	for len(p.todo.Invoices) > 0 {
		ids := p.todo.Invoices[:min(len(p.todo.Invoices), max(p.info.ReadChunk, 1))]
		if failure, err := p.readIDs(ctx, reader, ids); failure != nil || err != nil {
			return failure, err
		}
		if next, changed := p.todo.with(nil, ids); changed { // some could not be read: they are among the problems
			if err := p.keep(ctx, next); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func (p *pass) readIDs(ctx context.Context, reader connectors.InvoiceReader, ids []string) (*Failure, error) {
	for _, id := range ids {
		p.done[id] = true
	}
	return p.apply(ctx, reader.ReadInvoices(ctx, slices.Clone(ids)), true)
}

func (p *pass) keep(ctx context.Context, t todo) error {
	err := p.store.InTx(ctx, func(tx *store.Tx) error { return t.save(tx, p.key) })
	if err == nil {
		p.todo = t
	}
	return err
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

func (p *pass) event(tx *store.Tx, kind, text string) error {
	return tx.AddEvent(store.Event{Company: p.company.ID, Kind: kind, By: "relanced", Text: text, Ref: string(p.key.Name)})
}

// tell puts on the timeline what a person would want to see: each thing once.
func (p *pass) tell(tx *store.Tx, end store.PassEnd, count store.PassCount) error {
	var strange []string
	for _, f := range end.Findings {
		if slices.ContainsFunc(p.before.Findings, func(g store.Finding) bool { return g.Code == f.Code }) {
			continue
		}
		strange = append(strange, f.Text)
		if err := p.event(tx, "suspect", f.Text); err != nil {
			return err
		}
	}
	if len(strange) > 0 {
		task := dossier.Task{Kind: "suspect", Title: fmt.Sprintf(
			"%s: %s. Nothing is sent until somebody looks and runs `relanced confirm %s`", p.key.Name, strings.Join(strange, "; "), p.key.Name,
		)}
		if _, err := tx.AddTask(p.company.ID, 0, task, suspectTask(p.key)); err != nil {
			return err
		}
	}
	if p.before.Error != nil {
		if err := p.event(tx, "recovered", "it answers again"); err != nil {
			return err
		}
	}
	if !wrote(count) {
		return nil
	}
	return p.event(tx, "synced", fmt.Sprintf("%d new, %d changed, %d gone", count.New, count.Changed, count.Gone))
}

func suspectTask(key store.ConnectionKey) string { return "suspect/" + string(key.Name) }

func (p *pass) report(ctx context.Context, failure *Failure) (Report, error) {
	after, err := p.store.Connection(ctx, p.key)
	if err != nil {
		return Report{}, err
	}
	problems, err := p.store.Problems(ctx, p.key)
	if err != nil {
		return Report{}, err
	}
	beside, err := p.FileProblems(ctx, p.company.ID)
	if err != nil {
		return Report{}, err
	}
	return Report{
		Connection: p.key.Name, OK: failure == nil && after.SuspectAt.IsZero(), Suspect: !after.SuspectAt.IsZero(),
		PassCount: after.Pass, Closed: p.closed, AsOf: after.AsOf, Problems: append(problems, beside...), Error: failure,
	}, nil
}

// failed reads an error of a connector.
func failed(err error) *Failure {
	f := &Failure{Kind: connectors.Temporary, Message: err.Error()}
	var e *connectors.Error
	if errors.As(err, &e) {
		f.Kind, f.Do, f.retry = e.Kind, e.Do, e.Retry
	}
	if f.Do == "" {
		f.Do = advice[f.Kind]
	}
	return f
}

// advice is what to do about a failure of which the source says nothing better.
var advice = map[connectors.Kind]string{
	connectors.Auth:      "renew the permission that the connection uses, then run sync",
	connectors.Rate:      "nothing: it is tried again by itself",
	connectors.Temporary: "nothing if it passes: it is tried again by itself; else look whether the source can be reached from here",
	connectors.Invalid:   "look at the connection's settings; if they are right, report this",
	connectors.NotFound:  "look at the connection's address",
	connectors.Schema:    "the source answered something unknown: look whether it was updated, and report this",
}
