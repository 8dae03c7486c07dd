package rest_test

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/manifest"
	"relanced/connectors/rest"
	"relanced/connectors/rest/resttest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

// pageSize is small, so that books of some hundred rows have pages.
const pageSize = 40

// clock is a clock that goes on by itself and can be moved.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// source is the service as the suite sees it.
type source struct {
	*resttest.Server
	clock  *clock
	tokens *connectortest.Tokens
	ways   resttest.Options
	limit  time.Duration // of one answer
	sound  bool          // answers arrive whole and in time
}

func newSource(o resttest.Options) (*source, error) {
	c := &clock{}
	o.Now, o.Size = c.now, cmp.Or(o.Size, pageSize)
	s := &source{Server: resttest.New(o), clock: c, ways: o, limit: 500 * time.Millisecond}
	s.tokens = &connectortest.Tokens{Issue: func() string { access, _ := s.OAuth.Issue(); return access }}
	return s, s.compile()
}

// compiled are the specs of the manifests, by their ways: the suite opens some
// thousand connectors.
var compiled sync.Map

type ways struct {
	style resttest.Style
	auth  string
	size  int
}

// compile reads the server's manifest, where none of its ways was read before.
func (s *source) compile() error {
	key := ways{s.ways.Style, s.ways.Auth, s.ways.Size}
	if _, ok := compiled.Load(key); ok {
		return nil
	}
	dir, err := os.MkdirTemp("", "resttest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "quittance.yaml")
	if err := os.WriteFile(path, []byte(s.Manifest(s.ways.Size)), 0o600); err != nil {
		return err
	}
	spec := &rest.Spec{
		Manifest: manifest.Name(path), ClientID: "quittance-app", ClientSecret: conf.SecretOf("app/s3cret+"),
		Secrets: map[string]conf.Secret{"key": conf.SecretOf(resttest.Key), "user": conf.SecretOf("relanced")},
	}
	var p conf.Problems
	spec.Check(&p) // it also tells of secrets that this way in does not use
	compiled.Store(key, spec)
	return nil
}

// spec is that of a connection to this server.
func (s *source) spec() *rest.Spec {
	known, _ := compiled.Load(ways{s.ways.Style, s.ways.Auth, s.ways.Size})
	spec := *known.(*rest.Spec)
	spec.BaseURL, spec.TokenURL, spec.AuthorizeURL = conf.URL(s.URL()), conf.URL(s.TokenURL()), conf.URL(s.AuthorizeURL())
	return &spec
}

func (s *source) Open() (connectors.Connector, error) {
	return rest.New(s.spec(), connectors.Env{Connection: "ventes", Tokens: s.tokens, Unpaced: true, Now: s.clock.now, Timeout: s.limit})
}

func (s *source) PageSize() int { return pageSize }

func (s *source) AddInvoice(customer, number string, minor int64, due calendar.Date) string {
	return s.Books.AddInvoice(customer, number, minor, due.AddDays(-30).String(), due.String())
}

func (s *source) Redate(invoice string, due calendar.Date) {
	s.Change(invoice, func(in *resttest.Invoice) { in.Due = due.String() })
}

func (s *source) Delete(invoice string) bool {
	s.Books.Delete(invoice)
	return true
}

func (s *source) Pass(d time.Duration) { s.clock.ahead.Add(int64(d)) }

func (s *source) Between(skip int, change func()) {
	s.Server.Fail(resttest.Fault{Skip: skip, Times: 1, Before: change})
}

func (s *source) Fail(f connectortest.Fault, skip, times int) bool {
	if s.sound && times > 0 && f != connectortest.Repeated {
		return false
	}
	fault := resttest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Kind = resttest.Unauthorized
	case connectortest.Forbidden:
		fault.Kind = resttest.Forbidden
	case connectortest.Throttled:
		fault.Kind = resttest.Throttled
	case connectortest.ServerError:
		fault.Kind = resttest.Broken
	case connectortest.Truncated:
		fault.Kind = resttest.Truncated
	case connectortest.Disconnected:
		fault.Kind = resttest.CutShort
	case connectortest.WebPage:
		fault.Kind = resttest.WebPage
	case connectortest.Repeated:
		fault.Kind = resttest.Repeated
	case connectortest.Slow:
		fault.Delay = 2 * time.Second
	}
	s.Server.Fail(fault)
	return true
}

// passing are the faults of an answer that do not depend on the one before it.
var passing = []connectortest.Fault{
	connectortest.Throttled, connectortest.ServerError, connectortest.Truncated, connectortest.Disconnected, connectortest.WebPage, connectortest.Slow,
}

func TestConformance(t *testing.T) {
	t.Parallel()
	ways := []string{resttest.Header, resttest.Basic, resttest.Bearer, resttest.Client, resttest.Code}
	for i, style := range resttest.Styles {
		o := resttest.Options{Style: style, Auth: ways[i%len(ways)]}
		t.Run(string(style), func(t *testing.T) {
			t.Parallel()
			var lacks []connectortest.Fault
			if !slices.Contains([]resttest.Style{resttest.NumberEmpty, resttest.Cursor, resttest.Post}, o.Style) {
				lacks = passing // how an answer fails does not depend on how pages follow: three ways show it
			}
			connectortest.Run(t, connectortest.Suite{
				Idle:  5, // whose books these are, then one for each kind of thing
				Lacks: lacks,
				New: func() (connectortest.Source, error) {
					s, err := newSource(o)
					if err == nil {
						s.sound = lacks != nil
					}
					return s, err
				},
			})
		})
	}
}

// TestBalances takes the ways of the shipped manifests in turns.
func TestDrillAPI_firstLoadTakesThePagesThereAre(t *testing.T) {
	t.Parallel()
	const page = 100 // of Dolibarr, Sellsy and Xero
	for _, style := range []resttest.Style{resttest.NumberShort, resttest.Post, resttest.Cursor, resttest.NumberEmpty} {
		t.Run(string(style), func(t *testing.T) {
			t.Parallel()
			connectortest.RunFirstLoad(t, connectortest.FirstLoad{
				New: func() (connectortest.Source, error) {
					s, err := newSource(resttest.Options{Style: style, Size: page})
					if err == nil {
						s.limit = time.Minute
					}
					return s, err
				},
				Least: func(invoices, customers int) int { // and no credit notes, no payments
					return connectortest.Pages(invoices, page) + connectortest.Pages(customers, page) + 2
				},
				Besides: 4, // a page of nothing of each list, where that tells the end
				Idle:    5,
			})
		})
	}
}

func TestBalances(t *testing.T) {
	t.Parallel()
	for _, style := range []resttest.Style{resttest.NumberShort, resttest.Post, resttest.Cursor, resttest.NumberEmpty, resttest.Whole} {
		t.Run(string(style), func(t *testing.T) {
			t.Parallel()
			connectortest.RunBalances(t, func() (connectortest.Ledger, error) { return newSource(resttest.Options{Style: style}) })
		})
	}
}
