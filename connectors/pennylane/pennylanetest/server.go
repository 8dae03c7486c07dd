package pennylanetest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
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

// Fault makes answers go wrong. It applies to requests whose path has the
// prefix Path, after the first Skip of them, Times times (0: always).
type Fault struct {
	Path  string
	Skip  int
	Times int
	// What is answered: a status with a body (and headers), or one of the kinds.
	Status int
	Body   string
	Header http.Header
	Kind   FaultKind
	Delay  time.Duration // before answering
	Before func()        // changes the books between two pages
}

// FaultKind is a way for an answer to break.
type FaultKind string

// The ways: the true answer cut in the middle, with and without admitting it; a
// web page; a connection that ends; the page before once more.
const (
	Truncated  FaultKind = "truncated"
	CutShort   FaultKind = "cut_short"
	WebPage    FaultKind = "web_page"
	Disconnect FaultKind = "disconnect"
	Repeated   FaultKind = "repeated"
)

// Server is a simulated company. Its zero value is not usable: see New.
type Server struct {
	Books    *Books
	Switches *Switches // change them only before the first request

	options  Options
	listener net.Listener
	http     *http.Server

	mu       sync.Mutex
	faults   []*Fault
	paths    map[string]int
	requests int
	writes   int
	beyond   int
	unknown  []string // what a strict reader would not have asked
	bucket   bucket
	last     map[string][]byte // by resource: the answer before
	lists    map[string]string // by resource: the filter of the page before
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
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once, on this machine
	if err != nil {
		return nil, fmt.Errorf("pennylanetest: %w", err)
	}
	s := &Server{options: o, listener: listener, paths: map[string]int{}, last: map[string][]byte{}, lists: map[string]string{}}
	s.Switches = &s.options.Switches
	s.Books = newBooks(o.Now, s.Switches)
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(listener) //nolint:errcheck // ends with Close
	return s, nil
}

// Close stops the server.
func (s *Server) Close() error { return s.http.Close() }

func (s *Server) origin() string { return "http://" + s.listener.Addr().String() }

// URL is the base_url of a connection to this company.
func (s *Server) URL() string { return s.origin() + prefix }

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

// Fail adds a fault.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Requests counts all requests so far.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
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

// Writes counts attempts to change something: a reader makes none.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// Throttled counts the requests refused for the rate limit.
func (s *Server) Throttled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beyond
}

// Missteps lists what a careful reader would not have asked: unknown
// parameters, filters forgotten on a later page, requests refused.
func (s *Server) Missteps() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unknown)
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := s.options.Now()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if strings.HasPrefix(r.URL.Path, "/public/invoice/pdf") {
		s.servePDF(w, r)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, prefix)
	s.mu.Lock()
	s.requests++
	s.paths[path]++
	if r.Method != http.MethodGet {
		s.writes++
	}
	left, reset, wait := s.bucket.take(now, s.Switches.SlidingWindow, s.options.Unlimited)
	var fault *Fault
	if wait > 0 {
		s.beyond++
	} else {
		fault = s.fault(path)
	}
	s.mu.Unlock()

	h := w.Header()
	h.Set("Api-Version-Expires-At", "")
	h.Set("ratelimit-limit", strconv.Itoa(limitOfWindow(s.options.Unlimited)))
	h.Set("ratelimit-remaining", strconv.Itoa(max(left, 0)))
	h.Set("ratelimit-reset", strconv.FormatInt(reset.Unix(), 10))
	switch {
	case wait > 0:
		seconds := int(wait/time.Second) + 1
		h.Set("retry-after", strconv.Itoa(seconds))
		h.Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprintf(w, "Rate limit exceeded. Please retry in %d seconds.", seconds)
		return
	case !ok:
		http.NotFound(w, r)
		return
	}
	body, refused := s.answer(r, path, fault)
	s.write(w, r, path, body, refused, fault)
}

// answer runs what a fault does before, then asks the books.
func (s *Server) answer(r *http.Request, path string, f *Fault) (object, *refusal) {
	if f != nil {
		if f.Delay > 0 {
			timer := time.NewTimer(f.Delay)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
			}
		}
		if f.Before != nil {
			f.Before()
		}
	}
	if refused := s.allow(r, path); refused != nil {
		return nil, refused
	}
	s.Books.mu.Lock()
	defer s.Books.mu.Unlock()
	s.Books.passDueDates()
	return s.route(path, r.URL.Query())
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

func (s *Server) fault(path string) *Fault {
	for i, f := range s.faults {
		if !strings.HasPrefix(path, f.Path) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return f
	}
	return nil
}

// write sends the answer, broken as the fault says.
func (s *Server) write(w http.ResponseWriter, r *http.Request, path string, body object, refused *refusal, f *Fault) {
	if f != nil && f.Status != 0 {
		for key, values := range f.Header {
			w.Header()[key] = values
		}
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", http.DetectContentType([]byte(f.Body)))
		}
		w.WriteHeader(f.Status)
		fmt.Fprint(w, f.Body)
		return
	}
	if refused != nil {
		s.refuse(w, r, refused)
		return
	}
	text, _ := json.Marshal(body) // made of plain values
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	key := path + "?" + r.URL.Query().Get("filter")
	s.mu.Lock()
	before := s.last[key]
	s.last[key] = text
	s.mu.Unlock()
	if f == nil {
		_, _ = w.Write(text)
		return
	}
	switch f.Kind {
	case Truncated:
		_, _ = w.Write(text[:len(text)/2])
	case CutShort:
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = w.Write(text[:len(text)/2])
	case WebPage:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We will be back.</body></html>")
	case Disconnect:
		panic(http.ErrAbortHandler)
	case Repeated:
		if before != nil {
			text = before
		}
		_, _ = w.Write(text)
	default:
		_, _ = w.Write(text)
	}
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, f *refusal) {
	if f.status == 400 {
		s.misstep(r, f.message)
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
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) misstep(r *http.Request, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown = append(s.unknown, r.URL.Path+": "+text)
}

// servePDF serves what public_file_url links to, for 30 minutes.
func (s *Server) servePDF(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		s.misstep(r, "credentials were sent with a public link")
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
