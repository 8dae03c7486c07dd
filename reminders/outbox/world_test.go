package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/email/emailtest"
	"relanced/internal/legal"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/internal/store/storetest"
	"relanced/reminders"
	"relanced/reminders/compose"
)

const dupont = receivable.CompanyID("dupont")

var (
	compta   = store.ConnectionKey{Company: dupont, Name: "compta"}
	courrier = store.MailboxKey{Company: dupont, Name: "courrier"}
	ventes   = store.MailboxKey{Company: dupont, Name: "ventes"}
	paris    = mustZone("Europe/Paris")
)

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

const firstIBAN, otherIBAN = "FR7630006000011234567890189", "FR7614508059404875412588A17"

// world is a company with its books, its mailboxes and its mail server.
type world struct {
	testing.TB
	*store.Store
	clock  *storetest.Clock
	box    *Box
	sender *Sender
	fence  store.Fence
	smtp   *emailtest.SMTP
	fault  func(point string)
	server func(stage emailtest.Stage, argument string) emailtest.Fault

	mu       sync.Mutex
	docs     map[string]receivable.Document
	passes   int
	rereads  [][]string
	onReread func() // what the source has learnt meanwhile
	onRead   func() // what has come in meanwhile
	unread   error
	copies   []string
	inSent   map[string]bool // Message-IDs found in Sent
}

// engines runs a test on SQLite and on PostgreSQL.
func engines(t *testing.T, test func(t *testing.T, dsn func(testing.TB) string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqlite)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, storetest.Postgres(t, "max_connections=200"))
	})
}

func sqlite(tb testing.TB) string {
	return "sqlite:" + filepath.Join(tb.TempDir(), "r.db")
}

type change func(*world, *reminders.Config)

func auto(_ *world, c *reminders.Config) { c.Mode = reminders.ModeAuto }

// open makes a company with n customers, each of whom owes one invoice long
// enough for the first reminder, accepted by a person.
func open(tb testing.TB, dsn string, n int, changes ...change) *world {
	tb.Helper()
	w := &world{TB: tb, clock: storetest.NewClock(), docs: map[string]receivable.Document{}, inSent: map[string]bool{}}
	w.start(dsn, changes...)
	w.must(w.InTx(w.ctx(), func(tx *store.Tx) error {
		if _, err := tx.EnsureConnection(compta, "pennylane"); err != nil {
			return err
		}
		for _, key := range []store.MailboxKey{courrier, ventes} {
			if _, err := tx.EnsureMailbox(key, key.Name+"@dupont.example"); err != nil {
				return err
			}
		}
		return tx.BeginPass(compta, false)
	}))
	var page store.Page
	for i := range n {
		code := fmt.Sprintf("C%d", i+1)
		page.Accounts = append(page.Accounts, receivable.Account{
			External: "a-" + code, Code: code, Name: "Client " + code, Kind: receivable.KindBusiness, Language: "fr", Emails: []string{code + "@client" + fmt.Sprint(i+1) + ".example"},
		})
		page.Documents = append(page.Documents, bill("F-"+fmt.Sprint(i+1), code, "2026-10-12", 100_00, 100_00))
	}
	w.apply(page)
	w.must(w.InTx(w.ctx(), func(tx *store.Tx) error {
		if err := tx.EndPass(compta, store.PassEnd{AsOf: tx.Now(), Listed: true}); err != nil {
			return err
		}
		if err := tx.UpToDate(compta, calendar.DateOf(tx.Now()), "marie"); err != nil {
			return err
		}
		if err := tx.Confirm(compta, "marie"); err != nil {
			return err
		}
		for _, key := range w.box.Company.Mailboxes {
			if err := tx.ReadMailbox(key, tx.Now()); err != nil {
				return err
			}
		}
		return nil
	}))
	w.clock.Add(time.Minute)
	return w
}

// start opens the store and everything around it, as a program that begins.
func (w *world) start(dsn string, changes ...change) {
	w.Helper()
	s, err := store.Open(w.ctx(), dsn, store.Options{Now: w.clock.Now, Fault: func(point string) {
		if w.fault != nil {
			w.fault(point)
		}
	}})
	w.must(err)
	w.Cleanup(func() { _ = s.Close() })
	w.Store = s
	if w.smtp == nil {
		w.smtp, err = emailtest.NewSMTP(emailtest.SMTPConfig{DSN: true, Fault: func(stage emailtest.Stage, argument string) emailtest.Fault {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.server == nil {
				return emailtest.Fault{}
			}
			return w.server(stage, argument)
		}})
		w.must(err)
		w.Cleanup(func() { _ = w.smtp.Close() })
	}
	keys, err := email.NewKeys(1, map[int][]byte{1: []byte("0123456789abcdef0123456789abcdef")})
	w.must(err)
	w.box = &Box{Store: s, Logger: slog.New(slog.DiscardHandler), Company: Company{
		ID: dupont, Connections: []Connection{{Name: compta.Name, MaxAge: 24 * time.Hour}},
		Mailbox: courrier, Mailboxes: []store.MailboxKey{courrier, ventes},
		Compose:  compose.Company{Name: "Dupont & Fils SARL", Language: "fr", SIREN: "732829320"},
		Sender:   compose.Sender{Display: "Comptabilité Dupont", Address: "compta@dupont.example"},
		Accounts: []Account{{Bank: compose.Bank{Holder: "Dupont", IBAN: firstIBAN, BIC: "AGRIFRPP"}}},
		Legal:    Legal{Country: "FR", Auto: true, Contract: legal.ContractRate{Set: true, TimesLegal: true}}, Keys: keys,
	}}
	w.sender = &Sender{Box: w.box, Refresher: books{w}, Mailbox: mail{w}, Server: Server{
		Host: w.smtp.Host, Port: w.smtp.Port, TLS: TLSNone,
		Limits: Limits{Connect: 10 * time.Second, Greeting: 10 * time.Second, Data: 10 * time.Second, Arm: 20 * time.Second, Final: 500 * time.Millisecond},
	}}
	w.Cleanup(func() { w.sender.Close() })
	w.rules(changes...)
}

// rules compiles the configuration anew.
func (w *world) rules(changes ...change) {
	w.Helper()
	plans, err := reminders.Shipped()
	w.must(err)
	config := reminders.Default()
	for _, change := range changes {
		change(w, &config)
	}
	var p conf.Problems
	w.box.Company.Rules = reminders.Compile(config, plans, reminders.Identity{ID: dupont, Country: "FR", Currency: "EUR", Zone: paris}, &p)
	w.must(p.Err())
}

func (w *world) ctx() context.Context { return context.Background() }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func eur(minor int64) money.Amount { return money.New(minor, "EUR") }

func bill(number, code, due string, total, left int64) receivable.Document {
	return receivable.Document{
		External: "x-" + number, Account: "a-" + code, Number: number, Kind: receivable.Invoice, IssuedOn: calendar.MustParse(due) - 30,
		Total: eur(total), Outstanding: eur(left),
		Dues: []receivable.Due{{Rank: 1, On: calendar.MustParse(due), Total: eur(total), Outstanding: eur(left)}},
	}
}

// apply writes rows as a live re-read does: the books stay as fresh as they are.
func (w *world) apply(p store.Page) {
	w.Helper()
	p.Apart, p.KeepCursor = true, true
	for _, d := range p.Documents {
		w.docs[d.Number] = d
	}
	_, err := w.ApplyPage(w.ctx(), compta, p)
	w.must(err)
}

// pay lets the source say that an invoice has only so much left.
func (w *world) pay(number string, left int64) {
	w.Helper()
	d := w.docs[number]
	d.Outstanding = eur(left)
	d.Dues = []receivable.Due{{Rank: 1, On: d.Dues[0].On, Total: d.Total, Outstanding: eur(left)}}
	w.apply(store.Page{Documents: []receivable.Document{d}})
}

func (w *world) tx(do func(*store.Tx) error) {
	w.Helper()
	w.must(w.InTx(w.ctx(), do))
}

func (w *world) customer(code string) dossier.CustomerID {
	w.Helper()
	id, err := w.FindCustomer(w.ctx(), dupont, code)
	w.must(err)
	return id
}

// remind is the tick of the schedule, and the sweep that follows it.
func (w *world) remind() Report {
	w.Helper()
	w.tx(func(tx *store.Tx) error { return tx.Remind(dupont) })
	return w.sweep()
}

func (w *world) sweep() Report {
	w.Helper()
	report, err := w.box.Sweep(w.ctx())
	w.must(err)
	return report
}

func (w *world) outbox(states ...dossier.State) []store.Outgoing {
	w.Helper()
	rows, err := w.Outbox(w.ctx(), store.OutboxFilter{Company: dupont, States: states})
	w.must(err)
	return rows
}

func (w *world) message(id dossier.MessageID) store.Outgoing {
	w.Helper()
	row, err := w.Message(w.ctx(), id)
	w.must(err)
	return row
}

// approve approves all drafts as they stand.
func (w *world) approve() []dossier.MessageID {
	w.Helper()
	var ids []dossier.MessageID
	for _, row := range w.outbox(dossier.StateDraft) {
		w.must(w.box.Approve(w.ctx(), row.ID, row.Basis, "marie", ""))
		ids = append(ids, row.ID)
	}
	return ids
}

// hold claims the mailbox as a new holder does.
func (w *world) hold(owner string) {
	w.Helper()
	fence, _, ok, err := w.ClaimLease(w.ctx(), "mailbox/courrier", owner, 10*time.Minute)
	w.must(err)
	if !ok {
		w.Fatal("the lease is held")
	}
	w.fence = fence
	w.must(w.sender.Takeover(w.ctx(), fence))
}

// send runs the sender once, holding the lease first where nobody does.
func (w *world) send() Handed {
	w.Helper()
	h, err := w.trySend()
	w.must(err)
	return h
}

func (w *world) trySend() (Handed, error) {
	w.Helper()
	if w.fence.Number == 0 {
		w.hold("one")
	}
	w.must(w.RenewLease(w.ctx(), w.fence, 10*time.Minute))
	return w.sender.Once(w.ctx(), w.fence)
}

// later moves the clock and keeps books and mailboxes as fresh as a running
// daemon does.
func (w *world) later(d time.Duration) {
	w.Helper()
	if w.fence.Number != 0 {
		w.must(w.RenewLease(w.ctx(), w.fence, d+10*time.Minute))
	}
	w.clock.Add(d)
	w.fresh()
}

// fresh brings books and mailboxes up to date.
func (w *world) fresh() {
	w.Helper()
	w.tx(func(tx *store.Tx) error {
		if err := tx.BeginPass(compta, false); err != nil {
			return err
		}
		if err := tx.EndPass(compta, store.PassEnd{AsOf: tx.Now()}); err != nil {
			return err
		}
		for _, key := range w.box.Company.Mailboxes {
			if err := tx.ReadMailbox(key, tx.Now()); err != nil {
				return err
			}
		}
		return tx.UpToDate(compta, calendar.DateOf(tx.Now()), "marie")
	})
}

func (w *world) tasks(kind string) []store.CustomerTask {
	w.Helper()
	tasks, err := w.Tasks(w.ctx(), store.TaskFilter{Company: dupont, Kind: kind})
	w.must(err)
	return tasks
}

func (w *world) events(customer dossier.CustomerID) []string {
	w.Helper()
	rows, err := w.Timeline(w.ctx(), dupont, customer, 0)
	w.must(err)
	var kinds []string
	for _, row := range rows {
		kinds = append(kinds, row.Kind)
	}
	return kinds
}

// at answers a stage of the mail server with a fault, as often as told; 0: always.
func (w *world) at(stage emailtest.Stage, times int, fault emailtest.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := times
	w.server = func(s emailtest.Stage, _ string) emailtest.Fault {
		if s != stage || times > 0 && left == 0 {
			return emailtest.Fault{}
		}
		left--
		return fault
	}
}

// books is the source of the invoices as the sender sees it.
type books struct{ *world }

func (b books) Refresh(context.Context, receivable.CompanyID, []receivable.ConnectionID) error {
	b.passes++
	return nil
}

func (b books) Reread(_ context.Context, _ receivable.CompanyID, invoices map[receivable.ConnectionID][]string) error {
	b.rereads = append(b.rereads, invoices[compta.Name])
	if b.onReread != nil {
		b.onReread()
	}
	return nil
}

// mail is the inbox as the sender sees it.
type mail struct{ *world }

func (m mail) ReadToEnd(ctx context.Context, _ receivable.CompanyID) error {
	if m.unread != nil {
		return m.unread
	}
	if m.onRead != nil {
		m.onRead()
	}
	return m.InTx(ctx, func(tx *store.Tx) error {
		for _, key := range m.box.Company.Mailboxes {
			if err := tx.ReadMailbox(key, tx.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m mail) FileCopy(_ context.Context, _ store.MailboxKey, ref string, _ []byte) error {
	m.copies = append(m.copies, ref)
	return nil
}

func (m mail) FindSent(_ context.Context, _ store.MailboxKey, mid, _ string) (bool, error) {
	return m.inSent[mid], nil
}
