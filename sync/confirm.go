package sync

import (
	"context"
	"fmt"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// Confirm records that a person accepts a connection as it is: a new one, or one
// whose data looked wrong. The customers in except are left alone for good.
func (s *Syncer) Confirm(ctx context.Context, company receivable.CompanyID, name receivable.ConnectionID, except []dossier.CustomerID, by string) error {
	if _, _, err := s.source(company, name); err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		for _, id := range except {
			if _, err := tx.AddHold(id, dossier.Hold{Reason: dossier.Excluded, By: by, Note: "confirm --except", From: tx.Now()}); err != nil {
				return err
			}
		}
		if err := tx.Confirm(store.ConnectionKey{Company: company, Name: name}, by); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{Company: company, Kind: "confirmed", By: by, Ref: string(name), Text: fmt.Sprintf("%d left alone", len(except))})
	})
}

// UpToDate records that payments are entered up to that day.
func (s *Syncer) UpToDate(ctx context.Context, company receivable.CompanyID, name receivable.ConnectionID, on calendar.Date, by string) error {
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.UpToDate(store.ConnectionKey{Company: company, Name: name}, on, by); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{Company: company, Kind: "uptodate", By: by, Ref: string(name), Text: on.String()})
	})
}
