package storetest

import (
	"time"

	"relanced/internal/receivable"

	"relanced/internal/dossier"
	"relanced/internal/store"
)

func inboxOnce(b *bundle) {
	id := b.open()
	in := store.Incoming{Company: company, Identity: "abc", Place: store.Place{Mailbox: "courrier", Folder: "INBOX", UIDValidity: 4294967295, UID: 7}, Class: dossier.ClassHuman, Quote: "payé", Holds: true, Matches: []store.Match{{Customer: id, Evidence: []string{"Message-ID"}}}}
	record := func() (first bool) {
		b.tx(func(tx *store.Tx) (err error) {
			if _, first, err = tx.RecordMessage(in); err == nil {
				err = tx.SaveFolder(mailbox, store.Folder{Name: "INBOX", UIDValidity: 4294967295, Next: 8})
			}
			return err
		})
		return first
	}
	b.same("first", record(), true)
	in.Place.Folder = "Archive"
	b.same("again", record(), false)
	b.same("one reply", len(b.dossier(id).Replies), 1)
	folders, err := b.Folders(b.ctx, mailbox)
	b.must(err)
	b.same("mark", folders, []store.Folder{{Name: "INBOX", UIDValidity: 4294967295, Next: 8}})
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	counted := store.Folder{
		Name: "INBOX", UIDValidity: 1, Next: 9, ReadAt: at, RenewedAt: at.Add(time.Minute), Renewals: 1, Vanished: 3, VanishedSince: at.Add(time.Hour), VanishedAt: at.Add(2 * time.Hour),
	}
	b.tx(func(tx *store.Tx) error { return tx.SaveFolder(mailbox, counted) })
	folders, err = b.Folders(b.ctx, mailbox)
	b.must(err)
	b.same("counts", folders, []store.Folder{counted})
	handled, err := b.Handled(b.ctx, company, []string{"abc", "def"})
	b.must(err)
	b.same("handled", handled, map[string]bool{"abc": true})
}

func matching(b *bundle) {
	id, m, f := b.queued()
	_, _, err := b.Arm(b.ctx, m, f, rendered(), store.ReadinessOf{}, yes, nil)
	b.must(err)
	b.must(b.Record(b.ctx, m, store.Result{State: dossier.StateSent}))
	byMID, err := b.SentByMID(b.ctx, company, []string{"<r1.ABC@dupont.example>", "other"})
	b.must(err)
	b.same("by id", []any{len(byMID), byMID["<r1.ABC@dupont.example>"].Message}, []any{1, m})
	byRef, err := b.SentByRef(b.ctx, company, []string{"ref-1"})
	b.must(err)
	b.same("by ref", byRef["ref-1"].Customer, id)
	byReference, err := b.SentByReference(b.ctx, company, []string{"R-AAAA-AAAA"})
	b.must(err)
	b.same("by reference", len(byReference["R-AAAA-AAAA"]), 1)
	threads, err := b.ByThread(b.ctx, company, []string{"00ff"})
	b.must(err)
	b.same("by thread", threads["00ff"][0].Message, m)
	contacts, err := b.ByAddress(b.ctx, company, []string{"C1+x@CLIENT.example"})
	b.must(err)
	b.same("by address", contacts["C1+x@CLIENT.example"], []store.Contact{{Customer: id, Address: "c1@client.example", Open: true}})
	domains, err := b.ByDomain(b.ctx, company, []string{"client.example"})
	b.must(err)
	b.same("by domain", len(domains["client.example"]), 1)
	numbers, err := b.ByNumber(b.ctx, company, []string{"f 1"})
	b.must(err)
	b.same("by number", []any{numbers["f 1"][0].Customer, numbers["f 1"][0].Open}, []any{id, true})
	texts, err := b.RecentTexts(b.ctx, id, 5)
	b.must(err)
	b.same("texts", texts[0].Text, "hello")
	to, err := b.SentTo(b.ctx, company, "c1@client.example", b.clock.Now().Add(-time.Hour))
	b.must(err)
	b.same("sent to", len(to), 1)
}

func awaits(b *bundle) {
	awaited := func(what string, want time.Time) {
		b.Helper()
		got, err := b.AwaitsSince(b.ctx, company)
		b.must(err)
		b.same(what, got, want)
	}
	_, m, f := b.queued()
	awaited("before it leaves", time.Time{})
	_, _, err := b.Arm(b.ctx, m, f, rendered(), store.ReadinessOf{}, yes, nil)
	b.must(err)
	left := b.clock.Now().UTC()
	b.must(b.Record(b.ctx, m, store.Result{State: dossier.StateUnknown}))
	awaited("unknown", left)
	b.clock.Add(time.Hour)
	b.tx(func(tx *store.Tx) error { return tx.Record(m, store.Result{State: dossier.StateSent}) })
	awaited("known to be sent later", left)
	b.apply(store.Page{Documents: []receivable.Document{invoice("F-1", "C1", 10000, 0)}, Next: []byte(`{"n":2}`)})
	awaited("paid", time.Time{})
}
