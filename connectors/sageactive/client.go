package sageactive

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/oauth"
)

// client speaks the interface in the vendor's words.
type client struct {
	http         *httpapi.Client
	grant        oauth.Client
	organization string
	most         int // rows of one answer

	mu    sync.Mutex
	sizes map[string]int // rows of one answer where that many were refused, by list
}

// size is how many rows of a list to ask for at once.
func (c *client) size(r root) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.sizes[r.plain]; ok {
		return n
	}
	return c.most
}

// learn remembers that the vendor gives so many rows of a list, and no more.
func (c *client) learn(r root, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sizes[r.plain] = size
}

// answer is the envelope of every answer.
type answer struct {
	field string // that was asked for
	data  map[string]json.RawMessage
}

// DecodeJSON reads the envelope. Errors in it are a refusal, whatever the status;
// an answer to something else is asked for again.
func (a *answer) DecodeJSON(data []byte) error {
	var in struct {
		Data   map[string]json.RawMessage `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	var messages []string
	for _, e := range in.Errors {
		messages = append(messages, e.Message)
	}
	if refusal := faultIn(messages); refusal != nil {
		return refusal
	}
	if _, ok := in.Data[a.field]; !ok {
		return &httpapi.Refusal{Kind: connectors.Temporary, Detail: "the answer holds no " + a.field}
	}
	a.data = in.Data
	return nil
}

// ask sends one query. It asks only, and may be repeated.
func (c *client) ask(ctx context.Context, op, field, query string, variables map[string]any, limit int64) (answer, httpapi.Meta, error) {
	a := answer{field: field}
	meta, err := c.send(ctx, op, query, variables, limit, 0, &a)
	return a, meta, err
}

func (c *client) send(ctx context.Context, op, query string, variables map[string]any, limit int64, tries int, into httpapi.Decoder) (httpapi.Meta, error) {
	body := map[string]any{"query": query}
	if variables != nil {
		body["variables"] = variables
	}
	return c.http.Do(ctx, httpapi.Call{Op: op, Body: body, Safe: true, Limit: limit, Tries: tries}, into)
}

// since asks for what changed since a moment; the zero one: everything.
func since(t time.Time) map[string]any {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return map[string]any{"t": t.UTC().Format("2006-01-02T15:04:05Z")}
}

// serverTime is the vendor's clock at an answer; ours where it tells none.
func serverTime(meta httpapi.Meta) time.Time {
	if meta.Date.IsZero() {
		return meta.At
	}
	return meta.Date
}
