package outbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

// retries are the pauses after tries that delivered nothing.
var retries = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 45 * time.Minute, 2 * time.Hour, 4 * time.Hour}

const (
	giveUpAfter = 3 * 24 * time.Hour
	giveUpTries = 40 // armed as often, whatever the time
	policyLimit = 3  // domains in a row that refuse us by policy: it is us
)

// retryIn is the pause after the nth try, with some jitter.
func retryIn(n int) time.Duration {
	pause := retries[min(max(n, 1), len(retries))-1]
	return pause + time.Duration(rand.Int64N(int64(pause)/10+1)) //nolint:gosec // jitter, no secret
}

// record stores how handing over a message ended, and what it means for the
// address, the mailbox and the customer.
func (s *Sender) record(ctx context.Context, row store.Outgoing, r Result, h *Handed) error {
	result := store.Result{Server: r.Text, Stage: string(r.Stage)}
	for _, refused := range r.Refused {
		if !refused.Temporary {
			result.Refused = append(result.Refused, dossier.Bounced{Address: refused.Address, At: s.now(), Status: refused.Enhanced, Text: refused.Text})
		}
	}
	kind := ""
	switch {
	case r.Outcome == Sent:
		result.State, kind = dossier.StateSent, "sent"
		s.failures, s.policies = 0, nil
		h.Sent++
	case r.Outcome == Unknown:
		result.State, kind = dossier.StateUnknown, "outcome_unknown"
		result.Problem = problem(r)
		h.Unknown++
	case r.Outcome == Refused, r.Scope != ScopeAccount && !r.Temporary:
		result.State, kind = dossier.StateRefused, "refused"
		result.Problem = problem(r)
		h.Refused++
	default:
		result.State, result.Problem = dossier.StateQueued, problem(r)
		result.NotBefore = s.now().Add(s.backOff(row, r))
		h.Retried++
		if s.outOfPatience(row) {
			result.State, kind = dossier.StateRefused, "given_up"
			result.Problem = s.Box.words().givenUp(row.Name) + ": " + result.Problem
		}
	}
	err := s.Box.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := s.store(tx, row, r, result); err != nil {
			return err
		}
		if kind == "" || row.Kind == dossier.KindNotice {
			return nil
		}
		return tx.AddEvent(store.Event{
			Company: s.Box.Company.ID, Customer: row.Customer, Kind: kind, By: "relanced",
			Text: strings.TrimSpace(row.Step + " " + result.Problem), Ref: fmt.Sprintf("message %d", row.ID),
		})
	})
	if err != nil {
		return fmt.Errorf("outbox: record message %d: %w", row.ID, err)
	}
	level := s.Box.Logger.InfoContext
	if result.State != dossier.StateSent {
		level = s.Box.Logger.WarnContext
	}
	level(ctx, "message handed over", "message", row.ID, "state", result.State, "stage", r.Stage, "attempt", row.Attempts+1, "problem", result.Problem)
	return nil
}

func (s *Sender) store(tx *store.Tx, row store.Outgoing, r Result, result store.Result) error {
	var err error
	if result.State == dossier.StateQueued && !r.Armed {
		err = tx.PutOff(row.ID, result.NotBefore, result.Problem)
	} else {
		err = tx.Record(row.ID, result)
	}
	if err != nil {
		return err
	}
	if r.Alias != "" {
		if err := tx.Alias(row.ID, r.Alias); err != nil {
			return err
		}
	}
	for _, b := range result.Refused {
		if !hardAddress(b) {
			continue
		}
		if err := tx.AddBounced(row.Customer, b); err != nil {
			return err
		}
	}
	if result.State == dossier.StateRefused {
		title := s.Box.words().pick("Message refusé pour ", "Message refused for ") + row.Name + " : " + result.Problem
		if _, err := tx.AddTask(s.Box.Company.ID, row.Customer, dossier.Task{Kind: "refused", Title: title, DueOn: s.Box.today(tx.Now())}, fmt.Sprintf("refused/%d", row.ID)); err != nil {
			return err
		}
	}
	if why := s.blockedBy(row, r); why != "" {
		return s.block(tx, why)
	}
	return nil
}

// hardAddress tells whether a refusal says that the address does not exist, as
// a bounce would: policies and full mailboxes are not the address's fault.
func hardAddress(b dossier.Bounced) bool {
	switch b.Status {
	case "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4", "5.4.310":
		return true
	case "", "5.0.0":
		text := strings.ToLower(b.Text)
		return slices.ContainsFunc([]string{"user unknown", "no such user", "unknown user", "does not exist", "not found", "inconnu", "inexistant"},
			func(words string) bool { return strings.Contains(text, words) })
	}
	return false
}

// backOff is how long the message waits after a try that delivered nothing. A
// failure of the account keeps all messages back.
func (s *Sender) backOff(row store.Outgoing, r Result) time.Duration {
	tries := row.Attempts + 1
	if r.Scope == ScopeAccount {
		if r.Stage == StageMail && r.Code == 0 && s.session != nil && s.session.Used() {
			return 0 // the server hung up on an idle line: a new one at once
		}
		s.failures++
		tries = s.failures
		s.retryAt = s.now().Add(retryIn(tries))
		return s.retryAt.Sub(s.now())
	}
	return retryIn(tries)
}

func (s *Sender) outOfPatience(row store.Outgoing) bool {
	since := row.ChangedAt
	if since.IsZero() || row.CreatedAt.After(since) {
		since = row.CreatedAt
	}
	return row.Attempts >= giveUpTries || s.now().Sub(since) > giveUpAfter
}

// blockedBy tells why sending by the mailbox must stop until a person acts, ""
// where it need not.
func (s *Sender) blockedBy(row store.Outgoing, r Result) string {
	if r.Outcome == NotDelivered && r.Scope == ScopeAccount && !r.Temporary {
		return problem(r)
	}
	policy := ""
	for _, refused := range r.Refused {
		if strings.HasPrefix(refused.Enhanced, "5.7.") {
			policy = email.Domain(refused.Address)
		}
	}
	if policy == "" && r.Outcome == Refused && strings.HasPrefix(r.Enhanced, "5.7.") && len(row.To) > 0 {
		policy = email.Domain(row.To[0])
	}
	if policy == "" {
		return ""
	}
	if !slices.Contains(s.policies, policy) {
		s.policies = append(s.policies, policy)
	}
	if len(s.policies) < policyLimit {
		return ""
	}
	return fmt.Sprintf("%d domains in a row refused us by policy (%s); last: %s", len(s.policies), strings.Join(s.policies, ", "), problem(r))
}

func (s *Sender) block(tx *store.Tx, why string) error {
	b := s.Box
	if err := tx.BlockMailbox(b.Company.Mailbox, why); err != nil {
		return err
	}
	title := b.words().blocked(b.Company.Mailbox.Name, why)
	_, err := tx.AddTask(b.Company.ID, 0, dossier.Task{Kind: "blocked", Title: title, DueOn: b.today(tx.Now())}, "blocked/"+b.Company.Mailbox.Name)
	if err != nil {
		return err
	}
	return tx.AddEvent(store.Event{Company: b.Company.ID, Kind: "blocked", By: "relanced", Text: title})
}

// problem says in a sentence what the server or the line did.
func problem(r Result) string {
	switch {
	case r.Code != 0:
		return strings.TrimSpace(fmt.Sprintf("%s: %d %s %s", r.Stage, r.Code, r.Enhanced, r.Text))
	case r.Err != nil:
		return r.Err.Error()
	}
	return string(r.Stage)
}
