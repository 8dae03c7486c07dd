package sageactivetest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"relanced/connectors/simulator"
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
	Largest  int    // pages of more rows with objects in them are not given; 0: all are
	TooLarge string // what they are answered: a kind of fault
}

// Fault is an answer that is not the usual one.
type Fault = simulator.Fault

// The kinds of fault.
const (
	Throttled    = "429"
	Broken       = "500"
	BadGateway   = "502 with a web page"
	Truncated    = simulator.Truncated
	CutShort     = simulator.CutShort
	Repeated     = simulator.Repeated
	Forbidden    = "403"
	Unauthorized = "401 about the token"
	BadKey       = "401 about the subscription key"
	Timeout      = "504"
	Costly       = "400 for what the answer costs"
	CostlyOK     = "an error for what the answer costs with status 200"
	BusinessErr  = "an error of the business logic with status 200"
)

// Server is the simulated organization.
type Server struct {
	Books *Books
	OAuth *oauthtest.Server

	o Options

	simulator.Front
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
	if err := s.Serve(mux); err != nil {
		panic(err) // no port is free
	}
	return s
}

// URL is the interface's address; AuthorizeURL and TokenURL are the vendor's
// other pages.
func (s *Server) URL() string          { return s.Origin() + "/graphql" }
func (s *Server) AuthorizeURL() string { return s.Origin() + "/connect/authorize" }
func (s *Server) TokenURL() string     { return s.Origin() + "/connect/token" }

// What the app and the organization are known by.
func (s *Server) ClientID() string     { return "active-client" }
func (s *Server) ClientSecret() string { return "secret/of+active" }
func (s *Server) Key() string          { return "subscription-key-1" }
func (s *Server) Organization() string { return "7c1e2d3f-0000-4b4b-8c8c-112233445566" }

// Unready is the id of an organization that its user has not set up to the end.
func (s *Server) Unready() string { return "00000000-0000-0000-0000-000000000000" }

// asked is the body of a request.
type asked struct {
	Query     string                     `json:"query"`
	Variables map[string]json.RawMessage `json:"variables"`
}

func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	var in asked
	op, wrong := operation{}, json.NewDecoder(r.Body).Decode(&in)
	if wrong == nil {
		op, wrong = parse(in.Query)
	}
	s.Count(r.Method == http.MethodPost && wrong == nil && op.kind == "query")
	fault, ok := s.Meet(r, r.URL.Path)
	if !ok {
		return
	}
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	answer, broken := broken(fault.Kind)
	switch {
	case broken:
	case r.Method != http.MethodPost:
		answer = failed(http.StatusBadRequest, "a query must be posted")
	default:
		answer = s.handle(r, op, wrong, in.Variables)
	}
	s.Send(w, fault, "", answer)
}

// broken is the answer of a fault; false: the usual one.
func broken(kind string) (simulator.Answer, bool) {
	switch kind {
	case Throttled:
		return refused(http.StatusTooManyRequests, "Rate limit is exceeded. Try again in 1 seconds.").Wait("1"), true
	case Broken:
		return refused(http.StatusInternalServerError, "Internal server error"), true
	case BadGateway:
		return simulator.WebPage(http.StatusBadGateway, "502 Bad Gateway"), true
	case Forbidden:
		return refused(http.StatusForbidden, "Forbidden"), true
	case Unauthorized:
		return refused(http.StatusUnauthorized, "JWT not present."), true
	case BadKey:
		return noKey(), true
	case Timeout:
		return simulator.WebPage(http.StatusGatewayTimeout, "504"), true
	case Costly:
		return failed(http.StatusBadRequest, tooCostly), true
	case CostlyOK:
		return failed(http.StatusOK, tooCostly), true
	case BusinessErr:
		return failed(http.StatusOK, "global.businessErrors.somethingIsWrong"), true
	}
	return simulator.Answer{}, false
}

const tooCostly = "The maximum allowed field cost was exceeded (650000)."

func noKey() simulator.Answer {
	return refused(http.StatusUnauthorized, "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.")
}

// refused is a refusal of what stands before the interface; failed one of its own.
func refused(status int, message string) simulator.Answer {
	return simulator.JSON(status, map[string]any{"statusCode": status, "message": message})
}

func failed(status int, message string) simulator.Answer {
	return simulator.JSON(status, map[string]any{"errors": []any{map[string]any{"message": message}}, "data": nil})
}

// handle answers a request that was parsed, or what is wrong with it: who asks is
// looked at before.
func (s *Server) handle(r *http.Request, op operation, wrong error, given map[string]json.RawMessage) simulator.Answer {
	switch {
	case r.Header.Get("x-api-key") != s.Key():
		return noKey()
	case !s.OAuth.Bearer(r):
		return refused(http.StatusUnauthorized, "JWT not present.")
	}
	if wrong == nil {
		wrong = check(op, given)
	}
	if wrong == nil && len(op.fields) != 1 {
		wrong = errors.New("this simulator answers one field at a time")
	}
	if wrong != nil {
		s.Mind("%v", wrong)
		return failed(http.StatusBadRequest, wrong.Error())
	}
	f := op.fields[0]
	if f.name != "organizations" && r.Header.Get("X-OrganizationId") != s.Organization() {
		return failed(http.StatusOK, "global.businessErrors.organizationNotFound")
	}
	if n, err := strconv.Atoi(f.argument("first", given).text); err == nil && s.o.Largest > 0 && n > s.o.Largest && f.nests() {
		answer, _ := broken(s.o.TooLarge)
		return answer
	}
	body, err := s.answer(f, given)
	if err != nil {
		s.Mind("%v", err)
		return failed(http.StatusBadRequest, err.Error())
	}
	return simulator.JSON(http.StatusOK, map[string]any{"data": map[string]any{f.name: chosen(body, f.sub)}})
}

func (s *Server) answer(f field, given map[string]json.RawMessage) (map[string]any, error) {
	switch f.name {
	case "organizations":
		return map[string]any{"totalCount": 3, "nodes": []any{
			map[string]any{"id": s.Unready(), "socialName": "NOUVELLE", "status": "READY", "onboardingCompleted": false, "legislationCode": "FR"},
			map[string]any{"id": "0", "socialName": "AUTRE", "status": "READY", "onboardingCompleted": true},
			map[string]any{"id": s.Organization(), "socialName": s.o.Name, "status": "READY", "onboardingCompleted": true, "legislationCode": "FR"},
		}}, nil
	case "organizationDetail":
		return map[string]any{"nodes": []any{map[string]any{"socialName": s.o.Name, "currency": map[string]any{"code": s.o.Currency, "precision": 2}}}}, nil
	case "documentPdfPreview":
		id := ""
		for _, a := range f.argument("input", given).fields {
			if a.name == "id" {
				id = a.value.text
			}
		}
		return map[string]any{"type": "SALES_INVOICE", "id": id, "pdfPreview": base64.StdEncoding.EncodeToString([]byte("%PDF-1.4\n% " + id))}, nil
	}
	return s.list(f, given)
}

// list answers a page. Who does not ask in order and for the total cannot tell
// whether rows moved between two pages.
func (s *Server) list(f field, given map[string]json.RawMessage) (map[string]any, error) {
	s.Books.mu.Lock()
	defer s.Books.mu.Unlock()
	sign := Cents(1)
	if s.o.Negative {
		sign = -1
	}
	order := f.argument("order", given)
	counted := slices.ContainsFunc(f.sub, func(sub field) bool { return sub.name == "totalCount" })
	if !counted || len(order.list) != 1 || len(order.list[0].fields) != 1 || order.list[0].fields[0].name != "creationDate" || order.list[0].fields[0].value.text != "ASC" {
		return nil, errors.New("this simulator wants a list in the order of creationDate, and its totalCount asked for")
	}
	var rows []row
	where := f.argument("where", given)
	for _, r := range s.Books.rows(f.name, sign) {
		ok, err := where.holds(r)
		if err != nil {
			return nil, err
		}
		if ok {
			rows = append(rows, r)
		}
	}
	total, from, first := len(rows), 0, 20
	if n, err := strconv.Atoi(f.argument("first", given).text); err == nil {
		first = n
	}
	if first < 1 || first > 500 {
		return nil, fmt.Errorf("`first` is from 1 to 500, not %d", first)
	}
	if after := f.argument("after", given).text; after != "" {
		text, err := base64.StdEncoding.DecodeString(after)
		n, err2 := strconv.Atoi(strings.TrimPrefix(string(text), "o"))
		if err != nil || err2 != nil {
			return nil, fmt.Errorf("the cursor %q is not known", after)
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
	return map[string]any{
		"nodes": nodes, "totalCount": total,
		"pageInfo": map[string]any{"endCursor": base64.StdEncoding.EncodeToString([]byte(cursor)), "hasNextPage": from+len(rows) < total},
	}, nil
}
