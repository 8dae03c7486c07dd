package pennylane_test

import (
	"strings"
	"testing"

	"relanced/connectors/pennylane"
	"relanced/internal/conf"
)

func TestSpec_problemsAreToldAtTheirPlace(t *testing.T) {
	t.Setenv("RELANCED_TEST_TOKEN", "t0ken")
	for text, want := range map[string]string{
		"token: {env: RELANCED_TEST_TOKEN}\n":                                                  "",
		"token: {env: RELANCED_TEST_TOKEN}\nbase_url: http://127.0.0.1:8080/api/external/v2\n": "",
		"base_url: https://app.pennylane.com/api/external/v2\n":                                "needs its token",
		"token: {env: RELANCED_TEST_TOKEN}\nbase_url: https://x.example/?a=b\n":                "cannot be extended",
		"token: {env: RELANCED_TEST_TOKEN}\nrealm: 4\n":                                        "realm",
	} {
		var p conf.Problems
		node, ok := conf.Parse("relanced.yaml", []byte(text), &p)
		if !ok {
			t.Fatal(p.List())
		}
		var spec pennylane.Spec
		conf.SetDefaults(&spec)
		node.Decode(node.On(&p), &spec)
		if p.Count() == 0 {
			spec.Check(node.On(&p))
		}
		got := ""
		if list := p.List(); len(list) > 0 {
			got = list[0].String()
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if !strings.Contains(text, "base_url") && spec.BaseURL != pennylane.DefaultBaseURL {
			t.Errorf("%q: base_url %q", text, spec.BaseURL)
		}
	}
}
