package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGuide_exampleRunsAsItStandsInThePage answers as the page says Carnet does,
// tries the page's manifest, and finds the page's output.
func TestGuide_exampleRunsAsItStandsInThePage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "connectors", "manifest.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "## An example")
	answers := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```http\nGET ([^\n]+)\n```\n\n```json\n(.*?)```").FindAllStringSubmatch(example, -1) {
		answers[m[1]] = m[2]
	}
	manifest := regexp.MustCompile("(?s)```yaml\n(manifest:.*?)```").FindStringSubmatch(example)
	output := regexp.MustCompile("(?s)```text\n(.*?)```").FindStringSubmatch(example)
	if len(answers) != 4 || manifest == nil || output == nil {
		t.Fatalf("the page holds %d answers, manifest %v, output %v", len(answers), manifest != nil, output != nil)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.RequestURI()]
		if !ok || r.Header.Get("Authorization") != "Bearer t0ken" {
			t.Errorf("asked for %s as %q", r.URL.RequestURI(), r.Header.Get("Authorization"))
		}
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("carnet.yaml", []byte(manifest[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CARNET_TOKEN", "t0ken")
	try := func(more ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		args := append([]string{"connector", "try", "./carnet.yaml", "--secret", "token=env:CARNET_TOKEN", "--base-url", server.URL + "/v1"}, more...)
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
	code, stdout, stderr := try()
	if diff := cmp.Diff(output[1], strings.TrimSpace(stdout)+"\n"); code != 0 || diff != "" {
		t.Errorf("exit %d %s (-page +got)\n%s\nall of it:\n%s", code, stderr, diff, stdout)
	}
	code, stdout, _ = try("--json", "--rows", "1")
	want := `"becomes":{"city":"26000 Valence","code":"LAC","country":"FR","emails":["compta@lacaze.example","lacaze@lacaze.example"],"id":"17","kind":"business","name":"Menuiserie Lacaze"`
	if lines := strings.Split(stdout, "\n"); code != 0 || len(lines) != 5 || !strings.Contains(lines[1], want) || lines[2] != `{"more":true,"rows":3,"section":"invoices"}` || !strings.Contains(lines[3], `"section":"invoices"`) {
		t.Errorf("exit %d:\n%s", code, stdout)
	}
}

func TestConnectorTry_saysWhatIsWrong(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/companies" && r.Header.Get("Page") == "1" {
			fmt.Fprint(w, `[{"id": 1, "name": "Durand", "is_customer": true}]`)
			return
		}
		fmt.Fprint(w, `[{"id": 2, "company_id": 1, "number": "F1", "date": "2026-01-02", "total": "12,50", "outstanding_amount": 1}]`)
	}))
	defer server.Close()
	t.Chdir(t.TempDir())
	t.Setenv("RELANCED_CONFIG", filepath.Join(t.TempDir(), "none.yaml"))
	t.Setenv("AXONAUT_KEY", "pl4nted")
	configuration := `store: sqlite:relanced.db
companies:
  - id: dupont
    name: Dupont & Fils
    country: FR
    reminders: {mode: off}
    connections:
      - {name: ventes, type: rest, manifest: axonaut, base_url: ` + server.URL + `, secrets: {api_key: {env: AXONAUT_KEY}}}
      - {name: exports, type: files, folder: .}
`
	if err := os.WriteFile("relanced.yaml", []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"a row that does not fit": {[]string{"axonaut", "--secret", "api_key=env:AXONAUT_KEY", "--base-url", server.URL}, 1, `cannot be read: total: "12,50" is no number`},
		"no secret":               {[]string{"axonaut"}, 3, "needs the secret api_key"},
		"a secret itself":         {[]string{"axonaut", "--secret", "api_key=pl4nted"}, 2, "does not belong on a command line"},
		"an empty variable":       {[]string{"axonaut", "--secret", "api_key=env:NOT_SET"}, 4, "holds nothing"},
		"no such manifest":        {[]string{"sap"}, 3, `no manifest "sap" is shipped`},
		"a bad address":           {[]string{"axonaut", "--base-url", "http://erp.example"}, 2, "--base-url"},
		"no configuration":        {[]string{"axonaut", "--connection", "x"}, 3, "none.yaml"},
		"a connection's secrets":  {[]string{"--config", "relanced.yaml", "axonaut", "--connection", "ventes"}, 1, `cannot be read: total: "12,50" is no number`},
		"no such connection":      {[]string{"--config", "relanced.yaml", "axonaut", "--connection", "x"}, 4, `there is no connection "x"`},
		"another type":            {[]string{"--config", "relanced.yaml", "axonaut", "--connection", "exports"}, 2, "is of type files"},
		"secrets twice":           {[]string{"axonaut", "--connection", "x", "--secret", "a=env:B"}, 2, "leave one of the two out"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"connector", "try"}, c.args...), strings.NewReader(""), &stdout, &stderr)
		if text := stdout.String() + stderr.String(); code != c.code || !strings.Contains(text, c.want) || strings.Contains(text, "pl4nted") {
			t.Errorf("%s: exit %d, want %d and %q:\n%s", name, code, c.code, c.want, text)
		}
	}
}
