package inbox_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"relanced/internal/dossier"
)

// hostile are answers that break what they can: each from a customer, to a
// reminder. %s stands for the fields that say so.
var hostile = map[string]string{
	"header lines without a name":   "%sthis is no field\r\nneither is this one\r\n\r\nBonjour.\r\n",
	"no empty line":                 "%s",
	"nothing but a header":          "%s\r\n",
	"ends of line of all kinds":     strings.ReplaceAll("%s\r\nBonjour.\rAu revoir.\r\r\n", "\r\n", "\n"),
	"boundary that never comes":     "%sContent-Type: multipart/mixed; boundary=x\r\n\r\n--y\r\n\r\nBonjour.\r\n",
	"boundary that is not closed":   "%sContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nBonjour.\r\n",
	"unknown transfer encoding":     "%sContent-Transfer-Encoding: rot13\r\n\r\nObawbhe.\r\n",
	"base64 that is none":           "%sContent-Transfer-Encoding: base64\r\n\r\n!!! é $$$ =\r\n",
	"charset that lies":             "%sContent-Type: text/plain; charset=utf-8\r\n\r\nNous contestons la pr\xe9sente facture.\r\n",
	"charset that nobody knows":     "%sContent-Type: text/plain; charset=x-martien\r\n\r\nR\xe9gl\xe9.\r\n",
	"UTF-16 without saying so":      "%s\r\n\xff\xfeB\x00o\x00n\x00",
	"8-bit headers":                 "X-Note: \xe9\xe8\xff\r\nSubject: R\xe9ponse \xe0 votre rappel\r\n%s\r\nOui.\r\n",
	"NUL bytes":                     "%s\r\nBon\x00jour.\r\n",
	"encoded words without end":     "Subject: =?utf-8?q?=C3=A9?= =?utf-8?b?w6k\r\n%s\r\nOui.\r\n",
	"a header of 300 kB":            "X-Long: " + strings.Repeat("a", 300<<10) + "\r\n%s\r\nOui.\r\n",
	"a header of 1.2 MB":            strings.Repeat("X-Long: "+strings.Repeat("a", 100<<10)+"\r\n", 12) + "%s\r\nOui.\r\n",
	"many fields before":            strings.Repeat("X-Many: a\r\n", 3000) + "%s\r\nOui.\r\n",
	"3000 header fields":            "%s" + strings.Repeat("X-Many: a\r\n", 3000) + "\r\nOui.\r\n",
	"nested a thousand times":       "%s" + nested(1000),
	"letters in letters":            "%s" + strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 300) + "\r\nOui.\r\n",
	"30 000 parts":                  "%sContent-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\n\r\na\r\n", 30_000),
	"5 MB in one line":              "%s\r\n" + strings.Repeat("a", 5<<20),
	"elements in elements":          "%sContent-Type: text/html\r\n\r\n" + strings.Repeat("<div>", 100_000) + "Oui.",
	"quotes in quotes":              "%s\r\n" + strings.Repeat(strings.Repeat(">", 500)+" oui\r\n", 500),
	"no Message-ID and no Date":     "%s\r\nOui.\r\n",
	"a date in the year 1":          "Date: Mon, 1 Jan 0001 00:00:00 +0000\r\n%s\r\nOui.\r\n",
	"two of each field":             "From: x@y.example\r\nSubject: a\r\nSubject: b\r\nMessage-ID: <a@b>\r\nMessage-ID: <c@d>\r\n%s\r\nOui.\r\n",
	"TNEF and an unknown signature": "%sContent-Type: application/pkcs7-mime\r\n\r\n\x00\x01\x02\x03\r\n",
}

func nested(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return b.String() + "\r\nOui.\r\n"
}

// TestDrillMail_noReplyIsMissedAndNothingMarkedRead gives a mailbox everything at
// once: hostile answers, ordinary ones among much other mail, folders renumbered
// and renamed, messages moved while they are read, a server that drops the line.
func TestDrillMail_noReplyIsMissedAndNothingMarkedRead(t *testing.T) {
	t.Parallel()
	other, plain := 1500, 30
	if os.Getenv("RELANCED_DRILL") == "full" {
		other, plain = 100_000, 300
	}
	s := startServer(t, "compta")
	var codes []string
	answers := map[string]string{}
	for name := range hostile {
		code := fmt.Sprintf("h%d", len(codes))
		codes, answers[code] = append(codes, code), name
	}
	for i := range plain {
		codes = append(codes, fmt.Sprintf("p%d", i))
	}
	w := newWorld(t, codes...)
	c := login(t, s)
	if err := c.Create("Clients", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	r := w.reader(s.account("compta"))
	r.Account.Folders = []string{"INBOX", "Clients"}
	read(t, r)
	stop, peak := watchMemory()

	var ordinary, first []string
	for _, code := range codes {
		m := w.remind(code, "contact@"+code+".example", dossier.StateSent)
		if name, odd := answers[code]; odd {
			fields := "Received: from mx." + code + ".example by mail.dupont.example; Tue, 24 Nov 2026 09:00:00 +0100\r\nFrom: contact@" + code + ".example\r\nTo: compta@dupont.example\r\nIn-Reply-To: " + m.mid + "\r\n"
			first = append(first, strings.Replace(hostile[name], "%s", fields, 1))
			continue
		}
		ordinary = append(ordinary, letter("contact@"+code+".example", "compta@dupont.example", "RE: rappel", "In-Reply-To: "+m.mid, "Nous payons vendredi.\n"))
	}
	for i := range other { // the ordinary answers lie among them
		if i%(other/len(ordinary)) == 0 && i/(other/len(ordinary)) < len(ordinary)/2 {
			first = append(first, ordinary[i/(other/len(ordinary))])
		}
		first = append(first, letter(fmt.Sprintf("x%d@ailleurs%d.example", i, i%500), "compta@dupont.example", fmt.Sprint("Colis ", i), "", "Bonjour.\n"))
	}
	began := time.Now()
	s.deliver("compta", "INBOX", first...)
	arrived := time.Since(began)
	cuts := 0
	attempt := func() bool {
		err := r.Once(t.Context(), true)
		if err != nil {
			cuts++
		}
		return err == nil
	}

	// Somebody sorts the mail while it is read, and the server cuts the line.
	sorting := make(chan int, 1)
	go func() { sorting <- shuffle(t, s, 12) }()
	began = time.Now()
	for moved := -1; moved < 0; {
		attempt()
		select {
		case moved = <-sorting:
			t.Logf("%d messages of other mail, %d answers; %d moves while they were read", other, len(codes), moved)
		default:
		}
	}
	until(t, "read to its end", attempt)
	t.Logf("arrived in %s, read in %s", arrived.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))

	// Renumbered; and what comes afterwards is heard.
	s.do("uidvalidity", "compta")
	s.deliver("compta", "INBOX", ordinary[len(ordinary)/2])
	r.Close()
	until(t, "read after it was renumbered", attempt)

	// A folder that is gone is one problem that names it; the others are read.
	if err := c.Rename("Clients", "Archives", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	s.deliver("compta", "INBOX", ordinary[len(ordinary)/2+1])
	r.Close()
	if err := r.Once(t.Context(), true); err == nil || !strings.Contains(err.Error(), "Clients") {
		t.Errorf("a folder that was renamed: %v", err)
	}
	if err := c.Rename("Archives", "Clients", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	until(t, "read after it was named back", attempt)

	// The line is dropped again and again while we listen.
	drops := 0
	for _, raw := range ordinary[len(ordinary)/2+2:] {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		waited := make(chan struct{})
		go func() { defer close(waited); _, _ = r.Wait(ctx, time.Second, nil) }()
		if drops%3 == 0 {
			s.do("drop", "imap")
		}
		drops++
		s.deliver("compta", "INBOX", raw)
		<-waited
		cancel()
		until(t, "read after the line was dropped", attempt)
	}
	stop()

	missed := 0
	for _, code := range codes {
		d := w.dossier(code)
		if len(w.holds(code)) != 1 || len(d.Replies) != 1 {
			missed++
			t.Errorf("%s (%s): holds %v, %d replies", code, answers[code], w.holds(code), len(d.Replies))
		}
	}
	all, seen := flagged(t, s)
	t.Logf("%d answers: %d missed or heard twice; %d hostile; %d readings cut; %d messages, %d marked read; at most %d MB of heap",
		len(codes), missed, len(hostile), cuts, all, seen, peak.Load()>>20)
	if seen > 0 {
		t.Errorf("%d messages are marked read", seen)
	}
	if want := other + len(codes); all != want {
		t.Errorf("%d messages, want %d", all, want)
	}
	if peak.Load() > 256<<20 {
		t.Errorf("%d MB of heap", peak.Load()>>20)
	}
}

// watchMemory notes the greatest heap until it is stopped.
func watchMemory() (stop func(), peak *atomic.Uint64) {
	peak = &atomic.Uint64{}
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapAlloc))
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(done) }, peak
}

func login(t *testing.T, s *server) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(fmt.Sprintf("127.0.0.1:%d", s.port("MAIL_IMAP_PORT")), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Login("compta", "pw-compta").Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// shuffle moves all messages to and fro between two folders, so many times, as
// somebody does who sorts mail. It returns how often it moved a batch.
func shuffle(t *testing.T, s *server, times int) int {
	c, err := imapclient.DialInsecure(fmt.Sprintf("127.0.0.1:%d", s.port("MAIL_IMAP_PORT")), nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer func() { _ = c.Close() }()
	if err := c.Login("compta", "pw-compta").Wait(); err != nil {
		t.Error(err)
		return 0
	}
	moved := 0
	for i := range times {
		from, to := "INBOX", "Clients"
		if i%3 == 2 {
			from, to = to, from
		}
		box, err := c.Select(from, nil).Wait()
		if err != nil {
			t.Error(err)
			return moved
		}
		if box.NumMessages == 0 {
			continue
		}
		var some imap.SeqSet
		some.AddRange(1, max(1, box.NumMessages/4))
		if _, err := c.Move(some, to).Wait(); err != nil {
			t.Error(err)
			return moved
		}
		moved++
	}
	return moved
}

// flagged counts the messages of both folders, and those marked read.
func flagged(t *testing.T, s *server) (all, seen int) {
	t.Helper()
	c := login(t, s)
	for _, folder := range []string{"INBOX", "Clients"} {
		box, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			t.Fatal(err)
		}
		found, err := c.Search(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagSeen}}, nil).Wait()
		if err != nil {
			t.Fatal(err)
		}
		all, seen = all+int(box.NumMessages), seen+len(found.AllSeqNums())
	}
	return all, seen
}
