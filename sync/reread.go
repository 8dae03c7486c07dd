package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"relanced/connectors"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/sync/documents"
)

// Reread reads invoices again by id, now: the last look into the books before a
// message about them leaves. Where the source cannot, the pass that the caller
// has just made is the proof.
func (s *Syncer) Reread(ctx context.Context, company receivable.CompanyID, invoices map[receivable.ConnectionID][]string) error {
	for name, externals := range invoices {
		c, src, err := s.source(company, name)
		if err != nil {
			return err
		}
		reader, ok := src.Connector.(connectors.InvoiceReader)
		if !ok {
			continue
		}
		if err := s.rereadOne(ctx, c, src, reader, externals); err != nil {
			return err
		}
	}
	return nil
}

// rereadOne holds the connection's lease: what a pass is writing at the same
// time may be younger than what is read here, and must not be overwritten by it.
func (s *Syncer) rereadOne(ctx context.Context, c Company, src Source, reader connectors.InvoiceReader, externals []string) error {
	p := s.newPass(c, src, Options{})
	held, holding, err := s.hold(ctx, p.key, soonLimit)
	if err != nil {
		return fmt.Errorf("connection %s: %w", src.Name, err)
	}
	defer held.Release()
	ids := slices.Compact(slices.Sorted(slices.Values(externals)))
	for chunk := range slices.Chunk(ids, max(p.info.ReadChunk, 1)) {
		for in, err := range reader.ReadInvoices(holding, chunk) {
			if holding.Err() != nil {
				return context.Cause(holding)
			}
			if err != nil {
				return fmt.Errorf("connection %s: %w", src.Name, failed(err))
			}
			out := page(c, p.info, in)
			out.Apart = true
			if _, err := s.store.ApplyPage(holding, p.key, out); err != nil {
				return fmt.Errorf("connection %s: %w", src.Name, ended(holding, err))
			}
		}
	}
	return nil
}

// Copy returns the copy of an invoice: the source's own, else one from the
// documents' folder. ok is false where there is none.
func (s *Syncer) Copy(ctx context.Context, company receivable.CompanyID, line dossier.Line, limit int64) (file connectors.Copy, ok bool, err error) {
	c, src, err := s.source(company, line.Connection)
	if err != nil {
		return connectors.Copy{}, false, err
	}
	fetcher, can := src.Connector.(connectors.DocumentFetcher)
	if can && line.Fetchable {
		if file, err = fetcher.FetchDocument(ctx, line.External, limit); err == nil {
			return file, true, nil
		}
	}
	if c.Documents == nil {
		return connectors.Copy{}, false, err
	}
	found, ok, other := s.fromFolder(ctx, c, line.Invoice, limit)
	if ok || other != nil {
		return found, ok, other
	}
	return connectors.Copy{}, false, err
}

// fromFolder looks for the copy among the company's documents. Several files
// that carry the number become a task: none of them is sent.
func (s *Syncer) fromFolder(ctx context.Context, c Company, number string, limit int64) (connectors.Copy, bool, error) {
	file, err := c.Documents.Fetch(number, limit)
	var several *documents.SeveralError
	switch {
	case err == nil:
		return file, true, nil
	case errors.Is(err, documents.ErrNone):
		return connectors.Copy{}, false, nil
	case !errors.As(err, &several):
		return connectors.Copy{}, false, err
	}
	return connectors.Copy{}, false, s.store.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.AddTask(c.ID, 0, dossier.Task{Kind: "document", Title: several.Error()}, "document/"+number)
		return err
	})
}
