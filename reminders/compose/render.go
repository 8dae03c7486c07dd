package compose

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"text/template"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/email/layout"
	"relanced/internal/money"
)

//go:embed templates
var shipped embed.FS

// Names returns the names of the shipped templates, sorted.
func Names() []string {
	entries, _ := fs.ReadDir(shipped, "templates/en") // embedded: it is there
	var names []string
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".md"))
	}
	return names
}

// Language returns the language to write in: the customer's where we have it,
// English for one we have not, else the company's.
func Language(customer, company string) string {
	for _, wanted := range []string{customer, company} {
		base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(wanted)), "-")
		switch {
		case base == "fr" || base == "en":
			return base
		case base != "":
			return "en"
		}
	}
	return "en"
}

// Render writes the message. The same request gives the same message. An
// unknown template, a customer without a valid address or a message about
// nothing is an error.
func Render(r Request) (email.Message, error) {
	lang := Language(r.Dossier.Customer.Language, r.Company.Language)
	name := templateName(r)
	if len(r.mainLines()) == 0 {
		return email.Message{}, fmt.Errorf("render %s: nothing to write about", name)
	}
	ready, err := pages()
	if err != nil {
		return email.Message{}, fmt.Errorf("render: %w", err)
	}
	chosen, found := ready[lang+"/"+name]
	if !found {
		return email.Message{}, fmt.Errorf("render: no template %q (write one of %s)", name, strings.Join(Names(), ", "))
	}
	m := email.Message{
		From:        email.Address{Name: first(r.Sender.Display, r.Company.Name), Addr: r.Sender.Address},
		ReplyTo:     r.Sender.ReplyTo,
		Date:        r.Date,
		MessageID:   r.Keys.MessageID(r.ID, email.Domain(r.Sender.Address)),
		Ref:         r.Keys.Ref(r.ID, email.Domain(r.Sender.Address)),
		References:  email.References(r.Thread.References),
		Attachments: r.Attachments,
	}
	for _, to := range r.Action.To {
		m.To = append(m.To, email.Address{Name: recipientName(r, to), Addr: to})
	}
	for _, cc := range r.Action.CC {
		if email.IsAddress(cc) { // a bad copy address keeps no message back
			m.CC = append(m.CC, email.Address{Addr: cc})
		}
	}
	if email.IsMessageID(r.Thread.InReplyTo) { // a customer's mail may name itself anyhow
		m.InReplyTo = r.Thread.InReplyTo
	}
	b := builder{Request: r, lang: lang, say: phrasebook[lang], today: calendar.DateOf(r.Date)}
	if err := b.write(&m, chosen); err != nil {
		return email.Message{}, fmt.Errorf("render %s: %w", name, err)
	}
	if r.Thread.CaseID != "" {
		m.ThreadTopic = m.Subject
		m.ThreadIndex = r.Keys.ThreadIndex(r.Thread.CaseID, r.Thread.Began, r.Thread.Number)
	}
	return m, nil
}

func templateName(r Request) string {
	switch {
	case r.Action.Template != "":
		return r.Action.Template
	case r.Action.Kind == dossier.KindThanks, r.Action.Kind == dossier.KindReceipt, r.Action.Kind == dossier.KindCopy:
		return string(r.Action.Kind)
	}
	return r.Action.Step
}

// recipientName names only the address that the customer's contact has.
func recipientName(r Request, address string) string {
	if len(r.Dossier.Customer.Emails) > 0 && email.SameAddress(address, r.Dossier.Customer.Emails[0]) && r.Dossier.Customer.Contact != "" {
		return r.Dossier.Customer.Contact
	}
	return r.Dossier.Customer.Name
}

// builder is a request on its way to becoming a message.
type builder struct {
	Request
	lang  string
	say   phrases
	today calendar.Date
}

// facts is what templates may say. Texts are safe for Markdown.
type facts struct {
	Company, Numbers, Total, Today, FirstDue, AnswerBy string
	Earlier, MaxDays, Next, Received, ReceivedOn       string
	Table, Upcoming, Annex, Pay, Legal, Parties        string
	One, SameDue                                       bool
	Delay                                              int
}

func (b builder) write(m *email.Message, p page) error {
	blocks := map[string]layout.Piece{}
	f := b.facts(m, blocks)
	line, err := expand(p.subject, f)
	if err != nil {
		return err
	}
	m.Subject = email.Clean(layout.Plain(line), 160)
	if b.Thread.Subject != "" {
		m.Subject = email.Clean(b.Thread.Subject, 160)
	}
	text, err := expand(p.body, f)
	if err != nil {
		return err
	}
	title, rest, formal := "", strings.TrimLeft(text, "\n"), strings.HasPrefix(text, "# ")
	if formal { // a titled message is a letter: the title stands above the greeting
		title, rest, _ = strings.Cut(rest, "\n")
		title += "\n\n"
	}
	piece := layout.Markdown(title+b.greeting(formal)+b.added()+rest+b.signature(formal), blocks)
	m.Text = piece.Text + b.textFoot()
	m.HTML = layout.Page{Lang: b.lang, Title: m.Subject, Brand: b.Company.Name, Body: piece.HTML, Foot: b.foot()}.Render()
	return nil
}

// frenchSpaces keeps high punctuation on the line of its word.
var frenchSpaces = strings.NewReplacer(" :", "\u00a0:", " ?", "\u00a0?", " !", "\u00a0!", " ;", "\u00a0;")

// page is a template made ready.
type page struct{ subject, body *template.Template }

func parse(lang, source string) (page, error) {
	if lang == "fr" {
		source = frenchSpaces.Replace(source)
	}
	head, body, found := strings.Cut(source, "\n\n")
	subject, isSubject := strings.CutPrefix(head, "subject:")
	if !found || !isSubject {
		return page{}, errors.New("a template begins with \"subject: …\" and an empty line")
	}
	var p page
	var err error
	if p.subject, err = template.New("subject").Parse(subject); err != nil {
		return page{}, err
	}
	p.body, err = template.New("body").Parse(body)
	return p, err
}

// pages returns the shipped templates by language and name, made ready once.
var pages = sync.OnceValues(func() (map[string]page, error) {
	ready := map[string]page{}
	err := fs.WalkDir(shipped, "templates", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		source, err := shipped.ReadFile(file)
		if err != nil {
			return err
		}
		lang := path.Base(path.Dir(file))
		p, err := parse(lang, string(source))
		if err != nil {
			return fmt.Errorf("template %s: %w", file, err)
		}
		ready[lang+"/"+strings.TrimSuffix(entry.Name(), ".md")] = p
		return nil
	})
	return ready, err
})

func expand(t *template.Template, f facts) (string, error) {
	var out strings.Builder
	err := t.Execute(&out, f)
	return out.String(), err
}

func (b builder) facts(m *email.Message, blocks map[string]layout.Piece) facts {
	lines := b.mainLines()
	dues := b.dueDates(lines)
	f := facts{
		Company:  b.md(b.Company.Name, 60),
		Numbers:  b.md(b.numbers(lines), 90),
		Total:    b.md(b.amounts(b.totals()), 200),
		Today:    layout.Date(b.lang, b.today),
		AnswerBy: layout.Date(b.lang, b.today.AddDays(AnswerDays)),
		Earlier:  b.earlier(),
		MaxDays:  b.days(b.maxDays(lines)),
		Next:     b.next(),
		One:      len(invoices(lines)) == 1,
		SameDue:  len(dues) == 1,
		Delay:    DelayDays,
	}
	if len(dues) > 0 {
		f.FirstDue = layout.Date(b.lang, slices.Min(dues))
	}
	if !b.Received.Amount.IsZero() {
		f.Received = b.money(b.Received.Amount)
	}
	if !b.Received.On.IsZero() {
		f.ReceivedOn = layout.Date(b.lang, b.Received.On)
	}
	f.Table = put(blocks, "table", b.table(lines)) + paragraphs(b.references(), b.attached(lines))
	f.Upcoming = put(blocks, "upcoming", b.besides(dossier.RoleUpcoming, b.say.upcoming))
	f.Annex = put(blocks, "annex", b.besides(dossier.RoleAnnex, b.say.annex))
	f.Pay = put(blocks, "pay", b.pay(m))
	f.Legal = put(blocks, "legal", b.legal())
	f.Parties = put(blocks, "parties", b.parties())
	return f
}

// paragraphs joins those that say something.
func paragraphs(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(p string) bool { return p == "" }), "\n\n")
}

// put keeps a block that says something and returns its place in the text.
func put(blocks map[string]layout.Piece, name string, piece layout.Piece) string {
	if piece.Text == "" {
		return ""
	}
	blocks[name] = piece
	return layout.Block(name)
}

func (b builder) md(text string, limit int) string { return layout.EscMarkdown(text, limit) }
func (b builder) money(a money.Amount) string      { return money.Format(a, b.lang) }
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
