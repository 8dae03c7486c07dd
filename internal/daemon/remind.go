package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/lease"
	"relanced/internal/store"
	"relanced/reminders/outbox"
	syncer "relanced/sync"
)

// Reminded is what one run of reminders did for a company.
type Reminded struct {
	Decided outbox.Report
	Handed  outbox.Handed
	Unread  []error // what could not be read or reached
}

// Remind brings books and mailboxes up to date, decides and sends what may
// leave, once. Beside a running daemon it wakes the holders and follows.
func (d *Daemon) Remind(ctx context.Context, c *Company, by string) (Reminded, error) {
	var done Reminded
	since := d.Store.Now()
	done.Unread = append(done.Unread, d.Refresh(ctx, c)...)
	if _, err := d.Desk.Remind(ctx, c.id(), by); err != nil {
		return done, err
	}
	return done, d.act(ctx, c, since, &done)
}

// Round does once what the loops do as their moments come: reads the company's
// mailboxes, carries out what came in, decides, and sends what may leave now.
func (d *Daemon) Round(ctx context.Context, c *Company) (Reminded, error) {
	var done Reminded
	since := d.Store.Now()
	for _, r := range c.Readers {
		if err := d.readBox(ctx, r, false); err != nil {
			done.Unread = append(done.Unread, err)
		}
	}
	return done, d.act(ctx, c, since, &done)
}

// MailBrief mails the work list that is due.
func (d *Daemon) MailBrief(ctx context.Context, c *Company) error { return d.mailBrief(ctx, c) }

// act carries out what came in, decides and sends.
func (d *Daemon) act(ctx context.Context, c *Company, since time.Time, done *Reminded) error {
	if err := d.carryOut(ctx, c); err != nil {
		return err
	}
	held, holding, err := d.holdOrFollow(ctx, leaseOfCompany(c.id()), c, since, done)
	if held == nil {
		return err
	}
	defer held.Release()
	if done.Decided, err = c.Box.Sweep(holding); err != nil {
		return err
	}
	if err := d.send(holding, c, since, done); err != nil {
		return err
	}
	again, err := c.Box.Sweep(holding)
	done.Decided.Proposed += again.Proposed
	done.Decided.Queued += again.Queued
	done.Decided.Withdrawn += again.Withdrawn
	return err
}

// Refresh makes a pass over every connection of the company and reads every
// mailbox, and returns what could not be read.
func (d *Daemon) Refresh(ctx context.Context, c *Company) []error {
	var unread []error
	for _, conn := range c.Connections {
		report, err := d.Syncer.Pass(ctx, c.id(), conn.ID(), syncer.Options{Wait: true, Asked: true})
		switch {
		case err != nil:
			unread = append(unread, err)
		case report.Error != nil:
			unread = append(unread, fmt.Errorf("connection %s: %w: %s", conn.Name, report.Error, report.Error.Do))
		case report.Suspect:
			unread = append(unread, fmt.Errorf("connection %s: its data looks wrong: look at `relanced status`, then run `relanced confirm %s`", conn.Name, conn.Name))
		}
	}
	for _, r := range c.Readers {
		if err := d.readBox(ctx, r, true); err != nil {
			unread = append(unread, err)
		}
	}
	return unread
}

// send hands over what may leave now, by the company's own pace.
func (d *Daemon) send(ctx context.Context, c *Company, since time.Time, done *Reminded) error {
	if c.Sends == nil {
		return nil
	}
	key := c.Box.Company.Mailbox
	held, holding, err := d.holdOrFollow(ctx, leaseOfMailbox(key), c, since, done)
	if held == nil {
		return err
	}
	defer held.Release()
	defer c.Sends.Close()
	reader := c.reader(key)
	defer reader.Close()
	if err := c.Sends.Takeover(holding, held.Fence()); err != nil {
		return err
	}
	retried := 0
	for holding.Err() == nil {
		handed, err := c.Sends.Once(holding, held.Fence())
		done.Handed.Sent += handed.Sent
		done.Handed.Refused += handed.Refused
		done.Handed.Unknown += handed.Unknown
		done.Handed.Withheld += handed.Withheld
		done.Handed.Retried += handed.Retried
		done.Handed.Next = handed.Next
		retried += handed.Retried
		if err != nil {
			done.Unread = append(done.Unread, err)
			break
		}
		wait := handed.Next.Sub(d.Store.Now())
		if handed.Next.IsZero() || wait > paceWait || handed.Sent+handed.Refused+handed.Unknown+handed.Retried+handed.Withheld == 0 && wait > c.Sends.Interval {
			break
		}
		pause(holding, wait)
	}
	if retried > 0 {
		if err := d.unreachable(holding, c, done); err != nil {
			return err
		}
	}
	return reader.Flush(context.WithoutCancel(holding))
}

// unreachable adds to what could not be reached the mail server, where nothing
// gets through to it.
func (d *Daemon) unreachable(ctx context.Context, c *Company, done *Reminded) error {
	since, why, err := c.Box.Unreachable(ctx)
	if err == nil && !since.IsZero() {
		done.Unread = append(done.Unread, fmt.Errorf("mailbox %s: nothing leaves: %s: it is tried again by itself; where that lasts, look at `relanced check`", c.Box.Company.Mailbox.Name, why))
	}
	return err
}

// paceWait is the longest pause between two messages that a command sits out.
const paceWait = 10 * time.Second

// holdOrFollow takes a lease. Where another process holds it, it waits until
// that one has decided and sent what may leave, counts what was done since, and
// returns nil; or until it lets go, as one that was killed does when its lease
// runs out.
func (d *Daemon) holdOrFollow(ctx context.Context, name string, c *Company, since time.Time, done *Reminded) (*lease.Lease, context.Context, error) {
	limit, cancel := context.WithTimeoutCause(ctx, awaitReading, fmt.Errorf("the daemon was not done within %s: look at `relanced outbox`, and at its log", awaitReading))
	defer cancel()
	for {
		held, holding, err := lease.Hold(ctx, d.Store, name, d.owner)
		if !errors.Is(err, lease.ErrHeld) {
			return held, holding, err
		}
		for end := time.Now().Add(claimEvery); time.Now().Before(end); {
			idle, err := d.idle(limit, c, done)
			switch {
			case limit.Err() != nil:
				return nil, ctx, context.Cause(limit)
			case err != nil:
				return nil, ctx, err
			case idle:
				return nil, ctx, d.count(ctx, c, since, done)
			}
			if !pause(limit, 200*time.Millisecond) {
				return nil, ctx, context.Cause(limit)
			}
		}
	}
}

// idle tells whether nothing is to be decided or sent now.
func (d *Daemon) idle(ctx context.Context, c *Company, done *Reminded) (bool, error) {
	now := d.Store.Now()
	next, err := d.Store.NextAgenda(ctx, c.id())
	if err != nil || !next.IsZero() && !next.After(now) {
		return false, err
	}
	if c.Sends == nil {
		return true, nil
	}
	box, err := d.box(ctx, c.Box.Company.Mailbox)
	if err != nil {
		return false, err
	}
	if done.Handed.Next, err = d.Store.NextMoment(ctx, box.Key); err != nil {
		return false, err
	}
	counts, err := d.Store.OutboxCounts(ctx, c.id())
	if err != nil || counts[dossier.StateArmed] > 0 {
		return false, err
	}
	kept := !box.ErrorAt.IsZero() || !box.BlockedAt.IsZero() || len(done.Unread) > 0
	return kept || done.Handed.Next.IsZero() || done.Handed.Next.After(now.Add(paceWait)), nil
}

// count adds what became of messages since then.
func (d *Daemon) count(ctx context.Context, c *Company, since time.Time, done *Reminded) error {
	rows, err := d.Store.Outbox(ctx, store.OutboxFilter{Company: c.id(), Since: since})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Kind == dossier.KindNotice {
			continue
		}
		switch row.State {
		case dossier.StateDraft:
			done.Decided.Proposed++
		case dossier.StateQueued, dossier.StateArmed:
			done.Decided.Queued++
		case dossier.StateSent:
			done.Handed.Sent++
		case dossier.StateRefused:
			done.Handed.Refused++
		case dossier.StateUnknown:
			done.Handed.Unknown++
		case dossier.StateCancelled, dossier.StateDropped:
			done.Decided.Withdrawn++
		}
	}
	if c.Sends == nil || done.Handed.Next.IsZero() {
		return nil
	}
	return d.unreachable(ctx, c, done)
}

// ReadMailboxes reads every mailbox of the company to its end, now, and carries
// out what came in.
func (d *Daemon) ReadMailboxes(ctx context.Context, c *Company) []error {
	var failed []error
	for _, r := range c.Readers {
		if err := d.readBox(ctx, r, true); err != nil {
			failed = append(failed, err)
		}
	}
	if err := d.carryOut(ctx, c); err != nil {
		failed = append(failed, err)
	}
	return failed
}
