package mailbox

import (
	"fmt"
	"strings"
)

// adviseToken says what to do about a refusal of Microsoft's token endpoint, by
// the number in it; "" where nothing more is known.
func (l LoginConfig) adviseToken(said string) string {
	for _, known := range []struct{ code, do string }{
		{"AADSTS90002:", fmt.Sprintf("there is no directory %q: correct tenant (Entra admin center, Overview, Tenant ID)", l.Tenant)},
		{"AADSTS900023:", fmt.Sprintf("%q is no directory: correct tenant (Entra admin center, Overview, Tenant ID)", l.Tenant)},
		{"AADSTS700016:", fmt.Sprintf("the directory %s knows no app %s: correct client_id (App registrations, Application (client) ID) or tenant", l.Tenant, l.ClientID)},
		{"AADSTS7000215:", "the client_secret is wrong: it is the Value of the secret, not its Secret ID (App registrations, Certificates & secrets)"},
		{"AADSTS7000222:", "the client_secret has expired: make a new one (App registrations, Certificates & secrets) and put its Value into the file that client_secret names"},
		{"AADSTS7000218:", "the app is of the platform Web: write client_secret, or allow public client flows (App registrations, Authentication)"},
		{"AADSTS700025:", "the app is a public client: remove client_secret, or register the redirect address for the platform Web"},
		{"AADSTS65001:", "an administrator must consent: App registrations, API permissions, Grant admin consent (unattended: IMAP.AccessAsApp and SMTP.SendAsApp of Office 365 Exchange Online)"},
		{"AADSTS50011:", fmt.Sprintf("register the redirect address %s with the app (App registrations, Authentication)", l.RedirectURL)},
		{"AADSTS50020:", "agree as a user of the directory that tenant names"},
	} {
		if strings.Contains(said, known.code) {
			return known.do
		}
	}
	return ""
}

// AdviseIMAP says what to do where the IMAP server refuses the log-in, by what
// it said. unattended: the client came in its own name.
func (c Config) AdviseIMAP(said string, unattended bool) string {
	said = strings.ToLower(said)
	switch {
	case unattended && strings.Contains(said, "authenticated but not connected"):
		return "the app is known and no mailbox opens: an Exchange administrator must give it the mailbox and allow IMAP there, in PowerShell (Connect-ExchangeOnline): " +
			c.addPermission("OBJECT-ID") + " ; " + c.allowIMAP() + " (OBJECT-ID is that of the enterprise application)"
	case unattended:
		return "an Exchange administrator must let the app into the mailbox, in PowerShell (Connect-ExchangeOnline): " +
			c.newServicePrincipal() + " ; " + c.addPermission("OBJECT-ID") +
			" (OBJECT-ID is that of the enterprise application, not of the app registration; the app needs the permission IMAP.AccessAsApp with admin consent; it may take an hour to hold)"
	case strings.Contains(said, "application-specific password"), strings.Contains(said, "app password"):
		return "Google takes no ordinary password here: make an app password (myaccount.google.com/apppasswords), or write oauth2: google"
	case strings.Contains(said, "not enabled for imap"), strings.Contains(said, "imap access is disabled"), strings.Contains(said, "imap is disabled"):
		return "an administrator must allow IMAP: Google Admin console, Apps, Google Workspace, Gmail, End User Access (and the mailbox's own settings, Forwarding and POP/IMAP)"
	case strings.Contains(said, "authenticated but not connected"):
		return fmt.Sprintf("the permission opens no mailbox %s: an Exchange administrator must give it to the person who agreed and allow IMAP there, in PowerShell (Connect-ExchangeOnline): %s ; %s ; for a shared mailbox also, to send as it: Add-RecipientPermission -Identity %q -Trustee PERSON -AccessRights SendAs",
			c.Login.User, c.addPermission("PERSON"), c.allowIMAP(), c.Login.User)
	case c.Login.OAuth2 == Microsoft:
		return fmt.Sprintf("run relanced connect %s as a user who may open %s; IMAP must be allowed there: %s", c.Name, c.Login.User, c.allowIMAP())
	case c.Login.OAuth2 == Google:
		return fmt.Sprintf("run relanced connect %s as %s, and see that IMAP is allowed (Google Admin console, Gmail, End User Access)", c.Name, c.Login.User)
	case presets()[string(c.Provider)].OAuth2 == Microsoft:
		return "Microsoft takes no password for IMAP: write login: {oauth2: microsoft, tenant: …, client_id: …}"
	case c.Provider == "google":
		return "check the user, and that the password is an app password (myaccount.google.com/apppasswords)"
	}
	return ""
}

// AdviseSMTP says what to do where the SMTP server refuses the log-in.
func (c Config) AdviseSMTP(said string, unattended bool) string {
	if c.Login.OAuth2 != Microsoft && presets()[string(c.Provider)].OAuth2 != Microsoft {
		return c.AdviseIMAP(said, false)
	}
	allow := fmt.Sprintf("Set-CASMailbox -Identity %q -SmtpClientAuthenticationDisabled $false", c.Login.User)
	low := strings.ToLower(said)
	switch {
	case strings.Contains(low, "sendasdenied"), strings.Contains(said, "5.2.252"), strings.Contains(said, "5.7.60"):
		trustee := "PERSON"
		if unattended {
			trustee = "OBJECT-ID"
		}
		return fmt.Sprintf("the log-in may not send as %s: an Exchange administrator must allow it, in PowerShell: Add-RecipientPermission -Identity %q -Trustee %s -AccessRights SendAs (it may take an hour to hold)", c.Address, c.Address, trustee)
	case strings.Contains(low, "basic authentication"):
		return "Microsoft takes no password here: write login: {oauth2: microsoft, tenant: …, client_id: …}"
	case strings.Contains(low, "disabled for the tenant"):
		return "SMTP AUTH is switched off for the tenant: an Exchange administrator must allow it for this mailbox, in PowerShell: " + allow
	case strings.Contains(low, "disabled for the mailbox"), strings.Contains(said, "5.7.139"), strings.Contains(said, "5.7.57"):
		return "SMTP AUTH is switched off for the mailbox: an Exchange administrator must allow it, in PowerShell: " + allow
	case unattended:
		return "an Exchange administrator must let the app send by the mailbox, in PowerShell: " + c.newServicePrincipal() + " ; " + c.addPermission("OBJECT-ID") + " ; " + allow +
			" (OBJECT-ID is that of the enterprise application; the app needs the permission SMTP.SendAsApp with admin consent)"
	}
	return fmt.Sprintf("allow SMTP AUTH for the mailbox, in Exchange PowerShell: %s; if it is allowed, run relanced connect %s as a user who may send as %s", allow, c.Name, c.Login.User)
}

func (c Config) newServicePrincipal() string {
	return fmt.Sprintf("New-ServicePrincipal -AppId %s -ObjectId OBJECT-ID", c.Login.ClientID)
}

// addPermission gives the mailbox to a user: a person, or an app by its object's id.
func (c Config) addPermission(user string) string {
	return fmt.Sprintf("Add-MailboxPermission -Identity %q -User %s -AccessRights FullAccess", c.Login.User, user)
}

func (c Config) allowIMAP() string {
	return fmt.Sprintf("Set-CASMailbox -Identity %q -ImapEnabled $true", c.Login.User)
}
