package inbox_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"relanced/inbox"
	"relanced/inbox/mailbox"
	"relanced/inbox/match"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

const company = receivable.CompanyID("dupont")

var books = store.ConnectionKey{Company: company, Name: "compta"}

// world is a store with customers, and what reads its mailbox.
type world struct {
	t         testing.TB
	store     *store.Store
	keys      email.Keys
	key       store.MailboxKey
	customers map[string]dossier.CustomerID
	fence     store.Fence
}

// newWorld opens a store and gives each code an open invoice F-<code> and the
// address contact@<code>.example.
func newWorld(t testing.TB, codes ...string) *world {
	t.Helper()
	return newWorldAt(t, time.Now, codes...)
}

func newWorldAt(t testing.TB, now func() time.Time, codes ...string) *world {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "a.db"), store.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	keys, err := email.NewKeys(1, map[int][]byte{1: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, keys: keys, key: store.MailboxKey{Company: company, Name: "courrier"}, customers: map[string]dossier.CustomerID{}}
	ctx := t.Context()
	if err := s.InTx(ctx, func(tx *store.Tx) error { _, err := tx.EnsureConnection(books, "files"); return err }); err != nil {
		t.Fatal(err)
	}
	page := store.Page{Next: []byte(`{}`), AsOf: time.Now()}
	for _, code := range codes {
		amount := money.New(12_000, "EUR")
		page.Accounts = append(page.Accounts, receivable.Account{External: code, Code: code, Name: "Client " + code, Emails: []string{"contact@" + code + ".example"}})
		page.Documents = append(page.Documents, receivable.Document{
			External: "D" + code, Account: code, Number: "F-2026-" + code, Kind: receivable.Invoice, Total: amount, Outstanding: amount,
			Dues: []receivable.Due{{Rank: 1, On: calendar.MustParse("2026-01-01"), Total: amount, Outstanding: amount}},
		})
	}
	if _, err := s.ApplyPage(ctx, books, page); err != nil {
		t.Fatal(err)
	}
	for _, code := range codes {
		found, err := s.ByAddress(ctx, company, []string{"contact@" + code + ".example"})
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range found {
			w.customers[code] = list[0].Customer
		}
		if w.customers[code] == 0 {
			t.Fatalf("no customer %s", code)
		}
	}
	fence, _, ok, err := s.ClaimLease(ctx, "mailbox/test", "test", time.Hour)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	w.fence = fence
	return w
}

// reader reads compta@dupont.example on the server.
func (w *world) reader(account mailbox.Account) *inbox.Reader {
	account.Name, account.Address, account.Fields, account.Now = w.key.Name, "compta@dupont.example", match.HeaderFields, w.store.Now
	account.Logger = slog.New(slog.DiscardHandler)
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		w.t.Fatal(err)
	}
	days := func(n int) func(calendar.Date) calendar.Date {
		return func(from calendar.Date) calendar.Date { return from.AddDays(n) }
	}
	members := []string{"marie@dupont.example"}
	r := &inbox.Reader{
		Store: w.store, Key: w.key, Account: account, Logger: account.Logger,
		Company: inbox.Company{
			Seller:  match.Seller{Company: company, Keys: w.keys, Own: append([]string{"compta@dupont.example"}, members...)},
			Members: members, Country: "FR", Zone: zone, French: true,
			Holds: inbox.Holds{
				Reply:        func(calendar.Date) calendar.Date { return 0 },
				Conversation: days(7), Ack: days(3),
			},
		},
	}
	w.t.Cleanup(r.Close)
	return r
}

// reminder is one that was sent, or whose outcome is unknown.
type reminder struct {
	id    dossier.MessageID
	ref   email.ID
	mid   string
	bytes []byte
}

// remind puts a reminder to the address through the outbox; it ends in state.
func (w *world) remind(code, to string, state dossier.State) reminder {
	w.t.Helper()
	m := reminder{ref: email.NewID()}
	m.mid = w.keys.MessageID(m.ref, "dupont.example")
	text := "Bonjour,\n\nSauf erreur de notre part, la facture F-2026-" + code + " de 120,00 € reste impayée à ce jour.\nNous vous remercions de bien vouloir procéder à son règlement.\n\nCordialement\n"
	subject := "Facture F-2026-" + code + " : rappel"
	var err error
	m.bytes, err = email.Build(email.Message{
		From: email.Address{Name: "Comptabilité Dupont", Addr: "compta@dupont.example"}, To: []email.Address{{Addr: to}},
		Subject: subject, Date: time.Now(), MessageID: m.mid, Ref: w.keys.Ref(m.ref, "dupont.example"), Text: text,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	out := store.Outgoing{Company: company, Customer: w.customers[code], Mailbox: w.key.Name, Ref: string(m.ref)}
	out.Kind, out.State, out.MID, out.To, out.Step = dossier.KindReminder, dossier.StateQueued, m.mid, []string{to}, "first"
	for _, item := range w.dossier(code).Lines {
		out.Lines = append(out.Lines, dossier.MessageLine{Due: item.ID, Document: item.Document, Invoice: item.Invoice, Role: dossier.RoleDemanded, Outstanding: item.Outstanding})
	}
	ctx := w.t.Context()
	if err := w.store.InTx(ctx, func(tx *store.Tx) (err error) { m.id, err = tx.Propose(out, 0); return err }); err != nil {
		w.t.Fatal(err)
	}
	rendered := store.Rendered{Bytes: m.bytes, MID: m.mid, Subject: subject, Text: text}
	yes := func(*store.Tx, dossier.Message, dossier.Dossier, store.Readiness) (store.Verdict, error) {
		return store.Verdict{OK: true}, nil
	}
	if armed, v, err := w.store.Arm(ctx, m.id, w.fence, rendered, store.ReadinessOf{}, yes, nil); err != nil || !armed {
		w.t.Fatal(v, err)
	}
	if err := w.store.Record(ctx, m.id, store.Result{State: state, Server: "250 OK"}); err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) dossier(code string) dossier.Dossier {
	w.t.Helper()
	d, err := w.store.Dossier(w.t.Context(), w.customers[code])
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// holds gives the reasons of the customer's holds that last.
func (w *world) holds(code string) []dossier.Reason {
	w.t.Helper()
	reasons := []dossier.Reason{}
	for _, h := range w.dossier(code).Holds {
		if h.EndedAt.IsZero() {
			reasons = append(reasons, h.Reason)
		}
	}
	return reasons
}

// letter is a mail as a program writes it.
func letter(from, to, subject, more, body string) string {
	id := email.NewID()
	if more != "" {
		more += "\r\n"
	}
	return fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@mua.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n%s\r\n%s",
		from, to, subject, time.Now().Format(time.RFC1123Z), id, more, strings.ReplaceAll(body, "\n", "\r\n"))
}

// server is a real mail system.
type server struct {
	t     testing.TB
	env   map[string]string
	count int // of messages delivered
}

// startServer starts Dovecot and Exim with these users, or skips the test.
func startServer(t testing.TB, users ...string) *server {
	t.Helper()
	mailserver := tool(t, "mailserver")
	dir := t.TempDir()
	for try := range 20 {
		base := 12000 + 5*rand.IntN(3600) // below the ports that systems give out
		state := filepath.Join(dir, strconv.Itoa(try))
		command := exec.Command(mailserver, "start", state, strconv.Itoa(base))
		command.Env = append(os.Environ(), "MAIL_USERS="+strings.Join(users, " "))
		out, err := command.CombinedOutput()
		if err != nil {
			if strings.Contains(string(out), "taken") || strings.Contains(string(out), "already in use") {
				continue
			}
			if strings.Contains(string(out), "try: mailserver install") && os.Getenv("CI") != "true" {
				t.Skipf("%s", out)
			}
			t.Fatalf("%v: %s", err, out)
		}
		s := &server{t: t, env: map[string]string{"dir": state, "tool": mailserver}}
		t.Cleanup(func() { _ = exec.Command(mailserver, "stop", state).Run() })
		for line := range strings.Lines(string(out)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			s.env[name] = strings.Trim(value, "'")
		}
		return s
	}
	t.Fatal("no free ports")
	return nil
}

// tool finds a shared tool beside the repository, or skips the test.
func tool(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "tools", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not there", path)
		}
		t.Skipf("%s is not there", path)
	}
	return path
}

// do runs the tool on the server.
func (s *server) do(verb string, args ...string) string {
	s.t.Helper()
	out, err := exec.Command(s.env["tool"], append([]string{verb, s.env["dir"]}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("mailserver %s %v: %v: %s", verb, args, err, out)
	}
	return string(out)
}

func (s *server) port(name string) int {
	s.t.Helper()
	n, err := strconv.Atoi(s.env[name])
	if err != nil {
		s.t.Fatal(name, err)
	}
	return n
}

// account is how the mailbox of the user is read.
func (s *server) account(user string) mailbox.Account {
	return mailbox.Account{
		User: user, Password: "pw-" + user, Host: "127.0.0.1", Port: s.port("MAIL_IMAPS_PORT"), TLS: mailbox.Implicit, CA: s.env["MAIL_CA"], Sent: true,
	}
}

// mail hands a message over by SMTP.
func (s *server) mail(from, to, raw string) {
	s.t.Helper()
	client, err := smtp.Dial(fmt.Sprintf("127.0.0.1:%d", s.port("MAIL_SMTP_PORT")))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	data, err := func() (io.WriteCloser, error) {
		if err := client.Mail(from); err != nil {
			return nil, err
		}
		if err := client.Rcpt(to); err != nil {
			return nil, err
		}
		return client.Data()
	}()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.WriteString(data, raw); err != nil {
		s.t.Fatal(err)
	}
	if err := data.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// file puts a message into a folder of the user, as a mail program does.
func (s *server) file(user, folder, raw string) {
	s.t.Helper()
	if err := mailbox.Append(s.t.Context(), s.account(user), folder, []byte(raw)); err != nil {
		s.t.Fatal(err)
	}
}

// deliver puts messages straight into a folder of the user, as a delivery would:
// also those that no mail server would take. The folder exists.
func (s *server) deliver(user, folder string, raws ...string) {
	s.t.Helper()
	dir := filepath.Join(s.env["MAIL_STATE"], "mail", user, "Maildir")
	if folder != "INBOX" {
		dir = filepath.Join(dir, "."+folder)
	}
	owner, err := os.Stat(dir)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, raw := range raws {
		s.count++
		path := filepath.Join(dir, "new", fmt.Sprintf("%d.%d.test", time.Now().Unix(), s.count))
		if err := os.WriteFile(path, []byte(raw), 0o644); err != nil {
			s.t.Fatal(err)
		}
		if of, ok := owner.Sys().(*syscall.Stat_t); ok {
			if err := os.Chown(path, int(of.Uid), int(of.Gid)); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// until polls until what holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 20 s", what)
		case <-tick.C:
		}
	}
}
