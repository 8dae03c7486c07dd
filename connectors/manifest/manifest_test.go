package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// decode reads a map of a noun, and fails where it has problems.
func decode[T any](t testing.TB, text string) *T {
	t.Helper()
	var p conf.Problems
	m := new(T)
	n, ok := conf.Parse("erp.yaml", []byte(text), &p)
	if ok {
		n.Decode(&p, m)
		if c, checks := any(m).(interface{ Check(*conf.Problems) }); checks {
			c.Check(n.On(&p))
		}
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

// row decodes a JSON object as a connector that speaks HTTP does.
func row(t testing.TB, text string) Row {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	r, err := RowOf(v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eval evaluates one expression on a row.
// TestExpression_sumsAsIntegersDo computes amounts beside plain integers.
func TestManifest_everyProblemIsReportedAtItsPlace(t *testing.T) {
	t.Parallel()
	text := `
id: it.id
name: it.name +
kind: itt.kind
emials: it.mail
siret: now()
total: it.a / 2
terms: [it.t]
owner: 'it.x == "a'
tags:
`
	var p conf.Problems
	n, ok := conf.Parse("erp.yaml", []byte(text), &p)
	if !ok {
		t.Fatal(p.Err())
	}
	m := &Account{}
	n.Decode(&p, m)
	m.Check(n.On(&p))
	want := []string{
		`erp.yaml:3:15: unexpected token EOF`,
		`erp.yaml:4:7: unknown name itt: a field of the row is it.itt`,
		`erp.yaml:5:1: unknown key "emials" (did you mean emails?)`,
		`erp.yaml:6:8: now is refused`,
		`erp.yaml:7:1: unknown key "total"`,
		`erp.yaml:8:8: an expression is expected`,
		`erp.yaml:9:`,
		`erp.yaml:10:1: there is no value`,
	}
	found := p.List()
	for i, line := range want {
		if i >= len(found) || !strings.HasPrefix(found[i].String(), line) {
			t.Errorf("problem %d: want %q of:\n%v", i, line, p.Err())
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d problems, want %d:\n%v", len(found), len(want), p.Err())
	}
}

func TestManifest_divisionIsRefusedWhereItStands(t *testing.T) {
	t.Parallel()
	var p conf.Problems
	n, _ := conf.Parse("erp.yaml", []byte("{invoice: it.i, on: it.d, total: it.cents / 100}"), &p)
	n.Decode(&p, &Due{})
	if found := p.List(); len(found) != 1 || found[0].Column != 43 || !strings.Contains(found[0].Text, "/ is refused") {
		t.Errorf("got %v", p.Err())
	}
}

func TestAccount_ofARow(t *testing.T) {
	t.Parallel()
	m := decode[Account](t, `
id: it.id
code: it.ref
name: it.name
kind: '{"P": "public"}[it.category] ?? "business"'
emails: emails(it.mail)
contacts: 'map(it.people, ({"name": #.n, "email": #.e, "role": "billing"}))'
language: it.lang
country: it.country
street: '[it.a1, it.a2]'
siret: digits(it.siret)
terms: 'concat(it.days, "d")'
payment_method: it.pay
skip: it.kind == "supplier"
`)
	got, notes, err := m.Read(row(t, `{"id": 7, "ref": "DUR", "name": " Durand ", "category": "P", "mail": "a@d.fr;b@d.fr", "people": [{"n": "Ida", "e": "i@d.fr"}],
		"lang": "fr_FR", "country": "france", "a1": "1 rue X", "a2": null, "siret": "732 829 320 00074", "days": 30, "pay": "PRLV"}`))
	want := receivable.Account{
		External: "7", Code: "DUR", Name: "Durand", Kind: "public", Emails: []string{"a@d.fr", "b@d.fr"},
		Contacts: []receivable.Contact{{Name: "Ida", Email: "i@d.fr", Role: "billing"}}, Language: "fr",
		Address: receivable.Address{Lines: []string{"1 rue X"}}, SIREN: "732829320", SIRET: "73282932000074", Terms: "30d",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("(-want +got) %v\n%s", err, diff)
	}
	if len(notes) != 2 || !strings.Contains(notes[0], `country: "france" is none: it was left out, from country = "france" (erp.yaml:9:10)`) || !strings.Contains(notes[1], "payment_method") {
		t.Errorf("notes %q", notes)
	}
	if _, _, err := m.Read(Row{"kind": "supplier"}); !errors.Is(err, ErrSkip) {
		t.Errorf("a supplier: %v", err)
	}
	_, _, err = m.Read(Row{"id": nil, "name": "Durand", "days": int64(1)})
	if e, ok := errors.AsType[*Error](err); !ok || e.Error() != "id: it is missing, from id = null (erp.yaml:2:5)" {
		t.Errorf("without a key: %v", err)
	}
}

const invoices = `
id: it.id
customer: it.customer
number: it.number
kind: it.kind
issued_on: it.on
due_on: it.due
total: it.total
outstanding: it.left
currency: it.currency
standing: it.standing
`

func TestDocument_amountsAreReadOrTheRowIsRejected(t *testing.T) {
	t.Parallel()
	m := decode[Document](t, invoices)
	base := map[string]any{"id": "1", "customer": "C", "number": "F1", "on": "2026-01-02", "due": "2026-02-01", "total": json.Number("120.00"), "left": json.Number("20.50")}
	with := func(changes Row) Row {
		r := Row{}
		for k, v := range base {
			r[k] = v
		}
		for k, v := range changes {
			r[k] = v
		}
		return r
	}
	for name, c := range map[string]struct {
		row  Row
		want string // kind total outstanding due note, or the error
	}{
		"as it is":            {with(nil), "invoice 120.00 20.50 EUR 2026-02-01"},
		"text with zeros":     {with(Row{"total": "120.0000", "left": "20.500000"}), "invoice 120.00 20.50 EUR 2026-02-01"},
		"a negative total":    {with(Row{"total": json.Number("-120.00"), "left": json.Number("-20.50")}), "credit_note 120.00 20.50 EUR "},
		"signs that differ":   {with(Row{"total": json.Number("-120.00")}), "credit_note 120.00 20.50 EUR "},
		"called an invoice":   {with(Row{"total": int64(-120), "kind": "invoice"}), "credit_note 120.00 20.50 EUR "},
		"a positive credit":   {with(Row{"kind": "credit_note"}), "credit_note 120.00 20.50 EUR "},
		"overpaid":            {with(Row{"left": json.Number("-5.00")}), "invoice 120.00 0.00 EUR 2026-02-01 overpaid by 5.00 EUR"},
		"yen":                 {with(Row{"currency": "jpy", "total": int64(120), "left": "20"}), "invoice 120 20 JPY 2026-02-01"},
		"no due date":         {with(Row{"due": nil}), "invoice 120.00 20.50 EUR 2026-02-01 estimated"},
		"an instant":          {with(Row{"due": time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)}), "invoice 120.00 20.50 EUR 2026-03-01"},
		"nothing left":        {with(Row{"left": int64(0)}), "invoice 120.00 0.00 EUR 2026-02-01"},
		"missing is not zero": {with(Row{"left": nil}), "outstanding: the amount is missing, from left = null (erp.yaml:9:14)"},
		"empty is not zero":   {with(Row{"left": " "}), `outstanding: the amount is missing, from left = " " (erp.yaml:9:14)`},
		"a float":             {with(Row{"total": 120.5}), "total: 120.5 is a binary float: cast it to a decimal in the query (in SQLite to text, printf('%.2f', x)), from total = 120.5 (erp.yaml:8:8)"},
		"a word":              {with(Row{"total": "12O"}), `total: "12O" is no number (digits, with a point before decimals), from total = "12O" (erp.yaml:8:8)`},
		"cents of a cent":     {with(Row{"total": "1.005"}), `total: "1.005" has more decimals than EUR allows, from total = "1.005" (erp.yaml:8:8)`},
		"hidden cents":        {with(Row{"total": "0.00999999999999999999999"}), `total: "0.00999999999999999999999" has more digits than can be computed with, from total = "0.00999999999999999999999" (erp.yaml:8:8)`},
		"no currency":         {with(Row{"currency": "euro"}), `currency: "EURO" is no currency code (EUR), from currency = "euro" (erp.yaml:10:11)`},
		"an unknown standing": {with(Row{"standing": "odd"}), `standing: "odd" is not one of unchecked, archived, doubtful, written_off, bill, incoming, from standing = "odd" (erp.yaml:11:11)`},
		"no date":             {with(Row{"on": "soon"}), `issued_on: "soon" is no date (2026-11-29), from on = "soon" (erp.yaml:6:12)`},
		"true is no amount":   {with(Row{"total": true}), "total: true or false is no number, from total = true (erp.yaml:8:8)"},
		"a hostile excerpt":   {with(Row{"total": "1\r\n\x1b[31m" + strings.Repeat("x", 90)}), `total: "1   [31mxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" is no number (digits, with a point before decimals), from total = "1   [31mxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" (erp.yaml:8:8)`},
	} {
		doc, err := m.Read(c.row, Defaults{Currency: "EUR", Terms: mustTerms("30d")})
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprintf("%s %s %s %s ", doc.Kind, doc.Total, doc.Outstanding, doc.Total.Currency)
			if doc.Kind == receivable.Invoice {
				got += doc.Dues[0].On.String()
				if doc.Dues[0].Estimated {
					got += " estimated"
				}
			}
			if doc.Note != "" {
				got += " " + doc.Note
			}
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func mustTerms(text string) calendar.Terms {
	terms, err := calendar.ParseTerms(text)
	if err != nil {
		panic(err)
	}
	return terms
}

func TestDocument_instalmentsOfTheRow(t *testing.T) {
	t.Parallel()
	m := decode[Document](t, `{id: it.id, customer: it.id, number: it.id, issued_on: it.on, total: it.total, outstanding: it.left,
dues: 'map(it.lines, ({"on": #.d, "total": #.t, "outstanding": #.o}))'}`)
	read := func(lines string) (receivable.Document, error) {
		return m.Read(row(t, `{"id": 1, "on": "2026-01-02", "total": 90, "left": 50, "lines": `+lines+`}`), Defaults{Currency: "EUR"})
	}
	doc, err := read(`[{"d": "2026-03-01", "t": 30}, {"d": "2026-01-31", "t": 30}, {"d": "2026-02-28", "t": "30.00"}]`)
	if err != nil {
		t.Fatal(err)
	}
	var left []int64
	for _, due := range doc.Dues {
		left = append(left, due.Outstanding.Minor)
	}
	if !cmp.Equal(left, []int64{0, 2000, 3000}) || doc.Dues[0].On != calendar.MustParse("2026-01-31") || doc.Dues[2].Rank != 3 {
		t.Errorf("what was paid settles the earliest lines: %v", doc.Dues)
	}
	for _, none := range []string{`[]`, `null`} {
		doc, err := decode[Document](t, `{id: it.id, customer: it.id, number: it.id, issued_on: it.on, total: 90, outstanding: 50, due_on: it.due, dues: it.lines}`).
			Read(row(t, `{"id": 1, "on": "2026-01-02", "due": "2026-02-01", "lines": `+none+`}`), Defaults{Currency: "EUR"})
		if err != nil || len(doc.Dues) != 1 || doc.Dues[0].On != calendar.MustParse("2026-02-01") || doc.Dues[0].Outstanding.Minor != 5000 {
			t.Errorf("an invoice without instalments (%s) is due on its own date: %v %v", none, doc.Dues, err)
		}
	}
	for lines, want := range map[string]string{
		`[{"d": "2026-03-01", "t": 30}]`:                                          "its due lines sum to 30.00, it says 90.00",
		`[{"d": "2026-03-01", "t": 90, "o": 90}]`:                                 "90.00 is outstanding on its due lines, it says 50.00",
		`[{"d": "2026-03-01", "t": 60, "o": 50}, {"d": "2026-03-02", "t": 30}]`:   "some of its due lines tell what is outstanding and some do not",
		`[{"d": "2026-03-01", "t": 60, "o": null}, {"d": "2026-13-02", "t": 30}]`: "is no date",
		`"none"`: "true", // map of a text
	} {
		if _, err := read(lines); err == nil || want != "true" && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", lines, err, want)
		}
	}
}

// TestInstalments_loseNothing: whatever the lines, their sums are the invoice's.
func TestInstalments_loseNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		parts := rapid.SliceOfN(rapid.Int64Range(0, 1_000_00), 1, 8).Draw(rt, "parts")
		var lines []DueLine
		var total int64
		for _, part := range parts {
			total += part
			on := calendar.MustParse("2026-06-30").AddDays(rapid.IntRange(-90, 90).Draw(rt, "on"))
			lines = append(lines, DueLine{Due: receivable.Due{On: on, Total: money.New(part, "EUR")}})
		}
		left := rapid.Int64Range(0, total).Draw(rt, "left")
		doc := receivable.Document{Kind: receivable.Invoice, Total: money.New(total, "EUR"), Outstanding: money.New(left, "EUR")}
		if err := Instalments(&doc, lines); err != nil {
			rt.Fatal(err)
		}
		sum, before := money.Amount{}, calendar.Date(0)
		for i, due := range doc.Dues {
			if due.Outstanding.Sign() < 0 || due.Outstanding.Cmp(due.Total) > 0 || due.On < before || due.Rank != i+1 {
				rt.Fatalf("line %d: %+v", i, due)
			}
			before, sum = due.On, sum.Add(due.Outstanding)
			if i > 0 && due.Outstanding.Cmp(due.Total) < 0 && doc.Dues[i-1].Outstanding.Sign() > 0 {
				rt.Fatalf("line %d is paid before line %d", i, i-1)
			}
		}
		if sum.Minor != left {
			rt.Fatalf("%v outstanding on the lines, %d on the invoice", sum, left)
		}
	})
}

func TestPayment_withWhatItSettles(t *testing.T) {
	t.Parallel()
	m := decode[Payment](t, `{id: it.id, customer: it.c, on: it.on, amount: it.amount, unallocated: 'it.amount - sum(map(it.parts, #.a))', payment_method: "{'CHQ': 'cheque'}[it.m] ?? ''",
invoices: 'map(it.parts, ({"invoice": #.i, "amount": #.a}))'}`)
	p, links, err := m.Read(row(t, `{"id": 9, "c": 3, "on": "2026-01-02", "amount": "110.00", "m": "CHQ", "parts": [{"i": 1, "a": "60.25"}, {"i": 2, "a": 30}, {"i": 1, "a": 10}]}`), Defaults{Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	eur := func(n int64) money.Amount { return money.New(n, "EUR") }
	want := receivable.Payment{External: "9", Account: "3", On: calendar.MustParse("2026-01-02"), Amount: eur(11000), Unallocated: eur(975), Method: "cheque"}
	wantLinks := []receivable.Allocation{
		{Group: "payment 9", Item: "1", Kind: "document", Amount: eur(7025)},
		{Group: "payment 9", Item: "2", Kind: "document", Amount: eur(3000)},
		{Group: "payment 9", Item: "9", Kind: "payment", Amount: eur(-10025)},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantLinks, links, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestAllocation_ofAGroupMayTellTheLinkOnly(t *testing.T) {
	t.Parallel()
	m := decode[Allocation](t, `{group: it.g, item: it.i, kind: "'document'"}`)
	got, whole, err := m.Read(Row{"g": "A", "i": int64(4)}, Defaults{Currency: "EUR"})
	if diff := cmp.Diff([]receivable.Allocation{{Group: "A", Item: "4", Kind: "document"}}, got); diff != "" || err != nil || whole != "" {
		t.Errorf("%v, whole %q\n%s", err, whole, diff)
	}
	if _, _, err := m.Read(Row{"g": nil, "i": int64(4)}, Defaults{}); err == nil {
		t.Error("a link without a group")
	}
}

func TestAllocation_ofAnInvoiceHasBothSides(t *testing.T) {
	t.Parallel()
	m := decode[Allocation](t, `{invoice: it.i, payment: it.p, credit_note: it.c, amount: it.a, skip: it.off == 1}`)
	eur := func(n int64) money.Amount { return money.New(n, "EUR") }
	for name, c := range map[string]struct {
		row  Row
		want []receivable.Allocation
	}{
		"a payment": {Row{"i": int64(1), "p": int64(2), "a": "3.50"}, []receivable.Allocation{
			{Group: "2/1", Item: "1", Kind: "document", Amount: eur(350)}, {Group: "2/1", Item: "2", Kind: "payment", Amount: eur(-350)},
		}},
		"a credit note": {Row{"i": int64(1), "p": nil, "c": int64(2), "a": "3.50"}, []receivable.Allocation{
			{Group: "credit 2/1", Item: "1", Kind: "document", Amount: eur(350)}, {Group: "credit 2/1", Item: "2", Kind: "document", Amount: eur(-350)},
		}},
	} {
		got, whole, err := m.Read(c.row, Defaults{Currency: "EUR"})
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil || whole != c.want[0].Group {
			t.Errorf("%s: %v, whole %q\n%s", name, err, whole, diff)
		}
		c.row["off"] = int64(1)
		if got, whole, err := m.Read(c.row, Defaults{Currency: "EUR"}); got != nil || !errors.Is(err, ErrSkip) || whole != c.want[0].Group {
			t.Errorf("%s, taken back: %v, %v, whole %q", name, got, err, whole)
		}
	}
	byID := decode[Allocation](t, `{id: it.id, invoice: it.i, payment: it.p, amount: it.a}`)
	for _, id := range []string{"7", "8"} { // two shares of one invoice by one payment
		_, whole, err := byID.Read(Row{"id": id, "i": int64(1), "p": int64(2), "a": "3.50"}, Defaults{Currency: "EUR"})
		if err != nil || whole != id {
			t.Errorf("row %s: whole %q, %v", id, whole, err)
		}
	}
	if _, _, err := m.Read(Row{"i": int64(1), "a": "3.50"}, Defaults{Currency: "EUR"}); err == nil {
		t.Error("nothing settles the invoice, and nobody says so")
	}
}

func TestName_shippedOrAFile(t *testing.T) {
	t.Parallel()
	shipped := fstest.MapFS{"sage100.yaml": {Data: []byte("manifest: sage100\n")}, "erp.yaml": {Data: []byte("manifest: erp\n")}}
	for text, want := range map[string]string{
		"manifest: sage100":     "sage100.yaml",
		"manifest: ./none.yaml": "conf/none.yaml: cannot be read",
		"manifest: none.yml":    "conf/none.yml: cannot be read",
		"manifest: sage50":      `conf/relanced.yaml:1:11: no manifest "sage50" is shipped: write one of erp, sage100, or the path`,
		"manifest: {env: X}":    "conf/relanced.yaml:1:11: write the name of a shipped manifest",
	} {
		var p conf.Problems
		var c struct {
			Manifest Name `yaml:"manifest"`
		}
		n, ok := conf.Parse("conf/relanced.yaml", []byte(text), &p)
		if !ok {
			t.Fatal(p.Err())
		}
		n.Decode(&p, &c)
		if p.Count() == 0 {
			if n, ok = c.Manifest.Load(shipped, n.On(&p).At("manifest")); ok && n.File() != want {
				t.Errorf("%s: read %s", text, n.File())
			}
		}
		if err := p.Err(); strings.Contains(want, ":") != (err != nil) || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzExpression(f *testing.F) {
	f.Add("it.a + it.b", "12.5", int64(3))
	f.Add("sum(map(it.l, #.x * 2)) > abs(-it.b)", "x", int64(-1))
	f.Add("emails(it.a) == ['b'] ? left(it.a, 3) : date(it.a)", "2026-01-02", int64(0))
	f.Fuzz(func(t *testing.T, text, a string, b int64) {
		var p conf.Problems
		var e struct {
			X Expr `yaml:"x"`
		}
		quoted, _ := json.Marshal(text)
		n, ok := conf.Parse("erp.yaml", []byte("x: "+string(quoted)+"\n"), &p)
		if !ok {
			return
		}
		n.Decode(&p, &e)
		if p.Err() != nil {
			return
		}
		_, _ = e.X.value(Row{"a": a, "b": b, "l": []any{Row{"x": json.Number(a)}}})
	})
}

func TestMap_literalsAndSplitTextsAreValues(t *testing.T) {
	t.Parallel()
	payment := decode[Payment](t, "{id: it.id, on: it.on, amount: it.amount, unallocated: '0'}")
	got, _, err := payment.Read(Row{"id": "1", "on": "2026-01-02", "amount": int64(5)}, Defaults{Currency: "EUR"})
	if err != nil || got.Unallocated != money.New(0, "EUR") {
		t.Errorf("a literal amount: %v %v", got.Unallocated, err)
	}
	account := decode[Account](t, `{id: it.id, name: it.name, street: 'split(it.address, "\n")'}`)
	a, _, err := account.Read(Row{"id": "1", "name": "Durand", "address": "3 quai du Port\nBâtiment B"})
	if diff := cmp.Diff([]string{"3 quai du Port", "Bâtiment B"}, a.Address.Lines); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}
