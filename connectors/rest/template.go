package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"relanced/connectors/manifest"
	"relanced/internal/conf"
)

// template is a text of a manifest with places to fill in: "/invoices/{id}".
type template struct {
	text string
	node conf.Node
}

var (
	slot      = regexp.MustCompile(`\{([a-z][a-z_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?\??)\}`)
	wholeSlot = regexp.MustCompile(`^\{([a-z][a-z_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\}$`)
)

// DecodeConf reads the text.
func (t *template) DecodeConf(n conf.Node, p *conf.Problems) {
	if n.IsMapping() || n.IsSequence() {
		p.Addf("text is expected; put quotes around one that begins with { or [")
		return
	}
	t.text, t.node = n.Text(), n
}

// names are the places of the text.
func (t template) names() []string { return namesIn(t.text) }

func namesIn(text string) []string {
	var names []string
	for _, m := range slot.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// fill puts the values into the text, each written by write.
func (t template) fill(v values, write func(string) string) string {
	return slot.ReplaceAllStringFunc(t.text, func(place string) string {
		return write(v.text(place[1 : len(place)-1]))
	})
}

// values are what places of a request stand for.
type values struct {
	id    string
	ids   []string
	since string
	page  *place
	size  int
	row   manifest.Row // of a document's own request
}

// text is the value of a place.
func (v values) text(name string) string {
	switch name {
	case "id":
		return v.id
	case "ids":
		return strings.Join(v.ids, ",")
	case "since":
		return v.since
	case "size":
		return strconv.Itoa(v.size)
	}
	if field, ok := strings.CutPrefix(name, "it."); ok {
		text, _ := manifest.TextOf(v.row[field]) // what is no text is told by the request that lacks it
		return text
	}
	if v.page == nil {
		return ""
	}
	switch name {
	case "page":
		return strconv.Itoa(v.page.Page)
	case "offset":
		return strconv.Itoa(v.page.Offset)
	case "cursor":
		return v.page.Next
	}
	return ""
}

// data is the value of a place that is all of a text of a body: numbers are
// numbers there, ids a list.
func (v values) data(name string) any {
	switch name {
	case "ids":
		list := make([]any, len(v.ids))
		for i, id := range v.ids {
			list[i] = numberOr(id)
		}
		return list
	case "cursor":
		if v.page == nil || v.page.Next == "" {
			return nil
		}
		return v.page.Next
	}
	return numberOr(v.text(name))
}

// numberOr is a whole number where the text is one as a number is written.
func numberOr(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return json.Number(text)
	}
	return text
}

// request is how one address is asked.
type request struct {
	Path    template            `yaml:"path"    doc:"below base_url, as in /invoices or /invoices/{id}"`
	Query   map[string]template `yaml:"query"   doc:"parameters of the address"`
	Headers map[string]template `yaml:"headers" doc:"headers of this request"`
	Post    conf.Node           `yaml:"post"    doc:"the JSON body of a POST that only asks"`
	Items   string              `yaml:"items"   doc:"where in the answer the rows are: data, result.rows; . is the answer itself"`
}

// check reports what cannot be asked. may are the places that have a value.
func (r *request) check(p *conf.Problems, may ...string) {
	if r.Path.text == "" {
		p.At("path").Addf("write the path below base_url, as in path: /invoices")
	} else if problem := badPath(r.Path.text); problem != "" {
		p.At("path").Addf("%s", problem)
	}
	checkPlaces(p.At("path"), r.Path.names(), may)
	for _, name := range slices.Sorted(maps.Keys(r.Query)) {
		checkPlaces(p.At("query", name), r.Query[name].names(), may)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		checkHeader(p.At("headers", name), name)
		checkPlaces(p.At("headers", name), r.Headers[name].names(), may)
	}
	if !r.Post.IsZero() {
		if !r.Post.IsMapping() {
			p.At("post").Addf("the body of a POST is a mapping, as in post: {limit: \"{size}\"}")
		}
		checkPlaces(p.At("post"), placesOf(r.Post.Value()), may)
	}
	for _, step := range strings.Split(r.Items, ".") {
		if step == "" && r.Items != "." && r.Items != "" {
			p.At("items").Addf("write the names that lead to the list, as in data or result.rows, or . for the answer itself")
			break
		}
	}
}

func checkPlaces(p *conf.Problems, names, may []string) {
	for _, name := range names {
		known := slices.Contains(may, name) || slices.Contains(may, "it") && strings.HasPrefix(name, "it.")
		if !known {
			p.Addf("{%s} has no value here%s", name, hint(may))
		}
	}
}

func hint(may []string) string {
	if len(may) == 0 {
		return ""
	}
	list := slices.Clone(may)
	if i := slices.Index(list, "it"); i >= 0 {
		list[i] = "it.FIELD"
	}
	return " (there are {" + strings.Join(list, "}, {") + "})"
}

// reserved are the headers that a manifest does not set: they belong to the
// connection, or say what is sent.
var reserved = []string{"Host", "Authorization", "Cookie", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "User-Agent"}

func checkHeader(p *conf.Problems, name string) {
	if !headerName.MatchString(name) {
		p.Key().Addf("%q is no name of a header", name)
	}
	if slices.Contains(reserved, http.CanonicalHeaderKey(name)) {
		p.Key().Addf("the header %s is not for a manifest to set: credentials belong in auth", name)
	}
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// badPath tells what is wrong with a path of a manifest: it stays below base_url.
func badPath(path string) string {
	switch {
	case !strings.HasPrefix(path, "/"):
		return "a path begins with /"
	case strings.HasPrefix(path, "//") || strings.ContainsAny(path, "?#\\"):
		return "a path has no //, ? or #: parameters stand under query"
	}
	for _, step := range strings.Split(path, "/") {
		if step == ".." || step == "." {
			return "a path does not leave base_url"
		}
	}
	return ""
}

// placesOf are the places in all texts of a body.
func placesOf(v any) []string {
	var names []string
	switch v := v.(type) {
	case string:
		return namesIn(v)
	case []any:
		for _, item := range v {
			names = append(names, placesOf(item)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			names = append(names, placesOf(v[key])...)
		}
	}
	return names
}

// filled is a body with its places filled in.
func filled(body any, v values) any {
	switch body := body.(type) {
	case string:
		if m := wholeSlot.FindStringSubmatch(body); m != nil {
			return v.data(m[1])
		}
		return template{text: body}.fill(v, func(text string) string { return text })
	case []any:
		list := make([]any, len(body))
		for i, item := range body {
			list[i] = filled(item, v)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(body))
		for key, item := range body {
			object[key] = filled(item, v)
		}
		return object
	}
	return body
}

// path is the path with its places filled in, escaped: a value never adds a
// step, nor leaves its own.
func (r *request) path(v values) (string, error) {
	var bad error
	text := r.Path.fill(v, func(value string) string {
		if value == "" || value == "." || value == ".." {
			bad = fmt.Errorf("%q cannot stand in an address", value)
		}
		return url.PathEscape(value)
	})
	return text, bad
}
