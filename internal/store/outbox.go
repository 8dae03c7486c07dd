package store

import (
	"time"

	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Outgoing is a row of the outbox.
type Outgoing struct {
	dossier.Message

	Company   receivable.CompanyID
	Customer  dossier.CustomerID // 0: a notice to our own people
	Code      string             // of the customer; filled on reading
	Name      string             // the same
	Mailbox   string             // the one it leaves by
	Site      int64              // 0 unless reminders are grouped by site
	CC        []string
	Ref       string         // email.ID, 26 characters, unique: the Message-ID, the envelope id and the token carry it
	Reference string         // the visible R-XXXX-XXXX
	Template  string         //
	Legal     string         // none, mention, amounts
	Language  string         //
	Amounts   []money.Amount // what it demands, per currency
	Because   dossier.Reason // why a person must approve
	Content   []byte         // JSON of whoever renders it: what is needed besides the facts
	Key       string         // unique where not "": proposing a notice twice gives the first
	Due       []dossier.DueID

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
}

// Rendered is a message ready to leave, stored by the first arming.
type Rendered struct {
	Bytes   []byte
	MID     string // with its brackets
	Subject string
	Text    string
	Thread  string
	To, CC  []string // the envelope
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
	NotBefore time.Time     // of queued
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
