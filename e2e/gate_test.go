package e2e

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// gate stands between the program and a server, and lets the line fail.
type gate struct {
	t      *testing.T
	port   int
	target string

	mu     sync.Mutex
	how    fault
	listen net.Listener
	lines  map[net.Conn]bool
	tries  int // lines that were opened, or tried, while it was broken
}

// fault is a way for a line to fail.
type fault string

const (
	none    fault = ""
	refused fault = "refused"   // nobody listens
	reset   fault = "reset"     // cut as soon as it is there
	mute    fault = "half open" // taken, and nothing comes ever
	drip    fault = "slow"      // a byte a second
	garble  fault = "no TLS"    // another protocol answers
)

// newGate opens a gate to a server.
func newGate(t *testing.T, target string) *gate {
	t.Helper()
	g := &gate{t: t, target: target, lines: map[net.Conn]bool{}}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.port = listen.Addr().(*net.TCPAddr).Port
	g.serve(listen)
	t.Cleanup(func() { g.set(refused) })
	return g
}

func (g *gate) serve(listen net.Listener) {
	g.listen = listen
	go func() {
		for {
			conn, err := listen.Accept()
			if err != nil {
				return
			}
			go g.pass(conn)
		}
	}()
}

// set breaks the line, or mends it. Lines that are open are cut.
func (g *gate) set(how fault) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for conn := range g.lines {
		_ = conn.Close()
	}
	g.how, g.tries = how, 0
	switch {
	case how == refused && g.listen != nil:
		_ = g.listen.Close()
		g.listen = nil
	case how != refused && g.listen == nil:
		listen, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: g.port})
		if err != nil {
			g.t.Errorf("open the gate again: %v", err)
			return
		}
		g.serve(listen)
	}
}

func (g *gate) tried() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tries
}

// keep remembers a line; false where the gate has changed meanwhile.
func (g *gate) keep(conn net.Conn, how fault) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.how != how {
		return false
	}
	g.lines[conn] = true
	return true
}

func (g *gate) pass(conn net.Conn) {
	g.mu.Lock()
	how := g.how
	g.tries++
	g.mu.Unlock()
	defer conn.Close()
	if !g.keep(conn, how) {
		return
	}
	defer func() {
		g.mu.Lock()
		delete(g.lines, conn)
		g.mu.Unlock()
	}()
	switch how {
	case reset:
		_ = conn.(*net.TCPConn).SetLinger(0)
		return
	case mute:
		_, _ = io.Copy(io.Discard, conn)
		return
	case garble:
		_, _ = io.WriteString(conn, "\x00\x01SSH-2.0-nobody\r\n\r\n")
		return
	case none, refused, drip:
	}
	server, err := net.Dial("tcp", g.target)
	if err != nil || !g.keep(server, how) {
		return
	}
	defer server.Close()
	done := make(chan error, 2)
	flow := func(to io.Writer, from io.Reader) {
		if how == drip {
			to = dripping{to}
		}
		_, err := io.Copy(to, from)
		done <- err
	}
	go flow(server, conn)
	go flow(conn, server)
	<-done
}

// dripping lets a byte through every second.
type dripping struct{ io.Writer }

func (d dripping) Write(b []byte) (n int, err error) {
	for ; n < len(b) && err == nil; n++ {
		<-time.After(time.Second)
		_, err = d.Writer.Write(b[n : n+1])
	}
	if errors.Is(err, net.ErrClosed) {
		err = io.EOF
	}
	return n, err
}
