package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
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

// Look decides whether a message may leave, from what is known under the lock.
type Look func(*Tx, dossier.Message, dossier.Dossier, Readiness) (Verdict, error)

// Arm is the last look before the content leaves: one transaction locks the
// lease row, then the customer's agenda row, reads the facts only then and asks
// look (pure; it may run twice). Where it says OK, the row becomes armed under
// the fence, its bytes are stored if this is its first time, and the commit is
// durable. Otherwise the row is cancelled or put off, as the verdict says, and
// the verdict is returned with armed false. ErrFence: the lease was lost.
// ErrConflict: the row is not queued. look is given the message as it is among
// those of the dossier; of a notice the dossier is empty, and the message is
// known by its ID and Kind alone. of says whose readiness look is given. first,
// where not nil, is done before all that in the same transaction; beside an
// error neither it nor the arming counts.
func (s *Store) Arm(ctx context.Context, id dossier.MessageID, fence Fence, r Rendered, of ReadinessOf, look Look, first func(*Tx) error) (armed bool, v Verdict, err error) {
	s.fault(PointArming)
	var count int64
	err = s.InTx(ctx, func(tx *Tx) error {
		armed, v, count = false, Verdict{}, 0
		if first != nil {
			if err := first(tx); err != nil {
				return err
			}
		}
		// Whoever writes a fact of the customer touches its agenda row: once it is
		// locked nobody does before we have decided.
		found := false
		lock := ask(func(scan scanner) error {
			found = true
			var version int64
			return scan(&version)
		}, "SELECT version FROM agenda WHERE customer = (SELECT c.root FROM outbox o JOIN customer c ON c.id = o.customer WHERE o.id = $1)"+tx.lock("FOR UPDATE"), id)
		g := gathering{Tx: tx}
		o, err := tx.hold(id, &fence, lock, g.whom("a.id = (SELECT customer FROM outbox WHERE id = $1)", id))
		if err != nil {
			return err
		}
		if o.customer != 0 && !found {
			return fmt.Errorf("agenda of customer %d: %w", o.customer, ErrNotFound)
		}
		if o.state != dossier.StateQueued {
			return fmt.Errorf("message %d is %s: %w", id, o.state, ErrConflict)
		}
		if !o.armedAt.IsZero() && o.stage == "unknown" && tx.now.Before(o.armedAt.Add(quarantine)) {
			v = Verdict{Why: "it may have left less than 15 minutes ago", Reason: dossier.OutcomeUnknown, Later: o.armedAt.Add(quarantine)}
			return tx.PutOff(id, v.Later, v.Why)
		}
		var ready Readiness
		if err := g.facts(tx.readiness(of, &ready)...); err != nil {
			return err
		}
		var d dossier.Dossier
		m := dossier.Message{ID: id, Kind: o.kind}
		if o.customer != 0 {
			d = *g.of(int64(o.customer))
			i := slices.IndexFunc(d.Messages, func(m dossier.Message) bool { return m.ID == id })
			if i < 0 {
				return fmt.Errorf("message %d of customer %d: %w", id, o.customer, ErrNotFound)
			}
			m = d.Messages[i]
		}
		if v, err = look(tx, m, d, ready); err != nil {
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
		return tx.post("UPDATE outbox SET problem = $2 WHERE id = $1", id, v.Why)
	})
	if err != nil {
		return false, v, err
	}
	s.remember(count)
	s.fault(PointArmed)
	return armed, v, nil
}

// held is a row of the outbox that nobody else changes before the commit.
type held struct {
	id         dossier.MessageID
	company    receivable.CompanyID
	customer   dossier.CustomerID
	kind       dossier.MessageKind
	state      dossier.State
	plan, step string
	notBefore  time.Time
	armedAt    time.Time
	attempts   int
	stage      string
	rendered   bool
}

// hold locks a message until the commit: after the lease, where a fence is
// given, and before more is asked.
func (tx *Tx) hold(id dossier.MessageID, fence *Fence, more ...question) (held, error) {
	o := held{}
	asked := []question{ask(func(scan scanner) error {
		return scan(&o.id, &o.company, &o.customer, &o.kind, &o.state, &o.plan, &o.step, at(&o.notBefore), at(&o.armedAt), &o.attempts, &o.stage, &o.rendered)
	}, "SELECT id, company, customer, kind, state, plan, step, not_before, armed_at, attempts, stage, rendered FROM outbox WHERE id = $1"+tx.lock("FOR UPDATE"), id)}
	check := func() error { return nil }
	if fence != nil {
		var first question
		first, check = tx.holds(*fence)
		asked = append([]question{first}, asked...)
	}
	err := tx.together(append(asked, more...)...)
	if err == nil {
		err = check()
	}
	if err == nil && o.id == 0 {
		err = fmt.Errorf("message %d: %w", id, ErrNotFound)
	}
	return o, err
}

// lock is a locking clause; on SQLite the one writer holds all locks already.
func (tx *Tx) lock(clause string) string {
	if tx.pg == nil {
		return ""
	}
	return " " + clause
}

// holds asks whether the lease is held under this fence, and keeps it so until
// the commit; check tells once it was answered.
func (tx *Tx) holds(f Fence) (asked question, check func() error) {
	var owner string
	var number int64
	var until time.Time
	asked = ask(func(scan scanner) error { return scan(&owner, &number, at(&until)) }, "SELECT owner, fence, until_at FROM lease WHERE name = $1"+tx.lock("FOR SHARE"), f.Name)
	return asked, func() error {
		if owner != f.Owner || number != f.Number || !until.After(tx.now) {
			return fmt.Errorf("lease %s: %w", f.Name, ErrFence)
		}
		return nil
	}
}

func (tx *Tx) arm(o held, fence Fence, r Rendered) error {
	tx.Touch(o.customer)
	if err := tx.leave(o.id); err != nil {
		return err
	}
	const armed = "UPDATE outbox SET state = 'armed', armed_at = $2, changed_at = $2, fence = $3, attempts = attempts + 1, problem = '', server = '', stage = ''"
	if o.rendered {
		return tx.post(armed+" WHERE id = $1", o.id, tx.now, fence.Number)
	}
	if len(r.Bytes) == 0 {
		return fmt.Errorf("message %d: no bytes to arm", o.id)
	}
	err := tx.post(armed+", rendered = TRUE, mid = $4, subject = $5, body = $6, thread = CASE WHEN $7 = '' THEN thread ELSE $7 END WHERE id = $1",
		o.id, tx.now, fence.Number, r.MID, r.Subject, r.Text, r.Thread)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(r.Bytes)
	if err := tx.post("INSERT INTO outbox_bytes (outbox, bytes, sha256) VALUES ($1, $2, $3)", o.id, r.Bytes, hex.EncodeToString(sum[:])); err != nil {
		return err
	}
	if r.Thread != "" && o.customer != 0 {
		if err := tx.noteThread(o.company, r.Thread, int64(o.customer), int64(o.id)); err != nil {
			return err
		}
	}
	return tx.Alias(o.id, r.MID)
}

// midKey is the form in which Message-IDs are compared.
func midKey(mid string) string { return strings.ToLower(strings.Trim(strings.TrimSpace(mid), "<>")) }

// Alias records another Message-ID under which our message is known.
func (tx *Tx) Alias(id dossier.MessageID, mid string) error {
	if midKey(mid) == "" {
		return nil
	}
	return tx.post("INSERT INTO sent_id (company, mid, outbox) SELECT company, $2, id FROM outbox WHERE id = $1 ON CONFLICT (company, mid) DO NOTHING", id, midKey(mid))
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
	steps := map[dossier.LineRole][]step{}
	o, err := tx.hold(id, nil, stepsOf(id, steps))
	if err != nil {
		return err
	}
	may := map[dossier.State][]dossier.State{
		dossier.StateSent:    {dossier.StateArmed, dossier.StateUnknown, dossier.StateQueued, dossier.StateDraft, dossier.StateRefused, dossier.StateCancelled, dossier.StateDropped},
		dossier.StateRefused: {dossier.StateArmed, dossier.StateUnknown, dossier.StateQueued},
		dossier.StateUnknown: {dossier.StateArmed},
		dossier.StateQueued:  {dossier.StateArmed, dossier.StateUnknown, dossier.StateQueued},
	}[r.State]
	if o.state == r.State && r.State == dossier.StateSent {
		return nil
	}
	if !slices.Contains(may, o.state) || r.State != dossier.StateSent && r.Attempt != 0 && r.Attempt != o.attempts {
		return fmt.Errorf("message %d is %s, not to become %s: %w", id, o.state, r.State, ErrConflict)
	}
	tx.Touch(o.customer)
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
	notBefore := o.notBefore
	if r.State == dossier.StateQueued && r.NotBefore.After(notBefore) {
		notBefore = r.NotBefore
	}
	err = tx.post("UPDATE outbox SET state = $2, changed_at = $3, sent_at = $4, ended_at = $5, not_before = $6, server = $7, problem = $8, stage = $9, subject = CASE WHEN subject = '' THEN $10 ELSE subject END WHERE id = $1",
		id, r.State, tx.now, sent, ended, notBefore, r.Server, r.Problem, r.Stage, r.Subject)
	if err != nil {
		return err
	}
	for _, b := range r.Refused {
		if o.customer != 0 {
			if err := tx.AddBounced(o.customer, b); err != nil {
				return err
			}
		}
	}
	if r.State == dossier.StateSent {
		return tx.take(o, steps, "sent")
	}
	return nil
}

// step is a due line that a message spoke of, and whose it is.
type step struct {
	due      dossier.DueID
	customer dossier.CustomerID
}

// stepsOf asks for the due lines of a message, by their role in it.
func stepsOf(id dossier.MessageID, into map[dossier.LineRole][]step) question {
	return ask(func(scan scanner) error {
		var role dossier.LineRole
		var s step
		err := scan(&role, &s.due, &s.customer)
		into[role] = append(into[role], s)
		return err
	}, "SELECT l.role, d.id, d.customer FROM outbox_line l JOIN due d ON d.id = l.due WHERE l.outbox = $1 ORDER BY l.n", id)
}

// take counts the step of a message as taken for the lines it asks for; for the
// lines coming due, where it asks for none.
func (tx *Tx) take(o held, steps map[dossier.LineRole][]step, how string) error {
	if o.kind != dossier.KindReminder || o.step == "" {
		return nil
	}
	for _, role := range []dossier.LineRole{dossier.RoleDemanded, dossier.RoleUpcoming} {
		for _, s := range steps[role] {
			tx.Touch(s.customer)
			if err := tx.takeStep(dossier.Taken{Due: s.due, Plan: o.plan, Step: o.step, At: tx.now, How: how}); err != nil {
				return err
			}
		}
		if len(steps[role]) > 0 {
			return nil
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
	steps := map[dossier.LineRole][]step{}
	o, err := tx.hold(id, nil, stepsOf(id, steps))
	if err != nil {
		return err
	}
	if o.state != dossier.StateUnknown {
		return fmt.Errorf("message %d is %s, not unknown: %w", id, o.state, ErrConflict)
	}
	tx.Touch(o.customer)
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
			id, later(o.notBefore, o.armedAt.Add(quarantine)), tx.now, "not sent, says "+by)
	case dossier.StateDropped:
		if err := tx.must1(ErrConflict, "UPDATE outbox SET state = 'dropped', ended_at = $2, changed_at = $2, problem = $3 WHERE id = $1 AND state = 'unknown'", id, tx.now, "dropped by "+by); err != nil {
			return err
		}
		return tx.take(o, steps, "dropped")
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
		lease, check := tx.holds(fence)
		if err := tx.together(lease); err != nil {
			return err
		}
		if err := check(); err != nil {
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
