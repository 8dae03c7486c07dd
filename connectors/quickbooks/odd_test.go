package quickbooks_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/connectors/quickbooks/quickbookstest"
	"relanced/internal/receivable"
)

// odd adds an invoice of 100.00 of 5 January, due on 4 February, and changes what
// it looks like.
func (w *world) odd(change func(map[string]any)) string {
	w.Helper()
	if len(w.mirror.Accounts) == 0 {
		w.Books.AddCustomer(quickbookstest.Customer{Name: "Quayside Prints", Email: "ap@quayside.example"})
	}
	id := w.Books.AddInvoice(quickbookstest.Invoice{Customer: 1, Number: "F-1", Date: "2026-01-05", Due: "2026-02-04", Total: 10000})
	w.Books.Reshape(id, change)
	return strconv.Itoa(id)
}

func TestMap_invoicesOfOtherShapesAreRead(t *testing.T) {
	t.Parallel()
	set := func(key string, value any) func(map[string]any) {
		return func(fields map[string]any) { fields[key] = value }
	}
	without := func(keys ...string) func(map[string]any) {
		return func(fields map[string]any) {
			for _, key := range keys {
				delete(fields, key)
			}
		}
	}
	terms := func(name string) func(map[string]any) {
		return func(fields map[string]any) {
			delete(fields, "DueDate")
			fields["SalesTermRef"] = map[string]any{"value": "3", "name": name}
		}
	}
	tests := map[string]struct {
		change func(map[string]any)
		want   string // number, outstanding, due day, estimated
	}{
		"as it is":           {func(map[string]any) {}, "F-1 100.00 2026-02-04 false"},
		"a number as number": {set("DocNumber", 5512), "5512 100.00 2026-02-04 false"},
		"no number":          {set("DocNumber", nil), "ID 100.00 2026-02-04 false"},
		"amounts as text":    {set("Balance", "100.00"), "F-1 100.00 2026-02-04 false"},
		"an exponent":        {set("Balance", "1.0E+2"), "F-1 100.00 2026-02-04 false"},
		"minus nothing":      {set("Balance", "-0.0"), "F-1 0.00 2026-02-04 false"},
		"a time of no shape": {set("MetaData", map[string]any{"LastUpdatedTime": "yesterday"}), "F-1 100.00 2026-02-04 false"},
		"nulls": {func(f map[string]any) {
			f["BillEmail"], f["CustomField"], f["LinkedTxn"], f["PrivateNote"] = nil, nil, nil, nil
		}, "F-1 100.00 2026-02-04 false"},
		"an unknown status":     {set("invoiceStatus", "DISPUTED"), "F-1 100.00 2026-02-04 false"},
		"no due date":           {without("DueDate"), "F-1 100.00 2026-01-05 true"},
		"terms by name":         {terms("Net 30"), "F-1 100.00 2026-02-04 true"},
		"terms by name, longer": {terms("net 45 days"), "F-1 100.00 2026-02-19 true"},
		"terms on receipt":      {terms("Due on receipt"), "F-1 100.00 2026-01-05 true"},
		"terms of their own":    {terms("2% 10 Net 30"), "F-1 100.00 2026-01-05 true"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quickbookstest.Options{})
			id := w.odd(test.change)
			w.pass()
			if len(w.mirror.Bad) > 0 {
				t.Fatalf("rejected: %v", w.mirror.Bad)
			}
			d := w.mirror.Documents[id]
			got := strings.Join([]string{d.Number, d.Outstanding.String(), d.Dues[0].On.String(), strconv.FormatBool(d.Dues[0].Estimated)}, " ")
			if want := strings.Replace(test.want, "ID", id, 1); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestMap_whatCannotBeReadIsToldAndLosesNothingElse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(map[string]any)
		told   string
	}{
		"no balance":        {func(f map[string]any) { delete(f, "Balance") }, "Balance is missing"},
		"a null balance":    {func(f map[string]any) { f["Balance"] = nil }, "Balance is missing"},
		"too many decimals": {func(f map[string]any) { f["TotalAmt"] = "100.005" }, "more decimals"},
		"no date":           {func(f map[string]any) { f["DueDate"] = "31/10/2026" }, "not a date"},
		"another type":      {func(f map[string]any) { f["CustomerRef"] = "58" }, "CustomerRef is of another type than known (string)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quickbookstest.Options{})
			id := w.odd(test.change)
			good := w.Books.AddInvoice(quickbookstest.Invoice{Customer: 1, Number: "F-2", Date: "2026-01-05", Due: "2026-02-04", Total: 100})
			w.pass()
			if told := w.mirror.Bad[id]; !strings.Contains(told, test.told) {
				t.Errorf("told %q", told)
			}
			if _, there := w.mirror.Documents[strconv.Itoa(good)]; !there {
				t.Error("the other is lost")
			}
		})
	}
}

// notes are the oddities that a first load shows, by external id.
func (w *world) notes() map[string]string {
	w.Helper()
	c, err := w.connector(nil)
	if err != nil {
		w.Fatal(err)
	}
	notes := map[string]string{}
	for page, err := range c.Pull(w.Context(), nil) {
		if err != nil {
			w.Fatal(err)
		}
		for _, n := range page.Notes {
			notes[n.Ref.External] = n.Text
		}
		if err := w.mirror.Apply(page); err != nil {
			w.Fatal(err)
		}
	}
	return notes
}

func TestMap_anInvoiceWithoutAnyDateIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	id := w.odd(func(f map[string]any) { delete(f, "DueDate"); delete(f, "TxnDate") })
	if told := w.notes()[id]; !strings.Contains(told, "neither TxnDate nor DueDate") {
		t.Errorf("told %q", told)
	}
}

func TestMap_aPaymentCountsByItsAmountsWhateverItsNoteSays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(map[string]any)
		want   string // amount, unallocated; "" no payment
		note   bool
	}{
		"on account":              {func(map[string]any) {}, "100.00 100.00", false},
		"without lines":           {func(f map[string]any) { delete(f, "Line") }, "100.00 100.00", false},
		"unapplied is not told":   {func(f map[string]any) { delete(f, "UnappliedAmt"); delete(f, "Line") }, "100.00 100.00", false},
		"void":                    {func(f map[string]any) { f["TotalAmt"], f["UnappliedAmt"], f["PrivateNote"] = 0, 0, "Voided" }, "", false},
		"replaced, said the note": {func(f map[string]any) { f["PrivateNote"] = "Voided cheque, paid by transfer" }, "100.00 100.00", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quickbookstest.Options{})
			who := w.Books.AddCustomer(quickbookstest.Customer{Name: "Quayside Prints", Email: "ap@quayside.example"})
			id := w.Books.AddPayment(quickbookstest.Payment{Customer: who, Date: "2026-02-10", Total: 10000, Unapplied: 10000})
			w.Books.Reshape(id, test.change)
			_, told := w.notes()[strconv.Itoa(id)]
			got := ""
			if p, there := w.mirror.Payments[strconv.Itoa(id)]; there {
				got = p.Amount.String() + " " + p.Unallocated.String()
			}
			if got != test.want || told != test.note {
				t.Errorf("got %q, told %v", got, told)
			}
		})
	}
}

func TestMap_customersOfOtherShapesAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	id := w.Books.AddCustomer(quickbookstest.Customer{Name: "x", Email: "ap@quayside.example", Country: "AUT"})
	w.Books.Reshape(id, func(f map[string]any) {
		f["DisplayName"], f["CompanyName"] = 4711, nil
		f["BillAddr"].(map[string]any)["PostalCode"] = 1010
	})
	uk := w.Books.AddCustomer(quickbookstest.Customer{Name: "y", Email: "ap@quayside.example", Country: "UK"})
	words := w.Books.AddCustomer(quickbookstest.Customer{Name: "z", Email: "ap@quayside.example", Country: "United Kingdom"})
	w.pass()
	if a := w.mirror.Accounts[strconv.Itoa(id)]; a.Code != "4711" || a.Country != "AT" || a.Address.Postcode != "1010" {
		t.Errorf("got %+v", a)
	}
	if a, b := w.mirror.Accounts[strconv.Itoa(uk)], w.mirror.Accounts[strconv.Itoa(words)]; a.Country != "GB" || b.Country != "" {
		t.Errorf("got %q and %q", a.Country, b.Country)
	}
}

func TestPull_theConfiguredCurrencyHoldsWhereTheVendorTellsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	w.odd(func(map[string]any) {})
	w.Server.Fail(quickbookstest.Fault{Path: "/v3/company/" + w.Realm() + "/preferences", Status: 200, Body: `{"Preferences":{"SalesFormsPrefs":{}}}`, Header: http.Header{"Content-Type": {"application/json"}}})
	w.currency = "NZD"
	w.pass()
	for _, d := range w.mirror.Documents {
		if d.Total.Currency != "NZD" {
			t.Errorf("got %+v", d)
		}
	}
	if len(w.mirror.Documents) != 1 {
		t.Errorf("%d invoices", len(w.mirror.Documents))
	}
}

func TestPull_aVendorThatGivesFewerRowsAtOnceIsReadToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{Most: smallPage / 4})
	w.invoices(2*smallPage + 1)
	w.pass()
	w.equal()
}

func TestPull_emptyBooksMayCountNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	w.Server.Fail(quickbookstest.Fault{Path: "/v3/company/" + w.Realm() + "/query", Status: 200, Body: `{"QueryResponse":{}}`})
	w.pass()
	if len(w.mirror.Bad) > 0 {
		t.Errorf("rejected: %v", w.mirror.Bad)
	}
}

func TestPull_changesThatAreTooOldAreReadAnewOnce(t *testing.T) {
	t.Parallel()
	refusal := `{"Fault":{"Error":[{"Message":"Unsupported Operation","Detail":"Operation cdc with changedSince date 2026-01-01T00:00:00Z which is older than fixed days is not supported.","code":"500"}],"type":"ValidationFault"}}`
	for _, status := range []int{400, 500} {
		w := newWorld(t, quickbookstest.Options{})
		w.invoices(3)
		w.pass()
		cdc := quickbookstest.Fault{Path: "/v3/company/" + w.Realm() + "/cdc", Status: status, Body: refusal, Times: 1}
		w.Server.Fail(cdc)
		if n := w.pass(); n != 1+1+2+2+2+2+1 { // refused; then as on the first day, but for the currency
			t.Errorf("status %d: %d requests", status, n)
		}
		w.equal()
		w.Server.Heal()
		cdc.Times = 0
		w.Server.Fail(cdc)
		if err := connectorsPass(w); httpapi.KindOf(err) != connectors.Temporary {
			t.Errorf("status %d, refused for ever: %v", status, err)
		}
	}
}

func connectorsPass(w *world) error {
	c, err := w.connector(nil)
	if err != nil {
		return err
	}
	for _, err := range c.Pull(w.Context(), w.mirror.Cursor) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestPull_aRowThatHidesItsNameLetsNothingVanish(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{Spoilt: true})
	ids := w.invoices(3)
	w.pass()
	w.Pass(time.Hour)
	w.Poison("Invoice", ids[1])
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	absent := map[receivable.ItemKind]connectors.Absence{}
	for page, err := range c.Pull(t.Context(), c.Restart(w.mirror.Cursor)) {
		if err != nil {
			t.Fatal(err)
		}
		if page.Whole {
			absent[page.Listing.Kind] = page.Listing.Absent
		}
	}
	if absent[receivable.ItemDocument] != connectors.AbsentReread || absent[receivable.ItemPayment] != connectors.AbsentGone || absent[receivable.ItemAccount] != connectors.AbsentGone {
		t.Errorf("what is absent: %v", absent)
	}
	named := strconv.Itoa(ids[1])
	for page, err := range c.ReadInvoices(t.Context(), []string{strconv.Itoa(ids[0]), named}) {
		if err != nil || len(page.Documents) != 1 || len(page.Bad) != 1 || page.Bad[0].Ref.External != named || len(page.Gone) > 0 {
			t.Errorf("read again: %d documents, bad %v, gone %v, %v", len(page.Documents), page.Bad, page.Gone, err)
		}
	}
}

func TestProbe_readsFaultsOfAnyForm(t *testing.T) {
	t.Parallel()
	inXML := `<IntuitResponse xmlns="http://schema.intuit.com/finance/v3"><Fault type="SystemFault"><Error code="6190"><Message>x</Message><Detail>The subscription has expired</Detail></Error></Fault></IntuitResponse>`
	tests := map[string]struct {
		status       int
		body         string
		kind         connectors.Kind
		told, advice string
	}{
		"XML with 200":   {200, inXML, connectors.Auth, "subscription has expired", "renew"},
		"empty with 400": {400, "", connectors.Temporary, "empty", ""},
		"zeros in front": {400, `{"fault":{"error":[{"message":"m","detail":"d","code":"003100"}],"type":"x"},"time":1767225600000}`, connectors.Auth, "d", "environment"},
		"a bad query":    {400, `{"Fault":{"Error":[{"Message":"m","Detail":"Property x","code":4001}]}}`, connectors.Invalid, "Property x", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quickbookstest.Options{})
			w.Server.Fail(quickbookstest.Fault{Status: test.status, Body: test.body})
			c, err := w.connector(nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Probe(t.Context())
			if httpapi.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.told) || !strings.Contains(doOf(err), test.advice) {
				t.Errorf("got %v, do %q", err, doOf(err))
			}
		})
	}
}

func TestReadInvoices_whatSpoilsAListMayBeReadAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	ids := w.invoices(2)
	w.Poison("Invoice", ids[1])
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	for page, err := range c.ReadInvoices(t.Context(), []string{strconv.Itoa(ids[0]), strconv.Itoa(ids[1])}) {
		if err != nil || len(page.Documents) != 2 || len(page.Bad) > 0 {
			t.Errorf("%d documents, bad %v, %v", len(page.Documents), page.Bad, err)
		}
	}
}
