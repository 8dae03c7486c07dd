package sql_test

import (
	"context"
	stdsql "database/sql"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/manifest"
	"relanced/connectors/sql"
	"relanced/connectors/sql/sqltest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

var benchInvoices = flag.Int("sql-invoices", 100_000, "invoices that BenchmarkLoad reads")

// BenchmarkLoad reads a whole ledger from SQLite, and beside it, in the same run,
// the same rows by a bare loop: each table by one statement, scanned into
// variables and made into the same nouns. "ratio" is how fast the first is in
// terms of the second.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "trade.db")
	db, err := stdsql.Open("sqlite3", path+"?_journal_mode=WAL&_synchronous=OFF")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	clock := time.Now().AddDate(-1, 0, 0) // entries are not all of one moment
	now := func() time.Time { clock = clock.Add(time.Second); return clock }
	books, err := sqltest.Create(context.Background(), db, sqltest.SQLite, now)
	if err != nil {
		b.Fatal(err)
	}
	books.Fill(*benchInvoices)
	name := filepath.Join(dir, "trade.yaml")
	if err := os.WriteFile(name, []byte(sqltest.SQLite.Manifest(1000)), 0o600); err != nil {
		b.Fatal(err)
	}
	c, err := sql.New(&sql.Spec{Manifest: manifest.Name(name), DSN: conf.SecretOf("sqlite:" + path)}, connectors.Env{Timeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	var bare, ours, heap float64
	for n := 1; b.Loop(); n++ {
		began := time.Now()
		want := bareLoop(b, db)
		bare += time.Since(began).Seconds()

		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began = time.Now()
		rows := 0
		for page, err := range c.Pull(context.Background(), nil) {
			if err != nil {
				b.Fatal(err)
			}
			rows += len(page.Accounts) + len(page.Documents) + len(page.Payments) + len(page.Allocations)
			if rows%50_000 < 1000 {
				runtime.ReadMemStats(&after)
				heap = max(heap, float64(after.HeapInuse)/(1<<20))
			}
		}
		ours += time.Since(began).Seconds()
		if rows < want {
			b.Fatalf("%d rows, the bare loop has %d", rows, want)
		}
		b.ReportMetric(float64(n*rows)/ours, "rows/s")
		b.ReportMetric(float64(n*rows)/bare, "bare-rows/s")
		b.ReportMetric(heap, "heap-MB")
		b.ReportMetric(bare/ours, "ratio")
	}
}

// bareLoop reads the same rows and keeps none.
func bareLoop(b *testing.B, db *stdsql.DB) int {
	b.Helper()
	n := 0
	each := func(query string, row func(rows *stdsql.Rows) error) {
		rows, err := db.Query(query)
		if err != nil {
			b.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(rows); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if err := rows.Err(); err != nil {
			b.Fatal(err)
		}
	}
	amount := func(milli int64) money.Amount { return money.New(milli/10, "EUR") }
	var id, customer, item, total, left int64
	var code, name, email, number, state, issued, due, currency, label string
	var credit bool
	each("SELECT id, code, name, email FROM customer ORDER BY id", func(rows *stdsql.Rows) error {
		err := rows.Scan(&id, &code, &name, &email)
		_ = receivable.Account{External: strconv.FormatInt(id, 10), Code: code, Name: name, Emails: []string{email}}
		return err
	})
	each("SELECT id, number, customer_id, credit, state, issued_on, due_on, currency, total, remaining FROM invoice ORDER BY id", func(rows *stdsql.Rows) error {
		if err := rows.Scan(&id, &number, &customer, &credit, &state, &issued, &due, &currency, &total, &left); err != nil {
			return err
		}
		on, err := calendar.ParseDate(issued[:10])
		if err != nil {
			return err
		}
		dueOn, err := calendar.ParseDate(due[:10])
		_ = receivable.Document{
			External: strconv.FormatInt(id, 10), Account: strconv.FormatInt(customer, 10), Number: number, Kind: receivable.Invoice, IssuedOn: on,
			Total: amount(total), Outstanding: amount(left), Dues: []receivable.Due{{Rank: 1, On: dueOn, Total: amount(total), Outstanding: amount(left)}},
		}
		return err
	})
	each("SELECT id, customer_id, paid_on, currency, amount, remaining, label FROM payment ORDER BY id", func(rows *stdsql.Rows) error {
		if err := rows.Scan(&id, &customer, &due, &currency, &total, &left, &label); err != nil {
			return err
		}
		on, err := calendar.ParseDate(due[:10])
		_ = receivable.Payment{External: strconv.FormatInt(id, 10), Account: strconv.FormatInt(customer, 10), On: on, Amount: amount(total), Unallocated: amount(left), Label: label}
		return err
	})
	each("SELECT id, invoice_id, payment_id, currency, amount FROM allocation ORDER BY id", func(rows *stdsql.Rows) error {
		err := rows.Scan(&id, &item, &customer, &currency, &total)
		group := strconv.FormatInt(id, 10)
		_ = []receivable.Allocation{
			{Group: group, Item: strconv.FormatInt(item, 10), Kind: receivable.ItemDocument, Amount: amount(total)},
			{Group: group, Item: strconv.FormatInt(customer, 10), Kind: receivable.ItemPayment, Amount: amount(-total)},
		}
		n++
		return err
	})
	return n
}
