package mailbox_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/inbox/mailbox"
	"relanced/internal/conf"
)

func TestSettle_portAndProtectionFollowFromOneAnother(t *testing.T) {
	t.Parallel()
	type server struct {
		TLS  mailbox.TLS
		Port uint16
	}
	for _, test := range []struct{ smtp, imap, wantSMTP, wantIMAP server }{
		{server{}, server{}, server{mailbox.StartTLS, 587}, server{mailbox.Implicit, 993}},
		{server{Port: 465}, server{Port: 143}, server{mailbox.Implicit, 465}, server{mailbox.StartTLS, 143}},
		{server{TLS: mailbox.Implicit}, server{TLS: mailbox.StartTLS}, server{mailbox.Implicit, 465}, server{mailbox.StartTLS, 143}},
		{server{mailbox.NoTLS, 2525}, server{mailbox.NoTLS, 1143}, server{mailbox.NoTLS, 2525}, server{mailbox.NoTLS, 1143}},
		{server{Port: 2525}, server{Port: 1993}, server{mailbox.StartTLS, 2525}, server{mailbox.Implicit, 1993}},
	} {
		list := []mailbox.Config{{Address: "a@dupont.example"}}
		list[0].SMTP.TLS, list[0].SMTP.Port = test.smtp.TLS, test.smtp.Port
		list[0].IMAP.TLS, list[0].IMAP.Port = test.imap.TLS, test.imap.Port
		mailbox.Settle(list, &conf.Problems{})
		got := [2]server{{list[0].SMTP.TLS, list[0].SMTP.Port}, {list[0].IMAP.TLS, list[0].IMAP.Port}}
		if diff := cmp.Diff([2]server{test.wantSMTP, test.wantIMAP}, got); diff != "" {
			t.Errorf("%v, %v: %s", test.smtp, test.imap, diff)
		}
		if list[0].Login.User != "a@dupont.example" || list[0].Sends == nil || !*list[0].Sends {
			t.Errorf("user %q, sends %v", list[0].Login.User, list[0].Sends)
		}
	}
}

func TestConfig_foldersAreAListOfNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"folders: [INBOX, Clients/Relances]": "",
		"folders: [INBOX, INBOX]":            "folders[1]: \"INBOX\" is listed twice",
		"folders: INBOX":                     "folders: must be a list of folders, as in [INBOX]",
		"folders: []":                        "folders: no folder: a mailbox that is not read hears no answer",
		"folders: [2024]":                    "folders[0]: must be text: put quotes around it (\"2024\")",
		"folders: [[a]]":                     "folders[0]: must be text, is a list",
		"sent: keep":                         "sent: \"keep\" is not one of watch, ignore",
	} {
		var p conf.Problems
		n, ok := conf.Parse("a.yaml", []byte(text), &p)
		if !ok {
			t.Fatal(p.Err())
		}
		var c mailbox.Config
		n.Decode(&p, &c)
		got := ""
		for _, problem := range p.List() {
			got += problem.Path + ": " + problem.Text
		}
		if got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// settled is a mailbox as the text says, with its warnings and problems.
func settled(t *testing.T, text string) (mailbox.Config, *conf.Problems) {
	t.Helper()
	var p conf.Problems
	n, ok := conf.Parse("a.yaml", []byte(text), &p)
	if !ok {
		t.Fatal(p.Err())
	}
	var list []mailbox.Config
	n.Decode(&p, &list)
	at := n.On(&p)
	mailbox.Settle(list, at)
	list[0].Check(at.At(0))
	return list[0], &p
}

func TestSettle_whatIsWrittenWinsOverTheProvider(t *testing.T) {
	t.Parallel()
	type want struct {
		imap, smtp       string
		imapPort         uint16
		smtpPort         uint16
		imapTLS, smtpTLS mailbox.TLS
		pace, perDay     int
	}
	for text, want := range map[string]want{
		"provider: ovh":                           {"ssl0.ovh.net", "ssl0.ovh.net", 993, 465, mailbox.Implicit, mailbox.Implicit, 20, 1000},
		"provider: google":                        {"imap.gmail.com", "smtp.gmail.com", 993, 465, mailbox.Implicit, mailbox.Implicit, 20, 1600},
		"provider: microsoft365":                  {"outlook.office365.com", "smtp.office365.com", 993, 587, mailbox.Implicit, mailbox.StartTLS, 24, 8000},
		"provider: google, smtp: {port: 587}":     {"imap.gmail.com", "smtp.gmail.com", 993, 587, mailbox.Implicit, mailbox.StartTLS, 20, 1600},
		"provider: ovh, smtp: {tls: starttls}":    {"ssl0.ovh.net", "ssl0.ovh.net", 993, 587, mailbox.Implicit, mailbox.StartTLS, 20, 1000},
		"provider: ovh, imap: {host: i.ovh}":      {"i.ovh", "ssl0.ovh.net", 993, 465, mailbox.Implicit, mailbox.Implicit, 20, 1000},
		"provider: orange, smtp: {pace: 20/min}":  {"imap.orange.fr", "smtp.orange.fr", 993, 465, mailbox.Implicit, mailbox.Implicit, 20, 200},
		"provider: icloud, smtp: {per_day: 1000}": {"imap.mail.me.com", "smtp.mail.me.com", 993, 587, mailbox.Implicit, mailbox.StartTLS, 20, 1000},
	} {
		c, _ := settled(t, "[{name: a, address: a@dupont.example, "+text+"}]")
		got := [...]any{c.IMAP.Host, c.SMTP.Host, c.IMAP.Port, c.SMTP.Port, c.IMAP.TLS, c.SMTP.TLS, c.SMTP.Pace.Count, c.SMTP.PerDay}
		if diff := cmp.Diff([...]any{want.imap, want.smtp, want.imapPort, want.smtpPort, want.imapTLS, want.smtpTLS, want.pace, want.perDay}, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestProviders_areWhole(t *testing.T) {
	t.Parallel()
	for _, name := range mailbox.Provider("").Values() {
		c, p := settled(t, "[{name: a, address: a@dupont.example, login: {oauth2: google, client_id: x}, provider: "+name+"}]")
		if err := p.Err(); err != nil || c.SMTP.TLS == mailbox.NoTLS || c.IMAP.TLS != mailbox.Implicit {
			t.Errorf("%s: %v, %+v", name, err, c)
		}
	}
}

// A vendor's ways: where consent and tokens are asked for, and for what.
func TestLogin_asksEachVendorInItsWay(t *testing.T) {
	t.Parallel()
	c, _ := settled(t, "[{name: a, address: a@dupont.example, login: {oauth2: microsoft, client_id: x}}]")
	client := c.Login.Delegated()
	if client.AuthorizeURL != "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize" || !client.PKCE || client.Secret != "" ||
		!slices.Equal(client.Scopes, []string{"https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send", "offline_access"}) {
		t.Errorf("%+v", client)
	}
	if _, ok := c.Login.Unattended(); ok {
		t.Error("nobody comes in unattended without a secret")
	}
	c, _ = settled(t, "[{name: a, address: a@dupont.example, login: {oauth2: google, client_id: x, token_url: \"https://t.example/x/\"}}]")
	client = c.Login.Delegated()
	if client.TokenURL != "https://t.example/x" || client.AuthorizeURL != "https://accounts.google.com/o/oauth2/v2/auth" || !client.PKCE ||
		client.Consent["access_type"] != "offline" || client.Consent["prompt"] != "consent" || !slices.Equal(client.Scopes, []string{"https://mail.google.com/"}) {
		t.Errorf("%+v", client)
	}
	if _, ok := c.Login.Unattended(); ok {
		t.Error("nobody comes in unattended at Google")
	}
}

func TestLogin_aSecretLetsInUnattendedAtMicrosoft(t *testing.T) {
	t.Setenv("M365_SECRET", "s3")
	c, p := settled(t, "[{name: a, address: a@dupont.example, provider: microsoft365, login: {oauth2: microsoft, tenant: dupont.example, client_id: x, client_secret: {env: M365_SECRET}}}]")
	client, ok := c.Login.Unattended()
	if !ok || client.Secret != "s3" || client.TokenURL != "https://login.microsoftonline.com/dupont.example/oauth2/v2.0/token" ||
		!slices.Equal(client.Scopes, []string{"https://outlook.office365.com/.default"}) || p.Err() != nil || len(p.Warnings()) > 0 {
		t.Errorf("%+v, %v, %v, %v", client, ok, p.Err(), p.Warnings())
	}
}

// What an administrator must do is said to the line he types.
func TestAdvice_saysWhatMustBeDone(t *testing.T) {
	t.Parallel()
	const login = "user: compta@dupont.example, tenant: dupont.example, client_id: 11-22"
	m365, _ := settled(t, "[{name: courrier, address: a@dupont.example, provider: microsoft365, login: {oauth2: microsoft, "+login+"}}]")
	google, _ := settled(t, "[{name: courrier, address: a@dupont.example, provider: google, login: {oauth2: google, client_id: x}}]")
	password, _ := settled(t, "[{name: courrier, address: a@dupont.example, provider: microsoft365}]")
	app, _ := settled(t, "[{name: courrier, address: a@dupont.example, provider: google}]")
	own, _ := settled(t, "[{name: courrier, address: a@dupont.example}]")
	token := m365.Login.Delegated().Advise
	for _, test := range []struct{ name, got, want string }{
		{"no permission in Exchange", m365.AdviseIMAP("AUTHENTICATE failed.", true), "New-ServicePrincipal -AppId 11-22 -ObjectId OBJECT-ID"},
		{"no permission on the mailbox", m365.AdviseIMAP("AUTHENTICATE failed.", true), `Add-MailboxPermission -Identity "compta@dupont.example" -User OBJECT-ID -AccessRights FullAccess`},
		{"whose object", m365.AdviseIMAP("AUTHENTICATE failed.", true), "enterprise application"},
		{"delegated, refused", m365.AdviseIMAP("AUTHENTICATE failed.", false), "run relanced connect courrier as a user who may open compta@dupont.example"},
		{"no mailbox behind the app", m365.AdviseIMAP("User is authenticated but not connected.", true), `Set-CASMailbox -Identity "compta@dupont.example" -ImapEnabled $true`},
		{"a shared mailbox", m365.AdviseIMAP("User is authenticated but not connected.", false), `Add-MailboxPermission -Identity "compta@dupont.example" -User PERSON -AccessRights FullAccess`},
		{"sending as a shared mailbox", m365.AdviseIMAP("User is authenticated but not connected.", false), `Add-RecipientPermission -Identity "compta@dupont.example" -Trustee PERSON -AccessRights SendAs`},
		{"no mailbox behind", m365.AdviseIMAP("User is authenticated but not connected.", false), "Add-MailboxPermission"},
		{"a password at Microsoft", password.AdviseIMAP("LOGIN failed.", false), "oauth2: microsoft"},
		{"a password at Google", app.AdviseIMAP("[ALERT] Application-specific password required: https://x (Failure)", false), "app password"},
		{"IMAP off at Google", google.AdviseIMAP("Your account is not enabled for IMAP use.", false), "allow IMAP"},
		{"another's token at Google", google.AdviseIMAP("Invalid credentials (Failure)", false), "as a@dupont.example"},
		{"nothing known", own.AdviseIMAP("no", false), ""},
		{"SMTP AUTH off in the tenant", m365.AdviseSMTP("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", true), `Set-CASMailbox -Identity "compta@dupont.example" -SmtpClientAuthenticationDisabled $false`},
		{"SMTP AUTH off in the mailbox", m365.AdviseSMTP("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.", false), `Set-CASMailbox -Identity "compta@dupont.example"`},
		{"no log-in counted", m365.AdviseSMTP("530 5.7.57 Client not authenticated to send mail.", true), "Set-CASMailbox"},
		{"SMTP refuses the app", m365.AdviseSMTP("535 5.7.3 Authentication unsuccessful", true), "New-ServicePrincipal"},
		{"SMTP refuses the user", m365.AdviseSMTP("535 5.7.3 Authentication unsuccessful", false), "run relanced connect courrier"},
		{"not allowed to send as", m365.AdviseSMTP("554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; no", false), `Add-RecipientPermission -Identity "a@dupont.example" -Trustee PERSON -AccessRights SendAs`},
		{"a password of Microsoft by SMTP", password.AdviseSMTP("535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", false), "oauth2: microsoft"},
		{"SMTP of others", own.AdviseSMTP("535 5.7.8 no", false), ""},
		{"wrong tenant", token("invalid_request: AADSTS90002: Tenant 'x' not found."), `there is no directory "dupont.example"`},
		{"wrong client", token("unauthorized_client: AADSTS700016: Application with identifier"), "knows no app 11-22"},
		{"wrong secret", token("invalid_client: AADSTS7000215: Invalid client secret provided."), "not its Secret ID"},
		{"expired secret", token("invalid_client: AADSTS7000222: The provided client secret keys are expired."), "has expired"},
		{"no consent", token("invalid_grant: AADSTS65001: The user or administrator has not consented"), "administrator must consent"},
		{"unknown number", token("x: AADSTS1234567: y"), ""},
	} {
		if !strings.Contains(test.got, test.want) || test.want == "" && test.got != "" {
			t.Errorf("%s: %q", test.name, test.got)
		}
	}
}
