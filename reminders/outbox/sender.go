package outbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
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
	slower  int       // the server asked for longer pauses: so many times the interval

	passAt  map[receivable.ConnectionID]time.Time // of the last pass before a batch
	ahead   int                                   // messages whose invoices are re-read together
	readyAt time.Time                             // when books and mailboxes were last looked at for ready
	ready   map[dossier.MessageID]bool
	facts   snapshot // as they were after that look

	failures int                       // of the way to the server, in a row
	reached  bool                      // a message got through since the start
	retryAt  time.Time                 // not before
	policies []string                  // domains that refused us by policy, in a row
	looked   map[dossier.MessageID]int // proofs sought, by message of unknown outcome
	settled  time.Time                 // when such messages were last looked for
	keeping  *keeping                  // the last attempt, until it is stored
	next     *rendering                // the message after the one under way
	loose    []attempt                 // ended, and not yet in the store
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
	rowsAhead   = 20               // messages whose invoices are re-read together, at most
	maxPause    = 5 * time.Minute
	longestWait = 5 * time.Hour // longer than any pause of ours
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
	if err := s.tidy(ctx); err != nil {
		return h, err
	}
	if err := s.settle(ctx); err != nil {
		return h, err
	}
	defer func() { s.closeIdle(h.Next) }()
	for ctx.Err() == nil {
		if done, err := s.round(ctx, fence, &h); done || err != nil {
			return h, err
		}
	}
	return h, ctx.Err()
}

// round hands over the next few messages. done: nothing more may leave before
// h.Next.
func (s *Sender) round(ctx context.Context, fence store.Fence, h *Handed) (done bool, err error) {
	now := s.now()
	if s.sentAt.After(now) || s.retryAt.Sub(now) > longestWait {
		s.sentAt, s.retryAt = now, time.Time{} // the clock was set back
	}
	if s.retryAt.After(now) {
		h.Next = s.retryAt
		return true, nil
	}
	if blocked, err := s.blocked(ctx); err != nil || blocked {
		return true, err
	}
	room, until, err := s.room(ctx, now)
	if err != nil || room == 0 {
		h.Next = until
		return true, err
	}
	if wait := s.pause(now); wait > shortWait {
		h.Next = now.Add(wait)
		return true, nil
	}
	notices, err := s.Box.Store.QueuedNotices(ctx, s.Box.Company.Mailbox)
	if err != nil {
		return true, fmt.Errorf("outbox: find notices: %w", err)
	}
	if len(notices) > 0 {
		return s.run(ctx, fence, notices[:min(len(notices), room)], h)
	}
	rows, err := s.Box.Store.NextToSend(ctx, s.Box.Company.Mailbox, min(s.rows(), room))
	if err != nil {
		return true, fmt.Errorf("outbox: find what may leave: %w", err)
	}
	if len(rows) == 0 {
		h.Next, err = s.Box.Store.NextMoment(ctx, s.Box.Company.Mailbox)
		return true, err
	}
	ready := s.stillReady(rows, now)
	if len(ready) == 0 {
		if err := s.prepare(ctx, rows); err != nil {
			s.retryAt = s.now().Add(time.Minute)
			h.Next = s.retryAt
			return true, err
		}
		ready = rows
	}
	return s.run(ctx, fence, ready, h)
}

// run hands over rows until the pace, the age of the last look or a failure of
// the line ends it. stop: the caller should come back at h.Next.
func (s *Sender) run(ctx context.Context, fence store.Fence, rows []store.Outgoing, h *Handed) (stop bool, err error) {
	defer func() {
		if unkept := s.await(); err == nil && unkept != nil {
			stop, err = true, unkept
		}
		s.drop()
	}()
	for i, row := range rows {
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
		following := rows[i+1:]
		if s.Interval*time.Duration(max(s.slower, 1)) > shortWait {
			following = nil // none leaves in this run
		}
		if err := s.send(ctx, fence, row, following, h); err != nil {
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
	pause := s.Interval * time.Duration(max(s.slower, 1))
	return max(0, min(s.sentAt.Add(pause).Sub(now), maxPause))
}

// room is how many messages may still leave today; until is when a new day
// begins, where none may.
func (s *Sender) room(ctx context.Context, now time.Time) (room int, until time.Time, err error) {
	if s.PerDay == 0 {
		return math.MaxInt, time.Time{}, nil
	}
	zone, today := s.Box.zone(), s.Box.today(now)
	n, err := s.Box.Store.SentCount(ctx, s.Box.Company.Mailbox, today.Time(zone))
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("outbox: count what left today: %w", err)
	}
	return max(0, s.PerDay-n), today.AddDays(1).Time(zone), nil
}

// errHeld ends the session between RCPT and DATA: the message must not leave.
var errHeld = errors.New("withheld")

// send hands over one message, and meanwhile renders the first of those that
// follow. Its error is one of the store's: whatever the server does is recorded.
func (s *Sender) send(ctx context.Context, fence store.Fence, row store.Outgoing, following []store.Outgoing, h *Handed) error {
	mail, ok, err := s.take(ctx, row)
	if err != nil || !ok {
		h.Withheld++
		return err
	}
	s.renderAhead(ctx, following)
	row.Subject = mail.Subject
	if s.session == nil || !s.session.Usable() || s.now().Sub(s.idle) > sessionIdle {
		if s.session != nil {
			s.session.Close()
		}
		session, failed := Connect(ctx, s.Server)
		s.session = session
		if session == nil {
			if err := ctx.Err(); err != nil {
				return err
			}
			return s.record(ctx, row, nil, failed, h)
		}
	}
	used := s.session.Used()
	var unkept, storeErr error
	result := s.session.Send(ctx, Envelope{ID: row.Ref, From: s.Box.Company.Sender.Address, To: mail.to, Data: mail.Bytes}, func() error {
		var armed bool
		var verdict store.Verdict
		var err error
		// From here on the message is finished whoever wants us to stop.
		if armed, verdict, unkept, err = s.arm(context.WithoutCancel(ctx), row, fence, mail.Rendered); unkept != nil {
			return unkept
		}
		if err == nil && !armed {
			err = errHeld
			if verdict.Reason == dossier.StaleInbox {
				s.readyAt = time.Time{} // something came: read again before the next one
			}
		}
		storeErr = err
		return err
	})
	s.idle = s.now()
	switch {
	case unkept != nil:
		return unkept
	case errors.Is(storeErr, errHeld):
		h.Withheld++
		return nil
	case errors.Is(storeErr, store.ErrFence):
		return fmt.Errorf("outbox: arm message %d: %w", row.ID, storeErr)
	case storeErr != nil:
		// Whether it was armed is not known; that it did not leave is.
		result.Armed = true
		s.loose = append(s.loose, attempt{row: row, result: result, at: s.now()})
		return fmt.Errorf("outbox: arm message %d: %w", row.ID, storeErr)
	case !result.Armed && ctx.Err() != nil:
		return ctx.Err() // asked to stop before anything was tried
	case !result.Armed && used && result.Stage == StageMail && result.Scope == ScopeAccount && result.Temporary:
		return nil // the server hung up on an idle line: a new one at once
	}
	if result.Outcome == Sent {
		s.sentAt = s.now()
	}
	return s.record(ctx, row, mail.Bytes, result, h)
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

// closeIdle ends a session that nothing will use before the server tires of it.
func (s *Sender) closeIdle(next time.Time) {
	if s.session != nil && (!s.session.Usable() || next.IsZero() || next.Sub(s.now()) > sessionIdle) {
		s.Close()
	}
}

// Resting tells whether the sender waits after a failure of the line: nothing is
// gained by running it before Handed.Next. It may be called by other goroutines.
func (s *Sender) Resting() bool { return s.resting.Load() }
