package store

import (
	"context"
	"fmt"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// MailboxKey names a mailbox of a company.
type MailboxKey struct {
	Company receivable.CompanyID
	Name    string
}

// Mailbox is what is known of a mailbox we read or send by.
type Mailbox struct {
	Key        MailboxKey
	Address    string
	ReadAt     time.Time // when its last complete reading began: nothing that lay there before is unread
	RangAt     time.Time // when the server last said that something came
	ErrorAt    time.Time // since when it fails; zero: it does not
	ErrorKind  string
	Error      string    // what failed and what to do
	BlockedAt  time.Time // sending by it is stopped until a person acts; zero: it is not
	Blocked    string
	FilesSent  Tristate  // whether the provider files what we send in Sent
	PaceUntil  time.Time // slowed down until then
	PaceFactor int       // by how much, 0 and 1: not
}

// Tristate is a fact that may not be known yet.
type Tristate string

// The three.
const (
	Unknown Tristate = ""
	Yes     Tristate = "yes"
	No      Tristate = "no"
)

// Folder is how far a folder was read.
type Folder struct {
	Name        string
	UIDValidity uint32
	Next        uint32    // the lowest UID not yet handled
	ReadAt      time.Time // when it was last read to its end
	RenewedAt   time.Time // when the server last renumbered it
	Renewals    int       // how often within the last 24 hours before RenewedAt

	Vanished      int       // messages that left the folder before they were read, since VanishedSince
	VanishedSince time.Time // zero: none ever did
	VanishedAt    time.Time // when the last ones did
}

// Place is where a message lies.
type Place struct {
	Mailbox     string
	Folder      string
	UIDValidity uint32
	UID         uint32
}

// Incoming is a message that was handled. Of unrelated mail only Identity and
// Place are kept: callers leave the rest empty.
type Incoming struct {
	ID         dossier.ReplyID // given by RecordMessage
	Company    receivable.CompanyID
	Identity   string // mail.md §3.5, hex
	Place      Place
	MID        string
	From       string // address
	FromName   string
	To         []string
	Subject    string
	Date       time.Time // what it says
	ReceivedAt time.Time // what the server says
	Class      dossier.Class
	Holds      bool
	Quote      string // new text, or the sentence that matters
	ReturnOn   calendar.Date
	Absent     string
	Evidence   []string
	Thread     string // conversation GUID in hex, "" none
	Labels     []byte // JSON, with the later reading of meaning
	Matches    []Match
	Problems   []string
}

// Match ties a message to a customer.
type Match struct {
	Customer dossier.CustomerID
	Message  dossier.MessageID // the reminder it answers, 0 unattached
	Level    string            // certain, strong, probable
	Evidence []string
}

// SentRef is one of our messages, as found by one of its ids.
type SentRef struct {
	Message  dossier.MessageID
	Customer dossier.CustomerID
	Kind     dossier.MessageKind
	State    dossier.State
	To       []string
	SentAt   time.Time
}

// Contact is a customer that an address or a domain belongs to.
type Contact struct {
	Customer dossier.CustomerID
	Address  string
	Open     bool // something of it is open, or was reminded
}

// Numbered is an invoice found by its number.
type Numbered struct {
	Document dossier.DocumentID
	Customer dossier.CustomerID
	Number   string
	Open     bool // open, or in one of our messages
}

// SentText is the text of one of our messages.
type SentText struct {
	Message dossier.MessageID
	SentAt  time.Time
	Text    string
}

const mailboxColumns = "company, name, address, read_at, rang_at, error_at, error_kind, error, blocked_at, blocked, files_sent, pace_until, pace_factor"

func scanMailbox(scan scanner) (Mailbox, error) {
	var m Mailbox
	err := scan(&m.Key.Company, &m.Key.Name, &m.Address, at(&m.ReadAt), at(&m.RangAt), at(&m.ErrorAt), &m.ErrorKind, &m.Error, at(&m.BlockedAt), &m.Blocked, &m.FilesSent, at(&m.PaceUntil), &m.PaceFactor)
	return m, err
}

// EnsureMailbox returns what is known of the mailbox, made where it is new.
func (tx *Tx) EnsureMailbox(key MailboxKey, address string) (Mailbox, error) {
	_, err := tx.exec("INSERT INTO mailbox (company, name, address) VALUES ($1, $2, $3) ON CONFLICT (company, name) DO UPDATE SET address = excluded.address", key.Company, key.Name, address)
	if err != nil {
		return Mailbox{}, err
	}
	return tx.Mailbox(key)
}

// Mailbox returns what is known of it, ErrNotFound where nothing is.
func (tx *Tx) Mailbox(key MailboxKey) (Mailbox, error) {
	list, err := all(tx, scanMailbox, "SELECT "+mailboxColumns+" FROM mailbox WHERE company = $1 AND name = $2", key.Company, key.Name)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("mailbox %s: %w", key.Name, ErrNotFound)
	}
	if err != nil {
		return Mailbox{}, err
	}
	return list[0], nil
}

const mailboxesQuery = "SELECT " + mailboxColumns + " FROM mailbox WHERE $1 = '' OR company = $1 ORDER BY company, name"

// Mailboxes returns those of the company, of all where it is "".
func (s *Store) Mailboxes(ctx context.Context, company receivable.CompanyID) ([]Mailbox, error) {
	return view(ctx, s, func(tx *Tx) ([]Mailbox, error) { return all(tx, scanMailbox, mailboxesQuery, company) })
}

func (tx *Tx) setMailbox(key MailboxKey, set string, args ...any) error {
	return tx.must1(fmt.Errorf("mailbox %s: %w", key.Name, ErrNotFound), "UPDATE mailbox SET "+set+" WHERE company = $1 AND name = $2", append([]any{key.Company, key.Name}, args...)...)
}

// ReadMailbox records a complete reading that began at began; it clears the
// mailbox's error and opens the company's gate.
func (tx *Tx) ReadMailbox(key MailboxKey, began time.Time) error {
	err := tx.setMailbox(key, "read_at = CASE WHEN read_at > $3 THEN read_at ELSE $3 END, error_at = 0, error_kind = '', error = ''", began)
	if err != nil {
		return err
	}
	return tx.OpenGate(key.Company)
}

// Rang records that the server said something came.
func (tx *Tx) Rang(key MailboxKey, at time.Time) error {
	return tx.setMailbox(key, "rang_at = CASE WHEN rang_at > $3 THEN rang_at ELSE $3 END", at)
}

// FailMailbox records why it cannot be read or sent by; the time of the first
// failure in a row is kept.
func (tx *Tx) FailMailbox(key MailboxKey, kind, text string) error {
	return tx.setMailbox(key, "error_at = CASE WHEN error_at = 0 THEN $3 ELSE error_at END, error_kind = $4, error = $5", tx.now, kind, text)
}

// BlockMailbox stops sending by it until UnblockMailbox.
func (tx *Tx) BlockMailbox(key MailboxKey, why string) error {
	return tx.setMailbox(key, "blocked_at = CASE WHEN blocked_at = 0 THEN $3 ELSE blocked_at END, blocked = $4", tx.now, why)
}

// UnblockMailbox lets it send again.
func (tx *Tx) UnblockMailbox(key MailboxKey) error {
	if err := tx.setMailbox(key, "blocked_at = 0, blocked = ''"); err != nil {
		return err
	}
	return tx.OpenGate(key.Company)
}

// FilesSent records whether the provider files what we send in Sent.
func (tx *Tx) FilesSent(key MailboxKey, files Tristate) error {
	return tx.setMailbox(key, "files_sent = $3", files)
}

// Pace records that the server asked for slower sending.
func (tx *Tx) Pace(key MailboxKey, until time.Time, factor int) error {
	return tx.setMailbox(key, "pace_until = $3, pace_factor = $4", until, factor)
}

// SentCount is how many messages left by the mailbox at or after since.
func (s *Store) SentCount(ctx context.Context, key MailboxKey, since time.Time) (int, error) {
	return view(ctx, s, func(tx *Tx) (int, error) {
		var n int
		err := tx.one([]any{&n}, "SELECT count(*) FROM outbox WHERE company = $1 AND mailbox = $2 AND sent_at >= $3 AND sent_at > 0", key.Company, key.Name, since)
		return n, err
	})
}

// Folders returns how far each folder was read.
func (s *Store) Folders(ctx context.Context, key MailboxKey) ([]Folder, error) {
	return view(ctx, s, func(tx *Tx) ([]Folder, error) {
		return all(tx, func(scan scanner) (Folder, error) {
			var f Folder
			err := scan(&f.Name, &f.UIDValidity, &f.Next, at(&f.ReadAt), at(&f.RenewedAt), &f.Renewals, &f.Vanished, at(&f.VanishedSince), at(&f.VanishedAt))
			return f, err
		}, "SELECT name, uid_validity, next_uid, read_at, renewed_at, renewals, vanished, vanished_since, vanished_at FROM folder WHERE company = $1 AND mailbox = $2 ORDER BY name", key.Company, key.Name)
	})
}

// SaveFolder stores how far a folder was read, in the transaction that handles
// what was read.
func (tx *Tx) SaveFolder(key MailboxKey, f Folder) error {
	_, err := tx.exec(`INSERT INTO folder (company, mailbox, name, uid_validity, next_uid, read_at, renewed_at, renewals, vanished, vanished_since, vanished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (company, mailbox, name) DO UPDATE SET uid_validity = excluded.uid_validity, next_uid = excluded.next_uid, read_at = excluded.read_at,
  renewed_at = excluded.renewed_at, renewals = excluded.renewals,
  vanished = excluded.vanished, vanished_since = excluded.vanished_since, vanished_at = excluded.vanished_at`,
		key.Company, key.Name, f.Name, f.UIDValidity, f.Next, f.ReadAt, f.RenewedAt, f.Renewals, f.Vanished, f.VanishedSince, f.VanishedAt)
	return err
}

// RecordMessage records that a message was handled. first is false where its
// identity was seen before: only its place is added, and the caller records
// nothing else.
func (tx *Tx) RecordMessage(in Incoming) (id dossier.ReplyID, first bool, err error) {
	n, err := tx.exec(`INSERT INTO message_in (company, identity, mailbox, mid, mid_key, sender, sender_name, recipients, subject, date_at, received_at, recorded_at, class, holds,
  quote, return_on, absent, evidence, thread, labels, problems)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT (company, identity) DO NOTHING`,
		in.Company, in.Identity, in.Place.Mailbox, in.MID, midKey(in.MID), in.From, in.FromName, encode(in.To), in.Subject, in.Date, in.ReceivedAt, tx.now, in.Class, in.Holds,
		in.Quote, in.ReturnOn, in.Absent, encode(in.Evidence), in.Thread, string(in.Labels), encode(in.Problems))
	if err != nil {
		return 0, false, err
	}
	if err := tx.one([]any{&id}, "SELECT id FROM message_in WHERE company = $1 AND identity = $2", in.Company, in.Identity); err != nil {
		return 0, false, err
	}
	if in.Place.Mailbox != "" {
		_, err = tx.exec("INSERT INTO place (message, mailbox, folder, uid_validity, uid) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (message, mailbox, folder, uid_validity, uid) DO NOTHING",
			id, in.Place.Mailbox, in.Place.Folder, in.Place.UIDValidity, in.Place.UID)
		if err != nil {
			return 0, false, err
		}
	}
	if n == 0 {
		return id, false, nil
	}
	for _, m := range in.Matches {
		tx.Touch(m.Customer)
		_, err := tx.exec("INSERT INTO message_match (message, customer, outbox, level, evidence) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (message, customer) DO NOTHING",
			id, m.Customer, m.Message, m.Level, encode(m.Evidence))
		if err != nil {
			return 0, false, err
		}
		if in.Thread != "" {
			if err := tx.noteThread(in.Company, in.Thread, int64(m.Customer), int64(m.Message)); err != nil {
				return 0, false, err
			}
		}
	}
	return id, true, nil
}

// Handled tells which identities were handled already.
func (s *Store) Handled(ctx context.Context, company receivable.CompanyID, identities []string) (map[string]bool, error) {
	return view(ctx, s, func(tx *Tx) (map[string]bool, error) {
		found := map[string]bool{}
		err := tx.each(func(scan scanner) error {
			var identity string
			err := scan(&identity)
			found[identity] = true
			return err
		}, "SELECT identity FROM message_in WHERE company = $1 AND "+tx.in("identity", 2), company, texts(identities))
		return found, err
	})
}

const incomingColumns = `m.id, m.company, m.identity, m.mailbox, m.mid, m.sender, m.sender_name, m.recipients, m.subject, m.date_at, m.received_at, m.class, m.holds,
  m.quote, m.return_on, m.absent, m.evidence, m.thread, m.labels, m.problems`

func incomingDest(in *Incoming, labels *string) []any {
	return []any{
		&in.ID, &in.Company, &in.Identity, &in.Place.Mailbox, &in.MID, &in.From, &in.FromName, doc(&in.To), &in.Subject, at(&in.Date), at(&in.ReceivedAt), &in.Class, &in.Holds,
		&in.Quote, on(&in.ReturnOn), &in.Absent, doc(&in.Evidence), &in.Thread, labels, doc(&in.Problems),
	}
}

// Reply returns an incoming message with its matches.
func (tx *Tx) Reply(id dossier.ReplyID) (Incoming, error) {
	var in Incoming
	var labels string
	if err := tx.one(incomingDest(&in, &labels), "SELECT "+incomingColumns+" FROM message_in m WHERE m.id = $1", id); err != nil {
		return in, fmt.Errorf("reply %d: %w", id, err)
	}
	in.Labels = []byte(labels)
	var err error
	in.Matches, err = all(tx, scanMatch, "SELECT customer, outbox, level, evidence FROM message_match WHERE message = $1 ORDER BY customer", id)
	return in, err
}

func scanMatch(scan scanner) (Match, error) {
	var m Match
	err := scan(&m.Customer, &m.Message, &m.Level, doc(&m.Evidence))
	return m, err
}
