package outbox

import (
	"fmt"
	"strings"

	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/reminders"
)

// words are the sentences this room writes into timelines and tasks, in the
// company's language.
type words struct{ french bool }

func (b *Box) words() words { return words{strings.HasPrefix(b.Company.Compose.Language, "fr")} }

func (w words) pick(french, english string) string {
	if w.french {
		return french
	}
	return english
}

func (w words) language() string { return w.pick("fr", "en") }

// proposed says what an action proposes, and what of its live message it
// replaces differs: "second: F-1, F-2, 1 234,56 € (instead of 2 000,00 €)".
func (w words) proposed(a reminders.Action, live dossier.Message) string {
	parts := []string{strings.Join(w.invoices(a), ", ")}
	if sums := w.sums(a.Sums()); sums != "" {
		parts = append(parts, sums)
	}
	text := strings.Join(parts, ", ")
	if a.Step != "" {
		text = a.Step + ": " + text
	}
	if live.ID == 0 {
		return text
	}
	var before reminders.Action
	for _, line := range live.Lines {
		before.Lines = append(before.Lines, reminders.LineUse{Line: dossier.Line{Outstanding: line.Outstanding}, Role: line.Role})
	}
	return fmt.Sprintf("%s (%s %d: %s)", text, w.pick("au lieu de", "instead of"), live.ID, strings.TrimSpace(live.Step+" "+w.sums(before.Sums())))
}

func (w words) invoices(a reminders.Action) []string {
	var numbers []string
	role := a.Role()
	for _, use := range a.Lines {
		if use.Role == role {
			numbers = append(numbers, use.Line.Invoice)
		}
	}
	if len(numbers) > 5 {
		numbers = append(numbers[:5], fmt.Sprintf("+%d", len(numbers)-5))
	}
	return numbers
}

func (w words) sums(sums []money.Amount) string {
	texts := make([]string, len(sums))
	for i, sum := range sums {
		texts[i] = money.Format(sum, w.language())
	}
	return strings.Join(texts, " + ")
}

// task names what a person must do.
func (w words) task(a reminders.Action, who dossier.Customer) string {
	var sums []money.Amount
	if len(a.Lines) > 0 {
		sums = a.Sums()
	}
	of := who.Name
	if s := w.sums(sums); s != "" {
		of = fmt.Sprintf("%s (%s)", who.Name, s)
	}
	switch a.Task {
	case "call":
		return w.pick("Appeler ", "Call ") + of
	case "letter":
		return w.pick("Envoyer un courrier à ", "Send a letter to ") + of
	case reminders.TaskBacklog:
		return w.pick("Décider de l'arriéré de ", "Decide about the backlog of ") + of
	case reminders.TaskAddress:
		return w.pick("Trouver une adresse e-mail pour ", "Find an e-mail address for ") + of
	case reminders.TaskBounce:
		return w.pick("Corriger l'adresse e-mail de ", "Correct the e-mail address of ") + of
	}
	return w.pick("Reprendre le dossier de ", "Take over the case of ") + of
}

// withdrawn says why a message must not leave any more.
func (w words) withdrawn(reason dossier.Reason) string {
	if reason == "" {
		return w.pick("les faits ont changé : la relance est proposée à nouveau s'il y a lieu", "the facts have changed: proposed anew where called for")
	}
	return w.pick("retirée : ", "withdrawn: ") + reminders.Word(reason, w.language())
}

// withheld says what keeps a message back for now.
func (w words) withheld(reason dossier.Reason) string {
	return w.pick("retenue : ", "withheld: ") + reminders.Word(reason, w.language())
}

func (w words) unwritten(name string, why error) string {
	return fmt.Sprintf(w.pick("Le message à %s ne peut pas être composé : %s", "The message to %s cannot be written: %s"), name, why)
}

func (w words) refused(name, why string) string {
	return fmt.Sprintf(w.pick("Message à %s refusé : %s", "Message to %s refused: %s"), name, why)
}

func (w words) partly(why string) string {
	return w.pick("Message non remis à une adresse sur plusieurs : ", "Message not delivered to one of several addresses: ") + why
}

func (w words) unreachable(mailbox, why string) string {
	return fmt.Sprintf(w.pick("Rien ne part par la boîte %s : %s", "Nothing leaves by mailbox %s: %s"), mailbox, why)
}

func (w words) unknown(name string) string {
	return w.pick(
		"Un message à "+name+" est peut-être parti : vérifier, puis `relanced resolve`",
		"A message to "+name+" may have left: check, then `relanced resolve`",
	)
}

func (w words) givenUp(name string) string {
	return w.pick("Message à "+name+" abandonné après 3 jours d'essais", "Message to "+name+" given up after 3 days of trying")
}

func (w words) blocked(mailbox, why string) string {
	return fmt.Sprintf(w.pick("Envoi arrêté par la boîte %s : %s", "Sending by mailbox %s stopped: %s"), mailbox, why)
}
