// Package simulator is the side that the simulated interfaces of vendors show to
// whoever asks: it serves on this machine, counts what is asked and what of it
// would write, and lets answers fail. What a vendor answers, and in which words it
// refuses, is each simulator's own.
package simulator

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is an answer that is not the usual one.
type Fault struct {
	Path   string // requests whose path begins so; "": all
	Skip   int    // of those, how many pass first
	Times  int    // how many are hit; 0: all
	Kind   string // one of the kinds here or of the simulator; "": the usual answer
	Delay  time.Duration
	Before func() // runs before the request is handled
	// Status, where it is not 0, is answered with Header and Body, whatever the kind.
	Status int
	Header http.Header
	Body   string
}

// The kinds of fault that are the same everywhere: they spoil the answer that
// would have been given.
const (
	Truncated = "JSON cut off"
	CutShort  = "connection cut"
	Repeated  = "the answer before once more"
)

// Front is embedded in a simulator. The zero value counts and fails; Serve starts
// it. It is safe for concurrent use.
type Front struct {
	listener net.Listener
	server   *http.Server

	mu       sync.Mutex
	faults   []Fault
	requests int
	writes   int
	problems []string
	before   map[string]Answer // by key
}

// Serve begins to answer on a free port of this machine. What mux has no handler
// for counts as any other request does.
func (f *Front) Serve(mux *http.ServeMux) error {
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		f.Count(r.Method == http.MethodGet)
		f.Mind("no such address: %s %s", r.Method, r.URL.Path)
		http.NotFound(w, r)
	})
	var err error
	if f.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil { //nolint:noctx // at once, on this machine
		return fmt.Errorf("simulator: %w", err)
	}
	f.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go f.server.Serve(f.listener) //nolint:errcheck // ends with Close
	return nil
}

// Origin is the address that is answered at, without a path.
func (f *Front) Origin() string { return "http://" + f.listener.Addr().String() }

// Close ends it at once: nothing listens at its address any more.
func (f *Front) Close() error { return f.server.Close() }

// Count counts a request, reads telling whether it only asks. Requests for tokens
// are not counted.
func (f *Front) Count(reads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if !reads {
		f.writes++
	}
}

// Requests counts all requests, Writes those of them that would write.
func (f *Front) Requests() int { f.mu.Lock(); defer f.mu.Unlock(); return f.requests }

// Writes counts attempts to write: a reader makes none.
func (f *Front) Writes() int { f.mu.Lock(); defer f.mu.Unlock(); return f.writes }

// Mind notes a request that the vendor would not have liked.
func (f *Front) Mind(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problems = append(f.problems, fmt.Sprintf(format, args...))
}

// Problems are the requests that the vendor would not have liked.
func (f *Front) Problems() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.problems)
}

// Fail adds a fault. Of several that are due the first hits.
func (f *Front) Fail(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, fault)
}

// Heal removes all faults.
func (f *Front) Heal() { f.mu.Lock(); defer f.mu.Unlock(); f.faults = nil }

// Meet gives the fault that hits a request for path, after it waited and changed
// what it has to; the zero one where none does. False: whoever asked has gone.
func (f *Front) Meet(r *http.Request, path string) (Fault, bool) {
	fault := f.due(path)
	if fault.Before != nil {
		fault.Before()
	}
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return fault, false
		}
	}
	return fault, true
}

func (f *Front) due(path string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	hit := -1
	for i := range f.faults {
		switch fault := &f.faults[i]; {
		case !strings.HasPrefix(path, fault.Path):
		case fault.Skip > 0:
			fault.Skip--
		case hit < 0:
			hit = i
		}
	}
	if hit < 0 {
		return Fault{}
	}
	fault := f.faults[hit]
	switch fault.Times {
	case 0:
	case 1:
		f.faults = slices.Delete(f.faults, hit, hit+1)
	default:
		f.faults[hit].Times--
	}
	return fault
}
