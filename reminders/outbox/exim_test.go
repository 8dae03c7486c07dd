package outbox

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// tool finds a shared tool beside the repository, or skips the test.
func tool(t *testing.T, name string) string {
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

// exim starts a real mail system and returns its settings.
func exim(t *testing.T) map[string]string {
	t.Helper()
	mailserver := tool(t, "mailserver")
	dir := t.TempDir()
	for try := range 20 {
		listen, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		base := listen.Addr().(*net.TCPAddr).Port - 5 - try
		_ = listen.Close()
		state := filepath.Join(dir, strconv.Itoa(try))
		out, err := exec.Command(mailserver, "start", state, strconv.Itoa(base)).CombinedOutput()
		if err != nil {
			if strings.Contains(string(out), "taken") || strings.Contains(string(out), "already in use") {
				continue
			}
			if strings.Contains(string(out), "try: mailserver install") && os.Getenv("CI") != "true" {
				t.Skipf("%s", out)
			}
			t.Fatalf("%v: %s", err, out)
		}
		t.Cleanup(func() { _ = exec.Command(mailserver, "stop", state).Run() })
		env := map[string]string{"dir": state, "tool": mailserver}
		for line := range strings.Lines(string(out)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			env[name] = strings.Trim(value, "'")
		}
		return env
	}
	t.Fatal("no free ports")
	return nil
}

func TestSend_toARealServer(t *testing.T) {
	t.Parallel()
	env := exim(t)
	ca, err := os.ReadFile(env["MAIL_CA"])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	port := func(name string) int {
		n, err := strconv.Atoi(env[name])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	submission := Server{
		Host: "127.0.0.1", Port: port("MAIL_SUBMISSION_PORT"), TLS: TLSStart, CA: pool, User: "alice", Password: "pw-alice",
		Limits: Limits{Greeting: 30 * time.Second, Data: 30 * time.Second, Final: 30 * time.Second},
	}
	implicit := submission
	implicit.Port, implicit.TLS = port("MAIL_SMTPS_PORT"), TLSImplicit
	wrong := submission
	wrong.Password = "guess"
	nobody := submission
	nobody.User = ""
	message := func(to string) Envelope {
		raw, err := email.Build(email.Message{
			From: email.Address{Addr: "alice@mail.test"}, To: []email.Address{{Addr: to}}, Subject: "essai", Text: ".point\n",
			Date: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), MessageID: "<r1.7k4qm2tx01234567.7k4qm2tx01234567@mail.test>",
		})
		if err != nil {
			t.Fatal(err)
		}
		return Envelope{ID: "7k4qm2tx01234567", From: "alice@mail.test", To: []string{to}, Data: raw}
	}
	tests := []struct {
		name   string
		server Server
		to     string
		want   Result
	}{
		{"starttls", submission, "bob@mail.test", Result{Outcome: Sent, Stage: StageDot}},
		{"implicit", implicit, "bob@mail.test", Result{Outcome: Sent, Stage: StageDot}},
		{"void", submission, "void@mail.test", Result{Outcome: Sent, Stage: StageDot}},
		{"slow", submission, "slow@mail.test", Result{Outcome: Sent, Stage: StageDot}},
		{"reject", submission, "reject@mail.test", Result{Outcome: NotDelivered, Stage: StageRcpt, Scope: ScopeAddress}},
		{"full", submission, "full@mail.test", Result{Outcome: NotDelivered, Stage: StageRcpt, Scope: ScopeAddress}},
		{"nobody there", submission, "personne@mail.test", Result{Outcome: NotDelivered, Stage: StageRcpt, Scope: ScopeAddress}},
		{"busy", submission, "busy@mail.test", Result{Outcome: NotDelivered, Stage: StageRcpt, Scope: ScopeAddress, Temporary: true}},
		{"cut", submission, "cut@mail.test", Result{Outcome: NotDelivered, Stage: StageRcpt, Scope: ScopeAddress}},
		{"wrong password", wrong, "bob@mail.test", Result{Outcome: NotDelivered, Stage: StageAuth, Scope: ScopeAccount}},
		{"no log-in", nobody, "bob@mail.test", Result{Outcome: NotDelivered, Stage: StageRcpt, Scope: ScopeAccount}},
	}
	for _, test := range tests {
		got := try(t, test.server, message(test.to))
		if got.Outcome != test.want.Outcome || got.Stage != test.want.Stage || got.Scope != test.want.Scope || got.Temporary != test.want.Temporary {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
	session, r := Connect(t.Context(), submission)
	if session == nil {
		t.Fatal(r.Err)
	}
	for i := range 15 { // Exim cuts the line at the sixth RSET or NOOP
		if r := session.Send(t.Context(), message("carol@mail.test"), func() error { return nil }); r.Outcome != Sent {
			t.Fatalf("message %d: %+v", i, r)
		}
	}
	session.Close()
	deadline := time.Now().Add(20 * time.Second)
	for {
		list, _ := exec.Command(env["tool"], "list", env["dir"], "carol").CombinedOutput()
		if strings.Contains(string(list), "* 15 EXISTS") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not all arrived: %s", list)
		}
		<-time.After(100 * time.Millisecond)
	}
	if out, err := exec.Command(env["tool"], "hang", env["dir"], "smtp").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	silent := submission
	silent.Limits.Greeting = 300 * time.Millisecond
	if got := try(t, silent, message("bob@mail.test")); got.Outcome != NotDelivered || got.Code != 0 || !got.Temporary {
		t.Errorf("silent: %s", fmt.Sprintf("%+v", got))
	}
	_ = exec.Command(env["tool"], "wake", env["dir"], "smtp").Run()
}

func TestSender_overARealServer(t *testing.T) {
	t.Parallel()
	env := exim(t)
	ca, err := os.ReadFile(env["MAIL_CA"])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	w := open(t, sqlite(t), 0)
	port, err := strconv.Atoi(env["MAIL_SUBMISSION_PORT"])
	w.must(err)
	w.sender.Server = Server{
		Host: "127.0.0.1", Port: port, TLS: TLSStart, CA: pool, User: "alice", Password: "pw-alice",
		Limits: Limits{Greeting: 30 * time.Second, Data: 30 * time.Second, Final: 30 * time.Second},
	}
	w.box.Company.Sender.Address = "alice@mail.test"
	want := map[string]dossier.State{
		"bob": dossier.StateSent, "void": dossier.StateSent, "slow": dossier.StateSent,
		"reject": dossier.StateRefused, "personne": dossier.StateRefused, "busy": dossier.StateQueued,
	}
	var page store.Page
	for name := range want {
		page.Accounts = append(page.Accounts, receivable.Account{External: "a-" + name, Code: name, Name: "Client " + name, Kind: receivable.KindBusiness, Emails: []string{name + "@mail.test"}})
		page.Documents = append(page.Documents, bill("F-"+name, name, "2026-10-12", 100_00, 100_00))
	}
	w.apply(page)
	w.tx(func(tx *store.Tx) error { return tx.Confirm(compta, "marie") })
	w.remind()
	w.approve()
	w.send()
	for range 3 {
		w.sweep()
	}
	for _, row := range w.outbox() {
		if row.State != want[row.Code] {
			t.Errorf("%s: %s, %q", row.Code, row.State, row.Problem)
		}
	}
	if n := len(w.outbox()); n != len(want) {
		t.Errorf("%d rows", n)
	}
	d, err := w.Dossier(w.ctx(), w.customer("personne"))
	w.must(err)
	if len(d.Bounced) != 1 {
		t.Errorf("bounced: %+v, tasks %+v", d.Bounced, w.tasks(""))
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		list, _ := exec.Command(env["tool"], "list", env["dir"], "bob").CombinedOutput()
		if strings.Contains(string(list), "* 1 EXISTS") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not arrive: %s", list)
		}
		<-time.After(100 * time.Millisecond)
	}
}
