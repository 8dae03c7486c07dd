package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors"
	"relanced/connectors/rest"
)

// habits is an interface that refuses with status 200, and keeps contacts apart.
const habits = `manifest: erp
speaks: rest
auth: {header: X-Key, secret: key}
errors: {message: error.text, when: it.ok == false, kind: '{"KEY": "auth", "BUSY": "temporary", "NONE": "notfound", "ODD": "odd"}[text(it.error?.code)] ?? ""'}
customers:
  path: /customers
  items: rows
  %s
  read: {path: "/customers/{id}", items: row}
  map: {id: it.id, name: it.name, contacts: 'map(it.people ?? [], ({"name": #.name, "email": #.mail}))'}
invoices:
  path: /invoices
  items: rows
  read: {path: "/invoices/{id}", items: row}
  map: {id: it.id, customer: it.customer, number: it.number, issued_on: it.date, total: it.total, outstanding: it.left}
`

const contactsApart = `detail: {path: /people, query: {customer: "{id}"}, items: rows, as: people}`

func refusal(code string) string {
	return fmt.Sprintf(`{"ok": false, "error": {"code": %q, "text": "no %s"}}`, code, code)
}

func TestErrors_kindSaysWhatARefusalIs(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		kind connectors.Kind
		do   string
	}{
		"KEY":   {connectors.Auth, "put the right secrets into the connection erp"},
		"BUSY":  {connectors.Temporary, "it is tried again"},
		"OTHER": {connectors.Invalid, "relanced connector try"},
		"ODD":   {connectors.Schema, "relanced connector try"},
	} {
		server := site(t, map[string]string{"/api/customers": refusal(code)})
		_, err := pull(t, connects(t, server, fmt.Sprintf(habits, contactsApart)))
		known, ok := errors.AsType[*connectors.Error](err)
		if !ok || known.Kind != want.kind || !strings.Contains(known.Do, want.do) {
			t.Errorf("%s: %v, want %s", code, err, want.kind)
			continue
		}
		if code == "ODD" && !strings.Contains(err.Error(), `"odd" is not one of auth, rate, temporary, notfound, invalid (`) {
			t.Errorf("a word that is none: %v", err)
		}
		if code != "ODD" && !strings.Contains(err.Error(), "no "+code) {
			t.Errorf("%s: the interface's sentence is missing: %v", code, err)
		}
	}
}

// TestErrors_kindReadsRefusalsOfEveryStatus: an interface that answers a key it
// does not know with 400.
func TestErrors_kindReadsRefusalsOfEveryStatus(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, refusal("NONE"))
	}))
	t.Cleanup(server.Close)
	c := connects(t, server, fmt.Sprintf(habits, contactsApart))
	for page, err := range c.(connectors.InvoiceReader).ReadInvoices(t.Context(), []string{"7"}) {
		if err != nil || len(page.Gone) != 1 || page.Gone[0].External != "7" {
			t.Errorf("%v %v", page.Gone, err)
		}
	}
}

func TestReadInvoices_aKeyThatIsRefusedWithStatus200IsGone(t *testing.T) {
	t.Parallel()
	server := site(t, map[string]string{"/api/invoices/7": refusal("NONE"), "/api/invoices/8": refusal("BUSY")})
	c := connects(t, server, fmt.Sprintf(habits, contactsApart))
	for page, err := range c.(connectors.InvoiceReader).ReadInvoices(t.Context(), []string{"7"}) {
		if err != nil || len(page.Gone) != 1 {
			t.Errorf("%v %v", page.Gone, err)
		}
	}
	for page, err := range c.(connectors.InvoiceReader).ReadInvoices(t.Context(), []string{"8"}) {
		if connectorsKind(err) != connectors.Temporary || len(page.Gone) != 0 {
			t.Errorf("what is busy is not gone: %v %v", page.Gone, err)
		}
	}
}

// TestDetail_aListStandsInAField: also for a customer that is read by its key
// because an invoice names it.
func TestDetail_aListStandsInAField(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"/api/customers":         `{"rows": [{"id": 1, "name": "Durand"}, {"id": 2, "name": "Petit"}]}`,
		"/api/people?customer=1": `{"rows": [{"name": "A", "mail": "a@durand.example"}, {"name": "B", "mail": "b@durand.example"}]}`,
		"/api/people?customer=3": `{"rows": [{"name": "C", "mail": "c@late.example"}]}`, // of 2: 404, there are none
		"/api/customers/3":       `{"row": {"id": 3, "name": "Late"}}`,
		"/api/invoices":          `{"rows": [{"id": 9, "customer": 3, "number": "F1", "date": "2026-01-02", "total": 5, "left": 5}]}`,
	}
	m, err := pull(t, connects(t, site(t, answers), fmt.Sprintf(habits, contactsApart)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for key, account := range m.Accounts {
		got[key] = nil
		for _, contact := range account.Contacts {
			got[key] = append(got[key], contact.Email)
		}
	}
	want := map[string][]string{"1": {"a@durand.example", "b@durand.example"}, "2": nil, "3": {"c@late.example"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	m, err = pull(t, connects(t, site(t, answers), fmt.Sprintf(habits, `detail: {path: /people, query: {customer: "{id}"}, items: rows}`)))
	if err != nil || !strings.Contains(m.Bad["1"], "the answer holds 2 rows: write as: NAME") || !strings.HasSuffix(m.Bad["1"], "erp.yaml:8:18)") {
		t.Errorf("several rows are not laid over one: %q %v", m.Bad["1"], err)
	}
}

func TestSince_writesTheMomentInTheFormOfTheInterface(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.URL.Query().Get("since"))
		fmt.Fprint(w, `[]`)
	}))
	t.Cleanup(server.Close)
	manifest := fmt.Sprintf(small, `auth: {header: X-Key, secret: key}`, "  since: {param: since, format: DD/MM/YYYY hh:mm:ss, overlap: 10m}")
	manifest = strings.Replace(manifest, "customers: {path: /customers,", "customers: {path: /customers, since: {param: since, format: YYYYMMDD},", 1)
	spec := &rest.Spec{Manifest: write(t, manifest)}
	if got := problems(spec); len(got) != 2 { // base_url and the secret
		t.Fatal(got)
	}
	c := connects(t, server, manifest)
	m, err := pull(t, c)
	if err != nil {
		t.Fatal(err)
	}
	asked = nil
	for _, err := range c.Pull(t.Context(), m.Cursor) {
		if err != nil {
			t.Fatal(err)
		}
	}
	joined := strings.Join(asked, "; ")
	for _, form := range []struct{ path, layout string }{{"/api/customers", "20060102"}, {"/api/invoices", "02/01/2006 15:04:05"}} {
		_, told, found := strings.Cut(joined, form.path+" ")
		told, _, _ = strings.Cut(told, ";")
		at, err := time.Parse(form.layout, told)
		if !found || err != nil || time.Since(at) > 48*time.Hour || at.After(time.Now()) {
			t.Errorf("%s is asked for %q: %v", form.path, told, err)
		}
	}
}

// TestPage_theNextPlaceMayBeWorkedOut: Sellsy tells a text cursor, or the number
// of this page's first row.
func TestPage_theNextPlaceMayBeWorkedOut(t *testing.T) {
	t.Parallel()
	shippedNext := regexp.MustCompile(`next: ('type.*?'), until: short`).FindStringSubmatch(read(t, "manifests/sellsy.yaml"))
	if shippedNext == nil {
		t.Fatal("the manifest sellsy pages in another way")
	}
	manifest := fmt.Sprintf(small, `auth: {header: X-Key, secret: key}`, "  page: {by: cursor, param: offset, size: 1, size_param: limit, next: "+shippedNext[1]+"}")
	manifest = strings.Replace(manifest, "  items: .\n", "  items: data\n", 1)
	invoice := func(key, offset string) string {
		return fmt.Sprintf(`{"data": [`+bill+`], "pagination": {"limit": 1, "offset": %s}}`, key, offset)
	}
	const none = `{"data": [], "pagination": {"limit": 1, "offset": null}}`
	for name, pages := range map[string]map[string]string{
		"numbers": {"/api/invoices?limit=1": invoice("a", "0"), "/api/invoices?limit=1&offset=1": invoice("b", "1"), "/api/invoices?limit=1&offset=2": none},
		"texts":   {"/api/invoices?limit=1": invoice("a", `"x"`), "/api/invoices?limit=1&offset=x": invoice("b", `"y"`), "/api/invoices?limit=1&offset=y": none},
	} {
		pages["/api/customers"] = durand
		m, err := pull(t, connects(t, site(t, pages), manifest))
		if err != nil || len(m.Documents) != 2 {
			t.Errorf("%s: %v %v", name, m.Documents, err)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
