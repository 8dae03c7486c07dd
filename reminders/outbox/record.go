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
	giveUpTries = 40 // whatever the time
	policyLimit = 3  // domains in a row that refuse us by policy: it is us
)

// retryIn is the pause after the nth try, with some jitter.
func retryIn(n int) time.Duration {
	pause := retries[min(max(n, 1), len(retries))-1]
	return (pause + time.Duration(rand.Int64N(int64(pause)/10+1))).Truncate(time.Second) //nolint:gosec // jitter, no secret
}

// attempt is one try to hand a message over that has ended.
type attempt struct {
	row    store.Outgoing
	result Result
	at     time.Time
	pause  time.Duration // of a failure of the account: for all messages
	again  bool          // it may be the first that got through after failures of the account
	block  string        // why sending must stop until a person acts
}

// record stores how handing over a message ended, and what it means for the
// address, the mailbox and the customer, and files a copy of what was sent. What
// the store does not take now is kept until it does. That of a message sent is
// known once await returns.
func (s *Sender) record(ctx context.Context, row store.Outgoing, message []byte, r Result, h *Handed) error {
	a := attempt{row: row, result: r, at: s.now()}
	switch {
	case r.Outcome == Sent:
		a.again = s.failures > 0 || !s.reached
		s.failures, s.policies, s.slower, s.reached = 0, nil, s.slower/2, true
		h.Sent++
	case r.Outcome == Unknown:
		h.Unknown++
	case a.refused():
		h.Refused++
	default:
		h.Retried++
		if r.Code/100 == 4 {
			s.slower = min(max(2*s.slower, 2), 16)
		}
		if a.account() {
			s.failures++
			a.pause = retryIn(s.failures)
			s.retryAt = a.at.Add(a.pause)
		}
	}
	a.block = s.blockedBy(row, r)
	if err := s.await(); err != nil {
		s.loose = append(s.loose, a)
		return err
	}
	s.keepSoon(ctx, a, message)
	if r.Outcome == Sent && a.block == "" {
		return nil
	}
	return s.await()
}

// refused tells whether the message, or all of its addresses, were refused for good.
func (a attempt) refused() bool {
	return a.result.Outcome == Refused || a.result.Outcome == NotDelivered && a.result.Scope != ScopeAccount && !a.result.Temporary
}

// account tells whether a failure speaks of the mailbox, its server or the way
// there. A server that read the envelope and puts this one message off does not.
func (a attempt) account() bool {
	r := a.result
	late := r.Stage == StageData || r.Stage == StageDot
	return r.Scope == ScopeAccount && (!late || r.Code/100 != 4 || r.Code == 421 || strings.HasPrefix(r.Enhanced, "4.3.") || strings.HasPrefix(r.Enhanced, "4.7."))
}

func (s *Sender) store(tx *store.Tx, a attempt) (store.Result, error) {
	row, r, b := a.row, a.result, s.Box
	result := store.Result{Server: r.Text, Stage: string(r.Stage), Attempt: row.Attempts, Subject: row.Subject}
	if r.Armed {
		result.Attempt++
	}
	hard := len(r.Refused) > 0
	for _, refused := range r.Refused {
		bounced := dossier.Bounced{Address: refused.Address, At: a.at, Status: refused.Enhanced, Text: refused.Text}
		if !refused.Temporary && failureOf(refused).Wrong() {
			result.Refused = append(result.Refused, bounced)
		} else {
			hard = false
		}
	}
	kind := ""
	switch {
	case r.Outcome == Sent:
		result.State, kind = dossier.StateSent, "sent"
	case r.Outcome == Unknown:
		result.State, result.Problem, kind = dossier.StateUnknown, problem(r), "outcome_unknown"
	case a.refused():
		result.State, result.Problem, kind = dossier.StateRefused, problem(r), "refused"
	default:
		result.State, result.Problem = dossier.StateQueued, problem(r)
		given, err := s.again(tx, a, &result)
		if err != nil {
			return result, err
		}
		if given {
			kind = "given_up"
		}
	}
	if err := s.tell(tx, a, result.Problem); err != nil {
		return result, err
	}
	var err error
	if result.State == dossier.StateQueued && !r.Armed {
		err = tx.PutOff(row.ID, result.NotBefore, result.Problem)
	} else {
		err = tx.Record(row.ID, result)
	}
	if err != nil {
		return result, err
	}
	if r.Alias != "" {
		if err := tx.Renamed(row.ID, r.Alias); err != nil {
			return result, err
		}
	}
	again := false
	if a.refused() {
		if again, err = s.willPass(tx, a); err != nil {
			return result, err
		}
	}
	if result.State == dossier.StateRefused && !again {
		if err := s.mustLook(tx, row, result.Problem, hard); err != nil {
			return result, err
		}
	}
	if r.Outcome == Sent {
		if err := s.partly(tx, a); err != nil {
			return result, err
		}
	}
	if a.block != "" {
		if err := s.block(tx, a.block); err != nil {
			return result, err
		}
	}
	if kind == "" || row.Kind == dossier.KindNotice {
		return result, nil
	}
	return result, tx.AddEvent(store.Event{
		Company: b.Company.ID, Customer: row.Customer, Kind: kind, By: "relanced",
		Text: strings.TrimSpace(row.Step + " " + result.Problem), Ref: fmt.Sprintf("message %d", row.ID),
	})
}

// tell remembers since when nothing gets through to the mail server, and why.
func (s *Sender) tell(tx *store.Tx, a attempt, why string) error {
	key := s.Box.unreachable()
	switch {
	case a.again:
		return tx.SetMeta(key, "")
	case a.refused(), a.result.Outcome != NotDelivered, !a.account():
		return nil
	}
	known, err := tx.Meta(key)
	if err != nil {
		return err
	}
	since, _, _ := strings.Cut(known, " ")
	if since == "" {
		since = a.at.UTC().Format(time.RFC3339)
	}
	return tx.SetMeta(key, since+" "+why)
}

// Unreachable tells since when nothing gets through to the mail server, and what
// happened last; the zero time where the last message did.
func (b *Box) Unreachable(ctx context.Context) (since time.Time, why string, err error) {
	var text string
	err = b.Store.View(ctx, func(tx *store.Tx) error {
		text, err = tx.Meta(b.unreachable())
		return err
	})
	at, why, _ := strings.Cut(text, " ")
	if at == "" || err != nil {
		return time.Time{}, "", err
	}
	since, err = time.Parse(time.RFC3339, at)
	return since, why, err
}

func (b *Box) unreachable() string {
	return "unreachable/" + string(b.Company.ID) + "/" + b.Company.Mailbox.Name
}

// again says when the message is tried next. It gives up a message that failed
// for too long; a failure of the account is nobody message's fault.
func (s *Sender) again(tx *store.Tx, a attempt, result *store.Result) (given bool, err error) {
	b := s.Box
	if a.account() {
		result.NotBefore = a.at.Add(a.pause)
		if s.failures < len(retries) {
			return false, nil
		}
		_, err := tx.AddTask(b.Company.ID, 0, dossier.Task{
			Kind: "blocked", Title: b.words().unreachable(b.Company.Mailbox.Name, result.Problem), DueOn: b.today(tx.Now()),
		}, "unreachable/"+b.Company.Mailbox.Name)
		return false, err
	}
	key := fmt.Sprintf("tries/%d", a.row.ID)
	value, err := tx.Meta(key)
	if err != nil {
		return false, err
	}
	tries, since := 0, a.at.Unix()
	_, _ = fmt.Sscan(value, &tries, &since)
	tries++
	if err := tx.SetMeta(key, fmt.Sprint(tries, since)); err != nil {
		return false, err
	}
	result.NotBefore = a.at.Add(retryIn(tries))
	if a.result.Stage == StageArm && a.result.Err != nil {
		result.NotBefore = a.at.Add(time.Minute)
	}
	if tries < giveUpTries && a.at.Sub(time.Unix(since, 0)) <= giveUpAfter {
		return false, nil
	}
	result.State, result.Problem = dossier.StateRefused, b.words().givenUp(a.row.Name)+": "+result.Problem
	return true, nil
}

// mustLook has a person look at a message that was refused. Unless the address
// itself is at fault, which keeps reminders back already, the customer is held:
// the same message would be proposed again at once.
func (s *Sender) mustLook(tx *store.Tx, row store.Outgoing, why string, hard bool) error {
	b := s.Box
	_, err := tx.AddTask(b.Company.ID, row.Customer, dossier.Task{
		Kind: "refused", Title: b.words().refused(row.Name, why), DueOn: b.today(tx.Now()),
	}, fmt.Sprintf("refused/%d", row.ID))
	if err != nil || hard || row.Kind != dossier.KindReminder {
		return err
	}
	_, err = tx.AddHold(row.Customer, dossier.Hold{Reason: dossier.Blocked, By: "relanced", Note: why})
	return err
}

// blockedBy tells why sending by the mailbox must stop until a person acts, ""
// where it need not.
func (s *Sender) blockedBy(row store.Outgoing, r Result) string {
	if r.Outcome == NotDelivered && r.Scope == ScopeAccount && !r.Temporary {
		if r.Do != "" {
			return problem(r) + ": " + r.Do
		}
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
