package sync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"relanced/connectors"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// Import reads one file into a connection, as a pass of its own. A file that is
// refused whole leaves nothing; the reason is in the report. dry keeps nothing
// of a good one either: the report says what would be done.
func (s *Syncer) Import(ctx context.Context, company receivable.CompanyID, name receivable.ConnectionID, path string, dry bool) (Report, error) {
	c, src, err := s.source(company, name)
	if err != nil {
		return Report{}, err
	}
	importer, ok := src.Connector.(connectors.FileImporter)
	if !ok {
		return Report{}, fmt.Errorf("import: %s is a connection of type %s: files go into one of type files", name, src.Type)
	}
	if _, err := os.Stat(path); err != nil {
		return Report{
			Connection: name, File: path,
			Error: &Failure{Kind: connectors.Invalid, Message: fmt.Sprintf("import %s: %v", path, err), Do: "check the name"},
		}, nil
	}
	p := s.newPass(c, src, Options{Asked: true})
	held, holding, err := s.hold(ctx, p.key, waitLimit)
	if err != nil {
		return Report{}, fmt.Errorf("import %s: %w", path, err)
	}
	defer held.Release()
	i := &importing{pass: p, importer: importer, path: path, report: Report{Connection: name, File: path}}
	if dry {
		err = i.rehearse(holding)
	} else {
		err = i.run(holding)
	}
	if err != nil {
		return i.report, fmt.Errorf("import %s: %w", path, ended(holding, err))
	}
	i.report.OK = i.report.Error == nil && !i.report.Suspect
	return i.report, nil
}

// importing is one file on its way.
type importing struct {
	*pass
	importer connectors.FileImporter
	path     string
	report   Report
}

// open starts reading the file, up to its first page: by then it has been
// checked completely. A refusal is in the report, and first is nil.
func (i *importing) open(ctx context.Context, since connectors.Cursor) (first *connectors.Page, next func() (connectors.Page, error, bool), stop func()) {
	next, stop = iter.Pull2(i.importer.ImportFile(ctx, i.path, since))
	in, err, ok := next()
	i.report.Format = in.Format
	if err != nil {
		i.report.Error = failed(err)
		return nil, next, stop
	}
	if !ok {
		return nil, next, stop
	}
	return &in, next, stop
}

// run imports the file page by page; a broken import is made whole by the next.
func (i *importing) run(ctx context.Context) error {
	if err := i.layCustomersFile(ctx); err != nil {
		return err
	}
	known, err := i.cursor(ctx)
	if err != nil {
		return err
	}
	first, next, stop := i.open(ctx, known)
	defer stop()
	if first == nil {
		return cause(ctx)
	}
	begun := false
	for in := first; in != nil; {
		out := page(i.company, i.info, *in)
		var did store.Applied
		err := i.store.InTx(ctx, func(tx *store.Tx) error {
			var err error
			if !begun {
				if i.before, err = tx.EnsureConnection(i.key, i.source.Type); err != nil {
					return err
				}
				if err := tx.BeginPass(i.key, false); err != nil {
					return err
				}
			}
			did, err = i.applyPage(tx, out)
			return err
		})
		if errors.Is(err, store.ErrOlder) && !begun {
			i.older()
			return nil
		}
		if err != nil {
			return err
		}
		begun = true
		i.add(*in, did)
		i.asOf = later(later(i.asOf, i.before.AsOf), in.AsOf)
		i.note(*in, true)
		if in, err = i.following(next); err != nil {
			return err
		}
		if i.report.Error != nil {
			return i.store.InTx(ctx, func(tx *store.Tx) error { return i.fail(tx, i.report.Error) })
		}
	}
	if err := i.finish(ctx); err != nil {
		return err
	}
	after, err := i.store.Connection(ctx, i.key)
	i.report.AsOf, i.report.Suspect = after.AsOf, !after.SuspectAt.IsZero()
	return err
}

func cause(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (i *importing) cursor(ctx context.Context) (connectors.Cursor, error) {
	known, err := i.store.Connection(ctx, i.key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return connectors.Cursor(known.Cursor), err
}

// following is the next page, nil after the last or a failure.
func (i *importing) following(next func() (connectors.Page, error, bool)) (*connectors.Page, error) {
	in, err, ok := next()
	switch {
	case err != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return nil, err
	case err != nil:
		i.report.Error = failed(err)
		return nil, nil
	case !ok:
		return nil, nil
	}
	return &in, nil
}

func (i *importing) older() {
	i.report.Error = &Failure{
		Kind: connectors.Invalid, Message: i.report.File + " is older than the export accepted before it", Do: "import a newer export",
	}
}

// errRehearsed undoes a rehearsal.
var errRehearsed = errors.New("rehearsed")

// rehearse imports the file in one transaction and takes it back.
func (i *importing) rehearse(ctx context.Context) error {
	known, err := i.cursor(ctx)
	if err != nil {
		return err
	}
	empty := i.report
	again := false
	first, next, stop := i.open(ctx, known)
	defer func() { stop() }()
	err = i.store.InTx(ctx, func(tx *store.Tx) error {
		if again { // the database asked for it: a file can be read twice
			stop()
			i.report = empty
			first, next, stop = i.open(ctx, known)
		}
		again = true
		if first == nil {
			return errRehearsed
		}
		if _, err := tx.EnsureConnection(i.key, i.source.Type); err != nil {
			return err
		}
		if err := tx.BeginPass(i.key, false); err != nil {
			return err
		}
		for in := first; in != nil; {
			did, err := i.applyPage(tx, page(i.company, i.info, *in))
			if err != nil {
				return err
			}
			i.add(*in, did)
			i.report.AsOf = later(i.report.AsOf, in.AsOf)
			if in, err = i.following(next); err != nil {
				return err
			}
		}
		return errRehearsed
	})
	switch {
	case errors.Is(err, store.ErrOlder):
		i.report = Report{Connection: i.report.Connection, File: i.report.File, Format: i.report.Format}
		i.older()
	case !errors.Is(err, errRehearsed):
		return err
	}
	return cause(ctx)
}

// applyPage writes a page in parts and returns what it did to the open items:
// accounts, payments and what is settled are written, and not counted.
func (i *importing) applyPage(tx *store.Tx, whole store.Page) (store.Applied, error) {
	var open, settled []receivable.Document
	for _, d := range whole.Documents {
		if d.Outstanding.IsZero() {
			settled = append(settled, d)
		} else {
			open = append(open, d)
		}
	}
	part := store.Page{Listing: whole.Listing, AsOf: whole.AsOf, PayOn: whole.PayOn, Derive: whole.Derive, KeepCursor: true}
	first, second, last := part, part, whole
	first.Accounts, first.Documents = whole.Accounts, settled
	second.Payments, second.Allocations = whole.Payments, whole.Allocations
	last.Accounts, last.Payments, last.Allocations, last.Documents = nil, nil, nil, open
	var counted store.Applied
	for n, page := range []store.Page{first, second, last} {
		if n < 2 && len(page.Accounts)+len(page.Documents)+len(page.Payments)+len(page.Allocations) == 0 {
			continue
		}
		did, err := tx.ApplyPage(i.key, page)
		if err != nil {
			return store.Applied{}, err
		}
		counted.Closed += did.Closed
		if n == 2 {
			counted.PassCount = did.PassCount
			if l := page.Listing; l != nil && l.Absent == store.AbsentSettled && len(page.Gone) == 0 {
				counted.Changed -= did.Closed // what is settled by being absent is closed, not changed
			}
		}
	}
	return counted, nil
}

// add counts a page into the report.
func (i *importing) add(in connectors.Page, did store.Applied) {
	r := &i.report
	r.New, r.Changed, r.Gone, r.Unchanged = r.New+did.New, r.Changed+did.Changed, r.Gone+did.Gone, r.Unchanged+did.Unchanged
	r.Rejected, r.Closed = r.Rejected+did.Rejected, r.Closed+did.Closed
	i.closed += did.Closed
	for n, list := range [][]connectors.Rejected{in.Bad, in.Notes} {
		for _, b := range list {
			if len(r.Problems) < mostShown {
				r.Problems = append(r.Problems, store.Problem{
					Connection: i.key.Name, Kind: b.Ref.Kind, External: b.Ref.External, File: in.File, Line: b.Line, Text: b.Text, Note: n == 1,
				})
			}
		}
	}
}

// mostShown bounds the problems that a report lists; the count goes on.
const mostShown = 10_000

// finish ends the pass that the import was.
func (i *importing) finish(ctx context.Context) error {
	began := time.Now()
	if err := i.end(ctx); err != nil {
		return err
	}
	i.logger.InfoContext(ctx, "file imported", "connection", i.key.Name, "file", i.report.File, "new", i.report.New, "changed", i.report.Changed,
		"closed", i.report.Closed, "rejected", i.report.Rejected, "ending", time.Since(began).Round(time.Millisecond))
	return i.layAgain(ctx)
}
