package sage_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"relanced/connectors/sage/sagetest"
	"relanced/internal/receivable"
)

func TestMap_customers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{Days: "45"})
	plain := w.Books.AddContact(sagetest.Contact{Name: "Quayside Prints Ltd", Reference: "QP01", PersonEmail: "nia@quayside.example", Email: "office@quayside.example", Locale: "fr-CA", Country: "GB", TaxNumber: "GB123456789", Vendor: true, CreditDays: "10"})
	office := w.Books.AddContact(sagetest.Contact{Name: "Office", Email: "office@example.org"})
	system := w.Books.AddContact(sagetest.Contact{Name: "System", Email: "x@example.org", System: true})
	erased := w.Books.AddContact(sagetest.Contact{Name: "qwfp", PersonEmail: "zx@example.org", Obfuscated: true})
	for customer, days := range map[string]int{plain: 10, office: 45} {
		w.Books.AddDocument(sagetest.QuickEntries, sagetest.Document{Contact: customer, Number: strconv.Itoa(days), Date: "2026-05-01", Total: 100})
	}
	w.Books.AddDocument(sagetest.Openings, sagetest.Document{Contact: office, Number: "0", Date: "2026-05-01", Total: 100})
	w.Books.AddDocument(sagetest.Invoices, sagetest.Document{Contact: office, Number: "SI-DRAFT", Status: "DRAFT", Date: "2026-05-01", Total: 100})
	w.Books.AddDocument(sagetest.Invoices, sagetest.Document{Contact: office, Number: "PF", Status: "PRO_FORMA", Date: "2026-05-01", Total: 100})
	odd := w.Books.AddDocument(sagetest.Invoices, sagetest.Document{Contact: office, Number: "odd", Status: "LOST", Date: "2026-05-01", Due: due.String(), Total: 100})
	w.pass(t)
	a := w.mirror.Accounts[plain]
	if a.Code != "QP01" || a.Language != "fr" || a.Country != "GB" || a.Kind != receivable.KindBusiness || !a.Supplier || !slices.Equal(a.Emails, []string{"nia@quayside.example"}) {
		t.Errorf("a customer reads %+v", a)
	}
	if a := w.mirror.Accounts[office]; !slices.Equal(a.Emails, []string{"office@example.org"}) {
		t.Errorf("without a person: %+v", a)
	}
	for _, id := range []string{system, erased} {
		if a := w.mirror.Accounts[id]; len(a.Emails)+len(a.Contacts) > 0 {
			t.Errorf("nobody may write to %+v", a)
		}
	}
	if len(w.mirror.Documents) != 4 || w.mirror.Documents[odd].Standing != receivable.StandingUnchecked {
		t.Errorf("documents %v", w.mirror.Documents)
	}
	for key, d := range w.mirror.Documents {
		if days, err := strconv.Atoi(d.Number); err == nil && d.Dues[0].On != d.IssuedOn.AddDays(days) || d.Total.Currency != "GBP" {
			t.Errorf("%s reads %+v", key, d)
		}
	}
}

// Any key may come as text or as a number, and what names an enumeration as an
// object or as its id.
func TestMap_textOrNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{})
	customer := w.AddCustomer("Quayside Prints Ltd")
	w.Alter(customer, map[string]any{
		"reference": 118, "credit_days": "10.0",
		"main_contact_person": map[string]any{"name": "Nia Bowen", "telephone": 1170000, "email": "nia@quayside.example"},
		"main_address":        map[string]any{"address_line_1": "4 Quay Street", "postal_code": 75001, "city": "Paris"},
	})
	entry := w.Books.AddDocument(sagetest.QuickEntries, sagetest.Document{Contact: customer, Number: "Q1", Date: "2026-05-01", Total: 100})
	credit := w.Books.AddDocument(sagetest.QuickEntries, sagetest.Document{Contact: customer, Number: "Q2", Date: "2026-05-01", Total: 100, Credit: true})
	w.Alter(credit, map[string]any{"quick_entry_type": "CREDIT_NOTE"})
	w.pass(t)
	if a := w.mirror.Accounts[customer]; a.Code != "118" || a.Phone != "1170000" || a.Address.Postcode != "75001" {
		t.Errorf("a customer reads %+v", a)
	}
	if d := w.mirror.Documents["quickentry:"+entry]; len(d.Dues) != 1 || d.Dues[0].On != d.IssuedOn.AddDays(10) {
		t.Errorf("due %+v", d.Dues)
	}
	if d := w.mirror.Documents["quickentry:"+credit]; d.Kind != receivable.CreditNote {
		t.Errorf("a credit reads %+v", d)
	}
}

// A quick entry and an opening balance may tell no currency: a customer has one.
func TestMap_currencyIsTheCustomersWhereNoneIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{Bare: true})
	customer := w.Books.AddContact(sagetest.Contact{Name: "Imprimerie", Currency: "EUR"})
	entry := sagetest.Document{Contact: customer, Number: "Q1", Date: "2026-05-01", Total: 100, Currency: "EUR"}
	w.Books.AddDocument(sagetest.Openings, entry)
	w.pass(t)
	w.Pass(0)
	w.Books.AddDocument(sagetest.QuickEntries, entry)
	w.pass(t)
	w.reread(t, slices.Collect(maps.Keys(w.mirror.Documents)))
	if len(w.mirror.Documents) != 2 {
		t.Errorf("documents %v", w.mirror.Documents)
	}
	for key, d := range w.mirror.Documents {
		if d.Total.Currency != "EUR" || d.Outstanding.Currency != "EUR" {
			t.Errorf("%s reads %+v", key, d)
		}
	}
}

func TestMap_businessWithoutCreditWantsItsMoneyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{Days: "0"})
	w.Books.AddDocument(sagetest.QuickEntries, sagetest.Document{Contact: w.AddCustomer("A"), Number: "Q1", Date: "2026-05-01", Total: 100})
	w.pass(t)
	for key, d := range w.mirror.Documents {
		if d.Dues[0].On != d.IssuedOn {
			t.Errorf("%s is due %+v", key, d.Dues)
		}
	}
}

// What cannot be read is told and loses nothing else: not what names it, and not
// what is read with it.
func TestPull_unreadableRowsLoseNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sagetest.Options{})
	customer, ids := w.invoices(3)
	w.Alter(customer, map[string]any{"name": map[string]any{"first": "Nia"}})
	w.Alter(ids[1], map[string]any{"currency": 7})
	w.pass(t)
	if len(w.mirror.Documents) != 2 || w.mirror.Bad[customer] == "" || w.mirror.Bad[ids[1]] == "" {
		t.Errorf("%d documents, rejected %v", len(w.mirror.Documents), w.mirror.Bad)
	}
	w.Pass(0)
	w.Pay(ids[0], 100)
	w.pass(t)
	w.Alter(ids[1], nil)
	w.Spoil(ids[1], true)
	w.Pay(ids[2], 300)
	clear(w.mirror.Bad)
	w.reread(t, slices.Clone(ids))
	if w.mirror.Owed()[ids[0]] != w.Owed()[ids[0]] || w.mirror.Owed()[ids[2]] != w.Owed()[ids[2]] || w.mirror.Bad[ids[1]] == "" || w.mirror.Bad[customer] == "" {
		t.Errorf("owed %v, want %v, rejected %v", w.mirror.Owed(), w.Owed(), w.mirror.Bad)
	}
}
