package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"relanced/internal/lease"
	"relanced/internal/store"
)

// duty is work that one node at a time does, as long as it holds the lease.
type duty struct {
	lease string
	run   func(ctx context.Context, fence store.Fence) error // until ctx ends
}

const (
	claimEvery = 3 * time.Second // between two tries to get a lease that others hold
	shareEvery = 4 * time.Second // between two looks at who is there
	restAfter  = 5 * time.Second // after a duty ended by an error
	seats      = 32              // nodes that share a database at the most
)

// node does duties, about its share of them where several nodes are at work.
type node struct {
	store  *store.Store
	owner  string
	duties []duty
	logger *slog.Logger
	line   *line

	mu    sync.Mutex
	held  map[string]context.CancelFunc // duties at work, by lease
	share int                           // how many this node should hold
}

// run does duties until ctx ends, and returns when all have ended.
func (n *node) run(ctx context.Context) {
	n.held = map[string]context.CancelFunc{}
	n.share = len(n.duties)
	var group sync.WaitGroup
	group.Go(func() { n.sit(ctx) })
	group.Go(func() { n.balance(ctx) })
	for _, d := range n.duties {
		group.Go(func() { n.serve(ctx, d) })
	}
	group.Wait()
}

// serve gets the duty's lease whenever it can, and does the duty.
func (n *node) serve(ctx context.Context, d duty) {
	for ctx.Err() == nil {
		if !n.wants() {
			pause(ctx, claimEvery)
			continue
		}
		held, holding, err := lease.Hold(ctx, n.store, d.lease, n.owner)
		if err != nil {
			if !errors.Is(err, lease.ErrHeld) {
				n.failed(ctx, "lease not taken", d, err)
			}
			pause(ctx, claimEvery+time.Duration(rand.Int64N(int64(time.Second)))) //nolint:gosec // jitter
			continue
		}
		holding, yield := context.WithCancel(holding)
		n.take(d.lease, yield)
		err = d.run(holding, held.Fence())
		lost := context.Cause(holding)
		n.drop(d.lease)
		yield()
		held.Release()
		if err != nil && lost == nil {
			n.failed(ctx, "duty interrupted", d, err)
			pause(ctx, restAfter)
		}
	}
}

// failed tells what kept a duty from being done: a database that is away once
// for all duties, anything else each time.
func (n *node) failed(ctx context.Context, what string, d duty, err error) {
	switch {
	case ctx.Err() != nil:
	case lineDown(err.Error()):
		n.line.tell(ctx, err)
	default:
		n.logger.WarnContext(ctx, what, "lease", d.lease, "err", err)
	}
}

func (n *node) wants() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.held) < n.share
}

func (n *node) take(name string, yield context.CancelFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held[name] = yield
}

func (n *node) drop(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.held, name)
}

// sit holds one seat, by which nodes count each other.
func (n *node) sit(ctx context.Context) {
	for ctx.Err() == nil {
		for i := range seats {
			held, holding, err := lease.Hold(ctx, n.store, seat(i), n.owner)
			if err != nil {
				continue
			}
			<-holding.Done()
			held.Release()
			break
		}
		pause(ctx, claimEvery)
	}
}

func seat(i int) string { return fmt.Sprintf("node/%d", i+1) }

// balance works out this node's share, and gives one duty up when it holds more.
func (n *node) balance(ctx context.Context) {
	for {
		nodes := max(n.nodes(ctx), 1)
		n.mu.Lock()
		n.share = (len(n.duties) + nodes - 1) / nodes
		if len(n.held) > n.share {
			for name, yield := range n.held {
				n.logger.InfoContext(ctx, "duty given up to another node", "lease", name)
				yield()
				break
			}
		}
		n.mu.Unlock()
		if !pause(ctx, shareEvery) {
			return
		}
	}
}

// nodes counts the seats that are taken. The lowest are taken first: a few free
// ones in a row end the count.
func (n *node) nodes(ctx context.Context) int {
	taken, free := 0, 0
	for i := 0; i < seats && free < 3; i++ {
		owner, until, err := n.store.LeaseHolder(ctx, seat(i))
		if err == nil || lineDown(err.Error()) {
			n.line.tell(ctx, err)
		}
		if err == nil && owner != "" && until.After(n.store.Now()) {
			taken, free = taken+1, 0
		} else {
			free++
		}
	}
	return taken
}

// pause waits, and tells whether ctx still lasts.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
