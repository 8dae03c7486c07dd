package sagetest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"relanced/connectors/simulator"
	"relanced/internal/oauth/oauthtest"
)

// Options are the business's and the service's ways. What the vendor does not
// document is a switch.
type Options struct {
	Name         string
	Home         string // currency; "": GBP
	Days         string // customer_credit_days; "": none
	Now          func() time.Time
	Redirect     string // registered redirect address
	Numbers      bool   // amounts are numbers, not text
	ReadOnly     bool   // the user may not read allocations
	NoOpenings   bool   // nor opening balances
	NoSettings   bool   // nor settings
	Untouched    bool   // what a payment settles keeps its updated_at
	VoidKeeps    bool   // what is void keeps its outstanding amount
	VoidNull     bool   // or has none
	ShowsDeleted bool   // a deleted record is answered by id, with deleted_at
	Bare         bool   // quick entries and opening balances tell no currency
	AccountPath  string // of money on account; "": payments_on_account
	Largest      int    // larger pages with all attributes answer 504; 0: none do
}

// Fault is an answer that is not the usual one.
type Fault = simulator.Fault

// The kinds of fault.
const (
	Throttled         = "429"
	Broken            = "500"
	BadGateway        = "502 with a web page"
	Timeout           = "504"
	Truncated         = simulator.Truncated
	CutShort          = simulator.CutShort
	Repeated          = simulator.Repeated
	Forbidden         = "403"
	Unauthorized      = "401"
	UnauthorizedPlain = "401 in the words of an authorization server"
	UnauthorizedEmpty = "401 without a word"
	Lapsed            = "401 of a business without a subscription"
)

// Server is the simulated service.
type Server struct {
	Books *Books
	OAuth *oauthtest.Server

	o Options

	simulator.Front

	mu      sync.Mutex
	spoilt  map[string]bool
	altered map[string]map[string]any
}

// New starts a server on this machine.
func New(o Options) *Server {
	if o.Home == "" {
		o.Home = "GBP"
	}
	if o.Name == "" {
		o.Name = "Studio Halles Ltd"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{o: o, Books: newBooks(o), spoilt: map[string]bool{}, altered: map[string]map[string]any{}}
	s.OAuth = oauthtest.New(oauthtest.Options{
		ClientID: s.ClientID(), ClientSecret: s.ClientSecret(), RedirectURL: o.Redirect, Scopes: []string{"readonly"}, UnknownClient: http.StatusBadRequest,
		AccessTTL: 5 * time.Minute, RefreshTTL: 31 * 24 * time.Hour, Sent: map[string]string{"country": "GB"},
		Extra: map[string]any{"refresh_token_expires_in": 2678400, "requested_by_id": "5c4f0b1e-0d4d-4a8e-b3d5-111122223333"}, Now: o.Now,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/token", s.OAuth.Token)
	mux.HandleFunc("/oauth2/auth/central", s.OAuth.Authorize)
	mux.HandleFunc("/v3.1/", s.api)
	if err := s.Serve(mux); err != nil {
		panic(err) // no port is free
	}
	return s
}

// URL is the interface's address; AuthorizeURL and TokenURL are the vendor's
// other pages.
func (s *Server) URL() string { return s.Origin() + "/v3.1" }

func (s *Server) AuthorizeURL() string { return s.Origin() + "/oauth2/auth/central?filter=apiv3.1" }
func (s *Server) TokenURL() string     { return s.Origin() + "/token" }

// ClientID and ClientSecret are the app's.
func (s *Server) ClientID() string     { return "sage-client" }
func (s *Server) ClientSecret() string { return "secret/of+sage" }

// Business is the id of the business; Lead that of the one the user leads.
func (s *Server) Business() string { return "b1b1b1b1c2c2c2c2d3d3d3d3e4e4e4e4" }
func (s *Server) Lead() string     { return "0000b1b1c2c2c2c2d3d3d3d3e4e4e4e4" }

// Spoil makes every list that holds all of the record fail; alone it is given
// unless wholly.
func (s *Server) Spoil(id string, wholly bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoilt[id] = wholly
}

// Alter has a record told with other values under some of its keys.
func (s *Server) Alter(id string, with map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.altered[id] = with
}

// Roles changes what the user may read.
func (s *Server) Roles(readOnly, noOpenings bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.ReadOnly, s.o.NoOpenings = readOnly, noOpenings
}

// diagnoses is the body of a refusal.
func diagnoses(code, message string) any {
	return []any{map[string]any{"$severity": "error", "$dataCode": code, "$message": message, "$source": ""}}
}

func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	s.Count(r.Method == http.MethodGet)
	fault, ok := s.Meet(r, r.URL.Path)
	if !ok {
		return
	}
	w.Header().Set("Date", s.o.Now().UTC().Format(http.TimeFormat))
	answer, failed := broken(fault.Kind)
	if !failed {
		answer = s.handle(r)
	}
	s.Send(w, fault, "", answer)
}

// broken is the answer of a fault; false: the usual one.
func broken(kind string) (simulator.Answer, bool) {
	switch kind {
	case Throttled:
		return simulator.JSON(http.StatusTooManyRequests, diagnoses("TooManyRequests", "Slow down")).Wait("1"), true
	case Broken:
		return simulator.JSON(http.StatusInternalServerError, diagnoses("UnexpectedError", "An unexpected error occurred.")), true
	case BadGateway:
		return simulator.WebPage(http.StatusBadGateway, "502 Bad Gateway"), true
	case Timeout:
		return simulator.WebPage(http.StatusGatewayTimeout, "504"), true
	case Forbidden:
		return simulator.JSON(http.StatusForbidden, diagnoses("MultiUserAccessDenied", "You do not have access to this.")), true
	case Unauthorized:
		return simulator.JSON(http.StatusUnauthorized, diagnoses("AuthorizationFailure", "The access token is invalid or has expired.")), true
	case UnauthorizedPlain:
		return simulator.JSON(http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": "The access token expired"}), true
	case UnauthorizedEmpty:
		return simulator.Answer{Status: http.StatusUnauthorized}, true
	case Lapsed:
		return simulator.JSON(http.StatusUnauthorized, diagnoses("AuthorizationFailure", "No active subscription. (MSE)")), true
	}
	return simulator.Answer{}, false
}

func (s *Server) handle(r *http.Request) simulator.Answer {
	list, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v3.1/"), "/")
	business := r.Header.Get("X-Business")
	switch {
	case !s.OAuth.Bearer(r):
		return simulator.JSON(http.StatusUnauthorized, diagnoses("AuthorizationFailure", "The access token is invalid or has expired."))
	case r.Header.Get("Accept") == "":
		return simulator.JSON(http.StatusUnsupportedMediaType, diagnoses("UnsupportedMediaType", "Accept is missing"))
	case list == "businesses":
		return s.businesses(id)
	case business == "":
		s.Mind("no X-Business: %s", r.URL.String())
		return simulator.JSON(http.StatusOK, map[string]any{"$total": 0, "$page": 1, "$items": []any{}})
	case business != s.Business():
		return simulator.JSON(http.StatusNotFound, diagnoses("RecordNotFound", "The record was not found."))
	}
	s.mu.Lock()
	o := s.o
	s.mu.Unlock()
	if list == Allocations && o.ReadOnly || list == Openings && o.NoOpenings || strings.HasSuffix(list, "_settings") && o.NoSettings {
		return simulator.JSON(http.StatusForbidden, diagnoses("MultiUserAccessDenied", "You do not have access to this."))
	}
	s.Books.mu.Lock()
	defer s.Books.mu.Unlock()
	switch {
	case list == "financial_settings":
		return simulator.JSON(http.StatusOK, map[string]any{"base_currency": s.currency(""), "mtd_authenticated_date": ""})
	case list == "invoice_settings":
		return simulator.JSON(http.StatusOK, map[string]any{"customer_credit_days": number(o.Days)})
	case params[list] == nil:
		return simulator.WebPage(http.StatusNotFound, "404")
	}
	q := r.URL.Query()
	allowed := params[list]
	if id != "" {
		allowed = single[list]
	}
	for name := range q {
		if !slices.Contains(allowed, name) {
			s.Mind("unknown parameter %s: %s", name, r.URL)
			return simulator.JSON(http.StatusUnprocessableEntity, diagnoses("RecordInvalid", "unknown parameter "+name))
		}
	}
	if id != "" {
		return s.one(list, id, q, r.Header.Get("Accept") == "application/pdf")
	}
	return s.page(list, q)
}

func (s *Server) businesses(id string) simulator.Answer {
	names := map[string]string{s.Business(): s.o.Name, s.Lead(): "Lead Ltd"}
	if id != "" {
		if names[id] == "" {
			return simulator.JSON(http.StatusNotFound, diagnoses("RecordNotFound", "The record was not found."))
		}
		b := ref("businesses", id, names[id])
		b["name"], b["subscriptions"] = names[id], []any{map[string]any{"active": true}}
		return simulator.JSON(http.StatusOK, b)
	}
	return simulator.JSON(http.StatusOK, map[string]any{
		"$total": 2, "$page": 1, "$items_per_page": 2147483647,
		"$items": []any{ref("businesses", s.Lead(), "Lead Ltd"), ref("businesses", s.Business(), s.o.Name)},
	})
}

var (
	paging = []string{"items_per_page", "page", "attributes", "updated_or_created_since", "deleted_since"}
	params = map[string][]string{
		Contacts:     append([]string{"contact_type_id", "nested_attributes", "show_balance", "exclude_system"}, paging...),
		Invoices:     append([]string{"contact_id", "status_id", "show_payments_allocations", "sort"}, paging...),
		CreditNotes:  append([]string{"contact_id", "status_id", "show_payments_allocations", "sort"}, paging...),
		QuickEntries: append([]string{"contact_id", "status_id", "show_payments_allocations", "sort"}, paging...),
		Openings:     append([]string{"contact_id", "contact_type_id"}, paging...),
		Payments:     append([]string{"contact_id", "transaction_type_id", "sort"}, paging...),
		Allocations:  append([]string{"contact_id", "transaction_type_id", "sort"}, paging...),
	}
	single = map[string][]string{
		Contacts: {"attributes", "nested_attributes"}, Openings: {"attributes"}, Payments: {"attributes"}, Allocations: {"attributes"},
		Invoices:     {"attributes", "nested_attributes", "mark_as_sent", "show_payments_allocations"},
		CreditNotes:  {"attributes", "nested_attributes", "mark_as_sent", "show_payments_allocations"},
		QuickEntries: {"attributes", "nested_attributes", "show_payments_allocations"},
	}
)

func (s *Server) one(list, id string, q url.Values, pdf bool) simulator.Answer {
	for _, r := range s.rows(list) {
		if r.ID != id || !r.deleted.IsZero() && !s.o.ShowsDeleted {
			continue
		}
		if d := s.Books.documents[id]; d != nil && (list == Invoices || list == CreditNotes) && q.Get("mark_as_sent") != "false" {
			d.Sent = true
		}
		if s.wholly(id) {
			return simulator.JSON(http.StatusInternalServerError, diagnoses("UnexpectedError", "An unexpected error occurred."))
		}
		if pdf {
			return simulator.PDF(id)
		}
		return simulator.JSON(http.StatusOK, r.look())
	}
	return simulator.JSON(http.StatusNotFound, diagnoses("RecordNotFound", "The record was not found."))
}

func (s *Server) wholly(id string) bool { s.mu.Lock(); defer s.mu.Unlock(); return s.spoilt[id] }

// selected are the rows that a list's parameters choose, in its order.
func (s *Server) selected(list string, q url.Values) ([]row, error) {
	var since, deleted time.Time
	var err error
	for name, into := range map[string]*time.Time{"updated_or_created_since": &since, "deleted_since": &deleted} {
		if q.Has(name) {
			if *into, err = time.Parse(time.RFC3339, q.Get(name)); err != nil {
				return nil, err
			}
		}
	}
	var out []row
	for _, r := range s.rows(list) {
		keep := r.deleted.IsZero() == !q.Has("deleted_since") && !r.updated.Before(since)
		if q.Has("deleted_since") {
			keep = keep && r.deleted.After(deleted)
		}
		for name, key := range map[string]string{"contact_id": "contact", "status_id": "status", "transaction_type_id": "transaction_type"} {
			if keep && q.Has(name) {
				of, _ := r.look()[key].(map[string]any)
				keep = of["id"] == q.Get(name)
			}
		}
		if keep {
			out = append(out, r)
		}
	}
	switch q.Get("sort") {
	case "", "created_at:asc":
	case "updated_at:asc":
		slices.SortStableFunc(out, func(x, y row) int { return x.updated.Compare(y.updated) })
	default:
		return nil, fmt.Errorf("sort %q", q.Get("sort"))
	}
	return out, nil
}

func (s *Server) page(list string, q url.Values) simulator.Answer {
	number, size := 1, 20
	for name, into := range map[string]*int{"page": &number, "items_per_page": &size} {
		if n, err := strconv.Atoi(q.Get(name)); err == nil {
			*into = n
		}
	}
	rows, err := s.selected(list, q)
	if err != nil || number < 1 || size < 1 || size > 200 {
		s.Mind("refused: %s", q.Encode())
		return simulator.JSON(http.StatusUnprocessableEntity, diagnoses("RecordInvalid", "a parameter is wrong"))
	}
	if q.Has("sort") && !slices.Contains(params[list], "sort") {
		s.Mind("sort on %s", list)
	}
	total := len(rows)
	pages := max((total+size-1)/size, 1)
	number = min(number, pages) // beyond the end the last page comes again
	rows = rows[min((number-1)*size, total):min(number*size, total)]
	rich := q.Get("attributes") == "all"
	items := make([]any, len(rows))
	for i, r := range rows {
		s.mu.Lock()
		_, spoilt := s.spoilt[r.ID]
		s.mu.Unlock()
		if rich && (spoilt || s.o.Largest > 0 && size > s.o.Largest) {
			return simulator.WebPage(http.StatusGatewayTimeout, "504 Gateway Timeout")
		}
		m := r.look()
		if q.Get("show_payments_allocations") == "true" {
			m["payments_allocations"] = s.settlements(r.ID)
		}
		if list == Contacts && q.Get("nested_attributes") != "all" {
			m["main_contact_person"], m["main_address"] = nil, nil
		}
		if !rich {
			m = chosen(m, q.Get("attributes"))
		}
		items[i] = m
	}
	var next any
	if number < pages {
		next = fmt.Sprintf("/%s?page=%d&items_per_page=%d", list, number+1, size)
	}
	return simulator.JSON(http.StatusOK, map[string]any{"$total": total, "$page": number, "$next": next, "$back": nil, "$itemsPerPage": size, "$items": items})
}

// chosen keeps the three keys that rows have, and those that are asked for.
func chosen(m map[string]any, attributes string) map[string]any {
	out := map[string]any{"id": m["id"], "displayed_as": m["displayed_as"], "$path": m["$path"]}
	for name := range strings.SplitSeq(attributes, ",") {
		if v, ok := m[name]; ok {
			out[name], out["created_at"] = v, m["created_at"]
		}
	}
	return out
}
