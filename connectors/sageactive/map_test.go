package sageactive_test

import (
	"maps"
	"slices"
	"testing"

	"relanced/connectors/connectortest"
	"relanced/connectors/sageactive/sageactivetest"
	"relanced/internal/receivable"
)

func TestMap_instalmentsStatesAndTheLedger(t *testing.T) {
	t.Parallel()
	s, m := newSource(sageactivetest.Options{}), connectortest.NewMirror()
	defer s.Server.Close()
	customer := s.Books.AddCustomer(sageactivetest.Customer{
		Code: "C001", Name: "ATELIER PERRIN", DocumentID: "73282932000074", Language: "FRENCH", Status: "ENABLED",
		Emails: map[string]string{"NOT_SET": "accueil@perrin.example", "INVOICES": "factures@perrin.example", "PAYMENTS": "compta@perrin.example"},
	})
	erased := s.Books.AddCustomer(sageactivetest.Customer{Name: "X", Status: "GDPR_APPLIED", Emails: map[string]string{"PAYMENTS": "x@example.org"}})
	two := s.Books.AddInvoice(sageactivetest.Invoice{Customer: customer, Number: "FV-1", Date: "2026-01-05", Items: []sageactivetest.Item{{Amount: 91200, Paid: 60000, Due: "2026-02-04"}, {Amount: 91200, Due: "2026-03-06"}}})
	for number, status := range map[string]string{"draft": "Pending", "closed": "Closed", "odd": "Elsewhere"} {
		s.Books.AddInvoice(sageactivetest.Invoice{Customer: customer, Number: number, Status: status, Date: "2026-01-05", Items: []sageactivetest.Item{{Amount: 100, Due: "2026-02-04"}}})
	}
	s.Books.AddInvoice(sageactivetest.Invoice{Customer: customer, Number: "AV-1", Type: "CREDIT_NOTE", Corrects: two, Date: "2026-01-06", Items: []sageactivetest.Item{{Amount: 500}}})
	entry := s.Books.AddInvoice(sageactivetest.Invoice{Customer: erased, Number: "OLD-7", Ledger: true, Date: "2025-12-01", Items: []sageactivetest.Item{{Amount: 300, Due: "2025-12-31"}}})
	pass(t, s, m)
	a := m.Accounts[customer]
	if a.Code != "C001" || a.SIRET != "73282932000074" || a.SIREN != "732829320" || a.Language != "fr" || a.Country != "FR" || !slices.Equal(a.Emails, []string{"compta@perrin.example"}) {
		t.Errorf("a customer reads %+v", a)
	}
	if a := m.Accounts[erased]; len(a.Emails)+len(a.Contacts) > 0 {
		t.Errorf("nobody may write to %+v", a)
	}
	d := m.Documents[two]
	if len(d.Dues) != 2 || d.Dues[0].Outstanding.Minor != 31200 || d.Dues[1].Outstanding.Minor != 91200 || d.Dues[1].On.String() != "2026-03-06" || d.Total.String() != "1824.00" {
		t.Errorf("two instalments read %+v", d)
	}
	old := m.Documents["entry:"+entry+"/i"+entry]
	if old.Number != "OLD-7" || old.Outstanding.Minor != 300 || old.Fetchable {
		t.Errorf("an invoice of the ledger reads %+v", old)
	}
	if len(m.Documents) != 5 {
		t.Errorf("%d documents: %v", len(m.Documents), slices.Sorted(maps.Keys(m.Documents)))
	}
	for _, d := range m.Documents {
		unchecked := d.Number == "closed" || d.Number == "odd"
		if unchecked != (d.Standing == receivable.StandingUnchecked) {
			t.Errorf("%s stands %q", d.Number, d.Standing)
		}
		if d.Kind == receivable.CreditNote && d.Credits != two {
			t.Errorf("a credit note corrects %q", d.Credits)
		}
	}
}

// Any text may come as a number.
func TestMap_textOrNumber(t *testing.T) {
	t.Parallel()
	s, m := newSource(sageactivetest.Options{}), connectortest.NewMirror()
	defer s.Server.Close()
	customer := s.AddCustomer("Perrin")
	s.Books.Alter(customer, map[string]any{"socialName": 118, "documentId": 73282932000074})
	invoice := s.AddInvoice(customer, "FV-1", 10000, due)
	s.Books.Alter(invoice, map[string]any{"operationalNumber": 2026, "totalLiquid": "100.00"})
	pass(t, s, m)
	if a := m.Accounts[customer]; a.Name != "118" || a.SIREN != "732829320" || m.Documents[invoice].Number != "2026" {
		t.Errorf("read %+v, %+v", a, m.Documents[invoice])
	}
}
