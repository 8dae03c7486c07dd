package inbox_test

import (
	"testing"

	"relanced/inbox/mailbox"
	"relanced/internal/email"
	"relanced/internal/email/emailtest"
)

func TestFileCopy_aProviderKnownToFileItselfIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, files := range []bool{true, false} {
		server, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{"compta@dupont.example": "secret"}})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		w := newWorld(t)
		r := w.reader(mailbox.Account{User: "compta@dupont.example", Password: "secret", Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS})
		r.FilesSent = files
		id := email.NewID()
		mid := w.keys.MessageID(id, "dupont.example")
		if err := r.FileCopy(t.Context(), string(id), []byte("Message-ID: "+mid+"\r\nSubject: x\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if found, err := r.FindSent(t.Context(), mid, "none"); found == files || err != nil {
			t.Errorf("the provider files it: %v; ours was filed: %v, %v", files, found, err)
		}
	}
}
