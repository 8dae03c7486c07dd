package inbox_test

import (
	"strings"
	"testing"
	"time"

	"relanced/inbox"
	"relanced/inbox/mailbox"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email/emailtest"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

const day = 24 * time.Hour

// renumber gives the folder a new UIDVALIDITY; its messages are lost.
func renumber(t *testing.T, server *emailtest.IMAP, folder string) {
	t.Helper()
	user := server.User("compta@dupont.example")
	if err := user.Delete(folder); err != nil {
		t.Fatal(err)
	}
	if err := user.Create(folder, nil); err != nil {
		t.Fatal(err)
	}
}

// memoryWorld is a world whose mailbox lies on a server in memory; the clock is
// moved through now.
func memoryWorld(t *testing.T, now *time.Time, codes ...string) (*world, *emailtest.IMAP, *inbox.Reader) {
	t.Helper()
	server, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{"compta@dupont.example": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := newWorldAt(t, func() time.Time { return *now }, codes...)
	r := w.reader(mailbox.Account{User: "compta@dupont.example", Password: "secret", Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS})
	return w, server, r
}

// TestReader_aRenumberedFolderIsReadFromTheOldestOpenReminder: an answer to a
// reminder of which something is still owed is found, however long ago it came;
// where all is paid, three days before the last good reading are enough.
func TestReader_aRenumberedFolderIsReadFromTheOldestOpenReminder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		paid, found bool
		age         time.Duration
	}{
		"still owed, long ago": {false, true, 30 * day},
		"paid, long ago":       {true, false, 30 * day},
		"paid, lately":         {true, true, 2 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			today := time.Now()
			now := today.Add(-40 * day)
			w, server, r := memoryWorld(t, &now, "rappele", "autre")
			w.remind("rappele", "contact@rappele.example", dossier.StateSent)
			if test.paid {
				nothing := money.New(0, "EUR")
				_, err := w.store.ApplyPage(t.Context(), books, store.Page{Next: []byte(`{}`), AsOf: now, Documents: []receivable.Document{{
					External: "Drappele", Account: "rappele", Number: "F-2026-rappele", Kind: receivable.Invoice, Total: money.New(12_000, "EUR"), Outstanding: nothing,
					Dues: []receivable.Due{{Rank: 1, On: calendar.MustParse("2026-01-01"), Total: money.New(12_000, "EUR"), Outstanding: nothing}},
				}}})
				if err != nil {
					t.Fatal(err)
				}
			}
			now = today
			read(t, r)
			renumber(t, server, "Junk")
			server.Put("compta@dupont.example", "Junk", []byte(letter("contact@autre.example", "compta@dupont.example", "Facture", "", "Laquelle ?\n")), today.Add(-test.age))
			r.Close()
			read(t, r)
			if got := len(w.holds("autre")) == 1; got != test.found {
				t.Errorf("found: %v, want %v", got, test.found)
			}
		})
	}
}

// TestReader_twiceRenumberedWithinADayStopsTheFolder until a day has passed, and
// says so; what lies in the others is read.
func TestReader_twiceRenumberedWithinADayStopsTheFolder(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w, server, r := memoryWorld(t, &now, "a", "b")
	read(t, r)
	renumber(t, server, "Junk")
	r.Close()
	read(t, r)
	now = now.Add(23 * time.Hour)
	renumber(t, server, "Junk")
	server.Put("compta@dupont.example", "Junk", []byte(letter("contact@a.example", "compta@dupont.example", "Facture", "", "Oui ?\n")), now)
	server.Put("compta@dupont.example", "INBOX", []byte(letter("contact@b.example", "compta@dupont.example", "Facture", "", "Oui ?\n")), now)
	r.Close()
	for range 2 {
		if err := r.Once(t.Context(), true); err == nil || !strings.Contains(err.Error(), "renumbered") {
			t.Errorf("%v", err)
		}
	}
	boxes, err := w.store.Mailboxes(t.Context(), company)
	if err != nil || !strings.Contains(boxes[0].Error, "Junk") || boxes[0].ReadAt.After(now.Add(-time.Hour)) {
		t.Errorf("%+v %v", boxes, err)
	}
	if len(w.holds("a")) != 0 || len(w.holds("b")) != 1 {
		t.Errorf("holds %v %v", w.holds("a"), w.holds("b"))
	}
	now = now.Add(2 * time.Hour) // a day after the first time
	if err := r.Once(t.Context(), true); err != nil || len(w.holds("a")) != 1 {
		t.Errorf("%v, holds %v", err, w.holds("a"))
	}
}

// TestReader_whatWasHandledIsNotFetchedAgain lays the same messages into a
// folder with new numbers, a new one among them: of that alone the body is read.
func TestReader_whatWasHandledIsNotFetchedAgain(t *testing.T) {
	t.Parallel()
	log := &wire{}
	server, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{"compta@dupont.example": "secret"}, Wire: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := newWorld(t, "a", "b", "c")
	r := w.reader(mailbox.Account{User: "compta@dupont.example", Password: "secret", Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS})
	put := func(raw string) { server.Put("compta@dupont.example", "Junk", []byte(raw), time.Now()) }
	named := letter("contact@a.example", "compta@dupont.example", "Facture", "", "Laquelle ?\n")
	stamped := strings.Replace(letter("contact@b.example", "compta@dupont.example", "Facture", "Received: by mx.dupont.example; "+time.Now().Format(time.RFC1123Z), "Non reçue.\n"), "Message-ID: ", "X-Id: ", 1)
	put(named)
	put(stamped)
	read(t, r)
	bodies := func() (n int) {
		for _, c := range log.commands() {
			n += strings.Count(c, "BODY.PEEK[]")
		}
		return n
	}
	if bodies() != 2 {
		t.Fatalf("%d bodies read, want 2", bodies())
	}
	renumber(t, server, "Junk")
	put(named)
	put(stamped)
	put(letter("contact@c.example", "compta@dupont.example", "Facture", "", "Oui.\n"))
	r.Close()
	read(t, r)
	if n := bodies(); n != 3 {
		t.Errorf("%d bodies read, want 3: what was handled is fetched again", n)
	}
	for _, code := range []string{"a", "b", "c"} {
		if got := w.holds(code); len(got) != 1 {
			t.Errorf("%s holds %v", code, got)
		}
	}
}
