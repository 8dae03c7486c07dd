package storetest

import (
	"fmt"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// asItWas is what of messages and lines changes without a new row.
func asItWas(d dossier.Dossier) (told []string) {
	for _, m := range d.Messages {
		told = append(told, fmt.Sprint(m.ID, m.State, m.Basis, m.Approved, m.ApprovedBy, m.Added, m.ArmedAt, m.SentAt, m.EndedAt))
	}
	for _, l := range d.Lines {
		told = append(told, fmt.Sprint(l.Invoice, " ", l.Outstanding, " ", l.Problem))
	}
	return told
}

// pastStates looks at the customer after each thing that happens, and later asks
// how it was at each of those moments.
func pastStates(b *bundle) {
	id := b.open()
	line := b0(b, id)
	var first, second dossier.MessageID
	broken := invoice("F-1", "C1", 10000, 9000)
	broken.Dues[0].Outstanding = eur(8000)
	check := func(tx *store.Tx) error {
		_, err := tx.CheckBooks(books, "none")
		return err
	}
	steps := []func(){
		func() {
			b.tx(func(tx *store.Tx) (err error) { first, err = tx.Propose(reminder(id, line), 0); return err })
		},
		func() { b.tx(func(tx *store.Tx) error { return tx.Cancel(first, "proposed anew") }) },
		func() {
			b.tx(func(tx *store.Tx) (err error) {
				again := reminder(id, line)
				again.Ref = "ref-2"
				second, err = tx.Propose(again, 0)
				return err
			})
		},
		func() {
			b.tx(func(tx *store.Tx) error { return tx.Approve(second, "basis", "bound", "marie anne", "Bonjour") })
		},
		func() {
			_, _, err := b.Arm(b.ctx, second, b.claim("a"), rendered(), store.ReadinessOf{}, yes, nil)
			b.must(err)
		},
		func() {
			b.must(b.Record(b.ctx, second, store.Result{State: dossier.StateQueued, Attempt: 1}))
		},
		func() {
			_, _, err := b.Arm(b.ctx, second, b.claim("a"), rendered(), store.ReadinessOf{}, yes, nil)
			b.must(err)
		},
		func() {
			_, err := b.Takeover(b.ctx, mailbox, b.claim("b"))
			b.must(err)
		},
		func() {
			b.tx(func(tx *store.Tx) error { return tx.Resolve(second, dossier.StateQueued, "marie") })
		},
		func() { b.must(b.Record(b.ctx, second, store.Result{State: dossier.StateSent})) },
		func() {
			b.apply(store.Page{Documents: []receivable.Document{broken}})
			b.tx(check)
		},
		func() {
			b.apply(store.Page{Bad: []store.Rejected{{Ref: store.Ref{Kind: receivable.ItemDocument, External: broken.External}, Text: "no amount"}}})
		},
		func() {
			b.apply(store.Page{Documents: []receivable.Document{invoice("F-1", "C1", 10000, 7000)}})
			b.tx(check)
		},
	}
	type look struct {
		at   time.Time
		told []string
	}
	looks := []look{{b.clock.Now(), asItWas(b.dossier(id))}}
	for _, step := range steps {
		b.clock.Add(30 * time.Second)
		step()
		looks = append(looks, look{b.clock.Now(), asItWas(b.dossier(id))})
		b.clock.Add(30 * time.Second)
	}
	for i, l := range looks {
		for _, at := range []time.Time{l.at, l.at.Add(20 * time.Second)} {
			then, err := b.DossierAt(b.ctx, id, at)
			b.must(err)
			b.same(fmt.Sprintf("after step %d, as asked for %s", i, at.Format(time.TimeOnly)), asItWas(then), l.told)
		}
	}
}
