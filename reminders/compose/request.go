// Package compose writes messages: a Markdown template and the facts of one
// customer become an email.Message, text and HTML saying the same. It is pure.
//
// Templates are configuration, values are not: a name or a number from the
// books can bring in no markup, link, header or template action.
package compose

import (
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/reminders"
)

// Request is all that a message is made of.
type Request struct {
	Dossier  dossier.Dossier
	Action   reminders.Action
	Company  Company
	Sender   Sender
	Bank     Bank   // the zero Bank: none is shown
	PayLink  string // address with {invoice.number}; "" for none
	Legal    Legal
	Thread   Thread
	Next     Next
	Received Received // of thanks and receipts

	Keys        email.Keys
	ID          email.ID  // of this message: its Message-ID and reference come from it
	Date        time.Time // in the company's zone; the day of the message
	Added       string    // a person's own words, put on top
	Attachments []email.Part
}

// Company is who writes.
type Company struct {
	Name     string
	Language string // where the customer has none of ours
	SIREN    string
	Lines    []string // of its address; possibly none
}

// Sender is the mailbox, and the person who signs where one does.
type Sender struct {
	Display   string // name of the mailbox; "" the company's
	Address   string
	ReplyTo   string // token address; "" for none
	Person    string // who signs; "" the company
	Phone     string
	Signature string // Markdown of the configuration; "" for name and phone
}

// Bank is where to pay.
type Bank struct {
	Holder  string // as the bank knows it
	IBAN    string
	BIC     string
	Mention string // of a factor: what to say besides; "" otherwise
	Changed bool   // not the same as in earlier messages; a person approved it
}

// Legal is what may be said of late payment. Which of it is said is the
// action's to decide. The zero Legal says nothing.
type Legal struct {
	Interest string      // "Pénalités de retard", in the message's language
	Rate     string      // percent a year, "12.4"; "" where no single figure can be told
	Basis    string      // where the rate comes from
	Fee      string      // "indemnité forfaitaire … de 40 € par facture (…)"; "" for none
	Lines    []LegalLine // with amounts: what each demanded line has brought
}

// LegalLine is the interest and the fee of one due line at the day of the message.
type LegalLine struct {
	Due      dossier.DueID
	Days     int
	Interest money.Amount
	Fee      money.Amount
}

// Thread ties a message to those of its case. The zero Thread starts one.
type Thread struct {
	InReplyTo  string   // the last message of the case: ours, or the customer's reply
	References []string // of the case, oldest first
	Subject    string   // base subject of the case
	CaseID     string   // for Thread-Index; "" for none
	Began      time.Time
	Number     int    // messages of the case before this one
	Reference  string // visible reference of the case; "" made from ID
}

// Next is the step after this one, where it is really planned.
type Next struct {
	Channel reminders.Channel
	Formal  bool // a formal notice
	On      calendar.Date
}

// Received is a payment that is confirmed.
type Received struct {
	Amount money.Amount
	On     calendar.Date
}

// AnswerDays is how long a message leaves for an answer, and DelayDays how long
// a formal notice leaves for payment, in calendar days.
const (
	AnswerDays = 8
	DelayDays  = 8
)
