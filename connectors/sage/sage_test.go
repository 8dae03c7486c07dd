package sage_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/httpapi"
	"relanced/connectors/sage"
	"relanced/connectors/sage/sagetest"
	"relanced/internal/calendar"
	"relanced/internal/receivable"
)

// world is a source with a mirror of what was read.
type world struct {
	*source
	mirror *connectortest.Mirror
	notes  []string // of the last pass
}

func newWorld(t *testing.T, o sagetest.Options) *world {
	t.Helper()
	w := &world{source: newSource(o), mirror: connectortest.NewMirror()}
	w.limit = 30 * time.Second
	t.Cleanup(func() { w.close(t) })
	return w
}

func (w *world) close(t testing.TB) {
	if n := w.Writes(); n != 0 {
		t.Errorf("%d attempts to write", n)
	}
	if p := w.Problems(); len(p) > 0 {
		t.Errorf("the vendor would mind: %v", p)
	}
	if n := w.Books.Marked(); n != 0 {
		t.Errorf("%d documents were marked as sent by being read", n)
	}
	_ = w.Server.Close()
}

// fataler is what both kinds of test are.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

// pass pulls, and reads again what is tied to payments and allocations that came
// or went, as a pass of the program does.
func (w *world) pass(t fataler) int {
	t.Helper()
	before := w.Requests()
	links := maps.Clone(w.mirror.Allocations)
	c, err := w.Open()
	if err != nil {
		t.Fatal(err)
	}
	w.notes = nil
	for page, err := range c.Pull(context.Background(), w.mirror.Cursor) {
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Notes {
			w.notes = append(w.notes, n.Text)
		}
		if err := w.mirror.Apply(page); err != nil {
			t.Fatal(err)
		}
	}
	var again []string
	for _, m := range []map[string]receivable.Allocation{links, w.mirror.Allocations} {
		for key, a := range m {
			if a.Kind == receivable.ItemDocument && links[key] != w.mirror.Allocations[key] && !slices.Contains(again, a.Item) {
				again = append(again, a.Item)
			}
		}
	}
	if len(again) > 0 {
		cursor := w.mirror.Cursor
		w.reread(t, again)
		w.mirror.Cursor = cursor
	}
	return w.Requests() - before
}

func (w *world) reread(t fataler, ids []string) {
	t.Helper()
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	for page, err := range c.ReadInvoices(context.Background(), ids) {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.mirror.Apply(page); err != nil {
			t.Fatal(err)
		}
	}
}

// equal compares what is owed, what is owed to customers and that what settles
// each other cancels out.
func (w *world) equal(t fataler) {
	t.Helper()
	if diff := cmp.Diff(w.Owed(), w.mirror.Owed()); diff != "" {
		t.Errorf("owed (-source +mirror):\n%s", diff)
	}
	credits := map[string]int64{}
	for key, d := range w.mirror.Documents {
		if d.Kind == receivable.CreditNote && d.Outstanding.Sign() > 0 {
			credits[key] = d.Outstanding.Minor
		}
	}
	for key, p := range w.mirror.Payments {
		if p.Unallocated.Sign() > 0 {
			credits[key] = p.Unallocated.Minor
		}
	}
	if diff := cmp.Diff(w.Books.Credits(), credits); diff != "" {
		t.Errorf("credits (-source +mirror):\n%s", diff)
	}
	sums := map[string]int64{}
	for _, a := range w.mirror.Allocations {
		sums[a.Group] += a.Amount.Minor
		if d, ok := w.mirror.Documents[a.Item]; ok && d.Total.Currency != a.Amount.Currency {
			t.Errorf("%s in %s settles %s in %s", a.Group, a.Amount.Currency, a.Item, d.Total.Currency)
		}
	}
	for group, sum := range sums {
		if sum != 0 {
			t.Errorf("the links of %s do not cancel out: %d", group, sum)
		}
	}
	if len(w.mirror.Bad) > 0 {
		t.Errorf("rejected: %v", w.mirror.Bad)
	}
}

var due = calendar.MustParse("2026-06-30")

const on = "2026-06-10"

func (w *world) invoices(n int) (customer string, ids []string) {
	customer = w.AddCustomer("Quayside Prints")
	for i := range n {
		ids = append(ids, w.AddInvoice(customer, "F"+strconv.Itoa(i), int64(10000+i), due))
	}
	return customer, ids
}

// The vendor does not say whether a payment touches what it settles, whether
// amounts are text or numbers, what is open of a void document, and how a deleted
// record is answered by id: the books read right either way.
func readings(t *testing.T, test func(t *testing.T, o sagetest.Options)) {
	t.Helper()
	for name, o := range map[string]sagetest.Options{
		"as expected": {}, "numbers": {Numbers: true}, "untouched": {Untouched: true}, "void keeps": {VoidKeeps: true}, "shows deleted": {ShowsDeleted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, o)
		})
	}
}

func TestPull_lifeOfReceivables(t *testing.T) {
	t.Parallel()
	readings(t, func(t *testing.T, o sagetest.Options) {
		w := newWorld(t, o)
		customer, ids := w.invoices(12)
		quick := w.Books.AddDocument(sagetest.QuickEntries, sagetest.Document{Contact: customer, Number: "Q1", Date: "2026-05-01", Total: 7000})
		back := w.Books.AddDocument(sagetest.QuickEntries, sagetest.Document{Contact: customer, Number: "Q2", Date: "2026-05-01", Total: 1500, Credit: true})
		opening := w.Books.AddDocument(sagetest.Openings, sagetest.Document{Contact: customer, Number: "OB1", Date: "2025-12-31", Total: 90000})
		old := w.Books.AddDocument(sagetest.Openings, sagetest.Document{Contact: customer, Number: "OB2", Date: "2025-12-31", Total: 4000, Credit: true})
		paid := w.Books.Pay(opening, 30000, on)
		w.pass(t)
		w.equal(t)
		w.Pass(time.Hour)

		several := w.Books.AddSettling(sagetest.Payments, sagetest.Settling{Contact: customer, Date: on, Total: 40000, Parts: []sagetest.Part{
			{List: sagetest.Invoices, ID: ids[0], Amount: 10000},
			{List: sagetest.Invoices, ID: ids[1], Amount: 9000, Discount: 1001},
			{List: sagetest.QuickEntries, ID: quick, Amount: 2000},
			{List: sagetest.Openings, ID: opening, Amount: 5000, Discount: 500},
		}})
		w.Books.Credit(ids[2], 5000, on)
		w.Books.AddDocument(sagetest.CreditNotes, sagetest.Document{Contact: customer, Number: "SCN-9", Date: on, Total: 700})
		applied := w.Books.AddSettling(sagetest.Allocations, sagetest.Settling{Contact: customer, Date: on, Parts: []sagetest.Part{
			{List: sagetest.Openings, ID: opening, Amount: 4000}, {List: sagetest.Openings, ID: old, Amount: -2500}, {List: sagetest.QuickEntries, ID: back, Amount: -1500},
		}})
		used := w.Books.AddSettling(sagetest.Allocations, sagetest.Settling{Contact: customer, Date: on, Parts: []sagetest.Part{
			{List: sagetest.Invoices, ID: ids[3], Amount: 10003}, {List: sagetest.OnAccount, ID: "poa" + several, Amount: -10003},
		}})
		w.Books.Void(ids[4])
		w.Books.Delete(ids[5])
		w.pass(t)
		w.equal(t)
		w.Pass(time.Hour)

		w.Books.Change(several, func(_ *sagetest.Contact, _ *sagetest.Document, s *sagetest.Settling) {
			s.Parts = []sagetest.Part{s.Parts[0], {List: sagetest.Openings, ID: opening, Amount: 6000}}
		})
		w.pass(t)
		w.equal(t)
		w.Pass(time.Hour)
		w.Books.Delete(used)
		w.Books.Delete(applied)
		w.Books.Delete(paid)
		note := w.Books.AddDocument(sagetest.CreditNotes, sagetest.Document{Contact: customer, Number: "SCN-10", Date: on, Total: 800})
		w.Books.AddSettling(sagetest.Payments, sagetest.Settling{
			Contact: customer, Date: on, Type: "CUSTOMER_REFUND", Total: 800,
			Parts: []sagetest.Part{{List: sagetest.CreditNotes, ID: note, Amount: 800}},
		})
		w.pass(t)
		w.equal(t)
		if w.mirror.Documents[ids[4]].Note == "" {
			t.Error("nothing says that an invoice is void")
		}
		if d := w.mirror.Documents["quickentry:"+quick]; !d.Dues[0].Estimated || d.Fetchable {
			t.Errorf("a quick entry reads %+v", d)
		}
	})
}

func TestPull_deletionWhilePagingHidesNothing(t *testing.T) {
	t.Parallel()
	for skip := 1; skip < 12; skip++ {
		w := newWorld(t, sagetest.Options{})
		customer, ids := w.invoices(4*smallPage + 1)
		w.Pass(time.Hour)
		w.Between(skip, func() {
			w.Books.Delete(ids[3])
			w.AddInvoice(customer, "F-NEW", 777, due) // as many as before
		})
		w.pass(t)
		w.equal(t)
	}
}

// What a payment settles of an opening balance shows on the payment alone: taken
// back, it is owed again, also where the payment came between the list of payments
// and the reading of the balance.
func TestPull_openingBalanceIsOwedAgainWhenItsPaymentIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{})
	customer := w.AddCustomer("Quayside Prints")
	opening := w.Books.AddDocument(sagetest.Openings, sagetest.Document{Contact: customer, Number: "OB1", Date: on, Total: 90000})
	w.pass(t)
	pay := func(part sagetest.Cents) string {
		return w.Books.AddSettling(sagetest.Payments, sagetest.Settling{
			Contact: customer, Date: on, Total: part, Parts: []sagetest.Part{{List: sagetest.Openings, ID: opening, Amount: part}},
		})
	}
	w.Pass(time.Hour)
	pay(1000)
	w.Pass(time.Hour)
	var second string
	w.Between(10, func() { second = pay(89000) }) // while deletions are asked for
	w.pass(t)
	w.Pass(time.Hour)
	w.Books.Delete(second)
	w.pass(t)
	w.equal(t)
}

func TestPull_largePagesAreHalvedAndSpoiltRowsReadAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{Largest: 20})
	_, ids := w.invoices(smallPage + 3)
	w.Pass(time.Hour)
	w.Spoil(ids[30], false)
	w.Spoil(ids[41], true)
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	for page, err := range c.Pull(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.mirror.Apply(page); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.mirror.Documents) != len(ids)-1 || w.mirror.Bad[ids[41]] == "" {
		t.Errorf("%d documents, rejected %v", len(w.mirror.Documents), w.mirror.Bad)
	}
}

func TestPull_withoutTheRightToAllocations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{ReadOnly: true, NoOpenings: true})
	customer, ids := w.invoices(3)
	w.Books.Credit(ids[0], 4000, on)
	opening := w.Books.AddDocument(sagetest.Openings, sagetest.Document{Contact: customer, Number: "OB1", Date: on, Total: 90000})
	w.pass(t)
	if len(w.notes) != 2 || !strings.Contains(w.notes[0], "Full Access") {
		t.Errorf("said %q", w.notes)
	}
	var settled int64
	for _, a := range w.mirror.Allocations {
		if a.Item == ids[0] {
			settled += a.Amount.Minor
		}
	}
	if settled != 4000 || w.mirror.Owed()[ids[0]] != 6000 || w.mirror.Owed()["opening:"+opening] != 0 {
		t.Errorf("%d settled, owed %v", settled, w.mirror.Owed())
	}
	w.Pass(time.Hour)
	w.Roles(false, false) // given later: everything is read anew
	w.pass(t)
	w.equal(t)
	w.Pass(time.Hour)
	w.Roles(true, false) // and taken away
	w.pass(t)
	w.equal(t)
	if len(w.notes) != 1 {
		t.Errorf("said %q", w.notes)
	}
}

// A pass that finds its user's roles changed reads everything anew at once, also
// where payments settle what does not tell its balance.
func TestPull_rolesTakenAwayWithOpeningBalancesPaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{})
	customer, _ := w.invoices(2)
	opening := w.Books.AddDocument(sagetest.Openings, sagetest.Document{Contact: customer, Number: "OB1", Date: on, Total: 90000})
	w.Books.Pay(opening, 30000, on)
	w.pass(t)
	w.Pass(time.Hour)
	w.Roles(true, false)
	w.pass(t)
	w.equal(t)
	w.Pass(time.Hour)
	w.Books.Pay(opening, 10000, on)
	w.pass(t)
	w.equal(t)
}

func TestPull_anotherBusinessIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{})
	w.invoices(1)
	w.pass(t)
	c, err := w.connector(func(s *sage.Spec) { s.BusinessID = w.Lead() })
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
	for _, err = range c.Pull(t.Context(), nil) {
		break
	}
	if httpapi.KindOf(err) != connectors.Auth || !strings.Contains(doOf(err), "business_id") {
		t.Errorf("a business that is not the user's: %v, do %q", err, doOf(err))
	}
}

func doOf(err error) string {
	e, _ := errors.AsType[*connectors.Error](err)
	if e == nil {
		return ""
	}
	return e.Do
}

func TestProbe_saysWhoseBooksAndWhatToDo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   string
		renewed int
		do      string
	}{
		"lapsed": {sagetest.Lapsed, 1, "subscription"}, "forbidden": {sagetest.Forbidden, 1, "read access"},
		"refused": {sagetest.Unauthorized, 2, "relanced connect"}, "refused, plainly": {sagetest.UnauthorizedPlain, 2, "relanced connect"}, "refused, silently": {sagetest.UnauthorizedEmpty, 2, "relanced connect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sagetest.Options{})
			w.Server.Fail(sagetest.Fault{Kind: test.fault})
			c, err := w.connector(nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Probe(t.Context())
			if httpapi.KindOf(err) != connectors.Auth || !strings.Contains(doOf(err), test.do) || w.tokens.Renewed() != test.renewed {
				t.Errorf("%v, do %q, %d tokens", err, doOf(err), w.tokens.Renewed())
			}
		})
	}
	w := newWorld(t, sagetest.Options{ReadOnly: true})
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Probe(t.Context())
	if err != nil || !strings.HasPrefix(text, "Studio Halles Ltd") || !strings.Contains(text, "allocations may not be read") || strings.Contains(text, "opening balances may") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAccept_onlyTheConfiguredBusiness(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{})
	access, _ := w.OAuth.Issue()
	for business, ok := range map[string]bool{w.Business(): true, "777": false} {
		c, err := w.connector(func(s *sage.Spec) { s.BusinessID = business })
		if err != nil {
			t.Fatal(err)
		}
		_, whose, err := c.Accept(t.Context(), access, nil)
		if ok && (err != nil || !strings.Contains(whose, "Studio Halles Ltd")) {
			t.Errorf("%q, %v", whose, err)
		}
		if !ok && (httpapi.KindOf(err) != connectors.Auth || doOf(err) == "" || !strings.Contains(err.Error(), "Lead Ltd")) {
			t.Errorf("another: %v", err)
		}
	}
}

func TestReadInvoices_manyAtOnceTakeFewRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{})
	_, ids := w.invoices(3 * smallPage)
	w.pass(t)
	w.Pay(ids[0], 0)
	w.Pay(ids[1], 300)
	w.Books.Delete(ids[2])
	before := w.Requests()
	w.reread(t, ids)
	w.equal(t)
	if n := w.Requests() - before; n > 20 {
		t.Errorf("%d requests for %d invoices", n, len(ids))
	}
}

func TestFetchDocument_isThePDFAndMarksNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{})
	_, ids := w.invoices(1)
	note := w.Books.Credit(ids[0], 100, on)
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{ids[0], "creditnote:" + note} {
		file, err := c.FetchDocument(t.Context(), ext, 1<<20)
		if err != nil || !strings.HasPrefix(string(file.Bytes), "%PDF-") {
			t.Errorf("%s: %q, %v", ext, file.Name, err)
		}
	}
	if _, err := c.FetchDocument(t.Context(), "9999", 1<<20); httpapi.KindOf(err) != connectors.NotFound {
		t.Errorf("a document that is not there: %v", err)
	}
}

func TestList_namesAllOrWhatIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{NoOpenings: true})
	_, ids := w.invoices(smallPage + 2)
	w.Pay(ids[0], 0)
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
