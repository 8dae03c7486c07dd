package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"relanced/internal/dossier"
)

// leave keeps the state that messages have until now. It goes before each change
// of state.
func (tx *Tx) leave(ids ...dossier.MessageID) error {
	_, err := tx.exec(`INSERT INTO history (tbl, row_id, from_at, until_at, content)
SELECT 'outbox', id, changed_at, CAST($1 AS BIGINT), state || ' ' || armed_at || ' ' || sent_at || ' ' || ended_at || ' ' || approved_at || ' ' || basis || ' ' || approved_by
FROM outbox WHERE changed_at < $1 AND `+tx.in("id", 2)+" ORDER BY id", tx.now, numbers(ids))
	return err
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
func (g *gathering) messages() error {
	rows, err := all(g.Tx, scanOutgoing, outboxQuery+" WHERE "+g.in("o.customer", 1)+" ORDER BY o.created_at, o.id", numbers(g.members))
	if err != nil {
		return err
	}
	if err := g.withLines(rows); err != nil {
		return err
	}
	var changed []int64
	for _, o := range rows {
		if g.past(o.ChangedAt) {
			changed = append(changed, int64(o.ID))
		}
	}
	past, err := g.old("outbox", changed)
	if err != nil {
		return err
	}
	spoken := map[dossier.DocumentID]bool{}
	for _, o := range rows {
		m := o.Message
		if g.past(m.CreatedAt) {
			continue
		}
		if before, ok := past[int64(m.ID)]; ok {
			if err := left(&m, before); err != nil {
				return err
			}
			if g.past(o.approvedAt) {
				m.Added = ""
			}
		}
		d := g.of(int64(o.Customer))
		d.Messages = append(d.Messages, m)
		for _, l := range m.Lines {
			spoken[l.Document] = true
		}
	}
	for id := range spoken {
		if !slices.Contains(g.documents, id) {
			g.documents = append(g.documents, id)
		}
	}
	return nil
}
