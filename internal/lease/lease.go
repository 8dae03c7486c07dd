// Package lease lets one holder at a time do something: read a connection,
// decide for a company, use a mailbox. A lease lasts 20 seconds and is renewed
// every 5; whoever stops renewing loses it, and finds its fence old.
package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"relanced/internal/store"
)

// TTL is how long a lease lasts unless renewed; Every is how often it is.
const (
	TTL   = 20 * time.Second
	Every = 5 * time.Second
)

// margin is how long before the lease runs out its holder stops believing in
// it: clocks of two nodes differ, and what was begun takes a moment to stop.
const margin = 3 * time.Second

// ErrHeld tells that somebody else holds the lease: leave, and come back later.
var ErrHeld = errors.New("held elsewhere")

// ErrLost is the cause of a context that ended because the lease was lost.
var ErrLost = errors.New("lease lost")

// Lease is held by this process until Release, or until it is lost.
type Lease struct {
	fence   store.Fence
	store   *store.Store
	stop    context.CancelCauseFunc
	renewed chan struct{} // closed when nothing renews it any more
	once    sync.Once
}

// Hold claims the lease and renews it in the background. The returned context
// ends, with ErrLost as its cause, as soon as the lease may have been lost: at
// once where another took it, before it runs out where the store is away.
// ErrHeld where somebody holds it, also this owner: a name is held once.
func Hold(ctx context.Context, s *store.Store, name, owner string) (*Lease, context.Context, error) {
	claimed := time.Now()
	fence, until, ok, err := s.ClaimLease(ctx, name, owner, TTL)
	if err != nil {
		return nil, ctx, fmt.Errorf("lease %s: %w", name, err)
	}
	if !ok {
		return nil, ctx, fmt.Errorf("lease %s: %w until %s", name, ErrHeld, until.Format(time.TimeOnly))
	}
	held, stop := context.WithCancelCause(ctx)
	l := &Lease{fence: fence, store: s, stop: stop, renewed: make(chan struct{})}
	go l.renew(held, claimed)
	return l, held, nil
}

// renew keeps the lease until the context ends or the lease is lost. It counts
// by this machine's monotonic clock from before each answer: never longer than
// the store does.
func (l *Lease) renew(ctx context.Context, since time.Time) {
	defer close(l.renewed)
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		limit, cancel := context.WithDeadline(ctx, since.Add(TTL-margin))
		err := l.store.RenewLease(limit, l.fence, TTL)
		cancel()
		switch {
		case err == nil:
			since = asked
		case errors.Is(err, store.ErrFence):
			l.stop(fmt.Errorf("%s: %w", l.fence.Name, ErrLost))
			return
		case time.Until(since.Add(TTL-margin)) < Every:
			l.stop(fmt.Errorf("%s: %w: %w", l.fence.Name, ErrLost, err))
			return
		}
	}
}

// Fence is what arming needs.
func (l *Lease) Fence() store.Fence { return l.fence }

// Release gives the lease up and waits until it is no longer renewed. The
// context of Hold ends. It may be called twice.
func (l *Lease) Release() {
	l.once.Do(func() {
		l.stop(context.Canceled)
		<-l.renewed
		// The holder's context may be over, and the lease is to be free for others
		// all the same; where the store is away, it runs out by itself.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = l.store.ReleaseLease(ctx, l.fence)
	})
}
