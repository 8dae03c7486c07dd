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
)

// Approve lets a draft leave. basis is what the person was shown; "" means the
// draft as it stands now. added is a sentence of theirs, put on top. Approving
// what somebody approved already, as it was shown, is no error.
func (b *Box) Approve(ctx context.Context, id dossier.MessageID, basis, by, added string) error {
	b.Store.Reach(store.PointApproving)
	err := b.Store.InTx(ctx, func(tx *store.Tx) error { return b.ApproveIn(tx, id, basis, by, added) })
	b.Store.Reach(store.PointApproved)
	return err
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
	a, ok := standing(d, b.Company.Rules, id, tx.Now())
	if !ok || a.Basis != out.Basis {
		return ErrChanged
	}
	bound := out.Basis
	if added != "" {
		bound = rebased(a, added)
	}
	if err := tx.Approve(id, out.Basis, bound, by, added); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return ErrChanged
		}
		return err
	}
	if err := b.accept(tx, b.bank(d.Customer).IBAN); err != nil {
		return err
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

// rebased is the basis of a message with a sentence on top.
func rebased(a reminders.Action, added string) string {
	step := a.Step
	if a.Kind != dossier.KindReminder {
		step = string(a.Kind)
	}
	return reminders.Basis(a.To, a.CC, a.Plan, step, a.Lines, added)
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
	var taken []dossier.Taken
	for _, due := range stepped(out) {
		taken = append(taken, dossier.Taken{Due: due, Plan: out.Plan, Step: out.Step, At: tx.Now(), How: reminders.TakenDeclined})
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

// stepped returns the lines for which the message is a step: those it asks for;
// those coming due, where it asks for none.
func stepped(out store.Outgoing) []dossier.DueID {
	if out.Kind != dossier.KindReminder {
		return nil
	}
	for _, role := range []dossier.LineRole{dossier.RoleDemanded, dossier.RoleUpcoming} {
		var dues []dossier.DueID
		for _, line := range out.Lines {
			if line.Role == role {
				dues = append(dues, line.Due)
			}
		}
		if len(dues) > 0 {
			return dues
		}
	}
	return nil
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
