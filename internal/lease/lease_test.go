package lease_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"relanced/internal/lease"
	"relanced/internal/store"
)

// bubble runs a test on a store of its own in fake time.
func bubble(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(t, s)
	})
}

func hold(t *testing.T, s *store.Store, owner string) (*lease.Lease, context.Context) {
	t.Helper()
	l, ctx, err := lease.Hold(t.Context(), s, "mailbox/courrier", owner)
	if err != nil {
		t.Fatal(err)
	}
	return l, ctx
}

func TestHold_oneAtATimeAndRenewed(t *testing.T) {
	bubble(t, func(t *testing.T, s *store.Store) {
		l, held := hold(t, s, "a")
		time.Sleep(10 * time.Minute)
		if err := held.Err(); err != nil {
			t.Fatalf("lost: %v", context.Cause(held))
		}
		if _, _, err := lease.Hold(t.Context(), s, "mailbox/courrier", "b"); !errors.Is(err, lease.ErrHeld) {
			t.Fatalf("a second holder: %v", err)
		}
		l.Release()
		l.Release()
		other, _ := hold(t, s, "b")
		defer other.Release()
		if other.Fence().Number <= l.Fence().Number {
			t.Fatalf("fence %d after %d", other.Fence().Number, l.Fence().Number)
		}
		if held.Err() == nil {
			t.Fatal("the context outlives its lease")
		}
	})
}

func TestHold_lossEndsTheContext(t *testing.T) {
	bubble(t, func(t *testing.T, s *store.Store) {
		l, held := hold(t, s, "a")
		defer l.Release()
		if err := s.ReleaseLease(t.Context(), l.Fence()); err != nil { // as if it had run out
			t.Fatal(err)
		}
		other, _ := hold(t, s, "b")
		defer other.Release()
		<-held.Done()
		if !errors.Is(context.Cause(held), lease.ErrLost) {
			t.Fatalf("cause %v", context.Cause(held))
		}
	})
}

func TestHold_storeAwayEndsTheContextBeforeTheLeaseIsFree(t *testing.T) {
	bubble(t, func(t *testing.T, s *store.Store) {
		began := time.Now()
		l, held := hold(t, s, "a")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		<-held.Done()
		if !errors.Is(context.Cause(held), lease.ErrLost) {
			t.Fatalf("cause %v", context.Cause(held))
		}
		if lasted := time.Since(began); lasted >= lease.TTL {
			t.Fatalf("believed in for %v", lasted)
		}
		l.Release()
	})
}
