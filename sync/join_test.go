package sync

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"relanced/connectors/files"
	"relanced/connectors/files/einvoicetest"
	"relanced/connectors/files/table"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

func TestRegisters_theSameNumberHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		siren, siret, vat string
		want              []string
	}{
		{"552 100 554", "", "", []string{"552100554"}},
		{"", "552 100 554 00013", "", []string{"552100554"}},
		{"", "", "FR 96 552.100.554", []string{"552100554"}},
		{"", "", "fr96552100554", []string{"552100554"}},
		{"552100554", "55210055400013", "FR96552100554", []string{"552100554"}},
		{"", "", "DE 123 456 789", []string{"DE123456789"}},
		{"", "", "123456789", nil},
		{"123", "456", "x", nil},
	} {
		if got := registers(test.siren, test.siret, test.vat); !slices.Equal(got, test.want) {
			t.Errorf("%q %q %q: %v, want %v", test.siren, test.siret, test.vat, got, test.want)
		}
	}
}

// twoBooks is a company with two connections that call a customer by the same
// code; numbers and addresses are those of the two.
func twoBooks(t *testing.T, siren, vat string) *bundle {
	t.Helper()
	csv := files.Spec{CSV: table.Spec{Shape: "invoices", Locale: "fr"}}
	b := newFiles(t, csv)
	b.c.Sources = append(b.c.Sources, b.filesSource("atelier", csv))
	b.c.CustomersFile = b.write("clients.csv", "code\nNOBODY\n")
	b.open()
	in := einvoicetest.Simple()
	in.Buyer.Code, in.Buyer.SIREN, in.Buyer.SIRET, in.Buyer.VAT, in.Buyer.Email = "C1", "", "", vat, "same@alpha.example"
	for range 2 {
		for name, path := range map[receivable.ConnectionID]string{
			usine:     b.write("list.csv", "number;customer;name;email;issued_on;due_on;total;outstanding;siren\nF-1;C1;Alpha;same@alpha.example;01/09/2026;01/10/2026;100,00;100,00;"+siren+"\n"),
			"atelier": b.write("a.xml", string(in.CII())),
		} {
			if report, err := b.Import(context.Background(), dupont, name, path, false); err != nil || report.Error != nil {
				t.Fatal(err, report.Error)
			}
		}
	}
	return b
}

func (b *bundle) joins() []store.CustomerTask {
	b.t.Helper()
	tasks, err := b.store.Tasks(context.Background(), store.TaskFilter{Company: dupont, Kind: "join"})
	if err != nil {
		b.t.Fatal(err)
	}
	return tasks
}

// accounts are those of the customer that an account of a connection belongs to.
func (b *bundle) accounts(name string) []dossier.AccountRef {
	b.t.Helper()
	return b.dossierOf(name).Customer.Accounts
}

func (b *bundle) layFile(text string) {
	b.t.Helper()
	if err := os.WriteFile(b.c.CustomersFile, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := b.LayCustomersFile(context.Background(), dupont, true); err != nil {
		b.t.Fatal(err)
	}
}

func TestPass_theSameNumberInTwoConnectionsIsProposedOnceAndJoinedByAPerson(t *testing.T) {
	t.Parallel()
	b := twoBooks(t, "552 100 554", "FR 96 552 100 554")
	tasks := b.joins()
	if len(tasks) != 1 || !strings.Contains(tasks[0].Title, "usine/C1") || !strings.Contains(tasks[0].Title, "atelier/C1") || !strings.Contains(tasks[0].Title, "552100554") {
		t.Fatalf("tasks %+v: want one that names both", tasks)
	}
	if len(b.accounts("usine/C1")) != 1 {
		t.Fatal("they were joined by themselves")
	}
	// What the task says to write does it, though both have the same code.
	_, line, _ := strings.Cut(tasks[0].Title, "connection ")
	line = strings.NewReplacer(", code ", ";", ", payer ", ";").Replace(strings.Split(line, "; if not")[0])
	b.layFile("connection;code;payer\n" + line + "\n")
	payer := line[strings.LastIndex(line, ";")+1:]
	if got := b.accounts(payer); len(got) != 2 || len(b.dossierOf(payer).Lines) != 2 {
		t.Errorf("after %q, %s has the accounts %+v", line, payer, got)
	}
	if tasks := b.joins(); len(tasks) != 0 {
		t.Errorf("the task stays open: %+v", tasks)
	}
	// The row goes, and with it what it said; it is not proposed again.
	b.layFile("code\nNOBODY\n")
	if len(b.accounts("usine/C1")) != 1 || len(b.accounts("atelier/C1")) != 1 || len(b.joins()) != 0 {
		t.Errorf("still joined, or proposed again: %+v", b.joins())
	}
}

// A payer that comes later than the file is found when it comes.
func TestPass_aPayerOfAnotherConnectionMayComeLater(t *testing.T) {
	t.Parallel()
	csv := files.Spec{CSV: table.Spec{Shape: "invoices", Locale: "fr"}}
	b := newFiles(t, csv)
	b.c.Sources = append(b.c.Sources, b.filesSource("atelier", csv))
	b.c.CustomersFile = b.write("clients.csv", "connection;code;payer\nusine;C1;atelier/C1\n")
	b.open()
	for _, name := range []receivable.ConnectionID{usine, "atelier"} {
		path := b.write("list.csv", "number;customer;issued_on;due_on;total;outstanding\nF-"+string(name)+";C1;01/09/2026;01/10/2026;100,00;100,00\n")
		if report, err := b.Import(context.Background(), dupont, name, path, false); err != nil || report.Error != nil {
			t.Fatal(err, report.Error)
		}
	}
	if got := b.accounts("atelier/C1"); len(got) != 2 {
		t.Errorf("accounts %+v", got)
	}
}

func TestPass_anEqualAddressJoinsAndProposesNothing(t *testing.T) {
	t.Parallel()
	b := twoBooks(t, "", "DE123456789")
	if tasks := b.joins(); len(tasks) != 0 || len(b.accounts("usine/C1")) != 1 {
		t.Errorf("tasks %+v, accounts %+v", tasks, b.accounts("usine/C1"))
	}
}
