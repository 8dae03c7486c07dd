package outbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"relanced/internal/email/emailtest"
	"relanced/internal/oauth"
)

const wire = "From: compta@dupont.example\r\nSubject: x\r\n\r\nBonjour\r\n.ligne au point\r\n..\r\nfin\r\n"

func envelope(to ...string) Envelope {
	return Envelope{ID: "7k4qm2tx01234567", From: "compta@dupont.example", To: to, Data: []byte(wire)}
}

func server(t *testing.T, config emailtest.SMTPConfig) (*emailtest.SMTP, Server) {
	t.Helper()
	s, err := emailtest.NewSMTP(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, Server{Host: s.Host, Port: s.Port, TLS: TLSNone, Limits: Limits{
		Connect: 10 * time.Second, Greeting: 10 * time.Second, Data: 10 * time.Second, Arm: 20 * time.Second, Final: 10 * time.Second,
	}}
}

// try sends one message on a session of its own.
func try(t *testing.T, to Server, e Envelope) Result {
	t.Helper()
	session, r := Connect(t.Context(), to)
	if session == nil {
		return r
	}
	defer session.Close()
	r = session.Send(t.Context(), e, func() error { return nil })
	if session.Usable() != (r.Outcome == Sent) {
		t.Errorf("usable %v after %s", session.Usable(), r.Outcome)
	}
	return r
}

var ignoreErr = cmp.Options{cmpopts.IgnoreFields(Result{}, "Err", "Text"), cmpopts.IgnoreFields(RefusedAddress{}, "Text")}

func TestSend_classifiesEachReply(t *testing.T) {
	t.Parallel()
	const a = "achats@durand.example"
	none := func(stage Stage, scope Scope, temporary bool, code int, enhanced string) Result {
		return Result{Outcome: NotDelivered, Stage: stage, Scope: scope, Temporary: temporary, Code: code, Enhanced: enhanced}
	}
	armed := func(r Result) Result { r.Armed = true; return r }
	address := func(r Result) Result {
		r.Refused = []RefusedAddress{{Address: a, Code: r.Code, Enhanced: r.Enhanced, Temporary: r.Temporary}}
		return r
	}
	tests := []struct {
		stage emailtest.Stage
		reply string
		want  Result
	}{
		{emailtest.Connect, "554 5.7.1 go away", none(StageHello, ScopeAccount, false, 554, "5.7.1")},
		{emailtest.Connect, "421 4.3.2 too many", none(StageHello, ScopeAccount, true, 421, "4.3.2")},
		{emailtest.Ehlo, "450 4.7.1 later", none(StageHello, ScopeAccount, true, 450, "4.7.1")},
		{emailtest.Auth, "535 5.7.8 wrong", none(StageAuth, ScopeAccount, false, 535, "5.7.8")},
		{emailtest.Auth, "454 4.7.0 later", none(StageAuth, ScopeAccount, true, 454, "4.7.0")},
		{emailtest.MailFrom, "451 4.3.0 later", none(StageMail, ScopeAccount, true, 451, "4.3.0")},
		{emailtest.MailFrom, "550 5.7.60 not your address", none(StageMail, ScopeAccount, false, 550, "5.7.60")},
		{emailtest.MailFrom, "552 5.3.4 too big", none(StageMail, ScopeMessage, false, 552, "5.3.4")},
		{emailtest.Rcpt, "550 5.1.1 no such user", address(none(StageRcpt, ScopeAddress, false, 550, "5.1.1"))},
		{emailtest.Rcpt, "550 no such user", address(none(StageRcpt, ScopeAddress, false, 550, ""))},
		{emailtest.Rcpt, "450 4.2.1 busy", address(none(StageRcpt, ScopeAddress, true, 450, "4.2.1"))},
		{emailtest.Rcpt, "530 5.7.0 authentication required", none(StageRcpt, ScopeAccount, false, 530, "5.7.0")},
		{emailtest.Rcpt, "421 4.3.2 shutting down", none(StageRcpt, ScopeAccount, true, 421, "4.3.2")},
		{emailtest.Data, "451 4.3.0 later", armed(none(StageData, ScopeAccount, true, 451, "4.3.0"))},
		{emailtest.Data, "554 5.5.1 no", armed(none(StageData, ScopeMessage, false, 554, "5.5.1"))},
		{emailtest.Dot, "451 4.7.1 greylisted", armed(none(StageDot, ScopeAccount, true, 451, "4.7.1"))},
		{emailtest.Dot, "421 4.3.2 shutting down", armed(none(StageDot, ScopeAccount, true, 421, "4.3.2"))},
		{emailtest.Dot, "554 5.7.1 spam", armed(Result{Outcome: Refused, Stage: StageDot, Scope: ScopeMessage, Code: 554, Enhanced: "5.7.1"})},
		{emailtest.Dot, "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; no", armed(none(StageDot, ScopeAccount, false, 554, "5.2.0"))},
		{emailtest.Dot, "554 5.2.252 a may not send as b", armed(none(StageDot, ScopeAccount, false, 554, "5.2.252"))},
		{emailtest.Dot, "251 2.1.5 will forward", armed(Result{Outcome: Sent, Stage: StageDot, Code: 251})},
		{emailtest.Dot, "354 again?", armed(Result{Outcome: Unknown, Stage: StageDot, Code: 354})},
		{emailtest.Dot, "nonsense", armed(Result{Outcome: Unknown, Stage: StageDot})},
	}
	for _, test := range tests {
		t.Run(string(test.stage)+" "+test.reply, func(t *testing.T) {
			t.Parallel()
			s, to := server(t, emailtest.SMTPConfig{
				Users: map[string]string{"compta": "secret"},
				Fault: func(stage emailtest.Stage, _ string) emailtest.Fault {
					if stage == test.stage {
						return emailtest.Fault{Reply: test.reply}
					}
					return emailtest.Fault{}
				},
			})
			to.User, to.Password = "compta", "secret"
			got := try(t, to, envelope(a))
			if diff := cmp.Diff(test.want, got, ignoreErr); diff != "" {
				t.Errorf("%v\n%s", got.Err, diff)
			}
			if got.Outcome != Sent && (got.Err == nil || slices.Contains(s.Lines(), "QUIT")) {
				t.Errorf("err %v, lines %q", got.Err, s.Lines())
			}
			if got.Err != nil && strings.Contains(got.Err.Error(), "secret") {
				t.Errorf("the password stands in %v", got.Err)
			}
		})
	}
}

func TestSend_onlyALineLostAfterTheDotIsUnknown(t *testing.T) {
	t.Parallel()
	for _, stage := range []emailtest.Stage{emailtest.Connect, emailtest.Ehlo, emailtest.Auth, emailtest.MailFrom, emailtest.Rcpt, emailtest.Data, emailtest.Dot} {
		for _, taken := range []bool{false, true} {
			if taken && stage != emailtest.Dot {
				continue
			}
			t.Run(fmt.Sprint(stage, taken), func(t *testing.T) {
				t.Parallel()
				s, to := server(t, emailtest.SMTPConfig{
					Users: map[string]string{"compta": "secret"},
					Fault: func(at emailtest.Stage, _ string) emailtest.Fault {
						return emailtest.Fault{Drop: at == stage, Taken: taken}
					},
				})
				to.User, to.Password = "compta", "secret"
				got := try(t, to, envelope("achats@durand.example"))
				want := NotDelivered
				if stage == emailtest.Dot {
					want = Unknown
				}
				if got.Outcome != want || want == NotDelivered && !got.Temporary {
					t.Errorf("%+v", got)
				}
				if accepted := len(s.Mails()) == 1; accepted != taken || accepted && got.Outcome == NotDelivered {
					t.Errorf("accepted %v, outcome %s", accepted, got.Outcome)
				}
			})
		}
	}
}

func TestSend_waitsForASlowAnswerAndCallsItUnknownPastTheLimit(t *testing.T) {
	t.Parallel()
	s, to := server(t, emailtest.SMTPConfig{Fault: func(stage emailtest.Stage, _ string) emailtest.Fault {
		if stage == emailtest.Dot {
			return emailtest.Fault{Delay: 400 * time.Millisecond}
		}
		return emailtest.Fault{}
	}})
	to.Limits.Arm = 200 * time.Millisecond // must not bound the answer
	if got := try(t, to, envelope("a@b.example")); got.Outcome != Sent || got.Text == "" || got.Code != 250 {
		t.Errorf("slow: %+v", got)
	}
	to.Limits.Final = 50 * time.Millisecond
	if got := try(t, to, envelope("a@b.example")); got.Outcome != Unknown || !got.Armed {
		t.Errorf("too slow: %+v", got)
	}
	if slices.Contains(s.Lines()[4:], "RSET") {
		t.Errorf("lines %q", s.Lines())
	}
}

func TestSend_armStandsBetweenTheLastRecipientAndDATA(t *testing.T) {
	t.Parallel()
	s, to := server(t, emailtest.SMTPConfig{})
	session, r := Connect(t.Context(), to)
	if session == nil {
		t.Fatal(r.Err)
	}
	held := errors.New("a reply came in")
	got := session.Send(t.Context(), envelope("a@b.example", "c@d.example"), func() error {
		lines := s.Lines()
		if last := lines[len(lines)-1]; !strings.HasPrefix(last, "RCPT TO:<c@d.example>") {
			t.Errorf("armed after %q", last)
		}
		return held
	})
	if got.Outcome != NotDelivered || got.Stage != StageArm || !errors.Is(got.Err, held) || got.Armed || session.Usable() {
		t.Errorf("%+v", got)
	}
	_ = s.Close()
	for _, line := range s.Lines() {
		if line == "DATA" || line == "QUIT" || line == "RSET" {
			t.Errorf("after a failed arm: %q", line)
		}
	}
}

func TestSend_cutsTheLineRatherThanSendALateDot(t *testing.T) {
	t.Parallel()
	s, to := server(t, emailtest.SMTPConfig{})
	to.Limits.Arm = time.Nanosecond
	if got := try(t, to, envelope("a@b.example")); got.Outcome != NotDelivered || !got.Temporary || !got.Armed {
		t.Errorf("%+v", got)
	}
	_ = s.Close()
	if len(s.Mails()) != 0 || slices.Contains(s.Lines(), "DATA") {
		t.Errorf("lines %q", s.Lines())
	}
}

// stalled is a server that says go ahead to DATA and reads no more.
func stalled(t *testing.T) Server {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended); _ = listen.Close() })
	go func() {
		conn, err := listen.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		in := bufio.NewReader(conn)
		_, _ = io.WriteString(conn, "220 x\r\n")
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if strings.HasPrefix(line, "DATA") {
				_, _ = io.WriteString(conn, "354 go\r\n")
				<-ended
				return
			}
			_, _ = io.WriteString(conn, "250 ok\r\n")
		}
	}()
	port := listen.Addr().(*net.TCPAddr).Port
	return Server{Host: "127.0.0.1", Port: port, TLS: TLSNone, Limits: Limits{Arm: 300 * time.Millisecond}}
}

func TestSend_contentThatDoesNotLeaveInTimeIsNotDelivered(t *testing.T) {
	t.Parallel()
	to := stalled(t)
	e := envelope("a@b.example")
	e.Data = bytes.Repeat([]byte("0123456789abcdef\r\n"), 2_000_000)
	began := time.Now()
	got := try(t, to, e)
	if got.Outcome != NotDelivered || got.Stage != StageContent || !got.Armed || !got.Temporary {
		t.Errorf("%+v", got)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestSend_handsOverTheSameBytesOnOneConnection(t *testing.T) {
	t.Parallel()
	s, to := server(t, emailtest.SMTPConfig{})
	session, r := Connect(t.Context(), to)
	if session == nil {
		t.Fatal(r.Err)
	}
	for i := range 12 {
		if r := session.Send(t.Context(), envelope(fmt.Sprintf("a%d@b.example", i)), func() error { return nil }); r.Outcome != Sent {
			t.Fatalf("message %d: %+v", i, r)
		}
	}
	mails := s.Mails()
	if len(mails) != 12 || s.Connections() != 1 || string(mails[11].Data) != wire || mails[3].To[0] != "a3@b.example" {
		t.Errorf("%d mails on %d connections, last %q", len(mails), s.Connections(), mails[len(mails)-1].Data)
	}
	for _, line := range s.Lines() {
		if line == "RSET" || line == "NOOP" {
			t.Errorf("sent %s", line)
		}
	}
	session.Close()
}

func TestSend_tellsWhichRecipientsWereRefused(t *testing.T) {
	t.Parallel()
	s, to := server(t, emailtest.SMTPConfig{Unknown: func(a string) bool { return a == "parti@b.example" }})
	got := try(t, to, envelope("a@b.example", "parti@b.example"))
	want := []RefusedAddress{{Address: "parti@b.example", Code: 550, Enhanced: "5.1.1", Text: "no such user"}}
	if diff := cmp.Diff(want, got.Refused); got.Outcome != Sent || diff != "" {
		t.Errorf("%+v\n%s", got, diff)
	}
	if to := s.Mails()[0].To; !slices.Equal(to, []string{"a@b.example"}) {
		t.Errorf("sent to %q", to)
	}
}

func TestSend_asksForNoticesOfFailureAndAnnouncesUTF8OnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	s, to := server(t, emailtest.SMTPConfig{DSN: true, UTF8: true})
	for _, address := range []string{"a+b=c@société.example", "zoë@b.example"} {
		if got := try(t, to, envelope(address)); got.Outcome != Sent {
			t.Fatalf("%+v", got)
		}
	}
	mails := s.Mails()
	if p := mails[0].Mail; !strings.Contains(p, "RET=HDRS") || !strings.Contains(p, "ENVID=7k4qm2tx01234567") || strings.Contains(p, "SMTPUTF8") {
		t.Errorf("MAIL %q", p)
	}
	if p := mails[0].Rcpts[0]; !strings.Contains(p, "NOTIFY=FAILURE,DELAY") || !strings.Contains(strings.ToLower(p), "orcpt=rfc822;a+2bb+3dc@xn--") {
		t.Errorf("RCPT %q", p)
	}
	if p := mails[1].Mail; !strings.Contains(p, "SMTPUTF8") {
		t.Errorf("MAIL %q", p)
	}
	_, plain := server(t, emailtest.SMTPConfig{})
	if got := try(t, plain, envelope("zoë@b.example")); got.Outcome != NotDelivered || got.Temporary || got.Scope != ScopeAddress {
		t.Errorf("%+v", got)
	}
}

func TestSend_learnsTheIDThatTheProviderGave(t *testing.T) {
	t.Parallel()
	_, to := server(t, emailtest.SMTPConfig{ID: func(emailtest.Mail) string { return "OK <PR3P193.EURP193.prod.outlook.com> [Hostname=x]" }})
	if got := try(t, to, envelope("a@b.example")); got.Alias != "" {
		t.Errorf("no id: %q", got.Alias)
	}
	_, to = server(t, emailtest.SMTPConfig{ID: func(emailtest.Mail) string { return "OK <abc@PR3P193.prod.outlook.com> [Hostname=x]" }})
	if got := try(t, to, envelope("a@b.example")); got.Alias != "<abc@PR3P193.prod.outlook.com>" || !strings.HasPrefix(got.Text, "2.0.0 OK") {
		t.Errorf("%+v", got)
	}
}

func TestConnect_verifiesCertificates(t *testing.T) {
	t.Parallel()
	config, pool, err := emailtest.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []TLSMode{TLSImplicit, TLSStart} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			_, to := server(t, emailtest.SMTPConfig{TLS: config, Implicit: mode == TLSImplicit, Users: map[string]string{"compta": "secret"}})
			to.TLS, to.CA, to.User, to.Password = mode, pool, "compta", "secret"
			if got := try(t, to, envelope("a@b.example")); got.Outcome != Sent {
				t.Errorf("trusted: %+v", got)
			}
			to.CA = x509.NewCertPool()
			if got := try(t, to, envelope("a@b.example")); got.Outcome != NotDelivered || got.Stage != StageTLS || got.Temporary {
				t.Errorf("not trusted: %+v", got)
			}
		})
	}
	t.Run("starttls that is not offered", func(t *testing.T) {
		t.Parallel()
		_, to := server(t, emailtest.SMTPConfig{})
		to.TLS = TLSStart
		if got := try(t, to, envelope("a@b.example")); got.Outcome != NotDelivered || got.Stage != StageTLS {
			t.Errorf("%+v", got)
		}
	})
}

func TestSend_isInterruptedBeforeArmingOnly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, to := server(t, emailtest.SMTPConfig{Fault: func(stage emailtest.Stage, _ string) emailtest.Fault {
		if stage == emailtest.Rcpt {
			cancel()
		}
		return emailtest.Fault{}
	}})
	session, r := Connect(ctx, to)
	if session == nil {
		t.Fatal(r.Err)
	}
	if got := session.Send(ctx, envelope("a@b.example"), func() error { return nil }); got.Outcome != NotDelivered || got.Armed {
		t.Errorf("cancelled before arming: %+v", got)
	}
	ctx, cancel = context.WithCancel(t.Context())
	_, to = server(t, emailtest.SMTPConfig{})
	session, r = Connect(ctx, to)
	if session == nil {
		t.Fatal(r.Err)
	}
	if got := session.Send(ctx, envelope("a@b.example"), func() error { cancel(); return nil }); got.Outcome != Sent {
		t.Errorf("cancelled while armed: %+v", got)
	}
	session.Close()
}

func TestConnect_refused(t *testing.T) {
	t.Parallel()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listen.Addr().(*net.TCPAddr).Port
	_ = listen.Close()
	if _, got := Connect(t.Context(), Server{Host: "127.0.0.1", Port: port, TLS: TLSNone}); got.Stage != StageConnect || got.Outcome != NotDelivered || !got.Temporary {
		t.Errorf("%+v", got)
	}
}

func TestConnect_logsInByToken(t *testing.T) {
	t.Parallel()
	smtp, to := server(t, emailtest.SMTPConfig{Token: func(user, token string) bool { return user == "compta@dupont.example" && token == "fresh" }})
	to.User = "compta@dupont.example"
	to.Advise = func(said string) string { return "advice on " + said }
	lost := &oauth.Error{Kind: oauth.Lost, ID: "dupont/courrier"}
	away := &oauth.Error{Kind: oauth.Temporary}
	for name, test := range map[string]struct {
		user          string
		first, second any // a token, or why there is none
		want          Stage
		temporary     bool
		do            string
		dials         int
	}{
		"good":                       {"", "fresh", nil, StageDot, false, "", 1},
		"ended, renewed":             {"", "stale", "fresh", StageDot, false, "", 2},
		"refused, and the next one":  {"", "stale", "older", StageAuth, false, "advice on 535 5.7.8 authentication failed", 2},
		"refused, and there is none": {"", "stale", lost, StageAuth, false, "reconnect: run relanced connect courrier", 1},
		"refused, none for now":      {"", "stale", away, StageAuth, true, away.Do(), 1},
		"another's":                  {"paie@dupont.example", "fresh", "fresh", StageAuth, false, "advice on 535 5.7.8 authentication failed", 1},
		"none at all":                {"", lost, nil, StageAuth, false, "reconnect: run relanced connect courrier", 0},
	} {
		to := to
		if test.user != "" {
			to.User = test.user
		}
		to.Token = func(_ context.Context, refused string) (string, error) {
			answer := test.first
			if refused != "" {
				if answer = test.second; refused != test.first {
					t.Errorf("%s: %q was refused", name, refused)
				}
			}
			if err, ok := answer.(error); ok {
				return "", err
			}
			return answer.(string), nil
		}
		before := smtp.Connections()
		got := try(t, to, envelope("a@b.example"))
		if got.Stage != test.want || (got.Outcome == Sent) != (test.want == StageDot) || got.Temporary != test.temporary || got.Do != test.do ||
			strings.Contains(fmt.Sprint(got.Err), "stale") {
			t.Errorf("%s: %+v", name, got)
		}
		if n := smtp.Connections() - before; n != test.dials {
			t.Errorf("%s: %d connections, want %d", name, n, test.dials)
		}
	}
}
