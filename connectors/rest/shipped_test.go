package rest_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/manifest"
	"relanced/connectors/rest"
	"relanced/internal/conf"
	"relanced/internal/receivable"
)

var update = flag.Bool("update", false, "write the expected books anew, to be read before they are kept")

// recording answers as a vendor's interface does: only what is asked exactly so.
type recording struct {
	Header map[string]string `json:"header"`
	Routes []struct {
		Ask    string          `json:"ask"`
		Page   string          `json:"page"` // header
		Body   string          `json:"body"` // part of the JSON asked with
		Status int             `json:"status"`
		Answer json.RawMessage `json:"answer"`
	} `json:"routes"`
}

func record(t *testing.T, name string) *httptest.Server {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if strings.HasSuffix(req.URL.Path, "/token") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token": "T-1", "token_type": "bearer", "expires_in": 3600}`)
			return
		}
		for header, want := range r.Header {
			if got := req.Header.Get(header); got != want {
				t.Errorf("%s: header %s is %q, want %q", req.RequestURI, header, got, want)
			}
		}
		for _, route := range r.Routes {
			if route.Ask == req.Method+" "+req.URL.RequestURI() && (route.Page == "" || route.Page == req.Header.Get("Page")) && strings.Contains(string(body), route.Body) {
				if route.Status != 0 {
					w.WriteHeader(route.Status)
				}
				_, _ = w.Write(route.Answer)
				return
			}
		}
		t.Errorf("asked for %s %s %s", req.Method, req.URL.RequestURI(), body)
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestShipped_readsRecordedAnswers(t *testing.T) {
	t.Parallel()
	for name, again := range map[string][]string{
		"dolibarr": {"101"}, "odoo": {"501", "999"}, "axonaut": {"77001"}, "sellsy": {"8801"},
		"xero": {"i0000000-0000-0000-0000-000000000001"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := record(t, name)
			var books strings.Builder
			c := shipped(t, name, server)
			for page, err := range c.Pull(t.Context(), nil) {
				if err != nil {
					t.Fatalf("%v after\n%s", err, books.String())
				}
				tell(&books, page)
			}
			books.WriteString("\nread again\n")
			for page, err := range c.(connectors.InvoiceReader).ReadInvoices(t.Context(), again) {
				if err != nil {
					t.Fatal(err)
				}
				tell(&books, page)
			}
			golden(t, name, books.String())
		})
	}
}

// TestManifest_ofAThirdParty reads an interface that nobody has, by a manifest that
// is written from the guide.
func TestManifest_ofAThirdParty(t *testing.T) {
	t.Parallel()
	var books strings.Builder
	c := shipped(t, filepath.Join("testdata", "atelier.yaml"), record(t, "atelier"))
	for page, err := range c.Pull(t.Context(), nil) {
		if err != nil {
			t.Fatalf("%v after\n%s", err, books.String())
		}
		tell(&books, page)
	}
	golden(t, "atelier", books.String())
}

func shipped(t *testing.T, name string, server *httptest.Server) connectors.Connector {
	t.Helper()
	spec := &rest.Spec{Manifest: manifest.Name(name), BaseURL: conf.URL(server.URL), Secrets: map[string]conf.Secret{
		"api_key": conf.SecretOf("s3cret"), "tenant_id": conf.SecretOf("t3nant"),
	}}
	spec.TokenURL = conf.URL(server.URL + "/token")
	c, err := rest.New(spec, connectors.Env{Connection: receivable.ConnectionID(name), Unpaced: true, Tokens: &connectortest.Tokens{Issue: func() string { return "A-1" }}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tell writes what a page says, a line for each thing.
func tell(w io.Writer, p connectors.Page) {
	for _, a := range p.Accounts {
		fmt.Fprintf(w, "account %s %q %s %s %s %v %v siret=%s vat=%s lang=%s\n", a.External, a.Code, a.Name, a.Kind, a.Country, a.Emails, a.Address, a.SIRET, a.VAT, a.Language)
	}
	for _, d := range p.Documents {
		fmt.Fprintf(w, "%s %s of %s %s on %s total %s left %s %s ref=%s method=%s credits=%s", d.Kind, d.External, d.Account, d.Number, d.IssuedOn, d.Total, d.Outstanding, d.Total.Currency, d.OrderRef, d.Method, d.Credits)
		for _, due := range d.Dues {
			fmt.Fprintf(w, " due %s %s", due.On, due.Outstanding)
		}
		fmt.Fprintln(w)
	}
	for _, x := range p.Payments {
		fmt.Fprintf(w, "payment %s of %s on %s %s free %s %s %q\n", x.External, x.Account, x.On, x.Amount, x.Unallocated, x.Amount.Currency, x.Label)
	}
	for _, a := range p.Allocations {
		fmt.Fprintf(w, "allocation %s %s %s %s\n", a.Group, a.Kind, a.Item, a.Amount)
	}
	for _, b := range p.Bad {
		fmt.Fprintf(w, "bad %s %s: %s\n", b.Ref.Kind, b.Ref.External, b.Text)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(w, "note %s %s: %s\n", n.Ref.Kind, n.Ref.External, n.Text)
	}
	for _, g := range p.Gone {
		fmt.Fprintf(w, "gone %s %s\n", g.Kind, g.External)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".books")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestShipped_dolibarrSendsCopiesInBase64(t *testing.T) {
	t.Parallel()
	c := shipped(t, "dolibarr", record(t, "dolibarr"))
	file, err := c.(connectors.DocumentFetcher).FetchDocument(context.WithoutCancel(t.Context()), "101", 1<<20)
	if err != nil || file.Name != "FA2610-0001.pdf" || string(file.Bytes) != "%PDF-1.7 test" {
		t.Errorf("%v %v", file, err)
	}
}
