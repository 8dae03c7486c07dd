package store

import (
	"strings"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
)

// AddUndelivered records that a message did not reach an address for a reason
// that may pass. It returns how many reminders of that step the customer did not
// get since then, this one included; 0 where that was known already. The
// message's problem says so too: the failure, a colon, and the server's words.
func (tx *Tx) AddUndelivered(u dossier.Undelivered, since time.Time) (n int, err error) {
	o, err := tx.Message(u.Message)
	if err != nil {
		return 0, err
	}
	tx.Touch(o.Customer)
	known := 0
	if err := tx.one([]any{&known}, "SELECT count(*) FROM undelivered WHERE outbox = $1 AND address = $2", o.ID, email.Canonical(u.Address)); err != nil || known > 0 {
		return 0, err
	}
	_, err = tx.exec(`INSERT INTO undelivered (outbox, address, customer, why, at, text) VALUES ($1, $2, $3, $4, $5, $6)`,
		o.ID, email.Canonical(u.Address), o.Customer, u.Why, tx.orNow(u.At), u.Text)
	if err != nil {
		return 0, err
	}
	said := strings.TrimSpace(string(u.Why) + ": " + u.Address + " " + u.Text)
	if _, err := tx.exec("UPDATE outbox SET problem = $2 WHERE id = $1 AND problem = ''", o.ID, said); err != nil {
		return 0, err
	}
	err = tx.one([]any{&n}, `SELECT count(DISTINCT u.outbox) FROM undelivered u JOIN outbox o ON o.id = u.outbox
WHERE u.customer = $1 AND u.at >= $2 AND o.plan = $3 AND o.step = $4`, o.Customer, since, o.Plan, o.Step)
	return n, err
}

func (g *gathering) undelivered() ([]question, func() error) {
	return []question{ask(func(scan scanner) error {
		var u dossier.Undelivered
		var customer int64
		err := scan(&u.Message, &u.Address, &customer, &u.Why, at(&u.At), &u.Text)
		if !g.past(u.At) {
			d := g.of(customer)
			d.Undelivered = append(d.Undelivered, u)
		}
		return err
	}, "SELECT outbox, address, customer, why, at, text FROM undelivered WHERE "+g.is("customer", 1)+" ORDER BY at, outbox, address", g.who)}, nil
}
