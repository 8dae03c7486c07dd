package rest_test

import (
	"errors"
	"fmt"
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
	"relanced/connectors/rest/resttest"
	"relanced/internal/conf"
)

// write puts a manifest into a fresh folder.
func write(t *testing.T, text string) manifest.Name {
	t.Helper()
	path := filepath.Join(t.TempDir(), "erp.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return manifest.Name(path)
}

// problems checks a spec and returns the first line of each problem.
func problems(spec *rest.Spec) []string {
	var p conf.Problems
	spec.Check(&p)
	var lines []string
	for _, one := range p.List() {
		line, _, _ := strings.Cut(one.String(), "\n")
		lines = append(lines, line[max(0, strings.Index(line, "erp.yaml:")):])
	}
	return lines
}

func TestManifest_everyProblemIsReportedAtItsPlace(t *testing.T) {
	t.Parallel()
	got := problems(&rest.Spec{Manifest: write(t, `manifest: erp
speaks: rest
base_url: http://erp.example/api
auth: {header: "X Key", secret: key, bearer: token}
headers: {Authorization: "{key}"}
rate: often
customers:
  path: ../clients
  items: data..rows
  page: {by: pages, param: page}
  since: {param: since, query: {since: "{since}"}, format: iso8601}
  map: {id: it.id, name: itt.name}
invoices:
  path: /invoices/{number}
  page: {by: cursor, param: cursor}
  empty: {status: 404}
  pdf: {link: it.pdf}
  map:
    id: it.id
    customer: it.customer
    number: it.number
    issued_on: it.date
    total: it.total / 100
payments:
  path: /payments
  items: .
  page: {by: number, until: short, size: 0}
  read: {path: "/payments/{id}", items: .}
  map: {id: it.id, on: it.date, amount: it.amount}
`)})
	want := []string{
		`erp.yaml:3:11: `,
		`erp.yaml:4:7: say in one way how requests are let in`,
		`erp.yaml:5:11: the header Authorization is not for a manifest to set`,
		`erp.yaml:6:7: `,
		`erp.yaml:8:9: a path begins with /`,
		`erp.yaml:9:10: write the names that lead to the list`,
		`erp.yaml:10:14: "pages" is no way of paging`,
		`erp.yaml:11:10: say in one way how changes are asked for`,
		`erp.yaml:11:60: "iso8601" is no way to write a moment`,
		`erp.yaml:12:26: unknown name itt`,
		`erp.yaml:13:1: say where in the answer the rows are`,
		`erp.yaml:14:9: {number} has no value here (there are {cursor})`,
		`erp.yaml:15:9: say where the answer tells the next one`,
		`erp.yaml:16:10: write the status and what the answer says then`,
		`erp.yaml:17:8: this needs the invoice's row: write read for invoices`,
		`erp.yaml:18:3: an invoice needs outstanding`,
		`erp.yaml:23:21: / is refused`,
		`erp.yaml:27:9: name the parameter that takes the number`,
		`erp.yaml:27:42: until: short compares with the size`,
		`erp.yaml:28:9: only customers and invoices are read again by key`,
		`erp.yaml:29:8: a payment needs unallocated`,
	}
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("problem %d: want %q of:\n%s", i, want[min(i, len(want)-1)], strings.Join(got, "\n"))
		}
	}
}

const small = `manifest: erp
speaks: rest
%s
customers: {path: /customers, items: ., map: {id: it.id, name: it.name}}
invoices:
  path: /invoices
  items: .
%s
  map: {id: it.id, customer: it.customer, number: it.number, issued_on: it.date, total: it.total, outstanding: it.left}
`

func TestSpec_saysWhatTheManifestNeeds(t *testing.T) {
	t.Parallel()
	key := fmt.Sprintf(small, `auth: {header: X-Key, secret: key}`, "")
	grant := fmt.Sprintf(small, `auth: {oauth2: code}`, "")
	for name, c := range map[string]struct {
		spec rest.Spec
		want []string
	}{
		"nothing":       {rest.Spec{}, []string{"a rest connection needs a manifest: write manifest: axonaut, dolibarr, odoo, sellsy, xero"}},
		"unknown":       {rest.Spec{Manifest: "sap"}, []string{`no manifest "sap" is shipped: write one of axonaut, dolibarr`}},
		"no address":    {rest.Spec{Manifest: write(t, key)}, []string{"the manifest erp does not say where the interface is", "the manifest erp needs the secret key"}},
		"other secrets": {rest.Spec{Manifest: "axonaut", Secrets: map[string]conf.Secret{"api_key": conf.SecretOf("x"), "token": conf.SecretOf("y")}}, []string{`the manifest axonaut knows no secret "token"`}},
		"a grant":       {rest.Spec{Manifest: write(t, grant), BaseURL: "https://a.example"}, []string{"needs the client_id", "needs the app's secret", "where tokens are given", "where a person agrees"}},
		"no grant":      {rest.Spec{Manifest: "axonaut", ClientID: "x", Secrets: map[string]conf.Secret{"api_key": conf.SecretOf("x")}}, []string{"is not authorised by OAuth"}},
		"all is there":  {rest.Spec{Manifest: "axonaut", Secrets: map[string]conf.Secret{"api_key": conf.SecretOf("x")}}, nil},
	} {
		got := problems(&c.spec)
		ok := len(got) == len(c.want)
		for i := range c.want {
			ok = ok && strings.Contains(got[i], c.want[i])
		}
		if !ok {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// site answers by path.
func site(t *testing.T, answers map[string]string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.RequestURI()]
		switch {
		case !ok:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"message": "there is no %s for %s"}`, r.URL.RequestURI(), r.Header.Get("X-Key"))
		case strings.HasPrefix(answer, "http"):
			w.Header().Set("Location", answer)
			w.WriteHeader(http.StatusFound)
		default:
			fmt.Fprint(w, answer)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

const s3cret = "pl4nted/s3cret"

// reads connects a manifest with a site.
func reads(t *testing.T, server *httptest.Server, invoices string) connectors.Connector {
	t.Helper()
	return connects(t, server, fmt.Sprintf(small, `auth: {header: X-Key, secret: key}`, invoices))
}

func connects(t *testing.T, server *httptest.Server, text string) connectors.Connector {
	t.Helper()
	spec := &rest.Spec{Manifest: write(t, text), BaseURL: conf.URL(server.URL + "/api"), Secrets: map[string]conf.Secret{"key": conf.SecretOf(s3cret)}}
	c, err := rest.New(spec, connectors.Env{Connection: "erp", Unpaced: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pull reads everything into a mirror.
func pull(t *testing.T, c connectors.Connector) (*connectortest.Mirror, error) {
	t.Helper()
	m := connectortest.NewMirror()
	for page, err := range c.Pull(t.Context(), nil) {
		if err != nil {
			return m, err
		}
		if err := m.Apply(page); err != nil {
			t.Fatal(err)
		}
	}
	return m, nil
}

const (
	durand = `[{"id": 1, "name": "Durand"}]`
	bill   = `{"id": %q, "customer": 1, "number": "F1", "date": "2026-01-02", "total": 12.5, "left": 12.5}`
)

func TestPull_pagesThatDoNotEndAreTold(t *testing.T) {
	t.Parallel()
	one := func(id string) string { return fmt.Sprintf(bill, id) }
	for name, c := range map[string]struct {
		page    string
		answers map[string]string
		want    string
	}{
		"the parameter is not known": {
			"  page: {by: number, param: page}",
			map[string]string{"/api/invoices?page=1": "[" + one("a") + "]", "/api/invoices?page=2": "[" + one("a") + "]"},
			"a page that was read before came again",
		},
		"pages in a circle": {
			"  page: {by: number, param: page}",
			map[string]string{"/api/invoices?page=1": "[" + one("a") + "]", "/api/invoices?page=2": "[" + one("b") + "]", "/api/invoices?page=3": "[" + one("a") + "]"},
			"a page that was read before came again",
		},
		"a cursor that stays": {
			"  items: rows\n  page: {by: cursor, param: c, next: it.next}",
			map[string]string{"/api/invoices": `{"rows": [` + one("a") + `], "next": "x"}`, "/api/invoices?c=x": `{"rows": [` + one("b") + `], "next": "x"}`},
			"the source names a page as the next that was read before",
		},
		"cursors in a circle": {
			"  items: rows\n  page: {by: cursor, param: c, next: it.next}",
			map[string]string{
				"/api/invoices": `{"rows": [` + one("a") + `], "next": "x"}`, "/api/invoices?c=x": `{"rows": [` + one("b") + `], "next": "y"}`,
				"/api/invoices?c=y": `{"rows": [` + one("c") + `], "next": "x"}`,
			},
			"the source names a page as the next that was read before",
		},
		"a total that is never reached": {
			"  items: rows\n  page: {by: number, param: page, until: total, total: it.total}",
			map[string]string{"/api/invoices?page=1": `{"rows": [` + one("a") + `], "total": 3}`, "/api/invoices?page=2": `{"rows": [], "total": 3}`},
			"the answer tells of 3 rows, the pages hold 1",
		},
		"no number of rows": {
			"  items: rows\n  page: {by: number, param: page, until: total, total: it.total}",
			map[string]string{"/api/invoices?page=1": `{"rows": [` + one("a") + `], "total": "many"}`},
			`total: "many" is no number of rows`,
		},
		"another host": {
			"  items: rows\n  page: {by: url, next: it.next}",
			map[string]string{"/api/invoices": `{"rows": [` + one("a") + `], "next": "https://evil.example/api/invoices?page=2"}`},
			"leads to https://evil.example/api/invoices, beyond base_url: it is not followed",
		},
		"above base_url": {
			"  items: rows\n  page: {by: url, next: it.next}",
			map[string]string{"/api/invoices": `{"rows": [` + one("a") + `], "next": "/admin"}`},
			"beyond base_url: it is not followed",
		},
		"rows elsewhere": {"", map[string]string{"/api/invoices": `[[1]]`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.answers["/api/customers"] = durand
			text := fmt.Sprintf(small, `auth: {header: X-Key, secret: key}`, c.page)
			if strings.Contains(c.page, "items: rows") {
				text = strings.Replace(text, "  items: .\n  items: rows", "  items: rows", 1)
			}
			m, err := pull(t, connects(t, site(t, c.answers), text))
			if c.want == "" {
				if err != nil || len(m.Bad) != 1 {
					t.Errorf("%v %v", err, m.Bad)
				}
				return
			}
			e, ok := errors.AsType[*connectors.Error](err)
			if !ok || !strings.Contains(err.Error(), c.want) || e.Do == "" {
				t.Errorf("got %v, want %q and what to do", err, c.want)
			}
		})
	}
}

func TestPull_aRowThatDoesNotFitIsToldWithItsPlaceAndTheRestIsRead(t *testing.T) {
	t.Parallel()
	server := site(t, map[string]string{"/api/customers": durand, "/api/invoices": `[` + fmt.Sprintf(bill, "a") + `, {"id": "b", "customer": 1, "number": "F2", "date": "2026-01-02", "total": "12,50", "left": 1}, "c"]`})
	m, err := pull(t, reads(t, server, ""))
	if err != nil || len(m.Documents) != 1 {
		t.Fatalf("%v %v", m.Documents, err)
	}
	if got, want := m.Bad["b"], `total: "12,50" is no number (digits, with a point before decimals; money(x, ",") reads one with a comma), from total = "12,50" (`; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "erp.yaml:9:89)") {
		t.Errorf("the bad row reads %q", got)
	}
	if got := m.Bad[""]; got != "an object is expected, here is text" {
		t.Errorf("what is no row reads %q", got)
	}
}

func TestPull_secretsAreNeverShownAndRedirectsNeverFollowed(t *testing.T) {
	t.Parallel()
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(other.Close)
	for name, answers := range map[string]map[string]string{
		"a refusal that repeats the secret": {},
		"a redirect":                        {"/api/customers": other.URL + "/api/customers"},
	} {
		_, err := pull(t, reads(t, site(t, answers), ""))
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), s3cret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked {
		t.Error("the redirect was followed")
	}
}

func TestAbilities_areThoseOfTheManifest(t *testing.T) {
	t.Parallel()
	server := site(t, nil)
	for _, read := range []string{"", "  read: {path: \"/invoices/{id}\", items: .}\n"} {
		for _, pdf := range []string{"", "  pdf: {path: \"/invoices/{id}/pdf\"}"} {
			for _, auth := range []string{"auth: {bearer: key}", "auth: {oauth2: code, authorize_url: https://a.example/o, token_url: https://a.example/t}"} {
				spec := &rest.Spec{Manifest: write(t, fmt.Sprintf(small, auth, read+pdf)), BaseURL: conf.URL(server.URL)}
				c, err := rest.New(spec, connectors.Env{})
				if err != nil {
					t.Fatal(err)
				}
				_, reads := c.(connectors.InvoiceReader)
				_, fetches := c.(connectors.DocumentFetcher)
				_, authorises := c.(connectors.Authorizer)
				_, probes := c.(connectors.Prober)
				_, lists := c.(connectors.Lister)
				got := []bool{reads, fetches, authorises, probes, lists}
				want := []bool{read != "", pdf != "", strings.Contains(auth, "oauth2"), true, true}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s %s %s: (-want +got)\n%s", read, pdf, auth, diff)
				}
			}
		}
	}
}

func TestReadInvoices_aKeyIsOneStepOfThePath(t *testing.T) {
	t.Parallel()
	server := site(t, map[string]string{"/api/invoices/a%2Fb%3Fc%20d": fmt.Sprintf(bill, "a/b?c d")})
	c := reads(t, server, "  read: {path: \"/invoices/{id}\", items: .}").(connectors.InvoiceReader)
	for page, err := range c.ReadInvoices(t.Context(), []string{"a/b?c d"}) {
		if err != nil || len(page.Documents) != 1 {
			t.Errorf("%v %v", page, err)
		}
	}
	for _, err := range c.ReadInvoices(t.Context(), []string{".."}) {
		if err == nil || !strings.Contains(err.Error(), `".." cannot stand in an address`) {
			t.Errorf("a key that leaves its place: %v", err)
		}
	}
}

func connectorsKind(err error) connectors.Kind {
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok {
		return ""
	}
	return e.Kind
}

func open(t *testing.T, o resttest.Options) (*source, connectors.Connector) {
	t.Helper()
	s, err := newSource(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// TestPull_rowsThatMoveUpAreNotMissed removes an invoice that was read while a
// listing goes on: those behind it move up, over the border of a page.
// onFrom goes on from where the mirror stands.
func onFrom(t *testing.T, c connectors.Connector, m *connectortest.Mirror) {
	t.Helper()
	for page, err := range c.Pull(t.Context(), m.Cursor) {
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(page); err != nil {
			t.Fatal(err)
		}
	}
}
