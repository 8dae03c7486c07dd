package mailbox

import (
	"strings"

	"relanced/internal/conf"
	"relanced/internal/oauth"
)

// LoginConfig is who logs in, the same for SMTP and IMAP: by a password, or by
// OAuth2.
type LoginConfig struct {
	User     string      `yaml:"user" doc:"default: the address"` // default: the address; a shared mailbox's own
	Password conf.Secret `yaml:"password"`

	OAuth2       Vendor      `yaml:"oauth2" doc:"instead of a password"`
	Tenant       string      `yaml:"tenant" doc:"microsoft: id or domain of the directory; default: organizations"`
	ClientID     string      `yaml:"client_id" doc:"of the app registered at the vendor"`
	ClientSecret conf.Secret `yaml:"client_secret"`

	oauth.Endpoints
}

// Vendor is whose OAuth2 lets into a mailbox. "" none: a password does.
type Vendor string

// The vendors.
const (
	Microsoft Vendor = "microsoft"
	Google    Vendor = "google"
)

// Values lists the words.
func (Vendor) Values() []string { return []string{string(Microsoft), string(Google)} }

// anyTenant lets every directory of an organisation consent. Nobody is let in
// unattended there.
const anyTenant = "organizations"

func (l *LoginConfig) settle() {
	page, token := "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token"
	switch l.OAuth2 {
	case "":
		return
	case Microsoft:
		if l.Tenant == "" {
			l.Tenant = anyTenant
		}
		at := "https://login.microsoftonline.com/" + l.Tenant + "/oauth2/v2.0/"
		page, token = at+"authorize", at+"token"
	case Google:
	}
	fill := func(u *conf.URL, usual string) {
		if *u == "" {
			*u = conf.URL(usual)
		}
	}
	fill(&l.AuthorizeURL, page)
	fill(&l.TokenURL, token)
	fill(&l.RedirectURL, oauth.DefaultRedirectURL)
}

// check reports what is wrong, settled. p stands at the log-in.
func (l LoginConfig) check(p *conf.Problems) {
	if l.OAuth2 == "" {
		for _, key := range []string{"tenant", "client_id", "client_secret", "authorize_url", "token_url", "redirect_url"} {
			if _, written := p.At(key).Node(); written {
				p.At(key).Key().Addf("%s belongs to a log-in by OAuth: write oauth2: microsoft or google beside it", key)
			}
		}
		if l.Password.IsZero() {
			p.At("password").Addf("a mailbox needs a password: login: {password: {file: PATH}}, or oauth2")
		}
		return
	}
	if !l.Password.IsZero() {
		p.At("password").Addf("password and oauth2 exclude each other: remove one")
	}
	if l.ClientID == "" {
		p.At("client_id").Addf("oauth2 needs the client_id of the app registered at the vendor")
	}
	if l.OAuth2 != Microsoft && l.Tenant != "" {
		p.At("tenant").Addf("a tenant is one of Microsoft's: remove it")
	} else if strings.Trim(l.Tenant, tenantLetters) != "" {
		p.At("tenant").Addf("%q is not a tenant: write the directory's id, or its domain", l.Tenant)
	}
	if _, replaced := p.At("token_url").Node(); l.OAuth2 == Microsoft && l.Tenant == anyTenant && !l.ClientSecret.IsZero() && !replaced {
		p.Warnf("without its tenant nobody is let in unattended: write tenant, or run relanced connect")
	}
}

const tenantLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

// Delegated is the client that a person lets in.
func (l LoginConfig) Delegated() oauth.Client {
	c := l.client()
	c.PKCE = true
	switch l.OAuth2 {
	case Microsoft:
		const api = "https://outlook.office.com/"
		c.Scopes = []string{api + "IMAP.AccessAsUser.All", api + "SMTP.Send", "offline_access"}
	case Google:
		c.Scopes = []string{"https://mail.google.com/"}
		c.Consent = map[string]string{"access_type": "offline", "prompt": "consent"}
	}
	return c
}

// Unattended is the client that is let in by its own name, where there can be
// one: the directory's administrator decides which mailboxes it opens.
func (l LoginConfig) Unattended() (c oauth.Client, ok bool) {
	c = l.client()
	c.Scopes = []string{"https://outlook.office365.com/.default"}
	return c, l.OAuth2 == Microsoft && c.Secret != ""
}

func (l LoginConfig) client() oauth.Client {
	c := oauth.Client{
		ID: l.ClientID, Secret: strings.TrimSpace(l.ClientSecret.Value()),
		AuthorizeURL: string(l.AuthorizeURL), TokenURL: string(l.TokenURL), RedirectURL: string(l.RedirectURL),
	}
	if l.OAuth2 == Microsoft {
		c.Advise = l.adviseToken
	}
	return c
}
