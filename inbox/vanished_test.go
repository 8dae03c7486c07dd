package inbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"relanced/internal/email/emailtest"
	"relanced/internal/store"
)

// pass lets n messages come into the folder and leave it again.
func pass(t *testing.T, server *emailtest.IMAP, folder string, n int) {
	t.Helper()
	for range n {
		server.Put("compta@dupont.example", folder, []byte(letter("ami@ailleurs.example", "compta@dupont.example", "Dîner", "", "Ce soir ?\n")), time.Now())
	}
	client, err := imapclient.DialInsecure(fmt.Sprintf("%s:%d", server.Host, server.Port), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.Login("compta@dupont.example", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Select(folder, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := client.Store(imap.SeqSet{{Start: 1}}, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := client.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
}

// TestReader_messagesThatLeaveBeforeTheyAreReadAreCounted for as long as it goes
// on: a week after the last one the count begins anew. Junk is emptied every day.
func TestReader_messagesThatLeaveBeforeTheyAreReadAreCounted(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Microsecond)
	w, server, r := memoryWorld(t, &now)
	read(t, r)
	counted := func(folder string) store.Folder {
		t.Helper()
		folders, err := w.store.Folders(t.Context(), w.key)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range folders {
			if f.Name == folder {
				return f
			}
		}
		t.Fatalf("no folder %s", folder)
		return store.Folder{}
	}
	want := func(folder string, n int, since, at time.Time) {
		t.Helper()
		if f := counted(folder); f.Vanished != n || !f.VanishedSince.Equal(since) || !f.VanishedAt.Equal(at) {
			t.Errorf("%s: %d since %s, last at %s; want %d since %s, last at %s", folder, f.Vanished, f.VanishedSince, f.VanishedAt, n, since, at)
		}
	}
	first := now
	pass(t, server, "INBOX", 2)
	pass(t, server, "Junk", 2)
	read(t, r)
	want("INBOX", 2, first, first)
	want("Junk", 0, time.Time{}, time.Time{})
	now = now.Add(3 * day)
	read(t, r)
	pass(t, server, "INBOX", 1)
	read(t, r)
	want("INBOX", 3, first, now)
	now = now.Add(8 * day)
	pass(t, server, "INBOX", 1)
	read(t, r)
	want("INBOX", 1, now, now)
}
