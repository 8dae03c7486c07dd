// Package oauthtest is a vendor's authorization server, strict about what it is
// asked: simulators of vendors' interfaces mount it where theirs is. It rotates
// refresh tokens, forgets codes, and fails on demand.
package oauthtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options are the vendor's ways. The zero value of each limit means none.
type Options struct {
	ClientID, ClientSecret string
	RedirectURL            string
	Scopes                 []string          // each must be asked for
	Basic                  bool              // ID and Secret come by HTTP Basic, else in the form
	PKCE                   bool              // required
	Unattended             bool              // client_credentials is granted
	AccessTTL              time.Duration     // 0: an hour
	RefreshTTL             time.Duration     // since its issue
	CodeTTL                time.Duration     // 0: a minute
	RotateAfter            time.Duration     // a refresh token younger than that is given back as it is; 0: each use gives another
	Grace                  time.Duration     // a replaced refresh token still works for that long; 0: it dies at once
	KillsAccess            bool              // a refresh ends the access token before it
	UnknownClient          int               // status of invalid_client; 0: 401
	Sent                   map[string]string // parameters that come back with the code
	Extra                  map[string]any    // further fields of a token answer
	Now                    func() time.Time  // nil: the system's clock
}

// Server is the authorization server. Authorize and Token are its two pages.
type Server struct {
	o Options

	mu        sync.Mutex
	codes     map[string]code
	refresh   map[string]token
	access    map[string]token
	fault     Fault
	faults    int
	refusal   map[string]any // nil: none
	requests  int
	refreshes int
}

type code struct {
	at        time.Time
	challenge string
}

type token struct {
	at, until time.Time // zero until: no end
}

// New returns a server that nobody has been let into yet.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.AccessTTL == 0 {
		o.AccessTTL = time.Hour
	}
	if o.CodeTTL == 0 {
		o.CodeTTL = time.Minute
	}
	if o.UnknownClient == 0 {
		o.UnknownClient = http.StatusUnauthorized
	}
	return &Server{o: o, codes: map[string]code{}, refresh: map[string]token{}, access: map[string]token{}}
}

// Fault is a way for the token page to fail.
type Fault string

// The faults. Lost acts, and loses the answer.
const (
	ServerError Fault = "500"
	WebPage     Fault = "a web page with status 200"
	Throttled   Fault = "429"
	Away        Fault = "the line is cut before anything is done"
	Lost        Fault = "the line is cut after all is done"
	Empty       Fault = "200 without a token in it"
)

// Fail lets the next times requests for a token fail.
func (s *Server) Fail(f Fault, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.faults = f, times
}

// Refuse lets every request for a token be refused in these words, until it is
// told "".
func (s *Server) Refuse(code, told string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = nil
	if code != "" {
		s.refusal = refusal(code, told)
	}
}

// Requests counts requests for a token, Refreshes those that renewed one.
func (s *Server) Requests() int { s.mu.Lock(); defer s.mu.Unlock(); return s.requests }

// Refreshes counts renewals that were granted.
func (s *Server) Refreshes() int { s.mu.Lock(); defer s.mu.Unlock(); return s.refreshes }

// Issue returns tokens as a consent would give them.
func (s *Server) Issue() (access, refresh string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issue()
}

// Revoke forgets every token: the person took the consent back.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.refresh)
	clear(s.access)
}

// ExpireAccess ends the access tokens, not the consent.
func (s *Server) ExpireAccess() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access)
}

// Valid tells whether a request may carry the access token now.
func (s *Server) Valid(access string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.access[access]
	return ok && s.o.Now().Before(t.until)
}

// Bearer is Valid for the header Authorization.
func (s *Server) Bearer(r *http.Request) bool {
	access, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && s.Valid(access)
}

func (s *Server) issue() (access, refresh string) {
	access, refresh = "A-"+rand.Text(), "R-"+rand.Text()
	now := s.o.Now()
	s.access[access] = token{at: now, until: now.Add(s.o.AccessTTL)}
	s.refresh[refresh] = s.lasting(now)
	return access, refresh
}

func (s *Server) lasting(now time.Time) token {
	t := token{at: now}
	if s.o.RefreshTTL > 0 {
		t.until = now.Add(s.o.RefreshTTL)
	}
	return t
}

// Agree is a person who opens the page and agrees: it returns the address the
// browser is sent to. An error tells what is wrong with the page's address.
func (s *Server) Agree(page string) (string, error) {
	q, err := s.read(page)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := "C/" + rand.Text() // a slash, to be decoded exactly once
	s.codes[key] = code{s.o.Now(), q.Get("code_challenge")}
	back := url.Values{"code": {key}, "state": {q.Get("state")}}
	for _, name := range slices.Sorted(maps.Keys(s.o.Sent)) {
		back.Set(name, s.o.Sent[name])
	}
	return q.Get("redirect_uri") + "?" + back.Encode(), nil
}

// Deny is a person who does not agree.
func (s *Server) Deny(page string) (string, error) {
	q, err := s.read(page)
	if err != nil {
		return "", err
	}
	return q.Get("redirect_uri") + "?" + url.Values{"error": {"access_denied"}, "state": {q.Get("state")}}.Encode(), nil
}

// read checks the address of the consent page.
func (s *Server) read(page string) (url.Values, error) {
	u, err := url.Parse(page)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": s.o.ClientID, "redirect_uri": s.o.RedirectURL} {
		if q.Get(name) != want {
			return nil, fmt.Errorf("%s is %q, not %q", name, q.Get(name), want)
		}
	}
	asked := strings.Fields(q.Get("scope"))
	for _, scope := range s.o.Scopes {
		if !slices.Contains(asked, scope) {
			return nil, fmt.Errorf("the scope %q was not asked for", scope)
		}
	}
	switch {
	case len(q.Get("state")) < 16:
		return nil, fmt.Errorf("state %q can be guessed", q.Get("state"))
	case s.o.PKCE && (q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256"):
		return nil, fmt.Errorf("no code_challenge of method S256")
	}
	return q, nil
}

// Authorize is the consent page for a browser: whoever opens it agrees.
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request) {
	to, err := s.Agree(r.URL.String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

// Token is where tokens are given.
func (s *Server) Token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	failing := Fault("")
	if s.faults > 0 {
		s.faults--
		failing = s.fault
	}
	switch failing {
	case ServerError:
		http.Error(w, "<html><body>Internal Server Error</body></html>", http.StatusInternalServerError)
		return
	case Throttled:
		http.Error(w, "slow down", http.StatusTooManyRequests)
		return
	case WebPage:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintln(w, "<html><title>Maintenance</title></html>")
		return
	case Empty:
		answer(w, http.StatusOK, map[string]any{"token_type": "bearer", "access_token": "", "refresh_token": ""})
		return
	case Away:
		panic(http.ErrAbortHandler)
	case Lost:
	}
	if s.refusal != nil {
		answer(w, http.StatusBadRequest, s.refusal)
		return
	}
	status, body := s.grant(r)
	if failing == Lost {
		panic(http.ErrAbortHandler)
	}
	answer(w, status, body)
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refusal(code, told string) map[string]any {
	body := map[string]any{"error": code}
	if told != "" {
		body["error_description"] = told
	}
	return body
}

func (s *Server) grant(r *http.Request) (int, map[string]any) {
	if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return http.StatusBadRequest, refusal("invalid_request", "a form must be posted")
	}
	if err := r.ParseForm(); err != nil || r.URL.RawQuery != "" {
		return http.StatusBadRequest, refusal("invalid_request", "the form cannot be read")
	}
	if !s.knows(r) {
		return s.o.UnknownClient, refusal("invalid_client", "")
	}
	now := s.o.Now()
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		return s.byCode(r.PostForm, now)
	case "refresh_token":
		return s.byRefresh(r.PostForm, now)
	case "client_credentials":
		if !s.o.Unattended {
			break
		}
		access, refresh := s.issue()
		delete(s.refresh, refresh)
		return http.StatusOK, s.tokens(access, "")
	}
	return http.StatusBadRequest, refusal("unsupported_grant_type", "")
}

func (s *Server) knows(r *http.Request) bool {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if s.o.Basic {
		id, secret, _ = r.BasicAuth()
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	}
	return id == s.o.ClientID && secret == s.o.ClientSecret
}

func (s *Server) byCode(form url.Values, now time.Time) (int, map[string]any) {
	key := form.Get("code")
	given, ok := s.codes[key]
	delete(s.codes, key) // single use, also when it is refused
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case !ok, now.Sub(given.at) > s.o.CodeTTL:
		return http.StatusBadRequest, refusal("invalid_grant", "the code is unknown, used or over")
	case form.Get("redirect_uri") != s.o.RedirectURL:
		return http.StatusBadRequest, refusal("invalid_grant", "another redirect_uri")
	case given.challenge != "" && base64.RawURLEncoding.EncodeToString(sum[:]) != given.challenge:
		return http.StatusBadRequest, refusal("invalid_grant", "another code_verifier")
	}
	access, refresh := s.issue()
	return http.StatusOK, s.tokens(access, refresh)
}

func (s *Server) byRefresh(form url.Values, now time.Time) (int, map[string]any) {
	old := form.Get("refresh_token")
	known, ok := s.refresh[old]
	if !ok || !known.until.IsZero() && !now.Before(known.until) {
		return http.StatusBadRequest, refusal("invalid_grant", "")
	}
	s.refreshes++
	if s.o.KillsAccess {
		clear(s.access)
	}
	if now.Sub(known.at) < s.o.RotateAfter {
		access := "A-" + rand.Text()
		s.access[access] = token{at: now, until: now.Add(s.o.AccessTTL)}
		return http.StatusOK, s.tokens(access, old)
	}
	access, refresh := s.issue()
	delete(s.refresh, old)
	if s.o.Grace > 0 {
		s.refresh[old] = token{at: known.at, until: now.Add(s.o.Grace)}
	}
	return http.StatusOK, s.tokens(access, refresh)
}

func (s *Server) tokens(access, refresh string) map[string]any {
	body := map[string]any{"access_token": access, "token_type": "bearer", "expires_in": int(s.o.AccessTTL / time.Second)}
	if refresh != "" {
		body["refresh_token"] = refresh
	}
	maps.Copy(body, s.o.Extra)
	return body
}
