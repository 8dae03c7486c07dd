package einvoice_test

import (
	"bytes"
	"context"
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
