package mailbox

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDial_keepsTheLineAlive: IDLE says nothing for minutes, and a server that
// is gone would never be noticed.
func TestDial_keepsTheLineAlive(t *testing.T) {
	t.Parallel()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listen.Close() })
	conn, budget, _, err := Account{Host: "127.0.0.1", Port: listen.Addr().(*net.TCPAddr).Port, TLS: NoTLS}.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	raw, err := budget.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		on, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
		if err != nil || on == 0 {
			t.Errorf("keep-alive %d, %v", on, err)
		}
		idle, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE)
		if err != nil || time.Duration(idle)*time.Second > time.Minute {
			t.Errorf("the first one after %d s, %v", idle, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// short is a literal of which less comes than was announced.
type short struct{ *strings.Reader }

func (short) Size() int64 { return 100 }

// TestLiteral_isWholeOrNothing: one that was cut is never taken for a message.
func TestLiteral_isWholeOrNothing(t *testing.T) {
	t.Parallel()
	if text, whole := literal(short{strings.NewReader("Bonjour")}); whole {
		t.Errorf("%q passes for whole", text)
	}
	if text, whole := literal(strings.NewReader("Bonjour")); !whole || string(text) != "Bonjour" {
		t.Errorf("%q %v", text, whole)
	}
}
