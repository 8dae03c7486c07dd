package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/rogpeppe/go-internal/testscript"

	"relanced/connectors/files/fectest"
	"relanced/internal/calendar"
	"relanced/internal/email/emailtest"
)

// TestMain lets the scripts run this program as the command `relanced`.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"relanced": main})
}

// TestScripts runs the program as people do. Besides testscript's own commands:
//
//	fec FILE          writes a small ledger around today
//	deliver FILE      a message arrives in the INBOX of the company
//	fields OBJECT     each line printed is an object of config.md §4 with all its
//	                  fields and no other
//	lines N           so many lines were printed
//	exits CODE COMMAND…  the command ends with that code
//	ready             the daemon answers /healthz
//	newer FILE        the database was written by a later version
//	private FILE…     nobody but the owner reads these
//	nowhere SECRET    no file of the script's folder holds it, nor what was printed last
//
// DAY_n is the date n days from now, DAY_AGO_n the one n days ago.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fec": writeLedger, "deliver": deliver, "fields": checkFields, "lines": countLines, "exits": exits, "ready": awaitReady, "newer": makeNewer,
			"private": private, "nowhere": nowhere,
		},
	})
}

type postKey struct{}

// setUp starts the company's mail servers and names what a configuration needs.
func setUp(env *testscript.Env) error {
	users := map[string]string{"compta@dupont.example": "s3cret-of-mail"}
	post, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: users})
	if err != nil {
		return err
	}
	env.Defer(func() { _ = post.Close() })
	smtp, err := emailtest.NewSMTP(emailtest.SMTPConfig{Users: users})
	if err != nil {
		return err
	}
	env.Defer(func() { _ = smtp.Close() })
	env.Values[postKey{}] = post
	env.Setenv("IMAP_PORT", strconv.Itoa(post.Port))
	env.Setenv("SMTP_PORT", strconv.Itoa(smtp.Port))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	env.Setenv("HTTP_PORT", port)
	_ = free.Close()
	env.Setenv("MAIL_PASSWORD", "s3cret-of-mail")
	env.Setenv("PATH", env.Getenv("PATH"))
	today := calendar.DateOf(time.Now())
	for _, n := range []int{10, 20, 30, 60} {
		env.Setenv(fmt.Sprintf("DAY_%d", n), today.AddDays(n).String())
		env.Setenv(fmt.Sprintf("DAY_AGO_%d", n), today.AddDays(-n).String())
	}
	// The configurations of the scripts share their mailbox.
	return os.WriteFile(filepath.Join(env.WorkDir, "relanced.yaml"), []byte(strings.NewReplacer(
		"IMAP_PORT", env.Getenv("IMAP_PORT"), "SMTP_PORT", env.Getenv("SMTP_PORT"), "HTTP_PORT", env.Getenv("HTTP_PORT"),
	).Replace(configuration)), 0o600)
}

const configuration = `store: sqlite:relanced.db
http: {listen: "127.0.0.1:HTTP_PORT"}
companies:
  - id: dupont
    name: Dupont & Fils SARL
    country: FR
    siren: "732829320"
    bank_accounts: [{iban: FR7630006000011234567890189, bic: AGRIFRPP}]
    connections:
      - {name: exports, type: files}
    customers: {file: clients.csv, terms: 30d, kind: business}
    mailboxes:
      - name: courrier
        address: compta@dupont.example
        login: {password: {env: MAIL_PASSWORD}}
        smtp: {host: 127.0.0.1, port: SMTP_PORT, tls: none, pace: 600/min}
        imap: {host: 127.0.0.1, port: IMAP_PORT, tls: none}
    team: [{name: Marie Petit, email: marie@dupont.example, may: [all]}]
    reminders:
      mode: review
      schedule: "* * * * *"
      window: {days: mon-sun, hours: "00:00-24:00", holidays: none}
`

// hostile is a name that would be a formula, a tag, and text read backwards.
const hostile = "=cmd|'/C calc'!A0 \u202eevil <b>&"

func writeLedger(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fec FILE")
	}
	var lines []fectest.Line
	number := 0
	today := calendar.DateOf(time.Now())
	entry := func(on calendar.Date, journal string, more ...fectest.Line) {
		number++
		for _, l := range more {
			l.Journal, l.JournalLib, l.Num, l.On, l.PieceOn, l.ValidOn = journal, journal, strconv.Itoa(number), on, on, on
			lines = append(lines, l)
		}
	}
	invoice := func(ago int, piece, code, name string, cents int64, letter string) {
		entry(today.AddDays(-ago), "VE",
			fectest.Line{Account: "411000", AccountLib: "Clients", Aux: code, AuxLib: name, Piece: piece, Label: "Facture " + piece, Debit: cents, Letter: letter},
			fectest.Line{Account: "706000", AccountLib: "Ventes", Piece: piece, Label: "Facture " + piece, Credit: cents})
	}
	invoice(85, "FA-001", "C001", "Garage Martin", 120000, "")
	invoice(75, "FA-002", "C001", "Garage Martin", 60000, "")
	invoice(80, "FA-003", "C002", "Boulangerie Aubert", 24000, "AA")
	entry(today.AddDays(-40), "BQ",
		fectest.Line{Account: "411000", AccountLib: "Clients", Aux: "C002", AuxLib: "Boulangerie Aubert", Piece: "V1", Label: "VIR", Credit: 24000, Letter: "AA"},
		fectest.Line{Account: "512000", AccountLib: "Banque", Piece: "V1", Label: "VIR", Debit: 24000})
	invoice(5, "FA-004", "C003", hostile, 360000, "")
	invoice(150, "FA-005", "C004", "Dupont SA", 96000, "")
	invoice(70, "FA-006", "C005", "Dupont SA", 10000, "")
	entry(today.AddDays(-20), "VE",
		fectest.Line{Account: "411000", AccountLib: "Clients", Aux: "C003", AuxLib: hostile, Piece: "AV-001", Label: "Avoir AV-001", Credit: 5000},
		fectest.Line{Account: "706000", AccountLib: "Ventes", Piece: "AV-001", Label: "Avoir AV-001", Debit: 5000})
	var b bytes.Buffer
	ts.Check(fectest.Write(&b, fectest.Style{}, lines))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}

func deliver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: deliver FILE")
	}
	post, _ := ts.Value(postKey{}).(*emailtest.IMAP)
	raw := strings.ReplaceAll(os.Expand(ts.ReadFile(args[0]), ts.Getenv), "\n", "\r\n")
	if !post.Put("compta@dupont.example", "INBOX", []byte(raw), time.Now()) {
		ts.Fatalf("no such mailbox")
	}
}

func countLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lines N")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := strings.Count(ts.ReadFile("stdout"), "\n"); got != want {
		ts.Fatalf("%d lines were printed, want %d", got, want)
	}
}

// exits runs a command that must end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("it ended with %d, want %d", got, want)
	}
}

// awaitReady waits until the daemon says that it is ready.
func awaitReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: ready")
	}
	address := "http://127.0.0.1:" + ts.Getenv("HTTP_PORT") + "/healthz"
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if response, err := http.Get(address); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		<-time.After(20 * time.Millisecond)
	}
	ts.Fatalf("the daemon is not ready")
}

func makeNewer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer FILE")
	}
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)")
	ts.Check(errors.Join(err, db.Close()))
}

func private(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: private FILE…")
	}
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			ts.Fatalf("%s has the mode %04o", name, mode)
		}
	}
}

func nowhere(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] == "" {
		ts.Fatalf("usage: nowhere SECRET")
	}
	login := "\x00compta@dupont.example\x00" + args[0]
	forms := [][]byte{[]byte(args[0]), []byte(base64.StdEncoding.EncodeToString([]byte(login))), []byte(base64.StdEncoding.EncodeToString([]byte(args[0])))}
	look := func(where string, text []byte) {
		for _, form := range forms {
			if bytes.Contains(text, form) {
				ts.Fatalf("%s holds the secret", where)
			}
		}
	}
	look("standard output", []byte(ts.ReadFile("stdout")))
	look("standard error", []byte(ts.ReadFile("stderr")))
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		look(path, text)
		return err
	}))
	if files < 3 {
		ts.Fatalf("%d files were looked at", files)
	}
}
