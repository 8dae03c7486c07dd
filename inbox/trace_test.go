package inbox_test

import (
	"bytes"
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/go-cmp/cmp"

	"relanced/inbox/mailbox"
	"relanced/internal/email/emailtest"
)

// wire keeps what goes over the line.
type wire struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

var tagged = regexp.MustCompile(`(?m)^T\d+ ([A-Z][A-Z ]*)(.*)$`)

// commands are those that a client sent.
func (w *wire) commands() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, m := range tagged.FindAllStringSubmatch(w.text.String(), -1) {
		if c := strings.TrimSpace(m[1]); !strings.HasPrefix(c, "OK") && !strings.HasPrefix(c, "NO") && !strings.HasPrefix(c, "BAD") {
			list = append(list, strings.TrimSpace(m[1]+m[2]))
		}
	}
	return list
}

// TestReader_leavesNoTrace: many readings change no flag and no byte, ask only
// what cannot change any, and cost one round trip a folder when nothing came.
func TestReader_leavesNoTrace(t *testing.T) {
	t.Parallel()
	log := &wire{}
	server, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{"compta@dupont.example": "secret"}, Wire: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	put := func(folder, from, to, subject, text string) {
		if !server.Put("compta@dupont.example", folder, []byte(letter(from, to, subject, "", text)), time.Now()) {
			t.Fatal("not filed")
		}
	}
	put("INBOX", "contact@a.example", "compta@dupont.example", "Facture", "Laquelle ?\n")
	put("INBOX", "ami@ailleurs.example", "compta@dupont.example", "Dîner", "Ce soir ?\n")
	put("Junk", "contact@b.example", "compta@dupont.example", "Facture", "Non reçue.\n")
	put("Sent", "compta@dupont.example", "contact@c.example", "Appel", "Bonjour.\n")
	w := newWorld(t, "a", "b", "c")
	account := mailbox.Account{User: "compta@dupont.example", Password: "secret", Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS, Sent: true}
	before := everything(t, account)
	others := len(log.commands())
	r := w.reader(account)
	read(t, r)
	for _, code := range []string{"a", "b", "c"} {
		if got := w.holds(code); len(got) != 1 {
			t.Errorf("%s holds %v", code, got)
		}
	}
	if _, err := r.Wait(t.Context(), time.Millisecond, nil); err != nil {
		t.Fatal(err)
	}
	asked := len(log.commands())
	const cycles = 300
	for range cycles {
		read(t, r)
	}
	if got := len(log.commands()) - asked; got != 3*cycles {
		t.Errorf("%d commands in %d readings of three folders with nothing new", got, cycles)
	}
	r.Close()
	for _, c := range log.commands()[others:] {
		ok := false
		for _, allowed := range []string{"CAPABILITY", "LOGIN", "LIST", "EXAMINE", "UID SEARCH", "UID FETCH", "NOOP", "IDLE", "LOGOUT"} {
			ok = ok || strings.HasPrefix(c, allowed)
		}
		if !ok || strings.Contains(c, "BODY[") {
			t.Errorf("asked %q", c)
		}
	}
	if diff := cmp.Diff(before, everything(t, account)); diff != "" {
		t.Errorf("a trace: %s", diff)
	}
}

// everything gives the flags and bytes of all messages.
func everything(t *testing.T, a mailbox.Account) map[string][]string {
	t.Helper()
	client, err := imapclient.DialInsecure(a.Host+":"+strconv.Itoa(a.Port), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.Login(a.User, a.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, folder := range []string{"INBOX", "Junk", "Sent"} {
		if _, err := client.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			t.Fatal(err)
		}
		list, err := client.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{Flags: true, UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			flags := []string{}
			for _, f := range m.Flags {
				flags = append(flags, string(f))
			}
			all[folder] = append(all[folder], strings.Join(flags, " ")+" "+string(m.BodySection[0].Bytes))
		}
	}
	return all
}

// TestReader_woken by somebody who waits, and ended by who runs it.
func TestReader_wokenAndEnded(t *testing.T) {
	t.Parallel()
	server, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{"compta@dupont.example": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := newWorld(t, "a")
	r := w.reader(mailbox.Account{User: "compta@dupont.example", Password: "secret", Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS})
	read(t, r)
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	if rang, err := r.Wait(t.Context(), time.Hour, wake); rang || err != nil {
		t.Errorf("%v %v", rang, err)
	}
	server.Put("compta@dupont.example", "INBOX", []byte(letter("contact@a.example", "compta@dupont.example", "Facture", "", "Oui.\n")), time.Now())
	if rang, err := r.Wait(t.Context(), time.Hour, wake); !rang || err != nil {
		t.Errorf("what came before waiting began did not ring: %v %v", rang, err)
	}
	read(t, r)
	if got := w.holds("a"); len(got) != 1 {
		t.Errorf("%v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Wait(ctx, time.Hour, wake); err == nil {
		t.Error("an ended wait says nothing")
	}
}
