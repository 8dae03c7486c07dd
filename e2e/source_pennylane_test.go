package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"relanced/connectors/bookstest"
	"relanced/connectors/connectortest"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/calendar"
)

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

func (b pennylaneBooks) Ledger() bookstest.Ledger { return b.Books.Ledger() }

func (b pennylaneBooks) Owed() map[string]int64 {
	owed := map[string]int64{}
	for id, left := range b.Books.Owed() {
		owed[id] = int64(left)
	}
	return owed
}

func (b pennylaneBooks) Between(skip int, change func()) bool {
	b.Server.Fail(pennylanetest.Fault{Skip: skip, Times: 1, Before: change})
	return true
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

func number64(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // the simulator's own
	return n
}
