// Package message reads one mail: its header, texts and attachments' names,
// whether a person or a machine wrote it, what a failure notice reports, and
// which words are new. It is pure: bytes in, facts out, nothing fetched, no
// clock read. Input is hostile: every step is bounded, every text that comes
// out is valid UTF-8 in NFC without NUL, and nothing panics.
package message

import (
	"fmt"
	"net/mail"
	"strings"
	"time"
)

// Message is a mail as far as it could be read.
type Message struct {
	Header      Header
	From        Address // the zero Address where none could be read
	ReplyTo     []Address
	Sender      Address
	To, Cc      []Address
	Subject     string
	MessageID   string   // without brackets; "" where there is none
	InReplyTo   []string // without brackets
	References  []string // oldest first
	Date        time.Time
	Text        string // all texts of the message itself, quotes included
	Attachments []string
	Enclosed    []Enclosed // returned or forwarded messages, outermost first
	Report      *Report    // of a delivery status notification or a failure notice; nil otherwise
	Problems    []string   // what was damaged or left out, for people
	Unreadable  bool       // reading failed: only the header, if that, is to be trusted

	segments []segment
	kinds    map[string]bool // content types met, enclosed messages included
	main     value           // Content-Type of the message
	feedback string          // Feedback-Type of a complaint
	// calendarMethod is the METHOD of an invitation's part, in lower case.
	calendarMethod string
	partial        bool     // only the header was given
	subject        *subject // stripped, once it was asked for
}

// Enclosed is the header of a message inside the message.
type Enclosed struct {
	Header Header
	Text   string // its first plain text; "" where only the header came
}

// Parse reads a whole message. It never fails: what cannot be read is in
// Problems, and a message that defeats the parser is Unreadable.
func Parse(raw []byte) (m *Message) {
	m = &Message{kinds: make(map[string]bool)}
	defer m.recovered()
	if len(raw) > maxBytes {
		raw = raw[:maxBytes]
		m.Problems = append(m.Problems, "message cut: too large")
	}
	raw = toLF(raw)
	h, body, problems := splitHeader(raw)
	m.Problems = append(m.Problems, problems...)
	if len(h) == 0 {
		m.Problems = append(m.Problems, "no header")
		m.Unreadable = len(strings.TrimSpace(string(body[:min(len(body), 1000)]))) == 0
	}
	m.readHeader(h)
	w := &walker{}
	root := w.read(h, body, 0, false)
	m.main = root.kind
	m.collect(root, w)
	m.segments = segmentsOf(root)
	m.Text = m.fullText()
	m.Report = m.readReport(root)
	m.Problems = append(m.Problems, w.problems...)
	m.sealed(root, w)
	return m
}

// ParseHeader reads a header block alone, as it comes first from a mailbox.
func ParseHeader(raw []byte) (m *Message) {
	m = &Message{kinds: make(map[string]bool), partial: true}
	defer m.recovered()
	h, _, problems := splitHeader(toLF(raw[:min(len(raw), 2*maxHeaderBytes)]))
	m.Problems = problems
	m.readHeader(h)
	m.main = parseValue(h.Raw("content-type"))
	m.kinds[m.main.main] = true
	return m
}

// Complete adds the fields that header, read of the same message by itself, has
// and m lacks: of a message that was cut within its header.
func (m *Message) Complete(header *Message) {
	all := m.Header
	for _, f := range header.Header {
		if !m.Header.Has(f.Name) {
			all = append(all, f)
		}
	}
	if len(all) > len(m.Header) {
		m.readHeader(all)
	}
}

func (m *Message) recovered() {
	if r := recover(); r != nil {
		m.Unreadable = true
		m.Problems = append(m.Problems, "unreadable: "+clean(fmt.Sprint(r)))
	}
}

func (m *Message) readHeader(h Header) {
	m.Header = h
	if list := Addresses(h.Raw("from")); len(list) > 0 {
		m.From = list[0]
	}
	if list := Addresses(h.Raw("sender")); len(list) > 0 {
		m.Sender = list[0]
	}
	m.ReplyTo = Addresses(h.Raw("reply-to"))
	m.To = Addresses(h.joined("to", ", "))
	m.Cc = Addresses(h.joined("cc", ", "))
	m.Subject = strings.Join(strings.Fields(strings.Map(dropControl, h.Text("subject"))), " ")
	if ids := IDs(DecodeWords(h.Raw("message-id"))); len(ids) > 0 {
		m.MessageID = ids[0]
	}
	m.InReplyTo = IDs(DecodeWords(h.joined("in-reply-to", " ")))
	m.References = IDs(DecodeWords(h.joined("references", " ")))
	m.Date = parseDate(h.Raw("date"))
}

// parseDate reads a date, the zero time where it is none. Nearly all are
// written in one way; the library tries many others first.
func parseDate(raw string) time.Time {
	t, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", raw)
	if err != nil {
		t, err = mail.ParseDate(raw)
	}
	if err != nil {
		return time.Time{}
	}
	return t
}

// collect notes content types, attachments and enclosed messages.
func (m *Message) collect(root *part, w *walker) {
	root.leaves(func(p *part) {
		m.kinds[p.kind.main] = true
		switch {
		case p.kind.main == "message/rfc822" || p.kind.main == "message/global":
			if len(p.children) > 0 && len(m.Enclosed) < 20 {
				inner := p.children[0]
				m.Enclosed = append(m.Enclosed, Enclosed{Header: inner.header, Text: firstText(inner)})
			}
		case strings.HasSuffix(p.kind.main, "rfc822-headers"):
			h, _, _ := splitHeader(decodeTransfer(p.body, p.header.Raw("content-transfer-encoding")))
			if len(h) > 0 && len(m.Enclosed) < 20 {
				m.Enclosed = append(m.Enclosed, Enclosed{Header: h})
			}
		case p.kind.main == "message/disposition-notification" && !p.inside:
			h, _, _ := splitHeader(decodeTransfer(p.body, p.header.Raw("content-transfer-encoding")))
			m.InReplyTo = append(m.InReplyTo, IDs(h.Raw("original-message-id"))...)
		case p.kind.main == "text/calendar" && !p.inside:
			m.calendarMethod = strings.ToLower(p.kind.params["method"])
		case p.kind.main == "application/ms-tnef":
			w.note("winmail.dat not opened")
		case p.kind.main == "message/feedback-report":
			h, _, _ := splitHeader(decodeTransfer(p.body, p.header.Raw("content-transfer-encoding")))
			m.feedback = strings.ToLower(h.Text("feedback-type"))
		}
		if p.filename != "" && !p.inside && len(m.Attachments) < maxParts {
			m.Attachments = append(m.Attachments, p.filename)
		}
	})
}

func firstText(p *part) string {
	text := ""
	p.leaves(func(l *part) {
		if text == "" && l.kind.main == "text/plain" {
			text = l.text()
		}
	})
	if text == "" {
		p.leaves(func(l *part) {
			if text == "" && l.kind.main == "text/html" {
				lines, _ := htmlLines(l.text())
				text = joinLines(lines)
			}
		})
	}
	return text
}

// fullText is what a person sees of the message, quotes included.
func (m *Message) fullText() string {
	var b strings.Builder
	for _, s := range m.segments {
		var lines []line
		if s.hasPlain {
			lines = plainLines(s.plain, s.flowed, s.delSp)
		}
		if !speaks(lines) && s.hasHTML {
			lines, _ = htmlLines(s.html)
		}
		for _, l := range lines {
			if b.Len() > maxText {
				break
			}
			b.WriteString(strings.Repeat("> ", min(l.quote, 20)))
			b.WriteString(l.text)
			b.WriteByte('\n')
		}
	}
	return clean(strings.TrimSpace(b.String()))
}

// sealed deals with S/MIME: signed data holds the text in clear, encrypted
// data is said to be so.
func (m *Message) sealed(root *part, w *walker) {
	root.leaves(func(p *part) {
		if p.kind.main != "application/pkcs7-mime" && p.kind.main != "application/x-pkcs7-mime" {
			return
		}
		data := decodeTransfer(p.body, p.header.Raw("content-transfer-encoding"))
		text := toLF(data)
		at := strings.Index(strings.ToLower(string(text[:min(len(text), 4096)])), "content-type:")
		if at < 0 || strings.Contains(p.kind.params["smime-type"], "enveloped") {
			m.Problems = append(m.Problems, "encrypted message")
			return
		}
		h, body, _ := splitHeader(text[at:])
		if m.Text == "" && len(h) > 0 {
			m.segments = segmentsOf(w.read(h, body, p.depth+1, false))
			m.Text = m.fullText()
		}
	})
}
