package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"relanced/internal/email/emailtest"
	"relanced/internal/oauth/oauthtest"
)

const boxAddress = "compta@dupont.example"

// mailVendor is a provider of mailboxes that are let into by OAuth alone.
type mailVendor struct {
	oauth *oauthtest.Server
	imap  *emailtest.IMAP
	smtp  *emailtest.SMTP
	opens atomic.Value // the mailbox that its tokens open
	pages string       // where consent, tokens and what they open are asked for
}

// newMailWorld is a company whose mailbox is at that vendor. bearer is how its
// servers are told a token, keys what stands in the log-in.
func newMailWorld(t *testing.T, vendor, bearer, keys string, o oauthtest.Options) (*world, *mailVendor) {
	t.Helper()
	redirect := redirectAddress(t)
	o.ClientID, o.RedirectURL, o.PKCE = "relanced-app", redirect, true
	v := &mailVendor{oauth: oauthtest.New(o)}
	v.opens.Store(boxAddress)
	opens := func(user, token string) bool { return user == v.opens.Load() && v.oauth.Valid(token) }
	mux := http.NewServeMux()
	mux.HandleFunc("/authorize", v.oauth.Authorize)
	mux.HandleFunc("/token", v.oauth.Token)
	mux.HandleFunc("/introspect", func(rw http.ResponseWriter, r *http.Request) { // RFC 7662, as Dovecot asks
		fmt.Fprintf(rw, `{"active": %v, "email": %q}`, v.oauth.Valid(r.FormValue("token")), v.opens.Load())
	})
	pages := httptest.NewServer(mux)
	t.Cleanup(pages.Close)
	v.pages = pages.URL
	var err error
	if v.imap, err = emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{boxAddress: "no password"}, Token: opens, Bearer: bearer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.imap.Close() })
	if v.smtp, err = emailtest.NewSMTP(emailtest.SMTPConfig{Token: opens, Bearer: bearer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.smtp.Close() })
	w := &world{t: t, dir: t.TempDir()}
	w.store = "sqlite:" + filepath.Join(w.dir, "relanced.db")
	w.put("secret", o.ClientSecret+"\n")
	w.config = w.put("relanced.yaml", fmt.Sprintf(mailConfig, boxAddress, vendor, pages.URL+"/authorize", pages.URL+"/token", redirect, keys, v.smtp.Port, v.imap.Port))
	return w, v
}

const mailConfig = `
store: {env: RELANCED_STORE}
http: {listen: off}
companies:
  - id: dupont
    name: Dupont & Fils SARL
    country: FR
    siren: "732829320"
    bank_accounts: [{iban: FR7630006000011234567890189, bic: AGRIFRPP}]
    connections: [{name: exports, type: files}]
    customers: {file: clients.csv, terms: 30d, kind: business}
    mailboxes:
      - name: courrier
        address: %s
        login: {oauth2: %s, client_id: relanced-app, authorize_url: %q, token_url: %q, redirect_url: %q%s}
        smtp: {host: 127.0.0.1, port: %d, tls: none, pace: 600/min}
        imap: {host: 127.0.0.1, port: %d, tls: none}
    reminders:
      schedule: "* * * * *"
      window: {days: mon-sun, hours: "00:00-24:00", holidays: none}
`

func (w *world) connect() (string, int) {
	w.t.Helper()
	cmd := exec.Command(binary, "--config", w.config, "connect", "courrier")
	cmd.Env = w.env()
	c := connect(w.t, cmd)
	visit(w.t, c.page)
	return c.end()
}

// mailAdvice is what status says must be done about mailboxes.
func (w *world) mailAdvice() (all []string) {
	w.t.Helper()
	for _, p := range one[statusRow](w, "status").Problems {
		if strings.HasPrefix(p.What, "mailbox") && p.Do != nil {
			all = append(all, *p.Do)
		}
	}
	return all
}

func TestMailOAuth_remindsAndHearsTheAnswer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		vendor, bearer, keys string
		o                    oauthtest.Options
	}{
		{"google", "XOAUTH2", ", client_secret: {file: secret}", oauthtest.Options{ClientSecret: "g/secret", Scopes: []string{"https://mail.google.com/"}, RotateAfter: time.Hour}},
		{"microsoft", "OAUTHBEARER", "", oauthtest.Options{Scopes: []string{"offline_access", "https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"}}},
	} {
		t.Run(test.vendor, func(t *testing.T) {
			t.Parallel()
			w, v := newMailWorld(t, test.vendor, test.bearer, test.keys, test.o)
			w.do("import", "exports", w.ledger(
				debtor{"C001", "Durand Matériaux", "achats@durand.example", "FA-101", 120_000},
				debtor{"C002", "Imprimerie Roux", "roux@roux.example", "FA-102", 75_000},
			))
			w.do("confirm", "exports", "--yes")
			if r := w.command("check"); r.code != 1 || strings.Count(r.out, "run relanced connect courrier") != 2 {
				t.Errorf("check before: %d %s", r.code, r.out)
			}
			if r := w.command("remind"); r.code != 1 {
				t.Errorf("remind before: %d %s %s", r.code, r.out, r.err)
			}
			if got := w.mailAdvice(); !slices.Equal(got, []string{"run relanced connect courrier"}) {
				t.Errorf("problems before: %q", got)
			}
			if out, code := w.connect(); code != 0 || !strings.Contains(out, boxAddress) {
				t.Fatalf("connect: %d %s", code, out)
			}
			if r := w.command("check"); r.code != 0 {
				t.Errorf("check after: %d %s", r.code, r.out)
			}
			w.do("remind")
			if n := len(rows[outboxRow](w, "outbox", "--state", "draft")); n != 2 {
				t.Fatalf("%d drafts", n)
			}
			w.do("approve", fmt.Sprint(w.message("C001").ID))
			v.oauth.ExpireAccess() // the vendor does not wait for the end it told
			w.do("remind")
			mails := v.smtp.Mails()
			if len(mails) != 1 || mails[0].To[0] != "achats@durand.example" {
				t.Fatalf("left: %+v", mails)
			}
			if !slices.ContainsFunc(v.smtp.Lines(), func(line string) bool { return strings.HasPrefix(line, "AUTH "+test.bearer+" ") }) {
				t.Errorf("it logged in by %q", v.smtp.Lines())
			}

			// The answer is read.
			sent, err := mail.ReadMessage(bytes.NewReader(mails[0].Data))
			if err != nil {
				t.Fatal(err)
			}
			reply, _ := answer("achats@durand.example", "Claire Durand", letter{head: sent.Header}, "Bonjour,\n\nLe virement partira mardi.")
			if !v.imap.Put(boxAddress, "INBOX", []byte(strings.ReplaceAll(reply, "\n", "\r\n")), time.Now()) {
				t.Fatal("not put")
			}
			v.oauth.ExpireAccess()
			w.do("inbox", "read")
			if !w.held("C001") {
				t.Error("the answer does not hold")
			}

			// Taken back: nothing leaves, and one thing is asked for.
			w.do("approve", fmt.Sprint(w.message("C002").ID))
			v.oauth.Revoke()
			for range 2 {
				if r := w.command("remind"); r.code != 1 || !strings.Contains(r.out+r.err, "run relanced connect courrier") {
					t.Errorf("remind after it was taken back: %d %s %s", r.code, r.out, r.err)
				}
			}
			if got := w.mailAdvice(); !slices.Equal(got, []string{"run relanced connect courrier"}) {
				t.Errorf("problems: %q", got)
			}
			if state := one[statusRow](w, "status").Mailboxes[0].State; state == "fresh" {
				t.Error("the mailbox is fresh")
			}
			if n := len(v.smtp.Mails()); n != 1 {
				t.Errorf("%d messages left", n)
			}
			if out, code := w.connect(); code != 0 {
				t.Fatalf("connect again: %d %s", code, out)
			}
			w.do("remind")
			if n := len(v.smtp.Mails()); n != 2 {
				t.Errorf("%d messages left once it was connected again", n)
			}
			if got := w.mailAdvice(); len(got) != 0 {
				t.Errorf("problems at the end: %q", got)
			}
		})
	}
}

func TestMailOAuth_anotherMailboxsPermissionIsRefused(t *testing.T) {
	t.Parallel()
	w, v := newMailWorld(t, "google", "XOAUTH2", "", oauthtest.Options{})
	v.opens.Store("paie@dupont.example")
	if out, code := w.connect(); code != 1 {
		t.Errorf("connect: %d %s", code, out)
	}
	v.opens.Store(boxAddress)
	if r := w.command("check"); r.code != 1 || !strings.Contains(r.out, "run relanced connect courrier") {
		t.Errorf("something was kept: %d %s", r.code, r.out)
	}
}

// With a secret Microsoft lets the program in by its own name, until somebody
// connects the mailbox.
func TestMailOAuth_unattended(t *testing.T) {
	t.Parallel()
	w, v := newMailWorld(t, "microsoft", "XOAUTH2", ", tenant: dupont.example, client_secret: {file: secret}", oauthtest.Options{ClientSecret: "m/secret", Unattended: true})
	w.ledger()
	if r := w.command("check"); r.code != 0 {
		t.Errorf("check: %d %s", r.code, r.out)
	}
	v.opens.Store("nobody@dupont.example")
	r := w.command("check")
	for _, want := range []string{
		"New-ServicePrincipal -AppId relanced-app", `Add-MailboxPermission -Identity "compta@dupont.example"`, "enterprise application", "SMTP.SendAsApp",
	} {
		if r.code != 1 || !strings.Contains(r.out, want) {
			t.Errorf("check where Exchange does not let it in: %d, no %q in %s", r.code, want, r.out)
		}
	}
	v.opens.Store(boxAddress)
	v.oauth.Refuse("invalid_client", "AADSTS7000215: Invalid client secret provided. Trace ID: 1")
	if r := w.command("check"); r.code != 1 || strings.Count(r.out, "not its Secret ID") != 2 || strings.Contains(r.out, "m/secret") {
		t.Errorf("check with a wrong secret: %d %s", r.code, r.out)
	}
	v.oauth.Refuse("", "")
	if out, code := w.connect(); code != 0 {
		t.Fatalf("connect: %d %s", code, out)
	}
	v.oauth.Revoke()
	if r := w.command("check"); r.code != 1 || !strings.Contains(r.out, "run relanced connect courrier") {
		t.Errorf("check after it was taken back: %d %s", r.code, r.out)
	}
}

func TestMailOAuth_aRunningDaemonTakesUpTheConsent(t *testing.T) {
	t.Parallel()
	w, v := newMailWorld(t, "google", "XOAUTH2", "", oauthtest.Options{})
	w.ledger()
	state := func() string { return one[statusRow](w, "status").Mailboxes[0].State }
	v.opens.Store("nobody@dupont.example") // the server refuses: from then on it is asked rarely
	_, refresh := v.oauth.Issue()
	if r := w.command("connect", "courrier", "--refresh-token-file", w.put("refresh", refresh)); r.code != 1 {
		t.Fatalf("connect: %d %s", r.code, r.out)
	}
	p := w.daemon()
	defer p.stop()
	until(t, 30*time.Second, "blocked", func() bool { return state() == "blocked" })
	v.opens.Store(boxAddress)
	if out, code := w.connect(); code != 0 {
		t.Fatalf("connect: %d %s", code, out)
	}
	until(t, 30*time.Second, "fresh", func() bool { return state() == "fresh" })
}

// Dovecot checks tokens with the vendor, and says no in its own way.
func TestMailOAuth_onDovecot(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{"xoauth2", "oauthbearer"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			p := newPost(t)
			w, v := newMailWorld(t, "google", "XOAUTH2", "", oauthtest.Options{})
			w.ledger()
			state := p.env["MAIL_STATE"]
			for name, text := range map[string]string{
				"dovecot.conf": "auth_mechanisms = plain " + mechanism + "\npassdb {\n  driver = oauth2\n  mechanisms = " + mechanism + "\n  args = " + filepath.Join(state, "oauth2.conf") + "\n}\n",
				"oauth2.conf": "introspection_url = " + v.pages + "/introspect?token=\nintrospection_mode = get\nusername_attribute = email\nusername_format = %Ln\n" +
					"active_attribute = active\nactive_value = true\n",
			} {
				file, err := os.OpenFile(filepath.Join(state, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := file.WriteString(text); err != nil {
					t.Fatal(err)
				}
				file.Close()
			}
			p.run("down", "imap")
			p.run("up", "imap")
			config, err := os.ReadFile(w.config)
			if err != nil {
				t.Fatal(err)
			}
			w.put("relanced.yaml", strings.Replace(string(config), fmt.Sprintf("port: %d, tls: none}\n    rem", v.imap.Port),
				fmt.Sprintf("port: %s, tls: implicit, ca: %q}\n    rem", p.env["MAIL_IMAPS_PORT"], p.env["MAIL_CA"]), 1))
			if out, code := w.connect(); code != 0 {
				t.Fatalf("connect: %d %s\n%s", code, out, p.run("logs"))
			}
			v.oauth.ExpireAccess()
			if r := w.command("check"); r.code != 0 {
				t.Errorf("check: %d %s", r.code, r.out)
			}
			v.opens.Store("paie@dupont.example")
			if r := w.command("check"); r.code != 1 || !strings.Contains(r.out, "run relanced connect courrier as compta@dupont.example") {
				t.Errorf("check with another's token: %d %s", r.code, r.out)
			}
		})
	}
}
