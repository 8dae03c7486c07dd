package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Message is a mail to be built. Text and HTML say the same; Text is never empty.
type Message struct {
	From         Address
	To, CC       []Address
	ReplyTo      string // "" for none
	Subject      string
	Date         time.Time // in the zone that the header shows
	MessageID    string    // with brackets
	InReplyTo    string    // with brackets; "" for none
	References   []string  // oldest first; References trims a long thread
	Ref          string    // of X-Relanced-Ref; "" for none
	ThreadTopic  string    // for Outlook, with ThreadIndex; "" for none
	ThreadIndex  string
	Notification bool // to our own people: asks machines not to answer
	Text, HTML   string
	Inline       []Part // pictures that HTML names by cid
	Attachments  []Part
}

// Part is a file in a message.
type Part struct {
	Name string // file name
	Type string // media type; "" or a bad one: application/octet-stream
	CID  string // of an inline part, without brackets
	Data []byte
}

// Recipients returns the addresses of the envelope, each once, in order.
func (m Message) Recipients() []string {
	var list []string
	seen := map[string]bool{}
	for _, a := range append(append([]Address{}, m.To...), m.CC...) {
		if key := strings.ToLower(Wire(a.Addr)); !seen[key] {
			seen[key] = true
			list = append(list, Wire(a.Addr))
		}
	}
	return list
}

// Build returns the message as bytes ready for DATA: CRLF everywhere, no line
// over 998 bytes, seven bits unless an address needs more. The same message
// gives the same bytes. No name, subject or file name can add a header, a
// recipient or a part; a bad address, id or an empty text is an error.
func Build(m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("build message: %w", err)
	}
	var out bytes.Buffer
	header(&out, "Date", m.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	addresses(&out, "From", []Address{m.From})
	addresses(&out, "To", m.To)
	addresses(&out, "Cc", m.CC)
	if m.ReplyTo != "" {
		addresses(&out, "Reply-To", []Address{{Addr: m.ReplyTo}})
	}
	header(&out, "Subject", strings.Join(words(Clean(m.Subject, 300), false), " "))
	header(&out, "Message-ID", m.MessageID)
	header(&out, "In-Reply-To", m.InReplyTo)
	header(&out, "References", strings.Join(References(m.References), " "))
	header(&out, RefHeader, m.Ref)
	if m.ThreadIndex != "" {
		header(&out, "Thread-Topic", strings.Join(words(Clean(m.ThreadTopic, 300), false), " "))
		header(&out, "Thread-Index", m.ThreadIndex)
	}
	if m.Notification {
		header(&out, "Auto-Submitted", "auto-generated")
		header(&out, "X-Auto-Response-Suppress", "All")
	}
	header(&out, "MIME-Version", "1.0")
	m.body().write(&out)
	return out.Bytes(), nil
}

var (
	plainToken = regexp.MustCompile(`^[!-~]*$`)
	mediaType  = regexp.MustCompile(`^[A-Za-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,80}$`)
	cidForm    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,80}(@[A-Za-z0-9.-]{1,120})?$`)
)

func (m Message) check() error {
	if len(m.To) == 0 {
		return errors.New("nobody to write to")
	}
	all := append(append([]Address{m.From}, m.To...), m.CC...)
	if m.ReplyTo != "" {
		all = append(all, Address{Addr: m.ReplyTo})
	}
	for _, a := range all {
		if err := CheckAddress(a.Addr); err != nil {
			return err
		}
	}
	switch {
	case !IsMessageID(m.MessageID):
		return fmt.Errorf("%q is no Message-ID", m.MessageID)
	case m.InReplyTo != "" && !IsMessageID(m.InReplyTo):
		return fmt.Errorf("%q is no Message-ID to answer to", m.InReplyTo)
	case m.Date.IsZero():
		return errors.New("no date")
	case strings.TrimSpace(m.Text) == "":
		return errors.New("no text")
	case !plainToken.MatchString(m.Ref) || !plainToken.MatchString(m.ThreadIndex):
		return errors.New("bad reference or Thread-Index")
	}
	for _, part := range m.Inline {
		if !cidForm.MatchString(part.CID) {
			return fmt.Errorf("%q is no content id", part.CID)
		}
	}
	return nil
}

// entity is a node of the MIME tree: a leaf with a body or a multipart.
type entity struct {
	head  [][2]string
	body  []byte // encoded
	kind  string // of a multipart: "multipart/mixed"
	mark  string // its boundary
	parts []entity
}

func (m Message) body() entity {
	count := 0
	multi := func(kind string, parts ...entity) entity {
		count++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", m.MessageID, count))
		// "=_" stands in no quoted-printable or base64 body
		return entity{kind: kind, mark: "=_" + hex.EncodeToString(sum[:14]), parts: parts}
	}
	tree := text("plain", m.Text)
	if m.HTML != "" {
		page := text("html", m.HTML)
		if len(m.Inline) > 0 {
			parts := []entity{page}
			for _, part := range m.Inline {
				parts = append(parts, file(part, "inline"))
			}
			page = multi(`multipart/related; type="text/html"`, parts...)
		}
		tree = multi("multipart/alternative", tree, page)
	}
	if len(m.Attachments) > 0 {
		parts := []entity{tree}
		for _, part := range m.Attachments {
			parts = append(parts, file(part, "attachment"))
		}
		tree = multi("multipart/mixed", parts...)
	}
	return tree
}

func (e entity) write(out *bytes.Buffer) {
	if e.mark == "" {
		for _, field := range e.head {
			header(out, field[0], field[1])
		}
		out.WriteString("\r\n")
		out.Write(e.body)
		return
	}
	header(out, "Content-Type", e.kind+`; boundary="`+e.mark+`"`)
	out.WriteString("\r\n")
	for _, part := range e.parts {
		out.WriteString("--" + e.mark + "\r\n")
		part.write(out)
		out.WriteString("\r\n")
	}
	out.WriteString("--" + e.mark + "--\r\n")
}

func text(subtype, content string) entity {
	var body bytes.Buffer
	w := quotedprintable.NewWriter(&body)
	_, _ = w.Write([]byte(strings.ToValidUTF8(strings.ReplaceAll(content, "\x00", ""), "\uFFFD")))
	_ = w.Close() // a bytes.Buffer takes everything
	if !bytes.HasSuffix(body.Bytes(), []byte("\r\n")) {
		body.WriteString("\r\n")
	}
	return entity{head: [][2]string{
		{"Content-Type", "text/" + subtype + "; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	}, body: body.Bytes()}
}

func file(part Part, disposition string) entity {
	kind := part.Type
	if !mediaType.MatchString(kind) {
		kind = "application/octet-stream"
	}
	head := [][2]string{
		{"Content-Type", kind},
		{"Content-Transfer-Encoding", "base64"},
		{"Content-Disposition", disposition + filename(part.Name)},
	}
	if disposition == "inline" {
		head = append(head, [2]string{"Content-ID", "<" + part.CID + ">"})
	}
	coded := base64.StdEncoding.EncodeToString(part.Data)
	var body bytes.Buffer
	for len(coded) > 0 {
		n := min(76, len(coded))
		body.WriteString(coded[:n] + "\r\n")
		coded = coded[n:]
	}
	return entity{head: head, body: body.Bytes()}
}

// filename returns the parameter of a Content-Disposition: plain where the name
// is ASCII, RFC 2231 beside a plain likeness otherwise.
func filename(name string) string {
	name = strings.Trim(strings.NewReplacer("/", "-", `\`, "-", `"`, "'").Replace(Clean(name, 80)), ". ")
	if name == "" {
		return ""
	}
	plain := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '_'
		}
		return r
	}, name)
	if plain == name {
		return `; filename="` + name + `"`
	}
	coded := strings.NewReplacer("+", "%20", "*", "%2A", "'", "%27", "(", "%28", ")", "%29").Replace(url.QueryEscape(name))
	return `; filename="` + plain + `"; filename*=UTF-8''` + coded
}
