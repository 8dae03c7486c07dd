package quickbooks_test

import (
	"testing"
	"time"

	"relanced/connectors/connectortest"
	"relanced/connectors/quickbooks/quickbookstest"
)

func TestPull_noCrashBetweenPagesLosesInvoicesOfNewCustomers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, quickbookstest.Options{})
	w.invoices(2)
	w.Pass(time.Hour)                                                           // what changed since the load began does not tell them
	w.Between(3, func() { w.AddInvoice(w.AddCustomer("Late"), "L", 100, due) }) // the customers were listed and counted
	c, err := w.connector(nil)
	if err != nil {
		t.Fatal(err)
	}
	var states []*connectortest.Mirror
	for page, err := range c.Pull(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if err := w.mirror.Apply(page); err != nil {
			t.Fatal(err)
		}
		states = append(states, w.mirror.Clone())
	}
	w.equal()
	for i, state := range states[:len(states)-1] {
		w.mirror = state
		w.pass()
		if len(w.mirror.Documents) != 3 {
			t.Errorf("going on after page %d: %d invoices", i+1, len(w.mirror.Documents))
		}
	}
}
