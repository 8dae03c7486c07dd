package reminders

import (
	"testing"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// due decides for n customers who each have one reminder to get at once.
func due(t *testing.T, n int) []Decision {
	r := rulesWith(t, auto)
	list := make([]Decision, n)
	for i := range list {
		list[i] = Decide(customer(invoice(1, "FA-1001", "2026-10-20", 100_000)), r, at("2026-11-23 12:00"))
	}
	return list
}

func TestAdmit_shutGateWithholdsAndSaysWhy(t *testing.T) {
	t.Parallel()
	connection := func(reason dossier.Reason) Gates {
		return Gates{Connections: map[receivable.ConnectionID]dossier.Reason{"compta": reason}}
	}
	for want, gates := range map[dossier.Reason]Gates{
		dossier.Off:           {Off: true},
		dossier.StaleData:     connection(dossier.StaleData),
		dossier.SuspectData:   connection(dossier.SuspectData),
		dossier.FirstRun:      connection(dossier.FirstRun),
		dossier.Blocked:       connection(dossier.Blocked),
		dossier.StaleInbox:    {Inbox: dossier.StaleInbox},
		dossier.StalePayments: {Auto: true, Payments: map[receivable.ConnectionID]bool{"compta": true}},
	} {
		before := due(t, 1)
		got := Admit(before, gates)[0]
		if len(got.Actions) != 0 || !got.Gated || got.Verdicts[0].Outcome != Held || got.Verdicts[0].Reason != want {
			t.Errorf("%s: %s", want, show(got))
		}
		if !got.NextAt.Equal(before[0].NextAt) || len(before[0].Actions) != 1 {
			t.Errorf("%s: NextAt or the argument changed", want)
		}
	}
}

func TestAdmit_whatWaitsForTheNextProposalIsToldTheGateThatOnlyAPersonOpens(t *testing.T) {
	t.Parallel()
	late := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
	late.Lines[0].FirstSeenAt = at("2026-11-23 10:00") // after the day's tick
	d := Decide(late, rulesWith(t, auto), at("2026-11-23 12:00"))
	connection := func(reason dossier.Reason) Gates {
		return Gates{Connections: map[receivable.ConnectionID]dossier.Reason{"compta": reason}}
	}
	for _, c := range []struct {
		gates Gates
		want  dossier.Reason
	}{
		{Gates{}, dossier.Window},
		{Gates{Off: true}, dossier.Off},
		{connection(dossier.SuspectData), dossier.SuspectData},
		{connection(dossier.StaleData), dossier.StaleData},
		{Gates{Inbox: dossier.StaleInbox}, dossier.Window},
	} {
		got := Admit([]Decision{d}, c.gates)[0]
		if got.Verdicts[0].Reason != c.want || got.Gated || !got.NextAt.Equal(d.NextAt) {
			t.Errorf("%s: %s", c.want, show(got))
		}
	}
}

func TestAdmit_otherConnectionsGateDoesNotMatter(t *testing.T) {
	t.Parallel()
	gates := Gates{Connections: map[receivable.ConnectionID]dossier.Reason{"usine": dossier.StaleData}}
	if got := Admit(due(t, 1), gates)[0]; got.Gated || len(got.Actions) != 1 {
		t.Errorf("%s", show(got))
	}
}

func TestAdmit_withdrawalsPassEveryGate(t *testing.T) {
	t.Parallel()
	d := due(t, 1)
	d[0].Withdraw = []Withdrawal{{9, dossier.Paid}}
	if got := Admit(d, Gates{Off: true})[0]; len(got.Withdraw) != 1 {
		t.Errorf("%s", show(got))
	}
}

func TestAdmit_largeDayBecomesDraftsAllOfIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		count  int
		gates  Gates
		drafts bool
	}{
		{20, Gates{}, false},
		{21, Gates{}, true},
		{21, Gates{LargestDay: 7}, false},
		{22, Gates{LargestDay: 7}, true},
		{5, Gates{MaxBatch: 5}, false},
		{5, Gates{MaxBatch: 5, Today: 1}, true},
	} {
		for _, d := range Admit(due(t, c.count), c.gates) {
			a := d.Actions[0]
			if a.Approval != c.drafts || (a.Because == dossier.LargeBatch) != c.drafts || (d.Verdicts[0].Reason == dossier.LargeBatch) != c.drafts {
				t.Fatalf("%d with %+v: approval %v because %q, verdict %s", c.count, c.gates, a.Approval, a.Because, d.Verdicts[0].Reason)
			}
		}
	}
}

func TestCompileCondition_refusesWhatCannotBeForeseen(t *testing.T) {
	t.Parallel()
	for text, sound := range map[string]bool{
		`"grand-compte" in customer.tags`:                                          true,
		`customer.payment_method in ["direct_debit", "bill"] && !invoice.returned`: true,
		`invoice.outstanding > 1000 && invoice.due_on < "2026-01-01"`:              true,
		`now().Year() > 2025`:              false,
		`date("2026-01-01").Year() > 2025`: false,
		`customer.nmae == "x"`:             false,
		`customer.name`:                    false,
		``:                                 false,
	} {
		if err := CheckCondition(text); (err == nil) != sound {
			t.Errorf("%s: %v", text, err)
		}
	}
}
