package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Outgoing is a row of the outbox.
type Outgoing struct {
	dossier.Message

	Company   receivable.CompanyID
	Customer  dossier.CustomerID // 0: a notice to our own people
	Code      string             // of the customer; filled on reading
	Name      string             // the same; as the customers' file has it, else the source
	Mailbox   string             // the one it leaves by
	Site      int64              // 0 unless reminders are grouped by site
	CC        []string
	Ref       string         // email.ID, 26 characters, unique: the Message-ID, the envelope id and the token carry it
	Reference string         // the visible R-XXXX-XXXX
	Template  string         //
	Legal     string         // none, mention, amounts
	Language  string         //
	Amounts   []money.Amount // what it demands, or announces where it demands nothing, per currency
	Because   dossier.Reason // why a person must approve
	Content   []byte         // JSON of whoever renders it: what is needed besides the facts
	Key       string         // unique where not "": proposing a notice twice gives the first

	NotBefore time.Time // when it may leave
	Attempts  int       // how often it was armed
	Fence     int64     // under which it was last armed
	Server    string    // what the server said last
	Problem   string    // why it waits, was refused or cancelled
	Stage     string    // how far the last try came
	ChangedAt time.Time // of the state
	Rendered  bool      // bytes are stored: they are never rendered again
	Text      string    // its plain text, from the first arming on
	Thread    string    // GUID of the case in hex, 32 characters; "" none
	MIDs      []string  // of the case, oldest first; for References

	approvedAt time.Time
}

// Rendered is a message ready to leave, stored by the first arming.
type Rendered struct {
	Bytes   []byte
	MID     string // with its brackets
	Subject string
	Text    string
	Thread  string
}

// Fence is a lease as its holder knows it.
type Fence struct {
	Name   string
	Owner  string
	Number int64
}

// Verdict is the answer of the last look before a message leaves.
type Verdict struct {
	OK      bool
	Why     string         // a sentence, where it is not
	Reason  dossier.Reason // the code that holds it, "" where facts changed the basis
	Restart bool           // the message is to be proposed anew: cancelled where it was not approved, else cancelled too, and shown again
	Later   time.Time      // it stays queued and is looked at again then; zero with Restart
}

// Result is how an attempt ended.
type Result struct {
	State     dossier.State // sent, refused, unknown, or queued: proved not delivered
	Server    string        // the server's last words
	Problem   string        // a sentence for people
	Stage     string        // connect, auth, mail, rcpt, data, content, dot
	Subject   string        // of a message that no arming stored
	NotBefore time.Time     // of queued
	Attempt   int           // which attempt this is about (Outgoing.Attempts before arming, plus one); 0: not checked; sent is never checked
	Refused   []dossier.Bounced
}

// OutboxFilter chooses messages. The zero filter: all of them.
type OutboxFilter struct {
	Company  receivable.CompanyID
	Customer dossier.CustomerID
	States   []dossier.State
	Kinds    []dossier.MessageKind
	Since    time.Time // last change at or after
	Limit    int       // 0: all
}

const outboxQuery = `SELECT o.id, o.company, o.customer, coalesce(c.code, ''), o.kind, o.state, o.site, o.mailbox, o.plan, o.step, o.basis, o.approved_at, o.approved_by,
  o.added, o.template, o.legal, o.language, o.because, o.content, o.key, o.recipients, o.copies, o.amounts, o.ref, o.reference, o.mid, o.mids, o.subject, o.body,
  o.thread, o.created_at, o.not_before, o.armed_at, o.sent_at, o.ended_at, o.changed_at, o.attempts, o.fence, o.server, o.problem, o.stage, o.rendered,
  coalesce((SELECT a.name FROM account a WHERE a.customer = o.customer ORDER BY a.id LIMIT 1), ''), coalesce(c.overlay, '')
FROM outbox o LEFT JOIN customer c ON c.id = o.customer`

func scanOutgoing(scan scanner) (Outgoing, error) {
	var o Outgoing
	var content string
	var overlay Overlay
	err := scan(&o.ID, &o.Company, &o.Customer, &o.Code, &o.Kind, &o.State, &o.Site, &o.Mailbox, &o.Plan, &o.Step, &o.Basis, at(&o.approvedAt), &o.ApprovedBy,
		&o.Added, &o.Template, &o.Legal, &o.Language, &o.Because, &content, &o.Key, doc(&o.To), doc(&o.CC), doc(&o.Amounts), &o.Ref, &o.Reference, &o.MID, doc(&o.MIDs), &o.Subject, &o.Text,
		&o.Thread, at(&o.CreatedAt), at(&o.NotBefore), at(&o.ArmedAt), at(&o.SentAt), at(&o.EndedAt), at(&o.ChangedAt), &o.Attempts, &o.Fence, &o.Server, &o.Problem, &o.Stage, &o.Rendered, &o.Name, doc(&overlay))
	o.Name = cmp.Or(overlay.Name, o.Name, o.Code)
	o.Approved = !o.approvedAt.IsZero()
	if content != "" {
		o.Content = []byte(content)
	}
	return o, err
}

const lineColumns = "l.outbox, l.due, l.document, l.invoice, l.role, l.outstanding, l.currency"

func scanLine(scan scanner, id *dossier.MessageID) (l dossier.MessageLine, err error) {
	err = scan(id, &l.Due, &l.Document, &l.Invoice, &l.Role, &l.Outstanding.Minor, &l.Outstanding.Currency)
	return l, err
}

// withLines adds the due lines that messages speak of.
func (tx *Tx) withLines(rows []Outgoing) error {
	at := map[dossier.MessageID]int{}
	ids := make([]dossier.MessageID, len(rows))
	for i, o := range rows {
		at[o.ID], ids[i] = i, o.ID
	}
	if len(ids) == 0 {
		return nil
	}
	is, which := among(tx, ids)
	return tx.each(func(scan scanner) error {
		var id dossier.MessageID
		l, err := scanLine(scan, &id)
		o := &rows[at[id]]
		o.Lines = append(o.Lines, l)
		return err
	}, "SELECT "+lineColumns+" FROM outbox_line l WHERE "+is("l.outbox", 1)+" ORDER BY l.outbox, l.n", which)
}

func (tx *Tx) outgoing(rest string, args ...any) ([]Outgoing, error) {
	rows, err := all(tx, scanOutgoing, outboxQuery+" "+rest, args...)
	if err != nil {
		return nil, err
	}
	return rows, tx.withLines(rows)
}

// Propose puts a message into the outbox, as draft or queued (o.State; draft
// where ""), and returns its number. replaces is the draft or queued row that
// is cancelled first, 0 for none. ErrLive: another reminder to that customer
// (and site) is on its way.
func (tx *Tx) Propose(o Outgoing, replaces dossier.MessageID) (dossier.MessageID, error) {
	if replaces != 0 {
		if err := tx.Cancel(replaces, "proposed anew"); err != nil {
			return 0, err
		}
	}
	if o.State == "" {
		o.State = dossier.StateDraft
	}
	if o.Key != "" {
		var id dossier.MessageID
		err := tx.one([]any{&id}, "SELECT id FROM outbox WHERE company = $1 AND key = $2", o.Company, o.Key)
		if err == nil || !errors.Is(err, ErrNotFound) {
			return id, err
		}
	}
	tx.Touch(o.Customer)
	approved := time.Time{}
	if o.Approved {
		approved = tx.now
	}
	var id int64
	err := tx.one([]any{&id}, `INSERT INTO outbox (company, customer, kind, state, site, mailbox, plan, step, basis, approved_at, approved_by, added, template, legal, language, because,
  content, key, recipients, copies, amounts, ref, reference, mid, mids, subject, body, thread, created_at, not_before, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $29)
ON CONFLICT (customer, site) WHERE kind = 'reminder' AND state IN ('draft', 'queued', 'armed', 'unknown') DO NOTHING RETURNING id`,
		o.Company, o.Customer, o.Kind, o.State, o.Site, o.Mailbox, o.Plan, o.Step, o.Basis, approved, o.ApprovedBy, o.Added, o.Template, o.Legal, o.Language, o.Because,
		string(o.Content), o.Key, encode(o.To), encode(o.CC), encode(o.Amounts), o.Ref, o.Reference, o.MID, encode(o.MIDs), o.Subject, o.Text, o.Thread, tx.orNow(o.CreatedAt), o.NotBefore)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("customer %d: %w", o.Customer, ErrLive)
	}
	if err != nil {
		return 0, err
	}
	for n, l := range o.Lines {
		err := tx.post("INSERT INTO outbox_line (outbox, n, due, document, invoice, role, outstanding, currency) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			id, n, l.Due, l.Document, l.Invoice, l.Role, l.Outstanding.Minor, l.Outstanding.Currency)
		if err != nil {
			return 0, err
		}
	}
	for _, to := range slices.Concat(o.To, o.CC) {
		if err := tx.post("INSERT INTO sent_to (outbox, address) VALUES ($1, $2) ON CONFLICT (outbox, address) DO NOTHING", id, email.Canonical(to)); err != nil {
			return 0, err
		}
	}
	if o.Thread != "" && o.Customer != 0 {
		if err := tx.noteThread(o.Company, o.Thread, int64(o.Customer), id); err != nil {
			return 0, err
		}
	}
	return dossier.MessageID(id), nil
}

func (tx *Tx) noteThread(company receivable.CompanyID, guid string, customer, message int64) error {
	return tx.post("INSERT INTO thread (company, guid, customer, outbox) VALUES ($1, $2, $3, $4) ON CONFLICT (company, guid, customer) DO UPDATE SET outbox = CASE WHEN excluded.outbox = 0 THEN thread.outbox ELSE excluded.outbox END",
		company, guid, customer, message)
}

// touchMessage makes the customer of a message due.
func (tx *Tx) touchMessage(id dossier.MessageID) error {
	var customer dossier.CustomerID
	err := tx.one([]any{&customer}, "SELECT customer FROM outbox WHERE id = $1", id)
	if err != nil {
		return fmt.Errorf("message %d: %w", id, err)
	}
	tx.Touch(customer)
	return nil
}

// Cancel ends a draft or queued row. ErrConflict in any other state.
func (tx *Tx) Cancel(id dossier.MessageID, problem string) error {
	if err := tx.touchMessage(id); err != nil {
		return err
	}
	if err := tx.leave(id); err != nil {
		return err
	}
	return tx.must1(fmt.Errorf("message %d: %w", id, ErrConflict),
		"UPDATE outbox SET state = 'cancelled', problem = $2, ended_at = $3, changed_at = $3 WHERE id = $1 AND state IN ('draft', 'queued')", id, problem, tx.now)
}

// Approve makes a draft queued, with the sentence put on top, bound to the basis
// that it has with that sentence (bound; the same where nothing was added).
// ErrConflict: it is no draft of that basis any more.
func (tx *Tx) Approve(id dossier.MessageID, basis, bound, by, added string) error {
	if err := tx.touchMessage(id); err != nil {
		return err
	}
	if err := tx.leave(id); err != nil {
		return err
	}
	return tx.must1(fmt.Errorf("message %d: %w", id, ErrConflict),
		"UPDATE outbox SET state = 'queued', basis = $6, approved_at = $4, approved_by = $3, added = CASE WHEN $5 = '' THEN added ELSE $5 END, changed_at = $4 WHERE id = $1 AND basis = $2 AND state = 'draft'",
		id, basis, by, tx.now, added, bound)
}

// Message returns one row. ErrNotFound.
func (tx *Tx) Message(id dossier.MessageID) (Outgoing, error) {
	rows, err := tx.outgoing("WHERE o.id = $1", id)
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("message %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return Outgoing{}, err
	}
	return rows[0], nil
}

// Message is Tx.Message in a transaction of its own.
func (s *Store) Message(ctx context.Context, id dossier.MessageID) (Outgoing, error) {
	return view(ctx, s, func(tx *Tx) (Outgoing, error) { return tx.Message(id) })
}

// Bytes returns what was armed first, ErrNotFound where nothing was.
func (s *Store) Bytes(ctx context.Context, id dossier.MessageID) ([]byte, error) {
	return view(ctx, s, func(tx *Tx) ([]byte, error) {
		var b []byte
		err := tx.one([]any{&b}, "SELECT bytes FROM outbox_bytes WHERE outbox = $1", id)
		return b, err
	})
}

// Outbox lists rows by number.
func (s *Store) Outbox(ctx context.Context, f OutboxFilter) ([]Outgoing, error) {
	return view(ctx, s, func(tx *Tx) ([]Outgoing, error) {
		query, args := "WHERE ($1 = '' OR o.company = $1) AND (o.customer = $2 OR CAST($2 AS BIGINT) = 0) AND o.changed_at >= $3", []any{f.Company, f.Customer, f.Since}
		if len(f.States) > 0 {
			args = append(args, texts(f.States))
			query += " AND " + tx.in("o.state", len(args))
		}
		if len(f.Kinds) > 0 {
			args = append(args, texts(f.Kinds))
			query += " AND " + tx.in("o.kind", len(args))
		}
		query += " ORDER BY o.id"
		if f.Limit > 0 {
			args = append(args, f.Limit)
			query += fmt.Sprintf(" LIMIT $%d", len(args))
		}
		return tx.outgoing(query, args...)
	})
}

// OutboxCounts counts rows by state.
func (s *Store) OutboxCounts(ctx context.Context, company receivable.CompanyID) (map[dossier.State]int, error) {
	return view(ctx, s, func(tx *Tx) (map[dossier.State]int, error) {
		counts := map[dossier.State]int{}
		err := tx.each(func(scan scanner) error {
			var state dossier.State
			var n int
			err := scan(&state, &n)
			counts[state] = n
			return err
		}, "SELECT state, count(*) FROM outbox WHERE $1 = '' OR company = $1 GROUP BY state", company)
		return counts, err
	})
}

// NextToSend returns queued rows of the mailbox that may leave now, in the
// order of their moments.
func (s *Store) NextToSend(ctx context.Context, mailbox MailboxKey, limit int) ([]Outgoing, error) {
	return view(ctx, s, func(tx *Tx) ([]Outgoing, error) {
		return tx.outgoing("WHERE o.company = $1 AND o.mailbox = $2 AND o.state = 'queued' AND o.not_before <= $3 ORDER BY o.not_before, o.id LIMIT $4", mailbox.Company, mailbox.Name, tx.now, limit)
	})
}

// noticesDue reads only notices: through the index on them.
const noticesDue = "WHERE o.company = $1 AND o.mailbox = $2 AND o.state = 'queued' AND o.kind = 'notice' AND o.not_before <= $3 ORDER BY o.not_before, o.id"

// QueuedNotices returns notices to our own people that may leave by the mailbox now.
func (s *Store) QueuedNotices(ctx context.Context, mailbox MailboxKey) ([]Outgoing, error) {
	return view(ctx, s, func(tx *Tx) ([]Outgoing, error) {
		return tx.outgoing(noticesDue, mailbox.Company, mailbox.Name, tx.now)
	})
}

// NextMoment is when the next queued row of the mailbox may leave; zero: none.
func (s *Store) NextMoment(ctx context.Context, mailbox MailboxKey) (time.Time, error) {
	return view(ctx, s, func(tx *Tx) (time.Time, error) {
		var next, id int64
		err := tx.one([]any{&next, &id}, "SELECT not_before, id FROM outbox WHERE company = $1 AND mailbox = $2 AND state = 'queued' ORDER BY not_before, id LIMIT 1", mailbox.Company, mailbox.Name)
		if errors.Is(err, ErrNotFound) {
			return time.Time{}, nil
		}
		// A row without a moment may leave at once.
		return instantOf(max(next, 1)), err
	})
}
