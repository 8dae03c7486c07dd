package brief

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"relanced/inbox"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
	"relanced/reminders/outbox"
)

// eventRefused and eventAnswered are the kinds of the company's events about
// answers.
const (
	eventRefused  = "answer_refused"
	eventAnswered = "answered"
)

// Answers carries out what people answered to work lists: each answer once. One
// that fails is logged, does not stop the others, and is tried again next time.
func (b *Brief) Answers(ctx context.Context) error {
	commands, err := b.Box.Store.PendingCommands(ctx, b.Box.Company.ID)
	if err != nil {
		return fmt.Errorf("read answers: %w", err)
	}
	for _, command := range commands {
		if command.Kind != inbox.CommandAnswer {
			continue
		}
		// Whoever carried it out meanwhile did so in our place.
		if err := b.answer(ctx, command); err != nil && !errors.Is(err, store.ErrEnded) {
			b.Logger.WarnContext(ctx, "answer not carried out yet", "answer", command.ID, "from", command.From, "err", err)
		}
	}
	return ctx.Err()
}

// maxAcks is how many acknowledgements one person gets within a day: two
// machines must not write to each other for ever.
const maxAcks = 10

func (b *Brief) answer(ctx context.Context, command store.Command) error {
	member, known := b.member(command.From)
	acks, err := b.acks(ctx, member)
	if err != nil {
		return err
	}
	return b.Box.Store.InTx(ctx, func(tx *store.Tx) error {
		// The row first: of two who carry out the same answer, one goes on.
		if err := tx.CommandDone(command.ID, "carried out"); err != nil {
			return err
		}
		var answer inbox.Answer
		if err := json.Unmarshal(command.Content, &answer); err != nil {
			answer = inbox.Answer{} // it quotes no list, and is refused as such
		}
		o, err := b.carry(tx, command, answer, member, known)
		if err != nil {
			return err
		}
		event := store.Event{Company: command.Company, Kind: eventAnswered, By: command.From, Text: o.summary, Ref: o.ref}
		if o.refused {
			event.Kind = eventRefused
		}
		if err := tx.AddEvent(event); err != nil {
			return err
		}
		if !known || len(o.lines) == 0 || acks >= maxAcks {
			return nil
		}
		return b.acknowledge(tx, command, answer, member, o)
	})
}

// member is who wrote, where they are on the team.
func (b *Brief) member(from string) (Member, bool) {
	for _, m := range b.Team {
		if email.SameAddress(m.Email, from) {
			return m, true
		}
	}
	return Member{}, false
}

func (b *Brief) acks(ctx context.Context, m Member) (int, error) {
	if m.Email == "" {
		return 0, nil
	}
	rows, err := b.Box.Store.Outbox(ctx, store.OutboxFilter{
		Company: b.Box.Company.ID, Kinds: []dossier.MessageKind{dossier.KindNotice}, Since: b.Box.Store.Now().Add(-24 * time.Hour),
	})
	n := 0
	for _, o := range rows {
		if strings.HasPrefix(o.Key, ackKey) && slices.ContainsFunc(o.To, func(to string) bool { return email.SameAddress(to, m.Email) }) {
			n++
		}
	}
	return n, err
}

// outcome is what became of an answer.
type outcome struct {
	refused bool
	summary string   // for the timeline and the next list
	lines   []string // to be acknowledged at once; none: all went well
	ref     string
}

func (b *Brief) refuse(why string, answer inbox.Answer) outcome {
	said := email.Clean(answer.NewText, 200)
	summary := why
	if said != "" {
		summary += b.say(" Reçu : « ", " Received: “") + said + b.say(" »", "”")
	}
	return outcome{refused: true, summary: summary, lines: []string{why}}
}

// carry does what the answer wants, or says why not.
func (b *Brief) carry(tx *store.Tx, command store.Command, answer inbox.Answer, member Member, known bool) (outcome, error) {
	if !known {
		return b.refuse(b.say("L'expéditeur n'est pas de l'équipe.", "The sender is not on the team."), answer), nil
	}
	list, ok, err := b.list(tx, answer)
	if err != nil {
		return outcome{}, err
	}
	if !ok {
		return b.refuse(b.say("La référence citée n'est celle d'aucune liste : la réponse doit citer celle de la liste.", "The reference quoted belongs to no list: the answer must quote the list's."), answer), nil
	}
	ref := fmt.Sprintf("list %d", list.ID)
	if why := b.notAllowed(command, list, member); why != "" {
		o := b.refuse(why, answer)
		o.ref = ref
		return o, nil
	}
	numbers := make([]int, 0, len(list.Items))
	for _, i := range list.Items {
		numbers = append(numbers, i.Number)
	}
	wish, err := ParseAnswer(withoutToken(answer.NewText), b.names())
	var verdicts map[int]Verdict
	if err == nil {
		verdicts, err = wish.On(numbers)
	}
	if err != nil {
		var not *NotUnderstood
		if !errors.As(err, &not) {
			return outcome{}, err
		}
		o := b.refuse(b.misunderstood(not), answer)
		o.ref = ref
		return o, nil
	}
	if err := tx.UseWorkList(list.ID, member.Email); err != nil {
		return outcome{}, err
	}
	o, err := b.act(tx, list, wish, verdicts, member)
	o.ref = ref
	return o, err
}

// list finds the list that the answer quotes.
func (b *Brief) list(tx *store.Tx, answer inbox.Answer) (store.WorkList, bool, error) {
	for _, token := range email.FindTokens(answer.Text + "\n" + answer.NewText + "\n" + answer.Subject) {
		list, err := tx.WorkListByToken(token)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		return list, err == nil && list.Company == b.Box.Company.ID, err
	}
	return store.WorkList{}, false, nil
}

// notAllowed tells why an answer to the list is refused whatever it says, "" not.
func (b *Brief) notAllowed(command store.Command, list store.WorkList, member Member) string {
	company := b.Box.Company
	_, _, err := company.Keys.Open(list.Token, list.To, command.At)
	switch {
	case command.Mailbox != company.Mailbox.Name:
		return b.say("La réponse est arrivée dans une autre messagerie que celle de la liste.", "The answer came into another mailbox than the list's.")
	case errors.Is(err, email.ErrExpired):
		return b.say("La liste n'est plus valable depuis le ", "The list has not been valid since ") + b.moment(list.ExpiresAt) + "."
	case err != nil:
		return b.say("La référence citée n'est pas authentique.", "The reference quoted is not authentic.")
	case !list.UsedAt.IsZero():
		return fmt.Sprintf(b.say("Cette liste a déjà reçu sa réponse, de %s, le %s : attendre la prochaine.", "This list was answered already, by %s on %s: wait for the next one."), list.UsedBy, b.moment(list.UsedAt))
	case !member.Can(MayApprove):
		return b.say("La configuration ne vous permet pas d'approuver (may, sous team).", "The configuration does not let you approve (may, under team).")
	}
	return ""
}

func (b *Brief) misunderstood(e *NotUnderstood) string {
	nothing := b.say(" Rien n'a été fait ; la liste attend toujours une réponse.", " Nothing was done; the list still waits for an answer.")
	switch e.Why {
	case Contrary:
		return fmt.Sprintf(b.say("Le numéro %d est à la fois approuvé et refusé.", "Number %d is both approved and declined."), e.N) + nothing
	case Unknown:
		return fmt.Sprintf(b.say("La liste n'a pas de numéro %d.", "The list has no number %d."), e.N) + nothing
	case Nothing:
		return b.say("La réponse ne dit rien à faire.", "The answer says nothing to do.") + nothing
	}
	return b.say("Non compris : « ", "Not understood: “") + email.Clean(e.Line, 200) + b.say(" ».", "”.") + nothing
}

// act approves and declines as wanted. What has changed since it was listed is
// left alone and named.
func (b *Brief) act(tx *store.Tx, list store.WorkList, wish Answer, verdicts map[int]Verdict, member Member) (outcome, error) {
	o := outcome{}
	approved, declined := 0, 0
	for _, i := range list.Items {
		verdict := verdicts[i.Number]
		if verdict == Leave {
			continue
		}
		out, err := tx.Message(i.Message)
		if err != nil {
			return o, err
		}
		acted := "approved"
		if verdict == Approve {
			_, err = b.Desk.ApproveIn(tx, i.Message, i.Basis, member.Email, wish.Say[i.Number])
		} else {
			acted = "declined"
			_, err = b.Desk.DeclineIn(tx, i.Message, i.Basis, member.Email, "", false)
		}
		switch {
		case errors.Is(err, outbox.ErrChanged), errors.Is(err, outbox.ErrNotDraft):
			o.lines = append(o.lines, b.changed(i.Number, out))
			continue
		case err != nil:
			return o, err
		}
		if err := tx.ActItem(list.ID, i.Number, acted); err != nil {
			return o, err
		}
		if verdict == Approve {
			approved++
		} else {
			declined++
		}
	}
	o.summary = b.count(approved, [2]string{"%d approuvée, ", "%d approuvées, "}, [2]string{"%d approved, ", "%d approved, "}) +
		b.count(declined, [2]string{"%d refusée", "%d refusées"}, [2]string{"%d declined", "%d declined"})
	if len(o.lines) > 0 {
		o.summary += b.say(" ; sans effet : ", "; not acted on: ") + strings.Join(o.lines, " ")
	}
	return o, nil
}

// changed says why nothing was done about a number.
func (b *Brief) changed(number int, out store.Outgoing) string {
	why := b.say("a changé depuis la liste : rien n'a été fait, elle revient dans la prochaine liste", "has changed since the list: nothing was done, it comes again in the next list")
	switch {
	case out.State == dossier.StateCancelled && out.Problem != "" && out.Problem != "proposed anew":
		why = b.say("n'est plus à envoyer : ", "is not to be sent any more: ") + email.Clean(out.Problem, 200)
	case out.State == dossier.StateSent:
		why = b.say("est déjà partie", "has left already")
	case out.Approved && out.State != dossier.StateCancelled:
		why = b.say("a déjà été approuvée par ", "was approved already by ") + email.Clean(out.ApprovedBy, 120)
	}
	return fmt.Sprintf(b.say("La %d, %s, %s, %s", "Number %d, %s, %s, %s,"), number, who(out.Name, out.Code), stepOf(out), b.sums(out.Amounts)) + " " + why + "."
}

// names are those under which people of the team sign.
func (b *Brief) names() []string {
	var names []string
	for _, m := range b.Team {
		names = append(names, m.Name)
	}
	return names
}

var tokenLine = regexp.MustCompile(`(?i)\bt[0-9]{1,2}\.[0-9a-z]{16}\.[0-9a-z]{1,12}\.[0-9a-z]{16}\b`)

// withoutToken leaves out the lines in which the reference stands.
func withoutToken(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !tokenLine.MatchString(line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// ackKey begins the key of each acknowledgement.
const ackKey = "answer/"

// acknowledge writes to the member, at the address of the team, what of the
// answer was not acted on.
func (b *Brief) acknowledge(tx *store.Tx, command store.Command, answer inbox.Answer, member Member, o outcome) error {
	w := &writer{}
	if o.refused {
		w.para(b.say("Votre réponse à la liste des relances n'a pas été suivie d'effet.", "Your answer to the list of reminders was not acted on."))
	} else {
		w.para(b.say("Votre réponse à la liste des relances n'a été suivie qu'en partie.", "Your answer to the list of reminders was acted on in part."))
	}
	for _, line := range o.lines {
		w.item(item{head: line})
	}
	if said := email.CleanText(strings.TrimSpace(answer.NewText), 1000); said != "" {
		w.para(b.say("Reçu :", "Received:"))
		w.quote(said)
	}
	subject := b.say("Réponse non suivie d'effet", "Answer not acted on")
	if !o.refused {
		subject = b.say("Réponse suivie en partie", "Answer acted on in part")
	}
	p := page{subject: subject, text: w.text.String(), html: b.html(subject, w, "")}
	out, err := b.notice(email.NewID(), member.Email, p, tx.Now().In(b.zone()), answer.MID)
	if err != nil {
		return err
	}
	out.Key = fmt.Sprintf("%s%d", ackKey, command.ID)
	_, err = tx.Propose(out, 0)
	return err
}
