package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/store"
)

// joinWithin is how long an attempt that ended well waits for the next message
// to be armed, to be stored in the same transaction. A process that dies
// meanwhile leaves an outcome that is not known, as one that dies a moment
// earlier does.
const joinWithin = 5 * time.Millisecond

// keeping is an attempt on its way into the store. Meanwhile the next message
// is rendered and announced to the server; it is not armed before.
type keeping struct {
	attempt attempt
	message []byte
	turn    chan struct{} // who takes the one token stores the attempt
	hurry   chan struct{} // closed: nothing will join
	done    chan error    // stored, or why not, and its copy filed
}

// keepSoon stores an attempt in the background: together with arming the next
// message, where that comes soon, else by itself.
func (s *Sender) keepSoon(ctx context.Context, a attempt, message []byte) {
	s.Box.Store.Reach(store.PointRecording)
	k := &keeping{attempt: a, message: message, turn: make(chan struct{}, 1), hurry: make(chan struct{}), done: make(chan error, 1)}
	k.turn <- struct{}{}
	s.keeping = k
	go func() {
		soon := time.NewTimer(joinWithin)
		defer soon.Stop()
		select {
		case <-soon.C:
		case <-k.hurry:
		}
		select {
		case <-k.turn:
			err := s.keep(ctx, a)
			s.kept(ctx, k, err)
		default: // it joined
		}
	}()
}

// kept files the copy of an attempt that was stored, and tells who waits for it.
func (s *Sender) kept(ctx context.Context, k *keeping, err error) {
	if err == nil {
		s.Box.Store.Reach(store.PointRecorded)
	}
	if row := k.attempt.row; err == nil && k.attempt.result.Outcome == Sent && row.Kind != dossier.KindNotice {
		s.file(ctx, row, k.message)
	}
	k.done <- err
}

// await returns once the last attempt is stored, and its copy filed.
func (s *Sender) await() error {
	if s.keeping == nil {
		return nil
	}
	k := s.keeping
	s.keeping = nil
	close(k.hurry)
	err := <-k.done
	if err != nil {
		s.loose = append(s.loose, k.attempt)
	}
	return err
}

// arm arms a message once the last attempt is stored, or in one transaction with
// it. unkept: that attempt could not be stored, and nothing was armed.
func (s *Sender) arm(ctx context.Context, row store.Outgoing, fence store.Fence, r store.Rendered) (armed bool, v store.Verdict, unkept, err error) {
	by := func(first func(*store.Tx) error) (bool, store.Verdict, error) {
		return s.Box.Store.Arm(ctx, row.ID, fence, r, s.Box.readiness(s.now()), s.look, first)
	}
	if k := s.keeping; k != nil {
		select {
		case <-k.turn:
			var result store.Result
			armed, v, err = by(func(tx *store.Tx) (err error) {
				result, err = s.store(tx, k.attempt)
				return err
			})
			if err == nil {
				s.log(ctx, k.attempt, result)
				go s.kept(ctx, k, nil)
				return armed, v, nil, nil
			}
			s.kept(ctx, k, s.keep(ctx, k.attempt)) // neither counts: one after the other
		default:
		}
	}
	if unkept = s.await(); unkept != nil {
		return false, v, unkept, nil
	}
	armed, v, err = by(nil)
	return armed, v, nil, err
}

// tidy stores what could not be stored when it happened.
func (s *Sender) tidy(ctx context.Context) error {
	for len(s.loose) > 0 {
		if err := s.keep(ctx, s.loose[0]); err != nil {
			return err
		}
		s.loose = s.loose[1:]
	}
	return nil
}

// keep stores an attempt. It does so even where the caller is to stop: what is
// known of a message must not be lost.
func (s *Sender) keep(ctx context.Context, a attempt) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	var result store.Result
	err := s.Box.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		result, err = s.store(tx, a)
		return err
	})
	if errors.Is(err, store.ErrConflict) {
		s.Box.Logger.WarnContext(ctx, "outcome no longer wanted", "message", a.row.ID, "err", err)
		return nil // settled meanwhile, or withdrawn before it was armed
	}
	if err != nil {
		return fmt.Errorf("outbox: record message %d: %w", a.row.ID, err)
	}
	s.log(ctx, a, result)
	return nil
}

// log tells what became of a message.
func (s *Sender) log(ctx context.Context, a attempt, result store.Result) {
	level := s.Box.Logger.InfoContext
	if result.State != dossier.StateSent {
		level = s.Box.Logger.WarnContext
	}
	level(ctx, "message handed over", "message", a.row.ID, "state", result.State, "stage", a.result.Stage, "problem", result.Problem)
}
