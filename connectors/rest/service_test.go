package rest_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors"
	"relanced/connectors/bookstest"
	"relanced/connectors/connectortest"
	"relanced/connectors/rest"
	"relanced/connectors/rest/resttest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

func TestFetchDocument_linksLeadToKnownHostsOnly(t *testing.T) {
	t.Parallel()
	row := func(link string) string {
		return strings.Replace(fmt.Sprintf(bill, "a"), "{", fmt.Sprintf(`{"pdf": %q, `, link), 1)
	}
	read := "  read: {path: \"/invoices/{id}\", items: .}\n  pdf: {link: it.pdf, hosts: [files.example]}"
	c := reads(t, site(t, map[string]string{"/api/invoices/a": row("/files/a.pdf"), "/files/a.pdf": "%PDF-1.7 a"}), read).(connectors.DocumentFetcher)
	if file, err := c.FetchDocument(t.Context(), "a", 1000); err != nil || file.Name != "F1.pdf" {
		t.Errorf("%v %v", file.Name, err)
	}
	c = reads(t, site(t, map[string]string{"/api/invoices/a": row("https://evil.example/a.pdf")}), read).(connectors.DocumentFetcher)
	if _, err := c.FetchDocument(t.Context(), "a", 1000); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("another host: %v", err)
	}
	if _, err := c.FetchDocument(t.Context(), "b", 1000); connectorsKind(err) != connectors.NotFound {
		t.Errorf("an invoice that is gone: %v", err)
	}
}

func TestService_isProbedReadAndAskedForChanges(t *testing.T) {
	t.Parallel()
	s, c := open(t, resttest.Options{Style: resttest.NumberEmpty})
	invoice := s.AddInvoice(s.AddCustomer("Lacaze"), "F-1", 12000, calendar.MustParse("2026-10-30"))
	whose, err := c.(connectors.Prober).Probe(t.Context())
	if err != nil || whose != "Ateliers du Quai (quittance)" {
		t.Errorf("probe: %q %v", whose, err)
	}
	m, err := pull(t, c)
	if err != nil || m.Owed()[invoice] != 12000 {
		t.Fatalf("%v %v", m.Owed(), err)
	}
	file, err := c.(connectors.DocumentFetcher).FetchDocument(t.Context(), invoice, 1000)
	if err != nil || !strings.HasPrefix(string(file.Bytes), "%PDF-") || !strings.Contains(string(file.Bytes), invoice) {
		t.Errorf("copy: %v %v", file, err)
	}
	before := s.Requests()
	for _, err := range c.Pull(t.Context(), m.Cursor) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range s.Paths()[before:] {
		if path != "/v1/me" && !strings.Contains(path, "updated_since=20") {
			t.Errorf("a later pass asked for %s", path)
		}
	}
	s.Server.Fail(resttest.Fault{Kind: resttest.Failing})
	if _, err := pull(t, c); err == nil || !strings.Contains(err.Error(), "the books are being closed") {
		t.Errorf("a refusal of status 200: %v", err)
	}
}

func TestService_clientCredentialsAreKeptAndRenewed(t *testing.T) {
	t.Parallel()
	s, c := open(t, resttest.Options{Auth: resttest.Client})
	s.AddInvoice(s.AddCustomer("Lacaze"), "F-1", 12000, calendar.MustParse("2026-10-30"))
	for range 2 {
		if _, err := pull(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.OAuth.Requests(); n != 1 {
		t.Errorf("%d tokens asked for, want one", n)
	}
	s.OAuth.ExpireAccess()
	if _, err := pull(t, c); err != nil {
		t.Errorf("after the token ended: %v", err)
	}
	s.Pass(2 * time.Hour)
	if _, err := pull(t, c); err != nil || s.OAuth.Requests() != 3 {
		t.Errorf("after its time: %v, %d tokens", err, s.OAuth.Requests())
	}
	spec := s.spec()
	spec.ClientSecret = conf.SecretOf("wrong+secret")
	bad, err := rest.New(spec, connectors.Env{Unpaced: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pull(t, bad); connectorsKind(err) != connectors.Auth || strings.Contains(err.Error(), "wrong+secret") {
		t.Errorf("a wrong secret: %v", err)
	}
}

func TestService_aPermissionIsTriedBeforeItIsKept(t *testing.T) {
	t.Parallel()
	s, c := open(t, resttest.Options{Auth: resttest.Code})
	access, _ := s.OAuth.Issue()
	_, whose, err := c.(connectors.Authorizer).Accept(t.Context(), access, nil)
	if err != nil || whose != "Ateliers du Quai (quittance)" {
		t.Errorf("%q %v", whose, err)
	}
	if _, _, err := c.(connectors.Authorizer).Accept(t.Context(), "A-unknown", nil); connectorsKind(err) != connectors.Auth {
		t.Errorf("a token of nobody: %v", err)
	}
}

func TestPull_rowsThatMoveUpAreNotMissed(t *testing.T) {
	t.Parallel()
	type way struct {
		style resttest.Style
		cut   bool // between two passes, the first of which was cut; else while a pass reads
	}
	for _, way := range []way{
		{resttest.Offset, false},
		{resttest.Post, false},
		{resttest.NumberTotal, false},
		{resttest.NumberTotal, true},
		{resttest.NumberEmpty, false},
		{resttest.NumberEmpty, true},
		{resttest.NumberShort, false},
		{resttest.NumberShort, true},
	} {
		t.Run(fmt.Sprintf("%s, cut %v", way.style, way.cut), func(t *testing.T) {
			t.Parallel()
			style, cut := way.style, way.cut
			s, c := open(t, resttest.Options{Style: style})
			customer := s.AddCustomer("Lacaze")
			var ids []string
			for i := range 3 * pageSize {
				ids = append(ids, s.Books.AddInvoice(customer, fmt.Sprintf("F-%d", i), 100, "2026-01-02", "2026-02-02"))
			}
			m, pages := connectortest.NewMirror(), 0
			read := func(since connectors.Cursor) iter.Seq2[connectors.Page, error] { return c.Pull(t.Context(), since) }
			if !cut && (style == resttest.NumberEmpty || style == resttest.NumberShort) {
				// Nothing tells a first load that rows moved. A listing, by which rows
				// may be gone, looks twice.
				onFrom(t, c, m)
				read = func(connectors.Cursor) iter.Seq2[connectors.Page, error] {
					return c.(connectors.Lister).List(t.Context(), "all")
				} //nolint:forcetypeassert // it lists
			}
			for pages < 10 {
				stopped := false
				for page, err := range read(m.Cursor) {
					if err != nil {
						t.Fatal(err)
					}
					if err := m.Apply(page); err != nil {
						t.Fatal(err)
					}
					if page.Documents != nil {
						if pages++; pages == 1 {
							s.Delete(ids[3])
							if stopped = cut; cut {
								break
							}
						}
					}
				}
				if !stopped {
					break
				}
			}
			delete(m.Documents, ids[3]) // seen before it went: the next listing tells
			if diff := cmp.Diff(s.Owed(), m.Owed()); diff != "" {
				t.Errorf("(-source +mirror)\n%s", diff)
			}
		})
	}
}

func TestPull_linksTakenBackAreGone(t *testing.T) {
	t.Parallel()
	for _, style := range []resttest.Style{resttest.NumberEmpty, resttest.Whole} {
		s, c := open(t, resttest.Options{Style: style})
		l := s.Ledger()
		customer := l.Customer("Lacaze", "EUR")
		invoice := l.Invoice(customer, "F-1", "EUR", []bookstest.Instalment{{On: calendar.MustParse("2026-10-30"), Minor: 12000}})
		payment := l.Payment(customer, "EUR", 12000)
		l.Allocate(payment, invoice, 12000)
		m, err := pull(t, c)
		if err != nil || len(m.Allocations) != 2 {
			t.Fatalf("%s: %v, %v", style, m.Allocations, err)
		}
		s.Pass(time.Hour)
		l.(bookstest.Unlinker).Unlink(payment, invoice) //nolint:forcetypeassert // it is one
		onFrom(t, c, m)
		if len(m.Allocations) != 0 || m.Owed()[invoice] != 12000 {
			t.Errorf("%s: %v is left, %v owed", style, m.Allocations, m.Owed())
		}
	}
}

func TestPull_linksOfASectionThatAreNotListedAreGone(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"/api/customers": durand, "/api/invoices": "[" + fmt.Sprintf(bill, "7") + "]",
		"/api/links": `[{"of": 7, "by": 1, "sum": 2}, {"of": 7, "by": 2, "sum": 3}]`,
	}
	c := connects(t, site(t, answers), fmt.Sprintf(small, `auth: {header: X-Key, secret: key}`, "")+`allocations: {path: /links, items: ., map: {invoice: it.of, payment: it.by, amount: it.sum}}`)
	m, err := pull(t, c)
	if err != nil || len(m.Allocations) != 4 {
		t.Fatalf("%v, %v", m.Allocations, err)
	}
	answers["/api/links"] = `[{"of": 7, "by": 2, "sum": 3}]`
	onFrom(t, c, m)
	if len(m.Allocations) != 2 {
		t.Errorf("after one was taken back: %v", m.Allocations)
	}
}

func TestPull_otherBooksBehindTheAddressAreRefused(t *testing.T) {
	t.Parallel()
	s, c := open(t, resttest.Options{})
	s.AddInvoice(s.AddCustomer("Lacaze"), "F-1", 12000, calendar.MustParse("2026-10-30"))
	m, err := pull(t, c)
	if err != nil {
		t.Fatal(err)
	}
	owner := c.(connectors.Owner).Owner(m.Cursor)
	if !strings.Contains(owner, "Q-1") {
		t.Errorf("whose books these are: %q", owner)
	}
	again := c.(connectors.Restarter).Restart(m.Cursor)
	s.SetCompany("Q-2")
	for name, since := range map[string]connectors.Cursor{"what changed": m.Cursor, "everything again": again} {
		n := 0
		for _, err := range c.Pull(t.Context(), since) {
			e, ok := errors.AsType[*connectors.Error](err)
			if n++; !ok || e.Kind != connectors.Auth || !strings.Contains(e.Error(), "Q-1") || e.Do == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d pages of other books", name, n)
		}
	}
	s.SetCompany("")
	for _, err := range c.Pull(t.Context(), m.Cursor) {
		if connectorsKind(err) != connectors.Schema {
			t.Errorf("books that do not say whose they are: %v", err)
		}
	}
}
