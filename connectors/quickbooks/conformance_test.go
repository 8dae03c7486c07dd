package quickbooks_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/bookstest"
	"relanced/connectors/connectortest"
	"relanced/connectors/quickbooks"
	"relanced/connectors/quickbooks/quickbookstest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

// clock is a clock that goes on by itself and can be moved.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// source is a simulated company as the suite sees it.
type source struct {
	*quickbookstest.Server
	clock  *clock
	tokens *connectortest.Tokens
	limit  time.Duration // of one answer
	page   int

	currency string // as configured; "" not at all
}

func newSource(o quickbookstest.Options) *source {
	c := &clock{}
	o.Now = c.now
	s := &source{Server: quickbookstest.New(o), clock: c, limit: 500 * time.Millisecond, page: smallPage}
	s.tokens = &connectortest.Tokens{Issue: func() string { access, _ := s.OAuth.Issue(); return access }, Facts: map[string]string{"realm_id": s.Realm()}}
	return s
}

func (s *source) Open() (connectors.Connector, error) { return s.connector(nil) }

func (s *source) connector(change func(*quickbooks.Spec)) (*quickbooks.Connector, error) {
	spec := quickbooks.Spec{ClientID: s.ClientID(), ClientSecret: conf.SecretOf(s.ClientSecret()), BaseURL: conf.URL(s.URL())}
	spec.AuthorizeURL, spec.TokenURL = conf.URL(s.AuthorizeURL()), conf.URL(s.TokenURL())
	if change != nil {
		change(&spec)
	}
	c, err := quickbooks.New(spec, connectors.Env{Connection: "books", Tokens: s.tokens, Unpaced: true, Now: s.clock.now, Timeout: s.limit, Company: connectors.Company{Currency: s.currency}})
	if err == nil {
		c.SetPage(s.page)
	}
	return c, err
}

// smallPage keeps the suite quick: what happens at a page's border is the same.
const smallPage = 40

func (s *source) PageSize() int { return smallPage }

func (s *source) AddCustomer(name string) string {
	return strconv.Itoa(s.Books.AddCustomer(quickbookstest.Customer{Name: name, Email: "accounts@quayside.example"}))
}

func (s *source) AddInvoice(customer, number string, minor int64, due calendar.Date) string {
	return strconv.Itoa(s.Books.AddInvoice(quickbookstest.Invoice{
		Customer: serial(customer), Number: number, Date: due.AddDays(-30).String(), Due: due.String(), Total: quickbookstest.Cents(minor),
	}))
}

func (s *source) Pay(invoice string, minor int64) {
	s.Books.Pay(serial(invoice), quickbookstest.Cents(minor), "2026-06-15")
}

func (s *source) Credit(invoice string, minor int64) {
	s.Books.Credit(serial(invoice), quickbookstest.Cents(minor), "2026-06-16")
}

func (s *source) Redate(invoice string, due calendar.Date) {
	s.Books.ChangeInvoice(serial(invoice), func(in *quickbookstest.Invoice) { in.Due = due.String() })
}

func (s *source) Rename(customer, name string) {
	s.Books.ChangeCustomer(serial(customer), func(c *quickbookstest.Customer) { c.Name = name })
}

func (s *source) Delete(invoice string) bool {
	s.Books.Delete(serial(invoice))
	return true
}

func (s *source) Ledger() bookstest.Ledger { return s.Books.Ledger() }

func (s *source) Owed() map[string]int64 { return s.Books.Owed() }

func (s *source) Pass(d time.Duration) { s.clock.ahead.Add(int64(d)) }

func (s *source) Between(skip int, change func()) {
	s.Server.Fail(quickbookstest.Fault{Skip: skip, Times: 1, Before: change})
}

func (s *source) Fail(f connectortest.Fault, skip, times int) bool {
	fault := quickbookstest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Kind = quickbookstest.Unauthorized
	case connectortest.Forbidden:
		fault.Kind = quickbookstest.Forbidden
	case connectortest.Throttled:
		fault.Kind = quickbookstest.Throttled
	case connectortest.ServerError:
		fault.Kind = quickbookstest.Broken
	case connectortest.Truncated:
		fault.Kind = quickbookstest.Truncated
	case connectortest.Disconnected:
		fault.Kind = quickbookstest.CutShort
	case connectortest.WebPage:
		fault.Kind = quickbookstest.BadGateway
	case connectortest.Slow:
		fault.Delay = 2 * time.Second
	case connectortest.Repeated:
		return false
	}
	s.Server.Fail(fault)
	return true
}

func serial(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, connectortest.Suite{
		Idle:  1,
		Lacks: []connectortest.Fault{connectortest.Repeated}, // pages go on by key: the same answer again is not the next page
		New:   func() (connectortest.Source, error) { return newSource(quickbookstest.Options{}), nil },
	})
}

// vendorPage is the most rows of a page of the vendor's.
const vendorPage = 1000

func TestDrillAPI_firstLoadTakesThePagesThereAre(t *testing.T) {
	t.Parallel()
	connectortest.RunFirstLoad(t, connectortest.FirstLoad{
		New: func() (connectortest.Source, error) {
			s := newSource(quickbookstest.Options{})
			s.page, s.limit = vendorPage, time.Minute
			return s, nil
		},
		Least: func(invoices, customers int) int { // and no credit memos, no payments
			return connectortest.Pages(invoices, vendorPage) + connectortest.Pages(customers, vendorPage) + 2
		},
		Besides: 7, // the currency, a count of each list, a page of nothing where the last is full, what changed meanwhile
		Idle:    1,
	})
}

func TestBalances(t *testing.T) {
	t.Parallel()
	connectortest.RunBalances(t, func() (connectortest.Ledger, error) {
		return newSource(quickbookstest.Options{Multi: true, Home: "EUR"}), nil
	})
}
