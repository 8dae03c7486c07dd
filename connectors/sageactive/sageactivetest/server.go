package sageactivetest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"relanced/internal/oauth/oauthtest"
)

// Options are the organization's and the vendor's ways. What the vendor does not
// document is a switch.
type Options struct {
	Name     string
	Currency string // "": EUR
	Now      func() time.Time
	Redirect string // registered redirect address
	Moves    bool   // a settlement also moves the modificationDate of the invoice or entry
	Negative bool   // totals of credit notes are negative
	Opaque   bool   // cursors are no offsets
}

// Fault is an answer that is not the usual one.
type Fault struct {
	Skip   int    // requests to let pass first
	Times  int    // how many are hit; 0: all
	Kind   string // "" or one of the kinds
	Delay  time.Duration
	Before func() // runs before the request is handled
}

// The kinds of fault.
const (
	Throttled    = "429"
	Broken       = "500"
	BadGateway   = "502 with a web page"
	Truncated    = "JSON cut off"
	CutShort     = "connection cut"
	Repeated     = "the answer before once more"
	Forbidden    = "403"
	Unauthorized = "401 about the token"
	BadKey       = "401 about the subscription key"
	BusinessErr  = "an error of the business logic with status 200"
)

// Server is the simulated organization.
type Server struct {
	Books *Books
	OAuth *oauthtest.Server

	o      Options
	server *httptest.Server

	mu       sync.Mutex
	faults   []Fault
	requests int
	writes   int
	last     []byte
}

// New starts a server on this machine.
func New(o Options) *Server {
	if o.Currency == "" {
		o.Currency = "EUR"
	}
	if o.Name == "" {
		o.Name = "STUDIO HALLES"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{o: o, Books: &Books{now: o.Now, moves: o.Moves}}
	s.OAuth = oauthtest.New(oauthtest.Options{
		ClientID: s.ClientID(), ClientSecret: s.ClientSecret(), RedirectURL: o.Redirect, Scopes: []string{"RDSA", "offline_access"}, AccessTTL: 8 * time.Hour, Now: o.Now,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/connect/token", s.OAuth.Token)
	mux.HandleFunc("/connect/authorize", s.OAuth.Authorize)
	mux.HandleFunc("/graphql", s.api)
	s.server = httptest.NewServer(mux)
	return s
}

// URL is the interface's address; AuthorizeURL and TokenURL are the vendor's
// other pages.
func (s *Server) URL() string          { return s.server.URL + "/graphql" }
func (s *Server) AuthorizeURL() string { return s.server.URL + "/connect/authorize" }
func (s *Server) TokenURL() string     { return s.server.URL + "/connect/token" }

// What the app and the organization are known by.
func (s *Server) ClientID() string     { return "active-client" }
func (s *Server) ClientSecret() string { return "secret/of+active" }
func (s *Server) Key() string          { return "subscription-key-1" }
func (s *Server) Organization() string { return "7c1e2d3f-0000-4b4b-8c8c-112233445566" }

// Close stops it.
func (s *Server) Close() error { s.server.Close(); return nil }

// Requests counts requests to the interface; Writes those that would write.
func (s *Server) Requests() int { s.mu.Lock(); defer s.mu.Unlock(); return s.requests }
func (s *Server) Writes() int   { s.mu.Lock(); defer s.mu.Unlock(); return s.writes }

// Fail adds a fault; Heal removes all.
func (s *Server) Fail(f Fault) { s.mu.Lock(); defer s.mu.Unlock(); s.faults = append(s.faults, f) }
func (s *Server) Heal()        { s.mu.Lock(); defer s.mu.Unlock(); s.faults = nil }

func (s *Server) fault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hit Fault
	for i := range s.faults {
		f := &s.faults[i]
		switch {
		case f.Skip > 0:
			f.Skip--
		case f.Times >= 0 && hit.Kind == "" && hit.Before == nil && hit.Delay == 0:
			hit = *f
			if f.Times == 1 {
				f.Times = -1
			} else if f.Times > 1 {
				f.Times--
			}
		}
	}
	return hit
}

type asked struct {
	Query     string `json:"query"`
	Variables struct {
		After string `json:"c"`
		First int    `json:"n"`
		Since string `json:"t"`
	} `json:"variables"`
}

func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	f := s.fault()
	if f.Before != nil {
		f.Before()
	}
	var in asked
	bad := json.NewDecoder(r.Body).Decode(&in) != nil
	s.mu.Lock()
	s.requests++
	if strings.HasPrefix(strings.TrimSpace(in.Query), "mutation") {
		s.writes++
	}
	s.mu.Unlock()
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	status, body := s.broken(w, f.Kind)
	switch {
	case status != 0:
	case bad || r.Method != http.MethodPost:
		status, body = http.StatusBadRequest, failed("a query must be posted")
	default:
		status, body = s.handle(r, in)
	}
	text, ok := body.([]byte)
	if !ok {
		var err error
		if text, err = json.Marshal(body); err != nil {
			panic(err)
		}
	}
	s.mu.Lock()
	if f.Kind == Repeated && s.last != nil {
		text, status = s.last, http.StatusOK
	}
	s.last = text
	s.mu.Unlock()
	if f.Kind == Truncated {
		text = text[:len(text)/2]
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if f.Kind == CutShort {
		_, _ = w.Write(text[:len(text)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(text)
}

func (s *Server) broken(w http.ResponseWriter, kind string) (int, any) {
	switch kind {
	case Throttled:
		w.Header().Set("Retry-After", "1")
		return http.StatusTooManyRequests, map[string]any{"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."}
	case Broken:
		return http.StatusInternalServerError, map[string]any{"statusCode": 500, "message": "Internal server error"}
	case BadGateway:
		return http.StatusBadGateway, []byte("<html><head><title>502 Bad Gateway</title></head></html>")
	case Forbidden:
		return http.StatusForbidden, map[string]any{"statusCode": 403, "message": "Forbidden"}
	case Unauthorized:
		return http.StatusUnauthorized, map[string]any{"statusCode": 401, "message": "JWT not present."}
	case BadKey:
		return s.noKey()
	case BusinessErr:
		return http.StatusOK, failed("global.businessErrors.somethingIsWrong")
	}
	return 0, nil
}

func (s *Server) noKey() (int, any) {
	return http.StatusUnauthorized, map[string]any{"statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."}
}

func failed(message string) any {
	return map[string]any{"errors": []any{map[string]any{"message": message}}, "data": nil}
}

var (
	root   = regexp.MustCompile(`\{\s*(\w+)\s*\(`)
	idList = regexp.MustCompile(`id:\{in:(\[[^\]]*\])\}`)
	pdfOf  = regexp.MustCompile(`documentPdfPreview\(input:\{type:SALES_INVOICE,id:"([^"]+)"\}\)`)
)

func (s *Server) handle(r *http.Request, in asked) (int, any) {
	m := root.FindStringSubmatch(in.Query)
	switch {
	case r.Header.Get("x-api-key") != s.Key():
		return s.noKey()
	case !s.OAuth.Bearer(r):
		return http.StatusUnauthorized, map[string]any{"statusCode": 401, "message": "JWT not present."}
	case m == nil:
		return http.StatusBadRequest, failed("The query is not understood")
	case m[1] == "organizations":
		return http.StatusOK, data(m[1], map[string]any{"totalCount": 2, "nodes": []any{
			map[string]any{"id": "0", "socialName": "AUTRE", "status": "READY", "onboardingCompleted": true},
			map[string]any{"id": s.Organization(), "socialName": s.o.Name, "status": "READY", "onboardingCompleted": true, "legislationCode": "FR"},
		}})
	case r.Header.Get("X-OrganizationId") != s.Organization():
		return http.StatusOK, failed("global.businessErrors.organizationNotFound")
	case m[1] == "organizationDetail":
		return http.StatusOK, data(m[1], map[string]any{"nodes": []any{map[string]any{"socialName": s.o.Name, "currency": map[string]any{"code": s.o.Currency, "precision": 2}}}})
	case m[1] == "documentPdfPreview":
		id := pdfOf.FindStringSubmatch(in.Query)
		if id == nil {
			return http.StatusBadRequest, failed("The input is not understood")
		}
		return http.StatusOK, data(m[1], map[string]any{"type": "SALES_INVOICE", "id": id[1], "pdfPreview": base64.StdEncoding.EncodeToString([]byte("%PDF-1.4\n% " + id[1]))})
	}
	return s.list(m[1], in)
}

func data(name string, body any) any { return map[string]any{"data": map[string]any{name: body}} }

func (s *Server) list(name string, in asked) (int, any) {
	s.Books.mu.Lock()
	defer s.Books.mu.Unlock()
	sign := Cents(1)
	if s.o.Negative {
		sign = -1
	}
	if !slices.Contains([]string{"customers", "salesInvoices", "salesInvoiceOpenItems", "accountingEntries"}, name) || in.Variables.First > 500 ||
		!strings.Contains(in.Query, "totalCount") || !strings.Contains(in.Query, "order:[{creationDate:ASC}]") {
		return http.StatusBadRequest, failed("The field does not exist, or more is asked for than may be")
	}
	rows := s.Books.rows(name, sign)
	if list := idList.FindStringSubmatch(in.Query); list != nil {
		var ids []string
		_ = json.Unmarshal([]byte(list[1]), &ids)
		rows = slices.DeleteFunc(rows, func(r row) bool { return !slices.Contains(ids, r.ID) })
	}
	if strings.Contains(in.Query, "where:{or:[") || strings.Contains(in.Query, "where:{modificationDate") {
		since, err := time.Parse(time.RFC3339, in.Variables.Since)
		if err != nil {
			return http.StatusBadRequest, failed("t is no DateTime")
		}
		also := strings.Contains(in.Query, "{creationDate:{gte:$t}}")
		rows = slices.DeleteFunc(rows, func(r row) bool {
			return (r.modified.IsZero() || r.modified.Before(since)) && (!also || r.created.Before(since))
		})
	}
	total, from, first := len(rows), 0, max(in.Variables.First, 1)
	if in.Variables.After != "" {
		text, err := base64.StdEncoding.DecodeString(in.Variables.After)
		n, err2 := strconv.Atoi(strings.TrimPrefix(string(text), "o"))
		if err != nil || err2 != nil {
			return http.StatusBadRequest, failed("the cursor is not understood")
		}
		from = n + 1
	}
	rows = rows[min(from, total):min(from+first, total)]
	nodes := make([]any, len(rows))
	for i, r := range rows {
		nodes[i] = r.look()
	}
	cursor := strconv.Itoa(from + len(rows) - 1)
	if s.o.Opaque {
		cursor = "o" + cursor
	}
	return http.StatusOK, data(name, map[string]any{
		"nodes": nodes, "totalCount": total,
		"pageInfo": map[string]any{"endCursor": base64.StdEncoding.EncodeToString([]byte(cursor)), "hasNextPage": from+len(rows) < total},
	})
}
