// Package connectortest is the conformance suite of connectors. A connector
// proves with it, on a faithful simulator of its source, that what Pull yields
// equals the source at the end, whatever happens on the way.
package connectortest

import (
	"maps"
	"slices"
	"testing"
	"time"

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
	// Lacks are the passing faults that the source cannot show. One that it turns
	// out to lack and that is not named here fails.
	Lacks []Fault
	// KeepsAll tells that nothing is ever deleted in the source.
	KeepsAll bool
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
	if s.KeepsAll {
		delete(tests, "deletion")
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
