package sync

import (
	"context"
	"fmt"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// Confirm records that a person accepts a connection as it is: one that is new,
// or whose data looked wrong. The customers in except are left alone for good.
func (s *Syncer) Confirm(ctx context.Context, company receivable.CompanyID, name receivable.ConnectionID, except []dossier.CustomerID, by string) error {
	if _, _, err := s.source(company, name); err != nil {
		return err
	}
	key := store.ConnectionKey{Company: company, Name: name}
	// A pass on its way is waited for: what is accepted is whole.
	held, holding, err := s.hold(ctx, key, waitLimit)
	if err != nil {
		return fmt.Errorf("confirm %s: %w", name, err)
	}
	defer held.Release()
	err = s.store.InTx(holding, func(tx *store.Tx) error {
		known, err := tx.EnsureConnection(key, s.typeOf(key))
		if err != nil {
			return err
		}
		if known.PassEndedAt.IsZero() {
			return fmt.Errorf("it was never read to its end: run `relanced sync %s` (or import) first", name)
		}
		for _, id := range except {
			if _, err := tx.AddHold(id, dossier.Hold{Reason: dossier.Excluded, By: by, Note: "excluded when the books were accepted", From: tx.Now()}); err != nil {
				return err
			}
			event := store.Event{Company: company, Customer: id, Kind: "excluded", By: by, Ref: string(name)}
			if err := tx.AddEvent(event); err != nil {
				return err
			}
		}
		if err := tx.EndTask(company, suspectTask(key), by, "confirmed"); err != nil {
			return err
		}
		if err := tx.Confirm(key, by); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{Company: company, Kind: "confirmed", By: by, Text: accepted(known), Ref: string(name)})
	})
	if err != nil {
		return fmt.Errorf("confirm %s: %w", name, err)
	}
	return nil
}

// accepted words what a confirmation accepts.
func accepted(c store.Connection) string {
	if c.SuspectAt.IsZero() {
		return fmt.Sprintf("%d open invoices", c.Stats.Open)
	}
	text := "although"
	for i, f := range c.Findings {
		if i > 0 {
			text += ";"
		}
		text += " " + f.Text
	}
	return text
}

// UpToDate records that payments are entered in the connection up to that day.
func (s *Syncer) UpToDate(ctx context.Context, company receivable.CompanyID, name receivable.ConnectionID, on calendar.Date, by string) error {
	if _, _, err := s.source(company, name); err != nil {
		return err
	}
	key := store.ConnectionKey{Company: company, Name: name}
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.EnsureConnection(key, s.typeOf(key)); err != nil {
			return err
		}
		if err := tx.UpToDate(key, on, by); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{Company: company, Kind: "uptodate", By: by, Text: "payments are entered up to " + on.String(), Ref: string(name)})
	})
	if err != nil {
		return fmt.Errorf("uptodate %s: %w", name, err)
	}
	return nil
}

func (s *Syncer) typeOf(key store.ConnectionKey) string {
	_, src, err := s.source(key.Company, key.Name)
	if err != nil {
		return ""
	}
	return src.Type
}
