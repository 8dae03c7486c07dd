// Package charset reads the text files that accounting software exports: it
// finds out how a file is encoded by looking at all of it once, and then yields
// it as UTF-8.
package charset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Encoding is how a file's bytes stand for characters.
type Encoding string

// The encodings that are read; EBCDIC is only recognised, to be refused.
const (
	UTF8        Encoding = "UTF-8"
	UTF16LE     Encoding = "UTF-16LE"
	UTF16BE     Encoding = "UTF-16BE"
	Latin9      Encoding = "ISO-8859-15"
	Windows1252 Encoding = "Windows-1252"
	EBCDIC      Encoding = "EBCDIC"
)

// Probe is what one look at a whole file tells.
type Probe struct {
	Encoding Encoding
	Size     int64
	Hash     string // SHA-256 of the bytes, hex
	Head     []byte // the first bytes as they are, at most 4096
	nul      bool
	mark     int // length of the byte-order mark
}

// ErrEmpty tells that a file holds nothing.
var ErrEmpty = errors.New("the file is empty")

const headSize = 4096

// Look reads r to its end and tells what it is made of: a byte-order mark
// first, else UTF-8 where all of it is valid, else ISO 8859-15 where no byte is
// in 0x80-0x9F, else Windows-1252.
func Look(r io.Reader) (Probe, error) {
	var (
		p       Probe
		hash    = sha256.New()
		buffer  = make([]byte, 1<<18)
		carry   int // bytes at the start of buffer left from the last block
		invalid bool
		c1      bool
	)
	for {
		n, err := io.ReadFull(r, buffer[carry:])
		block := buffer[carry : carry+n]
		hash.Write(block)
		p.Size += int64(n)
		if room := headSize - len(p.Head); room > 0 {
			p.Head = append(p.Head, block[:min(room, n)]...)
		}
		p.nul = p.nul || bytes.IndexByte(block, 0) >= 0
		if !invalid {
			all := buffer[:carry+n]
			rest := tail(all)
			if !utf8.Valid(all[:len(all)-rest]) {
				invalid = true
				c1 = c1 || hasC1(all)
				carry = 0
			} else {
				// While all is valid UTF-8 the bytes 0x80-0x9F are continuations;
				// whether they would be controls matters only once it is not.
				c1 = c1 || hasC1(all)
				carry = copy(buffer, all[len(all)-rest:])
			}
		} else {
			c1 = c1 || hasC1(block)
			carry = 0
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return p, err
		}
	}
	p.Hash = hex.EncodeToString(hash.Sum(nil))
	if p.Size == 0 {
		return p, ErrEmpty
	}
	invalid = invalid || carry > 0
	p.Encoding, p.mark = mark(p.Head)
	switch {
	case p.Encoding != "":
	case ebcdic(p.Head):
		p.Encoding = EBCDIC
	case !invalid:
		p.Encoding = UTF8
	case c1:
		p.Encoding = Windows1252
	default:
		p.Encoding = Latin9
	}
	return p, nil
}

// Reader returns the text of r, the same bytes again, as UTF-8 without
// byte-order mark and NULs. What cannot be decoded becomes U+FFFD.
func (p Probe) Reader(r io.Reader) (io.Reader, error) {
	if _, err := io.CopyN(io.Discard, r, int64(p.mark)); err != nil {
		return nil, err
	}
	var decoder *encoding.Decoder
	switch p.Encoding {
	case UTF8:
	case Latin9:
		decoder = charmap.ISO8859_15.NewDecoder()
	case Windows1252:
		decoder = charmap.Windows1252.NewDecoder()
	case UTF16LE:
		decoder = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()
	case UTF16BE:
		decoder = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder()
	default:
		return nil, fmt.Errorf("%s is not read", p.Encoding)
	}
	wide := p.Encoding == UTF16LE || p.Encoding == UTF16BE
	if p.nul && !wide {
		r = withoutNUL{r}
	}
	if decoder != nil {
		r = decoder.Reader(r)
	}
	if wide {
		r = withoutNUL{r}
	}
	return r, nil
}

func mark(head []byte) (Encoding, int) {
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		// A file cut and pasted together can carry the mark and still not be
		// UTF-8 throughout; the decoder replaces what is broken.
		return UTF8, 3
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return UTF16LE, 2
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return UTF16BE, 2
	}
	return "", 0
}

// ebcdic tells whether the text looks like EBCDIC: its letters and digits lie
// above 0x80 and its space is 0x40, so that hardly anything is ASCII text.
func ebcdic(head []byte) bool {
	if len(head) < 32 {
		return false
	}
	high, ascii := 0, 0
	for _, b := range head {
		switch {
		case b >= 0xF0 && b <= 0xF9, b >= 0x81 && b <= 0x89, b >= 0x91 && b <= 0x99,
			b >= 0xA2 && b <= 0xA9, b >= 0xC1 && b <= 0xC9, b >= 0xD1 && b <= 0xD9, b >= 0xE2 && b <= 0xE9, b == 0x40:
			high++
		case b >= '0' && b <= '9', b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b == ' ', b == '\n':
			ascii++
		}
	}
	return high*10 > len(head)*7 && ascii*10 < len(head)*2
}

// tail returns how many bytes at the end of b may be the start of a character
// that goes on in the next block.
func tail(b []byte) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(b)); n++ {
		if at := len(b) - n; utf8.RuneStart(b[at]) {
			if b[at] >= utf8.RuneSelf && !utf8.FullRune(b[at:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

func hasC1(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 && c <= 0x9F {
			return true
		}
	}
	return false
}

type withoutNUL struct{ r io.Reader }

func (w withoutNUL) Read(b []byte) (int, error) {
	for {
		n, err := w.r.Read(b)
		kept := b[:0]
		for _, c := range b[:n] {
			if c != 0 {
				kept = append(kept, c)
			}
		}
		if len(kept) > 0 || err != nil || len(b) == 0 {
			return len(kept), err
		}
	}
}
