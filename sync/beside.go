package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"relanced/connectors"
	"relanced/internal/dossier"
	"relanced/internal/store"
	"relanced/sync/customersfile"
	"relanced/sync/documents"
)

// fromFolder returns an invoice's copy from the documents' folder. Several files
// with its number: none is attached, and a task says so.
func (s *Syncer) fromFolder(ctx context.Context, c Company, line dossier.Line, limit int64) (connectors.Copy, bool, error) {
	file, err := c.Documents.Fetch(line.Invoice, limit)
	var several *documents.SeveralError
	switch {
	case errors.Is(err, documents.ErrNone):
		return connectors.Copy{}, false, nil
	case errors.As(err, &several):
		return connectors.Copy{}, false, s.store.InTx(ctx, func(tx *store.Tx) error {
			_, err := tx.AddTask(c.ID, 0, dossier.Task{Kind: "document", Title: err.Error()}, "document/"+line.Invoice)
			return err
		})
	case err != nil:
		return connectors.Copy{}, false, err
	}
	return file, true, nil
}

// layOver lays the customers' file over what the sources say, where it changed
// or where the books did.
func (s *Syncer) layOver(ctx context.Context, c Company, booksChanged bool) error {
	if c.CustomersFile == "" {
		return nil
	}
	key := fmt.Sprintf("customersfile/%s", c.ID)
	var last customersfile.Mark
	err := s.store.View(ctx, func(tx *store.Tx) error {
		text, err := tx.Meta(key)
		if err == nil && text != "" {
			err = json.Unmarshal([]byte(text), &last)
		}
		return err
	})
	if err != nil {
		return err
	}
	changed, mark, err := customersfile.Changed(c.CustomersFile, last, s.store.Now())
	if err != nil {
		return fmt.Errorf("the customers' file: %w", err)
	}
	if !changed && !booksChanged {
		return nil
	}
	file, err := customersfile.Read(c.CustomersFile)
	if err != nil {
		return fmt.Errorf("the customers' file: %w", err)
	}
	text, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	for _, p := range file.Problems {
		s.logger.WarnContext(ctx, "customers' file", "company", c.ID, "problem", p.String())
	}
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		result, err := tx.ApplyOverlays(c.ID, overlays(file.Rows))
		if err != nil {
			return err
		}
		if len(result.Ambiguous) > 0 {
			title := "customers' file: these codes stand in several connections, name the connection: " + strings.Join(result.Ambiguous, ", ")
			if _, err := tx.AddTask(c.ID, 0, dossier.Task{Kind: "customers_file", Title: title}, "customersfile/ambiguous"); err != nil {
				return err
			}
		}
		return tx.SetMeta(key, string(text))
	})
}

func overlays(rows []customersfile.Row) []store.Overlay {
	out := make([]store.Overlay, len(rows))
	for i, r := range rows {
		out[i] = store.Overlay{
			Connection: r.Connection, Code: r.Code, Name: r.Name, Emails: r.Emails, CC: r.CC, Contact: r.Contact, Phone: r.Phone,
			Language: r.Language, Kind: r.Kind, SIREN: r.SIREN, SIRET: r.SIRET, Terms: r.Terms, Method: r.Method, Owner: r.Owner,
			Plan: r.Plan, Payer: r.Payer, Tags: r.Tags, DoNotContact: r.DoNotContact, ServiceCode: r.ServiceCode, Portal: r.Portal, OrderRef: r.OrderRef,
		}
	}
	return out
}
