package store

import (
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// Command is a wish that a mail or a moved message expressed: recorded by the
// inbox, carried out once by desk/actions.
type Command struct {
	ID       int64
	Company  receivable.CompanyID
	Key      string // unique over the company: the same message gives the same key
	Kind     string // answer, folder…
	Mailbox  string
	From     string
	Content  []byte // JSON of whoever records and carries out
	At       time.Time
	DoneAt   time.Time
	Result   string
	Message  dossier.ReplyID // the incoming message, 0 for none
	Attempts int
}

// TaskFilter chooses tasks. The zero filter: all open ones.
type TaskFilter struct {
	Company  receivable.CompanyID // "" all
	Customer dossier.CustomerID   // 0 all
	Kind     string
	Done     bool // done ones too
}

// CustomerTask is a task with the customer it is about.
type CustomerTask struct {
	dossier.Task
	Company  receivable.CompanyID
	Customer dossier.CustomerID // 0: the company's own
	Code     string
	By       string // who did it
}
