package connectortest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// random changes random books at random, cuts passes at random pages and lets
// requests fail; at the end the mirror equals the books.
func random(t *testing.T, s Suite) {
	rapid.Check(t, func(rt *rapid.T) {
		src, err := s.New()
		if err != nil {
			rt.Fatal(err)
		}
		defer end(rt, src)
		m := NewMirror()
		customers := []string{src.AddCustomer("A")}
		var invoices []string
		for range rapid.IntRange(1, 12).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 8).Draw(rt, "changes") {
				customers, invoices = step(rt, src, customers, invoices)
			}
			src.Pass(time.Duration(rapid.IntRange(0, 3*24*3600).Draw(rt, "seconds")) * time.Second)
			if rapid.Bool().Draw(rt, "cut") {
				cutPass(rt, src, m, rapid.IntRange(0, 4).Draw(rt, "after"))
			}
			if rapid.IntRange(0, 2).Draw(rt, "fault") == 0 {
				faultyPass(rt, src, m)
			}
		}
		for range 2 { // the second sees what the first one's own moment hid
			src.Pass(time.Minute)
			if err := Pass(context.Background(), src, m); err != nil {
				rt.Fatal(err)
			}
		}
		if err := list(context.Background(), src, m); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(src.Owed(), m.Owed()); diff != "" {
			rt.Errorf("what is owed differs (-source +mirror):\n%s", diff)
		}
	})
}

func step(rt *rapid.T, src Source, customers, invoices []string) (c, i []string) {
	pick := func() string { return rapid.SampledFrom(invoices).Draw(rt, "invoice") }
	kind := rapid.IntRange(0, 7).Draw(rt, "kind")
	if len(invoices) == 0 && kind > 1 {
		kind = 1
	}
	owed := src.Owed()
	switch kind {
	case 0:
		customers = append(customers, src.AddCustomer(rapid.StringN(1, 20, 60).Draw(rt, "name")))
	case 1, 2:
		number := fmt.Sprintf("F-%d", len(invoices))
		customer := rapid.SampledFrom(customers).Draw(rt, "customer")
		days := rapid.IntRange(-60, 60).Draw(rt, "due")
		invoices = append(invoices, src.AddInvoice(customer, number, rapid.Int64Range(1, 5_000_00).Draw(rt, "total"), due.AddDays(days)))
	case 3:
		if id := pick(); owed[id] > 0 {
			src.Pay(id, 0)
		}
	case 4:
		if id := pick(); owed[id] > 1 {
			src.Pay(id, rapid.Int64Range(1, owed[id]).Draw(rt, "part"))
		}
	case 5:
		if id := pick(); owed[id] > 1 {
			src.Credit(id, rapid.Int64Range(1, owed[id]).Draw(rt, "credit"))
		}
	case 6:
		src.Redate(pick(), due.AddDays(rapid.IntRange(-60, 60).Draw(rt, "to")))
	case 7:
		if id := pick(); src.Delete(id) {
			invoices = slices.DeleteFunc(slices.Clone(invoices), func(other string) bool { return other == id })
		}
	}
	return customers, invoices
}
