package sync

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"relanced/connectors/files"
	"relanced/connectors/files/einvoicetest"
	"relanced/internal/conf"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

func TestImport_electronicInvoices(t *testing.T) {
	t.Parallel()
	b := newFiles(t, files.Spec{Format: files.FacturX})
	first, second := einvoicetest.Simple(), einvoicetest.Simple()
	second.Number, second.Owed, second.Total = "FA-2026-002", "60.00", "60.00"
	pdf := b.write("a.pdf", string(einvoicetest.PDF(einvoicetest.File{Name: einvoicetest.Escaped, Body: first.CII()})))
	if got := b.imports(pdf, true); got.Error != nil || got.New != 1 || got.Format != "facturx" || len(b.invoices()) != 0 {
		t.Fatalf("dry run: %+v (%v)", got, got.Error)
	}
	if got := b.imports(pdf, false); got.Error != nil || got.New != 1 || got.Rejected != 0 {
		t.Fatalf("import: %+v (%v)", got, got.Error)
	}
	if got := b.imports(b.write("b.xml", string(second.UBL())), false); got.Error != nil || got.New != 1 || got.Closed != 0 {
		t.Fatalf("another invoice: %+v (%v)", got, got.Error)
	}
	if got := b.imports(b.write("a.xml", string(first.CII())), false); got.Error != nil || got.New != 0 || got.Changed != 0 || got.Unchanged != 1 {
		t.Errorf("the first one as XML: %+v (%v)", got, got.Error)
	}
	if got := b.invoices(); !slices.Equal(got, []string{"FA-2026-001", "FA-2026-002"}) {
		t.Errorf("open: %v", got)
	}
	d := b.dossierOf("C001")
	if d.Customer.SIRET != "55210055400013" || !slices.Equal(d.Customer.Emails, []string{"compta@durand.example"}) || d.Lines[0].OrderRef != "PO-77" {
		t.Errorf("customer %+v, line %+v", d.Customer, d.Lines[0])
	}

	supplier := einvoicetest.Simple()
	supplier.Seller, supplier.Buyer = supplier.Buyer, supplier.Seller
	for _, dry := range []bool{true, false} {
		got := b.imports(b.write("s.xml", string(supplier.CII())), dry)
		if got.OK || got.Error == nil || !strings.Contains(got.Error.Message, "supplier's invoice") || got.Format != "facturx" {
			t.Errorf("a supplier's invoice: %+v", got)
		}
	}
	credit := einvoicetest.Simple()
	credit.Number, credit.Type, credit.Total, credit.Owed, credit.Preceding = "AV-1", "381", "20.00", "20.00", first.Number
	b.imports(b.write("c.xml", string(credit.UBL())), false)
	if d := b.dossierOf("C001"); len(d.Credits) != 1 || d.Credits[0].Amount.Minor != 2000 || len(d.Lines) != 2 {
		t.Errorf("credits %+v, %d lines", d.Credits, len(d.Lines))
	}
	corrected := einvoicetest.Simple()
	corrected.Number, corrected.Type, corrected.Preceding = "FA-2026-003", "384", first.Number
	b.imports(b.write("d.xml", string(corrected.CII())), false)
	b.imports(pdf, false)
	if got := b.invoices(); !slices.Equal(got, []string{"AV-1", "FA-2026-002", "FA-2026-003"}) {
		t.Errorf("after a corrected invoice: %v", got)
	}
	problems, err := b.store.Problems(context.Background(), store.ConnectionKey{Company: dupont, Name: usine})
	if err != nil || len(problems) == 0 {
		t.Errorf("nobody is told of the correction: %v, %v", problems, err)
	}
}

func TestPass_electronicInvoicesFromTheFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	b := newFiles(t, files.Spec{Folder: conf.Path(folder)})
	pass := func() Report {
		t.Helper()
		report, err := b.Pass(context.Background(), dupont, usine, Options{Asked: true})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	pass()
	for name, number := range map[string]string{"a.xml": "F-1", "b.xml": "F-2", "c.xml": "F-2", "d.pdf": "F-3"} {
		in := einvoicetest.Simple()
		in.Number = number
		body := in.CII()
		if filepath.Ext(name) == ".pdf" {
			body = einvoicetest.PDF(einvoicetest.File{Name: "(factur-x.xml)", Body: body})
		}
		if err := os.WriteFile(filepath.Join(folder, "inbox", name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "inbox", "e.pdf"), einvoicetest.PDF(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := pass(); got.Rejected != 1 || !slices.Equal(b.invoices(), []string{"F-1", "F-2", "F-3"}) {
		t.Errorf("%+v, open %v", got, b.invoices())
	}
	report, err := os.ReadFile(filepath.Join(folder, "failed", "e.pdf.txt"))
	if err != nil || !strings.Contains(string(report), "no electronic invoice") {
		t.Errorf("report %q, %v", report, err)
	}
	if left, _ := os.ReadDir(filepath.Join(folder, "done")); len(left) != 4 {
		t.Errorf("done: %v", left)
	}
	if got := pass(); got.Changed+got.New+got.Gone != 0 || len(b.invoices()) != 3 {
		t.Errorf("an empty folder changed something: %+v", got)
	}
}

// A folder that two processes watch is read by one of them at a time.
func TestPass_ofAFolderBelongsToOneProcess(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	b := newFiles(t, files.Spec{Folder: conf.Path(folder)})
	other := *b
	other.open()
	inside := make(chan struct{})
	release := make(chan struct{})
	go func() {
		defer close(inside)
		_, _ = b.Pass(context.Background(), dupont, usine, Options{Asked: true, Begun: func() { inside <- struct{}{}; <-release }})
	}()
	<-inside
	report, err := other.Pass(context.Background(), dupont, usine, Options{Asked: true})
	close(release)
	<-inside
	if err != nil || !report.Busy {
		t.Errorf("the second process read too: %+v, %v", report, err)
	}
}

func TestPass_aNewerExportClosesWhatItNoLongerNames(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 11, n, 8, 0, 0, 0, time.UTC) }
	fec := func(aux ...string) string {
		text := fecHeader
		for _, a := range aux {
			text += sale(a, "20260901", a, "F-"+a, "100,00", "")
		}
		return text
	}
	list := func(aux ...string) string {
		text := "number;customer;issued_on;due_on;outstanding\n"
		for _, a := range aux {
			text += "F-" + a + ";" + a + ";01/09/2026;01/10/2026;100,00\n"
		}
		return text
	}
	for name, kind := range map[string]func(aux ...string) string{"732829320FEC20261231.txt": fec, "list.csv": list} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			spec := files.Spec{Folder: conf.Path(folder)}
			spec.CSV.Shape, spec.CSV.Locale = "open_items", "fr"
			b := newFiles(t, spec)
			take := func(body string, at time.Time) Report {
				t.Helper()
				path := filepath.Join(folder, "inbox", name)
				if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, at, at); err != nil {
					t.Fatal(err)
				}
				report, err := b.Pass(context.Background(), dupont, usine, Options{Asked: true})
				if err != nil {
					t.Fatal(err)
				}
				return report
			}
			if _, err := b.Pass(context.Background(), dupont, usine, Options{Asked: true}); err != nil {
				t.Fatal(err)
			}
			take(kind("A", "B"), day(20))
			if got := take(kind("B", "C"), day(21)); got.Closed != 1 || !slices.Equal(b.invoices(), []string{"F-B", "F-C"}) {
				t.Errorf("a newer export: %+v, open %v", got, b.invoices())
			}
			take(kind("B", "C"), day(22)) // the same again, under the same name
			if got := take(kind("A", "B"), day(23)); got.Rejected != 0 || !slices.Equal(b.invoices(), []string{"F-B", "F-C"}) {
				t.Errorf("the first export once more: %+v, open %v", got, b.invoices())
			}
			if got := take(kind("A"), day(20)); got.Rejected != 1 || !slices.Equal(b.invoices(), []string{"F-B", "F-C"}) {
				t.Errorf("an older export: %+v, open %v", got, b.invoices())
			}
			if left, _ := os.ReadDir(filepath.Join(folder, "failed")); len(left) != 2 {
				t.Errorf("failed: %v", left)
			}
			if left, _ := os.ReadDir(filepath.Join(folder, "done")); len(left) != 4 {
				t.Errorf("done: %v", left)
			}
		})
	}
}

// What the books and the customers' file know of an invoice and its customer
// reaches the decision.
func TestImport_carriesWhatRemindersNeed(t *testing.T) {
	t.Parallel()
	spec := files.Spec{Format: files.CSV}
	spec.CSV.Shape, spec.CSV.Locale = "invoices", "fr"
	b := newFiles(t, spec)
	b.c.CustomersFile = b.write("clients.csv", "code;kind;siret;service_code;order_ref;payment_method\nC1;public;13002526500013;ACHATS-1;EJ-9;bill\n")
	b.open()
	b.imports(b.write("list.csv", "number;customer;issued_on;due_on;total;outstanding;e_status;payment_method;order_ref\n"+
		"F-1;C1;01/09/2026;01/10/2026;10,00;10,00;207;;BC-1\nF-2;C1;01/09/2026;02/10/2026;10,00;10,00;225;prélèvement;\nF-3;C1;01/09/2026;03/10/2026;10,00;10,00;212;;\n"), false)
	d := b.dossierOf("C1")
	c := d.Customer
	if c.Kind != receivable.KindPublic || c.SIRET != "13002526500013" || c.ServiceCode != "ACHATS-1" || c.OrderRef != "EJ-9" || c.Method != receivable.MethodBill {
		t.Errorf("customer %+v", c)
	}
	if len(d.Lines) != 3 {
		t.Fatalf("%d lines", len(d.Lines))
	}
	if l := d.Lines[0]; l.EStatus != receivable.EStatusDisputed || l.OrderRef != "BC-1" {
		t.Errorf("F-1: %+v", l)
	}
	if l := d.Lines[1]; !l.Assigned || l.Method != receivable.MethodDirectDebit {
		t.Errorf("F-2: %+v", l)
	}
	if l := d.Lines[2]; l.EStatus != receivable.EStatusPaid {
		t.Errorf("F-3: %+v", l)
	}
}
