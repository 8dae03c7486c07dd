package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/files/fectest"
	"relanced/connectors/files/table"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/receivable"
)

// read is what came out of files, as a caller would keep it.
type read struct {
	accounts  map[string]receivable.Account
	documents map[string]receivable.Document
	payments  map[string]receivable.Payment
	seen      map[string]bool
	bad       []connectors.Rejected
	notes     []connectors.Rejected
	asOf      time.Time
	next      connectors.Cursor
	format    string
	parts     map[string]bool
}

func newRead() *read {
	return &read{
		accounts: map[string]receivable.Account{}, documents: map[string]receivable.Document{},
		payments: map[string]receivable.Payment{}, seen: map[string]bool{}, parts: map[string]bool{},
	}
}

// take does what a caller does with a page: absence counts when a listing ends.
func (r *read) take(t testing.TB, page connectors.Page) {
	t.Helper()
	for _, a := range page.Accounts {
		r.accounts[a.External] = a
	}
	for _, d := range page.Documents {
		if _, ok := r.accounts[d.Account]; !ok {
			t.Errorf("document %s names account %q before it was told", d.Number, d.Account)
		}
		var sum int64
		for _, due := range d.Dues {
			sum += due.Outstanding.Minor
		}
		if d.Kind == receivable.Invoice && (len(d.Dues) == 0 || sum != d.Outstanding.Minor) {
			t.Errorf("document %s: dues add up to %d, outstanding %s", d.Number, sum, d.Outstanding)
		}
		if d.Outstanding.Cmp(d.Total) > 0 {
			t.Errorf("document %s: %s outstanding of %s", d.Number, d.Outstanding, d.Total)
		}
		r.documents[d.External] = d
		r.seen[d.External] = true
	}
	for _, p := range page.Payments {
		r.payments[p.External] = p
		r.seen[p.External] = true
	}
	for _, ref := range page.Seen {
		r.seen[ref.External] = true
	}
	r.bad = append(r.bad, page.Bad...)
	r.notes = append(r.notes, page.Notes...)
	r.asOf, r.next, r.format = page.AsOf, page.Next, page.Format
	if page.Listing != nil {
		r.parts[page.Listing.Part] = true
	}
}

// open sums what is open by customer and number, credits negative under "-".
func (r *read) open() map[string]int64 {
	sums := make(map[string]int64)
	for _, d := range r.documents {
		switch {
		case d.Outstanding.IsZero():
		case d.Kind == receivable.CreditNote:
			sums[d.Account+" -"] -= d.Outstanding.Minor
		default:
			sums[d.Account+" "+d.Number] += d.Outstanding.Minor
		}
	}
	for _, p := range r.payments {
		if !p.Unallocated.IsZero() {
			sums[p.Account+" -"] -= p.Unallocated.Minor
		}
	}
	return sums
}

func connector(t testing.TB, spec Spec) *Connector {
	t.Helper()
	c, err := spec.Open(connectors.Env{
		Connection: "books", Scratch: t.TempDir(), Now: time.Now,
		Company: connectors.Company{ID: "dupont", SIREN: "732829320", Country: "FR", Currency: "EUR", Zone: time.UTC},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Connector) //nolint:forcetypeassert // what Open makes
}

func importFile(t testing.TB, c *Connector, path string, since connectors.Cursor) (*read, error) {
	t.Helper()
	r := newRead()
	r.next = since
	for page, err := range c.ImportFile(context.Background(), path, since) {
		if err != nil {
			return r, err
		}
		r.take(t, page)
	}
	return r, nil
}

func mustImport(t testing.TB, c *Connector, path string, since connectors.Cursor) *read {
	t.Helper()
	r, err := importFile(t, c, path, since)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t testing.TB, name string, body []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func fecFile(t testing.TB, style fectest.Style, lines []fectest.Line) string {
	t.Helper()
	var b bytes.Buffer
	if err := fectest.Write(&b, style, lines); err != nil {
		t.Fatal(err)
	}
	return write(t, "732829320FEC20261231.txt", b.Bytes())
}

func day(text string) calendar.Date { return calendar.MustParse(text) }

// sale and pay make the lines of an invoice and of a payment.
func sale(num, aux, piece, on string, cents int64, letter string) []fectest.Line {
	head := fectest.Line{Journal: "VE", JournalLib: "Ventes", Num: num, On: day(on), Piece: piece, PieceOn: day(on), Label: "Facture " + piece, ValidOn: day(on)}
	customer, net, vat := head, head, head
	customer.Account, customer.AccountLib, customer.Aux, customer.AuxLib, customer.Debit, customer.Letter = "411000", "Clients", aux, "Société "+aux, cents, letter
	net.Account, net.AccountLib, net.Credit = "706000", "Prestations", cents-cents/6
	vat.Account, vat.AccountLib, vat.Credit = "445710", "TVA collectée", cents/6
	return []fectest.Line{customer, net, vat}
}

func pay(num, aux, piece, on string, cents int64, letter string) []fectest.Line {
	head := fectest.Line{Journal: "BQ", JournalLib: "Banque", Num: num, On: day(on), Piece: piece, PieceOn: day(on), Label: "VIR " + aux, ValidOn: day(on)}
	bank, customer := head, head
	bank.Account, bank.AccountLib, bank.Debit = "512000", "Banque", cents
	customer.Account, customer.AccountLib, customer.Aux, customer.AuxLib, customer.Credit, customer.Letter = "411000", "Clients", aux, "Société "+aux, cents, letter
	return []fectest.Line{bank, customer}
}

func concat(parts ...[]fectest.Line) []fectest.Line {
	var all []fectest.Line
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func sample() []fectest.Line {
	return concat(
		sale("1", "DURAND", "FA 001", "2026-01-10", 120_000, "A"),
		sale("2", "DURAND", "FA 002", "2026-02-10", 60_000, ""),
		sale("3", "ETE", "FA 003", "2026-02-11", 36_000, "A"),
		pay("4", "DURAND", "CHQ 77", "2026-02-20", 120_000, "A"),
		pay("5", "ETE", "VIR 12", "2026-03-01", 6_000, "A"),
		pay("6", "ETE", "VIR 13", "2026-03-02", 1_000, ""),
	)
}

var sampleOpen = map[string]int64{"DURAND FA 002": 60_000, "ETE FA 003": 30_000, "ETE -": -1_000}

func TestImportFile_everyStyleOfAFECGivesTheSameOpenItems(t *testing.T) {
	t.Parallel()
	styles := map[string]fectest.Style{
		"norm":         {},
		"pipes":        {Separator: "|"},
		"semicolons":   {Separator: ";"},
		"points":       {DateForm: "-"},
		"day first":    {DateForm: "/"},
		"LF":           {End: "\n"},
		"CR":           {End: "\r"},
		"CR CR LF":     {End: "\r\r\n"},
		"BOM":          {Encoding: "UTF-8-BOM"},
		"Latin 9":      {Encoding: "ISO-8859-15"},
		"Windows":      {Encoding: "Windows-1252"},
		"UTF-16":       {Encoding: "UTF-16LE"},
		"19th column":  {Trailing: true},
		"Sens":         {Sens: true},
		"signs":        {Sens: true, Signs: true},
		"padded":       {Padded: true},
		"order":        {Shuffled: true},
		"quoted":       {Quoted: true, Separator: ";"},
		"no numbers":   {NumZero: true},
		"all together": {Padded: true, Trailing: true, Separator: "|", End: "\r\r\n", Encoding: "Windows-1252", Sens: true, NumZero: true},
	}
	for name, style := range styles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := mustImport(t, connector(t, Spec{}), fecFile(t, style, sample()), nil)
			if got := fmt.Sprint(r.open()); got != fmt.Sprint(sampleOpen) {
				t.Errorf("open items %v, want %v", got, sampleOpen)
			}
			if len(r.bad) > 0 {
				t.Errorf("rejected: %v", r.bad)
			}
			if name := r.accounts["ETE"].Name; name != "Société ETE" {
				t.Errorf("name %q", name)
			}
			if r.format != "fec" || !r.parts["732829320/2026"] {
				t.Errorf("format %q, parts %v", r.format, r.parts)
			}
		})
	}
}

func TestImportFile_dueDatesComeFromTheTermsAndAreEstimated(t *testing.T) {
	t.Parallel()
	r := mustImport(t, connector(t, Spec{}), fecFile(t, fectest.Style{}, sample()), nil)
	for _, d := range r.documents {
		if d.Number == "FA 002" && (d.Dues[0].On != day("2026-03-12") || !d.Dues[0].Estimated || d.IssuedOn != day("2026-02-10")) {
			t.Errorf("FA 002: %+v", d)
		}
	}
}

func TestImportFile_theSameFileGivesTheSameItems(t *testing.T) {
	t.Parallel()
	c := connector(t, Spec{})
	path := fecFile(t, fectest.Style{}, sample())
	one := mustImport(t, c, path, nil)
	two := mustImport(t, c, path, one.next)
	if fmt.Sprint(one.documents, one.payments) != fmt.Sprint(two.documents, two.payments) {
		t.Errorf("the second reading differs")
	}
}

func TestImportFile_itemsKeepTheirIdsWhenTheirLetteringChanges(t *testing.T) {
	t.Parallel()
	c := connector(t, Spec{})
	lines := sample()
	one := mustImport(t, c, fecFile(t, fectest.Style{}, lines), nil)
	lines = append(lines, pay("7", "DURAND", "VIR 14", "2026-03-05", 10_000, "B")...)
	lines[3].Letter = "B" // FA 002
	two := mustImport(t, c, fecFile(t, fectest.Style{}, lines), one.next)
	for id, d := range two.documents {
		if d.Number == "FA 002" {
			if one.documents[id].Number != "FA 002" || d.Outstanding.Minor != 50_000 || d.Total.Minor != 60_000 {
				t.Errorf("FA 002 became %+v, was %+v", d, one.documents[id])
			}
			return
		}
	}
	t.Error("FA 002 is not open any more")
}

func TestImportFile_anOlderSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	c := connector(t, Spec{})
	newer := mustImport(t, c, fecFile(t, fectest.Style{}, sample()), nil)
	_, err := importFile(t, c, fecFile(t, fectest.Style{}, sample()[:6]), newer.next)
	if err == nil || !strings.Contains(err.Error(), "older") {
		t.Errorf("error %v", err)
	}
}

func TestImportFile_whatIsNoFECIsRefusedWhole(t *testing.T) {
	t.Parallel()
	header := "JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\tPieceRef\tPieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise"
	tests := map[string]struct{ body, want string }{
		"XML":           {`<?xml version="1.0"?><comptabilite/>`, "XML"},
		"EBCDIC":        {strings.Repeat("\xD1\x96\xA4\x99\x95\x81\x93\xC3\x96\x84\x85\x40", 20), "EBCDIC"},
		"empty":         {"", "empty"},
		"spreadsheet":   {"PK\x03\x04xxxx", "spreadsheet"},
		"PDF":           {"%PDF-1.7", "it is a PDF"},
		"short header":  {"JournalCode\tEcritureNum\tCompteNum\tEcritureDate\n", "4 columns"},
		"lost column":   {strings.Replace(header, "CompteNum", "Autre1", 1) + "\n", ""},
		"no lines":      {header + "\n", "no entry"},
		"another thing": {"hello\nworld\n", "columns"},
		"all damaged":   {header + "\nVE\tx\n" + "VE\ty\n", "no entry"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := importFile(t, connector(t, Spec{Format: FEC}), write(t, "x.txt", []byte(test.body)), nil)
			var fault *connectors.Error
			if !errors.As(err, &fault) || fault.Kind != connectors.Invalid || fault.Do == "" {
				t.Fatalf("error %v", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
			if len(r.seen) > 0 {
				t.Errorf("something of it was read")
			}
		})
	}
}

func TestImportFile_damagedLinesAreRejectedAndTheirPartyIsNotTrusted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		damage func(line string) string
		want   string
	}{
		"amount":         {func(l string) string { return strings.Replace(l, "600,00", "6OO,00", 1) }, "not an amount"},
		"exponent":       {func(l string) string { return strings.Replace(l, "600,00", "6,0E+2", 1) }, "not an amount"},
		"decimals":       {func(l string) string { return strings.Replace(l, "600,00", "600,005", 1) }, "decimals"},
		"date":           {func(l string) string { return strings.Replace(l, "20260210", "20260230", 1) }, "EcritureDate"},
		"tab in a label": {func(l string) string { return strings.Replace(l, "Facture FA 002", "Facture\tFA 002", 1) }, "19 cells"},
		"huge":           {func(l string) string { return strings.Replace(l, "600,00", "99999999999999999,00", 1) }, "too large"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := fectest.Write(&b, fectest.Style{}, sample()); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(b.String(), "\r\n")
			damaged := test.damage(lines[4])
			if damaged == lines[4] {
				t.Fatalf("nothing was damaged in %q", lines[4])
			}
			lines[4] = damaged
			r := mustImport(t, connector(t, Spec{}), write(t, "x.txt", []byte(strings.Join(lines, "\r\n"))), nil)
			if len(r.bad) != 2 || r.bad[0].Line != 5 || !strings.Contains(r.bad[0].Text, test.want) || r.bad[1].Ref.External != "DURAND" {
				t.Errorf("rejected: %+v", r.bad)
			}
			want := map[string]int64{"ETE FA 003": 30_000, "ETE -": -1_000}
			if fmt.Sprint(r.open()) != fmt.Sprint(want) {
				t.Errorf("open items %v, want %v", r.open(), want)
			}
			if len(r.notes) == 0 {
				t.Error("that debit and credit differ was not told")
			}
		})
	}
}

func TestImportFile_separatorsInLabelsAreJoinedAgain(t *testing.T) {
	t.Parallel()
	lines := sample()
	lines[3].Label = "Facture | solde || travaux"
	r := mustImport(t, connector(t, Spec{}), fecFile(t, fectest.Style{Separator: "|"}, lines), nil)
	if fmt.Sprint(r.open()) != fmt.Sprint(sampleOpen) || len(r.bad) > 0 {
		t.Errorf("open items %v, rejected %v", r.open(), r.bad)
	}
}

func TestImportFile_aYearTakesOverWhatTheYearBeforeLeftOpen(t *testing.T) {
	t.Parallel()
	before := concat(
		sale("1", "DURAND", "FA 001", "2025-10-10", 120_000, ""),
		sale("2", "DURAND", "FA 002", "2025-11-10", 60_000, ""),
		sale("3", "DURAND", "FA 003", "2025-12-10", 30_000, "B"),
		sale("4", "ETE", "FA 004", "2025-12-11", 40_000, ""),
		pay("5", "ETE", "VIR 1", "2025-12-12", 500, ""),
		sale("6", "GONE", "FA 006", "2025-12-13", 7_000, "A"),
		pay("7", "GONE", "VIR 2", "2025-12-14", 7_000, "A"),
	)
	opening := func(aux, piece string, cents int64, letter string) fectest.Line {
		return fectest.Line{
			Journal: "AN", JournalLib: "A nouveaux", Num: "1", On: day("2026-01-01"), Account: "411000", AccountLib: "Clients", Aux: aux, AuxLib: "Société " + aux,
			Piece: piece, PieceOn: day("2026-01-01"), Label: "A nouveau", Debit: cents, Letter: letter,
		}
	}
	after := concat(
		[]fectest.Line{
			opening("DURAND", "RAN", 210_000, ""), opening("ETE", "RAN", 39_500, ""),
			{Journal: "AN", JournalLib: "A nouveaux", Num: "1", On: day("2026-01-01"), Account: "101000", Piece: "RAN", Label: "A nouveau", Credit: 249_500},
		},
		pay("2", "DURAND", "VIR 9", "2026-01-20", 120_000, "A"),
		pay("3", "DURAND", "VIR 10", "2026-01-21", 30_000, "B"),
		sale("4", "DURAND", "FA 101", "2026-02-01", 11_000, ""),
	)
	c := connector(t, Spec{})
	file := func(name string, lines []fectest.Line) string {
		var b bytes.Buffer
		if err := fectest.Write(&b, fectest.Style{}, lines); err != nil {
			t.Fatal(err)
		}
		return write(t, name, b.Bytes())
	}
	one := mustImport(t, c, file("732829320FEC20251231.txt", before), nil)
	two := mustImport(t, c, file("732829320FEC20261231.txt", after), one.next)
	for id, d := range two.documents {
		one.documents[id] = d
	}
	for id, p := range two.payments {
		one.payments[id] = p
	}
	want := map[string]int64{"DURAND FA 002": 60_000, "DURAND FA 101": 11_000, "ETE FA 004": 40_000, "ETE -": -500}
	if got := one.open(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("open items %v, want %v; notes %v", got, want, two.notes)
	}
	// Alone, the later year tells the same debt without the numbers.
	alone := mustImport(t, c, file("732829320FEC20261231.txt", after), nil)
	want = map[string]int64{"DURAND RAN": 60_000, "DURAND FA 101": 11_000, "ETE RAN": 39_500}
	if got := alone.open(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("alone: open items %v, want %v", got, want)
	}
}

func TestImportFile_listShapes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spec table.Spec
		body string
		want map[string]int64
	}{
		"French list": {
			table.Spec{Shape: table.Invoices},
			"Export du 01/02/2026\n\nN° facture;Code client;Client;Date;Échéance;Total TTC;Reste dû;E-mail\nFA1;C1;Durand;05/01/2026;04/02/2026;1 234,56;1 234,56;a@durand.fr\nFA2;C1;Durand;06/01/2026;05/02/2026;100,00;0,00;\nTotal;;;;;1 334,56;1 234,56;\n",
			map[string]int64{"C1 FA1": 123_456},
		},
		"rates of tax": {
			table.Spec{Shape: table.Invoices},
			"numero,client,total,solde\nF1,Durand,100.00,100.00\nF1,Durand,20.00,20.00\n",
			map[string]int64{"Durand F1": 12_000},
		},
		"aged balance with groups": {
			table.Spec{Shape: table.OpenItems},
			"Pièce;Date;Échéance;Solde\nDurand SARL;;;\nF1;01/02/2026;03/03/2026;1.234,50\nF2;13/02/2026;15/03/2026;-50,00\nMartin;;;\nF3;01/02/2026;03/03/2026;10,00\nTotal général;;;1.194,50\n",
			map[string]int64{"Durand SARL F1": 123_450, "Durand SARL -": -5_000, "Martin F3": 1_000},
		},
		"configured titles": {
			table.Spec{Shape: table.OpenItems, Locale: "en-US", Columns: map[string]string{"number": "Doc", "customer": "Who", "outstanding": "Left", "issued_on": "Day"}},
			"sep=,\nDoc,Who,Left,Day\nX-1,\"ACME, Inc\",\"(1,000)\",2/3/2026\nX-2,\"ACME, Inc\",2,1/31/2026\n",
			map[string]int64{"ACME, Inc -": -100_000, "ACME, Inc X-2": 200},
		},
		"paid flags": {
			table.Spec{Shape: table.Invoices},
			"invoice number;customer;amount;paid\n1;A;10,00;oui\n2;A;20,00;non\n3;A;30,00;12,50\n",
			map[string]int64{"A 2": 2_000, "A 3": 1_750},
		},
		"ledger": {
			table.Spec{Shape: table.Ledger},
			"JournalCode;EcritureDate;CompteNum;EcritureLib;Piece 1;Piece 2;Debit;Credit;Auxiliaire;DateEcheance;LibelleCompte;CodeLettrage\nVE;05/01/2026;411000;Fact;F1;;120,00;;C1;04/02/2026;Durand;\nVE;05/01/2026;706000;Fact;F1;;;100,00;;;;\nVE;05/01/2026;445710;Fact;F1;;;20,00;;;;\nVE;06/01/2026;411000;Fact;F2;;60,00;;C1;05/02/2026;Durand;A\nVE;06/01/2026;706000;Fact;F2;;;60,00;;;;\nBQ;07/01/2026;512000;Vir;V1;;60,00;;;;;\nBQ;07/01/2026;411000;Vir;V1;;;60,00;C1;;Durand;A\n",
			map[string]int64{"C1 F1": 12_000},
		},
		"ledger with comments and several headers": {
			table.Spec{Shape: table.Ledger},
			"Modèle d'import;;;code sur 3 caractères;;;;;;;\nJournalCode;EcritureDate;CompteNum;EcritureLib;Piece 1;Debit;Credit;Auxiliaire;DateEcheance;CodeLettrage;Formats possibles:\nVE;20260105;411000;Fact;F1;120,00;;C1;20260204;;JJ/MM/AAAA\nVE;20260105;706000;Fact;F1;;120,00;;;;\n;;;;;;;;;;AAAAMMJJ\n;;;;;;;;;;\nSans débit ni crédit;;;;;;;;;;\nJournalCode;CompteNum;EcritureDate;EcritureLib;Piece 1;Montant;Sens;Auxiliaire;DateEcheance;CodeLettrage;\nVE;411000;20260106;Fact;F2;60,00;D;C2;20260205;;\nVE;706000;20260106;Fact;F2;60,00;C;;;;\n",
			map[string]int64{"C1 F1": 12_000, "C2 F2": 6_000},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connector(t, Spec{CSV: test.spec})
			path := write(t, "list.csv", []byte(test.body))
			r := mustImport(t, c, path, nil)
			if fmt.Sprint(r.open()) != fmt.Sprint(test.want) || len(r.bad) > 0 {
				t.Errorf("open items %v, want %v; rejected %v", r.open(), test.want, r.bad)
			}
			again := mustImport(t, c, path, r.next)
			if fmt.Sprint(r.documents, r.payments) != fmt.Sprint(again.documents, again.payments) {
				t.Error("the second reading differs")
			}
		})
	}
}

func TestImportFile_ourOwnWordsAreTitlesToo(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{ // the account's code and name
		"number;customer;name;total;outstanding\nF1;C1;Durand;1,00;1,00\n":       "C1 Durand",
		"name;number;customer;total;outstanding\nDurand;F1;C1;1,00;1,00\n":       "C1 Durand",
		"number;customer;total;outstanding\nF1;Durand;1,00;1,00\n":               " Durand",
		"number;customer code;customer;total;outstanding\nF1;C1;Durand;1,00;1\n": "C1 Durand",
	} {
		c := connector(t, Spec{Format: CSV, CSV: table.Spec{Shape: table.Invoices}})
		r := mustImport(t, c, write(t, "list.csv", []byte(title)), nil)
		for _, a := range r.accounts {
			if got := a.Code + " " + a.Name; got != want || len(r.accounts) != 1 {
				t.Errorf("%q: account %q of %d, want %q", title, got, len(r.accounts), want)
			}
		}
	}
}

func TestImportFile_damagedColumnsAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"exponent in a number": {"numero;client;total;solde\n1,23E+15;A;1,00;1,00\n", `line 2, column "numero"`},
		"hashes":               {"numero;client;total;solde\n1;A;1,00;1,00\n2;A;1,00;####\n", `line 3, column "solde"`},
		"lost zeros":           {"numero;code client;total;solde\n1;00412;1,00;1,00\n2;87;1,00;1,00\n", `line 3, column "code client"`},
		"dates and numbers":    {"numero;client;date;total;solde\n1;A;05/01/2026;1,00;1,00\n2;A;46000;1,00;1,00\n", `line 3, column "date"`},
		"two decimal marks":    {"numero;client;total;solde\n1;A;1,50;1,50\n2;A;1.50;1,50\n", `line 3, column "total"`},
		"ambiguous":            {"numero;client;total;solde\n1;A;1.234;1.234\n", "csv.locale"},
		"day and month":        {"numero;client;date;total;solde\n1;A;13/01/2026;1,00;1,00\n2;A;01/13/2026;1,00;1,00\n", `line 3, column "date"`},
		"no header":            {"1;A;1,00;1,00\n", "header"},
		"nothing left":         {"numero;client;total;date\n1;A;1,00;01/01/2026\n", "what is left"},
		"open quote":           {"numero;client;total;solde\n\"1;A;1,00;1,00\n", "quotation mark"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connector(t, Spec{Format: CSV, CSV: table.Spec{Shape: table.Invoices}})
			_, err := importFile(t, c, write(t, "list.csv", []byte(test.body)), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not say %q", err, test.want)
			}
		})
	}
}

func TestPull_filesMoveWhenTheirPagesAreCommitted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	c := connector(t, Spec{Folder: conf.Path(root)})
	ctx := connectors.WithAsked(context.Background())
	pull := func(since connectors.Cursor, pages int) (*read, error) {
		r := newRead()
		r.next = since
		for page, err := range c.Pull(ctx, since) {
			if err != nil {
				return r, err
			}
			if pages--; pages < 0 {
				break
			}
			r.take(t, page)
		}
		return r, nil
	}
	if _, err := pull(nil, 9); err != nil {
		t.Fatal(err)
	}
	var good bytes.Buffer
	if err := fectest.Write(&good, fectest.Style{}, sample()); err != nil {
		t.Fatal(err)
	}
	inbox := filepath.Join(root, "inbox", "fec.txt")
	drop := func(path string, body []byte) {
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	drop(inbox, good.Bytes())
	if _, err := pull(nil, 1); err != nil { // the caller stopped before the last page
		t.Fatal(err)
	}
	if _, err := os.Stat(inbox); err != nil {
		t.Fatal("the file was moved before its last page was committed")
	}
	r, err := pull(nil, 9)
	if err != nil || fmt.Sprint(r.open()) != fmt.Sprint(sampleOpen) {
		t.Fatalf("open items %v, error %v", r.open(), err)
	}
	if _, err := os.Stat(filepath.Join(root, "done", "fec.txt")); err != nil {
		t.Error(err)
	}
	drop(inbox, good.Bytes()) // as after a crash between commit and move
	again, err := pull(r.next, 9)
	if err != nil || len(again.seen) > 0 {
		t.Errorf("a file that was taken was read again: %v, error %v", again.seen, err)
	}
	if _, err := os.Stat(filepath.Join(root, "done", "fec-2.txt")); err != nil {
		t.Error(err)
	}
	drop(filepath.Join(root, "inbox", "bad.txt"), []byte("<?xml version='1.0'?><x/>"))
	drop(filepath.Join(root, "inbox", ".hidden"), []byte("x"))
	refused, err := pull(r.next, 9)
	if err != nil || len(refused.bad) != 1 || !strings.Contains(refused.bad[0].Text, "bad.txt") {
		t.Errorf("rejected %v, error %v", refused.bad, err)
	}
	report, err := os.ReadFile(filepath.Join(root, "failed", "bad.txt.txt"))
	if err != nil || !strings.Contains(string(report), "XML") {
		t.Errorf("report %q, error %v", report, err)
	}
}

func TestImportFile_aCustomerWhoIsASupplierTooIsTold(t *testing.T) {
	t.Parallel()
	bill := func(aux, name string, cents int64) []fectest.Line {
		head := fectest.Line{Journal: "AC", JournalLib: "Achats", Num: "9" + aux, On: day("2026-02-15"), Piece: "X" + aux, PieceOn: day("2026-02-15"), Label: "Achat", ValidOn: day("2026-02-15")}
		owed, cost := head, head
		owed.Account, owed.AccountLib, owed.Aux, owed.AuxLib, owed.Credit = "401000", "Fournisseurs", aux, name, cents
		cost.Account, cost.Debit = "606000", cents
		return []fectest.Line{owed, cost}
	}
	r := mustImport(t, connector(t, Spec{}), fecFile(t, fectest.Style{}, concat(sample(), bill("F-ETE", "Société ETE", 5_000), bill("OTHER", "Autre", 100))), nil)
	if !r.accounts["ETE"].Supplier || r.accounts["DURAND"].Supplier {
		t.Errorf("accounts %+v", r.accounts)
	}
}
