package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/store"
	"relanced/reminders"
)

// nobody is no customer of the story's.
const nobody = -1

// teller tells what happens, as it happens. Most of it stands in the program's
// own timeline; that a reminder is held it asks the program, as `why` does.
type teller struct {
	w    *world
	out  io.Writer
	json bool
	slow time.Duration // between two lines
	day  string        // the one told last
	err  error         // of writing

	seen map[dossier.CustomerID]int64  // the last event told
	held map[dossier.CustomerID]string // why, as told last
	owed map[string]string             // invoices that were reminded and are open: number to customer
}

func newTeller(w *world, o Options) *teller {
	t := &teller{
		w: w, out: o.Out, json: o.JSON, seen: map[dossier.CustomerID]int64{}, held: map[dossier.CustomerID]string{}, owed: map[string]string{},
	}
	if !o.Once {
		t.slow = linePause
	}
	return t
}

// event is a line of the story as --json prints it.
type event struct {
	At       string  `json:"at"`
	Event    string  `json:"event"`
	Customer *string `json:"customer"`
	Text     string  `json:"text"`
	Folder   string  `json:"folder,omitempty"`
}

// say tells something of the story's own; who is a place in customers, or nobody.
func (t *teller) say(kind string, who int, text string) {
	code := ""
	if who != nobody {
		code = customers[who].code
	}
	t.line(kind, code, text, "")
}

func (t *teller) line(kind, code, text, folder string) {
	at := t.w.clock.now().In(t.w.zone)
	var err error
	if t.slow > 0 {
		<-time.After(t.slow)
	}
	if t.json {
		e := event{At: at.Format(time.RFC3339), Event: kind, Text: text, Folder: folder}
		if code != "" {
			e.Customer = &code
		}
		encoder := json.NewEncoder(t.out)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(e)
	} else {
		if day := at.Format("Monday 2 January 2006"); day != t.day {
			t.day = day
			_, err = fmt.Fprintf(t.out, "\n%s\n", day)
		}
		if err == nil {
			_, err = fmt.Fprintf(t.out, "  %s  %-10s  %-8s  %s\n", at.Format("15:04"), kind, code, text)
		}
	}
	if err != nil && t.err == nil {
		t.err = err
	}
}

// finish tells where the mails are.
func (t *teller) finish() error {
	if err := t.w.folder.finish(); err != nil {
		return err
	}
	path := t.w.folder.path
	t.line("finished", "", fmt.Sprintf("%d mails left; they are in %s (open index.html).", t.w.folder.count, path), path)
	return t.err
}

// tell tells what is new in the timelines, who is held now, and what was paid.
func (t *teller) tell(ctx context.Context) error {
	s, company := t.w.daemon.Store, t.w.company.CompanyID()
	ids, err := s.CustomerIDs(ctx, company)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := t.timeline(ctx, id); err != nil {
			return err
		}
	}
	if err := t.paid(ctx); err != nil {
		return err
	}
	for _, id := range ids {
		if err := t.verdict(ctx, id); err != nil {
			return err
		}
	}
	return t.err
}

// recent is how many events of a customer are looked at: more never happen at once.
const recent = 30

func (t *teller) timeline(ctx context.Context, id dossier.CustomerID) error {
	rows, err := t.w.daemon.Store.Timeline(ctx, t.w.company.CompanyID(), id, recent)
	if err != nil {
		return err
	}
	for _, e := range rows {
		if e.ID <= t.seen[id] {
			continue
		}
		t.seen[id] = e.ID
		if err := t.one(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// one tells an event of the timeline.
func (t *teller) one(ctx context.Context, e store.EventRow) error {
	quote := "« " + strings.Join(strings.Fields(e.Text), " ") + " »"
	switch e.Kind {
	case "proposed":
		t.line("proposed", e.Code, "A reminder is drafted for approval: "+e.Text, "")
	case "thanks_proposed":
		t.line("proposed", e.Code, "A word of thanks is drafted: "+e.Text, "")
	case "approved":
		t.line("approved", e.Code, "Approved by "+e.By, "")
	case "sent":
		return t.sent(ctx, e)
	case "withdrawn":
		t.line("withdrawn", e.Code, "It does not leave: "+e.Text, "")
	case "replied":
		t.line("replied", e.Code, "The customer answers: "+quote, "")
	case "absent":
		t.line("absent", e.Code, "An absence notice is heard; it holds nothing: "+quote, "")
	case "conversation":
		t.line("colleague", e.Code, "A colleague's own message to the customer is seen in Sent: "+quote, "")
	case "bounced":
		t.line("bounced", e.Code, "The message comes back, and the address is marked: "+e.Text, "")
	case "promised", "disputed":
		t.line(e.Kind, e.Code, "Noted by "+e.By+": "+e.Text, "")
	case "task":
		t.line("task", e.Code, "A task for somebody: "+e.Text, "")
	}
	return nil
}

func (t *teller) sent(ctx context.Context, e store.EventRow) error {
	var id int64
	if _, err := fmt.Sscanf(e.Ref, "message %d", &id); err != nil {
		return fmt.Errorf("event %d: %w", e.ID, err)
	}
	out, err := t.w.daemon.Store.Message(ctx, dossier.MessageID(id))
	if err != nil {
		return err
	}
	if out.Kind == dossier.KindThanks {
		t.line("thanked", e.Code, "A word of thanks leaves: "+out.Subject, "")
		return nil
	}
	for _, line := range out.Lines {
		if line.Role == dossier.RoleDemanded {
			t.owed[line.Invoice] = e.Code
		}
	}
	t.line("sent", e.Code, fmt.Sprintf("The reminder %q leaves: %s", out.Step, out.Subject), "")
	return nil
}

// paid tells which invoices that were reminded are settled by now.
func (t *teller) paid(ctx context.Context) error {
	if len(t.owed) == 0 {
		return nil
	}
	open := map[string]bool{}
	for row, err := range t.w.daemon.Store.Invoices(ctx, store.InvoiceFilter{Company: t.w.company.CompanyID()}) {
		if err != nil {
			return err
		}
		open[row.Number] = true
	}
	for number, code := range t.owed {
		if !open[number] {
			delete(t.owed, number)
			t.line("paid", code, number+" is paid: nothing more is asked.", "")
		}
	}
	return nil
}

// ofThePeople are the reasons that come from customers and people, and are told.
var ofThePeople = map[dossier.Reason]bool{
	dossier.Replied: true, dossier.Conversation: true, dossier.Disputed: true, dossier.Promised: true, dossier.ProbablyPaid: true,
	dossier.CreditCovers: true, dossier.BouncedAddress: true, dossier.NoAddress: true, dossier.Backlog: true,
}

// verdict tells why a customer is held, where that is new.
func (t *teller) verdict(ctx context.Context, id dossier.CustomerID) error {
	facts, err := t.w.daemon.Store.Dossier(ctx, id)
	if err != nil {
		return err
	}
	now, rules := t.w.clock.now(), t.w.company.Rules
	why := ""
	for _, v := range reminders.Explain(reminders.Decide(facts, rules, now), facts, rules, now, "en").Verdicts {
		if v.Outcome == reminders.Held && ofThePeople[v.Reason] {
			why = string(v.Reason) + ": " + strings.Join(strings.Fields(v.Because), " ")
			break
		}
	}
	if why != "" && why != t.held[id] {
		t.line("held", facts.Customer.Code, why, "")
	}
	t.held[id] = why
	return nil
}
