package sync

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"relanced/connectors"
	"relanced/connectors/files"
	"relanced/connectors/files/fectest"
	"relanced/connectors/pennylane"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/conf"
	"relanced/internal/store"
)

var benchInvoices = flag.Int("sync-invoices", 100_000, "invoices that BenchmarkPass loads")

// tape answers requests with what a source answered before, so that both sides
// of a comparison read the same pages at the same price. Bodies lie in a file:
// they are not to be counted as ours.
type tape struct {
	next  http.RoundTripper // nil: play only
	file  *os.File
	size  int64
	pages map[string]recorded
	order []string
}

type recorded struct {
	status int
	header http.Header
	at     int64
	length int
}

// newTape records what goes by.
func newTape(b *testing.B) *tape {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "tape"))
	must(b, err)
	b.Cleanup(func() { _ = file.Close() })
	return &tape{next: http.DefaultTransport, file: file, pages: map[string]recorded{}}
}

// asks names a request: its address, and the question of one sent by POST.
func asks(r *http.Request) (string, error) {
	if r.Body == nil {
		return r.URL.RequestURI(), nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r.URL.RequestURI() + "\n" + string(body), err
}

func (p *tape) body(url string) ([]byte, error) {
	body := make([]byte, p.pages[url].length)
	_, err := p.file.ReadAt(body, p.pages[url].at)
	return body, err
}

func (p *tape) record(url string, r *http.Request) error {
	if p.next == nil {
		return fmt.Errorf("%s was not recorded", url)
	}
	resp, err := p.next.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if _, err := p.file.WriteAt(body, p.size); err != nil {
		return err
	}
	p.pages[url] = recorded{resp.StatusCode, resp.Header, p.size, len(body)}
	p.order = append(p.order, url)
	p.size += int64(len(body))
	return nil
}

func (p *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	url, err := asks(r)
	if err != nil {
		return nil, err
	}
	if _, ok := p.pages[url]; !ok {
		if err := p.record(url, r); err != nil {
			return nil, err
		}
	}
	body, err := p.body(url)
	if err != nil {
		return nil, err
	}
	kept := p.pages[url]
	return &http.Response{
		Status: http.StatusText(kept.status), StatusCode: kept.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: kept.header.Clone(),
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}, nil
}

// loaded is a syncer over an empty store that plays the tape.
func loaded(b *testing.B, base, token string, through http.RoundTripper, now func() time.Time) *Syncer {
	b.Helper()
	connector, err := pennylane.New(pennylane.Spec{Token: conf.SecretOf(token), BaseURL: conf.URL(base)}, connectors.Env{
		Connection: compta, Company: connectors.Company{ID: dupont, Country: "FR", Currency: "EUR", Zone: time.UTC}, Now: now,
		Logger: slog.New(slog.DiscardHandler), Timeout: time.Minute, Scratch: b.TempDir(), Transport: through,
	})
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(context.Background(), "sqlite:"+filepath.Join(b.TempDir(), "facts.db"), store.Options{Now: now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	c := Company{ID: dupont, Zone: time.UTC, Sources: []Source{{Name: compta, Type: "pennylane", Connector: connector}}}
	return New(s, []Company{c}, "bench", slog.New(slog.DiscardHandler))
}

// BenchmarkPass loads a ledger from a simulated Pennylane: "ratio" is how fast a
// full pass is in terms of a bare loop that, in the same run, decodes the same
// pages and upserts the same rows into tables like ours, each page one durable
// commit. idle is a pass with nothing new.
func BenchmarkPass(b *testing.B) {
	start, real := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), time.Now()
	now := func() time.Time { return start.Add(time.Since(real)) }
	sim, err := pennylanetest.New(pennylanetest.Options{Now: now, Unlimited: true})
	if err != nil {
		b.Fatal(err)
	}
	fillLarge(sim.Books, *benchInvoices)
	start = start.Add(time.Hour)
	rec := newTape(b)
	base, token := sim.URL(), sim.Token()
	first := loaded(b, base, token, rec, now)
	for range 2 {
		if _, err := first.Pass(context.Background(), dupont, compta, Options{}); err != nil {
			b.Fatal(err)
		}
		start = start.Add(time.Hour)
	}
	must(b, sim.Close())
	sim = nil
	play := &tape{file: rec.file, pages: rec.pages}
	var rows int
	var bare, ours, heap float64 // seconds over all rounds, as machines are shared
	for n := 1; b.Loop(); n++ {
		began := time.Now()
		rows = upsertAll(b, rec.pagesOf(b, decodePennylane))
		bare += time.Since(began).Seconds()

		s := loaded(b, base, token, play, now)
		runtime.GC()
		peak := watchHeap()
		began = time.Now()
		report, err := s.Pass(context.Background(), dupont, compta, Options{})
		ours += time.Since(began).Seconds()
		if err != nil || !report.OK {
			b.Fatal(err, report.Error)
		}
		heap = max(heap, float64(peak())/(1<<20))
		b.ReportMetric(heap, "heap-MB")
		began = time.Now()
		if report, err = s.Pass(context.Background(), dupont, compta, Options{}); err != nil || !report.OK {
			b.Fatal(err, report.Error)
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "idle-ms")
		b.ReportMetric(float64(n**benchInvoices)/ours, "invoices/s")
		b.ReportMetric(float64(n**benchInvoices)/bare, "bare-invoices/s")
		b.ReportMetric(float64(rows), "rows")
		b.ReportMetric(bare/ours, "ratio")
	}
}

// fillLarge adds a ledger: a customer for every 40 invoices, nine in ten
// invoices settled, with as many transactions.
func fillLarge(books *pennylanetest.Books, n int) {
	var customers []int64
	for i := range max(n/40, 1) {
		customers = append(customers, books.AddCustomer(pennylanetest.Customer{
			Name: "Client " + strconv.Itoa(i), Reference: "C" + strconv.Itoa(i), Emails: []string{"c" + strconv.Itoa(i) + "@client.example"},
		}))
	}
	for i := range n {
		in := pennylanetest.Invoice{
			Customer: customers[i%len(customers)], Date: "2026-10-01", Deadline: "2026-12-15", Total: pennylanetest.Cents(10000 + i), MarkedPay: i%10 != 0,
		}
		books.AddInvoice(in)
		if in.MarkedPay {
			books.AddTransaction(pennylanetest.Transaction{Customer: in.Customer, Date: "2026-11-01", Amount: in.Total, Label: "VIR SEPA"})
		}
	}
}

// decoder makes the rows that a bare loop upserts of one answer.
type decoder func(url string, body []byte) ([]bareRow, error)

// bareRow is a row that a bare loop upserts.
type bareRow struct {
	of                                                  bareTable
	id, account                                         any // of a link: the group and the item
	number, name, email, currency, on, due, total, left string
}

type bareTable int

const (
	bareAccount bareTable = iota
	bareDocument
	barePayment
	bareLink
)

var bareSchema = []string{
	"pragma wal_autocheckpoint=10000",
	"create table account (id integer primary key, external text unique, code text, name text, email text, content text)",
	"create index account_code on account (code)",
	"create table document (id integer primary key, external text unique, account text, number text, currency text, issued text, total text, outstanding text, content text)",
	"create index document_account on document (account)",
	"create index document_number on document (number)",
	"create table due (id integer primary key, document text, due_on text, outstanding text, unique (document))",
	"create table payment (id integer primary key, external text unique, account text, paid_on text, amount text, content text)",
	"create index payment_account on payment (account)",
	"create table link (id integer primary key, grp text, item text, amount text, content text, unique (grp, item))",
	"create index link_item on link (item)",
}

// pagesOf plays the answers, decoded once each.
func (p *tape) pagesOf(b *testing.B, decode decoder) func(page func([]bareRow)) {
	return func(page func([]bareRow)) {
		for _, url := range p.order {
			body, err := p.body(url)
			must(b, err)
			rows, err := decode(url, body)
			must(b, err)
			page(rows)
		}
	}
}

// upsertAll upserts the rows of each page in one durable commit, and does
// nothing else.
func upsertAll(b *testing.B, pages func(page func([]bareRow))) int {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	must(b, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, q := range bareSchema {
		_, err := db.Exec(q)
		must(b, err)
	}
	n := 0
	pages(func(rows []bareRow) {
		tx, err := db.Begin()
		must(b, err)
		for _, r := range rows {
			n++
			must(b, r.upsert(tx))
		}
		must(b, tx.Commit())
	})
	return n
}

func (r bareRow) upsert(tx *sql.Tx) error {
	var err error
	switch r.of {
	case bareAccount:
		_, err = tx.Exec("insert into account (external, code, name, email, content) values (?,?,?,?,?) on conflict (external) do update set code = excluded.code, name = excluded.name, email = excluded.email, content = excluded.content",
			r.id, r.number, r.name, r.email, content)
	case bareDocument:
		_, err = tx.Exec("insert into document (external, account, number, currency, issued, total, outstanding, content) values (?,?,?,?,?,?,?,?) on conflict (external) do update set account = excluded.account, number = excluded.number, currency = excluded.currency, issued = excluded.issued, total = excluded.total, outstanding = excluded.outstanding, content = excluded.content",
			r.id, r.account, r.number, r.currency, r.on, r.total, r.left, content)
		if err == nil {
			_, err = tx.Exec("insert into due (document, due_on, outstanding) values (?,?,?) on conflict (document) do update set due_on = excluded.due_on, outstanding = excluded.outstanding", r.id, r.due, r.left)
		}
	case barePayment:
		_, err = tx.Exec("insert into payment (external, account, paid_on, amount, content) values (?,?,?,?,?) on conflict (external) do update set account = excluded.account, paid_on = excluded.paid_on, amount = excluded.amount, content = excluded.content",
			r.id, r.account, r.on, r.total, content)
	case bareLink:
		_, err = tx.Exec("insert into link (grp, item, amount, content) values (?,?,?,?) on conflict (grp, item) do update set amount = excluded.amount, content = excluded.content",
			r.id, r.account, r.total, content[:60])
	}
	return err
}

// content is as long as what we keep of a row.
var content = strings.Repeat("x", 300)

func decodePennylane(url string, body []byte) ([]bareRow, error) {
	var page struct {
		Items []struct {
			ID       int64    `json:"id"`
			Name     string   `json:"name"`
			Code     string   `json:"external_reference"`
			Emails   []string `json:"emails"`
			Number   string   `json:"invoice_number"`
			Currency string   `json:"currency"`
			Date     string   `json:"date"`
			Deadline string   `json:"deadline"`
			Total    string   `json:"currency_amount"`
			Left     string   `json:"remaining_amount_with_tax"`
			Amount   string   `json:"amount"`
			Customer struct {
				ID int64 `json:"id"`
			} `json:"customer"`
		} `json:"items"`
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(url, "/api/external/v2"), "?")
	of, known := map[string]bareTable{"/customers": bareAccount, "/customer_invoices": bareDocument, "/transactions": barePayment}[path]
	if !known {
		return nil, nil
	}
	err := json.Unmarshal(body, &page)
	rows := make([]bareRow, len(page.Items))
	for i, r := range page.Items {
		rows[i] = bareRow{
			of: of, id: r.ID, account: r.Customer.ID, number: r.Code + r.Number, name: r.Name, email: strings.Join(r.Emails, " "),
			currency: r.Currency, on: r.Date, due: r.Deadline, total: r.Total, left: r.Left,
		}
		if of == barePayment {
			rows[i].total = r.Amount
		}
	}
	return rows, err
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// watchHeap samples the heap until the returned function is called, which
// tells the largest seen, in bytes.
func watchHeap() func() uint64 {
	done, result := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				result <- most
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	return func() uint64 { close(done); return <-result }
}

var benchLines = flag.Int("sync-fec-lines", 1_000_000, "lines of the FEC that BenchmarkImport reads")

// BenchmarkImport brings a large FEC into an empty store: "ratio" is how fast
// that is in terms of a bare loop that reads, splits and upserts each line;
// customers-ratio, of one that upserts only the lines of customers' accounts.
// again is the same file once more.
func BenchmarkImport(b *testing.B) {
	path := filepath.Join(b.TempDir(), "732829320FEC20261231.txt")
	out, err := os.Create(path)
	must(b, err)
	lines, err := fectest.WriteLarge(out, *benchLines)
	must(b, err)
	must(b, out.Close())
	var bare, customers, ours, again float64 // seconds over all rounds, as machines are shared
	for n := 1; b.Loop(); n++ {
		began := time.Now()
		bareImport(b, path, "")
		bare += time.Since(began).Seconds()
		began = time.Now()
		bareImport(b, path, "411")
		customers += time.Since(began).Seconds()

		connector, err := (&files.Spec{Format: files.Auto}).Open(connectors.Env{
			Connection: usine, Company: connectors.Company{ID: dupont, SIREN: "732829320", Country: "FR", Currency: "EUR", Zone: time.UTC, Terms: "30d"},
			Logger: slog.New(slog.DiscardHandler), Scratch: b.TempDir(),
		})
		must(b, err)
		facts, err := store.Open(context.Background(), "sqlite:"+filepath.Join(b.TempDir(), "facts.db"), store.Options{})
		must(b, err)
		s := New(facts, []Company{{ID: dupont, Zone: time.UTC, Sources: []Source{{usine, "files", connector}}}}, "bench", slog.New(slog.DiscardHandler))
		runtime.GC()
		peak := watchHeap()
		for _, took := range []*float64{&ours, &again} {
			began = time.Now()
			report, err := s.Import(context.Background(), dupont, usine, path, false)
			if *took += time.Since(began).Seconds(); err != nil || !report.OK {
				b.Fatal(err, report.Error)
			}
		}
		must(b, facts.Close())
		b.ReportMetric(float64(peak())/(1<<20), "heap-MB")
		b.ReportMetric(float64(n*lines)/ours, "lines/s")
		b.ReportMetric(float64(n*lines)/again, "again-lines/s")
		b.ReportMetric(float64(n*lines)/bare, "bare-lines/s")
		b.ReportMetric(bare/ours, "ratio")
		b.ReportMetric(customers/ours, "customers-ratio")
	}
}

// bareImport upserts the lines of accounts that begin so into one table, and
// nothing else, in durable commits of 5000.
func bareImport(b *testing.B, path, accounts string) {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	must(b, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`create table line(no integer primary key, journal text, num text, on_ text, account text, aux text, name text,
		piece text, piece_on text, label text, debit text, credit text, letter text)`)
	must(b, err)
	file, err := os.Open(path)
	must(b, err)
	defer file.Close()
	scanner := bufio.NewScanner(file)
	var tx *sql.Tx
	var insert *sql.Stmt
	for no, kept := 0, 0; scanner.Scan(); no++ {
		cells := strings.Split(scanner.Text(), "\t")
		if !strings.HasPrefix(cells[4], accounts) {
			continue
		}
		if kept%5000 == 0 {
			if tx != nil {
				must(b, tx.Commit())
			}
			tx, err = db.Begin()
			must(b, err)
			insert, err = tx.Prepare(`insert into line values (?,?,?,?,?,?,?,?,?,?,?,?,?) on conflict(no) do update set letter = excluded.letter`)
			must(b, err)
		}
		kept++
		_, err := insert.Exec(no, cells[0], cells[2], cells[3], cells[4], cells[6], cells[7], cells[8], cells[9], cells[10], cells[11], cells[12], cells[13])
		must(b, err)
	}
	must(b, scanner.Err())
	must(b, tx.Commit())
}
