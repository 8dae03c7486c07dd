package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/connectors/manifest"
)

// faults say where an answer tells what is wrong.
type faults struct {
	Message string        `yaml:"message" doc:"where in a refusal's body the sentence for people is: error.message"`
	When    manifest.Expr `yaml:"when"    doc:"over an answer of status 200: true where it is a refusal in fact"`
	Kind    manifest.Expr `yaml:"kind"    doc:"over a refusal: auth, rate, temporary, notfound or invalid; what its status says where not told"`
}

// kinds are the words of faults.Kind.
var kinds = []connectors.Kind{connectors.Auth, connectors.Rate, connectors.Temporary, connectors.NotFound, connectors.Invalid}

// kind is what a refusal is by its body, "" where that does not tell.
func (f *faults) kind(body manifest.Row) (connectors.Kind, error) {
	text, err := f.Kind.Text("kind", body)
	kind := connectors.Kind(text)
	if err == nil && text != "" && !slices.Contains(kinds, kind) {
		err = fmt.Errorf("kind: %q is not one of %s (%s)", text, wordsOf(kinds), f.Kind.Place())
	}
	return kind, err
}

func wordsOf(kinds []connectors.Kind) string {
	words := make([]string, len(kinds))
	for i, kind := range kinds {
		words[i] = string(kind)
	}
	return strings.Join(words, ", ")
}

// said is the sentence for people in a decoded body.
func said(v any, path string) string {
	if path == "" {
		path = "message"
	}
	found, _ := walk(v, path)
	text, _ := manifest.TextOf(found) // what is no text is no sentence
	if text == "" {
		return "the interface says that something is wrong"
	}
	return text
}

// refusal is an answer of status 200 that is one in fact.
func (b *book) refusal(root manifest.Row, body any) error {
	kind, err := b.Errors.kind(root)
	if err != nil {
		return err
	}
	r := &httpapi.Refusal{Kind: kind, Detail: said(body, b.Errors.Message)}
	if kind == "" || kind == connectors.Invalid {
		r.Kind, r.Do = connectors.Invalid, "see with relanced connector try what the interface complains of, and correct the connection or a copy of the manifest "+b.Manifest
	}
	return r
}

// explain reads the kind of a refusal of another status out of its body, where
// the manifest says how.
func (b *book) explain(_ int, _ http.Header, body []byte) (httpapi.Refusal, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if b.Errors.Kind.IsZero() || d.Decode(&v) != nil {
		return httpapi.Refusal{}, false
	}
	root, err := manifest.RowOf(v)
	if err != nil {
		return httpapi.Refusal{}, false
	}
	kind, err := b.Errors.kind(root) // a body of another shape tells nothing: the status does
	return httpapi.Refusal{Kind: kind, Detail: said(v, b.Errors.Message)}, err == nil && kind != ""
}

// message finds the sentence for people in the body of a refusal.
func (b *book) message(body []byte) string {
	if b.Errors.Message == "" {
		return ""
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	found, _ := walk(v, b.Errors.Message)
	text, _ := manifest.TextOf(found)
	return text
}
