package sageactive_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/httpapi"
	"relanced/connectors/sageactive"
	"relanced/connectors/sageactive/sageactivetest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/receivable"
)

// source is a simulated organization as the suite sees it.
type source struct {
	*sageactivetest.Server
	ahead  *atomic.Int64
	tokens *connectortest.Tokens
	page   int
	limit  time.Duration
}

func newSource(o sageactivetest.Options) *source {
	s := &source{ahead: &atomic.Int64{}, page: 20, limit: 500 * time.Millisecond}
	o.Now = s.now
	s.Server = sageactivetest.New(o)
	s.Pass(0)
	return s
}

func (s *source) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func (s *source) Open() (connectors.Connector, error) { return s.connector(nil) }

func (s *source) connector(change func(*sageactive.Spec)) (*sageactive.Connector, error) {
	spec := sageactive.Spec{
		ClientID: s.ClientID(), ClientSecret: conf.SecretOf(s.ClientSecret()), SubscriptionKey: conf.SecretOf(s.Key()),
		OrganizationID: s.Organization(), BaseURL: conf.URL(s.URL()),
	}
	if change != nil {
		change(&spec)
	}
	c, err := sageactive.New(spec, connectors.Env{Connection: "books", Tokens: s.tokens, Unpaced: true, Now: s.now, Timeout: s.limit})
	if err == nil {
		c.SetPage(s.page)
	}
	return c, err
}

func (s *source) PageSize() int { return s.page }

func (s *source) AddCustomer(name string) string {
	return s.Books.AddCustomer(sageactivetest.Customer{Name: name, Emails: map[string]string{"INVOICES": "compta@perrin.example"}})
}

func (s *source) AddInvoice(customer, number string, minor int64, due calendar.Date) string {
	return s.Books.AddInvoice(sageactivetest.Invoice{
		Customer: customer, Number: number, Date: due.AddDays(-30).String(), Items: []sageactivetest.Item{{Amount: sageactivetest.Cents(minor), Due: due.String()}},
	})
}

func (s *source) Pay(invoice string, minor int64) { s.Books.Pay(invoice, sageactivetest.Cents(minor)) }

func (s *source) Credit(invoice string, minor int64) {
	s.Books.Pay(invoice, sageactivetest.Cents(minor))
}

func (s *source) Redate(invoice string, due calendar.Date) {
	s.Books.Change(invoice, func(_ *sageactivetest.Customer, in *sageactivetest.Invoice) { in.Items[0].Due = due.String() })
}

func (s *source) Rename(customer, name string) {
	s.Books.Change(customer, func(c *sageactivetest.Customer, _ *sageactivetest.Invoice) { c.Name = name })
}

func (s *source) Delete(string) bool     { return false } // an issued invoice cannot be deleted
func (s *source) Owed() map[string]int64 { return s.Books.Owed() }

// Pass lets time go by; whoever keeps the grant has a new token by then.
func (s *source) Pass(d time.Duration) {
	s.ahead.Add(int64(d))
	s.tokens = &connectortest.Tokens{Issue: func() string { access, _ := s.OAuth.Issue(); return access }}
}

func (s *source) Between(skip int, change func()) {
	s.Server.Fail(sageactivetest.Fault{Skip: skip, Times: 1, Before: change})
}

func (s *source) Fail(f connectortest.Fault, skip, times int) bool {
	fault := sageactivetest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Kind = sageactivetest.Unauthorized
	case connectortest.Forbidden:
		fault.Kind = sageactivetest.Forbidden
	case connectortest.Throttled:
		fault.Kind = sageactivetest.Throttled
	case connectortest.ServerError:
		fault.Kind = sageactivetest.Broken
	case connectortest.Truncated:
		fault.Kind = sageactivetest.Truncated
	case connectortest.Disconnected:
		fault.Kind = sageactivetest.CutShort
	case connectortest.WebPage:
		fault.Kind = sageactivetest.BadGateway
	case connectortest.Slow:
		fault.Delay = 2 * time.Second
	case connectortest.Repeated:
		fault.Kind = sageactivetest.Repeated
	}
	s.Server.Fail(fault)
	return true
}

func TestConformance(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, connectortest.Suite{
		Idle:     4, // customers, invoices, instalments, ledger entries
		KeepsAll: true,
		New:      func() (connectortest.Source, error) { return newSource(sageactivetest.Options{}), nil },
	})
}

func TestDrillAPI_firstLoadTakesThePagesThereAre(t *testing.T) {
	t.Parallel()
	connectortest.RunFirstLoad(t, connectortest.FirstLoad{
		New: func() (connectortest.Source, error) {
			s := newSource(sageactivetest.Options{})
			s.page, s.limit = 500, time.Minute // the vendor's most
			return s, nil
		},
		// Each invoice has an entry in the ledger. A page begins with the last row of the
		// one before: else what is deleted meanwhile would hide a row.
		Least: func(invoices, customers int) int {
			return 2*connectortest.Pages(invoices-1, 499) + connectortest.Pages(customers-1, 499)
		},
		Besides: 1 + 4, // the currency, what changed meanwhile
		Idle:    4,
	})
}

// What an answer may cost is limited by a rule that is not told: larger pages
// than that are refused, or fail.
func TestPull_pagesThatAreTooLargeAreHalved(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{sageactivetest.Costly, sageactivetest.CostlyOK, sageactivetest.Timeout} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			s, m := newSource(sageactivetest.Options{Largest: 130, TooLarge: answer}), connectortest.NewMirror()
			defer s.Server.Close()
			s.page, s.limit = 500, time.Minute
			customer := s.AddCustomer("Perrin")
			for i := range 700 {
				s.AddInvoice(customer, strconv.Itoa(i), int64(10000+i), due)
			}
			s.Pass(time.Hour)
			pass(t, s, m)
			equal(t, s, m)
		})
	}
}

func TestPull_whatWasRefusedForItsSizeIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newSource(sageactivetest.Options{Largest: 130, TooLarge: sageactivetest.Costly})
	defer s.Server.Close()
	s.page = 500
	s.AddInvoice(s.AddCustomer("Perrin"), "FV-1", 10000, due)
	s.Pass(time.Hour)
	c, err := s.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	pull := func() int {
		before := s.Requests()
		for _, err := range c.Pull(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
		}
		return s.Requests() - before
	}
	refused := 2 * 4 // two sizes of four lists
	if first, again := pull(), pull(); again != first-refused-1 {
		t.Errorf("a load took %d requests, the next one %d", first, again)
	}
}

func TestBalances(t *testing.T) {
	t.Parallel()
	connectortest.RunBalances(t, func() (connectortest.Ledger, error) {
		return newSource(sageactivetest.Options{}), nil
	})
}

type fataler interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

func pass(t fataler, s *source, m *connectortest.Mirror) {
	t.Helper()
	if err := connectortest.Pass(context.Background(), s, m); err != nil {
		t.Fatal(err)
	}
}

// reread reads what is open again, as passes do every few hours.
func reread(t fataler, s *source, m *connectortest.Mirror) {
	t.Helper()
	c, err := s.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	cursor := m.Cursor
	for page, err := range c.ReadInvoices(context.Background(), slices.Sorted(maps.Keys(m.Documents))) {
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(page); err != nil {
			t.Fatal(err)
		}
	}
	m.Cursor = cursor
}

func equal(t fataler, s *source, m *connectortest.Mirror) {
	t.Helper()
	if diff := cmp.Diff(s.Owed(), m.Owed()); diff != "" {
		t.Errorf("owed (-source +mirror):\n%s", diff)
	}
	credits := map[string]int64{}
	for key, d := range m.Documents {
		if d.Kind == receivable.CreditNote && d.Outstanding.Sign() > 0 {
			credits[key] = d.Outstanding.Minor
		}
	}
	if diff := cmp.Diff(s.Books.Credits(), credits); diff != "" {
		t.Errorf("credits (-source +mirror):\n%s", diff)
	}
	if len(m.Bad) > 0 {
		t.Errorf("rejected: %v", m.Bad)
	}
}

var due = calendar.MustParse("2026-06-30")

// TestPull_balancesEqualWhateverHappens changes books at random, between passes
// and between the requests of one, under a drawn reading of what is not
// documented; at the end all that is owed either way equals the source.
func TestPull_balancesEqualWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		o := sageactivetest.Options{Moves: rapid.Bool().Draw(rt, "moves"), Negative: rapid.Bool().Draw(rt, "negative")}
		s, m := newSource(o), connectortest.NewMirror()
		defer s.Server.Close()
		s.page, s.limit = 4, 30*time.Second
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		customers, invoices, n := []string{s.AddCustomer("A")}, []string{}, 0
		step := func() {
			n++
			kind := rng.IntN(9)
			if len(invoices) == 0 {
				kind = 0
			}
			pick := func() int { return rng.IntN(len(invoices)) }
			switch kind {
			case 0, 1, 2:
				in := sageactivetest.Invoice{Customer: customers[rng.IntN(len(customers))], Number: "FV-" + strconv.Itoa(n), Date: "2026-05-31", Ledger: rng.IntN(3) == 0}
				for i := range 1 + rng.IntN(3) {
					in.Items = append(in.Items, sageactivetest.Item{Amount: sageactivetest.Cents(1 + rng.IntN(99999)), Due: due.AddDays(30 * i).String()})
				}
				if rng.IntN(4) == 0 {
					in.Type = "CREDIT_NOTE"
				}
				invoices = append(invoices, s.Books.AddInvoice(in))
			case 3, 4:
				s.Books.Pay(invoices[pick()], sageactivetest.Cents(1+rng.IntN(60000))) // in part, or too much
			case 5:
				s.Books.Pay(invoices[pick()], 0)
			case 6:
				s.Books.Pay(invoices[pick()], -sageactivetest.Cents(1+rng.IntN(60000)))
			case 7:
				s.Redate(invoices[pick()], due.AddDays(rng.IntN(60)))
			case 8:
				i := pick()
				s.Books.Remove(invoices[i])
				invoices = slices.Delete(invoices, i, i+1)
				customers = append(customers, s.AddCustomer("B"+strconv.Itoa(n)))
			}
		}
		for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 10).Draw(rt, "changes") {
				step()
			}
			for range rapid.IntRange(0, 2).Draw(rt, "meanwhile") {
				s.Between(rapid.IntRange(0, 12).Draw(rt, "after"), step)
			}
			pass(rt, s, m)
			s.Heal()
			s.Pass(time.Hour)
		}
		pass(rt, s, m)
		reread(rt, s, m)
		equal(rt, s, m)
	})
}

func TestPull_deletionWhilePagingHidesNothing(t *testing.T) {
	t.Parallel()
	for skip := 1; skip < 9; skip++ {
		s, m := newSource(sageactivetest.Options{}), connectortest.NewMirror()
		customer := s.AddCustomer("A")
		var ids []string
		for i := range 4*s.page + 1 {
			ids = append(ids, s.AddInvoice(customer, strconv.Itoa(i), 100, due))
		}
		s.Pass(time.Hour) // the changes since the load began do not tell of these rows
		s.Between(skip, func() {
			s.Books.Remove(ids[3])
			s.AddInvoice(customer, "as many as before", 777, due)
		})
		pass(t, s, m)
		reread(t, s, m)
		equal(t, s, m)
		_ = s.Server.Close()
	}
}

// A payment moves the instalment and not its invoice: one that comes during a
// load, behind the page with its invoice, is seen by that load.
func TestPull_paymentDuringTheLoadIsSeen(t *testing.T) {
	t.Parallel()
	s, m := newSource(sageactivetest.Options{}), connectortest.NewMirror()
	defer s.Server.Close()
	customer := s.AddCustomer("A")
	var first string
	for i := range 3 * s.page {
		if id := s.AddInvoice(customer, strconv.Itoa(i), 100, due); i == 0 {
			first = id
		}
	}
	s.Pass(time.Hour)
	s.Between(4, func() { s.Pay(first, 60) }) // after the customers, the currency and two pages
	pass(t, s, m)
	equal(t, s, m)
}

func TestPull_cursorsThatAreNoOffsets(t *testing.T) {
	t.Parallel()
	s, m := newSource(sageactivetest.Options{Opaque: true}), connectortest.NewMirror()
	defer s.Server.Close()
	customer := s.AddCustomer("A")
	for i := range 3 * s.page {
		s.AddInvoice(customer, strconv.Itoa(i), 100, due)
	}
	pass(t, s, m)
	equal(t, s, m)
}

// What cannot be read is told and loses nothing else: not what names it, not what
// stands beside it in an entry, and not what was known of it.
func TestPull_unreadableRowsLoseNothingElse(t *testing.T) {
	t.Parallel()
	s, m := newSource(sageactivetest.Options{}), connectortest.NewMirror()
	defer s.Server.Close()
	customer := s.AddCustomer("Perrin")
	invoice := s.AddInvoice(customer, "FV-1", 10000, due)
	entry := func(number string) string {
		return s.Books.AddInvoice(sageactivetest.Invoice{Customer: customer, Number: number, Ledger: true, Date: "2026-01-05", Items: []sageactivetest.Item{{Amount: 300, Due: "2026-02-04"}}})
	}
	several, odd := entry("OLD-1"), entry("OLD-2")
	pass(t, s, m)
	known := m.Clone()
	line := func(id string, items ...any) any {
		return map[string]any{
			"subAccount": map[string]any{"code": map[string]any{"value": "411"}}, "accountingEntryThirdParty": map[string]any{"thirdPartyId": customer, "origin": "CUSTOMER"},
			"accountingEntryInvoice": map[string]any{"id": id, "externalInvoiceNumber": 7, "openItems": items},
		}
	}
	good := map[string]any{"amount": 3, "paidAmountAccumulated": 0, "dueDate": "2026-02-04T00:00:00Z"}
	s.Books.Alter(several, map[string]any{"accountingEntryLines": []any{line("empty"), line("i"+several, good)}})
	s.Books.Alter(odd, map[string]any{"date": 7})
	s.Books.Alter(customer, map[string]any{"socialName": []any{"Perrin"}})
	s.Pass(time.Hour)
	m.Cursor = nil // all of it again
	pass(t, s, m)
	for _, id := range []string{customer, "entry:" + several + "/empty", "entry:" + odd + "/i" + odd} {
		if m.Bad[id] == "" {
			t.Errorf("%s is not told: %v", id, m.Bad)
		}
	}
	if diff := cmp.Diff(known.Accounts, m.Accounts); diff != "" {
		t.Errorf("what was known of the customer (-before +after):\n%s", diff)
	}
	if m.Documents[invoice].Outstanding.Minor != 10000 || m.Documents["entry:"+several+"/i"+several].Number != "7" || m.Documents["entry:"+odd+"/i"+odd].Number != "OLD-2" {
		t.Errorf("documents %v", m.Documents)
	}
	clear(m.Bad)
	reread(t, s, m)
	if m.Bad["entry:"+odd+"/i"+odd] == "" || m.Documents["entry:"+odd+"/i"+odd].Number != "OLD-2" {
		t.Errorf("read again: %v, rejected %v", m.Documents, m.Bad)
	}
}

func doOf(err error) string {
	e, _ := errors.AsType[*connectors.Error](err)
	if e == nil {
		return ""
	}
	return e.Do
}

func TestProbe_saysWhoseBooksAndWhatToDo(t *testing.T) {
	t.Parallel()
	for kind, test := range map[string]struct {
		want    connectors.Kind
		renewed int
		do      string
	}{
		sageactivetest.Unauthorized: {connectors.Auth, 2, "relanced connect"}, sageactivetest.BadKey: {connectors.Auth, 1, "subscription_key"},
		sageactivetest.Forbidden: {connectors.Auth, 1, "open Sage Active"}, sageactivetest.BusinessErr: {connectors.Invalid, 1, ""}, "": {"", 1, ""},
	} {
		s := newSource(sageactivetest.Options{})
		s.Server.Fail(sageactivetest.Fault{Kind: kind})
		c, err := s.connector(nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := c.Probe(t.Context())
		if httpapi.KindOf(err) != test.want || !strings.Contains(doOf(err), test.do) || s.tokens.Renewed() != test.renewed || err == nil && !strings.Contains(text, "STUDIO HALLES") {
			t.Errorf("%q: %q, %v, do %q, %d tokens", kind, text, err, doOf(err), s.tokens.Renewed())
		}
		_ = s.Server.Close()
	}
}

func TestAccept_onlyTheConfiguredOrganization(t *testing.T) {
	t.Parallel()
	s := newSource(sageactivetest.Options{})
	defer s.Server.Close()
	access, _ := s.OAuth.Issue()
	for id, do := range map[string]string{s.Organization(): "", "777": "organization_id", s.Unready(): "finish setting it up"} {
		ok := do == ""
		c, err := s.connector(func(spec *sageactive.Spec) { spec.OrganizationID = id })
		if err != nil {
			t.Fatal(err)
		}
		_, whose, err := c.Accept(t.Context(), access, nil)
		if ok && (err != nil || !strings.Contains(whose, "STUDIO HALLES")) {
			t.Errorf("%q, %v", whose, err)
		}
		if !ok && (httpapi.KindOf(err) != connectors.Auth || !strings.Contains(doOf(err), do)) {
			t.Errorf("another: %v", err)
		}
		if !ok {
			if _, err := c.Probe(t.Context()); httpapi.KindOf(err) != connectors.Auth || !strings.Contains(doOf(err), do) {
				t.Errorf("another, in a pass: %v", err)
			}
		}
	}
}

func TestFetchDocument_isThePDF(t *testing.T) {
	t.Parallel()
	s := newSource(sageactivetest.Options{})
	defer s.Server.Close()
	id := s.AddInvoice(s.AddCustomer("A"), "FV-1", 100, due)
	c, err := s.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	if file, err := c.FetchDocument(t.Context(), id, 1<<20); err != nil || !strings.HasPrefix(string(file.Bytes), "%PDF-") {
		t.Errorf("%q, %v", file.Name, err)
	}
	if _, err := c.FetchDocument(t.Context(), id, 9); err == nil {
		t.Error("a document beyond the limit is taken")
	}
}
