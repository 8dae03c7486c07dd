package reminders

import (
	"testing"

	"relanced/internal/dossier"
)

func TestExplain_quotesWhatTheCustomerWrote(t *testing.T) {
	t.Parallel()
	now := at("2026-11-23 12:00")
	r := rulesWith(t, nil)
	d := customer(invoice(1, "F-1", "2026-10-20", 100_000))
	d.Holds = []dossier.Hold{{ID: 1, Reason: dossier.Replied, Note: "Bonjour,\n\nVirement prévu vendredi.", From: at("2026-11-20 09:00")}}
	got := Explain(Decide(d, r, now), d, r, now, "fr").Verdicts[0].Because
	if want := "Le client a répondu le 20/11/2026 : « Bonjour, Virement prévu vendredi »."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
