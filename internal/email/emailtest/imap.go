package emailtest

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// IMAPConfig describes a server. Change nothing after NewIMAP.
type IMAPConfig struct {
	Users    map[string]string              // login → password; the login is the address of the mailbox
	Token    func(login, token string) bool // the access token opens the mailbox; nil: no log-in by token
	Bearer   string                         // how a token is said; "": XOAUTH2
	Folders  []string                       // besides INBOX; nil: Sent and Junk
	TLS      *tls.Config                    // offers STARTTLS, or TLS from the start where Implicit
	Implicit bool
	Wire     io.Writer // receives all that goes over the line; nil for none
}

// IMAP is a server on the loopback interface.
type IMAP struct {
	Host string
	Port int

	config IMAPConfig
	server *imapserver.Server
	done   sync.WaitGroup
	users  map[string]*imapmemserver.User
}

// NewIMAP starts a server. Close ends it.
func NewIMAP(config IMAPConfig) (*IMAP, error) {
	s := &IMAP{Host: "127.0.0.1", config: config, users: map[string]*imapmemserver.User{}}
	folders := config.Folders
	if folders == nil {
		folders = []string{"Sent", "Junk"}
	}
	for login, password := range config.Users {
		user := imapmemserver.NewUser(login, password)
		if err := user.Create("INBOX", nil); err != nil {
			return nil, err
		}
		for _, folder := range folders {
			if err := user.Create(folder, &imap.CreateOptions{SpecialUse: specialUse(folder)}); err != nil {
				return nil, err
			}
		}
		s.users[strings.ToLower(login)] = user
	}
	s.server = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &imapSession{server: s}, nil, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapIdle: {}, imap.CapUIDPlus: {}, imap.CapMove: {}, imap.CapSpecialUse: {},
		},
		Logger:       log.New(io.Discard, "", 0),
		TLSConfig:    config.TLS,
		InsecureAuth: true,
		DebugWriter:  config.Wire,
	})
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.Port = listen.Addr().(*net.TCPAddr).Port
	if config.Implicit {
		listen = tls.NewListener(listen, config.TLS)
	}
	s.done.Go(func() { _ = s.server.Serve(listen) })
	return s, nil
}

func specialUse(folder string) []imap.MailboxAttr {
	switch folder {
	case "Sent":
		return []imap.MailboxAttr{imap.MailboxAttrSent}
	case "Junk":
		return []imap.MailboxAttr{imap.MailboxAttrJunk}
	}
	return nil
}

// imapSession is one connection.
type imapSession struct {
	*imapmemserver.UserSession // nil before the log-in
	server                     *IMAP
}

// Login logs in by a password.
func (c *imapSession) Login(login, password string) error {
	user := c.server.User(login)
	if user == nil {
		return imapserver.ErrAuthFailed
	}
	if err := user.Login(login, password); err != nil {
		return err
	}
	c.UserSession = imapmemserver.NewUserSession(user)
	return nil
}

// AuthenticateMechanisms lists the ways of logging in.
func (c *imapSession) AuthenticateMechanisms() []string {
	if c.server.config.Token == nil {
		return []string{sasl.Plain}
	}
	return []string{sasl.Plain, bearerOr(c.server.config.Bearer)}
}

// Authenticate logs in by a token, or by a password.
func (c *imapSession) Authenticate(mechanism string) (sasl.Server, error) {
	switch {
	case mechanism == sasl.Plain:
		return sasl.NewPlainServer(func(_, login, password string) error { return c.Login(login, password) }), nil
	case c.server.config.Token != nil && mechanism == bearerOr(c.server.config.Bearer):
		return &bearerServer{session: c}, nil
	}
	return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Text: "unknown mechanism"}
}

// bearerServer is the server's side of a log-in by token: a wrong one is met with
// a reason, as the providers do, before it is refused.
type bearerServer struct {
	session *imapSession
	refused bool
}

// Next reads what the client says.
func (b *bearerServer) Next(said []byte) (challenge []byte, done bool, err error) {
	if b.refused {
		return nil, true, &imap.Error{Type: imap.StatusResponseTypeNo, Text: "AUTHENTICATE failed."}
	}
	if said == nil {
		return []byte{}, false, nil
	}
	login, token := readBearer(said)
	user := b.session.server.User(login)
	if user == nil || !b.session.server.config.Token(login, token) {
		b.refused = true
		return []byte(refusedBearer), false, nil
	}
	b.session.UserSession = imapmemserver.NewUserSession(user)
	return nil, true, nil
}

// Close ends the server and its connections.
func (s *IMAP) Close() error {
	err := s.server.Close()
	s.done.Wait()
	return err
}

// User returns the mailbox of a login, nil where there is none: to create,
// rename or delete folders behind a client's back.
func (s *IMAP) User(login string) *imapmemserver.User { return s.users[strings.ToLower(login)] }

// Put files a message in a folder of a login, as arrived at that moment. It
// tells whether there is such a login and folder.
func (s *IMAP) Put(login, folder string, raw []byte, at time.Time) bool {
	user := s.User(login)
	if user == nil {
		return false
	}
	_, err := user.Append(folder, literal{bytes.NewReader(raw)}, &imap.AppendOptions{Time: at})
	return err == nil
}

// Deliver files a mail in the INBOX of each recipient that has one here; the
// part of an address after + is left out. It returns the others.
func (s *IMAP) Deliver(mail Mail, at time.Time) (elsewhere []string) {
	for _, to := range mail.To {
		local, domain, _ := strings.Cut(to, "@")
		local, _, _ = strings.Cut(local, "+")
		raw := append([]byte("Return-Path: <"+mail.From+">\r\nDelivered-To: "+to+"\r\n"), mail.Data...)
		if !s.Put(local+"@"+domain, "INBOX", raw, at) {
			elsewhere = append(elsewhere, to)
		}
	}
	return elsewhere
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }
