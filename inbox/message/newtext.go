package message

import "strings"

// NewText is what the sender added, without quotes, signature and what
// programs put in.
type NewText struct {
	Text       string
	Inline     bool // it answers between quoted lines
	NotTrimmed bool // trimming left nothing where something was said: Text is everything
}

// newText cuts every inline text of the message.
func (m *Message) newText(sent Outgoing) NewText {
	var out NewText
	var pieces []string
	said := false
	for _, s := range m.segments {
		lines := s.lines()
		c := cutQuotes(lines)
		if len(c.after) > 0 {
			if more := between(c, sent); len(more) > 0 {
				c.runs = append(c.runs, more...)
				c.inline = true
			}
		}
		out.Inline = out.Inline || c.inline
		for _, run := range c.runs {
			said = true
			run = dropOurs(run, sent)
			if text := tidyRun(run, m.From, len(pieces) > 0); hasText(text) {
				pieces = append(pieces, strings.Join(squeezeBlank(text), "\n"))
			}
		}
	}
	out.Text = clean(strings.Join(pieces, "\n\n"))
	if out.Text == "" && said && !m.quotesOnly(sent) {
		out.Text = clean(strings.TrimSpace(m.Text))
		out.NotTrimmed = out.Text != ""
	}
	return out
}

// quotesOnly tells a message whose unquoted lines are but a signature, a
// program's line or our own words: nothing was typed.
func (m *Message) quotesOnly(sent Outgoing) bool {
	for _, s := range m.segments {
		c := cutQuotes(s.lines())
		if !c.cut {
			for _, run := range c.runs {
				for _, l := range run {
					if wordy(l.text) && !sent.Has(l.text) && !(len(l.text) < 160 && mobileLines.in(Fold(l.text))) {
						return false
					}
				}
			}
		}
	}
	return true
}

// dropOurs removes the lines we wrote, whatever a mail program made of their
// quote marks. A line may be wrapped: it is also tried with the next.
func dropOurs(run []line, sent Outgoing) []line {
	if sent.text == "" {
		return run
	}
	ours := make([]bool, len(run))
	for i := range run {
		if sent.Has(run[i].text) {
			ours[i] = true
			continue
		}
		if i+1 < len(run) && len(letters(run[i].text)) >= 5 && len(run[i].text) > 40 && sent.Has(run[i].text+" "+run[i+1].text) {
			ours[i], ours[i+1] = true, true
		}
	}
	out := run[:0:0]
	for i, l := range run {
		if !ours[i] {
			out = append(out, l)
		}
	}
	return out
}

// between finds answers typed into a quoted message without marks. They are
// told by the colour the sender announces, or by what we know we wrote.
func between(c cutting, sent Outgoing) [][]line {
	top := ""
	for _, run := range c.runs {
		for _, l := range run {
			top += " " + l.text
		}
	}
	if len(top) > 2000 || !inlineAnswer.MatchString(Fold(top)) {
		return nil
	}
	known := sent.Quoted(joinLines(c.after)) >= 3
	var out [][]line
	for i, l := range c.after {
		if i < 2 || l.quote > 0 || !wordy(l.text) || headerKey.MatchString(Fold(l.text)) {
			continue
		}
		if l.color != "" || known && len(letters(l.text)) >= minOwn && !sent.Has(l.text) {
			out = append(out, []line{l})
		}
	}
	return out
}

func joinLines(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.String()
}

func squeezeBlank(lines []string) []string {
	out := lines[:0:0]
	for _, l := range lines {
		if l == "" && len(out) > 0 && out[len(out)-1] == "" {
			continue
		}
		out = append(out, l)
	}
	return out
}
