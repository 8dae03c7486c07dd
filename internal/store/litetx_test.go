package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"relanced/internal/store"
)

// What follows an interrupted transaction on the one writer must find nothing of
// it, and no transaction left open.
func TestInTx_interruptedOnSQLiteLeavesNothing(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, interrupted := range map[string]func(*store.Store) error{
		"by its own error": func(s *store.Store) error {
			return s.InTx(t.Context(), func(tx *store.Tx) error {
				return errors.Join(tx.SetMeta("key", "lost"), refused)
			})
		},
		"cancelled between two statements": func(s *store.Store) error {
			ctx, cancel := context.WithCancel(t.Context())
			return s.InTx(ctx, func(tx *store.Tx) error {
				if err := tx.SetMeta("key", "lost"); err != nil {
					return err
				}
				cancel()
				return tx.SetMeta("other", "lost")
			})
		},
		"cancelled before its commit": func(s *store.Store) error {
			ctx, cancel := context.WithCancel(t.Context())
			return s.InTx(ctx, func(tx *store.Tx) error {
				defer cancel()
				return tx.SetMeta("key", "lost")
			})
		},
		"cancelled before it began": func(s *store.Store) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return s.InTx(ctx, func(tx *store.Tx) error { return tx.SetMeta("key", "lost") })
		},
		"by a panic": func(s *store.Store) (err error) {
			defer func() { err, _ = recover().(error) }()
			return s.InTx(t.Context(), func(tx *store.Tx) error { panic(errors.Join(tx.SetMeta("key", "lost"), refused)) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := opened(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
			defer s.Close()
			if err := interrupted(s); !errors.Is(err, refused) && !errors.Is(err, context.Canceled) {
				t.Fatalf("%v", err)
			}
			var found string
			err := s.InTx(t.Context(), func(tx *store.Tx) (err error) {
				found, err = tx.Meta("key")
				return errors.Join(err, tx.SetMeta("after", "kept"))
			})
			if err != nil || found != "" {
				t.Errorf("after it: %q, %v", found, err)
			}
		})
	}
}
