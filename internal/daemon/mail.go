package daemon

import (
	"context"
	"errors"
	"fmt"
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

// readBox reads a mailbox to its end: here where nobody holds it, else by waking
// its holder and awaiting the result.
func (d *Daemon) readBox(ctx context.Context, r *inbox.Reader, asked bool) error {
	held, holding, err := lease.Hold(ctx, d.Store, leaseOfMailbox(r.Key), d.owner+"/read")
	if err == nil {
		defer held.Release()
		defer r.Close()
		return r.Once(holding, asked)
	}
	if !errors.Is(err, lease.ErrHeld) {
		return err
	}
	since := d.Store.Now()
	if err := d.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Rang(r.Key, tx.Now()) }); err != nil {
		return err
	}
	return d.awaitBox(ctx, r.Key, since)
}

// awaitBox waits until a reading that began after since has ended.
func (d *Daemon) awaitBox(ctx context.Context, key store.MailboxKey, since time.Time) error {
	ctx, cancel := context.WithTimeoutCause(ctx, awaitReading, fmt.Errorf("mailbox %s: its holder did not read it within %s", key.Name, awaitReading))
	defer cancel()
	for {
		box, err := d.box(ctx, key)
		if err != nil {
			return err
		}
		if !box.ReadAt.Before(since) {
			return nil
		}
		if box.ErrorAt.After(since) {
			return fmt.Errorf("mailbox %s: %s", key.Name, box.Error)
		}
		if !pause(ctx, 100*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
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

// mailboxDuty reads a mailbox, carries out what came in, sends by it where it
// sends, and waits for the next ring.
func (d *Daemon) mailboxDuty(c *Company, r *inbox.Reader) func(context.Context, store.Fence) error {
	return func(ctx context.Context, fence store.Fence) error {
		defer r.Close()
		sends := c.Sends != nil && r.Key == c.Box.Company.Mailbox
		if sends {
			defer c.Sends.Close()
			if err := c.Sends.Takeover(ctx, fence); err != nil {
				return err
			}
		}
		for failures := 0; ctx.Err() == nil; {
			wait := d.poll(c, r.Key)
			err := r.Once(ctx, false)
			if err != nil {
				d.logger.WarnContext(ctx, "mailbox not read", "mailbox", r.Key.Name, "err", err)
				failures++
				wait = min(wait, time.Duration(failures)*5*time.Second)
			} else {
				failures = 0
			}
			if err := d.carryOut(ctx, c); err != nil {
				return err
			}
			if sends {
				handed, err := c.Sends.Once(ctx, fence)
				if err != nil && ctx.Err() == nil {
					d.logger.WarnContext(ctx, "nothing sent", "mailbox", r.Key.Name, "err", err)
					if errors.Is(err, store.ErrFence) {
						return err
					}
				}
				if !handed.Next.IsZero() {
					wait = min(wait, max(handed.Next.Sub(d.Store.Now()), 50*time.Millisecond))
				}
			}
			if err := d.waitBox(ctx, c, r, wait); err != nil && ctx.Err() == nil {
				d.logger.WarnContext(ctx, "waiting for mail ended", "mailbox", r.Key.Name, "err", err)
				pause(ctx, time.Second)
			}
		}
		return r.Flush(context.WithoutCancel(ctx))
	}
}

func (d *Daemon) poll(c *Company, key store.MailboxKey) time.Duration {
	for _, m := range c.Mailboxes {
		if string(m.Name) == key.Name {
			return m.IMAP.Poll
		}
	}
	return 3 * time.Minute
}

// waitBox waits for a ring, for somebody who wants the mailbox read, for a
// message that may leave, or for the time.
func (d *Daemon) waitBox(ctx context.Context, c *Company, r *inbox.Reader, limit time.Duration) error {
	watch, stop := context.WithCancel(ctx)
	defer stop()
	wake := make(chan struct{}, 1)
	go func() {
		for pause(watch, time.Second) {
			if d.wanted(watch, c, r.Key) {
				wake <- struct{}{}
				return
			}
		}
	}()
	_, err := r.Wait(ctx, limit, wake)
	return err
}

// wanted tells whether somebody waits for the mailbox.
func (d *Daemon) wanted(ctx context.Context, c *Company, key store.MailboxKey) bool {
	box, err := d.box(ctx, key)
	if err != nil {
		return false
	}
	if box.RangAt.After(box.ReadAt) {
		return true
	}
	if key != c.Box.Company.Mailbox || c.Sends == nil || c.Sends.Resting() {
		return false
	}
	next, err := d.Store.NextMoment(ctx, key)
	return err == nil && !next.IsZero() && !next.After(d.Store.Now())
}
