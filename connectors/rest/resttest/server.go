package resttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"relanced/connectors/simulator"
	"relanced/internal/oauth"
	"relanced/internal/oauth/oauthtest"
)

// Style is a way of paging.
type Style string

// The ways of paging.
const (
	NumberEmpty Style = "page numbers until an empty page"
	NumberShort Style = "page numbers until a short page"
	NumberTotal Style = "page numbers until the total"
	Offset      Style = "offsets"
	Cursor      Style = "cursors"
	Link        Style = "the header Link"
	NextURL     Style = "addresses in the answer"
	Post        Style = "questions sent by POST"
	Whole       Style = "one answer, without changes"
)

// Styles are all of them.
var Styles = []Style{NumberEmpty, NumberShort, NumberTotal, Offset, Cursor, Link, NextURL, Post, Whole}

// The ways in.
const (
	Header = "header"
	Basic  = "basic"
	Bearer = "bearer"
	Client = "client_credentials"
	Code   = "code"
)

// Key is what opens the interface, save where OAuth does.
const Key = "qk_5up3r/s3cret+key"

// Options are the service's ways.
type Options struct {
	Style Style // "": NumberEmpty
	Size  int   // rows of a page at most; 0: 100
	Auth  string
	Now   func() time.Time
	// Redirect is the address that the app has registered; "": the usual one.
	Redirect string
}

// Fault is an answer that is not the usual one.
type Fault = simulator.Fault

// The kinds of fault.
const (
	Unauthorized = "401"
	Forbidden    = "403"
	Throttled    = "429"
	Broken       = "500"
	Truncated    = simulator.Truncated
	CutShort     = simulator.CutShort
	WebPage      = "a web page"
	Repeated     = simulator.Repeated
	Failing      = "a refusal with status 200"
)

// Server is the simulated service.
type Server struct {
	*Books
	OAuth *oauthtest.Server

	o Options

	simulator.Front

	mu    sync.Mutex
	paths []string
}

// New starts a server on this machine.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Size == 0 {
		o.Size = 100
	}
	if o.Style == "" {
		o.Style = NumberEmpty
	}
	if o.Auth == "" {
		o.Auth = Header
	}
	if o.Redirect == "" {
		o.Redirect = oauth.DefaultRedirectURL
	}
	s := &Server{o: o, Books: &Books{now: o.Now, company: "Q-1"}}
	s.OAuth = oauthtest.New(oauthtest.Options{
		ClientID: s.ClientID(), ClientSecret: s.ClientSecret(), Unattended: true, Now: o.Now, Scopes: []string{"books.read"},
		RedirectURL: o.Redirect,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth/token", s.OAuth.Token)
	mux.HandleFunc("/oauth/authorize", s.OAuth.Authorize)
	mux.HandleFunc("/v1/", s.api)
	if err := s.Serve(mux); err != nil {
		panic(err) // no port is free
	}
	return s
}

// URL is the base address; TokenURL is where tokens are given.
func (s *Server) URL() string { return s.Origin() + "/v1" }

// TokenURL is where tokens are given.
func (s *Server) TokenURL() string { return s.Origin() + "/oauth/token" }

// AuthorizeURL is the page where a person agrees.
func (s *Server) AuthorizeURL() string { return s.Origin() + "/oauth/authorize" }

// Paths are the addresses asked for, in order.
func (s *Server) Paths() []string { s.mu.Lock(); defer s.mu.Unlock(); return slices.Clone(s.paths) }

func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	s.Count(r.Method == http.MethodGet || r.Method == http.MethodPost && s.o.Style == Post && strings.HasSuffix(r.URL.Path, "/search"))
	s.mu.Lock()
	s.paths = append(s.paths, r.URL.RequestURI())
	s.mu.Unlock()
	fault, ok := s.Meet(r, r.URL.Path)
	if !ok {
		return
	}
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	answer, failed := broken(fault.Kind)
	if !failed {
		answer = s.handle(r)
	}
	s.Send(w, fault, r.URL.Path, answer)
}

// broken is the answer of a fault; false: the usual one.
func broken(kind string) (simulator.Answer, bool) {
	switch kind {
	case Unauthorized:
		return refusal(http.StatusUnauthorized, "refused: %s", kind), true
	case Forbidden:
		return refusal(http.StatusForbidden, "refused: %s", kind), true
	case Throttled:
		return refusal(http.StatusTooManyRequests, "refused: %s", kind).Wait("1"), true
	case Broken:
		return refusal(http.StatusInternalServerError, "refused: %s", kind), true
	case WebPage:
		return simulator.WebPage(http.StatusOK, "Maintenance"), true
	case Failing:
		return simulator.JSON(http.StatusOK, map[string]any{"success": false, "fault": map[string]any{"text": "the books are being closed"}}), true
	}
	return simulator.Answer{}, false
}

func refusal(status int, format string, args ...any) simulator.Answer {
	return simulator.JSON(status, map[string]any{"fault": map[string]any{"text": fmt.Sprintf(format, args...)}})
}

func (s *Server) letIn(r *http.Request) bool {
	switch s.o.Auth {
	case Basic:
		user, password, ok := r.BasicAuth()
		return ok && user == "relanced" && password == Key
	case Bearer:
		return r.Header.Get("Authorization") == "Bearer "+Key
	case Client, Code:
		return s.OAuth.Bearer(r)
	}
	return r.Header.Get("X-Quittance-Key") == "key "+Key
}

func (s *Server) handle(r *http.Request) simulator.Answer {
	if !s.letIn(r) {
		return refusal(http.StatusUnauthorized, "who are you?")
	}
	steps := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	kinds := []string{"customers", "invoices", "credits", "payments"}
	switch {
	case len(steps) == 1 && steps[0] == "me":
		return simulator.JSON(http.StatusOK, map[string]any{"company": map[string]any{"id": s.Company(), "name": "Ateliers du Quai"}})
	case len(steps) == 1 && s.o.Style != Post && slices.Contains(kinds, steps[0]):
		return s.list(steps[0], r.URL.Query(), r)
	case len(steps) == 2 && s.o.Style == Post && steps[1] == "search" && slices.Contains(kinds, steps[0]):
		return s.search(steps[0], r)
	case len(steps) >= 2 && slices.Contains(kinds, steps[0]):
		for _, row := range s.rows(steps[0]) {
			if strconv.Itoa(row.id) != steps[1] {
				continue
			}
			if len(steps) == 3 && steps[0] == "invoices" && steps[2] == "pdf" {
				return simulator.PDF(steps[1])
			}
			return simulator.JSON(http.StatusOK, map[string]any{"data": row.object})
		}
	}
	return refusal(http.StatusNotFound, "there is no %s", r.URL.Path)
}

// asked is what a list is asked for.
type asked struct {
	page, offset, size int
	after              int
	since              time.Time
}

func (s *Server) read(q url.Values) (asked, error) {
	a := asked{page: 1, size: s.o.Size}
	for name, values := range q {
		number, err := strconv.Atoi(values[0])
		switch {
		case len(values) != 1:
			return a, fmt.Errorf("%s stands twice", name)
		case name == "updated_since" && s.o.Style != Whole:
			if a.since, err = time.Parse(time.RFC3339, values[0]); err != nil {
				return a, fmt.Errorf("updated_since %q is no instant", values[0])
			}
			continue
		case name == "page" && slices.Contains([]Style{NumberEmpty, NumberShort, NumberTotal, Link, NextURL}, s.o.Style):
			a.page = number
		case name == "offset" && (s.o.Style == Offset || s.o.Style == Post):
			a.offset = number
		case name == "cursor" && s.o.Style == Cursor:
			text, found := strings.CutPrefix(values[0], "after/")
			number, err = strconv.Atoi(text)
			if a.after = number; !found {
				return a, fmt.Errorf("cursor %q is not known", values[0])
			}
		case name == "per_page" && s.o.Style != Whole:
			a.size = number
		default:
			return a, fmt.Errorf("unknown parameter %s", name)
		}
		if err != nil || number < 0 {
			return a, fmt.Errorf("%s is no number", name)
		}
	}
	if a.size > s.o.Size || a.size < 1 || a.page < 1 {
		return a, fmt.Errorf("a page has at most %d rows", s.o.Size)
	}
	return a, nil
}

func (s *Server) search(kind string, r *http.Request) simulator.Answer {
	var body struct {
		Filters []struct {
			Field string `json:"field"`
			From  string `json:"from"`
		} `json:"filters"`
		Limit  int `json:"limit"`
		Offset int `json:"offset"`
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil || r.Method != http.MethodPost {
		return refusal(http.StatusBadRequest, "the question cannot be read: %v", err)
	}
	q := url.Values{"per_page": {strconv.Itoa(body.Limit)}, "offset": {strconv.Itoa(body.Offset)}}
	for _, f := range body.Filters {
		if f.Field != "updated_at" {
			return refusal(http.StatusBadRequest, "unknown field %s", f.Field)
		}
		q.Set("updated_since", f.From)
	}
	return s.list(kind, q, r)
}

func (s *Server) list(kind string, q url.Values, r *http.Request) simulator.Answer {
	a, err := s.read(q)
	if err != nil {
		return refusal(http.StatusBadRequest, "%v", err)
	}
	rows := slices.DeleteFunc(s.rows(kind), func(row row) bool { return !a.since.IsZero() && row.changed.Before(a.since) })
	total := len(rows)
	switch s.o.Style {
	case Cursor:
		rows = slices.DeleteFunc(rows, func(row row) bool { return row.id <= a.after })
	case Offset, Post:
		rows = rows[min(a.offset, total):]
	case Whole:
		a.size = total
	default:
		rows = rows[min((a.page-1)*a.size, total):]
	}
	more := len(rows) > a.size
	rows = rows[:min(a.size, len(rows))]
	objects := make([]any, len(rows))
	for i, row := range rows {
		objects[i] = row.object
	}
	meta := map[string]any{"total": total}
	body := map[string]any{"data": objects, "meta": meta}
	if !more {
		if s.o.Style == Link {
			return simulator.JSON(http.StatusOK, objects)
		}
		return simulator.JSON(http.StatusOK, body)
	}
	next := *r.URL
	parameters := next.Query()
	parameters.Set("page", strconv.Itoa(a.page+1))
	next.RawQuery = parameters.Encode()
	switch s.o.Style {
	case Cursor:
		meta["next"] = fmt.Sprintf("after/%d", rows[len(rows)-1].id)
	case NextURL:
		meta["next"] = s.Origin() + next.RequestURI()
	case Link:
		answer := simulator.JSON(http.StatusOK, objects)
		answer.Header.Set("Link", fmt.Sprintf(`<%s%s>; rel="first", <%s%s>; title="a, b"; rel="next last"`, s.Origin(), r.URL.Path, s.Origin(), next.RequestURI()))
		return answer
	}
	return simulator.JSON(http.StatusOK, body)
}
