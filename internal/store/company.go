package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
)

// CompanyFacts is what is known of a company besides its configuration.
type CompanyFacts struct {
	ID               receivable.CompanyID
	FirstConfirmedAt time.Time // when a person first accepted one of its connections
	RemindAt         time.Time // the last tick somebody asked for
	RestoredAt       time.Time // the database is a restored copy, and nobody confirmed since
	Rules            string    // hash given to RulesChanged last
}

// WorkList is a list of drafts that was mailed, and what its numbers mean.
type WorkList struct {
	ID        int64
	Company   receivable.CompanyID
	Token     string // signed by whoever made it; unique
	To        string
	SentAt    time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // an answer was carried out; zero: none yet
	UsedBy    string
	Message   dossier.MessageID // its row in the outbox
	Items     []WorkItem
}

// WorkItem is one numbered draft.
type WorkItem struct {
	Number  int
	Message dossier.MessageID
	Basis   string
	Acted   string // what was done: approved, declined; "" nothing yet
}

// Company returns its facts; none recorded gives the zero ones with its ID.
func (tx *Tx) Company(id receivable.CompanyID) (CompanyFacts, error) {
	c := CompanyFacts{ID: id}
	err := tx.one([]any{at(&c.FirstConfirmedAt), at(&c.RemindAt), at(&c.RestoredAt), &c.Rules}, "SELECT first_confirmed_at, remind_at, restored_at, rules FROM company WHERE id = $1", id)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return c, err
}

// Company is Tx.Company in a transaction of its own.
func (s *Store) Company(ctx context.Context, id receivable.CompanyID) (CompanyFacts, error) {
	return view(ctx, s, func(tx *Tx) (CompanyFacts, error) { return tx.Company(id) })
}

// Remind records a tick that somebody asked for, and makes the company's
// customers with something open due.
func (tx *Tx) Remind(id receivable.CompanyID) error {
	_, err := tx.exec("INSERT INTO company (id, remind_at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET remind_at = excluded.remind_at", id, tx.now)
	if err != nil {
		return err
	}
	return tx.touchCompany(id)
}

// CountBatch adds n reminders released on that day, and returns the day's sum.
func (tx *Tx) CountBatch(id receivable.CompanyID, on calendar.Date, n int) (int, error) {
	var sum int
	if n == 0 { // a question, asked in reading transactions too
		err := tx.one([]any{&sum}, "SELECT coalesce(sum(n), 0) FROM batch WHERE company = $1 AND day = $2", id, on)
		return sum, err
	}
	err := tx.one([]any{&sum}, "INSERT INTO batch (company, day, n) VALUES ($1, $2, $3) ON CONFLICT (company, day) DO UPDATE SET n = batch.n + excluded.n RETURNING n", id, on, n)
	return sum, err
}

// AddWorkList records a list, before it leaves.
func (tx *Tx) AddWorkList(l WorkList) (int64, error) {
	id, err := tx.insert("INSERT INTO work_list (company, token, recipient, sent_at, expires_at, outbox) VALUES ($1, $2, $3, $4, $5, $6)",
		l.Company, l.Token, email.Canonical(l.To), tx.orNow(l.SentAt), l.ExpiresAt, l.Message)
	for _, i := range l.Items {
		if err == nil {
			_, err = tx.exec("INSERT INTO work_item (list, number, outbox, basis) VALUES ($1, $2, $3, $4)", id, i.Number, i.Message, i.Basis)
		}
	}
	return id, err
}

func (tx *Tx) workList(where string, args ...any) (WorkList, error) {
	var l WorkList
	err := tx.one([]any{&l.ID, &l.Company, &l.Token, &l.To, at(&l.SentAt), at(&l.ExpiresAt), at(&l.UsedAt), &l.UsedBy, &l.Message},
		"SELECT id, company, token, recipient, sent_at, expires_at, used_at, used_by, outbox FROM work_list "+where+" ORDER BY id DESC LIMIT 1", args...)
	if err != nil {
		return l, fmt.Errorf("work list: %w", err)
	}
	l.Items, err = all(tx, func(scan scanner) (WorkItem, error) {
		var i WorkItem
		err := scan(&i.Number, &i.Message, &i.Basis, &i.Acted)
		return i, err
	}, "SELECT number, outbox, basis, acted FROM work_item WHERE list = $1 ORDER BY number", l.ID)
	return l, err
}

// WorkListByToken finds a list. ErrNotFound.
func (tx *Tx) WorkListByToken(token string) (WorkList, error) {
	return tx.workList("WHERE token = $1", token)
}

// LastWorkList is the newest list to the address. ErrNotFound.
func (tx *Tx) LastWorkList(company receivable.CompanyID, to string) (WorkList, error) {
	return tx.workList("WHERE company = $1 AND recipient = $2", company, email.Canonical(to))
}

// UseWorkList records that an answer was carried out. ErrEnded where one was.
func (tx *Tx) UseWorkList(id int64, by string) error {
	return tx.must1(fmt.Errorf("work list %d: %w", id, ErrEnded), "UPDATE work_list SET used_at = $2, used_by = $3 WHERE id = $1 AND used_at = 0", id, tx.now, by)
}

// ActItem records what was done with a number.
func (tx *Tx) ActItem(list int64, number int, acted string) error {
	return tx.must1(fmt.Errorf("work list %d, number %d: %w", list, number, ErrNotFound), "UPDATE work_item SET acted = $3 WHERE list = $1 AND number = $2", list, number, acted)
}

// Once tells whether the key is seen for the first time, and records it: what
// must happen once in the life of a database.
func (tx *Tx) Once(key string) (bool, error) {
	n, err := tx.exec("INSERT INTO meta (key, value) VALUES ($1, 'done') ON CONFLICT (key) DO NOTHING", "once/"+key)
	return n == 1, err
}

// Meta returns a small fact of the program's own, "" where there is none.
func (tx *Tx) Meta(key string) (string, error) {
	values, err := tx.Metas(key)
	return values[key], err
}

// Metas returns several; what there is none of is left out.
func (tx *Tx) Metas(keys ...string) (map[string]string, error) {
	asked, values := tx.metas(keys)
	return values, tx.together(asked)
}

func (tx *Tx) metas(keys []string) (question, map[string]string) {
	values := map[string]string{}
	return ask(func(scan scanner) error {
		var key, value string
		err := scan(&key, &value)
		values[key] = value
		return err
	}, "SELECT key, value FROM meta WHERE "+tx.in("key", 1), texts(keys)), values
}

// SetMeta stores one.
func (tx *Tx) SetMeta(key, value string) error {
	return tx.post("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
}

// CompanyOf tells whose customer it is.
func (tx *Tx) CompanyOf(id dossier.CustomerID) (receivable.CompanyID, error) {
	var company receivable.CompanyID
	err := tx.one([]any{&company}, "SELECT company FROM customer WHERE id = $1", id)
	return company, err
}
