package rest

import (
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/manifest"
	"relanced/internal/conf"
)

func TestLinkNext_findsTheAddressOfTheNextPage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		``: "",
		`<https://a.example/x?page=2>; rel="next"`:                    "https://a.example/x?page=2",
		`<https://a.example/x?a=1,2>; rel=next`:                       "https://a.example/x?a=1,2",
		`</x?page=1>; rel="prev", </x?page=3>; rel="next"`:            "/x?page=3",
		`</x?page=1>; rel="prev",</x?page=3>;title="a, b";rel="Next"`: "/x?page=3",
		`</x>; rel="first next"`:                                      "/x",
		`</x>; rel="nextish"`:                                         "",
		`</x>; title="rel=next"`:                                      "",
		`</x; rel="next"`:                                             "",
		`>x<; rel="next"`:                                             "",
		`</x>; rev="next"`:                                            "",
	} {
		if got := linkNext(http.Header{"Link": {line}}); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if got := linkNext(http.Header{"Link": {`</a>; rel="first"`, `</b>; rel="next"`}}); got != "/b" {
		t.Errorf("two headers: %q", got)
	}
}

// FuzzLinkNext: whatever the header, the search ends, and what it finds stands in
// brackets there.
func FuzzLinkNext(f *testing.F) {
	f.Add(`</x?page=1>; rel="prev",</x?page=3>;title="a, b";rel="Next"`, "")
	f.Add(`<https://a.example/x?a=1,2>; rel=next`, `</b>; rel="first next"`)
	f.Add(`<<>>;rel=next,<`, `>;;=,"`)
	f.Fuzz(func(t *testing.T, one, other string) {
		if got := linkNext(http.Header{"Link": {one, other}}); got != "" && !strings.Contains(one+other, "<"+got+">") {
			t.Errorf("%q of %q and %q", got, one, other)
		}
	})
}

// FuzzManifest: whatever a manifest says, all that is wrong with it is told, and
// one that is accepted can read any answer.
func FuzzManifest(f *testing.F) {
	for _, name := range manifest.Shipped(Manifests()) {
		text, err := fs.ReadFile(Manifests(), name+".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, []byte(`{"data": [{"id": 1}], "meta": {"total": "1"}}`))
	}
	f.Fuzz(func(t *testing.T, text, body []byte) {
		var p conf.Problems
		n, ok := conf.Parse("erp.yaml", text, &p)
		if !ok {
			return
		}
		b, ok := compile(n, n.On(&p))
		if ok != (p.Count() == 0) {
			t.Fatalf("accepted: %v, problems: %v", ok, p.Err())
		}
		if !ok {
			return
		}
		c := &Connector{book: b}
		for _, s := range b.sections() {
			a := &answer{book: b, items: s.Items, id: s.id}
			if a.DecodeJSON(body) != nil {
				continue
			}
			var page connectors.Page
			for _, row := range a.rows {
				c.take(s, row, &page)
			}
			for _, doc := range page.Documents {
				if err := connectortest.Sound(doc); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
