package configs

import (
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"relanced/desk/brief"
	"relanced/inbox/mailbox"
	"relanced/internal/bank"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/receivable"
	"relanced/reminders"
	"relanced/reminders/compose"
)

// entry is a company as it is written: the parts that need more than the
// document to be decoded wait in nodes.
type entry struct {
	Connections []conf.Node `yaml:"connections"`
	Reminders   conf.Node   `yaml:"reminders"`
}

// loadCompanies decodes and checks the companies of all files.
func (l *loader) loadCompanies(root conf.Node) {
	if len(l.companies) == 0 && l.problems.Count() == 0 {
		root.On(l.problems).At("companies").Addf("there is no company: write one under companies, or include its file")
	}
	ids := map[string]bool{}
	for _, placed := range l.companies {
		c := l.company(placed)
		if c.ID != "" && ids[strings.ToLower(string(c.ID))] {
			placed.at.At("id").Addf("another company has the id %q", c.ID)
		}
		ids[strings.ToLower(string(c.ID))] = true
		names := map[conf.Name]string{}
		for i, connection := range c.Connections {
			claim(names, connection.Name, "connection", placed.at.At("connections", i, "name"))
		}
		for i, box := range c.Mailboxes {
			claim(names, box.Name, "mailbox", placed.at.At("mailboxes", i, "name"))
		}
		l.file.Companies = append(l.file.Companies, c)
	}
}

// claim takes a name: they are unique over a company's connections and mailboxes.
func claim(names map[conf.Name]string, name conf.Name, what string, at *conf.Problems) {
	if name == "" {
		return
	}
	if taken, ok := names[name]; ok {
		at.Addf("a %s is named %q already: names are unique over connections and mailboxes", taken, name)
	}
	names[name] = what
}

func (l *loader) company(placed placed) Company {
	var c Company
	var e entry
	p := placed.at
	placed.node.Decode(p, &e, &c)
	for i, n := range e.Connections {
		c.Connections = append(c.Connections, l.connection(n, p.At("connections", i)))
	}
	if !e.Reminders.IsZero() {
		e.Reminders.Decode(p.At("reminders"), &c.Reminders)
	}
	if c.Reminders.Start.History != "" && !filepath.IsAbs(c.Reminders.Start.History) {
		c.Reminders.Start.History = filepath.Join(e.Reminders.Dir(), c.Reminders.Start.History)
	}
	c.settle(p)
	c.settleTiny(e.Reminders)
	c.check(p)
	c.Reminders.Check(p.At("reminders"))
	c.Rules = reminders.Compile(c.Reminders, l.file.Plans, reminders.Identity{
		ID: c.CompanyID(), Country: string(c.Country), Currency: string(c.Currency),
		Zone: c.Zone, Kind: receivable.Kind(c.Customers.Kind),
	}, p.At("reminders"))
	return c
}

// connection decodes one entry in two steps: its type chooses who decodes the rest.
func (l *loader) connection(n conf.Node, p *conf.Problems) Connection {
	var c Connection
	if !n.IsMapping() {
		n.Decode(p, &c)
		return c
	}
	kind, written := n.Get("type")
	factory, known := l.factories[kind.Text()]
	switch {
	case !written:
		p.Addf("a connection needs a type, one of %s", l.types())
	case !known:
		p.At("type").Addf("%q is not a type of connection: write one of %s", kind.Text(), l.types())
	}
	if !known {
		if name, ok := n.Get("name"); ok {
			name.Decode(p.At("name"), &c.Name)
		}
		return c
	}
	c.Spec = factory()
	n.Decode(p, &c, c.Spec)
	if c.Name == "" {
		p.At("name").Addf("a connection needs a name, as in name: compta")
	}
	if _, written := n.Get("max_age"); !written {
		c.MaxAge = maxAge(c.Type)
	} else if c.MaxAge == 0 {
		p.At("max_age").Addf("books of no age at all do not exist: write 24h")
	}
	if c.Timeout < time.Second {
		p.At("timeout").Addf("write at least 1s")
	}
	c.Spec.Check(p)
	return c
}

func (l *loader) types() string {
	return strings.Join(slices.Sorted(maps.Keys(l.factories)), ", ")
}

// maxAge is how old the books of a source may be: exported files come weekly.
func maxAge(kind string) time.Duration {
	if kind == "files" {
		return 8 * 24 * time.Hour
	}
	return 24 * time.Hour
}

// settle fills in the defaults that follow from the country and from one another.
func (c *Company) settle(p *conf.Problems) {
	habits := byCountry[c.Country]
	if c.Language == "" {
		c.Language = Language(habits.language)
		if c.Language == "" {
			c.Language = "en"
		}
	}
	if c.Currency == "" {
		c.Currency = Currency(habits.currency)
	}
	if c.Timezone == "" {
		c.Timezone = habits.zone
	}
	if c.Reminders.Window.Holidays == "" {
		c.Reminders.Window.Holidays = calendar.RegionOf(string(c.Country), "")
	}
	for i, account := range c.BankAccounts {
		c.BankAccounts[i].IBAN = bank.NormaliseIBAN(account.IBAN)
	}
	mailbox.Settle(c.Mailboxes, p.At("mailboxes"))
}

// settleTiny gives the thresholds that are not written in the reminders' node the
// worth they have in the company's currency.
func (c *Company) settleTiny(node conf.Node) {
	tiny, _ := node.Get("tiny")
	usual := reminders.DefaultTiny(string(c.Currency))
	if _, written := tiny.Get("invoice"); !written {
		c.Reminders.Tiny.Invoice = usual.Invoice
	}
	if _, written := tiny.Get("customer"); !written {
		c.Reminders.Tiny.Customer = usual.Customer
	}
}

var sirenPattern = regexp.MustCompile(`^\d{9}$`)

var ibanProblem = map[bank.IBANCheck]string{
	bank.BadFormat:   "two letters, two digits, then letters and digits",
	bank.BadCountry:  "no country of SEPA begins so",
	bank.BadLength:   "too long or too short for its country",
	bank.BadChecksum: "the check digits do not fit: a digit is wrong",
}

// check reports what the parts of a company say wrong, alone and of each other.
func (c *Company) check(p *conf.Problems) {
	if c.ID == "" {
		p.At("id").Addf("a company needs an id, as in id: dupont")
	}
	if strings.TrimSpace(c.Name) == "" {
		p.At("name").Addf("a company needs its name, as customers know it")
	}
	if c.Currency == "" {
		p.At("currency").Addf("a company in %s needs its currency", c.Country)
	}
	c.checkZone(p)
	c.checkMoney(p)
	for i, box := range c.Mailboxes {
		box.Check(p.At("mailboxes", i))
	}
	mailbox.CheckSending(c.Mailboxes, p.At("mailboxes"))
	brief.CheckTeam(c.Team, p.At("team"))
	c.Brief.Check(c.Team, p.At("brief"))
	if len(c.Mailboxes) == 0 && c.Reminders.Mode != reminders.ModeOff {
		p.At("mailboxes").Addf("reminders need a mailbox to leave from and to hear answers in: write mailboxes, or reminders: {mode: off}")
	}
	if len(c.Mailboxes) == 0 && len(c.Brief.To) > 0 {
		p.At("brief").Addf("the brief needs a mailbox to leave from: write mailboxes, or remove it")
	}
	if c.Documents.Folder != "" && strings.Count(c.Documents.Match, "{number}") != 1 {
		p.At("documents", "match").Addf("match must hold {number} once, as in *{number}*.pdf")
	} else if _, err := filepath.Match(strings.ReplaceAll(c.Documents.Match, "{number}", "1"), ""); err != nil {
		p.At("documents", "match").Addf("%q is not a pattern of file names", c.Documents.Match)
	}
}

func (c *Company) checkZone(p *conf.Problems) {
	if c.Timezone == "" {
		p.At("timezone").Addf("a company in %s needs its timezone, as in Europe/Paris", c.Country)
		return
	}
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil || c.Timezone == "Local" {
		p.At("timezone").Addf("%q is not a time zone (as in Europe/Paris)", c.Timezone)
		zone = time.UTC
	}
	c.Zone = zone
}

func (c *Company) checkMoney(p *conf.Problems) {
	if c.SIREN != "" && !sirenPattern.MatchString(c.SIREN) {
		p.At("siren").Addf("a SIREN has nine digits")
	} else if c.SIREN != "" && !luhn(c.SIREN) {
		p.At("siren").Warnf("the check digit of this SIREN is wrong")
	}
	for i, account := range c.BankAccounts {
		at := p.At("bank_accounts", i)
		if account.IBAN == "" {
			at.At("iban").Addf("a bank account needs its iban")
		} else if verdict := bank.CheckIBAN(account.IBAN); verdict != bank.OK {
			at.At("iban").Addf("this is not an IBAN: %s", ibanProblem[verdict])
		}
		if account.BIC != "" && !bank.IsBIC(account.BIC) {
			at.At("bic").Addf("%q is not a BIC (8 or 11 capital letters and digits)", account.BIC)
		}
		if account.If != "" {
			if err := reminders.CheckCondition(account.If); err != nil {
				at.At("if").Addf("%v", err)
			}
		}
		if account.If == "" && i < len(c.BankAccounts)-1 {
			p.At("bank_accounts", i+1).Warnf("never used: the account before it has no `if`")
		}
	}
	if c.PaymentLink != "" {
		c.checkPaymentLink(p.At("payment_link"))
	}
}

func (c *Company) checkPaymentLink(p *conf.Problems) {
	filled := c.PaymentLink
	for _, word := range compose.LinkWords() {
		filled = strings.ReplaceAll(filled, word, "1")
	}
	u, err := url.Parse(filled)
	switch {
	case strings.ContainsAny(filled, "{}"):
		p.Addf("a payment link knows %s, nothing else in braces", strings.Join(compose.LinkWords(), ", "))
	case err != nil || u.Scheme != "https" || u.Host == "":
		p.Addf("a payment link is an https:// address, with {invoice.number} in it")
	case u.User != nil:
		p.Addf("a payment link goes to customers: it holds no user and no password")
	}
}

// luhn tells whether the last digit is the check digit of the others.
func luhn(digits string) bool {
	sum := 0
	for i, r := range digits {
		d := int(r - '0')
		if (len(digits)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
