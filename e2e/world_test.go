package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relanced/connectors/files/fectest"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/calendar"
	"relanced/internal/email/emailtest"
)

// world is a company with its accounting software, its mail system and its
// configuration.
type world struct {
	t      *testing.T
	dir    string
	post   *post
	books  *pennylanetest.Server
	config string
	store  string
	mode   string
	brief  bool
	poll   string   // of Pennylane
	smtp   string   // instead of the mail system's
	imap   string   // the same
	source string   // the keys of the connection, instead of Pennylane's
	api    string   // where the books are asked for, instead of their own address
	vars   []string // more environment
	// Of the only customer, in tests that have one:
	who              int64
	address, invoice string
}

const token = "e2e-token"

func newWorld(t *testing.T, store string) *world {
	t.Helper()
	return newWorldWith(t, store, newPost(t))
}

// newWorldWith makes a world whose mail system is there already.
func newWorldWith(t *testing.T, store string, p *post) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), post: p, store: store, mode: "review", poll: "@every 5s"}
	if store == "" {
		w.store = "sqlite:" + filepath.Join(w.dir, "relanced.db")
	}
	var err error
	if w.books, err = pennylanetest.New(pennylanetest.Options{Token: token, Unlimited: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.books.Close() })
	// Worlds that share a mailbox must not take each other's messages for theirs.
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	w.put("key", base64.StdEncoding.EncodeToString(key)+"\n")
	w.config = w.write("relanced.yaml")
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, args := range [][]string{{"status"}, {"outbox"}, {"tasks"}, {"replies"}, {"remind", "--dry-run"}} {
			r := w.command(append([]string{"--no-color"}, args...)...)
			t.Logf("relanced %s: exit %d\n%s%s", strings.Join(args, " "), r.code, tail(r.out, 5000), tail(r.err, 2000))
		}
	})
	return w
}

func (w *world) env() []string {
	return append(append(os.Environ(), "PENNYLANE_TOKEN="+token, "QUICKBOOKS_SECRET=secret/of+intuit", "MAIL_PASSWORD=pw-compta", "RELANCED_STORE="+w.store), w.vars...)
}

// write writes the configuration and returns its path.
func (w *world) write(name string) string {
	w.t.Helper()
	smtp := w.smtp
	if smtp == "" {
		smtp = fmt.Sprintf("{host: 127.0.0.1, port: %s, tls: starttls, ca: %q, pace: 600/min}", w.post.env["MAIL_SUBMISSION_PORT"], w.post.env["MAIL_CA"])
	}
	imap := w.imap
	if imap == "" {
		imap = fmt.Sprintf("{host: 127.0.0.1, port: %s, tls: implicit, ca: %q, poll: 1m}", w.post.env["MAIL_IMAPS_PORT"], w.post.env["MAIL_CA"])
	}
	api := w.api
	if api == "" {
		api = w.books.URL()
	}
	source := w.source
	if source == "" {
		source = fmt.Sprintf("type: pennylane, token: {env: PENNYLANE_TOKEN}, base_url: %q", api)
	}
	brief := ""
	if w.brief {
		brief = `brief: {schedule: "@every 2s", to: [marie@dupont.example], empty: silent}`
	}
	text := fmt.Sprintf(`
store: {env: RELANCED_STORE}
key: {file: key}
log: {level: info, format: text}
http: {listen: off}
companies:
  - id: dupont
    name: Dupont & Fils SARL
    country: FR
    language: fr
    timezone: Europe/Paris
    siren: "732829320"
    bank_accounts: [{iban: FR7630006000011234567890189, bic: AGRIFRPP}]
    connections:
      - {name: exports, type: files}
      - {name: compta, %s, schedule: %q}
    customers: {file: clients.csv, terms: 30d, kind: business}
    mailboxes:
      - name: courrier
        address: compta@dupont.example
        display: Comptabilité Dupont
        login: {user: compta, password: {env: MAIL_PASSWORD}}
        smtp: %s
        imap: %s
    team: [{name: Marie Petit, email: marie@dupont.example, may: [all]}]
    %s
    reminders:
      mode: %s
      schedule: "* * * * *"
      window: {days: mon-sun, hours: "00:00-24:00", holidays: none}
`, source, w.poll, smtp, imap, brief, w.mode)
	path := filepath.Join(w.dir, name)
	w.put(name, text)
	return path
}

// handTo makes the company hand its mail over to a server in memory.
func (w *world) handTo(config emailtest.SMTPConfig) *emailtest.SMTP {
	w.t.Helper()
	config.Users = map[string]string{"compta": "pw-compta"}
	server, err := emailtest.NewSMTP(config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = server.Close() })
	w.smtp = fmt.Sprintf("{host: %s, port: %d, tls: none, pace: 600/min}", server.Host, server.Port)
	w.config = w.write("relanced.yaml")
	return server
}

// put writes a file into the world's folder.
func (w *world) put(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// day is the date some days from now.
func day(n int) calendar.Date { return calendar.DateOf(time.Now()).AddDays(n) }

// debtor is a customer of the ledger, with one invoice 45 days old.
type debtor struct {
	code, name, address, invoice string
	cents                        int64
}

// ledger writes a FEC with the debtors' open invoices, and the customers' file
// that gives them addresses.
func (w *world) ledger(debtors ...debtor) string {
	w.t.Helper()
	var lines []fectest.Line
	clients := "code;name;emails;kind\n"
	issued := day(-45)
	for i, d := range debtors {
		num := fmt.Sprintf("%d", i+1)
		line := fectest.Line{Journal: "VE", JournalLib: "Ventes", Num: num, On: issued, Piece: d.invoice, PieceOn: issued, Label: "Facture " + d.invoice, ValidOn: issued}
		client, sale, tax := line, line, line
		client.Account, client.AccountLib, client.Aux, client.AuxLib, client.Debit = "411000", "Clients", d.code, d.name, d.cents
		sale.Account, sale.AccountLib, sale.Credit = "706000", "Prestations", d.cents-d.cents/6
		tax.Account, tax.AccountLib, tax.Credit = "445710", "TVA collectée", d.cents/6
		lines = append(lines, client, sale, tax)
		clients += fmt.Sprintf("%s;%s;%s;business\n", d.code, d.name, d.address)
	}
	w.put("clients.csv", clients)
	// The newest line says how old the books are.
	fee := fectest.Line{Journal: "BQ", JournalLib: "Banque", Num: "900", On: day(0), Piece: "REL", PieceOn: day(0), Label: "Frais bancaires", ValidOn: day(0)}
	cost, bank := fee, fee
	cost.Account, cost.AccountLib, cost.Debit = "627000", "Services bancaires", 1200
	bank.Account, bank.AccountLib, bank.Credit = "512000", "Banque", 1200
	lines = append(lines, cost, bank)
	path := filepath.Join(w.dir, fmt.Sprintf("732829320FEC%s.txt", strings.ReplaceAll(day(30).String(), "-", "")))
	var out bytes.Buffer
	if err := fectest.Write(&out, fectest.Style{}, lines); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// customer adds a customer with one overdue invoice to Pennylane.
func (w *world) customer(code, name, address, invoice string, cents int64) (who, id int64) {
	who = w.books.Books.AddCustomer(pennylanetest.Customer{
		Type: "company", Name: name, Reference: code, Emails: []string{address}, Language: "fr_FR", Country: "FR",
		SIREN: "", Street: "1 rue des Lilas", Postcode: "35000", City: "Rennes",
	})
	return who, w.overdue(who, invoice, cents)
}

// overdue adds an invoice to a customer, overdue since ten days.
func (w *world) overdue(who int64, invoice string, cents int64) int64 {
	return w.books.Books.AddInvoice(pennylanetest.Invoice{
		Customer: who, Number: invoice, Date: day(-40).String(), Deadline: day(-10).String(), Total: pennylanetest.Cents(cents),
	})
}

// process is a running daemon.
type process struct {
	w    *world
	cmd  *exec.Cmd
	done chan error
	mu   sync.Mutex
	log  bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// daemon starts the daemon and waits until it is ready.
func (w *world) daemon() *process {
	w.t.Helper()
	p := &process{w: w, done: make(chan error, 1)}
	p.cmd = exec.Command(binary, "--config", w.config, "run")
	p.cmd.Env = w.env()
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	w.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		if w.t.Failed() {
			w.t.Logf("the daemon said:\n%s", tail(p.said(), 12_000))
		}
	})
	until(w.t, 30*time.Second, "ready", func() bool {
		select {
		case err := <-p.done:
			w.t.Fatalf("the daemon ended: %v\n%s", err, p.said())
		default:
		}
		return strings.Contains(p.said(), "ready")
	})
	return p
}

func tail(text string, n int) string {
	if len(text) > n {
		return "…" + text[len(text)-n:]
	}
	return text
}

// stop asks the daemon to end and waits for it.
func (p *process) stop() {
	p.w.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.done:
		if err != nil {
			p.w.t.Errorf("the daemon did not end well: %v\n%s", err, tail(p.said(), 4000))
		}
	case <-time.After(30 * time.Second):
		p.w.t.Errorf("the daemon did not end within 30 s")
		_ = p.cmd.Process.Kill()
	}
}

// kill ends it at once, as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}
