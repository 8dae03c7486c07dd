package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

// outgoingMail is a message rendered to bytes.
type outgoingMail struct {
	store.Rendered

	to []string // the envelope
}

// rendered returns the bytes to hand over: those of the first arming where
// there was one. ok is false where the message does not stand or may not leave
// yet; it is then put off, and the sweep sees to it.
func (s *Sender) rendered(ctx context.Context, row store.Outgoing) (m outgoingMail, ok bool, err error) {
	m.Rendered, m.to = store.Rendered{MID: row.MID, Subject: row.Subject, Text: row.Text, Thread: row.Thread}, slices.Concat(row.To, row.CC)
	if row.Kind == dossier.KindNotice {
		m.Bytes = row.Content
		return m, true, nil
	}
	d, found := s.facts.dossiers[row.Customer]
	if !found { // joined to another customer since
		if d, err = s.Box.Store.Dossier(ctx, row.Customer); err != nil {
			return m, false, err
		}
	}
	a, verdict := s.Box.verdict(d, row.Message, s.facts.gates, s.facts.known, s.now())
	if !verdict.OK {
		return m, false, s.putOff(ctx, row, verdict)
	}
	if row.Rendered {
		m.Bytes, err = s.Box.Store.Bytes(ctx, row.ID)
		return m, err == nil, err
	}
	mail, err := s.Box.compose(d, a, row, s.Box.copies(ctx, d, a), s.facts.known, s.now())
	if err == nil {
		m.Bytes, err = email.Build(mail)
	}
	if err != nil {
		// It cannot be written: a person must know, and the others go on.
		return m, false, s.unwritten(ctx, row, err)
	}
	m.Subject, m.Text, m.MID = mail.Subject, mail.Text, mail.MessageID
	m.Thread = email.ThreadGUID(mail.ThreadIndex)
	return m, true, nil
}

// rendering is a message that is rendered while the one before it leaves.
type rendering struct {
	row  dossier.MessageID
	done chan struct{}
	mail outgoingMail
	ok   bool
	err  error
}

// renderAhead begins to render the first of the rows.
func (s *Sender) renderAhead(ctx context.Context, rows []store.Outgoing) {
	if len(rows) == 0 {
		return
	}
	r := &rendering{row: rows[0].ID, done: make(chan struct{})}
	s.next = r
	go func() {
		defer close(r.done)
		r.mail, r.ok, r.err = s.rendered(ctx, rows[0])
	}()
}

// take returns the message rendered, ahead or now.
func (s *Sender) take(ctx context.Context, row store.Outgoing) (m outgoingMail, ok bool, err error) {
	r := s.drop()
	if r == nil || r.row != row.ID {
		return s.rendered(ctx, row)
	}
	return r.mail, r.ok, r.err
}

// drop waits for the message that is rendered ahead, and forgets it.
func (s *Sender) drop() *rendering {
	r := s.next
	if s.next = nil; r != nil {
		<-r.done
	}
	return r
}

// putOff keeps the row waiting, or touches its customer where it is to be
// decided anew.
func (s *Sender) putOff(ctx context.Context, row store.Outgoing, v store.Verdict) error {
	later := v.Later
	if later.IsZero() || !later.After(s.now()) {
		later = s.now().Add(time.Minute)
	}
	err := s.Box.Store.InTx(ctx, func(tx *store.Tx) error {
		if v.Restart {
			tx.Touch(row.Customer)
		}
		return tx.PutOff(row.ID, later, v.Why)
	})
	if errors.Is(err, store.ErrConflict) {
		return nil // it was withdrawn meanwhile
	}
	return err
}

// unwritten keeps back a message that cannot be written, and has a person look.
func (s *Sender) unwritten(ctx context.Context, row store.Outgoing, why error) error {
	b := s.Box
	err := b.Store.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.AddTask(b.Company.ID, row.Customer, dossier.Task{
			Kind: "question", Title: b.words().unwritten(row.Name, why), DueOn: b.today(tx.Now()),
		}, fmt.Sprintf("unwritten/%d", row.ID))
		if err != nil {
			return err
		}
		return tx.PutOff(row.ID, tx.Now().Add(time.Hour), why.Error())
	})
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}
