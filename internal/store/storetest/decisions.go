package storetest

import (
	"time"

	"relanced/internal/email"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/store"
)

func (b *bundle) version(id dossier.CustomerID) int64 {
	b.Helper()
	var row store.AgendaRow
	b.must(b.View(b.ctx, func(tx *store.Tx) (err error) { row, err = tx.Agenda(id); return err }))
	return row.Version
}

func touches(b *bundle) {
	id := b.open()
	line := b.dossier(id).Lines[0]
	var hold, promise, dispute, task int64
	steps := []struct {
		name string
		do   func(tx *store.Tx) error
	}{
		{"hold", func(tx *store.Tx) (err error) {
			hold, err = tx.AddHold(id, dossier.Hold{Reason: dossier.Manual, By: "x"})
			return err
		}},
		{"end hold", func(tx *store.Tx) error { return tx.EndHold(hold, "x") }},
		{"promise", func(tx *store.Tx) (err error) { promise, err = tx.AddPromise(id, dossier.Promise{By: "x"}); return err }},
		{"end promise", func(tx *store.Tx) error { return tx.EndPromise(promise, "x") }},
		{"dispute", func(tx *store.Tx) (err error) {
			dispute, err = tx.AddDispute(id, dossier.Dispute{Document: line.Document})
			return err
		}},
		{"end dispute", func(tx *store.Tx) error { return tx.EndDispute(dispute, "x") }},
		{"task", func(tx *store.Tx) (err error) {
			task, err = tx.AddTask(company, id, dossier.Task{Kind: "call", Lines: []dossier.DueID{line.ID}}, "k")
			return err
		}},
		{"done task", func(tx *store.Tx) error { return tx.DoneTask(task, "x", "done") }},
		{"taken", func(tx *store.Tx) error {
			return tx.TakeSteps(dossier.Taken{Due: line.ID, Plan: "p", Step: "s", How: "done"})
		}},
		{"bounced", func(tx *store.Tx) error {
			return tx.AddBounced(id, dossier.Bounced{Address: "c1@client.example", Status: "5.1.1"})
		}},
		{"reply", func(tx *store.Tx) error {
			_, _, err := tx.RecordMessage(store.Incoming{Company: company, Identity: "i", Class: dossier.ClassHuman, Holds: true, Matches: []store.Match{{Customer: id}}})
			return err
		}},
		{"propose", func(tx *store.Tx) error { _, err := tx.Propose(reminder(id, line), 0); return err }},
		{"approve", func(tx *store.Tx) error { return tx.Approve(1, "basis", "basis", "marie", "") }},
		{"undelivered", func(tx *store.Tx) error {
			n, err := tx.AddUndelivered(dossier.Undelivered{Message: 1, Address: "C1@client.example", Why: email.MailboxFull}, time.Time{})
			b.same("not delivered so far", n, 1)
			return err
		}},
		{"cancel", func(tx *store.Tx) error { return tx.Cancel(1, "x") }},
	}
	for _, s := range steps {
		before := b.version(id)
		b.tx(s.do)
		if got := b.version(id); got != before+1 {
			b.Errorf("%s: version went from %d to %d", s.name, before, got)
		}
	}
	d := b.dossier(id)
	b.same("all there", []int{len(d.Holds), len(d.Promises), len(d.Disputes), len(d.Tasks), len(d.Taken), len(d.Bounced), len(d.Replies), len(d.Messages)}, []int{1, 1, 1, 1, 1, 1, 1, 1})
	b.same("undelivered", []string{d.Undelivered[0].Address, string(d.Undelivered[0].Why)}, []string{"c1@client.example", "mailbox_full"})
	b.same("task's lines", d.Tasks[0].Lines, []dossier.DueID{line.ID})
}

func reminder(id dossier.CustomerID, line dossier.Line) store.Outgoing {
	return store.Outgoing{
		Message: dossier.Message{
			Kind: dossier.KindReminder, State: dossier.StateDraft, Plan: "standard", Step: "first", Basis: "basis", To: []string{"c1@client.example"},
			Lines: []dossier.MessageLine{{Due: line.ID, Document: line.Document, Invoice: line.Invoice, Role: dossier.RoleDemanded, Outstanding: line.Outstanding}},
		},
		Company: company, Customer: id, Mailbox: mailbox.Name, Ref: "ref-1", Reference: "R-AAAA-AAAA", Amounts: []money.Amount{line.Outstanding},
	}
}

func decided(b *bundle) {
	id := b.open()
	due, err := b.DueAgenda(b.ctx, company, b.clock.Now(), 10)
	b.must(err)
	b.same("due", len(due), 1)
	row := due[0]
	row.NextAt, row.Rules = b.clock.Now().Add(24*time.Hour), "r1"
	b.tx(func(tx *store.Tx) error { _, err := tx.AddHold(id, dossier.Hold{Reason: dossier.Manual}); return err })
	got, err := b.Decided(b.ctx, []store.AgendaRow{row})
	b.must(err)
	b.same("something happened", len(got), 0)
	row.Version = b.version(id)
	got, err = b.Decided(b.ctx, []store.AgendaRow{row})
	b.must(err)
	b.same("stored", got, []dossier.CustomerID{id})
	due, err = b.DueAgenda(b.ctx, company, b.clock.Now(), 10)
	b.must(err)
	b.same("not due", len(due), 0)
	next, err := b.NextAgenda(b.ctx, company)
	b.must(err)
	b.same("next", next, row.NextAt)
	row.Version, row.NextAt = b.version(id), time.Time{}
	_, err = b.Decided(b.ctx, []store.AgendaRow{row})
	b.must(err)
	next, err = b.NextAgenda(b.ctx, company)
	b.must(err)
	b.same("never", next.IsZero(), true)
}

func gates(b *bundle) {
	id := b.open()
	set := func(gated bool, rules string) {
		_, err := b.Decided(b.ctx, []store.AgendaRow{{Customer: id, Version: b.version(id), NextAt: b.clock.Now().Add(time.Hour), Gated: gated, Rules: rules}})
		b.must(err)
	}
	due := func() int {
		rows, err := b.DueAgenda(b.ctx, company, b.clock.Now(), 10)
		b.must(err)
		return len(rows)
	}
	for name, opened := range map[string]func(tx *store.Tx) error{
		"accepted pass": func(tx *store.Tx) error { return tx.EndPass(books, store.PassEnd{AsOf: b.clock.Now()}) },
		"confirm":       func(tx *store.Tx) error { return tx.Confirm(books, "marie") },
		"uptodate":      func(tx *store.Tx) error { return tx.UpToDate(books, calendar.MustParse("2026-11-01"), "marie") },
		"mailbox read":  func(tx *store.Tx) error { return tx.ReadMailbox(mailbox, b.clock.Now()) },
		"remind":        func(tx *store.Tx) error { return tx.Remind(company) },
	} {
		set(true, "r1")
		b.same(name+": withheld", due(), 0)
		b.tx(opened)
		b.same(name+": due", due(), 1)
	}
	set(false, "r1")
	n, err := b.RulesChanged(b.ctx, company, "r1")
	b.must(err)
	b.same("same rules", []int{n, due()}, []int{0, 0})
	n, err = b.RulesChanged(b.ctx, company, "r2")
	b.must(err)
	b.same("other rules", []int{n, due()}, []int{1, 1})
}

func oneLive(b *bundle) {
	id := b.open()
	line := b.dossier(id).Lines[0]
	var first dossier.MessageID
	b.tx(func(tx *store.Tx) (err error) { first, err = tx.Propose(reminder(id, line), 0); return err })
	second := reminder(id, line)
	second.Ref = "ref-2"
	b.is(b.InTx(b.ctx, func(tx *store.Tx) error { _, err := tx.Propose(second, 0); return err }), store.ErrLive)
	b.tx(func(tx *store.Tx) error { _, err := tx.Propose(second, first); return err })
	got, err := b.Message(b.ctx, first)
	b.must(err)
	b.same("replaced", got.State, dossier.StateCancelled)
	notice := store.Outgoing{Message: dossier.Message{Kind: dossier.KindNotice, State: dossier.StateQueued, To: []string{"marie@dupont.example"}}, Company: company, Mailbox: mailbox.Name, Key: "list/2026-11-02"}
	var ids []dossier.MessageID
	for range 2 {
		b.tx(func(tx *store.Tx) error { id, err := tx.Propose(notice, 0); ids = append(ids, id); return err })
	}
	b.same("a notice's key", ids[0], ids[1])
}

func approval(b *bundle) {
	id := b.open()
	var m dossier.MessageID
	b.tx(func(tx *store.Tx) (err error) { m, err = tx.Propose(reminder(id, b0(b, id)), 0); return err })
	b.is(b.InTx(b.ctx, func(tx *store.Tx) error { return tx.Approve(m, "other", "other", "marie", "") }), store.ErrConflict)
	b.tx(func(tx *store.Tx) error { return tx.Approve(m, "basis", "basis", "marie", "Bonjour") })
	b.is(b.InTx(b.ctx, func(tx *store.Tx) error { return tx.Approve(m, "basis", "basis", "marie", "") }), store.ErrConflict)
	got, err := b.Message(b.ctx, m)
	b.must(err)
	b.same("approved", []any{got.State, got.Approved, got.ApprovedBy, got.Added}, []any{dossier.StateQueued, true, "marie", "Bonjour"})
}

func b0(b *bundle, id dossier.CustomerID) dossier.Line {
	b.Helper()
	// Read with the dossier of the store, outside of any transaction of the test.
	lines := b.linesOf(id)
	return lines[0]
}

func (b *bundle) linesOf(id dossier.CustomerID) []dossier.Line {
	b.Helper()
	return b.dossier(id).Lines
}
