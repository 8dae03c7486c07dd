// Package dossier holds all that is known of one customer: what is open, what
// was said, sent, promised, disputed, and who paused it. It is what decisions
// are made from. Where a customer stands is computed from it, never stored.
//
// Instants are UTC, dates are days in the company's zone.
package dossier

import (
	"time"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// CustomerID, DueID, DocumentID and MessageID are the growing keys of the store,
// shown to people and taken by commands.
type (
	CustomerID int64
	DueID      int64
	DocumentID int64
	MessageID  int64
	ReplyID    int64
)

// Dossier is all that is known of one customer at a moment.
type Dossier struct {
	Customer Customer
	Company  Company
	Lines    []Line    // due lines, open ones first by date; closed ones only where asked for or reminded before
	Credits  []Credit  // what lowers the customer's balance and no invoice yet
	Holds    []Hold    // ended ones too, where they ended in the last 400 days
	Promises []Promise // the same
	Disputes []Dispute // the same
	Messages []Message // what we prepared or sent, oldest first
	Replies  []Reply   // what came in, oldest first
	Taken    []Taken   // steps counted as done, per due line
	Tasks    []Task
	Bounced  []Bounced // addresses that cannot be written to

	Undelivered []Undelivered // messages that did not reach an address this time, oldest first
}

// Company is what Decide needs to know of the company besides its rules.
type Company struct {
	ID               receivable.CompanyID
	FirstConfirmedAt time.Time // when a person first accepted a connection; zero: never
	RemindAt         time.Time // the last time somebody asked for reminders now
}

// Customer is who is chased, with what the customers' file says laid over what
// the sources say.
type Customer struct {
	ID           CustomerID
	Code         string // as shown in JSON: config.md §4 says which field of the source it is
	Name         string
	Kind         receivable.Kind // KindUnknown where nobody says
	Emails       []string        // valid addresses to write to
	CC           []string
	BadEmails    []string // entries that are no address
	Contact      string   // the person to name
	Phone        string
	Language     string
	Country      string
	Postcode     string
	SIREN        string
	SIRET        string
	ServiceCode  string
	VAT          string
	OrderRef     string
	Portal       string
	Method       receivable.PaymentMethod
	Owner        string
	Plan         string // named in the customers' file; "" by rules
	Tags         []string
	Supplier     bool
	DoNotContact bool
	Accounts     []AccountRef
}

// AccountRef is one account of the customer in one connection.
type AccountRef struct {
	ID         int64
	Connection receivable.ConnectionID
	External   string
}

// Line is one due line of an invoice: the unit that is chased.
type Line struct {
	ID            DueID
	Document      DocumentID
	Connection    receivable.ConnectionID
	External      string // external id of the document
	Invoice       string // number
	IssuedOn      calendar.Date
	DueOn         calendar.Date // zero: nobody knows
	Rank, Of      int           // 1 of 3; 1 of 1 for most
	Total         money.Amount  // of the line
	Outstanding   money.Amount
	InvoiceTotal  money.Amount
	DueEstimated  bool // date computed from terms: no penalties, no formal notice
	Estimated     bool // outstanding inferred: never sent without a person
	Returned      bool
	Assigned      bool
	Method        receivable.PaymentMethod
	EStatus       receivable.EStatus
	Standing      receivable.Standing
	OrderRef      string
	Problem       string // the books contradict themselves on this invoice
	FirstSeenAt   time.Time
	ChangedAt     time.Time // when what is outstanding or the date last changed
	GoneAt        time.Time // deleted at the source
	Fetchable     bool
	ConfirmedAt   time.Time // when its connection was accepted by a person; zero: not yet
	Payments      []Settled // dated reductions, where the source tells: for interest
	LastPaymentOn calendar.Date
}

// Settled is a payment or credit note that lowered the line.
type Settled struct {
	On     calendar.Date
	Amount money.Amount
	Credit bool // a credit note, not money
}

// Credit is an unallocated payment, or a credit note with something left.
type Credit struct {
	ID     int64
	Label  string
	Note   bool // a credit note
	On     calendar.Date
	Amount money.Amount // positive
}

// Reason is why a line or a customer is not chased: the codes of config.md.
type Reason string

// The reason codes.
const (
	Paid           Reason = "paid"
	ProbablyPaid   Reason = "probably_paid"
	CreditCovers   Reason = "credit_covers"
	NotDue         Reason = "not_due"
	Gap            Reason = "gap"
	Window         Reason = "window"
	Cap            Reason = "cap"
	Disputed       Reason = "disputed"
	Promised       Reason = "promised"
	Arranged       Reason = "arranged"
	Replied        Reason = "replied"
	Conversation   Reason = "conversation"
	Absent         Reason = "absent"
	BouncedAddress Reason = "bounced"
	NoAddress      Reason = "no_address"
	DirectDebit    Reason = "direct_debit"
	Assigned       Reason = "assigned"
	Tiny           Reason = "tiny"
	Insolvent      Reason = "insolvent"
	Objection      Reason = "objection"
	Excluded       Reason = "excluded"
	Manual         Reason = "manual"
	StaleData      Reason = "stale_data"
	StalePayments  Reason = "stale_payments"
	StaleInbox     Reason = "stale_inbox"
	SuspectData    Reason = "suspect_data"
	FirstRun       Reason = "first_run"
	Backlog        Reason = "backlog"
	Legal          Reason = "legal"
	LargeBatch     Reason = "large_batch"
	Approval       Reason = "approval"
	Blocked        Reason = "blocked"
	OutcomeUnknown Reason = "outcome_unknown"
	PlanEnd        Reason = "plan_end"
	Off            Reason = "off"
	Gone           Reason = "gone"
	Inconsistent   Reason = "inconsistent"
)

// Hold stops reminders of a customer, or of one invoice where Document is set.
// Without an end it lasts until a person ends it.
type Hold struct {
	ID       int64
	Document DocumentID // 0: the whole customer
	Reason   Reason
	By       string        // who or what: an address, "inbox", "source", "history"
	Note     string        // the sentence shown: a person's reason, or the quoted mail
	From     time.Time     // when it began
	Until    calendar.Date // first day it no longer holds; zero: no date
	EndedAt  time.Time     // zero: not ended by anybody
	EndedBy  string
	Reply    ReplyID // the message that caused it, 0 for none
}

// Promise is an announced payment: "we pay on Friday", "the transfer has left".
type Promise struct {
	ID       int64
	Document DocumentID   // 0: all that is overdue
	Amount   money.Amount // zero Amount: all of it
	On       calendar.Date
	Until    calendar.Date // first day it no longer holds: On + holds.promise, or the check day of a claim
	Claimed  string        // "transfer" or "cheque" where the customer says it has left; "" for a promise
	By       string
	MadeAt   time.Time
	EndedAt  time.Time
}

// Dispute contests an invoice, or part of it.
type Dispute struct {
	ID       int64
	Document DocumentID
	Amount   money.Amount // zero Amount: all of it
	Reason   string
	Owner    string
	By       string
	Until    calendar.Date // zero: until resolved
	OpenedAt time.Time
	EndedAt  time.Time
}

// MessageKind names what an outbox row is, and with it the gate it passes.
type MessageKind string

// The kinds of message.
const (
	KindReminder MessageKind = "reminder"
	KindThanks   MessageKind = "thanks"
	KindReceipt  MessageKind = "receipt"
	KindCopy     MessageKind = "copy"
	KindNotice   MessageKind = "notice" // to our own people
)

// State is where an outbox row stands.
type State string

// The states; architecture.md draws the arrows.
const (
	StateDraft     State = "draft"
	StateQueued    State = "queued"
	StateArmed     State = "armed"
	StateSent      State = "sent"
	StateRefused   State = "refused"
	StateUnknown   State = "unknown"
	StateCancelled State = "cancelled"
	StateDropped   State = "dropped"
)

// Live tells whether a row in this state keeps others of its kind from being proposed.
func (s State) Live() bool {
	return s == StateDraft || s == StateQueued || s == StateArmed || s == StateUnknown
}

// Message is an outbox row as a fact: what was proposed, approved or sent.
type Message struct {
	ID         MessageID
	Kind       MessageKind
	State      State
	Plan       string
	Step       string
	Lines      []MessageLine
	To         []string
	Basis      string
	Approved   bool // a person approved this basis
	ApprovedBy string
	Added      string // the sentence a person put on top
	CreatedAt  time.Time
	ArmedAt    time.Time
	SentAt     time.Time // accepted by the server; zero: not
	EndedAt    time.Time // cancelled, declined, dropped, refused
	Subject    string
	MID        string // Message-ID, with its brackets
}

// MessageLine is a due line as the message speaks of it.
type MessageLine struct {
	Due         DueID
	Document    DocumentID
	Invoice     string
	Role        LineRole
	Outstanding money.Amount
}

// LineRole is why a line stands in a message.
type LineRole string

// The roles: asked for now, listed as overdue besides, coming due.
const (
	RoleDemanded LineRole = "demanded"
	RoleAnnex    LineRole = "annex"
	RoleUpcoming LineRole = "upcoming"
)

// Class is what an incoming message is.
type Class string

// The classes of inbox explain.
const (
	ClassHuman        Class = "human"
	ClassProbableAuto Class = "probable_auto"
	ClassAutoReply    Class = "auto_reply"
	ClassMachineAck   Class = "machine_ack"
	ClassBounce       Class = "bounce"
	ClassComplaint    Class = "complaint"
	ClassReceipt      Class = "receipt"
	ClassCalendar     Class = "calendar"
	ClassColleague    Class = "colleague"
	ClassCommand      Class = "command"
	ClassOwn          Class = "own"
	ClassIgnore       Class = "ignore"
	ClassUnreadable   Class = "unreadable"
)

// Reply is an incoming message matched to this customer.
type Reply struct {
	ID         ReplyID
	Mailbox    string
	ReceivedAt time.Time
	From       string
	Subject    string
	Class      Class
	Holds      bool
	Quote      string        // its new text, or the sentence that matters
	ReturnOn   calendar.Date // of an absence notice; zero: it tells none
	Absent     string        // the address that is away
	MID        string
	Message    MessageID // the reminder it answers, 0 where unattached
}

// Taken is a step counted as done for a due line: sent, declined, reported or
// expired after its wait, or told by the history file.
type Taken struct {
	Due  DueID
	Plan string
	Step string
	At   time.Time
	How  string // "sent", "declined", "done", "expired", "history", "dropped"
}

// Task is something a person must do.
type Task struct {
	ID       int64
	Kind     string // call, letter, handover, address, backlog, join, bounce, unknown, question…
	Title    string
	Document DocumentID
	Step     string // the plan step it stands for, "" for none
	Lines    []DueID
	DueOn    calendar.Date
	Owner    string
	OpenedAt time.Time
	DoneAt   time.Time
	Outcome  string
}

// Bounced is an address that failed for good.
type Bounced struct {
	Address string
	At      time.Time
	Status  string // 5.1.1
	Text    string // what the server said
}
