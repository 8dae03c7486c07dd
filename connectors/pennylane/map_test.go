package pennylane

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors/httpapi"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

func eur(minor int64) money.Amount { return money.New(minor, "EUR") }

// plain is an open invoice of 120.00 EUR to change.
func plain(change func(*invoice)) invoice {
	in := invoice{
		ID: "25465990001152", Number: "F-1", Currency: "EUR", Amount: "120.0", CurrencyAmount: "120.0", Remaining: "120.0",
		Date: "2026-05-04", Deadline: "2026-06-03", Status: "late", Customer: &ref{ID: "7"},
	}
	if change != nil {
		change(&in)
	}
	return in
}

func TestMapCustomer_severalAddressesInOneEntryAreSeveral(t *testing.T) {
	t.Parallel()
	a, err := mapCustomer(customer{ID: "7", Emails: []string{"a@x.example; b@x.example,a@x.example", "c d@x.example", "e@x.example\r\nBcc: f@x.example,g@x.example"}}, nil)
	want := []string{"a@x.example", "b@x.example", "c d@x.example", "e@x.example\r\nBcc: f@x.example,g@x.example"}
	if diff := cmp.Diff(want, a.Emails); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestMapInvoice_whatPennylaneLacksIsToldOnTheInvoice(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change       func(*invoice)
		number, note string
	}{
		"whole":       {nil, "F-1", ""},
		"no number":   {func(in *invoice) { in.Number = " " }, "25465990001152", "has no number in Pennylane"},
		"no due date": {func(in *invoice) { in.Deadline = "" }, "F-1", "has no due date in Pennylane: set customers.terms for such invoices"},
		"no customer": {func(in *invoice) { in.Customer = nil }, "F-1", "names no customer in Pennylane"},
	} {
		doc, err := mapInvoice(plain(tt.change), calendar.Terms{})
		if err != nil || doc.Number != tt.number || doc.Note != tt.note {
			t.Errorf("%s: number %q, note %q, %v; want %q, %q", name, doc.Number, doc.Note, err, tt.number, tt.note)
		}
	}
}

func TestMapInvoice_statusAndRemainingDecide(t *testing.T) {
	t.Parallel()
	type want struct {
		left      int64
		standing  receivable.Standing
		ignored   bool
		rejected  string
		kind      receivable.DocumentKind
		estimated bool
		estatus   receivable.EStatus
	}
	tests := map[string]struct {
		change func(*invoice)
		want   want
	}{
		"late":                         {nil, want{left: 12000}},
		"upcoming":                     {func(in *invoice) { in.Status = "upcoming" }, want{left: 12000}},
		"no number":                    {func(in *invoice) { in.Number = "" }, want{left: 12000, standing: receivable.StandingUnchecked}},
		"partly paid":                  {func(in *invoice) { in.Status, in.Remaining = "partially_paid", "50.5" }, want{left: 5050}},
		"partly cancelled":             {func(in *invoice) { in.Status, in.Remaining = "partially_cancelled", "87.0" }, want{left: 8700}},
		"paid":                         {func(in *invoice) { in.Status, in.Remaining = "paid", "0.0" }, want{}},
		"paid, marked, remaining kept": {func(in *invoice) { in.Status = "paid" }, want{}},
		"cancelled says paid":          {func(in *invoice) { in.Status, in.Remaining = "cancelled", "0.0" }, want{}},
		"cancelled, remaining kept":    {func(in *invoice) { in.Status = "cancelled" }, want{}},
		"cancelled, remaining null":    {func(in *invoice) { in.Status, in.Remaining = "cancelled", "" }, want{}},
		"overpaid":                     {func(in *invoice) { in.Remaining = "-5.0" }, want{}},
		"nothing left":                 {func(in *invoice) { in.Remaining = "0.0" }, want{}},
		"draft":                        {func(in *invoice) { in.Status, in.Draft, in.Remaining = "draft", true, "" }, want{ignored: true}},
		"draft credit note":            {func(in *invoice) { in.Status, in.Draft = "credit_note", true }, want{ignored: true}},
		"proforma":                     {func(in *invoice) { in.Status = "proforma" }, want{ignored: true}},
		"quote":                        {func(in *invoice) { in.Status = "estimate_pending" }, want{ignored: true}},
		"incomplete":                   {func(in *invoice) { in.Status = "incomplete" }, want{left: 12000, standing: receivable.StandingUnchecked}},
		"unknown status":               {func(in *invoice) { in.Status = "under_review" }, want{left: 12000, standing: receivable.StandingUnchecked}},
		"no status":                    {func(in *invoice) { in.Status = "" }, want{left: 12000, standing: receivable.StandingUnchecked}},
		"archived":                     {func(in *invoice) { in.Status = "archived" }, want{left: 12000, standing: receivable.StandingArchived}},
		"archived_at beside late":      {func(in *invoice) { in.ArchivedAt = "2026-07-01T00:00:00Z" }, want{left: 12000, standing: receivable.StandingArchived}},
		"archived, remaining null":     {func(in *invoice) { in.Status, in.Remaining = "archived", "" }, want{standing: receivable.StandingArchived}},
		"remaining null":               {func(in *invoice) { in.Remaining = "" }, want{rejected: "remaining_amount_with_tax is missing"}},
		"amount missing":               {func(in *invoice) { in.CurrencyAmount, in.Amount = "", "" }, want{rejected: "amount is missing"}},
		"amount is no number":          {func(in *invoice) { in.CurrencyAmount = "1 200,00" }, want{rejected: "is not an amount"}},
		"amount too large":             {func(in *invoice) { in.CurrencyAmount = "999999999999999999999" }, want{rejected: "currency_amount"}},
		"impossible date":              {func(in *invoice) { in.Deadline = "2026-02-30" }, want{rejected: "deadline"}},
		"bad currency":                 {func(in *invoice) { in.Currency = "euro!" }, want{rejected: "is not a currency code"}},
		"id missing":                   {func(in *invoice) { in.ID = "" }, want{rejected: "id is missing"}},
		"unlinked credit note":         {func(in *invoice) { in.Status, in.CurrencyAmount, in.Remaining = "credit_note", "-33.0", "-33.0" }, want{left: 3300, kind: receivable.CreditNote}},
		"linked, remaining kept": {func(in *invoice) {
			in.Status, in.CurrencyAmount, in.Remaining, in.CreditedInvoice = "credit_note", "-33.0", "-33.0", &ref{"9"}
		}, want{kind: receivable.CreditNote}},
		"linked, remaining zero": {func(in *invoice) {
			in.Status, in.CurrencyAmount, in.Remaining, in.CreditedInvoice = "credit_note", "-33.0", "0.0", &ref{"9"}
		}, want{kind: receivable.CreditNote}},
		"linked, remaining null": {func(in *invoice) {
			in.Status, in.CurrencyAmount, in.Remaining, in.CreditedInvoice = "credit_note", "-33.0", "", &ref{"9"}
		}, want{kind: receivable.CreditNote}},
		"archived credit note":               {func(in *invoice) { in.Status, in.CurrencyAmount, in.Remaining = "archived", "-33.0", "-33.0" }, want{standing: receivable.StandingArchived, kind: receivable.CreditNote}},
		"in dispute":                         {func(in *invoice) { in.EInvoicing = eInvoice("in_dispute") }, want{left: 12000, estatus: receivable.EStatusDisputed}},
		"refused":                            {func(in *invoice) { in.EInvoicing = eInvoice("refused") }, want{left: 12000, estatus: receivable.EStatusRefused}},
		"e-status nobody knows":              {func(in *invoice) { in.EInvoicing = eInvoice("lost") }, want{left: 12000, estatus: receivable.EStatusOther}},
		"dollars, whole":                     {foreign("110.0", "120.0", "110.0"), want{left: 12000}},
		"dollars, whole, in dollars":         {foreign("110.0", "120.0", "120.0"), want{left: 12000}},
		"dollars, part, either way":          {foreign("100.0", "120.0", "50.0"), want{left: 5000, estimated: true}},
		"dollars, part, either way, cheaper": {foreign("240.0", "120.0", "50.0"), want{left: 2500, estimated: true}},
		"dollars, part, only in dollars":     {foreign("60.0", "120.0", "90.0"), want{left: 9000}},
		"dollars, part, only in euros":       {foreign("240.0", "120.0", "200.0"), want{left: 10000}},
		"dollars, settled":                   {foreign("110.0", "120.0", "0.0"), want{}},
		"dollars, more than all":             {foreign("110.0", "120.0", "500.0"), want{rejected: "more than the invoice"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := mapInvoice(plain(tt.change), calendar.Terms{})
			switch {
			case tt.want.ignored:
				if !errors.Is(err, errIgnored) {
					t.Errorf("got %v, %v, want it left out", doc, err)
				}
				return
			case tt.want.rejected != "":
				if err == nil || !strings.Contains(err.Error(), tt.want.rejected) {
					t.Errorf("got %v, want it rejected: %s", err, tt.want.rejected)
				}
				return
			case err != nil:
				t.Fatal(err)
			}
			kind := tt.want.kind
			if kind == "" {
				kind = receivable.Invoice
			}
			got := want{doc.Outstanding.Minor, doc.Standing, false, "", doc.Kind, doc.Estimated, doc.EStatus}
			tt.want.kind = kind
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func eInvoice(status string) *struct {
	Status string `json:"status"`
	Reason string `json:"reason"`
} {
	return &struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	}{Status: status}
}

func foreign(inEuro, inDollars, left httpapi.Text) func(*invoice) {
	return func(in *invoice) {
		in.Currency, in.Amount, in.CurrencyAmount, in.Remaining = "USD", inEuro, inDollars, left
	}
}

func TestMapInvoice_missingDueDateIsEstimatedFromTerms(t *testing.T) {
	t.Parallel()
	terms, err := calendar.ParseTerms("30d")
	if err != nil {
		t.Fatal(err)
	}
	in := plain(func(in *invoice) { in.Deadline = "" })
	doc, err := mapInvoice(in, terms)
	if err != nil || !doc.Dues[0].Estimated || doc.Dues[0].On != calendar.MustParse("2026-06-03") {
		t.Errorf("got %+v, %v", doc.Dues, err)
	}
	doc, err = mapInvoice(in, calendar.Terms{})
	if err != nil || doc.Dues[0].Estimated || !doc.Dues[0].On.IsZero() {
		t.Errorf("without terms: got %+v, %v", doc.Dues, err)
	}
}

func TestApplyPayments_moneyOnItsWayHoldsAndReturnedReopens(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		statuses []string // oldest first
		standing receivable.Standing
		returned bool
	}{
		"none":                {nil, "", false},
		"submitted":           {[]string{"submitted"}, receivable.StandingIncoming, false},
		"confirmed":           {[]string{"confirmed"}, receivable.StandingIncoming, false},
		"charged back":        {[]string{"charged_back"}, "", true},
		"failed, then again":  {[]string{"failed", "submitted"}, receivable.StandingIncoming, false},
		"found, then failed":  {[]string{"found", "failed"}, "", true},
		"never finished":      {[]string{"draft", "initiated", "cancelled"}, "", false},
		"paid out long since": {[]string{"paid_out"}, "", false},
		"unknown":             {[]string{"teleported"}, "", false},
	}
	for name, tt := range tests {
		doc, err := mapInvoice(plain(nil), calendar.Terms{})
		if err != nil {
			t.Fatal(err)
		}
		var list []payment
		for i, s := range tt.statuses {
			list = append(list, payment{ID: httpapi.Text(rune('1' + i)), Status: s})
		}
		applyPayments(&doc, list)
		if doc.Standing != tt.standing || doc.Returned != tt.returned {
			t.Errorf("%s: standing %q, returned %v", name, doc.Standing, doc.Returned)
		}
	}
}

func TestApplySchedule_needsDatesAndTheWholeSum(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		json string
		want []int64 // outstanding by rank
	}{
		"two parts":           {`[{"due_date":"2026-07-01","amount":"60.0","remaining_amount":"60.0"},{"due_date":"2026-06-01","amount":"60.0","remaining_amount":"0.0"}]`, []int64{0, 6000}},
		"no remaining":        {`[{"date":"2026-06-01","amount":"100.0"},{"date":"2026-07-01","amount":"20.0"}]`, []int64{4000, 2000}},
		"another sum":         {`[{"due_date":"2026-06-01","amount":"60.0"},{"due_date":"2026-07-01","amount":"61.0"}]`, []int64{6000}},
		"a date is missing":   {`[{"due_date":"2026-06-01","amount":"60.0"},{"amount":"60.0"}]`, []int64{6000}},
		"amount is an object": {`[{"due_date":"2026-06-01","amount":{}},{"due_date":"2026-07-01","amount":"60.0"}]`, []int64{6000}},
		"only one":            {`[{"due_date":"2026-06-01","amount":"120.0"}]`, []int64{6000}},
	}
	for name, tt := range tests {
		doc, err := mapInvoice(plain(func(in *invoice) { in.Remaining = "60.0" }), calendar.Terms{})
		if err != nil {
			t.Fatal(err)
		}
		var items []instalment
		if err := json.Unmarshal([]byte(tt.json), &items); err != nil {
			t.Fatal(err)
		}
		applySchedule(&doc, items)
		var got []int64
		for i, due := range doc.Dues {
			got = append(got, due.Outstanding.Minor)
			if due.Rank != i+1 {
				t.Errorf("%s: rank %d at place %d", name, due.Rank, i)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestMapTransaction_whatIsUnallocated(t *testing.T) {
	t.Parallel()
	base := transaction{ID: "5", Date: "2026-06-10", Amount: "600.0", CurrencyAmount: "600.0", Currency: "EUR", Customer: &ref{"7"}}
	tests := map[string]struct {
		change func(*transaction)
		want   int64
	}{
		"unreconciled":     {func(t *transaction) { t.OutstandingBalance = "-600.0" }, 60000},
		"other sign":       {func(t *transaction) { t.OutstandingBalance = "600.0" }, 60000},
		"reconciled":       {func(t *transaction) { t.OutstandingBalance = "0.0" }, 0},
		"partly":           {func(t *transaction) { t.OutstandingBalance = "-150.5" }, 15050},
		"unknown":          {func(*transaction) {}, 60000},
		"unknown currency": {func(t *transaction) { t.Currency = ""; t.OutstandingBalance = "0.0" }, 0},
		"archived":         {func(t *transaction) { t.ArchivedAt = "2026-07-01T00:00:00Z"; t.OutstandingBalance = "-600.0" }, 0},
	}
	for name, tt := range tests {
		in := base
		tt.change(&in)
		p, err := mapTransaction(in)
		if err != nil || p.Amount != eur(60000) || p.Unallocated != eur(tt.want) {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
	}
	base.CurrencyAmount = "-12.0"
	if _, err := mapTransaction(base); !errors.Is(err, errIgnored) {
		t.Errorf("money out: got %v", err)
	}
}

func TestMapCustomer_accountingContactComesFirst(t *testing.T) {
	t.Parallel()
	in := customer{
		ID: "7", Type: "company", Name: "Lacaze", Reference: "LAC", RegNo: "751 234 568", PaymentConditions: "45_days_end_of_month",
		BillingLanguage: "fr_FR", Emails: []string{"contact@lacaze.example", "compta@lacaze.example", ""},
	}
	a, err := mapCustomer(in, []contact{
		{FirstName: "Luc", Role: "directeur", Email: "luc@lacaze.example"},
		{FirstName: "Eve", LastName: "Roy", Role: "Responsable comptabilité", Email: "compta@lacaze.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"compta@lacaze.example", "contact@lacaze.example"}, a.Emails); diff != "" {
		t.Error(diff)
	}
	if a.Contacts[1].Role != "billing" || a.Code != "LAC" || a.SIREN != "751234568" || a.Terms != "45d_eom" || a.Language != "fr" || a.Kind != receivable.KindBusiness {
		t.Errorf("got %+v", a)
	}
	for conditions, want := range map[string]string{"upon_receipt": "receipt", "custom": "", "30_days": "30d", "60_days": "60d", "": "", "x_days": ""} {
		if got := terms(conditions); got != want {
			t.Errorf("terms %q: got %q, want %q", conditions, got, want)
		}
	}
}

func TestPage_oneBadRowSpoilsNoOther(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/invoices.json")
	if err != nil {
		t.Fatal(err)
	}
	var p page[invoice]
	if err := p.DecodeJSON(data); err != nil {
		t.Fatal(err)
	}
	if len(p.rows) != 4 || len(p.bad) != 1 || p.bad[0].id != "25465990007777" {
		t.Fatalf("%d rows, bad %v", len(p.rows), p.bad)
	}
	first, err := mapInvoice(p.rows[0], calendar.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	want := receivable.Document{
		External: "25465990001152", Account: "1338468911104", Number: "F-2026-0142", Kind: receivable.Invoice,
		IssuedOn: calendar.MustParse("2026-05-04"), Total: eur(180000), Outstanding: eur(65050), Fetchable: true,
		Dues: []receivable.Due{{Rank: 1, On: calendar.MustParse("2026-06-03"), Total: eur(180000), Outstanding: eur(65050)}},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
	note, err := mapInvoice(p.rows[1], calendar.Terms{})
	if err != nil || note.Kind != receivable.CreditNote || note.Credits != "25465990001152" || !note.Outstanding.IsZero() || note.Total != eur(12000) {
		t.Errorf("credit note: %+v, %v", note, err)
	}
}

func FuzzMapping(f *testing.F) {
	for _, name := range []string{"invoices.json", "customers.json", "transactions.json"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"items":[{"id":1,"status":"late","amount":"1e9","currency_amount":5,"remaining_amount_with_tax":-0,"currency":"JPY"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var invoices page[invoice]
		if invoices.DecodeJSON(data) == nil {
			for _, row := range invoices.rows {
				doc, err := mapInvoice(row, calendar.Terms{Agreed: true, Days: 30})
				if err != nil {
					continue
				}
				if doc.Outstanding.Sign() < 0 || doc.Total.Sign() < 0 || doc.External == "" || doc.Kind == receivable.Invoice && len(doc.Dues) != 1 {
					t.Errorf("%+v of %s", doc, data)
				}
			}
		}
		var customers page[customer]
		if customers.DecodeJSON(data) == nil {
			for _, row := range customers.rows {
				_, _ = mapCustomer(row, nil)
			}
		}
		var transactions page[transaction]
		if transactions.DecodeJSON(data) == nil {
			for _, row := range transactions.rows {
				if p, err := mapTransaction(row); err == nil && (p.Amount.Sign() <= 0 || p.Unallocated.Cmp(p.Amount) > 0) {
					t.Errorf("%+v of %s", p, data)
				}
			}
		}
	})
}

func pageOf(b *testing.B) []byte {
	b.Helper()
	data, err := os.ReadFile("testdata/invoices.json")
	if err != nil {
		b.Fatal(err)
	}
	var whole struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		b.Fatal(err)
	}
	rows := make([]string, pageSize)
	for i := range rows {
		rows[i] = string(whole.Items[0])
	}
	return []byte(`{"items":[` + strings.Join(rows, ",") + `],"has_more":false,"next_cursor":null}`)
}

// BenchmarkPage decodes and maps a page of 100 invoices; BenchmarkPageBare only
// decodes it, into the same fields as plain strings.
func BenchmarkPage(b *testing.B) {
	data := pageOf(b)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		var p page[invoice]
		if err := p.DecodeJSON(data); err != nil {
			b.Fatal(err)
		}
		for _, row := range p.rows {
			if _, err := mapInvoice(row, calendar.Terms{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkPageBare(b *testing.B) {
	data := pageOf(b)
	b.SetBytes(int64(len(data)))
	type bare struct {
		ID             int64  `json:"id"`
		Number         string `json:"invoice_number"`
		Currency       string `json:"currency"`
		Amount         string `json:"amount"`
		CurrencyAmount string `json:"currency_amount"`
		Remaining      string `json:"remaining_amount_with_tax"`
		Date           string `json:"date"`
		Deadline       string `json:"deadline"`
		Status         string `json:"status"`
		Draft          bool   `json:"draft"`
		PublicFileURL  string `json:"public_file_url"`
		ArchivedAt     string `json:"archived_at"`
	}
	for b.Loop() {
		var p struct {
			Items []bare `json:"items"`
		}
		if err := json.Unmarshal(data, &p); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPage_changesKeepTheirMicroseconds(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/changes.json")
	if err != nil {
		t.Fatal(err)
	}
	var p page[change]
	if err := p.DecodeJSON(data); err != nil || len(p.rows) != 2 || p.more {
		t.Fatalf("got %+v, %v", p, err)
	}
	last := p.rows[1]
	if last.ID != "25461862441111" || last.Operation != "delete" || last.ProcessedAt.UnixMicro()%1e6 != 735606 {
		t.Errorf("got %+v", last)
	}
}
