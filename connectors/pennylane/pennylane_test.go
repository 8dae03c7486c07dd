package pennylane_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/httpapi"
	"relanced/connectors/pennylane"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/conf"
	"relanced/internal/receivable"
)

type bench struct {
	*source
	m        *connectortest.Mirror
	t        *testing.T
	missteps bool // are part of the test
}

func open(t *testing.T, o pennylanetest.Options) *bench {
	t.Helper()
	o.Unlimited = true
	s, err := newSource(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{source: s, m: connectortest.NewMirror(), t: t}
	t.Cleanup(func() {
		if steps := s.Missteps(); len(steps) > 0 && !b.missteps {
			t.Errorf("missteps: %v", steps)
		}
		if s.Writes() > 0 {
			t.Error("it wrote")
		}
		_ = s.Close()
	})
	return b
}

func (b *bench) pass() {
	b.t.Helper()
	if err := connectortest.Pass(b.t.Context(), b.source, b.m); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) client() *pennylane.Connector {
	b.t.Helper()
	c, err := b.connector()
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bench) equal() {
	b.t.Helper()
	if diff := cmp.Diff(b.Owed(), b.m.Owed()); diff != "" {
		b.t.Errorf("what is owed differs (-source +mirror):\n%s", diff)
	}
}

func (b *bench) day(days int) string {
	return b.clock.now().AddDate(0, 0, days).Format(time.DateOnly)
}

func (b *bench) invoice(change func(*pennylanetest.Invoice)) string {
	in := pennylanetest.Invoice{Date: b.day(-60), Deadline: b.day(-30), Total: 120000}
	if change != nil {
		change(&in)
	}
	if in.Customer == 0 {
		in.Customer = b.Books.AddCustomer(pennylanetest.Customer{Name: "Menuiserie Lacaze", Reference: "LAC", Emails: []string{"compta@lacaze.example"}})
	}
	return strconv.FormatInt(b.Books.AddInvoice(in), 10)
}

func key(n int64) string { return strconv.FormatInt(n, 10) }

// TestSwitches runs one story under both readings of each fact that the vendor
// leaves undocumented.
func TestSwitches_booksAreEqualUnderBothReadings(t *testing.T) {
	t.Parallel()
	all := map[string]pennylanetest.Switches{
		"as documented":          {},
		"start exclusive":        {StartExclusive: true},
		"due date tells":         {DueEvents: true},
		"quiet match":            {QuietMatch: true},
		"quiet credit":           {QuietCredit: true},
		"other errors":           {OtherErrors: true},
		"remaining in euros":     {RemainingInEUR: true},
		"credit note used up":    {CreditRemainingZero: true},
		"archived omitted":       {OmitArchived: true},
		"incomplete says paid":   {IncompletePaid: true},
		"unknown filters":        {IgnoreUnknownFilter: true},
		"mark paid adds a row":   {MarkPaidRow: true},
		"sliding window":         {SlidingWindow: true},
		"schedules":              {Schedules: true},
		"schedules, unannounced": {SchedulesOpen: true},
		"all of them": {
			StartExclusive: true, DueEvents: true, QuietMatch: true, QuietCredit: true, OtherErrors: true, RemainingInEUR: true,
			CreditRemainingZero: true, OmitArchived: true, IncompletePaid: true, MarkPaidRow: true, Schedules: true, SchedulesOpen: true,
		},
	}
	for name, switches := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, pennylanetest.Options{Switches: switches})
			b.story()
		})
	}
}

// story changes books in every way, over several passes.
func (b *bench) story() {
	b.t.Helper()
	var ids []string
	for range 9 {
		ids = append(ids, b.invoice(nil))
	}
	dollars := b.invoice(func(in *pennylanetest.Invoice) { in.Currency, in.Rate = "USD", 110 })
	incomplete := b.invoice(func(in *pennylanetest.Invoice) { in.Status = "incomplete" })
	draft := b.invoice(func(in *pennylanetest.Invoice) { in.Draft = true })
	b.invoice(func(in *pennylanetest.Invoice) { in.Kind = "proforma" })
	b.Pass(time.Hour)
	b.pass()
	b.equal()
	if b.m.Documents[incomplete].Standing != receivable.StandingUnchecked {
		b.t.Errorf("incomplete: %+v", b.m.Documents[incomplete])
	}
	if _, ok := b.m.Documents[draft]; ok {
		b.t.Error("a draft was yielded")
	}
	b.Pass(time.Hour)
	b.Books.Pay(id(ids[0]), b.day(0))
	b.Books.PayPart(id(ids[1]), 40050, b.day(0))
	b.Books.Credit(id(ids[2]), 3300)
	b.Books.Cancel(id(ids[3]))
	b.Books.Archive(id(ids[4]))
	b.Books.MarkPaid(id(ids[5]))
	b.Books.Delete(id(draft))
	b.Books.Pay(id(dollars), b.day(0))
	b.Pass(time.Minute)
	b.pass()
	b.reread(ids) // as the daily re-read does: not everything shows among the changes
	b.equal()
	for _, i := range []int{0, 3, 5} {
		if left := b.m.Documents[ids[i]].Outstanding; !left.IsZero() {
			b.t.Errorf("invoice %d: %v left", i, left)
		}
	}
	if len(b.m.Bad) > 0 {
		b.t.Errorf("rejected: %v", b.m.Bad)
	}
}

func (b *bench) reread(ids []string) {
	b.t.Helper()
	cursor := b.m.Cursor
	for page, err := range b.client().ReadInvoices(b.t.Context(), ids) {
		if err != nil {
			b.t.Fatal(err)
		}
		if err := b.m.Apply(page); err != nil {
			b.t.Fatal(err)
		}
	}
	b.m.Cursor = cursor
}

func TestPull_firstLoadSpendsCloseToTheLeast(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	customer := b.Books.AddCustomer(pennylanetest.Customer{Name: "A", Emails: []string{"a@a.example"}})
	for i := range 1000 {
		n := b.Books.AddInvoice(pennylanetest.Invoice{Customer: customer, Date: b.day(-90), Deadline: b.day(30), Total: 100})
		if i%10 > 0 {
			b.Books.MarkPaid(n)
		}
	}
	b.Pass(time.Hour)
	b.pass()
	b.equal()
	// me, customers, invoices, contacts of the debtor, transactions, changelogs
	if n, most := b.Requests(), 1+1+10+1+1+3; n > most {
		t.Errorf("%d requests, want at most %d", n, most)
	}
}

func TestPull_matchThatOnlyTheTransactionTellsClosesTheInvoice(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{Switches: pennylanetest.Switches{QuietMatch: true}})
	one := b.invoice(nil)
	b.Pass(time.Hour)
	b.pass()
	b.Pass(time.Hour)
	b.Books.Pay(id(one), b.day(0))
	b.pass()
	b.equal()
	if len(b.m.Payments) != 1 {
		t.Errorf("payments: %v", b.m.Payments)
	}
}

func TestPull_tokenOfAnotherCompanyIsRefused(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	b.invoice(nil)
	b.pass()
	b.SetCompany(4711, "AUTRE SARL")
	err := connectortest.Pass(t.Context(), b.source, b.m)
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok || e.Kind != connectors.Auth || !strings.Contains(e.Detail, "4711") || e.Do == "" {
		t.Errorf("got %+v", err)
	}
}

func TestRestart_everythingAgainStillKnowsTheCompany(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	b.invoice(nil)
	b.pass()
	before := len(b.m.Documents)
	b.m.Cursor = b.client().Restart(b.m.Cursor)
	b.pass()
	if len(b.m.Documents) != before {
		t.Errorf("read again: %d documents, want %d", len(b.m.Documents), before)
	}
	b.m.Cursor = b.client().Restart(b.m.Cursor)
	b.SetCompany(4711, "AUTRE SARL")
	err := connectortest.Pass(t.Context(), b.source, b.m)
	if e, ok := errors.AsType[*connectors.Error](err); !ok || e.Kind != connectors.Auth {
		t.Errorf("another company's token: got %v", err)
	}
}

func TestPull_missingScopeIsNamed(t *testing.T) {
	t.Parallel()
	for _, other := range []bool{false, true} {
		b := open(t, pennylanetest.Options{Switches: pennylanetest.Switches{OtherErrors: other}})
		b.SetScopes("customers:all", "customer_invoices:readonly")
		err := connectortest.Pass(t.Context(), b.source, b.m)
		e, ok := errors.AsType[*connectors.Error](err)
		if !ok || e.Kind != connectors.Auth || !strings.Contains(e.Do, "transactions:readonly") || strings.Contains(e.Do, "customers:readonly") {
			t.Errorf("got %+v", err)
		}
		if _, err := b.client().Probe(t.Context()); httpapi.KindOf(err) != connectors.Auth {
			t.Errorf("probe: %v", err)
		}
	}
}

func TestProbe_namesTheCompany(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	text, err := b.client().Probe(t.Context())
	if err != nil || text != "ATELIER BRUNEL (Pennylane company 23509777)" {
		t.Errorf("got %q, %v", text, err)
	}
	b.SetToken("replaced")
	c, err := pennylane.New(pennylane.Spec{BaseURL: conf.URL(b.URL())}, connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Probe(t.Context()); httpapi.KindOf(err) != connectors.Auth {
		t.Errorf("a wrong token: %v", err)
	}
}

func TestPull_longAbsenceLoadsEverythingAndFindsWhatVanished(t *testing.T) {
	t.Parallel()
	for _, days := range []int{22, 40} {
		b := open(t, pennylanetest.Options{})
		kept, gone := b.invoice(nil), b.invoice(nil)
		b.pass()
		b.Books.Vanish(id(gone))
		b.Pass(time.Duration(days) * 24 * time.Hour)
		b.pass()
		b.equal()
		if _, ok := b.m.Documents[gone]; ok {
			t.Errorf("after %d days the vanished invoice is still there", days)
		}
		if _, ok := b.m.Documents[kept]; !ok {
			t.Error("the other is not")
		}
	}
}

// TestPull_changesNoLongerKept is about a refusal that our own count of weeks
// did not foresee.
func TestPull_changesNoLongerKeptLoadsEverything(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	b.invoice(nil)
	gone := b.invoice(nil)
	b.pass()
	b.Books.Vanish(id(gone))
	b.Server.Fail(pennylanetest.Fault{Path: "/changelogs/customer_invoices", Times: 1, Status: 422, Body: `{"error":"too old","status":422}`})
	b.pass()
	b.equal()
}

func TestPull_quietMonthsNeedNoReload(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	b.invoice(nil)
	b.pass()
	for range 10 {
		b.Pass(7 * 24 * time.Hour)
		before := b.Requests()
		b.pass()
		if n := b.Requests() - before; n > 4 {
			t.Fatalf("an idle pass took %d requests", n)
		}
	}
}

func TestPull_idVanishingBetweenChangelogAndFetchIsGone(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	one := b.invoice(nil)
	b.Pass(time.Hour)
	b.pass()
	b.Pass(time.Hour)
	b.Books.ChangeInvoice(id(one), func(in *pennylanetest.Invoice) { in.Deadline = b.day(3) })
	b.Server.Fail(pennylanetest.Fault{Path: "/customer_invoices", Times: 1, Before: func() { b.Books.Vanish(id(one)) }})
	b.pass()
	if len(b.m.Documents) != 0 {
		t.Errorf("documents: %v", b.m.Documents)
	}
}

func TestPull_oneBadRowIsRejectedAndTheOthersKept(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	good := b.invoice(nil)
	null := b.invoice(func(in *pennylanetest.Invoice) { in.Fields = map[string]any{"remaining_amount_with_tax": nil} })
	object := b.invoice(func(in *pennylanetest.Invoice) { in.Fields = map[string]any{"currency_amount": map[string]any{"v": 1}} })
	extra := b.invoice(func(in *pennylanetest.Invoice) {
		in.Fields = map[string]any{"substance": []any{1}, "customer": nil, "amount": 1200.5, "currency_amount": 1200.5, "remaining_amount_with_tax": 1200.5}
	})
	b.pass()
	if _, ok := b.m.Documents[good]; !ok || len(b.m.Bad) != 2 || b.m.Bad[null] == "" || b.m.Bad[object] == "" {
		t.Errorf("rejected: %v", b.m.Bad)
	}
	if d := b.m.Documents[extra]; d.Outstanding.Minor != 120050 || d.Account != "" {
		t.Errorf("got %+v", d)
	}
}

func TestPull_batchTooLargeForTheVendorIsHalved(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	b.missteps = true
	var ids []string
	for range 60 {
		ids = append(ids, b.invoice(nil))
	}
	b.pass()
	b.Switches.MaxIn = 25
	for _, one := range ids {
		b.Books.ChangeQuietly(id(one), func(in *pennylanetest.Invoice) { in.MarkedPay = true })
	}
	b.reread(ids)
	b.equal()
	if steps := len(b.Missteps()); steps == 0 {
		t.Error("the limit was not met")
	}
}

func TestReadInvoices_moneyOnItsWayAndSchedule(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{Switches: pennylanetest.Switches{Schedules: true}})
	debit := b.invoice(func(in *pennylanetest.Invoice) {
		in.Payments = []pennylanetest.Payment{{ID: 1, Amount: 120000, Status: "submitted"}}
	})
	parts := b.invoice(func(in *pennylanetest.Invoice) {
		in.Schedule = []pennylanetest.Instalment{{DueDate: b.day(-30), Amount: 60000, Remaining: 60000}, {DueDate: b.day(30), Amount: 60000, Remaining: 60000}}
	})
	b.pass()
	if got := b.m.Documents[debit].Standing; got != receivable.StandingIncoming {
		t.Errorf("standing %q", got)
	}
	if got := b.m.Documents[parts].Dues; len(got) != 2 || got[1].On.String() != b.day(30) {
		t.Errorf("dues %+v", got)
	}
	b.Books.ChangeQuietly(id(debit), func(in *pennylanetest.Invoice) { in.Payments[0].Status = "charged_back" })
	b.reread([]string{debit, parts})
	if d := b.m.Documents[debit]; d.Standing != receivable.StandingNormal || !d.Returned {
		t.Errorf("after the charge-back: %+v", d)
	}
}

func TestReadInvoices_partPaymentsAreLinkedWithoutAmount(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	one := b.invoice(nil)
	tx := b.Books.PayPart(id(one), 40050, "2026-06-10")
	b.pass()
	p := b.m.Payments[key(tx)]
	if p.On.String() != "2026-06-10" || p.Amount.Minor != 40050 || !p.Unallocated.IsZero() {
		t.Errorf("payment %+v", p)
	}
	if len(b.m.Allocations) != 2 {
		t.Errorf("allocations %v", b.m.Allocations)
	}
	for _, a := range b.m.Allocations {
		if a.Amount.Currency != "" || a.Amount.Minor != 0 {
			t.Errorf("a share was invented: %+v", a)
		}
	}
}

func TestPull_unreconciledMoneyIsUnallocated(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	customer := b.Books.AddCustomer(pennylanetest.Customer{Name: "A"})
	plain := b.Books.AddTransaction(pennylanetest.Transaction{Customer: customer, Amount: 60000})
	unknown := b.Books.AddTransaction(pennylanetest.Transaction{Customer: customer, Amount: 5000, NoBalance: true})
	matched := b.Books.AddTransaction(pennylanetest.Transaction{Customer: customer, Amount: 7000, NoBalance: true})
	invoice := b.Books.AddInvoice(pennylanetest.Invoice{Customer: customer, Total: 7000, Deadline: b.day(9)})
	b.Books.Match(invoice, matched)
	out := b.Books.AddTransaction(pennylanetest.Transaction{Amount: -900})
	b.pass()
	for n, want := range map[int64]int64{plain: 60000, unknown: 5000, matched: 0} {
		if got := b.m.Payments[key(n)].Unallocated.Minor; got != want {
			t.Errorf("payment %d: %d unallocated, want %d", n, got, want)
		}
	}
	if _, ok := b.m.Payments[key(out)]; ok {
		t.Error("money that went out was yielded")
	}
	b.Pass(time.Hour)
	b.Books.DeleteTransaction(plain)
	b.pass()
	if _, ok := b.m.Payments[key(plain)]; ok {
		t.Error("the deleted transaction is still there")
	}
}

func TestPull_contactsOfDebtorsComeFirst(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	customer := b.Books.AddCustomer(pennylanetest.Customer{
		Name: "A", Emails: []string{"contact@a.example"},
		Contacts: []pennylanetest.Contact{{FirstName: "Eve", Role: "accountant", Email: "eve@a.example"}},
	})
	b.invoice(func(in *pennylanetest.Invoice) { in.Customer = customer })
	quiet := b.Books.AddCustomer(pennylanetest.Customer{Name: "B", Contacts: []pennylanetest.Contact{{FirstName: "Tom", Email: "tom@b.example"}}})
	b.Pass(time.Hour)
	b.pass()
	if diff := cmp.Diff([]string{"eve@a.example", "contact@a.example"}, b.m.Accounts[key(customer)].Emails); diff != "" {
		t.Error(diff)
	}
	if n := b.RequestsTo(fmt.Sprintf("/customers/%d/contacts", quiet)); n != 0 {
		t.Error("contacts of a customer that owes nothing were asked for")
	}
}

// TestPull_customersBornDuringTheLoadComeBeforeTheirDocuments: that a newer customer was met says nothing
// of the one before it, whose documents come on a later page.
func TestPull_customersBornDuringTheLoadComeBeforeTheirDocuments(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	old := b.Books.AddCustomer(pennylanetest.Customer{Name: "Ancien", Emails: []string{"contact@ancien.example"}})
	of := func(customer int64) func(*pennylanetest.Invoice) {
		return func(in *pennylanetest.Invoice) { in.Customer = customer }
	}
	b.invoice(of(old))
	b.Pass(time.Hour)
	var first int64
	b.Server.Fail(pennylanetest.Fault{Path: "/customer_invoices", Times: 1, Before: func() {
		first = b.Books.AddCustomer(pennylanetest.Customer{Name: "Premier"})
		second := b.Books.AddCustomer(pennylanetest.Customer{Name: "Second"})
		b.invoice(of(second))
		for range 150 {
			b.invoice(of(old))
		}
		b.Books.Pay(id(b.invoice(of(first))), b.day(-1)) // who owes something is asked about anyway
	}})
	b.pass()
	b.equal()
	// Once the changes have named both, they are known.
	b.Pass(time.Hour)
	b.pass()
	b.Books.Pay(id(b.invoice(of(first))), b.day(-1))
	b.Pass(time.Hour)
	before := b.RequestsTo("/customers/" + key(first))
	b.pass()
	b.equal()
	if n := b.RequestsTo("/customers/"+key(first)) - before; n != 0 {
		t.Errorf("%d requests for a customer that is known", n)
	}
}

func TestPull_loadDoesNotWaitForTheContactsOfEveryDebtor(t *testing.T) {
	t.Parallel()
	const few = 50 // as the README says
	b := open(t, pennylanetest.Options{})
	asked := func(customer int64) int { return b.RequestsTo(fmt.Sprintf("/customers/%d/contacts", customer)) }
	contact := []pennylanetest.Contact{{FirstName: "Eve", Role: "accountant", Email: "eve@a.example"}}
	debtors := make([]int64, few+20)
	for i := range debtors {
		customer := pennylanetest.Customer{Name: "A", Emails: []string{"contact@a.example"}, Contacts: contact}
		if i == len(debtors)-1 {
			customer.Emails = nil // nothing but the contact's address
		}
		debtors[i] = b.Books.AddCustomer(customer)
		b.invoice(func(in *pennylanetest.Invoice) { in.Customer = debtors[i] })
	}
	b.Pass(time.Hour)
	b.pass()
	total := 0
	for _, customer := range debtors {
		total += asked(customer)
	}
	if total != few+1 || asked(debtors[0]) != 1 || asked(debtors[len(debtors)-1]) != 1 {
		t.Errorf("contacts were asked for %d times, want %d", total, few+1)
	}
	for _, doc := range b.m.Documents { // before a message the invoice is read again
		if doc.Account != key(debtors[few]) {
			continue
		}
		for page, err := range b.client().ReadInvoices(t.Context(), []string{doc.External}) {
			if err != nil || len(page.Accounts) != 1 || page.Accounts[0].Emails[0] != "eve@a.example" {
				t.Errorf("read again: %+v, %v", page.Accounts, err)
			}
		}
	}
}

func TestFetchDocument(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	ready := b.invoice(func(in *pennylanetest.Invoice) { in.Filename = "../Facture\r\n\u202e F-1.pdf" })
	early := b.invoice(func(in *pennylanetest.Invoice) { in.NoFile = true })
	c := b.client()
	copied, err := c.FetchDocument(t.Context(), ready, 1<<20)
	if err != nil || !strings.HasPrefix(string(copied.Bytes), "%PDF-") {
		t.Fatalf("got %d bytes, %v", len(copied.Bytes), err)
	}
	if strings.ContainsAny(copied.Name, "/\r\n\u202e") || !strings.HasSuffix(copied.Name, "F-1.pdf") {
		t.Errorf("name %q", copied.Name)
	}
	for external, kind := range map[string]connectors.Kind{early: connectors.Temporary, "99": connectors.NotFound} {
		if _, err := c.FetchDocument(t.Context(), external, 1<<20); httpapi.KindOf(err) != kind {
			t.Errorf("%s: %v, want %s", external, err, kind)
		}
	}
	if _, err := c.FetchDocument(t.Context(), ready, 10); httpapi.KindOf(err) != connectors.Invalid {
		t.Errorf("too large: %v", err)
	}
}

func TestList_namesWhatIsThere(t *testing.T) {
	t.Parallel()
	b := open(t, pennylanetest.Options{})
	one, two := b.invoice(nil), b.invoice(nil)
	b.Books.Pay(id(two), b.day(0))
	for part, want := range map[string][]string{"all": {one, two}, "open": {one}} {
		var got []string
		whole := false
		for page, err := range b.client().List(t.Context(), part) {
			if err != nil {
				t.Fatal(err)
			}
			for _, ref := range page.Seen {
				got = append(got, ref.External)
			}
			whole = page.Whole
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || !whole {
			t.Errorf("%s: whole %v\n%s", part, whole, diff)
		}
	}
}

// TestPull_keepsWithinTheRateLimit talks to the true limit of 25 in 5 seconds.
func TestPull_keepsWithinTheRateLimit(t *testing.T) {
	t.Parallel()
	for _, sliding := range []bool{false, true} {
		s, err := newSource(pennylanetest.Options{Switches: pennylanetest.Switches{SlidingWindow: sliding}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		customer := s.Books.AddCustomer(pennylanetest.Customer{Name: "A"})
		for range 2600 {
			s.Books.MarkPaid(s.Books.AddInvoice(pennylanetest.Invoice{Customer: customer, Total: 100, Deadline: "2026-01-01"}))
		}
		s.Pass(time.Hour)
		m := connectortest.NewMirror()
		if err := connectortest.Pass(context.Background(), s, m); err != nil {
			t.Fatal(err)
		}
		if n := s.Throttled(); n > 0 {
			t.Errorf("sliding %v: %d requests beyond the limit", sliding, n)
		}
	}
}

func TestSpec_openNeedsNoNetwork(t *testing.T) {
	t.Parallel()
	var spec connectors.Spec = &pennylane.Spec{}
	c, err := spec.Open(connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for _, ability := range []bool{is[connectors.Prober](c), is[connectors.Lister](c), is[connectors.InvoiceReader](c), is[connectors.DocumentFetcher](c)} {
		if !ability {
			t.Error("an ability is missing")
		}
	}
	if info := c.Info(); info.RereadOpen != 24*time.Hour || info.ReadChunk != 100 {
		t.Errorf("info %+v", info)
	}
	if _, err := (&pennylane.Spec{BaseURL: "http://app.pennylane.com"}).Open(connectors.Env{}); err == nil {
		t.Error("plain http to elsewhere was accepted")
	}
}

func is[T any](c connectors.Connector) bool { _, ok := c.(T); return ok }
