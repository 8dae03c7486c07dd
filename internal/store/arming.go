package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
)

// quarantine is how long a message that may have left is not sent again.
const quarantine = 15 * time.Minute

// The points where a drill may kill the process: before and after each commit,
// whatever it is of, and before and after those of the send path.
const (
	PointCommitting = "commit.before"
	PointCommitted  = "commit.after"

	PointProposing = "propose.before"
	PointProposed  = "propose.after"
	PointApproving = "approve.before"
	PointApproved  = "approve.after"
	PointArming    = "arm.before"
	PointArmed     = "arm.after"
	PointRecording = "record.before"
	PointRecorded  = "record.after"
	PointTaking    = "takeover.before"
	PointTaken     = "takeover.after"
)

// Reach tells drills that another room reached a point of the send path.
func (s *Store) Reach(point string) { s.fault(point) }

// Arm is the last look before the content leaves: one transaction locks the
// lease row, then the customer's agenda row, reads the facts only then and asks
// look (pure; it may run twice). Where it says OK, the row becomes armed under
// the fence, its bytes are stored if this is its first time, and the commit is
// durable. Otherwise the row is cancelled or put off, as the verdict says, and
// the verdict is returned with armed false. ErrFence: the lease was lost.
// ErrConflict: the row is not queued. The dossier of a notice is empty.
func (s *Store) Arm(ctx context.Context, id dossier.MessageID, fence Fence, r Rendered, look func(*Tx, Outgoing, dossier.Dossier) (Verdict, error)) (armed bool, v Verdict, err error) {
	s.fault(PointArming)
	var count int64
	err = s.InTx(ctx, func(tx *Tx) error {
		armed, v, count = false, Verdict{}, 0
		if err := tx.holds(fence); err != nil {
			return err
		}
		var customer dossier.CustomerID
		if err := tx.one([]any{&customer}, "SELECT customer FROM outbox WHERE id = $1"+tx.lock("FOR UPDATE"), id); err != nil {
			return fmt.Errorf("message %d: %w", id, err)
		}
		if customer != 0 {
			// Whoever writes a fact of this customer touches this row: from here on
			// nobody does before we have decided.
			var row int64
			err := tx.one([]any{&row}, "SELECT version FROM agenda WHERE customer = (SELECT root FROM customer WHERE id = $1)"+tx.lock("FOR UPDATE"), customer)
			if err != nil {
				return fmt.Errorf("agenda of customer %d: %w", customer, err)
			}
		}
		o, err := tx.Message(id)
		if err != nil {
			return err
		}
		if o.State != dossier.StateQueued {
			return fmt.Errorf("message %d is %s: %w", id, o.State, ErrConflict)
		}
		if !o.ArmedAt.IsZero() && o.Stage == "unknown" && tx.now.Before(o.ArmedAt.Add(quarantine)) {
			v = Verdict{Why: "it may have left less than 15 minutes ago", Reason: dossier.OutcomeUnknown, Later: o.ArmedAt.Add(quarantine)}
			return tx.PutOff(id, v.Later, v.Why)
		}
		var d dossier.Dossier
		if customer != 0 {
			if d, err = tx.Dossier(customer); err != nil {
				return err
			}
		}
		if v, err = look(tx, o, d); err != nil {
			return err
		}
		switch {
		case v.OK:
			armed = true
			if count, err = tx.countArmed(); err != nil {
				return err
			}
			return tx.arm(o, fence, r)
		case v.Restart:
			return tx.Cancel(id, v.Why)
		case !v.Later.IsZero():
			return tx.PutOff(id, v.Later, v.Why)
		}
		_, err = tx.exec("UPDATE outbox SET problem = $2 WHERE id = $1", id, v.Why)
		return err
	})
	if err != nil {
		return false, v, err
	}
	s.remember(count)
	s.fault(PointArmed)
	return armed, v, nil
}

// lock is a locking clause; on SQLite the one writer holds all locks already.
func (tx *Tx) lock(clause string) string {
	if tx.pg == nil {
		return ""
	}
	return " " + clause
}

// holds makes sure that the lease is held under this fence until the commit.
func (tx *Tx) holds(f Fence) error {
	var owner string
	var number int64
	var until time.Time
	err := tx.one([]any{&owner, &number, at(&until)}, "SELECT owner, fence, until_at FROM lease WHERE name = $1"+tx.lock("FOR SHARE"), f.Name)
	if errors.Is(err, ErrNotFound) || err == nil && (owner != f.Owner || number != f.Number || !until.After(tx.now)) {
		return fmt.Errorf("lease %s: %w", f.Name, ErrFence)
	}
	return err
}

func (tx *Tx) arm(o Outgoing, fence Fence, r Rendered) error {
	tx.Touch(o.Customer)
	if err := tx.leave(o.ID); err != nil {
		return err
	}
	_, err := tx.exec("UPDATE outbox SET state = 'armed', armed_at = $2, changed_at = $2, fence = $3, attempts = attempts + 1, problem = '', server = '', stage = '' WHERE id = $1", o.ID, tx.now, fence.Number)
	if err != nil || o.Rendered {
		return err
	}
	if len(r.Bytes) == 0 {
		return fmt.Errorf("message %d: no bytes to arm", o.ID)
	}
	sum := sha256.Sum256(r.Bytes)
	if _, err := tx.exec("INSERT INTO outbox_bytes (outbox, bytes, sha256) VALUES ($1, $2, $3)", o.ID, r.Bytes, hex.EncodeToString(sum[:])); err != nil {
		return err
	}
	_, err = tx.exec("UPDATE outbox SET rendered = TRUE, mid = $2, subject = $3, body = $4, thread = CASE WHEN $5 = '' THEN thread ELSE $5 END WHERE id = $1", o.ID, r.MID, r.Subject, r.Text, r.Thread)
	if err != nil {
		return err
	}
	for _, to := range slices.Concat(r.To, r.CC) {
		if _, err := tx.exec("INSERT INTO sent_to (outbox, address) VALUES ($1, $2) ON CONFLICT (outbox, address) DO NOTHING", o.ID, email.Canonical(to)); err != nil {
			return err
		}
	}
	if r.Thread != "" && o.Customer != 0 {
		if err := tx.noteThread(o.Company, r.Thread, int64(o.Customer), int64(o.ID)); err != nil {
			return err
		}
	}
	return tx.Alias(o.ID, r.MID)
}

// midKey is the form in which Message-IDs are compared.
func midKey(mid string) string { return strings.ToLower(strings.Trim(strings.TrimSpace(mid), "<>")) }

// Alias records another Message-ID under which our message is known.
func (tx *Tx) Alias(id dossier.MessageID, mid string) error {
	if midKey(mid) == "" {
		return nil
	}
	_, err := tx.exec("INSERT INTO sent_id (company, mid, outbox) SELECT company, $2, id FROM outbox WHERE id = $1 ON CONFLICT (company, mid) DO NOTHING", id, midKey(mid))
	return err
}

// Record stores how an attempt ended. It needs no fence: sent always wins, over
// unknown too. A reminder that was sent counts its step as taken. ErrConflict
// where the row is in no state that the result can follow, or in a later attempt.
func (s *Store) Record(ctx context.Context, id dossier.MessageID, r Result) error {
	s.fault(PointRecording)
	if err := s.InTx(ctx, func(tx *Tx) error { return tx.Record(id, r) }); err != nil {
		return err
	}
	s.fault(PointRecorded)
	return nil
}

// Record is Store.Record inside the caller's transaction.
func (tx *Tx) Record(id dossier.MessageID, r Result) error {
	var customer int64
	if err := tx.one([]any{&customer}, "SELECT customer FROM outbox WHERE id = $1"+tx.lock("FOR UPDATE"), id); err != nil {
		return fmt.Errorf("message %d: %w", id, err)
	}
	o, err := tx.Message(id)
	if err != nil {
		return err
	}
	may := map[dossier.State][]dossier.State{
		dossier.StateSent:    {dossier.StateArmed, dossier.StateUnknown, dossier.StateQueued, dossier.StateDraft, dossier.StateRefused, dossier.StateCancelled, dossier.StateDropped},
		dossier.StateRefused: {dossier.StateArmed, dossier.StateUnknown, dossier.StateQueued},
		dossier.StateUnknown: {dossier.StateArmed},
		dossier.StateQueued:  {dossier.StateArmed, dossier.StateUnknown, dossier.StateQueued},
	}[r.State]
	if o.State == r.State && r.State == dossier.StateSent {
		return nil
	}
	if !slices.Contains(may, o.State) || r.State != dossier.StateSent && r.Attempt != 0 && r.Attempt != o.Attempts {
		return fmt.Errorf("message %d is %s, not to become %s: %w", id, o.State, r.State, ErrConflict)
	}
	tx.Touch(o.Customer)
	if err := tx.leave(id); err != nil {
		return err
	}
	var sent, ended time.Time
	switch r.State { //nolint:exhaustive // the others neither were sent nor ended
	case dossier.StateSent:
		sent = tx.now
	case dossier.StateRefused:
		ended = tx.now
	}
	notBefore := o.NotBefore
	if r.State == dossier.StateQueued && r.NotBefore.After(notBefore) {
		notBefore = r.NotBefore
	}
	_, err = tx.exec("UPDATE outbox SET state = $2, changed_at = $3, sent_at = $4, ended_at = $5, not_before = $6, server = $7, problem = $8, stage = $9, subject = $10 WHERE id = $1",
		id, r.State, tx.now, sent, ended, notBefore, r.Server, r.Problem, r.Stage, cmp.Or(o.Subject, r.Subject))
	if err != nil {
		return err
	}
	for _, b := range r.Refused {
		if o.Customer != 0 {
			if err := tx.AddBounced(o.Customer, b); err != nil {
				return err
			}
		}
	}
	if r.State == dossier.StateSent {
		return tx.take(o, "sent")
	}
	return nil
}

// take counts the step of a message as taken for the lines it asks for; for the
// lines coming due, where it asks for none.
func (tx *Tx) take(o Outgoing, how string) error {
	if o.Kind != dossier.KindReminder || o.Step == "" {
		return nil
	}
	for _, role := range []dossier.LineRole{dossier.RoleDemanded, dossier.RoleUpcoming} {
		var steps []dossier.Taken
		for _, l := range o.Lines {
			if l.Role == role {
				steps = append(steps, dossier.Taken{Due: l.Due, Plan: o.Plan, Step: o.Step, At: tx.now, How: how})
			}
		}
		if len(steps) > 0 {
			return tx.TakeSteps(steps...)
		}
	}
	return nil
}

// Renamed records the Message-ID that the provider gave in place of ours: what
// follows in the thread names that one. Ours stays known as well.
func (tx *Tx) Renamed(id dossier.MessageID, mid string) error {
	if midKey(mid) == "" {
		return nil
	}
	if err := tx.Alias(id, mid); err != nil {
		return err
	}
	_, err := tx.exec("UPDATE outbox SET mid = $2 WHERE id = $1", id, mid)
	return err
}

// PutOff keeps a queued row waiting until then: nothing was tried, or nothing
// was delivered before arming. ErrConflict in any other state.
func (tx *Tx) PutOff(id dossier.MessageID, until time.Time, problem string) error {
	return tx.must1(fmt.Errorf("message %d: %w", id, ErrConflict), "UPDATE outbox SET not_before = $2, problem = $3 WHERE id = $1 AND state = 'queued'", id, until, problem)
}

// Resolve settles an unknown row: sent, queued (not sent; not before 15 minutes
// after arming) or dropped (its step counts as taken). ErrConflict where it is
// not unknown.
func (tx *Tx) Resolve(id dossier.MessageID, to dossier.State, by string) error {
	o, err := tx.Message(id)
	if err != nil {
		return err
	}
	if o.State != dossier.StateUnknown {
		return fmt.Errorf("message %d is %s, not unknown: %w", id, o.State, ErrConflict)
	}
	tx.Touch(o.Customer)
	if to != dossier.StateSent { // Record does the same
		if err := tx.leave(id); err != nil {
			return err
		}
	}
	switch to { //nolint:exhaustive // the three ways out
	case dossier.StateSent:
		return tx.Record(id, Result{State: to, Problem: "settled by " + by})
	case dossier.StateQueued:
		return tx.must1(ErrConflict, "UPDATE outbox SET state = 'queued', not_before = $2, changed_at = $3, stage = 'unknown', problem = $4 WHERE id = $1 AND state = 'unknown'",
			id, later(o.NotBefore, o.ArmedAt.Add(quarantine)), tx.now, "not sent, says "+by)
	case dossier.StateDropped:
		if err := tx.must1(ErrConflict, "UPDATE outbox SET state = 'dropped', ended_at = $2, changed_at = $2, problem = $3 WHERE id = $1 AND state = 'unknown'", id, tx.now, "dropped by "+by); err != nil {
			return err
		}
		return tx.take(o, "dropped")
	}
	return fmt.Errorf("message %d cannot become %s: %w", id, to, ErrConflict)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Takeover makes rows of the mailbox armed under an older fence unknown, and
// returns them. Whoever begins to hold the mailbox's lease calls it first.
func (s *Store) Takeover(ctx context.Context, mailbox MailboxKey, fence Fence) ([]dossier.MessageID, error) {
	s.fault(PointTaking)
	var ids []dossier.MessageID
	err := s.InTx(ctx, func(tx *Tx) error {
		if err := tx.holds(fence); err != nil {
			return err
		}
		ids = nil
		err := tx.each(func(scan scanner) error {
			var id dossier.MessageID
			var customer dossier.CustomerID
			err := scan(&id, &customer)
			ids = append(ids, id)
			tx.Touch(customer)
			return err
		}, "SELECT id, customer FROM outbox WHERE company = $1 AND mailbox = $2 AND state = 'armed' AND fence < $3 ORDER BY id"+tx.lock("FOR UPDATE"), mailbox.Company, mailbox.Name, fence.Number)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := tx.leave(ids...); err != nil {
			return err
		}
		_, err = tx.exec("UPDATE outbox SET state = 'unknown', changed_at = $1, stage = 'dot', problem = 'the program stopped while it was leaving' WHERE state = 'armed' AND "+tx.in("id", 2), tx.now, numbers(ids))
		return err
	})
	if err == nil {
		s.fault(PointTaken)
	}
	return ids, err
}
