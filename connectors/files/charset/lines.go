package charset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the longest line that is read, in bytes of UTF-8.
const MaxLine = 1 << 20

// Lines cuts a text into lines. A line ends with any number of CR and one LF,
// or with a lone CR; CR CR LF is one end.
type Lines struct {
	r    *bufio.Reader
	long []byte
	line []byte
	n    int
	err  error
	cr   bool // the text has lone CRs: set by NewLines from its first block
}

// NewLines reads r, text in UTF-8.
func NewLines(r io.Reader) *Lines {
	l := &Lines{r: bufio.NewReaderSize(r, 1<<18)}
	head, _ := l.r.Peek(1 << 16)
	l.cr = loneCR(head)
	return l
}

// loneCR tells whether lines end with CR alone: there are CRs and no LF.
func loneCR(head []byte) bool {
	cr := false
	for _, c := range head {
		if c == '\n' {
			return false
		}
		cr = cr || c == '\r'
	}
	return cr
}

// Next moves to the next line; false at the end or at an error.
func (l *Lines) Next() bool {
	if l.err != nil {
		return false
	}
	end := byte('\n')
	if l.cr {
		end = '\r'
	}
	l.long = l.long[:0]
	for {
		part, err := l.r.ReadSlice(end)
		if len(l.long)+len(part) > MaxLine {
			l.err = fmt.Errorf("line %d is longer than %d bytes: this is no list of entries", l.n+1, MaxLine)
			return false
		}
		switch {
		case err == nil && len(l.long) == 0:
			l.line = part
		case err == nil:
			l.long = append(l.long, part...)
			l.line = l.long
		case errors.Is(err, bufio.ErrBufferFull):
			l.long = append(l.long, part...)
			continue
		case errors.Is(err, io.EOF):
			l.err = io.EOF
			if len(l.long)+len(part) == 0 {
				return false
			}
			l.long = append(l.long, part...)
			l.line = l.long
		default:
			l.err = err
			return false
		}
		break
	}
	l.n++
	n := len(l.line)
	for n > 0 && (l.line[n-1] == '\n' || l.line[n-1] == '\r') {
		n--
	}
	l.line = l.line[:n]
	return true
}

// Line returns the current line without its end; it is valid until Next.
func (l *Lines) Line() []byte { return l.line }

// Number returns the number of the current line in the file, from 1.
func (l *Lines) Number() int { return l.n }

// Err returns why Next stopped, nil at the end of the text.
func (l *Lines) Err() error {
	if errors.Is(l.err, io.EOF) {
		return nil
	}
	return l.err
}
