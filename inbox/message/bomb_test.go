package message

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"relanced/internal/calendar"
)

func nested(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("\r\nhello\r\n")
	return b.String()
}

func enclosed(levels int) string {
	return strings.Repeat("Content-Type: message/rfc822\r\n\r\n", levels) + "\r\nhello"
}

// Messages made to be slow, as a whole under a second each. The limit is far
// above what they take, so that a busy machine does not fail them.
var bombs = map[string]string{
	"depth 20000":            nested(20_000),
	"enclosed 20000":         enclosed(20_000),
	"same boundary":          "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n", 20_000),
	"50000 parts":            "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\n\r\na\r\n", 50_000),
	"header of 8 MB":         "Subject: " + strings.Repeat("a", 8<<20) + "\r\n\r\nhi",
	"100000 fields":          strings.Repeat("X-A: b\r\n", 100_000) + "\r\nhi",
	"100000 continuations":   "Subject: a\r\n" + strings.Repeat(" b\r\n", 100_000) + "\r\nhi",
	"encoded words":          "Subject: " + strings.Repeat("=?utf-8?Q?=E9?=", 5_000) + "\r\n\r\nhi",
	"half encoded words":     "Subject: " + strings.Repeat("=?utf-8?Q?", 6_000) + "\r\n\r\nhi",
	"addresses":              "From: " + strings.Repeat("<a@b.example>, ", 4_000) + "\r\n\r\nhi",
	"brackets":               "References: " + strings.Repeat("<", 60_000) + "\r\n\r\nhi",
	"params":                 "Content-Type: text/plain" + strings.Repeat("; a*0=b", 8_000) + "\r\n\r\nhi",
	"short lines":            "Subject: a\r\n\r\n" + strings.Repeat("a:\n", 170_000),
	"On without end":         "Subject: a\r\n\r\n" + strings.Repeat("On Monday somebody\n", 25_000),
	"wrote everywhere":       "Subject: a\r\n\r\n" + strings.Repeat("On 1 2 3 wrote it:\n\n", 25_000),
	"headers everywhere":     "Subject: a\r\n\r\n" + strings.Repeat("From: a\n\n", 50_000),
	"rules everywhere":       "Subject: a\r\n\r\n" + strings.Repeat(strings.Repeat("-", 40)+"\n", 12_000),
	"quote marks":            "Subject: a\r\n\r\n" + strings.Repeat(">", 500_000),
	"one line":               "Subject: a\r\n\r\n" + strings.Repeat("On a wrote ", 50_000) + ":",
	"flowed":                 "Content-Type: text/plain; format=flowed\r\n\r\n" + strings.Repeat("a \n", 170_000),
	"open divs":              "Content-Type: text/html\r\n\r\n" + strings.Repeat("<div>", 100_000) + "hi",
	"open and close":         "Content-Type: text/html\r\n\r\n" + strings.Repeat("<b><i>", 40_000) + strings.Repeat("</p>", 40_000),
	"blockquotes":            "Content-Type: text/html\r\n\r\n" + strings.Repeat("<blockquote>a", 40_000),
	"attributes":             "Content-Type: text/html\r\n\r\n<p " + strings.Repeat("a=b ", 120_000) + ">hi",
	"styles":                 "Content-Type: text/html\r\n\r\n" + strings.Repeat(`<p style="`+strings.Repeat("color:red;", 50)+`">`, 900),
	"unclosed tag":           "Content-Type: text/html\r\n\r\n" + strings.Repeat("<a ", 170_000),
	"closing words":          "Subject: a\r\n\r\n" + strings.Repeat("Cordialement\n\n", 35_000),
	"status blocks":          "Content-Type: message/delivery-status\r\n\r\n" + strings.Repeat("Final-Recipient: rfc822;a@b.example\n\n", 15_000),
	"addresses in a notice":  "From: mailer-daemon@a.example\r\nSubject: Undeliverable\r\n\r\n" + strings.Repeat("<a@b.example>: 550 5.1.1\n", 20_000),
	"dates":                  "Auto-Submitted: auto-replied\r\n\r\n" + strings.Repeat("de retour le du au 32 janvier ", 15_000),
	"one long word":          "Subject: a\r\n\r\n" + strings.Repeat("a", 500_000),
	"combining marks":        "Content-Type: text/plain; charset=utf-8\r\n\r\na" + strings.Repeat("\u0301", 250_000),
	"base64 lines":           "Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("YQ==\n", 100_000),
	"soft line ends":         "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=\n", 250_000),
	"carriage returns":       strings.Repeat("\r", 1_000_000),
	"boundaries in one line": "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x", 300_000),
}

func TestParse_bombsAreCheap(t *testing.T) {
	for name, raw := range bombs {
		t.Run(name, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			began := processor(t)
			examine(t, []byte(raw))
			took := processor(t) - began
			t.Log(took)
			if took > 2*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// processor is how long this thread has computed: unlike a clock, it does not
// tell how busy the machine is.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// examine reads a message and checks what must hold whatever it is.
func examine(t testing.TB, raw []byte) (*Message, Verdict) {
	t.Helper()
	m := Parse(raw)
	sent := NewOutgoing("Nous n'avons pas encore reçu le règlement de la facture.\nMerci de votre attention à ce message.")
	v := m.Judge(Context{ReceivedOn: calendar.MustParse("2026-11-24"), Sent: sent, Own: []string{"compta@dupont.example"}})
	texts := []string{m.Subject, m.Text, m.From.Name, m.From.Email, m.MessageID, v.New.Text, v.Language}
	texts = append(append(append(append(texts, m.Attachments...), m.Problems...), v.Why...), v.Substitute...)
	texts = append(append(texts, m.InReplyTo...), m.References...)
	if m.Report != nil {
		for _, r := range m.Report.Recipients {
			texts = append(texts, r.Address, r.Original, r.Action, r.Status, r.Text)
		}
	}
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			t.Fatalf("not clean: %q", s[:min(len(s), 200)])
		}
	}
	for _, s := range []string{m.Text, v.New.Text} {
		if !norm.NFC.IsNormalString(s) {
			t.Fatalf("not in NFC: %q", s[:min(len(s), 200)])
		}
	}
	switch v.Class {
	case "human", "probable_auto", "unreadable", "machine_ack", "colleague", "complaint":
		if !v.Holds {
			t.Fatalf("%s does not hold", v.Class)
		}
	case "":
		t.Fatal("no class")
	}
	ParseHeader(raw)
	return m, v
}

func FuzzParse(f *testing.F) {
	for name, raw := range bombs {
		if len(raw) < 100_000 && !strings.Contains(name, "0000") {
			f.Add([]byte(raw))
		}
	}
	f.Add([]byte("From: a@b.example\r\nContent-Type: multipart/alternative; boundary=\"x\"\r\n\r\n--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nBonjour =E9\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Bonjour</p><blockquote type=cite>x</blockquote>\r\n--x--\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) { examine(t, raw) })
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("From x\nSubject: =?utf-8?B?w6k=?= =?utf-8?Q?a_b?=\n c\nbad line\n\nbody"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, _, _ := splitHeader(toLF(raw))
		for _, field := range h {
			if s := DecodeWords(field.Value); !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				t.Fatalf("not clean: %q", s)
			}
			parseValue(field.Value)
			Addresses(field.Value)
		}
	})
}

func FuzzDeliveryStatus(f *testing.F) {
	f.Add([]byte("Reporting-MTA: dns;a\n\nFinal-Recipient: rfc822;a@b.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n"), "a@b.example\n  550 5.1.1 no such user")
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		r := &Report{}
		r.readStatus(statusBlocks(raw), text)
		for _, x := range r.Recipients {
			if x.Hard() && !x.Failed() || x.Class == "" || !utf8.ValidString(x.Text) {
				t.Fatalf("%+v", x)
			}
		}
	})
}

func FuzzIDs(f *testing.F) {
	f.Add("<a@b> <c d@e>, f@g;<%3Ch@i%3E> <<j@k>>")
	f.Fuzz(func(t *testing.T, raw string) {
		for _, id := range IDs(raw) {
			if id == "" || strings.ContainsAny(id, " \t\r\n") || !utf8.ValidString(id) {
				t.Fatalf("%q", id)
			}
		}
	})
}

func FuzzCut(f *testing.F) {
	f.Add("Bonjour\n\nMerci\n-- \nX\n\nLe 1 octobre, Y a écrit :\n> a\n", "<div>a</div><blockquote type=cite>b</blockquote>")
	f.Fuzz(func(t *testing.T, plain, rich string) {
		for _, s := range []segment{{plain: clean(plain), hasPlain: true, flowed: true}, {html: clean(rich), hasHTML: true}} {
			m := &Message{segments: []segment{s}, From: Address{Name: "Jean Dupont"}}
			if got := m.newText(NewOutgoing(plain)).Text; !utf8.ValidString(got) || strings.ContainsRune(got, 0) {
				t.Fatalf("%q", got)
			}
		}
	})
}

func TestParse_readsTheWholeCorpusCleanly(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"replies_fr", "replies_intl"} {
		dir, labels := corpus(t, name)
		for _, l := range labels {
			raw, err := os.ReadFile(dir + "/" + l.File)
			if err != nil {
				t.Fatal(err)
			}
			if m, _ := examine(t, raw); len(m.Problems) > 0 {
				t.Logf("%s: %v", l.File, m.Problems)
			}
			// A message cut anywhere is still read.
			for _, n := range []int{len(raw) / 4, len(raw) / 2, len(raw) * 9 / 10} {
				examine(t, raw[:n])
			}
		}
	}
}
