package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
)

const planted = "s3cret/Token+42"

// answers is a transport that gives prepared answers, the last one again and again.
type answers struct {
	list []func(*http.Request) (*http.Response, error)
	at   []time.Time
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	i := min(len(a.at), len(a.list)-1)
	a.at = append(a.at, time.Now())
	return a.list[i](r)
}

func answer(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: int64(len(body))}, nil
	}
}

func broken(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func client(t *testing.T, a http.RoundTripper, log io.Writer) *httpapi.Client {
	t.Helper()
	if log == nil {
		log = io.Discard
	}
	c, err := httpapi.New(httpapi.Options{
		Name: "vendor", BaseURL: "https://api.example/v2", Secrets: []string{planted},
		Authorize: func(_ context.Context, h http.Header) error { h.Set("Authorization", "Bearer "+planted); return nil },
		Env: connectors.Env{
			Transport: a, Timeout: 10 * time.Second,
			Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGet_statusBecomesKind(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		kind   connectors.Kind
		detail string
		tries  int // 0: any
	}{
		"unauthorised":    {401, `{"error":"The access token is invalid","status":401}`, connectors.Auth, "The access token is invalid", 1},
		"scope":           {403, `{"error":"forbidden","message":"Missing scope: x"}`, connectors.Auth, "Missing scope: x", 1},
		"firewall":        {403, "<html><title>Blocked</title></html>", connectors.Temporary, "Blocked", 1},
		"not found":       {404, `{"status":404,"error":"Couldn't find Customer with 'id'=1"}`, connectors.NotFound, "Couldn't find", 1},
		"wrong address":   {404, "<html><title>Not Found</title></html>", connectors.Invalid, "web page", 1},
		"bad request":     {400, `{"message":"unknown field","code":"ValidateError"}`, connectors.Invalid, "unknown field", 1},
		"unprocessable":   {422, `{"error":"too old","status":422}`, connectors.Invalid, "too old", 1},
		"redirect":        {302, "", connectors.Invalid, "", 1},
		"plain-text 429":  {429, "Rate limit exceeded. Please retry in 2 seconds.", connectors.Rate, "Rate limit exceeded", 0},
		"server error":    {500, "<html><title>Oops</title></html>", connectors.Temporary, "Oops", 0},
		"unavailable":     {503, "", connectors.Temporary, "", 0},
		"page for data":   {200, "<!DOCTYPE html><title>Log in</title>", connectors.Temporary, "Log in", 3},
		"cut-off JSON":    {200, `{"id": 1, "na`, connectors.Temporary, "cut off", 3},
		"plain text":      {200, "hello", connectors.Temporary, "not JSON", 3},
		"empty":           {200, "", connectors.Temporary, "empty", 3},
		"another shape":   {200, `{"id": "text"}`, connectors.Schema, "shape", 1},
		"not implemented": {501, "", connectors.Invalid, "", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := &answers{list: []func(*http.Request) (*http.Response, error){answer(tt.status, tt.body)}}
				var into struct{ ID int }
				_, err := client(t, a, nil).Get(t.Context(), "read", "/me", nil, &into)
				e, ok := errors.AsType[*connectors.Error](err)
				if !ok || e.Kind != tt.kind || !strings.Contains(e.Detail, tt.detail) {
					t.Fatalf("got %+v, want kind %s and detail %q", err, tt.kind, tt.detail)
				}
				if e.Do == "" && tt.kind != connectors.Schema {
					t.Error("it does not say what to do")
				}
				if tt.tries > 0 && len(a.at) != tt.tries {
					t.Errorf("%d requests, want %d", len(a.at), tt.tries)
				}
				if tt.status >= 300 && httpapi.StatusOf(err) != tt.status {
					t.Errorf("status %d", httpapi.StatusOf(err))
				}
			})
		})
	}
}

func TestGet_awaySourceIsGivenUpAfterAboutAMinute(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*http.Request) (*http.Response, error){
		"refused":      broken(errors.New("connection refused")),
		"server error": answer(502, ""),
		"throttled":    answer(429, "later", "Retry-After", "7"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := &answers{list: []func(*http.Request) (*http.Response, error){fault}}
				began := time.Now()
				_, err := client(t, a, nil).Get(t.Context(), "read", "/me", nil, nil)
				took := time.Since(began)
				if err == nil || took < 35*time.Second || took > 61*time.Second {
					t.Errorf("gave up after %v: %v", took, err)
				}
				if len(a.at) < 5 || len(a.at) > 15 {
					t.Errorf("%d requests", len(a.at))
				}
				began = time.Now()
				_, err = client(t, a, nil).Get(connectors.WithGlance(t.Context()), "read", "/me", nil, nil)
				if took := time.Since(began); err == nil || took > 6*time.Second {
					t.Errorf("a glance took %v: %v", took, err)
				}
			})
		})
	}
}

func TestGet_longRetryAfterIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &answers{list: []func(*http.Request) (*http.Response, error){answer(429, "later", "Retry-After", "600")}}
		_, err := client(t, a, nil).Get(t.Context(), "read", "/me", nil, nil)
		e, ok := errors.AsType[*connectors.Error](err)
		if !ok || e.Kind != connectors.Rate || e.Retry != 10*time.Minute || len(a.at) != 1 {
			t.Errorf("got %+v after %d requests", err, len(a.at))
		}
	})
}

func TestDo_unsafePostIsNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for safe, want := range map[bool]int{false: 1, true: 2} {
			a := &answers{list: []func(*http.Request) (*http.Response, error){answer(500, ""), answer(200, `{}`)}}
			_, _ = client(t, a, nil).Do(t.Context(), httpapi.Call{Op: "ask", Path: "/q", Body: map[string]int{"a": 1}, Safe: safe}, nil)
			if len(a.at) != want {
				t.Errorf("safe=%v: %d requests, want %d", safe, len(a.at), want)
			}
		}
	})
}

func TestGet_paceFollowsTheHeaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left := 25
		start := time.Now()
		server := func(r *http.Request) (*http.Response, error) {
			if time.Since(start) >= 5*time.Second {
				start, left = time.Now(), 25
			}
			left--
			if left < 0 {
				t.Error("a request beyond the limit")
			}
			return answer(200, `{}`, "ratelimit-limit", "25", "ratelimit-remaining", fmt.Sprint(left),
				"ratelimit-reset", fmt.Sprint(start.Add(5*time.Second).Unix()), "Date", time.Now().UTC().Format(http.TimeFormat))(r)
		}
		c := client(t, &answers{list: []func(*http.Request) (*http.Response, error){server}}, nil)
		began := time.Now()
		for range 60 {
			if _, err := c.Get(t.Context(), "read", "/me", nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 10*time.Second || took > 13*time.Second {
			t.Errorf("60 requests took %v", took)
		}
	})
}

func TestGet_plantedSecretNeverAppears(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, fault := range map[string]func(*http.Request) (*http.Response, error){
			"echoed":  answer(400, `{"message":"no such token `+planted+` or `+url.QueryEscape(planted)+` of ines@atelier.example"}`),
			"page":    answer(500, "<title>"+planted+"</title>"),
			"text":    answer(200, planted),
			"network": broken(errors.New("proxy said " + planted)),
			"dns":     broken(&url.Error{Op: "Get", URL: "https://x/?t=" + planted, Err: errors.New("bad " + planted)}),
		} {
			var log bytes.Buffer
			a := &answers{list: []func(*http.Request) (*http.Response, error){fault}}
			_, err := client(t, a, &log).Get(t.Context(), "read", "/me", nil, &struct{}{})
			e, _ := errors.AsType[*connectors.Error](err)
			shown := fmt.Sprintf("%v %+v %q %s", err, e, errors.Unwrap(err), log.String())
			for _, secret := range []string{planted, url.QueryEscape(planted), "ines@"} {
				if strings.Contains(shown, secret) {
					t.Errorf("%s: %q is shown: %s", name, secret, shown)
				}
			}
		}
	})
}

func TestFail_namesTheConnection(t *testing.T) {
	t.Parallel()
	c, err := httpapi.New(httpapi.Options{
		Name: "books", BaseURL: "https://vendor.example", Env: connectors.Env{Connection: "compta"},
		Hints: map[connectors.Kind]string{connectors.Auth: "as usual"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for do, want := range map[string]string{"": "as usual", "run relanced connect NAME again": "run relanced connect compta again"} {
		if got := c.Fail("look", connectors.Auth, "no", do).Do; got != want {
			t.Errorf("%q becomes %q, want %q", do, got, want)
		}
	}
}

func TestGet_aShortSecretDoesNotHideTheStatus(t *testing.T) {
	t.Parallel()
	c, err := httpapi.New(httpapi.Options{
		Name: "vendor", BaseURL: "https://api.example/v2", Secrets: []string{"t"},
		Env: connectors.Env{Transport: &answers{list: []func(*http.Request) (*http.Response, error){answer(404, `{"error":"none"}`)}}, Timeout: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Get(t.Context(), "read", "/me", nil, &struct{}{}); httpapi.StatusOf(err) != 404 {
		t.Errorf("status %d of %v", httpapi.StatusOf(err), err)
	}
}

func TestNew_addressMustBeSafe(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"https://app.example/v2": true, "http://127.0.0.1:8080/v2/": true, "http://localhost:1": true, "http://[::1]:1/x": true,
		"http://app.example": false, "ftp://127.0.0.1": false, "app.example": false, "https://u:p@x.example": false,
		"https://x.example/?a=b": false, "": false, "http://127.0.0.1.evil.example": false,
	} {
		if _, err := httpapi.ParseURL(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func local(t *testing.T, h http.Handler, o httpapi.Options) *httpapi.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o.Name, o.BaseURL = "vendor", server.URL
	o.Authorize = func(_ context.Context, h http.Header) error { h.Set("Authorization", "Bearer "+planted); return nil }
	c, err := httpapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGet_redirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	hits := 0
	c := local(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		http.Redirect(w, r, "/elsewhere?token=x", http.StatusFound)
	}), httpapi.Options{})
	_, err := c.Get(t.Context(), "read", "/me", nil, nil)
	if httpapi.KindOf(err) != connectors.Invalid || hits != 1 || strings.Contains(err.Error(), "token=x") {
		t.Errorf("%d hits, %v", hits, err)
	}
}

func TestGet_answerTooLarge(t *testing.T) {
	t.Parallel()
	c := local(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"x":%q}`, strings.Repeat("a", 5000))
	}), httpapi.Options{MaxBody: 1000})
	if _, err := c.Get(t.Context(), "read", "/me", nil, &struct{}{}); httpapi.KindOf(err) != connectors.Schema {
		t.Errorf("got %v", err)
	}
}

func TestDownload_sendsNoCredentialsAndFollowsRedirects(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials were sent")
		}
		switch r.URL.Path {
		case "/pdf":
			http.Redirect(w, r, "/file", http.StatusFound)
		case "/out":
			http.Redirect(w, r, "http://files.example/x", http.StatusFound)
		case "/file":
			fmt.Fprint(w, "%PDF-1.4 x")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	c, err := httpapi.New(httpapi.Options{Name: "vendor", BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if data, err := c.Download(t.Context(), "fetch", server.URL+"/pdf", 100); err != nil || string(data) != "%PDF-1.4 x" {
		t.Errorf("got %q, %v", data, err)
	}
	for path, kind := range map[string]connectors.Kind{"/out": connectors.Invalid, "/none": connectors.Temporary} {
		if _, err := c.Download(t.Context(), "fetch", server.URL+path, 100); httpapi.KindOf(err) != kind {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := c.Download(t.Context(), "fetch", server.URL+"/pdf", 3); httpapi.KindOf(err) != connectors.Invalid {
		t.Errorf("too large: %v", err)
	}
	if _, err := c.Download(t.Context(), "fetch", "http://files.example/x", 3); httpapi.KindOf(err) != connectors.Invalid {
		t.Errorf("plain http: %v", err)
	}
}

func TestDo_triesAreCountedWhereTheSourceFails(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		w.WriteHeader(http.StatusGatewayTimeout)
	}))
	t.Cleanup(server.Close)
	c, err := httpapi.New(httpapi.Options{Name: "x", BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(t.Context(), httpapi.Call{Op: "ask", Path: "/", Tries: 2}, nil)
	if httpapi.StatusOf(err) != http.StatusGatewayTimeout || n.Load() != 2 {
		t.Errorf("after %d requests: %v", n.Load(), err)
	}
}

func TestTooMuch_tellsWhatLessMayCure(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/late":
			<-r.Context().Done()
		case "/large":
			fmt.Fprintf(w, `{"text":%q}`, strings.Repeat("x", 2000))
		case "/broken":
			w.WriteHeader(http.StatusBadGateway)
		case "/refused":
			w.WriteHeader(http.StatusUnprocessableEntity)
		case "/away":
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	c, err := httpapi.New(httpapi.Options{Name: "x", BaseURL: server.URL, MaxBody: 1000, Env: connectors.Env{Timeout: 100 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"/late": true, "/large": true, "/broken": true, "/refused": false, "/away": false} {
		var into any
		_, err := c.Do(t.Context(), httpapi.Call{Op: "ask", Path: path, Tries: 1}, &into)
		if err == nil || httpapi.TooMuch(err) != want {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}
