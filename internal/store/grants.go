package store

import (
	"context"
	"fmt"
	"time"
)

// Grant is what a vendor let us do, in the sealed form of package oauth: the
// store cannot read it.
type Grant struct {
	ID        string // company/name of the connection or mailbox
	Version   int64  // 0: none is stored
	Sealed    []byte
	ChangedAt time.Time
	LostAt    time.Time // the vendor takes it no longer; zero: it is good as far as known
	Problem   string    // what the vendor said when it was lost
}

// Grant returns the stored grant. ErrNotFound where there is none.
func (s *Store) Grant(ctx context.Context, id string) (Grant, error) {
	return view(ctx, s, func(tx *Tx) (Grant, error) {
		g := Grant{ID: id}
		err := tx.one([]any{&g.Version, &g.Sealed, at(&g.ChangedAt), at(&g.LostAt), &g.Problem},
			"SELECT version, sealed, changed_at, lost_at, problem FROM oauth_grant WHERE id = $1", id)
		return g, err
	})
}

// ReplaceGrant stores a grant over whatever was there: a person gave it anew.
func (s *Store) ReplaceGrant(ctx context.Context, id string, sealed []byte) error {
	return s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.exec("INSERT INTO oauth_grant (id, version, sealed, changed_at) VALUES ($1, 1, $2, $3) "+
			"ON CONFLICT (id) DO UPDATE SET version = oauth_grant.version + 1, sealed = excluded.sealed, changed_at = excluded.changed_at, lost_at = 0, problem = ''",
			id, sealed, tx.now)
		return err
	})
}

// RenewGrant stores what g became, where its version is still g's. ErrConflict
// where it is not: another was quicker, and the stored one is to be used.
func (s *Store) RenewGrant(ctx context.Context, g Grant, sealed []byte) error {
	return s.InTx(ctx, func(tx *Tx) error {
		return tx.must1(fmt.Errorf("grant %s: %w", g.ID, ErrConflict),
			"UPDATE oauth_grant SET version = version + 1, sealed = $3, changed_at = $4, lost_at = 0, problem = '' WHERE id = $1 AND version = $2",
			g.ID, g.Version, sealed, tx.now)
	})
}

// LoseGrant records that the vendor takes the grant no longer, where its version
// is still g's. It is kept: only a person can give another.
func (s *Store) LoseGrant(ctx context.Context, g Grant, problem string) error {
	return s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.exec("UPDATE oauth_grant SET lost_at = $3, problem = $4 WHERE id = $1 AND version = $2 AND lost_at = 0", g.ID, g.Version, tx.now, problem)
		return err
	})
}
