package store

import (
	"context"
	"fmt"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// ConnectionKey names a connection of a company.
type ConnectionKey struct {
	Company receivable.CompanyID
	Name    receivable.ConnectionID
}

// Connection is what is known of one connection: how far it was read, and
// whether what it said was believed.
type Connection struct {
	Key           ConnectionKey
	Type          string
	Cursor        []byte        // opaque JSON of the connector; nil: from the start
	AsOf          time.Time     // whose truth the last ended pass is
	PassStartedAt time.Time     // of the last or running pass
	PassEndedAt   time.Time     // of the last pass that ended
	AcceptedAt    time.Time     // when the last pass was accepted
	WrittenAt     time.Time     // when a pass last wrote a row
	RereadAt      time.Time     // when the open invoices were last re-read
	ListedAt      time.Time     // when everything was last listed
	ConfirmedAt   time.Time     // when a person first accepted it; zero: unconfirmed
	ConfirmedBy   string        //
	SuspectAt     time.Time     // since when the data looks wrong; zero: it does not
	Findings      []Finding     // why it is suspect
	Error         *PassError    // of the last pass; nil where it went well
	LastPaymentOn calendar.Date // newest payment in the books
	UpToDateOn    calendar.Date // payments are entered up to that day, as a person said
	Pass          PassCount     // of the running or last pass
	Stats         Stats         // of the last accepted pass
}

// Fresh tells whether the last pass ended, was accepted, and no later pass has
// written a row. How old it may be is the caller's business: age counts from AsOf.
func (c Connection) Fresh() bool {
	return !c.AcceptedAt.IsZero() && c.SuspectAt.IsZero() && !c.WrittenAt.After(c.AcceptedAt)
}

// Finding is something strange in the data, as the breaker words it.
type Finding struct {
	Code string // payments_vanished, reopened, dates_moved, total_jumped
	Text string
}

// PassError is why a pass failed.
type PassError struct {
	Kind    string // as connectors.Kind
	Message string
	Do      string
	At      time.Time // since when it fails: the first failure in a row
}

// PassCount counts what one pass did, over all its pages.
type PassCount struct {
	New, Changed, Gone, Unchanged, Rejected int

	PaymentsGone  int            // payments and allocations that vanished
	Reopened      int            // paid invoices that are open again
	DatesMoved    int            // due lines whose date moved
	Outstanding   []money.Amount // what open invoices rose or fell by, per currency
	DocumentsSeen int
}

// Stats is what the breaker compares from one accepted pass to the next.
type Stats struct {
	Payments int
	Open     int            // open invoices
	Paid     int            // settled ones
	OpenSums []money.Amount // outstanding of open invoices, per currency
}

// PassEnd is how a pass ended well.
type PassEnd struct {
	AsOf     time.Time
	Findings []Finding // none: accepted; some: the connection is suspect
	Reread   bool      // all open invoices were re-read
	Listed   bool      // everything was listed
}

const connectionColumns = `id, company, name, type, cursor, as_of, pass_started_at, pass_ended_at, accepted_at, written_at, reread_at, listed_at,
  confirmed_at, confirmed_by, suspect_at, findings, error, last_payment_on, up_to_date_on, pass, stats`

func scanConnection(scan scanner) (Connection, int64, error) {
	var c Connection
	var id int64
	var cursor string
	err := scan(&id, &c.Key.Company, &c.Key.Name, &c.Type, &cursor, at(&c.AsOf), at(&c.PassStartedAt), at(&c.PassEndedAt), at(&c.AcceptedAt),
		at(&c.WrittenAt), at(&c.RereadAt), at(&c.ListedAt), at(&c.ConfirmedAt), &c.ConfirmedBy, at(&c.SuspectAt), doc(&c.Findings), doc(&c.Error),
		on(&c.LastPaymentOn), on(&c.UpToDateOn), doc(&c.Pass), doc(&c.Stats))
	if cursor != "" {
		c.Cursor = []byte(cursor)
	}
	return c, id, err
}

func (tx *Tx) connection(key ConnectionKey) (c Connection, id int64, err error) {
	found := false
	err = tx.each(func(scan scanner) error {
		var err error
		c, id, err = scanConnection(scan)
		found = true
		return err
	}, "SELECT "+connectionColumns+" FROM connection WHERE company = $1 AND name = $2", key.Company, key.Name)
	if err == nil && !found {
		err = fmt.Errorf("connection %s: %w", key.Name, ErrNotFound)
	}
	return c, id, err
}

// connectionRow is a connection with what only this package looks at.
type connectionRow struct {
	Connection

	id    int64
	round int64 // grows with each pass that ends; rows bear the round they were last written in
	tally tally
}

// locked is the connection's row, kept from other transactions that write to
// its books: the counts of two pages add up, whoever writes them.
func (tx *Tx) locked(key ConnectionKey) (r connectionRow, err error) {
	found := false
	err = tx.each(func(scan scanner) error {
		found = true
		r.Connection, r.id, err = scanConnection(func(dest ...any) error { return scan(append(dest, &r.round, doc(&r.tally))...) })
		return err
	}, "SELECT "+connectionColumns+", round, tally FROM connection WHERE company = $1 AND name = $2"+tx.lock("FOR UPDATE"), key.Company, key.Name)
	if err == nil && !found {
		err = fmt.Errorf("connection %s: %w", key.Name, ErrNotFound)
	}
	return r, err
}

// EnsureConnection returns what is known of the connection, made where it is new.
func (tx *Tx) EnsureConnection(key ConnectionKey, typ string) (Connection, error) {
	_, err := tx.exec("INSERT INTO connection (company, name, type) VALUES ($1, $2, $3) ON CONFLICT (company, name) DO UPDATE SET type = excluded.type",
		key.Company, key.Name, typ)
	if err != nil {
		return Connection{}, err
	}
	return tx.Connection(key)
}

// Connection returns what is known of it, ErrNotFound where nothing is.
func (tx *Tx) Connection(key ConnectionKey) (Connection, error) {
	c, _, err := tx.connection(key)
	return c, err
}

// Connection is Tx.Connection in a transaction of its own.
func (s *Store) Connection(ctx context.Context, key ConnectionKey) (Connection, error) {
	return view(ctx, s, func(tx *Tx) (Connection, error) { return tx.Connection(key) })
}

// Connections returns those of the company, of all where it is "".
func (s *Store) Connections(ctx context.Context, company receivable.CompanyID) ([]Connection, error) {
	return view(ctx, s, func(tx *Tx) ([]Connection, error) {
		return all(tx, func(scan scanner) (Connection, error) {
			c, _, err := scanConnection(scan)
			return c, err
		}, "SELECT "+connectionColumns+" FROM connection WHERE $1 = '' OR company = $1 ORDER BY company, name", company)
	})
}

// BeginPass starts a pass: its counts begin at zero, and what an unfinished
// listing named is forgotten. resumed keeps both: the pass goes on where a crash
// stopped it.
func (tx *Tx) BeginPass(key ConnectionKey, resumed bool) error {
	c, err := tx.locked(key)
	if err != nil || resumed {
		return err
	}
	for _, q := range []string{
		"UPDATE connection SET pass_started_at = $2, pass = '' WHERE id = $1",
		"UPDATE listing SET generation = generation + 1 WHERE connection = $1 AND CAST($2 AS BIGINT) > 0",
		"DELETE FROM bad WHERE connection = $1 AND external = '' AND at < $2",
	} {
		if _, err := tx.exec(q, c.id, tx.now); err != nil {
			return err
		}
	}
	return nil
}

// countPage adds a page to its pass and stores the cursor.
func (tx *Tx) countPage(c connectionRow, p PassCount, page Page) error {
	sum := c.Pass
	sum.New, sum.Changed, sum.Gone, sum.Unchanged, sum.Rejected = sum.New+p.New, sum.Changed+p.Changed, sum.Gone+p.Gone, sum.Unchanged+p.Unchanged, sum.Rejected+p.Rejected
	sum.PaymentsGone, sum.Reopened, sum.DatesMoved, sum.DocumentsSeen = sum.PaymentsGone+p.PaymentsGone, sum.Reopened+p.Reopened, sum.DatesMoved+p.DatesMoved, sum.DocumentsSeen+p.DocumentsSeen
	for _, a := range p.Outstanding {
		sum.Outstanding = addTo(sum.Outstanding, a)
	}
	written := c.WrittenAt
	if page.Apart {
		sum = c.Pass
	} else if p.New+p.Changed+p.Gone > 0 {
		written = later(tx.now, c.AcceptedAt.Add(time.Microsecond)) // clocks of two nodes differ
	}
	cursor := string(c.Cursor)
	if page.Next != nil && !page.KeepCursor && !page.Apart {
		cursor = string(page.Next)
	}
	paid := c.LastPaymentOn
	for _, payment := range page.Payments {
		if !payment.Derived {
			paid = max(paid, payment.On)
		}
	}
	_, err := tx.exec("UPDATE connection SET pass = $2, written_at = $3, cursor = $4, last_payment_on = $5, tally = $6 WHERE id = $1", c.id, encode(sum), written, cursor, paid, encode(c.tally))
	return err
}

// EndPass records how the pass ended. Accepted (no findings), it keeps the count
// of the books for the next comparison and opens the company's gate.
func (tx *Tx) EndPass(key ConnectionKey, end PassEnd) error {
	c, err := tx.locked(key)
	if err != nil {
		return err
	}
	c.PassEndedAt, c.Error = tx.now, nil
	if end.AsOf.After(c.AsOf) {
		c.AsOf = end.AsOf
	}
	if end.Reread {
		c.RereadAt = tx.now
	}
	if end.Listed {
		c.ListedAt = tx.now
	}
	if len(end.Findings) > 0 {
		c.Findings = end.Findings
		if c.SuspectAt.IsZero() {
			c.SuspectAt = tx.now
		}
	}
	accepted := len(end.Findings) == 0 && c.SuspectAt.IsZero()
	if accepted {
		c.AcceptedAt = later(tx.now, c.WrittenAt)
		c.Stats = c.tally.stats()
	}
	_, err = tx.exec("UPDATE connection SET as_of = $2, pass_ended_at = $3, accepted_at = $4, reread_at = $5, listed_at = $6, suspect_at = $7, findings = $8, error = '', stats = $9, round = round + 1 WHERE id = $1",
		c.id, c.AsOf, c.PassEndedAt, c.AcceptedAt, c.RereadAt, c.ListedAt, c.SuspectAt, encode(c.Findings), encode(c.Stats))
	if err != nil || !accepted {
		return err
	}
	return tx.OpenGate(key.Company)
}

// FailPass records why the pass failed. What it wrote stays, not accepted.
func (tx *Tx) FailPass(key ConnectionKey, e PassError) error {
	c, id, err := tx.connection(key)
	if err != nil {
		return err
	}
	if e.At.IsZero() {
		e.At = tx.now
	}
	if c.Error != nil {
		e.At = c.Error.At
	}
	_, err = tx.exec("UPDATE connection SET error = $2 WHERE id = $1", id, encode(e))
	return err
}

// Confirm records that a person accepted the connection as it is: new or
// suspect. It opens the gate, and ends the doubt about a restored copy once
// every connection of the company is accepted.
func (tx *Tx) Confirm(key ConnectionKey, by string) error {
	c, err := tx.locked(key)
	if err != nil {
		return err
	}
	if c.ConfirmedAt.IsZero() {
		c.ConfirmedAt, c.ConfirmedBy = tx.now, by
	}
	c.Stats = c.tally.stats()
	if !c.PassEndedAt.IsZero() && c.Error == nil && !c.PassStartedAt.After(c.PassEndedAt) {
		c.AcceptedAt = tx.now // a pass that was cut short is believed only when it has ended
	}
	_, err = tx.exec("UPDATE connection SET confirmed_at = $2, confirmed_by = $3, suspect_at = 0, findings = '', stats = $4, accepted_at = $5 WHERE id = $1",
		c.id, c.ConfirmedAt, c.ConfirmedBy, encode(c.Stats), c.AcceptedAt)
	if err != nil {
		return err
	}
	_, err = tx.exec(`INSERT INTO company (id, first_confirmed_at) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET
  first_confirmed_at = CASE WHEN company.first_confirmed_at = 0 THEN excluded.first_confirmed_at ELSE company.first_confirmed_at END,
  restored_at = CASE WHEN EXISTS (SELECT 1 FROM connection c WHERE c.company = excluded.id AND c.confirmed_at = 0) THEN company.restored_at ELSE 0 END`,
		key.Company, tx.now)
	if err != nil {
		return err
	}
	return tx.touchCompany(key.Company)
}

// UpToDate records that payments are entered up to that day. It opens the gate.
func (tx *Tx) UpToDate(key ConnectionKey, day calendar.Date, _ string) error {
	if err := tx.must1(ErrNotFound, "UPDATE connection SET up_to_date_on = $3 WHERE company = $1 AND name = $2", key.Company, key.Name, day); err != nil {
		return err
	}
	return tx.OpenGate(key.Company)
}

// Problems returns the rows of the connection that could not be read, and the notes.
func (s *Store) Problems(ctx context.Context, key ConnectionKey) ([]Problem, error) {
	return view(ctx, s, func(tx *Tx) ([]Problem, error) {
		return all(tx, func(scan scanner) (Problem, error) {
			var p Problem
			err := scan(&p.Connection, &p.Kind, &p.External, &p.File, &p.Line, &p.Text, &p.Note, at(&p.At))
			return p, err
		}, `SELECT c.name, b.kind, b.external, b.file, b.line, b.text, b.note, b.at FROM bad b JOIN connection c ON c.id = b.connection
WHERE c.company = $1 AND c.name = $2 ORDER BY b.id`, key.Company, key.Name)
	})
}
