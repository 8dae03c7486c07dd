package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// printer writes results: tables for people, or JSON as config.md §4 says.
type printer struct {
	out, err io.Writer
	json     bool
	quiet    bool
	color    bool
}

// object writes one JSON object on a line of its own, or nothing without --json.
func (p *printer) object(v any) error {
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
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
		t.AppendRow(clean(row(item)))
	}
	t.Render()
	return nil
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

// say writes a line for people; --quiet and --json silence it.
func (p *printer) say(format string, args ...any) {
	if p.quiet || p.json {
		return
	}
	fmt.Fprintf(p.out, format+"\n", clean(args)...)
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
		if s, ok := v.(string); ok {
			out[i] = cleanText(s)
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
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
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
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

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
