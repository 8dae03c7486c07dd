package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// printer writes results: tables for people, or JSON as config.md §4 says.
type printer struct {
	out, err io.Writer
	json     bool
	quiet    bool
	color    bool
}

// output remembers that what was written to it did not arrive.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(text []byte) (int, error) {
	n, err := o.w.Write(text)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// object writes one JSON object on a line of its own. What a terminal would act
// on, or show in another order than it stands, is written as an escape.
func (p *printer) object(v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := p.out.Write(escaped(b.Bytes()))
	return err
}

// escaped writes the invisible characters of JSON text as \uXXXX: outside
// strings there are none.
func escaped(text []byte) []byte {
	if !bytes.ContainsFunc(text, invisible) {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for _, r := range string(text) {
		switch {
		case !invisible(r):
			out = utf8.AppendRune(out, r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

// invisible tells whether the character shows nothing of its own: controls,
// direction marks, separators of lines. A line feed does no harm.
func invisible(r rune) bool {
	return r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp))
}

// list prints the items: one JSON object per line, or a table with a header. An
// empty list is no output in JSON and a sentence otherwise.
func list[T any](p *printer, items []T, none string, header []string, row func(T) []any, object func(T) any) error {
	if p.json {
		for _, item := range items {
			if err := p.object(object(item)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(items) == 0 {
		p.say("%s", none)
		return nil
	}
	t := p.table(header...)
	for _, item := range items {
		t.AppendRow(cells(row(item)))
	}
	t.Render()
	return nil
}

// widest is how many characters a cell shows at the most.
const widest = 160

// cells are the values of a row, each on one line and of bounded width.
func cells(values []any) []any {
	out := make([]any, len(values))
	for i, v := range values {
		if s, ok := v.(string); ok {
			v = oneLine(cleanText(s), widest)
		}
		out[i] = v
	}
	return out
}

// table starts a table for people.
func (p *printer) table(header ...string) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(p.out)
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	style.Format.HeaderAlign = text.AlignLeft
	t.SetStyle(style)
	row := make(table.Row, len(header))
	for i, h := range header {
		row[i] = h
		if p.color {
			row[i] = text.Bold.Sprint(h)
		}
	}
	t.AppendHeader(row)
	return t
}

// tell writes a line of the result, for people.
func (p *printer) tell(format string, args ...any) {
	fmt.Fprintf(p.out, format+"\n", clean(args)...)
}

// say writes what is good to know besides; --quiet and --json silence it.
func (p *printer) say(format string, args ...any) {
	if p.quiet || p.json {
		return
	}
	p.tell(format, args...)
}

// warn writes a line on standard error.
func (p *printer) warn(format string, args ...any) {
	fmt.Fprintf(p.err, format+"\n", clean(args)...)
}

// clean makes foreign text harmless on a terminal: no control characters, no
// direction marks that could reorder a line.
func clean(values []any) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
		switch v := v.(type) {
		case string:
			out[i] = cleanText(v)
		case error:
			out[i] = cleanText(v.Error())
		}
	}
	return out
}

func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case invisible(r):
			return -1
		}
		return r
	}, s)
}

// count writes a number with its noun: "1 task", "2 tasks".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// oneLine shortens a text to what fits a cell.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

// terminal tells whether the file is one.
func terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) } //nolint:gosec // a descriptor fits

func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && terminal(f)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// when is an instant as people read it, in this machine's zone.
func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}
