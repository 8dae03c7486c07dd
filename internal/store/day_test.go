package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/store"
	"relanced/internal/store/storetest"
)

// books is how large a ledger tests work on: RELANCED_LINES open due lines, else
// what the caller finds small or large.
func books(tb testing.TB, otherwise int) int {
	tb.Helper()
	text := os.Getenv("RELANCED_LINES")
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

const linesEach = 10

// fillLedger gives a company n open due lines, ten to a customer, by SQL alone:
// how they came is not what is measured. One customer in a hundred is due.
func fillLedger(tb testing.TB, s *store.Store, n int, now time.Time) (key store.ConnectionKey, due int) {
	tb.Helper()
	key = connected(tb, s, "dupont")
	customers := n / linesEach
	const count = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
	for _, q := range []string{
		`INSERT INTO customer (id, company, code, root, since, created_at) ` + count + `SELECT i, 'dupont', 'C' || i, i, 1, 1 FROM n`,
		`INSERT INTO account (id, connection, external, customer, code, name, hash, content, since, first_seen_at, written_at) ` + count +
			`SELECT i, 1, 'a' || i, i, 'C' || i, 'Client ' || i, 'h', '{"External":"a","Name":"Client","Emails":["c@client.example"]}', 1, 1, 1 FROM n`,
		`INSERT INTO agenda (customer, company, version, next_at, rules, gated) ` + count + `SELECT i, 'dupont', 1, CASE WHEN i % 100 = 0 THEN 1 ELSE 9000000000000000 END, '', FALSE FROM n`,
	} {
		ledgerSQL(tb, s, q, customers)
	}
	for _, q := range []string{
		`INSERT INTO document (id, connection, external, account, customer, kind, number, folded, currency, total, outstanding, hash, content, since, first_seen_at, round) ` + count +
			`SELECT i, 1, 'x' || i, (i + 9) / 10, (i + 9) / 10, 'invoice', 'F-' || i, 'f' || i, 'EUR', 1000, 1000, 'h', '{"a":"a","n":"F","i":"2026-09-01","t":1000,"o":1000,"c":"EUR","d":[{"r":1,"d":"2026-10-01","t":1000,"o":1000}]}', 1, 1, 0 FROM n`,
		`INSERT INTO due (document, customer, rank, due_on, total, outstanding, estimated, changed_at) ` + count + `SELECT i, (i + 9) / 10, 1, '2026-10-01', 1000, 1000, FALSE, 1 FROM n`,
	} {
		ledgerSQL(tb, s, q, customers*linesEach)
	}
	return key, customers / 100
}

func ledgerSQL(tb testing.TB, s *store.Store, query string, n int) {
	tb.Helper()
	if err := s.InTx(tb.Context(), func(tx *store.Tx) error { return tx.Exec(query, n) }); err != nil {
		tb.Fatal(err)
	}
}

// day is what deciding reads in a day: the customers whose moment has come, in
// parts; they are looked at again next year.
func day(ctx context.Context, s *store.Store, now time.Time) (customers, lines int, err error) {
	for {
		rows, err := s.DueAgenda(ctx, "dupont", now, 200)
		if err != nil || len(rows) == 0 {
			return customers, lines, err
		}
		var ids []dossier.CustomerID
		for i := range rows {
			ids = append(ids, rows[i].Customer)
			rows[i].NextAt = now.AddDate(1, 0, 0)
		}
		list, err := s.Dossiers(ctx, ids)
		if err != nil {
			return customers, lines, err
		}
		for _, d := range list {
			customers++
			lines += len(d.Lines)
		}
		if _, err := s.Decided(ctx, rows); err != nil {
			return customers, lines, err
		}
	}
}

// resident is how much memory the process holds, SQLite's included, and forgets
// the peak so far; 0 where the system does not tell.
func resident(tb testing.TB) (peak int64) {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				tb.Fatal(err)
			}
			peak = kb << 10
		}
	}
	runtime.GC()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // where it is not allowed, the peak is that of the whole run
	return peak
}

func TestDay_readsOnlyCustomersWhoseMomentHasCome(t *testing.T) {
	clock := storetest.NewClock()
	onBoth(t, store.Options{Now: clock.Now}, func(t *testing.T, s *store.Store) {
		_, due := fillLedger(t, s, books(t, 20_000), clock.Now())
		customers, lines, err := day(t.Context(), s, clock.Now())
		if err != nil || customers != due || lines != due*linesEach {
			t.Errorf("read %d customers with %d lines, %v; want %d with %d", customers, lines, err, due, due*linesEach)
		}
		if again, _, err := day(t.Context(), s, clock.Now()); err != nil || again != 0 {
			t.Errorf("again: %d customers, %v", again, err)
		}
	})
}

// PostgreSQL counts what it reads.
func TestDay_costsWhatIsDueNotWhatIsStored(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	s := open(t, storetest.Postgres(t, "fsync=off")(t), store.Options{Now: clock.Now})
	fillLedger(t, s, books(t, 50_000), clock.Now())
	const due = 5 // of many, for where much is due PostgreSQL rightly reads a small table whole
	if err := s.InTx(t.Context(), func(tx *store.Tx) error { return tx.Exec("ANALYZE") }); err != nil {
		t.Fatal(err)
	}
	var read, rows int64
	err := s.View(t.Context(), func(tx *store.Tx) error {
		before, err := rowsRead(tx)
		if err != nil {
			return err
		}
		var ids []dossier.CustomerID
		err = tx.Rows(func(scan func(...any) error) error {
			var id dossier.CustomerID
			var version, next int64
			var rules string
			var gated bool
			err := scan(&id, &version, &next, &rules, &gated)
			ids = append(ids, id)
			return err
		}, store.DueQuery, "dupont", clock.Now(), due)
		if err != nil {
			return err
		}
		dossiers, err := tx.Gather(ids)
		if err != nil {
			return err
		}
		for _, d := range dossiers {
			rows += int64(len(d.Lines))
		}
		read, err = rowsRead(tx)
		read -= before
		return err
	})
	if err != nil || rows != due*linesEach {
		t.Fatalf("%d lines, %v", rows, err)
	}
	if read > 8*rows {
		t.Errorf("%d rows read for %d due lines", read, rows)
	}
}

// BenchmarkDay reads a day's work out of RELANCED_LINES open due lines, one in a
// hundred due, and lists all invoices. Its memory is that of the whole process.
func BenchmarkDay(b *testing.B) {
	clock := storetest.NewClock()
	s := open(b, "sqlite:"+filepath.Join(b.TempDir(), "a.db"), store.Options{Now: clock.Now})
	n := books(b, 1_000_000)
	_, due := fillLedger(b, s, n, clock.Now())
	b.Run(fmt.Sprintf("decide_%d_of_%d", due*linesEach, n), func(b *testing.B) {
		resident(b)
		lines := 0
		for b.Loop() {
			_, got, err := day(b.Context(), s, clock.Now())
			if err != nil || got == 0 {
				b.Fatal(got, err)
			}
			lines += got
			clock.Add(2 * 366 * 24 * time.Hour)
		}
		b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
		b.ReportMetric(float64(resident(b))/1e6, "MB_resident")
	})
	b.Run(fmt.Sprintf("list_%d", n), func(b *testing.B) {
		resident(b)
		for b.Loop() {
			got := 0
			for _, err := range s.Invoices(b.Context(), store.InvoiceFilter{}) {
				if err != nil {
					b.Fatal(err)
				}
				got++
			}
			if got != n {
				b.Fatalf("%d invoices of %d", got, n)
			}
		}
		b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "invoices/s")
		b.ReportMetric(float64(resident(b))/1e6, "MB_resident")
	})
}
