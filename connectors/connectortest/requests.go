package connectortest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func idlePass(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	fill(src, src.PageSize()+5)
	src.Pass(time.Hour)
	mustPass(t, src, m)
	src.Pass(15 * time.Minute)
	before, state := src.Requests(), m.Clone()
	mustPass(t, src, m)
	if n := src.Requests() - before; n > s.Idle {
		t.Errorf("an idle pass took %d requests, want at most %d", n, s.Idle)
	}
	if diff := cmp.Diff(state.Documents, m.Documents); diff != "" {
		t.Errorf("an idle pass changed documents:\n%s", diff)
	}
}
