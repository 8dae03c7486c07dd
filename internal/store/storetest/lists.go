package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

func timeline(b *bundle) {
	id := b.open()
	for i := range 3 {
		b.tx(func(tx *store.Tx) error {
			return tx.AddEvent(store.Event{Company: company, Customer: id, Kind: "sent", Text: fmt.Sprint(i)})
		})
		n, err := b.Seal(b.ctx)
		b.must(err)
		b.same("sealed", n, 1)
	}
	chain, err := b.Chain(b.ctx, company, id)
	b.must(err)
	b.same("whole", []any{store.VerifyChain(chain).Broken, store.VerifyChain(chain).Events}, []any{int64(0), 3})
	for name, tamper := range map[string]func(c []store.SealedEvent) []store.SealedEvent{
		"text":     func(c []store.SealedEvent) []store.SealedEvent { c[1].Text = "other"; return c },
		"time":     func(c []store.SealedEvent) []store.SealedEvent { c[1].At = c[1].At.Add(time.Second); return c },
		"kind":     func(c []store.SealedEvent) []store.SealedEvent { c[1].Kind = "other"; return c },
		"left out": func(c []store.SealedEvent) []store.SealedEvent { return slices.Delete(c, 1, 2) },
		"order":    func(c []store.SealedEvent) []store.SealedEvent { c[0], c[1] = c[1], c[0]; return c },
	} {
		if store.VerifyChain(tamper(slices.Clone(chain))).Broken == 0 {
			b.Errorf("%s changed and the chain still holds", name)
		}
	}
}

func erase(b *bundle) {
	id := b.open()
	b.tx(func(tx *store.Tx) error {
		return tx.AddEvent(store.Event{Company: company, Customer: id, Kind: "replied", Text: "private"})
	})
	b.must(b.Erase(b.ctx, id, "marie"))
	chain, err := b.Chain(b.ctx, company, id)
	b.must(err)
	seal := store.VerifyChain(chain)
	b.same("still whole", []any{seal.Broken, seal.Erased, chain[0].Text, chain[0].Salt}, []any{int64(0), 1, "", ""})
}

func find(b *bundle) {
	id := b.open()
	for _, name := range []string{"C1", "c1", "a-C1", "compta/C1", "client C1", "C1@client.example"} {
		got, err := b.FindCustomer(b.ctx, company, name)
		if err != nil || got != id {
			b.Errorf("%q gives %d, %v", name, got, err)
		}
	}
	b.tx(func(tx *store.Tx) error {
		_, err := tx.ApplyOverlays(company, []store.Overlay{{Code: "C1", Name: "Dû & 100%"}})
		return err
	})
	got, err := b.FindCustomer(b.ctx, "", "Dû & 100%")
	b.must(err)
	b.same("by the file's name", got, id)
	for _, name := range []string{"F-1", "f1", "x-F-1", "compta/F-1"} {
		if _, owner, err := b.FindInvoice(b.ctx, company, name); err != nil || owner != id {
			b.Errorf("%q gives %d, %v", name, owner, err)
		}
	}
	_, _, err = b.FindInvoice(b.ctx, company, "nothing")
	b.is(err, store.ErrNotFound)
}

func lists(b *bundle) {
	note := receivable.Document{External: "n1", Account: "a-C1", Number: "A-1", Kind: receivable.CreditNote, Total: eur(70), Outstanding: eur(50)}
	late := invoice("F-2", "C1", 300, 300)
	late.Dues[0].On = calendar.MustParse("2026-12-31")
	late.Note = `"s":"archived"` // is not what it says
	filed := invoice("F-3", "C2", 500, 500)
	filed.Standing = receivable.StandingArchived // listed, and in no sum
	b.apply(store.Page{
		Accounts: []receivable.Account{account("C1"), account("C2")}, Documents: []receivable.Document{invoice("F-1", "C1", 100, 40), late, note, filed},
		Payments: []receivable.Payment{{External: "p1", Account: "a-C1", Amount: eur(30), Unallocated: eur(30)}},
	})
	today := calendar.MustParse("2026-11-02")
	var invoices []string
	for r, err := range b.Invoices(b.ctx, store.InvoiceFilter{Company: company}) {
		b.must(err)
		invoices = append(invoices, fmt.Sprintf("%s %s %s %s", r.Number, r.Kind, r.Outstanding, r.DueOn))
	}
	b.same("invoices", invoices, []string{"A-1 credit_note 0.50 ", "F-1 invoice 0.40 2026-10-01", "F-2 invoice 3.00 2026-12-31", "F-3 invoice 5.00 2026-10-01"})
	var customers []string
	for r, err := range b.Customers(b.ctx, company, today) {
		b.must(err)
		customers = append(customers, fmt.Sprintf("%s %s %s %s", r.Code, r.Outstanding, r.Overdue, r.Credit))
	}
	b.same("customers", customers, []string{"C1 3.40 0.40 0.80", "C2 0.00 0.00 0.00"})
	rows, err := b.Aged(b.ctx, company, today, time.Time{})
	b.must(err)
	b.same("customers with something aged", len(rows), 1)
	b.same("aged", []string{rows[0].Ages[receivable.BucketNotDue].String(), rows[0].Ages[receivable.Bucket31To60].String(), rows[0].Ages.Total().String(), rows[0].Credit.String()}, []string{"3.00", "0.40", "3.40", "0.80"})
	then, err := b.Aged(b.ctx, company, today, b.clock.Now())
	b.must(err)
	b.same("the same, rebuilt", then, rows)

	dollars := func(number, account string, minor int64) receivable.Document {
		d := invoice(number, account, minor, minor)
		for _, a := range []*money.Amount{&d.Total, &d.Outstanding, &d.Dues[0].Total, &d.Dues[0].Outstanding} {
			a.Currency = "USD"
		}
		return d
	}
	b.apply(store.Page{Documents: []receivable.Document{dollars("F-4", "C1", 9000), dollars("F-5", "C2", 9900), invoice("F-6", "C2", 50, 50)}})
	rows, err = b.Aged(b.ctx, company, today, time.Time{})
	b.must(err)
	var aged []string
	for _, r := range rows {
		aged = append(aged, fmt.Sprintf("%s %s %s", r.Code, r.Ages.Overdue(), r.Credit.Currency))
	}
	b.same("aged, of several currencies", aged, []string{"C2 0.50 EUR", "C1 0.40 EUR", "C2 99.00 USD", "C1 90.00 USD"})
	for range b.Invoices(b.ctx, store.InvoiceFilter{All: true}) {
		break
	}
}

func workLists(b *bundle) {
	b.tx(func(tx *store.Tx) error {
		id, err := tx.AddWorkList(store.WorkList{Company: company, Token: "tok", To: "Marie@dupont.example", ExpiresAt: b.clock.Now().Add(time.Hour), Items: []store.WorkItem{{Number: 1, Message: 4, Basis: "x"}}})
		if err != nil {
			return err
		}
		return errors.Join(tx.ActItem(id, 1, "approved"), tx.UseWorkList(id, "marie"))
	})
	b.is(b.InTx(b.ctx, func(tx *store.Tx) error {
		l, err := tx.WorkListByToken("tok")
		if err == nil && l.Items[0].Acted != "approved" {
			err = fmt.Errorf("items %+v", l.Items)
		}
		if err != nil {
			return err
		}
		return tx.UseWorkList(l.ID, "paul")
	}), store.ErrEnded)
	day := calendar.MustParse("2026-11-02")
	b.tx(func(tx *store.Tx) error {
		for _, n := range []int{3, 4} {
			if _, err := tx.CountBatch(company, day, n); err != nil {
				return err
			}
		}
		for today, want := range map[calendar.Date][2]int{day: {0, 7}, day.AddDays(1): {7, 0}, day.AddDays(61): {0, 0}} {
			r, err := tx.Readiness(store.ReadinessOf{Company: company, Since: today.AddDays(-60), Today: today})
			if err != nil {
				return err
			}
			if got := [2]int{r.LargestDay, r.Today}; got != want {
				return fmt.Errorf("largest day and today are %v on %s, want %v", got, today, want)
			}
		}
		return nil
	})
	for _, want := range []bool{true, false} {
		b.tx(func(tx *store.Tx) error {
			first, err := tx.Once("x")
			if err == nil && first != want {
				err = fmt.Errorf("once: %v", first)
			}
			return err
		})
	}
}
