package connectortest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors"
)

func fill(src Source, n int) []string {
	customer := src.AddCustomer("Menuiserie Lacaze")
	ids := make([]string, 0, n)
	for i := range n {
		ids = append(ids, src.AddInvoice(customer, fmt.Sprintf("F-%05d", i), int64(10000+i), due.AddDays(i%90)))
	}
	return ids
}

func emptyBooks(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	mustPass(t, src, m)
	equal(t, src, m)
	if m.Cursor == nil {
		t.Error("no cursor after a pass over empty books")
	}
}

func onePage(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	fill(src, 3)
	mustPass(t, src, m)
	equal(t, src, m)
	if len(m.Owed()) != 3 || len(m.Accounts) != 1 {
		t.Errorf("%d invoices, %d accounts", len(m.Owed()), len(m.Accounts))
	}
}

// manyPages also has many rows of one moment, and a number of rows that is a
// multiple of the page's size.
func manyPages(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	fill(src, 2*src.PageSize())
	mustPass(t, src, m)
	equal(t, src, m)
}

func changes(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	ids := fill(src, 6)
	mustPass(t, src, m)
	src.Pass(time.Hour)
	src.Pay(ids[0], 10000)
	src.Pay(ids[1], 4000)
	src.Credit(ids[2], 500)
	src.Redate(ids[3], due.AddDays(45))
	another := src.AddCustomer("Dupont & Fils")
	src.AddInvoice(another, "F-NEW", 7700, due)
	mustPass(t, src, m)
	equal(t, src, m)
	if got := m.Documents[ids[3]].Dues[0].On; got != due.AddDays(45) {
		t.Errorf("the moved due date reads %v", got)
	}
	if m.Accounts[another].Name != "Dupont & Fils" {
		t.Errorf("the new account reads %q", m.Accounts[another].Name)
	}
	src.Rename(another, "Dupont SAS")
	src.Pass(time.Second)
	mustPass(t, src, m)
	if m.Accounts[another].Name != "Dupont SAS" {
		t.Errorf("the renamed account reads %q", m.Accounts[another].Name)
	}
}

func changeWhilePaging(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	ids := fill(src, 2*src.PageSize()+10)
	src.Pass(time.Hour)
	for skip := 1; skip < 5; skip++ {
		src.Between(skip, func() {
			src.Pay(ids[skip], 5000)
			src.Pay(ids[len(ids)-skip], 0)
			src.AddInvoice(src.AddCustomer("Late"), fmt.Sprintf("F-L%d", skip), 1234, due)
		})
	}
	mustPass(t, src, m)
	src.Pass(time.Minute)
	mustPass(t, src, m)
	equal(t, src, m)
}

func deletion(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	ids := fill(src, 4)
	mustPass(t, src, m)
	src.Pass(time.Hour)
	if !src.Delete(ids[1]) {
		t.Fatal("the source knows no deletion: its suite should say KeepsAll")
	}
	mustPass(t, src, m)
	if err := list(t.Context(), src, m); err != nil {
		t.Fatal(err)
	}
	equal(t, src, m)
}

func callerStops(t *testing.T, s Suite) {
	src := s.start(t)
	fill(src, 2*src.PageSize())
	c, err := src.Open()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range c.Pull(t.Context(), nil) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d pages after the first was enough", n)
	}
}

// replay goes on from every cursor of a load, each page committed twice, and
// ends in the same state.
func replay(t *testing.T, s Suite) {
	src := s.start(t)
	ids := fill(src, 2*src.PageSize()+3)
	src.Pay(ids[1], 0)
	src.Pay(ids[2], 100)
	src.Pass(time.Hour)
	c, err := src.Open()
	if err != nil {
		t.Fatal(err)
	}
	m, states := NewMirror(), []*Mirror{}
	for page, err := range c.Pull(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := m.Apply(page); err != nil {
				t.Fatal(err)
			}
		}
		states = append(states, m.Clone())
	}
	equal(t, src, m)
	for i, state := range states {
		mustPass(t, src, state)
		if diff := cmp.Diff(m.Documents, state.Documents); diff != "" {
			t.Errorf("going on after page %d ends elsewhere:\n%s", i+1, diff)
		}
		if diff := cmp.Diff(m.Payments, state.Payments); diff != "" {
			t.Errorf("going on after page %d ends with other payments:\n%s", i+1, diff)
		}
	}
}

func reread(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	ids := fill(src, 5)
	mustPass(t, src, m)
	c, err := src.Open()
	if err != nil {
		t.Fatal(err)
	}
	r, ok := c.(connectors.InvoiceReader)
	if !ok {
		t.Fatal("the connector has no live re-read")
	}
	src.Pay(ids[0], 0)
	src.Pay(ids[1], 300)
	src.Delete(ids[2])
	cursor := m.Cursor
	for page, err := range r.ReadInvoices(t.Context(), ids) {
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Apply(page); err != nil {
			t.Fatal(err)
		}
	}
	m.Cursor = cursor
	equal(t, src, m)
}
