package pennylanetest

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
)

// Options make a simulated company.
type Options struct {
	Now       func() time.Time // nil: time.Now
	Token     string           // "": "test-token"
	Scopes    []string         // nil: the three a connection needs, read only
	CompanyID int64            // 0: 23509777
	Company   string           // "": "ATELIER BRUNEL"
	Unlimited bool             // no rate limit
	Switches  Switches
}

// Switches choose between the readings of what the vendor leaves undocumented.
type Switches struct {
	StartExclusive      bool // changelogs: start_date itself is left out
	DueEvents           bool // passing the due date writes an event
	QuietMatch          bool // a bank match writes no event of the invoice
	QuietCredit         bool // a linked credit note writes no event of its invoice
	OtherErrors         bool // 403 and 422 in the form of the error guide
	RemainingInEUR      bool // remaining_amount_* of foreign invoices is in EUR
	CreditRemainingZero bool // a linked credit note has nothing remaining
	OmitArchived        bool // lists leave archived documents out
	IncompletePaid      bool // incomplete documents say paid
	IgnoreUnknownFilter bool // an unknown filter field is ignored instead of refused
	MarkPaidRow         bool // "mark as paid" adds a payment
	SlidingWindow       bool // the rate limit slides instead of starting anew
	Schedules           bool // payment schedules exist (/company/features, installments)
	SchedulesOpen       bool // installments exist without /company/features
	MaxIn               int  // most values of an "in" filter; 0: no limit
}

// Fault makes answers go wrong. Its path is one below the base address.
type Fault = simulator.Fault

// The kinds of fault, besides an answer that is given in full.
const (
	Truncated  = simulator.Truncated
	CutShort   = simulator.CutShort
	Repeated   = simulator.Repeated
	WebPage    = "a web page"
	Disconnect = "a connection that ends without an answer"
)

// Server is a simulated company. Its zero value is not usable: see New.
type Server struct {
	Books    *Books
	Switches *Switches // change them only before the first request

	simulator.Front

	options Options

	mu     sync.Mutex
	paths  map[string]int
	beyond int
	bucket bucket
	lists  map[string]string // by resource: the filter of the page before
}

const prefix = "/api/external/v2"

// New starts a simulated company on a free port of this machine. Close it.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Token == "" {
		o.Token = "test-token"
	}
	if o.Scopes == nil {
		o.Scopes = []string{"customer_invoices:readonly", "customers:readonly", "transactions:readonly"}
	}
	if o.CompanyID == 0 {
		o.CompanyID = 23509777
	}
	if o.Company == "" {
		o.Company = "ATELIER BRUNEL"
	}
	s := &Server{options: o, paths: map[string]int{}, lists: map[string]string{}}
	s.Switches = &s.options.Switches
	s.Books = newBooks(o.Now, s.Switches)
	mux := http.NewServeMux()
	mux.HandleFunc("/public/invoice/pdf", s.servePDF)
	mux.HandleFunc("/public/invoice/pdf/", s.servePDF)
	mux.HandleFunc(prefix+"/", s.api)
	return s, s.Serve(mux)
}

// URL is the base_url of a connection to this company.
func (s *Server) URL() string { return s.Origin() + prefix }

// Token is what opens the company.
func (s *Server) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options.Token
}

// SetToken replaces the token: the old one is refused from now on.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Token = token
}

// SetScopes replaces what the token grants.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Scopes = scopes
}

// SetCompany makes the token open another company.
func (s *Server) SetCompany(id int64, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.CompanyID, s.options.Company = id, name
}

// RequestsTo counts the requests to a path below the base address, by prefix.
func (s *Server) RequestsTo(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for p, count := range s.paths {
		if strings.HasPrefix(p, path) {
			n += count
		}
	}
	return n
}

// Throttled counts the requests refused for the rate limit.
func (s *Server) Throttled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beyond
}

// Missteps lists what a careful reader would not have asked: unknown
// parameters, filters forgotten on a later page, requests refused.
func (s *Server) Missteps() []string { return s.Problems() }

// api answers one request.
func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	now := s.options.Now()
	path := strings.TrimPrefix(r.URL.Path, prefix)
	s.Count(r.Method == http.MethodGet)
	s.mu.Lock()
	s.paths[path]++
	left, reset, wait := s.bucket.take(now, s.Switches.SlidingWindow, s.options.Unlimited)
	if wait > 0 {
		s.beyond++
	}
	s.mu.Unlock()

	h := w.Header()
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("Api-Version-Expires-At", "")
	h.Set("ratelimit-limit", strconv.Itoa(limitOfWindow(s.options.Unlimited)))
	h.Set("ratelimit-remaining", strconv.Itoa(max(left, 0)))
	h.Set("ratelimit-reset", strconv.FormatInt(reset.Unix(), 10))
	if wait > 0 {
		seconds := int(wait/time.Second) + 1
		h.Set("retry-after", strconv.Itoa(seconds))
		h.Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprintf(w, "Rate limit exceeded. Please retry in %d seconds.", seconds)
		return
	}
	fault, ok := s.Meet(r, path)
	if !ok {
		return
	}
	answer := s.answer(r, path)
	switch fault.Kind {
	case Disconnect:
		panic(http.ErrAbortHandler)
	case WebPage:
		answer = simulator.WebPage(http.StatusOK, "Maintenance")
	}
	s.Send(w, fault, path+"?"+r.URL.Query().Get("filter"), answer)
}

// answer asks the books.
func (s *Server) answer(r *http.Request, path string) simulator.Answer {
	if refused := s.allow(r, path); refused != nil {
		return s.refuse(r, refused)
	}
	s.Books.mu.Lock()
	defer s.Books.mu.Unlock()
	s.Books.passDueDates()
	body, refused := s.route(path, r.URL.Query())
	if refused != nil {
		return s.refuse(r, refused)
	}
	return simulator.JSON(http.StatusOK, body)
}

func (s *Server) allow(r *http.Request, path string) *refusal {
	s.mu.Lock()
	token, scopes := s.options.Token, s.options.Scopes
	s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+token {
		return &refusal{status: 401, message: "The access token is invalid"}
	}
	if r.Method != http.MethodGet {
		return &refusal{status: 403, message: "this simulator is only read"}
	}
	if scope := scopeOf(path); scope != "" && !slices.Contains(scopes, scope+":readonly") && !slices.Contains(scopes, scope+":all") {
		return &refusal{status: 403, code: "forbidden", message: scope + ":readonly"}
	}
	return nil
}

func scopeOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case parts[0] == "me" || parts[0] == "company":
		return ""
	case parts[0] == "changelogs" && len(parts) > 1:
		return parts[1]
	}
	return parts[0]
}

func (s *Server) refuse(r *http.Request, f *refusal) simulator.Answer {
	if f.status == 400 {
		s.Mind("%s: %s", r.URL.Path, f.message)
	}
	body := object{"error": f.message, "status": f.status}
	switch {
	case f.status == 400:
		body = object{"message": f.message, "code": f.code}
	case f.status == 403 && f.code == "forbidden" && s.Switches.OtherErrors:
		body = object{"error": "forbidden", "message": "Missing scope: " + f.message}
	case f.status == 403 && f.code == "forbidden":
		body = object{"error": fmt.Sprintf("Access to this resource requires scope %q.", f.message), "status": 403}
	case f.status == 422 && s.Switches.OtherErrors:
		body = object{"error": "unprocessable_entity", "message": f.message, "details": object{}}
	}
	return simulator.JSON(f.status, body)
}

// servePDF serves what public_file_url links to, for 30 minutes.
func (s *Server) servePDF(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		s.Mind("%s: credentials were sent with a public link", r.URL.Path)
	}
	id, at, _ := strings.Cut(r.URL.Query().Get("encrypted_id"), "-")
	invoice, _ := strconv.ParseInt(id, 36, 64)
	made, _ := strconv.ParseInt(at, 36, 64)
	s.Books.mu.Lock()
	in := s.Books.invoices[invoice]
	s.Books.mu.Unlock()
	if in == nil || in.NoFile || s.options.Now().Sub(time.Unix(made, 0)) > 30*time.Minute {
		http.NotFound(w, r)
		return
	}
	if !strings.HasSuffix(r.URL.Path, "/file") {
		http.Redirect(w, r, "/public/invoice/pdf/file?"+url.Values{"encrypted_id": {r.URL.Query().Get("encrypted_id")}}.Encode(), http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	_, _ = w.Write(pdf("Facture " + in.Number))
}

// bucket is the rate limit: 25 requests in 5 seconds, all endpoints together.
type bucket struct {
	taken []time.Time
	start time.Time
	used  int
}

const window = 5 * time.Second

func limitOfWindow(unlimited bool) int {
	if unlimited {
		return 1_000_000
	}
	return 25
}

// take counts a request: what is left, when the window is renewed, and how long
// to wait where nothing is.
func (b *bucket) take(now time.Time, sliding, unlimited bool) (left int, reset time.Time, wait time.Duration) {
	limit := limitOfWindow(unlimited)
	if unlimited {
		return limit, now, 0
	}
	if sliding {
		b.taken = slices.DeleteFunc(b.taken, func(t time.Time) bool { return now.Sub(t) >= window })
		if len(b.taken) >= limit {
			return 0, b.taken[0].Add(window + time.Second), b.taken[0].Add(window).Sub(now)
		}
		b.taken = append(b.taken, now)
		return limit - len(b.taken), b.taken[0].Add(window + time.Second), 0
	}
	if now.Sub(b.start) >= window || now.Before(b.start) {
		b.start, b.used = now, 0
	}
	reset = b.start.Add(window + time.Second)
	if b.used >= limit {
		return 0, reset, b.start.Add(window).Sub(now)
	}
	b.used++
	return limit - b.used, reset, 0
}
