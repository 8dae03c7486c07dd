package pennylane_test

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/bookstest"
	"relanced/connectors/connectortest"
	"relanced/connectors/pennylane"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

// clock is a clock that goes on by itself and can be moved.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// source is a simulated company as the suite sees it.
type source struct {
	*pennylanetest.Server
	clock *clock
	limit time.Duration // of one answer
}

func newSource(o pennylanetest.Options) (*source, error) {
	c := &clock{}
	o.Now = c.now
	server, err := pennylanetest.New(o)
	if err != nil {
		return nil, err
	}
	return &source{server, c, 500 * time.Millisecond}, nil
}

func (s *source) Open() (connectors.Connector, error) { return s.connector() }

func (s *source) connector() (*pennylane.Connector, error) {
	return pennylane.New(pennylane.Spec{Token: conf.SecretOf(s.Token()), BaseURL: conf.URL(s.URL())},
		connectors.Env{Connection: "compta", Now: s.clock.now, Timeout: s.limit})
}

func (s *source) PageSize() int { return 100 }

func (s *source) AddCustomer(name string) string {
	return strconv.FormatInt(s.Books.AddCustomer(pennylanetest.Customer{Name: name, Emails: []string{"compta@lacaze.example"}}), 10)
}

func (s *source) AddInvoice(customer, number string, minor int64, due calendar.Date) string {
	return strconv.FormatInt(s.Books.AddInvoice(pennylanetest.Invoice{
		Customer: id(customer), Number: number, Date: due.AddDays(-30).String(), Deadline: due.String(), Total: pennylanetest.Cents(minor),
	}), 10)
}

func (s *source) Pay(invoice string, minor int64) {
	s.Books.PayPart(id(invoice), pennylanetest.Cents(minor), "2026-06-15")
}

func (s *source) Credit(invoice string, minor int64) {
	s.Books.Credit(id(invoice), pennylanetest.Cents(minor))
}

func (s *source) Redate(invoice string, due calendar.Date) {
	s.Books.ChangeInvoice(id(invoice), func(in *pennylanetest.Invoice) { in.Deadline = due.String() })
}

func (s *source) Rename(customer, name string) {
	s.Books.ChangeCustomer(id(customer), func(c *pennylanetest.Customer) { c.Name = name })
}

func (s *source) Delete(invoice string) bool {
	s.Books.Delete(id(invoice))
	return true
}

func (s *source) Ledger() bookstest.Ledger { return s.Books.Ledger() }

func (s *source) Owed() map[string]int64 {
	owed := map[string]int64{}
	for key, cents := range s.Books.Owed() {
		owed[key] = int64(cents)
	}
	return owed
}

func (s *source) Pass(d time.Duration) { s.clock.ahead.Add(int64(d)) }

func (s *source) Between(skip int, change func()) {
	s.Server.Fail(pennylanetest.Fault{Skip: skip, Times: 1, Before: change})
}

func (s *source) Fail(f connectortest.Fault, skip, times int) bool {
	fault := pennylanetest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Status, fault.Body = 401, `{"error":"The access token is invalid","status":401}`
	case connectortest.Forbidden:
		fault.Status, fault.Body = 403, `{"error":"Access to this resource requires scope \"customer_invoices:readonly\".","status":403}`
	case connectortest.Throttled:
		fault.Status, fault.Body, fault.Header = 429, "Rate limit exceeded. Please retry in 1 seconds.", http.Header{"Retry-After": {"1"}}
	case connectortest.ServerError:
		fault.Status, fault.Body = 500, "<html><body>Internal Server Error</body></html>"
	case connectortest.Truncated:
		fault.Kind = pennylanetest.Truncated
	case connectortest.Disconnected:
		fault.Kind = pennylanetest.CutShort
	case connectortest.WebPage:
		fault.Kind = pennylanetest.WebPage
	case connectortest.Slow:
		fault.Delay = 2 * time.Second
	case connectortest.Repeated:
		fault.Kind = pennylanetest.Repeated
		fault.Skip, fault.Times = 4, 1 // the second page of invoices
	}
	s.Server.Fail(fault)
	return true
}

func id(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, connectortest.Suite{
		Idle: 4,
		New: func() (connectortest.Source, error) {
			s, err := newSource(pennylanetest.Options{Unlimited: true})
			return s, err
		},
	})
}

func TestDrillAPI_firstLoadTakesThePagesThereAre(t *testing.T) {
	t.Parallel()
	const page = 100 // the vendor's most
	connectortest.RunFirstLoad(t, connectortest.FirstLoad{
		New: func() (connectortest.Source, error) {
			s, err := newSource(pennylanetest.Options{Unlimited: true})
			if err == nil {
				s.limit = time.Minute
			}
			return s, err
		},
		Least: func(invoices, customers int) int { // the contacts of each debtor are a list of their own; and no transactions
			return connectortest.Pages(invoices, page) + connectortest.Pages(customers, page) + customers + 1
		},
		Besides: 1 + 2 + 3, // whose books these are, whether it has schedules, three changelogs
		Idle:    4,
	})
}

func TestBalances(t *testing.T) {
	t.Parallel()
	connectortest.RunBalances(t, func() (connectortest.Ledger, error) {
		return newSource(pennylanetest.Options{Unlimited: true})
	})
}
