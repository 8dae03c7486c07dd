package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
)

// Sender hands over what may leave by one mailbox. It belongs to one goroutine,
// which holds the lease mailbox/<name>.
type Sender struct {
	Box       *Box
	Server    Server
	Refresher Refresher
	Mailbox   Mailbox
	Interval  time.Duration // between two messages; 0: none
	PerDay    int           // 0: no cap

	session *Session
	idle    time.Time // since when the session is unused
	sentAt  time.Time // when the last message was handed over
	batchAt time.Time // of the last pass over the books

	readyAt time.Time // when books and mailboxes were last looked at for ready
	ready   map[dossier.MessageID]bool

	failures int       // of the way to the server, in a row
	retryAt  time.Time // not before
	policies []string  // domains that refused us by policy, in a row
	looked   map[dossier.MessageID]int
	started  bool
	resting  atomic.Bool
}

// Handed counts what one run of the sender did, and says when to run it again.
type Handed struct {
	Sent, Refused, Unknown, Withheld, Retried int

	Next time.Time // zero: nothing waits
}

const (
	sessionIdle = 20 * time.Second // a session unused for longer is closed
	batchPause  = 5 * time.Minute  // a new pass over the books after that
	rowsAhead   = 20               // messages whose invoices are re-read together
	shortWait   = 250 * time.Millisecond
)

// Once hands over what may leave now. It returns rather than wait for the pace
// or the window: Handed.Next says when there is more to do. Its error is what
// kept everything back; what was handed over before is counted all the same.
func (s *Sender) Once(ctx context.Context, fence store.Fence) (h Handed, err error) {
	defer func() { s.resting.Store(err != nil || !h.Next.IsZero()) }()
	if err := s.begin(ctx); err != nil {
		return h, err
	}
	if err := s.settle(ctx); err != nil {
		return h, err
	}
	defer s.closeIdle()
	for ctx.Err() == nil {
		now := s.now()
		if s.retryAt.After(now) {
			h.Next = s.retryAt
			return h, nil
		}
		blocked, err := s.blocked(ctx)
		if err != nil || blocked {
			return h, err
		}
		full, until, err := s.dayFull(ctx, now)
		if err != nil || full {
			h.Next = until
			return h, err
		}
		rows, err := s.Box.Store.NextToSend(ctx, s.Box.Company.Mailbox, rowsAhead)
		if err != nil {
			return h, fmt.Errorf("outbox: find what may leave: %w", err)
		}
		if len(rows) == 0 {
			h.Next, err = s.Box.Store.NextMoment(ctx, s.Box.Company.Mailbox)
			return h, err
		}
		if wait := s.pause(now); wait > shortWait {
			h.Next = now.Add(wait)
			return h, nil
		}
		if err := s.prepare(ctx, rows); err != nil {
			s.retryAt = s.now().Add(time.Minute)
			h.Next = s.retryAt
			return h, err
		}
		if stop, err := s.run(ctx, fence, rows, &h); stop || err != nil {
			return h, err
		}
	}
	return h, ctx.Err()
}

// run hands over rows until the pace, the age of the last look or a failure of
// the line ends it. stop: the caller should come back at h.Next.
func (s *Sender) run(ctx context.Context, fence store.Fence, rows []store.Outgoing, h *Handed) (stop bool, err error) {
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return true, err
		}
		wait := s.pause(s.now())
		if wait > shortWait {
			h.Next = s.now().Add(wait)
			return true, nil
		}
		if wait > 0 {
			select {
			case <-ctx.Done():
				return true, ctx.Err()
			case <-time.After(wait):
			}
		}
		if row.Kind != dossier.KindNotice && s.now().Sub(s.readyAt) > armAge {
			return false, nil // looked at too long ago: once more from the start
		}
		if err := s.send(ctx, fence, row, h); err != nil {
			return true, err
		}
		if s.retryAt.After(s.now()) {
			h.Next = s.retryAt
			return true, nil
		}
	}
	return false, nil
}

func (s *Sender) now() time.Time { return s.Box.Store.Now() }

// begin lifts, once, a stop that an earlier run put on the mailbox: whoever
// starts the program again has seen to it, or learns of it again at once.
func (s *Sender) begin(ctx context.Context) error {
	if s.started {
		return nil
	}
	s.started = true
	return s.Box.Store.InTx(ctx, func(tx *store.Tx) error {
		box, err := tx.EnsureMailbox(s.Box.Company.Mailbox, s.Box.Company.Sender.Address)
		if err != nil || box.BlockedAt.IsZero() {
			return err
		}
		return tx.UnblockMailbox(s.Box.Company.Mailbox)
	})
}

func (s *Sender) blocked(ctx context.Context) (bool, error) {
	boxes, err := s.Box.Store.Mailboxes(ctx, s.Box.Company.ID)
	if err != nil {
		return false, err
	}
	for _, box := range boxes {
		if box.Key == s.Box.Company.Mailbox && !box.BlockedAt.IsZero() {
			return true, nil
		}
	}
	return false, nil
}

// pause is how long the pace still asks to wait.
func (s *Sender) pause(now time.Time) time.Duration {
	if s.sentAt.IsZero() {
		return 0
	}
	return max(0, s.sentAt.Add(s.Interval).Sub(now))
}

func (s *Sender) dayFull(ctx context.Context, now time.Time) (bool, time.Time, error) {
	if s.PerDay == 0 {
		return false, time.Time{}, nil
	}
	zone := s.Box.zone()
	today := s.Box.today(now)
	n, err := s.Box.Store.SentCount(ctx, s.Box.Company.Mailbox, today.Time(zone))
	if err != nil {
		return false, time.Time{}, fmt.Errorf("outbox: count what left today: %w", err)
	}
	return n >= s.PerDay, today.AddDays(1).Time(zone), nil
}

// prepare looks at the books and the mailboxes for the rows. What cannot be
// read lets nothing leave.
func (s *Sender) prepare(ctx context.Context, rows []store.Outgoing) error {
	invoices, err := s.invoices(ctx, rows)
	if err != nil {
		return err
	}
	if len(invoices) == 0 {
		return nil // notices to our own people only
	}
	company := s.Box.Company.ID
	if now := s.now(); s.batchAt.IsZero() || now.Sub(s.batchAt) > batchPause {
		names := make([]receivable.ConnectionID, 0, len(invoices))
		for name := range invoices {
			names = append(names, name)
		}
		if err := s.Refresher.Refresh(ctx, company, names); err != nil {
			return fmt.Errorf("outbox: bring the books up to date before sending: %w", err)
		}
		s.batchAt = now
	}
	looked := s.now()
	if err := s.Refresher.Reread(ctx, company, invoices); err != nil {
		return fmt.Errorf("outbox: read the invoices again before sending: %w", err)
	}
	if err := s.Mailbox.ReadToEnd(ctx, company); err != nil {
		return fmt.Errorf("outbox: read the mailboxes before sending: %w", err)
	}
	s.readyAt, s.ready = looked, map[dossier.MessageID]bool{}
	for _, row := range rows {
		s.ready[row.ID] = true
	}
	return nil
}

// invoices returns the external ids of the invoices that reminders among the
// rows speak of, by connection.
func (s *Sender) invoices(ctx context.Context, rows []store.Outgoing) (map[receivable.ConnectionID][]string, error) {
	invoices := map[receivable.ConnectionID][]string{}
	wanted := map[dossier.DocumentID]bool{}
	var customers []dossier.CustomerID
	for _, row := range rows {
		if row.Kind == dossier.KindNotice {
			continue
		}
		customers = append(customers, row.Customer)
		for _, line := range row.Lines {
			wanted[line.Document] = true
		}
	}
	if len(customers) == 0 {
		return invoices, nil
	}
	dossiers, err := s.Box.Store.Dossiers(ctx, customers)
	if err != nil {
		return nil, err
	}
	for _, d := range dossiers {
		for _, line := range d.Lines {
			if wanted[line.Document] {
				invoices[line.Connection] = append(invoices[line.Connection], line.External)
				delete(wanted, line.Document) // once, however many due lines it has
			}
		}
	}
	return invoices, nil
}

// errHeld ends the session between RCPT and DATA: the message must not leave.
var errHeld = errors.New("withheld")

// send hands over one message. Its error is one of the store's: whatever the
// server does is recorded.
func (s *Sender) send(ctx context.Context, fence store.Fence, row store.Outgoing, h *Handed) error {
	mail, ok, err := s.rendered(ctx, row)
	if err != nil || !ok {
		h.Withheld++
		return err
	}
	if s.session == nil || !s.session.Usable() || s.now().Sub(s.idle) > sessionIdle {
		if s.session != nil {
			s.session.Close()
		}
		session, failed := Connect(ctx, s.Server)
		if session == nil {
			return s.record(ctx, row, failed, h)
		}
		s.session = session
	}
	var storeErr error
	result := s.session.Send(ctx, Envelope{ID: row.Ref, From: s.Box.Company.Sender.Address, To: mail.envelope(), Data: mail.Bytes}, func() error {
		armed, _, err := s.Box.Store.Arm(ctx, row.ID, fence, mail.Rendered, s.look(row))
		if err == nil && !armed {
			err = errHeld
		}
		storeErr = err
		return err
	})
	s.idle = s.now()
	if errors.Is(storeErr, errHeld) {
		h.Withheld++
		return nil
	}
	if storeErr != nil {
		return fmt.Errorf("outbox: arm message %d: %w", row.ID, storeErr)
	}
	if err := s.record(ctx, row, result, h); err != nil {
		return err
	}
	if result.Outcome == Sent {
		s.sentAt = s.now()
		s.file(ctx, row, mail.Bytes)
	}
	return nil
}

// look is the last look before the content leaves: the same decision, from
// facts read under the customer's lock, all gates open.
func (s *Sender) look(row store.Outgoing) func(*store.Tx, store.Outgoing, dossier.Dossier) (store.Verdict, error) {
	return func(tx *store.Tx, out store.Outgoing, d dossier.Dossier) (store.Verdict, error) {
		if row.Kind == dossier.KindNotice {
			return store.Verdict{OK: true}, nil
		}
		now, b := tx.Now(), s.Box
		if !s.ready[row.ID] || now.Sub(s.readyAt) > armAge {
			return store.Verdict{Why: "looked at too long ago", Reason: dossier.StaleData, Later: now}, nil
		}
		boxes, err := tx.MailboxesOf(b.Company.ID)
		if err != nil {
			return store.Verdict{}, err
		}
		gates, err := b.gates(tx, boxes, armAge)
		if err != nil {
			return store.Verdict{}, err
		}
		return b.verdict(d, out, gates, now), nil
	}
}

// verdict decides again for one queued message.
func (b *Box) verdict(d dossier.Dossier, out store.Outgoing, gates reminders.Gates, now time.Time) store.Verdict {
	// What a person approved, or a quiet day let through, is not a question of
	// the day's size any more.
	gates.MaxBatch, gates.Auto = int(^uint(0)>>1), gates.Auto && !out.Approved
	decision := reminders.Decide(d, b.Company.Rules, now)
	admitted := reminders.Admit([]reminders.Decision{decision}, gates)[0]
	for _, a := range decision.Keep {
		if a.Reopens != out.ID {
			continue
		}
		if admitted.Gated {
			reason := admitted.Verdicts[0].Reason
			for _, v := range admitted.Verdicts {
				if v.Step == out.Step && v.Outcome == reminders.Held {
					reason = v.Reason
				}
			}
			return store.Verdict{Why: b.words().pick("retenue : ", "withheld: ") + reminders.Word(reason, b.words().language()), Reason: reason, Later: now.Add(time.Minute)}
		}
		if a.Basis != out.Basis {
			return store.Verdict{Why: b.words().withdrawn(""), Restart: true}
		}
		if a.At.After(now) {
			return store.Verdict{Why: b.words().pick("hors de la plage d'envoi", "outside the sending window"), Reason: dossier.Window, Later: a.At}
		}
		return store.Verdict{OK: true}
	}
	for _, w := range decision.Withdraw {
		if w.Message == out.ID {
			return store.Verdict{Why: b.words().withdrawn(w.Reason), Reason: w.Reason, Restart: true}
		}
	}
	return store.Verdict{Why: b.words().withdrawn(""), Restart: true}
}

// outgoingMail is a message rendered to bytes.
type outgoingMail struct {
	store.Rendered
}

func (m outgoingMail) envelope() []string { return append(append([]string{}, m.To...), m.CC...) }

// rendered returns the bytes to hand over: those of the first arming where
// there was one. ok is false where the message does not stand or may not leave
// yet; it is then put off, and the sweep sees to it.
func (s *Sender) rendered(ctx context.Context, row store.Outgoing) (m outgoingMail, ok bool, err error) {
	m.Rendered = store.Rendered{MID: row.MID, Subject: row.Subject, Text: row.Text, Thread: row.Thread, To: row.To, CC: row.CC}
	if row.Kind == dossier.KindNotice {
		m.Bytes = row.Content
		return m, true, nil
	}
	d, err := s.Box.Store.Dossier(ctx, row.Customer)
	if err != nil {
		return m, false, err
	}
	boxes, err := s.Box.Store.Mailboxes(ctx, s.Box.Company.ID)
	if err != nil {
		return m, false, err
	}
	var verdict store.Verdict
	err = s.Box.Store.View(ctx, func(tx *store.Tx) error {
		gates, err := s.Box.gates(tx, boxes, armAge)
		if err == nil {
			verdict = s.Box.verdict(d, row, gates, tx.Now())
		}
		return err
	})
	if err != nil {
		return m, false, err
	}
	if !verdict.OK {
		return m, false, s.putOff(ctx, row, verdict)
	}
	if row.Rendered {
		m.Bytes, err = s.Box.Store.Bytes(ctx, row.ID)
		return m, err == nil, err
	}
	a, standing := standing(d, s.Box.Company.Rules, row.ID, s.now())
	if !standing {
		return m, false, s.putOff(ctx, row, store.Verdict{Why: s.Box.words().withdrawn(""), Restart: true})
	}
	mail, err := s.Box.compose(d, a, row, s.Box.copies(ctx, a), s.now())
	if err == nil {
		m.Bytes, err = email.Build(mail)
	}
	if err != nil {
		// It cannot be written: a person must know, and the others go on.
		return m, false, s.putOff(ctx, row, store.Verdict{Why: err.Error(), Later: s.now().Add(time.Hour)})
	}
	m.Subject, m.Text, m.MID = mail.Subject, mail.Text, mail.MessageID
	m.Thread = email.ThreadGUID(mail.ThreadIndex)
	return m, true, nil
}

// putOff keeps the row waiting, or touches its customer where it is to be
// decided anew.
func (s *Sender) putOff(ctx context.Context, row store.Outgoing, v store.Verdict) error {
	later := v.Later
	if later.IsZero() || !later.After(s.now()) {
		later = s.now().Add(time.Minute)
	}
	err := s.Box.Store.InTx(ctx, func(tx *store.Tx) error {
		if v.Restart {
			tx.Touch(row.Customer)
		}
		return tx.PutOff(row.ID, later, v.Why)
	})
	if errors.Is(err, store.ErrConflict) {
		return nil // it was withdrawn meanwhile
	}
	return err
}

// file puts a copy into Sent. Its failure never changes what is known of the
// message.
func (s *Sender) file(ctx context.Context, row store.Outgoing, message []byte) {
	if err := s.Mailbox.FileCopy(ctx, s.Box.Company.Mailbox, row.Ref, message); err != nil {
		s.Box.Logger.WarnContext(ctx, "copy not filed in Sent", "message", row.ID, "err", err)
	}
}

// Close ends the session to the mail server.
func (s *Sender) Close() {
	if s.session != nil {
		s.session.Close()
		s.session = nil
	}
}

func (s *Sender) closeIdle() {
	if s.session != nil && (!s.session.Usable() || s.Interval > sessionIdle) {
		s.Close()
	}
}

// Resting tells whether the sender waits after a failure of the line: nothing is
// gained by running it before Handed.Next. It may be called by other goroutines.
func (s *Sender) Resting() bool { return s.resting.Load() }
