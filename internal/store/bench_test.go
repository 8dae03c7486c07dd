package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/internal/store/storetest"
)

const benchPage, benchPages = 1000, 20

type benchBooks struct {
	accounts  []receivable.Account
	documents []receivable.Document
}

// loads are pages of invoices, ten to a customer.
func loads() (pages [benchPages]benchBooks) {
	on := calendar.MustParse("2026-10-01")
	for p := range pages {
		b := &pages[p]
		for i := range benchPage / 10 {
			code := fmt.Sprintf("C%03d-%05d", p, i)
			b.accounts = append(b.accounts, receivable.Account{External: code, Code: code, Name: "Client " + code, Emails: []string{code + "@client.example"}})
		}
		for i := range benchPage {
			total := money.New(int64(1000+i), "EUR")
			b.documents = append(b.documents, receivable.Document{
				External: fmt.Sprintf("%03d-%08d", p, i), Account: b.accounts[i/10].External, Number: fmt.Sprintf("F-%d-%d", p, i), Kind: receivable.Invoice, IssuedOn: on,
				Total: total, Outstanding: total, Dues: []receivable.Due{{Rank: 1, On: on, Total: total, Outstanding: total}},
			})
		}
	}
	return pages
}

// BenchmarkApplyPage compares a first load, and reading the same again, with a
// bare loop of upserts of what any honest loop must write: customers, accounts,
// documents, due lines, agenda rows and the cursor, 1000 invoices a transaction;
// prepared statements on SQLite, arrays on PostgreSQL. The two take turns page
// by page, each in a database of its own, so that both meet the same machine.
func BenchmarkApplyPage(b *testing.B) {
	pages := loads()
	b.Run("sqlite", func(b *testing.B) {
		compare(b, pages, bareLite, func() string { return "sqlite:" + filepath.Join(b.TempDir(), "a.db") })
	})
	b.Run("postgres", func(b *testing.B) {
		server := storetest.Postgres(b, "fsync=on")
		compare(b, pages, barePostgres, func() string { return server(b) })
	})
}

func compare(b *testing.B, pages [benchPages]benchBooks, bare func(context.Context, *store.Store, int, benchBooks) error, dsn func() string) {
	b.Helper()
	for _, again := range []bool{false, true} {
		for _, file := range []bool{false, true} {
			name := map[bool]string{false: "first", true: "unchanged"}[again] + map[bool]string{true: "_with_customers_file"}[file]
			b.Run(name, func(b *testing.B) {
				var theirs, ours time.Duration
				turn := func(plain, full *store.Store, key store.ConnectionKey) (bareTook, took time.Duration) {
					for p, books := range pages {
						start := time.Now()
						err := bare(b.Context(), plain, p, books)
						middle := time.Now()
						if err == nil {
							_, err = full.ApplyPage(b.Context(), key, store.Page{Accounts: books.accounts, Documents: books.documents, Next: []byte(`{"page":1}`)})
						}
						if err != nil {
							b.Fatal(err)
						}
						bareTook, took = bareTook+middle.Sub(start), took+time.Since(middle)
					}
					return bareTook, took
				}
				for b.Loop() {
					plain, full := open(b, dsn(), store.Options{}), open(b, dsn(), store.Options{})
					connected(b, plain, "dupont")
					key := connected(b, full, "dupont")
					if file {
						overlaid(b, full, pages)
					}
					x, y := turn(plain, full, key)
					if again {
						x, y = turn(plain, full, key)
					}
					theirs, ours = theirs+x, ours+y
				}
				n := b.N * benchPages * benchPage
				b.ReportMetric(float64(n)/theirs.Seconds(), "bare_documents/s")
				b.ReportMetric(float64(n)/ours.Seconds(), "documents/s")
				b.ReportMetric(100*theirs.Seconds()/ours.Seconds(), "%_of_bare")
			})
		}
	}
}

// overlaid gives every customer to come a row in the customers' file.
func overlaid(b *testing.B, s *store.Store, pages [benchPages]benchBooks) {
	b.Helper()
	var file []store.Overlay
	for _, books := range pages {
		for _, a := range books.accounts {
			file = append(file, store.Overlay{Code: a.Code, Contact: "x"})
		}
	}
	err := s.InTx(b.Context(), func(tx *store.Tx) error {
		_, err := tx.ApplyOverlays("dupont", file)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// The bare loop's statements, $n by order: a customer, its account, a document,
// its due line, an agenda row.
var bareStatements = [5]string{
	`INSERT INTO customer (id, company, code, root, since, created_at) %s ON CONFLICT (id) DO NOTHING`,
	`INSERT INTO account (id, connection, external, customer, code, name, hash, content, since, first_seen_at, written_at) %s
ON CONFLICT (connection, external) DO UPDATE SET code = excluded.code, name = excluded.name, hash = excluded.hash, content = excluded.content WHERE excluded.hash <> account.hash`,
	`INSERT INTO document (id, connection, external, account, customer, kind, number, folded, currency, total, outstanding, hash, content, since, first_seen_at, round) %s
ON CONFLICT (connection, external) DO UPDATE SET outstanding = excluded.outstanding, hash = excluded.hash, content = excluded.content WHERE excluded.hash <> document.hash`,
	`INSERT INTO due (document, customer, rank, due_on, total, outstanding, estimated, changed_at) %s
ON CONFLICT (document, rank) DO UPDATE SET outstanding = excluded.outstanding WHERE excluded.outstanding <> due.outstanding`,
	`INSERT INTO agenda (customer, company, version, next_at, rules, gated) %s ON CONFLICT (customer) DO NOTHING`,
}

// bareRows are the arguments of those statements for one page.
func bareRows(p int, b benchBooks) (rows [5][][]any) {
	for i, a := range b.accounts {
		id := int64(p*benchPage/10 + i + 1)
		content := fmt.Sprintf(`{"External":%q,"Name":%q,"Emails":[%q]}`, a.External, a.Name, a.Emails[0])
		rows[0] = append(rows[0], []any{id, "dupont", a.Code, id, int64(1), int64(1)})
		rows[1] = append(rows[1], []any{id, int64(1), a.External, id, a.Code, a.Name, "0123456789abcdef", content, int64(1), int64(1), int64(1)})
		rows[4] = append(rows[4], []any{id, "dupont", int64(1), int64(1), "", false})
	}
	for i, d := range b.documents {
		id, customer := int64(p*benchPage+i+1), int64(p*benchPage/10+i/10+1)
		content := fmt.Sprintf(`{"n":%q,"i":"2026-10-01","t":%d,"o":%d,"c":"EUR","d":[{"r":1,"d":"2026-10-01","t":%d,"o":%d}]}`, d.Number, d.Total.Minor, d.Total.Minor, d.Total.Minor, d.Total.Minor)
		rows[2] = append(rows[2], []any{id, int64(1), d.External, customer, customer, "invoice", d.Number, d.Number, "EUR", d.Total.Minor, d.Outstanding.Minor, "0123456789abcdef", content, int64(1), int64(1), int64(1)})
		rows[3] = append(rows[3], []any{id, customer, int64(1), "2026-10-01", d.Total.Minor, d.Outstanding.Minor, false, int64(1)})
	}
	return rows
}

func bareLite(_ context.Context, s *store.Store, p int, books benchBooks) error {
	ctx := context.Background() // one that can end costs a goroutine a statement
	tx, err := s.SQL().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for i, rows := range bareRows(p, books) {
		if err := bareExec(ctx, tx, bareStatements[i], rows); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE connection SET cursor = 'x'"); err != nil {
		return err
	}
	return tx.Commit()
}

func bareExec(ctx context.Context, tx *sql.Tx, query string, rows [][]any) error {
	marks := "VALUES (?"
	for range rows[0][1:] {
		marks += ", ?"
	}
	statement, err := tx.PrepareContext(ctx, fmt.Sprintf(query, marks+")"))
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, row := range rows {
		if _, err := statement.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}

func barePostgres(ctx context.Context, s *store.Store, p int, books benchBooks) error {
	return pgx.BeginFunc(ctx, s.Pool(), func(tx pgx.Tx) error {
		for i, rows := range bareRows(p, books) {
			if err := bareUnnest(ctx, tx, bareStatements[i], rows); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "UPDATE connection SET cursor = 'x'")
		return err
	})
}

// bareUnnest sends the rows of one statement as arrays.
func bareUnnest(ctx context.Context, tx pgx.Tx, query string, rows [][]any) error {
	from := "SELECT * FROM unnest("
	args := make([]any, len(rows[0]))
	for i, v := range rows[0] {
		if i > 0 {
			from += ", "
		}
		switch v.(type) {
		case int64:
			from += fmt.Sprintf("$%d::bigint[]", i+1)
			args[i] = columnOf[int64](rows, i)
		case bool:
			from += fmt.Sprintf("$%d::boolean[]", i+1)
			args[i] = columnOf[bool](rows, i)
		default:
			from += fmt.Sprintf("$%d::text[]", i+1)
			args[i] = columnOf[string](rows, i)
		}
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(query, from+")"), args...)
	return err
}

func columnOf[T any](rows [][]any, i int) []T {
	out := make([]T, len(rows))
	for n, row := range rows {
		out[n] = row[i].(T) //nolint:forcetypeassert // bareRows made them
	}
	return out
}
