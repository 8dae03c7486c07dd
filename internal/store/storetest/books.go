package storetest

import (
	"errors"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

func replay(b *bundle) {
	page := store.Page{
		Accounts:    []receivable.Account{account("C1"), account("C2")},
		Documents:   []receivable.Document{invoice("F-2", "C2", 500, 200), invoice("F-1", "C1", 100, 100)},
		Payments:    []receivable.Payment{{External: "p1", Account: "a-C2", On: calendar.MustParse("2026-10-05"), Amount: eur(300), Unallocated: eur(0)}},
		Allocations: []receivable.Allocation{{Group: "g", Item: "x-F-2", Kind: receivable.ItemDocument, Amount: eur(300)}, {Group: "g", Item: "p1", Kind: receivable.ItemPayment, Amount: eur(-300)}},
		Next:        []byte(`{"page":2}`),
	}
	first := b.apply(page)
	b.same("new", first.New, 7)
	again := b.apply(page)
	b.same("replay", []int{again.New, again.Changed, again.Gone, again.Unchanged, len(again.Customers)}, []int{0, 0, 0, 7, 0})
	c, err := b.Connection(b.ctx, books)
	b.must(err)
	b.same("cursor", string(c.Cursor), `{"page":2}`)
	d := b.dossier(first.Customers[1])
	b.same("payments of the line", d.Lines[0].Payments, []dossier.Settled{{On: calendar.MustParse("2026-10-05"), Amount: eur(300)}})
}

func history(b *bundle) {
	id := b.open()
	before := b.clock.Now()
	b.clock.Add(time.Hour)
	got := b.apply(store.Page{Documents: []receivable.Document{invoice("F-1", "C1", 10000, 4000)}})
	b.same("changed", got.Changed, 1)
	b.same("now", b.dossier(id).Lines[0].Outstanding, eur(4000))
	then, err := b.DossierAt(b.ctx, id, before)
	b.must(err)
	b.same("then", then.Lines[0].Outstanding, eur(10000))
	earlier, err := b.DossierAt(b.ctx, id, before.Add(-time.Hour))
	b.must(err)
	b.same("before it was seen", len(earlier.Lines), 0)
}

func unknownAccount(b *bundle) {
	b.apply(store.Page{Documents: []receivable.Document{invoice("F-1", "C9", 100, 100)}})
	id, err := b.FindCustomer(b.ctx, company, "a-C9")
	b.must(err)
	b.same("no address", len(b.dossier(id).Customer.Emails), 0)
	b.apply(store.Page{Accounts: []receivable.Account{account("C9")}})
	d := b.dossier(id)
	b.same("filled in", []string{d.Customer.Code, d.Customer.Name, d.Customer.Emails[0]}, []string{"C9", "Client C9", "C9@client.example"})
}

func hostile(b *bundle) {
	a := account("C1")
	a.Name = "Evil\r\nBcc: x\x00\u202e\xff<b>"
	a.Emails = []string{"a b@client.example", "ok@client.example"}
	b.apply(store.Page{Accounts: []receivable.Account{a}, Documents: []receivable.Document{invoice("F\x00-1", "C1", 100, 100)}})
	id, err := b.FindCustomer(b.ctx, company, "C1")
	b.must(err)
	d := b.dossier(id)
	b.same("addresses", [][]string{d.Customer.Emails, d.Customer.BadEmails}, [][]string{{"ok@client.example"}, {"a b@client.example"}})
	b.same("again", b.apply(store.Page{Accounts: []receivable.Account{a}, Documents: []receivable.Document{invoice("F\x00-1", "C1", 100, 100)}}).Unchanged, 2)
}

func goneAndBack(b *bundle) {
	id := b.open()
	got := b.apply(store.Page{Gone: []store.Ref{{Kind: receivable.ItemDocument, External: "x-F-1"}}})
	b.same("gone", got.Gone, 1)
	b.same("no open line", len(b.dossier(id).Lines), 0)
	b.apply(store.Page{Documents: []receivable.Document{invoice("F-1", "C1", 10000, 10000)}})
	b.same("back", len(b.dossier(id).Lines), 1)
}

func derived(b *bundle) {
	id := b.open()
	b.apply(store.Page{Documents: []receivable.Document{invoice("F-1", "C1", 10000, 4000)}, Derive: true, PayOn: calendar.MustParse("2026-10-20")})
	b.same("derived", b.dossier(id).Lines[0].Payments, []dossier.Settled{{On: calendar.MustParse("2026-10-20"), Amount: eur(6000)}})
}

func linked(b *bundle) {
	b.open()
	pay := receivable.Payment{External: "p1", Account: "a-C1", On: calendar.MustParse("2026-10-05"), Amount: eur(300), Unallocated: eur(300)}
	link := []receivable.Allocation{{Group: "g", Item: "x-F-1", Kind: receivable.ItemDocument, Amount: eur(300)}, {Group: "g", Item: "p1", Kind: receivable.ItemPayment, Amount: eur(-300)}}
	b.same("first load", len(b.apply(store.Page{Payments: []receivable.Payment{pay}, Allocations: link}).Linked), 0)
	b.tx(func(tx *store.Tx) error { return tx.EndPass(books, store.PassEnd{AsOf: b.clock.Now()}) })
	got := b.apply(store.Page{Gone: []store.Ref{{Kind: receivable.ItemPayment, External: "p1"}}})
	b.same("after a payment has gone", got.Linked, []string{"x-F-1"})
	b.same("counted", got.PaymentsGone, 1)
	got = b.apply(store.Page{Gone: []store.Ref{{Kind: receivable.ItemAllocation, External: "g\x00x-F-1"}}})
	b.same("after a link has gone", []any{got.Gone, got.Linked}, []any{1, []string{"x-F-1"}})
	b.apply(store.Page{Payments: []receivable.Payment{pay}, Allocations: link})
	got = b.apply(store.Page{Groups: []string{"g"}, Allocations: link[1:]})
	b.same("after its group was told without it", []any{got.Gone, got.Linked}, []any{1, []string{"x-F-1"}})
	got = b.apply(store.Page{Groups: []string{"g"}, Allocations: link[1:]})
	b.same("told again", []any{got.Gone, got.Unchanged, len(got.Linked)}, []any{0, 1, 0})
	got = b.apply(store.Page{Groups: []string{"g"}})
	b.same("told empty", got.Gone, 1)
}

func listings(b *bundle) {
	docs := []receivable.Document{invoice("F-1", "C1", 100, 100), invoice("F-2", "C1", 200, 200), invoice("F-3", "C1", 300, 0)}
	b.apply(store.Page{Accounts: []receivable.Account{account("C1")}, Documents: docs})
	open := &store.Listing{Kind: receivable.ItemDocument, Part: "open", Absent: store.AbsentReread}
	b.apply(store.Page{Listing: open, Seen: []store.Ref{{Kind: receivable.ItemDocument, External: "x-F-1"}}})
	b.same("reread", b.apply(store.Page{Listing: open, Whole: true}).Reread, []string{"x-F-2"})
	settled := &store.Listing{Kind: receivable.ItemDocument, Part: "open", Absent: store.AbsentSettled}
	got := b.apply(store.Page{Listing: settled, Documents: docs[:1], Whole: true})
	b.same("settled", []int{got.Changed, got.Closed, got.Unchanged}, []int{1, 1, 1})
	b.same("named again, it is open again", b.apply(store.Page{Documents: docs[1:2]}).Reopened, 1)
	gone := &store.Listing{Kind: receivable.ItemDocument, Part: "all", Absent: store.AbsentGone}
	b.same("gone", b.apply(store.Page{Listing: gone, Documents: docs[:2], Whole: true}).Gone, 1)
}

// An invoice paid by the payment of the same id, as sources count that number each
// table from 1: both sides are kept.
func likeNamedLinks(b *bundle) {
	paid, payment := invoice("F-1", "C1", 100, 0), receivable.Payment{External: "x-F-1", Account: "a-C1", Amount: eur(100)}
	links := []receivable.Allocation{
		{Group: "g", Item: "x-F-1", Kind: receivable.ItemDocument, Amount: eur(100)}, {Group: "g", Item: "x-F-1", Kind: receivable.ItemPayment, Amount: eur(-100)},
	}
	page := store.Page{Accounts: []receivable.Account{account("C1")}, Documents: []receivable.Document{paid}, Payments: []receivable.Payment{payment}, Allocations: links}
	b.same("new", b.apply(page).New, 5)
	page.Groups = []string{"g"}
	got := b.apply(page)
	b.same("the same again", []int{got.New, got.Changed, got.Gone}, []int{0, 0, 0})
}

func listedLinks(b *bundle) {
	first := b.apply(store.Page{Accounts: []receivable.Account{account("C1")}, Documents: []receivable.Document{invoice("F-1", "C1", 100, 100), invoice("F-2", "C1", 200, 200)}, Derive: true})
	b.tx(func(tx *store.Tx) error { return tx.EndPass(books, store.PassEnd{AsOf: b.clock.Now()}) })
	b.apply(store.Page{Documents: []receivable.Document{invoice("F-2", "C1", 200, 150)}, Derive: true, PayOn: calendar.MustParse("2026-10-20")})
	link := func(group, item string) receivable.Allocation {
		return receivable.Allocation{Group: group, Item: item, Kind: receivable.ItemDocument, Amount: eur(100)}
	}
	all := &store.Listing{Kind: receivable.ItemAllocation, Part: "all", Absent: store.AbsentGone}
	b.apply(store.Page{Listing: all, Allocations: []receivable.Allocation{link("g", "x-F-1"), link("g", "x-F-2")}})
	got := b.apply(store.Page{Listing: all, Whole: true, Allocations: []receivable.Allocation{link("h", "x-F-1"), link("h", "x-F-2")}})
	b.same("named on two pages", got.Gone, 0)
	got = b.apply(store.Page{Listing: all, Allocations: []receivable.Allocation{link("g", "x-F-2"), link("h", "x-F-1")}, Whole: true})
	b.same("not named any more", []any{got.Gone, got.Linked}, []any{2, []string{"x-F-1", "x-F-2"}})
	b.same("a derived payment is of no listing", len(b.dossier(first.Customers[0]).Lines[1].Payments), 1)
}

func snapshots(b *bundle) {
	at := b.clock.Now()
	part := func(year string) *store.Listing {
		return &store.Listing{Kind: receivable.ItemDocument, Part: year, Absent: store.AbsentSettled}
	}
	b.apply(store.Page{Accounts: []receivable.Account{account("C1")}, Listing: part("2025"), Documents: []receivable.Document{invoice("F-1", "C1", 100, 100)}, Whole: true, AsOf: at})
	b.apply(store.Page{Listing: part("2026"), Documents: []receivable.Document{invoice("F-2", "C1", 200, 200), invoice("F-3", "C1", 300, 300)}, Whole: true, AsOf: at})
	b.apply(store.Page{Listing: part("2026"), Documents: []receivable.Document{invoice("F-2", "C1", 200, 200)}, Whole: true, AsOf: at.Add(time.Hour)})
	open, err := b.OpenInvoices(b.ctx, books, "", 10)
	b.must(err)
	b.same("only its own part", open, []string{"x-F-1", "x-F-2"})
	_, err = b.ApplyPage(b.ctx, books, store.Page{Listing: part("2026"), Whole: true, AsOf: at})
	b.is(err, store.ErrOlder)
}

func codes(b *bundle) {
	one, two := account("C1"), account("C1")
	two.External = "a-other"
	b.apply(store.Page{Accounts: []receivable.Account{one}})
	b.apply(store.Page{Accounts: []receivable.Account{two}})
	_, err := b.FindCustomer(b.ctx, company, "C1")
	b.is(err, store.ErrNotFound)
	id, err := b.FindCustomer(b.ctx, company, "compta/a-C1")
	b.must(err)
	b.same("code", b.dossier(id).Customer.Code, "a-C1")
	var ambiguous *store.AmbiguousError
	if _, err = b.FindCustomer(b.ctx, company, "client c1"); !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 2 {
		b.Fatalf("a name of two gives %v", err)
	}
}

func checkBooks(b *bundle) {
	b.tx(func(tx *store.Tx) error { return tx.BeginPass(books, false) })
	b.apply(store.Page{
		Accounts:  []receivable.Account{account("C1")},
		Documents: []receivable.Document{invoice("F-1", "C1", 1000, 400), invoice("F-2", "C1", 1000, 500)},
		Payments:  []receivable.Payment{{External: "p1", Account: "a-C1", Amount: eur(600), Unallocated: eur(0)}, {External: "p2", Account: "a-C1", Amount: eur(600), Unallocated: eur(0)}},
		Allocations: []receivable.Allocation{
			{Group: "g1", Item: "x-F-1", Kind: receivable.ItemDocument, Amount: eur(600)},
			{Group: "g1", Item: "p1", Kind: receivable.ItemPayment, Amount: eur(-600)},
			{Group: "g2", Item: "x-F-2", Kind: receivable.ItemDocument, Amount: eur(600)},
			{Group: "g2", Item: "p2", Kind: receivable.ItemPayment, Amount: eur(-600)},
		},
	})
	bad := func(extent string) int {
		n := 0
		b.tx(func(tx *store.Tx) error {
			var err error
			n, err = tx.CheckBooks(books, extent)
			return err
		})
		return n
	}
	b.same("none", bad("none"), 0)
	b.same("some", bad("some"), 1)
	b.same("all", bad("all"), 1)
	b.apply(store.Page{Documents: []receivable.Document{invoice("F-2", "C1", 1000, 400)}})
	b.same("mended", bad("all"), 0)
}

func overlays(b *bundle) {
	b.apply(store.Page{Accounts: []receivable.Account{account("C1"), account("C2")}, Documents: []receivable.Document{invoice("F-1", "C1", 100, 100), invoice("F-2", "C2", 200, 200)}})
	lay := func(file ...store.Overlay) (r store.OverlayResult) {
		b.clock.Add(time.Second)
		b.tx(func(tx *store.Tx) (err error) { r, err = tx.ApplyOverlays(company, file); return err })
		return r
	}
	one, err := b.FindCustomer(b.ctx, company, "C1")
	b.must(err)
	two, err := b.FindCustomer(b.ctx, company, "C2")
	b.must(err)
	r := lay(store.Overlay{Code: "C1", Name: "Le Payeur", Emails: []string{"pay@client.example"}}, store.Overlay{Code: "C2", Payer: "C1"}, store.Overlay{Code: "later"})
	b.same("unknown", r.Unknown, []string{"later"})
	d := b.dossier(two)
	b.same("joined", []any{d.Customer.ID, d.Customer.Name, d.Customer.Emails, len(d.Lines)}, []any{one, "Le Payeur", []string{"pay@client.example"}, 2})
	b.same("again", lay(store.Overlay{Code: "C1", Name: "Le Payeur", Emails: []string{"pay@client.example"}}, store.Overlay{Code: "C2", Payer: "C1"}, store.Overlay{Code: "later"}).Changed, 0)
	later := account("later")
	later.Name = "Source"
	b.apply(store.Page{Accounts: []receivable.Account{later}})
	lay()
	b.same("split", []int{len(b.dossier(one).Lines), len(b.dossier(two).Lines)}, []int{1, 1})
	b.same("source again", b.dossier(one).Customer.Name, "Client C1")
}
