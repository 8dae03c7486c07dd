package table

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// sheet is a file whose header was found and whose columns were looked through.
type sheet struct {
	spec    Spec
	at      map[string]int
	titles  []string
	line    int // of the header
	amounts map[string]*amounts
	dates   map[string]*dates
	codes   map[string]*codes
}

// Opener reads the same text again from its start.
type Opener func() (io.Reader, error)

var (
	amountWords = []string{"total", "outstanding", "paid", "debit", "credit", "montant"}
	dateWords   = []string{"issued_on", "due_on", "letter_on", "valid_on"}
	codeWords   = []string{"number", "customer", "auxiliary", "account", "siren"}
)

// examine finds the header and decides, column by column, how amounts and dates
// are written. It reads the whole file.
func examine(open Opener, spec Spec) (*sheet, error) {
	text, err := open()
	if err != nil {
		return nil, err
	}
	rec, err := openRecords(text, spec)
	if err != nil {
		return nil, err
	}
	s := &sheet{spec: spec, amounts: make(map[string]*amounts), dates: make(map[string]*dates), codes: make(map[string]*codes)}
	if err := s.findHeader(rec); err != nil {
		return nil, err
	}
	s.watch()
	at, titles := s.at, s.titles
	for rec.next() {
		if s.isElse(rec.cells) || s.isHeader(rec.cells) || s.closes(rec.cells) {
			continue
		}
		for word, column := range s.amounts {
			if err := column.look(rec.no, s.cell(rec.cells, word)); err != nil {
				return nil, err
			}
		}
		for word, column := range s.dates {
			if err := column.look(rec.no, s.cell(rec.cells, word)); err != nil {
				return nil, err
			}
		}
		for word, column := range s.codes {
			if err := column.look(rec.no, s.cell(rec.cells, word)); err != nil {
				return nil, err
			}
		}
	}
	if rec.err != nil {
		return nil, rec.err
	}
	s.at, s.titles = at, titles
	for word, column := range s.amounts {
		if word == "paid" && column.comma == 0 && column.point == 0 {
			column.either = "" // a column of yes and no
		}
		if err := column.decide(spec); err != nil {
			return nil, err
		}
	}
	for _, column := range s.dates {
		column.decide(spec)
	}
	for _, column := range s.codes {
		if err := column.decide(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// watch begins to gather what the columns of the header say.
func (s *sheet) watch() {
	for word, at := range s.at {
		switch title := s.titles[at]; {
		case slices.Contains(amountWords, word) && s.amounts[word] == nil:
			s.amounts[word] = &amounts{title: title}
		case slices.Contains(dateWords, word) && s.dates[word] == nil:
			s.dates[word] = &dates{title: title}
		case slices.Contains(codeWords, word) && s.codes[word] == nil:
			s.codes[word] = &codes{title: title}
		}
	}
}

// isElse tells what in a ledger is no line of an entry: a comment, or a further
// header, after which the columns stand as it says. Only a line without an
// account is looked at twice.
func (s *sheet) isElse(cells []string) bool {
	if s.spec.Shape != Ledger || isAccount(s.cell(cells, "account")) {
		return false
	}
	next := *s
	if next.at, next.titles = match(cells, s.spec), cells; len(next.at) >= 3 && next.missing() == nil {
		s.at, s.titles = next.at, next.titles
		s.watch()
		return true
	}
	for _, word := range []string{"account", "issued_on", "debit", "credit", "montant"} {
		if s.cell(cells, word) != "" {
			return alone(cells)
		}
	}
	return true
}

func isAccount(cell string) bool { return len(cell) >= 3 && number(cell[:3]) >= 0 }

// findHeader takes the first line on which three titles are known, or all of
// those that the configuration names.
func (s *sheet) findHeader(rec *records) error {
	best := -1
	var missing []string
	var near []string
	nearLine := 0
	for n := 0; n < 100 && rec.next(); n++ {
		at := match(rec.cells, s.spec)
		named := 0
		var absent []string
		for word, title := range s.spec.Columns {
			if i, ok := at[word]; ok && plain(fold(rec.cells[i])) == plain(fold(title)) {
				named++
			} else {
				absent = append(absent, fmt.Sprintf("%q (%s)", title, word))
			}
		}
		if len(absent) == 0 && (len(at) >= 3 || (named > 0 && named == len(at))) {
			s.at, s.titles, s.line = at, rec.cells, rec.no
			return s.missing()
		}
		if len(at) > best {
			best, missing, near, nearLine = len(at), absent, rec.cells, rec.no
		}
	}
	if rec.err != nil {
		return rec.err
	}
	if len(missing) > 0 && best >= 2 {
		slices.Sort(missing)
		return fmt.Errorf("line %d: the header has no column %s: it has %s; correct csv.columns", nearLine, strings.Join(missing, ", "), shorten(strings.Join(near, ", ")))
	}
	return fmt.Errorf("no header was found (a line with at least three titles that are known): name the columns in csv.columns")
}

// missing refuses a header without what the shape needs.
func (s *sheet) missing() error {
	need := func(what string, words ...string) error {
		for _, word := range words {
			if _, ok := s.at[word]; ok {
				return nil
			}
		}
		return fmt.Errorf("line %d: no column gives %s (%s): name it in csv.columns", s.line, what, strings.Join(words, " or "))
	}
	if s.spec.Shape == Ledger {
		for _, err := range []error{
			need("the account", "account"), need("the date", "issued_on"),
			need("the amount", "debit", "montant"),
		} {
			if err != nil {
				return err
			}
		}
		if _, ok := s.at["debit"]; ok {
			return need("the credit", "credit")
		}
		return need("the side of the amount", "sens")
	}
	if err := need("the invoice number", "number"); err != nil {
		return err
	}
	if s.spec.Shape == Invoices {
		if err := need("the total", "total"); err != nil {
			return err
		}
		return need("what is left to pay", "outstanding", "paid", "status")
	}
	return need("what is left to pay", "outstanding", "total")
}

func (s *sheet) cell(cells []string, word string) string {
	if at, ok := s.at[word]; ok && at < len(cells) {
		return cells[at]
	}
	return ""
}

// isHeader tells a header that is repeated further down.
func (s *sheet) isHeader(cells []string) bool {
	same := 0
	for _, at := range s.at {
		if at < len(cells) && cells[at] != "" && fold(cells[at]) == fold(s.titles[at]) {
			same++
		}
	}
	return same >= 2 && same*2 > len(s.at)
}

var totals = []string{"total", "sous total", "subtotal", "grand total", "totaux", "summe", "gesamt", "zwischensumme", "s total", "report", "a reporter"}

// closes tells a line of totals.
func (s *sheet) closes(cells []string) bool {
	for _, cell := range cells {
		if cell == "" {
			continue
		}
		folded := plain(fold(cell))
		// A customer may be called Total: its invoices have numbers.
		if number := s.cell(cells, "number"); number != "" && number != cell {
			return false
		}
		for _, word := range totals {
			if folded == word || strings.HasPrefix(folded, word+" ") {
				return true
			}
		}
		break
	}
	return false
}

// codes looks for codes that a spreadsheet took for numbers.
type codes struct {
	title          string
	width          int // of codes with leading zeros, 0 none, -1 different ones
	zeros          int // line of one
	short          string
	shortLine, min int
}

func (c *codes) look(line int, cell string) error {
	if isDamage(cell) {
		return damaged(line, c.title, cell, errDamage.Error())
	}
	if cell == "" || len(cell) > 18 || strings.Trim(cell, "0123456789") != "" {
		return nil
	}
	if cell[0] == '0' && len(cell) > 1 {
		switch {
		case c.width == 0:
			c.width, c.zeros = len(cell), line
		case c.width != len(cell):
			c.width = -1
		}
		return nil
	}
	if c.min == 0 || len(cell) < c.min {
		c.min, c.short, c.shortLine = len(cell), cell, line
	}
	return nil
}

func (c *codes) decide() error {
	if c.width > 0 && c.min > 0 && c.min < c.width {
		return damaged(c.shortLine, c.title, c.short, fmt.Sprintf("it is shorter than the codes with leading zeros (line %d): %v", c.zeros, errDamage))
	}
	return nil
}
