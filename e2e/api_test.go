package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"relanced/connectors/connectortest"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/connectors/quickbooks/quickbookstest"
	"relanced/internal/calendar"
)

// simulator is a simulated accounting system as the drill of APIs needs it.
// A connector joins the drill by an entry in simulators.
type simulator interface {
	// Connection is its keys in YAML, name and schedule left out; one answer may
	// take a second.
	Connection() string
	Customer(code, name, address string) string
	Invoice(customer, number string, cents int64, due calendar.Date) string
	Pay(invoice string)
	// Owed is what may be chased, in minor units, by external id.
	Owed() map[string]int64
	// Fail lets requests after the first skip fail, times of them (0: all); false
	// where the source cannot.
	Fail(f connectortest.Fault, skip, times int) bool
	// Between runs change once, just before the request after skip others.
	Between(skip int, change func())
	Heal()
}

// simulators make a source whose clock goes wrong by skew.
var simulators = map[string]func(t *testing.T, skew time.Duration) simulator{
	"pennylane":  newPennylane,
	"quickbooks": newQuickBooks,
}

// authorised is a source that a person must let the program into.
type authorised interface {
	// RefreshToken is what such a consent gave.
	RefreshToken() string
}

// throttledAtLength is a refusal that does not say how long to wait.
const throttledAtLength connectortest.Fault = "429 without a delay"

type pennylaneBooks struct{ *pennylanetest.Server }

func newPennylane(t *testing.T, skew time.Duration) simulator {
	server, err := pennylanetest.New(pennylanetest.Options{
		Token: token, Unlimited: true, Now: func() time.Time { return time.Now().Add(skew) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return pennylaneBooks{server}
}

func (b pennylaneBooks) Connection() string {
	return fmt.Sprintf("type: pennylane, token: {env: PENNYLANE_TOKEN}, base_url: %q, timeout: 1s", b.URL())
}

func (b pennylaneBooks) Customer(code, name, address string) string {
	return strconv.FormatInt(b.Books.AddCustomer(pennylanetest.Customer{Type: "company", Name: name, Reference: code, Emails: []string{address}}), 10)
}

func (b pennylaneBooks) Invoice(customer, number string, cents int64, due calendar.Date) string {
	return strconv.FormatInt(b.Books.AddInvoice(pennylanetest.Invoice{
		Customer: number64(customer), Number: number, Date: due.AddDays(-30).String(), Deadline: due.String(), Total: pennylanetest.Cents(cents),
	}), 10)
}

func (b pennylaneBooks) Pay(invoice string) { b.Books.Pay(number64(invoice), day(0).String()) }

func (b pennylaneBooks) Owed() map[string]int64 {
	owed := map[string]int64{}
	for id, left := range b.Books.Owed() {
		owed[id] = int64(left)
	}
	return owed
}

func (b pennylaneBooks) Between(skip int, change func()) {
	b.Server.Fail(pennylanetest.Fault{Skip: skip, Times: 1, Before: change})
}

func (b pennylaneBooks) Fail(f connectortest.Fault, skip, times int) bool {
	fault := pennylanetest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Status, fault.Body = http.StatusUnauthorized, `{"error":"The access token is invalid","status":401}`
	case connectortest.Forbidden:
		fault.Status, fault.Body = http.StatusForbidden, `{"error":"forbidden","status":403}`
	case connectortest.Throttled:
		fault.Status, fault.Body, fault.Header = http.StatusTooManyRequests, "Rate limit exceeded.", http.Header{"Retry-After": {"1"}}
	case throttledAtLength:
		fault.Status, fault.Body = http.StatusTooManyRequests, "Rate limit exceeded."
	case connectortest.ServerError:
		fault.Status, fault.Body = http.StatusInternalServerError, "<html><body>Internal Server Error</body></html>"
	case connectortest.Truncated:
		fault.Kind = pennylanetest.Truncated
	case connectortest.Disconnected:
		fault.Kind = pennylanetest.CutShort
	case connectortest.WebPage:
		fault.Kind = pennylanetest.WebPage
	case connectortest.Slow:
		fault.Delay = 3 * time.Second
	case connectortest.Repeated:
		fault.Kind = pennylanetest.Repeated
	}
	b.Server.Fail(fault)
	return true
}

type quickBooks struct{ *quickbookstest.Server }

func newQuickBooks(t *testing.T, skew time.Duration) simulator {
	server := quickbookstest.New(quickbookstest.Options{Home: "EUR", RotateSoon: true, Now: func() time.Time { return time.Now().Add(skew) }})
	t.Cleanup(func() {
		if n := server.Writes(); n != 0 {
			t.Errorf("%d attempts to write to the source", n)
		}
		_ = server.Close()
	})
	return quickBooks{server}
}

func (b quickBooks) Connection() string {
	return fmt.Sprintf("type: quickbooks, client_id: %s, client_secret: {env: QUICKBOOKS_SECRET}, realm_id: %q, base_url: %q, token_url: %q, timeout: 1s",
		b.ClientID(), b.Realm(), b.URL(), b.TokenURL())
}

func (b quickBooks) RefreshToken() string {
	_, refresh := b.OAuth.Issue()
	return refresh
}

func (b quickBooks) Customer(code, name, address string) string {
	return strconv.Itoa(b.Books.AddCustomer(quickbookstest.Customer{Name: code, Company: name, Email: address}))
}

func (b quickBooks) Invoice(customer, number string, cents int64, due calendar.Date) string {
	return strconv.Itoa(b.Books.AddInvoice(quickbookstest.Invoice{
		Customer: int(number64(customer)), Number: number, Date: due.AddDays(-30).String(), Due: due.String(), Total: quickbookstest.Cents(cents),
	}))
}

func (b quickBooks) Pay(invoice string) { b.Books.Pay(int(number64(invoice)), 0, day(0).String()) }

func (b quickBooks) Owed() map[string]int64 { return b.Books.Owed() }

func (b quickBooks) Between(skip int, change func()) {
	b.Server.Fail(quickbookstest.Fault{Skip: skip, Times: 1, Before: change})
}

func (b quickBooks) Fail(f connectortest.Fault, skip, times int) bool {
	fault := quickbookstest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Kind = quickbookstest.Unauthorized
	case connectortest.Forbidden:
		fault.Kind = quickbookstest.Forbidden
	case connectortest.Throttled:
		fault.Kind = quickbookstest.Throttled
	case throttledAtLength:
		fault.Kind = quickbookstest.ThrottledXML
	case connectortest.ServerError:
		fault.Kind = quickbookstest.Broken
	case connectortest.Truncated:
		fault.Kind = quickbookstest.Truncated
	case connectortest.Disconnected:
		fault.Kind = quickbookstest.CutShort
	case connectortest.WebPage:
		fault.Kind = quickbookstest.BadGateway
	case connectortest.Slow:
		fault.Delay = 3 * time.Second
	case connectortest.Repeated:
		fault.Kind = quickbookstest.Repeated
	}
	b.Server.Fail(fault)
	return true
}

func number64(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // the simulator's own
	return n
}

// TestDrillAPI_faultsOfTheSourceEndInItsBalances lets the source fail in each way
// under a running company: while it was read, a payment arrives that the reminder
// of one customer must not outrun. At the end the balances are the source's, who
// has paid got nothing, and who owes got one reminder.
func TestDrillAPI_faultsOfTheSourceEndInItsBalances(t *testing.T) {
	t.Parallel()
	type fault struct {
		kind   connectortest.Fault
		lasts  bool
		skew   time.Duration
		paging bool // nothing fails: the books change between two pages
	}
	faults := []fault{
		{kind: connectortest.Unauthorized, lasts: true}, {kind: connectortest.Truncated}, {kind: throttledAtLength}, {paging: true}, {skew: -7 * time.Minute},
	}
	invoices := 120
	if full() {
		invoices = 1200
		faults = append(faults, fault{skew: 7 * time.Minute})
		for _, kind := range []connectortest.Fault{
			connectortest.Forbidden, connectortest.Throttled, throttledAtLength, connectortest.ServerError, connectortest.Disconnected,
			connectortest.WebPage, connectortest.Slow, connectortest.Repeated, connectortest.Truncated,
		} {
			faults = append(faults, fault{kind: kind}, fault{kind: kind, lasts: true})
		}
	}
	p := newPost(t)
	for name, simulated := range simulators {
		for i, f := range faults {
			t.Run(fmt.Sprintf("%s/%d %s", name, i, f.kind), func(t *testing.T) {
				t.Parallel()
				w, mark := newWorldWith(t, "", p), fmt.Sprintf("api%s%03d", name, i)
				source := simulated(t, f.skew)
				w.source = source.Connection()
				w.config = w.write("relanced.yaml")
				if a, ok := source.(authorised); ok {
					w.put("refresh", a.RefreshToken())
					w.do("connect", "compta", "--refresh-token-file", filepath.Join(w.dir, "refresh"))
				}
				paid := source.Invoice(source.Customer("PAYS", "Client paie", "petit@"+mark+"-pays.example"), mark+"-P", 30_000, day(-10))
				source.Invoice(source.Customer("OWES", "Client doit", "petit@"+mark+"-owes.example"), mark+"-O", 40_000, day(-10))
				other := source.Customer("OTHER", "Autre client", "petit@"+mark+"-other.example")
				for n := range invoices {
					source.Invoice(other, fmt.Sprintf("%s-%d", mark, n), int64(10_000+n), day(20))
				}
				w.approved(2)
				late := func() { source.Invoice(other, mark+"-late", 7_700, day(21)) }

				source.Pay(paid)
				switch {
				case f.paging:
					source.Between(2, late)
				case f.kind != "":
					times := 2
					if f.lasts {
						times = 0
					}
					if !source.Fail(f.kind, 1, times) {
						t.Skip("the source cannot show it")
					}
				}
				r := w.command("remind")
				before := len(w.arrivedIn("petit", mark))
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
