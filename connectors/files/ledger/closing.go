package ledger

import (
	"relanced/internal/calendar"
)

// Closing is what a fiscal year left open at its end: with it, the opening
// entry of the next year, which may hold one line per customer, gives way to
// the invoices themselves. It is kept in the cursor.
type Closing struct {
	SIREN string  `json:"siren"`
	Year  int     `json:"year"`
	Items []Still `json:"items,omitempty"`
	Full  bool    `json:"full,omitempty"` // too many items: none are kept
}

// maxClosing bounds the items that are kept.
const maxClosing = 20_000

// Still is one item that a year left open.
type Still struct {
	Party    string        `json:"p"`
	ID       string        `json:"i"`
	Number   string        `json:"n,omitempty"`
	On       calendar.Date `json:"d"`
	PieceOn  calendar.Date `json:"o,omitzero"`
	DueOn    calendar.Date `json:"u,omitzero"`
	LetterOn calendar.Date `json:"lo,omitzero"`
	Letter   string        `json:"l,omitempty"`
	Left     int64         `json:"a"`           // signed
	Total    int64         `json:"t"`           // of the document
	Later    bool          `json:"s,omitempty"` // settled after the year's end
	Credit   bool          `json:"c,omitempty"` // a credit note
	Returned bool          `json:"r,omitempty"`
	Name     string        `json:"m,omitempty"`
}
