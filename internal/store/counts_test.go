package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/internal/store/storetest"
)

// onBoth runs a test on either engine, each with a database of its own.
func onBoth(t *testing.T, o store.Options, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), o))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, storetest.Postgres(t, "fsync=off")(t), o))
	})
}

// connected makes a connection that pages are applied to.
func connected(tb testing.TB, s *store.Store, company receivable.CompanyID) store.ConnectionKey {
	tb.Helper()
	key := store.ConnectionKey{Company: company, Name: "compta"}
	err := s.InTx(tb.Context(), func(tx *store.Tx) error {
		_, err := tx.EnsureConnection(key, "csv")
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// recount counts the books the long way.
func recount(tx *store.Tx, key store.ConnectionKey) (store.Stats, error) {
	var s store.Stats
	invoices := 0
	err := tx.Rows(func(scan func(...any) error) error { return scan(&s.Payments, &invoices) },
		`SELECT (SELECT count(*) FROM payment p WHERE p.connection = c.id AND p.gone_at = 0),
  (SELECT count(*) FROM document d WHERE d.connection = c.id AND d.gone_at = 0 AND d.kind = 'invoice') FROM connection c WHERE c.company = $1`, key.Company)
	if err != nil {
		return s, err
	}
	err = tx.Rows(func(scan func(...any) error) error {
		var a money.Amount
		n := 0
		err := scan(&a.Currency, &n, &a.Minor)
		s.Open += n
		s.OpenSums = append(s.OpenSums, a)
		return err
	}, `SELECT d.currency, count(*), CAST(sum(d.outstanding) AS BIGINT) FROM document d JOIN connection c ON c.id = d.connection
WHERE c.company = $1 AND d.outstanding <> 0 AND d.gone_at = 0 AND d.kind = 'invoice' GROUP BY d.currency ORDER BY d.currency`, key.Company)
	s.Paid = invoices - s.Open
	return s, err
}

// randomPage writes, changes, removes and lists a few things over and over.
func randomPage(t *rapid.T) store.Page {
	id := func(label string) string { return fmt.Sprint(rapid.IntRange(1, 5).Draw(t, label)) }
	some := func(label string) int { return rapid.IntRange(0, 3).Draw(t, label) }
	p := store.Page{Derive: rapid.Bool().Draw(t, "derive"), PayOn: calendar.MustParse("2026-11-01"), Apart: rapid.Bool().Draw(t, "apart")}
	for range some("documents") {
		currency := rapid.SampledFrom([]string{"EUR", "CHF"}).Draw(t, "currency")
		total := money.New(1000, currency)
		open := money.New(rapid.SampledFrom([]int64{0, 0, 300, 1000, -50}).Draw(t, "open"), currency)
		p.Documents = append(p.Documents, receivable.Document{
			External: id("document"), Account: id("account"), Total: total, Outstanding: open,
			Kind: rapid.SampledFrom([]receivable.DocumentKind{receivable.Invoice, receivable.CreditNote, receivable.Invoice}).Draw(t, "kind"),
			Dues: []receivable.Due{{Rank: 1, Total: total, Outstanding: open}},
		})
	}
	for range some("payments") {
		p.Payments = append(p.Payments, receivable.Payment{External: "p" + id("payment"), Account: id("payer"), Amount: money.New(int64(rapid.IntRange(1, 3).Draw(t, "paid")), "EUR")})
	}
	for range some("gone") {
		kind := rapid.SampledFrom([]receivable.ItemKind{receivable.ItemDocument, receivable.ItemPayment}).Draw(t, "gone kind")
		external := id("gone")
		if kind == receivable.ItemPayment {
			external = "p" + external
		}
		p.Gone = append(p.Gone, store.Ref{Kind: kind, External: external})
	}
	if rapid.Bool().Draw(t, "listing") {
		p.Whole = true
		p.Listing = &store.Listing{
			Kind:   rapid.SampledFrom([]receivable.ItemKind{receivable.ItemDocument, receivable.ItemPayment}).Draw(t, "listed"),
			Part:   rapid.SampledFrom([]string{"all", "open"}).Draw(t, "part"),
			Absent: rapid.SampledFrom([]store.Absence{store.AbsentGone, store.AbsentSettled, store.AbsentReread}).Draw(t, "absent"),
		}
	}
	return p
}

func TestMeasure_equalsAFullRecountWhateverPagesCame(t *testing.T) {
	clock := storetest.NewClock()
	onBoth(t, store.Options{Now: clock.Now}, func(t *testing.T, s *store.Store) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			key := connected(t, s, receivable.CompanyID(fmt.Sprint("c", n)))
			for range rapid.IntRange(1, 6).Draw(rt, "pages") {
				clock.Add(time.Second)
				page := randomPage(rt)
				page.AsOf = clock.Now()
				if _, err := s.ApplyPage(t.Context(), key, page); err != nil {
					rt.Fatal(err)
				}
				var got, want store.Stats
				err := s.View(t.Context(), func(tx *store.Tx) (err error) {
					if want, err = recount(tx, key); err == nil {
						got, err = tx.Measure(key)
					}
					return err
				})
				if err != nil {
					rt.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					rt.Fatalf("counted over (-) and kept (+):\n%s", diff)
				}
			}
		})
	})
}

// problems of all documents, by external id.
func problems(tx *store.Tx, key store.ConnectionKey) (map[string]string, error) {
	found := map[string]string{}
	err := tx.Rows(func(scan func(...any) error) error {
		var external, problem string
		err := scan(&external, &problem)
		found[external] = problem
		return err
	}, "SELECT d.external, d.problem FROM document d JOIN connection c ON c.id = d.connection WHERE c.company = $1 AND d.gone_at = 0", key.Company)
	return found, err
}

// What a pass wrote is all that needs a look: after each, looking at everything
// again finds the same.
func TestCheckBooks_equalsACheckOfEverything(t *testing.T) {
	clock := storetest.NewClock()
	onBoth(t, store.Options{Now: clock.Now}, func(t *testing.T, s *store.Store) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			key := connected(t, s, receivable.CompanyID(fmt.Sprint("c", n)))
			for range rapid.IntRange(1, 4).Draw(rt, "passes") {
				clock.Add(time.Second)
				page := randomPage(rt)
				page.Listing, page.Whole = nil, false
				for range rapid.IntRange(0, 3).Draw(rt, "links") {
					group := fmt.Sprint("g", rapid.IntRange(1, 2).Draw(rt, "group"))
					a := receivable.Allocation{Group: group, Item: fmt.Sprint(rapid.IntRange(1, 5).Draw(rt, "item")), Kind: receivable.ItemDocument}
					a.Amount = money.New(rapid.SampledFrom([]int64{300, 700, 1000}).Draw(rt, "settled"), "EUR")
					if rapid.Bool().Draw(rt, "by a payment") {
						a.Item, a.Kind, a.Amount = "p"+a.Item, receivable.ItemPayment, a.Amount.Neg()
					}
					page.Allocations = append(page.Allocations, a)
				}
				var got, want map[string]string
				var errs error
				err := s.InTx(t.Context(), func(tx *store.Tx) error {
					_, err1 := tx.ApplyPage(key, page)
					_, err2 := tx.CheckBooks(key, "some")
					var err3 error
					got, err3 = problems(tx, key)
					err4 := tx.EndPass(key, store.PassEnd{})
					return errors.Join(err1, err2, err3, err4)
				})
				if err != nil {
					rt.Fatal(err)
				}
				undo := errors.New("undo")
				err = s.InTx(t.Context(), func(tx *store.Tx) error {
					err1 := tx.WrittenAnew()
					_, err2 := tx.CheckBooks(key, "some")
					var err3 error
					want, err3 = problems(tx, key)
					errs = errors.Join(err1, err2, err3)
					return undo
				})
				if !errors.Is(err, undo) || errs != nil {
					rt.Fatal(err, errs)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					rt.Fatalf("all checked (-) and what was written (+):\n%s", diff)
				}
			}
		})
	})
}

// ledger fills a connection with n invoices of ten to a customer, each paid in
// whole or in part.
func ledger(tb testing.TB, s *store.Store, key store.ConnectionKey, n int) {
	tb.Helper()
	for from := 0; from < n; from += 5000 {
		var page store.Page
		for i := from; i < min(n, from+5000); i++ {
			invoice, payment, links := partlyPaid(i, int64(i%2*400))
			page.Documents, page.Payments = append(page.Documents, invoice), append(page.Payments, payment)
			page.Allocations = append(page.Allocations, links...)
		}
		if _, err := s.ApplyPage(tb.Context(), key, page); err != nil {
			tb.Fatal(err)
		}
	}
}

func partlyPaid(i int, open int64) (receivable.Document, receivable.Payment, []receivable.Allocation) {
	id, account, on := fmt.Sprintf("%08d", i), fmt.Sprint("a", i/10), calendar.MustParse("2026-10-01")
	total, left := money.New(1000, "EUR"), money.New(open, "EUR")
	paid := total.Sub(left)
	return receivable.Document{
			External: id, Number: "F-" + id, Account: account, Kind: receivable.Invoice, IssuedOn: on, Total: total, Outstanding: left,
			Dues: []receivable.Due{{Rank: 1, On: on, Total: total, Outstanding: left}},
		}, receivable.Payment{External: "p" + id, Account: account, On: on, Amount: paid, Unallocated: money.New(0, "EUR")},
		[]receivable.Allocation{
			{Group: id, Item: id, Kind: receivable.ItemDocument, Amount: paid},
			{Group: id, Item: "p" + id, Kind: receivable.ItemPayment, Amount: paid.Neg()},
		}
}

// rowsRead is how many rows of the books this connection to PostgreSQL has read.
// What earlier transactions read may be in it: compare two within one.
func rowsRead(tx *store.Tx) (n int64, err error) {
	err = tx.Rows(func(scan func(...any) error) error { return scan(&n) }, `SELECT CAST(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) AS BIGINT)
FROM pg_stat_xact_user_tables WHERE relname IN ('account', 'customer', 'document', 'due', 'payment', 'allocation', 'agenda', 'history')`)
	return n, err
}

// PostgreSQL counts what it reads: a pass that finds nothing reads none of the
// books, one that finds a changed invoice reads a few rows around it.
func TestPass_readsWhatChangedNotWhatIsStored(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.Postgres(t, "fsync=off")(t), store.Options{})
	key := connected(t, s, "dupont")
	ledger(t, s, key, 5000)
	pass := func(page store.Page) (read int64) {
		err := s.InTx(t.Context(), func(tx *store.Tx) error {
			before, err0 := rowsRead(tx)
			err1 := tx.BeginPass(key, false)
			_, err2 := tx.ApplyPage(key, page)
			_, err3 := tx.CheckBooks(key, "all")
			_, err4 := tx.Measure(key)
			err5 := tx.EndPass(key, store.PassEnd{AsOf: tx.Now()})
			after, err6 := rowsRead(tx)
			read = after - before
			return errors.Join(err0, err1, err2, err3, err4, err5, err6)
		})
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	if first := pass(store.Page{}); first < 5000 {
		t.Fatalf("the first pass checks what was loaded: %d rows read", first)
	}
	if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.Exec("ANALYZE") }); err != nil {
		t.Fatal(err)
	}
	if idle := pass(store.Page{}); idle > 10 {
		t.Errorf("an idle pass read %d rows of the books", idle)
	}
	invoice, payment, links := partlyPaid(3333, 0)
	page := store.Page{Documents: []receivable.Document{invoice}, Payments: []receivable.Payment{payment}, Allocations: links}
	if small := pass(page); small > 100 {
		t.Errorf("a pass with one changed invoice read %d rows", small)
	}
}

func TestCheckBooks_findsWhatWasWrittenByIndex(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), store.Options{})
	for _, query := range store.CheckQueries {
		var plan []string
		err := s.View(t.Context(), func(tx *store.Tx) error {
			return tx.Rows(func(scan func(...any) error) error {
				var id, parent, unused int
				var detail string
				err := scan(&id, &parent, &unused, &detail)
				plan = append(plan, detail)
				return err
			}, "EXPLAIN QUERY PLAN "+query, 1, 1, 1, 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range plan {
			if strings.HasPrefix(line, "SCAN") {
				t.Errorf("%s\nreads a whole table: %s", query, line)
			}
		}
	}
}
