// Package actions is what people do: approve, decline, hold, resume, dispute,
// promise… one function each, whoever asks: the command line, an answer to a
// work list, later the web. Each records who, how and why.
package actions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
	"relanced/reminders/outbox"
)

// Desk carries out what people want, for the companies it knows.
type Desk struct {
	Store *store.Store
	Boxes map[receivable.CompanyID]*outbox.Box
	// May tells whether somebody may do that. It says yes of whoever is not on
	// the team: they have the program itself in hand. nil: everybody may.
	May func(company receivable.CompanyID, by string, right Right) bool
}

// Target is what an action is about: a customer, or one of its invoices.
type Target struct {
	Customer dossier.CustomerID
	Document dossier.DocumentID // 0: the whole customer
}

// Done is what an action did.
type Done struct {
	ID       int64 // of the fact it recorded, 0 for none
	Company  receivable.CompanyID
	Customer dossier.CustomerID
	Code     string // of the customer
	Name     string
	Text     string // a sentence for people
}

// Why nothing was done.
var (
	ErrNothing = errors.New("there is nothing of that kind to end")
	ErrMayNot  = errors.New("the configuration does not let them: see `may` under `team`")
)

// Approve lets drafts leave; basis, where not "", is what the person was shown.
func (k *Desk) Approve(ctx context.Context, id dossier.MessageID, basis, by, added string) (Done, error) {
	return k.inTx(ctx, func(tx *store.Tx) (Done, error) { return k.ApproveIn(tx, id, basis, by, added) })
}

// ApproveIn is Approve inside the caller's transaction.
func (k *Desk) ApproveIn(tx *store.Tx, id dossier.MessageID, basis, by, added string) (Done, error) {
	return k.message(tx, id, by, "approved", func(box *outbox.Box, _ store.Outgoing) error {
		return box.ApproveIn(tx, id, basis, by, added)
	})
}

// Decline skips the draft's step for its lines; hold pauses the customer too.
func (k *Desk) Decline(ctx context.Context, id dossier.MessageID, by, why string, hold bool) (Done, error) {
	return k.inTx(ctx, func(tx *store.Tx) (Done, error) { return k.DeclineIn(tx, id, "", by, why, hold) })
}

// DeclineIn is Decline inside the caller's transaction; basis, where not "", is
// what the person was shown: what has changed since is not declined.
func (k *Desk) DeclineIn(tx *store.Tx, id dossier.MessageID, basis, by, why string, hold bool) (Done, error) {
	return k.message(tx, id, by, "declined", func(box *outbox.Box, out store.Outgoing) error {
		if basis != "" && basis != out.Basis {
			return outbox.ErrChanged
		}
		if err := box.Decline(tx, id, by, why); err != nil || !hold {
			return err
		}
		if _, err := tx.AddHold(out.Customer, dossier.Hold{Reason: dossier.Manual, By: by, Note: why, From: tx.Now()}); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{Company: out.Company, Customer: out.Customer, Kind: "held", By: by, Text: why})
	})
}

// Resolve says what became of a message of unknown outcome: sent, queued (not
// sent) or dropped.
func (k *Desk) Resolve(ctx context.Context, id dossier.MessageID, to dossier.State, by string) (Done, error) {
	return k.inTx(ctx, func(tx *store.Tx) (Done, error) {
		return k.message(tx, id, by, "resolved", func(box *outbox.Box, _ store.Outgoing) error {
			return box.Resolve(tx, id, to, by)
		})
	})
}

func (k *Desk) inTx(ctx context.Context, do func(*store.Tx) (Done, error)) (Done, error) {
	var done Done
	err := k.Store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		done, err = do(tx)
		return err
	})
	return done, err
}

// message runs what concerns one row of the outbox.
func (k *Desk) message(tx *store.Tx, id dossier.MessageID, by, text string, do func(*outbox.Box, store.Outgoing) error) (Done, error) {
	out, err := tx.Message(id)
	if err != nil {
		return Done{}, err
	}
	box, err := k.box(out.Company, by, MayApprove)
	if err != nil {
		return Done{}, fmt.Errorf("message %d: %w", id, err)
	}
	return Done{ID: int64(id), Company: out.Company, Customer: out.Customer, Code: out.Code, Name: out.Name, Text: text}, do(box, out)
}

// box returns the outbox of the company, where the person may do that there.
func (k *Desk) box(company receivable.CompanyID, by string, right Right) (*outbox.Box, error) {
	box := k.Boxes[company]
	if box == nil {
		return nil, fmt.Errorf("it belongs to the company %q, which the configuration does not have", company)
	}
	if k.May != nil && !k.May(company, by, right) {
		return nil, fmt.Errorf("%s, %s: %w", by, right, ErrMayNot)
	}
	return box, nil
}

// Hold stops reminders of the target until the day (the first that no longer
// holds), or until a person resumes.
func (k *Desk) Hold(ctx context.Context, t Target, until calendar.Date, reason, by string) (Done, error) {
	return k.fact(ctx, t, MayHold, "held", by, reason, func(tx *store.Tx, _ *outbox.Box) (int64, error) {
		return tx.AddHold(t.Customer, dossier.Hold{
			Document: t.Document, Reason: dossier.Manual, By: by, Note: reason, From: tx.Now(), Until: until,
		})
	})
}

// Exclude stops reminders of the target for good: until a person resumes.
func (k *Desk) Exclude(ctx context.Context, t Target, reason, by string) (Done, error) {
	return k.fact(ctx, t, MayHold, "excluded", by, reason, func(tx *store.Tx, _ *outbox.Box) (int64, error) {
		return tx.AddHold(t.Customer, dossier.Hold{Document: t.Document, Reason: dossier.Excluded, By: by, Note: reason, From: tx.Now()})
	})
}

// Resume ends what keeps the target back: holds and promises, whatever their
// reason, and of an invoice its disputes. Of a customer, addresses that failed
// are tried again, and a backlog waiting for a decision starts the ladder.
// ErrNothing where nothing was kept back.
func (k *Desk) Resume(ctx context.Context, t Target, by string) (Done, error) {
	return k.fact(ctx, t, MayResume, "resumed", by, "", func(tx *store.Tx, _ *outbox.Box) (int64, error) {
		ended, err := k.release(tx, t, by)
		if err == nil && ended == 0 {
			err = ErrNothing
		}
		return 0, err
	})
}

func (k *Desk) release(tx *store.Tx, t Target, by string) (int, error) {
	d, err := tx.Dossier(t.Customer)
	if err != nil {
		return 0, err
	}
	ended := 0
	about := func(document dossier.DocumentID) bool { return t.Document == 0 || document == t.Document }
	for _, h := range d.Holds {
		if h.EndedAt.IsZero() && about(h.Document) {
			if err := tx.EndHold(h.ID, by); err != nil {
				return ended, err
			}
			ended++
		}
	}
	for _, p := range d.Promises {
		if p.EndedAt.IsZero() && about(p.Document) {
			if err := tx.EndPromise(p.ID, by); err != nil {
				return ended, err
			}
			ended++
		}
	}
	for _, q := range d.Disputes {
		if q.EndedAt.IsZero() && q.Document == t.Document {
			if err := tx.EndDispute(q.ID, by); err != nil {
				return ended, err
			}
			ended++
		}
	}
	for _, task := range d.Tasks {
		if task.Kind == reminders.TaskBacklog && task.DoneAt.IsZero() && about(task.Document) {
			if err := tx.DoneTask(task.ID, by, reminders.BacklogResumed); err != nil {
				return ended, err
			}
			ended++
		}
	}
	if t.Document == 0 {
		for _, b := range d.Bounced {
			if err := tx.ClearBounced(t.Customer, b.Address); err != nil {
				return ended, err
			}
			ended++
		}
	}
	return ended, nil
}

// Dispute records that an invoice is contested: amount zero, all of it.
func (k *Desk) Dispute(ctx context.Context, t Target, amount money.Amount, reason, owner string, until calendar.Date, by string) (Done, error) {
	return k.fact(ctx, t, MayDispute, "disputed", by, reason, func(tx *store.Tx, _ *outbox.Box) (int64, error) {
		return tx.AddDispute(t.Customer, dossier.Dispute{
			Document: t.Document, Amount: amount, Reason: reason, Owner: owner, By: by, Until: until, OpenedAt: tx.Now(),
		})
	})
}

// Promise records that payment is promised for a day: the target waits until
// then and as long after as the configuration says.
func (k *Desk) Promise(ctx context.Context, t Target, on calendar.Date, amount money.Amount, by string) (Done, error) {
	return k.fact(ctx, t, MayPromise, "promised", by, on.String()+ofAmount(amount), func(tx *store.Tx, box *outbox.Box) (int64, error) {
		rules := box.Company.Rules
		return tx.AddPromise(t.Customer, dossier.Promise{
			Document: t.Document, Amount: amount, On: on, Until: rules.WorkDays().AddSpan(on, rules.Config.Holds.Promise), By: by, MadeAt: tx.Now(),
		})
	})
}

// ofAmount names a part of what is owed; "" for all of it.
func ofAmount(amount money.Amount) string {
	if amount.IsZero() {
		return ""
	}
	return ", " + amount.String() + " " + amount.Currency
}

// The ways in which a customer says that money has left.
const (
	ByCheque   = "cheque"
	ByTransfer = "transfer"
)

// Claimed records that the customer says it has paid: the target waits for the
// money as long as the configuration says.
func (k *Desk) Claimed(ctx context.Context, t Target, how string, sent calendar.Date, amount money.Amount, by string) (Done, error) {
	return k.fact(ctx, t, MayPromise, "claimed", by, fmt.Sprintf("%s, %s", how, sent)+ofAmount(amount), func(tx *store.Tx, box *outbox.Box) (int64, error) {
		rules := box.Company.Rules
		today := calendar.DateOf(tx.Now().In(rules.Company.Zone))
		until := rules.Config.Holds.PaidClaim.Until(max(today, sent), rules.WorkDays())
		if how == ByCheque {
			until = rules.Config.Holds.Cheque.Until(sent, rules.WorkDays())
		}
		return tx.AddPromise(t.Customer, dossier.Promise{
			Document: t.Document, Amount: amount, On: sent, Until: until, Claimed: how, By: by, MadeAt: tx.Now(),
		})
	})
}

// Called records a call: what was said, and when to speak again. Open call tasks
// of the customer are done; a next date keeps reminders back until then.
func (k *Desk) Called(ctx context.Context, t Target, note, outcome string, next calendar.Date, by string) (Done, error) {
	return k.fact(ctx, t, MayCall, "called", by, note, func(tx *store.Tx, _ *outbox.Box) (int64, error) {
		d, err := tx.Dossier(t.Customer)
		if err != nil {
			return 0, err
		}
		for _, task := range d.Tasks {
			if task.Kind == "call" && task.DoneAt.IsZero() {
				if err := tx.DoneTask(task.ID, by, outcome); err != nil {
					return 0, err
				}
			}
		}
		if next.IsZero() {
			return 0, nil
		}
		return tx.AddHold(t.Customer, dossier.Hold{Document: t.Document, Reason: dossier.Manual, By: by, Note: note, From: tx.Now(), Until: next})
	})
}

// Finish says that a task is done, and how it came out. What the task stands for
// in a plan counts as done then.
func (k *Desk) Finish(ctx context.Context, task int64, outcome, by string) (Done, error) {
	return k.inTx(ctx, func(tx *store.Tx) (Done, error) {
		t, err := tx.Task(task)
		if err != nil {
			return Done{}, err
		}
		if _, err := k.box(t.Company, by, MayCall); err != nil {
			return Done{}, fmt.Errorf("task %d: %w", task, err)
		}
		if err := tx.DoneTask(task, by, outcome); err != nil {
			return Done{}, err
		}
		done := Done{ID: task, Company: t.Company, Customer: t.Customer, Code: t.Code, Text: "done"}
		return done, tx.AddEvent(store.Event{
			Company: t.Company, Customer: t.Customer, Kind: "task_done", By: by, Text: strings.TrimSpace(t.Title + ": " + outcome), Ref: fmt.Sprintf("task %d", task),
		})
	})
}

// fact runs what concerns a target, and puts it on the timeline.
func (k *Desk) fact(ctx context.Context, t Target, right Right, kind, by, why string, do func(*store.Tx, *outbox.Box) (int64, error)) (Done, error) {
	var done Done
	err := k.Store.InTx(ctx, func(tx *store.Tx) error {
		company, err := tx.CompanyOf(t.Customer)
		if err != nil {
			return err
		}
		box, err := k.box(company, by, right)
		if err != nil {
			return fmt.Errorf("customer %d: %w", t.Customer, err)
		}
		d, err := tx.Dossier(t.Customer)
		if err != nil {
			return err
		}
		done = Done{Company: company, Customer: t.Customer, Code: d.Customer.Code, Name: d.Customer.Name, Text: kind}
		if done.ID, err = do(tx, box); err != nil {
			return err
		}
		tx.Touch(t.Customer)
		return tx.AddEvent(store.Event{Company: company, Customer: t.Customer, Kind: kind, By: by, Text: why, Ref: invoiceRef(d, t.Document)})
	})
	return done, err
}

// invoiceRef names the invoice an action is about, "" where it is the customer.
func invoiceRef(d dossier.Dossier, document dossier.DocumentID) string {
	for _, line := range d.Lines {
		if line.Document == document {
			return line.Invoice
		}
	}
	return ""
}

// Remind asks for reminders now: a tick of the company's schedule.
func (k *Desk) Remind(ctx context.Context, company receivable.CompanyID, by string) (time.Time, error) {
	var at time.Time
	err := k.Store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := k.box(company, by, MayApprove); err != nil {
			return err
		}
		at = tx.Now()
		if err := tx.Remind(company); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{Company: company, Kind: "remind", By: by})
	})
	return at, err
}
