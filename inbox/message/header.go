package message

import (
	"bytes"
	"slices"
	"strings"
)

// The bounds of what is read of one header block.
const (
	maxHeaderBytes = 256 << 10
	maxFields      = 2000
	maxFieldBytes  = 64 << 10
)

// Field is one header field: its name in lower case, its value unfolded and
// otherwise as it came, 8-bit bytes included.
type Field struct {
	Name  string
	Value string
}

// Header is a header block in its order of arrival.
type Header []Field

// Raw returns the value of the first field of that name, as it came, or "".
func (h Header) Raw(name string) string {
	for _, f := range h {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Has tells whether a field of that name is present.
func (h Header) Has(name string) bool {
	for _, f := range h {
		if f.Name == name {
			return true
		}
	}
	return false
}

// Text returns the decoded value of the first field of that name, or "".
func (h Header) Text(name string) string { return DecodeWords(h.Raw(name)) }

// All returns the raw values of every field of that name, in order.
func (h Header) All(name string) []string {
	var out []string
	for _, f := range h {
		if f.Name == name {
			out = append(out, f.Value)
		}
	}
	return out
}

// joined returns the raw values of every field of that name as one.
func (h Header) joined(name, separator string) string {
	i := slices.IndexFunc(h, func(f Field) bool { return f.Name == name })
	switch {
	case i < 0:
		return ""
	case !h[i+1:].Has(name):
		return h[i].Value
	}
	return strings.Join(h.All(name), separator)
}

// splitHeader cuts a block with LF line ends at its first empty line. What is
// no field is dropped and named in problems; it never fails. Of a block beyond
// the bounds the first field of each usual name is kept, wherever it stands:
// who padded a header must not hide from whom it came and what it answers.
func splitHeader(data []byte) (h Header, body []byte, problems []string) {
	noted := make(map[string]bool)
	note := func(p string) {
		if !noted[p] {
			noted[p] = true
			problems = append(problems, p)
		}
	}
	start := true
	kept := 0               // bytes
	var met map[string]bool // names, once the bounds are reached
	full := func(name string) bool {
		var what string
		switch {
		case kept > maxHeaderBytes:
			what = "header block too large"
		case len(h) >= maxFields:
			what = "too many header fields"
		default:
			return false
		}
		note(what)
		if met == nil {
			met = make(map[string]bool)
			for _, f := range h {
				met[f.Name] = true
			}
		}
		_, usual := usualNames[name]
		again := met[name]
		met[name] = usual
		return !usual || again
	}
	var value []byte // shares data's memory until a field is continued
	name := ""
	flush := func() {
		if name == "" {
			return
		}
		if h == nil {
			h = make(Header, 0, 16)
		}
		if !full(name) {
			kept += len(name) + len(value)
			h = append(h, Field{Name: name, Value: string(bytes.TrimSpace(value))})
		}
		name = ""
	}
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte{'\n'})
		blank := len(line) == 0
		if blank && !start {
			flush()
			return h, rest, problems
		}
		data = rest
		switch {
		case blank:
			continue
		case line[0] == ' ' || line[0] == '\t':
			if len(bytes.TrimSpace(line)) == 0 && name == "" {
				continue
			}
			if name == "" {
				note("stray continuation line")
				continue
			}
			if len(value)+len(line) > maxFieldBytes {
				note("header field too large")
				continue
			}
			value = append(value, line...)
		default:
			flush()
			n, v, ok := fieldOf(line)
			if !ok {
				if !bytes.HasPrefix(line, []byte("From ")) && !bytes.HasPrefix(line, []byte(">From ")) {
					note("header line without a name")
				}
				continue
			}
			if len(v) > maxFieldBytes {
				note("header field too large")
				v = v[:maxFieldBytes]
			}
			start = false
			name = n
			value = v[:len(v):len(v)]
		}
	}
	flush()
	return h, nil, problems
}

func fieldOf(line []byte) (name string, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || i > 200 {
		return "", nil, false
	}
	n := bytes.TrimRight(line[:i], " \t")
	var lower [200]byte
	for i, c := range n {
		if c <= ' ' || c >= 0x7f {
			return "", nil, false
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	key := lower[:len(n)]
	name, usual := usualNames[string(key)]
	if !usual {
		name = string(key)
	}
	return name, line[i+1:], len(n) > 0
}

// usualNames are those of nearly all fields that are read: they need not be
// made anew for each message, and are kept where a header is beyond its bounds.
var usualNames = func() map[string]string {
	names := map[string]string{}
	for n := range strings.FieldsSeq("from to cc subject date message-id in-reply-to references reply-to sender delivered-to received content-type return-path mime-version content-transfer-encoding x-mailer list-id list-unsubscribe auto-submitted precedence thread-index x-original-to envelope-to x-envelope-to x-forwarded-to x-relanced-ref x-failed-recipients x-auto-response-suppress") {
		names[n] = n
	}
	return names
}()

// toLF turns CRLF, CR CR LF and bare CR into LF.
func toLF(data []byte) []byte {
	if bytes.IndexByte(data, '\r') < 0 {
		return data
	}
	out := make([]byte, 0, len(data))
	for {
		i := bytes.IndexByte(data, '\r')
		if i < 0 {
			return append(out, data...)
		}
		out = append(out, data[:i]...)
		j := i
		for j < len(data) && data[j] == '\r' {
			j++
		}
		breaks := j - i
		if j < len(data) && data[j] == '\n' {
			breaks, j = 1, j+1
		}
		for ; breaks > 0; breaks-- {
			out = append(out, '\n')
		}
		data = data[j:]
	}
}
