package configs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/configs"
)

// company writes a configuration of one company: two lines, then what is given.
func company(lines string) string {
	return "companies:\n  - {id: dupont, name: Dupont,\n" + lines + "\n    }\n"
}

func TestLoad_checksWhatPartsSayOfEachOther(t *testing.T) {
	t.Parallel()
	const (
		off    = "reminders: {mode: off}"
		first  = "{name: a, address: a@dupont.example, login: {password: {env: HOME}}, imap: {host: i.example}"
		second = "{name: b, address: b@dupont.example, login: {password: {env: HOME}}, imap: {host: i.example}"
		smtp   = ", smtp: {host: s.example}"
	)
	box := func(login string) string {
		return "mailboxes: [{name: a, address: a@dupont.example, imap: {host: i.example}" + smtp + ",\nlogin: {" + login + "}}]"
	}
	for name, test := range map[string]struct {
		text     string
		problems []string
		warnings []string
	}{
		"off needs no mailbox":        {company(off), nil, nil},
		"reminders need a mailbox":    {company("country: FR"), []string{"2:5: reminders need a mailbox to leave from and to hear answers in: write mailboxes, or reminders: {mode: off}"}, nil},
		"the only mailbox sends":      {company("mailboxes: [" + first + smtp + "}]"), nil, nil},
		"two, one sends":              {company("mailboxes: [" + first + smtp + ", sends: true},\n" + second + "}]"), nil, nil},
		"two, none sends":             {company("mailboxes: [" + first + smtp + "},\n" + second + "}]"), []string{"3:12: no mailbox sends: write sends: true in one of them"}, nil},
		"two send":                    {company("mailboxes: [" + first + smtp + ", sends: true},\n" + second + smtp + ",\nsends: true}]"), []string{"5:8: another mailbox sends already: exactly one does"}, nil},
		"who sends needs a server":    {company("mailboxes: [" + first + "}]"), []string{"3:13: the mailbox that sends needs smtp: {host: …}, or provider"}, nil},
		"in clear knowingly":          {company("mailboxes: [" + first + ",\nsmtp: {host: s.example, tls: none, insecure: true}}]"), nil, []string{"4:30: password and mail travel in clear to s.example"}},
		"in clear on this machine":    {company("mailboxes: [" + first + ",\nsmtp: {host: localhost, tls: none}}]"), nil, nil},
		"names clash":                 {company("connections: [{name: a, type: files, folder: x}],\nmailboxes: [" + first + smtp + "}]"), []string{"4:20: a connection is named \"a\" already: names are unique over connections and mailboxes"}, nil},
		"a brief without a mailbox":   {company(off + ",\nteam: [{email: m@dupont.example}],\nbrief: {to: [m@dupont.example]}"), []string{"5:8: the brief needs a mailbox to leave from: write mailboxes, or remove it"}, nil},
		"a brief to a stranger":       {company("mailboxes: [" + first + smtp + "}],\nbrief: {to: [x@dupont.example]}"), nil, []string{"4:14: x@dupont.example is not on the team: answers from there are refused"}},
		"an unknown plan":             {company("reminders: {mode: off, plan: own}"), []string{"3:30: there is no plan \"own\"; write one of bad_payer, consumer, key_account, public_buyer, standard"}, nil},
		"a country of several zones":  {company("country: US,\n" + off), []string{"2:5: a company in US needs its timezone, as in Europe/Paris"}, nil},
		"a country nobody knows":      {company("country: JP,\ntimezone: Asia/Tokyo,\n" + off), []string{"2:5: a company in JP needs its currency"}, nil},
		"a SIREN with a wrong digit":  {company("siren: '732829321',\n" + off), nil, []string{"3:8: the check digit of this SIREN is wrong"}},
		"a SIREN that is none":        {company("siren: '7328'," + off), []string{"3:8: a SIREN has nine digits"}, nil},
		"a payment link in clear":     {company("payment_link: 'http://x.example/{invoice.number}',\n" + off), []string{"3:15: a payment link is an https:// address, with {invoice.number} in it"}, nil},
		"an account behind all":       {company("bank_accounts: [{iban: FR7630006000011234567890189},\n{iban: FR7630006000011234567890189}],\n" + off), nil, []string{"4:1: never used: the account before it has no `if`"}},
		"an empty name":               {"companies:\n  - {id: dupont, name: '', " + off + "}\n", []string{"2:24: there is no value: write one, or remove the key"}, nil},
		"an empty list of mailboxes":  {company("mailboxes: []"), []string{"3:12: reminders need a mailbox to leave from and to hear answers in: write mailboxes, or reminders: {mode: off}"}, nil},
		"an account without IBAN":     {company("bank_accounts: [{iban: ''}],\n" + off), []string{"3:24: there is no value: write one, or remove the key"}, nil},
		"a server without a name":     {company("mailboxes: [{name: a, address: a@dupont.example, login: {password: {env: HOME}},\nimap: {host: ''}" + smtp + "}]"), []string{"4:14: there is no value: write one, or remove the key"}, nil},
		"a port in the name":          {company("mailboxes: [" + first + ",\nsmtp: {host: 's.example:587'}}]"), []string{"4:14: \"s.example:587\" is not the name of a server: the port is a key of its own, port"}, nil},
		"port 0":                      {company("mailboxes: [" + first + ",\nsmtp: {host: s.example, port: 0}}]"), []string{"4:31: write a port between 1 and 65535, or leave it out"}, nil},
		"a brief to one in no list":   {company("mailboxes: [" + first + smtp + "}],\nbrief: {to: m@dupont.example}"), []string{"4:13: must be a list, is text"}, nil},
		"a country that is none":      {company("country: ZZ,\n" + off), []string{"3:10: \"ZZ\" is not a country (two capital letters, as in FR)"}, nil},
		"a currency that is none":     {company("currency: EUU,\n" + off), []string{"3:11: \"EUU\" is not a currency (three capital letters, as in EUR)"}, nil},
		"a link with a password":      {company("payment_link: 'https://u:p@x.example/{invoice.number}',\n" + off), []string{"3:15: a payment link goes to customers: it holds no user and no password"}, nil},
		"a link with unknown words":   {company("payment_link: 'https://x.example/{invoice.nombre}',\n" + off), []string{"3:15: a payment link knows {invoice.number}, {invoice.outstanding}, {invoice.currency}, {customer.code}, nothing else in braces"}, nil},
		"a template that is none":     {"plans: {own: {steps: [{id: a, at: 1d, channel: email,\ntemplate: nope}]}}\n" + small, []string{"2:11: there is no template \"nope\"; write one of consumer-first, consumer-formal-notice, consumer-second, copy, first, formal-notice, preventive, public-claim, public-first, public-second, receipt, second, thanks, third"}, nil},
		"a step without its day":      {"plans: {own: {steps: [\n{id: a, channel: task}]}}\n" + small, []string{"2:1: a step needs its day from the due date, as in at: 5d"}, nil},
		"a plan with a bad name":      {"plans: {a b: {steps: [{id: a, at: 1d, channel: task}]}}\n" + small, []string{"1:9: \"a b\" is not a name (letters, digits, . _ -, at most 64)"}, nil},
		"a password for PostgreSQL":   {"store: postgres:///db?user=x&password=y\n" + small, []string{"1:8: a password never stands in the file: write store: {env: NAME}, or leave it to a .pgpass file"}, nil},
		"a key that is no key":        {"key: {env: HOME}\n" + small, []string{"1:6: the key is not 32 bytes in base64: make one with `openssl rand -base64 32`"}, nil},
		"a store that is none":        {"store: mysql://x\n" + small, []string{"1:8: a store is sqlite:/path/to/file or postgres://host/database"}, nil},
		"senders are not there yet":   {company(off + ",\nsenders: {marie: {}}"), []string{"4:1: senders is not available yet"}, nil},
		"a company without a name":    {"companies:\n  - id: dupont\n    reminders: {mode: off}\n", []string{"2:5: a company needs its name, as customers know it"}, nil},
		"a password beside oauth2":    {company(box("oauth2: microsoft, client_id: x, password: {env: HOME}")), []string{"4:52: password and oauth2 exclude each other: remove one"}, nil},
		"oauth2 without its client":   {company(box("oauth2: google")), []string{"4:8: oauth2 needs the client_id of the app registered at the vendor"}, nil},
		"a client without oauth2":     {company(box("client_id: x, password: {env: HOME}")), []string{"4:9: client_id belongs to a log-in by OAuth: write oauth2: microsoft or google beside it"}, nil},
		"a tenant at Google":          {company(box("oauth2: google, client_id: x, tenant: y")), []string{"4:47: a tenant is one of Microsoft's: remove it"}, nil},
		"a tenant that is a path":     {company(box("oauth2: microsoft, client_id: x, tenant: a/b")), []string{"4:50: \"a/b\" is not a tenant: write the directory's id, or its domain"}, nil},
		"unattended in no directory":  {company(box("oauth2: microsoft, client_id: x, client_secret: {env: HOME}")), nil, []string{"4:8: without its tenant nobody is let in unattended: write tenant, or run relanced connect"}},
		"a provider of passwords":     {company("mailboxes: [{name: a, address: a@dupont.example, provider: microsoft365,\nlogin: {password: {env: HOME}}}]"), nil, []string{"4:19: microsoft365 takes no password for IMAP: write oauth2: microsoft"}},
		"a provider nobody knows":     {company("mailboxes: [{name: a, address: a@dupont.example, provider: aol,\nlogin: {password: {env: HOME}}, imap: {host: i.example}" + smtp + "}]"), []string{"3:60: \"aol\" is not one of free, gandi, google, icloud, infomaniak, ionos, laposte, microsoft365, orange, ovh, sfr, yahoo"}, nil},
		"all folders":                 {company("mailboxes: [" + first + smtp + ",\nfolders: all}]"), []string{"4:10: folders: all is not available yet: name the folders, as in [INBOX]"}, nil},
		"commands and only_customers": {company("mailboxes: [" + first + smtp + ",\ncommands: Relances,\nonly_customers: true}]"), []string{"4:1: commands is not available yet", "5:1: only_customers is not available yet"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := load(t, "c.yaml", test.text)
			trim := func(lines []string) []string {
				for i := range lines {
					lines[i] = lines[i][len("c.yaml:"):]
				}
				return lines
			}
			if diff := cmp.Diff(test.problems, trim(said(problems.List()))); diff != "" {
				t.Error("problems: " + diff)
			}
			if diff := cmp.Diff(test.warnings, trim(said(problems.Warnings()))); diff != "" {
				t.Error("warnings: " + diff)
			}
		})
	}
}

func TestLoad_theCountryImpliesTheRest(t *testing.T) {
	t.Parallel()
	f := mustLoad(t, "c.yaml", company("country: GB, reminders: {mode: off}"))
	c := f.Companies[0]
	if c.Currency != "GBP" || c.Language != "en" || c.Timezone != "Europe/London" || c.Zone.String() != "Europe/London" {
		t.Errorf("got %s, %s, %s", c.Currency, c.Language, c.Timezone)
	}
	if c.Reminders.Window.Holidays != "GB" {
		t.Errorf("holidays of %q", c.Reminders.Window.Holidays)
	}
	if f.Store.String() != "sqlite:/var/lib/relanced/relanced.db" || f.KeyFile() != "/var/lib/relanced/relanced.key" {
		t.Errorf("got %s, %s", f.Store, f.KeyFile())
	}
}

func TestLoad_tinyIsOfLikeWorthInEachCurrency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ keys, invoice, customer string }{
		{"reminders: {mode: off}", "1", "15"},
		{"currency: JPY, reminders: {mode: off}", "100", "1500"},
		{"country: SN, currency: XOF, timezone: Africa/Dakar, reminders: {mode: off}", "500", "7500"},
		{"currency: TND, reminders: {mode: off}", "1", "15"},
		{"currency: JPY, reminders: {mode: off, tiny: {invoice: 30}}", "30", "1500"},
	} {
		tiny := mustLoad(t, "c.yaml", company(c.keys)).Companies[0].Reminders.Tiny
		if tiny.Invoice.String() != c.invoice || tiny.Customer.String() != c.customer {
			t.Errorf("%s: invoice %s, customer %s; want %s, %s", c.keys, tiny.Invoice, tiny.Customer, c.invoice, c.customer)
		}
	}
}

func TestLoad_theStoreMayBeASecret(t *testing.T) {
	t.Setenv("RELANCED_TEST_STORE", "postgres://u:hunter2@db/relanced")
	f := mustLoad(t, "c.yaml", "store: {env: RELANCED_TEST_STORE}\n"+small)
	if f.Store.Kind != configs.Postgres || f.Store.Source != "postgres://u:hunter2@db/relanced" || f.Store.String() != "•••" {
		t.Errorf("got %s from %s", f.Store, f.Store.Kind)
	}
}

func TestShow_saysWhatAProviderImplies(t *testing.T) {
	t.Parallel()
	f := mustLoad(t, "c.yaml", company("mailboxes: [{name: a, address: a@dupont.example, provider: microsoft365,\n"+
		"login: {oauth2: microsoft, tenant: dupont.example, client_id: x}, smtp: {per_day: 300}, imap: {host: imap.dupont.example}}]"))
	shown := string(configs.Show(f))
	for _, want := range []string{
		"provider: microsoft365", "user: a@dupont.example", "host: smtp.office365.com", "port: 587", "tls: starttls", "pace: \"24/min\"", "per_day: 300",
		"host: imap.dupont.example", "port: 993", "token_url: https://login.microsoftonline.com/dupont.example/oauth2/v2.0/token",
		"redirect_url: http://localhost:8686/oauth/callback",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	if t.Failed() {
		t.Log(shown)
	}
}
