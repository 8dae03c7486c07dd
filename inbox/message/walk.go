package message

import (
	"bytes"
	"strings"
)

// The bounds of one message.
const (
	maxBytes = 8 << 20
	maxDepth = 10
	maxParts = 200
	maxText  = 512 << 10
)

// part is a leaf of the MIME tree, or an enclosed message.
type part struct {
	header   Header
	kind     value // Content-Type
	filename string
	attached bool // marked as an attachment
	body     []byte
	depth    int
	inside   bool // within an enclosed message
	children []*part
}

// walker reads one tree within its bounds.
type walker struct {
	parts    int
	problems []string
}

func (w *walker) note(p string) {
	for _, have := range w.problems {
		if have == p {
			return
		}
	}
	if len(w.problems) < 50 {
		w.problems = append(w.problems, p)
	}
}

// read builds the tree of a part whose header is known. Bodies share the
// message's memory until they are decoded.
func (w *walker) read(h Header, body []byte, depth int, inside bool) *part {
	w.parts++
	p := &part{header: h, body: body, depth: depth, inside: inside}
	raw := h.Raw("content-type")
	p.kind = parseValue(raw)
	if !strings.Contains(p.kind.main, "/") {
		if raw != "" {
			w.note("content type not understood")
		}
		p.kind.main = "text/plain"
	}
	d := parseValue(h.Raw("content-disposition"))
	p.attached = d.main == "attachment"
	p.filename = d.params["filename"]
	if p.filename == "" {
		p.filename = p.kind.params["name"]
	}
	p.filename = strings.TrimSpace(strings.Map(dropControl, p.filename))
	switch {
	case strings.HasPrefix(p.kind.main, "multipart/"):
		if depth >= maxDepth {
			w.note("nested too deeply")
			return p
		}
		w.split(p)
	case p.kind.main == "message/rfc822" || p.kind.main == "message/global":
		if depth >= maxDepth {
			w.note("nested too deeply")
			return p
		}
		p.body = decodeTransfer(p.body, h.Raw("content-transfer-encoding"))
		ih, ib, _ := splitHeader(p.body)
		p.children = append(p.children, w.read(ih, ib, depth+1, true))
	}
	return p
}

func (w *walker) split(p *part) {
	boundary := p.kind.params["boundary"]
	chunks, ok := chunksOf(p.body, boundary)
	if !ok {
		if line := firstDashes(p.body); line != "" {
			chunks, ok = chunksOf(p.body, line)
		}
	}
	if !ok {
		w.note("multipart without its boundary")
		p.kind.main = "text/plain"
		return
	}
	for _, c := range chunks {
		if w.parts >= maxParts {
			w.note("too many parts")
			return
		}
		h, body := partHeader(c)
		p.children = append(p.children, w.read(h, body, p.depth+1, p.inside))
	}
}

// partHeader splits a part. One that starts with an empty line has no header.
func partHeader(c []byte) (Header, []byte) {
	if len(c) == 0 || c[0] == '\n' {
		return nil, bytes.TrimPrefix(c, []byte{'\n'})
	}
	h, body, _ := splitHeader(c)
	if len(h) == 0 {
		return nil, c
	}
	return h, body
}

// chunksOf cuts a multipart body at its delimiter lines: what stands before
// the first is dropped, a missing last one is the end. At most maxParts.
func chunksOf(body []byte, boundary string) ([][]byte, bool) {
	boundary = strings.TrimRight(boundary, " \t")
	if boundary == "" {
		return nil, false
	}
	mark := []byte("--" + boundary)
	var out [][]byte
	begin := -1
	for at := 0; at < len(body); {
		i := bytes.Index(body[at:], mark)
		if i < 0 {
			break
		}
		i += at
		end := i + len(mark)
		line, _, _ := bytes.Cut(body[end:min(len(body), end+200)], []byte{'\n'})
		tail := bytes.TrimRight(line, " \t")
		closing := bytes.Equal(tail, []byte("--"))
		if i > 0 && body[i-1] != '\n' || len(tail) > 0 && !closing {
			at = end
			continue
		}
		if begin >= 0 {
			out = append(out, bytes.TrimSuffix(body[begin:max(begin, i)], []byte{'\n'}))
		}
		if closing || len(out) >= maxParts {
			return out, true
		}
		begin = min(len(body), end+len(line)+1)
		at = end
	}
	if begin < 0 {
		return nil, false
	}
	return append(out, body[begin:]), true
}

func firstDashes(body []byte) string {
	for rest := body[:min(len(body), 64<<10)]; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if bytes.HasPrefix(line, []byte("--")) && len(line) > 2 && len(line) < 200 {
			return string(bytes.TrimRight(line[2:], " \t"))
		}
	}
	return ""
}

// leaves calls f for every part that is no multipart, in order.
func (p *part) leaves(f func(*part)) {
	if strings.HasPrefix(p.kind.main, "multipart/") {
		for _, c := range p.children {
			c.leaves(f)
		}
		return
	}
	f(p)
	for _, c := range p.children {
		c.leaves(f)
	}
}

// text decodes a text part.
func (p *part) text() string {
	data := decodeTransfer(p.body, p.header.Raw("content-transfer-encoding"))
	if len(data) > maxText {
		data = data[:maxText]
	}
	return decodeCharset(data, p.kind.params["charset"])
}
