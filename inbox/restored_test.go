package inbox_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/inbox/mailbox"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/email/emailtest"
	"relanced/internal/store"
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

// A message of ours that comes into Sent and that the database does not know
// left after the copy was made that this database is.
func TestReader_anUnknownMessageOfOursInSentTellsAnOlderCopy(t *testing.T) {
	t.Parallel()
	server, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{"compta@dupont.example": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := newWorld(t, "relu", "autre")
	if err := w.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.Confirm(books, "marie") }); err != nil {
		t.Fatal(err)
	}
	put := func(address string) {
		t.Helper()
		ref := email.NewID()
		raw, err := email.Build(email.Message{
			From: email.Address{Addr: "compta@dupont.example"}, To: []email.Address{{Addr: address}}, Subject: "Facture : rappel", Date: time.Now(),
			MessageID: w.keys.MessageID(ref, "dupont.example"), Ref: w.keys.Ref(ref, "dupont.example"), Text: "Bonjour",
		})
		if err != nil {
			t.Fatal(err)
		}
		if !server.Put("compta@dupont.example", "Sent", raw, time.Now()) {
			t.Fatal("not filed")
		}
	}
	doubted := func() bool {
		t.Helper()
		facts, err := w.store.Company(t.Context(), company)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := w.store.Connection(t.Context(), books)
		if err != nil {
			t.Fatal(err)
		}
		if restored := !facts.RestoredAt.IsZero(); restored != conn.ConfirmedAt.IsZero() {
			t.Errorf("restored %t, unconfirmed %t", restored, conn.ConfirmedAt.IsZero())
		}
		return conn.ConfirmedAt.IsZero()
	}
	r := w.reader(mailbox.Account{User: "compta@dupont.example", Password: "secret", Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS, Sent: true})
	put("contact@autre.example") // of a database that was here before, and thrown away
	read(t, r)
	if doubted() {
		t.Error("a new database is taken for an older copy")
	}
	known := w.remind("autre", "contact@autre.example", dossier.StateSent)
	server.Put("compta@dupont.example", "Sent", known.bytes, time.Now())
	read(t, r)
	if doubted() {
		t.Error("a message that is known casts doubt")
	}
	put("contact@relu.example")
	read(t, r)
	if !doubted() {
		t.Error("a message that left since casts no doubt")
	}
	if diff := cmp.Diff([]dossier.Reason{dossier.Conversation}, w.holds("relu")); diff != "" {
		t.Errorf("who got it (-want +got):\n%s", diff)
	}
	if held := w.holds("autre"); len(held) > 0 {
		t.Errorf("another customer is held: %v", held)
	}
	if err := w.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.Confirm(books, "marie") }); err != nil {
		t.Fatal(err)
	}
	read(t, r)
	if doubted() {
		t.Error("doubted again after it was confirmed")
	}
}
