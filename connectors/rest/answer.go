package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/connectors/manifest"
)

// answer is what a request brought.
type answer struct {
	book  *book
	items string          // where the rows are
	id    *manifest.Expr  // the key of a row; nil none
	seen  map[string]bool // hashes of pages read before: none comes twice
	again int             // rows at its beginning that were read before

	root   manifest.Row // the answer, where it is an object
	rows   []any
	hash   string    // of the keys of its rows; "" where there are none
	at     time.Time // when it was asked for, by our clock
	date   time.Time // by the source's clock, where it tells one
	header http.Header
}

// DecodeJSON reads an answer. A refusal in fact, and a page that was read before,
// are a *httpapi.Refusal.
func (a *answer) DecodeJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	a.rows, a.hash = nil, ""
	if err := d.Decode(&v); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return &httpapi.Refusal{Kind: connectors.Temporary, Detail: "the answer is cut off"}
		}
		return err
	}
	if a.book.FalseIsNull {
		v = withoutFalse(v)
	}
	a.root = manifest.Row{}
	if _, ok := v.(map[string]any); ok {
		a.root, _ = manifest.RowOf(v) // it is an object
	}
	if !a.book.Errors.When.IsZero() {
		refused, err := a.book.Errors.When.Flag("when", a.root)
		if err != nil {
			return err
		}
		if refused {
			return a.book.refusal(a.root, v)
		}
	}
	if a.items == "" {
		return nil
	}
	found, ok := walk(v, a.items)
	if !ok {
		return fmt.Errorf("it holds no %q", a.items)
	}
	switch found := found.(type) {
	case []any:
		a.rows = found
	case map[string]any:
		a.rows = []any{found}
	case nil:
		a.rows = nil
	default:
		return fmt.Errorf("what stands at %q is neither a list nor an object", a.items)
	}
	a.hash = a.hashed()
	if a.hash != "" && a.seen[a.hash] {
		return &httpapi.Refusal{
			Kind: connectors.Temporary, Detail: "a page that was read before came again",
			Do: "see whether the interface knows the paging parameters of the manifest",
		}
	}
	return nil
}

// hashed names the page by the keys of its rows, by the rows themselves where
// they have none; "" where it brings no row.
func (a *answer) hashed() string {
	if len(a.rows) <= a.again {
		return ""
	}
	h := fnv.New64a()
	for _, v := range a.rows {
		key := ""
		if row, err := manifest.RowOf(v); err == nil && a.id != nil {
			key, _ = a.id.Text("id", row) // one without a key is told when it is mapped
		}
		if key == "" {
			text, _ := json.Marshal(v) // decoded JSON: cannot fail
			key = string(text)
		}
		_, _ = io.WriteString(h, key)
		_, _ = h.Write([]byte{0})
	}
	return fmt.Sprintf("%x", h.Sum64())
}

// walk goes down the names that lead to something; "." leads to v itself. ok is
// false where a name is not there.
func walk(v any, path string) (found any, ok bool) {
	if path == "." {
		return v, true
	}
	for _, name := range strings.Split(path, ".") {
		object, isObject := v.(map[string]any)
		if !isObject {
			return nil, false
		}
		if v, ok = object[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

// withoutFalse makes null of false, at every depth.
func withoutFalse(v any) any {
	switch v := v.(type) {
	case bool:
		if !v {
			return nil
		}
	case map[string]any:
		for key, inner := range v {
			v[key] = withoutFalse(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = withoutFalse(inner)
		}
	}
	return v
}

// ask sends a request and reads its answer into a. from is the mark of what
// changed; the zero time asks for everything.
func (c *Connector) ask(ctx context.Context, op string, r *request, s *Section, v values, from time.Time, a *answer) error {
	call, err := c.call(op, r, s, v, from)
	if err != nil {
		return c.http.Fail(op, connectors.Invalid, err.Error(), "")
	}
	a.book = c.book
	meta, err := c.http.Do(ctx, call, a)
	a.at, a.date, a.header = meta.At, meta.Date, meta.Header
	if a.date.IsZero() {
		a.date = a.at
	}
	return err
}

// call writes a request. s is the section whose pages it asks for, nil for one
// that stands alone.
func (c *Connector) call(op string, r *request, s *Section, v values, from time.Time) (httpapi.Call, error) {
	call := httpapi.Call{Op: op, Query: url.Values{}, Header: http.Header{}}
	post := r.Post
	query := []map[string]template{r.Query}
	if s != nil {
		v.size = s.Page.Size
		if s.Since != nil && !from.IsZero() {
			v.since = s.Since.write(from)
			query = append(query, s.Since.Query)
			if !s.Since.Post.IsZero() {
				post = s.Since.Post
			}
			set(call.Query, s.Since.Param, v.since)
			set(call.Header, s.Since.Header, v.since)
		}
		if s.Page.SizeParam != "" {
			set(call.Query, s.Page.SizeParam, v.text("size"))
		}
		if v.page != nil {
			switch s.Page.By {
			case byNumber:
				set(call.Query, s.Page.Param, v.text("page"))
				set(call.Header, s.Page.Header, v.text("page"))
			case byOffset:
				set(call.Query, s.Page.Param, v.text("offset"))
				set(call.Header, s.Page.Header, v.text("offset"))
			case byCursor:
				if v.page.Next != "" {
					set(call.Query, s.Page.Param, v.page.Next)
					set(call.Header, s.Page.Header, v.page.Next)
				}
			case byLink, byURL:
				if v.page.Next != "" {
					return c.follow(call, r, v.page.Next)
				}
			}
		}
	}
	for _, part := range query {
		for _, name := range slices.Sorted(maps.Keys(part)) {
			call.Query.Set(name, part[name].fill(v, func(text string) string { return text }))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		call.Header.Set(name, r.Headers[name].fill(v, oneLine))
	}
	var err error
	call.Path, err = r.path(v)
	if !post.IsZero() {
		call.Body, call.Safe = filled(post.Value(), v), true
	}
	return call, err
}

// set adds a parameter or header where the manifest names one.
func set[M ~map[string][]string](to M, name, value string) {
	if name == "" {
		return
	}
	if h, ok := any(to).(http.Header); ok {
		h.Set(name, oneLine(value))
		return
	}
	to[name] = []string{value}
}

// oneLine keeps a value from ending the header it stands in.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

// follow makes a call of the address of the page after that of r, which lies below
// base_url.
func (c *Connector) follow(call httpapi.Call, r *request, next string) (httpapi.Call, error) {
	from := *c.base
	from.Path += r.Path.text
	to, err := from.Parse(next)
	if err != nil {
		return call, fmt.Errorf("the address of the next page cannot be read")
	}
	path, below := strings.CutPrefix(to.EscapedPath(), c.base.EscapedPath())
	if to.Scheme != c.base.Scheme || to.Host != c.base.Host || to.User != nil || !below || !strings.HasPrefix(path, "/") {
		return call, fmt.Errorf("the address of the next page leads to %s, beyond base_url: it is not followed", to.Scheme+"://"+to.Host+to.EscapedPath())
	}
	call.Path, call.Query = path, to.Query()
	return call, nil
}
