package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// Event is a fact that a person would want to see. Events are only added.
type Event struct {
	ID       int64
	Company  receivable.CompanyID
	Customer dossier.CustomerID // 0: of the company
	At       time.Time          // zero on adding: now
	Kind     string             // synced, proposed, approved, sent, replied, held, paid…
	By       string
	Text     string
	Ref      string // what it is about: "message 12", "F-2026-7"; "" nothing
	Erased   time.Time
}

// Seal is what verifying a chain says.
type Seal struct {
	Events int    // sealed ones
	Erased int    // of those, without content
	Last   string // hash of the last, in hex
	Broken int64  // id of the first event that does not fit; 0: the chain holds
}

// SealedEvent is an event with what an offline check needs.
type SealedEvent struct {
	Event
	Salt     string // hex; "" once erased
	Content  string // hash of salt and content, hex
	Previous string // hash before, hex; "" for the first
	Hash     string // hex
}

// AddEvent appends to the timeline.
func (tx *Tx) AddEvent(e Event) error {
	return tx.post("INSERT INTO event (company, customer, at, kind, by_whom, text, ref) VALUES ($1, $2, $3, $4, $5, $6, $7)", e.Company, e.Customer, tx.orNow(e.At), e.Kind, e.By, e.Text, e.Ref)
}

// Timeline returns a customer's events, oldest first; the company's own where
// customer is 0. limit 0: all; otherwise the newest ones.
func (s *Store) Timeline(ctx context.Context, company receivable.CompanyID, customer dossier.CustomerID, limit int) ([]EventRow, error) {
	if limit <= 0 {
		limit = math.MaxInt32
	}
	rows, err := view(ctx, s, func(tx *Tx) ([]EventRow, error) {
		return all(tx, func(scan scanner) (EventRow, error) {
			var e EventRow
			err := scan(&e.ID, &e.Company, &e.Customer, at(&e.At), &e.Kind, &e.By, &e.Text, &e.Ref, at(&e.Erased), &e.Code)
			return e, err
		}, `SELECT e.id, e.company, e.customer, e.at, e.kind, e.by_whom, e.text, e.ref, e.erased_at, coalesce(c.code, '') FROM event e LEFT JOIN customer c ON c.id = e.customer
WHERE e.company = $1 AND e.customer IN (SELECT CAST($2 AS BIGINT) UNION SELECT id FROM customer WHERE root = $2) ORDER BY e.id DESC LIMIT $3`, company, customer, limit)
	})
	slices.Reverse(rows)
	slices.SortStableFunc(rows, func(a, b EventRow) int { return a.At.Compare(b.At) })
	return rows, err
}

// sealChunk is how many events one transaction seals.
const sealChunk = 500

// Seal chains events not yet sealed, per customer, and returns how many.
func (s *Store) Seal(ctx context.Context) (int, error) {
	total := 0
	for {
		n := 0
		err := s.InTx(ctx, func(tx *Tx) error {
			var err error
			n, err = tx.seal()
			return err
		})
		total += n
		if err != nil || n < sealChunk {
			return total, err
		}
	}
}

// chainKey names a chain: a company's own, or one of its customers'.
type chainKey struct {
	company  receivable.CompanyID
	customer dossier.CustomerID
}

func (tx *Tx) seal() (int, error) {
	if tx.pg != nil {
		// One sealer at a time: two would give one chain two ends.
		if _, err := tx.exec("LOCK TABLE event IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return 0, err
		}
	}
	rows, err := all(tx, scanSealed, sealedQuery+" WHERE hash = '' ORDER BY id LIMIT $1", sealChunk)
	if err != nil {
		return 0, err
	}
	last := map[chainKey]string{}
	for _, e := range rows {
		key := chainKey{e.Company, e.Customer}
		previous, ok := last[key]
		if !ok {
			err := tx.one([]any{&previous}, "SELECT hash FROM event WHERE company = $1 AND customer = $2 AND hash <> '' ORDER BY id DESC LIMIT 1", e.Company, e.Customer)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return 0, err
			}
		}
		salt := make([]byte, 16)
		_, _ = rand.Read(salt) // it never fails
		e.Salt, e.Previous = hex.EncodeToString(salt), previous
		e.Content = e.digest()
		e.Hash = e.seal()
		last[key] = e.Hash
		if _, err := tx.exec("UPDATE event SET salt = $2, digest = $3, previous = $4, hash = $5 WHERE id = $1", e.ID, e.Salt, e.Content, e.Previous, e.Hash); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// digest is the salted hash of what erasing drops.
func (e SealedEvent) digest() string {
	return sum(e.Salt, e.By, e.Text, e.Ref)
}

// seal is the hash of the event and all before it.
func (e SealedEvent) seal() string {
	return sum(e.Previous, strconv.FormatInt(e.At.UnixMicro(), 10), e.Kind, e.Content)
}

// sum hashes parts so that moving a character from one to the next changes it.
func sum(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

const sealedQuery = "SELECT id, company, customer, at, kind, by_whom, text, ref, erased_at, salt, digest, previous, hash FROM event"

func scanSealed(scan scanner) (SealedEvent, error) {
	var e SealedEvent
	err := scan(&e.ID, &e.Company, &e.Customer, at(&e.At), &e.Kind, &e.By, &e.Text, &e.Ref, at(&e.Erased), &e.Salt, &e.Content, &e.Previous, &e.Hash)
	return e, err
}

// Chain returns a customer's sealed events in order.
func (s *Store) Chain(ctx context.Context, company receivable.CompanyID, customer dossier.CustomerID) ([]SealedEvent, error) {
	return view(ctx, s, func(tx *Tx) ([]SealedEvent, error) {
		return all(tx, scanSealed, sealedQuery+" WHERE company = $1 AND customer = $2 AND hash <> '' ORDER BY id", company, customer)
	})
}

// VerifyChain recomputes a chain; it needs no database.
func VerifyChain(chain []SealedEvent) Seal {
	s := Seal{Events: len(chain)}
	for _, e := range chain {
		erased := !e.Erased.IsZero()
		if erased {
			s.Erased++
		}
		if e.Previous != s.Last || e.Hash != e.seal() || !erased && e.Content != e.digest() {
			s.Broken = e.ID
			return s
		}
		s.Last = e.Hash
	}
	return s
}

// Erase drops content and salt of a customer's events, and the text of its
// messages; what must be kept stays, and the chain still verifies. Sealing
// comes first, by itself.
func (s *Store) Erase(ctx context.Context, customer dossier.CustomerID, by string) error {
	if _, err := s.Seal(ctx); err != nil {
		return err
	}
	return s.InTx(ctx, func(tx *Tx) error {
		company, err := tx.CompanyOf(customer)
		if err != nil {
			return err
		}
		for _, q := range []string{
			"UPDATE event SET by_whom = '', text = '', ref = '', salt = '', erased_at = $2 WHERE customer = $1 AND hash <> '' AND erased_at = 0",
			"UPDATE message_in SET sender = '', sender_name = '', recipients = '', subject = '', quote = '', labels = '', absent = '' WHERE CAST($2 AS BIGINT) > 0 AND id IN (SELECT message FROM message_match WHERE customer = $1)",
			"UPDATE outbox SET body = '', added = '' WHERE customer = $1 AND CAST($2 AS BIGINT) > 0",
			"DELETE FROM outbox_bytes WHERE CAST($2 AS BIGINT) > 0 AND outbox IN (SELECT id FROM outbox WHERE customer = $1 AND state IN ('sent', 'refused', 'cancelled', 'dropped'))",
			"DELETE FROM contact WHERE customer = $1 AND origin = 'learnt' AND CAST($2 AS BIGINT) > 0",
		} {
			if _, err := tx.exec(q, customer, tx.now); err != nil {
				return err
			}
		}
		tx.Touch(customer)
		return tx.AddEvent(Event{Company: company, Customer: customer, Kind: "erased", By: by})
	})
}
