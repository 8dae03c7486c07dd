package inbox_test

import (
	"testing"
	"time"

	"relanced/inbox/mailbox"
	"relanced/internal/dossier"
	"relanced/internal/email/emailtest"
)

// A restored database believes a message to be waiting that left after the copy
// was made: its copy in Sent tells that it left.
func TestReader_aCopyInSentProvesThatAWaitingMessageLeft(t *testing.T) {
	t.Parallel()
	server, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{"compta@dupont.example": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := newWorld(t, "parti", "reste")
	left, stays := w.remind("parti", "contact@parti.example", dossier.StateQueued), w.remind("reste", "contact@reste.example", dossier.StateQueued)
	if !server.Put("compta@dupont.example", "Sent", left.bytes, time.Now()) {
		t.Fatal("not filed")
	}
	r := w.reader(mailbox.Account{User: "compta@dupont.example", Password: "secret", Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS, Sent: true})
	read(t, r)
	for id, want := range map[dossier.MessageID]dossier.State{left.id: dossier.StateSent, stays.id: dossier.StateQueued} {
		if out, err := w.store.Message(t.Context(), id); err != nil || out.State != want {
			t.Errorf("message %d: %s, %v; want %s", id, out.State, err, want)
		}
	}
}
