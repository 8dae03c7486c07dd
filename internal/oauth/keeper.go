package oauth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"relanced/internal/lease"
	"relanced/internal/store"
)

// Keeper gives out access tokens of stored grants, and renews them. It is safe
// for concurrent use, also by several processes on one store.
type Keeper struct {
	store *store.Store
	safe  safe
	owner string // names this process in leases

	mu    sync.Mutex
	known map[string]*held
}

// held is what this process remembers of one grant.
type held struct {
	mu    sync.Mutex // one at a time asks store or vendor
	grant Grant
}

// NewKeeper returns a Keeper. key is the key of the configuration, 32 bytes;
// owner names the process in leases.
func NewKeeper(s *store.Store, key []byte, owner string) (*Keeper, error) {
	safe, err := newSafe(key)
	if err != nil {
		return nil, fmt.Errorf("oauth: %w", err)
	}
	return &Keeper{store: s, safe: safe, owner: owner, known: map[string]*held{}}, nil
}

// ID is how the grant of a company's connection or mailbox is called.
func ID(company, name string) string { return company + "/" + name }

func (k *Keeper) held(id string) *held {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.known[id]
	if h == nil {
		h = new(held)
		k.known[id] = h
	}
	return h
}

// Token returns an access token that is good for a minute at least by what the
// vendor said. refused is one that the vendor did not take ("" none): another is
// found or asked for. Every error is an *Error, save the context's own and those
// of the store.
func (k *Keeper) Token(ctx context.Context, id string, c Client, refused string) (Token, error) {
	h := k.held(id)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.grant.good(k.store.Now(), refused) {
		return h.grant.token(), nil
	}
	g, _, err := k.load(ctx, id)
	if err != nil {
		return Token{}, err
	}
	if !g.good(k.store.Now(), refused) {
		if g, err = k.renew(ctx, id, c, refused); err != nil {
			return Token{}, err
		}
	}
	h.grant = g
	return g.token(), nil
}

func (g Grant) token() Token { return Token{Access: g.Access, Facts: g.Facts} }

// Connected tells whether a grant is stored that is not known to be lost.
func (k *Keeper) Connected(ctx context.Context, id string) (bool, error) {
	row, err := k.store.Grant(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && row.LostAt.IsZero(), err
}

// Put stores what a consent gave, over what was there.
func (k *Keeper) Put(ctx context.Context, id string, g Grant) error {
	sealed, err := k.safe.seal(id, g)
	if err != nil {
		return fmt.Errorf("oauth: seal %s: %w", id, err)
	}
	if err := k.store.ReplaceGrant(ctx, id, sealed); err != nil {
		return fmt.Errorf("oauth: store %s: %w", id, err)
	}
	h := k.held(id)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.grant = Grant{}
	return nil
}

// load reads the stored grant with its row.
func (k *Keeper) load(ctx context.Context, id string) (Grant, store.Grant, error) {
	row, err := k.store.Grant(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Grant{}, row, &Error{Kind: Unconnected, ID: id}
	}
	if err != nil {
		return Grant{}, row, fmt.Errorf("oauth: read %s: %w", id, err)
	}
	if !row.LostAt.IsZero() {
		return Grant{}, row, &Error{Kind: Lost, ID: id, Detail: row.Problem}
	}
	g, err := k.safe.open(id, row.Sealed)
	if err != nil {
		return Grant{}, row, &Error{Kind: Lost, ID: id, Err: err}
	}
	return g, row, nil
}

// renewal bounds one renewal: it must end well before the lease could be lost.
const renewal = 12 * time.Second

// look is how often one who waits looks whether another has renewed.
const look = 200 * time.Millisecond

// renew gets a new access token under the lease of the grant. Whoever waited for
// the lease uses what the holder stored.
func (k *Keeper) renew(ctx context.Context, id string, c Client, refused string) (Grant, error) {
	for {
		l, held, err := lease.Hold(ctx, k.store, "grant/"+id, k.owner)
		switch {
		case err == nil:
			g, err := k.renewHeld(held, id, c, refused)
			l.Release()
			if cause := context.Cause(held); err != nil && ctx.Err() == nil && errors.Is(cause, lease.ErrLost) {
				err = &Error{Kind: Temporary, ID: id, Err: cause}
			}
			return g, err
		case !errors.Is(err, lease.ErrHeld):
			return Grant{}, fmt.Errorf("oauth: renew %s: %w", id, err)
		}
		wait := time.NewTimer(look)
		select {
		case <-ctx.Done():
			wait.Stop()
			return Grant{}, ctx.Err()
		case <-wait.C:
		}
		if g, _, err := k.load(ctx, id); err != nil || g.good(k.store.Now(), refused) {
			return g, err
		}
	}
}

func (k *Keeper) renewHeld(ctx context.Context, id string, c Client, refused string) (Grant, error) {
	old, row, err := k.load(ctx, id)
	if err != nil || old.good(k.store.Now(), refused) {
		return old, err
	}
	if old.Refresh == "" {
		return Grant{}, k.lose(ctx, row, "it has ended, and the vendor gave nothing to renew it with")
	}
	// Once the vendor was asked, its answer is stored whoever wants us to stop.
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewal)
	defer cancel()
	fresh, err := c.refresh(asked, k.store.Now(), old)
	var told *Error
	if errors.As(err, &told) {
		told.ID = id
		if told.Kind == Lost {
			return Grant{}, k.lose(asked, row, told.Detail)
		}
	}
	if err != nil {
		return Grant{}, err
	}
	sealed, err := k.safe.seal(id, fresh)
	if err != nil {
		return Grant{}, fmt.Errorf("oauth: seal %s: %w", id, err)
	}
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewal)
	defer cancel()
	err = k.store.RenewGrant(storing, row, sealed)
	if errors.Is(err, store.ErrConflict) { // a person connected anew meanwhile
		fresh, _, err = k.load(storing, id)
		return fresh, err
	}
	if err != nil {
		return Grant{}, fmt.Errorf("oauth: store %s: %w", id, err)
	}
	return fresh, nil
}

func (k *Keeper) lose(ctx context.Context, row store.Grant, why string) error {
	if err := k.store.LoseGrant(ctx, row, why); err != nil {
		return fmt.Errorf("oauth: store %s: %w", row.ID, err)
	}
	return &Error{Kind: Lost, ID: row.ID, Detail: why}
}
