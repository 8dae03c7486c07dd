package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
)

// bearer gives each request a token, asked for at its turn: a long pass outlives
// many. An answer of 401 gets another one, once.
type bearer struct {
	c    *Client
	next http.RoundTripper
}

func (t *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	if token, ok := r.Context().Value(tokenKey{}).(string); ok {
		return t.with(r, body, token)
	}
	resp, token, err := t.send(r, body, "")
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	if t.c.o.Explain != nil {
		told, _ := io.ReadAll(io.LimitReader(resp.Body, errorBody))
		resp.Body = io.NopCloser(bytes.NewReader(told))
		if refusal, ok := t.c.o.Explain(resp.StatusCode, resp.Header, told); ok && refusal.Final {
			return resp, nil
		}
	}
	drain(resp.Body)
	again, _, err := t.send(r, body, token)
	return again, err
}

func (t *bearer) send(r *http.Request, body []byte, refused string) (*http.Response, string, error) {
	token, err := t.c.o.Token(r.Context(), refused)
	if err != nil {
		return nil, "", err
	}
	resp, err := t.with(r, body, token)
	return resp, token, err
}

func (t *bearer) with(r *http.Request, body []byte, token string) (*http.Response, error) {
	t.c.tokens.note(token)
	r = r.Clone(r.Context())
	if body != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return t.next.RoundTrip(r)
}

// bodyOf reads the body of a request, to be sent twice if need be.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}

// lately remembers the last tokens: none of them is ever shown.
type lately struct {
	mu   sync.Mutex
	list []string
}

const remembered = 4

func (l *lately) note(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.list, token) {
		l.list = append(l.list, token)
		l.list = l.list[max(0, len(l.list)-remembered):]
	}
}

func (l *lately) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

type tokenKey struct{}

// WithToken has the calls under the context use this token and no other: what a
// consent has just given, before it is kept.
func WithToken(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, tokenKey{}, token)
}
