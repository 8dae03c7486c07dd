package quickbooks_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/httpapi"
	"relanced/connectors/quickbooks"
	"relanced/connectors/quickbooks/quickbookstest"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/receivable"
)

// world is a source with a mirror of what was read.
type world struct {
	*testing.T
	*source
	mirror *connectortest.Mirror
}

func newWorld(t *testing.T, o quickbookstest.Options) *world {
	t.Helper()
	w := &world{T: t, source: newSource(o), mirror: connectortest.NewMirror()}
	w.limit = 30 * time.Second
	t.Cleanup(func() {
		if n := w.Writes(); n != 0 {
			t.Errorf("%d attempts to write", n)
		}
		if p := w.Problems(); len(p) > 0 {
			t.Errorf("the vendor would mind: %v", p)
		}
		_ = w.Server.Close()
	})
	return w
}

func (w *world) pass() int {
	w.Helper()
	before := w.Requests()
	if err := connectortest.Pass(w.Context(), w.source, w.mirror); err != nil {
		w.Fatal(err)
	}
	return w.Requests() - before
}

func (w *world) equal() {
	w.Helper()
	if diff := cmp.Diff(w.Owed(), w.mirror.Owed()); diff != "" {
		w.Errorf("owed (-source +mirror):\n%s", diff)
	}
	credits := map[string]int64{}
	for key, d := range w.mirror.Documents {
		if d.Kind == receivable.CreditNote && d.Outstanding.Sign() > 0 {
			credits[strings.TrimPrefix(key, "creditmemo:")] = d.Outstanding.Minor
		}
	}
	for key, p := range w.mirror.Payments {
		if p.Unallocated.Sign() > 0 {
			credits[key] = p.Unallocated.Minor
		}
	}
	if diff := cmp.Diff(w.Books.Credits(), credits); diff != "" {
		w.Errorf("credits (-source +mirror):\n%s", diff)
	}
	sums := map[string]int64{}
	for _, a := range w.mirror.Allocations {
		sums[a.Group] += a.Amount.Minor
	}
	for group, sum := range sums {
		if sum != 0 {
			w.Errorf("the links of %s do not cancel out: %d", group, sum)
		}
	}
}

var due = calendar.MustParse("2026-06-30")

func (w *world) invoices(n int) []int {
	w.Helper()
	customer := w.AddCustomer("Quayside Prints")
	ids := make([]int, n)
	for i := range ids {
		ids[i] = serial(w.AddInvoice(customer, "F"+strconv.Itoa(i), int64(10000+i), due))
	}
	return ids
}

func TestPull_firstLoadTakesAPageForAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	w.invoices(3*smallPage + 1)
	// preferences; customers, invoices (4 pages), memos, payments, each counted;
	// then what changed meanwhile.
	if n := w.pass(); n != 1+2+5+2+2+1 {
		t.Errorf("%d requests", n)
	}
	w.equal()
}

func TestPull_paymentsCreditsVoidsAndDeletions(t *testing.T) {
	t.Parallel()
	for _, multi := range []bool{false, true} {
		w := newWorld(t, quickbookstest.Options{Multi: multi, NoStart: multi})
		ids := w.invoices(12)
		on := "2026-06-10"
		w.pass()
		w.Pass(time.Hour)
		one := w.Books.AddPayment(quickbookstest.Payment{Date: on, Total: 30000, Unapplied: 9999, Lines: []quickbookstest.Line{{Amount: 10000, Txn: ids[0], Type: "Invoice"}, {Amount: 10001, Txn: ids[1], Type: "Invoice"}}})
		w.Books.Credit(ids[2], 5000, on)
		memo := w.Books.AddInvoice(quickbookstest.Invoice{Customer: 1, Number: "A1", Date: on, Total: 7000, Memo: true})
		mixed := w.Books.AddPayment(quickbookstest.Payment{Date: on, Total: 3003, Lines: []quickbookstest.Line{{Amount: 6003, Txn: ids[3], Type: "Invoice"}, {Amount: 3000, Txn: memo, Type: "CreditMemo"}}})
		w.Books.AddPayment(quickbookstest.Payment{Date: on, Total: 1000, Lines: []quickbookstest.Line{{Amount: 3000, Txn: ids[4], Type: "Invoice"}, {Amount: -2000, Txn: 99, Type: "JournalEntry"}}})
		w.Books.WriteOff(ids[5], 10005)
		w.Books.Void(ids[6])
		w.Books.Delete(ids[7])
		w.pass()
		w.equal()
		w.Pass(time.Hour)
		w.Books.ChangePayment(one, func(p *quickbookstest.Payment) { p.Lines, p.Unapplied = p.Lines[:1], 20000 })
		w.Books.VoidPayment(mixed)
		w.pass()
		w.equal()
		w.Pass(time.Hour)
		w.Books.Delete(one)
		w.pass()
		w.equal()
		if _, there := w.mirror.Payments[strconv.Itoa(one)]; there {
			t.Error("a deleted payment is still there")
		}
		if w.mirror.Documents[strconv.Itoa(ids[6])].Note == "" {
			t.Error("nothing says that an invoice is void")
		}
	}
}

func TestPull_whatIsToldAsDeletedIsLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	ids := w.invoices(3)
	w.pass()
	w.Pass(time.Hour)
	w.Lie("Invoice", ids[0])
	w.Books.ChangeInvoice(ids[0], func(in *quickbookstest.Invoice) { in.Number = "F-again" })
	w.Books.Delete(ids[1])
	w.pass()
	w.equal()
	w.Pass(time.Minute)
	if n := w.pass(); n != 1 { // told again within the overlap, not looked at again
		t.Errorf("%d requests", n)
	}
}

func TestPull_oneBadRecordDoesNotKeepTheOthersAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	ids := w.invoices(2 * smallPage)
	w.Poison("Invoice", ids[7])
	w.Poison("Invoice", ids[smallPage])
	w.pass()
	if got := len(w.mirror.Documents); got != len(ids)-2 {
		t.Errorf("%d invoices of %d", got, len(ids)-2)
	}
	if len(w.mirror.Bad) == 0 {
		t.Error("nobody is told")
	}
}

func TestPull_idsThatCompareAsTextAreListedByPosition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{IDsByText: true})
	w.invoices(3*smallPage + 7)
	w.pass()
	w.equal()
}

func TestPull_afterTooLongOrTooMuchEverythingIsReadAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	ids := w.invoices(2*smallPage + 3)
	w.pass()
	w.Pass(40 * 24 * time.Hour)
	w.Books.Delete(ids[0])
	w.Pass(31 * 24 * time.Hour)
	w.pass()
	w.equal()
	w.Pass(time.Hour)
	customer := w.AddCustomer("Many")
	for i := range 1000 {
		w.AddInvoice(customer, "M"+strconv.Itoa(i), 100, due)
	}
	w.Books.Delete(ids[1])
	w.pass()
	w.equal()
}

func TestPull_balancesMoveWithoutAnEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	ids := w.invoices(2)
	w.pass()
	w.Pass(30 * time.Second)
	w.Pay(strconv.Itoa(ids[0]), 100) // the invoice's SyncToken stays
	w.pass()
	w.equal()
}

func TestPull_anotherCompanyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	w.invoices(1)
	w.pass()
	c, err := w.connector(func(s *quickbooks.Spec) { s.RealmID = "777" })
	if err != nil {
		t.Fatal(err)
	}
	requests := w.Requests()
	for _, err = range c.Pull(t.Context(), w.mirror.Cursor) {
		break
	}
	if httpapi.KindOf(err) != connectors.Auth || w.Requests() != requests {
		t.Errorf("after %d requests: %v", w.Requests()-requests, err)
	}
	if _, err = c.Probe(t.Context()); httpapi.KindOf(err) != connectors.Auth || !strings.Contains(doOf(err), "realm_id") {
		t.Errorf("a token for another company: %v, do %q", err, doOf(err))
	}
	if n := w.tokens.Renewed(); n > 3 {
		t.Errorf("%d renewals", n)
	}
}

func doOf(err error) string {
	e, _ := errors.AsType[*connectors.Error](err)
	if e == nil {
		return ""
	}
	return e.Do
}

func TestProbe_saysWhatToDo(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]connectors.Kind{
		quickbookstest.Unauthorized: connectors.Auth, quickbookstest.Forbidden: connectors.Auth, quickbookstest.FaultIn200: connectors.Temporary,
		quickbookstest.Broken: connectors.Temporary, quickbookstest.BadGateway: connectors.Temporary,
		quickbookstest.Throttled: connectors.Rate, quickbookstest.ThrottledXML: connectors.Rate,
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quickbookstest.Options{})
			w.Server.Fail(quickbookstest.Fault{Kind: fault})
			c, err := w.connector(nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err = c.Probe(ctx)
			if want == connectors.Auth && (httpapi.KindOf(err) != want || doOf(err) == "") {
				t.Errorf("got %v, do %q", err, doOf(err))
			}
			if want != connectors.Auth && err == nil { // it is tried again until the time is over
				t.Error("no error")
			}
		})
	}
}

func TestProbe_aRefusalThatIsCutOffIsNoVerdict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	w.Server.Fail(quickbookstest.Fault{Kind: quickbookstest.Truncated})
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.FetchDocument(t.Context(), "9999", 1<<20); httpapi.KindOf(err) != connectors.Temporary {
		t.Errorf("got %v", err)
	}
}

func TestAccept_onlyTheConfiguredCompany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	access, _ := w.OAuth.Issue()
	for name, test := range map[string]struct {
		realm, given string
		ok           bool
	}{
		"the one configured": {w.Realm(), w.Realm(), true}, "none configured": {"", w.Realm(), true}, "taken over": {w.Realm(), "", true},
		"another": {"777", w.Realm(), false}, "nobody says": {"", "", false},
	} {
		c, err := w.connector(func(s *quickbooks.Spec) { s.RealmID = test.realm })
		if err != nil {
			t.Fatal(err)
		}
		facts, whose, err := c.Accept(t.Context(), access, url.Values{"realmId": {test.given}})
		if test.ok && (err != nil || facts["realm_id"] != w.Realm() || !strings.Contains(whose, "Studio Halles Limited")) {
			t.Errorf("%s: %v, %q, %v", name, facts, whose, err)
		}
		if !test.ok && (httpapi.KindOf(err) != connectors.Auth || doOf(err) == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMap_customersAndDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	parent := w.Books.AddCustomer(quickbookstest.Customer{Name: "Atelier Perrin", Company: "Atelier Perrin SARL", Email: "a@perrin.example, b@perrin.example;  not an address", Country: "FRA"})
	child := w.Books.AddCustomer(quickbookstest.Customer{Name: "Chantier Lens", Parent: parent, BillWithParent: true})
	lone := w.Books.AddCustomer(quickbookstest.Customer{Name: "Lone", Inactive: true})
	w.Books.AddInvoice(quickbookstest.Invoice{Customer: lone, Number: "F1", Date: "2026-01-05", Total: 100, BillEmail: "lone@example.org"})
	odd := w.Books.AddInvoice(quickbookstest.Invoice{Customer: child, Number: "F2", Date: "2026-01-05", Due: "2026-02-04", Total: 5000, Note: "Voided by Anna", PONumber: "BC-7781"})
	w.pass()
	account := func(id int) receivable.Account { return w.mirror.Accounts[strconv.Itoa(id)] }
	if a := account(parent); a.Code != "Atelier Perrin" || a.Name != "Atelier Perrin SARL" || a.Country != "FR" || a.Kind != receivable.KindBusiness ||
		!slices.Equal(a.Emails, []string{"a@perrin.example", "b@perrin.example", "not an address"}) {
		t.Errorf("the parent reads %+v", a)
	}
	if a := account(child); a.Name != "Chantier Lens" || len(a.Emails) != 3 {
		t.Errorf("the child reads %+v", a)
	}
	if a := account(lone); !slices.Equal(a.Emails, []string{"lone@example.org"}) {
		t.Errorf("who has an address on invoices only reads %+v", a)
	}
	for _, d := range w.mirror.Documents {
		switch {
		case d.External == strconv.Itoa(odd):
			if d.Outstanding.Sign() != 0 || d.OrderRef != "BC-7781" {
				t.Errorf("a void invoice with a balance reads %+v", d)
			}
		case !d.Dues[0].Estimated || d.Dues[0].On != d.IssuedOn || d.Total.Currency != "GBP":
			t.Errorf("an invoice without a due date reads %+v", d)
		}
	}
}

func TestFetchDocument_isThePDF(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	ids := w.invoices(1)
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := c.FetchDocument(t.Context(), strconv.Itoa(ids[0]), 1<<20)
	if err != nil || !strings.HasPrefix(string(file.Bytes), "%PDF-") || file.Name != strconv.Itoa(ids[0])+".pdf" {
		t.Errorf("got %q, %v", file.Name, err)
	}
	if _, err := c.FetchDocument(t.Context(), "9999", 1<<20); httpapi.KindOf(err) != connectors.NotFound {
		t.Errorf("a document that is not there: %v", err)
	}
}

func TestVerifyWebhook_bothFormsAndOnlyGenuine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{Verifier: "verify-me"})
	c, err := w.connector(func(s *quickbooks.Spec) { s.RealmID, s.WebhookToken = w.Realm(), conf.SecretOf("verify-me") })
	if err != nil {
		t.Fatal(err)
	}
	for _, cloud := range []bool{false, true} {
		header, body := w.Webhook("Invoice", 131, cloud)
		if ours, err := c.VerifyWebhook(header, body); !ours || err != nil {
			t.Errorf("cloud %v: %v, %v", cloud, ours, err)
		}
		if _, err := c.VerifyWebhook(header, append(body, ' ')); err == nil {
			t.Error("a changed body is taken")
		}
		if _, err := c.VerifyWebhook(http.Header{}, body); err == nil {
			t.Error("an unsigned one is taken")
		}
	}
	other := newSource(quickbookstest.Options{Realm: "42", Verifier: "verify-me"})
	defer other.Server.Close()
	header, body := other.Webhook("Invoice", 131, true)
	if ours, err := c.VerifyWebhook(header, body); ours || err != nil {
		t.Errorf("another company's: %v, %v", ours, err)
	}
}

func TestList_namesAllOrWhatIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	ids := w.invoices(smallPage + 2)
	w.Pay(strconv.Itoa(ids[0]), 0)
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]int{"all": len(ids), "open": len(ids) - 1} {
		n, whole := 0, false
		for page, err := range c.List(t.Context(), part) {
			if err != nil {
				t.Fatal(err)
			}
			n, whole = n+len(page.Seen), page.Whole
		}
		if n != want || !whole {
			t.Errorf("%s: %d, whole %v", part, n, whole)
		}
	}
}
