package reminders

import (
	"strings"
	"testing"

	"relanced/internal/dossier"
	"relanced/internal/email"
)

// TestDecide_whatReachedNobodyIsSaidAgain: a first reminder of Friday, looked at
// on Monday noon.
func TestDecide_whatReachedNobodyIsSaidAgain(t *testing.T) {
	t.Parallel()
	now := at("2026-11-23 12:00")
	for _, c := range []struct {
		name    string
		why     email.Failure
		when    string
		state   dossier.State
		others  []string // who had the message besides
		outcome Outcome
		reason  dossier.Reason
		step    string
	}{
		{"mailbox full two days ago", email.MailboxFull, "2026-11-21 10:00", dossier.StateSent, nil, Act, "", "first"},
		{"mailbox full yesterday", email.MailboxFull, "2026-11-22 10:00", dossier.StateSent, nil, Wait, dossier.Gap, "first"},
		{"refused at once, full", email.MailboxFull, "2026-11-22 10:00", dossier.StateRefused, nil, Wait, dossier.Gap, "first"},
		{"given up by the server yesterday", email.Expired, "2026-11-22 10:00", dossier.StateSent, nil, Act, "", "first"},
		{"too big this morning", email.TooBig, "2026-11-23 09:00", dossier.StateSent, nil, Act, "", "first"},
		{"another address has it", email.MailboxFull, "2026-11-21 10:00", dossier.StateSent, []string{"chef@durand.example"}, Wait, dossier.Gap, "second"},
	} {
		d := customer(invoice(1, "F-1", "2026-10-20", 100_000))
		m := sent(1, "first", "2026-11-20 09:00", d.Lines[0])
		m.To, m.State = append([]string{d.Customer.Emails[0]}, c.others...), c.state
		d.Messages = []dossier.Message{m}
		d.Undelivered = []dossier.Undelivered{{Message: 1, Address: d.Customer.Emails[0], Why: c.why, At: at(c.when)}}
		r := rulesWith(t, nil)
		decision := Decide(d, r, now)
		v := decision.Verdicts[0]
		if v.Outcome != c.outcome || v.Reason != c.reason || v.Step != c.step {
			t.Errorf("%s: %s %s %s", c.name, v.Outcome, v.Reason, v.Step)
		}
		if c.step == "first" && c.outcome == Wait {
			if got := Explain(decision, d, r, now, "en").Verdicts[0].Because; !strings.Contains(got, "the one of 22 November 2026 reached nobody") {
				t.Errorf("%s: %s", c.name, got)
			}
		}
	}
}

func TestDecide_whatAPersonApprovedIsSaidAgainWithoutAsking(t *testing.T) {
	t.Parallel()
	now := at("2026-11-23 12:00")
	r := rulesWith(t, nil)
	d := customer(invoice(1, "F-1", "2026-10-20", 100_000))
	first := Decide(d, r, now).Actions[0]
	if !first.Approval {
		t.Fatal("nobody is asked in review mode")
	}
	m := sent(1, "first", "2026-11-20 09:00", d.Lines[0])
	m.To, m.Basis, m.Approved = first.To, first.Basis, true
	d.Messages = []dossier.Message{m}
	d.Undelivered = []dossier.Undelivered{{Message: 1, Address: first.To[0], Why: email.MailboxFull, At: at("2026-11-20 09:01")}}
	if a := Decide(d, r, now).Actions; len(a) != 1 || a[0].Approval || a[0].Basis != first.Basis {
		t.Errorf("%+v", a)
	}
	d.Lines[0].Outstanding = eur(90_000)
	if a := Decide(d, r, now).Actions; len(a) != 1 || !a[0].Approval {
		t.Errorf("another amount leaves unasked: %+v", a)
	}
}
