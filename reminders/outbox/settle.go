package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

// proofs are when Sent is looked at for a message of unknown outcome, counted
// from its arming. After the last a person is asked.
var proofs = []time.Duration{2 * time.Minute, 10 * time.Minute, 60 * time.Minute}

// proofPause is how long nobody asks again which messages are of unknown outcome.
const proofPause = 10 * time.Second

// Takeover is what a new holder of the mailbox's lease does first: whatever an
// earlier one had armed and not recorded is of unknown outcome.
func (s *Sender) Takeover(ctx context.Context, fence store.Fence) error {
	ids, err := s.Box.Store.Takeover(ctx, s.Box.Company.Mailbox, fence)
	if err != nil {
		return fmt.Errorf("outbox: take over mailbox %s: %w", s.Box.Company.Mailbox.Name, err)
	}
	s.settled = time.Time{}
	if len(ids) > 0 {
		s.Box.Logger.WarnContext(ctx, "messages of unknown outcome after a crash", "count", len(ids))
	}
	return nil
}

// settle looks for proof of messages whose outcome nobody knows. Proof is a copy
// in a Sent folder that the provider itself fills; a bounce or a reply that
// quotes the message is recorded by the inbox. Without proof a person is asked:
// nothing is ever sent again by guessing.
func (s *Sender) settle(ctx context.Context) error {
	if since := s.now().Sub(s.settled); since >= 0 && since < proofPause {
		return nil
	}
	s.settled = s.now()
	rows, err := s.Box.Store.Outbox(ctx, store.OutboxFilter{Company: s.Box.Company.ID, States: []dossier.State{dossier.StateUnknown}})
	if err != nil {
		return fmt.Errorf("outbox: find messages of unknown outcome: %w", err)
	}
	if s.looked == nil {
		s.looked = map[dossier.MessageID]int{}
	}
	for _, row := range rows {
		if row.Mailbox != s.Box.Company.Mailbox.Name {
			continue
		}
		if err := s.prove(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sender) prove(ctx context.Context, row store.Outgoing) error {
	age := s.now().Sub(row.ArmedAt)
	due := 0
	for _, at := range proofs {
		if age >= at {
			due++
		}
	}
	if due <= s.looked[row.ID] {
		return nil
	}
	found, err := s.Mailbox.FindSent(ctx, s.Box.Company.Mailbox, row.MID, s.Box.Company.Keys.Ref(email.ID(row.Ref), email.Domain(s.Box.Company.Sender.Address)))
	if err != nil {
		s.Box.Logger.WarnContext(ctx, "could not look into Sent", "message", row.ID, "err", err)
	}
	if found {
		return s.proved(ctx, row)
	}
	if due == len(proofs) {
		err := s.Box.Store.InTx(ctx, func(tx *store.Tx) error {
			_, err := tx.AddTask(s.Box.Company.ID, row.Customer, dossier.Task{
				Kind: "unknown", Title: s.Box.words().unknown(row.Name), DueOn: s.Box.today(tx.Now()),
			}, fmt.Sprintf("unknown/%d", row.ID))
			return err
		})
		if err != nil {
			return fmt.Errorf("outbox: ask about message %d: %w", row.ID, err)
		}
	}
	s.looked[row.ID] = due
	return nil
}

func (s *Sender) proved(ctx context.Context, row store.Outgoing) error {
	err := s.Box.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.Record(row.ID, store.Result{State: dossier.StateSent, Stage: string(StageDot), Server: row.Server}); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{
			Company: s.Box.Company.ID, Customer: row.Customer, Kind: "sent", By: "relanced",
			Text: s.Box.words().pick("copie trouvée dans les envoyés", "copy found in Sent"), Ref: fmt.Sprintf("message %d", row.ID),
		})
	})
	delete(s.looked, row.ID)
	if errors.Is(err, store.ErrConflict) {
		return nil // somebody settled it meanwhile
	}
	return err
}
