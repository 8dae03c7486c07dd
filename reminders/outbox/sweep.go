package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
	"relanced/reminders"
	"relanced/reminders/compose"
)

// Report counts what a sweep did.
type Report struct {
	Looked    int // customers decided
	Proposed  int // drafts made
	Queued    int // reminders queued without a person
	Withdrawn int
	Tasks     int
	Gated     int // customers whose decision a gate withheld
}

const (
	agendaChunk  = 50_000 // rows of the agenda looked at together: narrow ones
	dossierChunk = 250    // dossiers in memory at once
	carriedChunk = 50     // customers whose decisions are carried out in one transaction
)

// Sweep decides for every customer whose moment has come, and carries it out in
// the outbox: proposes, withdraws, opens tasks. It sends nothing. Running it
// twice changes nothing. The caller holds the lease company/<id>.
func (b *Box) Sweep(ctx context.Context) (Report, error) {
	var report Report
	if _, err := b.Store.RulesChanged(ctx, b.Company.ID, b.Company.Rules.Hash()); err != nil {
		return report, fmt.Errorf("outbox: look at the rules: %w", err)
	}
	known, err := b.acceptFirst(ctx)
	if err != nil {
		return report, fmt.Errorf("outbox: look at the bank details: %w", err)
	}
	tried := map[dossier.CustomerID]int64{}
	for {
		rows, err := b.Store.DueAgenda(ctx, b.Company.ID, b.Store.Now(), agendaChunk)
		if err != nil {
			return report, fmt.Errorf("outbox: read the agenda: %w", err)
		}
		// A row that comes back unchanged was not settled by the try before: it
		// is left for the next sweep rather than turned over for ever.
		rows = slices.DeleteFunc(rows, func(r store.AgendaRow) bool {
			version, seen := tried[r.Customer]
			tried[r.Customer] = r.Version
			return seen && version == r.Version
		})
		if len(rows) == 0 {
			return report, nil
		}
		gates, err := b.Gates(ctx)
		if err != nil {
			return report, fmt.Errorf("outbox: look at the gates: %w", err)
		}
		if err := b.sweep(ctx, rows, known, gates, &report); err != nil {
			return report, err
		}
	}
}

// decided is a decision with the row it was made for.
type decided struct {
	reminders.Decision
	row   store.AgendaRow
	who   dossier.Customer
	tasks map[int64]bool                        // open ones
	live  map[dossier.MessageID]dossier.Message // drafts and queued messages
}

func (b *Box) sweep(ctx context.Context, rows []store.AgendaRow, known accepted, gates reminders.Gates, report *Report) error {
	// What would leave unasked waits until the whole day is known: whether it is
	// a large one is a question about all of it.
	var alone []decided
	for chunk := range slices.Chunk(rows, dossierChunk) {
		made, err := b.decide(ctx, chunk, known)
		if err != nil {
			return err
		}
		report.Looked += len(made)
		now, later := made[:0:0], []decided(nil)
		for _, d := range made {
			if slices.ContainsFunc(d.Actions, func(a reminders.Action) bool { return a.Channel == reminders.Email && !a.Approval }) {
				later = append(later, d)
			} else {
				now = append(now, d)
			}
		}
		alone = append(alone, later...)
		if err := b.settle(ctx, now, gates, report); err != nil {
			return err
		}
	}
	return b.settle(ctx, alone, gates, report)
}

func (b *Box) decide(ctx context.Context, rows []store.AgendaRow, known accepted) ([]decided, error) {
	ids := make([]dossier.CustomerID, len(rows))
	versions := make(map[dossier.CustomerID]store.AgendaRow, len(rows))
	for i, row := range rows {
		ids[i], versions[row.Customer] = row.Customer, row
	}
	made := make([]decided, 0, len(rows))
	dossiers, err := b.Store.Dossiers(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("outbox: read dossiers: %w", err)
	}
	for _, d := range dossiers {
		one := decided{
			Decision: reminders.Decide(d, b.Company.Rules, b.Store.Now()), row: versions[d.Customer.ID], who: d.Customer,
			tasks: map[int64]bool{}, live: map[dossier.MessageID]dossier.Message{},
		}
		for _, task := range d.Tasks {
			one.tasks[task.ID] = task.DoneAt.IsZero()
		}
		for _, m := range d.Messages {
			if m.State == dossier.StateDraft || m.State == dossier.StateQueued {
				one.live[m.ID] = m
			}
		}
		one.ask(b.strange(known, d.Customer))
		made = append(made, one)
	}
	return made, nil
}

// ask has a person approve what may not leave unasked: messages with bank
// details nobody accepted, and queued ones that need a person by now.
func (d *decided) ask(strange bool) {
	for i, a := range d.Actions {
		if strange && a.Channel == reminders.Email && !a.Approval {
			d.Actions[i].Approval, d.Actions[i].Because = true, dossier.Approval
		}
	}
	keep := d.Keep
	d.Keep = nil
	for _, a := range keep {
		live := d.live[a.Reopens]
		if live.State != dossier.StateQueued || !strange && (live.Approved || !a.Approval) {
			d.Keep = append(d.Keep, a)
			continue
		}
		if !a.Approval || strange {
			a.Because = dossier.Approval
		}
		a.Approval = true
		d.Actions = append(d.Actions, a)
	}
}

// settle admits the decisions together and carries them out.
func (b *Box) settle(ctx context.Context, made []decided, gates reminders.Gates, report *Report) error {
	plain := make([]reminders.Decision, len(made))
	for i := range made {
		plain[i] = made[i].Decision
	}
	rows := make([]store.AgendaRow, 0, len(made))
	var acting []decided
	for i, d := range reminders.Admit(plain, gates) {
		made[i].Decision = d
		if d.Gated {
			report.Gated++
		}
		if len(d.Actions)+len(d.Withdraw) > 0 {
			acting = append(acting, made[i])
			continue // what was written touched the agenda: it is looked at again
		}
		row := made[i].row
		row.NextAt, row.Rules, row.Gated = d.NextAt, b.Company.Rules.Hash(), d.Gated
		rows = append(rows, row)
	}
	for chunk := range slices.Chunk(acting, carriedChunk) {
		if err := b.carryOut(ctx, chunk, report); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := b.Store.Decided(ctx, rows); err != nil {
		return fmt.Errorf("outbox: store the agenda: %w", err)
	}
	return nil
}

// carryOut writes the decisions of some customers in one transaction: of each,
// if its facts are still what was decided on. Where another hand was quicker for
// one of them, the others are carried out by themselves.
func (b *Box) carryOut(ctx context.Context, made []decided, report *Report) error {
	var done Report
	b.Store.Reach(store.PointProposing)
	err := b.Store.InTx(ctx, func(tx *store.Tx) error {
		done = Report{}
		return b.carry(tx, made, &done)
	})
	b.Store.Reach(store.PointProposed)
	if errors.Is(err, store.ErrLive) || errors.Is(err, store.ErrConflict) {
		if len(made) == 1 {
			return nil // decided anew
		}
		for i := range made {
			if err := b.carryOut(ctx, made[i:i+1], report); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("outbox: carry out what was decided for customers %d to %d: %w", made[0].Customer, made[len(made)-1].Customer, err)
	}
	report.Proposed += done.Proposed
	report.Queued += done.Queued
	report.Withdrawn += done.Withdrawn
	report.Tasks += done.Tasks
	return nil
}

func (b *Box) carry(tx *store.Tx, made []decided, done *Report) error {
	ids := make([]dossier.CustomerID, len(made))
	for i, d := range made {
		ids[i] = d.Customer
	}
	versions, err := tx.Versions(ids)
	if err != nil {
		return err
	}
	released := map[calendar.Date]int{}
	for _, d := range made {
		if versions[d.Customer] != d.row.Version {
			continue // decided anew in the next round
		}
		before := *done
		replaced := map[dossier.MessageID]bool{}
		for _, a := range d.Actions {
			replaced[a.Reopens] = true
			if err := b.act(tx, d, a, released, done); err != nil {
				return err
			}
		}
		for _, w := range d.Withdraw {
			if replaced[w.Message] {
				continue // Propose cancelled it
			}
			if err := b.withdraw(tx, d.Customer, w); err != nil {
				return err
			}
			done.Withdrawn++
		}
		if *done == before { // all of it was there: nothing touched the row
			d.row.NextAt, d.row.Rules, d.row.Gated = d.NextAt, b.Company.Rules.Hash(), d.Gated
			if _, err := tx.Decided(d.row); err != nil {
				return err
			}
		}
	}
	for _, day := range slices.Sorted(maps.Keys(released)) {
		if _, err := tx.CountBatch(b.Company.ID, day, released[day]); err != nil {
			return err
		}
	}
	return nil
}

// act carries out one action; reminders that nobody approves count for the day
// they are released on.
func (b *Box) act(tx *store.Tx, d decided, a reminders.Action, released map[calendar.Date]int, done *Report) error {
	if a.Channel != reminders.Email {
		return b.openTask(tx, d, a, done)
	}
	out := b.outgoing(tx, d, a)
	id, err := tx.Propose(out, a.Reopens)
	if err != nil {
		return err
	}
	if out.State == dossier.StateQueued {
		done.Queued++
		if a.Kind == dossier.KindReminder && d.live[a.Reopens].State != dossier.StateQueued {
			released[b.today(a.At)]++
		}
	} else {
		done.Proposed++
	}
	kind := "proposed"
	if a.Kind == dossier.KindThanks {
		kind = "thanks_proposed"
	}
	return tx.AddEvent(store.Event{
		Company: b.Company.ID, Customer: d.Customer, Kind: kind, By: "relanced",
		Text: b.words().proposed(a, d.live[a.Reopens]), Ref: fmt.Sprintf("message %d", id),
	})
}

// outgoing makes the row of an action: all that is fixed when it is proposed.
func (b *Box) outgoing(tx *store.Tx, d decided, a reminders.Action) store.Outgoing {
	id := email.NewID()
	out := store.Outgoing{
		Company:   b.Company.ID,
		Customer:  d.Customer,
		Mailbox:   b.Company.Mailbox.Name,
		CC:        a.CC,
		Ref:       string(id),
		Reference: email.Reference(id),
		Template:  a.Template,
		Legal:     string(a.Legal),
		Language:  compose.Language(d.who.Language, b.Company.Compose.Language),
		Amounts:   a.Sums(),
		Because:   a.Because,
		NotBefore: a.At,
	}
	out.Message = dossier.Message{
		Kind: a.Kind, State: dossier.StateQueued, Plan: a.Plan, Step: a.Step, To: a.To, Basis: a.Basis,
		MID: b.Company.Keys.MessageID(id, email.Domain(b.Company.Sender.Address)), CreatedAt: tx.Now(),
	}
	if a.Approval {
		out.State = dossier.StateDraft
	}
	for _, use := range a.Lines {
		out.Lines = append(out.Lines, dossier.MessageLine{
			Due: use.Line.ID, Document: use.Line.Document, Invoice: use.Line.Invoice, Role: use.Role, Outstanding: use.Line.Outstanding,
		})
	}
	return out
}

func (b *Box) openTask(tx *store.Tx, d decided, a reminders.Action, done *Report) error {
	task := dossier.Task{Kind: a.Task, Step: a.Step, DueOn: b.today(tx.Now()), Owner: d.who.Owner}
	if a.WaitUntil != 0 {
		task.DueOn = a.WaitUntil
	}
	keys := make([]string, 0, len(a.Lines))
	for _, use := range a.Lines {
		if use.Role == dossier.RoleAnnex {
			continue // listed beside what is demanded: it takes no step
		}
		task.Lines = append(task.Lines, use.Line.ID)
		keys = append(keys, fmt.Sprint(use.Line.ID))
	}
	task.Title = b.words().task(a, d.who)
	key := fmt.Sprintf("%s/%d/%s/%s", a.Task, d.Customer, a.Step, strings.Join(keys, ","))
	id, err := tx.AddTask(b.Company.ID, d.Customer, task, key)
	if err != nil || d.tasks[id] {
		return err
	}
	done.Tasks++
	return tx.AddEvent(store.Event{
		Company: b.Company.ID, Customer: d.Customer, Kind: "task", By: "relanced", Text: task.Title, Ref: fmt.Sprintf("task %d", id),
	})
}

func (b *Box) withdraw(tx *store.Tx, customer dossier.CustomerID, w reminders.Withdrawal) error {
	why := b.words().withdrawn(w.Reason)
	if err := tx.Cancel(w.Message, why); err != nil {
		return err
	}
	return tx.AddEvent(store.Event{
		Company: b.Company.ID, Customer: customer, Kind: "withdrawn", By: "relanced", Text: why, Ref: fmt.Sprintf("message %d", w.Message),
	})
}
