package storetest

import (
	"sync"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

func leases(b *bundle) {
	f := b.claim("a")
	_, until, ok, err := b.ClaimLease(b.ctx, "mailbox/courrier", "b", time.Second)
	b.must(err)
	b.same("held", []any{ok, until}, []any{false, b.clock.Now().Add(20 * time.Second)})
	b.must(b.RenewLease(b.ctx, f, 20*time.Second))
	b.clock.Add(20 * time.Second)
	b.is(b.RenewLease(b.ctx, f, 20*time.Second), store.ErrFence)
	g := b.claim("b")
	if g.Number <= f.Number {
		b.Fatalf("fence %d after %d", g.Number, f.Number)
	}
	b.must(b.ReleaseLease(b.ctx, f))
	owner, _, err := b.LeaseHolder(b.ctx, "mailbox/courrier")
	b.must(err)
	b.same("an old fence releases nothing", owner, "b")
	b.must(b.ReleaseLease(b.ctx, g))
	if h := b.claim("b"); h.Number <= g.Number {
		b.Fatalf("fence %d after %d", h.Number, g.Number)
	}
}

func ended(b *bundle) {
	id := b.open()
	var hold int64
	b.tx(func(tx *store.Tx) (err error) {
		hold, err = tx.AddHold(id, dossier.Hold{Reason: dossier.Manual})
		return err
	})
	b.tx(func(tx *store.Tx) error { return tx.EndHold(hold, "marie") })
	b.is(b.InTx(b.ctx, func(tx *store.Tx) error { return tx.EndHold(hold, "paul") }), store.ErrEnded)
	b.is(b.InTx(b.ctx, func(tx *store.Tx) error { return tx.EndHold(99, "paul") }), store.ErrNotFound)
	b.same("who ended it", b.dossier(id).Holds[0].EndedBy, "marie")
	b.tx(func(tx *store.Tx) (err error) {
		_, err = tx.AddHold(id, dossier.Hold{Reason: dossier.Replied})
		return err
	})
	n := 0
	b.tx(func(tx *store.Tx) (err error) { n, err = tx.EndHolds(id, 0, "marie", dossier.Replied); return err })
	b.same("ended", n, 1)
	var one, two int64
	b.tx(func(tx *store.Tx) (err error) {
		if one, err = tx.AddCommand(store.Command{Company: company, Key: "k", Content: []byte("{}")}); err == nil {
			two, err = tx.AddCommand(store.Command{Company: company, Key: "k"})
		}
		return err
	})
	b.same("a command's key", one, two)
	b.tx(func(tx *store.Tx) error { return tx.CommandDone(one, "ok") })
	b.is(b.InTx(b.ctx, func(tx *store.Tx) error { return tx.CommandDone(one, "ok") }), store.ErrEnded)
	tasks, err := b.Tasks(b.ctx, store.TaskFilter{})
	b.must(err)
	b.same("tasks", len(tasks), 0)
}

func concurrent(b *bundle) {
	b.apply(store.Page{Accounts: []receivable.Account{account("C1"), account("C2"), account("C3")}})
	ids, err := b.CustomerIDs(b.ctx, company)
	b.must(err)
	const writers, rounds = 4, 10
	var wg sync.WaitGroup
	errs := make(chan error, writers*rounds)
	for w := range writers {
		wg.Go(func() {
			for range rounds {
				errs <- b.InTx(b.ctx, func(tx *store.Tx) error {
					// Each in its own order: touching sorts.
					for i := range ids {
						if _, err := tx.AddHold(ids[(i+w)%len(ids)], dossier.Hold{Reason: dossier.Manual}); err != nil {
							return err
						}
					}
					return nil
				})
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		b.must(err)
	}
	for _, id := range ids {
		b.same("version", b.version(id), int64(1+writers*rounds))
	}
}

func readOnly(b *bundle) {
	err := b.View(b.ctx, func(tx *store.Tx) error { return tx.SetMeta("x", "y") })
	b.is(err, store.ErrReadOnly)
}
