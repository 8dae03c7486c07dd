package sync

import (
	"context"
	"fmt"
	"slices"

	"relanced/connectors"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
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
		p := &pass{
			Syncer: s, company: c, source: src, key: store.ConnectionKey{Company: company, Name: name},
			info: src.Connector.Info(), reread: map[string]bool{},
		}
		sorted := slices.Sorted(slices.Values(externals))
		for chunk := range slices.Chunk(slices.Compact(sorted), max(p.info.ReadChunk, 1)) {
			failure, err := p.apply(ctx, reader.ReadInvoices(ctx, chunk), true)
			if err != nil {
				return err
			}
			if failure != nil {
				return fmt.Errorf("connection %s: %w", name, failure)
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
	if fetcher, can := src.Connector.(connectors.DocumentFetcher); can && line.Fetchable {
		file, err = fetcher.FetchDocument(ctx, line.External, limit)
		if err == nil || c.Documents == nil {
			return file, err == nil, err
		}
	}
	if c.Documents == nil {
		return connectors.Copy{}, false, nil
	}
	return s.fromFolder(ctx, c, line, limit)
}
