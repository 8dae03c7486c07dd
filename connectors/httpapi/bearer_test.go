package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/oauth"
)

// guarded is a source that takes one token at a time.
type guarded struct {
	*httptest.Server
	good  atomic.Value
	asked atomic.Int64
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := new(guarded)
	g.good.Store("two")
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer "+g.good.Load().(string) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"message":"token %s is over"}`, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			return
		}
		fmt.Fprintf(w, `{"got":%q}`, body)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *guarded) client(t *testing.T, o httpapi.Options) *httpapi.Client {
	t.Helper()
	o.Name, o.BaseURL = "guarded", g.URL
	c, err := httpapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestToken_aRefusedOneIsReplacedOnceAndTheBodySentAgain(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	c := g.client(t, httpapi.Options{Token: func(_ context.Context, refused string) (string, error) {
		return map[string]string{"": "one", "one": "two"}[refused], nil
	}})
	var got struct{ Got string }
	call := httpapi.Call{Op: "ask", Path: "/x", Body: map[string]int{"n": 1}, Safe: true}
	if _, err := c.Do(t.Context(), call, &got); err != nil || got.Got != `{"n":1}` {
		t.Errorf("got %q, %v", got.Got, err)
	}
	g.good.Store("three")
	before := g.asked.Load()
	_, err := c.Do(t.Context(), call, &got)
	if httpapi.KindOf(err) != connectors.Auth || g.asked.Load()-before != 2 {
		t.Errorf("after %d requests: %v", g.asked.Load()-before, err)
	}
	if strings.Contains(err.Error(), "two") {
		t.Errorf("the token is shown: %v", err)
	}
}

func TestToken_whatTheSourceSaysIsFinalIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	renewed := 0
	c := g.client(t, httpapi.Options{
		Token: func(_ context.Context, refused string) (string, error) {
			if refused != "" {
				renewed++
			}
			return "one", nil
		},
		Explain: func(status int, _ http.Header, body []byte) (httpapi.Refusal, bool) {
			return httpapi.Refusal{Kind: connectors.Auth, Detail: fmt.Sprint(status, " ", string(body)), Do: "give the key of the subscription", Final: true}, true
		},
	})
	_, err := c.Get(t.Context(), "ask", "/x", nil, nil)
	var known *connectors.Error
	if !errors.As(err, &known) || known.Do != "give the key of the subscription" || renewed != 0 {
		t.Errorf("renewed %d times: %v", renewed, err)
	}
}

func TestToken_anErrorOfTheGrantSaysWhatToDo(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	for kind, want := range map[oauth.Kind]connectors.Kind{
		oauth.Unconnected: connectors.Auth, oauth.Lost: connectors.Auth, oauth.Refused: connectors.Auth, oauth.Temporary: connectors.Temporary,
	} {
		c := g.client(t, httpapi.Options{Token: func(context.Context, string) (string, error) {
			return "", &oauth.Error{Kind: kind, ID: "dupont/compta"}
		}})
		ctx, cancel := context.WithCancel(t.Context())
		_, err := c.Get(ctx, "ask", "/x", nil, nil)
		cancel()
		var known *connectors.Error
		if !errors.As(err, &known) || known.Kind != want || known.Do == "" {
			t.Errorf("%s: %v", kind, err)
		}
		if want == connectors.Auth && kind != oauth.Refused && !strings.Contains(known.Do, "relanced connect compta") {
			t.Errorf("%s: do %q", kind, known.Do)
		}
	}
	if g.asked.Load() != 0 {
		t.Error("the source was asked without a token")
	}
}

func TestDo_aRefusalInAGoodAnswerIsOne(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	c := g.client(t, httpapi.Options{Token: func(context.Context, string) (string, error) { return "two", nil }})
	_, err := c.Get(t.Context(), "ask", "/x", nil, faulty{})
	var known *connectors.Error
	if !errors.As(err, &known) || known.Kind != connectors.NotFound || !strings.Contains(err.Error(), "ask: no such thing") {
		t.Errorf("got %v", err)
	}
	var raw httpapi.Raw
	if _, err := c.Do(t.Context(), httpapi.Call{Op: "fetch", Path: "/x", Header: http.Header{"Accept": {"application/pdf"}}}, &raw); err != nil || string(raw) != `{"got":""}` {
		t.Errorf("got %q, %v", raw, err)
	}
}

// faulty is a decoder that finds a fault in every answer.
type faulty struct{}

func (faulty) DecodeJSON([]byte) error {
	return &httpapi.Refusal{Kind: connectors.NotFound, Detail: "no such thing"}
}
