package connectortest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relanced/connectors"
)

func refused(t *testing.T, s Suite) {
	for _, f := range []Fault{Unauthorized, Forbidden} {
		src, m := s.start(t), NewMirror()
		fill(src, 3)
		if !src.Fail(f, 0, 0) {
			continue
		}
		err := Pass(t.Context(), src, m)
		e, ok := errors.AsType[*connectors.Error](err)
		if !ok || e.Kind != connectors.Auth {
			t.Errorf("%s: got %v, want an error of kind auth", f, err)
			continue
		}
		if e.Do == "" {
			t.Errorf("%s: the error does not say what to do", f)
		}
		if n := src.Requests(); n > 2 {
			t.Errorf("%s: %d requests with a refused token", f, n)
		}
		src.Heal()
		mustPass(t, src, m)
		equal(t, src, m)
	}
}

func passingFaults(t *testing.T, s Suite) {
	for _, f := range []Fault{Throttled, ServerError, Truncated, Disconnected, WebPage, Slow, Repeated} {
		if slices.Contains(s.Lacks, f) {
			continue
		}
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			src, m := s.start(t), NewMirror()
			fill(src, src.PageSize()+5)
			if !src.Fail(f, 2, 2) {
				t.Fatal("the source cannot show it: its suite should say so in Lacks")
			}
			mustPass(t, src, m)
			src.Heal()
			equal(t, src, m)
		})
	}
}

func cancelled(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	fill(src, 3)
	if !src.Fail(ServerError, 1, 0) {
		t.Fatal("the source cannot show an outage")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := Pass(ctx, src, m)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's own end", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}

// patience is how long a pass with faults is waited for: less than a connector
// waits before it tries again, so that most such passes end in the middle.
const patience = 60 * time.Millisecond

// faultyPass makes a pass while requests fail in some way. What it brought before
// it ended stays; that it ended must not be told as anything but the fault.
func faultyPass(rt *rapid.T, src Source, m *Mirror) {
	fault := rapid.SampledFrom([]Fault{
		Unauthorized, Forbidden, Throttled, ServerError, Truncated, Disconnected, WebPage,
	}).Draw(rt, "kind of fault")
	if !src.Fail(fault, rapid.IntRange(0, 5).Draw(rt, "skip"), rapid.IntRange(1, 3).Draw(rt, "times")) {
		return
	}
	defer src.Heal()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := Pass(ctx, src, m)
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	e, ok := errors.AsType[*connectors.Error](err)
	refused := fault == Unauthorized || fault == Forbidden
	if !ok || refused && e.Kind != connectors.Auth || !refused && e.Kind != connectors.Rate && e.Kind != connectors.Temporary {
		rt.Fatalf("%s is told as %v", fault, err)
	}
}
