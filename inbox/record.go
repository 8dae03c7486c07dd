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
	switch {
	case class == dossier.ClassOwn:
		return r.own(tx, in)
	case in.role == mailbox.RoleSent && class != dossier.ClassColleague && class != dossier.ClassHuman && class != dossier.ClassUnreadable:
		return nil
	case in.role == mailbox.RoleSent:
		class = dossier.ClassColleague
	case in.m.Unreadable, in.cut && in.m.From.Email == "":
		class = dossier.ClassUnreadable
	}
	if in.token {
		if err := r.command(tx, in); err != nil || r.Company.isMember(in.m.From.Email) {
			return err
		}
	}
	hits := in.found.Hits
	unrelated := len(hits) == 0
	switch class { //nolint:exhaustive // the others are recorded where they concern a customer
	case dossier.ClassIgnore:
		return nil
	case dossier.ClassUnreadable:
		unrelated = in.role == mailbox.RoleSent && unrelated
	case dossier.ClassBounce:
		unrelated = unrelated && !in.found.Verified
	}
	if unrelated {
		return nil // unrelated mail is never stored
	}
	row := store.Incoming{
		Company: r.Key.Company, Identity: in.identity, Place: in.place, MID: bracketed(in.m.MessageID),
		From: in.m.From.Email, FromName: in.m.From.Name, Subject: in.m.Subject, Date: in.m.Date, ReceivedAt: in.at,
		Class: class, Quote: shorten(quote(in), quoteLimit), ReturnOn: in.verdict.ReturnOn, Evidence: in.found.Evidence, Thread: in.found.Thread,
		Problems: in.m.Problems,
	}
	if class == dossier.ClassAutoReply || class == dossier.ClassProbableAuto {
		row.Absent = canonical(row.From)
	}
	if sender, said := in.m.Forwarded(); said != "" && sender.Email != "" && class == dossier.ClassHuman && r.Company.Seller.Owns(row.From) {
		// What one of our people forwards is its writer's.
		by := r.say("Transféré par ", "Forwarded by ") + row.From
		row.From, row.FromName, row.Quote = sender.Email, sender.Name, shorten(by+r.say(" : ", ": ")+said, quoteLimit)
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
	case dossier.ClassBounce: // what failed decides, recipient by recipient
		return false
	}
	return v.Holds
}

// effects records what the message means for each customer.
func (r *Reader) effects(tx *store.Tx, in understood, row store.Incoming) error {
	// Whoever quotes an id of a message has received it, whatever became of it since.
	for _, id := range in.found.Quoted {
		if err := r.settle(tx, id); err != nil {
			return err
		}
	}
	if row.Class == dossier.ClassBounce {
		return r.bounce(tx, in, row)
	}
	if row.Class == dossier.ClassUnreadable {
		title := r.say("Un message illisible est arrivé dans ", "A message that cannot be read came into ") + row.Place.Folder
		if row.Subject != "" {
			title += " : " + row.Subject
		}
		task := dossier.Task{Kind: "unreadable", Title: title, DueOn: in.on}
		if _, err := tx.AddTask(r.Key.Company, firstCustomer(in.found.Hits), task, "unreadable/"+row.Identity); err != nil {
			return err
		}
	}
	for _, h := range in.found.Hits {
		if err := r.effect(tx, in, row, h); err != nil {
			return err
		}
	}
	return nil
}

func firstCustomer(hits []match.Hit) dossier.CustomerID {
	if len(hits) == 0 {
		return 0
	}
	return hits[0].Customer
}

func (r *Reader) effect(tx *store.Tx, in understood, row store.Incoming, h match.Hit) error {
	kind, ref := string(row.Class), fmt.Sprintf("reply %d", row.ID)
	switch row.Class { //nolint:exhaustive // the others are their own word
	case dossier.ClassHuman, dossier.ClassMachineAck, dossier.ClassProbableAuto, dossier.ClassUnreadable:
		kind = "replied"
	case dossier.ClassAutoReply:
		kind = "absent"
	case dossier.ClassColleague:
		kind = "conversation"
	}
	event := store.Event{Company: r.Key.Company, Customer: h.Customer, At: in.at, Kind: kind, By: row.From, Text: shorten(row.Quote, noteLimit), Ref: ref}
	if err := tx.AddEvent(event); err != nil {
		return err
	}
	if row.Class == dossier.ClassHuman && row.From != "" {
		if err := tx.ClearBounced(h.Customer, canonical(row.From)); err != nil {
			return err
		}
	}
	if in.verdict.Departed || in.verdict.Insolvent || row.Class == dossier.ClassComplaint {
		if err := r.task(tx, in, row, h.Customer); err != nil {
			return err
		}
	}
	if !row.Holds {
		return nil
	}
	hold := dossier.Hold{Reason: dossier.Replied, By: row.From, Note: shorten(row.Quote, noteLimit), From: in.at, Reply: row.ID, Until: r.Company.Holds.Reply(in.on)}
	switch row.Class { //nolint:exhaustive // the others hold as a reply
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
	switch {
	case row.Class == dossier.ClassComplaint:
		title = r.say("Le client a signalé notre message comme indésirable", "The customer reported our message as spam")
	case in.verdict.Insolvent:
		title = r.say("Une réponse automatique annonce la fin de l'activité : vérifier, puis déclarer la créance", "An automatic answer announces the end of the business: check, then file the claim")
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
	if in.late && len(in.sent) == 0 {
		if err := r.stranger(tx, in); err != nil {
			return err
		}
	}
	for _, ref := range in.sent {
		if mid := bracketed(in.m.MessageID); mid != "" {
			if err := tx.Alias(ref.Message, mid); err != nil {
				return err
			}
		}
		if err := r.left(tx, ref.Message); err != nil {
			return err
		}
	}
	return r.filedByProvider(tx, in.sent)
}

// left takes a message for sent whose copy lies in Sent: one of unknown outcome,
// and one that a restored database still believes to be waiting.
func (r *Reader) left(tx *store.Tx, id dossier.MessageID) error {
	out, err := tx.Message(id)
	if err != nil {
		return ignoreMissing(err)
	}
	switch out.State { //nolint:exhaustive // an armed one is being recorded, the others have ended
	case dossier.StateUnknown, dossier.StateQueued, dossier.StateDraft:
		return tx.Record(id, store.Result{State: dossier.StateSent, Stage: "proof", Server: out.Server})
	}
	return nil
}

// stranger sees to a message that bears our mark, has just come into Sent, and
// that this database does not know: it is an older copy of the one that sent it.
// Nothing of it is believed before a person confirms, and whoever got the message
// is left alone as after a colleague's own.
func (r *Reader) stranger(tx *store.Tx, in understood) error {
	for _, ref := range in.refs {
		if known, err := tx.Knows(ref); err != nil || known {
			return err
		}
	}
	if len(in.refs) == 0 {
		return nil
	}
	r.Logger.Warn("a message of ours lies in Sent that this database does not know: it is an older copy", "message_id", in.m.MessageID, "do", "confirm each connection: nothing is sent before")
	if err := tx.Doubt(); err != nil {
		return err
	}
	until := r.Company.Holds.Conversation(in.on)
	if until != 0 && until <= r.today(tx) {
		return nil
	}
	text := r.say("relance inconnue de cette base, trouvée dans les envoyés : ", "a reminder that this database does not know, found in Sent: ") + in.m.Subject
	for _, h := range in.found.Hits {
		event := store.Event{Company: r.Key.Company, Customer: h.Customer, At: in.at, Kind: "conversation", By: "relanced", Text: shorten(text, noteLimit), Ref: in.m.MessageID}
		if err := tx.AddEvent(event); err != nil {
			return err
		}
		hold := dossier.Hold{Reason: dossier.Conversation, By: "relanced", Note: shorten(text, noteLimit), From: in.at, Until: until}
		if _, err := tx.AddHold(h.Customer, hold); err != nil {
			return err
		}
	}
	return nil
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

// quote is what is shown of a message: its new text, else its subject.
func quote(in understood) string {
	if r := in.m.Report; r != nil && in.verdict.Class == dossier.ClassBounce && len(r.Recipients) > 0 {
		return words(r.Recipients[0])
	}
	if text := strings.TrimSpace(in.verdict.New.Text); text != "" {
		return text
	}
	if len(in.m.Attachments) > 0 {
		return "[" + strings.Join(in.m.Attachments, ", ") + "]"
	}
	return in.m.Subject
}

// How much is kept of what a message says, and of that on a hold and in the
// timeline.
const (
	quoteLimit = 8000
	noteLimit  = 500
)

// shorten cuts a text after so many characters, in whole words where it can.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	cut := string(runes[:limit])
	if at := strings.LastIndexAny(cut, " \n"); at > len(cut)/2 {
		cut = cut[:at]
	}
	return cut + " …"
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
