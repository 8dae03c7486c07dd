package message

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// line is one line of a text with what is known of it before the cut.
type line struct {
	text  string
	quote int    // how deeply it is quoted
	cut   bool   // a mail program's own marker: what follows is not new
	attr  bool   // a mail program's own marker: the line that introduces a quote
	color string // of all its text, "" for the usual one
}

// effect is what an element does to its content.
type effect uint8

const (
	keep    effect = iota
	drop           // no text of anybody: style, hidden, signature
	quoted         // quoted text
	attrib         // introduces quoted text
	cutHere        // the element and all that follows is not new
)

const maxElements = 512

type element struct {
	tag   string
	drop  bool
	quote int
	attr  bool
	pre   bool
	color string
}

var (
	voidTags  = set("area base br col embed hr img input link meta param source track wbr")
	dropTags  = set("style script title head noscript template object svg select button")
	paraTags  = set("p blockquote ul ol pre h1 h2 h3 h4 h5 h6 table dl")
	blockTags = set("div tr li section article header footer center address dt dd form fieldset main body html tbody")

	wordRule = regexp.MustCompile(`border:none;border-top:solid#?[0-9a-z]+1\.0pt;padding:3\.0pt0(in|cm|pt)?0(in|cm|pt)?0(in|cm|pt)?`)
	hidden   = regexp.MustCompile(`display:none|visibility:hidden|mso-hide:all|font-size:0(px|pt|em|%)?(;|$|!)`)
	colorOf  = regexp.MustCompile(`(?:^|;)color:([#a-z0-9(),]+)`)
)

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// htmlLines turns HTML into lines. marked tells that a mail program's own mark
// of what is quoted was found. Nothing is fetched or run; time is linear.
func htmlLines(source string) (lines []line, marked bool) {
	if len(source) > maxText {
		source = source[:maxText]
	}
	c := converter{stack: []element{{}}}
	z := html.NewTokenizer(strings.NewReader(source))
	z.SetMaxBuf(maxText + 1)
	for {
		kind := z.Next()
		if kind == html.ErrorToken || len(c.lines) > maxLines {
			break
		}
		switch kind {
		case html.TextToken:
			c.write(string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := string(name)
			attrs := readAttrs(z, more)
			c.open(tag, attrs, kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			c.close(string(name))
		}
	}
	c.end()
	return c.lines, c.marked
}

func readAttrs(z *html.Tokenizer, more bool) map[string]string {
	if !more {
		return nil
	}
	attrs := make(map[string]string)
	for n := 0; more && n < 40; n++ {
		var k, v []byte
		k, v, more = z.TagAttr()
		if len(v) < 4000 {
			attrs[string(k)] = string(v)
		}
	}
	return attrs
}

type converter struct {
	stack  []element
	lines  []line
	buf    strings.Builder
	blanks bool   // an empty line is due before the next text
	cut    bool   // the next line carries a cut
	color  string // of the line so far; "-" mixed
	marked bool
}

func (c *converter) top() element { return c.stack[len(c.stack)-1] }

func (c *converter) open(tag string, attrs map[string]string, selfClosed bool) {
	switch {
	case tag == "br":
		c.flush(true)
		return
	case paraTags[tag]:
		c.flush(false)
		c.blanks = c.blanks || !strings.Contains(attrs["class"], "MsoNormal")
	case blockTags[tag]:
		c.flush(false)
	case tag == "td" || tag == "th":
		if c.buf.Len() > 0 {
			c.buf.WriteByte(' ')
		}
	}
	e := c.top()
	e.tag = tag
	switch what, known := markerOf(tag, attrs, c.top()); what {
	case drop:
		e.drop = true
	case quoted:
		c.flush(false)
		e.quote++
		c.marked = c.marked || known
	case attrib:
		c.flush(false)
		e.attr = true
		c.marked = true
	case cutHere:
		if !e.drop && e.quote == 0 {
			c.flush(false)
			c.cut = true
			c.marked = true
		}
	}
	if style := attrs["style"]; style != "" {
		s := squeeze(style)
		if strings.Contains(s, "white-space:pre") {
			e.pre = true
		}
		if m := colorOf.FindStringSubmatch(s); m != nil {
			e.color = plainColor(m[1])
		}
	}
	if v := attrs["color"]; v != "" && tag == "font" {
		e.color = plainColor(strings.ToLower(v))
	}
	if tag == "pre" {
		e.pre = true
	}
	if tag == "hr" || voidTags[tag] || selfClosed && tag != "div" && tag != "p" {
		if tag == "hr" {
			c.flush(false)
		}
		return
	}
	if len(c.stack) < maxElements {
		c.stack = append(c.stack, e)
	}
}

func (c *converter) close(tag string) {
	if tag == "br" {
		c.flush(true)
		return
	}
	low := max(0, len(c.stack)-64)
	for i := len(c.stack) - 1; i > low || i > 0 && i == low; i-- {
		if c.stack[i].tag == tag {
			if paraTags[tag] || blockTags[tag] || c.stack[i].quote != c.stack[i-1].quote || c.stack[i].attr {
				c.flush(false)
			}
			if paraTags[tag] {
				c.blanks = true
			}
			c.stack = c.stack[:i]
			return
		}
	}
	if paraTags[tag] || blockTags[tag] {
		c.flush(false)
	}
}

func (c *converter) write(s string) {
	e := c.top()
	if e.drop {
		return
	}
	if e.pre {
		for i, l := range strings.Split(s, "\n") {
			if i > 0 {
				c.flush(true)
			}
			c.add(l, e)
		}
		return
	}
	c.add(s, e)
}

func (c *converter) add(s string, e element) {
	if strings.TrimSpace(strings.ReplaceAll(s, "\u00a0", " ")) != "" {
		switch {
		case strings.TrimSpace(c.buf.String()) == "":
			c.color = e.color
		case c.color != e.color:
			c.color = "-"
		}
	}
	if c.buf.Len() < maxText {
		c.buf.WriteString(s)
	}
}

// flush ends the current line. An empty one counts only where it was asked for.
func (c *converter) flush(explicit bool) {
	raw := c.buf.String()
	c.buf.Reset()
	var text string
	if c.top().pre {
		text = tidy(raw)
	} else {
		text = strings.Join(strings.Fields(tidy(strings.ReplaceAll(raw, "\n", " "))), " ")
	}
	e := c.top()
	if text == "" {
		if explicit || strings.Contains(raw, "\u00a0") {
			c.blanks = true
		}
		return
	}
	if c.blanks && len(c.lines) > 0 {
		c.lines = append(c.lines, line{quote: e.quote})
	}
	c.blanks = false
	color := c.color
	if color == "-" {
		color = ""
	}
	// A reply sent as plain text and shown as HTML keeps its ">" marks.
	quote, bare := quoteDepth(text)
	c.lines = append(c.lines, line{text: bare, quote: e.quote + quote, cut: c.cut, attr: e.attr, color: color})
	c.cut = false
}

func (c *converter) end() {
	c.flush(false)
	if c.cut {
		c.lines = append(c.lines, line{cut: true})
	}
}

// markerOf tells what the mail program that wrote an element means by it.
// known is false for a quote that a person may have made by hand.
func markerOf(tag string, attrs map[string]string, parent element) (what effect, known bool) {
	if dropTags[tag] {
		return drop, false
	}
	id, class, style := attrs["id"], " "+strings.Join(strings.Fields(attrs["class"]), " ")+" ", squeeze(attrs["style"])
	has := func(c string) bool { return strings.Contains(class, " "+c+" ") }
	switch {
	case style != "" && hidden.MatchString(style):
		return drop, false
	case has("gmail_signature"), has("moz-signature"), has("protonmail_signature_block"), has("gmail_signature_prefix"),
		id == "ms-outlook-mobile-signature", id == "Signature", id == "AppleMailSignature", id == "composer_signature",
		strings.HasPrefix(id, "AppleMailSignature"), strings.HasPrefix(id, "lineBreakAtBeginningOfSignature"),
		attrs["data-marker"] == "__SIG_POST__", attrs["data-marker"] == "__SIG_PRE__":
		return drop, false
	case has("gmail_attr"), has("moz-cite-prefix"), has("moz-email-headers-table"):
		return attrib, true
	case id == "appendonsend", id == "divRplyFwdMsg", id == "mail-editor-reference-message-container",
		id == "stopSpelling", has("moz-forward-container"), attrs["data-marker"] == "__DIVIDER__",
		tag == "div" && style != "" && wordRule.MatchString(style):
		return cutHere, true
	case tag == "blockquote":
		if parent.quote > 0 {
			return quoted, true
		}
		return quoted, has("gmail_quote") || attrs["type"] == "cite" || has("protonmail_quote") || attrs["cite"] != ""
	case has("yahoo_quoted"), strings.Contains(id, "yahoo_quoted"), has("protonmail_quote"), has("ntes_quoteStyle"),
		attrs["data-marker"] == "__QUOTED_TEXT__", tag == "div" && attrs["name"] == "quote", attrs["name"] == "messageReplySection":
		return quoted, true
	}
	return keep, false
}

func squeeze(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(s)), "")
}

// plainColor gives "" for the blacks, greys and blues mail programs use unasked.
func plainColor(c string) string {
	switch c {
	case "black", "#000000", "#000", "windowtext", "inherit", "initial", "#1f497d", "#212121", "#222222", "#222", "#333333", "#333", "rgb(0,0,0)", "#1f1f1f", "#242424", "rgb(33,33,33)", "auto":
		return ""
	}
	return c
}
