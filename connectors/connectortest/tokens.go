package connectortest

import (
	"context"
	"sync"

	"relanced/internal/oauth"
)

// Tokens is a grant held in memory: Issue gives another access token, as a
// renewal would.
type Tokens struct {
	Issue func() string
	Facts map[string]string

	mu      sync.Mutex
	current string
	renewed int
}

// Token returns the current token, or another one in place of a refused one.
func (t *Tokens) Token(_ context.Context, _ oauth.Client, refused string) (oauth.Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == "" || t.current == refused {
		t.current = t.Issue()
		t.renewed++
	}
	return oauth.Token{Access: t.current, Facts: t.Facts}, nil
}

// Renewed counts how often a token was issued.
func (t *Tokens) Renewed() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.renewed
}
