package oauth_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relanced/internal/oauth"
	"relanced/internal/oauth/oauthtest"
	"relanced/internal/store"
)

var key = bytes.Repeat([]byte{7}, 32)

// world is a vendor, a store and a clock that tests move.
type world struct {
	testing.TB
	vendor *oauthtest.Server
	client oauth.Client
	store  *store.Store
	path   string
	ahead  atomic.Int64
}

func newWorld(t *testing.T, change func(*oauthtest.Options)) *world {
	t.Helper()
	w := &world{TB: t}
	o := oauthtest.Options{ClientID: "relanced", ClientSecret: "s/ecret+", RedirectURL: oauth.DefaultRedirectURL, Scopes: []string{"read"}, AccessTTL: 5 * time.Minute, Now: w.now}
	if change != nil {
		change(&o)
	}
	w.vendor = oauthtest.New(o)
	mux := http.NewServeMux()
	mux.HandleFunc("/token", w.vendor.Token)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.client = oauth.Client{
		ID: o.ClientID, Secret: o.ClientSecret, AuthorizeURL: server.URL + "/authorize?filter=v3&state=theirs", TokenURL: server.URL + "/token",
		RedirectURL: o.RedirectURL, Scopes: []string{"read", "offline"}, Basic: o.Basic, PKCE: o.PKCE,
	}
	w.path = filepath.Join(t.TempDir(), "a.db")
	w.store = w.open()
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) open() *store.Store {
	w.Helper()
	s, err := store.Open(w.Context(), "sqlite:"+w.path, store.Options{Now: w.now})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = s.Close() })
	return s
}

func (w *world) keeper(s *store.Store, owner string) *oauth.Keeper {
	w.Helper()
	k, err := oauth.NewKeeper(s, key, owner)
	if err != nil {
		w.Fatal(err)
	}
	return k
}

// connected is a keeper with a grant as a consent gives it.
func (w *world) connected() *oauth.Keeper {
	w.Helper()
	k := w.keeper(w.store, "one")
	_, refresh := w.vendor.Issue()
	if err := k.Put(w.Context(), "dupont/compta", oauth.Grant{Refresh: refresh, Facts: map[string]string{"realm": "42"}}); err != nil {
		w.Fatal(err)
	}
	return k
}

func (w *world) token(k *oauth.Keeper, refused string) string {
	w.Helper()
	got, err := k.Token(w.Context(), "dupont/compta", w.client, refused)
	if err != nil {
		w.Fatal(err)
	}
	if !w.vendor.Valid(got.Access) {
		w.Fatalf("the vendor does not take %q", got.Access)
	}
	if got.Facts["realm"] != "42" {
		w.Errorf("the facts are %v", got.Facts)
	}
	return got.Access
}

func kindOf(err error) oauth.Kind {
	var told *oauth.Error
	if errors.As(err, &told) {
		return told.Kind
	}
	return ""
}

func TestToken_isRenewedBeforeItEndsAndNotSooner(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	k := w.connected()
	first := w.token(k, "")
	if again := w.token(k, ""); again != first {
		t.Error("a good token was thrown away")
	}
	w.ahead.Store(int64(4*time.Minute + 10*time.Second)) // less than a minute is left of five
	second := w.token(k, "")
	if second == first {
		t.Error("a token about to end was given out")
	}
	w.vendor.ExpireAccess()
	third := w.token(k, second)
	if third == second {
		t.Error("a refused token was given out again")
	}
	if n := w.vendor.Refreshes(); n != 3 {
		t.Errorf("%d renewals, want 3", n)
	}
}

func TestToken_aSecondProcessUsesWhatTheFirstStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first := w.token(w.connected(), "")
	if got := w.token(w.keeper(w.open(), "two"), ""); got != first {
		t.Error("the second process renewed what was good")
	}
}

// With tokens that die at use, a second renewal by anyone would lose the grant.
func TestToken_manyAtOnceRenewOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	keepers := []*oauth.Keeper{w.connected(), w.keeper(w.open(), "two"), w.keeper(w.open(), "three")}
	for range 3 {
		w.ahead.Add(int64(10 * time.Minute))
		before := w.vendor.Refreshes()
		var all sync.WaitGroup
		for i := range 24 {
			all.Go(func() {
				got, err := keepers[i%len(keepers)].Token(t.Context(), "dupont/compta", w.client, "")
				if err != nil || !w.vendor.Valid(got.Access) {
					t.Errorf("got %q, %v", got.Access, err)
				}
			})
		}
		all.Wait()
		if n := w.vendor.Refreshes() - before; n != 1 {
			t.Errorf("%d renewals, want 1", n)
		}
	}
}

func TestToken_vendorsThatGiveTheSameRefreshTokenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *oauthtest.Options) { o.RotateAfter, o.Grace, o.Basic = 24*time.Hour, time.Hour, true })
	k := w.connected()
	for range 30 { // over two rotations
		w.ahead.Add(int64(2 * time.Hour))
		w.token(k, "")
	}
}

func TestToken_aLostAnswerIsAskedForOnceMore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault oauthtest.Fault
		grace time.Duration
		kind  oauth.Kind
	}{
		"nothing was done":                   {oauthtest.Away, 0, ""},
		"done, the old one works a while":    {oauthtest.Lost, time.Hour, ""},
		"done, the old one is dead":          {oauthtest.Lost, 0, oauth.Lost},
		"the vendor is broken":               {oauthtest.ServerError, 0, oauth.Temporary},
		"the vendor is busy":                 {oauthtest.Throttled, 0, oauth.Temporary},
		"a page in between":                  {oauthtest.WebPage, 0, ""},
		"an error that looks like an answer": {oauthtest.Empty, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *oauthtest.Options) { o.Grace = test.grace })
			k := w.connected()
			w.vendor.Fail(test.fault, 1)
			_, err := k.Token(t.Context(), "dupont/compta", w.client, "")
			if kindOf(err) != test.kind {
				t.Fatalf("got %v, want kind %q", err, test.kind)
			}
			if test.kind == oauth.Temporary {
				w.token(k, "") // the grant was kept
			}
		})
	}
}

func TestToken_aLostGrantIsNotAskedAboutAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	k := w.connected()
	w.vendor.Revoke()
	for range 3 {
		_, err := k.Token(t.Context(), "dupont/compta", w.client, "")
		var told *oauth.Error
		if !errors.As(err, &told) || told.Kind != oauth.Lost || !strings.Contains(told.Do(), "relanced connect compta") {
			t.Fatalf("got %v", err)
		}
	}
	if n := w.vendor.Requests(); n != 1 {
		t.Errorf("the vendor was asked %d times about a lost grant", n)
	}
	if ok, err := k.Connected(t.Context(), "dupont/compta"); ok || err != nil {
		t.Errorf("connected: %v, %v", ok, err)
	}
	_, refresh := w.vendor.Issue()
	if err := k.Put(t.Context(), "dupont/compta", oauth.Grant{Refresh: refresh, Facts: map[string]string{"realm": "42"}}); err != nil {
		t.Fatal(err)
	}
	w.token(k, "")
}

func TestToken_tellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	k := w.connected()
	if _, err := k.Token(t.Context(), "dupont/other", w.client, ""); kindOf(err) != oauth.Unconnected {
		t.Errorf("never connected: %v", err)
	}
	wrong := w.client
	wrong.Secret = "another"
	if _, err := k.Token(t.Context(), "dupont/compta", wrong, ""); kindOf(err) != oauth.Refused || strings.Contains(err.Error(), "another") {
		t.Errorf("wrong secret: %v", err)
	}
	w.token(k, "") // the grant outlives a wrong secret
	other, err := oauth.NewKeeper(w.store, bytes.Repeat([]byte{8}, 32), "two")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Token(t.Context(), "dupont/compta", w.client, ""); kindOf(err) != oauth.Lost || !strings.Contains(err.Error(), "another key") {
		t.Errorf("another key: %v", err)
	}
	away := w.client
	away.TokenURL = "http://127.0.0.1:1/token"
	w.ahead.Add(int64(time.Hour))
	if _, err := k.Token(t.Context(), "dupont/compta", away, ""); kindOf(err) != oauth.Temporary {
		t.Errorf("nobody answers: %v", err)
	}
}

func TestOwn_isKeptInMemoryAndRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *oauthtest.Options) { o.Unattended = true })
	w.client.Registry = "vendor.example"
	tokens := oauth.NewOwn("dupont/courrier", w.client, w.now)
	own := func(refused string) string {
		t.Helper()
		got, err := tokens.Token(t.Context(), refused)
		if err != nil || !w.vendor.Valid(got) {
			t.Fatalf("got %q, %v", got, err)
		}
		return got
	}
	first := own("")
	if own("") != first || w.vendor.Requests() != 1 {
		t.Error("a good token was thrown away")
	}
	w.ahead.Store(int64(4*time.Minute + 10*time.Second))
	second := own("")
	if third := own(second); second == first || third == second {
		t.Error("a token that has ended, or was refused, was given out again")
	}
	w.vendor.Refuse("invalid_grant", "no consent")
	_, err := tokens.Token(t.Context(), own(""))
	var told *oauth.Error
	if want := "check client_id and client_secret of courrier against those of the app at vendor.example, then run relanced check"; !errors.As(err, &told) || told.Do() != want {
		t.Errorf("refused: %v, want %q", err, want)
	}
	w.client.Advise = func(said string) string { return "about " + said }
	_, err = oauth.NewOwn("dupont/courrier", w.client, w.now).Token(t.Context(), "")
	if !errors.As(err, &told) || told.Kind != oauth.Refused || told.Do() != "about invalid_grant: no consent" {
		t.Errorf("refused: %v", err)
	}
	w.vendor.Fail(oauthtest.ServerError, 9)
	_, err = tokens.Token(t.Context(), own(""))
	if host := strings.TrimSuffix(strings.TrimPrefix(w.client.TokenURL, "http://"), "/token"); !errors.As(err, &told) || told.Kind != oauth.Temporary || !strings.HasSuffix(told.Do(), "reaches "+host) {
		t.Errorf("broken: %v", err)
	}
}

func TestSASL_prefersXOAUTH2AndAnswersTheReason(t *testing.T) {
	t.Parallel()
	for announced, want := range map[string][3]string{
		"XOAUTH2":             {"XOAUTH2", "user=compta@dupont.example\x01auth=Bearer T\x01\x01", ""},
		"OAUTHBEARER XOAUTH2": {"XOAUTH2", "user=compta@dupont.example\x01auth=Bearer T\x01\x01", ""},
		"PLAIN OAUTHBEARER":   {"OAUTHBEARER", "n,a=compta@dupont.example,\x01auth=Bearer T\x01\x01", "\x01"},
	} {
		client := oauth.SASL("compta@dupont.example", "T", func(name string) bool { return slices.Contains(strings.Fields(announced), name) })
		mechanism, first, err := client.Start()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Next([]byte(`{"status":"401"}`))
		if got := [3]string{mechanism, string(first), string(answer)}; got != want || answer == nil || err != nil {
			t.Errorf("%s: %q, %v", announced, got, err)
		}
	}
	if client := oauth.SASL("a", "T", func(string) bool { return false }); client != nil {
		t.Error("it logs in where no log-in by token is offered")
	}
}

func TestGrants_areNotReadableInTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	k := w.connected()
	access := w.token(k, "")
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(w.path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{access, "R-", "s/ecret+"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %q", filepath.Base(file), secret)
			}
		}
	}
}

func TestConsent_asksInTheVendorsWayAndReadsTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *oauthtest.Options) { o.PKCE, o.Sent = true, map[string]string{"realmId": "913"} })
	visit, err := w.client.Begin()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(visit.URL)
	if err != nil || u.Query().Get("filter") != "v3" || u.Query().Get("state") == "theirs" {
		t.Errorf("the page is %s", visit.URL)
	}
	back, err := w.vendor.Agree(visit.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]string{
		"nonsense": "hello", "another visit's": strings.Replace(back, "state=", "state=X", 1), "without a code": strings.Replace(back, "code=", "kode=", 1),
	} {
		if _, err := visit.Read(wrong); !errors.Is(err, oauth.ErrStranger) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, query, _ := strings.Cut(back, "?")
	for _, pasted := range []string{back, " \"" + back + "\" ", query} {
		if params, err := visit.Read(pasted); err != nil || params.Get("realmId") != "913" {
			t.Errorf("%q reads %v, %v", pasted, params, err)
		}
	}
	params, _ := visit.Read(back)
	given, err := visit.Finish(t.Context(), w.now(), params)
	if err != nil || !w.vendor.Valid(given.Access) || given.Refresh == "" {
		t.Errorf("got %v, %v", given, err)
	}
	if _, err := visit.Finish(t.Context(), w.now(), params); kindOf(err) != oauth.Lost {
		t.Errorf("a code serves twice: %v", err)
	}
	no, err := w.vendor.Deny(visit.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := visit.Read(no); !errors.Is(err, oauth.ErrDenied) {
		t.Errorf("denied: %v", err)
	}
}

// freeRedirect is a redirect address of this machine that is free.
func freeRedirect(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String() + "/oauth/callback"
}

func TestVisit_takesTheAnswerFromTheBrowserOrALine(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"browser", "line", "line, the port being taken"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			redirect := freeRedirect(t)
			w := newWorld(t, func(o *oauthtest.Options) { o.RedirectURL = redirect })
			visit, err := w.client.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(way, "taken") {
				u, _ := url.Parse(redirect)
				taken, err := net.Listen("tcp", u.Host)
				if err != nil {
					t.Fatal(err)
				}
				defer taken.Close()
			}
			back, err := w.vendor.Agree(visit.URL)
			if err != nil {
				t.Fatal(err)
			}
			lines, typing := io.Pipe()
			defer typing.Close()
			said := make(chan string, 10)
			done := make(chan error, 1)
			go func() {
				params, err := visit.Visit(t.Context(), lines, func(string) {}, func(text string) { said <- text })
				if err == nil && params.Get("code") == "" {
					err = errors.New("no code")
				}
				done <- err
			}()
			if way == "browser" {
				open(t, redirect+"?code=x&state=forged", http.StatusBadRequest)
				open(t, back, http.StatusOK)
			} else {
				if strings.Contains(way, "taken") {
					if text := <-said; !strings.Contains(text, "in use") {
						t.Errorf("said %q", text)
					}
				}
				_, _ = io.WriteString(typing, "\nwhat?\n")
				if text := <-said; !strings.Contains(text, "address field") {
					t.Errorf("said %q", text)
				}
				_, _ = io.WriteString(typing, back+"\n")
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// open gets an address, waiting until somebody listens there.
func open(t *testing.T, address string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s answers %s", address, resp.Status)
			}
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}
