package message

import "strings"

// maxLines bounds how much of a text is looked at.
const maxLines = 20_000

// segment is one inline text of a message in the forms it came in.
type segment struct {
	plain, html string
	hasHTML     bool
	hasPlain    bool
	flowed      bool
	delSp       bool
}

// segmentsOf collects the inline texts of a tree in order. Of alternatives,
// the plain and the HTML form make one segment.
func segmentsOf(p *part) []segment {
	main := p.kind.main
	switch {
	case main == "multipart/alternative":
		var plain, rich []segment
		for _, c := range p.children {
			for _, s := range segmentsOf(c) {
				if s.hasPlain && !s.hasHTML {
					plain = append(plain, s)
				} else {
					rich = append(rich, s)
				}
			}
		}
		if len(plain) == 0 || len(rich) == 0 {
			return append(plain, rich...)
		}
		out := plain[0]
		for _, s := range rich {
			out.html += s.html
			out.hasHTML = true
		}
		return []segment{out}
	case strings.HasPrefix(main, "multipart/"):
		var out []segment
		for _, c := range p.children {
			out = append(out, segmentsOf(c)...)
			if len(out) > 50 {
				break
			}
		}
		return out
	case p.attached || p.inside:
		return nil
	case main == "text/html":
		return []segment{{html: p.text(), hasHTML: true}}
	case main == "text/plain" || main == "text/enriched" || main == "text/markdown":
		t := p.text()
		if head := strings.ToLower(strings.TrimSpace(t[:min(len(t), 200)])); strings.HasPrefix(head, "<html") || strings.HasPrefix(head, "<!doctype") {
			return []segment{{html: t, hasHTML: true}}
		}
		return []segment{{
			plain: t, hasPlain: true,
			flowed: strings.EqualFold(p.kind.params["format"], "flowed"),
			delSp:  strings.EqualFold(p.kind.params["delsp"], "yes"),
		}}
	}
	return nil
}

// lines gives the segment in its better form: HTML where a mail program marked
// in it what is quoted or where the plain text says nothing, else plain text.
func (s segment) lines() []line {
	var plain []line
	if s.hasPlain {
		plain = plainLines(s.plain, s.flowed, s.delSp)
	}
	if !s.hasHTML {
		return plain
	}
	rich, marked := htmlLines(s.html)
	if marked || !speaks(plain) {
		if speaks(rich) || !speaks(plain) {
			return rich
		}
	}
	return plain
}

// speaks tells whether lines hold a word of text, quoted or not, and are no stub.
func speaks(lines []line) bool {
	for i, l := range lines {
		if wordy(l.text) {
			return i > 3 || len(lines) > 8 || !stubs.in(Fold(l.text))
		}
	}
	return false
}

// plainLines splits plain text and reads its quote marks and soft line ends.
func plainLines(text string, flowed, delSp bool) []line {
	var out []line
	bars := strings.Count(text, "\n| ") >= 3 && strings.Count(text, "\n| ")*2 > strings.Count(text, "\n")
	for raw := range strings.SplitSeq(text, "\n") {
		if len(out) >= maxLines {
			break
		}
		if bars && strings.HasPrefix(raw, "|") {
			raw = ">" + raw[1:]
		}
		depth, bare := quoteDepth(strings.TrimSuffix(raw, "\r"))
		if !flowed {
			out = append(out, line{text: tidy(bare), quote: depth})
			continue
		}
		bare = strings.TrimPrefix(bare, " ")
		soft := strings.HasSuffix(bare, " ") && bare != "-- "
		if soft && delSp {
			bare = bare[:len(bare)-1]
		}
		if n := len(out); n > 0 && out[n-1].attr && out[n-1].quote == depth && bare != "-- " && len(out[n-1].text) < 2_000 {
			out[n-1].text += bare
			out[n-1].attr = soft
			continue
		}
		out = append(out, line{text: bare, quote: depth, attr: soft}) // attr: waits for more, until all are joined
	}
	if flowed {
		for i := range out {
			out[i].attr = false
			if out[i].text == "-- " {
				continue
			}
			out[i].text = tidy(out[i].text)
		}
	}
	return out
}

// quoteDepth counts the ">" marks a line starts with and gives what follows.
func quoteDepth(s string) (depth int, bare string) {
	rest := s
	for {
		t := strings.TrimLeft(rest, " \u00a0")
		if len(rest)-len(t) > 3 || !strings.HasPrefix(t, ">") {
			break
		}
		depth++
		rest = t[1:]
	}
	if depth == 0 {
		return 0, s
	}
	return depth, strings.TrimPrefix(rest, " ")
}
