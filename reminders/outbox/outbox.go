// Package outbox turns decisions into messages that leave exactly once:
// proposed, approved, armed, sent. Whatever it does not know for sure it asks.
//
// Two sweeps do the work, each idempotent and run by whoever holds the lease:
// Sweep decides for a company (lease company/<id>), Sender hands over what may
// leave by one mailbox (lease mailbox/<name>). People's wishes come in by
// Approve, Decline and Resolve.
package outbox

import (
	"context"
	"log/slog"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/legal"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
	"relanced/reminders/compose"
)

// Refresher brings the books up to date; package sync fulfils it.
type Refresher interface {
	// Refresh makes one incremental pass over each connection, now.
	Refresh(ctx context.Context, company receivable.CompanyID, connections []receivable.ConnectionID) error
	// Reread reads the invoices again by id, now; where the source cannot, a
	// pass over the connection is the proof.
	Reread(ctx context.Context, company receivable.CompanyID, invoices map[receivable.ConnectionID][]string) error
}

// Documents fetches invoice copies; package sync fulfils it.
type Documents interface {
	// Copy returns the copy of an invoice, at most limit bytes. ok is false where
	// there is none to be had.
	Copy(ctx context.Context, company receivable.CompanyID, line dossier.Line, limit int64) (part email.Part, ok bool, err error)
}

// Mailbox is what sending needs of the inbox.
type Mailbox interface {
	// ReadToEnd reads every mailbox of the company to its end, now, waking and
	// awaiting those that others hold.
	ReadToEnd(ctx context.Context, company receivable.CompanyID) error
	// FileCopy puts a copy of a sent message into Sent, where the provider does not.
	FileCopy(ctx context.Context, mailbox store.MailboxKey, ref string, message []byte) error
	// FindSent tells whether the message lies in Sent of a provider that files by itself.
	FindSent(ctx context.Context, mailbox store.MailboxKey, messageID, ref string) (bool, error)
}

// Connection is a source whose freshness lets reminders leave.
type Connection struct {
	Name   receivable.ConnectionID
	MaxAge time.Duration // of the books, counted from their AsOf; 0: any
	File   bool          // the source is files: no live re-read; shown with its age
}

// Company is a company as the outbox sees it: its configuration compiled.
type Company struct {
	ID          receivable.CompanyID
	Rules       reminders.Rules
	Connections []Connection
	Mailbox     store.MailboxKey   // reminders leave by it
	Mailboxes   []store.MailboxKey // all that must have been read
	Compose     compose.Company    // who writes
	Sender      compose.Sender
	Accounts    []Account // where to pay; the first whose If holds
	PayLink     string    // address with {invoice.number}; "" for none
	Legal       Legal
	Keys        email.Keys
}

// Account is a bank account of the company.
type Account struct {
	If   func(dossier.Customer) bool // nil: always
	Bank compose.Bank
}

// Legal is the law that messages speak of.
type Legal struct {
	Country  string // of the creditor
	Preset   legal.Preset
	Auto     bool // Preset by country and kind of customer
	Contract legal.ContractRate
}

// Box is the outbox of one company.
type Box struct {
	Store     *store.Store
	Company   Company
	Documents Documents // nil: no copies
	Logger    *slog.Logger
}

// zone is the company's.
func (b *Box) zone() *time.Location { return b.Company.Rules.Company.Zone }

// today is the day it is in the company's zone.
func (b *Box) today(now time.Time) calendar.Date { return calendar.DateOf(now.In(b.zone())) }
