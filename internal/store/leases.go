package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ClaimLease takes a lease that is free or over; its fence grows with each
// claim. ok is false where another owner holds it until until.
func (s *Store) ClaimLease(ctx context.Context, name, owner string, ttl time.Duration) (f Fence, until time.Time, ok bool, err error) {
	err = s.InTx(ctx, func(tx *Tx) error {
		f, until, ok = Fence{}, time.Time{}, false
		if _, err := tx.exec("INSERT INTO lease (name, owner, fence, until_at) VALUES ($1, '', 0, 0) ON CONFLICT (name) DO NOTHING", name); err != nil {
			return err
		}
		var holder string
		var number int64
		if err := tx.one([]any{&holder, &number, at(&until)}, "SELECT owner, fence, until_at FROM lease WHERE name = $1"+tx.lock("FOR UPDATE"), name); err != nil {
			return err
		}
		if holder != "" && until.After(tx.now) {
			return nil
		}
		f, until, ok = Fence{name, owner, number + 1}, tx.now.Add(ttl), true
		_, err := tx.exec("UPDATE lease SET owner = $2, fence = $3, until_at = $4 WHERE name = $1", name, owner, f.Number, until)
		return err
	})
	return f, until, ok, err
}

// RenewLease makes it last ttl from now. ErrFence where it was lost: another
// claimed it, or it ran out, for then another may have thought it free.
func (s *Store) RenewLease(ctx context.Context, f Fence, ttl time.Duration) error {
	return s.InTx(ctx, func(tx *Tx) error {
		return tx.must1(fmt.Errorf("lease %s: %w", f.Name, ErrFence), "UPDATE lease SET until_at = $4 WHERE name = $1 AND owner = $2 AND fence = $3 AND until_at > $5", f.Name, f.Owner, f.Number, tx.now.Add(ttl), tx.now)
	})
}

// ReleaseLease gives it up, if it is still held.
func (s *Store) ReleaseLease(ctx context.Context, f Fence) error {
	return s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.exec("UPDATE lease SET owner = '', until_at = 0 WHERE name = $1 AND owner = $2 AND fence = $3", f.Name, f.Owner, f.Number)
		return err
	})
}

// LeaseHolder tells who holds it; "" nobody.
func (s *Store) LeaseHolder(ctx context.Context, name string) (owner string, until time.Time, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		err := tx.one([]any{&owner, at(&until)}, "SELECT owner, until_at FROM lease WHERE name = $1", name)
		if errors.Is(err, ErrNotFound) || err == nil && !until.After(tx.now) {
			owner, until, err = "", time.Time{}, nil
		}
		return err
	})
	return owner, until, err
}
