package brief

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relanced/desk/actions"
	"relanced/inbox"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
	"relanced/reminders/compose"
	"relanced/reminders/outbox"
)

var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return zone
}()

// at reads "2026-11-25 07:30" on the clock of Paris.
func at(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text, paris)
	if err != nil {
		panic(err)
	}
	return t
}

var (
	dupont = receivable.CompanyID("dupont")
	compta = store.ConnectionKey{Company: dupont, Name: "compta"}
	boxKey = store.MailboxKey{Company: dupont, Name: "courrier"}
)

// world is a company with its books in a database of its own, and a clock.
type world struct {
	t     testing.TB
	now   time.Time
	store *store.Store
	box   *outbox.Box
	brief *Brief
	docs  int
	mails int
}

// newWorld opens it on the evening of Tuesday 24 November 2026.
func newWorld(t testing.TB, language string) *world {
	t.Helper()
	return newWorldIn(t, language, "sqlite:"+filepath.Join(t.TempDir(), "relanced.db"))
}

func newWorldIn(t testing.TB, language, dsn string) *world {
	t.Helper()
	w := &world{t: t, now: at("2026-11-24 18:00")}
	s, err := store.Open(t.Context(), dsn, store.Options{Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w.store = s
	plans, err := reminders.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	var p conf.Problems
	config := reminders.Default()
	config.Start.From = calendar.MustParse("2026-01-01")
	rules := reminders.Compile(config, plans, reminders.Identity{ID: dupont, Country: "FR", Currency: "EUR", Zone: paris, Kind: receivable.KindBusiness}, &p)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	keys, err := email.NewKeys(1, map[int][]byte{1: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	w.box = &outbox.Box{Store: s, Logger: logger, Company: outbox.Company{
		ID: dupont, Rules: rules, Connections: []outbox.Connection{{Name: compta.Name}}, Mailbox: boxKey, Mailboxes: []store.MailboxKey{boxKey},
		Compose: compose.Company{Name: "Dupont & Fils SARL", Language: language}, Sender: compose.Sender{Display: "Comptabilité Dupont", Address: "compta@dupont.example"}, Keys: keys,
	}}
	team := []Member{
		{Name: "Marie Petit", Email: "marie@dupont.example", May: []Right{MayApprove, MayHold}},
		{Name: "Paul Durand", Email: "paul@dupont.example", May: []Right{MayAll}},
		{Name: "Luc Moreau", Email: "luc@dupont.example", May: []Right{MayHold}},
	}
	w.brief = &Brief{
		Desk: &actions.Desk{
			Store: s, Boxes: map[receivable.CompanyID]*outbox.Box{dupont: w.box},
			May: func(_ receivable.CompanyID, by string, right Right) bool { return May(team, by, right) },
		},
		Box: w.box, Team: team, Holidays: "FR", Logger: logger,
	}
	w.brief.Config.Defaults()
	w.brief.Config.To = []string{"marie@dupont.example"}
	w.tx(func(tx *store.Tx) error {
		if _, err := tx.EnsureConnection(compta, "files"); err != nil {
			return err
		}
		if _, err := tx.EnsureMailbox(boxKey, "compta@dupont.example"); err != nil {
			return err
		}
		return tx.BeginPass(compta, false)
	})
	return w
}

func (w *world) tx(do func(*store.Tx) error) {
	w.t.Helper()
	if err := w.store.InTx(w.t.Context(), do); err != nil {
		w.t.Fatal(err)
	}
}

// page writes into the books, as a source would, and ends the pass.
func (w *world) page(p store.Page) {
	w.t.Helper()
	p.AsOf = w.now
	if _, err := w.store.ApplyPage(w.t.Context(), compta, p); err != nil {
		w.t.Fatal(err)
	}
	w.refresh()
}

// refresh makes the books and the mailbox fresh.
func (w *world) refresh() {
	w.t.Helper()
	w.tx(func(tx *store.Tx) error {
		if err := tx.EndPass(compta, store.PassEnd{AsOf: w.now}); err != nil {
			return err
		}
		if err := tx.Confirm(compta, "test"); err != nil {
			return err
		}
		if err := tx.UpToDate(compta, calendar.DateOf(w.now.In(paris)), "test"); err != nil {
			return err
		}
		return tx.ReadMailbox(boxKey, w.now)
	})
}

// customer adds one who owes that much since that day, and returns its id.
func (w *world) customer(code, name string, euros int64, due string) dossier.CustomerID {
	w.t.Helper()
	w.page(store.Page{
		Accounts:  []receivable.Account{{External: code, Code: code, Name: name, Kind: receivable.KindBusiness, Emails: []string{strings.ToLower(code) + "@client.example"}, Country: "FR", Language: "fr"}},
		Documents: []receivable.Document{w.invoice(code, euros, due)},
	})
	id, err := w.store.FindCustomer(w.t.Context(), dupont, code)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) invoice(code string, euros int64, due string) receivable.Document {
	w.docs++
	total := money.New(euros*100, "EUR")
	number := fmt.Sprintf("F-%03d", w.docs)
	on := calendar.MustParse(due)
	return receivable.Document{
		External: number, Account: code, Number: number, Kind: receivable.Invoice, IssuedOn: on.AddDays(-30), Total: total, Outstanding: total,
		Dues: []receivable.Due{{Rank: 1, On: on, Total: total, Outstanding: total}},
	}
}

// sweep proposes what is due.
func (w *world) sweep() {
	w.t.Helper()
	if _, err := w.box.Sweep(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// drafts makes n customers with a draft each: C001…
func (w *world) drafts(n int) {
	w.t.Helper()
	for i := range n {
		w.customer(fmt.Sprintf("C%03d", i+1), fmt.Sprintf("Client %d", i+1), int64(1000+i), "2026-11-10")
	}
	w.morning()
}

// morning makes it 07:30 the next day: books and mailbox are fresh, and what is
// due is proposed.
func (w *world) morning() {
	w.t.Helper()
	today := calendar.DateOf(w.now.In(paris))
	w.now = today.AddDays(1).Time(paris).Add(7*time.Hour + 30*time.Minute)
	w.refresh()
	w.sweep()
}

// mail makes lists, and returns those that are new.
func (w *world) mail() []store.Outgoing {
	w.t.Helper()
	before := w.notices()
	if err := w.brief.Mail(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return w.notices()[len(before):]
}

func (w *world) notices() []store.Outgoing {
	w.t.Helper()
	rows, err := w.store.Outbox(w.t.Context(), store.OutboxFilter{Kinds: []dossier.MessageKind{dossier.KindNotice}})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// answer records what somebody wrote under a list, and carries it out. It
// returns the acknowledgements that were written.
func (w *world) answer(from, text, quoted string) []store.Outgoing {
	w.t.Helper()
	return w.answerIn(boxKey.Name, from, text, quoted)
}

func (w *world) answerIn(mailbox, from, text, quoted string) []store.Outgoing {
	w.t.Helper()
	before := w.notices()
	w.mails++
	w.record(mailbox, from, text, quoted, fmt.Sprintf("mail-%d", w.mails))
	if err := w.brief.Answers(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return w.notices()[len(before):]
}

func (w *world) record(mailbox, from, text, quoted, key string) {
	w.t.Helper()
	whole := text + "\n\n> " + strings.ReplaceAll(quoted, "\n", "\n> ")
	w.recordAnswer(store.Command{Mailbox: mailbox, From: from, Key: key}, whole, text)
}

func (w *world) recordAnswer(c store.Command, whole, added string) {
	w.t.Helper()
	content, err := json.Marshal(inbox.Answer{NewText: added, Text: whole, MID: "<" + strings.ReplaceAll(c.Key, " ", "-") + "@dupont.example>", To: c.From})
	if err != nil {
		w.t.Fatal(err)
	}
	c.Company, c.Kind, c.Content, c.At = dupont, inbox.CommandAnswer, content, w.now
	w.tx(func(tx *store.Tx) error {
		_, err := tx.AddCommand(c)
		return err
	})
}

// reminders returns them by number.
func (w *world) reminders() []store.Outgoing {
	w.t.Helper()
	rows, err := w.store.Outbox(w.t.Context(), store.OutboxFilter{Kinds: []dossier.MessageKind{dossier.KindReminder}})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// pay settles an invoice in the books.
func (w *world) pay(number, code string, euros int64) {
	w.t.Helper()
	paid := w.invoice(code, euros, "2026-11-10")
	paid.External, paid.Number = number, number
	paid.Outstanding = money.New(0, "EUR")
	paid.Dues[0].Outstanding = paid.Outstanding
	w.page(store.Page{Documents: []receivable.Document{paid}})
}

// states returns the state of each reminder by the customer's code.
func (w *world) states() map[string]dossier.State {
	w.t.Helper()
	rows := w.reminders()
	states := map[string]dossier.State{}
	for _, o := range rows {
		states[o.Code] = o.State
	}
	return states
}

// events returns the company's own events of the kind.
func (w *world) events(kind string) []string {
	w.t.Helper()
	rows, err := w.store.Timeline(w.t.Context(), dupont, 0, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var texts []string
	for _, e := range rows {
		if e.Kind == kind {
			texts = append(texts, e.By+": "+e.Text)
		}
	}
	return texts
}

// parts returns the header, the text and the page of a built message.
func parts(t testing.TB, raw []byte) (mail.Header, string, string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	if len(bodies) != 2 {
		t.Fatalf("%d parts", len(bodies))
	}
	return m.Header, bodies[0], bodies[1]
}

func outboxConnection(name receivable.ConnectionID) outbox.Connection {
	return outbox.Connection{Name: name}
}
