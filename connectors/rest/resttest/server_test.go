package resttest_test

import (
	"net/http"
	"strings"
	"testing"

	"relanced/connectors/rest/resttest"
)

func TestServer_countsAllButGetAndPostedQuestionsAsWrites(t *testing.T) {
	t.Parallel()
	s := resttest.New(resttest.Options{Style: resttest.Post})
	defer s.Close()
	base := s.URL()
	for _, test := range []struct {
		method, path string
		writes       int
	}{
		{"GET", "/me", 0}, {"POST", "/invoices/search", 0}, {"DELETE", "/invoices/search", 1}, {"POST", "/invoices", 1}, {"PATCH", "/invoices/1", 1},
	} {
		before := s.Writes()
		r, err := http.NewRequestWithContext(t.Context(), test.method, base+test.path, strings.NewReader(""))
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
