package store

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

var errPending = errors.New("not available yet")
var _ money.Amount
var _ calendar.Date

func none[T any]() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) { var z T; yield(z, errPending) }
}

// Open opens sqlite:PATH or postgres://…, brings the schema up to date and
// checks what must hold. The error is a sentence for people; ErrNewer, ErrAsync
// and ErrDisk are recognisable.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) { return nil, errPending }

// Close ends all connections. Transactions that run are rolled back.
func (s *Store) Close() error { return nil }

// Ping makes one round trip: an error says why facts cannot be written.
func (s *Store) Ping(ctx context.Context) error { return errPending }

// SQL is SQLite's one writer, for the job engine; nil on PostgreSQL.
func (s *Store) SQL() *sql.DB { return s.writer }

// Pool is PostgreSQL's pool, for the job engine; nil on SQLite.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Now is the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// InTx runs do in one writing transaction and commits it durably. It may run do
// again where PostgreSQL asks for it: do has no effect but through tx.
func (s *Store) InTx(ctx context.Context, do func(*Tx) error) error { return errPending }

// View runs do on one consistent snapshot. Writing inside it is an error.
func (s *Store) View(ctx context.Context, do func(*Tx) error) error { return errPending }

// ---- connections

// EnsureConnection returns what is known of the connection, made where it is new.
func (tx *Tx) EnsureConnection(key ConnectionKey, typ string) (Connection, error) {
	return Connection{}, errPending
}

// Connection returns what is known of it, ErrNotFound where nothing is.
func (tx *Tx) Connection(key ConnectionKey) (Connection, error) { return Connection{}, errPending }

// Connection is Tx.Connection in a transaction of its own.
func (s *Store) Connection(ctx context.Context, key ConnectionKey) (Connection, error) {
	return Connection{}, errPending
}

// Connections returns those of the company, of all where it is "".
func (s *Store) Connections(ctx context.Context, company receivable.CompanyID) ([]Connection, error) {
	return nil, errPending
}

// BeginPass starts a pass: its counts begin at zero. resumed keeps them: the
// pass goes on where a crash stopped it.
func (tx *Tx) BeginPass(key ConnectionKey, resumed bool) error { return errPending }

// EndPass records how the pass ended. Accepted (no findings), it measures the
// books for the next comparison and opens the company's gate.
func (tx *Tx) EndPass(key ConnectionKey, end PassEnd) error { return errPending }

// FailPass records why the pass failed. What it wrote stays, not accepted.
func (tx *Tx) FailPass(key ConnectionKey, e PassError) error { return errPending }

// Measure counts the books of the connection as they are now.
func (tx *Tx) Measure(key ConnectionKey) (Stats, error) { return Stats{}, errPending }

// Confirm records that a person accepted the connection as it is: new or
// suspect. It opens the gate, and the company's if it was restored.
func (tx *Tx) Confirm(key ConnectionKey, by string) error { return errPending }

// UpToDate records that payments are entered up to that day. It opens the gate.
func (tx *Tx) UpToDate(key ConnectionKey, on calendar.Date, by string) error { return errPending }

// Problems returns the rows of the connection that could not be read, and the notes.
func (s *Store) Problems(ctx context.Context, key ConnectionKey) ([]Problem, error) {
	return nil, errPending
}

// ---- the mirror

// ApplyPage writes one page with its cursor in one transaction. Rows whose
// content is unchanged are not written; replaying a page changes nothing.
// ErrOlder: a snapshot older than the last accepted one of its part; nothing
// was written.
func (s *Store) ApplyPage(ctx context.Context, key ConnectionKey, page Page) (Applied, error) {
	return Applied{}, errPending
}

// ApplyPage is Store.ApplyPage inside the caller's transaction.
func (tx *Tx) ApplyPage(key ConnectionKey, page Page) (Applied, error) { return Applied{}, errPending }

// OpenInvoices returns external ids of the connection's open invoices, sorted,
// the first limit after the given one ("" for the start).
func (s *Store) OpenInvoices(ctx context.Context, key ConnectionKey, after string, limit int) ([]string, error) {
	return nil, errPending
}

// CheckBooks compares total = open + allocated for what the pass wrote, as far
// as extent (all, some, none) allows; a breach becomes a problem of the invoice,
// and goes when it is mended. It returns how many have one.
func (tx *Tx) CheckBooks(key ConnectionKey, extent string) (int, error) { return 0, errPending }

// ApplyOverlays lays the customers' file over the company's customers: the
// whole file at once, what it no longer names loses its overlay.
func (tx *Tx) ApplyOverlays(company receivable.CompanyID, file []Overlay) (OverlayResult, error) {
	return OverlayResult{}, errPending
}

// ---- dossiers

// Dossier is all that is known of one customer now. A joined account's customer
// gives the dossier of who pays for it.
func (tx *Tx) Dossier(id dossier.CustomerID) (dossier.Dossier, error) {
	return dossier.Dossier{}, errPending
}

// Dossier is Tx.Dossier in a transaction of its own.
func (s *Store) Dossier(ctx context.Context, id dossier.CustomerID) (dossier.Dossier, error) {
	return dossier.Dossier{}, errPending
}

// Dossiers returns those of many customers in few queries, in the order of ids,
// unknown ones left out.
func (s *Store) Dossiers(ctx context.Context, ids []dossier.CustomerID) ([]dossier.Dossier, error) {
	return nil, errPending
}

// DossierOf is Dossier with all lines of one document, settled ones too.
func (s *Store) DossierOf(ctx context.Context, id dossier.CustomerID, document dossier.DocumentID) (dossier.Dossier, error) {
	return dossier.Dossier{}, errPending
}

// DossierAt rebuilds the dossier as it was known at a past moment.
func (s *Store) DossierAt(ctx context.Context, id dossier.CustomerID, at time.Time) (dossier.Dossier, error) {
	return dossier.Dossier{}, errPending
}

// CustomerIDs yields all customers of the company that are chased on their own
// account, by id.
func (s *Store) CustomerIDs(ctx context.Context, company receivable.CompanyID) ([]dossier.CustomerID, error) {
	return nil, errPending
}

// OpenCustomerIDs is CustomerIDs, those with an open due line.
func (s *Store) OpenCustomerIDs(ctx context.Context, company receivable.CompanyID) ([]dossier.CustomerID, error) {
	return nil, errPending
}

// ---- agenda

// Touch makes the customers due now: version + 1, next_at = now, not gated. It
// takes effect once, when the transaction ends, in the order of ids.
func (tx *Tx) Touch(ids ...dossier.CustomerID) {}

// DueAgenda returns rows whose moment has come and that no gate withholds,
// oldest first.
func (s *Store) DueAgenda(ctx context.Context, company receivable.CompanyID, now time.Time, limit int) ([]AgendaRow, error) {
	return nil, errPending
}

// Agenda returns the customer's row.
func (tx *Tx) Agenda(id dossier.CustomerID) (AgendaRow, error) { return AgendaRow{}, errPending }

// Decided stores what deciding found, for those rows whose Version is still
// what was read, and returns the customers for which it was.
func (s *Store) Decided(ctx context.Context, rows []AgendaRow) ([]dossier.CustomerID, error) {
	return nil, errPending
}

// NextAgenda is when the next row comes due; zero: none by time alone.
func (s *Store) NextAgenda(ctx context.Context, company receivable.CompanyID) (time.Time, error) {
	return time.Time{}, errPending
}

// RulesChanged makes rows decided under other rules due, in chunks, and returns
// how many. A version of the rules already seen costs one lookup.
func (s *Store) RulesChanged(ctx context.Context, company receivable.CompanyID, rules string) (int, error) {
	return 0, errPending
}

// OpenGate makes the company's gated rows due, in the transaction that opens a
// gate. EndPass, Confirm, UpToDate and ReadMailbox call it by themselves.
func (tx *Tx) OpenGate(company receivable.CompanyID) error { return errPending }

// ---- facts by people and by the program: never changed, only ended

// AddHold, AddPromise, AddDispute and AddTask record a fact and return its
// number; times left zero become now.
func (tx *Tx) AddHold(customer dossier.CustomerID, h dossier.Hold) (int64, error) {
	return 0, errPending
}

// EndHold ends it. ErrEnded where somebody already did.
func (tx *Tx) EndHold(id int64, by string) error { return errPending }

// EndHolds ends the customer's holds that last; reasons none: whatever the
// reason; document 0: those of the whole customer and of its invoices. It
// returns how many.
func (tx *Tx) EndHolds(customer dossier.CustomerID, document dossier.DocumentID, by string, reasons ...dossier.Reason) (int, error) {
	return 0, errPending
}

// AddPromise records an announced payment.
func (tx *Tx) AddPromise(customer dossier.CustomerID, p dossier.Promise) (int64, error) {
	return 0, errPending
}

// EndPromise ends it: kept, broken, withdrawn.
func (tx *Tx) EndPromise(id int64, by string) error { return errPending }

// AddDispute records that an invoice is contested.
func (tx *Tx) AddDispute(customer dossier.CustomerID, d dossier.Dispute) (int64, error) {
	return 0, errPending
}

// EndDispute ends it.
func (tx *Tx) EndDispute(id int64, by string) error { return errPending }

// AddTask opens a task. customer 0: the company's own. key makes it unique while
// it is open ("" does not): the open one's number is returned.
func (tx *Tx) AddTask(company receivable.CompanyID, customer dossier.CustomerID, t dossier.Task, key string) (int64, error) {
	return 0, errPending
}

// DoneTask closes it.
func (tx *Tx) DoneTask(id int64, by, outcome string) error { return errPending }

// Task returns one.
func (tx *Tx) Task(id int64) (CustomerTask, error) { return CustomerTask{}, errPending }

// Tasks lists them by due date.
func (s *Store) Tasks(ctx context.Context, f TaskFilter) ([]CustomerTask, error) {
	return nil, errPending
}

// TakeSteps counts steps as done; one already counted stays as it is.
func (tx *Tx) TakeSteps(steps ...dossier.Taken) error { return errPending }

// AddCommand records a wish; the same Key gives the number of the first.
func (tx *Tx) AddCommand(c Command) (int64, error) { return 0, errPending }

// PendingCommands returns those not carried out, oldest first.
func (s *Store) PendingCommands(ctx context.Context, company receivable.CompanyID) ([]Command, error) {
	return nil, errPending
}

// CommandDone records that it was carried out, in the transaction that does it;
// ErrEnded where it already was.
func (tx *Tx) CommandDone(id int64, result string) error { return errPending }

// AddBounced records an address that failed for good.
func (tx *Tx) AddBounced(customer dossier.CustomerID, b dossier.Bounced) error { return errPending }

// ClearBounced forgets that the address failed, of all customers where 0.
func (tx *Tx) ClearBounced(customer dossier.CustomerID, address string) error { return errPending }

// LearnContact records that the address writes for the customer.
func (tx *Tx) LearnContact(customer dossier.CustomerID, address, by string) error { return errPending }

// ---- outbox

// Propose puts a message into the outbox as draft or queued and returns its
// number. Reopens (o.ID) set: that draft or queued row is cancelled first.
// ErrLive: another reminder to that customer (and site) is on its way.
func (tx *Tx) Propose(o Outgoing, replaces dossier.MessageID) (dossier.MessageID, error) {
	return 0, errPending
}

// Cancel ends a draft or queued row. ErrConflict in any other state.
func (tx *Tx) Cancel(id dossier.MessageID, problem string) error { return errPending }

// Approve makes a draft queued, bound to its basis, with the sentence put on
// top. ErrConflict: it is no draft of that basis any more.
func (tx *Tx) Approve(id dossier.MessageID, basis, by, added string) error { return errPending }

// Message returns one row. ErrNotFound.
func (tx *Tx) Message(id dossier.MessageID) (Outgoing, error) { return Outgoing{}, errPending }

// Message is Tx.Message in a transaction of its own.
func (s *Store) Message(ctx context.Context, id dossier.MessageID) (Outgoing, error) {
	return Outgoing{}, errPending
}

// Bytes returns what was armed first, ErrNotFound where nothing was.
func (s *Store) Bytes(ctx context.Context, id dossier.MessageID) ([]byte, error) {
	return nil, errPending
}

// Outbox lists rows by number.
func (s *Store) Outbox(ctx context.Context, f OutboxFilter) ([]Outgoing, error) {
	return nil, errPending
}

// OutboxCounts counts rows by state.
func (s *Store) OutboxCounts(ctx context.Context, company receivable.CompanyID) (map[dossier.State]int, error) {
	return nil, errPending
}

// NextToSend returns queued rows of the mailbox that may leave now, in the
// order of their moments.
func (s *Store) NextToSend(ctx context.Context, mailbox MailboxKey, limit int) ([]Outgoing, error) {
	return nil, errPending
}

// NextMoment is when the next queued row of the mailbox may leave; zero: none.
func (s *Store) NextMoment(ctx context.Context, mailbox MailboxKey) (time.Time, error) {
	return time.Time{}, errPending
}

// Arm is the last look before the content leaves: one transaction locks the
// lease row, then the customer's agenda row, reads the facts only then and asks
// look (pure; it may run twice). Where it says OK, the row becomes armed under
// the fence, its bytes are stored if this is its first time, and the commit is
// durable. Otherwise the row is cancelled or put off, as the verdict says, and
// the verdict is returned with armed false. ErrFence: the lease was lost.
// ErrConflict: the row is not queued.
func (s *Store) Arm(ctx context.Context, id dossier.MessageID, fence Fence, r Rendered, look func(*Tx, Outgoing, dossier.Dossier) (Verdict, error)) (armed bool, v Verdict, err error) {
	return false, Verdict{}, errPending
}

// Record stores how an attempt ended. It needs no fence: sent always wins, over
// unknown too. A reminder that was sent counts its step as taken. ErrConflict
// where the row is in no state that the result can follow.
func (s *Store) Record(ctx context.Context, id dossier.MessageID, r Result) error { return errPending }

// Record is Store.Record inside the caller's transaction.
func (tx *Tx) Record(id dossier.MessageID, r Result) error { return errPending }

// PutOff keeps a queued row waiting until then: nothing was tried, or nothing
// was delivered before arming.
func (tx *Tx) PutOff(id dossier.MessageID, until time.Time, problem string) error { return errPending }

// Resolve settles an unknown row: sent, queued (not sent; not before 15 minutes
// after arming) or dropped (its step counts as taken). ErrConflict where it is
// not unknown.
func (tx *Tx) Resolve(id dossier.MessageID, to dossier.State, by string) error { return errPending }

// Takeover makes rows of the mailbox armed under an older fence unknown, and
// returns them. Whoever begins to hold the mailbox's lease calls it first.
func (s *Store) Takeover(ctx context.Context, mailbox MailboxKey, fence Fence) ([]dossier.MessageID, error) {
	return nil, errPending
}

// Alias records another Message-ID under which our message is known.
func (tx *Tx) Alias(id dossier.MessageID, mid string) error { return errPending }

// ---- inbox

// EnsureMailbox returns what is known of the mailbox, made where it is new.
func (tx *Tx) EnsureMailbox(key MailboxKey, address string) (Mailbox, error) {
	return Mailbox{}, errPending
}

// Mailboxes returns those of the company, of all where it is "".
func (s *Store) Mailboxes(ctx context.Context, company receivable.CompanyID) ([]Mailbox, error) {
	return nil, errPending
}

// ReadMailbox records a complete reading that began at began; it clears the
// mailbox's error and opens the company's gate.
func (tx *Tx) ReadMailbox(key MailboxKey, began time.Time) error { return errPending }

// Rang records that the server said something came.
func (tx *Tx) Rang(key MailboxKey, at time.Time) error { return errPending }

// FailMailbox records why it cannot be read or sent by; the time of the first
// failure in a row is kept.
func (tx *Tx) FailMailbox(key MailboxKey, kind, text string) error { return errPending }

// BlockMailbox stops sending by it until UnblockMailbox.
func (tx *Tx) BlockMailbox(key MailboxKey, why string) error { return errPending }

// UnblockMailbox lets it send again.
func (tx *Tx) UnblockMailbox(key MailboxKey) error { return errPending }

// FilesSent records whether the provider files what we send in Sent.
func (tx *Tx) FilesSent(key MailboxKey, files Tristate) error { return errPending }

// Pace records that the server asked for slower sending.
func (tx *Tx) Pace(key MailboxKey, until time.Time, factor int) error { return errPending }

// SentCount is how many messages left by the mailbox at or after since.
func (s *Store) SentCount(ctx context.Context, key MailboxKey, since time.Time) (int, error) {
	return 0, errPending
}

// Folders returns how far each folder was read.
func (s *Store) Folders(ctx context.Context, key MailboxKey) ([]Folder, error) {
	return nil, errPending
}

// SaveFolder stores how far a folder was read, in the transaction that handles
// what was read.
func (tx *Tx) SaveFolder(key MailboxKey, f Folder) error { return errPending }

// RecordMessage records that a message was handled. first is false where its
// identity was seen before: only its place is added, and the caller records
// nothing else.
func (tx *Tx) RecordMessage(in Incoming) (id dossier.ReplyID, first bool, err error) {
	return 0, false, errPending
}

// Handled tells which identities were handled already.
func (s *Store) Handled(ctx context.Context, company receivable.CompanyID, identities []string) (map[string]bool, error) {
	return nil, errPending
}

// Reply returns an incoming message with its matches.
func (tx *Tx) Reply(id dossier.ReplyID) (Incoming, error) { return Incoming{}, errPending }

// ---- lookups for matching; keys that nobody has are absent from the result

// SentByMID finds our messages by Message-ID or alias, brackets and case ignored.
func (s *Store) SentByMID(ctx context.Context, company receivable.CompanyID, mids []string) (map[string]SentRef, error) {
	return nil, errPending
}

// SentByRef finds them by email.ID.
func (s *Store) SentByRef(ctx context.Context, company receivable.CompanyID, refs []string) (map[string]SentRef, error) {
	return nil, errPending
}

// SentByReference finds them by the visible reference; one may belong to several.
func (s *Store) SentByReference(ctx context.Context, company receivable.CompanyID, references []string) (map[string][]SentRef, error) {
	return nil, errPending
}

// MatchesByMID finds what stored incoming messages were matched to, by their
// Message-ID.
func (s *Store) MatchesByMID(ctx context.Context, company receivable.CompanyID, mids []string) (map[string][]Match, error) {
	return nil, errPending
}

// ByThread finds customers by conversation GUID (hex): one we sent, or one seen
// in a matched message.
func (s *Store) ByThread(ctx context.Context, company receivable.CompanyID, guids []string) (map[string][]Match, error) {
	return nil, errPending
}

// ByAddress finds customers by e-mail address, in the form email.Canonical gives.
func (s *Store) ByAddress(ctx context.Context, company receivable.CompanyID, addresses []string) (map[string][]Contact, error) {
	return nil, errPending
}

// ByDomain finds customers by domain (ASCII, lower case).
func (s *Store) ByDomain(ctx context.Context, company receivable.CompanyID, domains []string) (map[string][]Contact, error) {
	return nil, errPending
}

// ByNumber finds invoices by number; case, spaces and punctuation are ignored.
func (s *Store) ByNumber(ctx context.Context, company receivable.CompanyID, numbers []string) (map[string][]Numbered, error) {
	return nil, errPending
}

// RecentTexts returns what we wrote to the customer, newest first.
func (s *Store) RecentTexts(ctx context.Context, customer dossier.CustomerID, limit int) ([]SentText, error) {
	return nil, errPending
}

// SentTo returns reminders that went to the address at or after since.
func (s *Store) SentTo(ctx context.Context, company receivable.CompanyID, address string, since time.Time) ([]SentRef, error) {
	return nil, errPending
}

// ---- companies

// Company returns its facts; none recorded gives the zero ones with its ID.
func (tx *Tx) Company(id receivable.CompanyID) (CompanyFacts, error) {
	return CompanyFacts{}, errPending
}

// Company is Tx.Company in a transaction of its own.
func (s *Store) Company(ctx context.Context, id receivable.CompanyID) (CompanyFacts, error) {
	return CompanyFacts{}, errPending
}

// Remind records a tick that somebody asked for, and makes the company's
// customers with something open due.
func (tx *Tx) Remind(id receivable.CompanyID) error { return errPending }

// CountBatch adds n reminders released on that day, and returns the day's sum.
func (tx *Tx) CountBatch(id receivable.CompanyID, on calendar.Date, n int) (int, error) {
	return 0, errPending
}

// LargestBatch is the largest day at or after since, and before the given day.
func (tx *Tx) LargestBatch(id receivable.CompanyID, since, before calendar.Date) (int, error) {
	return 0, errPending
}

// AddWorkList records a list, before it leaves.
func (tx *Tx) AddWorkList(l WorkList) (int64, error) { return 0, errPending }

// WorkListByToken finds a list. ErrNotFound.
func (tx *Tx) WorkListByToken(token string) (WorkList, error) { return WorkList{}, errPending }

// LastWorkList is the newest list to the address. ErrNotFound.
func (tx *Tx) LastWorkList(company receivable.CompanyID, to string) (WorkList, error) {
	return WorkList{}, errPending
}

// UseWorkList records that an answer was carried out. ErrEnded where one was.
func (tx *Tx) UseWorkList(id int64, by string) error { return errPending }

// ActItem records what was done with a number.
func (tx *Tx) ActItem(list int64, number int, acted string) error { return errPending }

// Once tells whether the key is seen for the first time, and records it: what
// must happen once in the life of a database.
func (tx *Tx) Once(key string) (bool, error) { return false, errPending }

// Meta returns a small fact of the program's own, "" where there is none.
func (tx *Tx) Meta(key string) (string, error) { return "", errPending }

// SetMeta stores one.
func (tx *Tx) SetMeta(key, value string) error { return errPending }

// ---- timeline

// AddEvent appends to the timeline.
func (tx *Tx) AddEvent(e Event) error { return errPending }

// Timeline returns a customer's events, oldest first; the company's own where
// customer is 0. limit 0: all; otherwise the newest ones.
func (s *Store) Timeline(ctx context.Context, company receivable.CompanyID, customer dossier.CustomerID, limit int) ([]EventRow, error) {
	return nil, errPending
}

// Seal chains events not yet sealed, per customer, and returns how many.
func (s *Store) Seal(ctx context.Context) (int, error) { return 0, errPending }

// Chain returns a customer's sealed events in order.
func (s *Store) Chain(ctx context.Context, company receivable.CompanyID, customer dossier.CustomerID) ([]SealedEvent, error) {
	return nil, errPending
}

// VerifyChain recomputes a chain; it needs no database.
func VerifyChain(chain []SealedEvent) Seal { return Seal{} }

// Erase drops content and salt of a customer's events, and the text of its
// messages; what must be kept stays, and the chain still verifies. Seal comes
// first, by itself.
func (s *Store) Erase(ctx context.Context, customer dossier.CustomerID, by string) error {
	return errPending
}

// ---- lists and names

// Invoices yields documents by company, connection and number.
func (s *Store) Invoices(ctx context.Context, f InvoiceFilter) iter.Seq2[InvoiceRow, error] {
	return none[InvoiceRow]()
}

// Customers yields accounts, one row per currency, by name; today decides what
// is overdue.
func (s *Store) Customers(ctx context.Context, company receivable.CompanyID, today calendar.Date) iter.Seq2[CustomerRow, error] {
	return none[CustomerRow]()
}

// Aged returns open lines by age at the end of that day, per customer and
// currency, the largest overdue first. at zero: as known now; else as known then.
func (s *Store) Aged(ctx context.Context, company receivable.CompanyID, today calendar.Date, at time.Time) ([]AgedRow, error) {
	return nil, errPending
}

// Replies lists matched incoming messages, newest first. since zero: all.
func (s *Store) Replies(ctx context.Context, company receivable.CompanyID, since time.Time) ([]ReplyRow, error) {
	return nil, errPending
}

// FindCustomer finds one by CONNECTION/CODE, code, name or address. company ""
// looks in all. ErrNotFound, *AmbiguousError.
func (s *Store) FindCustomer(ctx context.Context, company receivable.CompanyID, name string) (dossier.CustomerID, error) {
	return 0, errPending
}

// FindInvoice finds a document by CONNECTION/NUMBER, number or external id.
// ErrNotFound, *AmbiguousError.
func (s *Store) FindInvoice(ctx context.Context, company receivable.CompanyID, name string) (dossier.DocumentID, dossier.CustomerID, error) {
	return 0, 0, errPending
}

// Document returns the mirrored document with its connection.
func (s *Store) Document(ctx context.Context, id dossier.DocumentID) (InvoiceRow, error) {
	return InvoiceRow{}, errPending
}

// CompanyOf tells whose customer it is.
func (tx *Tx) CompanyOf(id dossier.CustomerID) (receivable.CompanyID, error) { return "", errPending }

// ---- leases and copies

// ClaimLease takes a lease that is free or over; its fence grows each time the
// holder changes. ok is false where another owner holds it until until.
func (s *Store) ClaimLease(ctx context.Context, name, owner string, ttl time.Duration) (f Fence, until time.Time, ok bool, err error) {
	return Fence{}, time.Time{}, false, errPending
}

// RenewLease makes it last ttl from now. ErrFence where it was lost.
func (s *Store) RenewLease(ctx context.Context, f Fence, ttl time.Duration) error { return errPending }

// ReleaseLease gives it up, if it is still held.
func (s *Store) ReleaseLease(ctx context.Context, f Fence) error { return errPending }

// LeaseHolder tells who holds it; "" nobody.
func (s *Store) LeaseHolder(ctx context.Context, name string) (owner string, until time.Time, err error) {
	return "", time.Time{}, errPending
}

// Backup writes a consistent copy while running, 0600, marked so that in the
// copy every connection is unconfirmed until a person confirms. The file must
// not exist. ErrNoBackup on PostgreSQL.
func (s *Store) Backup(ctx context.Context, file string) error { return errPending }
