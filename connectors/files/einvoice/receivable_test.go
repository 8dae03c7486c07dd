package einvoice_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors/files/einvoice"
	"relanced/connectors/files/einvoicetest"
	"relanced/internal/receivable"
)

func mustReceive(t testing.TB, body []byte) einvoice.Receivable {
	t.Helper()
	r, err := receive(t, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
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
