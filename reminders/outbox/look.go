package outbox

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
)

func (s *Sender) rows() int {
	if s.ahead == 0 {
		s.ahead = rowsAhead
	}
	return s.ahead
}

// stillReady returns the first of the rows that the last look was for, while it
// is young enough.
func (s *Sender) stillReady(rows []store.Outgoing, now time.Time) []store.Outgoing {
	if s.readyAt.IsZero() || now.Sub(s.readyAt) > armAge-5*time.Second || now.Before(s.readyAt) {
		return nil
	}
	for i, row := range rows {
		if !s.ready[row.ID] {
			return rows[:i]
		}
	}
	return rows
}

// prepare looks at the books and the mailboxes for the rows. What cannot be
// read lets nothing leave.
func (s *Sender) prepare(ctx context.Context, rows []store.Outgoing) error {
	invoices, err := s.invoices(ctx, rows)
	if err != nil {
		return err
	}
	company := s.Box.Company.ID
	if names := s.unpassed(invoices); len(names) > 0 {
		now := s.now()
		if err := s.Refresher.Refresh(ctx, company, names); err != nil {
			return fmt.Errorf("outbox: bring the books up to date before sending: %w", err)
		}
		for _, name := range names {
			s.passAt[name] = now
		}
	}
	looked := s.now()
	if err := s.Refresher.Reread(ctx, company, invoices); err != nil {
		return fmt.Errorf("outbox: read the invoices again before sending: %w", err)
	}
	if err := s.Mailbox.ReadToEnd(ctx, company); err != nil {
		return fmt.Errorf("outbox: read the mailboxes before sending: %w", err)
	}
	if took := s.now().Sub(looked); took > armAge/2 {
		// Reading so many together takes too long for the last of them.
		if len(rows) == 1 && took > armAge {
			return fmt.Errorf("outbox: reading an invoice and the mailboxes took %s: what is older than %s lets nothing leave", took.Round(time.Second), armAge)
		}
		s.ahead = max(1, len(rows)/2)
	}
	if s.facts, err = s.snapshot(ctx, rows); err != nil {
		return err
	}
	s.readyAt, s.ready = looked, map[dossier.MessageID]bool{}
	for _, row := range rows {
		s.ready[row.ID] = true
	}
	return nil
}

// snapshot is what a few messages are rendered from, read together. Whether one
// may leave is decided again when it is armed.
type snapshot struct {
	dossiers map[dossier.CustomerID]dossier.Dossier
	gates    reminders.Gates
	known    accepted
}

func (s *Sender) snapshot(ctx context.Context, rows []store.Outgoing) (snap snapshot, err error) {
	b := s.Box
	snap.dossiers = map[dossier.CustomerID]dossier.Dossier{}
	var ids []dossier.CustomerID
	for _, row := range rows {
		ids = append(ids, row.Customer)
	}
	dossiers, err := b.Store.Dossiers(ctx, ids)
	if err != nil {
		return snap, fmt.Errorf("outbox: read dossiers: %w", err)
	}
	for _, d := range dossiers {
		snap.dossiers[d.Customer.ID] = d
	}
	err = b.Store.View(ctx, func(tx *store.Tx) error {
		r, err := tx.Readiness(b.readiness(tx.Now()))
		snap.gates, snap.known = b.gates(r, armAge, tx.Now()), b.accepted(r.Metas)
		return err
	})
	return snap, err
}

// unpassed returns the connections that no pass was made over lately.
func (s *Sender) unpassed(invoices map[receivable.ConnectionID][]string) []receivable.ConnectionID {
	if s.passAt == nil {
		s.passAt = map[receivable.ConnectionID]time.Time{}
	}
	var names []receivable.ConnectionID
	for name := range invoices {
		if at := s.passAt[name]; at.IsZero() || s.now().Sub(at) > batchPause || s.now().Before(at) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// invoices returns the external ids of the invoices that reminders among the
// rows speak of, by connection.
func (s *Sender) invoices(ctx context.Context, rows []store.Outgoing) (map[receivable.ConnectionID][]string, error) {
	var documents []dossier.DocumentID
	for _, row := range rows {
		if row.Kind == dossier.KindNotice {
			continue
		}
		for _, line := range row.Lines {
			documents = append(documents, line.Document)
		}
	}
	return s.Box.Store.Externals(ctx, documents)
}

// look is the last look before the content leaves: the same decision, from
// facts read under the customer's lock, all gates open.
func (s *Sender) look(tx *store.Tx, m dossier.Message, d dossier.Dossier, r store.Readiness) (store.Verdict, error) {
	if m.Kind == dossier.KindNotice {
		return store.Verdict{OK: true}, nil
	}
	now, b := tx.Now(), s.Box
	if !s.ready[m.ID] || now.Sub(s.readyAt) > armAge {
		return store.Verdict{Why: b.words().withheld(dossier.StaleData), Reason: dossier.StaleData, Later: now.Add(time.Second)}, nil
	}
	_, v := b.verdict(d, m, b.gates(r, armAge, now), b.accepted(r.Metas), now)
	if v.Restart {
		tx.Touch(d.Customer.ID)
		v.Restart = false
	}
	return v, nil
}

// verdict decides again for one queued message, and returns it as it is decided
// now. Restart: the facts are no longer those it was proposed on. It then stays
// where it is, and never leaves: the sweep withdraws it, or puts another in its
// place, which a person sees beside the one that was approved.
func (b *Box) verdict(d dossier.Dossier, m dossier.Message, gates reminders.Gates, known accepted, now time.Time) (reminders.Action, store.Verdict) {
	// What a person approved, or a quiet day let through, is not a question of
	// the day's size any more.
	gates.MaxBatch, gates.Auto = math.MaxInt, gates.Auto && !m.Approved
	decision := reminders.Decide(d, b.Company.Rules, now)
	again := store.Verdict{Why: b.words().withdrawn(""), Restart: true, Later: now.Add(time.Minute)}
	i := slices.IndexFunc(decision.Keep, func(a reminders.Action) bool { return a.Reopens == m.ID })
	if i < 0 {
		for _, w := range decision.Withdraw {
			if w.Message == m.ID && w.Reason != "" {
				again.Why, again.Reason = b.words().withdrawn(w.Reason), w.Reason
			}
		}
		return reminders.Action{}, again
	}
	a := decision.Keep[i]
	if a.Basis != m.Basis || !m.Approved && a.Approval || b.strange(known, d.Customer) {
		return a, again
	}
	if reason := gates.Shut(decision); reason != "" {
		later := now.Add(time.Minute)
		if reason == dossier.StaleInbox {
			later = now.Add(5 * time.Second)
		}
		return a, store.Verdict{Why: b.words().withheld(reason), Reason: reason, Later: later}
	}
	if a.At.After(now) {
		return a, store.Verdict{Why: b.words().withheld(dossier.Window), Reason: dossier.Window, Later: a.At}
	}
	return a, store.Verdict{OK: true}
}
