// Package fec reads a FEC (Fichier des Écritures Comptables): every ledger line
// of one company and fiscal year, as French accounting software exports it for
// tax audits. It knows the file's form and its variants; what the lines mean is
// the business of package ledger.
package fec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"

	"relanced/connectors/files/charset"
	"relanced/connectors/files/ledger"
	"relanced/internal/money"
)

// Sink takes what Read finds: ledger.Books is one.
type Sink interface {
	Add(*ledger.Line) error
	// Reject takes a line that cannot be read, with the account it is on where
	// that much is certain.
	Reject(no int, why string, account, aux []byte) error
	Note(no int, text string)
	Both(no int)
}

// Name is what a FEC's file name tells; fields are empty where it does not.
type Name struct {
	SIREN string
	Year  int // in which the fiscal year ends
	End   string
}

var nameForm = regexp.MustCompile(`(?i)^(\d*).*?(?:FEC|DONNEESCOMPTABLES)_?(20\d\d)(\d\d)(\d\d)`)

// ParseName reads <SIREN>FEC<YYYYMMDD>.txt and its variants. No name is wrong.
func ParseName(path string) Name {
	found := nameForm.FindStringSubmatch(filepath.Base(path))
	if found == nil {
		return Name{}
	}
	var n Name
	if len(found[1]) == 9 {
		n.SIREN = found[1]
	}
	n.End = found[2] + found[3] + found[4]
	n.Year, _ = strconv.Atoi(found[2])
	return n
}

// ErrForm tells that a file is not a FEC that can be read.
var ErrForm = errors.New("not a FEC that can be read")

// Read reads a FEC in UTF-8 line by line into sink. A line that cannot be read
// is rejected and the rest goes on; an error means that the file is refused.
func Read(r io.Reader, currency string, sink Sink) error {
	lines := charset.NewLines(r)
	var l layout
	for found := false; !found; {
		if !lines.Next() {
			if err := lines.Err(); err != nil {
				return err
			}
			return fmt.Errorf("%w: it has no header", ErrForm)
		}
		head := trim(lines.Line())
		if len(head) == 0 {
			continue
		}
		if head[0] == '<' {
			return fmt.Errorf("%w: this is XML: export the FEC as text (columns between tabs or |)", ErrForm)
		}
		var err error
		if l, err = readHeader(lines.Line()); err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrForm, lines.Number(), err)
		}
		found = true
	}
	rd := reader{layout: l, digits: money.Digits(currency), sink: sink}
	if l.headless {
		sink.Note(lines.Number(), "there is no header: the columns were taken in the order of the norm")
		if err := rd.line(lines.Line(), lines.Number()); err != nil {
			return err
		}
	}
	if l.at[letter] < 0 {
		sink.Note(0, "there is no column EcritureLet: what is open is worked out oldest first")
	}
	for lines.Next() {
		if err := rd.line(lines.Line(), lines.Number()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// reader reads the lines of one file.
type reader struct {
	layout
	digits int
	sink   Sink
	cells  [][]byte
	joined []byte
	out    ledger.Line
	dates  [4]dateCache
	odd    int // optional dates that were no dates
}

func (r *reader) line(line []byte, no int) error {
	if len(trim(line)) == 0 {
		return nil
	}
	if !r.split(line) {
		return r.miscounted(no)
	}
	account, aux := r.cell(accountNum), r.cell(auxNum)
	if !isAccount(account) {
		return r.sink.Reject(no, fmt.Sprintf("CompteNum is %q: an account begins with three digits", short(account)), nil, nil)
	}
	if why := r.read(no); why != "" {
		return r.sink.Reject(no, why, account, aux)
	}
	return r.sink.Add(&r.out)
}

// read fills r.out; what it returns says why it could not.
func (r *reader) read(no int) (why string) {
	o := &r.out
	*o = ledger.Line{
		No: no, Journal: r.cell(journalCode), JournalLib: r.cell(journalLib), Entry: r.cell(entryNum),
		Account: r.cell(accountNum), AccountLib: r.cell(accountLib), Aux: r.cell(auxNum), AuxLib: r.cell(auxLib),
		Piece: r.cell(pieceRef), Label: r.cell(entryLib), Letter: r.cell(letter),
	}
	var err error
	if o.On, err = r.dates[0].read(r.cell(entryDate)); err != nil || o.On == 0 {
		return fmt.Sprintf("EcritureDate %q is not a date", short(r.cell(entryDate)))
	}
	if o.PieceOn, err = r.dates[1].read(r.cell(pieceDate)); err != nil {
		r.note(no, pieceDate)
		o.PieceOn = 0
	}
	if o.LetterOn, err = r.dates[2].read(r.cell(letterDate)); err != nil {
		r.note(no, letterDate)
		o.LetterOn = 0
	}
	if o.ValidOn, err = r.dates[3].read(r.cell(validDate)); err != nil {
		r.note(no, validDate)
		o.ValidOn = 0
	}
	if r.at[debit] < 0 || r.at[credit] < 0 {
		return r.signed()
	}
	d, err := amount(r.cell(debit), r.digits)
	if err != nil {
		return "Debit: " + err.Error()
	}
	c, err := amount(r.cell(credit), r.digits)
	if err != nil {
		return "Credit: " + err.Error()
	}
	if d != 0 && c != 0 {
		r.sink.Both(no)
	}
	o.Amount = d - c
	return ""
}

func (r *reader) signed() (why string) {
	value, err := amount(r.cell(montant), r.digits)
	if err != nil {
		return "Montant: " + err.Error()
	}
	if value == 0 && len(r.cell(sens)) == 0 {
		return ""
	}
	sign, err := side(r.cell(sens))
	if err != nil {
		return err.Error()
	}
	r.out.Amount = value * sign
	return ""
}

func (r *reader) note(no int, c column) {
	if r.odd++; r.odd <= 5 {
		r.sink.Note(no, fmt.Sprintf("%s %q is not a date: it was left out", titles[c], short(r.cell(c))))
	}
}

func (r *reader) cell(c column) []byte {
	if at := r.at[c]; at >= 0 && at < len(r.cells) {
		return r.cells[at]
	}
	return nil
}

// split cuts a line into trimmed cells; false where their number is wrong.
func (r *reader) split(line []byte) bool {
	r.cells = r.cells[:0]
	if r.quoted {
		r.splitQuoted(line)
	} else {
		for {
			at := bytes.IndexByte(line, r.separator)
			if at < 0 {
				r.cells = append(r.cells, trim(line))
				break
			}
			r.cells = append(r.cells, trim(line[:at]))
			line = line[at+1:]
		}
	}
	if n := len(r.cells); n > r.layout.cells && len(r.cells[n-1]) == 0 &&
		(r.trailing || (n == r.layout.cells+1 && r.aligned())) {
		r.cells = r.cells[:n-1]
	}
	surplus := len(r.cells) - r.layout.cells
	if surplus <= 0 || r.separator != '|' || r.at[entryLib] < 0 {
		return surplus == 0
	}
	return r.rejoin(surplus)
}

// rejoin gives a label back the separators it contains: the columns before it
// count from the left, those after it from the right.
func (r *reader) rejoin(surplus int) bool {
	at := r.at[entryLib]
	r.joined = append(r.joined[:0], r.cells[at]...)
	for _, cell := range r.cells[at+1 : at+1+surplus] {
		r.joined = append(append(r.joined, r.separator), cell...)
	}
	r.cells[at] = r.joined
	r.cells = append(r.cells[:at+1], r.cells[at+1+surplus:]...)
	return r.aligned()
}

// aligned tells whether dates and amounts stand where they should: they do not
// where a separator in a label has shifted them.
func (r *reader) aligned() bool {
	for _, c := range []column{pieceDate, letterDate, validDate} {
		if _, err := date(r.cell(c)); err != nil {
			return false
		}
	}
	for _, c := range []column{debit, credit, montant} {
		if _, err := amount(r.cell(c), r.digits); err != nil {
			return false
		}
	}
	return true
}

func (r *reader) splitQuoted(line []byte) {
	for {
		line = bytes.TrimLeft(line, " ")
		if len(line) == 0 || line[0] != '"' {
			at := bytes.IndexByte(line, r.separator)
			if at < 0 {
				r.cells = append(r.cells, trim(line))
				return
			}
			r.cells = append(r.cells, trim(line[:at]))
			line = line[at+1:]
			continue
		}
		end, doubled := 1, false
		for ; end < len(line); end++ {
			if line[end] != '"' {
				continue
			}
			if end+1 < len(line) && line[end+1] == '"' {
				end, doubled = end+1, true
				continue
			}
			break
		}
		cell := line[1:min(end, len(line))]
		if doubled {
			cell = bytes.ReplaceAll(cell, []byte(`""`), []byte(`"`))
		}
		r.cells = append(r.cells, trim(cell))
		line = line[min(end+1, len(line)):]
		at := bytes.IndexByte(line, r.separator)
		if at < 0 {
			return
		}
		line = line[at+1:]
	}
}

// miscounted rejects a line of the wrong number of cells. The cells before the
// label still tell whose account it is on.
func (r *reader) miscounted(no int) error {
	why := fmt.Sprintf("the line has %d cells where the header has %d", len(r.cells), r.layout.cells)
	if len(r.cells) > r.layout.cells {
		why += ": a label probably contains the separator"
	}
	var account, aux []byte
	if len(r.cells) > max(r.at[accountNum], r.at[auxNum], r.at[entryDate]) {
		if on, err := date(r.cell(entryDate)); err == nil && on != 0 && isAccount(r.cell(accountNum)) {
			account, aux = r.cell(accountNum), r.cell(auxNum)
		}
	}
	return r.sink.Reject(no, why, account, aux)
}

func short(cell []byte) string {
	if runes := []rune(string(cell)); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return string(cell)
}
