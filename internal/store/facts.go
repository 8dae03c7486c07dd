package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
)

// Command is a wish that a mail or a moved message expressed: recorded by the
// inbox, carried out once by desk/actions.
type Command struct {
	ID      int64
	Company receivable.CompanyID
	Key     string // unique over the company: the same message gives the same key
	Kind    string // answer, folder…
	Mailbox string
	From    string
	Content []byte // JSON of whoever records and carries out
	At      time.Time
	DoneAt  time.Time
	Result  string
	Message dossier.ReplyID // the incoming message, 0 for none
}

// TaskFilter chooses tasks. The zero filter: all open ones.
type TaskFilter struct {
	Company  receivable.CompanyID // "" all
	Customer dossier.CustomerID   // 0 all
	Kind     string
	Done     bool // done ones too
}

// CustomerTask is a task with the customer it is about.
type CustomerTask struct {
	dossier.Task
	Company  receivable.CompanyID
	Customer dossier.CustomerID // 0: the company's own
	Code     string
	By       string // who did it
}

func (tx *Tx) orNow(t time.Time) time.Time {
	if t.IsZero() {
		return tx.now
	}
	return t
}

// AddHold, AddPromise, AddDispute and AddTask record a fact and return its
// number; a time left zero becomes now.
func (tx *Tx) AddHold(customer dossier.CustomerID, h dossier.Hold) (int64, error) {
	tx.Touch(customer)
	return tx.insert("INSERT INTO hold (customer, document, reason, by_whom, note, from_at, until_on, reply) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		customer, h.Document, h.Reason, h.By, h.Note, tx.orNow(h.From), h.Until, h.Reply)
}

// end ends a fact of the table.
func (tx *Tx) end(table string, id int64, by string) error {
	var customer dossier.CustomerID
	var ended int64
	if err := tx.one([]any{&customer, &ended}, "SELECT customer, ended_at FROM "+table+" WHERE id = $1", id); err != nil {
		return fmt.Errorf("%s %d: %w", table, id, err)
	}
	if ended != 0 {
		return fmt.Errorf("%s %d: %w", table, id, ErrEnded)
	}
	tx.Touch(customer)
	return tx.must1(ErrEnded, "UPDATE "+table+" SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at = 0", id, tx.now, by)
}

// EndHold ends it. ErrEnded where somebody already did.
func (tx *Tx) EndHold(id int64, by string) error { return tx.end("hold", id, by) }

// EndHolds ends the customer's holds that last; reasons none: whatever the
// reason; document 0: those of the whole customer and of its invoices. It
// returns how many.
func (tx *Tx) EndHolds(customer dossier.CustomerID, document dossier.DocumentID, by string, reasons ...dossier.Reason) (int, error) {
	query := `UPDATE hold SET ended_at = $1, ended_by = $2 WHERE ended_at = 0
AND customer IN (SELECT id FROM customer WHERE root = (SELECT root FROM customer WHERE id = $3)) AND (document = $4 OR CAST($4 AS BIGINT) = 0)`
	args := []any{tx.now, by, customer, document}
	if len(reasons) > 0 {
		query += " AND " + tx.in("reason", 5)
		args = append(args, texts(reasons))
	}
	tx.Touch(customer)
	n, err := tx.exec(query, args...)
	return int(n), err
}

// AddPromise records an announced payment.
func (tx *Tx) AddPromise(customer dossier.CustomerID, p dossier.Promise) (int64, error) {
	tx.Touch(customer)
	return tx.insert("INSERT INTO promise (customer, document, amount, currency, on_day, until_on, claimed, by_whom, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		customer, p.Document, p.Amount.Minor, p.Amount.Currency, p.On, p.Until, p.Claimed, p.By, tx.orNow(p.MadeAt))
}

// EndPromise ends it: kept, broken, withdrawn.
func (tx *Tx) EndPromise(id int64, by string) error { return tx.end("promise", id, by) }

// AddDispute records that an invoice is contested.
func (tx *Tx) AddDispute(customer dossier.CustomerID, d dossier.Dispute) (int64, error) {
	tx.Touch(customer)
	return tx.insert("INSERT INTO dispute (customer, document, amount, currency, reason, owner, by_whom, until_on, opened_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		customer, d.Document, d.Amount.Minor, d.Amount.Currency, d.Reason, d.Owner, d.By, d.Until, tx.orNow(d.OpenedAt))
}

// EndDispute ends it.
func (tx *Tx) EndDispute(id int64, by string) error { return tx.end("dispute", id, by) }

// AddTask opens a task. customer 0: the company's own. key makes it unique while
// it is open ("" does not): the open one's number is returned.
func (tx *Tx) AddTask(company receivable.CompanyID, customer dossier.CustomerID, t dossier.Task, key string) (int64, error) {
	if key != "" {
		var id int64
		err := tx.one([]any{&id}, "SELECT id FROM task WHERE company = $1 AND key = $2 AND done_at = 0", company, key)
		if err == nil || !errors.Is(err, ErrNotFound) {
			return id, err
		}
	}
	tx.Touch(customer)
	return tx.insert("INSERT INTO task (company, customer, key, kind, title, document, step, lines, due_on, owner, opened_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		company, customer, key, t.Kind, t.Title, t.Document, t.Step, encode(t.Lines), t.DueOn, t.Owner, tx.orNow(t.OpenedAt))
}

// DoneTask closes it.
func (tx *Tx) DoneTask(id int64, by, outcome string) error {
	t, err := tx.Task(id)
	if err != nil {
		return err
	}
	tx.Touch(t.Customer)
	return tx.must1(fmt.Errorf("task %d: %w", id, ErrEnded), "UPDATE task SET done_at = $2, done_by = $3, outcome = $4 WHERE id = $1 AND done_at = 0", id, tx.now, by, outcome)
}

const taskQuery = `SELECT t.id, t.company, t.customer, coalesce(c.code, ''), t.kind, t.title, t.document, t.step, t.lines, t.due_on, t.owner, t.opened_at, t.done_at, t.done_by, t.outcome
FROM task t LEFT JOIN customer c ON c.id = t.customer `

func scanTask(scan scanner) (CustomerTask, error) {
	var t CustomerTask
	err := scan(&t.ID, &t.Company, &t.Customer, &t.Code, &t.Kind, &t.Title, &t.Document, &t.Step, doc(&t.Lines), on(&t.DueOn), &t.Owner, at(&t.OpenedAt), at(&t.DoneAt), &t.By, &t.Outcome)
	return t, err
}

// Task returns one.
func (tx *Tx) Task(id int64) (CustomerTask, error) {
	list, err := all(tx, scanTask, taskQuery+"WHERE t.id = $1", id)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("task %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return CustomerTask{}, err
	}
	return list[0], nil
}

// Tasks lists them by due date.
func (s *Store) Tasks(ctx context.Context, f TaskFilter) ([]CustomerTask, error) {
	return view(ctx, s, func(tx *Tx) ([]CustomerTask, error) {
		return all(tx, scanTask, taskQuery+`WHERE ($1 = '' OR t.company = $1) AND (t.customer = $2 OR CAST($2 AS BIGINT) = 0) AND ($3 = '' OR t.kind = $3) AND ($4 = TRUE OR t.done_at = 0)
ORDER BY CASE WHEN t.due_on = '' THEN '9' ELSE t.due_on END, t.id`, f.Company, f.Customer, f.Kind, f.Done)
	})
}

// TakeSteps counts steps as done; one already counted stays as it is.
func (tx *Tx) TakeSteps(steps ...dossier.Taken) error {
	missing := map[dossier.DueID]bool{}
	for _, t := range steps {
		missing[t.Due] = true
	}
	is, which := among(tx, slices.Sorted(maps.Keys(missing)))
	err := tx.each(func(scan scanner) error {
		var due dossier.DueID
		var customer dossier.CustomerID
		err := scan(&due, &customer)
		delete(missing, due)
		tx.Touch(customer)
		return err
	}, "SELECT id, customer FROM due WHERE "+is("id", 1), which)
	if err != nil {
		return err
	}
	for due := range missing {
		return fmt.Errorf("due line %d: %w", due, ErrNotFound)
	}
	for _, t := range steps {
		if err := tx.takeStep(t); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) takeStep(t dossier.Taken) error {
	return tx.post("INSERT INTO taken (due, plan, step, at, how) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (due, plan, step) DO NOTHING", t.Due, t.Plan, t.Step, tx.orNow(t.At), t.How)
}

// AddCommand records a wish; the same Key gives the number of the first.
func (tx *Tx) AddCommand(c Command) (int64, error) {
	return tx.insert(`INSERT INTO command (company, key, kind, mailbox, sender, content, at, message) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (company, key) DO UPDATE SET key = excluded.key`, c.Company, c.Key, c.Kind, c.Mailbox, c.From, string(c.Content), tx.orNow(c.At), c.Message)
}

// PendingCommands returns those not carried out, oldest first.
func (s *Store) PendingCommands(ctx context.Context, company receivable.CompanyID) ([]Command, error) {
	return view(ctx, s, func(tx *Tx) ([]Command, error) {
		return all(tx, func(scan scanner) (Command, error) {
			var c Command
			var content string
			err := scan(&c.ID, &c.Company, &c.Key, &c.Kind, &c.Mailbox, &c.From, &content, at(&c.At), &c.Message)
			c.Content = []byte(content)
			return c, err
		}, "SELECT id, company, key, kind, mailbox, sender, content, at, message FROM command WHERE done_at = 0 AND ($1 = '' OR company = $1) ORDER BY id", company)
	})
}

// CommandDone records that it was carried out, in the transaction that does it;
// ErrEnded where it already was.
func (tx *Tx) CommandDone(id int64, result string) error {
	return tx.must1(fmt.Errorf("command %d: %w", id, ErrEnded), "UPDATE command SET done_at = $2, result = $3 WHERE id = $1 AND done_at = 0", id, tx.now, result)
}

// AddBounced records an address that failed for good.
func (tx *Tx) AddBounced(customer dossier.CustomerID, b dossier.Bounced) error {
	tx.Touch(customer)
	_, err := tx.exec(`INSERT INTO bounced (customer, address, at, status, text) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (customer, address) DO UPDATE SET at = excluded.at, status = excluded.status, text = excluded.text`,
		customer, email.Canonical(b.Address), tx.orNow(b.At), b.Status, b.Text)
	return err
}

// ClearBounced forgets that the address failed.
func (tx *Tx) ClearBounced(customer dossier.CustomerID, address string) error {
	tx.Touch(customer)
	_, err := tx.exec("DELETE FROM bounced WHERE customer = $1 AND address = $2", customer, email.Canonical(address))
	return err
}

// LearnContact records that the address writes for the customer.
func (tx *Tx) LearnContact(customer dossier.CustomerID, address, _ string) error {
	company, err := tx.CompanyOf(customer)
	if err != nil {
		return err
	}
	return tx.upsertMany("contact", contactColumns, contactRows(company, int64(customer), "learnt", []string{address}), "DO NOTHING")
}

// CountHolds counts the company's holds with the reason that began at or after
// since, also those that ended.
func (tx *Tx) CountHolds(company receivable.CompanyID, reason dossier.Reason, since time.Time) (int, error) {
	var n int
	err := tx.one([]any{&n}, "SELECT count(*) FROM hold h JOIN customer c ON c.id = h.customer WHERE c.company = $1 AND h.reason = $2 AND h.from_at >= $3", company, reason, since)
	return n, err
}
