package mailbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// Limits are how long commands may take: the library has no time-out of its own,
// and a hung server must not hang a mailbox.
type Limits struct {
	Login   time.Duration // also the greeting, and each handshake
	Examine time.Duration // also NOOP, and the end of IDLE
	List    time.Duration
	Search  time.Duration
	Headers time.Duration // of one chunk
	Body    time.Duration
	Append  time.Duration
	Idle    time.Duration // after which IDLE is renewed: boxes on the way forget a silent line
}

var usualLimits = Limits{
	Login: time.Minute, Examine: time.Minute, List: time.Minute, Search: 2 * time.Minute,
	Headers: 2 * time.Minute, Body: 5 * time.Minute, Append: 5 * time.Minute, Idle: 9 * time.Minute,
}

// Session is one logged-in connection. After any error it is closed and must
// not be used again, except where a method says that it reconnects by itself.
type Session struct {
	account  Account
	conn     net.Conn
	saying   *saying // conn as the library writes to it; nil with StartTLS
	budget   *budgetConn
	client   *imapclient.Client
	rang     chan struct{} // something changed in the selected folder
	selected string
	caps     imap.CapSet
	broken   error
	flying   <-chan struct{} // closed when what is fetched ahead has come
}

// Open connects and logs in.
func Open(ctx context.Context, a Account) (*Session, error) {
	if a.Limits == (Limits{}) {
		a.Limits = usualLimits
	}
	s := &Session{account: a}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// reach opens the line and logs in, by the token where one is given.
func (s *Session) reach(ctx context.Context, token string) error {
	a := s.account
	op := "connect to " + a.addr()
	conn, budget, config, err := a.dial(ctx)
	if err != nil {
		return &Error{Kind: Temporary, Op: op, Err: err, Do: doConnect(a, err)}
	}
	s.conn, s.saying, s.budget, s.selected, s.broken = conn, nil, budget, "", nil
	s.rang = make(chan struct{}, 1)
	rang := s.rang
	options := &imapclient.Options{
		TLSConfig: config,
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{
			Mailbox: func(data *imapclient.UnilateralDataMailbox) {
				if data.NumMessages == nil {
					return
				}
				select { // this runs in the library's reader: never block
				case rang <- struct{}{}:
				default:
				}
			},
		},
	}
	err = s.guard(ctx, s.account.Limits.Login, func() error {
		if a.TLS != StartTLS {
			s.saying = &saying{Conn: conn}
			s.client = imapclient.New(s.saying, options)
			return s.client.WaitGreeting()
		}
		client, err := imapclient.NewStartTLS(conn, options)
		s.client = client
		return err
	})
	if err != nil {
		return &Error{Kind: greetingKind(err), Op: op, Err: err, Do: doConnect(a, err)}
	}
	err = s.guard(ctx, s.account.Limits.Login, func() error {
		if err := s.login(token); err != nil {
			return err
		}
		s.caps = s.client.Caps()
		return nil
	})
	if err != nil {
		s.Close()
		return s.loginError(err)
	}
	return nil
}

// login uses the token where one is given; else LOGIN, and AUTHENTICATE PLAIN
// only where the server refuses LOGIN beforehand.
func (s *Session) login(token string) error {
	a := s.account
	if token != "" {
		return s.bear(token)
	}
	if caps := s.client.Caps(); caps.Has(imap.CapLoginDisabled) && caps.Has("AUTH=PLAIN") {
		return s.client.Authenticate(sasl.NewPlainClient("", a.User, a.Password))
	}
	return s.client.Login(a.User, a.Password).Wait()
}

// Selected is the folder that is open, "" for none.
func (s *Session) Selected() string { return s.selected }

func (s *Session) loginError(err error) error {
	a := s.account
	out := &Error{Kind: Temporary, Op: a.loggingIn(), Err: err}
	if errors.Is(err, errNoBearer) {
		out.Kind, out.Do = Auth, "check host and port under imap: this server wants a password"
		return out
	}
	var answer *imap.Error
	if !errors.As(err, &answer) {
		return out
	}
	switch {
	case answer.Type == imap.StatusResponseTypeBye,
		answer.Code == imap.ResponseCodeUnavailable, answer.Code == imap.ResponseCodeInUse, answer.Code == imap.ResponseCodeLimit,
		strings.Contains(strings.ToLower(answer.Text), "too many"):
		out.Kind = Busy
	case answer.Type == imap.StatusResponseTypeNo, a.Token != nil:
		out.Kind = Auth
		out.Do = "check the user and the password of this mailbox (many providers ask for an app password)"
		if a.Advise != nil {
			out.Do = cmp.Or(a.Advise(answer.Text), out.Do)
		}
	}
	return out
}

func greetingKind(err error) Kind {
	if strings.Contains(err.Error(), "BYE") || strings.Contains(strings.ToLower(err.Error()), "too many") {
		return Busy
	}
	return Temporary
}

func doConnect(a Account, err error) string {
	var dns *net.DNSError
	text := err.Error()
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("check the name %q of the mail server", a.Host)
	case strings.Contains(text, "certificate"), strings.Contains(text, "x509"):
		return "the server's certificate is not trusted: name its authority with `ca:`, or use the name the certificate is for"
	case strings.Contains(text, "tls:"), strings.Contains(text, "first record does not look like a TLS handshake"):
		return "check `port` and `tls`: implicit TLS is usually on 993, starttls on 143"
	}
	return "check host and port, and that this machine may reach them"
}

// Close logs out without waiting for the answer.
func (s *Session) Close() {
	if s.client == nil {
		return
	}
	if s.broken == nil {
		s.client.Logout() // the answer changes nothing
	}
	_ = s.conn.Close()
	_ = s.client.Close()
}

// guard runs one command under a limit. When the limit or the context ends it,
// the connection is cut: nothing else stops a command of this library. After an
// error other than a server's NO the session is broken for good.
func (s *Session) guard(ctx context.Context, limit time.Duration, command func() error) error {
	if s.broken != nil {
		return s.broken
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, silence(limit))
	defer cancel()
	conn := s.conn
	s.budget.left.Store(readBudget)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err := command()
	if !stop() && err != nil {
		err = context.Cause(ctx)
	}
	var answer *imap.Error
	if err != nil && (!errors.As(err, &answer) || answer.Type == imap.StatusResponseTypeBye) {
		s.broken = err
		_ = conn.Close()
	}
	return err
}

// silence is how long a server was waited for in vain.
type silence time.Duration

func (s silence) Error() string { return fmt.Sprintf("no answer within %s", time.Duration(s)) }

// Status is what EXAMINE said of a folder.
type Status struct {
	UIDValidity uint32
	UIDNext     imap.UID // 0 where the server does not tell
	Messages    uint32
}

// Examine opens the folder for reading only.
func (s *Session) Examine(ctx context.Context, folder string) (Status, error) {
	var status Status
	err := s.guard(ctx, s.account.Limits.Examine, func() error {
		select { // what rang so far, this look shows
		case <-s.rang:
		default:
		}
		data, err := s.client.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
		if err == nil {
			status = Status{UIDValidity: data.UIDValidity, UIDNext: data.UIDNext, Messages: data.NumMessages}
		}
		return err
	})
	if err != nil {
		s.selected = ""
		if refused := s.unconnected(err); refused != nil {
			return status, refused
		}
		kind := Temporary
		var answer *imap.Error
		if errors.As(err, &answer) && answer.Type == imap.StatusResponseTypeNo {
			kind = Missing
		}
		return status, &Error{
			Kind: kind, Op: fmt.Sprintf("open the folder %q", folder), Err: err,
			Do: "check the folder's name under `folders`",
		}
	}
	s.selected = folder
	return status, nil
}

// Has tells whether the server announced the capability.
func (s *Session) Has(c imap.Cap) bool { return s.caps.Has(c) }

// Wait sleeps until the open folder changes, somebody wakes it, the context ends
// or d has passed: by IDLE where the server has it, else it just waits. It
// reports whether the folder rang. A folder that changed since it was last read
// rings at once.
func (s *Session) Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) (bool, error) {
	select {
	case <-s.rang:
		return true, nil
	default:
	}
	if !s.Has(imap.CapIdle) || s.selected == "" {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-wake:
		case <-time.After(d):
		}
		return false, nil
	}
	// Not every server tells at the start of IDLE what came before it.
	err := s.guard(ctx, s.account.Limits.Examine, func() error { return s.client.Noop().Wait() })
	if err != nil {
		return false, &Error{Kind: Temporary, Op: "wait for mail", Err: err}
	}
	select {
	case <-s.rang:
		return true, nil
	default:
	}
	var idle *imapclient.IdleCommand
	err = s.guard(ctx, s.account.Limits.Examine, func() (err error) {
		idle, err = s.client.Idle()
		return err
	})
	if err != nil {
		return false, &Error{Kind: Temporary, Op: "wait for mail", Err: err}
	}
	timer := time.NewTimer(min(d, s.account.Limits.Idle))
	defer timer.Stop()
	rang, lost := false, make(chan error, 1)
	go func() { lost <- idle.Wait() }()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	case <-s.rang:
		rang = true
	case err := <-lost: // the server ended IDLE, or the line is gone
		s.broken = errors.Join(errors.New("the server ended the connection"), err)
		return false, &Error{Kind: Temporary, Op: "wait for mail", Err: s.broken}
	}
	if ctx.Err() != nil {
		_ = s.conn.Close()
		s.broken = ctx.Err()
		return false, ctx.Err()
	}
	err = s.guard(ctx, s.account.Limits.Examine, func() error {
		if err := idle.Close(); err != nil {
			return err
		}
		return <-lost
	})
	if err != nil {
		return rang, &Error{Kind: Temporary, Op: "wait for mail", Err: err}
	}
	return rang, nil
}
