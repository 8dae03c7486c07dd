package rest

import (
	"net/http"
	"testing"
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
