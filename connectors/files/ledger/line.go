// Package ledger turns the lines of a general ledger into what customers owe.
// It is fed line by line, keeps only the lines of customer accounts (in a
// temporary database), and works out from their lettering which items are open.
package ledger

import (
	"bytes"

	"relanced/internal/calendar"
)

// Line is one line of a ledger. Its byte slices are the reader's and are valid
// only during Books.Add; dates that are absent are zero.
type Line struct {
	No         int // of the file
	Journal    []byte
	JournalLib []byte
	Entry      []byte // entry number
	Account    []byte
	AccountLib []byte
	Aux        []byte
	AuxLib     []byte
	Piece      []byte
	Label      []byte
	Letter     []byte
	On         calendar.Date // booking date
	PieceOn    calendar.Date
	LetterOn   calendar.Date
	ValidOn    calendar.Date
	DueOn      calendar.Date // where the source tells it
	Amount     int64         // debit minus credit, in minor units
}

// class is what an account means here.
type class uint8

const (
	classOther class = iota
	classReceivable
	classBill
	classDoubtful
	classAdvance
	classSupplier
)

// classify tells what the account of a line is for.
func classify(account []byte) class {
	if len(account) < 3 || account[0] != '4' {
		return classOther
	}
	switch string(account[:3]) {
	case "411", "410":
		return classReceivable
	case "413":
		return classBill
	case "416":
		return classDoubtful
	case "419":
		if len(account) > 3 && account[3] >= '6' && account[3] <= '8' {
			return classOther // packaging, other credits, credit notes to issue
		}
		return classAdvance
	case "401", "403", "408":
		if account[2] == '1' {
			return classSupplier
		}
	}
	return classOther
}

// flags gather what the lines of one entry, or one line, are about.
type flags uint16

const (
	sale         flags = 1 << iota // a line on sales, rebates or collected VAT
	cash                           // a line on bank, cash, cheques, or 467
	loss                           // a line on irrecoverable loss
	small                          // a line on discount granted or small differences
	equity                         // a line on class 1
	profit                         // a line on class 6 or 7
	wide                           // an entry that touches many accounts of classes 1 to 5
	opening                        // an opening line by its journal
	maybeOpening                   // an opening line where it is of the first day
)

// counterpart tells what a line on the account makes of its entry.
func counterpart(account []byte) flags {
	if len(account) < 2 {
		return 0
	}
	switch account[0] {
	case '1':
		return equity
	case '4':
		switch {
		case bytes.HasPrefix(account, []byte("4457")):
			return sale
		case bytes.HasPrefix(account, []byte("467")):
			return cash
		}
	case '5':
		return cash
	case '6':
		switch {
		case bytes.HasPrefix(account, []byte("654")), bytes.HasPrefix(account, []byte("6714")):
			return loss | profit
		case bytes.HasPrefix(account, []byte("665")), bytes.HasPrefix(account, []byte("658")):
			return small | profit
		}
		return profit
	case '7':
		switch {
		case bytes.HasPrefix(account, []byte("758")), bytes.HasPrefix(account, []byte("76")):
			return small | profit
		}
		return sale | profit
	}
	return 0
}

// openingJournal tells an opening journal by its code or name. A code that
// means other things too counts on the first day only.
func openingJournal(code, name []byte) flags {
	switch string(bytes.ToUpper(code)) {
	case "AN", "ANO", "ANOUV", "RAN", "A-N", "AN1", "ANX":
		return opening
	case "AD", "RE", "REP", "OUV", "BO", "XAN":
		return maybeOpening
	}
	folded := bytes.ToLower(name)
	for _, word := range openingWords {
		if bytes.Contains(folded, word) {
			return opening
		}
	}
	return 0
}

var openingWords = [][]byte{
	[]byte("a nouveau"), []byte("à nouveau"), []byte("a-nouveau"), []byte("à-nouveau"), []byte("anouveau"),
	[]byte("reports à"), []byte("report a "), []byte("réouverture"), []byte("reouverture"), []byte("bilan d'ouverture"),
}

// Kind is what a line of a customer account is.
type kind uint8

const (
	kindOther kind = iota
	kindInvoice
	kindCreditNote
	kindPayment
	kindRefund
	kindOpening
)

func kindOf(f flags, amount int64) kind {
	switch {
	case f&opening != 0:
		return kindOpening
	case amount > 0 && f&sale != 0:
		return kindInvoice
	case amount > 0 && f&cash != 0:
		return kindRefund
	case amount < 0 && f&cash != 0:
		return kindPayment
	case amount < 0 && f&sale != 0:
		return kindCreditNote
	}
	return kindOther
}
