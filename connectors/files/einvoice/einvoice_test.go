package einvoice_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"relanced/connectors/files/einvoice"
	"relanced/connectors/files/einvoicetest"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

var dupont = einvoice.Config{SIREN: "732829320", Terms: calendar.Terms{Agreed: true, Days: 45}}

func receive(t testing.TB, body []byte) (einvoice.Receivable, error) {
	t.Helper()
	in, err := einvoice.Read(context.Background(), bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return einvoice.Receivable{}, err
	}
	return in.Receivable(dupont)
}

func mustReceive(t testing.TB, body []byte) einvoice.Receivable {
	t.Helper()
	r, err := receive(t, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func eur(minor int64) money.Amount { return money.New(minor, "EUR") }

func day(text string) calendar.Date { return calendar.MustParse(text) }

func TestRead_theSameInvoiceInEveryForm(t *testing.T) {
	t.Parallel()
	in := einvoicetest.Simple()
	in.Total, in.Prepaid, in.Owed = "671.15", "201.00", "470.15"
	want := einvoice.Receivable{
		Account: receivable.Account{
			External: "C001", Code: "C001", Name: "Durand <SAS>", Kind: receivable.KindUnknown, Emails: []string{"compta@durand.example"},
			Contacts: []receivable.Contact{{Name: "Alice Martin", Email: "compta@durand.example", Role: "billing"}}, Country: "FR",
			Address: receivable.Address{Lines: []string{"1 rue Basse"}, Postcode: "75001", City: "Paris"},
			SIREN:   "552100554", SIRET: "55210055400013", VAT: "FR96552100554",
		},
		Document: receivable.Document{
			External: "C001/fa-2026-001", Account: "C001", Number: "FA-2026-001", Kind: receivable.Invoice, IssuedOn: day("2026-11-03"),
			Total: eur(67115), Outstanding: eur(47015), OrderRef: "PO-77", Method: receivable.MethodTransfer,
			Dues: []receivable.Due{{Rank: 1, On: day("2026-12-03"), Total: eur(67115), Outstanding: eur(47015)}},
		},
	}
	bogus, utf16 := in, in
	bogus.Encoding, utf16.Encoding = "UTF-8-W/O-BOM", "UTF-16"
	long := in
	long.Lines = 50_000
	cii := in.CII()
	forms := map[string][]byte{
		"CII":             cii,
		"UBL":             in.UBL(),
		"bogus encoding":  bogus.CII(),
		"byte-order mark": append([]byte("\xEF\xBB\xBF"), cii...),
		"UTF-16":          wide(utf16.CII()),
		"many lines":      long.CII(),
		"PDF":             einvoicetest.PDF(einvoicetest.File{Name: "(factur-x.xml)", Body: cii}),
		"escaped name":    einvoicetest.PDF(einvoicetest.File{Name: einvoicetest.Escaped, Body: cii}),
		"UTF-16 name":     einvoicetest.PDF(einvoicetest.File{Name: "<FEFF0066006100630074007500720058002D0078002E0078006D006C>", Body: cii}),
		"capitals":        einvoicetest.PDF(einvoicetest.File{Name: "(ZUGFeRD-Invoice.XML)", Body: cii}),
		"xrechnung":       einvoicetest.PDF(einvoicetest.File{Name: "(xrechnung.xml)", Body: in.UBL()}),
		"associated only": einvoicetest.PDF(einvoicetest.File{Name: "(factur-x.xml)", Body: cii, Associated: true}),
		"packed objects":  packed(t, cii),
		"locked to edit":  locked(t, "", packed(t, cii)),
		"unknown name":    einvoicetest.PDF(einvoicetest.File{Name: "(note.txt)", Body: []byte("x")}, einvoicetest.File{Name: "(invoice.xml)", Body: cii}),
	}
	for name, body := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, mustReceive(t, body)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// packed is a PDF with the XML in it whose objects are in compressed streams.
func packed(t testing.TB, body []byte) []byte {
	t.Helper()
	api.DisableConfigDir()
	path := filepath.Join(t.TempDir(), "factur-x.xml")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := api.AddAttachments(bytes.NewReader(einvoicetest.PDF()), &out, []string{path}, false, model.NewDefaultConfiguration()); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out.Bytes(), []byte("\nxref\n")) {
		t.Fatal("the objects are not packed")
	}
	return out.Bytes()
}

// locked is an encrypted PDF: without a user's password it can be read by anybody.
func locked(t testing.TB, user string, body []byte) []byte {
	t.Helper()
	api.DisableConfigDir()
	var out bytes.Buffer
	if err := api.Encrypt(bytes.NewReader(body), &out, model.NewAESConfiguration(user, "owner", 256)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// wide is ASCII text as UTF-16 with its mark.
func wide(text []byte) []byte {
	out := []byte{0xFF, 0xFE}
	for _, b := range text {
		out = append(out, b, 0)
	}
	return out
}

func TestRead_severalXMLFilesByTheOrderOfTheirNames(t *testing.T) {
	t.Parallel()
	first, second := einvoicetest.Simple(), einvoicetest.Simple()
	first.Number, second.Number = "GOOD", "OTHER"
	body := einvoicetest.PDF(
		einvoicetest.File{Name: "(data.xml)", Body: second.CII()}, einvoicetest.File{Name: "(xrechnung.xml)", Body: second.CII()},
		einvoicetest.File{Name: "(zugferd-invoice.xml)", Body: first.CII()},
	)
	if got := mustReceive(t, body).Document.Number; got != "GOOD" {
		t.Errorf("took %s", got)
	}
}

func TestRead_whatIsNoInvoiceIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	in := einvoicetest.Simple()
	bomb, external := in, in
	bomb.Prolog = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	external.Prolog = `<!DOCTYPE x SYSTEM "file:///etc/passwd">`
	strange := in
	strange.Encoding = "EBCDIC-FR"
	entity := bytes.Replace(in.CII(), []byte("PO-77"), []byte("&a;"), 1)
	order := []byte(`<rsm:SCRDMCCBDACIOMessageStructure xmlns:rsm="urn:un:unece:uncefact:data:SCRDMCCBDACIOMessageStructure:100"/>`)
	file := func(name string, body []byte) []byte {
		return einvoicetest.PDF(einvoicetest.File{Name: name, Body: body})
	}
	tests := map[string]struct {
		body []byte
		want string
	}{
		"plain PDF":        {einvoicetest.PDF(), "no electronic invoice"},
		"other files only": {file("(photo.jpg)", []byte("x")), "no electronic invoice"},
		"an order":         {file("(order-x.xml)", order), "an order"},
		"encrypted":        {locked(t, "secret", packed(t, in.CII())), "encrypted"},
		"names in a ring":  {bytes.Replace(file("(a.txt)", nil), []byte("<< /Names ["), []byte("<< /Kids [6 0 R 6 0 R] /Names ["), 1), "has no end"},
		"many packed":      {append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("<</Type/ObjStm>>\n"), 300)...), "packed parts"},
		"damaged PDF":      {[]byte("%PDF-1.7\nnothing"), "damaged"},
		"cut PDF":          {file("(factur-x.xml)", in.CII())[:700], "damaged"},
		"ZUGFeRD 1":        {[]byte(`<rsm:CrossIndustryDocument xmlns:rsm="urn:ferd:CrossIndustryDocument:invoice:1p0"/>`), "ZUGFeRD 1"},
		"another version":  {bytes.ReplaceAll(in.CII(), []byte("CrossIndustryInvoice:100"), []byte("CrossIndustryInvoice:200")), "another version"},
		"a UBL order":      {[]byte(`<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>`), "no invoice"},
		"a FEC in XML":     {[]byte(`<comptabilite/>`), "text form"},
		"HTML":             {[]byte(`<html><body></body></html>`), "no invoice"},
		"entities":         {bomb.CII(), "document type"},
		"external":         {external.CII(), "document type"},
		"unknown entity":   {entity, "broken"},
		"encoding":         {strange.CII(), "encoding"},
		"no UTF-8":         {bytes.Replace(in.CII(), []byte("PO-77"), []byte("\xE9"), 1), "broken"},
		"deep":             {[]byte(strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)), "deeper"},
		"deep in a line":   {[]byte("<a><InvoiceLine>" + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + "</InvoiceLine></a>"), "deeper"},
		"wide":             {[]byte("<a>" + strings.Repeat("<b/>", 200_000) + "</a>"), "elements"},
		"huge":             {append(in.CII(), bytes.Repeat([]byte(" "), 11<<20)...), "MB"},
		"packed":           {file("(factur-x.xml)", append(in.CII(), bytes.Repeat([]byte(" "), 60<<20)...)), "cannot be read"},
		"truncated":        {in.CII()[:900], "broken"},
		"two roots of one": {append([]byte("<x/>"), in.CII()...), "no invoice"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := receive(t, test.body)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not say %q", err, test.want)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestReceivable_onlyTheCompanysOwnInvoices(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(in *einvoicetest.Invoice)
		want   string // "" taken
	}{
		"SIREN": {func(in *einvoicetest.Invoice) { in.Seller.VAT = "" }, ""},
		"SIRET": {func(in *einvoicetest.Invoice) {
			in.Seller.SIREN, in.Seller.SIRET, in.Seller.VAT = "", "73282932000074", ""
		}, ""},
		"French VAT number":  {func(in *einvoicetest.Invoice) { in.Seller.SIREN, in.Seller.VAT = "", "FR 44 732 829 320" }, ""},
		"self-billed":        {func(in *einvoicetest.Invoice) { in.Type = "389" }, ""},
		"another seller":     {func(in *einvoicetest.Invoice) { in.Seller.SIREN, in.Seller.VAT = "552100554", "" }, "the seller is Dupont"},
		"a foreign seller":   {func(in *einvoicetest.Invoice) { in.Seller.SIREN, in.Seller.VAT = "", "DE123456789" }, "DE123456789"},
		"a supplier's":       {func(in *einvoicetest.Invoice) { in.Seller, in.Buyer = in.Buyer, in.Seller }, "supplier's invoice"},
		"no number of sale":  {func(in *einvoicetest.Invoice) { in.Seller.SIREN, in.Seller.VAT = "", "" }, "cannot be told"},
		"no buyer":           {func(in *einvoicetest.Invoice) { in.Buyer = einvoicetest.Party{} }, "no buyer"},
		"no invoice number":  {func(in *einvoicetest.Invoice) { in.Number = "" }, "BT-1"},
		"no date":            {func(in *einvoicetest.Invoice) { in.Issued = "" }, "BT-2"},
		"a date that is not": {func(in *einvoicetest.Invoice) { in.Issued = "20260230" }, "BT-2"},
		"no amount due":      {func(in *einvoicetest.Invoice) { in.Owed = "" }, "BT-115"},
		"a comma":            {func(in *einvoicetest.Invoice) { in.Owed = "120,00" }, "BT-115"},
		"third decimals":     {func(in *einvoicetest.Invoice) { in.Owed = "120.005" }, "decimals"},
		"no currency":        {func(in *einvoicetest.Invoice) { in.Currency = "euro" }, "BT-5"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := einvoicetest.Simple()
			test.change(&in)
			for _, body := range [][]byte{in.CII(), in.UBL()} {
				_, err := receive(t, body)
				if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("error %v, want %q", err, test.want)
				}
			}
		})
	}
	in, err := einvoice.Read(context.Background(), bytes.NewReader(einvoicetest.Simple().CII()), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Receivable(einvoice.Config{}); err == nil || !strings.Contains(err.Error(), "siren") {
		t.Errorf("a company without a SIREN: %v", err)
	}
}

func TestReceivable_kindsAndSigns(t *testing.T) {
	t.Parallel()
	const unchecked = receivable.StandingUnchecked
	tests := []struct {
		typ, total, due string
		kind            receivable.DocumentKind
		standing        receivable.Standing
		owed            int64
	}{
		{"380", "233.47", "233.47", receivable.Invoice, "", 23347},
		{"381", "233.47", "233.47", receivable.CreditNote, "", 23347},
		{"380", "-233.47", "-233.47", receivable.CreditNote, "", 23347},
		{"381", "-233.47", "-233.47", receivable.CreditNote, unchecked, 23347},
		{"384", "10", "10", receivable.Invoice, "", 1000},
		{"386", "10", "10", receivable.Invoice, "", 1000},
		{"389", "10", "10", receivable.Invoice, "", 1000},
		{"877", "10", "10", receivable.Invoice, "", 1000},
		{"751", "10", "10", receivable.Invoice, unchecked, 1000},
		{"", "10", "10", receivable.Invoice, unchecked, 1000},
		{"380", "10", "0.00", receivable.Invoice, "", 0},
		{"380", "10", "-3.00", receivable.Invoice, "", 0},
		{"380", "10", "10.01", receivable.Invoice, "", 1001},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.typ, " ", test.total, " ", test.due), func(t *testing.T) {
			t.Parallel()
			in := einvoicetest.Simple()
			in.Type, in.Total, in.Owed = test.typ, test.total, test.due
			for _, body := range [][]byte{in.CII(), in.UBL()} {
				r := mustReceive(t, body)
				d := r.Document
				if d.Kind != test.kind || d.Standing != test.standing || d.Outstanding != eur(test.owed) || d.Total.Cmp(d.Outstanding) < 0 {
					t.Errorf("%s (%s): %s of %s", d.Kind, d.Standing, d.Outstanding, d.Total)
				}
				if (d.Standing != "" || test.due == "-3.00") != (len(r.Notes) > 0) {
					t.Errorf("notes %q", r.Notes)
				}
				if (d.Kind == receivable.Invoice) != (len(d.Dues) == 1) {
					t.Errorf("due lines %+v", d.Dues)
				}
			}
		})
	}
}

func TestReceivable_amountsThatContradictEachOtherAreShownAndNotChased(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		total, prepaid, due string
		agrees              bool
	}{
		{"671.15", "201.00", "470.15", true},
		{"671.15", "", "470.15", true}, // MINIMUM tells no prepayment
		{"100.00", "10.00", "90.05", true},
		{"100.00", "10.00", "95.00", false},
		{"100.00", "10.00", "85.00", false},
		{"100.00", "", "150.00", false},
		{"100.00", "100.00", "0.00", true},
		{"-100.00", "", "-100.00", true},
	} {
		in := einvoicetest.Simple()
		in.Total, in.Prepaid, in.Owed = test.total, test.prepaid, test.due
		for _, body := range [][]byte{in.CII(), in.UBL()} {
			r := mustReceive(t, body)
			if got := r.Document.Standing == "" && len(r.Notes) == 0; got != test.agrees {
				t.Errorf("%s less %q, due %s: %s %q", test.total, test.prepaid, test.due, r.Document.Standing, r.Notes)
			}
		}
	}
}

func TestReceivable_whenItFallsDue(t *testing.T) {
	t.Parallel()
	type due struct {
		on        string
		owed      int64
		estimated bool
	}
	tests := map[string]struct {
		change func(in *einvoicetest.Invoice)
		want   []due
		noted  bool
	}{
		"its own date":        {func(*einvoicetest.Invoice) {}, []due{{"2026-12-03", 12000, false}}, false},
		"nothing (MINIMUM)":   {func(in *einvoicetest.Invoice) { in.Due = "" }, []due{{"2026-12-18", 12000, true}}, false},
		"30 jours":            {func(in *einvoicetest.Invoice) { in.Due, in.Terms = "", "Paiement à 30 jours net" }, []due{{"2026-12-03", 12000, true}}, false},
		"end of month":        {func(in *einvoicetest.Invoice) { in.Due, in.Terms = "", "30 jours fin de mois" }, []due{{"2026-12-31", 12000, true}}, false},
		"on receipt":          {func(in *einvoicetest.Invoice) { in.Due, in.Terms = "", "Payable à réception" }, []due{{"2026-11-03", 12000, true}}, false},
		"a discount's days":   {func(in *einvoicetest.Invoice) { in.Due, in.Terms = "", "2% d'escompte sous 8 jours" }, []due{{"2026-12-18", 12000, true}}, false},
		"two numbers of days": {func(in *einvoicetest.Invoice) { in.Due, in.Terms = "", "30 jours ou 60 jours" }, []due{{"2026-12-18", 12000, true}}, false},
		"instalments": {func(in *einvoicetest.Invoice) {
			in.Parts = []einvoicetest.Part{{On: "20270103", Amount: "40.00"}, {On: "20261203", Amount: "80.00"}}
		}, []due{{"2026-12-03", 8000, false}, {"2027-01-03", 4000, false}}, false},
		"instalments, a part paid": {func(in *einvoicetest.Invoice) {
			in.Parts, in.Owed, in.Prepaid = []einvoicetest.Part{{On: "20261203", Amount: "80.00"}, {On: "20270103", Amount: "40.00"}}, "30.00", "90.00"
		}, []due{{"2026-12-03", 0, false}, {"2027-01-03", 3000, false}}, false},
		"dates without sums": {func(in *einvoicetest.Invoice) {
			in.Parts = []einvoicetest.Part{{On: "20261203"}, {On: "20270103"}}
		}, []due{{"2027-01-03", 12000, false}}, true},
		"sums that do not add up": {func(in *einvoicetest.Invoice) {
			in.Parts = []einvoicetest.Part{{On: "20261203", Amount: "80.00"}, {On: "20270103", Amount: "41.00"}}
		}, []due{{"2027-01-03", 12000, false}}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := einvoicetest.Simple()
			test.change(&in)
			for _, body := range [][]byte{in.CII(), in.UBL()} {
				r := mustReceive(t, body)
				var got []due
				for i, d := range r.Document.Dues {
					got = append(got, due{d.On.String(), d.Outstanding.Minor, d.Estimated})
					if d.Rank != i+1 {
						t.Errorf("rank %d at %d", d.Rank, i)
					}
				}
				if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(due{})); diff != "" || test.noted != (len(r.Notes) > 0) {
					t.Errorf("(-want +got)\n%s\nnotes %q", diff, r.Notes)
				}
			}
		})
	}
}

func TestReceivable_linksAndMeans(t *testing.T) {
	t.Parallel()
	in := einvoicetest.Simple()
	in.Type, in.Preceding = "381", "FA 000"
	if d := mustReceive(t, in.CII()).Document; d.Credits != "C001/fa 000" {
		t.Errorf("a credit note corrects %q", d.Credits)
	}
	in.Type = "384"
	if r := mustReceive(t, in.UBL()); !cmp.Equal(r.Replaces, []string{"C001/fa 000"}) || len(r.Notes) != 1 {
		t.Errorf("a corrected invoice replaces %q, notes %q", r.Replaces, r.Notes)
	}
	for code, want := range map[string]receivable.PaymentMethod{"59": "direct_debit", "49": "direct_debit", "30": "transfer", "20": "cheque", "48": "card", "44": "bill", "1": ""} {
		in := einvoicetest.Simple()
		in.Means = code
		if got := mustReceive(t, in.CII()).Document.Method; got != want {
			t.Errorf("means %s: %q, want %q", code, got, want)
		}
	}
	in = einvoicetest.Simple()
	in.Type = "393"
	if !mustReceive(t, in.CII()).Document.Assigned {
		t.Error("a factored invoice is not assigned")
	}
}

func TestReceivable_theBuyerKeepsItsKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(p *einvoicetest.Party)
		want   string
	}{
		"the seller's code": {func(*einvoicetest.Party) {}, "C001"},
		"SIREN":             {func(p *einvoicetest.Party) { p.Code = "" }, "552100554"},
		"VAT":               {func(p *einvoicetest.Party) { p.Code, p.SIREN, p.SIRET, p.VAT = "", "", "", "DE 123 456 789" }, "DE123456789"},
		"name":              {func(p *einvoicetest.Party) { *p = einvoicetest.Party{Name: " Durand  SAS "} }, "Durand SAS"},
	} {
		in := einvoicetest.Simple()
		test.change(&in.Buyer)
		for _, body := range [][]byte{in.CII(), in.UBL()} {
			if got := mustReceive(t, body).Account.External; got != test.want {
				t.Errorf("%s: key %q, want %q", name, got, test.want)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	in := einvoicetest.Simple()
	f.Add(in.CII())
	f.Add(in.UBL())
	f.Add(einvoicetest.PDF(einvoicetest.File{Name: einvoicetest.Escaped, Body: in.CII()}))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := receive(t, body)
		if err != nil {
			return
		}
		if r.Document.Outstanding.Sign() < 0 || r.Document.Outstanding.Cmp(r.Document.Total) > 0 || r.Account.External == "" {
			t.Errorf("%+v", r)
		}
	})
}
