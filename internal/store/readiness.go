package store

import (
	"relanced/internal/calendar"
	"relanced/internal/receivable"
)

// Readiness is what tells whether a company may send.
type Readiness struct {
	Mailboxes   []Mailbox
	Connections map[receivable.ConnectionID]Connection // how fresh and believed they are; nothing of cursors and counts
	LargestDay  int                                    // reminders released on the largest day since, before today
	Today       int                                    // those released today
	Metas       map[string]string
}

// ReadinessOf is what to read of a company: the batches since a day before
// today, and the small facts of these keys.
type ReadinessOf struct {
	Company      receivable.CompanyID
	Since, Today calendar.Date
	Metas        []string
}

// Readiness reads it.
func (tx *Tx) Readiness(of ReadinessOf) (Readiness, error) {
	var r Readiness
	err := tx.together(tx.readiness(of, &r)...)
	return r, err
}

func (tx *Tx) readiness(of ReadinessOf, r *Readiness) []question {
	metas, values := tx.metas(of.Metas)
	*r = Readiness{Connections: map[receivable.ConnectionID]Connection{}, Metas: values}
	return []question{
		ask(func(scan scanner) error {
			box, err := scanMailbox(scan)
			r.Mailboxes = append(r.Mailboxes, box)
			return err
		}, mailboxesQuery, of.Company),
		ask(func(scan scanner) error {
			c := Connection{Key: ConnectionKey{Company: of.Company}}
			err := scan(&c.Key.Name, at(&c.AsOf), at(&c.AcceptedAt), at(&c.WrittenAt), at(&c.ConfirmedAt), at(&c.SuspectAt), doc(&c.Error), on(&c.LastPaymentOn), on(&c.UpToDateOn))
			r.Connections[c.Key.Name] = c
			return err
		}, "SELECT name, as_of, accepted_at, written_at, confirmed_at, suspect_at, error, last_payment_on, up_to_date_on FROM connection WHERE company = $1", of.Company),
		ask(func(scan scanner) error { return scan(&r.LargestDay, &r.Today) },
			"SELECT coalesce(max(CASE WHEN day < $3 THEN n END), 0), coalesce(max(CASE WHEN day >= $3 THEN n END), 0) FROM batch WHERE company = $1 AND day >= $2 AND day <= $3", of.Company, of.Since, of.Today),
		metas,
	}
}
