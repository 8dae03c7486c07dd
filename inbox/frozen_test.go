package inbox_test

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"relanced/inbox/mailbox"
)

// trap stands between a client and a server, and does something when the client
// says a word: before the server hears it.
type trap struct {
	mu     sync.Mutex
	word   string
	spring func()
}

func (p *trap) set(word string, spring func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.word, p.spring = word, spring
}

func (p *trap) hear(said []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.word != "" && bytes.Contains(said, []byte(p.word)) {
		p.word = ""
		p.spring()
	}
}

// newTrap gives the port under which the server is reached through the trap.
func newTrap(t *testing.T, port int) (*trap, int) {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &trap{}
	var done sync.WaitGroup
	t.Cleanup(func() { _ = listen.Close(); done.Wait() })
	done.Go(func() {
		for {
			near, err := listen.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				_ = near.Close()
				continue
			}
			done.Go(func() { _, _ = io.Copy(near, far); _ = near.Close() })
			done.Go(func() {
				defer func() { _ = far.Close() }()
				said := make([]byte, 4096)
				for {
					n, err := near.Read(said)
					if err != nil {
						return
					}
					p.hear(said[:n])
					if _, err := far.Write(said[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	return p, listen.Addr().(*net.TCPAddr).Port
}

// TestReader_aFrozenServer: whatever the server was asked when it froze, reading
// ends within its limits, the mailbox counts as unread and says why, once; when
// the server goes on, so does reading, and what came meanwhile holds.
func TestReader_aFrozenServer(t *testing.T) {
	t.Parallel()
	const limit = 3 * time.Second
	for name, word := range map[string]string{"logging in": " LOGIN ", "opening a folder": " EXAMINE ", "fetching": "UID FETCH", "listening": " IDLE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "compta")
			w := newWorld(t, "a")
			p, port := newTrap(t, s.port("MAIL_IMAP_PORT"))
			account := s.account("compta")
			account.TLS, account.Port = mailbox.NoTLS, port
			account.Limits = mailbox.Limits{Login: limit, Examine: limit, List: limit, Search: limit, Headers: limit, Body: limit, Append: limit, Idle: time.Minute}
			r := w.reader(account)
			read(t, r)
			boxes, err := w.store.Mailboxes(t.Context(), company)
			if err != nil {
				t.Fatal(err)
			}
			fresh := boxes[0].ReadAt
			s.deliver("compta", "INBOX", letter("contact@a.example", "compta@dupont.example", "Facture", "", "Laquelle ?\n"))
			if name == "logging in" {
				r.Close()
			}
			p.set(word, func() { s.do("hang", "imap") })
			began := time.Now()
			if name == "listening" {
				// What came rings before IDLE begins: it is read first.
				read(t, r)
				if _, err := r.Wait(t.Context(), time.Second, nil); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if err := r.Once(t.Context(), true); err == nil || !strings.Contains(err.Error(), "no answer within") && !strings.Contains(err.Error(), "connect to") {
					t.Errorf("read from a server that is frozen: %v", err)
				}
			}
			if took := time.Since(began); took > 20*limit {
				t.Errorf("it took %s to give up", took)
			}
			if boxes, err = w.store.Mailboxes(t.Context(), company); err != nil {
				t.Fatal(err)
			}
			if boxes[0].ErrorAt.IsZero() || boxes[0].ErrorKind != string(mailbox.Temporary) || boxes[0].Error == "" {
				t.Errorf("no problem is shown: %+v", boxes[0])
			}
			if name != "listening" && !boxes[0].ReadAt.Equal(fresh) {
				t.Errorf("it counts as read at %s, was read at %s", boxes[0].ReadAt, fresh)
			}
			s.do("wake", "imap")
			until(t, "it is read again", func() bool { return r.Once(t.Context(), true) == nil })
			if got := w.holds("a"); len(got) != 1 {
				t.Errorf("the answer that came meanwhile holds %v", got)
			}
			if boxes, err = w.store.Mailboxes(t.Context(), company); err != nil || boxes[0].Error != "" || !boxes[0].ReadAt.After(fresh) {
				t.Errorf("after all is well: %+v %v", boxes[0], err)
			}
		})
	}
}
