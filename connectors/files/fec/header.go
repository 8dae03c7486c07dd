package fec

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// column names one column of the norm.
type column int

// The columns in the order of the norm; amount and sens may stand for debit and credit.
const (
	journalCode column = iota
	journalLib
	entryNum
	entryDate
	accountNum
	accountLib
	auxNum
	auxLib
	pieceRef
	pieceDate
	entryLib
	debit
	credit
	letter
	letterDate
	validDate
	foreignAmount
	foreignCurrency
	montant
	sens
	columns
)

// norm18 is how many columns every FEC has.
const norm18 = 18

var titles = [columns]string{
	"JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum",
	"CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet",
	"ValidDate", "Montantdevise", "Idevise", "Montant", "Sens",
}

// spellings are seen besides the norm's own, folded.
var spellings = map[string]column{
	"ecrturelet": letter, "compteauxnum": auxNum, "compteauxlib": auxLib, "iddevise": foreignCurrency,
	"ecriturelettrage": letter, "datelettrage": letterDate, "ecriturenumero": entryNum, "journallibelle": journalLib,
	"comptelibelle": accountLib, "ecriturelibelle": entryLib, "datevalid": validDate, "validationdate": validDate,
}

// layout is how the lines of one file are cut.
type layout struct {
	separator byte
	quoted    bool
	trailing  bool         // each line ends with a separator
	cells     int          // of a line
	at        [columns]int // index of each column, -1 where absent
	headless  bool         // the first line is data
}

// fold makes titles comparable: lower case, without accents, letters and digits only.
func fold(title []byte) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFD.String(string(title)))
}

// readHeader finds out how the file is laid out from its first line.
func readHeader(line []byte) (layout, error) {
	best := layout{}
	bestNamed := -1
	for _, separator := range []byte{'\t', '|', ';', ','} {
		l, named := tryHeader(line, separator)
		if l.cells >= norm18 && named > bestNamed || bestNamed < 0 {
			best, bestNamed = l, named
		}
	}
	switch {
	case bestNamed < 3 && headless(line, best):
		best.headless = true
		for c := range best.at {
			best.at[c] = c
			if c >= norm18 {
				best.at[c] = -1
			}
		}
		return best, nil
	case best.cells < norm18:
		return best, fmt.Errorf("the header has %d columns where a FEC has %d (tab, |, ; or , between them): export the file again without changing it", best.cells, norm18)
	}
	best.byPosition(bestNamed)
	return best, best.missing()
}

func tryHeader(line []byte, separator byte) (l layout, named int) {
	l.separator = separator
	cells := bytes.Split(line, []byte{separator})
	if n := len(cells); n > 1 && len(trim(cells[n-1])) == 0 {
		cells = cells[:n-1]
		l.trailing = true
	}
	l.quoted = true
	for _, cell := range cells {
		cell = trim(cell)
		l.quoted = l.quoted && len(cell) >= 2 && cell[0] == '"' && cell[len(cell)-1] == '"'
	}
	l.cells = len(cells)
	for c := range l.at {
		l.at[c] = -1
	}
	for i, cell := range cells {
		if c, ok := known(fold(cell)); ok && l.at[c] < 0 {
			l.at[c] = i
			named++
		}
	}
	return l, named
}

func known(title string) (column, bool) {
	for c, t := range titles {
		if strings.EqualFold(t, title) {
			return column(c), true
		}
	}
	c, ok := spellings[title]
	return c, ok
}

// byPosition gives columns without a known title their place of the norm, where
// most titles stand at theirs.
func (l *layout) byPosition(named int) {
	inPlace, used := 0, make(map[int]bool)
	for c, at := range l.at {
		if at >= 0 {
			used[at] = true
			if at == c || (column(c) == montant && at == int(debit)) || (column(c) == sens && at == int(credit)) {
				inPlace++
			}
		}
	}
	if inPlace < named || named < norm18/2 {
		return
	}
	for c := range column(norm18) {
		if l.at[c] < 0 && !used[int(c)] {
			l.at[c] = int(c)
		}
	}
}

func (l *layout) missing() error {
	var names []string
	for _, c := range []column{journalCode, entryNum, entryDate, accountNum, pieceRef, entryLib} {
		if l.at[c] < 0 {
			names = append(names, titles[c])
		}
	}
	if (l.at[debit] < 0 || l.at[credit] < 0) && (l.at[montant] < 0 || l.at[sens] < 0) {
		names = append(names, "Debit and Credit (or Montant and Sens)")
	}
	if len(names) > 0 {
		return fmt.Errorf("the header has no column %s: export the file again with the 18 columns of the norm", strings.Join(names, ", "))
	}
	return nil
}

// headless tells whether the first line is already an entry.
func headless(line []byte, l layout) bool {
	cells := bytes.Split(line, []byte{l.separator})
	if len(cells) < norm18 {
		return false
	}
	on, err := date(trim(cells[entryDate]))
	return err == nil && !on.IsZero() && isAccount(trim(cells[accountNum]))
}

func isAccount(cell []byte) bool {
	if len(cell) < 3 {
		return false
	}
	_, ok := number(cell[:3])
	return ok
}

// Detect tells whether the first line of a file, in UTF-8, is the header of a FEC.
func Detect(line []byte) bool {
	for _, separator := range []byte{'\t', '|', ';', ','} {
		l, named := tryHeader(line, separator)
		if named >= 8 && l.at[journalCode] >= 0 && l.at[accountNum] >= 0 && l.at[entryDate] >= 0 {
			return true
		}
		if l.cells >= norm18 && headless(line, l) {
			return true
		}
	}
	return false
}
