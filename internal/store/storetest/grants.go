package storetest

import (
	"errors"

	"relanced/internal/store"
)

func grants(b *bundle) {
	const id = "dupont/compta"
	if _, err := b.Grant(b.ctx, id); !errors.Is(err, store.ErrNotFound) {
		b.Fatalf("no grant: %v", err)
	}
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	read := func() store.Grant {
		b.Helper()
		g, err := b.Grant(b.ctx, id)
		must(err)
		return g
	}
	must(b.ReplaceGrant(b.ctx, id, []byte{1}))
	old := read()
	must(b.RenewGrant(b.ctx, old, []byte{2}))
	if err := b.RenewGrant(b.ctx, old, []byte{3}); !errors.Is(err, store.ErrConflict) {
		b.Errorf("renewed from an old version: %v", err)
	}
	must(b.LoseGrant(b.ctx, old, "too late"))
	if g := read(); g.Sealed[0] != 2 || !g.LostAt.IsZero() {
		b.Errorf("after a renewal: %+v", g)
	}
	must(b.LoseGrant(b.ctx, read(), "invalid_grant"))
	if g := read(); g.LostAt != b.clock.Now() || g.Problem != "invalid_grant" || g.Sealed[0] != 2 {
		b.Errorf("lost: %+v", g)
	}
	must(b.ReplaceGrant(b.ctx, id, []byte{4}))
	if g := read(); !g.LostAt.IsZero() || g.Problem != "" || g.Sealed[0] != 4 {
		b.Errorf("given anew: %+v", g)
	}
}
