package sageactive_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"relanced/connectors/sageactive"
	"relanced/connectors/sageactive/sageactivetest"
)

// posted sends a query to the simulator, with the variables that it declares, and
// returns the status and what is wrong with it.
func posted(t *testing.T, s *sageactivetest.Server, query string) (status int, wrong string) {
	t.Helper()
	status, text := answered(t, s, query)
	var answer struct {
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	for _, e := range answer.Errors {
		wrong += e.Message
	}
	return status, wrong
}

func answered(t *testing.T, s *sageactivetest.Server, query string) (status int, text []byte) {
	t.Helper()
	variables := map[string]any{}
	for name, v := range map[string]any{"t": "2026-01-01T00:00:00Z", "n": 10, "c": "MA=="} {
		if strings.Contains(query, "$"+name+":") {
			variables[name] = v
		}
	}
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	access, _ := s.OAuth.Issue()
	for name, value := range map[string]string{"Authorization": "Bearer " + access, "X-Api-Key": s.Key(), "X-OrganizationId": s.Organization()} {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, text
}

// names are what a query can misspell: everything but signs and texts.
var names = regexp.MustCompile(`"[^"]*"|[A-Za-z]\w*`)

// TestQueries_noNameCanBeWrong misspells each name of each query, one at a time:
// the simulator must refuse it, else a wrong one would pass our tests and fail at
// the vendor.
func TestQueries_noNameCanBeWrong(t *testing.T) {
	t.Parallel()
	s := sageactivetest.New(sageactivetest.Options{})
	defer s.Close()
	for _, query := range sageactive.Queries() {
		if status, wrong := posted(t, s, query); status != http.StatusOK || wrong != "" {
			t.Errorf("%d %s: %s", status, wrong, query)
		}
		for _, at := range names.FindAllStringIndex(query, -1) {
			if query[at[0]] == '"' {
				continue
			}
			misspelt := query[:at[1]] + "X" + query[at[1]:]
			if status, wrong := posted(t, s, misspelt); status != http.StatusBadRequest || wrong == "" {
				t.Errorf("%sX passes (%d %s): %s", query[at[0]:at[1]], status, wrong, misspelt)
			}
		}
	}
	if s.Writes() > len(sageactive.Queries()) { // the word query itself was misspelt once in each
		t.Errorf("%d writes", s.Writes())
	}
}

func TestServer_saysWhatTheInterfaceDoesNotHave(t *testing.T) {
	t.Parallel()
	s := sageactivetest.New(sageactivetest.Options{})
	defer s.Close()
	const rest = " pageInfo { endCursor hasNextPage } totalCount } }"
	for query, want := range map[string]string{
		"{ accountingEntries(order:[{creationDate:ASC}]) { nodes { accountingEntryLines { matching } }" + rest: "`matching` does not exist on the type `AccountingEntryLine`",
		"{ customers(last:5) { nodes { id }" + rest:                                                            "`last` does not exist on `customers`",
		"{ customers(order:[{creationDate:UP}]) { nodes { id }" + rest:                                         "`creationDate` is SortEnumType",
		"{ customers(where:{isDefault:{eq:true}}) { nodes { id }" + rest:                                       "`isDefault` does not exist on `where`",
		"{ customers(where:{creationDate:{since:\"2026\"}}) { nodes { id }" + rest:                             "`since` does not exist on `creationDate`",
		"{ customers(where:{creationDate:{gte:\"yesterday\"}}) { nodes { id }" + rest:                          "`gte` is DateTime",
		"query($t:String) { customers(where:{creationDate:{gte:$t}}) { nodes { id }" + rest:                    "declared as String",
		"query($c:String) { customers { nodes { id }" + rest:                                                   "$c is declared but not used",
		"{ customers(after:$c) { nodes { id }" + rest:                                                          "$c is not declared",
		"{ customers(first:501, order:[{creationDate:ASC}]) { nodes { id }" + rest:                             "from 1 to 500",
		"{ customers(first:\"5\") { nodes { id }" + rest:                                                       "`first` is Int",
		"{ customers { nodes { addresses }" + rest:                                                             "`addresses` is an object type",
		"{ customers { nodes { id { id } }" + rest:                                                             "`id` has no fields",
		"{ customers { nodes { } }":                                                                            "nothing is chosen",
		"{ customers { nodes { id }":                                                                           "ends too early",
		"{ customers { nodes { id } } } ; ":                                                                    "unexpected",
		"mutation { createCustomer(input:{}) { id } }":                                                         "only read",
	} {
		if status, wrong := posted(t, s, query); status != http.StatusBadRequest || !strings.Contains(wrong, want) {
			t.Errorf("%s: %d %q, want %q", query, status, wrong, want)
		}
	}
	if s.Writes() < 1 {
		t.Error("the mutation counts as no write")
	}
}

// TestServer_tellsNothingThatWasNotAskedFor keeps the connector from reading what
// it forgot to ask for.
func TestServer_tellsNothingThatWasNotAskedFor(t *testing.T) {
	t.Parallel()
	s := newSource(sageactivetest.Options{})
	defer s.Server.Close()
	s.AddCustomer("Perrin")
	_, got := answered(t, s.Server, "{ customers(order:[{creationDate:ASC}]) { nodes { socialName tradeName } totalCount } }")
	if want := `{"data":{"customers":{"nodes":[{"socialName":"Perrin","tradeName":null}],"totalCount":1}}}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
