// Package storetest is the suite that the store passes on either engine.
package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
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
		"ApplyPage_linksOfOneIDAreTwo":                likeNamedLinks,
		"Listing_linksNotNamedAreGone":                listedLinks,
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
		"Grants_onlyTheNewestIsRenewed":               grants,
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
