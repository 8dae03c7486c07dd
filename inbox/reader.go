package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"relanced/inbox/mailbox"
	"relanced/inbox/match"
	"relanced/internal/calendar"
	"relanced/internal/email"
	"relanced/internal/store"
)

// Company is a company as the inbox sees it.
type Company struct {
	Seller  match.Seller
	Members []string // addresses of the team: they answer work lists
	Country string
	Zone    *time.Location
	Holds   Holds
	French  bool // the language of tasks and events
}

// Holds says until when a message of each sort holds, counted from its day: the
// first day on which it no longer does, zero until a person says.
type Holds struct {
	Reply        func(from calendar.Date) calendar.Date
	Conversation func(from calendar.Date) calendar.Date
	Ack          func(from calendar.Date) calendar.Date
}

// Reader reads one mailbox. It belongs to one goroutine, which holds the lease
// mailbox/<name>.
type Reader struct {
	Store   *store.Store
	Key     store.MailboxKey
	Account mailbox.Account
	Company Company
	Logger  *slog.Logger

	session  *mailbox.Session
	folders  []mailbox.Folder
	listedAt time.Time
	rang     string     // the folder that rang
	copies   []sentCopy // of our own messages, until it is known who files them in Sent
	refused  int        // log-ins in a row
	notUntil time.Time  // no log-in before
}

const (
	listEvery   = 24 * time.Hour
	rescanBack  = 3 * 24 * time.Hour
	rescanLeast = 14 * 24 * time.Hour
	busyPause   = 5 * time.Minute
)

// refusedPauses are how long no log-in is tried after one, two and more were
// refused in a row: an account must not be locked out.
var refusedPauses = []time.Duration{15 * time.Minute, time.Hour, 24 * time.Hour}

// Once reads the mailbox to its end, one cycle over all its folders, and
// records what concerns customers. Reading twice changes nothing. asked: a
// person is waiting, and pauses after refused log-ins do not count.
func (r *Reader) Once(ctx context.Context, asked bool) error {
	now := r.Store.Now()
	if !asked && now.Before(r.notUntil) {
		return fmt.Errorf("mailbox %s: no log-in before %s, after refused ones", r.Key.Name, r.notUntil.In(r.Company.Zone).Format(time.TimeOnly))
	}
	err := r.cycle(ctx)
	if err != nil {
		return r.failed(ctx, err)
	}
	r.refused, r.notUntil = 0, time.Time{}
	if err := r.Store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.EnsureMailbox(r.Key, r.Account.Address); err != nil {
			return err
		}
		return tx.ReadMailbox(r.Key, now)
	}); err != nil {
		return err
	}
	return r.fileCopies(ctx)
}

func (r *Reader) cycle(ctx context.Context) error {
	if r.session == nil {
		session, err := mailbox.Open(ctx, r.Account)
		if err != nil {
			return err
		}
		r.session = session
	}
	if r.folders == nil || r.Store.Now().Sub(r.listedAt) > listEvery {
		folders, err := mailbox.Folders(ctx, r.Account)
		if err != nil {
			return err
		}
		r.folders, r.listedAt = folders, r.Store.Now()
	}
	marks, err := r.marks(ctx)
	if err != nil {
		return err
	}
	for _, folder := range mailbox.Sorted(r.folders, r.rang) {
		known := marks[folder.Name]
		err := r.session.Read(ctx, folder, mailbox.Mark{UIDValidity: known.UIDValidity, NextUID: uid(known.Next)}, r.rescan(ctx),
			func(ctx context.Context, batch mailbox.Batch) error { return r.handle(ctx, known, batch) })
		if err != nil {
			return fmt.Errorf("folder %s: %w", folder.Name, err)
		}
	}
	r.rang = ""
	return nil
}

func (r *Reader) marks(ctx context.Context) (map[string]store.Folder, error) {
	folders, err := r.Store.Folders(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	marks := make(map[string]store.Folder, len(folders))
	for _, f := range folders {
		marks[f.Name] = f
	}
	return marks, nil
}

// rescan is from when a folder is read again that the server renumbered.
func (r *Reader) rescan(ctx context.Context) time.Time {
	at := r.Store.Now().Add(-rescanLeast)
	boxes, err := r.Store.Mailboxes(ctx, r.Key.Company)
	if err != nil {
		return at
	}
	for _, box := range boxes {
		if box.Key == r.Key && !box.ReadAt.IsZero() && box.ReadAt.Add(-rescanBack).Before(at) {
			at = box.ReadAt.Add(-rescanBack)
		}
	}
	return at
}

// failed closes the line and records why the mailbox cannot be read: reminders
// wait until it can.
func (r *Reader) failed(ctx context.Context, err error) error {
	r.Close()
	if ctx.Err() != nil {
		return err
	}
	kind := mailbox.KindOf(err)
	now := r.Store.Now()
	switch kind {
	case mailbox.Auth:
		r.notUntil = now.Add(refusedPauses[min(r.refused, len(refusedPauses)-1)])
		r.refused++
	case mailbox.Busy:
		r.notUntil = now.Add(busyPause)
	}
	text := err.Error()
	var known *mailbox.Error
	if errors.As(err, &known) && known.Do != "" {
		text += ": " + known.Do
	}
	stored := r.Store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.EnsureMailbox(r.Key, r.Account.Address); err != nil {
			return err
		}
		return tx.FailMailbox(r.Key, string(kind), text)
	})
	return errors.Join(fmt.Errorf("mailbox %s: %s", r.Key.Name, text), stored)
}

// Wait sleeps until the main folder rings, somebody wakes it, d has passed or
// ctx ends, and tells whether it rang. What came since the last reading rings
// at once.
func (r *Reader) Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) (bool, error) {
	if r.session == nil || len(r.folders) == 0 {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-wake:
		case <-time.After(d):
		}
		return false, nil
	}
	main := r.folders[0]
	status, err := r.session.Examine(ctx, main.Name)
	if err != nil {
		return false, r.failed(ctx, err)
	}
	marks, err := r.marks(ctx)
	if err != nil {
		return false, err
	}
	rang := status.UIDNext != 0 && uint32(status.UIDNext) > marks[main.Name].Next && marks[main.Name].UIDValidity == status.UIDValidity
	if !rang {
		if rang, err = r.session.Wait(ctx, d, wake); err != nil {
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			return false, r.failed(ctx, err)
		}
	}
	if rang {
		r.rang = main.Name
		err = r.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Rang(r.Key, tx.Now()) })
	}
	return rang, err
}

// Close ends the connection.
func (r *Reader) Close() {
	if r.session != nil {
		r.session.Close()
		r.session = nil
	}
}

// isMember tells whether the address is one of the team's.
func (c Company) isMember(address string) bool {
	for _, m := range c.Members {
		if email.SameAddress(m, address) {
			return true
		}
	}
	return false
}
