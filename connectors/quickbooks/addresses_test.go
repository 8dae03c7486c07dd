package quickbooks_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"relanced/connectors/quickbooks/quickbookstest"
)

func (w *world) emails(customer int) []string {
	return w.mirror.Accounts[strconv.Itoa(customer)].Emails
}

func TestAccounts_mailGoesWhereTheCustomerElseTheNewestOpenInvoiceElseTheParentSays(t *testing.T) {
	t.Parallel()
	const own, open, newer, paid, parents = "own@x.example", "open@x.example", "newer@x.example", "paid@x.example", "parent@x.example"
	type bill struct {
		date, email string
		paid        bool
	}
	tests := map[string]struct {
		own    string
		parent bool // who pays
		bills  []bill
		want   []string
	}{
		"its own":                         {own, true, []bill{{"2026-02-01", open, false}}, []string{own}},
		"on the newest open invoice":      {"", true, []bill{{"2026-03-01", newer, false}, {"2026-02-01", open, false}}, []string{newer}},
		"of one day, on the later":        {"", false, []bill{{"2026-02-01", open, false}, {"2026-02-01", newer, false}}, []string{newer}},
		"the newest that has one":         {"", true, []bill{{"2026-02-01", open, false}, {"2026-03-01", "", false}}, []string{open}},
		"an open one before a paid newer": {"", false, []bill{{"2026-02-01", open, false}, {"2026-03-01", paid, true}}, []string{open}},
		"all is paid":                     {"", false, []bill{{"2026-02-01", open, true}, {"2026-03-01", paid, true}}, []string{paid}},
		"several on one":                  {"", false, []bill{{"2026-02-01", open + "; " + newer, false}}, []string{open, newer}},
		"the parent's":                    {"", true, []bill{{"2026-02-01", "", false}}, []string{parents}},
		"nobody's":                        {"", false, []bill{{"2026-02-01", "", false}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, quickbookstest.Options{})
			parent := w.Books.AddCustomer(quickbookstest.Customer{Name: "Parent", Email: parents})
			who := w.Books.AddCustomer(quickbookstest.Customer{Name: "Who", Email: test.own, Parent: parent, BillWithParent: test.parent})
			for _, b := range test.bills {
				id := w.Books.AddInvoice(quickbookstest.Invoice{Customer: who, Number: "F", Date: b.date, Due: "2026-06-30", Total: 100, BillEmail: b.email})
				if b.paid {
					w.Books.Pay(id, 0, "2026-06-01")
				}
			}
			w.pass()
			if got := w.emails(who); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestAccounts_manyOpenInvoicesHideNoAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	busy := w.Books.AddCustomer(quickbookstest.Customer{Name: "Busy"})
	late := w.Books.AddCustomer(quickbookstest.Customer{Name: "Late"})
	w.Books.AddInvoice(quickbookstest.Invoice{Customer: late, Number: "F", Date: "2025-01-05", Total: 100, BillEmail: "late@x.example"})
	for range 2*smallPage + 3 {
		w.Books.AddInvoice(quickbookstest.Invoice{Customer: busy, Number: "F", Date: "2026-01-05", Total: 100, BillEmail: "busy@x.example"})
	}
	w.pass()
	if !slices.Equal(w.emails(late), []string{"late@x.example"}) || !slices.Equal(w.emails(busy), []string{"busy@x.example"}) {
		t.Errorf("got %v and %v", w.emails(late), w.emails(busy))
	}
}

func TestPull_anAddressCorrectedOnAnInvoiceCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	who := w.Books.AddCustomer(quickbookstest.Customer{Name: "Who"})
	id := w.Books.AddInvoice(quickbookstest.Invoice{Customer: who, Number: "F", Date: "2026-02-01", Due: "2026-06-30", Total: 100, BillEmail: "wrong@x.example"})
	w.pass()
	w.Pass(time.Hour)
	w.Books.ChangeInvoice(id, func(in *quickbookstest.Invoice) { in.BillEmail = "right@x.example" }) // the customer does not change by it
	w.pass()
	if got := w.emails(who); !slices.Equal(got, []string{"right@x.example"}) {
		t.Errorf("got %v", got)
	}
}
