package outbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
	"relanced/reminders"
	"relanced/reminders/compose"
)

// thread ties a message to those of its case: the overdue reminders sent since
// all that was overdue was last settled. A preventive message is on its own,
// and a formal notice starts anew.
func (b *Box) thread(d dossier.Dossier, a reminders.Action, out store.Outgoing) compose.Thread {
	t := compose.Thread{CaseID: b.caseID(out.ID), Began: out.CreatedAt}
	if a.Formal || a.Kind == dossier.KindReminder && !demands(a) {
		return t
	}
	sent := caseOf(d, a)
	if len(sent) == 0 {
		return t
	}
	t.Subject, t.Number = sent[0].Subject, len(sent)
	t.CaseID, t.Began = b.caseID(sent[0].ID), sent[0].CreatedAt
	type mail struct {
		at  time.Time
		mid string
	}
	var mails []mail
	ours := map[dossier.MessageID]bool{}
	for _, m := range sent {
		ours[m.ID] = true
		mails = append(mails, mail{m.SentAt, m.MID})
	}
	for _, r := range d.Replies {
		if ours[r.Message] && r.Class == dossier.ClassHuman && email.IsMessageID(r.MID) {
			mails = append(mails, mail{r.ReceivedAt, r.MID})
		}
	}
	slices.SortStableFunc(mails, func(a, b mail) int { return a.at.Compare(b.at) })
	for _, m := range mails {
		t.References = append(t.References, m.mid)
	}
	t.InReplyTo = mails[len(mails)-1].mid
	return t
}

// caseID names a case by its first message.
func (b *Box) caseID(first dossier.MessageID) string {
	return fmt.Sprintf("%s/%d", b.Company.ID, first)
}

func demands(a reminders.Action) bool {
	return slices.ContainsFunc(a.Lines, func(u reminders.LineUse) bool { return u.Role == dossier.RoleDemanded })
}

// caseOf returns the sent reminders of the action's case, oldest first: those
// that demanded a line still open or asked for now, and those tied to them by a
// common line.
func caseOf(d dossier.Dossier, a reminders.Action) []dossier.Message {
	inCase := map[dossier.DueID]bool{}
	for _, line := range d.Lines {
		if line.Outstanding.Sign() > 0 && line.GoneAt.IsZero() {
			inCase[line.ID] = true
		}
	}
	for _, use := range a.Lines {
		inCase[use.Line.ID] = true
	}
	var found []dossier.Message
	for _, m := range slices.Backward(d.Messages) {
		if m.Kind != dossier.KindReminder || m.State != dossier.StateSent || strings.TrimSpace(m.MID) == "" {
			continue
		}
		if _, missed := d.ReachedNobody(&m); missed {
			continue // nobody has it to answer to
		}
		var demanded []dossier.DueID
		tied := false
		for _, line := range m.Lines {
			if line.Role == dossier.RoleDemanded {
				demanded = append(demanded, line.Due)
				tied = tied || inCase[line.Due]
			}
		}
		if !tied {
			continue
		}
		for _, due := range demanded {
			inCase[due] = true
		}
		found = append(found, m)
	}
	slices.Reverse(found)
	return found
}
