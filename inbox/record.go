package inbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"relanced/inbox/mailbox"
	"relanced/inbox/match"
	"relanced/inbox/message"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

func canonical(address string) string {
	if !email.IsAddress(address) {
		return ""
	}
	return email.Canonical(address)
}

// Answer is the content of a Command of kind CommandAnswer: what somebody wrote
// under a work list.
type Answer struct {
	Text    string `json:"text"`     // the whole text, quotes included: the token stands in it
	NewText string `json:"new_text"` // what was added
	Subject string `json:"subject"`
	MID     string `json:"mid"`
	To      string `json:"to"` // where to acknowledge: Reply-To, else From
}

// CommandAnswer is the kind of Command that answers a work list.
const CommandAnswer = "answer"

// record writes one message and what it means, inside the transaction that
// moves the folder's mark. A message seen before adds its place and nothing else.
func (r *Reader) record(tx *store.Tx, in understood) error {
	class := in.verdict.Class
	sender := in.m.From.Email
	switch {
	case class == dossier.ClassOwn:
		return r.own(tx, in)
	case in.token:
		return r.command(tx, in)
	case in.role == mailbox.RoleSent && class != dossier.ClassColleague && class != dossier.ClassHuman:
		return nil
	case in.role == mailbox.RoleSent:
		class = dossier.ClassColleague
	case class == dossier.ClassIgnore:
		return nil
	case in.m.Unreadable, in.cut && in.m.From.Email == "":
		class = dossier.ClassUnreadable
	}
	hits := in.found.Hits
	if len(hits) == 0 && class != dossier.ClassUnreadable && class != dossier.ClassBounce {
		return nil // unrelated mail is never stored
	}
	if class == dossier.ClassBounce && len(hits) == 0 && !in.found.Verified {
		return nil
	}
	row := store.Incoming{
		Company: r.Key.Company, Identity: in.identity, Place: in.place, MID: bracketed(in.m.MessageID),
		From: sender, FromName: in.m.From.Name, Subject: in.m.Subject, Date: in.m.Date, ReceivedAt: in.at,
		Class: class, Quote: quote(in), ReturnOn: in.verdict.ReturnOn, Evidence: in.found.Evidence, Thread: in.found.Thread,
		Problems: in.m.Problems,
	}
	if class == dossier.ClassAutoReply || class == dossier.ClassProbableAuto {
		row.Absent = canonical(sender)
	}
	for _, a := range in.m.To {
		row.To = append(row.To, a.Email)
	}
	for _, h := range hits {
		row.Matches = append(row.Matches, store.Match{Customer: h.Customer, Message: h.Message, Level: string(h.Level), Evidence: h.Evidence})
	}
	row.Holds = len(hits) > 0 && holds(class, in.verdict)
	id, first, err := tx.RecordMessage(row)
	if err != nil || !first {
		return err
	}
	row.ID = id
	return r.effects(tx, in, row)
}

// holds tells whether a matched message of the class keeps the next step back.
func holds(class dossier.Class, v message.Verdict) bool {
	switch class {
	case dossier.ClassColleague, dossier.ClassUnreadable, dossier.ClassComplaint:
		return true
	case dossier.ClassBounce, dossier.ClassReceipt, dossier.ClassCalendar:
		return v.Holds && class != dossier.ClassBounce
	}
	return v.Holds
}

// effects records what the message means for each customer.
func (r *Reader) effects(tx *store.Tx, in understood, row store.Incoming) error {
	if row.Class == dossier.ClassBounce {
		return r.bounce(tx, in, row)
	}
	if row.Class == dossier.ClassUnreadable && len(in.found.Hits) == 0 {
		_, err := tx.AddTask(r.Key.Company, 0, dossier.Task{
			Kind: "unreadable", Title: r.say("Un message illisible est arrivé dans ", "A message that cannot be read came into ") + row.Place.Folder + ": " + row.Subject,
			DueOn: in.on,
		}, "unreadable/"+row.Identity)
		return err
	}
	for _, h := range in.found.Hits {
		if err := r.settle(tx, h.Message); err != nil {
			return err
		}
		if err := r.effect(tx, in, row, h); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) effect(tx *store.Tx, in understood, row store.Incoming, h match.Hit) error {
	kind, ref := string(row.Class), fmt.Sprintf("reply %d", row.ID)
	switch row.Class {
	case dossier.ClassHuman, dossier.ClassMachineAck, dossier.ClassProbableAuto:
		kind = "replied"
	case dossier.ClassAutoReply:
		kind = "absent"
	case dossier.ClassColleague:
		kind = "conversation"
	}
	event := store.Event{Company: r.Key.Company, Customer: h.Customer, At: in.at, Kind: kind, By: row.From, Text: row.Quote, Ref: ref}
	if err := tx.AddEvent(event); err != nil {
		return err
	}
	if row.Class == dossier.ClassHuman && row.From != "" {
		if err := tx.ClearBounced(h.Customer, canonical(row.From)); err != nil {
			return err
		}
	}
	if in.verdict.Departed || row.Class == dossier.ClassComplaint {
		if err := r.task(tx, in, row, h.Customer); err != nil {
			return err
		}
	}
	if !row.Holds {
		return nil
	}
	hold := dossier.Hold{Reason: dossier.Replied, By: row.From, Note: row.Quote, From: in.at, Reply: row.ID, Until: r.Company.Holds.Reply(in.on)}
	switch row.Class {
	case dossier.ClassMachineAck:
		hold.Until = r.Company.Holds.Ack(in.on)
	case dossier.ClassColleague:
		hold.Reason, hold.Until = dossier.Conversation, r.Company.Holds.Conversation(in.on)
	case dossier.ClassComplaint:
		hold.Reason, hold.Until = dossier.Objection, 0
	}
	if hold.Until != 0 && hold.Until <= r.today(tx) {
		return nil // an old message found late: its hold is over
	}
	if _, err := tx.AddHold(h.Customer, hold); err != nil {
		return err
	}
	return tx.AddEvent(store.Event{Company: r.Key.Company, Customer: h.Customer, Kind: "held", By: "relanced", Text: string(hold.Reason), Ref: ref})
}

func (r *Reader) today(tx *store.Tx) calendar.Date {
	return calendar.DateOf(tx.Now().In(r.Company.Zone))
}

func (r *Reader) task(tx *store.Tx, in understood, row store.Incoming, customer dossier.CustomerID) error {
	title := r.say("Le contact a changé : ", "The contact has changed: ") + row.From
	if len(in.verdict.Substitute) > 0 {
		title += r.say(" ; à la place : ", "; instead: ") + strings.Join(in.verdict.Substitute, ", ")
	}
	if row.Class == dossier.ClassComplaint {
		title = r.say("Le client a signalé notre message comme indésirable", "The customer reported our message as spam")
	}
	_, err := tx.AddTask(r.Key.Company, customer, dossier.Task{Kind: "contact", Title: title, DueOn: in.on}, fmt.Sprintf("contact/%d/%s", customer, row.From))
	return err
}

// settle takes a quoted message of unknown outcome for sent: whoever quotes it
// has received it.
func (r *Reader) settle(tx *store.Tx, id dossier.MessageID) error {
	if id == 0 {
		return nil
	}
	out, err := tx.Message(id)
	if err != nil || out.State != dossier.StateUnknown {
		return ignoreMissing(err)
	}
	return tx.Record(id, store.Result{State: dossier.StateSent, Stage: "proof", Server: out.Server})
}

func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// own records a copy of our own message as the proof that it left, and the id
// the provider gave it.
func (r *Reader) own(tx *store.Tx, in understood) error {
	if in.role != mailbox.RoleSent {
		return nil
	}
	for _, ref := range in.sent {
		if mid := bracketed(in.m.MessageID); mid != "" {
			if err := tx.Alias(ref.Message, mid); err != nil {
				return err
			}
		}
		if err := r.settle(tx, ref.Message); err != nil {
			return err
		}
	}
	return r.filedByProvider(tx, in.sent)
}

// command records what somebody wrote under a work list. The inbox never acts:
// the desk carries it out, or refuses it, once.
func (r *Reader) command(tx *store.Tx, in understood) error {
	to := in.m.From.Email
	if len(in.m.ReplyTo) > 0 && email.IsAddress(in.m.ReplyTo[0].Email) {
		to = in.m.ReplyTo[0].Email
	}
	content, err := json.Marshal(Answer{Text: in.m.Text, NewText: in.verdict.New.Text, Subject: in.m.Subject, MID: bracketed(in.m.MessageID), To: to})
	if err != nil {
		return err
	}
	_, err = tx.AddCommand(store.Command{
		Company: r.Key.Company, Key: in.identity, Kind: CommandAnswer, Mailbox: r.Key.Name, From: in.m.From.Email, Content: content, At: in.at,
	})
	return err
}

// bounce records a failure notice. Only one that proves by an id that it is
// about a message of ours marks an address: anybody can forge a notice.
func (r *Reader) bounce(tx *store.Tx, in understood, row store.Incoming) error {
	for _, h := range in.found.Hits {
		if err := r.settle(tx, h.Message); err != nil {
			return err
		}
		text := row.Quote
		if in.m.Report != nil && len(in.m.Report.Recipients) > 0 {
			first := in.m.Report.Recipients[0]
			text = strings.TrimSpace(first.Address + " " + first.Status + " " + first.Text)
		}
		event := store.Event{Company: r.Key.Company, Customer: h.Customer, At: in.at, Kind: "bounced", By: row.From, Text: text, Ref: fmt.Sprintf("reply %d", row.ID)}
		if err := tx.AddEvent(event); err != nil {
			return err
		}
		if in.m.Report != nil && !in.m.Report.Failed() {
			continue // a delay, or a success: a failure follows or not
		}
		if !in.found.Verified {
			if err := r.doubtfulBounce(tx, in, row, h); err != nil {
				return err
			}
			continue
		}
		for _, failed := range in.found.Failed {
			if !failed.Failed() {
				continue
			}
			if err := r.failedAddress(tx, in, row, h, failed); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reader) doubtfulBounce(tx *store.Tx, in understood, row store.Incoming, h match.Hit) error {
	title := r.say("Un avis de non-remise sans preuve concerne ce client : vérifier l'adresse", "A failure notice without proof is about this customer: check the address")
	if _, err := tx.AddTask(r.Key.Company, h.Customer, dossier.Task{Kind: "bounce", Title: title, DueOn: in.on}, fmt.Sprintf("bounce/%d", h.Customer)); err != nil {
		return err
	}
	_, err := tx.AddHold(h.Customer, dossier.Hold{Reason: dossier.BouncedAddress, By: row.From, Note: row.Quote, From: in.at, Reply: row.ID, Until: r.Company.Holds.Reply(in.on)})
	return err
}

// failedAddress records what the failure of one address means.
func (r *Reader) failedAddress(tx *store.Tx, in understood, row store.Incoming, h match.Hit, failed message.Recipient) error {
	address := failed.Original
	if address == "" {
		address = failed.Address
	}
	title := r.say("Message non remis à ", "Message not delivered to ") + address + ": " + strings.TrimSpace(failed.Status+" "+failed.Text)
	if failed.Class == message.HardAddress || failed.Class == message.Restricted {
		if err := tx.AddBounced(h.Customer, dossier.Bounced{Address: canonical(address), At: in.at, Status: failed.Status, Text: failed.Text}); err != nil {
			return err
		}
		title = r.say("Corriger l'adresse ", "Correct the address ") + address + ": " + strings.TrimSpace(failed.Status+" "+failed.Text)
	}
	if _, err := tx.AddTask(r.Key.Company, h.Customer, dossier.Task{Kind: "bounce", Title: title, DueOn: in.on}, fmt.Sprintf("bounce/%d/%s", h.Customer, canonical(address))); err != nil {
		return err
	}
	if failed.Class.Holds() && failed.Class != message.HardAddress && failed.Class != message.Restricted {
		hold := dossier.Hold{Reason: dossier.BouncedAddress, By: row.From, Note: failed.Text, From: in.at, Reply: row.ID, Until: r.Company.Holds.Reply(in.on)}
		if failed.Class == message.Blocked {
			hold.Reason = dossier.Blocked
		}
		if _, err := tx.AddHold(h.Customer, hold); err != nil {
			return err
		}
	}
	return nil
}

// quote is what is shown of a message: its new text, else its subject.
func quote(in understood) string {
	if text := strings.TrimSpace(in.verdict.New.Text); text != "" {
		return text
	}
	if len(in.m.Attachments) > 0 {
		return "[" + strings.Join(in.m.Attachments, ", ") + "]"
	}
	return in.m.Subject
}

func bracketed(mid string) string {
	if mid == "" || strings.HasPrefix(mid, "<") {
		return mid
	}
	return "<" + mid + ">"
}

func (r *Reader) say(french, english string) string {
	if r.Company.French {
		return french
	}
	return english
}
