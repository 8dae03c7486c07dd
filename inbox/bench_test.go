package inbox_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"relanced/inbox/mailbox"
	"relanced/inbox/match"
)

// BenchmarkFirstLook reads a folder of messages (100 000, or
// RELANCED_BENCH_MESSAGES) for the first time, matching all of them against a
// store with a thousand customers, beside one bare FETCH of the same header
// fields in the same run, and beside mbsync where RELANCED_BENCH_MBSYNC is set.
func BenchmarkFirstLook(b *testing.B) {
	n := 100_000
	if asked, err := strconv.Atoi(os.Getenv("RELANCED_BENCH_MESSAGES")); err == nil {
		n = asked
	}
	s := startServer(b, "compta")
	fill(b, s, n)
	codes := make([]string, 1000)
	for i := range codes {
		codes[i] = fmt.Sprintf("c%d", i)
	}
	for b.Loop() {
		bare := bareFetch(b, s, n)
		w := newWorld(b, codes...)
		r := w.reader(s.account("compta"))
		r.Account.Sent, r.Account.TLS, r.Account.Port = false, mailbox.NoTLS, s.port("MAIL_IMAP_PORT") // as the bare FETCH
		runtime.GC()
		_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // forgets the peak so far
		began := time.Now()
		if err := r.Once(b.Context(), false); err != nil {
			b.Fatal(err)
		}
		look := time.Since(began)
		b.ReportMetric(resident(b), "MB-resident")
		began = time.Now()
		if err := r.Once(b.Context(), false); err != nil {
			b.Fatal(err)
		}
		again := time.Since(began)
		r.Close()
		bare = (bare + bareFetch(b, s, n)) / 2
		b.ReportMetric(float64(n)/look.Seconds(), "messages/s")
		b.ReportMetric(float64(n)/bare.Seconds(), "bare-messages/s")
		b.ReportMetric(100*bare.Seconds()/look.Seconds(), "%of-bare")
		b.ReportMetric(float64(again.Microseconds())/1000, "ms/nothing-new")
	}
	if bin, err := exec.LookPath("mbsync"); err == nil && os.Getenv("RELANCED_BENCH_MBSYNC") != "" { // minutes
		b.ReportMetric(float64(n)/mbsync(b, s, bin).Seconds(), "mbsync-messages/s")
	}
}

// fill puts messages straight into the maildir, as a delivery would.
func fill(b *testing.B, s *server, n int) {
	b.Helper()
	s.file("compta", "INBOX", letter("a@b.example", "compta@dupont.example", "la première", "", "Bonjour.\n"))
	filler := strings.Repeat("Veuillez trouver ci-joint le compte rendu de la réunion.\n", 40)
	for i := 1; i < n; i++ {
		from := fmt.Sprintf("personne%d@societe%d.example", i%5000, i%700)
		raw := letter(from, "compta@dupont.example", strings.ReplaceAll(subjects[i%len(subjects)], "%d", strconv.Itoa(i)),
			"Received: from mx.societe.example (mx.societe.example [192.0.2.7]) by mail.dupont.example with ESMTPS id 4711 for <compta@dupont.example>; Tue, 24 Nov 2026 09:00:00 +0100\r\nIn-Reply-To: <x"+strconv.Itoa(i)+"@societe.example>\r\nReferences: <y"+strconv.Itoa(i)+"@societe.example> <x"+strconv.Itoa(i)+"@societe.example>\r\nX-Mailer: Outlook", filler)
		s.deliver("compta", "INBOX", raw)
	}
	bareFetch(b, s, n) // the server indexes them
}

// subjects are those of ordinary mail; the reader has to look twice at some.
var subjects = []string{
	"RE: Réunion de jeudi", "Livraison %d : votre colis arrive", "Planning de la semaine", "TR: Photos du chantier", "Compte rendu du projet %d",
	"RE: RE: Devis menuiserie", "Invitation : point hebdomadaire", "Votre commande n° %d", "Question sur le catalogue", "Bonne année !",
}

// bareFetch is the ceiling: one FETCH of the same items, read and thrown away.
func bareFetch(b *testing.B, s *server, n int) time.Duration {
	b.Helper()
	a := s.account("compta")
	conn, err := net.Dial("tcp", net.JoinHostPort(a.Host, strconv.Itoa(s.port("MAIL_IMAP_PORT"))))
	if err != nil {
		b.Fatal(err)
	}
	client := imapclient.New(conn, nil)
	defer func() { _ = client.Close() }()
	if err := client.Login(a.User, a.Password).Wait(); err != nil {
		b.Fatal(err)
	}
	if _, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	var all imap.UIDSet
	all.AddRange(1, 0)
	command := client.Fetch(all, &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{
		{Specifier: imap.PartSpecifierHeader, HeaderFields: match.HeaderFields, Peek: true},
	}})
	got := 0
	for message := command.Next(); message != nil; message = command.Next() {
		for item := message.Next(); item != nil; item = message.Next() {
			if section, ok := item.(imapclient.FetchItemDataBodySection); ok && section.Literal != nil {
				if _, err := io.Copy(io.Discard, section.Literal); err != nil {
					b.Fatal(err)
				}
			}
		}
		got++
	}
	if err := command.Close(); err != nil || got != n {
		b.Fatal(got, err)
	}
	return time.Since(began)
}

// resident is the greatest resident memory of this process, in MB.
func resident(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1024
}

// mbsync copies the folder to files, as a mail synchroniser does.
func mbsync(b *testing.B, s *server, bin string) time.Duration {
	b.Helper()
	dir := b.TempDir()
	config := filepath.Join(dir, "mbsyncrc")
	text := fmt.Sprintf(`IMAPAccount a
Host 127.0.0.1
Port %d
User compta
Pass pw-compta
SSLType None
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Path %s/
Inbox %s/INBOX

Channel c
Far :far:
Near :near:
Sync PullNew
Create Near
SyncState *
`, s.port("MAIL_IMAP_PORT"), dir, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if out, err := exec.Command(bin, "-c", config, "c").CombinedOutput(); err != nil {
		b.Logf("mbsync: %v: %s", err, out)
	}
	return time.Since(began)
}
