package sync

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"relanced/connectors"
	"relanced/connectors/files"
	"relanced/connectors/files/table"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/sync/documents"
)

const usine receivable.ConnectionID = "usine"

// newFiles is a company whose books come as files, into a store of its own.
func newFiles(t *testing.T, spec files.Spec) *bundle {
	t.Helper()
	b := &bundle{t: t, clock: newClock(), dsn: "sqlite:" + filepath.Join(t.TempDir(), "facts.db")}
	b.c = Company{ID: dupont, Zone: time.UTC, Sources: []Source{b.filesSource(usine, spec)}}
	b.open()
	return b
}

func (b *bundle) filesSource(name receivable.ConnectionID, spec files.Spec) Source {
	b.t.Helper()
	connector, err := spec.Open(connectors.Env{
		Connection: name, Company: connectors.Company{ID: dupont, SIREN: "732829320", Country: "FR", Currency: "EUR", Zone: time.UTC, Terms: "30d"},
		Now: b.clock.Now, Logger: slog.New(slog.DiscardHandler), Scratch: b.t.TempDir(),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return Source{Name: name, Type: "files", Connector: connector}
}

func (b *bundle) write(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	old := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, old, old); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bundle) imports(path string, dry bool) Report {
	b.t.Helper()
	report, err := b.Import(context.Background(), dupont, usine, path, dry)
	if err != nil {
		b.t.Fatal(err)
	}
	return report
}

// invoices are the numbers of what is open, sorted.
func (b *bundle) invoices() []string {
	b.t.Helper()
	var numbers []string
	for row, err := range b.store.Invoices(context.Background(), store.InvoiceFilter{Company: dupont}) {
		if err != nil {
			b.t.Fatal(err)
		}
		numbers = append(numbers, row.Number)
	}
	slices.Sort(numbers)
	return numbers
}

func (b *bundle) dossierOf(code string) dossier.Dossier {
	b.t.Helper()
	id, err := b.store.FindCustomer(context.Background(), dupont, code)
	if err != nil {
		b.t.Fatal(err)
	}
	d, err := b.store.Dossier(context.Background(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

const fecHeader = "JournalCode\tJournalLib\tEcritureNum\tEcritureDate\tCompteNum\tCompteLib\tCompAuxNum\tCompAuxLib\tPieceRef\tPieceDate\tEcritureLib\tDebit\tCredit\tEcritureLet\tDateLet\tValidDate\tMontantdevise\tIdevise\n"

// sale is an entry of an invoice; paid, of the payment that settles it.
func sale(num, date, aux, ref, amount, letter string) string {
	return strings.Join([]string{"VE", "Ventes", num, date, "411000", "Clients", aux, "Client " + aux, ref, date, "Facture " + ref, amount, "0,00", letter, "", date, "", ""}, "\t") + "\n" +
		strings.Join([]string{"VE", "Ventes", num, date, "706000", "Ventes", "", "", ref, date, "Facture " + ref, "0,00", amount, "", "", date, "", ""}, "\t") + "\n"
}

func paid(num, date, aux, ref, amount, letter string) string {
	return strings.Join([]string{"BQ", "Banque", num, date, "411000", "Clients", aux, "Client " + aux, ref, date, "Virement", "0,00", amount, letter, date, date, "", ""}, "\t") + "\n" +
		strings.Join([]string{"BQ", "Banque", num, date, "512000", "Banque", "", "", ref, date, "Virement", amount, "0,00", "", "", date, "", ""}, "\t") + "\n"
}

func TestImport_FECWithCustomersFile(t *testing.T) {
	t.Parallel()
	b := newFiles(t, files.Spec{Format: files.Auto})
	people := b.write("clients.csv", "code;emails;payer;plan\nC001;alice@a.example|bob@a.example;;\nC002;carol@c.example;C001;key_account\nNOBODY;x@x.example;;\n")
	b.c.CustomersFile = people
	b.open()
	first := fecHeader + sale("1", "20260901", "C001", "F-1", "120,00", "") + sale("2", "20260902", "C002", "F-2", "60,00", "") +
		sale("3", "20260903", "C001", "F-3", "30,00", "AA") + paid("4", "20261001", "C001", "F-3", "30,00", "AA")
	path := b.write("732829320FEC20261231.txt", first)

	if dry := b.imports(path, true); dry.Error != nil || dry.New != 2 || dry.Format != "fec" || dry.File != path {
		t.Fatalf("dry run: %+v (%v)", dry, dry.Error)
	}
	if got := b.invoices(); len(got) != 0 {
		t.Fatalf("a dry run kept %v", got)
	}
	if got := b.imports(path, false); got.Error != nil || !got.OK || got.New != 2 || got.Closed != 0 || got.Rejected != 0 {
		t.Fatalf("import: %+v (%v)", got, got.Error)
	}
	if got := b.invoices(); !slices.Equal(got, []string{"F-1", "F-2"}) {
		t.Errorf("open: %v", got)
	}
	if got := b.imports(path, false); got.Error != nil || got.New != 0 || got.Unchanged != 2 || got.Changed != 0 {
		t.Errorf("the same file again: %+v (%v)", got, got.Error)
	}
	d := b.dossierOf("C001")
	if !slices.Equal(d.Customer.Emails, []string{"alice@a.example", "bob@a.example"}) || len(d.Customer.Accounts) != 2 || len(d.Lines) != 2 {
		t.Errorf("C001 pays for C002 and has two addresses, the store says %+v with %d lines", d.Customer, len(d.Lines))
	}
	problems, err := b.FileProblems(context.Background(), dupont)
	if err != nil || len(problems) != 1 || !strings.Contains(problems[0].Text, "NOBODY") {
		t.Errorf("problems of the customers' file: %v, %v", problems, err)
	}

	// What the file says is taken again when it changes, and lifted when it is gone.
	if err := os.WriteFile(people, []byte("code;emails\nC001;dora@a.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := first + paid("5", "20261015", "C002", "F-2", "60,00", "")
	second = strings.Replace(second, "Client C002\tF-2\t20260902\tFacture F-2\t60,00\t0,00\t\t", "Client C002\tF-2\t20260902\tFacture F-2\t60,00\t0,00\tBB\t", 1)
	second = strings.Replace(second, "Virement\t0,00\t60,00\t\t", "Virement\t0,00\t60,00\tBB\t", 1)
	newer := b.write("732829320FEC20261231.txt", second)
	if got := b.imports(newer, false); got.Error != nil || got.Closed != 1 || got.New != 0 || got.Unchanged != 1 || got.Changed != 0 {
		t.Errorf("a newer export with F-2 paid: %+v (%v)", got, got.Error)
	}
	if d := b.dossierOf("C001"); !slices.Equal(d.Customer.Emails, []string{"dora@a.example"}) || len(d.Customer.Accounts) != 1 {
		t.Errorf("the changed customers' file was not taken: %+v", d.Customer)
	}
	if got := b.invoices(); !slices.Equal(got, []string{"F-1"}) {
		t.Errorf("open: %v", got)
	}
}

func TestImport_refusedFileLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newFiles(t, files.Spec{Format: files.Auto})
	good := b.write("732829320FEC20261231.txt", fecHeader+sale("1", "20260901", "C001", "F-1", "120,00", ""))
	b.imports(good, false)
	before, err := b.store.Connection(context.Background(), store.ConnectionKey{Company: dupont, Name: usine})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"no such thing", "", "PK\x03\x04zip", "%PDF-1.7"} {
		for _, dry := range []bool{true, false} {
			got := b.imports(b.write("broken.txt", text), dry)
			if got.OK || got.Error == nil || got.Error.Do == "" || got.New != 0 {
				t.Errorf("%q gave %+v", text, got)
			}
		}
	}
	if got, err := b.Import(context.Background(), dupont, usine, filepath.Join(t.TempDir(), "missing.txt"), false); err != nil || got.Error == nil {
		t.Errorf("a file that is not there: %+v, %v", got, err)
	}
	after, err := b.store.Connection(context.Background(), before.Key)
	if err != nil || !after.Fresh() || !after.AcceptedAt.Equal(before.AcceptedAt) || !slices.Equal(b.invoices(), []string{"F-1"}) {
		t.Errorf("refused files changed something: %+v, %v", after, err)
	}
}

func TestImport_countsRejectedLines(t *testing.T) {
	t.Parallel()
	b := newFiles(t, files.Spec{Format: files.CSV, CSV: table.Spec{Shape: "invoices", Locale: "fr"}})
	path := b.write("list.csv", "number;customer;name;issued_on;due_on;total;outstanding\nF-1;C1;Alpha;01/09/2026;01/10/2026;100,00;100,00\nF-2;C1;Alpha;01/09/2026;99/99/2026;x;y\nF-3;C2;Beta;01/09/2026;01/10/2026;50,00;0,00\n")
	got := b.imports(path, false)
	if got.Error != nil || got.New != 1 || got.Rejected != 1 || len(got.Problems) == 0 || got.Problems[0].Line != 3 || got.Format != "csv" {
		t.Errorf("%+v (%v), problems %+v", got, got.Error, got.Problems)
	}
}

func TestPass_watchedFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	b := newFiles(t, files.Spec{Format: files.Auto, Folder: conf.Path(folder)})
	pass := func(o Options) Report {
		t.Helper()
		report, err := b.Pass(context.Background(), dupont, usine, o)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if got := pass(Options{Asked: true}); !got.OK || !got.AsOf.IsZero() {
		t.Errorf("an empty folder: %+v", got)
	}
	drop := func(text string, at time.Time) {
		path := filepath.Join(folder, "inbox", "732829320FEC20261231.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	drop(fecHeader+sale("1", "20260901", "C001", "F-1", "120,00", ""), time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC))
	got := pass(Options{Asked: true})
	if !got.OK || !slices.Equal(b.invoices(), []string{"F-1"}) || got.AsOf.IsZero() {
		t.Errorf("a dropped file: %+v, open %v", got, b.invoices())
	}
	// A broken file is set aside and told; what was there stays true and fresh.
	drop("rubbish", time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC))
	if got := pass(Options{Asked: true}); len(got.Problems) == 0 || got.Rejected != 1 || !slices.Equal(b.invoices(), []string{"F-1"}) {
		t.Errorf("a broken file: %+v", got)
	}
	if left, _ := os.ReadDir(filepath.Join(folder, "failed")); len(left) != 2 {
		t.Errorf("the broken file is not set aside with its reason: %v", left)
	}
	if tasks, err := b.store.Tasks(context.Background(), store.TaskFilter{Company: dupont, Kind: "file"}); err != nil || len(tasks) != 1 {
		t.Errorf("tasks %+v, %v: want one for the refused file", tasks, err)
	}
	// --full does not forget what was taken.
	if got := pass(Options{Asked: true, Full: true}); !got.OK || !slices.Equal(b.invoices(), []string{"F-1"}) {
		t.Errorf("--full: %+v, open %v", got, b.invoices())
	}
}

func TestPass_historyBecomesFactsOnce(t *testing.T) {
	t.Parallel()
	b := newFiles(t, files.Spec{Format: files.Auto})
	path := b.write("reprise.csv", "customer;invoice;last_step;last_sent_on;status;until\n"+
		"C001;F-1;second;2026-10-20;;\nC001;F-2;;;dispute;\nC002;F-3;first;15/10/2026;promise;2026-12-01\nC002;F-4;;;legal;\n"+
		"C009;F-1;formal;;;\nC001;F-9;nostep;;;\n;F-5;;;;2026-12-24\n")
	b.c.History = History{Path: path, Steps: []string{"first", "second", "formal"}, PromiseEnds: func(d calendar.Date) calendar.Date { return d.AddDays(3) }}
	b.open()
	fec := fecHeader
	for i, aux := range []string{"C001", "C001", "C002", "C002"} {
		n := string(rune('1' + i))
		fec += sale(n, "2026090"+n, aux, "F-"+n, "100,00", "")
	}
	for range 2 { // the second time changes nothing
		b.imports(b.write("732829320FEC20261231.txt", fec), false)
		d := b.dossierOf("C001")
		if len(d.Taken) != 1 || d.Taken[0].Step != "second" || d.Taken[0].How != "history" || calendar.DateOf(d.Taken[0].At) != calendar.MustParse("2026-10-20") {
			t.Errorf("steps taken: %+v", d.Taken)
		}
		if len(d.Disputes) != 1 || d.Disputes[0].Document == 0 {
			t.Errorf("disputes: %+v", d.Disputes)
		}
		e := b.dossierOf("C002")
		if len(e.Promises) != 1 || e.Promises[0].Until != calendar.MustParse("2026-12-04") || len(e.Holds) != 1 || e.Holds[0].Reason != dossier.Legal {
			t.Errorf("promises %+v, holds %+v", e.Promises, e.Holds)
		}
	}
	// An invoice that comes later finds its line.
	b.imports(b.write("732829320FEC20261231.txt", fec+sale("5", "20261101", "C001", "F-5", "10,00", "")), false)
	if d := b.dossierOf("C001"); len(d.Holds) != 1 || d.Holds[0].Until != calendar.MustParse("2026-12-24") {
		t.Errorf("holds: %+v", d.Holds)
	}
	problems, err := b.FileProblems(context.Background(), dupont)
	if err != nil || len(problems) != 1 || problems[0].Line != 7 {
		t.Errorf("problems of the history: %+v, %v", problems, err)
	}
}

func TestCopy_fromTheDocumentsFolder(t *testing.T) {
	t.Parallel()
	b := newFiles(t, files.Spec{Format: files.Auto})
	folder := t.TempDir()
	for _, name := range []string{"Facture F-1 Alpha.pdf", "F-2.pdf", "copie F-2.pdf"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("%PDF-1.4"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if b.c.Documents, err = documents.New(folder, "*{number}*.pdf"); err != nil {
		t.Fatal(err)
	}
	b.open()
	for number, want := range map[string]bool{"F-1": true, "F-2": false, "F-3": false} {
		for range 2 {
			file, ok, err := b.Copy(context.Background(), dupont, dossier.Line{Connection: usine, Invoice: number}, 1<<20)
			if err != nil || ok != want || ok && len(file.Bytes) == 0 {
				t.Errorf("%s: %v, %v, %v", number, file.Name, ok, err)
			}
		}
	}
	tasks, err := b.store.Tasks(context.Background(), store.TaskFilter{Company: dupont, Kind: "document"})
	if err != nil || len(tasks) != 1 || !strings.Contains(tasks[0].Title, "F-2") {
		t.Errorf("tasks %+v, %v: want one for the number that two files carry", tasks, err)
	}
}
