package outbox

import (
	"slices"
	"strings"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/reminders"
	"relanced/reminders/compose"
)

// thread ties a message to those of its case: the overdue reminders sent since
// all that was overdue was last settled. A preventive message is on its own,
// and a formal notice starts anew.
func thread(d dossier.Dossier, a reminders.Action) compose.Thread {
	if a.Formal || a.Kind == dossier.KindReminder && !demands(a) {
		return compose.Thread{}
	}
	sent := caseOf(d, a)
	if len(sent) == 0 {
		return compose.Thread{}
	}
	t := compose.Thread{
		Subject: sent[0].Subject,
		CaseID:  sent[0].MID,
		Began:   sent[0].SentAt,
		Number:  len(sent),
	}
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
