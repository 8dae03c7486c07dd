package sageactivetest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
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

type asked struct {
	Query     string `json:"query"`
	Variables struct {
		After string `json:"c"`
		First int    `json:"n"`
		Since string `json:"t"`
	} `json:"variables"`
}

func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	var in asked
	bad := json.NewDecoder(r.Body).Decode(&in) != nil
	s.Count(r.Method == http.MethodPost && !strings.HasPrefix(strings.TrimSpace(in.Query), "mutation"))
	fault, ok := s.Meet(r, r.URL.Path)
	if !ok {
		return
	}
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	answer, broken := broken(fault.Kind)
	switch {
	case broken:
	case bad || r.Method != http.MethodPost:
		answer = failed(http.StatusBadRequest, "a query must be posted")
	default:
		answer = s.handle(r, in)
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
	case BusinessErr:
		return failed(http.StatusOK, "global.businessErrors.somethingIsWrong"), true
	}
	return simulator.Answer{}, false
}

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

var (
	root   = regexp.MustCompile(`\{\s*(\w+)\s*\(`)
	idList = regexp.MustCompile(`id:\{in:(\[[^\]]*\])\}`)
	pdfOf  = regexp.MustCompile(`documentPdfPreview\(input:\{type:SALES_INVOICE,id:"([^"]+)"\}\)`)
)

func (s *Server) handle(r *http.Request, in asked) simulator.Answer {
	m := root.FindStringSubmatch(in.Query)
	switch {
	case r.Header.Get("x-api-key") != s.Key():
		return noKey()
	case !s.OAuth.Bearer(r):
		return refused(http.StatusUnauthorized, "JWT not present.")
	case m == nil:
		return failed(http.StatusBadRequest, "The query is not understood")
	case m[1] == "organizations":
		return data(m[1], map[string]any{"totalCount": 2, "nodes": []any{
			map[string]any{"id": "0", "socialName": "AUTRE", "status": "READY", "onboardingCompleted": true},
			map[string]any{"id": s.Organization(), "socialName": s.o.Name, "status": "READY", "onboardingCompleted": true, "legislationCode": "FR"},
		}})
	case r.Header.Get("X-OrganizationId") != s.Organization():
		return failed(http.StatusOK, "global.businessErrors.organizationNotFound")
	case m[1] == "organizationDetail":
		return data(m[1], map[string]any{"nodes": []any{map[string]any{"socialName": s.o.Name, "currency": map[string]any{"code": s.o.Currency, "precision": 2}}}})
	case m[1] == "documentPdfPreview":
		id := pdfOf.FindStringSubmatch(in.Query)
		if id == nil {
			return failed(http.StatusBadRequest, "The input is not understood")
		}
		return data(m[1], map[string]any{"type": "SALES_INVOICE", "id": id[1], "pdfPreview": base64.StdEncoding.EncodeToString([]byte("%PDF-1.4\n% " + id[1]))})
	}
	return s.list(m[1], in)
}

func data(name string, body any) simulator.Answer {
	return simulator.JSON(http.StatusOK, map[string]any{"data": map[string]any{name: body}})
}

func (s *Server) list(name string, in asked) simulator.Answer {
	s.Books.mu.Lock()
	defer s.Books.mu.Unlock()
	sign := Cents(1)
	if s.o.Negative {
		sign = -1
	}
	if !slices.Contains([]string{"customers", "salesInvoices", "salesInvoiceOpenItems", "accountingEntries"}, name) || in.Variables.First > 500 ||
		!strings.Contains(in.Query, "totalCount") || !strings.Contains(in.Query, "order:[{creationDate:ASC}]") {
		return failed(http.StatusBadRequest, "The field does not exist, or more is asked for than may be")
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
			return failed(http.StatusBadRequest, "t is no DateTime")
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
			return failed(http.StatusBadRequest, "the cursor is not understood")
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
	return data(name, map[string]any{
		"nodes": nodes, "totalCount": total,
		"pageInfo": map[string]any{"endCursor": base64.StdEncoding.EncodeToString([]byte(cursor)), "hasNextPage": from+len(rows) < total},
	})
}
