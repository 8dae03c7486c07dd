package outbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"relanced/internal/email"
	"relanced/internal/oauth"
)

// TLSMode is how a connection is made secure.
type TLSMode string

// The modes, as in the configuration.
const (
	TLSImplicit TLSMode = "implicit"
	TLSStart    TLSMode = "starttls"
	TLSNone     TLSMode = "none"
)

// Server is where mail is handed in, and as whom.
type Server struct {
	Host     string
	Port     int
	TLS      TLSMode
	CA       *x509.CertPool // nil: the system's
	User     string         // "": no log-in
	Password string
	// Token gives an access token to log in by, instead of Password; refused is one
	// that the server did not take ("" none). nil: Password is used.
	Token func(ctx context.Context, refused string) (string, error)
	// Advise says what to do where the server refuses the log-in, by what it said;
	// "" or nil: nothing more than it said.
	Advise func(said string) string
	Limits Limits // zero fields: those of DefaultLimits
}

// Limits are how long each stage may take.
type Limits struct {
	Connect  time.Duration
	Greeting time.Duration // greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, each
	Data     time.Duration // the answer to DATA
	Arm      time.Duration // from before arming to the final dot
	Final    time.Duration // the answer to the final dot
}

// DefaultLimits are those of RFC 5321 §4.5.3.2. A shorter Final would turn
// messages that a slow scanner accepts into unknown ones.
var DefaultLimits = Limits{
	Connect: time.Minute, Greeting: 5 * time.Minute, Data: 2 * time.Minute, Arm: time.Minute, Final: 10 * time.Minute,
}

func (l Limits) orDefault() Limits {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&l.Connect, DefaultLimits.Connect)
	set(&l.Greeting, DefaultLimits.Greeting)
	set(&l.Data, DefaultLimits.Data)
	set(&l.Arm, DefaultLimits.Arm)
	set(&l.Final, DefaultLimits.Final)
	return l
}

// Envelope is one message to hand in: recipients and bytes are final.
type Envelope struct {
	ID   string // comes back as Original-Envelope-Id in delivery notices
	From string
	To   []string // To and Cc alike
	Data []byte   // as email.Build gives them
}

// Session is a connection that is logged in. It serves one goroutine; messages
// follow each other on it without RSET or NOOP, which some servers count.
type Session struct {
	server Server
	client *smtp.Client
	line   *line
	broken bool
	used   bool
}

// Connect opens a session. Where that fails the session is nil and the result
// says at which stage: nothing was delivered.
func Connect(ctx context.Context, server Server) (*Session, Result) {
	server.Limits = server.Limits.orDefault()
	if server.Token == nil {
		return dial(ctx, server, "")
	}
	return dialByToken(ctx, server)
}

func dial(ctx context.Context, server Server, token string) (*Session, Result) {
	address := net.JoinHostPort(server.Host, strconv.Itoa(server.Port))
	raw, err := (&net.Dialer{Timeout: server.Limits.Connect}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, failure(StageConnect, err)
	}
	return attach(ctx, raw, server, token)
}

// attach opens a session on a connection, by the token where one is given.
func attach(ctx context.Context, raw net.Conn, server Server, token string) (*Session, Result) {
	s := &Session{server: server, line: &line{Conn: raw}}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	stage, err := s.open(ctx, raw.LocalAddr(), token)
	if !stop() && err == nil {
		stage, err = StageHello, context.Cause(ctx)
	}
	if err != nil {
		_ = raw.Close()
		r := failure(stage, err)
		if stage == StageTLS {
			var verify *tls.CertificateVerificationError
			r.Temporary = !errors.As(err, &verify)
		}
		if errors.Is(err, errNoLogin) {
			r.Temporary = false
		}
		if stage == StageAuth {
			r.Do = server.advise(r)
		}
		return nil, r
	}
	return s, Result{}
}

var errNoLogin = errors.New("the server offers no way to log in that we know (check the port and tls)")

func (s *Session) open(ctx context.Context, local net.Addr, token string) (Stage, error) {
	config := &tls.Config{ServerName: s.server.Host, RootCAs: s.server.CA, MinVersion: tls.VersionTLS12}
	s.line.before(time.Now().Add(s.server.Limits.Greeting))
	_ = s.line.SetDeadline(time.Time{})
	switch s.server.TLS {
	case TLSImplicit:
		conn := tls.Client(s.line, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			return StageTLS, err
		}
		s.client = smtp.NewClient(conn)
	case TLSStart:
		client, err := smtp.NewClientStartTLS(s.line, config)
		if err != nil {
			return StageTLS, err
		}
		s.client = client
	case TLSNone:
		s.client = smtp.NewClient(s.line)
	default:
		return StageTLS, fmt.Errorf("unknown mode %q", s.server.TLS)
	}
	s.line.before(time.Time{})
	s.client.CommandTimeout = s.server.Limits.Greeting
	s.client.SubmissionTimeout = s.server.Limits.Final
	if err := s.client.Hello(literal(local)); err != nil {
		var reply *smtp.SMTPError
		if s.server.TLS == TLSStart && !errors.As(err, &reply) {
			return StageTLS, err // the handshake happens with the first word after STARTTLS
		}
		return StageHello, err
	}
	if err := s.logIn(token); err != nil {
		return StageAuth, err
	}
	return "", nil
}

// literal names this machine as EHLO wants it where it has no public name.
func literal(local net.Addr) string {
	tcp, ok := local.(*net.TCPAddr)
	switch {
	case !ok:
		return "[127.0.0.1]"
	case tcp.IP.To4() != nil:
		return "[" + tcp.IP.To4().String() + "]"
	}
	return "[IPv6:" + tcp.IP.String() + "]"
}

func (s *Session) logIn(token string) error {
	var mechanism sasl.Client
	switch {
	case token != "":
		if mechanism = oauth.SASL(s.server.User, token, s.client.SupportsAuth); mechanism == nil {
			return errNoLogin
		}
	case s.server.User == "":
		return nil
	case s.client.SupportsAuth(sasl.Plain):
		mechanism = sasl.NewPlainClient("", s.server.User, s.server.Password)
	case s.client.SupportsAuth(sasl.Login):
		mechanism = sasl.NewLoginClient(s.server.User, s.server.Password)
	default:
		return errNoLogin
	}
	return s.client.Auth(mechanism)
}

// Usable tells whether another message can be sent on the session.
func (s *Session) Usable() bool { return !s.broken }

// Used tells whether a message was already sent on the session: a failure at
// MAIL without a reply then says only that the server hung up meanwhile.
func (s *Session) Used() bool { return s.used }

// Send hands one message in. Between the last RCPT and DATA it calls arm; an
// error of arm ends the session, and nothing was delivered. Once arm has
// succeeded ctx no longer interrupts: the answer to the final dot is awaited.
// If the final dot cannot leave within Limits.Arm after arm was called, the
// connection is cut instead. After anything but Sent the session is not Usable.
func (s *Session) Send(ctx context.Context, e Envelope, arm func() error) Result {
	if s.broken {
		return failure(StageConnect, errors.New("the connection has ended"))
	}
	stop := context.AfterFunc(ctx, s.line.cut)
	r := s.send(e, func() error {
		if !stop() {
			return context.Cause(ctx)
		}
		return arm()
	})
	stop()
	s.used = true
	if r.Outcome != Sent {
		s.broken = true
		s.line.cut() // never QUIT: it could end an open DATA with a final dot
	}
	return r
}

func (s *Session) send(e Envelope, arm func() error) Result {
	if r := s.envelope(e); r.Outcome != "" {
		return r
	}
	refused, r := s.recipients(e)
	if r.Outcome != "" {
		r.Refused = refused
		return r
	}
	r = s.data(e, arm)
	r.Refused = refused
	return r
}

func (s *Session) envelope(e Envelope) Result {
	options := &smtp.MailOptions{Size: int64(len(e.Data)), Return: smtp.DSNReturnHeaders, EnvelopeID: e.ID}
	for _, address := range append([]string{e.From}, e.To...) {
		if err := email.CheckAddress(address); err != nil {
			r := failure(StageMail, err)
			r.Temporary, r.Scope = false, ScopeAddress
			return r
		}
		options.UTF8 = options.UTF8 || !ascii(email.Wire(address))
	}
	if offered, _ := s.client.Extension("SMTPUTF8"); options.UTF8 && !offered {
		r := failure(StageMail, errors.New("the mail server takes no addresses with accents"))
		r.Temporary, r.Scope = false, ScopeAddress
		return r
	}
	if err := s.client.Mail(email.Wire(e.From), options); err != nil {
		r := failure(StageMail, err)
		if !r.Temporary && r.tooLarge() {
			r.Scope = ScopeMessage
		}
		if r.Code == 530 { // the log-in did not count
			r.Do = s.server.advise(r)
		}
		return r
	}
	return Result{}
}

// recipients names the recipients; it fails where none is accepted.
func (s *Session) recipients(e Envelope) ([]RefusedAddress, Result) {
	var refused []RefusedAddress
	var last Result
	for _, address := range e.To {
		wire := email.Wire(address)
		options := &smtp.RcptOptions{
			Notify:                []smtp.DSNNotify{smtp.DSNNotifyFailure, smtp.DSNNotifyDelayed},
			OriginalRecipientType: smtp.DSNAddressTypeRFC822,
			OriginalRecipient:     wire,
		}
		if !ascii(wire) {
			options.OriginalRecipientType = smtp.DSNAddressTypeUTF8
		}
		err := s.client.Rcpt(wire, options)
		if err == nil {
			continue
		}
		r := failure(StageRcpt, err)
		if r.wantsLogin() {
			return refused, r
		}
		refused = append(refused, RefusedAddress{address, r.Code, r.Enhanced, r.Text, r.Temporary})
		r.Scope, r.Temporary = ScopeAddress, r.Temporary || last.Temporary
		last = r
	}
	if len(refused) < len(e.To) {
		return refused, Result{}
	}
	if len(e.To) == 0 {
		last = failure(StageRcpt, errors.New("nobody to send to"))
		last.Temporary, last.Scope = false, ScopeAddress
	}
	return refused, last
}

func (s *Session) data(e Envelope, arm func() error) Result {
	began := time.Now()
	if err := arm(); err != nil {
		r := failure(StageArm, err)
		r.Scope, r.Temporary = ScopeMessage, true
		return r
	}
	fail := func(stage Stage, err error) Result {
		r := failure(stage, err)
		if !r.Temporary {
			r.Scope = ScopeMessage
		}
		r.Armed = true
		return r
	}
	s.line.before(began.Add(s.server.Limits.Arm))
	if late(began, s.server.Limits.Arm) {
		return fail(StageArm, errors.New("arming took too long"))
	}
	s.client.CommandTimeout = s.server.Limits.Data
	body, err := s.client.Data()
	s.client.CommandTimeout = s.server.Limits.Greeting
	if err != nil {
		return fail(StageData, err)
	}
	if _, err := body.Write(e.Data); err != nil {
		return fail(StageContent, err)
	}
	if late(began, s.server.Limits.Arm) {
		return fail(StageContent, errors.New("the content took too long to leave"))
	}
	s.line.dot()
	response, err := body.CloseWithResponse()
	taken := s.line.taken()
	s.line.before(time.Time{})
	text := ""
	if response != nil {
		text = response.StatusText
	}
	r := answered(s.server.Host, text, err, taken)
	if r.Outcome == NotDelivered && !r.Temporary {
		r.Do = s.server.advise(r)
	}
	r.Armed = true
	return r
}

// late tells whether more than limit has passed, by the clock on the wall too:
// the other one stands still while a machine sleeps.
func late(since time.Time, limit time.Duration) bool {
	return time.Since(since) > limit || time.Now().Round(0).Sub(since.Round(0)) > limit
}

// Close ends the session: with QUIT where all went well, whose answer nobody
// waits for.
func (s *Session) Close() {
	if s.broken {
		s.line.cut()
		return
	}
	s.broken = true
	s.client.CommandTimeout = 2 * time.Second
	go func() {
		_ = s.client.Quit()
		s.line.cut()
	}()
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// line is the connection below TLS. It bounds deadlines while a message is
// armed, and counts what the system took of the final dot.
type line struct {
	net.Conn
	mu     sync.Mutex
	until  time.Time // no deadline later than this; zero: any
	dotted bool      // the final dot is being written
	bytes  int       // taken since
}

// before bounds all deadlines to come.
func (l *line) before(until time.Time) {
	l.mu.Lock()
	l.until, l.dotted, l.bytes = until, false, 0
	l.mu.Unlock()
}

// dot tells that what is written from now on holds the final dot. The next
// deadline set is that of its answer, and no longer bounded.
func (l *line) dot() {
	l.mu.Lock()
	l.dotted = true
	l.mu.Unlock()
}

func (l *line) taken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes > 0
}

func (l *line) cut() { _ = l.Conn.Close() }

// SetDeadline sets the deadline, bounded.
func (l *line) SetDeadline(t time.Time) error {
	l.mu.Lock()
	if !l.until.IsZero() && !l.dotted && (t.IsZero() || t.After(l.until)) {
		t = l.until
	}
	l.mu.Unlock()
	return l.Conn.SetDeadline(t)
}

// Write writes, and counts once the final dot is on its way.
func (l *line) Write(b []byte) (int, error) {
	n, err := l.Conn.Write(b)
	l.mu.Lock()
	if l.dotted {
		l.bytes += n
	}
	l.mu.Unlock()
	return n, err
}
