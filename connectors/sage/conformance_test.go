package sage_test

import (
	"sync/atomic"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/sage"
	"relanced/connectors/sage/sagetest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

// clock is a clock that goes on by itself and can be moved.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// source is a simulated business as the suite sees it.
type source struct {
	*sagetest.Server
	clock  *clock
	tokens *connectortest.Tokens
	limit  time.Duration // of one answer
	page   int
}

func newSource(o sagetest.Options) *source {
	c := &clock{}
	o.Now = c.now
	s := &source{Server: sagetest.New(o), clock: c, limit: 500 * time.Millisecond, page: smallPage}
	s.Pass(0)
	return s
}

func (s *source) Open() (connectors.Connector, error) { return s.connector(nil) }

func (s *source) connector(change func(*sage.Spec)) (*sage.Connector, error) {
	spec := sage.Spec{ClientID: s.ClientID(), ClientSecret: conf.SecretOf(s.ClientSecret()), BusinessID: s.Business(), BaseURL: conf.URL(s.URL())}
	spec.AuthorizeURL, spec.TokenURL = conf.URL(s.AuthorizeURL()), conf.URL(s.TokenURL())
	if change != nil {
		change(&spec)
	}
	c, err := sage.New(spec, connectors.Env{Connection: "books", Tokens: s.tokens, Unpaced: true, Now: s.clock.now, Timeout: s.limit})
	if err == nil {
		c.SetPage(s.page)
	}
	return c, err
}

// smallPage keeps the suite quick: what happens at a page's border is the same.
const smallPage = 40

func (s *source) PageSize() int { return smallPage }

func (s *source) AddCustomer(name string) string {
	return s.Books.AddContact(sagetest.Contact{Name: name, PersonEmail: "accounts@quayside.example", Country: "GB"})
}

func (s *source) AddInvoice(customer, number string, minor int64, due calendar.Date) string {
	return s.Books.AddDocument(sagetest.Invoices, sagetest.Document{
		Contact: customer, Number: number, Date: due.AddDays(-30).String(), Due: due.String(), Total: sagetest.Cents(minor),
	})
}

func (s *source) Pay(invoice string, minor int64) {
	s.Books.Pay(invoice, sagetest.Cents(minor), "2026-06-15")
}

func (s *source) Credit(invoice string, minor int64) {
	s.Books.Credit(invoice, sagetest.Cents(minor), "2026-06-16")
}

func (s *source) Redate(invoice string, due calendar.Date) {
	s.Books.Change(invoice, func(_ *sagetest.Contact, d *sagetest.Document, _ *sagetest.Settling) { d.Due = due.String() })
}

func (s *source) Rename(customer, name string) {
	s.Books.Change(customer, func(c *sagetest.Contact, _ *sagetest.Document, _ *sagetest.Settling) { c.Name = name })
}

func (s *source) Delete(invoice string) bool {
	s.Books.Delete(invoice)
	return true
}

func (s *source) Owed() map[string]int64 { return s.Books.Owed() }

// Pass lets time go by; whoever keeps the grant has a new token by then.
func (s *source) Pass(d time.Duration) {
	s.clock.ahead.Add(int64(d))
	s.tokens = &connectortest.Tokens{Issue: func() string { access, _ := s.OAuth.Issue(); return access }}
}

func (s *source) Between(skip int, change func()) {
	s.Server.Fail(sagetest.Fault{Skip: skip, Times: 1, Before: change})
}

func (s *source) Fail(f connectortest.Fault, skip, times int) bool {
	fault := sagetest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Kind = sagetest.Unauthorized
	case connectortest.Forbidden:
		fault.Kind = sagetest.Forbidden
	case connectortest.Throttled:
		fault.Kind = sagetest.Throttled
	case connectortest.ServerError:
		fault.Kind = sagetest.Broken
	case connectortest.Truncated:
		fault.Kind = sagetest.Truncated
	case connectortest.Disconnected:
		fault.Kind = sagetest.CutShort
	case connectortest.WebPage:
		fault.Kind = sagetest.BadGateway
	case connectortest.Slow:
		fault.Delay = 2 * time.Second
	case connectortest.Repeated:
		fault.Kind = sagetest.Repeated
	}
	s.Server.Fail(fault)
	return true
}

// idle is what a pass takes that finds nothing new: of seven lists what changed
// and what was deleted.
const idle = 14

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, connectortest.Suite{
		Idle: idle,
		New:  func() (connectortest.Source, error) { return newSource(sagetest.Options{}), nil },
	})
}

// vendorPage is the most rows of a page of the vendor's.
const vendorPage = 200

func TestDrillAPI_firstLoadTakesThePagesThereAre(t *testing.T) {
	t.Parallel()
	connectortest.RunFirstLoad(t, connectortest.FirstLoad{
		New: func() (connectortest.Source, error) {
			s := newSource(sagetest.Options{})
			s.page, s.limit = vendorPage, time.Minute
			return s, nil
		},
		Least: func(invoices, customers int) int { // and five lists that are empty
			return connectortest.Pages(invoices, vendorPage) + connectortest.Pages(customers, vendorPage) + 5
		},
		Besides: 4 + idle + 2*2, // what the user may read, the settings, what changed meanwhile, that nothing moved in lists of several pages
		Idle:    idle,
	})
}

func TestBalances(t *testing.T) {
	t.Parallel()
	connectortest.RunBalances(t, func() (connectortest.Ledger, error) {
		return newSource(sagetest.Options{}), nil
	})
}
