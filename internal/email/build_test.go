package email

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sample() Message {
	return Message{
		From:      Address{"Comptabilité Dupont", "compta@dupont.example"},
		To:        []Address{{"Société \"Durand\", Lyon", "achats@durand.example"}},
		CC:        []Address{{"", "chef@durand.example"}},
		Subject:   "Facture FA-2026-0042 – échéance du 14 novembre",
		Date:      time.Date(2026, 11, 24, 9, 30, 0, 0, time.FixedZone("", 3600)),
		MessageID: "<r1.7k4qm2tx01234567.7k4qm2tx01234567@dupont.example>",
		Ref:       "7k4qm2tx01234567.7k4qm2tx01234567",
		Text:      "Bonjour,\n\n.ligne au point\nFrom nous\n",
		HTML:      `<p>Bonjour <img src="cid:qr@relanced"></p>`,
		Inline:    []Part{{Name: "qr.png", Type: "image/png", CID: "qr@relanced", Data: []byte{1, 2, 3}}},
		Attachments: []Part{
			{Name: "Facture été n°42.pdf", Type: "application/pdf", Data: bytes.Repeat([]byte("x"), 200)},
		},
	}
}

func TestBuild_standsInTheOrderThatClientsExpect(t *testing.T) {
	t.Parallel()
	raw, err := Build(sample())
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	var walk func(kind string, body io.Reader)
	walk = func(kind string, body io.Reader) {
		media, params, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, media)
		if !strings.HasPrefix(media, "multipart/") {
			return
		}
		r := multipart.NewReader(body, params["boundary"])
		for {
			part, err := r.NextPart()
			if err != nil {
				return
			}
			walk(part.Header.Get("Content-Type"), part)
			if name := part.FileName(); name != "" {
				kinds = append(kinds, name)
			}
		}
	}
	walk(m.Header.Get("Content-Type"), m.Body)
	want := []string{
		"multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html",
		"image/png", "qr.png", "application/pdf", "Facture été n°42.pdf",
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	again, _ := Build(sample())
	if !bytes.Equal(raw, again) {
		t.Error("the same message gives other bytes")
	}
	if bytes.Contains(raw, []byte("Auto-Submitted")) {
		t.Error("a reminder says that it is automatic")
	}
}

func TestBuild_marksNotifications(t *testing.T) {
	t.Parallel()
	m := sample()
	m.Notification = true
	raw, err := Build(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"\r\nAuto-Submitted: auto-generated\r\n", "\r\nX-Auto-Response-Suppress: All\r\n"} {
		if !bytes.Contains(raw, []byte(field)) {
			t.Errorf("no %q", field)
		}
	}
}

// hostile draws text that tries to leave its field.
func hostile(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{
			"x\r\nBcc: victim@example.com", "x\nTo: a@b.fr", "\u2028Bcc: x@y.fr", "a\u202egpj.exe", `"><script>`, `\`, `"`, "=?UTF-8?Q?=0D=0ABcc:_x@y.fr?=",
			strings.Repeat("é", 10_000), strings.Repeat("x", 10_000), "a\r\n\r\nbody", "\x00", "a, b@c.fr, <d@e.fr>", "\xff\xfe",
			strings.Repeat("long word ", 1000), "(comment", "=_0123",
		}),
	).Draw(t, label)
}

func TestBuild_hostileNamesGiveExactlyTheIntendedHeadersAndRecipients(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := sample()
		m.From.Name, m.To[0].Name, m.Subject = hostile(t, "from"), hostile(t, "to"), hostile(t, "subject")
		m.ThreadTopic, m.ThreadIndex = hostile(t, "topic"), "AAAA"
		m.Text, m.HTML = "x"+hostile(t, "text"), hostile(t, "html")
		m.Attachments[0].Name, m.Attachments[0].Type = hostile(t, "file"), hostile(t, "type")
		m.References = []string{hostile(t, "references")}
		raw, err := Build(m)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(raw) {
			if len(line) > 1000 || !bytes.HasSuffix(line, []byte("\r\n")) || bytes.ContainsAny(line[:len(line)-2], "\r\n\x00") {
				t.Fatalf("line %q", line)
			}
			for _, b := range line {
				if b > 0x7e {
					t.Fatalf("eight bits: %q", line)
				}
			}
		}
		got, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		allowed := "Date From To Cc Subject Message-Id References X-Relanced-Ref Thread-Topic Thread-Index Mime-Version Content-Type Content-Transfer-Encoding "
		for name, values := range got.Header {
			if !strings.Contains(allowed, name+" ") || len(values) != 1 {
				t.Fatalf("header %s: %q", name, values)
			}
		}
		for field, want := range map[string]string{"From": m.From.Addr, "To": m.To[0].Addr, "Cc": m.CC[0].Addr} {
			list, err := got.Header.AddressList(field)
			if err != nil || len(list) != 1 || list[0].Address != want {
				t.Fatalf("%s: %v %v in %q", field, list, err, got.Header.Get(field))
			}
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		if err != nil || subject != Clean(m.Subject, 300) && !strings.Contains(m.Subject, "=?") {
			t.Fatalf("subject %q, want %q: %v", subject, Clean(m.Subject, 300), err)
		}
		if diff := cmp.Diff([]string{m.To[0].Addr, m.CC[0].Addr}, m.Recipients()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestBuild_refusesBadAddressesAndIDs(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Message){
		"recipient with a line break": func(m *Message) { m.To[0].Addr = "a@b.fr\r\nBcc: x@y.fr" },
		"nobody":                      func(m *Message) { m.To = nil },
		"message id with a fold":      func(m *Message) { m.MessageID = "<a\r\n b@c.fr>" },
		"parent that is no id":        func(m *Message) { m.InReplyTo = "x\r\nTo: y" },
		"reply address":               func(m *Message) { m.ReplyTo = "x y@z.fr" },
		"reference":                   func(m *Message) { m.Ref = "a\r\nb" },
		"content id":                  func(m *Message) { m.Inline[0].CID = "a>\r\nX: y" },
		"no date":                     func(m *Message) { m.Date = time.Time{} },
		"no text":                     func(m *Message) { m.Text = " \n" },
	} {
		m := sample()
		spoil(&m)
		if _, err := Build(m); err == nil {
			t.Errorf("%s: built", name)
		}
	}
}

func TestClean_leavesOneSafeLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 60).Draw(t, "limit")
		got := Clean(hostile(t, "text"), limit)
		if n := len([]rune(got)); n > limit {
			t.Fatalf("%d characters of %d: %q", n, limit, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 {
				t.Fatalf("%q in %q", r, got)
			}
		}
		if Clean(got, limit) != got {
			t.Fatalf("cleaning %q again gives %q", got, Clean(got, limit))
		}
	})
	if got := Clean(" Dupont\r\n & \t Fils\u202e ", 50); got != "Dupont & Fils" {
		t.Errorf("Clean = %q", got)
	}
}

func FuzzBuild(f *testing.F) {
	f.Add("Dupont", "Facture", "a@b.fr")
	f.Add("x\r\nBcc: y@z.fr", "=?UTF-8?B?", "a@b.fr\n")
	f.Fuzz(func(t *testing.T, name, subject, address string) {
		m := sample()
		m.To, m.Subject = []Address{{name, address}}, subject
		raw, err := Build(m)
		if err != nil {
			return
		}
		got, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil || len(got.Header["To"]) != 1 || got.Header["Bcc"] != nil {
			t.Fatalf("%v %v", err, got)
		}
	})
}
