package connectortest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/connectors"
)

// Pass pulls into the mirror until the end or the first error, with a new
// connector.
func Pass(ctx context.Context, src Source, m *Mirror) error {
	c, err := src.Open()
	if err != nil {
		return err
	}
	for page, err := range c.Pull(ctx, m.Cursor) {
		if err != nil {
			return err
		}
		if err := m.Apply(page); err != nil {
			return err
		}
	}
	return nil
}

// list applies what a connector lists, where it lists: deletions that its changes
// do not tell show there. The cursor stays.
func list(ctx context.Context, src Source, m *Mirror) error {
	c, err := src.Open()
	if err != nil {
		return err
	}
	l, ok := c.(connectors.Lister)
	if !ok {
		return nil
	}
	cursor := m.Cursor
	for page, err := range l.List(ctx, "all") {
		if err != nil {
			return err
		}
		if err := m.Apply(page); err != nil {
			return err
		}
	}
	m.Cursor = cursor
	return nil
}

func mustPass(t *testing.T, src Source, m *Mirror) {
	t.Helper()
	if err := Pass(t.Context(), src, m); err != nil {
		t.Fatal(err)
	}
}

// cutPass commits some pages of a pass and drops the rest, as a crash does.
func cutPass(rt *rapid.T, src Source, m *Mirror, pages int) {
	c, err := src.Open()
	if err != nil {
		rt.Fatal(err)
	}
	for page, err := range c.Pull(context.Background(), m.Cursor) {
		if err != nil {
			rt.Fatal(err)
		}
		if pages--; pages < 0 {
			return
		}
		if err := m.Apply(page); err != nil {
			rt.Fatal(err)
		}
	}
}

func equal(t *testing.T, src Source, m *Mirror) {
	t.Helper()
	if diff := cmp.Diff(src.Owed(), m.Owed()); diff != "" {
		t.Errorf("what is owed differs (-source +mirror):\n%s", diff)
	}
	if len(m.Bad) > 0 {
		t.Errorf("rejected rows: %v", m.Bad)
	}
}
