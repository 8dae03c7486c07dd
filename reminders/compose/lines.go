package compose

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/email/layout"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/reminders"
)

// numberLimit is how much of an invoice number is shown.
const numberLimit = 40

// mainLines returns the lines that the message is about: those demanded, or in
// a message before the due date those coming due.
func (r Request) mainLines() []dossier.Line {
	for _, role := range []dossier.LineRole{dossier.RoleDemanded, dossier.RoleUpcoming} {
		if lines := withRole(r.Action, role); len(lines) > 0 {
			return lines
		}
	}
	return nil
}

func withRole(a reminders.Action, role dossier.LineRole) []dossier.Line {
	var lines []dossier.Line
	for _, use := range a.Lines {
		if use.Role == role {
			lines = append(lines, use.Line)
		}
	}
	return lines
}

// invoices returns the numbers of the lines' invoices, each once.
func invoices(lines []dossier.Line) []string {
	var numbers []string
	seen := map[string]bool{}
	for _, line := range lines {
		if number := email.Clean(line.Invoice, numberLimit); number != "" && !seen[number] {
			seen[number] = true
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// numbers writes the invoice numbers for a subject, some 60 characters long:
// the first ones, and how many more.
func (b builder) numbers(lines []dossier.Line) string {
	all := invoices(lines)
	width, n := 0, 0
	for n < len(all) && (n == 0 || width+len(all[n]) <= 50) && n < 4 {
		width += len(all[n]) + 2
		n++
	}
	shown := all[:n]
	switch rest := len(all) - n; {
	case rest == 1:
		shown = append(shown[:n:n], fmt.Sprintf(b.say.other, rest))
	case rest > 1:
		shown = append(shown[:n:n], fmt.Sprintf(b.say.others, rest))
	}
	return layout.List(b.lang, shown)
}

// totals sums what the main lines leave to pay, per currency.
func (r Request) totals() []money.Amount { return sum(r.mainLines()) }

func sum(lines []dossier.Line) []money.Amount {
	var uses []reminders.LineUse
	for _, line := range lines {
		uses = append(uses, reminders.LineUse{Line: line, Role: dossier.RoleDemanded})
	}
	return reminders.Action{Lines: uses}.Sums()
}

func (b builder) amounts(list []money.Amount) string {
	var texts []string
	for _, a := range list {
		texts = append(texts, b.money(a))
	}
	return layout.List(b.lang, texts)
}

func (b builder) dueDates(lines []dossier.Line) []calendar.Date {
	var dates []calendar.Date
	seen := map[calendar.Date]bool{}
	for _, line := range lines {
		if !line.DueOn.IsZero() && !seen[line.DueOn] {
			seen[line.DueOn] = true
			dates = append(dates, line.DueOn)
		}
	}
	return dates
}

func (b builder) maxDays(lines []dossier.Line) int {
	most := 0
	for _, due := range b.dueDates(lines) {
		most = max(most, b.today.DaysSince(due))
	}
	return most
}

func (b builder) days(n int) string {
	if n == 1 {
		return fmt.Sprintf(b.say.day, n)
	}
	return fmt.Sprintf(b.say.days, n)
}

// when says when a line fell or falls due, and how late it is.
func (b builder) when(line dossier.Line) []string {
	late := b.today.DaysSince(line.DueOn)
	switch {
	case line.DueOn.IsZero():
		return []string{b.say.noDue}
	case late == 0:
		return []string{b.say.dueToday}
	case late < 0:
		return []string{fmt.Sprintf(b.say.due, layout.ShortDate(b.lang, line.DueOn))}
	}
	return []string{
		fmt.Sprintf(b.say.dueOn, layout.ShortDate(b.lang, line.DueOn)),
		strings.ReplaceAll(fmt.Sprintf(b.say.late, b.days(late)), " ", "\u00a0"),
	}
}

// about says what else there is to a line: date, instalment, order, and a
// payment that came back.
func (b builder) about(line dossier.Line) []string {
	var parts []string
	if !line.IssuedOn.IsZero() {
		parts = append(parts, fmt.Sprintf(b.say.issued, layout.ShortDate(b.lang, line.IssuedOn)))
	}
	if line.Of > 1 {
		parts = append(parts, fmt.Sprintf(b.say.instalment, line.Rank, line.Of))
	}
	if order := email.Clean(first(line.OrderRef, b.Dossier.Customer.OrderRef), 40); order != "" {
		parts = append(parts, fmt.Sprintf(b.say.order, order))
	}
	if line.Returned {
		parts = append(parts, b.say.returned)
	}
	return parts
}

// references are the numbers by which a public buyer finds what is owed: those
// of its establishment and of the service that pays.
func (b builder) references() string {
	c := b.Dossier.Customer
	if c.Kind != receivable.KindPublic && c.ServiceCode == "" {
		return ""
	}
	var parts []string
	if siret := email.Clean(c.SIRET, 20); len(siret) == 14 {
		parts = append(parts, "SIRET "+b.md(spaced(siret[:9], 3)+" "+siret[9:], 30))
	}
	if code := b.md(c.ServiceCode, 60); code != "" {
		parts = append(parts, fmt.Sprintf(b.say.service, code))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf(b.say.refs, strings.Join(parts, ", "))
}

// attached says whether copies come with the message. A message that sends
// copies says so itself.
func (b builder) attached(lines []dossier.Line) string {
	copies := 0
	for _, part := range b.Attachments {
		if part.Type == "application/pdf" {
			copies++
		}
	}
	switch {
	case copies == 0 || b.Action.Kind == dossier.KindCopy:
		return ""
	case len(invoices(lines)) == 1:
		return b.say.copy
	case copies >= len(invoices(lines)):
		return b.say.copies
	case copies == 1:
		return b.say.oneCopy
	}
	return b.say.someCopies
}

// table lists the main lines with their total per currency and the tracking
// reference, in both forms.
func (b builder) table(lines []dossier.Line) layout.Piece {
	piece := b.list("", lines, true)
	ref := fmt.Sprintf(b.say.tracking, b.reference())
	piece.Text += "\n" + ref
	piece.HTML += layout.Small(layout.Esc(ref, 80))
	return piece
}

// besides lists the lines of another role under a title.
func (b builder) besides(role dossier.LineRole, title string) layout.Piece {
	lines := withRole(b.Action, role)
	if len(lines) == 0 || role == dossier.RoleUpcoming && len(withRole(b.Action, dossier.RoleDemanded)) == 0 {
		return layout.Piece{}
	}
	return b.list(title, lines, false)
}

// list writes lines as rows. As text each row is a sentence whose parts stand
// under each other, so that it serves the eye and the ear.
func (b builder) list(title string, lines []dossier.Line, total bool) layout.Piece {
	var rows []layout.Row
	var cells [][4]string
	var links []string
	thanks := b.Action.Kind == dossier.KindThanks
	for _, line := range lines {
		number := first(email.Clean(line.Invoice, numberLimit), "-")
		figure := b.money(line.Outstanding)
		if thanks {
			figure = b.say.settled
		}
		label := b.say.invoice + " " + number
		when, about := b.when(line), b.about(line)
		if thanks {
			when = nil
		}
		row := layout.Row{Label: layout.Esc(label, 80), Figure: layout.Esc(figure, 60)}
		for _, parts := range [][]string{when, about} {
			if len(parts) > 0 {
				row.Details = append(row.Details, layout.Esc(strings.Join(parts, ", "), 200))
			}
		}
		part := ""
		if !thanks && line.InvoiceTotal.Currency == line.Outstanding.Currency && line.InvoiceTotal.Cmp(line.Outstanding) > 0 {
			part = fmt.Sprintf(b.say.of, b.money(line.InvoiceTotal))
			row.Note = layout.Esc(part, 60)
		}
		link := ""
		if !thanks {
			link = b.payLink(line)
		}
		if link != "" {
			row.Details = append(row.Details, layout.Link(link, layout.Esc(b.say.payOnline, 40)))
		}
		rows = append(rows, row)
		cells = append(cells, [4]string{strings.Join(append([]string{label}, about...), ", "), strings.Join(when, ", "), figure, part})
		links = append(links, link)
	}
	if total && !thanks && len(lines) > 1 {
		for _, a := range sum(lines) {
			rows = append(rows, layout.Row{Label: layout.Esc(b.say.total, 40), Figure: layout.Esc(b.money(a), 60), Strong: true})
			cells = append(cells, [4]string{b.say.total, "", b.money(a), ""})
			links = append(links, "")
		}
	}
	right := layout.Esc(b.say.outstanding, 40)
	if thanks {
		right = ""
	}
	piece := layout.Piece{Text: align(cells, links, b.say.payAt), HTML: layout.Table(layout.Esc(title, 80), layout.Esc(b.say.invoice, 40), right, rows)}
	if title != "" {
		piece.Text = title + b.say.colon + "\n\n" + piece.Text
	}
	return piece
}

// align sets cells under each other, amounts to the right and what they are
// part of behind, each row's link on a line of its own.
func align(cells [][4]string, links []string, online string) string {
	var width [3]int
	for _, row := range cells {
		for i, cell := range row[:3] {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for i, row := range cells {
		line := "  " + row[0] + strings.Repeat(" ", width[0]-utf8.RuneCountInString(row[0]))
		if width[1] > 0 {
			line += "   " + row[1] + strings.Repeat(" ", width[1]-utf8.RuneCountInString(row[1]))
		}
		line += "   " + strings.Repeat(" ", width[2]-utf8.RuneCountInString(row[2])) + row[2]
		if row[3] != "" {
			line += " " + row[3]
		}
		out.WriteString(line + "\n")
		if links[i] != "" {
			out.WriteString("    " + online + " " + links[i] + "\n")
		}
	}
	return out.String()
}

// payLink fills the address of the configuration in; values cannot leave their
// place in it. An address that is not of the web gives none.
func (b builder) payLink(line dossier.Line) string {
	if !strings.HasPrefix(b.PayLink, "https://") && !strings.HasPrefix(b.PayLink, "http://") || line.Outstanding.Sign() <= 0 {
		return ""
	}
	link := b.PayLink
	for _, word := range linkWords {
		link = strings.ReplaceAll(link, word.name, url.PathEscape(word.value(b, line)))
	}
	return link
}

// linkWords are the words in braces that a payment link may hold. Values hold
// no brace once escaped.
var linkWords = []struct {
	name  string
	value func(builder, dossier.Line) string
}{
	{"{invoice.number}", func(_ builder, l dossier.Line) string { return email.Clean(l.Invoice, 100) }},
	{"{invoice.outstanding}", func(_ builder, l dossier.Line) string { return l.Outstanding.String() }},
	{"{invoice.currency}", func(_ builder, l dossier.Line) string { return l.Outstanding.Currency }},
	{"{customer.code}", func(b builder, _ dossier.Line) string { return email.Clean(b.Dossier.Customer.Code, 100) }},
}

// LinkWords returns the words in braces that a payment link may hold.
func LinkWords() []string {
	words := make([]string, len(linkWords))
	for i, word := range linkWords {
		words[i] = word.name
	}
	return words
}

// reference returns the visible reference of the case, else of this message.
func (b builder) reference() string { return first(b.Thread.Reference, email.Reference(b.ID)) }
