package sync

import (
	"context"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors"
	"relanced/connectors/pennylane"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/conf"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)} }

// Now moves on a little with each look, as clocks do.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const (
	dupont receivable.CompanyID    = "dupont"
	compta receivable.ConnectionID = "compta"
)

var comptaKey = store.ConnectionKey{Company: dupont, Name: compta}

// bundle is a simulated Pennylane with a store that mirrors it.
type bundle struct {
	*Syncer
	t     testing.TB
	clock *clock
	dsn   string
	sim   *pennylanetest.Server
	c     Company
}

func newBundle(t testing.TB, o pennylanetest.Options) *bundle {
	t.Helper()
	return newBundleOn(t, "sqlite:"+filepath.Join(t.TempDir(), "facts.db"), o)
}

func newBundleOn(t testing.TB, dsn string, o pennylanetest.Options) *bundle {
	t.Helper()
	b := &bundle{t: t, clock: newClock(), dsn: dsn}
	o.Now, o.Unlimited = b.clock.Now, true
	var err error
	if b.sim, err = pennylanetest.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.sim.Close() })
	connector, err := pennylane.New(pennylane.Spec{Token: conf.SecretOf(b.sim.Token()), BaseURL: conf.URL(b.sim.URL())}, connectors.Env{
		Connection: compta, Company: connectors.Company{ID: dupont, Country: "FR", Currency: "EUR", Zone: time.UTC}, Now: b.clock.Now,
		Logger: slog.New(slog.DiscardHandler), Timeout: 5 * time.Second, Scratch: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.c = Company{ID: dupont, Zone: time.UTC, Sources: []Source{{Name: compta, Type: "pennylane", Connector: connector}}}
	b.open()
	return b
}

// open opens the store anew, as a process that starts does.
func (b *bundle) open() {
	b.t.Helper()
	s, err := store.Open(context.Background(), b.dsn, store.Options{Now: b.clock.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = s.Close() })
	b.Syncer = New(s, []Company{b.c}, "test", slog.New(slog.DiscardHandler))
}

// pass makes a pass that must not fail in our own store.
func (b *bundle) pass(o Options) Report {
	b.t.Helper()
	report, err := b.Pass(context.Background(), dupont, compta, o)
	if err != nil {
		b.t.Fatal(err)
	}
	return report
}

func (b *bundle) mustPass() Report {
	b.t.Helper()
	report := b.pass(Options{})
	if !report.OK {
		b.t.Fatalf("the pass failed: %v (suspect %v)", report.Error, report.Suspect)
	}
	return report
}

func (b *bundle) connection() store.Connection {
	b.t.Helper()
	known, err := b.store.Connection(context.Background(), comptaKey)
	if err != nil {
		b.t.Fatal(err)
	}
	return known
}

func (b *bundle) confirm() {
	b.t.Helper()
	if err := b.Confirm(context.Background(), dupont, compta, nil, "marie"); err != nil {
		b.t.Fatal(err)
	}
}

// owed is what the store says is open, by external id, in cents.
func (b *bundle) owed() map[string]pennylanetest.Cents {
	b.t.Helper()
	owed := map[string]pennylanetest.Cents{}
	for row, err := range b.store.Invoices(context.Background(), store.InvoiceFilter{Company: dupont}) {
		if err != nil {
			b.t.Fatal(err)
		}
		if row.Kind == receivable.Invoice && row.GoneAt.IsZero() && !row.Outstanding.IsZero() {
			owed[row.External] = pennylanetest.Cents(row.Outstanding.Minor)
		}
	}
	return owed
}

// sameAsSource fails where the mirror and the source disagree by a cent.
func (b *bundle) sameAsSource() {
	b.t.Helper()
	if diff := cmp.Diff(b.sim.Books.Owed(), b.owed()); diff != "" {
		b.t.Errorf("what is open differs (-source +mirror):\n%s", diff)
	}
}

// fill adds customers and invoices, some paid, and returns the invoices' ids.
func (b *bundle) fill(customers, invoices int) []int64 {
	b.t.Helper()
	ids := make([]int64, customers)
	for i := range ids {
		ids[i] = b.sim.Books.AddCustomer(pennylanetest.Customer{
			Name: "Client " + strconv.Itoa(i), Reference: "C" + strconv.Itoa(i), Emails: []string{"c" + strconv.Itoa(i) + "@client.example"},
		})
	}
	list := make([]int64, invoices)
	for i := range list {
		list[i] = b.sim.Books.AddInvoice(pennylanetest.Invoice{
			Customer: ids[i%customers], Date: "2026-10-01", Deadline: "2026-12-15", Total: pennylanetest.Cents(10000 + 37*i),
		})
	}
	return list
}

func formatID(id int64) string { return strconv.FormatInt(id, 10) }
