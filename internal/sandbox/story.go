package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"

	"relanced/connectors/pennylane/pennylanetest"
	"relanced/desk/actions"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	syncer "relanced/sync"
)

// storyDays is how many working days the story has.
const storyDays = 20

// scene is what happens at a time of a day.
type scene struct {
	hour, minute int
	do           func(*world, context.Context) error
}

// routine is what happens on every working day: what the program does by its
// schedules, and Marie, who answers her list with the first coffee.
var routine = []scene{
	{6, 45, (*world).sync},
	{7, 0, (*world).round},
	{7, 30, (*world).list},
	{7, 50, (*world).coffee},
	{8, 31, (*world).round},
	{17, 30, (*world).sync},
	{17, 31, (*world).round},
}

// story is what happens besides, by working day.
var story = map[int][]scene{
	0: {
		{6, 50, (*world).firstList},
		{8, 10, then(func(w *world) {
			w.teller.say("bank", paysInTime, "Its transfer reaches the bank, after the approval and before the mail leaves.")
			w.pay(paysInTime)
		})},
		{8, 40, then(func(w *world) { w.returns(bounces) })},
		{8, 41, then(func(w *world) { w.isAway(absent, w.clock.now().AddDate(0, 0, 11)) })},
		{10, 40, then(func(w *world) {
			w.answers(promises, "Merci pour votre message. Le virement partira le vendredi 25 septembre, dès que notre client nous aura réglés.")
		})},
		{14, 5, then(func(w *world) {
			w.writesTo(talks, "Comme convenu au téléphone, je vérifie avec l'atelier la date de livraison et je reviens vers vous.")
		})},
	},
	1: {
		{8, 5, (*world).notePromise},
		{9, 30, then(func(w *world) {
			w.answers(disputes, "Nous contestons cette facture : deux des six portes livrées sont rayées. Nous attendons un avoir avant de payer.")
		})},
	},
	2: {
		{8, 5, (*world).noteDispute},
		{11, 0, then(func(w *world) { w.pay(pays) })},
	},
	3: {{11, 0, then(func(w *world) {
		id := w.open[probablyPaid]
		w.books.AddTransaction(pennylanetest.Transaction{
			Customer: w.ids[probablyPaid], Date: w.today().String(), Amount: 73_260, Label: "VIR SEPA BRASSERIE DU CANAL",
		})
		w.teller.say("bank", probablyPaid, fmt.Sprintf("A transfer of just what %s is worth arrives; nobody has matched it yet.", w.numbers[id]))
	})}},
	4: {{11, 0, then(func(w *world) {
		w.books.Credit(w.open[credited], 50_000)
		w.teller.say("credited", credited, "A credit note of 500.00 EUR is issued: the next reminder asks for the rest only.")
	})}},
	14: {{11, 0, then(func(w *world) { w.pay(promises) })}},
}

// then makes a scene of what needs no program: the program sees it at its next
// round.
func then(do func(*world)) func(*world, context.Context) error {
	return func(w *world, ctx context.Context) error {
		do(w)
		return w.round(ctx)
	}
}

// day lets one day go by, from its morning on. It ends early, between two
// scenes, where the context ends.
func (w *world) day(ctx context.Context, n int, morning time.Time) error {
	whole := context.WithoutCancel(ctx)
	scenes := slices.Concat(routine, story[n])
	slices.SortStableFunc(scenes, func(a, b scene) int { return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.minute, b.minute)) })
	if n >= storyDays {
		w.ordinaryDay(n)
	}
	for _, s := range scenes {
		if err := ctx.Err(); err != nil {
			return err
		}
		w.clock.set(time.Date(morning.Year(), morning.Month(), morning.Day(), s.hour, s.minute, 0, 0, w.zone))
		if err := s.do(w, whole); err != nil {
			return err
		}
		if err := w.teller.tell(whole); err != nil {
			return err
		}
	}
	_, err := w.daemon.Store.Seal(whole)
	return err
}

func (w *world) today() calendar.Date { return calendar.DateOf(w.clock.now().In(w.zone)) }

// sync reads the books.
func (w *world) sync(ctx context.Context) error {
	report, err := w.daemon.Syncer.Pass(ctx, w.company.CompanyID(), w.connection(), syncer.Options{})
	if err != nil {
		return err
	}
	if report.Error != nil {
		return fmt.Errorf("read the books: %w (%s)", report.Error, report.Error.Do)
	}
	if report.New+report.Changed+report.Gone > 0 {
		w.teller.say("synced", nobody, fmt.Sprintf("The books are read: %d new, %d changed, %d unchanged, in %d requests.", report.New, report.Changed, report.Unchanged, report.Requests))
	}
	return nil
}

func (w *world) connection() receivable.ConnectionID { return w.company.Sources[0].Name }

// round lets the program do what is to be done now.
func (w *world) round(ctx context.Context) error {
	done, err := w.daemon.Round(ctx, w.company)
	return errors.Join(append(done.Unread, err)...)
}

// list mails the morning's work list.
func (w *world) list(ctx context.Context) error {
	if err := w.daemon.MailBrief(ctx, w.company); err != nil {
		return err
	}
	if err := w.round(ctx); err != nil {
		return err
	}
	if n := w.count(marie); n > w.read {
		mail, _ := w.last(marie)
		w.teller.say("briefed", nobody, "Marie finds the work list in her mailbox: "+header(mail.Data, "Subject"))
	}
	return nil
}

// numbered is a draft in the work list.
var numbered = regexp.MustCompile(`(?m)^\d+\. `)

// coffee lets Marie answer the list, where there is something to approve.
func (w *world) coffee(ctx context.Context) error {
	n := w.count(marie)
	if n == w.read {
		return nil
	}
	w.read = n
	mail, _ := w.last(marie)
	if !numbered.Match(mail.Data) {
		return nil
	}
	w.teller.say("answered", nobody, "Marie answers the list with one word: ok")
	w.marieAnswers("ok")
	return w.round(ctx)
}

// firstList shows what would happen and lets Marie accept the books: nothing
// leaves before.
func (w *world) firstList(ctx context.Context) error {
	if err := w.round(ctx); err != nil {
		return err
	}
	key := store.ConnectionKey{Company: w.company.CompanyID(), Name: w.connection()}
	known, err := w.daemon.Store.Connection(ctx, key)
	if err != nil {
		return err
	}
	w.teller.say("first_list", nobody, fmt.Sprintf("First list: %d open invoices, %d settled. Nothing is proposed before somebody has seen it.", known.Stats.Open, known.Stats.Paid))
	if err := w.daemon.Syncer.Confirm(ctx, key.Company, key.Name, nil, marie); err != nil {
		return err
	}
	w.teller.say("confirmed", nobody, "Marie has looked at it and accepts it (relanced confirm compta).")
	return nil
}

// pay lets what a customer owes of the story's invoice reach the bank.
func (w *world) pay(who int) { w.books.Pay(w.open[who], w.today().String()) }

// notePromise lets Marie write down what she read in an answer.
func (w *world) notePromise(ctx context.Context) error {
	target, err := w.target(ctx, promises)
	if err != nil {
		return err
	}
	on := calendar.DateOf(time.Date(2026, time.September, 25, 0, 0, 0, 0, w.zone))
	if _, err := w.daemon.Desk.Promise(ctx, target, on, money.Amount{}, marie); err != nil {
		return err
	}
	return w.round(ctx)
}

// noteDispute lets Marie write down that an invoice is contested.
func (w *world) noteDispute(ctx context.Context) error {
	target, err := w.target(ctx, disputes)
	if err != nil {
		return err
	}
	if _, err := w.daemon.Desk.Dispute(ctx, target, money.Amount{}, "deux portes rayées", marie, 0, marie); err != nil {
		return err
	}
	return w.round(ctx)
}

// target is the invoice of the story of a customer.
func (w *world) target(ctx context.Context, who int) (actions.Target, error) {
	document, customer, err := w.daemon.Store.FindInvoice(ctx, w.company.CompanyID(), w.numbers[w.open[who]])
	return actions.Target{Customer: customer, Document: document}, err
}

// ordinaryDay is a day after the story: some invoices are written, some paid.
func (w *world) ordinaryDay(n int) {
	dice := rand.New(rand.NewPCG(7, uint64(n))) //nolint:gosec // no two days alike, every demo the same
	for range 1 + dice.IntN(2) {
		who := dice.IntN(len(customers))
		id := w.books.AddInvoice(pennylanetest.Invoice{
			Customer: w.ids[who], Number: fmt.Sprintf("F-%d-%d%02d", w.today().Year(), n, dice.IntN(100)), Date: w.today().AddDays(-24).String(),
			Deadline: w.today().AddDays(6).String(), Total: pennylanetest.Cents(5000 + dice.IntN(200_000)),
		})
		w.later = append(w.later, id)
	}
	for i, id := range w.later {
		if dice.IntN(8) == 0 {
			w.books.Pay(id, w.today().String())
			w.later = slices.Delete(w.later, i, i+1)
			return
		}
	}
}
