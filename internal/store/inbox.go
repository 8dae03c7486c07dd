package store

import (
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
