package outbox

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// timeline is a server on a pipe that waits before it answers.
type timeline struct {
	data  time.Duration // before 354
	read  time.Duration // before it reads the content
	dot   time.Duration // before the answer to the final dot
	dotAt chan time.Time
}

func (l timeline) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 x")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if !strings.HasPrefix(line, "DATA") {
			say("250 ok")
			continue
		}
		time.Sleep(l.data)
		say("354 go")
		time.Sleep(l.read)
		for line != ".\r\n" {
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		l.dotAt <- time.Now()
		time.Sleep(l.dot)
		say("250 2.0.0 OK")
	}
}

// The clock of these tests is simulated: minutes pass at once.
func TestSend_keepsToTheTimesOfRFC5321(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		server timeline
		arm    time.Duration
		want   Outcome
		stage  Stage
		dotted bool
	}{
		{"all at once", timeline{}, 0, Sent, StageDot, true},
		{"an answer after 11 s", timeline{dot: 11 * time.Second}, 0, Sent, StageDot, true},
		{"an answer after 3 min", timeline{dot: 3 * time.Minute}, 0, Sent, StageDot, true},
		{"an answer after nearly 10 min", timeline{dot: 599 * time.Second}, 0, Sent, StageDot, true},
		{"no answer in 10 min", timeline{dot: 601 * time.Second}, 0, Unknown, StageDot, true},
		{"armed slowly", timeline{}, 59 * time.Second, Sent, StageDot, true},
		{"armed too slowly", timeline{}, 61 * time.Second, NotDelivered, StageArm, false},
		{"354 late", timeline{data: 40 * time.Second}, 10 * time.Second, Sent, StageDot, true},
		{"354 too late", timeline{data: 40 * time.Second}, 30 * time.Second, NotDelivered, StageData, false},
		{"content stuck", timeline{read: 2 * time.Minute}, 0, NotDelivered, StageContent, false},
		{"armed slowly, then a slow answer", timeline{dot: 9 * time.Minute}, 50 * time.Second, Sent, StageDot, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				test.server.dotAt = make(chan time.Time, 1)
				done := make(chan struct{})
				go func() { defer close(done); test.server.serve(far) }()
				session, r := attach(t.Context(), near, Server{Host: "x.example", TLS: TLSNone, Limits: Limits{}.orDefault()}, "")
				if session == nil {
					t.Fatal(r.Err)
				}
				e := envelope("a@b.example")
				e.Data = []byte(strings.Repeat(wire, 200))
				began := time.Now()
				got := session.Send(t.Context(), e, func() error { time.Sleep(test.arm); return nil })
				if got.Outcome != test.want || got.Stage != test.stage || !got.Armed {
					t.Errorf("%+v", got)
				}
				select {
				case at := <-test.server.dotAt:
					if !test.dotted || at.Sub(began) > time.Minute {
						t.Errorf("the final dot came after %v", at.Sub(began))
					}
				default:
					if test.dotted {
						t.Error("no final dot")
					}
				}
				session.Close()
				<-done
			})
		})
	}
}
