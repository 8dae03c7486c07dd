package sync

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"relanced/connectors"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// errDry ends the transaction of a dry run: nothing of it stays.
var errDry = errors.New("nothing is kept")

// Import reads one file into a connection of type files. dry: it is counted and
// checked, and nothing is kept. A file that is refused leaves nothing; why is in
// the report's Error.
func (s *Syncer) Import(ctx context.Context, company receivable.CompanyID, name receivable.ConnectionID, path string, dry bool) (Report, error) {
	c, src, err := s.source(company, name)
	if err != nil {
		return Report{}, err
	}
	report := Report{Connection: name, File: path}
	importer, ok := src.Connector.(connectors.FileImporter)
	if !ok {
		report.Error = &Failure{Kind: connectors.Invalid, Message: fmt.Sprintf("the connection %s reads no files", name), Do: "name a connection of type files"}
		return report, nil
	}
	key := store.ConnectionKey{Company: company, Name: name}
	held, holding, err := s.hold(ctx, key, true)
	if err != nil {
		return report, fmt.Errorf("sync: %s: %w", name, err)
	}
	defer held.Release()
	p := &pass{Syncer: s, company: c, source: src, key: key, info: src.Connector.Info(), reread: map[string]bool{}}
	if dry {
		return p.dryImport(holding, importer, path, report)
	}
	if err := p.begin(holding); err != nil {
		return report, err
	}
	p.asOf = p.before.AsOf
	failure, err := p.apply(holding, named(importer.ImportFile(holding, path, connectors.Cursor(p.before.Cursor)), &report), false)
	if err != nil {
		return report, err
	}
	if failure != nil {
		report.Error = failure
		// What was there before the file still counts: a file refused whole leaves nothing.
		return report, s.store.InTx(ctx, func(tx *store.Tx) error { return p.forget(tx) })
	}
	if err := p.layOver(holding, c, true); err != nil {
		s.logger.WarnContext(ctx, "customers' file not read", "err", err)
	}
	if err := p.end(holding); err != nil {
		return report, err
	}
	done, err := p.report(holding, nil)
	done.File, done.Format = filepath.Clean(path), report.Format
	return done, err
}

// forget closes a pass that wrote nothing, as it was before.
func (p *pass) forget(tx *store.Tx) error {
	if p.before.PassEndedAt.IsZero() {
		return nil
	}
	return tx.EndPass(p.key, store.PassEnd{AsOf: p.before.AsOf, Findings: p.before.Findings})
}

// named notes the file's format on its way.
func named(pages func(func(connectors.Page, error) bool), report *Report) func(func(connectors.Page, error) bool) {
	return func(yield func(connectors.Page, error) bool) {
		for page, err := range pages {
			if page.Format != "" {
				report.Format = page.Format
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// dryImport applies the file in one transaction that is then undone.
func (p *pass) dryImport(ctx context.Context, importer connectors.FileImporter, path string, report Report) (Report, error) {
	err := p.store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		if p.before, err = tx.EnsureConnection(p.key, p.source.Type); err != nil {
			return err
		}
		if err := tx.BeginPass(p.key, false); err != nil {
			return err
		}
		report.PassCount, report.Problems, report.Closed = store.PassCount{}, nil, 0
		for in, err := range importer.ImportFile(ctx, path, connectors.Cursor(p.before.Cursor)) {
			if err != nil {
				report.Error = failed(err)
				return errDry
			}
			if in.Format != "" {
				report.Format = in.Format
			}
			applied, err := tx.ApplyPage(p.key, page(p.company, p.info, in))
			if errors.Is(err, store.ErrOlder) {
				report.Error = &Failure{Kind: connectors.Invalid, Message: "it is older than the export accepted before it", Do: "export again"}
				return errDry
			}
			if err != nil {
				return err
			}
			report.New += applied.New
			report.Changed += applied.Changed
			report.Gone += applied.Gone
			report.Unchanged += applied.Unchanged
			report.Rejected += applied.Rejected
			report.Closed += applied.Closed
			for _, bad := range in.Bad {
				report.Problems = append(report.Problems, store.Problem{Connection: p.key.Name, External: bad.Ref.External, Line: bad.Line, Text: bad.Text})
			}
		}
		report.OK = true
		return errDry
	})
	if errors.Is(err, errDry) {
		return report, nil
	}
	return report, err
}
