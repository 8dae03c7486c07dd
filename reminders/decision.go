// Package reminders decides, for one customer at a moment, what to do and why.
// It is pure: Decide, Admit, Simulate and Explain read nothing but their
// arguments. Run, preview, why, web page and work list all call these.
package reminders

import (
	"slices"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Decision is what to do for one customer at a moment, and why.
type Decision struct {
	Customer dossier.CustomerID
	Company  receivable.CompanyID
	Actions  []Action     // possibly none
	Verdicts []Verdict    // one for each open due line, in the dossier's order
	Keep     []Action     // live messages that stand as they are: what would be proposed now, Reopens naming the row
	Withdraw []Withdrawal // live messages that must not leave any more
	NextAt   time.Time    // the next moment at which time alone changes something; zero: never
	Gated    bool         // Admit withheld actions; the row waits for its gate, not for NextAt
}

// Withdrawal is a draft or a queued message that nothing calls for any more.
type Withdrawal struct {
	Message dossier.MessageID
	Reason  dossier.Reason // why its lines are not chased now; "" where other lines or another step are
}

// Outcome sorts verdicts.
type Outcome string

// The outcomes, as in config.md §4.
const (
	Act  Outcome = "act"
	Wait Outcome = "wait"
	Held Outcome = "held"
	Done Outcome = "done"
)

// Verdict is what is decided for one due line.
type Verdict struct {
	Line    dossier.Line
	Outcome Outcome
	Reason  dossier.Reason // "" for Act
	Because string         // a sentence for people, in the company's language, made by Explain
	Plan    string         // the plan of the step
	Step    string         // the step meant: taken now, or next
	Channel Channel
	At      time.Time // when it may leave, or when the wait ends; zero: nobody knows
	Facts   []Fact
}

// Fact is something a verdict rests on: a name people know, and its value.
type Fact struct {
	Name  string
	Value string
}

// Channel is how a step reaches the customer.
type Channel string

// The channels. A letter is a task until letters are built.
const (
	Email  Channel = "email"
	Call   Channel = "call"
	Letter Channel = "letter"
	ToDo   Channel = "task"
)

// LegalShow is how much of penalties and fees a message speaks of.
type LegalShow string

// The degrees: nothing, the rule, the computed amounts.
const (
	LegalNone    LegalShow = "none"
	LegalMention LegalShow = "mention"
	LegalAmounts LegalShow = "amounts"
)

// Action is one thing to do for a customer: a message to propose, or a task to open.
type Action struct {
	Customer  dossier.CustomerID
	Company   receivable.CompanyID
	Channel   Channel
	Kind      dossier.MessageKind // of an e-mail
	Plan      string
	Step      string
	Template  string
	Task      string // of a task, its kind: call, letter, handover (any other step), backlog, address, bounce
	Legal     LegalShow
	Formal    bool      // a formal notice
	Lines     []LineUse // demanded first, then annex, then upcoming; each by due date
	To, CC    []string
	At        time.Time         // may leave from then on
	Approval  bool              // a person must approve it
	Because   dossier.Reason    // why a person must: approval, first_run, large_batch; "" for the mode alone
	WaitUntil calendar.Date     // of a task: counts as done from that day on
	Basis     string            // hash of recipients, plan, step, lines with what is outstanding, and added text
	Reopens   dossier.MessageID // the live draft this replaces, 0 for none
}

// LineUse is a due line with its role in an action.
type LineUse struct {
	Line     dossier.Line // Outstanding is what is asked for: less what is disputed
	Role     dossier.LineRole
	Disputed money.Amount // left out of Outstanding; zero: nothing
}

// Role is that of the lines an action is about: those it asks for; those coming
// due, where it asks for none.
func (a Action) Role() dossier.LineRole {
	if slices.ContainsFunc(a.Lines, func(use LineUse) bool { return use.Role == dossier.RoleDemanded }) {
		return dossier.RoleDemanded
	}
	return dossier.RoleUpcoming
}

// Sums adds up the lines the action is about, per currency, in order of
// appearance.
func (a Action) Sums() []money.Amount {
	var sums []money.Amount
	role := a.Role()
next:
	for _, use := range a.Lines {
		if use.Role != role {
			continue
		}
		for i := range sums {
			if sums[i].Currency == use.Line.Outstanding.Currency {
				sums[i] = sums[i].Add(use.Line.Outstanding)
				continue next
			}
		}
		sums = append(sums, use.Line.Outstanding)
	}
	return sums
}
