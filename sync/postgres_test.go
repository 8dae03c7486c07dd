package sync

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"relanced/connectors/files"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/receivable"
	"relanced/internal/store/storetest"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)

	t.Run("killed passes lose nothing", func(t *testing.T) {
		b := newBundleOn(t, database(t), pennylanetest.Options{})
		rnd := rand.New(rand.NewPCG(7, 9))
		list := b.fill(5, 120)
		var paid []int64
		customers := []int64{b.sim.Books.AddCustomer(pennylanetest.Customer{Name: "Late"})}
		for range 12 {
			for range 5 {
				mutate(rnd.IntN, b.sim.Books, customers, &list, &paid)
			}
			ctx, cancel := context.WithCancel(context.Background())
			b.sim.Fail(pennylanetest.Fault{Skip: rnd.IntN(15), Times: 1, Before: cancel})
			if _, err := b.Pass(ctx, dupont, compta, Options{}); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			cancel()
			b.sim.Heal()
			_ = b.store.Close()
			b.open()
			b.clock.advance(time.Minute)
		}
		b.mustPass()
		b.clock.advance(time.Minute)
		b.mustPass()
		b.sameAsSource()
		if !b.connection().Fresh() {
			t.Error("not fresh at the end")
		}
		b.confirm()
		b.sim.Books.ChangeQuietly(list[3], func(in *pennylanetest.Invoice) { in.MarkedPay = true })
		if err := b.Reread(context.Background(), dupont, map[receivable.ConnectionID][]string{compta: {key(list[3])}}); err != nil {
			t.Fatal(err)
		}
		b.sameAsSource()
	})

	t.Run("files", func(t *testing.T) {
		b := newFiles(t, files.Spec{Format: files.Auto})
		b.dsn = database(t)
		b.c.CustomersFile = b.write("clients.csv", "code;emails\nC001;alice@a.example\n")
		b.open()
		path := b.write("732829320FEC20261231.txt", fecHeader+sale("1", "20260901", "C001", "F-1", "120,00", ""))
		if dry := b.imports(path, true); dry.New != 1 || len(b.invoices()) != 0 {
			t.Errorf("dry run: %+v, kept %v", dry, b.invoices())
		}
		if got := b.imports(path, false); !got.OK || got.New != 1 {
			t.Errorf("import: %+v (%v)", got, got.Error)
		}
		if d := b.dossierOf("C001"); len(d.Customer.Emails) != 1 || len(d.Lines) != 1 {
			t.Errorf("%+v", d)
		}
	})
}
