// Package emailtest holds mail servers in memory: an SMTP server that fails
// where it is told to, and an IMAP server that its mail can be delivered to.
// The demo and the drills use them too.
package emailtest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mail is a message the SMTP server accepted.
type Mail struct {
	From  string
	To    []string
	Data  []byte
	Mail  string   // parameters of the MAIL line
	Rcpts []string // parameters of each RCPT line
}

// Stage is where in the protocol something happens.
type Stage string

// The stages, in the order of a session. Dot is after the final dot, before
// its answer.
const (
	Connect  Stage = "connect"
	Ehlo     Stage = "EHLO"
	StartTLS Stage = "STARTTLS"
	Auth     Stage = "AUTH"
	MailFrom Stage = "MAIL"
	Rcpt     Stage = "RCPT"
	Data     Stage = "DATA"
	Dot      Stage = "dot"
)

// Fault is what goes wrong at a stage. The zero Fault is none.
type Fault struct {
	Delay time.Duration // before answering
	Reply string        // answered instead, without effect: "451 4.2.1 busy"
	Drop  bool          // the line is cut instead of an answer
	Taken bool          // with Drop at the dot: the message was accepted all the same
}

// SMTPConfig describes a server. Change nothing after NewSMTP.
type SMTPConfig struct {
	Users    map[string]string             // user → password; with none, nobody need log in
	Token    func(user, token string) bool // the access token lets the user in; nil: no log-in by token
	Bearer   string                        // how a token is said; "": XOAUTH2
	TLS      *tls.Config                   // offers STARTTLS, or TLS from the start where Implicit
	Implicit bool
	DSN      bool
	UTF8     bool
	Unknown  func(address string) bool                // refused with 550 5.1.1
	Fault    func(stage Stage, argument string) Fault // asked at each stage; nil for none
	Accepted func(Mail)                               // called for each accepted message, before its 250
	ID       func(Mail) string                        // the text after "250 2.0.0 "; nil for "OK"
}

// SMTP is a server on the loopback interface.
type SMTP struct {
	Host string
	Port int

	config SMTPConfig
	listen net.Listener
	wait   sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	mails []Mail
	lines []string
	open  int
	ended bool
}

// NewSMTP starts a server. Close ends it.
func NewSMTP(config SMTPConfig) (*SMTP, error) {
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := listen.Addr().(*net.TCPAddr)
	s := &SMTP{Host: "127.0.0.1", Port: addr.Port, config: config, listen: listen, conns: map[net.Conn]bool{}}
	s.wait.Go(func() {
		for {
			conn, err := listen.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			if s.ended {
				s.mu.Unlock()
				_ = conn.Close()
				return
			}
			s.conns[conn] = true
			s.open++
			s.mu.Unlock()
			s.wait.Go(func() {
				s.serve(conn)
				s.mu.Lock()
				delete(s.conns, conn)
				s.mu.Unlock()
				_ = conn.Close()
			})
		}
	})
	return s, nil
}

// Close ends the server and its connections.
func (s *SMTP) Close() error {
	err := s.listen.Close()
	s.mu.Lock()
	s.ended = true
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
	return err
}

// Mails returns what was accepted so far, in order.
func (s *SMTP) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Lines returns the commands received so far, passwords included.
func (s *SMTP) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// Connections returns how many connections were opened so far.
func (s *SMTP) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// session is one connection.
type session struct {
	server *SMTP
	conn   net.Conn
	in     *bufio.Reader
	tls    bool
	hello  bool
	user   string
	mail   *Mail
}

var errCut = errors.New("cut")

func (s *SMTP) serve(conn net.Conn) {
	c := &session{server: s, conn: conn, in: bufio.NewReader(conn)}
	if s.config.Implicit {
		if err := c.secure(); err != nil {
			return
		}
	}
	if err := c.answer(Connect, "", func() string { return "220 mail.example ESMTP" }); err != nil {
		return
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		if c.command(line) != nil {
			return
		}
	}
}

func (c *session) secure() error {
	secured := tls.Server(c.conn, c.server.config.TLS)
	if err := secured.Handshake(); err != nil {
		return err
	}
	c.conn, c.in, c.tls = secured, bufio.NewReader(secured), true
	return nil
}

func (c *session) say(text string) error {
	_, err := io.WriteString(c.conn, text+"\r\n")
	return err
}

// answer asks for the stage's fault and says what do returns where there is none.
func (c *session) answer(stage Stage, argument string, do func() string) error {
	var fault Fault
	if c.server.config.Fault != nil {
		fault = c.server.config.Fault(stage, argument)
	}
	if fault.Delay > 0 {
		time.Sleep(fault.Delay)
	}
	switch {
	case fault.Drop:
		if fault.Taken {
			do()
		}
		if tcp, ok := c.conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not an orderly end
		}
		return errCut
	case fault.Reply != "":
		if err := c.say(fault.Reply); err != nil || strings.HasPrefix(fault.Reply, "421") {
			return errCut
		}
		return nil
	}
	if text := do(); text != "" {
		return c.say(text)
	}
	return nil
}

func (c *session) command(line string) error {
	verb, argument, _ := strings.Cut(line, " ")
	config := c.server.config
	switch strings.ToUpper(verb) {
	case "EHLO", "HELO":
		return c.answer(Ehlo, argument, func() string {
			c.hello, c.mail = true, nil
			return c.abilities()
		})
	case "STARTTLS":
		if config.TLS == nil || c.tls {
			return c.say("502 5.5.1 not offered")
		}
		refused := true
		if err := c.answer(StartTLS, "", func() string { refused = false; return "220 2.0.0 go ahead" }); err != nil || refused {
			return err
		}
		c.hello = false
		return c.secure()
	case "AUTH":
		return c.auth(argument)
	case "MAIL":
		return c.answer(MailFrom, argument, func() string { return c.from(argument) })
	case "RCPT":
		return c.answer(Rcpt, argument, func() string { return c.rcpt(argument) })
	case "DATA":
		return c.data()
	case "RSET", "NOOP":
		c.mail = nil
		return c.say("250 2.0.0 OK")
	case "QUIT":
		_ = c.say("221 2.0.0 bye")
		return errCut
	}
	return c.say("500 5.5.2 unknown command")
}

func (c *session) abilities() string {
	list := []string{"mail.example", "8BITMIME", "SIZE 20971520", "ENHANCEDSTATUSCODES"}
	config := c.server.config
	if config.TLS != nil && !c.tls {
		list = append(list, "STARTTLS")
	}
	switch {
	case config.Token != nil:
		list = append(list, "AUTH PLAIN LOGIN "+bearerOr(config.Bearer))
	case config.Users != nil:
		list = append(list, "AUTH PLAIN LOGIN")
	}
	if config.DSN {
		list = append(list, "DSN")
	}
	if config.UTF8 {
		list = append(list, "SMTPUTF8")
	}
	for i := range list {
		list[i] = "250-" + list[i]
	}
	list[len(list)-1] = strings.Replace(list[len(list)-1], "-", " ", 1)
	return strings.Join(list, "\r\n")
}

func (c *session) auth(argument string) error {
	ask := func(prompt string) (string, error) {
		if err := c.say("334 " + prompt); err != nil {
			return "", err
		}
		line, err := c.in.ReadString('\n')
		text, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		return string(text), err
	}
	mechanism, initial, _ := strings.Cut(argument, " ")
	var user, password string
	var err error
	config := c.server.config
	known := func(user, password string) bool {
		want, ok := config.Users[user]
		return ok && want == password
	}
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		raw, _ := base64.StdEncoding.DecodeString(initial)
		text := string(raw)
		if initial == "" {
			if text, err = ask(""); err != nil {
				return err
			}
		}
		parts := append(strings.Split(text, "\x00"), "", "", "")
		user, password = parts[1], parts[2]
	case "LOGIN":
		if user, err = ask("VXNlcm5hbWU6"); err != nil {
			return err
		}
		if password, err = ask("UGFzc3dvcmQ6"); err != nil {
			return err
		}
	case bearerOr(config.Bearer):
		if config.Token == nil {
			return c.say("504 5.7.4 unknown mechanism")
		}
		if user, password, err = c.token(initial); err != nil {
			return err
		}
		known = config.Token
	default:
		return c.say("504 5.7.4 unknown mechanism")
	}
	return c.answer(Auth, user, func() string {
		if !known(user, password) {
			return "535 5.7.8 authentication failed"
		}
		c.user = user
		return "235 2.7.0 accepted"
	})
}

// token reads the initial response of a log-in by token. A wrong token is met
// with a challenge, as the providers do, before it is refused.
func (c *session) token(initial string) (user, token string, err error) {
	raw, _ := base64.StdEncoding.DecodeString(initial)
	user, token = readBearer(raw)
	if !c.server.config.Token(user, token) {
		if err := c.say("334 " + base64.StdEncoding.EncodeToString([]byte(refusedBearer))); err != nil {
			return "", "", err
		}
		_, err = c.in.ReadString('\n')
	}
	return user, token, err
}

// refusedBearer is the reason that providers give for refusing a token.
const refusedBearer = `{"status":"401","schemes":"bearer"}`

// bearerOr is the mechanism by which a token is said.
func bearerOr(mechanism string) string {
	if mechanism == "" {
		return "XOAUTH2"
	}
	return mechanism
}

// readBearer reads what a client says by XOAUTH2 or OAUTHBEARER.
func readBearer(said []byte) (user, token string) {
	for part := range strings.SplitSeq(string(said), "\x01") {
		for _, prefix := range []string{"user=", "n,a="} {
			if value, ok := strings.CutPrefix(part, prefix); ok {
				user = strings.TrimSuffix(value, ",")
			}
		}
		if value, ok := strings.CutPrefix(part, "auth=Bearer "); ok {
			token = value
		}
	}
	return user, token
}

// path takes "FROM:<a@b> X=Y" apart.
func path(argument, word string) (address, parameters string, ok bool) {
	if len(argument) < len(word) || !strings.EqualFold(argument[:len(word)], word) {
		return "", "", false
	}
	rest, found := strings.CutPrefix(strings.TrimSpace(argument[len(word):]), "<")
	address, parameters, closed := strings.Cut(rest, ">")
	return address, strings.TrimSpace(parameters), found && closed
}

func (c *session) from(argument string) string {
	address, parameters, ok := path(argument, "FROM:")
	switch {
	case !ok:
		return "501 5.5.4 syntax"
	case !c.hello || c.mail != nil:
		return "503 5.5.1 out of order"
	case (c.server.config.Users != nil || c.server.config.Token != nil) && c.user == "":
		return "530 5.7.0 authentication required"
	}
	c.mail = &Mail{From: address, Mail: parameters}
	return "250 2.1.0 OK"
}

func (c *session) rcpt(argument string) string {
	address, parameters, ok := path(argument, "TO:")
	switch {
	case !ok:
		return "501 5.5.4 syntax"
	case c.mail == nil:
		return "503 5.5.1 out of order"
	case c.server.config.Unknown != nil && c.server.config.Unknown(address):
		return "550 5.1.1 no such user"
	}
	c.mail.To = append(c.mail.To, address)
	c.mail.Rcpts = append(c.mail.Rcpts, parameters)
	return "250 2.1.5 OK"
}

func (c *session) data() error {
	ready := false
	err := c.answer(Data, "", func() string {
		if c.mail == nil || len(c.mail.To) == 0 {
			return "503 5.5.1 no recipient"
		}
		ready = true
		return "354 go ahead"
	})
	if err != nil || !ready {
		return err
	}
	mail := *c.mail
	c.mail = nil
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return err // without the final dot nothing was handed over
		}
		if line == ".\r\n" {
			break
		}
		mail.Data = append(mail.Data, strings.TrimPrefix(line, ".")...)
	}
	return c.answer(Dot, mail.From, func() string {
		if c.server.config.Accepted != nil {
			c.server.config.Accepted(mail)
		}
		c.server.mu.Lock()
		c.server.mails = append(c.server.mails, mail)
		n := len(c.server.mails)
		c.server.mu.Unlock()
		if c.server.config.ID != nil {
			return "250 2.0.0 " + c.server.config.ID(mail)
		}
		return fmt.Sprintf("250 2.0.0 OK queued as %d", n)
	})
}
