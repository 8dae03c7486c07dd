package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"relanced/inbox/mailbox"
	"relanced/inbox/match"
	"relanced/internal/calendar"
	"relanced/internal/email"
	"relanced/internal/oauth"
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
	// FilesSent tells that the provider is known to file in Sent what is sent; else
	// it is learnt.
	FilesSent bool

	session  *mailbox.Session
	folders  []mailbox.Folder
	listedAt time.Time
	rang     string     // the folder that rang
	copies   []sentCopy // of our own messages, until it is known who files them in Sent
	refused  int        // log-ins in a row
	failures int        // of other kinds in a row
	notUntil time.Time  // the line is not tried before
	drops    int        // lines cut in a row while listening
	ensured  bool       // the store knows the mailbox
}

const (
	listEvery  = 24 * time.Hour
	rescanBack = 3 * 24 * time.Hour // before the last good reading, at least
	busyPause  = 5 * time.Minute
	firstPause = 5 * time.Second // doubled after each failure in a row
	lastPause  = 5 * time.Minute
)

// refusedPauses are how long no log-in is tried after one, two and more were
// refused in a row: an account must not be locked out.
var refusedPauses = []time.Duration{15 * time.Minute, time.Hour, 24 * time.Hour}

// Once reads the mailbox to its end, one cycle over all its folders, and
// records what concerns customers. Reading twice changes nothing. asked: a
// person is waiting, and pauses after failures do not count.
func (r *Reader) Once(ctx context.Context, asked bool) error {
	now := r.Store.Now()
	if !asked && now.Before(r.notUntil) {
		return fmt.Errorf("mailbox %s: it is tried again at %s, after failures", r.Key.Name, r.notUntil.In(r.Company.Zone).Format(time.TimeOnly))
	}
	open := r.session != nil
	err := r.cycle(ctx)
	if err != nil && open && ctx.Err() == nil && mailbox.KindOf(err) == mailbox.Temporary && !errors.Is(err, errRenumbered) {
		r.Close() // the line was cut since it was last used
		err = r.cycle(ctx)
	}
	if err != nil {
		return r.failed(ctx, err)
	}
	r.refused, r.failures, r.notUntil = 0, 0, time.Time{}
	if err := r.Store.InTx(ctx, func(tx *store.Tx) error { return tx.ReadMailbox(r.Key, now) }); err != nil {
		return err
	}
	if err := r.fileCopies(ctx); err != nil {
		// A copy that cannot be filed changes nothing about what was sent and read.
		r.Logger.WarnContext(ctx, "copies not filed in Sent", "mailbox", r.Key.Name, "err", err)
	}
	return nil
}

func (r *Reader) cycle(ctx context.Context) error {
	if err := r.ensure(ctx); err != nil {
		return err
	}
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
	var failed error
	for _, folder := range r.order() {
		known := progress{Folder: marks[folder.Name]}
		err := r.session.Read(ctx, folder, mailbox.Mark{UIDValidity: known.UIDValidity, NextUID: imap.UID(known.Next)},
			func() (time.Time, error) { return r.rescan(ctx) },
			func(ctx context.Context, batch mailbox.Batch) error { return r.handle(ctx, &known, batch) })
		switch {
		case err == nil:
		case errors.Is(err, errRenumbered), mailbox.KindOf(err) == mailbox.Missing:
			// This folder cannot be read; what lies in the others may not wait.
			failed = errors.Join(failed, fmt.Errorf("folder %s: %w", folder.Name, err))
		default:
			return fmt.Errorf("folder %s: %w", folder.Name, err)
		}
	}
	r.rang = ""
	return failed
}

// order is that of a cycle: the folder that rang first; else the main one last,
// which stays open to be listened to.
func (r *Reader) order() []mailbox.Folder {
	if r.rang != "" {
		return mailbox.Sorted(r.folders, r.rang)
	}
	return append(slices.Clone(r.folders[1:]), r.folders[0])
}

// ensure makes the mailbox known to the store.
func (r *Reader) ensure(ctx context.Context) error {
	if r.ensured {
		return nil
	}
	err := r.Store.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.EnsureMailbox(r.Key, r.Account.Address)
		return err
	})
	r.ensured = err == nil
	return err
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

// rescan is from when a folder is read again that the server renumbered: no
// answer to a reminder that is still open came before it left.
func (r *Reader) rescan(ctx context.Context) (time.Time, error) {
	box, err := r.known(ctx)
	if err != nil {
		return time.Time{}, err
	}
	from := box.ReadAt.Add(-rescanBack)
	if box.ReadAt.IsZero() {
		from = r.Store.Now().Add(-mailbox.FirstLook)
	}
	awaits, err := r.Store.AwaitsSince(ctx, r.Key.Company)
	if err != nil {
		return time.Time{}, err
	}
	if !awaits.IsZero() && awaits.Before(from) {
		from = awaits
	}
	return from, nil
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
	var token *oauth.Error
	switch {
	case kind == mailbox.Auth && !errors.As(err, &token): // without a token no log-in was tried
		r.notUntil = now.Add(refusedPauses[min(r.refused, len(refusedPauses)-1)])
		r.refused++
	case kind == mailbox.Busy:
		r.notUntil = now.Add(busyPause)
	default:
		r.folders = nil // one may have been renamed
		pause := min(firstPause<<min(r.failures, 10), lastPause)
		r.notUntil = now.Add(pause - time.Duration(rand.Int64N(int64(pause)/4)))
		r.failures++
	}
	text := err.Error()
	var known *mailbox.Error
	if errors.As(err, &known) && known.Do != "" {
		text += ": " + known.Do
	}
	stored := r.Store.InTx(ctx, func(tx *store.Tx) error { return tx.FailMailbox(r.Key, string(kind), text) })
	return errors.Join(fmt.Errorf("mailbox %s: %s", r.Key.Name, text), stored)
}

// Wait sleeps until the main folder rings, somebody wakes it, d has passed or
// ctx ends, and tells whether it rang. What came since the last reading rings
// at once. A line that is cut ends the wait: the next reading opens another.
func (r *Reader) Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) (bool, error) {
	if r.session == nil || len(r.folders) == 0 {
		return false, sleep(ctx, d, wake)
	}
	began := time.Now()
	rang, err := r.listen(ctx, d, wake)
	switch {
	case ctx.Err() != nil:
		r.Close()
		return false, ctx.Err()
	case err != nil:
		r.Logger.InfoContext(ctx, "the line was cut while waiting for mail", "err", err)
		r.Close()
		if time.Since(began) > lastPause {
			r.drops = 0
		}
		pause := min(time.Second<<min(r.drops, 10), lastPause, d)
		r.drops++
		return false, sleep(ctx, pause, wake)
	case !rang:
		return false, nil
	}
	r.drops, r.rang = 0, r.folders[0].Name
	return true, r.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Rang(r.Key, tx.Now()) })
}

func (r *Reader) listen(ctx context.Context, d time.Duration, wake <-chan struct{}) (bool, error) {
	main := r.folders[0]
	if r.session.Selected() != main.Name {
		status, err := r.session.Examine(ctx, main.Name)
		if err != nil {
			return false, err
		}
		marks, err := r.marks(ctx)
		if err != nil {
			return false, err
		}
		if uint32(status.UIDNext) > marks[main.Name].Next || marks[main.Name].UIDValidity != status.UIDValidity {
			return true, nil
		}
	}
	return r.session.Wait(ctx, d, wake)
}

func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wake:
	case <-time.After(d):
	}
	return nil
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
