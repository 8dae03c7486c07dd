package daemon

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relanced/internal/store"
)

// held counts who does which duty.
type held struct {
	t  *testing.T
	mu sync.Mutex
	by map[string]string // owner by lease
}

func (h *held) node(s *store.Store, owner string) *node {
	n := &node{store: s, owner: owner, logger: slog.New(slog.DiscardHandler), line: newLine(slog.New(slog.DiscardHandler))}
	for _, name := range []string{"company/a", "company/b", "mailbox/a/x", "mailbox/b/x"} {
		n.duties = append(n.duties, duty{name, func(ctx context.Context, _ store.Fence) error {
			h.mu.Lock()
			if other := h.by[name]; other != "" {
				h.t.Errorf("%s is done by %s and %s", name, other, owner)
			}
			h.by[name] = owner
			h.mu.Unlock()
			<-ctx.Done()
			h.mu.Lock()
			delete(h.by, name)
			h.mu.Unlock()
			return nil
		}})
	}
	return n
}

func (h *held) count() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	counts := map[string]int{}
	for _, owner := range h.by {
		counts[owner]++
	}
	return counts
}

// TestNode_sharesDutiesAndTakesThemOver lets a second node come, and the first
// one lose its database: the time is simulated.
func TestNode_sharesDutiesAndTakesThemOver(t *testing.T) {
	t.Parallel()
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
	synctest.Test(t, func(t *testing.T) {
		open := func() *store.Store {
			s, err := store.Open(t.Context(), dsn, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		here, there := open(), open()
		defer there.Close()
		ctx, stop := context.WithCancel(t.Context())
		h := &held{t: t, by: map[string]string{}}
		var running sync.WaitGroup
		running.Go(func() { h.node(here, "a").run(ctx) })
		time.Sleep(10 * time.Second)
		if got := h.count(); got["a"] != 4 {
			t.Errorf("alone it does %v", got)
		}
		running.Go(func() { h.node(there, "b").run(ctx) })
		time.Sleep(time.Minute)
		if got := h.count(); got["a"] != 2 || got["b"] != 2 {
			t.Errorf("two share as %v", got)
		}
		_ = here.Close() // as a node that is cut off
		time.Sleep(30 * time.Second)
		if got := h.count(); got["a"] != 0 || got["b"] != 4 {
			t.Errorf("30 s after one was cut off: %v", got)
		}
		stop()
		running.Wait()
		if got := h.count(); len(got) != 0 {
			t.Errorf("after the end: %v", got)
		}
	})
}
