package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// AgendaRow says when a customer must be looked at again.
type AgendaRow struct {
	Customer dossier.CustomerID
	Version  int64     // grows with each fact
	NextAt   time.Time // zero: never by time alone
	Rules    string    // hash of all else Decide read
	Gated    bool      // withheld by a gate: waits for it, not for NextAt
}

// never is the moment of rows that time alone does not bring back.
const never = math.MaxInt64

// Touch makes the customers due now: version + 1, next_at = now, not gated. It
// takes effect once, when the transaction ends, in the order of ids.
func (tx *Tx) Touch(ids ...dossier.CustomerID) {
	for _, id := range ids {
		if id != 0 {
			tx.touched[id] = true
		}
	}
}

// flush writes the agenda rows of all customers touched: of who pays, where a
// customer is joined to another.
func (tx *Tx) flush() error {
	if len(tx.touched) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(tx.touched))
	for chunk := range slices.Chunk(ids, 5000) {
		is, who := among(tx, chunk)
		err := tx.post(`INSERT INTO agenda (customer, company, version, next_at, rules, gated)
SELECT root, min(company), 1, CAST($1 AS BIGINT), '', FALSE FROM customer WHERE `+is("id", 2)+` GROUP BY root ORDER BY root
ON CONFLICT (customer) DO UPDATE SET version = agenda.version + 1, next_at = excluded.next_at, gated = FALSE`, tx.now, who)
		if err != nil {
			return fmt.Errorf("touch: %w", err)
		}
	}
	clear(tx.touched)
	return nil
}

func scanAgenda(scan scanner) (AgendaRow, error) {
	var r AgendaRow
	var next int64
	err := scan(&r.Customer, &r.Version, &next, &r.Rules, &r.Gated)
	if next != never {
		r.NextAt = instantOf(next)
	}
	return r, err
}

// dueQuery reads only rows whose moment has come: through the index on it.
const dueQuery = `SELECT customer, version, next_at, rules, gated FROM agenda
WHERE company = $1 AND gated = FALSE AND next_at <= $2 ORDER BY next_at LIMIT $3`

// DueAgenda returns rows whose moment has come and that no gate withholds,
// oldest first.
func (s *Store) DueAgenda(ctx context.Context, company receivable.CompanyID, now time.Time, limit int) ([]AgendaRow, error) {
	return view(ctx, s, func(tx *Tx) ([]AgendaRow, error) {
		return all(tx, scanAgenda, dueQuery, company, now, limit)
	})
}

// Agenda returns the customer's row.
func (tx *Tx) Agenda(id dossier.CustomerID) (AgendaRow, error) {
	rows, err := all(tx, scanAgenda, "SELECT customer, version, next_at, rules, gated FROM agenda WHERE customer = (SELECT root FROM customer WHERE id = $1)", id)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return AgendaRow{}, err
	}
	return rows[0], nil
}

// Versions returns the Version of each customer's row.
func (tx *Tx) Versions(ids []dossier.CustomerID) (map[dossier.CustomerID]int64, error) {
	versions := make(map[dossier.CustomerID]int64, len(ids))
	is, who := among(tx, ids)
	err := tx.each(func(scan scanner) error {
		var id dossier.CustomerID
		var version int64
		err := scan(&id, &version)
		versions[id] = version
		return err
	}, "SELECT c.id, a.version FROM customer c JOIN agenda a ON a.customer = c.root WHERE "+is("c.id", 1), who)
	return versions, err
}

// Decided stores what deciding found, for those rows whose Version is still
// what was read, and returns the customers for which it was.
func (s *Store) Decided(ctx context.Context, rows []AgendaRow) ([]dossier.CustomerID, error) {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b AgendaRow) int { return cmp.Compare(a.Customer, b.Customer) })
	var stored []dossier.CustomerID
	err := s.InTx(ctx, func(tx *Tx) error {
		stored = nil
		for _, r := range rows {
			ok, err := tx.Decided(r)
			if err != nil {
				return err
			}
			if ok {
				stored = append(stored, r.Customer)
			}
		}
		return nil
	})
	return stored, err
}

// Decided stores one row where its Version is still what was read. It returns
// false where it is not: something happened meanwhile, and the row stays due.
// Called after facts that deciding itself wrote in this transaction, it keeps
// them from making the row due again.
func (tx *Tx) Decided(r AgendaRow) (bool, error) {
	next := micros(r.NextAt)
	if r.NextAt.IsZero() {
		next = never
	}
	bump := 0
	if tx.touched[r.Customer] {
		bump = 1
	}
	n, err := tx.exec("UPDATE agenda SET next_at = $3, rules = $4, gated = $5, version = version + $6 WHERE customer = $1 AND version = $2",
		r.Customer, r.Version, next, r.Rules, r.Gated, bump)
	if err == nil && n == 1 {
		delete(tx.touched, r.Customer)
	}
	return n == 1, err
}

// NextAgenda is when the next row comes due; zero: none by time alone.
func (s *Store) NextAgenda(ctx context.Context, company receivable.CompanyID) (time.Time, error) {
	return view(ctx, s, func(tx *Tx) (time.Time, error) {
		var next int64
		err := tx.one([]any{&next}, "SELECT next_at FROM agenda WHERE company = $1 AND gated = FALSE ORDER BY next_at LIMIT 1", company)
		if errors.Is(err, ErrNotFound) || next == never {
			return time.Time{}, nil
		}
		return instantOf(next), err
	})
}

// rulesChunk is how many rows a change of rules makes due in one transaction.
const rulesChunk = 5000

// RulesChanged makes rows decided under other rules due, in chunks, and returns
// how many. Rules already seen cost one lookup.
func (s *Store) RulesChanged(ctx context.Context, company receivable.CompanyID, rules string) (int, error) {
	known, err := s.Company(ctx, company)
	if err != nil || known.Rules == rules {
		return 0, err
	}
	total := 0
	for last := int64(0); ; {
		done := false
		err := s.InTx(ctx, func(tx *Tx) error {
			ids, err := all(tx, func(scan scanner) (int64, error) {
				var id int64
				err := scan(&id)
				return id, err
			}, "SELECT customer FROM agenda WHERE company = $1 AND customer > $2 AND rules <> $3 ORDER BY customer LIMIT $4", company, last, rules, rulesChunk)
			if err != nil {
				return err
			}
			if done = len(ids) < rulesChunk; done {
				_, err := tx.exec("INSERT INTO company (id, rules) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET rules = excluded.rules", company, rules)
				if err != nil || len(ids) == 0 {
					return err
				}
			}
			_, err = tx.exec("UPDATE agenda SET next_at = $1, version = version + 1, gated = FALSE WHERE "+tx.in("customer", 2), tx.now, numbers(ids))
			total, last = total+len(ids), ids[len(ids)-1]
			return err
		})
		if err != nil || done {
			return total, err
		}
	}
}

// OpenGate makes the company's gated rows due, in the transaction that opens a
// gate. EndPass, Confirm, UpToDate and ReadMailbox call it by themselves.
func (tx *Tx) OpenGate(company receivable.CompanyID) error {
	_, err := tx.exec("UPDATE agenda SET gated = FALSE, next_at = $2, version = version + 1 WHERE company = $1 AND gated = TRUE", company, tx.now)
	return err
}

// touchCompany makes due all customers of the company that something is open of.
func (tx *Tx) touchCompany(company receivable.CompanyID) error {
	_, err := tx.exec(`UPDATE agenda SET gated = FALSE, next_at = $2, version = version + 1 WHERE company = $1 AND (gated = TRUE OR customer IN (
  SELECT c.root FROM due l JOIN customer c ON c.id = l.customer WHERE l.outstanding <> 0 AND l.gone_at = 0 AND c.company = $1))`, company, tx.now)
	return err
}
