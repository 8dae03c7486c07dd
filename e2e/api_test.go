package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"relanced/connectors/bookstest"
	"relanced/connectors/connectortest"
	"relanced/connectors/rest/resttest"
	"relanced/internal/calendar"
)

// simulator is a simulated accounting system as the drill of APIs needs it.
// A connector joins the drill by an entry in sources.
type simulator interface {
	// Connection is its keys in YAML, name and schedule left out; one answer may
	// take a second.
	Connection() string
	Customer(code, name, address string) string
	Invoice(customer, number string, cents int64, due calendar.Date) string
	Pay(invoice string)
	// Ledger is its books as a generator changes them.
	Ledger() bookstest.Ledger
	// Owed is what may be chased, in minor units, by external id.
	Owed() map[string]int64
	// Fail lets requests after the first skip fail, times of them (0: all); false
	// where the source cannot.
	Fail(f connectortest.Fault, skip, times int) bool
	// Between runs change once, just before the request after skip others; false
	// where the source cannot.
	Between(skip int, change func()) bool
	Heal()
}

// authorised is a source that a person must let the program into.
type authorised interface {
	// RefreshToken is what such a consent gave; "" where none is asked for.
	RefreshToken() string
}

// throttledAtLength is a refusal that does not say how long to wait.
const throttledAtLength connectortest.Fault = "429 without a delay"

// apiFault is a way for a source to fail, or its books to change, meanwhile.
type apiFault struct {
	kind   connectortest.Fault
	lasts  bool
	skew   time.Duration
	paging bool // nothing fails: the books change between two pages
}

var (
	refusing  = apiFault{kind: connectortest.Unauthorized, lasts: true}
	truncates = apiFault{kind: connectortest.Truncated}
	throttles = apiFault{kind: throttledAtLength}
	changing  = apiFault{paging: true}
	late      = apiFault{skew: -7 * time.Minute}
)

// sources are all kinds of connection, made with a clock that goes wrong by skew,
// and what each shows at the small size. REST sources page and let in as the
// shipped manifests say; one of them shows random books at that size.
var sources = []struct {
	name  string
	open  func(t *testing.T, skew time.Duration) simulator
	small []apiFault
	alike bool                // its random books are those of another one
	lacks func(apiFault) bool // what it cannot show; nil: nothing
}{
	{"pennylane", newPennylane, []apiFault{refusing, truncates, throttles, changing, late}, false, nil},
	{"quickbooks", newQuickBooks, []apiFault{refusing, truncates, throttles, changing, late}, false, nil},
	{"sage", newSage, []apiFault{refusing, changing}, false, atLength},
	{"sageactive", newSageActive, []apiFault{truncates, changing}, false, atLength},
	{"dolibarr", newREST(resttest.Options{Style: resttest.NumberShort, Auth: resttest.Header}), []apiFault{changing}, false, atLength},
	{"odoo", newREST(resttest.Options{Style: resttest.Post, Auth: resttest.Bearer}), []apiFault{refusing}, true, atLength},
	{"axonaut", newREST(resttest.Options{Style: resttest.NumberEmpty, Auth: resttest.Header}), []apiFault{truncates}, true, atLength},
	{"sellsy", newREST(resttest.Options{Style: resttest.Cursor, Auth: resttest.Client}), []apiFault{changing}, true, atLength},
	{"xero", newREST(resttest.Options{Style: resttest.NumberEmpty, Auth: resttest.Code}), []apiFault{refusing}, true, atLength},
	{"sqlite", newSQLite, []apiFault{{kind: connectortest.ServerError, lasts: true}}, false, allBut(connectortest.ServerError)},
	{"postgres", newPostgres, []apiFault{refusing, changing}, false, notPostgres},
}

// atLength: the vendor always says how long to wait.
func atLength(f apiFault) bool { return f.kind == throttledAtLength }

// allBut: a database fails in these ways alone, and until it is mended; a reader
// of SQLite sees the books of one moment.
func allBut(shown ...connectortest.Fault) func(apiFault) bool {
	return func(f apiFault) bool {
		return f.paging || f.kind != "" && (!f.lasts || !slices.Contains(shown, f.kind))
	}
}

func notPostgres(f apiFault) bool {
	return !f.paging && allBut(connectortest.Unauthorized, connectortest.Forbidden, connectortest.Disconnected, connectortest.Slow)(f)
}

// everyFault is what the drill shows at full size.
func everyFault() []apiFault {
	all := []apiFault{refusing, truncates, throttles, changing, late, {skew: 7 * time.Minute}}
	for _, kind := range []connectortest.Fault{
		connectortest.Forbidden, connectortest.Throttled, throttledAtLength, connectortest.ServerError, connectortest.Disconnected,
		connectortest.WebPage, connectortest.Slow, connectortest.Repeated, connectortest.Truncated,
	} {
		all = append(all, apiFault{kind: kind})
		if kind != connectortest.Repeated { // a source that for ever tells what was is no source that fails
			all = append(all, apiFault{kind: kind, lasts: true})
		}
	}
	return all
}

// reads makes a source the world's, and lets the program into it.
func (w *world) reads(source simulator) {
	w.t.Helper()
	w.source = source.Connection()
	w.config = w.write("relanced.yaml")
	a, ok := source.(authorised)
	if !ok {
		return
	}
	if token := a.RefreshToken(); token != "" {
		w.do("connect", "compta", "--refresh-token-file", w.put("refresh", token))
	}
}

// closing closes a simulator with the test, and wants nothing written to it.
func closing(t *testing.T, server interface {
	Writes() int
	Close() error
},
) {
	t.Helper()
	t.Cleanup(func() {
		if n := server.Writes(); n != 0 {
			t.Errorf("%d attempts to write to the source", n)
		}
		_ = server.Close()
	})
}

// inFile writes a file that ends with the test, and returns its path.
func inFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func secretFile(t *testing.T, secret string) string {
	t.Helper()
	return inFile(t, "secret", secret+"\n")
}

// TestDrillAPI_faultsOfTheSourceEndInItsBalances lets the source fail in each way
// under a running company: while it was read, a payment arrives that the reminder
// of one customer must not outrun. At the end the balances are the source's, who
// has paid got nothing, and who owes got one reminder.
func TestDrillAPI_faultsOfTheSourceEndInItsBalances(t *testing.T) {
	t.Parallel()
	invoices := 120
	if full() {
		invoices = 1200
	}
	p := newPost(t)
	for _, s := range sources {
		faults := s.small
		if full() {
			faults = everyFault()
		}
		for i, f := range faults {
			if s.lacks != nil && s.lacks(f) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d %s", s.name, i, f.kind), func(t *testing.T) {
				t.Parallel()
				w, mark := newWorldWith(t, "", p), fmt.Sprintf("api%s%03d", s.name, i)
				source := s.open(t, f.skew)
				w.reads(source)
				paid := source.Invoice(source.Customer("PAYS", "Client paie", "petit@"+mark+"-pays.example"), mark+"-P", 30_000, day(-10))
				source.Invoice(source.Customer("OWES", "Client doit", "petit@"+mark+"-owes.example"), mark+"-O", 40_000, day(-10))
				other := source.Customer("OTHER", "Autre client", "petit@"+mark+"-other.example")
				for n := range invoices {
					source.Invoice(other, fmt.Sprintf("%s-%d", mark, n), int64(10_000+n), day(20))
				}
				w.approved(2)
				late := func() { source.Invoice(other, mark+"-late", 7_700, day(21)) }

				source.Pay(paid)
				var changed atomic.Bool
				switch {
				case f.paging:
					if !source.Between(2, func() { late(); changed.Store(true) }) {
						t.Fatal("the source cannot show it: sources should say so in lacks")
					}
				case f.kind != "":
					times := 2
					if f.lasts {
						times = 0
					}
					if !source.Fail(f.kind, 1, times) {
						t.Fatal("the source cannot show it: sources should say so in lacks")
					}
				}
				r := w.command("remind")
				before := len(w.arrivedIn("petit", mark))
				if changed.Load() != f.paging {
					t.Error("nothing changed while the books were read")
				}
				if f.lasts && (r.code != 1 || r.err == "" || before != 0) {
					t.Errorf("while it fails: exit %d, %d messages left: %s", r.code, before, r.err)
				}
				if f.lasts {
					t.Logf("told as: %s", strings.TrimSpace(r.err))
				}
				source.Heal()
				late()
				w.do("sync", "compta")
				w.do("remind")
				w.do("sync", "compta")
				w.owes(source.Owed())
				w.delivered("petit")
				want := w.message("OWES").mid()
				if got := w.arrivedIn("petit", mark); len(got) != 1 || got[want] != 1 {
					t.Errorf("arrived: %v, want %s once", got, want)
				}
				if row := w.message("PAYS"); row.State != "cancelled" {
					t.Errorf("the reminder of who has paid is %s", row.State)
				}
			})
		}
	}
}
