package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"relanced/connectors/pennylane/pennylanetest"
	"relanced/desk/actions"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	syncer "relanced/sync"
)

// TestDrillTime_monthsInAutoBreakNoRule lets the company live for eight months
// in auto mode: over both changes of the clock, the end of a year, a leap day,
// public holidays, jumps of the clock and a week in which the program did not run. Customers pay,
// in full, in part and at the last moment, answer, are away, contest, promise;
// colleagues write to them; credit notes are issued, invoices deleted. Each mail
// that leaves is held against what is true at that moment.
func TestDrillTime_monthsInAutoBreakNoRule(t *testing.T) {
	t.Parallel()
	lives := 1
	if os.Getenv("RELANCED_DRILL") == "full" {
		lives = 4
	}
	for seed := range lives {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel()
			l := newLife(t, uint64(seed)) //nolint:gosec // small
			for l.w.today() < calendar.MustParse("2028-05-05") {
				l.day()
			}
			l.end()
		})
	}
}

// life is a company in auto mode, and what is true of its customers.
type life struct {
	t    *testing.T
	w    *world
	dice *rand.Rand
	away calendar.Date // the Monday of the week in which the program does not run
	day0 calendar.Date

	number int
	bills  []int64 // invoices written since, by id

	checks
	done map[string]int // what happened, by kind
}

func newLife(t *testing.T, seed uint64) *life {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	begins := time.Date(2027, time.September, 6, 6, 0, 0, 0, zone)
	o := Options{Once: true, Dir: t.TempDir(), Out: io.Discard, Logger: slog.New(slog.DiscardHandler), mode: "auto", begins: begins}
	w, err := build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	l := &life{t: t, w: w, dice: rand.New(rand.NewPCG(seed, 6)), day0: w.today(), done: map[string]int{}} //nolint:gosec // a life that can be lived again
	l.away = calendar.DateOf(begins).AddDays(7 * (8 + l.dice.IntN(20)))
	l.checks = newChecks(t, w)
	l.must(w.sync(l.ctx()))
	l.must(w.firstList(l.ctx()))
	return l
}

func (l *life) ctx() context.Context { return context.WithoutCancel(l.t.Context()) }

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatalf("%s: %v", l.w.clock.now().In(l.w.zone).Format(time.DateTime), err)
	}
}

// day lives one day, and moves to the morning of the next one.
func (l *life) day() {
	w := l.w
	today := w.today()
	running := today < l.away || today >= l.away.AddDays(7)
	at := func(hour, minute int) {
		d := today.Time(w.zone)
		w.clock.set(time.Date(d.Year(), d.Month(), d.Day(), hour, minute, l.dice.IntN(60), 0, w.zone))
	}
	round := func() {
		if running {
			l.must(w.round(l.ctx()))
			l.look()
		}
	}
	books := func() {
		if running {
			l.must(w.sync(l.ctx()))
		}
	}
	off := l.off(today)
	at(6, 45)
	if !off {
		l.morning()
	}
	books()
	at(7, 0)
	round()
	if running && !off {
		at(7, 30)
		l.must(w.list(l.ctx()))
		l.look()
		at(7, 50)
		l.must(w.coffee(l.ctx()))
		l.look()
	}
	at(8, l.dice.IntN(25))
	l.happens()
	at(8, 30)
	round()
	for _, hour := range []int{10, 15} {
		if off && l.dice.IntN(3) > 0 {
			continue
		}
		at(hour, l.dice.IntN(60))
		l.happens()
		if hour == 15 {
			books()
		}
		round()
		if running && l.dice.IntN(20) == 0 {
			l.jump()
			round()
		}
	}
	at(19, 0)
	round()
	next := today.AddDays(1).Time(w.zone)
	w.clock.set(time.Date(next.Year(), next.Month(), next.Day(), 6, 0, 0, 0, w.zone))
}

// jump lets the clock of the machine be wrong for a while, by hours or a day.
func (l *life) jump() {
	clock := l.w.clock
	right := clock.now()
	wrong := []time.Duration{-5 * time.Hour, -40 * time.Minute, 3 * time.Hour, 26 * time.Hour}[l.dice.IntN(4)]
	move := func(at time.Time) {
		clock.mu.Lock()
		defer clock.mu.Unlock()
		clock.at = at
	}
	move(right.Add(wrong))
	if done, err := l.w.daemon.Round(l.ctx(), l.w.company); err != nil || len(done.Unread) > 0 {
		l.done["rounds refused at a wrong time"]++ // what seems old or new is not believed
	}
	l.look()
	move(right.Add(time.Minute))
	l.done["clock jumps"]++
}

// morning brings new invoices, and payments of those that pay in time.
func (l *life) morning() {
	w := l.w
	for range l.dice.IntN(4) {
		l.number++
		name := fmt.Sprintf("L-%d-%04d", w.today().Time(w.zone).Year(), l.number)
		issued := w.today()
		id := w.books.AddInvoice(pennylanetest.Invoice{
			Customer: w.ids[l.dice.IntN(len(customers))], Number: name, Date: issued.String(), Deadline: issued.AddDays(30).String(),
			Total: pennylanetest.Cents(2000 + l.dice.IntN(200_000)), Filename: name + ".pdf",
		})
		w.numbers[id] = name
		l.bills = append(l.bills, id)
		l.done["invoices"]++
	}
	l.unmatched = slices.DeleteFunc(l.unmatched, func(u transferred) bool {
		if l.dice.IntN(5) > 0 || w.books.Owed()[key(u.invoice)] == 0 {
			return false
		}
		w.books.Match(u.invoice, u.transfer)
		return true
	})
	// Somebody pays every few days, or the books would look left alone.
	if open := l.open(); len(open) > 0 && l.dice.IntN(3) == 0 {
		l.pays(open[l.dice.IntN(len(open))])
	}
}

// open lists the invoices that are truly open, oldest first.
func (l *life) open() []int64 {
	var ids []int64
	for key := range l.w.books.Owed() {
		id, _ := strconv.ParseInt(key, 10, 64)
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (l *life) pays(id int64) {
	l.w.books.Pay(id, l.w.today().String())
	l.done["payments"]++
}

// happens lets something happen, or nothing.
func (l *life) happens() {
	if l.dice.IntN(5) < 2 {
		return
	}
	w, open := l.w, l.open()
	if len(open) == 0 {
		return
	}
	id := open[l.dice.IntN(len(open))]
	who := l.reminded()
	today := w.today()
	switch kind := l.dice.IntN(15); {
	case kind < 3:
		l.pays(id)
	case kind == 3:
		w.books.PayPart(id, 1+pennylanetest.Cents(l.dice.Int64N(int64(w.books.Owed()[key(id)]))), today.String())
		l.done["part payments"]++
	case kind == 4:
		w.books.Credit(id, 1+pennylanetest.Cents(l.dice.Int64N(int64(w.books.Owed()[key(id)]))))
		l.done["credit notes"]++
	case kind == 5 && len(l.bills) > 0 && l.dice.IntN(3) == 0:
		at := l.dice.IntN(len(l.bills))
		w.books.Delete(l.bills[at])
		l.bills = slices.Delete(l.bills, at, at+1)
		l.done["deletions"]++
	case kind == 6:
		l.probablyPays(id)
	case who == nobody:
	case kind < 9:
		w.answers(who, answers[l.dice.IntN(len(answers))])
		l.held[who] = "a reply"
		l.done["replies"]++
	case kind == 9:
		back := today.AddDays(3 + l.dice.IntN(9))
		w.isAway(who, back.Time(w.zone))
		l.back[who] = max(l.back[who], back)
		l.done["absences"]++
	case kind == 10 && l.dice.IntN(3) == 0:
		w.returns(who)
		l.dead[who] = true
		l.done["bounces"]++
	case kind == 11:
		w.writesTo(who, "Comme convenu, je reviens vers vous la semaine prochaine.")
		l.back[who] = max(l.back[who], today.AddDays(7))
		l.done["conversations"]++
	case kind == 12:
		l.decides(who, id)
	default:
		l.resumes()
	}
}

var answers = []string{
	"Je regarde cela avec notre comptable et reviens vers vous.",
	"Le virement partira la semaine prochaine.",
	"Nous contestons cette facture : la livraison était incomplète.",
	"Pouvez-vous nous renvoyer la facture ? Nous ne l'avons jamais reçue.",
	"ok",
}

// reminded picks a customer that has got a mail and whose address works.
func (l *life) reminded() int {
	var list []int
	for who := range customers {
		if l.w.count(mailOf(who)) > 0 && !l.dead[who] {
			list = append(list, who)
		}
	}
	if len(list) == 0 {
		return nobody
	}
	return list[l.dice.IntN(len(list))]
}

// probablyPays lets a transfer arrive that nobody matches for a while.
func (l *life) probablyPays(id int64) {
	left, w := l.w.books.Owed()[key(id)], l.w
	for _, waits := range l.unmatched {
		if waits.invoice == id {
			return
		}
	}
	who := slices.Index(w.ids, l.customerOf(id))
	transfer := w.books.AddTransaction(pennylanetest.Transaction{Customer: w.ids[who], Date: w.today().String(), Amount: left, Label: "VIR SEPA " + customers[who].name})
	l.unmatched = append(l.unmatched, transferred{id, transfer, left})
	l.done["transfers not matched"]++
}

// customerOf finds whose invoice it is.
func (l *life) customerOf(id int64) (customer int64) {
	l.w.books.ChangeQuietly(id, func(in *pennylanetest.Invoice) { customer = in.Customer })
	return customer
}

// decides lets Marie note what she learnt on the telephone.
func (l *life) decides(who int, id int64) {
	w, today := l.w, l.w.today()
	number := w.numbers[id]
	document, customer, err := w.daemon.Store.FindInvoice(l.ctx(), w.company.CompanyID(), number)
	if errors.Is(err, store.ErrNotFound) {
		return // not read yet
	}
	l.must(err)
	target := actions.Target{Customer: customer, Document: document}
	switch l.dice.IntN(3) {
	case 0:
		_, err = w.daemon.Desk.Dispute(l.ctx(), target, money.Amount{}, "deux portes rayées", marie, 0, marie)
		l.disputed[number] = true
		l.done["disputes"]++
	case 1:
		on := today.AddDays(3 + l.dice.IntN(12))
		_, err = w.daemon.Desk.Promise(l.ctx(), target, on, money.Amount{}, marie)
		l.promised[number] = max(l.promised[number], on)
		l.done["promises"]++
	default:
		held, findErr := w.daemon.Store.FindCustomer(l.ctx(), w.company.CompanyID(), customers[who].code)
		l.must(findErr)
		_, err = w.daemon.Desk.Hold(l.ctx(), actions.Target{Customer: held}, 0, "au téléphone", marie)
		l.held[who] = "a hold"
		l.done["holds"]++
	}
	l.must(err)
}

// resumes lets Marie end what holds a customer.
func (l *life) resumes() {
	held := slices.Sorted(maps.Keys(l.held))
	if len(held) == 0 {
		return
	}
	who := held[l.dice.IntN(len(held))]
	id, err := l.w.daemon.Store.FindCustomer(l.ctx(), l.w.company.CompanyID(), customers[who].code)
	l.must(err)
	if l.dead[who] {
		return // resuming would try the address again
	}
	// What the mailbox has brought is read before Marie sees what holds.
	if l.w.today() >= l.away && l.w.today() < l.away.AddDays(7) {
		return
	}
	l.must(l.w.round(l.ctx()))
	l.look()
	if _, err := l.w.daemon.Desk.Resume(l.ctx(), actions.Target{Customer: id}, marie); err != nil && !errors.Is(err, actions.ErrNothing) {
		l.must(err)
	}
	delete(l.held, who)
	delete(l.back, who)
	for number := range l.promised {
		if document, customer, err := l.w.daemon.Store.FindInvoice(l.ctx(), l.w.company.CompanyID(), number); err == nil && customer == id && document != 0 {
			l.promised[number] = 0 // ended; whoever ends it has not broken it
		}
	}
	l.done["resumed"]++
}

// end tells what happened and wants nobody forgotten.
func (l *life) end() {
	full := syncer.Options{Full: true}
	report, err := l.w.daemon.Syncer.Pass(l.ctx(), l.w.company.CompanyID(), l.w.connection(), full)
	l.must(err)
	if report.Error != nil {
		l.t.Error(report.Error)
	}
	owed := l.w.books.Owed()
	known := map[string]pennylanetest.Cents{}
	for row, err := range l.w.daemon.Store.Invoices(l.ctx(), store.InvoiceFilter{Company: l.w.company.CompanyID()}) {
		l.must(err)
		if row.Kind == receivable.Invoice {
			known[row.External] = pennylanetest.Cents(row.Outstanding.Minor)
		}
	}
	if !maps.Equal(owed, known) {
		l.t.Errorf("the source says %v, the store %v", owed, known)
	}
	l.finish()
	l.t.Logf("%d days; %v; mails: %v", int(l.w.today()-l.day0), l.done, l.left)
}

func key(id int64) string { return strconv.FormatInt(id, 10) }
