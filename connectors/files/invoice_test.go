package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"relanced/connectors"
	"relanced/connectors/files/einvoicetest"
	"relanced/connectors/files/fectest"
	"relanced/connectors/files/table"
	"relanced/internal/conf"
	"relanced/internal/receivable"
)

func TestImportFile_theSameInvoiceAsPDFAndAsXMLIsOneRecord(t *testing.T) {
	t.Parallel()
	for _, format := range []Format{Auto, FacturX} {
		c := connector(t, Spec{Format: format})
		in := einvoicetest.Simple()
		pdf := mustImport(t, c, write(t, "a.pdf", einvoicetest.PDF(einvoicetest.File{Name: "(factur-x.xml)", Body: in.CII()})), nil)
		cii := mustImport(t, c, write(t, "b.xml", in.CII()), pdf.next)
		ubl := mustImport(t, c, write(t, "c.xml", in.UBL()), cii.next)
		if diff := cmp.Diff(pdf.documents, cii.documents) + cmp.Diff(pdf.documents, ubl.documents); diff != "" {
			t.Errorf("the records differ\n%s", diff)
		}
		if len(pdf.documents) != 1 || pdf.format != "facturx" || ubl.format != "facturx" || len(pdf.parts) > 0 || len(pdf.payments) > 0 {
			t.Errorf("%+v", pdf)
		}
	}
	if c := connector(t, Spec{Format: FacturX}); !c.Info().DueDates || c.Info().Payments || c.Info().Allocations != connectors.None {
		t.Errorf("%+v", c.Info())
	}
}

func TestImportFile_anotherFormatThanConfiguredIsRefused(t *testing.T) {
	t.Parallel()
	xml, pdf := einvoicetest.Simple().CII(), einvoicetest.PDF()
	csv := table.Spec{Shape: table.Invoices}
	for name, test := range map[string]struct {
		spec Spec
		body []byte
		want string
	}{
		"XML for CSV":      {Spec{Format: CSV, CSV: csv}, xml, "it is XML, and the connection reads format: csv"},
		"PDF for CSV":      {Spec{Format: CSV, CSV: csv}, pdf, "it is a PDF, and the connection reads format: csv"},
		"CSV for Factur-X": {Spec{Format: FacturX, CSV: csv}, []byte("a;b\n1;2\n"), "neither a PDF nor XML"},
	} {
		if _, err := importFile(t, connector(t, test.spec), write(t, "x", test.body), nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestImportFile_aListTellsWhatRemindersNeedBesides(t *testing.T) {
	t.Parallel()
	type told struct {
		Status   receivable.EStatus
		Standing receivable.Standing
		Assigned bool
		Method   receivable.PaymentMethod
		OrderRef string
	}
	c := connector(t, lists())
	for cells, want := range map[string]told{
		"207;;":                  {Status: receivable.EStatusDisputed},
		"Refusée;;":              {Status: receivable.EStatusRefused},
		"rejected;;":             {Status: receivable.EStatusRejected},
		"501;;":                  {Status: receivable.EStatusRejected},
		"Encaissée;;":            {Status: receivable.EStatusPaid},
		"208;;":                  {Status: receivable.EStatusSuspended},
		"205;;":                  {Status: receivable.EStatusApproved},
		"203;;":                  {Status: receivable.EStatusOther},
		"211;;":                  {Status: receivable.EStatusOther, Standing: receivable.StandingIncoming},
		"225;;":                  {Status: receivable.EStatusOther, Assigned: true},
		";Prélèvement SEPA;BC-1": {Method: receivable.MethodDirectDebit, OrderRef: "BC-1"},
		";LCR;":                  {Method: receivable.MethodBill},
	} {
		body := "numero;client;total;solde;e_status;payment_method;order_ref;siren\nF1;A;10,00;10,00;" + cells + ";552 100 554\n"
		r := mustImport(t, c, write(t, "list.csv", []byte(body)), nil)
		d := r.documents["A/f1"]
		got := told{d.EStatus, d.Standing, d.Assigned, d.Method, d.OrderRef}
		if got != want || r.accounts["A"].SIREN != "552100554" || r.accounts["A"].Method != want.Method {
			t.Errorf("%q: %+v, want %+v; account %+v", cells, got, want, r.accounts["A"])
		}
	}
}

// A corrected invoice stands instead of the first one, whichever is read first.
func TestImportFile_aCorrectedInvoiceReplacesTheFirst(t *testing.T) {
	t.Parallel()
	first, second := einvoicetest.Simple(), einvoicetest.Simple()
	second.Type, second.Number, second.Preceding = "384", "FA-2026-002", first.Number
	paths := []string{write(t, "1.xml", first.CII()), write(t, "2.xml", second.CII())}
	for _, order := range [][]int{{0, 1}, {1, 0}, {0, 1, 0}} {
		c := connector(t, Spec{})
		var next connectors.Cursor
		there := map[string]bool{}
		for _, i := range order {
			for page, err := range c.ImportFile(context.Background(), paths[i], next) {
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range page.Documents {
					there[d.Number] = true
				}
				for _, g := range page.Gone {
					delete(there, strings.ToUpper(filepath.Base(g.External)))
				}
				next = page.Next
			}
		}
		if !cmp.Equal(there, map[string]bool{"FA-2026-002": true}) {
			t.Errorf("read in order %v: %v", order, there)
		}
	}
}

func TestImportFile_anInvoiceBesideAnExportOfTheBooksIsSaid(t *testing.T) {
	t.Parallel()
	c := connector(t, Spec{})
	books := mustImport(t, c, fecFile(t, fectest.Style{}, sample()), nil)
	r := mustImport(t, c, write(t, "a.xml", einvoicetest.Simple().CII()), books.next)
	if len(r.notes) != 1 || !strings.Contains(r.notes[0].Text, "twice") || len(r.documents) != 1 {
		t.Errorf("notes %+v", r.notes)
	}
}

// inbox is a watched folder with the pulls that a caller makes.
type inbox struct {
	t    testing.TB
	root string
	c    *Connector
	next connectors.Cursor
	page func() // called at each page, before it is committed
}

func newInbox(t testing.TB, spec Spec) *inbox {
	t.Helper()
	root := t.TempDir()
	spec.Folder = conf.Path(root)
	i := &inbox{t: t, root: root, c: connector(t, spec), page: func() {}}
	if err := i.c.folder.make(); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *inbox) drop(name, body string) string {
	i.t.Helper()
	path := filepath.Join(i.root, "inbox", name)
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		i.t.Fatal(err)
	}
	return path
}

// pull takes what waits and returns what was read.
func (i *inbox) pull() (*read, error) {
	r := newRead()
	for page, err := range i.c.Pull(connectors.WithAsked(context.Background()), i.next) {
		if err != nil {
			return r, err
		}
		i.page()
		r.take(i.t, page)
		i.next = page.Next
	}
	return r, nil
}

// names lists a folder.
func (i *inbox) names(folder string) []string {
	i.t.Helper()
	entries, err := os.ReadDir(filepath.Join(i.root, folder))
	if err != nil {
		i.t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (i *inbox) want(folder string, names ...string) {
	i.t.Helper()
	if diff := cmp.Diff(append([]string{}, names...), i.names(folder)); diff != "" {
		i.t.Errorf("%s (-want +got)\n%s", folder, diff)
	}
}

const listHead = "numero;client;total;solde\n"

func lists() Spec { return Spec{CSV: table.Spec{Shape: table.Invoices, Locale: "fr"}} }

func TestPull_anOldListAgainDoesNotBringBackWhatWasPaid(t *testing.T) {
	t.Parallel()
	i := newInbox(t, lists())
	owed, paid := listHead+"F1;A;10,00;10,00\n", listHead+"F1;A;10,00;0,00\n"
	for n, body := range []string{owed, paid, owed} {
		i.drop("list.csv", body)
		r, err := i.pull()
		if err != nil {
			t.Fatal(err)
		}
		if want := []int{1, 1, 0}[n]; len(r.documents) != want {
			t.Errorf("list %d: %d documents, want %d", n+1, len(r.documents), want)
		}
	}
	i.want("inbox")
	i.want("done", "list-2.csv", "list-3.csv", "list.csv")
	if _, err := importFile(t, i.c, write(t, "again.csv", []byte(owed)), i.next); err == nil || !strings.Contains(err.Error(), "taken before") {
		t.Errorf("by hand: %v", err)
	}
	// A list that was never taken may be older than another.
	path := write(t, "other.csv", []byte(listHead+"F2;A;10,00;10,00\n"))
	old := time.Now().Add(-240 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	mustImport(t, i.c, path, i.next)
}

func TestPull_aFileReplacedWhileItIsReadIsReadAgain(t *testing.T) {
	t.Parallel()
	i := newInbox(t, lists())
	path := i.drop("list.csv", listHead+"F1;A;10,00;10,00\n")
	i.page = func() {
		i.page = func() {}
		other := i.drop(".new", listHead+"F2;A;20,00;20,00\n")
		if err := os.Rename(other, path); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := i.pull(); err != nil || len(r.documents) != 1 {
		t.Fatalf("%v, %v", r.documents, err)
	}
	i.want("inbox", "list.csv")
	i.want("done")
	r, err := i.pull()
	if err != nil || r.documents["A/f2"].Number != "F2" {
		t.Errorf("the newer file was not read: %v, %v", r.documents, err)
	}
	i.want("inbox")
	i.want("done", "list.csv")
}

func TestPull_whatIsNoFileToTakeIsLeftAlone(t *testing.T) {
	t.Parallel()
	i := newInbox(t, lists())
	good := i.drop(".hidden", listHead+"F1;A;10,00;10,00\n")
	for _, name := range []string{"a.part", "b.tmp", "c.crdownload", "d.filepart", "e~", "~$f.csv"} {
		i.drop(name, "x")
	}
	if err := os.Mkdir(filepath.Join(i.root, "inbox", "older"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(good, filepath.Join(i.root, "inbox", "link.csv")); err != nil {
		t.Fatal(err)
	}
	before := i.names("inbox")
	if r, err := i.pull(); err != nil || len(r.documents)+len(r.bad) > 0 {
		t.Errorf("read %v, refused %v, %v", r.documents, r.bad, err)
	}
	i.want("inbox", before...)
	i.want("failed")
}

func TestPull_aFileThatVanishesIsNoFailure(t *testing.T) {
	t.Parallel()
	i := newInbox(t, lists())
	i.drop("a.csv", listHead+"F1;A;10,00;10,00\n")
	b := i.drop("b.csv", listHead+"F2;A;10,00;10,00\n")
	i.page = func() { _ = os.Remove(b) }
	if r, err := i.pull(); err != nil || len(r.documents) != 1 {
		t.Errorf("%v, %v", r.documents, err)
	}
	i.want("failed")
}

func TestPull_anUnreadableFileStaysAndTheOthersAreTaken(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		dropOverride(t)
	}
	i := newInbox(t, lists())
	locked := i.drop("a.csv", listHead+"F1;A;10,00;10,00\n")
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	i.drop("b.csv", listHead+"F2;A;10,00;10,00\n")
	if r, err := i.pull(); err == nil || len(r.documents) != 1 {
		t.Errorf("%v, %v", r.documents, err)
	}
	i.want("inbox", "a.csv")
	i.want("done", "b.csv")
}

// dropOverride has root obey the modes of files, on the thread of this test, which
// ends with it.
func dropOverride(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	if err := unix.Capset(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
}

func TestPull_aFullDiskIsNotTheFilesFault(t *testing.T) {
	t.Parallel()
	i := newInbox(t, lists())
	i.c.env.Scratch = filepath.Join(i.root, "missing")
	i.drop("a.csv", listHead+"F1;A;10,00;10,00\n")
	_, err := i.pull()
	var fault *connectors.Error
	if !errors.As(err, &fault) || fault.Kind != connectors.Temporary || fault.Do == "" {
		t.Errorf("error %v", err)
	}
	i.want("inbox", "a.csv")
	i.want("failed")
}

func TestPull_aReportNeverOverwritesAFile(t *testing.T) {
	t.Parallel()
	i := newInbox(t, lists())
	i.drop("a.csv.txt", "rubbish")
	if _, err := i.pull(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		i.drop("a.csv", "rubbish")
		if _, err := i.pull(); err != nil {
			t.Fatal(err)
		}
	}
	i.want("failed", "a-2.csv", "a-2.csv.txt", "a-3.csv", "a-3.csv.txt", "a.csv.txt", "a.csv.txt.txt")
	if body, err := os.ReadFile(filepath.Join(i.root, "failed", "a.csv.txt")); err != nil || string(body) != "rubbish" {
		t.Errorf("the file became %q, %v", body, err)
	}
}

func TestPull_withoutAReportTheFileStays(t *testing.T) {
	t.Parallel()
	i := newInbox(t, lists())
	i.drop("a.csv", "rubbish")
	if err := os.Remove(filepath.Join(i.root, "failed")); err != nil {
		t.Fatal(err)
	}
	i.page = func() {}
	if err := i.c.RefuseFile("a.csv", "because"); err == nil {
		t.Error("a report was written nowhere")
	}
	i.want("inbox", "a.csv")
}
