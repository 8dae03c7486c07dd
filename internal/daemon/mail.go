package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"relanced/inbox"
	"relanced/internal/lease"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// leaseOfMailbox is the lease under which a mailbox is read and sent by.
func leaseOfMailbox(key store.MailboxKey) string {
	return fmt.Sprintf("mailbox/%s/%s", key.Company, key.Name)
}

// leaseOfCompany is the lease under which a company is decided for.
func leaseOfCompany(id receivable.CompanyID) string { return fmt.Sprintf("company/%s", id) }

// awaitReading bounds how long a mailbox that another holds may take to be read.
const awaitReading = 2 * time.Minute

// mailboxes is what the sender of a company needs of its mailboxes. The sender
// runs where its own mailbox is held: that one is read directly.
type mailboxes struct {
	d *Daemon
	c *Company
}

// ReadToEnd reads every mailbox of the company to its end.
func (m *mailboxes) ReadToEnd(ctx context.Context, _ receivable.CompanyID) error {
	for _, r := range m.c.Readers {
		if r.Key == m.c.Box.Company.Mailbox {
			if err := r.Once(ctx, false); err != nil {
				return err
			}
			continue
		}
		if err := m.d.readBox(ctx, r, false); err != nil {
			return err
		}
	}
	return nil
}

// FileCopy puts a copy of a sent message into Sent.
func (m *mailboxes) FileCopy(ctx context.Context, key store.MailboxKey, ref string, message []byte) error {
	return m.c.reader(key).FileCopy(ctx, ref, message)
}

// FindSent tells whether a message lies in Sent.
func (m *mailboxes) FindSent(ctx context.Context, key store.MailboxKey, messageID, ref string) (bool, error) {
	return m.c.reader(key).FindSent(ctx, messageID, ref)
}

// readBox reads a mailbox to its end: here where nobody holds it, else by asking
// its holder and awaiting the result. A holder that was killed lets go when its
// lease runs out.
func (d *Daemon) readBox(ctx context.Context, r *inbox.Reader, asked bool) error {
	limit, cancel := context.WithTimeoutCause(ctx, awaitReading, fmt.Errorf("mailbox %s: the daemon did not read it within %s: see its log", r.Key.Name, awaitReading))
	defer cancel()
	wish := wish{d.Store.Now(), asked}
	for asking := false; ; asking = true {
		held, holding, err := lease.Hold(ctx, d.Store, leaseOfMailbox(r.Key), d.owner+"/read")
		if err == nil {
			defer held.Release()
			defer r.Close()
			return r.Once(holding, asked)
		}
		if !errors.Is(err, lease.ErrHeld) {
			return err
		}
		if !asking {
			if err := d.Store.InTx(ctx, func(tx *store.Tx) error { return tx.SetMeta(wishKey(r.Key), wish.text()) }); err != nil {
				return err
			}
		}
		if done, err := d.awaitBox(limit, r.Key, wish.at); done || err != nil {
			return err
		}
	}
}

// awaitBox waits a while for the end of a reading that began at since or later,
// and tells whether there was one.
func (d *Daemon) awaitBox(ctx context.Context, key store.MailboxKey, since time.Time) (bool, error) {
	for end := time.Now().Add(claimEvery); time.Now().Before(end); {
		var box store.Mailbox
		var done wish
		err := d.Store.View(ctx, func(tx *store.Tx) error {
			text, err := tx.Meta(doneKey(key))
			done = wishOf(text)
			if err == nil {
				box, err = tx.Mailbox(key)
			}
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		})
		switch {
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case err != nil:
			return false, err
		case !box.ReadAt.Before(since):
			return true, nil
		case !done.at.Before(since):
			return true, fmt.Errorf("mailbox %s: %s", key.Name, box.Error)
		}
		if !pause(ctx, 100*time.Millisecond) {
			return false, context.Cause(ctx)
		}
	}
	return false, nil
}

// wish is that somebody wants a mailbox read which another process holds.
type wish struct {
	at     time.Time
	person bool // a person waits for it: pauses after failures do not count
}

func wishKey(key store.MailboxKey) string { return "read/" + string(key.Company) + "/" + key.Name }
func doneKey(key store.MailboxKey) string { return wishKey(key) + "/done" }

func (w wish) text() string {
	who := "program"
	if w.person {
		who = "person"
	}
	return w.at.UTC().Format(time.RFC3339Nano) + " " + who
}

func wishOf(text string) wish {
	at, who, _ := strings.Cut(text, " ")
	t, _ := time.Parse(time.RFC3339Nano, at) // "" and strangers' texts are no wish
	return wish{t, who == "person"}
}

func (d *Daemon) wished(ctx context.Context, key store.MailboxKey) wish {
	var w wish
	err := d.Store.View(ctx, func(tx *store.Tx) error {
		text, err := tx.Meta(wishKey(key))
		w = wishOf(text)
		return err
	})
	if err != nil {
		return wish{}
	}
	return w
}

func (d *Daemon) box(ctx context.Context, key store.MailboxKey) (store.Mailbox, error) {
	boxes, err := d.Store.Mailboxes(ctx, key.Company)
	for _, b := range boxes {
		if b.Key == key {
			return b, err
		}
	}
	return store.Mailbox{Key: key}, err
}

// holder reads a mailbox, carries out what came in, sends by it where it sends,
// and waits for the next ring, as long as it holds the lease.
type holder struct {
	d      *Daemon
	c      *Company
	r      *inbox.Reader
	fence  store.Fence
	sends  bool
	logger *slog.Logger

	read    told
	sent    told
	granted time.Time // the newest wish that was seen to
	stuckAt time.Time // when nothing could be sent, though something waits
}

const (
	retryStuck = 10 * time.Second // between two tries to send what is kept back
	lookEvery  = 500 * time.Millisecond
)

// mailboxDuty is what the holder of a mailbox does.
func (d *Daemon) mailboxDuty(c *Company, r *inbox.Reader) func(context.Context, store.Fence) error {
	return func(ctx context.Context, fence store.Fence) error {
		logger := d.logger.With("component", "mailbox", "mailbox", r.Key.Name)
		h := &holder{d: d, c: c, r: r, fence: fence, sends: c.Sends != nil && r.Key == c.Box.Company.Mailbox, logger: logger}
		h.read = told{logger: logger, bad: "mailbox not read", good: "mailbox read again"}
		h.sent = told{logger: logger, bad: "nothing sent", good: "sending again"}
		defer r.Close()
		if h.sends {
			defer c.Sends.Close()
			if err := c.Sends.Takeover(ctx, fence); err != nil {
				return err
			}
		}
		for ctx.Err() == nil {
			if err := h.round(ctx); err != nil {
				return err
			}
		}
		return r.Flush(context.WithoutCancel(ctx))
	}
}

// round goes once through what there is to do, and waits.
func (h *holder) round(ctx context.Context) error {
	if err := h.readOnce(ctx); err != nil {
		return err
	}
	if err := h.d.carryOut(ctx, h.c); err != nil && ctx.Err() == nil {
		return err
	}
	wait := h.d.poll(h.c, h.r.Key)
	if h.sends {
		handed, err := h.c.Sends.Once(ctx, h.fence)
		if errors.Is(err, store.ErrFence) {
			return err
		}
		h.sent.tell(ctx, err)
		h.stuckAt = time.Time{}
		if now := h.d.Store.Now(); handed.Sent+handed.Refused+handed.Unknown+handed.Withheld+handed.Retried == 0 && h.waited(ctx, now) {
			h.stuckAt = now
		}
		if !handed.Next.IsZero() {
			wait = min(wait, max(handed.Next.Sub(h.d.Store.Now()), 50*time.Millisecond))
		}
	}
	h.wait(ctx, wait)
	return nil
}

// readOnce reads the mailbox and says so to whoever asked for it.
func (h *holder) readOnce(ctx context.Context) error {
	wish := h.d.wished(ctx, h.r.Key)
	asked := wish.at.After(h.granted)
	h.read.tell(ctx, h.r.Once(ctx, asked && wish.person))
	if !asked {
		return nil
	}
	h.granted = wish.at
	err := h.d.Store.InTx(ctx, func(tx *store.Tx) error { return tx.SetMeta(doneKey(h.r.Key), wish.text()) })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (d *Daemon) poll(c *Company, key store.MailboxKey) time.Duration {
	for _, m := range c.Mailboxes {
		if string(m.Name) == key.Name {
			return m.IMAP.Poll
		}
	}
	return 3 * time.Minute
}

// wait waits for a ring, for somebody who wants the mailbox read, for a message
// that may leave, or for the time.
func (h *holder) wait(ctx context.Context, limit time.Duration) {
	watch, stop := context.WithCancel(ctx)
	defer stop()
	wake := make(chan struct{}, 1)
	go func() {
		for pause(watch, lookEvery) {
			if h.wanted(watch) {
				wake <- struct{}{}
				return
			}
		}
	}()
	if _, err := h.r.Wait(ctx, limit, wake); err != nil && ctx.Err() == nil {
		h.logger.DebugContext(ctx, "waiting for mail ended", "err", err)
		pause(ctx, time.Second)
	}
}

// wanted tells whether somebody waits for the mailbox.
func (h *holder) wanted(ctx context.Context) bool {
	if h.d.wished(ctx, h.r.Key).at.After(h.granted) {
		return true
	}
	now := h.d.Store.Now()
	return h.sends && !h.c.Sends.Resting() && now.Sub(h.stuckAt) > retryStuck && h.waited(ctx, now)
}

// waited tells whether a message was to leave at that moment or before.
func (h *holder) waited(ctx context.Context, at time.Time) bool {
	next, err := h.d.Store.NextMoment(ctx, h.r.Key)
	return err == nil && !next.IsZero() && !next.After(at)
}

// told says what goes wrong once, not at each try, and when it goes well again.
type told struct {
	logger    *slog.Logger
	bad, good string
	failing   bool
}

func (t *told) tell(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err == nil && t.failing:
		t.failing = false
		t.logger.InfoContext(ctx, t.good)
	case err != nil && !t.failing:
		t.failing = true
		t.logger.WarnContext(ctx, t.bad, "err", err)
	}
}
