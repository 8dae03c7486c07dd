package brief

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"relanced/internal/email/layout"
)

// page is a mail to our own people.
type page struct {
	subject string
	text    string
	html    string
}

const (
	maxShown   = 30 // items of a section told one by one
	firstLines = 3  // of a draft beyond max_items
)

// page writes the list. Only a draft's line begins with a number: what answers
// refer to.
func (b *Brief) page(c content, token string, until time.Time) page {
	w := &writer{}
	day := layout.Date(b.lang(), c.today)
	title := b.say("Relances du ", "Reminders, ") + day
	w.para(title + ".")
	if c.owing > 0 {
		w.para(b.sums(c.overdue) + b.count(c.owing, [2]string{" échus chez %d client.", " échus chez %d clients."}, [2]string{" overdue from %d customer.", " overdue from %d customers."}))
	} else {
		w.para(b.say("Rien n'est échu.", "Nothing is overdue."))
	}
	for _, book := range c.books {
		w.small(book)
	}
	if c.empty() {
		w.para(b.say("Rien à signaler ce matin.", "Nothing to report this morning."))
	}
	b.section(w, b.say("Réponses reçues", "Replies received"), c.replies)
	b.section(w, b.say("Problèmes à régler", "Problems to see to"), c.problems)
	b.drafts(w, c, token, until)
	b.section(w, b.say("Réponses à la liste non suivies d'effet", "Answers to the list that were not acted on"), c.refused)
	b.section(w, b.say("Probablement payées", "Probably paid"), c.paid)
	b.section(w, b.say("Promesses", "Promises"), c.promises)
	b.section(w, b.say("En attente depuis longtemps", "Held for long"), c.held)
	b.section(w, b.say("À faire", "To do"), c.tasks)
	b.section(w, b.say("Depuis la dernière liste", "Since the last list"), c.decided)
	foot := b.say("Envoyé par relanced. Relances suspendues, promesses, litiges : relanced --help.", "Sent by relanced. Holds, promises, disputes: relanced --help.")
	return page{
		subject: title + b.counts(c),
		text:    w.text.String() + "-- \n" + foot + "\n",
		html:    b.html(title, w, foot),
	}
}

// french keeps signs with their words where lines are broken.
var french = strings.NewReplacer("« ", "«&nbsp;", " »", "&nbsp;»", " :", "&nbsp;:", " ;", "&nbsp;;", " ?", "&nbsp;?", " !", "&nbsp;!")

func (b *Brief) html(title string, w *writer, foot string) string {
	body := w.html.String()
	if b.lang() == "fr" {
		body = french.Replace(body)
	}
	p := layout.Page{Lang: b.lang(), Title: title, Brand: b.Box.Company.Compose.Name, Body: layout.HTML(body)}
	if foot != "" {
		p.Foot = []layout.HTML{layout.Esc(foot, 300)}
	}
	return p.Render()
}

// counts says in the subject what waits.
func (b *Brief) counts(c content) string {
	var parts []string
	count := func(n int, one, many string) {
		if n == 1 {
			parts = append(parts, "1 "+one)
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	count(len(c.drafts), b.say("à approuver", "to approve"), b.say("à approuver", "to approve"))
	count(len(c.replies), b.say("réponse", "reply"), b.say("réponses", "replies"))
	count(len(c.tasks), b.say("tâche", "task"), b.say("tâches", "tasks"))
	count(len(c.problems), b.say("problème", "problem"), b.say("problèmes", "problems"))
	if len(parts) == 0 {
		return ""
	}
	return b.say(" : ", ": ") + strings.Join(parts, ", ")
}

func (b *Brief) section(w *writer, title string, items []item) {
	if len(items) == 0 {
		return
	}
	w.heading(fmt.Sprintf("%s (%d)", title, len(items)))
	for _, i := range items[:min(len(items), maxShown)] {
		w.item(i)
	}
	if rest := len(items) - maxShown; rest > 0 {
		w.small(fmt.Sprintf(b.say("… et %d de plus : relanced status, relanced tasks, relanced replies.", "… and %d more: relanced status, relanced tasks, relanced replies."), rest))
	}
}

// drafts writes the numbered drafts and how to answer.
func (b *Brief) drafts(w *writer, c content, token string, until time.Time) {
	if len(c.drafts) == 0 {
		return
	}
	n := c.drafts[len(c.drafts)-1].number
	w.heading(fmt.Sprintf("%s (%d)", b.say("À approuver", "To approve"), len(c.drafts)))
	w.para(b.say("Répondez à ce message, d'une ligne :", "Answer this message with one line:"))
	w.pairs(b.say("« %s » : %s", "“%s”: %s"), [][2]string{
		{"ok", b.say("tout approuver", "approve them all")},
		{fmt.Sprintf(b.say("ok sauf %d", "ok except %d"), n), fmt.Sprintf(b.say("tout approuver, la %d reste en attente", "approve all, number %d waits"), n)},
		{fmt.Sprintf(b.say("non %d", "no %d"), n), fmt.Sprintf(b.say("refuser la %d seule", "decline number %d only"), n)},
		{fmt.Sprintf(b.say("%d: votre phrase", "%d: your sentence"), n), fmt.Sprintf(b.say("placer la phrase en tête de la %d et l'approuver", "put the sentence on top of number %d, and approve it"), n)},
	})
	w.small(fmt.Sprintf(b.say("La réponse doit citer cette référence, valable une fois et jusqu'au %s :", "The answer must quote this reference, valid once and until %s:"), b.date(b.dateOf(until))))
	w.small(token)
	link := "mailto:" + b.Box.Company.Sender.Address + "?subject=" + escape("Re: ok") + "&body=" + escape("ok\n\n"+token+"\n")
	w.link(link, b.say("Tout approuver par un message", "Approve them all by a message"))
	for i, d := range c.drafts {
		text := d.text
		if i >= b.Config.MaxItems {
			text = beginning(text)
		}
		w.draft(d, text)
	}
	if c.more > 0 {
		w.small(fmt.Sprintf(b.say("… et %d de plus, dans les prochaines listes ou par : relanced outbox --state draft.", "… and %d more, in the next lists or by: relanced outbox --state draft."), c.more))
	}
}

// escape writes text as a part of a mailto address.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// beginning is the first lines of a message.
func beginning(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
		if len(lines) == firstLines {
			return strings.Join(lines, "\n") + "\n…"
		}
	}
	return strings.Join(lines, "\n")
}

// writer writes text and HTML side by side.
type writer struct {
	text strings.Builder
	html strings.Builder
}

func (w *writer) para(text string) {
	w.text.WriteString(text + "\n\n")
	w.html.WriteString(`<p style="margin:0 0 12px">` + string(layout.Esc(text, 2000)) + "</p>\n")
}

func (w *writer) small(text string) {
	w.text.WriteString(text + "\n\n")
	w.html.WriteString(string(layout.Small(layout.Esc(text, 2000))))
}

func (w *writer) heading(text string) {
	w.text.WriteString(strings.ToUpper(text) + "\n\n")
	w.html.WriteString(string(layout.Heading(layout.Esc(text, 300))))
}

// link is for those who read the page: the text says how to answer anyway.
func (w *writer) link(address, text string) {
	w.html.WriteString(`<p style="margin:0 0 20px">` + string(layout.Link(address, layout.Esc(text, 200))) + "</p>\n")
}

// pairs writes what can be said and what it does.
func (w *writer) pairs(format string, pairs [][2]string) {
	w.html.WriteString(`<p style="margin:0 0 12px;padding-left:16px">`)
	for i, pair := range pairs {
		fmt.Fprintf(&w.text, "  "+format+"\n", pair[0], pair[1])
		if i > 0 {
			w.html.WriteString("<br>")
		}
		fmt.Fprintf(&w.html, format, "<b>"+layout.Esc(pair[0], 200)+"</b>", layout.Esc(pair[1], 300))
	}
	w.text.WriteString("\n")
	w.html.WriteString("</p>\n")
}

func (w *writer) item(i item) {
	w.text.WriteString("- " + i.head + "\n")
	w.html.WriteString(`<p style="margin:12px 0 4px;font-weight:600">` + string(layout.Esc(i.head, 2000)) + "</p>\n")
	w.details(i.lines, "  ")
	w.quote(i.quote)
	w.text.WriteString("\n")
}

func (w *writer) details(lines []string, indent string) {
	for _, line := range lines {
		if line == "" {
			continue
		}
		w.text.WriteString(indent + line + "\n")
		w.html.WriteString(`<p class="dim" style="margin:0 0 4px;font-size:14px;line-height:20px;color:#5c6773">` + string(layout.Esc(line, 2000)) + "</p>\n")
	}
}

// draft writes a numbered one. In its text line the number comes first.
func (w *writer) draft(d draft, message string) {
	fmt.Fprintf(&w.text, "%d. %s, %s, %s\n", d.number, d.who, d.step, d.sum)
	w.html.WriteString(`<p class="line" style="margin:20px 0 4px;padding-top:12px;border-top:1px solid #dfe3e8;font-weight:600">` +
		fmt.Sprintf("%d. ", d.number) + string(layout.Esc(d.who, 300)) + ", " + string(layout.Esc(d.step, 80)) + ", " + string(layout.Whole(layout.Esc(d.sum, 200))) + "</p>\n")
	w.details(d.about, "   ")
	w.quote(message)
	w.text.WriteString("\n")
}

// columns stand apart in text by spaces, which a page does not show.
var columns = regexp.MustCompile(`(\S) {3,}`)

// quote writes foreign text of several lines, apart from what is ours.
func (w *writer) quote(text string) {
	if text == "" {
		return
	}
	w.text.WriteString("\n")
	w.html.WriteString(`<div class="box ink line" style="margin:8px 0 12px;padding:10px 14px;background:#f3f5f8;border-left:3px solid #9aa5b1;font-size:15px;line-height:22px;color:#1f2933;overflow-wrap:anywhere">` + "\n")
	blank := true
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \r\n")
		if line == "" {
			if !blank {
				w.text.WriteString("\n")
				w.html.WriteString("<br>\n")
			}
			blank = true
			continue
		}
		blank = false
		w.text.WriteString("    " + line + "\n")
		w.html.WriteString(string(layout.Esc(columns.ReplaceAllString(line, "$1 · "), maxQuote)) + "<br>\n")
	}
	w.html.WriteString("</div>\n")
}

func sorted[K comparable](names map[K]string) []string { return slices.Sorted(maps.Values(names)) }

func join(names []string) string { return strings.Join(names, ", ") }
