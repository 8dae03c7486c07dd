package store_test

import (
	"path/filepath"
	"testing"

	"relanced/internal/store"
	"relanced/internal/store/storetest"
)

func TestStore_sqlite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(tb testing.TB, o store.Options) *store.Store {
		return open(tb, "sqlite:"+filepath.Join(tb.TempDir(), "it's 100%#?.db"), o)
	})
}

func TestStore_postgres(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t, "max_connections=400")
	storetest.Run(t, func(tb testing.TB, o store.Options) *store.Store { return open(tb, database(tb), o) })
}

func open(tb testing.TB, dsn string, o store.Options) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), dsn, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
