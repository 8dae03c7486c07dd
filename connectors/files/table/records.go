package table

import (
	"fmt"
	"io"
	"strings"

	"relanced/connectors/files/charset"
)

// maxJoined bounds a record whose quoted cells span lines.
const maxJoined = 200

// records cuts a text into records of trimmed cells.
type records struct {
	lines     *charset.Lines
	delimiter byte
	cells     []string
	no        int // line on which the record begins
	err       error
	head      []string // lines read ahead to find the delimiter
	at        int
}

// openRecords finds the delimiter from the first lines and begins.
func openRecords(r io.Reader, spec Spec) (*records, error) {
	rec := &records{lines: charset.NewLines(r)}
	for len(rec.head) < 50 && rec.lines.Next() {
		rec.head = append(rec.head, string(rec.lines.Line()))
	}
	if err := rec.lines.Err(); err != nil {
		return nil, err
	}
	if len(rec.head) == 0 {
		return nil, fmt.Errorf("the file is empty")
	}
	if sep, ok := strings.CutPrefix(strings.ToLower(strings.Trim(rec.head[0], "\"")), "sep="); ok && len(sep) == 1 {
		rec.delimiter = sep[0]
		rec.head[0] = ""
		return rec, nil
	}
	best := -1
	for _, delimiter := range []byte{';', ',', '\t', '|'} {
		if s := score(rec.head, delimiter, spec); s > best {
			best, rec.delimiter = s, delimiter
		}
	}
	return rec, nil
}

// score tells how well a delimiter cuts the first lines: titles that are known
// first, then lines of equal length.
func score(head []string, delimiter byte, spec Spec) int {
	titles := 0
	counts := make(map[int]int)
	for i, line := range head {
		cells, _ := cut(line, delimiter)
		if len(cells) > 1 {
			titles = max(titles, len(match(cells, spec)))
			if i < 20 {
				counts[len(cells)]++
			}
		}
	}
	even := 0
	for n, lines := range counts {
		even = max(even, (n-1)*lines)
	}
	return titles*10_000 + min(even, 9_999)
}

// next moves to the next record that is not blank.
func (r *records) next() bool {
	for r.err == nil {
		line, ok := r.line()
		if !ok {
			return false
		}
		r.no = r.number()
		cells, open := cut(line, r.delimiter)
		for joined := 0; open; joined++ {
			more, ok := r.line()
			if !ok || joined == maxJoined {
				r.err = fmt.Errorf("line %d: a quotation mark is opened and never closed", r.no)
				return false
			}
			line += "\n" + more
			cells, open = cut(line, r.delimiter)
			if len(line) > charset.MaxLine {
				r.err = fmt.Errorf("line %d: a quoted cell has no end", r.no)
				return false
			}
		}
		for _, cell := range cells {
			if cell != "" {
				r.cells = cells
				return true
			}
		}
	}
	return false
}

func (r *records) line() (string, bool) {
	if r.at < len(r.head) {
		r.at++
		return r.head[r.at-1], true
	}
	if r.lines.Next() {
		r.at++
		return string(r.lines.Line()), true
	}
	r.err = r.lines.Err()
	return "", false
}

func (r *records) number() int { return r.at }

// cut cuts one record; open tells that a quoted cell goes on in the next line.
// A quotation mark inside a cell that is not quoted is data.
func cut(line string, delimiter byte) (cells []string, open bool) {
	for {
		rest := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(rest, `"`) {
			at := strings.IndexByte(line, delimiter)
			if at < 0 {
				return append(cells, tidy(line)), false
			}
			cells = append(cells, tidy(line[:at]))
			line = line[at+1:]
			continue
		}
		var cell strings.Builder
		rest = rest[1:]
		for {
			at := strings.IndexByte(rest, '"')
			if at < 0 {
				return append(cells, tidy(cell.String()+rest)), true
			}
			cell.WriteString(rest[:at])
			if rest = rest[at+1:]; !strings.HasPrefix(rest, `"`) {
				break
			}
			cell.WriteByte('"')
			rest = rest[1:]
		}
		at := strings.IndexByte(rest, delimiter)
		if at < 0 {
			cell.WriteString(rest)
			return append(cells, tidy(cell.String())), false
		}
		cell.WriteString(rest[:at])
		cells = append(cells, tidy(cell.String()))
		line = rest[at+1:]
	}
}

// tidy trims a cell, the ="…" by which spreadsheets are told to keep zeros, and
// the apostrophe that neutralises a formula.
func tidy(cell string) string {
	cell = strings.TrimSpace(strings.ReplaceAll(cell, "\x00", ""))
	if inner, ok := strings.CutPrefix(cell, `="`); ok {
		cell = strings.TrimSuffix(inner, `"`)
	}
	if len(cell) > 1 && cell[0] == '\'' && strings.IndexByte("=+-@0123456789", cell[1]) >= 0 {
		cell = cell[1:]
	}
	return cell
}

// match gives each of our words its column in a header; more than one column
// with the same word: the first.
func match(cells []string, spec Spec) map[string]int {
	found := make(map[string]int)
	taken := make(map[int]bool)
	for word, title := range spec.Columns {
		for i, cell := range cells {
			if plain(fold(cell)) == plain(fold(title)) && !taken[i] {
				found[word], taken[i] = i, true
				break
			}
		}
	}
	for i, cell := range cells {
		if taken[i] {
			continue
		}
		word := known(spec.Shape, cell)
		if word == "" {
			continue
		}
		first, twice := found[word]
		switch _, coded := found["customer"]; {
		case !twice:
			found[word] = i
		case word != "name" || coded:
		case isCustomer(cell): // beside a name our own word says what it says in the configuration: the code
			found["customer"] = i
		case isCustomer(cells[first]):
			found["customer"], found["name"] = first, i
		}
	}
	return found
}

func isCustomer(title string) bool { return plain(fold(title)) == "customer" }
