package sync

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// script is a source that yields the pages it was given, once each.
type script struct {
	info    connectors.Info
	clock   *clock
	pages   []connectors.Page
	listing []string                       // what List names
	books   map[string]receivable.Document // what ReadInvoices finds
	onRead  func()
	read    [][]string
	listed  int
}

func (s *script) Info() connectors.Info { return s.info }

func (s *script) Pull(_ context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		from, _ := strconv.Atoi(string(since))
		for n := from; n < len(s.pages); n++ {
			page := s.pages[n]
			page.AsOf, page.Next = s.clock.Now(), connectors.Cursor(strconv.Itoa(n+1))
			if !yield(page, nil) {
				return
			}
		}
		yield(connectors.Page{AsOf: s.clock.Now(), Next: connectors.Cursor(strconv.Itoa(len(s.pages)))}, nil)
	}
}

func (s *script) List(context.Context, string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		s.listed++
		page := connectors.Page{
			Listing: &connectors.Scope{Kind: receivable.ItemDocument, Part: "all", Absent: connectors.AbsentReread}, Whole: true, AsOf: s.clock.Now(),
		}
		for _, id := range s.listing {
			page.Seen = append(page.Seen, connectors.Ref{Kind: receivable.ItemDocument, External: id})
		}
		yield(page, nil)
	}
}

func (s *script) ReadInvoices(ctx context.Context, ids []string) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		s.read = append(s.read, ids)
		if s.onRead != nil {
			s.onRead()
		}
		page := connectors.Page{AsOf: s.clock.Now()}
		for _, id := range ids {
			if doc, ok := s.books[id]; ok {
				page.Documents = append(page.Documents, doc)
			} else {
				page.Gone = append(page.Gone, connectors.Ref{Kind: receivable.ItemDocument, External: id})
			}
		}
		yield(page, ctx.Err())
	}
}

func invoice(id string, left int64) receivable.Document {
	eur := func(minor int64) money.Amount { return money.New(minor, "EUR") }
	on := calendar.MustParse("2026-11-01")
	return receivable.Document{
		External: id, Account: "a", Number: "F-" + id, Kind: receivable.Invoice, IssuedOn: on, Total: eur(10000), Outstanding: eur(left),
		Dues: []receivable.Due{{Rank: 1, On: on, Total: eur(10000), Outstanding: eur(left)}},
	}
}

// settles is a payment of the rest of an invoice.
func settles(payment, id string, minor int64) ([]receivable.Payment, []receivable.Allocation) {
	return []receivable.Payment{{External: payment, Account: "a", On: calendar.MustParse("2026-11-10"), Amount: money.New(minor, "EUR"), Unallocated: money.New(0, "EUR")}},
		[]receivable.Allocation{
			{Group: payment, Item: id, Kind: receivable.ItemDocument, Amount: money.New(minor, "EUR")},
			{Group: payment, Item: payment, Kind: receivable.ItemPayment, Amount: money.New(-minor, "EUR")},
		}
}

func newScript(t *testing.T, info connectors.Info) (*bundle, *script) {
	t.Helper()
	b := &bundle{t: t, clock: newClock(), dsn: "sqlite:" + filepath.Join(t.TempDir(), "facts.db")}
	s := &script{info: info, clock: b.clock, books: map[string]receivable.Document{}}
	s.pages = []connectors.Page{{
		Accounts:  []receivable.Account{{External: "a", Code: "ALPHA", Name: "Alpha"}},
		Documents: []receivable.Document{invoice("1", 10000), invoice("2", 10000), invoice("3", 10000)},
	}}
	b.c = Company{ID: dupont, Zone: time.UTC, Sources: []Source{{Name: compta, Type: "script", Connector: s}}}
	b.open()
	b.mustPass()
	b.clock.advance(time.Minute)
	return b, s
}

func TestPass_invoicesTiedToMoneyAreReadAgain(t *testing.T) {
	t.Parallel()
	b, s := newScript(t, connectors.Info{Payments: true, ReadChunk: 2, Allocations: connectors.None})
	payments, allocations := settles("p", "1", 10000)
	s.pages = append(s.pages, connectors.Page{Payments: payments, Allocations: allocations})
	s.books["1"] = invoice("1", 0)

	// Cut off between the page and the re-read, it is read by the next pass.
	ctx, cancel := context.WithCancel(context.Background())
	s.onRead = cancel
	if _, err := b.Pass(ctx, dupont, compta, Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("the pass was not cut off: %v", err)
	}
	if b.owed()["1"] == 0 {
		t.Fatal("the invoice was read before the cut: the test shows nothing")
	}
	s.onRead, s.read = nil, nil
	_ = b.store.Close()
	b.open()
	b.mustPass()
	if want := [][]string{{"1"}}; len(s.read) != 1 || !slices.Equal(s.read[0], want[0]) || b.owed()["1"] != 0 {
		t.Errorf("read again %v, want %v; open %v", s.read, want, b.owed())
	}

	// The payment goes: the invoice it settled is looked at once more.
	b.clock.advance(time.Minute)
	s.pages = append(s.pages, connectors.Page{Gone: []connectors.Ref{{Kind: receivable.ItemPayment, External: "p"}}})
	s.books["1"], s.read = invoice("1", 10000), nil
	b.mustPass()
	if len(s.read) != 1 || !slices.Equal(s.read[0], []string{"1"}) || b.owed()["1"] != 10000 {
		t.Errorf("after the payment went: read %v, open %v", s.read, b.owed())
	}
	s.read = nil
	b.clock.advance(time.Minute)
	b.mustPass()
	if len(s.read) != 0 {
		t.Errorf("an idle pass read %v again", s.read)
	}
}

func TestPass_listingIsMadeWhenItIsTime(t *testing.T) {
	t.Parallel()
	b, s := newScript(t, connectors.Info{Payments: true, ReadChunk: 10, ListEvery: 24 * time.Hour, Allocations: connectors.None})
	s.listing, s.books["3"] = []string{"1"}, invoice("3", 500)
	b.clock.advance(time.Hour)
	b.mustPass()
	if s.listed != 0 {
		t.Fatalf("listed %d times within an hour", s.listed)
	}
	b.clock.advance(24 * time.Hour)
	b.mustPass()
	b.clock.advance(time.Hour)
	b.mustPass()
	if got := b.owed(); s.listed != 1 || len(got) != 2 || got["1"] != 10000 || got["3"] != 500 {
		t.Errorf("listed %d times, open %v: want 2 gone and 3 read again", s.listed, got)
	}
	b.mustPassFull()
	if s.listed != 2 {
		t.Errorf("--full listed %d times in all, want 2", s.listed)
	}
}

func (b *bundle) mustPassFull() {
	b.t.Helper()
	if report := b.pass(Options{Full: true}); !report.OK {
		b.t.Fatalf("%+v", report)
	}
}

func TestPass_withoutPaymentsAFallIsOne(t *testing.T) {
	t.Parallel()
	b, s := newScript(t, connectors.Info{Allocations: connectors.None})
	b.clock.advance(48 * time.Hour)
	s.pages = append(s.pages, connectors.Page{Documents: []receivable.Document{invoice("1", 2500)}})
	b.mustPass()
	d := b.dossierOf("ALPHA")
	at := slices.IndexFunc(d.Lines, func(l dossier.Line) bool { return l.External == "1" })
	if got := d.Lines[at].Payments; len(got) != 1 || got[0].Amount.Minor != 7500 || got[0].On != calendar.DateOf(b.clock.Now()) {
		t.Errorf("derived: %+v, want 75.00 today", got)
	}
}

func TestPass_contradictionsBecomeProblems(t *testing.T) {
	t.Parallel()
	b, s := newScript(t, connectors.Info{Payments: true, Allocations: connectors.All})
	payments, allocations := settles("p", "1", 4000)
	s.pages = append(s.pages, connectors.Page{Documents: []receivable.Document{invoice("1", 10000)}, Payments: payments, Allocations: allocations})
	b.mustPass()
	problem := func() string {
		for _, l := range b.dossierOf("ALPHA").Lines {
			if l.External == "1" {
				return l.Problem
			}
		}
		return "?"
	}
	if got := problem(); !strings.Contains(got, "contradicts") {
		t.Errorf("100.00 open and 40.00 allocated of 100.00: problem %q", got)
	}
	b.clock.advance(time.Minute)
	s.pages = append(s.pages, connectors.Page{Documents: []receivable.Document{invoice("1", 6000)}})
	b.mustPass()
	if got := problem(); got != "" {
		t.Errorf("mended, and still %q", got)
	}
	// A row that can no longer be read holds its invoice until it is.
	b.clock.advance(time.Minute)
	s.pages = append(s.pages, connectors.Page{Bad: []connectors.Rejected{{Ref: connectors.Ref{Kind: receivable.ItemDocument, External: "1"}, Text: "no amount"}}})
	report := b.mustPass()
	if got := problem(); !strings.Contains(got, "no amount") || report.Rejected != 1 || len(report.Problems) != 1 {
		t.Errorf("problem %q, report %+v", got, report)
	}
	b.clock.advance(time.Minute)
	s.pages = append(s.pages, connectors.Page{Documents: []receivable.Document{invoice("1", 6000)}})
	if report := b.mustPass(); problem() != "" || len(report.Problems) != 0 {
		t.Errorf("read again, and still %q, %+v", problem(), report.Problems)
	}
}

func TestFileProblems_unreadableCustomersFileKeepsWhatItSaid(t *testing.T) {
	t.Parallel()
	b, _ := newScript(t, connectors.Info{Payments: true, Allocations: connectors.None})
	b.c.CustomersFile = filepath.Join(t.TempDir(), "missing.csv")
	b.Syncer = New(b.store, []Company{b.c}, "test", slog.New(slog.DiscardHandler))
	for range 2 {
		report := b.mustPass()
		if len(report.Problems) != 1 || !strings.Contains(report.Problems[0].Text, "missing.csv") {
			t.Errorf("problems: %+v", report.Problems)
		}
	}
	if _, err := b.store.Connection(context.Background(), store.ConnectionKey{Company: dupont, Name: compta}); err != nil {
		t.Error(err)
	}
}

func FuzzParseHistory(f *testing.F) {
	f.Add([]byte("customer;invoice;last_step;last_sent_on;status;until\nC;F;first;2026-01-02;promise;2026-02-03\n"))
	f.Add([]byte("invoice,status\n\"F,dispute\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		file, err := parseHistory(History{Steps: []string{"first"}}, body)
		if err != nil {
			return
		}
		for number, rows := range file.byNumber {
			for _, at := range rows {
				if row := file.rows[at]; row.invoice == "" || store.FoldNumber(row.invoice) != number || row.status == "promise" && row.until.IsZero() {
					t.Errorf("row %+v under %q", row, number)
				}
			}
		}
	})
}
