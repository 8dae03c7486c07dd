package simulator_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors/simulator"
)

// vendor answers every GET of /v1 with its path and the number of answers so far.
type vendor struct{ simulator.Front }

func start(t *testing.T) *vendor {
	t.Helper()
	v := &vendor{}
	mux, n := http.NewServeMux(), 0
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		v.Count(r.Method == http.MethodGet)
		fault, ok := v.Meet(r, r.URL.Path)
		if !ok {
			return
		}
		n++
		v.Send(w, fault, r.URL.Path, simulator.JSON(http.StatusOK, []int{n}))
	})
	if err := v.Serve(mux); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// ask returns the status and the body; "…" ends one that broke off.
func (v *vendor) ask(t *testing.T, method, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, v.Origin()+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, string(text) + "…"
	}
	return resp.StatusCode, string(text)
}

func TestFront_whatIsNoReadIsCountedAsAWriteWhereverItGoes(t *testing.T) {
	t.Parallel()
	v := start(t)
	for _, ask := range []struct{ method, path string }{
		{"GET", "/v1/invoices"}, {"POST", "/v1/invoices"}, {"DELETE", "/v1/invoices/1"}, {"PUT", "/elsewhere"}, {"GET", "/elsewhere"},
	} {
		v.ask(t, ask.method, ask.path)
	}
	if v.Requests() != 5 || v.Writes() != 3 {
		t.Errorf("%d requests, %d writes", v.Requests(), v.Writes())
	}
	if diff := cmp.Diff([]string{"no such address: PUT /elsewhere", "no such address: GET /elsewhere"}, v.Problems()); diff != "" {
		t.Error(diff)
	}
}

func TestFront_faultsHitTheRequestsTheyAreMeantFor(t *testing.T) {
	t.Parallel()
	v := start(t)
	v.Fail(simulator.Fault{Path: "/v1/b", Status: http.StatusTeapot, Body: "b", Times: 1})
	v.Fail(simulator.Fault{Skip: 2, Times: 2, Status: http.StatusConflict, Body: "all", Header: http.Header{"Retry-After": {"7"}}})
	var got []int
	for _, path := range []string{"/v1/a", "/v1/b", "/v1/b", "/v1/a", "/v1/a"} {
		status, _ := v.ask(t, "GET", path)
		got = append(got, status)
	}
	if diff := cmp.Diff([]int{200, 418, 409, 409, 200}, got); diff != "" {
		t.Error(diff)
	}
	v.Fail(simulator.Fault{Status: http.StatusGone})
	if status, _ := v.ask(t, "GET", "/v1/a"); status != http.StatusGone {
		t.Errorf("a fault without end: %d", status)
	}
	v.Heal()
	if status, _ := v.ask(t, "GET", "/v1/a"); status != http.StatusOK {
		t.Errorf("healed: %d", status)
	}
}

func TestFront_answersAreSpoilt(t *testing.T) {
	t.Parallel()
	v := start(t)
	for _, test := range []struct{ kind, want string }{
		{"", "[1]"}, {simulator.Repeated, "[1]"}, {simulator.Truncated, "["}, {"", "[4]"},
	} {
		v.Fail(simulator.Fault{Kind: test.kind, Times: 1})
		if _, got := v.ask(t, "GET", "/v1/a"); got != test.want {
			t.Errorf("%s: %q, want %q", test.kind, got, test.want)
		}
	}
	v.Fail(simulator.Fault{Kind: simulator.CutShort, Times: 1})
	if status, got := v.ask(t, "GET", "/v1/a"); status != http.StatusOK || got != "[…" {
		t.Errorf("cut short: %d %q", status, got)
	}
}

func TestFront_aFaultWaitsNoLongerThanWhoAsks(t *testing.T) {
	t.Parallel()
	v := start(t)
	changed := false
	v.Fail(simulator.Fault{Times: 1, Delay: time.Hour, Before: func() { changed = true }})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.Origin()+"/v1/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, ok := v.Meet(r, "/v1/a"); ok || !changed {
		t.Errorf("met %v, changed %v", ok, changed)
	}
}
