package outbox

import (
	"context"
	"errors"
	"fmt"

	"relanced/internal/dossier"
	"relanced/internal/store"
	"relanced/reminders"
)

// Why a person's wish was not carried out.
var (
	ErrChanged  = errors.New("it has changed since it was shown: look at it again")
	ErrNotDraft = errors.New("it is no draft")
	ErrSettled  = errors.New("its outcome is known")
	ErrTooSoon  = errors.New("not before 15 minutes after it was sent")
)

// Approve lets a draft leave. basis is what the person was shown; "" means the
// draft as it stands now. added is a sentence of theirs, put on top. Approving
// what somebody approved already, as it was shown, is no error.
func (b *Box) Approve(ctx context.Context, id dossier.MessageID, basis, by, added string) error {
	return b.Store.InTx(ctx, func(tx *store.Tx) error { return b.ApproveIn(tx, id, basis, by, added) })
}

// ApproveIn is Approve inside the caller's transaction.
func (b *Box) ApproveIn(tx *store.Tx, id dossier.MessageID, basis, by, added string) error {
	out, err := tx.Message(id)
	if err != nil {
		return err
	}
	if basis != "" && basis != out.Basis {
		return ErrChanged
	}
	if out.State != dossier.StateDraft {
		if out.Approved && added == "" && out.State != dossier.StateCancelled {
			return nil
		}
		return ErrNotDraft
	}
	d, err := tx.Dossier(out.Customer)
	if err != nil {
		return err
	}
	if _, ok := standing(d, b.Company.Rules, id, tx.Now()); !ok {
		return ErrChanged
	}
	bound := out.Basis
	if added != "" {
		if bound, err = b.rebased(d, id, added, tx); err != nil {
			return err
		}
	}
	if err := tx.Approve(id, out.Basis, bound, by, added); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return ErrChanged
		}
		return err
	}
	if iban := b.bank(d.Customer).IBAN; iban != "" {
		if err := tx.SetMeta(b.ibanKey(iban), by); err != nil {
			return err
		}
	}
	if out.Kind == dossier.KindReminder {
		if _, err := tx.CountBatch(b.Company.ID, b.today(tx.Now()), 1); err != nil {
			return err
		}
	}
	return tx.AddEvent(store.Event{
		Company: b.Company.ID, Customer: out.Customer, Kind: "approved", By: by, Text: added, Ref: fmt.Sprintf("message %d", id),
	})
}

// rebased is the basis of the draft with a sentence on top.
func (b *Box) rebased(d dossier.Dossier, id dossier.MessageID, added string, tx *store.Tx) (string, error) {
	for i := range d.Messages {
		if d.Messages[i].ID == id {
			d.Messages[i].Added = added
		}
	}
	for _, a := range reminders.Decide(d, b.Company.Rules, tx.Now()).Actions {
		if a.Reopens == id {
			return a.Basis, nil
		}
	}
	return "", ErrChanged
}

// Decline skips the draft's step for its lines.
func (b *Box) Decline(tx *store.Tx, id dossier.MessageID, by, why string) error {
	out, err := tx.Message(id)
	if err != nil {
		return err
	}
	if out.State != dossier.StateDraft && out.State != dossier.StateQueued {
		return ErrNotDraft
	}
	taken := make([]dossier.Taken, 0, len(out.Lines))
	for _, line := range out.Lines {
		if line.Role != dossier.RoleAnnex {
			taken = append(taken, dossier.Taken{Due: line.Due, Plan: out.Plan, Step: out.Step, At: tx.Now(), How: "declined"})
		}
	}
	if err := tx.TakeSteps(taken...); err != nil {
		return err
	}
	if err := tx.Cancel(id, b.words().pick("refusée par ", "declined by ")+by); err != nil {
		return err
	}
	return tx.AddEvent(store.Event{
		Company: b.Company.ID, Customer: out.Customer, Kind: "declined", By: by, Text: why, Ref: fmt.Sprintf("message %d", id),
	})
}

// Resolve settles a message of unknown outcome as a person says: sent, not sent
// (queued again, the same bytes, not before 15 minutes after arming) or dropped.
func (b *Box) Resolve(tx *store.Tx, id dossier.MessageID, to dossier.State, by string) error {
	out, err := tx.Message(id)
	if err != nil {
		return err
	}
	if err := tx.Resolve(id, to, by); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return ErrSettled
		}
		return err
	}
	return tx.AddEvent(store.Event{
		Company: b.Company.ID, Customer: out.Customer, Kind: "resolved", By: by, Text: string(to), Ref: fmt.Sprintf("message %d", id),
	})
}

// ibanKey names the fact that bank details were used or approved before.
func (b *Box) ibanKey(iban string) string { return fmt.Sprintf("iban/%s/%s", b.Company.ID, iban) }
