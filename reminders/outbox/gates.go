package outbox

import (
	"context"
	"errors"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
)

// inboxAge is how old a reading of the mailboxes may be for reminders to be
// proposed. Before one leaves, armAge counts.
const inboxAge = 30 * time.Minute

// armAge is how old the last look into books and mailboxes may be when a
// message is armed.
const armAge = 60 * time.Second

// Gates returns what the company is ready for now.
func (b *Box) Gates(ctx context.Context) (reminders.Gates, error) {
	var gates reminders.Gates
	boxes, err := b.Store.Mailboxes(ctx, b.Company.ID)
	if err != nil {
		return gates, err
	}
	err = b.Store.View(ctx, func(tx *store.Tx) error {
		gates, err = b.gates(tx, boxes, inboxAge)
		return err
	})
	return gates, err
}

func (b *Box) gates(tx *store.Tx, boxes []store.Mailbox, readAge time.Duration) (reminders.Gates, error) {
	c, now := b.Company, tx.Now()
	gates := reminders.Gates{
		Off:         c.Rules.Mode == reminders.ModeOff,
		Auto:        c.Rules.Mode == reminders.ModeAuto,
		Connections: map[receivable.ConnectionID]dossier.Reason{},
		Payments:    map[receivable.ConnectionID]bool{},
		MaxBatch:    c.Rules.Config.MaxBatch,
		Zone:        b.zone(),
	}
	for _, conn := range c.Connections {
		known, err := tx.Connection(store.ConnectionKey{Company: c.ID, Name: conn.Name})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return gates, err
		}
		if reason := b.connectionGate(conn, known, now); reason != "" {
			gates.Connections[conn.Name] = reason
		}
		newest := max(known.LastPaymentOn, known.UpToDateOn)
		gates.Payments[conn.Name] = c.Rules.PaymentsStale(newest, now)
	}
	gates.Inbox = b.inboxGate(boxes, now, readAge)
	today := b.today(now)
	var err error
	if gates.LargestDay, err = tx.LargestBatch(c.ID, today.AddDays(-60), today); err != nil {
		return gates, err
	}
	gates.Today, err = tx.LargestBatch(c.ID, today, today.AddDays(1))
	return gates, err
}

func (b *Box) connectionGate(conn Connection, known store.Connection, now time.Time) dossier.Reason {
	switch {
	case known.ConfirmedAt.IsZero():
		return dossier.FirstRun
	case !known.SuspectAt.IsZero():
		return dossier.SuspectData
	case known.Error != nil && known.Error.Kind == "auth":
		return dossier.Blocked
	case !known.Fresh(), expired(known.AsOf, conn.MaxAge, now):
		return dossier.StaleData
	}
	return ""
}

// inboxGate tells why the mailboxes keep reminders back: one could not be read
// lately, rang since it was read, or sending by ours is stopped.
func (b *Box) inboxGate(boxes []store.Mailbox, now time.Time, age time.Duration) dossier.Reason {
	known := map[store.MailboxKey]store.Mailbox{}
	for _, box := range boxes {
		known[box.Key] = box
	}
	if !known[b.Company.Mailbox].BlockedAt.IsZero() {
		return dossier.Blocked
	}
	for _, key := range b.Company.Mailboxes {
		box := known[key]
		if box.ReadAt.IsZero() || now.Sub(box.ReadAt) > age || age == armAge && box.RangAt.After(box.ReadAt) {
			return dossier.StaleInbox
		}
	}
	return ""
}

// expired tells whether something of that moment is older than allowed.
func expired(at time.Time, age time.Duration, now time.Time) bool {
	return at.IsZero() || age > 0 && now.Sub(at) > age
}
