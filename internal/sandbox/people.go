package sandbox

import (
	"bytes"
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"time"

	"relanced/internal/email"
	"relanced/internal/email/emailtest"
)

// header reads a header of a message, decoded; "" where it is not there.
func header(message []byte, name string) string {
	parsed, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return ""
	}
	var words mime.WordDecoder
	text, err := words.DecodeHeader(parsed.Header.Get(name))
	if err != nil {
		return parsed.Header.Get(name)
	}
	return text
}

// letter is a mail that somebody writes to the company.
type letter struct {
	from, name, to string
	subject        string
	answers        []byte   // the message it answers, nil for none
	extra          []string // more headers
	text           string
	quotes         bool // the answered text stands below
}

// bytes is the letter as a mail program writes it.
func (w *world) bytes(l letter) []byte {
	w.mails++
	now := w.clock.now().In(w.zone)
	host := email.Domain(l.from)
	lines := []string{
		"From: " + (&mail.Address{Name: l.name, Address: l.from}).String(),
		"To: " + l.to,
		"Subject: " + mime.QEncoding.Encode("utf-8", l.subject),
		"Date: " + now.Format(time.RFC1123Z),
		fmt.Sprintf("Message-ID: <%d.%d@%s>", now.UnixMilli(), w.mails, host),
	}
	if l.answers != nil {
		mid := header(l.answers, "Message-Id")
		lines = append(lines, "In-Reply-To: "+mid, "References: "+strings.TrimSpace(header(l.answers, "References")+" "+mid))
	}
	lines = append(lines, l.extra...)
	text := l.text
	if l.quotes {
		old, _ := email.Parts(l.answers)
		text += fmt.Sprintf("\n\nLe %s, %s a écrit :\n> %s", now.Format("02/01/2006"), ourName, strings.ReplaceAll(strings.TrimRight(old, "\n"), "\n", "\n> "))
	}
	lines = append(lines, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", text, "")
	return []byte(strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\r\n"))
}

// deliver puts a message into the company's inbox.
func (w *world) deliver(from string, message []byte) {
	w.imap.Deliver(emailtest.Mail{From: from, To: []string{ourAddress}, Data: message}, w.clock.now())
}

// answers lets a customer answer our last message.
func (w *world) answers(who int, text string) {
	c := customers[who]
	last, ok := w.last(mailOf(who))
	if !ok {
		return
	}
	w.deliver(mailOf(who), w.bytes(letter{
		from: mailOf(who), name: c.contact, to: ourAddress, subject: "Re: " + header(last.Data, "Subject"), answers: last.Data, quotes: true,
		text: "Bonjour,\n\n" + text + "\n\nCordialement,\n" + c.contact,
	}))
}

// isAway lets a customer's mail program answer in its place.
func (w *world) isAway(who int, until time.Time) {
	last, ok := w.last(mailOf(who))
	if !ok {
		return
	}
	w.deliver("", w.bytes(letter{
		from: mailOf(who), name: customers[who].contact, to: ourAddress, subject: "Réponse automatique : " + header(last.Data, "Subject"), answers: last.Data,
		extra: []string{"Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All", "Precedence: bulk"},
		text:  fmt.Sprintf("Bonjour,\n\nJe suis absente jusqu'au %d/%02d/%d. Je répondrai à mon retour.\n\n%s", until.Day(), until.Month(), until.Year(), customers[who].contact),
	}))
}

// returns lets a mail server return our last message: nobody has that address.
func (w *world) returns(who int) {
	last, ok := w.last(mailOf(who))
	if !ok {
		return
	}
	host := email.Domain(mailOf(who))
	head, _, _ := bytes.Cut(last.Data, []byte("\r\n\r\n"))
	message := strings.ReplaceAll(fmt.Sprintf(`From: Mail Delivery System <mailer-daemon@%[1]s>
To: %[2]s
Subject: Undelivered Mail Returned to Sender
Date: %[3]s
Message-ID: <returned.%[4]d@%[1]s>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="notice"

--notice
Content-Type: text/plain; charset=us-ascii

<%[5]s>: host mx.%[1]s said: 550 5.1.1 no such user

--notice
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.%[1]s

Final-Recipient: rfc822; %[5]s
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--notice
Content-Type: text/rfc822-headers

%[6]s

--notice--
`, host, ourAddress, w.clock.now().In(w.zone).Format(time.RFC1123Z), w.clock.now().Unix(), mailOf(who), strings.ReplaceAll(string(head), "\r\n", "\n")), "\n", "\r\n")
	w.deliver("", []byte(message))
}

// writesTo lets a colleague write to a customer by hand, from the same mailbox.
func (w *world) writesTo(who int, text string) {
	message := w.bytes(letter{from: ourAddress, name: "Paul Kermadec", to: mailOf(who), subject: "Votre appel de ce matin", text: "Bonjour,\n\n" + text + "\n\nPaul"})
	w.imap.Put(ourAddress, "Sent", message, w.clock.now())
}

// marieAnswers lets Marie answer the work list she got last.
func (w *world) marieAnswers(text string) {
	list, ok := w.last(marie)
	if !ok {
		return
	}
	w.deliver(marie, w.bytes(letter{from: marie, name: "Marie Kermadec", to: ourAddress, subject: "Re: " + header(list.Data, "Subject"), answers: list.Data, quotes: true, text: text}))
}
