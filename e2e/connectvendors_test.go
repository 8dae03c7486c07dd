package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"relanced/connectors/rest/resttest"
	"relanced/connectors/sage/sagetest"
	"relanced/connectors/sageactive/sageactivetest"
	"relanced/internal/oauth/oauthtest"
)

// vendor is a source that a person lets the program into, with one invoice of
// 1234.50 that is open.
type vendor struct {
	keys    string // of the connection, in YAML
	files   map[string]string
	whose   string // what connect and check call the books
	id      string // what of keys names the books; "" nothing does
	reached string // what is said of a permission for others, besides
	oauth   *oauthtest.Server
	writes  func() int
}

var vendors = map[string]func(t *testing.T, redirect string) vendor{
	"sage": func(t *testing.T, redirect string) vendor {
		s := sagetest.New(sagetest.Options{Redirect: redirect})
		t.Cleanup(func() { _ = s.Close() })
		who := s.Books.AddContact(sagetest.Contact{Name: "Quayside Prints", PersonEmail: "ap@quayside.example", Country: "GB"})
		s.Books.AddDocument(sagetest.Invoices, sagetest.Document{Contact: who, Number: "F-1", Date: day(-60).String(), Due: day(-30).String(), Total: 123450})
		return vendor{
			keys: fmt.Sprintf("type: sage, client_id: %s, client_secret: {file: secret}, business_id: %q, base_url: %q, authorize_url: %q, token_url: %q, redirect_url: %q",
				s.ClientID(), s.Business(), s.URL(), s.AuthorizeURL(), s.TokenURL(), redirect),
			files: map[string]string{"secret": s.ClientSecret()}, whose: "Studio Halles Ltd", id: s.Business(), reached: "Lead Ltd (" + s.Lead() + ")", oauth: s.OAuth, writes: s.Writes,
		}
	},
	"sageactive": func(t *testing.T, redirect string) vendor {
		s := sageactivetest.New(sageactivetest.Options{Redirect: redirect})
		t.Cleanup(func() { _ = s.Close() })
		who := s.Books.AddCustomer(sageactivetest.Customer{Name: "Atelier Perrin", Code: "PERRIN", Emails: map[string]string{"INVOICES": "compta@perrin.example"}})
		s.Books.AddInvoice(sageactivetest.Invoice{Customer: who, Number: "F-1", Date: day(-60).String(), Items: []sageactivetest.Item{{Amount: 123450, Due: day(-30).String()}}})
		return vendor{
			keys: fmt.Sprintf("type: sageactive, client_id: %s, client_secret: {file: secret}, subscription_key: {file: key-of-app}, organization_id: %q, base_url: %q, authorize_url: %q, token_url: %q, redirect_url: %q",
				s.ClientID(), s.Organization(), s.URL(), s.AuthorizeURL(), s.TokenURL(), redirect),
			files: map[string]string{"secret": s.ClientSecret(), "key-of-app": s.Key()}, whose: "STUDIO HALLES", id: s.Organization(), reached: "AUTRE (0)", oauth: s.OAuth, writes: s.Writes,
		}
	},
	"rest": func(t *testing.T, redirect string) vendor {
		s := resttest.New(resttest.Options{Auth: resttest.Code, Redirect: redirect})
		t.Cleanup(func() { _ = s.Close() })
		s.AddInvoice(s.AddCustomer("Atelier Perrin"), "F-1", 123450, day(-60).String(), day(-30).String())
		return vendor{
			keys:  fmt.Sprintf("type: rest, manifest: ./quittance.yaml, client_id: quittance-app, client_secret: {file: secret}, redirect_url: %q", redirect),
			files: map[string]string{"secret": "app/s3cret+", "quittance.yaml": s.Manifest(100)}, whose: "Ateliers du Quai", oauth: s.OAuth, writes: s.Writes,
		}
	},
}

// vendorWorld is a company whose books are at a vendor.
func vendorWorld(t *testing.T, name string) (*world, vendor) {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	v := vendors[name](t, redirectAddress(t))
	for file, text := range v.files {
		w.put(file, text+"\n")
	}
	w.config = filepath.Join(w.dir, "relanced.yaml")
	w.connection(v.keys)
	return w, v
}

// connection writes the configuration of one connection.
func (w *world) connection(keys string) {
	w.t.Helper()
	w.put("relanced.yaml", fmt.Sprintf(`
store: sqlite:relanced.db
http: {listen: off}
companies:
  - {id: halles, name: Studio Halles, country: GB, reminders: {mode: off}, connections: [{name: books, %s}]}
`, keys))
}

// connecting starts a connect that waits for its answer.
func (w *world) connecting() *connecting {
	w.t.Helper()
	return connect(w.t, exec.Command(binary, "--config", w.config, "connect", "books"))
}

func TestConnect_ofEachVendor(t *testing.T) {
	t.Parallel()
	ways := map[string]func(w *world, v vendor) (string, int){
		"browser": func(w *world, _ vendor) (string, int) {
			c := w.connecting()
			visit(w.t, c.page)
			return c.end()
		},
		"pasted": func(w *world, v vendor) (string, int) {
			c := w.connecting()
			back, err := v.oauth.Agree(c.page)
			if err != nil {
				w.t.Fatal(err)
			}
			fmt.Fprintln(c.stdin, strings.Replace(back, "state=", "state=another", 1)) // it waits on
			fmt.Fprintln(c.stdin, back)
			return c.end()
		},
		"file": func(w *world, v vendor) (string, int) {
			_, refresh := v.oauth.Issue()
			r := w.command("connect", "books", "--refresh-token-file", w.put("refresh", refresh+"\n"))
			return r.out, r.code
		},
	}
	for name := range vendors {
		for way, connected := range ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				t.Parallel()
				w, v := vendorWorld(t, name)
				if r := w.command("check", "--json"); r.code != 1 || !strings.Contains(r.out, "run relanced connect books") {
					t.Errorf("check before: %d %s", r.code, r.out)
				}
				if out, code := connected(w, v); code != 0 || !strings.Contains(out, v.whose) {
					t.Fatalf("connect: %d %s", code, out)
				}
				if r := w.command("check", "--json"); r.code != 0 || !strings.Contains(r.out, v.whose) {
					t.Errorf("check: %d %s", r.code, r.out)
				}
				for range 2 { // the refresh token changes at each use
					v.oauth.ExpireAccess()
					w.do("sync")
				}
				row := one[struct{ Invoice, Outstanding string }](w, "invoices")
				if row.Invoice != "F-1" || row.Outstanding != "1234.50" {
					t.Errorf("invoices: %+v", row)
				}
				v.oauth.Revoke()
				if r := w.command("sync", "--json"); r.code != 1 || !strings.Contains(r.out, "reconnect: run relanced connect books") {
					t.Errorf("sync after it was taken back: %d %s", r.code, r.out)
				}
				if n := v.writes(); n != 0 {
					t.Errorf("%d attempts to write to the source", n)
				}
				w.keepsSecret(v.files["secret"])
			})
		}
	}
}

// keepsSecret looks for secrets and tokens in what the database's files hold.
func (w *world) keepsSecret(secrets ...string) {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "relanced.db*"))
	if err != nil || len(files) == 0 {
		w.t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, secret := range secrets {
			if strings.Contains(string(text), secret) {
				w.t.Errorf("%s holds %q", filepath.Base(file), secret)
			}
		}
	}
}

func TestConnect_ofEachVendorIsRefused(t *testing.T) {
	t.Parallel()
	for name := range vendors {
		t.Run(name+"/denied", func(t *testing.T) {
			t.Parallel()
			w, v := vendorWorld(t, name)
			c := w.connecting()
			back, err := v.oauth.Deny(c.page)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(c.stdin, back)
			if _, code := c.end(); code != 1 {
				t.Errorf("exit %d", code)
			}
		})
		if name != "rest" { // nothing of its configuration names the books
			t.Run(name+"/other books", func(t *testing.T) {
				t.Parallel()
				w, v := vendorWorld(t, name)
				w.connection(strings.Replace(v.keys, v.id, strings.Repeat("7", len(v.id)), 1))
				_, refresh := v.oauth.Issue()
				r := w.command("connect", "books", "--refresh-token-file", w.put("refresh", refresh))
				t.Logf("told as: %s", strings.TrimSpace(r.err))
				if r.code != 1 || !strings.Contains(r.err, v.reached) || !strings.Contains(r.err, v.id) {
					t.Errorf("exit %d: %s", r.code, r.err)
				}
				if r := w.command("sync"); r.code != 1 || !strings.Contains(r.err, "relanced connect books") {
					t.Errorf("something was kept: %d %s", r.code, r.err)
				}
			})
		}
		t.Run(name+"/dead token", func(t *testing.T) {
			t.Parallel()
			w, _ := vendorWorld(t, name)
			if r := w.command("connect", "books", "--refresh-token-file", w.put("refresh", "R-none")); r.code != 1 || !strings.Contains(r.err, "begin again") {
				t.Errorf("exit %d: %s", r.code, r.err)
			}
		})
	}
}
