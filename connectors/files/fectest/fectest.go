// Package fectest writes ledgers as FEC files in the styles that accounting
// software is known to write, and makes large ones for measurements.
package fectest

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"relanced/internal/calendar"
)

// Line is one line of a ledger; amounts are in cents.
type Line struct {
	Journal, JournalLib, Num string
	On                       calendar.Date
	Account, AccountLib      string
	Aux, AuxLib              string
	Piece                    string
	PieceOn                  calendar.Date
	Label                    string
	Debit, Credit            int64
	Letter                   string
	LetterOn, ValidOn        calendar.Date
}

// Style is how a file is written. The zero Style is the norm's: tabs, CRLF, UTF-8.
type Style struct {
	Separator string // "" tab
	End       string // "" CRLF
	Encoding  string // "" UTF-8; UTF-8-BOM, ISO-8859-15, Windows-1252, UTF-16LE
	Trailing  bool   // each line ends with one more separator
	Sens      bool   // Montant and Sens instead of Debit and Credit
	Signs     bool   // Sens is +1 and -1
	Padded    bool   // cells filled with blanks, amounts with zeros
	Shuffled  bool   // the columns stand in another order
	Quoted    bool
	NumZero   bool   // EcritureNum is 0 on every line
	DateForm  string // "" YYYYMMDD; "-" YYYY-MM-DD; "/" DD/MM/YYYY
}

var columns = []string{
	"JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib",
	"PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise",
}

// Write writes the lines in the style.
func Write(w io.Writer, style Style, lines []Line) error {
	out, done := style.writer(w)
	titles := append([]string{}, columns...)
	if style.Sens {
		titles[11], titles[12] = "Montant", "Sens"
	}
	if err := style.put(out, titles); err != nil {
		return err
	}
	for _, l := range lines {
		if err := style.put(out, style.cells(l)); err != nil {
			return err
		}
	}
	return done()
}

func (s Style) writer(w io.Writer) (io.Writer, func() error) {
	var e encoding.Encoding
	switch s.Encoding {
	case "ISO-8859-15":
		e = charmap.ISO8859_15
	case "Windows-1252":
		e = charmap.Windows1252
	case "UTF-16LE":
		e = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "UTF-8-BOM":
		_, _ = io.WriteString(w, "\ufeff")
	}
	if e == nil {
		out := bufio.NewWriter(w)
		return out, out.Flush
	}
	encoded := encoding.ReplaceUnsupported(e.NewEncoder()).Writer(w)
	out := bufio.NewWriter(encoded)
	return out, out.Flush
}

func (s Style) put(w io.Writer, cells []string) error {
	separator, end := s.Separator, s.End
	if separator == "" {
		separator = "\t"
	}
	if end == "" {
		end = "\r\n"
	}
	if s.Shuffled {
		order := append([]string{}, cells...)
		for i := range cells {
			order[i] = cells[(i*7+3)%len(cells)]
		}
		cells = order
	}
	if s.Quoted {
		quoted := make([]string, len(cells))
		for i, cell := range cells {
			quoted[i] = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		cells = quoted
	}
	line := strings.Join(cells, separator)
	if s.Trailing {
		line += separator
	}
	_, err := io.WriteString(w, line+end)
	return err
}

func (s Style) cells(l Line) []string {
	num := l.Num
	if s.NumZero {
		num = "0"
	}
	debit, credit := s.amount(l.Debit), s.amount(l.Credit)
	if s.Sens {
		sides := [2]string{"D", "C"}
		if s.Signs {
			sides = [2]string{"+1", "-1"}
		}
		if l.Credit != 0 {
			debit, credit = credit, sides[1]
		} else {
			credit = sides[0]
		}
	}
	cells := []string{
		l.Journal, l.JournalLib, num, s.date(l.On), l.Account, l.AccountLib, l.Aux, l.AuxLib, l.Piece, s.date(l.PieceOn),
		l.Label, debit, credit, l.Letter, s.date(l.LetterOn), s.date(l.ValidOn), "", "",
	}
	if s.Padded {
		for i, width := range map[int]int{0: 4, 1: 20, 5: 28, 7: 30, 10: 40, 13: 4} {
			cells[i] = fmt.Sprintf("%-*s", width, cells[i])
		}
	}
	return cells
}

func (s Style) date(on calendar.Date) string {
	if on == 0 {
		if s.Padded {
			return "        "
		}
		return ""
	}
	y, m, d := on.Civil()
	switch s.DateForm {
	case "-":
		return fmt.Sprintf("%04d-%02d-%02d", y, m, d)
	case "/":
		return fmt.Sprintf("%02d/%02d/%04d", d, m, y)
	}
	return fmt.Sprintf("%04d%02d%02d", y, m, d)
}

func (s Style) amount(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	if s.Padded {
		return fmt.Sprintf(" %s%013d,%02d", sign, cents/100, cents%100)
	}
	return fmt.Sprintf("%s%d,%02d", sign, cents/100, cents%100)
}

// Large yields the lines of a ledger of about n lines, always the same ones for
// the same n: sales, purchases and bank entries; nine invoices in ten are paid
// and lettered.
func Large(n int) func(yield func(Line) bool) {
	return func(yield func(Line) bool) {
		first := calendar.MustParse("2026-01-01")
		written, ok := 0, true
		put := func(l Line) {
			l.PieceOn, l.ValidOn = l.On, l.On
			ok = ok && yield(l)
			written++
		}
		for i := 0; written < n && ok; i++ {
			on := first.AddDays(i * 330 / max(n/8, 1))
			customer := fmt.Sprintf("C%05d", i%max(n/200, 1))
			name := "Client numéro " + customer
			gross := int64(12_000 + i%97_000)
			net := gross * 5 / 6
			num, piece, letter := fmt.Sprintf("%d", i+1), fmt.Sprintf("FA-%07d", i+1), ""
			if i%10 != 0 {
				letter = fmt.Sprintf("L%d", i)
			}
			put(Line{Journal: "VE", JournalLib: "Ventes", Num: "V" + num, On: on, Account: "411000", AccountLib: "Clients", Aux: customer, AuxLib: name, Piece: piece, Label: "Facture " + piece, Debit: gross, Letter: letter})
			put(Line{Journal: "VE", JournalLib: "Ventes", Num: "V" + num, On: on, Account: "706000", AccountLib: "Prestations de services", Piece: piece, Label: "Facture " + piece, Credit: net})
			put(Line{Journal: "VE", JournalLib: "Ventes", Num: "V" + num, On: on, Account: "445710", AccountLib: "TVA collectée", Piece: piece, Label: "Facture " + piece, Credit: gross - net})
			put(Line{Journal: "AC", JournalLib: "Achats", Num: "A" + num, On: on, Account: "607000", AccountLib: "Achats de marchandises", Piece: "R" + num, Label: "Achat", Debit: net})
			put(Line{Journal: "AC", JournalLib: "Achats", Num: "A" + num, On: on, Account: "445660", AccountLib: "TVA déductible", Piece: "R" + num, Label: "Achat", Debit: gross - net})
			put(Line{Journal: "AC", JournalLib: "Achats", Num: "A" + num, On: on, Account: "401000", AccountLib: "Fournisseurs", Aux: "F" + customer, AuxLib: "Fournisseur", Piece: "R" + num, Label: "Achat", Credit: gross})
			if letter == "" {
				continue
			}
			put(Line{Journal: "BQ", JournalLib: "Banque", Num: "B" + num, On: on.AddDays(30), Account: "512000", AccountLib: "Banque", Piece: "VIR" + num, Label: "VIR " + name, Debit: gross})
			put(Line{Journal: "BQ", JournalLib: "Banque", Num: "B" + num, On: on.AddDays(30), Account: "411000", AccountLib: "Clients", Aux: customer, AuxLib: name, Piece: "VIR" + num, Label: "VIR " + name, Credit: gross, Letter: letter})
		}
	}
}

// WriteLarge writes Large(n) in the norm's style and returns the lines written.
func WriteLarge(w io.Writer, n int) (int, error) {
	style := Style{}
	out := bufio.NewWriterSize(w, 1<<20)
	if err := style.put(out, columns); err != nil {
		return 0, err
	}
	written := 0
	for l := range Large(n) {
		if err := style.put(out, style.cells(l)); err != nil {
			return written, err
		}
		written++
	}
	return written, out.Flush()
}
