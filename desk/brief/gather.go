package brief

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/store"
	"relanced/reminders"
	"relanced/reminders/outbox"
)

// content is what a list says, gathered from the facts.
type content struct {
	now      time.Time // in the company's zone
	today    calendar.Date
	overdue  []money.Amount // of all customers, per currency
	owing    int            // customers with something overdue
	books    []string       // how fresh the books are, a sentence each
	decided  []item         // what became of messages since the last list
	refused  []item         // answers that were refused since
	replies  []item
	drafts   []draft
	more     int    // drafts beyond maxDrafts
	paid     []item // probably paid
	held     []item // for long
	promises []item // due and broken
	tasks    []item
	problems []item
}

// draft is a numbered draft.
type draft struct {
	number int
	id     dossier.MessageID
	basis  string
	who    string // NAME (CODE)
	step   string
	sum    string
	about  []string // who to, subject, why it asks
	text   string   // the message in full
}

// item is one thing to know or to do.
type item struct {
	head  string
	lines []string
	quote string
	rank  int64 // what it is sorted by
}

func (c *content) empty() bool {
	return len(c.decided)+len(c.refused)+len(c.replies)+len(c.drafts)+len(c.paid)+len(c.held)+len(c.promises)+len(c.tasks)+len(c.problems) == 0
}

// news tells whether the content says something that the list of the same day
// did not.
func (c *content) news(last store.WorkList) bool {
	if len(c.decided)+len(c.refused)+len(c.replies) > 0 {
		return true
	}
	listed := map[dossier.MessageID]string{}
	for _, i := range last.Items {
		listed[i.Message] = i.Basis
	}
	return slices.ContainsFunc(c.drafts, func(d draft) bool { return listed[d.id] != d.basis })
}

// overlap is by how much a morning's list looks back beyond the last one: what
// was being written while that one was made must not be missed.
const overlap = 5 * time.Second

// since is from when on things are new, given the last list to the same address.
func (c *content) since(last store.WorkList) time.Time {
	switch {
	case last.SentAt.IsZero(), last.SentAt.After(c.now):
		return c.now.AddDate(0, 0, -7)
	case c.sameDay(last):
		return last.SentAt.Add(time.Microsecond)
	}
	return last.SentAt.Add(-overlap)
}

func (c *content) sameDay(last store.WorkList) bool {
	return !last.SentAt.IsZero() && calendar.DateOf(last.SentAt.In(c.now.Location())) == c.today
}

// gather reads what there is to say since the last list to the same address.
func (b *Brief) gather(ctx context.Context, last store.WorkList, now time.Time) (content, error) {
	c := content{now: now, today: calendar.DateOf(now)}
	since := c.since(last)
	for _, read := range []func(context.Context, *content, time.Time) error{
		b.readReplies, b.readOutbox, b.readRefused, b.readStandings, b.readTasks, b.readProblems,
	} {
		if err := read(ctx, &c, since); err != nil {
			return c, err
		}
	}
	return c, nil
}

// who names a customer: NAME (CODE).
func who(name, code string) string {
	name, code = email.Clean(name, 80), email.Clean(code, 40)
	if code == "" {
		return cmp.Or(name, "?")
	}
	return cmp.Or(name, code) + " (" + code + ")"
}

func (b *Brief) sums(list []money.Amount) string {
	texts := make([]string, len(list))
	for i, sum := range list {
		texts[i] = money.Format(sum, b.lang())
	}
	return strings.Join(texts, " + ")
}

// plus adds to the sum of its currency.
func plus(sums []money.Amount, a money.Amount) []money.Amount {
	for i := range sums {
		if sums[i].Currency == a.Currency {
			sums[i] = sums[i].Add(a)
			return sums
		}
	}
	return append(sums, a)
}

// maxDrafts is how many drafts one list holds: mail programs cut what is longer.
const maxDrafts = 500

// maxQuote is how much of a reply or of a message is shown.
const maxQuote = 4000

// readReplies gathers what came in, oldest first. One message to several
// customers is told once.
func (b *Brief) readReplies(ctx context.Context, c *content, since time.Time) error {
	rows, err := b.Box.Store.Replies(ctx, b.Box.Company.ID, since)
	if err != nil {
		return fmt.Errorf("read replies: %w", err)
	}
	slices.Reverse(rows)
	told := map[dossier.ReplyID]int{}
	for _, r := range rows {
		if r.Class == dossier.ClassReceipt || r.Class == dossier.ClassOwn || r.Class == dossier.ClassIgnore || r.Class == dossier.ClassBounce {
			continue // a bounce is a task
		}
		if at, again := told[r.ID]; again {
			c.replies[at].head += ", " + who(r.Name, r.Code)
			continue
		}
		told[r.ID] = len(c.replies)
		sender := email.Clean(r.FromName, 80)
		if sender == "" {
			sender = email.Clean(r.From, 120)
		} else if r.From != "" {
			sender += " <" + email.Clean(r.From, 120) + ">"
		}
		i := item{head: who(r.Name, r.Code), quote: email.CleanText(strings.TrimSpace(r.Quote), maxQuote)}
		i.lines = append(i.lines, b.say("De ", "From ")+sender+", "+b.moment(r.ReceivedAt))
		if note := b.classNote(r); note != "" {
			i.lines = append(i.lines, note)
		}
		c.replies = append(c.replies, i)
	}
	return nil
}

// classNote says what kind of message it is, where it is no plain reply.
func (b *Brief) classNote(r store.ReplyRow) string {
	switch r.Class {
	case dossier.ClassAutoReply:
		if r.Holds {
			return b.say("Réponse automatique : le contact a changé ; relances suspendues. Pour reprendre : relanced resume ", "Automatic answer: the contact has changed; reminders are held. To go on: relanced resume ") + email.Clean(r.Code, 40)
		}
		if r.ReturnOn != 0 {
			return b.say("Absence, retour le ", "Away, back on ") + b.date(r.ReturnOn) + b.say(" ; les relances ne sont pas suspendues.", "; reminders go on.")
		}
		return b.say("Réponse automatique ; les relances ne sont pas suspendues.", "Automatic answer; reminders go on.")
	case dossier.ClassMachineAck:
		return b.say("Accusé de réception automatique ; relances suspendues quelques jours.", "Automatic acknowledgement; reminders wait a few days.")
	case dossier.ClassColleague:
		return b.say("Écrit par un collègue ; relances suspendues quelques jours.", "Written by a colleague; reminders wait a few days.")
	case dossier.ClassComplaint:
		return b.say("Signalé comme indésirable ; relances suspendues.", "Reported as spam; reminders are held.")
	case dossier.ClassUnreadable:
		return b.say("Message illisible : à ouvrir dans la messagerie.", "Cannot be read: open it in the mailbox.")
	}
	if r.Holds {
		return b.say("Relances suspendues ; pour reprendre : relanced resume ", "Reminders are held; to go on: relanced resume ") + email.Clean(r.Code, 40)
	}
	return ""
}

// readOutbox gathers drafts, and what became of messages since.
func (b *Brief) readOutbox(ctx context.Context, c *content, since time.Time) error {
	s, company := b.Box.Store, b.Box.Company.ID
	waiting, err := s.Outbox(ctx, store.OutboxFilter{Company: company, States: []dossier.State{dossier.StateDraft}})
	if err != nil {
		return fmt.Errorf("read drafts: %w", err)
	}
	if c.more = max(0, len(waiting)-maxDrafts); c.more > 0 {
		waiting = waiting[:maxDrafts]
	}
	for chunk := range slices.Chunk(waiting, 250) {
		previews, err := b.previews(ctx, c, chunk)
		if err != nil {
			return fmt.Errorf("write drafts out: %w", err)
		}
		for _, p := range previews {
			d := draft{
				number: len(c.drafts) + 1, id: p.ID, basis: p.Basis, who: who(p.Name, p.Code),
				step: stepOf(p.Outgoing), sum: b.sums(p.Amounts), text: strings.TrimSpace(email.CleanText(p.Mail.Text, maxQuote)),
			}
			d.about = append(d.about, b.say("À ", "To ")+strings.Join(p.To, ", "), b.say("Objet : ", "Subject: ")+email.Clean(p.Mail.Subject, 200))
			if p.Because != "" && p.Because != dossier.Approval {
				d.about = append(d.about, b.say("Motif : ", "Why it asks: ")+reminders.Word(p.Because, b.lang()))
			}
			c.drafts = append(c.drafts, d)
		}
	}
	changed, err := s.Outbox(ctx, store.OutboxFilter{Company: company, Since: since, Kinds: []dossier.MessageKind{
		dossier.KindReminder, dossier.KindThanks, dossier.KindReceipt, dossier.KindCopy,
	}})
	if err != nil {
		return fmt.Errorf("read what left: %w", err)
	}
	for _, o := range changed {
		if text := b.became(o); text != "" && !o.ChangedAt.After(c.now) {
			c.decided = append(c.decided, item{head: fmt.Sprintf("%s, %s, %s%s%s", who(o.Name, o.Code), stepOf(o), b.sums(o.Amounts), b.say(" : ", ": "), text)})
		}
	}
	return nil
}

// stepOf names the step of a message, or its kind where it is none of a plan.
func stepOf(o store.Outgoing) string { return email.Clean(cmp.Or(o.Step, string(o.Kind)), 60) }

// previews writes drafts out. One that cannot be written is a problem, and the
// others are listed all the same.
func (b *Brief) previews(ctx context.Context, c *content, drafts []store.Outgoing) ([]outbox.Draft, error) {
	previews, err := b.Box.Previews(ctx, drafts)
	if err == nil || ctx.Err() != nil {
		return previews, err
	}
	previews = nil
	for _, o := range drafts {
		one, err := b.Box.Previews(ctx, []store.Outgoing{o})
		if err != nil {
			c.problem(b.say("Message %d à %s : impossible à écrire : %v", "Message %d to %s: cannot be written: %v"), o.ID, who(o.Name, o.Code), err, "relanced check")
		}
		previews = append(previews, one...)
	}
	return previews, ctx.Err()
}

// became says what became of a message, "" where nothing worth saying did.
func (b *Brief) became(o store.Outgoing) string {
	by := ""
	if o.ApprovedBy != "" {
		by = b.say(", approuvée par ", ", approved by ") + email.Clean(o.ApprovedBy, 120)
	}
	switch o.State {
	case dossier.StateSent:
		if why, said, _ := strings.Cut(o.Problem, ": "); email.Failure(why).Passes() {
			by += b.say(", mais pas arrivée : ", ", but did not arrive: ") + email.Clean(said, 300)
		}
		return b.say("envoyée", "sent") + by
	case dossier.StateQueued, dossier.StateArmed:
		if !o.Approved {
			return ""
		}
		return strings.TrimPrefix(by, ", ") + b.say(", en attente d'envoi", ", waiting to leave")
	case dossier.StateRefused:
		return b.say("non envoyée : ", "not sent: ") + email.Clean(o.Problem, 300)
	case dossier.StateCancelled, dossier.StateDropped:
		if o.Problem == "" || o.Problem == "proposed anew" {
			return ""
		}
		return email.Clean(o.Problem, 300)
	}
	return ""
}

// readRefused gathers answers that were not acted on.
func (b *Brief) readRefused(ctx context.Context, c *content, since time.Time) error {
	events, err := b.Box.Store.Timeline(ctx, b.Box.Company.ID, 0, 500)
	if err != nil {
		return fmt.Errorf("read refused answers: %w", err)
	}
	for _, e := range events {
		if e.Kind == eventRefused && !e.At.Before(since) && !e.At.After(c.now) {
			c.refused = append(c.refused, item{head: email.Clean(e.By, 120) + ", " + b.moment(e.At), lines: []string{email.Clean(e.Text, 600)}})
		}
	}
	return nil
}

// readTasks gathers what a person must do: calls first.
func (b *Brief) readTasks(ctx context.Context, c *content, _ time.Time) error {
	tasks, err := b.Box.Store.Tasks(ctx, store.TaskFilter{Company: b.Box.Company.ID})
	if err != nil {
		return fmt.Errorf("read tasks: %w", err)
	}
	var ids []dossier.CustomerID
	for _, t := range tasks {
		if t.Customer != 0 && t.Kind == string(reminders.Call) {
			ids = append(ids, t.Customer)
		}
	}
	slices.Sort(ids)
	known := map[dossier.CustomerID]dossier.Customer{}
	for chunk := range slices.Chunk(slices.Compact(ids), 250) {
		dossiers, err := b.Box.Store.Dossiers(ctx, chunk)
		if err != nil {
			return fmt.Errorf("read whom to call: %w", err)
		}
		for _, d := range dossiers {
			known[d.Customer.ID] = d.Customer
		}
	}
	for _, t := range tasks {
		if t.Kind == reminders.TaskAddress {
			continue // counted among the problems
		}
		i := item{head: email.Clean(t.Title, 300), rank: 1}
		if t.Code != "" && !strings.Contains(i.head, t.Code) {
			i.head += " (" + email.Clean(t.Code, 40) + ")"
		}
		if t.DueOn != 0 {
			i.head += b.say(", pour le ", ", by ") + b.date(t.DueOn)
		}
		if t.Kind == string(reminders.Call) {
			i.rank = 0
			if line := strings.TrimSpace(email.Clean(known[t.Customer].Contact, 80) + " " + email.Clean(known[t.Customer].Phone, 40)); line != "" {
				i.lines = append(i.lines, line)
			}
			if t.Code != "" {
				i.lines = append(i.lines, b.say("Après l'appel : relanced called ", "After the call: relanced called ")+email.Clean(t.Code, 40)+" --note …")
			}
		}
		c.tasks = append(c.tasks, i)
	}
	slices.SortStableFunc(c.tasks, func(x, y item) int { return cmp.Compare(x.rank, y.rank) })
	return nil
}
