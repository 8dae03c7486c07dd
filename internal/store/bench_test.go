package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

const benchPage, benchPages = 5000, 4

func benchBooks(page int) (accounts []receivable.Account, documents []receivable.Document) {
	on := calendar.MustParse("2026-10-01")
	for i := range benchPage / 10 {
		code := fmt.Sprintf("C%d-%05d", page, i)
		accounts = append(accounts, receivable.Account{External: code, Code: code, Name: "Client " + code, Emails: []string{code + "@client.example"}})
	}
	for i := range benchPage {
		total := money.New(int64(1000+i), "EUR")
		documents = append(documents, receivable.Document{
			External: fmt.Sprintf("%d-%08d", page, i), Account: accounts[i/10].External, Number: fmt.Sprintf("F-%d-%d", page, i), Kind: receivable.Invoice, IssuedOn: on,
			Total: total, Outstanding: total, Dues: []receivable.Due{{Rank: 1, On: on, Total: total, Outstanding: total}},
		})
	}
	return accounts, documents
}

// BenchmarkApplyPage compares a first load with a bare loop of prepared upserts
// of the same rows: an account, ten documents, ten due lines.
func BenchmarkApplyPage(b *testing.B) {
	var accounts [benchPages][]receivable.Account
	var documents [benchPages][]receivable.Document
	for p := range benchPages {
		accounts[p], documents[p] = benchBooks(p)
	}
	key := store.ConnectionKey{Company: "dupont", Name: "compta"}
	run := func(name string, overlays bool) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s, err := store.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "a.db"), store.Options{})
				if err != nil {
					b.Fatal(err)
				}
				err = s.InTx(b.Context(), func(tx *store.Tx) error {
					if _, err := tx.EnsureConnection(key, "csv"); err != nil || !overlays {
						return err
					}
					var file []store.Overlay
					for p := range benchPages {
						for _, a := range accounts[p] {
							file = append(file, store.Overlay{Code: a.Code, Contact: "x"})
						}
					}
					_, err := tx.ApplyOverlays(key.Company, file)
					return err
				})
				for p := range benchPages {
					if err == nil {
						_, err = s.ApplyPage(b.Context(), key, store.Page{Accounts: accounts[p], Documents: documents[p]})
					}
				}
				if err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
			b.ReportMetric(float64(b.N*benchPages*benchPage)/b.Elapsed().Seconds(), "documents/s")
		})
	}
	run("ours", false)
	run("ours_with_customers_file", true)
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			path := filepath.Join(b.TempDir(), "a.db")
			s, err := store.Open(b.Context(), "sqlite:"+path, store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			for p := range benchPages {
				if err := bare(b.Context(), s.SQL(), p, accounts[p], documents[p]); err != nil {
					b.Fatal(err)
				}
			}
			s.Close()
		}
		b.ReportMetric(float64(b.N*benchPages*benchPage)/b.Elapsed().Seconds(), "documents/s")
	})
}

// bare upserts the rows of a page, one statement each, in one transaction.
func bare(ctx context.Context, db *sql.DB, page int, accounts []receivable.Account, documents []receivable.Document) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	statement := func(query string) *sql.Stmt {
		s, e := tx.PrepareContext(ctx, query)
		if e != nil {
			err = e
		}
		return s
	}
	account := statement(`INSERT INTO account (connection, external, customer, code, name, hash, content, since, first_seen_at, written_at) VALUES (1, ?, ?, ?, ?, 'h', ?, 1, 1, 1)
ON CONFLICT (connection, external) DO UPDATE SET code = excluded.code, name = excluded.name, hash = excluded.hash, content = excluded.content WHERE excluded.hash <> account.hash`)
	document := statement(`INSERT INTO document (id, connection, external, account, customer, kind, number, folded, currency, total, outstanding, hash, content, since, first_seen_at, round)
VALUES (?, 1, ?, 1, ?, 'invoice', ?, ?, 'EUR', ?, ?, 'h', ?, 1, 1, 1) ON CONFLICT (connection, external) DO UPDATE SET outstanding = excluded.outstanding, hash = excluded.hash, content = excluded.content WHERE excluded.hash <> document.hash`)
	due := statement(`INSERT INTO due (document, customer, rank, due_on, total, outstanding, estimated, changed_at) VALUES (?, ?, 1, ?, ?, ?, FALSE, 1)
ON CONFLICT (document, rank) DO UPDATE SET outstanding = excluded.outstanding`)
	if err != nil {
		return err
	}
	for i, a := range accounts {
		if _, err := account.ExecContext(ctx, a.External, page*benchPage+i, a.Code, a.Name, a.Name+a.Emails[0]); err != nil {
			return err
		}
	}
	for i, d := range documents {
		id, customer := page*benchPage+i+1, page*benchPage+i/10
		content := fmt.Sprintf(`{"n":%q,"i":"2026-10-01","t":%d,"o":%d,"c":"EUR","d":[{"r":1,"d":"2026-10-01","t":%d,"o":%d}]}`, d.Number, d.Total.Minor, d.Total.Minor, d.Total.Minor, d.Total.Minor)
		if _, err := document.ExecContext(ctx, id, d.External, customer, d.Number, d.Number, d.Total.Minor, d.Outstanding.Minor, content); err != nil {
			return err
		}
		if _, err := due.ExecContext(ctx, id, customer, "2026-10-01", d.Total.Minor, d.Outstanding.Minor); err != nil {
			return err
		}
	}
	return tx.Commit()
}
