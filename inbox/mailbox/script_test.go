package mailbox_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"relanced/inbox/mailbox"
)

// letter is a message that the scripted server holds.
type letter struct {
	uid   int
	raw   string
	quirk quirk
	age   time.Duration // since it arrived
}

// quirk is what is odd about how the server hands a message out.
type quirk string

const (
	bodyFirst quirk = "BODY before UID, except by sequence number"
	noZone    quirk = "INTERNALDATE without zone"
	noOffset  quirk = "the <0> of a partial fetch is not echoed"
	nilBody   quirk = "BODY[] NIL"
	poison    quirk = "syntax that ends the connection, always"
	cutBody   quirk = "the line is cut inside the literal"
	cutOnce   quirk = "the line is cut inside the literal, once"
	refused   quirk = "NO to its body"
	gone      quirk = "vanishes after its header was read"
)

// script is a server that says what it is told to.
type script struct {
	t        *testing.T
	port     int
	validity int
	uidNext  int // 0: computed; -1: not told
	lower    bool
	caps     string
	greeting string
	on       func(c *client, tag, command string) bool // true: it answered

	start   func()
	mu      sync.Mutex
	letters []letter
	log     []string
	clients []*client
	cut     map[int]bool
	done    sync.WaitGroup
}

type client struct {
	net.Conn
	in *bufio.Reader
	s  *script
}

func (c *client) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if c.s.lower && !strings.Contains(line, "{") {
		tag, rest, _ := strings.Cut(line, " ")
		line = tag + " " + strings.ToLower(rest)
	}
	_, _ = c.Write([]byte(line + "\r\n"))
}

func newScript(t *testing.T, letters ...letter) *script {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, port: listen.Addr().(*net.TCPAddr).Port, validity: 7, letters: letters, caps: "IMAP4rev1 IDLE", greeting: "* OK ready", cut: map[int]bool{}}
	s.start = sync.OnceFunc(func() {
		s.done.Go(func() {
			for {
				conn, err := listen.Accept()
				if err != nil {
					return
				}
				c := &client{conn, bufio.NewReader(conn), s}
				s.mu.Lock()
				s.clients = append(s.clients, c)
				s.mu.Unlock()
				s.done.Go(func() { defer func() { _ = conn.Close() }(); s.serve(c) })
			}
		})
	})
	t.Cleanup(func() {
		_ = listen.Close()
		s.mu.Lock()
		for _, c := range s.clients {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.done.Wait()
	})
	return s
}

// account is how to reach it, which starts it: from then on it is not to be
// told anything else.
func (s *script) account() mailbox.Account {
	s.start()
	return mailbox.Account{
		Name: "courrier", Address: "compta@dupont.example", User: "compta", Password: "secret", Host: "127.0.0.1", Port: s.port, TLS: mailbox.NoTLS,
		Fields: []string{"From", "Subject", "Message-ID"}, Now: time.Now,
	}
}

// commands are those received so far, without their tags.
func (s *script) commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

func (s *script) add(l letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, l)
}

func (s *script) held() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.letters)
}

func (s *script) serve(c *client) {
	if s.greeting != "" {
		c.say("%s", s.greeting)
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		tag, command, _ := strings.Cut(line, " ")
		s.mu.Lock()
		s.log = append(s.log, command)
		s.mu.Unlock()
		if s.on != nil && s.on(c, tag, command) {
			continue
		}
		if !s.answer(c, tag, command) {
			return
		}
	}
}

func (s *script) answer(c *client, tag, command string) bool {
	name, rest, _ := strings.Cut(command, " ")
	if name == "UID" {
		var second string
		second, rest, _ = strings.Cut(rest, " ")
		name += " " + second
	}
	switch strings.ToUpper(name) {
	case "CAPABILITY":
		c.say("* CAPABILITY %s", s.caps)
	case "LIST":
		if strings.Contains(rest, "INBOX") || strings.Contains(rest, "*") || strings.Contains(rest, "%") {
			c.say(`* LIST () "/" INBOX`)
		}
	case "EXAMINE":
		letters := s.held()
		next := s.uidNext
		if next == 0 {
			next = 1
			for _, l := range letters {
				next = max(next, l.uid+1)
			}
		}
		c.say("* %d EXISTS", len(letters))
		if s.validity > 0 {
			c.say("* OK [UIDVALIDITY %d] ok", s.validity)
		}
		if next > 0 {
			c.say("* OK [UIDNEXT %d] ok", next)
		}
	case "UID SEARCH", "SEARCH":
		found := []string{}
		letters := s.held()
		for i, l := range letters {
			_, set, byUID := strings.Cut(rest, "UID ")
			if byUID && !within(strings.Fields(set)[0], l.uid, letters[len(letters)-1].uid) {
				continue
			}
			n := l.uid
			if name == "SEARCH" {
				n = i + 1
			}
			found = append(found, strconv.Itoa(n))
		}
		c.say("* SEARCH %s", strings.Join(found, " "))
	case "UID FETCH", "FETCH":
		set, items, _ := strings.Cut(rest, " ")
		for i, l := range s.held() {
			n := l.uid
			if name == "FETCH" {
				n = i + 1
			}
			if within(set, n, 1<<30) && !s.hand(c, i+1, l, items, name == "FETCH") {
				return false
			}
		}
		if strings.Contains(items, "BODY.PEEK[]") {
			for _, l := range s.held() {
				if l.quirk == refused && within(set, l.uid, 1<<30) {
					c.say("%s NO not this one", tag)
					return true
				}
			}
		}
	case "APPEND":
		size, _ := strconv.Atoi(strings.Trim(rest[strings.LastIndexByte(rest, '{')+1:], "+}"))
		c.say("+ go on")
		if _, err := io.CopyN(io.Discard, c.in, int64(size)+2); err != nil { // and the line's end
			return false
		}
	case "IDLE":
		c.say("+ idling")
		for {
			line, err := c.in.ReadString('\n')
			if err != nil {
				return false
			}
			if strings.TrimSpace(strings.ToUpper(line)) == "DONE" {
				break
			}
		}
	case "LOGOUT":
		c.say("* BYE")
		c.say("%s OK", tag)
		return false
	}
	c.say("%s OK done", tag)
	return true
}

// hand sends one message, as odd as it is; false ends the connection.
func (s *script) hand(c *client, seq int, l letter, items string, bySequence bool) bool {
	whole := strings.Contains(items, "BODY.PEEK[]")
	section, text := "BODY[]<0>", l.raw
	if !whole {
		head, _, _ := strings.Cut(l.raw, "\r\n\r\n")
		section, text = "BODY[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID)]", head+"\r\n\r\n"
	}
	date := fmt.Sprintf(` INTERNALDATE "%s"`, time.Now().Add(-l.age).Format("_2-Jan-2006 15:04:05 -0700"))
	if !strings.Contains(items, "INTERNALDATE") {
		date = ""
	}
	body := fmt.Sprintf("%s {%d}\r\n%s", section, len(text), text)
	uid := fmt.Sprintf("UID %d RFC822.SIZE %d%s ", l.uid, len(l.raw), date)
	switch {
	case l.quirk == gone && !whole:
		s.mu.Lock()
		s.letters = slices.DeleteFunc(slices.Clone(s.letters), func(x letter) bool { return x.uid == l.uid })
		s.mu.Unlock()
	case l.quirk == refused && whole:
		return true
	case l.quirk == bodyFirst && !bySequence:
		_, _ = fmt.Fprintf(c, "* %d FETCH (%s UID %d RFC822.SIZE %d%s)\r\n", seq, body, l.uid, len(l.raw), date)
		return true
	case l.quirk == noZone && date != "":
		uid = fmt.Sprintf(`UID %d RFC822.SIZE %d INTERNALDATE "24-Nov-2026 10:00:00" `, l.uid, len(l.raw))
	case l.quirk == noOffset && whole:
		body = strings.Replace(body, "<0>", "", 1)
	case l.quirk == nilBody && whole:
		body = "BODY[] NIL"
	case l.quirk == poison:
		uid = `ENVELOPE ("alternative") `
	case l.quirk == cutOnce && whole, l.quirk == cutBody && whole:
		s.mu.Lock()
		before := s.cut[l.uid]
		s.cut[l.uid] = true
		s.mu.Unlock()
		if l.quirk == cutBody || !before {
			_, _ = c.Write([]byte(fmt.Sprintf("* %d FETCH (%s%s", seq, uid, body)[:len(uid)+len(section)+30]))
			return false
		}
	}
	_, _ = fmt.Fprintf(c, "* %d FETCH (%s%s)\r\n", seq, uid, body)
	return true
}

// within tells whether a number stands in a sequence set; last is what * means.
func within(set string, n, last int) bool {
	for part := range strings.SplitSeq(set, ",") {
		from, to, isRange := strings.Cut(part, ":")
		number := func(s string) int {
			if s == "*" {
				return last
			}
			i, _ := strconv.Atoi(s)
			return i
		}
		low, high := number(from), number(from)
		if isRange {
			high = number(to)
		}
		if low > high {
			low, high = high, low
		}
		if n >= low && n <= high {
			return true
		}
	}
	return false
}

func text(subject string) string {
	return "From: a@b.example\r\nReceived: from x by y; Tue, 24 Nov 2026 09:30:00 +0100\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@b.example>\r\n\r\nBonjour.\r\n"
}
