package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"relanced/internal/dossier"
)

// leave keeps the state that messages have until now. It goes before each change
// of state.
func (tx *Tx) leave(ids ...dossier.MessageID) error {
	is, which := among(tx, ids)
	return tx.post(`INSERT INTO history (tbl, row_id, from_at, until_at, content)
SELECT 'outbox', id, changed_at, CAST($1 AS BIGINT), state || ' ' || armed_at || ' ' || sent_at || ' ' || ended_at || ' ' || approved_at || ' ' || basis || ' ' || approved_by
FROM outbox WHERE changed_at < $1 AND `+is("id", 2)+" ORDER BY id", tx.now, which)
}

// left puts into a message what leave kept of it.
func left(m *dossier.Message, content string) error {
	words := strings.SplitN(content, " ", 7)
	if len(words) < 7 {
		return fmt.Errorf("history of message %d: %q is not understood", m.ID, content)
	}
	var moments [4]int64
	for i := range moments {
		var err error
		if moments[i], err = strconv.ParseInt(words[i+1], 10, 64); err != nil {
			return fmt.Errorf("history of message %d: %w", m.ID, err)
		}
	}
	m.State, m.Basis, m.ApprovedBy = dossier.State(words[0]), words[5], words[6]
	m.ArmedAt, m.SentAt, m.EndedAt, m.Approved = instantOf(moments[0]), instantOf(moments[1]), instantOf(moments[2]), moments[3] != 0
	return nil
}

// messages reads what we prepared and sent, and notes of which documents it spoke.
func (g *gathering) messages() ([]question, func() error) {
	type row struct {
		dossier.Message

		customer            int64
		approved, changedAt time.Time
	}
	var rows []row
	lines := map[dossier.MessageID][]dossier.MessageLine{}
	asked := []question{
		ask(func(scan scanner) error {
			var m row
			err := scan(&m.ID, &m.customer, &m.Kind, &m.State, &m.Plan, &m.Step, doc(&m.To), &m.Basis, at(&m.approved), &m.ApprovedBy, &m.Added,
				at(&m.CreatedAt), at(&m.ArmedAt), at(&m.SentAt), at(&m.EndedAt), at(&m.changedAt), &m.Subject, &m.MID)
			m.Approved = !m.approved.IsZero()
			rows = append(rows, m)
			return err
		}, `SELECT o.id, o.customer, o.kind, o.state, o.plan, o.step, o.recipients, o.basis, o.approved_at, o.approved_by, o.added,
  o.created_at, o.armed_at, o.sent_at, o.ended_at, o.changed_at, o.subject, o.mid FROM outbox o WHERE `+g.is("o.customer", 1)+" ORDER BY o.created_at, o.id", g.who),
		ask(func(scan scanner) error {
			var id dossier.MessageID
			l, err := scanLine(scan, &id)
			lines[id] = append(lines[id], l)
			return err
		}, "SELECT "+lineColumns+" FROM outbox o JOIN outbox_line l ON l.outbox = o.id WHERE "+g.is("o.customer", 1)+" ORDER BY l.outbox, l.n", g.who),
	}
	return asked, func() error {
		var changed []int64
		for _, m := range rows {
			if g.past(m.changedAt) {
				changed = append(changed, int64(m.ID))
			}
		}
		past, err := g.old("outbox", changed)
		if err != nil {
			return err
		}
		for _, m := range rows {
			if g.past(m.CreatedAt) {
				continue
			}
			if before, ok := past[int64(m.ID)]; ok {
				if err := left(&m.Message, before); err != nil {
					return err
				}
				if g.past(m.approved) {
					m.Added = ""
				}
			}
			m.Lines = lines[m.ID]
			d := g.of(m.customer)
			d.Messages = append(d.Messages, m.Message)
			for _, l := range m.Lines {
				g.documents = append(g.documents, l.Document)
			}
		}
		return nil
	}
}
