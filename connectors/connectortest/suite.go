// Package connectortest is the conformance suite of connectors. A connector
// proves with it, on a faithful simulator of its source, that what Pull yields
// equals the source at the end, whatever happens on the way.
package connectortest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/connectors"
	"relanced/internal/calendar"
)

// Fault is a way for the source to fail.
type Fault string

// The faults. Those a source cannot show are answered by false from Fail.
const (
	Unauthorized Fault = "401"
	Forbidden    Fault = "403"
	Throttled    Fault = "429 with a delay of one second"
	ServerError  Fault = "500"
	Truncated    Fault = "JSON cut off"
	Disconnected Fault = "connection lost in the middle"
	WebPage      Fault = "a web page instead of JSON"
	Slow         Fault = "an answer slower than the time limit"
	Repeated     Fault = "the page before once more"
)

// Source is a simulated source whose books can be changed, and connectors to it.
type Source interface {
	// Open returns a new connector to the same books, as after a restart. Its
	// time limit for one answer is 500 ms at most.
	Open() (connectors.Connector, error)
	PageSize() int
	AddCustomer(name string) string
	AddInvoice(customer, number string, minor int64, due calendar.Date) string
	Pay(invoice string, minor int64)
	Credit(invoice string, minor int64)
	Redate(invoice string, due calendar.Date)
	Rename(customer, name string)
	// Delete removes an invoice; false: the source knows no deletion.
	Delete(invoice string) bool
	// Owed is what may truly be chased, in minor units, by invoice.
	Owed() map[string]int64
	Requests() int
	Writes() int
	// Fail lets requests after the first skip fail: times of them (0: all).
	Fail(f Fault, skip, times int) bool
	// Between runs change once, just before the request after skip others.
	Between(skip int, change func())
	Heal()
	// Pass lets time go by.
	Pass(d time.Duration)
	Close() error
}

// Suite is what a connector's test gives.
type Suite struct {
	New  func() (Source, error)
	Idle int // most requests of a pass that finds nothing new
}

var due = calendar.MustParse("2026-06-30")

// Run runs the whole suite.
func Run(t *testing.T, s Suite) {
	t.Helper()
	tests := map[string]func(*testing.T, Suite){
		"empty books": emptyBooks, "one page": onePage, "many pages": manyPages, "idle pass": idlePass,
		"changes": changes, "change while paging": changeWhilePaging, "deletion": deletion,
		"refused": refused, "passing faults": passingFaults, "outage ends when cancelled": cancelled,
		"caller stops": callerStops, "replay from each cursor": replay, "random books and faults": random,
		"live re-read": reread,
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tests[name](t, s)
		})
	}
}

func (s Suite) start(t *testing.T) Source {
	t.Helper()
	src, err := s.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, src) })
	return src
}

// end closes a source to which nothing may have been written.
func end(t interface{ Errorf(string, ...any) }, src Source) {
	if n := src.Writes(); n != 0 {
		t.Errorf("%d attempts to write to the source", n)
	}
	_ = src.Close()
}

// Pass pulls into the mirror until the end or the first error, with a new
// connector.
func Pass(ctx context.Context, src Source, m *Mirror) error {
	c, err := src.Open()
	if err != nil {
		return err
	}
	for page, err := range c.Pull(ctx, m.Cursor) {
		if err != nil {
			return err
		}
		if err := m.Apply(page); err != nil {
			return err
		}
	}
	return nil
}

// list applies what a connector lists, where it lists: deletions that its changes
// do not tell show there. The cursor stays.
func list(ctx context.Context, src Source, m *Mirror) error {
	c, err := src.Open()
	if err != nil {
		return err
	}
	l, ok := c.(connectors.Lister)
	if !ok {
		return nil
	}
	cursor := m.Cursor
	for page, err := range l.List(ctx, "all") {
		if err != nil {
			return err
		}
		if err := m.Apply(page); err != nil {
			return err
		}
	}
	m.Cursor = cursor
	return nil
}

func mustPass(t *testing.T, src Source, m *Mirror) {
	t.Helper()
	if err := Pass(t.Context(), src, m); err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, src Source, m *Mirror) {
	t.Helper()
	if diff := cmp.Diff(src.Owed(), m.Owed()); diff != "" {
		t.Errorf("what is owed differs (-source +mirror):\n%s", diff)
	}
	if len(m.Bad) > 0 {
		t.Errorf("rejected rows: %v", m.Bad)
	}
}

func fill(src Source, n int) []string {
	customer := src.AddCustomer("Menuiserie Lacaze")
	ids := make([]string, 0, n)
	for i := range n {
		ids = append(ids, src.AddInvoice(customer, fmt.Sprintf("F-%05d", i), int64(10000+i), due.AddDays(i%90)))
	}
	return ids
}

func emptyBooks(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	mustPass(t, src, m)
	equal(t, src, m)
	if m.Cursor == nil {
		t.Error("no cursor after a pass over empty books")
	}
}

func onePage(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	fill(src, 3)
	mustPass(t, src, m)
	equal(t, src, m)
	if len(m.Owed()) != 3 || len(m.Accounts) != 1 {
		t.Errorf("%d invoices, %d accounts", len(m.Owed()), len(m.Accounts))
	}
}

// manyPages also has many rows of one moment, and a number of rows that is a
// multiple of the page's size.
func manyPages(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	fill(src, 2*src.PageSize())
	mustPass(t, src, m)
	equal(t, src, m)
}

func idlePass(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	fill(src, src.PageSize()+5)
	src.Pass(time.Hour)
	mustPass(t, src, m)
	src.Pass(15 * time.Minute)
	before, state := src.Requests(), m.Clone()
	mustPass(t, src, m)
	if n := src.Requests() - before; n > s.Idle {
		t.Errorf("an idle pass took %d requests, want at most %d", n, s.Idle)
	}
	if diff := cmp.Diff(state.Documents, m.Documents); diff != "" {
		t.Errorf("an idle pass changed documents:\n%s", diff)
	}
}

func changes(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	ids := fill(src, 6)
	mustPass(t, src, m)
	src.Pass(time.Hour)
	src.Pay(ids[0], 10000)
	src.Pay(ids[1], 4000)
	src.Credit(ids[2], 500)
	src.Redate(ids[3], due.AddDays(45))
	another := src.AddCustomer("Dupont & Fils")
	src.AddInvoice(another, "F-NEW", 7700, due)
	mustPass(t, src, m)
	equal(t, src, m)
	if got := m.Documents[ids[3]].Dues[0].On; got != due.AddDays(45) {
		t.Errorf("the moved due date reads %v", got)
	}
	if m.Accounts[another].Name != "Dupont & Fils" {
		t.Errorf("the new account reads %q", m.Accounts[another].Name)
	}
	src.Rename(another, "Dupont SAS")
	src.Pass(time.Second)
	mustPass(t, src, m)
	if m.Accounts[another].Name != "Dupont SAS" {
		t.Errorf("the renamed account reads %q", m.Accounts[another].Name)
	}
}

func changeWhilePaging(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	ids := fill(src, 2*src.PageSize()+10)
	src.Pass(time.Hour)
	for skip := 1; skip < 5; skip++ {
		src.Between(skip, func() {
			src.Pay(ids[skip], 5000)
			src.Pay(ids[len(ids)-skip], 0)
			src.AddInvoice(src.AddCustomer("Late"), fmt.Sprintf("F-L%d", skip), 1234, due)
		})
	}
	mustPass(t, src, m)
	src.Pass(time.Minute)
	mustPass(t, src, m)
	equal(t, src, m)
}

func deletion(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	ids := fill(src, 4)
	mustPass(t, src, m)
	src.Pass(time.Hour)
	if !src.Delete(ids[1]) {
		t.Skip("the source knows no deletion")
	}
	mustPass(t, src, m)
	if err := list(t.Context(), src, m); err != nil {
		t.Fatal(err)
	}
	equal(t, src, m)
}

func refused(t *testing.T, s Suite) {
	for _, f := range []Fault{Unauthorized, Forbidden} {
		src, m := s.start(t), NewMirror()
		fill(src, 3)
		if !src.Fail(f, 0, 0) {
			continue
		}
		err := Pass(t.Context(), src, m)
		e, ok := errors.AsType[*connectors.Error](err)
		if !ok || e.Kind != connectors.Auth {
			t.Errorf("%s: got %v, want an error of kind auth", f, err)
			continue
		}
		if e.Do == "" {
			t.Errorf("%s: the error does not say what to do", f)
		}
		if n := src.Requests(); n > 2 {
			t.Errorf("%s: %d requests with a refused token", f, n)
		}
		src.Heal()
		mustPass(t, src, m)
		equal(t, src, m)
	}
}

func passingFaults(t *testing.T, s Suite) {
	for _, f := range []Fault{Throttled, ServerError, Truncated, Disconnected, WebPage, Slow, Repeated} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			src, m := s.start(t), NewMirror()
			fill(src, src.PageSize()+5)
			if !src.Fail(f, 2, 2) {
				t.Skip("the source cannot show it")
			}
			mustPass(t, src, m)
			src.Heal()
			equal(t, src, m)
		})
	}
}

func cancelled(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	fill(src, 3)
	if !src.Fail(ServerError, 1, 0) {
		t.Skip("the source cannot show it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := Pass(ctx, src, m)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's own end", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}

func callerStops(t *testing.T, s Suite) {
	src := s.start(t)
	fill(src, 2*src.PageSize())
	c, err := src.Open()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range c.Pull(t.Context(), nil) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d pages after the first was enough", n)
	}
}

// replay goes on from every cursor of a load, each page committed twice, and
// ends in the same state.
func replay(t *testing.T, s Suite) {
	src := s.start(t)
	ids := fill(src, 2*src.PageSize()+3)
	src.Pay(ids[1], 0)
	src.Pay(ids[2], 100)
	src.Pass(time.Hour)
	c, err := src.Open()
	if err != nil {
		t.Fatal(err)
	}
	m, states := NewMirror(), []*Mirror{}
	for page, err := range c.Pull(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := m.Apply(page); err != nil {
				t.Fatal(err)
			}
		}
		states = append(states, m.Clone())
	}
	equal(t, src, m)
	for i, state := range states {
		mustPass(t, src, state)
		if diff := cmp.Diff(m.Documents, state.Documents); diff != "" {
			t.Errorf("going on after page %d ends elsewhere:\n%s", i+1, diff)
		}
		if diff := cmp.Diff(m.Payments, state.Payments); diff != "" {
			t.Errorf("going on after page %d ends with other payments:\n%s", i+1, diff)
		}
	}
}

// random changes random books at random, cuts passes at random pages and lets
// requests fail; at the end the mirror equals the books.
func random(t *testing.T, s Suite) {
	rapid.Check(t, func(rt *rapid.T) {
		src, err := s.New()
		if err != nil {
			rt.Fatal(err)
		}
		defer end(rt, src)
		m := NewMirror()
		customers := []string{src.AddCustomer("A")}
		var invoices []string
		for range rapid.IntRange(1, 12).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 8).Draw(rt, "changes") {
				customers, invoices = step(rt, src, customers, invoices)
			}
			src.Pass(time.Duration(rapid.IntRange(0, 3*24*3600).Draw(rt, "seconds")) * time.Second)
			if rapid.Bool().Draw(rt, "cut") {
				cutPass(rt, src, m, rapid.IntRange(0, 4).Draw(rt, "after"))
			}
			if rapid.IntRange(0, 2).Draw(rt, "fault") == 0 {
				faultyPass(rt, src, m)
			}
		}
		for range 2 { // the second sees what the first one's own moment hid
			src.Pass(time.Minute)
			if err := Pass(context.Background(), src, m); err != nil {
				rt.Fatal(err)
			}
		}
		if err := list(context.Background(), src, m); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(src.Owed(), m.Owed()); diff != "" {
			rt.Errorf("what is owed differs (-source +mirror):\n%s", diff)
		}
	})
}

func step(rt *rapid.T, src Source, customers, invoices []string) (c, i []string) {
	pick := func() string { return rapid.SampledFrom(invoices).Draw(rt, "invoice") }
	kind := rapid.IntRange(0, 7).Draw(rt, "kind")
	if len(invoices) == 0 && kind > 1 {
		kind = 1
	}
	owed := src.Owed()
	switch kind {
	case 0:
		customers = append(customers, src.AddCustomer(rapid.StringN(1, 20, 60).Draw(rt, "name")))
	case 1, 2:
		number := fmt.Sprintf("F-%d", len(invoices))
		customer := rapid.SampledFrom(customers).Draw(rt, "customer")
		days := rapid.IntRange(-60, 60).Draw(rt, "due")
		invoices = append(invoices, src.AddInvoice(customer, number, rapid.Int64Range(1, 5_000_00).Draw(rt, "total"), due.AddDays(days)))
	case 3:
		if id := pick(); owed[id] > 0 {
			src.Pay(id, 0)
		}
	case 4:
		if id := pick(); owed[id] > 1 {
			src.Pay(id, rapid.Int64Range(1, owed[id]).Draw(rt, "part"))
		}
	case 5:
		if id := pick(); owed[id] > 1 {
			src.Credit(id, rapid.Int64Range(1, owed[id]).Draw(rt, "credit"))
		}
	case 6:
		src.Redate(pick(), due.AddDays(rapid.IntRange(-60, 60).Draw(rt, "to")))
	case 7:
		if id := pick(); src.Delete(id) {
			invoices = slices.DeleteFunc(slices.Clone(invoices), func(other string) bool { return other == id })
		}
	}
	return customers, invoices
}

// cutPass commits some pages of a pass and drops the rest, as a crash does.
func cutPass(rt *rapid.T, src Source, m *Mirror, pages int) {
	c, err := src.Open()
	if err != nil {
		rt.Fatal(err)
	}
	for page, err := range c.Pull(context.Background(), m.Cursor) {
		if err != nil {
			rt.Fatal(err)
		}
		if pages--; pages < 0 {
			return
		}
		if err := m.Apply(page); err != nil {
			rt.Fatal(err)
		}
	}
}

// patience is how long a pass with faults is waited for: less than a connector
// waits before it tries again, so that most such passes end in the middle.
const patience = 60 * time.Millisecond

// faultyPass makes a pass while requests fail in some way. What it brought before
// it ended stays; that it ended must not be told as anything but the fault.
func faultyPass(rt *rapid.T, src Source, m *Mirror) {
	fault := rapid.SampledFrom([]Fault{
		Unauthorized, Forbidden, Throttled, ServerError, Truncated, Disconnected, WebPage,
	}).Draw(rt, "kind of fault")
	if !src.Fail(fault, rapid.IntRange(0, 5).Draw(rt, "skip"), rapid.IntRange(1, 3).Draw(rt, "times")) {
		return
	}
	defer src.Heal()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := Pass(ctx, src, m)
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	e, ok := errors.AsType[*connectors.Error](err)
	refused := fault == Unauthorized || fault == Forbidden
	if !ok || refused && e.Kind != connectors.Auth || !refused && e.Kind != connectors.Rate && e.Kind != connectors.Temporary {
		rt.Fatalf("%s is told as %v", fault, err)
	}
}

func reread(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	ids := fill(src, 5)
	mustPass(t, src, m)
	c, err := src.Open()
	if err != nil {
		t.Fatal(err)
	}
	r, ok := c.(connectors.InvoiceReader)
	if !ok {
		t.Skip("the connector has no live re-read")
	}
	src.Pay(ids[0], 0)
	src.Pay(ids[1], 300)
	src.Delete(ids[2])
	cursor := m.Cursor
	for page, err := range r.ReadInvoices(t.Context(), ids) {
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(page); err != nil {
			t.Fatal(err)
		}
	}
	m.Cursor = cursor
	equal(t, src, m)
}
