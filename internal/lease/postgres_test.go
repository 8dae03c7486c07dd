package lease_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"relanced/internal/lease"
	"relanced/internal/store"
	"relanced/internal/store/storetest"
)

// node is a daemon's store on a shared database.
func node(t *testing.T, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ends waits for a context to end because its lease was lost.
func ends(t *testing.T, held context.Context) {
	t.Helper()
	select {
	case <-held.Done():
		if !errors.Is(context.Cause(held), lease.ErrLost) {
			t.Errorf("cause %v", context.Cause(held))
		}
	case <-time.After(lease.TTL):
		t.Error("still believed in when it is free for others")
	}
}

func TestHold_nodesOnPostgreSQLExcludeEachOther(t *testing.T) {
	t.Parallel()
	dsn := storetest.Postgres(t, "fsync=off")(t)
	one, two := node(t, dsn), node(t, dsn)
	// Of many that ask at once, from both nodes, one gets it.
	type answer struct {
		l   *lease.Lease
		err error
	}
	answers := make(chan answer)
	for _, s := range []*store.Store{one, two, one, two, one, two} {
		go func() {
			l, _, err := lease.Hold(t.Context(), s, "mailbox/courrier", "x")
			answers <- answer{l, err}
		}()
	}
	var first *lease.Lease
	for range 6 {
		switch a := <-answers; {
		case a.err == nil && first == nil:
			first = a.l
		case a.err == nil:
			t.Error("two hold it")
			a.l.Release()
		case !errors.Is(a.err, lease.ErrHeld):
			t.Error(a.err)
		}
	}
	if first == nil {
		t.Fatal("nobody holds it")
	}
	first.Release()
	second, _ := hold(t, two, "b")
	defer second.Release()
	if second.Fence().Number <= first.Fence().Number {
		t.Errorf("fence %d after %d", second.Fence().Number, first.Fence().Number)
	}
}

func TestHold_lossOnPostgreSQLEndsTheContext(t *testing.T) {
	t.Parallel()
	dsn := storetest.Postgres(t, "fsync=off")(t)
	one, two := node(t, dsn), node(t, dsn)
	l, held := hold(t, one, "a")
	defer l.Release()
	if err := two.ReleaseLease(t.Context(), l.Fence()); err != nil { // as if it had run out
		t.Fatal(err)
	}
	other, _ := hold(t, two, "b")
	defer other.Release()
	ends(t, held)
}

func TestHold_nodeCutOffFromPostgreSQLStopsInTime(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a lease to run out")
	}
	dsn := storetest.Postgres(t, "fsync=off")(t)
	one, two := node(t, dsn), node(t, dsn)
	l, held := hold(t, one, "a")
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	ends(t, held)
	if _, _, err := lease.Hold(t.Context(), two, "mailbox/courrier", "b"); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("the other node takes it over while it lasts: %v", err)
	}
	l.Release()
}
