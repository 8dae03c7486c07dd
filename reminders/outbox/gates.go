package outbox

import (
	"context"
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
	err := b.Store.View(ctx, func(tx *store.Tx) error {
		r, err := tx.Readiness(b.readiness(tx.Now()))
		gates = b.gates(r, inboxAge, tx.Now())
		return err
	})
	return gates, err
}

// readiness is what gates and accepted bank details are made of.
func (b *Box) readiness(now time.Time) store.ReadinessOf {
	today := b.today(now)
	return store.ReadinessOf{Company: b.Company.ID, Since: today.AddDays(-60), Today: today, Metas: []string{b.ibansKey()}}
}

func (b *Box) gates(r store.Readiness, readAge time.Duration, now time.Time) reminders.Gates {
	c := b.Company
	gates := reminders.Gates{
		Off:         c.Rules.Mode == reminders.ModeOff,
		Auto:        c.Rules.Mode == reminders.ModeAuto,
		Connections: map[receivable.ConnectionID]dossier.Reason{},
		Payments:    map[receivable.ConnectionID]bool{},
		Inbox:       b.inboxGate(r.Mailboxes, now, readAge),
		MaxBatch:    c.Rules.Config.MaxBatch,
		LargestDay:  r.LargestDay,
		Today:       r.Today,
		Zone:        b.zone(),
	}
	for _, conn := range c.Connections {
		known := r.Connections[conn.Name]
		if reason := b.connectionGate(conn, known, now); reason != "" {
			gates.Connections[conn.Name] = reason
		}
		newest := max(known.LastPaymentOn, known.UpToDateOn)
		gates.Payments[conn.Name] = c.Rules.PaymentsStale(newest, now)
	}
	return gates
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
