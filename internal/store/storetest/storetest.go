// Package storetest is the suite that the store passes on either engine.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

const company = receivable.CompanyID("dupont")

var (
	books   = store.ConnectionKey{Company: company, Name: "compta"}
	mailbox = store.MailboxKey{Company: company, Name: "courrier"}
)

// Clock is a clock that tests move.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts on a working day of 2026.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)} }

// Now is what a store is opened with.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bundle is one test's store.
type bundle struct {
	*store.Store
	testing.TB
	ctx   context.Context
	clock *Clock
}

// Run runs the suite; open makes an empty store, closed when its test ends.
func Run(t *testing.T, open func(tb testing.TB, o store.Options) *store.Store) {
	t.Helper()
	for name, test := range map[string]func(*bundle){
		"ApplyPage_replayChangesNothing":              replay,
		"ApplyPage_changeLeavesHistory":               history,
		"ApplyPage_unknownAccountIsFilledInLater":     unknownAccount,
		"ApplyPage_hostileTextIsKept":                 hostile,
		"ApplyPage_goneAndBack":                       goneAndBack,
		"ApplyPage_derivesPayments":                   derived,
		"ApplyPage_linkedInvoicesAreToBeReread":       linked,
		"Listing_absentIsGoneSettledOrReread":         listings,
		"Listing_snapshotCoversWhatItNamedBefore":     snapshots,
		"Code_repeatedGivesTheSourcesID":              codes,
		"CheckBooks_contradictionIsAProblem":          checkBooks,
		"Overlays_winAndJoinAndSplit":                 overlays,
		"Agenda_everyFactTouches":                     touches,
		"Agenda_decidedOnlyWhereNothingHappened":      decided,
		"Agenda_rulesAndGatesMakeDue":                 gates,
		"Outbox_oneLiveReminder":                      oneLive,
		"Outbox_approvalBindsToBasis":                 approval,
		"Outbox_armSendRecord":                        sending,
		"Outbox_takeoverMakesUnknown":                 takeover,
		"Outbox_holdBetweenApprovalAndArmingIsSeen":   raceHold,
		"Inbox_identityIsHandledOnce":                 inboxOnce,
		"Matching_findsByEachKey":                     matching,
		"Matching_awaitsWhatIsStillOwed":              awaits,
		"Timeline_chainHoldsAndShowsTampering":        timeline,
		"Timeline_eraseLeavesChainWhole":              erase,
		"Find_byNameCodeAddressNumber":                find,
		"DossierAt_statesAndProblemsAsTheyWere":       pastStates,
		"Lists_amountsAgree":                          lists,
		"Leases_oneHolderFenceGrows":                  leases,
		"Facts_areEndedOnce":                          ended,
		"Company_workListAndBatches":                  workLists,
		"Concurrent_touchesAndPagesNeverLoseAnUpdate": concurrent,
		"View_cannotWrite":                            readOnly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := NewClock()
			b := &bundle{open(t, store.Options{Now: clock.Now}), t, t.Context(), clock}
			b.tx(func(tx *store.Tx) error {
				_, err := tx.EnsureConnection(books, "csv")
				if err == nil {
					_, err = tx.EnsureMailbox(mailbox, "compta@dupont.example")
				}
				return err
			})
			test(b)
		})
	}
}

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) tx(do func(*store.Tx) error) {
	b.Helper()
	b.must(b.InTx(b.ctx, do))
}

func (b *bundle) apply(p store.Page) store.Applied {
	b.Helper()
	b.clock.Add(time.Second)
	if p.AsOf.IsZero() {
		p.AsOf = b.clock.Now()
	}
	got, err := b.ApplyPage(b.ctx, books, p)
	b.must(err)
	return got
}

func (b *bundle) same(what string, got, want any) {
	b.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		b.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func (b *bundle) is(err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Fatalf("error %v, want %v", err, want)
	}
}

func eur(minor int64) money.Amount { return money.New(minor, "EUR") }

func account(code string) receivable.Account {
	return receivable.Account{External: "a-" + code, Code: code, Name: "Client " + code, Emails: []string{code + "@client.example"}}
}

func invoice(number, code string, total, open int64) receivable.Document {
	return receivable.Document{
		External: "x-" + number, Account: "a-" + code, Number: number, Kind: receivable.Invoice, IssuedOn: calendar.MustParse("2026-09-01"),
		Total: eur(total), Outstanding: eur(open),
		Dues: []receivable.Due{{Rank: 1, On: calendar.MustParse("2026-10-01"), Total: eur(total), Outstanding: eur(open)}},
	}
}

// open applies one account and one open invoice, and returns the customer.
func (b *bundle) open() dossier.CustomerID {
	b.Helper()
	b.apply(store.Page{Accounts: []receivable.Account{account("C1")}, Documents: []receivable.Document{invoice("F-1", "C1", 10000, 10000)}, Next: []byte(`{"n":1}`)})
	id, err := b.FindCustomer(b.ctx, company, "C1")
	b.must(err)
	return id
}

func (b *bundle) dossier(id dossier.CustomerID) dossier.Dossier {
	b.Helper()
	d, err := b.Dossier(b.ctx, id)
	b.must(err)
	return d
}

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

func yes(*store.Tx, store.Outgoing, dossier.Dossier) (store.Verdict, error) {
	return store.Verdict{OK: true}, nil
}

func rendered() store.Rendered {
	return store.Rendered{Bytes: []byte("Subject: x\r\n\r\nhello"), MID: "<R1.abc@dupont.example>", Subject: "x", Text: "hello", Thread: "00ff", To: []string{"c1@client.example"}}
}

func sending(b *bundle) {
	id, m, f := b.queued()
	next, err := b.NextToSend(b.ctx, mailbox, 10)
	b.must(err)
	b.same("to send", len(next), 1)
	armed, _, err := b.Arm(b.ctx, m, f, rendered(), yes)
	b.must(err)
	b.same("armed", armed, true)
	_, _, err = b.Arm(b.ctx, m, f, rendered(), yes)
	b.is(err, store.ErrConflict)
	b.must(b.Record(b.ctx, m, store.Result{State: dossier.StateQueued, NotBefore: b.clock.Now().Add(time.Minute), Problem: "451", Attempt: 1}))
	b.is(b.Record(b.ctx, m, store.Result{State: dossier.StateRefused, Attempt: 7}), store.ErrConflict)
	other := rendered()
	other.Bytes = []byte("never rendered again")
	armed, _, err = b.Arm(b.ctx, m, f, other, yes)
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
	_, _, err := b.Arm(b.ctx, m, old, rendered(), yes)
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
	_, _, err = b.Arm(b.ctx, m, old, rendered(), yes)
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
	armed, v, err := b.Arm(b.ctx, m, f, rendered(), func(_ *store.Tx, _ store.Outgoing, d dossier.Dossier) (store.Verdict, error) {
		return store.Verdict{OK: len(d.Holds) == 0, Why: "replied", Restart: true}, nil
	})
	b.must(err)
	b.same("not armed", []any{armed, v.Why}, []any{false, "replied"})
	got, err := b.Message(b.ctx, m)
	b.must(err)
	b.same("cancelled", got.State, dossier.StateCancelled)
}

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
	handled, err := b.Handled(b.ctx, company, []string{"abc", "def"})
	b.must(err)
	b.same("handled", handled, map[string]bool{"abc": true})
}

func matching(b *bundle) {
	id, m, f := b.queued()
	_, _, err := b.Arm(b.ctx, m, f, rendered(), yes)
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
	_, _, err := b.Arm(b.ctx, m, f, rendered(), yes)
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

func timeline(b *bundle) {
	id := b.open()
	for i := range 3 {
		b.tx(func(tx *store.Tx) error {
			return tx.AddEvent(store.Event{Company: company, Customer: id, Kind: "sent", Text: fmt.Sprint(i)})
		})
		n, err := b.Seal(b.ctx)
		b.must(err)
		b.same("sealed", n, 1)
	}
	chain, err := b.Chain(b.ctx, company, id)
	b.must(err)
	b.same("whole", []any{store.VerifyChain(chain).Broken, store.VerifyChain(chain).Events}, []any{int64(0), 3})
	for name, tamper := range map[string]func(c []store.SealedEvent) []store.SealedEvent{
		"text":     func(c []store.SealedEvent) []store.SealedEvent { c[1].Text = "other"; return c },
		"time":     func(c []store.SealedEvent) []store.SealedEvent { c[1].At = c[1].At.Add(time.Second); return c },
		"kind":     func(c []store.SealedEvent) []store.SealedEvent { c[1].Kind = "other"; return c },
		"left out": func(c []store.SealedEvent) []store.SealedEvent { return slices.Delete(c, 1, 2) },
		"order":    func(c []store.SealedEvent) []store.SealedEvent { c[0], c[1] = c[1], c[0]; return c },
	} {
		if store.VerifyChain(tamper(slices.Clone(chain))).Broken == 0 {
			b.Errorf("%s changed and the chain still holds", name)
		}
	}
}

func erase(b *bundle) {
	id := b.open()
	b.tx(func(tx *store.Tx) error {
		return tx.AddEvent(store.Event{Company: company, Customer: id, Kind: "replied", Text: "private"})
	})
	b.must(b.Erase(b.ctx, id, "marie"))
	chain, err := b.Chain(b.ctx, company, id)
	b.must(err)
	seal := store.VerifyChain(chain)
	b.same("still whole", []any{seal.Broken, seal.Erased, chain[0].Text, chain[0].Salt}, []any{int64(0), 1, "", ""})
}

func find(b *bundle) {
	id := b.open()
	for _, name := range []string{"C1", "c1", "a-C1", "compta/C1", "client C1", "C1@client.example"} {
		got, err := b.FindCustomer(b.ctx, company, name)
		if err != nil || got != id {
			b.Errorf("%q gives %d, %v", name, got, err)
		}
	}
	b.tx(func(tx *store.Tx) error {
		_, err := tx.ApplyOverlays(company, []store.Overlay{{Code: "C1", Name: "Dû & 100%"}})
		return err
	})
	got, err := b.FindCustomer(b.ctx, "", "Dû & 100%")
	b.must(err)
	b.same("by the file's name", got, id)
	for _, name := range []string{"F-1", "f1", "x-F-1", "compta/F-1"} {
		if _, owner, err := b.FindInvoice(b.ctx, company, name); err != nil || owner != id {
			b.Errorf("%q gives %d, %v", name, owner, err)
		}
	}
	_, _, err = b.FindInvoice(b.ctx, company, "nothing")
	b.is(err, store.ErrNotFound)
}

func lists(b *bundle) {
	note := receivable.Document{External: "n1", Account: "a-C1", Number: "A-1", Kind: receivable.CreditNote, Total: eur(70), Outstanding: eur(50)}
	late := invoice("F-2", "C1", 300, 300)
	late.Dues[0].On = calendar.MustParse("2026-12-31")
	b.apply(store.Page{
		Accounts: []receivable.Account{account("C1"), account("C2")}, Documents: []receivable.Document{invoice("F-1", "C1", 100, 40), late, note},
		Payments: []receivable.Payment{{External: "p1", Account: "a-C1", Amount: eur(30), Unallocated: eur(30)}},
	})
	today := calendar.MustParse("2026-11-02")
	var invoices []string
	for r, err := range b.Invoices(b.ctx, store.InvoiceFilter{Company: company}) {
		b.must(err)
		invoices = append(invoices, fmt.Sprintf("%s %s %s %s", r.Number, r.Kind, r.Outstanding, r.DueOn))
	}
	b.same("invoices", invoices, []string{"A-1 credit_note 0.50 ", "F-1 invoice 0.40 2026-10-01", "F-2 invoice 3.00 2026-12-31"})
	var customers []string
	for r, err := range b.Customers(b.ctx, company, today) {
		b.must(err)
		customers = append(customers, fmt.Sprintf("%s %s %s %s", r.Code, r.Outstanding, r.Overdue, r.Credit))
	}
	b.same("customers", customers, []string{"C1 3.40 0.40 0.80", "C2 0.00 0.00 0.00"})
	rows, err := b.Aged(b.ctx, company, today, time.Time{})
	b.must(err)
	b.same("aged", []string{rows[0].Ages[receivable.BucketNotDue].String(), rows[0].Ages[receivable.Bucket31To60].String(), rows[0].Ages.Total().String(), rows[0].Credit.String()}, []string{"3.00", "0.40", "3.40", "0.80"})
	then, err := b.Aged(b.ctx, company, today, b.clock.Now())
	b.must(err)
	b.same("the same, rebuilt", then, rows)
	for range b.Invoices(b.ctx, store.InvoiceFilter{All: true}) {
		break
	}
}

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

func workLists(b *bundle) {
	b.tx(func(tx *store.Tx) error {
		id, err := tx.AddWorkList(store.WorkList{Company: company, Token: "tok", To: "Marie@dupont.example", ExpiresAt: b.clock.Now().Add(time.Hour), Items: []store.WorkItem{{Number: 1, Message: 4, Basis: "x"}}})
		if err != nil {
			return err
		}
		return errors.Join(tx.ActItem(id, 1, "approved"), tx.UseWorkList(id, "marie"))
	})
	b.is(b.InTx(b.ctx, func(tx *store.Tx) error {
		l, err := tx.WorkListByToken("tok")
		if err == nil && l.Items[0].Acted != "approved" {
			err = fmt.Errorf("items %+v", l.Items)
		}
		if err != nil {
			return err
		}
		return tx.UseWorkList(l.ID, "paul")
	}), store.ErrEnded)
	day := calendar.MustParse("2026-11-02")
	b.tx(func(tx *store.Tx) error {
		for _, n := range []int{3, 4} {
			if _, err := tx.CountBatch(company, day, n); err != nil {
				return err
			}
		}
		n, err := tx.LargestBatch(company, day.AddDays(-60), day.AddDays(1))
		if err == nil && n != 7 {
			err = fmt.Errorf("largest %d", n)
		}
		return err
	})
	for _, want := range []bool{true, false} {
		b.tx(func(tx *store.Tx) error {
			first, err := tx.Once("x")
			if err == nil && first != want {
				err = fmt.Errorf("once: %v", first)
			}
			return err
		})
	}
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
