package storetest

import (
	"time"

	"relanced/internal/dossier"
	"relanced/internal/store"
)

// queued proposes an approved reminder and returns it with a lease to send under.
func (b *bundle) queued() (dossier.CustomerID, dossier.MessageID, store.Fence) {
	b.Helper()
	id := b.open()
	line := b0(b, id)
	var m dossier.MessageID
	b.tx(func(tx *store.Tx) (err error) {
		if m, err = tx.Propose(reminder(id, line), 0); err == nil {
			err = tx.Approve(m, "basis", "basis", "marie", "")
		}
		return err
	})
	return id, m, b.claim("a")
}

func (b *bundle) claim(owner string) store.Fence {
	b.Helper()
	f, _, ok, err := b.ClaimLease(b.ctx, "mailbox/courrier", owner, 20*time.Second)
	b.must(err)
	if !ok {
		b.Fatal("the lease is held")
	}
	return f
}

func yes(*store.Tx, dossier.Message, dossier.Dossier, store.Readiness) (store.Verdict, error) {
	return store.Verdict{OK: true}, nil
}

func rendered() store.Rendered {
	return store.Rendered{Bytes: []byte("Subject: x\r\n\r\nhello"), MID: "<R1.abc@dupont.example>", Subject: "x", Text: "hello", Thread: "00ff"}
}

func sending(b *bundle) {
	id, m, f := b.queued()
	next, err := b.NextToSend(b.ctx, mailbox, 10)
	b.must(err)
	b.same("to send", len(next), 1)
	armed, _, err := b.Arm(b.ctx, m, f, rendered(), store.ReadinessOf{}, yes, nil)
	b.must(err)
	b.same("armed", armed, true)
	_, _, err = b.Arm(b.ctx, m, f, rendered(), store.ReadinessOf{}, yes, nil)
	b.is(err, store.ErrConflict)
	b.must(b.Record(b.ctx, m, store.Result{State: dossier.StateQueued, NotBefore: b.clock.Now().Add(time.Minute), Problem: "451", Attempt: 1}))
	b.is(b.Record(b.ctx, m, store.Result{State: dossier.StateRefused, Attempt: 7}), store.ErrConflict)
	other := rendered()
	other.Bytes = []byte("never rendered again")
	armed, _, err = b.Arm(b.ctx, m, f, other, store.ReadinessOf{}, yes, nil)
	b.must(err)
	b.same("armed again", armed, true)
	bytes, err := b.Bytes(b.ctx, m)
	b.must(err)
	b.same("the same bytes", string(bytes), string(rendered().Bytes))
	b.must(b.Record(b.ctx, m, store.Result{State: dossier.StateSent, Server: "250 ok"}))
	b.must(b.Record(b.ctx, m, store.Result{State: dossier.StateSent, Server: "250 ok"}))
	d := b.dossier(id)
	b.same("taken", []any{len(d.Taken), d.Taken[0].Step, d.Taken[0].How, d.Messages[0].State}, []any{1, "first", "sent", dossier.StateSent})
}

func takeover(b *bundle) {
	id, m, old := b.queued()
	_, _, err := b.Arm(b.ctx, m, old, rendered(), store.ReadinessOf{}, yes, nil)
	b.must(err)
	b.clock.Add(21 * time.Second)
	now := b.claim("b")
	if now.Number <= old.Number {
		b.Fatalf("fence %d after %d", now.Number, old.Number)
	}
	ids, err := b.Takeover(b.ctx, mailbox, now)
	b.must(err)
	b.same("unknown", ids, []dossier.MessageID{m})
	_, err = b.Takeover(b.ctx, mailbox, old)
	b.is(err, store.ErrFence)
	_, _, err = b.Arm(b.ctx, m, old, rendered(), store.ReadinessOf{}, yes, nil)
	b.is(err, store.ErrFence)
	armedAt := b.dossier(id).Messages[0].ArmedAt
	b.tx(func(tx *store.Tx) error { return tx.Resolve(m, dossier.StateQueued, "marie") })
	got, err := b.Message(b.ctx, m)
	b.must(err)
	b.same("not before 15 minutes", got.NotBefore, armedAt.Add(15*time.Minute))
	b.must(b.Record(b.ctx, m, store.Result{State: dossier.StateSent, Server: "250 late"}))
	b.same("a 250 wins", b.dossier(id).Messages[0].State, dossier.StateSent)
}

func raceHold(b *bundle) {
	id, m, f := b.queued()
	b.tx(func(tx *store.Tx) error { _, err := tx.AddHold(id, dossier.Hold{Reason: dossier.Replied}); return err })
	armed, v, err := b.Arm(b.ctx, m, f, rendered(), store.ReadinessOf{}, func(_ *store.Tx, _ dossier.Message, d dossier.Dossier, _ store.Readiness) (store.Verdict, error) {
		return store.Verdict{OK: len(d.Holds) == 0, Why: "replied", Restart: true}, nil
	}, nil)
	b.must(err)
	b.same("not armed", []any{armed, v.Why}, []any{false, "replied"})
	got, err := b.Message(b.ctx, m)
	b.must(err)
	b.same("cancelled", got.State, dossier.StateCancelled)
}
