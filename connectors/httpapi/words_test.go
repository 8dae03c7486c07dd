package httpapi_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"relanced/connectors"
	"relanced/connectors/httpapi"
)

func TestGet_spacesArePercentEncoded(t *testing.T) {
	t.Parallel()
	asked := ""
	a := &answers{list: []func(*http.Request) (*http.Response, error){func(r *http.Request) (*http.Response, error) {
		asked = r.URL.RawQuery
		return answer(200, "{}")(r)
	}}}
	if _, err := client(t, a, nil).Get(t.Context(), "ask", "/query", url.Values{"q": {"a b+c"}}, nil); err != nil || asked != "q=a%20b%2Bc" {
		t.Errorf("asked %q, %v", asked, err)
	}
}

func TestGet_theSupportsTraceOfARefusalIsLogged(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{200: false, 400: true, 401: false} {
		var log bytes.Buffer
		c, err := httpapi.New(httpapi.Options{
			Name: "vendor", BaseURL: "https://api.example", Trace: "X-Trace",
			Env: connectors.Env{
				Transport: &answers{list: []func(*http.Request) (*http.Response, error){answer(status, "{}", "X-Trace", "1-abc\r\nx")}},
				Logger:    slog.New(slog.NewTextHandler(&log, nil)),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Get(t.Context(), "ask", "/", nil, nil)
		if got := strings.Contains(log.String(), "1-abc"); got != want {
			t.Errorf("%d: logged %q", status, log.String())
		}
	}
}

func TestGet_aRefusalInXMLIsReadInTheSourcesWords(t *testing.T) {
	t.Parallel()
	c, err := httpapi.New(httpapi.Options{
		Name: "vendor", BaseURL: "https://api.example",
		Explain: func(status int, _ http.Header, body []byte) (httpapi.Refusal, bool) {
			return httpapi.Refusal{Kind: connectors.Auth, Detail: "the subscription has ended"}, status == http.StatusOK && bytes.HasPrefix(body, []byte("<Fault"))
		},
		Env: connectors.Env{Transport: &answers{list: []func(*http.Request) (*http.Response, error){answer(200, "<Fault/>")}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "ask", "/", nil, &struct{}{}); httpapi.KindOf(err) != connectors.Auth {
		t.Errorf("got %v", err)
	}
}

func TestText_isValidUTF8(t *testing.T) {
	t.Parallel()
	var in struct{ Name httpapi.Text }
	if err := json.Unmarshal([]byte("{\"Name\":\"caf\xe9\"}"), &in); err != nil || in.Name != "caf\ufffd" {
		t.Errorf("got %q, %v", in.Name, err)
	}
}
