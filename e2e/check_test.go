package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"relanced/connectors/pennylane/pennylanetest"
	"relanced/connectors/quickbooks/quickbookstest"
	"relanced/connectors/rest/resttest"
	"relanced/connectors/sage/sagetest"
	"relanced/connectors/sageactive/sageactivetest"
	"relanced/internal/oauth/oauthtest"
)

// state is how a source may be found by check.
type state string

const (
	fine        state = "fine"
	wrongSecret state = "wrong secret"
	expired     state = "expired"
	revoked     state = "revoked"
	throttled   state = "throttled"
	down        state = "down"
	wrongID     state = "wrong company"
)

// source is a simulated source.
type source interface {
	Fail(f pennylanetest.Fault)
	Writes() int
	Origin() string
	Close() error
}

// checked is a connection and what check must say of it.
type checked struct {
	keys   string            // in YAML, name left out
	files  map[string]string // secrets and manifests, by name
	secret string            // the file that a wrong secret stands in
	id     string            // what of keys names the company; "" nothing does
	oauth  *oauthtest.Server // of a permission that a person gave; nil: there is none
	server source
	refuse pennylanetest.Fault // of a key that ended; where there is no OAuth
	later  *atomic.Int64       // how far the vendor's clock is ahead
	slow   pennylanetest.Fault
	// says is what each line must hold: the first word stands in message where the
	// state is fine, all in do where it is not. A state that says nothing cannot be.
	says map[state][]string
}

// ended is how long every permission that ends has ended by then.
const ended = 200 * 24 * time.Hour

func clockAhead() (func() time.Time, *atomic.Int64) {
	ahead := &atomic.Int64{}
	return func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, ahead
}

const (
	waits  = "it is tried again"
	unseen = "see whether this machine reaches 127.0.0.1:"
)

func checkedPennylane(t *testing.T) *checked {
	s, err := pennylanetest.New(pennylanetest.Options{Token: token, Unlimited: true})
	if err != nil {
		t.Fatal(err)
	}
	newToken := []string{"create a token in Pennylane (Settings > Connectivity > Developers)", "token:"}
	return &checked{
		keys: fmt.Sprintf("type: pennylane, token: {file: pennylane}, base_url: %q", s.URL()), files: map[string]string{"pennylane": token}, secret: "pennylane", server: s,
		refuse: pennylanetest.Fault{Status: http.StatusUnauthorized, Body: `{"error":"The access token is invalid","status":401}`},
		slow:   pennylanetest.Fault{Status: http.StatusTooManyRequests, Body: "Rate limit exceeded.", Header: http.Header{"Retry-After": {"1"}}},
		says:   map[state][]string{fine: {"ATELIER BRUNEL"}, wrongSecret: newToken, expired: newToken, revoked: newToken, throttled: {waits}, down: {waits, unseen}},
	}
}

// agreed is what check says where a person's permission has ended.
func agreed(name string) []string { return []string{"reconnect: run relanced connect " + name} }

func checkedQuickBooks(*testing.T) *checked {
	now, ahead := clockAhead()
	s := quickbookstest.New(quickbookstest.Options{Now: now})
	return &checked{
		keys:  fmt.Sprintf("type: quickbooks, client_id: %s, client_secret: {file: intuit}, realm_id: %q, base_url: %q, token_url: %q", s.ClientID(), s.Realm(), s.URL(), s.TokenURL()),
		files: map[string]string{"intuit": s.ClientSecret()}, secret: "intuit", id: s.Realm(), oauth: s.OAuth, server: s, later: ahead, slow: pennylanetest.Fault{Kind: quickbookstest.Throttled},
		says: map[state][]string{
			fine: {"Studio Halles Limited"}, wrongSecret: {"check client_id and client_secret of quickbooks", "developer.intuit.com"}, expired: agreed("quickbooks"), revoked: agreed("quickbooks"),
			throttled: {waits}, down: {waits, unseen}, wrongID: {"realm_id", "relanced connect quickbooks"},
		},
	}
}

func checkedSage(*testing.T) *checked {
	now, ahead := clockAhead()
	s := sagetest.New(sagetest.Options{Now: now})
	return &checked{
		keys:  fmt.Sprintf("type: sage, client_id: %s, client_secret: {file: sage-secret}, business_id: %q, base_url: %q, token_url: %q", s.ClientID(), s.Business(), s.URL(), s.TokenURL()),
		files: map[string]string{"sage-secret": s.ClientSecret()}, secret: "sage-secret", id: s.Business(), oauth: s.OAuth, server: s, later: ahead, slow: pennylanetest.Fault{Kind: sagetest.Throttled},
		says: map[state][]string{
			fine: {"Studio Halles Ltd"}, wrongSecret: {"check client_id and client_secret of sage", "developer.sage.com"}, expired: agreed("sage"), revoked: agreed("sage"),
			throttled: {waits}, down: {waits, unseen}, wrongID: {"business_id", "relanced connect sage"},
		},
	}
}

func checkedSageActive(*testing.T) *checked {
	now, ahead := clockAhead()
	s := sageactivetest.New(sageactivetest.Options{Now: now})
	return &checked{
		keys: fmt.Sprintf("type: sageactive, client_id: %s, client_secret: {file: active}, subscription_key: {file: active-key}, organization_id: %q, base_url: %q, token_url: %q",
			s.ClientID(), s.Organization(), s.URL(), s.TokenURL()),
		files: map[string]string{"active": s.ClientSecret(), "active-key": s.Key()}, secret: "active", id: s.Organization(), oauth: s.OAuth, server: s, later: ahead,
		slow: pennylanetest.Fault{Kind: sageactivetest.Throttled},
		says: map[state][]string{
			fine: {"STUDIO HALLES"}, wrongSecret: {"check client_id and client_secret of sageactive", "Developer Center"}, revoked: agreed("sageactive"),
			throttled: {waits}, down: {waits, unseen}, wrongID: {"organization_id", "relanced connect sageactive"},
		},
	}
}

// checkedKey is the same organization, of which the subscription key is wrong.
func checkedKey(t *testing.T) *checked {
	c := checkedSageActive(t)
	c.keys = strings.NewReplacer("{file: active", "{file: key-of-active").Replace(c.keys)
	for name, text := range c.files {
		delete(c.files, name)
		c.files["key-of-"+name] = text
	}
	c.secret = "key-of-active-key"
	c.says = map[state][]string{fine: {"STUDIO HALLES"}, wrongSecret: {"check subscription_key", "Developer Center"}}
	return c
}

func checkedRest(auth string) func(*testing.T) *checked {
	name := "rest-" + strings.ReplaceAll(auth, "_", "-")
	return func(*testing.T) *checked {
		s := resttest.New(resttest.Options{Auth: auth})
		c := &checked{
			keys:  fmt.Sprintf("type: rest, manifest: ./%s.yaml", name),
			files: map[string]string{name + ".yaml": s.Manifest(100), name: resttest.Key}, secret: name, server: s,
			refuse: pennylanetest.Fault{Kind: resttest.Unauthorized}, slow: pennylanetest.Fault{Kind: resttest.Throttled},
		}
		wrong := []string{"put the right secrets into the connection " + name, "relanced check"}
		c.says = map[state][]string{fine: {"Ateliers du Quai"}, wrongSecret: wrong, expired: wrong, revoked: wrong, throttled: {waits}, down: {waits, unseen}}
		switch auth {
		case resttest.Basic:
			c.keys += ", secrets: {user: {file: user}, key: {file: " + name + "}}"
			c.files["user"] = "relanced"
		case resttest.Client, resttest.Code:
			c.keys += ", client_id: quittance-app, client_secret: {file: " + name + "}"
			c.files[name] = "app/s3cret+"
			c.says[wrongSecret] = []string{"check client_id and client_secret of " + name, "relanced check"}
			delete(c.says, expired) // another token is given
			c.says[revoked] = agreed(name)
			c.oauth = s.OAuth
			if auth == resttest.Client {
				delete(c.says, revoked) // there is no consent
				c.oauth = nil
			}
		default:
			c.keys += ", secrets: {key: {file: " + name + "}}"
		}
		return c
	}
}

var checkable = map[string]func(*testing.T) *checked{
	"pennylane": checkedPennylane, "quickbooks": checkedQuickBooks, "sage": checkedSage, "sageactive": checkedSageActive, "sageactive-key": checkedKey,
	"rest-header": checkedRest(resttest.Header), "rest-basic": checkedRest(resttest.Basic), "rest-bearer": checkedRest(resttest.Bearer),
	"rest-client-credentials": checkedRest(resttest.Client), "rest-code": checkedRest(resttest.Code),
}

// arrange brings a source into a state.
func (c *checked) arrange(t *testing.T, s state, write func(name, text string)) {
	t.Helper()
	switch s {
	case wrongSecret:
		write(c.secret, "another")
		if c.oauth != nil {
			c.oauth.ExpireAccess()
		}
	case expired, revoked:
		switch {
		case c.oauth == nil:
			c.server.Fail(c.refuse)
		case s == revoked:
			c.oauth.Revoke()
		default:
			c.later.Add(int64(ended))
		}
	case throttled:
		c.server.Fail(c.slow)
	case down:
		_ = c.server.Close()
		unanswered(t, c.server.Origin())
	case wrongID:
		c.keys = strings.Replace(c.keys, c.id, strings.Repeat("7", len(c.id)), 1)
	case fine:
	}
}

// unanswered holds the port of an address, so that nobody answers there until the
// test ends; it returns host and port. Port 0: one that is free.
func unanswered(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(u.Port()) // the simulator's own
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil { // bound, and not listening
		t.Fatal(err)
	}
	got, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", got.(*syscall.SockaddrInet4).Port)
}

// TestCheck_saysWhatToDoInEachState brings sources of every type into each state
// they may be found in, and runs check over all of them.
func TestCheck_saysWhatToDoInEachState(t *testing.T) {
	t.Parallel()
	for _, s := range []state{fine, wrongSecret, expired, revoked, throttled, down, wrongID} {
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			w := &world{t: t, dir: t.TempDir()}
			w.config = filepath.Join(w.dir, "relanced.yaml")
			sources := map[string]*checked{}
			for name, start := range checkable {
				c := start(t)
				t.Cleanup(func() { _ = c.server.Close() })
				if c.says[s] != nil {
					sources[name] = c
				}
			}
			write := func() {
				text := "store: sqlite:relanced.db\nhttp: {listen: off}\ncompanies:\n  - id: halles\n    name: Studio Halles\n    country: GB\n    reminders: {mode: off}\n    connections:\n"
				for name, c := range sources {
					text += fmt.Sprintf("      - {name: %s, %s}\n", name, c.keys)
				}
				w.put("relanced.yaml", text)
			}
			for _, c := range sources {
				for name, text := range c.files {
					w.put(name, text+"\n")
				}
			}
			write()
			for name, c := range sources {
				if c.oauth == nil {
					continue
				}
				_, refresh := c.oauth.Issue()
				w.do("connect", name, "--refresh-token-file", w.put("refresh", refresh))
			}
			for _, c := range sources {
				c.arrange(t, s, func(name, text string) { w.put(name, text+"\n") })
			}
			write()
			r := w.command("check", "--json")
			if want := map[bool]int{true: 0, false: 1}[s == fine]; r.code != want {
				t.Errorf("exit %d, want %d: %s", r.code, want, r.err)
			}
			seen := 0
			for _, line := range decode[checkLine](w, r.out) {
				c := sources[line.Name]
				if line.What != "connection" || c == nil {
					continue
				}
				seen++
				line.fits(t, s, c.says[s])
			}
			if seen != len(sources) {
				t.Errorf("%d lines of %d connections: %s", seen, len(sources), r.out)
			}
			for name, c := range sources {
				if n := c.server.Writes(); n != 0 {
					t.Errorf("%s: %d attempts to write to the source", name, n)
				}
			}
		})
	}
}

// checkLine is a line of check.
type checkLine struct {
	What, Name, Message string
	OK                  bool
	Do                  *string
}

// fits tells whether a line says what it must in a state, and no secret.
func (l checkLine) fits(t *testing.T, s state, want []string) {
	t.Helper()
	do := ""
	if l.Do != nil {
		do = *l.Do
	}
	text, _ := json.Marshal(l)
	t.Logf("%s", text)
	told := do
	if s == fine {
		told = l.Message
	}
	if l.OK != (s == fine) || (do == "") != (s == fine) {
		t.Errorf("%s: %s", s, text)
	}
	for _, part := range want {
		if !strings.Contains(told, part) {
			t.Errorf("%s: %s\nwant %q", s, text, part)
		}
	}
	for _, secret := range []string{token, "secret/of+intuit", "secret/of+sage", "secret/of+active", "subscription-key-1", resttest.Key, "app/s3cret+"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s: %s shows %q", s, text, secret)
		}
	}
}

// A key that opens other books than those read so far answers all the same: check
// says so before a pass refuses them.
func TestCheck_saysThatTheBooksAreAnotherCompanys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.customer("C001", "Client 1", "client@one.example", "F-1", 30_000)
	w.do("sync")
	if r := w.command("check"); strings.Contains(r.out, "another company") {
		t.Errorf("its own books: %s", r.out)
	}
	w.books.SetCompany(4711, "Autre SARL")
	r := w.command("check")
	if r.code != 1 || !strings.Contains(r.out+r.err, "Autre SARL") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
}
