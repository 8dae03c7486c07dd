package outbox

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-smtp"

	"relanced/internal/email"
)

// Outcome is what is known of a message when its transaction ended.
type Outcome string

// The outcomes. Unknown is neither delivered nor not: only proof settles it.
const (
	NotDelivered Outcome = "not_delivered" // provably; may be tried again where Temporary
	Refused      Outcome = "refused"       // by the server, after it read the message
	Sent         Outcome = "sent"
	Unknown      Outcome = "unknown"
)

// Stage is where in the protocol a transaction ended.
type Stage string

// The stages, in order. After Dot the server had the whole message.
const (
	StageConnect Stage = "connect"
	StageTLS     Stage = "tls"
	StageHello   Stage = "hello" // greeting and EHLO
	StageAuth    Stage = "auth"
	StageMail    Stage = "mail"
	StageRcpt    Stage = "rcpt"
	StageArm     Stage = "arm"
	StageData    Stage = "data"
	StageContent Stage = "content"
	StageDot     Stage = "dot"
)

// Scope is what a failure speaks of.
type Scope string

// The scopes.
const (
	ScopeAccount Scope = "account" // the mailbox, its server or the way there: no message would leave
	ScopeAddress Scope = "address" // the recipients
	ScopeMessage Scope = "message" // this message: its size or content
)

// Result is how sending one message ended, or how connecting failed.
type Result struct {
	Outcome   Outcome
	Stage     Stage
	Scope     Scope // of a failure
	Temporary bool  // of NotDelivered: the same may succeed later
	Code      int   // SMTP reply, 0 where there was none
	Enhanced  string
	Text      string // what the server said; of a message sent, the text of its 250
	Do        string // what a person should do, where more is known than that it failed
	Alias     string // Message-ID that the provider gave in place of ours
	Refused   []RefusedAddress
	Armed     bool // arm had succeeded
	Err       error
}

// RefusedAddress is a recipient the server did not take.
type RefusedAddress struct {
	Address   string
	Code      int
	Enhanced  string
	Text      string
	Temporary bool
}

// failure reads an error at a stage as a result that nothing was delivered.
func failure(stage Stage, err error) Result {
	r := Result{Outcome: NotDelivered, Stage: stage, Scope: ScopeAccount, Temporary: true, Err: fmt.Errorf("%s: %w", stage, err)}
	var reply *smtp.SMTPError
	if errors.As(err, &reply) {
		r.Code, r.Enhanced, r.Text = reply.Code, enhanced(reply), email.CleanText(reply.Message, 1000)
		r.Temporary = reply.Code/100 != 5
	}
	return r
}

func enhanced(reply *smtp.SMTPError) string {
	if reply.EnhancedCode == (smtp.EnhancedCode{}) || reply.EnhancedCode == smtp.NoEnhancedCode {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", reply.EnhancedCode[0], reply.EnhancedCode[1], reply.EnhancedCode[2])
}

// tooLarge tells whether a reply to MAIL speaks of the message's size alone.
func (r Result) tooLarge() bool { return r.Code == 552 || strings.HasSuffix(r.Enhanced, ".3.4") }

// wantsLogin tells whether a reply to RCPT speaks of our account and not of the
// recipient.
func (r Result) wantsLogin() bool {
	switch r.Enhanced {
	case "5.7.0", "5.7.8", "5.7.9", "5.7.60":
		return true
	}
	return r.Code == 530 || r.Code == 535 || r.Code == 538 || r.Code == 421 || r.Code == 0
}

// deniesSender tells whether a refusal of the whole message speaks of our right to
// send as the mailbox, as Exchange says it: every other message would be refused
// like it, and none for what it holds.
func (r Result) deniesSender() bool {
	return r.Enhanced == "5.7.60" || r.Enhanced == "5.2.252" || strings.Contains(strings.ToLower(r.Text), "sendasdenied")
}

// answered reads the server's answer to the final dot, or its absence.
func answered(host, text string, err error, taken bool) Result {
	if err == nil {
		return sent(host, 250, text)
	}
	r := failure(StageDot, err)
	switch {
	case r.Code/100 == 2:
		return sent(host, r.Code, r.Text)
	case r.Code/100 == 4:
		return r
	case r.Code/100 == 5 && r.deniesSender():
		return r
	case r.Code/100 == 5:
		r.Outcome, r.Scope = Refused, ScopeMessage
		return r
	case r.Code == 0 && !taken: // not a byte of the final dot left this machine
		return r
	}
	r.Outcome, r.Scope, r.Temporary = Unknown, "", false
	return r
}

func sent(host string, code int, text string) Result {
	r := Result{Outcome: Sent, Stage: StageDot, Code: code, Text: email.CleanText(text, 1000), Alias: email.Alias(host, text)}
	if first, _, _ := strings.Cut(text, " "); strings.Count(first, ".") == 2 && strings.HasPrefix(first, "2.") {
		r.Enhanced = first
	}
	return r
}
