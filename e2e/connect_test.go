package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relanced/connectors/quickbooks/quickbookstest"
)

// oauthWorld is a company whose books are in QuickBooks, and its configuration.
type oauthWorld struct {
	t      *testing.T
	dir    string
	books  *quickbookstest.Server
	config string
}

// redirectAddress is a free one of this machine.
func redirectAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String() + "/oauth/callback"
}

func newOAuthWorld(t *testing.T, realm string) *oauthWorld {
	t.Helper()
	w := &oauthWorld{t: t, dir: t.TempDir()}
	redirect := redirectAddress(t)
	w.books = quickbookstest.New(quickbookstest.Options{Redirect: redirect, RotateSoon: true})
	t.Cleanup(func() { _ = w.books.Close() })
	if realm == "" {
		realm = w.books.Realm()
	}
	w.config = filepath.Join(w.dir, "relanced.yaml")
	w.put("relanced.yaml", fmt.Sprintf(`
store: sqlite:relanced.db
http: {listen: off}
companies:
  - id: halles
    name: Studio Halles
    country: GB
    connections:
      - {name: books, type: quickbooks, client_id: %s, client_secret: {file: secret}, realm_id: %q, base_url: %q, authorize_url: %q, token_url: %q, redirect_url: %q}
    reminders: {mode: off}
`, w.books.ClientID(), realm, w.books.URL(), w.books.AuthorizeURL(), w.books.TokenURL(), redirect))
	w.put("secret", w.books.ClientSecret()+"\n")
	customer := w.books.Books.AddCustomer(quickbookstest.Customer{Name: "Quayside Prints", Email: "ap@quayside.example"})
	w.books.Books.AddInvoice(quickbookstest.Invoice{Customer: customer, Number: "F-1", Date: "2026-09-01", Due: "2026-10-01", Total: 123450})
	return w
}

func (w *oauthWorld) put(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *oauthWorld) command(args ...string) *exec.Cmd {
	return exec.Command(binary, append([]string{"--config", w.config}, args...)...)
}

// run runs a command to its end.
func (w *oauthWorld) run(args ...string) ran {
	w.t.Helper()
	var out, errs bytes.Buffer
	cmd := w.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	return ran{code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
}

// connecting is a `connect` that waits for its answer.
type connecting struct {
	cmd   *exec.Cmd
	page  string
	stdin io.WriteCloser
	rest  chan string
}

func (w *oauthWorld) connect() *connecting {
	w.t.Helper()
	return connect(w.t, w.command("connect", "books"))
}

// connect starts a `connect` and waits for the page it names.
func connect(t *testing.T, cmd *exec.Cmd) *connecting {
	t.Helper()
	c := &connecting{cmd: cmd, rest: make(chan string, 1)}
	c.cmd.Stderr = os.Stderr
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	for c.page == "" && lines.Scan() {
		if strings.HasPrefix(lines.Text(), "http") {
			c.page = lines.Text()
		}
	}
	go func() {
		var rest strings.Builder
		for lines.Scan() {
			rest.WriteString(lines.Text() + "\n")
		}
		c.rest <- rest.String()
	}()
	return c
}

func (c *connecting) end() (string, int) {
	out := <-c.rest
	_ = c.cmd.Wait()
	return out, c.cmd.ProcessState.ExitCode()
}

func TestConnect_byTheBrowserByAPastedAddressAndByAFile(t *testing.T) {
	t.Parallel()
	ways := map[string]func(w *oauthWorld) (string, int){
		"browser": func(w *oauthWorld) (string, int) {
			c := w.connect()
			visit(w.t, c.page)
			return c.end()
		},
		"pasted": func(w *oauthWorld) (string, int) {
			c := w.connect()
			back, err := w.books.OAuth.Agree(c.page)
			if err != nil {
				w.t.Fatal(err)
			}
			fmt.Fprintln(c.stdin, back)
			return c.end()
		},
		"file": func(w *oauthWorld) (string, int) {
			_, refresh := w.books.OAuth.Issue()
			w.put("refresh", refresh+"\n")
			r := w.run("connect", "books", "--refresh-token-file", filepath.Join(w.dir, "refresh"))
			return r.out, r.code
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newOAuthWorld(t, "")
			if r := w.run("check", "--json"); r.code != 1 || !strings.Contains(r.out, "relanced connect books") {
				t.Errorf("check before: %d %s", r.code, r.out)
			}
			if r := w.run("sync", "--json"); r.code != 1 || !strings.Contains(r.out, `"kind":"auth"`) || !strings.Contains(r.err, "relanced connect books") {
				t.Errorf("sync before: %d %s %s", r.code, r.out, r.err)
			}
			if out, code := way(w); code != 0 || !strings.Contains(out, "Studio Halles Limited") {
				t.Fatalf("connect: %d %s", code, out)
			}
			for range 2 { // the refresh token changes at each use
				w.books.OAuth.ExpireAccess()
				if r := w.run("sync"); r.code != 0 {
					t.Fatalf("sync: %d %s %s", r.code, r.out, r.err)
				}
			}
			var row struct{ Customer, Invoice, Outstanding, Currency string }
			r := w.run("invoices", "--json")
			if err := json.Unmarshal([]byte(r.out), &row); err != nil || row.Customer != "Quayside Prints" || row.Outstanding != "1234.50" || row.Currency != "GBP" {
				t.Errorf("invoices: %s %v", r.out, err)
			}
			w.books.OAuth.Revoke()
			for range 2 {
				if r := w.run("sync", "--json"); r.code != 1 || !strings.Contains(r.out, "reconnect: run relanced connect books") {
					t.Errorf("sync after it was taken back: %d %s", r.code, r.out)
				}
			}
			if r := w.run("status", "--json"); strings.Count(r.out, "reconnect") == 0 {
				t.Errorf("status: %s", r.out)
			}
			w.grep("secret/of+intuit", "R-", "A-")
		})
	}
}

// grep looks for secrets in what the database's files hold.
func (w *oauthWorld) grep(secrets ...string) {
	w.t.Helper()
	files, _ := filepath.Glob(filepath.Join(w.dir, "relanced.db*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, secret := range secrets {
			if i := bytes.Index(text, []byte(secret)); i >= 0 && len(secret) > 3 {
				w.t.Errorf("%s holds %q", file, secret)
			}
		}
	}
}

func TestConnect_refusals(t *testing.T) {
	t.Parallel()
	t.Run("denied", func(t *testing.T) {
		t.Parallel()
		w := newOAuthWorld(t, "")
		c := w.connect()
		back, err := w.books.OAuth.Deny(c.page)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(c.stdin, back)
		if _, code := c.end(); code != 1 {
			t.Errorf("exit %d", code)
		}
	})
	t.Run("another company", func(t *testing.T) {
		t.Parallel()
		w := newOAuthWorld(t, "777")
		c := w.connect()
		visit(t, c.page)
		if _, code := c.end(); code != 1 {
			t.Errorf("exit %d", code)
		}
		if r := w.run("sync"); r.code != 1 || !strings.Contains(r.err, "relanced connect books") {
			t.Errorf("something was kept: %d %s", r.code, r.err)
		}
	})
	w := newOAuthWorld(t, "")
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"nothing of that name": {[]string{"connect", "other"}, 4},
		"no such file":         {[]string{"connect", "books", "--refresh-token-file", filepath.Join(w.dir, "none")}, 4},
		"a dead token":         {[]string{"connect", "books", "--refresh-token-file", filepath.Join(w.dir, "secret")}, 1},
	} {
		if r := w.run(test.args...); r.code != test.code || r.err == "" {
			t.Errorf("%s: exit %d, %s", name, r.code, r.err)
		}
	}
}

// visit is a person who opens the page and agrees.
func visit(t *testing.T, page string) {
	t.Helper()
	client := &http.Client{Timeout: 20 * time.Second}
	resp, err := client.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", resp.Status, text)
	}
}
