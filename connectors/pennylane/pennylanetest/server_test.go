package pennylanetest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"relanced/connectors/pennylane/pennylanetest"
)

type answer struct {
	status  int
	body    string
	header  http.Header
	Items   []map[string]any `json:"items"`
	HasMore bool             `json:"has_more"`
	Next    string           `json:"next_cursor"`
}

func start(t *testing.T, o pennylanetest.Options) *pennylanetest.Server {
	t.Helper()
	s, err := pennylanetest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func ask(t *testing.T, s *pennylanetest.Server, path string, query ...string) answer {
	t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path+"?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, body: string(body), header: resp.Header}
	_ = json.Unmarshal(body, &a) // plain text has no fields
	return a
}

func TestServer_refusesWhatTheVendorRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, pennylanetest.Options{Unlimited: true})
	now := time.Now().UTC()
	tests := []struct {
		path   string
		query  []string
		status int
	}{
		{"/customers", []string{"limit", "100"}, 200},
		{"/customers", []string{"limit", "101"}, 400},
		{"/customers", []string{"limit", "0"}, 400},
		{"/customers", []string{"page", "2"}, 400},
		{"/customers", []string{"cursor", "garbage"}, 400},
		{"/customers", []string{"sort", "name"}, 400},
		{"/transactions", []string{"sort", "date"}, 400},
		{"/transactions", []string{"filter", `[{"field":"id","operator":"gt","value":"1"}]`}, 400},
		{"/customer_invoices", []string{"filter", `[{"field":"draft","operator":"eq","value":"false"}]`}, 200},
		{"/customer_invoices", []string{"filter", `[{"field":"draft","operator":"eq","value":false}]`}, 400},
		{"/customer_invoices", []string{"filter", `[{"field":"status","operator":"eq","value":"late"}]`}, 400},
		{"/customer_invoices", []string{"filter", `[{"field":"id","operator":"like","value":"1"}]`}, 400},
		{"/customer_invoices", []string{"filter", `[{"field":"id","operator":"in","value":"1"}]`}, 400},
		{"/customer_invoices/1", nil, 404},
		{"/ledger_entries", nil, 403},
		{"/changelogs/customers", []string{"limit", "1000"}, 200},
		{"/changelogs/customers", []string{"limit", "1001"}, 400},
		{"/changelogs/customers", []string{"start_date", now.Add(-29 * 24 * time.Hour).Format(time.RFC3339)}, 422},
		{"/changelogs/customers", []string{"start_date", "yesterday"}, 400},
		{"/changelogs/customers", []string{"start_date", now.Format(time.RFC3339), "cursor", "x"}, 400},
	}
	for _, tt := range tests {
		if got := ask(t, s, tt.path, tt.query...); got.status != tt.status {
			t.Errorf("%s %v: got %d %s, want %d", tt.path, tt.query, got.status, got.body, tt.status)
		}
	}
}

func TestServer_throttlesWithPlainText(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	s := start(t, pennylanetest.Options{Now: func() time.Time { return now }})
	for i := range 25 {
		if got := ask(t, s, "/me"); got.status != 200 || got.header.Get("ratelimit-remaining") != fmt.Sprint(24-i) {
			t.Fatalf("request %d: %d, %s left", i, got.status, got.header.Get("ratelimit-remaining"))
		}
	}
	got := ask(t, s, "/me")
	if got.status != 429 || !strings.HasPrefix(got.body, "Rate limit exceeded. Please retry in ") || got.header.Get("retry-after") == "" {
		t.Errorf("got %d %q", got.status, got.body)
	}
}

func TestServer_cursorKeepsTheSortAndForgetsTheFilter(t *testing.T) {
	t.Parallel()
	s := start(t, pennylanetest.Options{Unlimited: true})
	for i := range 6 {
		s.Books.AddInvoice(pennylanetest.Invoice{Total: 100, Draft: i%2 == 0, Deadline: "2026-01-01"})
	}
	final := `[{"field":"draft","operator":"eq","value":"false"}]`
	first := ask(t, s, "/customer_invoices", "limit", "1", "filter", final)
	if !first.HasMore || first.Items[0]["draft"] != false {
		t.Fatalf("first page %s", first.body)
	}
	second := ask(t, s, "/customer_invoices", "limit", "1", "cursor", first.Next)
	if second.Items[0]["draft"] != true {
		t.Error("the filter was remembered")
	}
	if second.Items[0]["id"].(float64) > first.Items[0]["id"].(float64) {
		t.Error("the sort was forgotten: newest is first")
	}
	if len(s.Missteps()) != 1 {
		t.Errorf("missteps %v", s.Missteps())
	}
}

func TestServer_valuesFollowTheState(t *testing.T) {
	t.Parallel()
	s := start(t, pennylanetest.Options{Unlimited: true})
	add := func(in pennylanetest.Invoice) int64 {
		in.Total, in.Deadline = 100000, "2026-01-01"
		return s.Books.AddInvoice(in)
	}
	draft, late, part, credited, cancelled, paid := add(pennylanetest.Invoice{Draft: true}), add(pennylanetest.Invoice{}),
		add(pennylanetest.Invoice{}), add(pennylanetest.Invoice{}), add(pennylanetest.Invoice{}), add(pennylanetest.Invoice{})
	s.Books.PayPart(part, 34950, "2026-01-05")
	s.Books.Credit(credited, 3300)
	s.Books.Cancel(cancelled)
	s.Books.Pay(paid, "2026-01-05")
	for id, want := range map[int64]string{
		draft: "draft <nil> false", late: "late 1000.0 false", part: "partially_paid 650.5 false",
		credited: "partially_cancelled 967.0 false", cancelled: "cancelled 0.0 true", paid: "paid 0.0 true",
	} {
		a := ask(t, s, fmt.Sprintf("/customer_invoices/%d", id))
		var in map[string]any
		if err := json.Unmarshal([]byte(a.body), &in); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(in["status"], " ", in["remaining_amount_with_tax"], " ", in["paid"]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestServer_changelogTellsEachChangeAndDeletion(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	s := start(t, pennylanetest.Options{Unlimited: true, Now: func() time.Time { return now }})
	id := s.Books.AddInvoice(pennylanetest.Invoice{Draft: true, Total: 100})
	s.Books.Delete(id)
	var operations []string
	query := []string{"limit", "1", "start_date", now.Add(-time.Hour).Format(time.RFC3339)}
	for {
		a := ask(t, s, "/changelogs/customer_invoices", query...)
		for _, e := range a.Items {
			operations = append(operations, e["operation"].(string))
		}
		if !a.HasMore {
			break
		}
		query = []string{"limit", "1", "cursor", a.Next}
	}
	if got := strings.Join(operations, " "); got != "insert update delete" {
		t.Errorf("got %q", got)
	}
}

func TestServer_writesAreCountedAndRefused(t *testing.T) {
	t.Parallel()
	s := start(t, pennylanetest.Options{Unlimited: true})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL()+"/customer_invoices/1/mark_as_paid", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 403 || s.Writes() != 1 {
		t.Errorf("got %d, %d writes", resp.StatusCode, s.Writes())
	}
}
