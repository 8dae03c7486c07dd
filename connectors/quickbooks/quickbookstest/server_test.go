package quickbookstest_test

import (
	"net/http"
	"strings"
	"testing"

	"relanced/connectors/quickbooks/quickbookstest"
)

func TestServer_countsAllButGetAndPostedQueriesAsWrites(t *testing.T) {
	t.Parallel()
	s := quickbookstest.New(quickbookstest.Options{})
	defer s.Close()
	company := s.URL() + "/v3/company/" + s.Realm()
	for _, test := range []struct {
		method, path string
		writes       int
	}{
		{"GET", "/query?query=x", 0}, {"POST", "/query", 0}, {"DELETE", "/query", 1}, {"POST", "/invoice", 1}, {"POST", "/invoice/1/send", 1}, {"PUT", "/customer", 1},
	} {
		before := s.Writes()
		r, err := http.NewRequestWithContext(t.Context(), test.method, company+test.path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := s.Writes() - before; got != test.writes {
			t.Errorf("%s %s counts as %d writes, want %d", test.method, test.path, got, test.writes)
		}
	}
}
