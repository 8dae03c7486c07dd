package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// post is a real mail system: Dovecot and Exim.
type post struct {
	t    *testing.T
	dir  string
	tool string
	env  map[string]string
}

// users have a mailbox there; their password is pw-USER.
var users = []string{"compta", "marie", "achats", "garage", "roux", "petit", "lefevre", "mairie"}

func newPost(t *testing.T) *post {
	t.Helper()
	server := tool(t, "mailserver")
	dir := t.TempDir()
	for try := range 20 {
		// Below the ports that outgoing connections take.
		base := 12_000 + mathrand.IntN(2000)*10
		state := filepath.Join(dir, strconv.Itoa(try))
		start := exec.Command(server, "start", state, strconv.Itoa(base))
		start.Env = append(os.Environ(), "MAIL_USERS="+strings.Join(users, " "))
		out, err := start.CombinedOutput()
		switch {
		case err == nil:
		case strings.Contains(string(out), "taken"), strings.Contains(string(out), "in use"):
			continue
		case strings.Contains(string(out), "try: mailserver install"):
			missing(t, string(out))
		default:
			t.Fatalf("%v: %s", err, out)
		}
		t.Cleanup(func() {
			if out, err := exec.Command(server, "stop", state).CombinedOutput(); err != nil {
				t.Logf("stop the mail servers: %v: %s", err, out)
			}
		})
		p := &post{t: t, dir: state, tool: server, env: map[string]string{}}
		for line := range strings.Lines(string(out)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			p.env[name] = strings.Trim(value, "'")
		}
		return p
	}
	t.Fatal("no free ports")
	return nil
}

// run gives the mail servers a command: hang, wake, drop, down, up, list.
func (p *post) run(args ...string) string {
	p.t.Helper()
	out, err := exec.Command(p.tool, append([]string{args[0], p.dir}, args[1:]...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("mailserver %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// send hands a message over by SMTP.
func (p *post) send(from, to, message string) {
	p.t.Helper()
	text := strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\n", "\r\n")
	client, err := smtp.Dial("127.0.0.1:" + p.env["MAIL_SMTP_PORT"])
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	err = client.Mail(from)
	if err == nil {
		err = client.Rcpt(to)
	}
	if err == nil {
		var content io.WriteCloser
		if content, err = client.Data(); err == nil {
			_, err = io.WriteString(content, text)
			err = errors.Join(err, content.Close())
		}
	}
	if err != nil {
		p.t.Fatalf("send from %s to %s: %v", from, to, err)
	}
}

// letter is a message as it lies in a mailbox.
type letter struct {
	uid   imap.UID
	flags []imap.Flag
	raw   []byte
	head  mail.Header
	parts []part
}

type part struct {
	kind, disposition, cid, name string
	body                         []byte
}

// text returns the first part of that type.
func (l letter) text(kind string) string {
	for _, p := range l.parts {
		if p.kind == kind {
			return string(p.body)
		}
	}
	return ""
}

func (l letter) header(name string) string {
	decoder := mime.WordDecoder{}
	text, err := decoder.DecodeHeader(l.head.Get(name))
	if err != nil {
		return l.head.Get(name)
	}
	return text
}

// hash names the bytes and flags of a message: they must stay.
func (l letter) hash() string {
	sum := sha256.Sum256(l.raw)
	flags := make([]string, len(l.flags))
	for i, f := range l.flags {
		flags[i] = string(f)
	}
	slices.Sort(flags)
	return fmt.Sprint(l.uid, flags, hex.EncodeToString(sum[:8]))
}

func (p *post) login(user string) *imapclient.Client {
	p.t.Helper()
	client, err := imapclient.DialInsecure("127.0.0.1:"+p.env["MAIL_IMAP_PORT"], nil)
	if err == nil {
		err = client.Login(user, "pw-"+user).Wait()
	}
	if err != nil {
		p.t.Fatalf("log %s in: %v", user, err)
	}
	return client
}

// letters reads a folder without leaving a trace.
func (p *post) letters(user, folder string) []letter {
	p.t.Helper()
	client := p.login(user)
	defer client.Close()
	box, err := client.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		p.t.Fatalf("open %s of %s: %v", folder, user, err)
	}
	if box.NumMessages == 0 {
		return nil
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	found, err := client.Fetch(imap.SeqSet{imap.SeqRange{Start: 1}}, &imap.FetchOptions{UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		p.t.Fatalf("read %s of %s: %v", folder, user, err)
	}
	var all []letter
	for _, m := range found {
		l := letter{uid: m.UID, flags: m.Flags, raw: m.FindBodySection(whole)}
		l.flags = slices.DeleteFunc(l.flags, func(f imap.Flag) bool { return strings.EqualFold(string(f), `\Recent`) })
		parsed, err := mail.ReadMessage(bytes.NewReader(l.raw))
		if err != nil {
			p.t.Fatalf("message %d of %s: %v", m.UID, user, err)
		}
		l.head = parsed.Header
		l.parts = parts(p.t, parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), map[string]string{}, parsed.Body)
		all = append(all, l)
	}
	return all
}

// append files a message in a folder, as a mail program does.
func (p *post) file(user, folder, message string) {
	p.t.Helper()
	client := p.login(user)
	defer client.Close()
	text := []byte(strings.ReplaceAll(message, "\n", "\r\n"))
	put := client.Append(folder, int64(len(text)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}})
	if _, err := put.Write(text); err != nil {
		p.t.Fatal(err)
	}
	if err := put.Close(); err != nil {
		p.t.Fatal(err)
	}
	if _, err := put.Wait(); err != nil {
		p.t.Fatal(err)
	}
}

// parts takes a message apart, strictly: what mail programs would stumble over
// fails the test.
func parts(t *testing.T, kind, encoding string, head map[string]string, body io.Reader) []part {
	t.Helper()
	media, params, err := mime.ParseMediaType(kind)
	if kind == "" {
		media, err = "text/plain", nil
	}
	if err != nil {
		t.Fatalf("content type %q: %v", kind, err)
	}
	if strings.HasPrefix(media, "multipart/") {
		var all []part
		reader := multipart.NewReader(body, params["boundary"])
		for {
			sub, err := reader.NextRawPart()
			if err == io.EOF {
				return all
			}
			if err != nil {
				t.Fatalf("%s: %v", media, err)
			}
			all = append(all, parts(t, sub.Header.Get("Content-Type"), sub.Header.Get("Content-Transfer-Encoding"),
				map[string]string{"disposition": sub.Header.Get("Content-Disposition"), "cid": sub.Header.Get("Content-Id")}, sub)...)
		}
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("part %s: %v", media, err)
	}
	disposition, dispositionParams, _ := mime.ParseMediaType(head["disposition"])
	return []part{{media, disposition, strings.Trim(head["cid"], "<>"), dispositionParams["filename"], content}}
}

// newMID makes a Message-ID as other programs do.
func newMID(domain string) string {
	id := make([]byte, 12)
	_, _ = rand.Read(id)
	return "<" + hex.EncodeToString(id) + "@" + domain + ">"
}

// answer is what a mail program makes of "reply" in an Outlook-like manner: its
// own headers, the old message below a ruler.
func answer(from, name string, to letter, text string) (message, mid string) {
	domain := from[strings.IndexByte(from, '@')+1:]
	mid = newMID(domain)
	address, err := mail.ParseAddress(to.head.Get("From"))
	if err != nil {
		address = &mail.Address{}
	}
	if reply := to.head.Get("Reply-To"); reply != "" {
		if a, err := mail.ParseAddress(reply); err == nil {
			address = a
		}
	}
	references := strings.TrimSpace(to.head.Get("References") + " " + to.head.Get("Message-Id"))
	return fmt.Sprintf(`From: %s <%s>
To: %s
Subject: %s
Date: %s
Message-ID: %s
In-Reply-To: %s
References: %s
Accept-Language: fr-FR, en-US
Content-Language: fr-FR
X-MS-Has-Attach:
X-MS-TNEF-Correlator:
X-Mailer: Microsoft Outlook 16.0
MIME-Version: 1.0
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: 8bit

%s

%s

________________________________
De : %s <%s>
Envoyé : %s
À : %s
Objet : %s

%s
`, name, from, address.String(), mime.QEncoding.Encode("utf-8", "RE: "+to.header("Subject")), time.Now().Format(time.RFC1123Z), mid,
		to.head.Get("Message-Id"), references, text, name, address.Name, address.Address, to.head.Get("Date"), from,
		to.header("Subject"), to.text("text/plain")), mid
}
