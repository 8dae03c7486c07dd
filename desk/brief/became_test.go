package brief

import (
	"strings"
	"testing"

	"relanced/internal/dossier"
	"relanced/internal/store"
)

func TestBecame_tellsWhatWasSentFromWhatArrived(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	for problem, want := range map[string]string{
		"":                               "envoyée, approuvée par marie",
		"settled by marie":               "envoyée, approuvée par marie",
		"mailbox_full: a@c.example full": "envoyée, approuvée par marie, mais pas arrivée : a@c.example full",
	} {
		o := store.Outgoing{Problem: problem}
		o.State, o.ApprovedBy = dossier.StateSent, "marie"
		if got := w.brief.became(o); got != want {
			t.Errorf("%q: %q, want %q", problem, got, want)
		}
	}
}

func TestClassNote_anAnswerThatHoldsSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	var r store.ReplyRow
	r.Class, r.Holds, r.Code = dossier.ClassAutoReply, true, "C1"
	if got := w.brief.classNote(r); !strings.Contains(got, "relances suspendues") || !strings.Contains(got, "relanced resume C1") {
		t.Errorf("%q", got)
	}
}
