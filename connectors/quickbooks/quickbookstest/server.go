package quickbookstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"relanced/connectors/simulator"
	"relanced/internal/oauth/oauthtest"
)

// Options are the company's and the vendor's ways.
type Options struct {
	Realm      string // "": 9130000000000000123
	Name       string
	Home       string // currency; "": GBP
	Multi      bool   // several currencies
	Now        func() time.Time
	Redirect   string // registered redirect address
	IDsByText  bool   // ids compare and sort as text
	Most       int    // rows of one answer; 0: 1000
	NoStart    bool   // changes without startPosition
	Verifier   string // of webhooks
	PerMinute  int    // requests; 0: no limit
	Spoilt     bool   // a poisoned object cannot be read by its id either
	RotateSoon bool   // each refresh gives another refresh token, and the old one dies
}

// Fault is an answer that is not the usual one.
type Fault = simulator.Fault

// The kinds of fault.
const (
	Throttled    = "throttled"
	ThrottledXML = "throttled, in XML"
	Broken       = "500 with code 3100"
	BadGateway   = "502 with a web page"
	Truncated    = simulator.Truncated
	CutShort     = simulator.CutShort
	Empty        = "an empty body"
	FaultIn200   = "a fault with status 200"
	Forbidden    = "403"
	Unauthorized = "401"
	Repeated     = simulator.Repeated
)

// Server is the simulated company.
type Server struct {
	Books *Books
	OAuth *oauthtest.Server

	o Options

	simulator.Front

	mu     sync.Mutex
	window []time.Time
	poison map[string]bool // entity/id
	lying  map[string]bool // entity/id told as deleted though it is not
}

// New starts a server on this machine.
func New(o Options) *Server {
	if o.Realm == "" {
		o.Realm = "9130000000000000123"
	}
	if o.Home == "" {
		o.Home = "GBP"
	}
	if o.Name == "" {
		o.Name = "Studio Halles Limited"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{o: o, Books: newBooks(o.Now, o.Home, o.Multi), poison: map[string]bool{}, lying: map[string]bool{}}
	ways := oauthtest.Options{
		ClientID: "ABclient", ClientSecret: "secret/of+intuit", Basic: true, RedirectURL: o.Redirect, Scopes: []string{"com.intuit.quickbooks.accounting"},
		AccessTTL: time.Hour, RefreshTTL: 100 * 24 * time.Hour, RotateAfter: 24 * time.Hour, Grace: time.Hour,
		Sent: map[string]string{"realmId": o.Realm}, Extra: map[string]any{"x_refresh_token_expires_in": 8726400}, Now: o.Now,
	}
	if o.RotateSoon {
		ways.RotateAfter, ways.Grace = 0, 0
	}
	s.OAuth = oauthtest.New(ways)
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth2/v1/tokens/bearer", s.OAuth.Token)
	mux.HandleFunc("/connect/oauth2", s.OAuth.Authorize)
	mux.HandleFunc("/v3/company/", s.api)
	if err := s.Serve(mux); err != nil {
		panic(err) // no port is free
	}
	return s
}

// URL is the host; AuthorizeURL and TokenURL are the vendor's other pages.
func (s *Server) URL() string { return s.Origin() }

// AuthorizeURL is the consent page.
func (s *Server) AuthorizeURL() string { return s.Origin() + "/connect/oauth2" }

// TokenURL is where tokens are given.
func (s *Server) TokenURL() string { return s.Origin() + "/oauth2/v1/tokens/bearer" }

// ClientID and ClientSecret are the app's.
func (s *Server) ClientID() string     { return "ABclient" }
func (s *Server) ClientSecret() string { return "secret/of+intuit" }

// Realm is the company's id.
func (s *Server) Realm() string { return s.o.Realm }

// Poison makes every page that holds the object fail with code 4002.
func (s *Server) Poison(entity string, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.poison[entity+"/"+strconv.Itoa(id)] = true
}

// Lie makes changes tell the object as deleted though it was only edited.
func (s *Server) Lie(entity string, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lying[entity+"/"+strconv.Itoa(id)] = true
}

// business is a fault of the business part; gateway one before it.
func business(status int, code, message, detail, kind string) simulator.Answer {
	return simulator.JSON(status, map[string]any{
		"Fault": map[string]any{"Error": []any{map[string]any{"Message": message, "Detail": detail, "code": code, "element": ""}}, "type": kind}, "time": "2026-02-11T01:02:03.456-08:00",
	})
}

func gateway(status int, code, message, detail, kind string) simulator.Answer {
	return simulator.JSON(status, map[string]any{
		"warnings": nil, "intuitObject": nil, "fault": map[string]any{"error": []any{map[string]any{
			"message": fmt.Sprintf("message=%s; errorCode=%06s; statusCode=%d", message, code, status), "detail": detail, "code": code, "element": nil,
		}}, "type": kind}, "report": nil, "time": 1767225600000,
	})
}

func inXML(status int, kind, code, message, detail string) simulator.Answer {
	return simulator.Answer{Status: status, Header: http.Header{"Content-Type": {"application/xml"}}, Body: []byte(
		`<?xml version="1.0" encoding="UTF-8"?><IntuitResponse time="2026-02-11T01:02:03.456-08:00" xmlns="http://schema.intuit.com/finance/v3"><Fault type="` +
			kind + `"><Error code="` + code + `"><Message>` + message + `</Message><Detail>` + detail + `</Detail></Error></Fault></IntuitResponse>`,
	)}
}

func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	s.Count(r.Method == http.MethodGet || r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/query"))
	fault, ok := s.Meet(r, r.URL.Path)
	if !ok {
		return
	}
	if strings.Contains(r.URL.RawQuery, "+") {
		s.Mind("a space is not percent-encoded: %s", r.URL.RawQuery)
	}
	w.Header().Set("intuit_tid", "1-abc")
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
		return throttled().Wait("1"), true
	case ThrottledXML:
		return inXML(http.StatusTooManyRequests, "SERVICE", "3001", "message=ThrottleExceeded; errorCode=003001; statusCode=429", "The request limit was reached.  Try again later").Wait("1"), true
	case Broken:
		return gateway(500, "3100", "InternalServerError", "Internal Server Error", "SERVICE"), true
	case BadGateway:
		return simulator.WebPage(http.StatusBadGateway, "502 Bad Gateway"), true
	case Empty:
		return simulator.Answer{Status: http.StatusOK}, true
	case FaultIn200:
		return business(http.StatusOK, "10000", "An application error has occurred while processing your request", "System Failure Error: boom", "SystemFault"), true
	case Forbidden:
		return gateway(403, "3100", "ApplicationAuthorizationFailed", "", "AUTHORIZATION"), true
	case Unauthorized:
		return gateway(401, "3200", "AuthenticationFailed", "Malformed bearer token: too short or too long", "AUTHENTICATION"), true
	}
	return simulator.Answer{}, false
}

func throttled() simulator.Answer {
	return gateway(429, "3001", "ThrottleExceeded", "The request limit was reached.  Try again later", "SERVICE")
}

var route = regexp.MustCompile(`^/v3/company/(\d+)/(\w+)(?:/([^/]+))?(?:/(pdf))?$`)

func (s *Server) handle(r *http.Request) simulator.Answer {
	m := route.FindStringSubmatch(r.URL.Path)
	switch {
	case m == nil:
		return simulator.WebPage(http.StatusNotFound, "404")
	case !s.OAuth.Bearer(r):
		return gateway(401, "3200", "AuthenticationFailed", "Token expired: AB01…", "AUTHENTICATION")
	case m[1] != s.o.Realm:
		return inXML(http.StatusUnauthorized, "AuthenticationFault", "100", "General Authentication Error", "AuthenticationErrorGeneral: SRV-110-Authentication Failure , statusCode: 401")
	case r.Header.Get("Accept") == "":
		return inXML(http.StatusOK, "", "", "", "the default representation is XML")
	case s.tooMany():
		return throttled()
	}
	q := r.URL.Query()
	s.Books.mu.Lock()
	defer s.Books.mu.Unlock()
	switch m[2] {
	case "companyinfo":
		if m[3] != s.o.Realm {
			return s.missing()
		}
		return s.ok(map[string]any{"CompanyInfo": map[string]any{"CompanyName": "Studio Halles Ltd", "LegalName": s.o.Name, "Country": "GB", "Id": "1", "domain": "QBO"}})
	case "preferences":
		return s.ok(map[string]any{"Preferences": map[string]any{"CurrencyPrefs": map[string]any{"HomeCurrency": map[string]any{"value": s.o.Home}, "MultiCurrencyEnabled": s.o.Multi}}})
	case "query":
		return s.query(q.Get("query"))
	case "cdc":
		return s.cdc(q)
	case "invoice", "customer", "creditmemo", "payment":
		return s.one(m[2], m[3], m[4] == "pdf" && r.Header.Get("Accept") == "application/pdf")
	}
	return business(http.StatusBadRequest, "4000", "unsupported", "Unsupported operation "+m[2], "ValidationFault")
}

func (s *Server) ok(body map[string]any) simulator.Answer {
	body["time"] = s.o.Now().In(zone).Format("2006-01-02T15:04:05.000-07:00")
	return simulator.JSON(http.StatusOK, body)
}

func (s *Server) missing() simulator.Answer {
	return business(http.StatusBadRequest, "610", "Object Not Found", "Object Not Found : Something you're trying to use has been made inactive.", "ValidationFault")
}

// tooMany keeps the vendor's pace: requests in the last minute.
func (s *Server) tooMany() bool {
	if s.o.PerMinute == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.window) > 0 && now.Sub(s.window[0]) > time.Minute {
		s.window = s.window[1:]
	}
	s.window = append(s.window, now)
	return len(s.window) > s.o.PerMinute
}

func (s *Server) poisoned(entity string, list []*object) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range list {
		if s.poison[entity+"/"+strconv.Itoa(o.id)] {
			return true
		}
	}
	return false
}

func poisonFault() simulator.Answer {
	return inXML(http.StatusInternalServerError, "Service", "4002", "QueryProcessingError", "QueryProcessingError: To email address entered is invalid")
}

func (s *Server) query(text string) simulator.Answer {
	st, err := parse(text)
	var refused *queryError
	if errors.As(err, &refused) {
		return business(http.StatusBadRequest, refused.code, "QueryParserError", refused.detail, "ValidationFault")
	}
	if st.order == "" && !st.count {
		s.Mind("no ORDERBY: %s", text)
	}
	if s.o.Most > 0 {
		st.max = min(st.max, s.o.Most)
	}
	list, total := st.run(s.Books.of(st.entity), s.o.IDsByText)
	if st.count {
		return s.ok(map[string]any{"QueryResponse": map[string]any{"totalCount": total}})
	}
	if s.poisoned(st.entity, list) {
		return poisonFault()
	}
	response := map[string]any{}
	if len(list) > 0 {
		rows := make([]any, len(list))
		for i, o := range list {
			rows[i] = o.fields()
		}
		response[st.entity], response["startPosition"], response["maxResults"] = rows, st.first, len(rows)
		if st.entity == "Invoice" {
			response["totalCount"] = total
		}
	}
	return s.ok(map[string]any{"QueryResponse": response})
}

func (s *Server) cdc(q url.Values) simulator.Answer {
	since, err := time.Parse(time.RFC3339, q.Get("changedSince"))
	if err != nil {
		return business(http.StatusBadRequest, "2030", "Invalid date", "changedSince", "ValidationFault")
	}
	if s.o.Now().Sub(since) > 30*24*time.Hour {
		return business(http.StatusBadRequest, "500", "Unsupported Operation", "Operation cdc with changedSince date "+q.Get("changedSince")+" which is older than fixed days is not supported.", "ValidationFault")
	}
	parts, room := []any{}, 1000
	for entity := range strings.SplitSeq(q.Get("entities"), ",") {
		var list []*object
		for _, o := range s.Books.of(entity) {
			if !o.changes.updated.Before(since) && room > 0 {
				list = append(list, o)
				room--
			}
		}
		if s.poisoned(entity, list) {
			return poisonFault()
		}
		part := map[string]any{}
		if len(list) > 0 {
			rows := make([]any, len(list))
			for i, o := range list {
				rows[i] = o.fields()
				s.mu.Lock()
				lie := s.lying[entity+"/"+strconv.Itoa(o.id)]
				s.mu.Unlock()
				if o.changes.deleted || lie {
					rows[i] = o.tomb()
				}
			}
			part[entity], part["maxResults"], part["totalCount"] = rows, len(rows), len(rows)
			if !s.o.NoStart {
				part["startPosition"] = 1
			}
		}
		parts = append(parts, part)
	}
	return s.ok(map[string]any{"CDCResponse": []any{map[string]any{"QueryResponse": parts}}})
}

func (s *Server) one(entity, key string, pdf bool) simulator.Answer {
	name := map[string]string{"invoice": "Invoice", "customer": "Customer", "creditmemo": "CreditMemo", "payment": "Payment"}[entity]
	for _, o := range s.Books.of(name) {
		if strconv.Itoa(o.id) != key || o.changes.deleted {
			continue
		}
		switch {
		case pdf:
			return simulator.PDF(key)
		case s.o.Spoilt && s.poisoned(name, []*object{o}):
			return poisonFault()
		}
		return s.ok(map[string]any{name: o.fields()})
	}
	return s.missing()
}

// Webhook returns a notification of a change with its signature, in the legacy
// form or as CloudEvents.
func (s *Server) Webhook(entity string, id int, cloud bool) (http.Header, []byte) {
	var body []byte
	if cloud {
		body, _ = json.Marshal([]any{map[string]any{
			"specversion": "1.0", "id": "0d9f2c1e", "source": "intuit.x", "type": "qbo." + strings.ToLower(entity) + ".updated.v1", "datacontenttype": "application/json",
			"time": s.o.Now().UTC().Format(time.RFC3339Nano), "intuitentityid": strconv.Itoa(id), "intuitaccountid": s.o.Realm, "data": map[string]any{},
		}})
	} else {
		body, _ = json.Marshal(map[string]any{"eventNotifications": []any{map[string]any{"realmId": s.o.Realm, "dataChangeEvent": map[string]any{"entities": []any{
			map[string]any{"name": entity, "id": strconv.Itoa(id), "operation": "Update", "lastUpdated": s.o.Now().UTC().Format(time.RFC3339)},
		}}}}})
	}
	mac := hmac.New(sha256.New, []byte(s.o.Verifier))
	mac.Write(body)
	return http.Header{"Intuit-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}, "Content-Type": {"application/json"}}, body
}
