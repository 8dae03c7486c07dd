package table

import (
	"fmt"
	"strings"

	"relanced/connectors/files/ledger"
	"relanced/internal/calendar"
	"relanced/internal/money"
)

// LedgerSink takes what ReadLedger finds: ledger.Books is one.
type LedgerSink interface {
	Add(*ledger.Line) error
	Reject(no int, why string, account, aux []byte) error
	Both(no int)
}

// ReadLedger reads a file of shape ledger, line by line, into the sink.
func ReadLedger(open Opener, spec Spec, currency string, sink LedgerSink) error {
	s, err := examine(open, spec)
	if err != nil {
		return err
	}
	text, err := open()
	if err != nil {
		return err
	}
	rec, err := openRecords(text, spec)
	if err != nil {
		return err
	}
	digits := money.Digits(currency)
	for rec.next() {
		if rec.no <= s.line || s.isElse(rec.cells) || s.isHeader(rec.cells) || s.closes(rec.cells) {
			continue
		}
		account := []byte(s.cell(rec.cells, "account"))
		aux := []byte(s.cell(rec.cells, "auxiliary"))
		if len(aux) == 0 {
			aux = []byte(s.cell(rec.cells, "customer"))
		}
		if string(aux) == string(account) {
			aux = nil
		}
		if !isAccount(string(account)) {
			why := fmt.Sprintf("the account is %q: it begins with three digits", shorten(string(account)))
			if err := sink.Reject(rec.no, why, nil, nil); err != nil {
				return err
			}
			continue
		}
		line, why := s.ledgerLine(rec.cells, digits)
		line.No, line.Account, line.Aux = rec.no, account, aux
		if why != "" {
			err = sink.Reject(rec.no, why, account, aux)
		} else {
			err = sink.Add(&line)
		}
		if err != nil {
			return err
		}
	}
	return rec.err
}

func (s *sheet) ledgerLine(cells []string, digits int) (l ledger.Line, why string) {
	bytes := func(word string) []byte { return []byte(s.cell(cells, word)) }
	l = ledger.Line{
		Journal: bytes("journal"), Entry: bytes("entry"), Piece: bytes("number"), Label: bytes("label"), Letter: bytes("letter"),
		AuxLib: bytes("name"), AccountLib: bytes("name"),
	}
	for _, d := range []struct {
		word string
		into *calendar.Date
	}{{"issued_on", &l.On}, {"due_on", &l.DueOn}, {"letter_on", &l.LetterOn}, {"valid_on", &l.ValidOn}} {
		column := s.dates[d.word]
		if column == nil {
			continue
		}
		on, err := column.read(s.cell(cells, d.word))
		if err != nil {
			return l, column.title + ": " + err.Error()
		}
		*d.into = on
	}
	if l.On == 0 {
		return l, "the date is missing"
	}
	l.PieceOn = l.On
	read := func(word string) (int64, error) {
		column, cell := s.amounts[word], s.cell(cells, word)
		if column == nil || cell == "" {
			return 0, nil
		}
		value, err := column.read(cell, digits)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", column.title, err)
		}
		return value, nil
	}
	if _, ok := s.at["debit"]; ok {
		debit, err := read("debit")
		if err != nil {
			return l, err.Error()
		}
		credit, err := read("credit")
		if err != nil {
			return l, err.Error()
		}
		l.Amount = debit - credit
		return l, ""
	}
	value, err := read("montant")
	if err != nil {
		return l, err.Error()
	}
	switch side := strings.ToUpper(s.cell(cells, "sens")); side {
	case "D", "1", "+1", "+", "DEBIT", "DÉBIT":
		l.Amount = value
	case "C", "-1", "-", "CREDIT", "CRÉDIT":
		l.Amount = -value
	default:
		return l, fmt.Sprintf("the side of the amount is %q: D, C, +1 or -1 is expected", side)
	}
	return l, ""
}
