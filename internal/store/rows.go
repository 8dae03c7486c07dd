package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// documentRow is a document as its content column keeps it: short names and
// only what is set, for there may be a million of them. What has a column of
// its own is there as well, so that history can rebuild the whole.
type documentRow struct {
	Account     string                   `json:"a,omitempty"`
	Number      string                   `json:"n,omitempty"`
	IssuedOn    calendar.Date            `json:"i,omitempty"`
	Total       int64                    `json:"t"`
	Outstanding int64                    `json:"o"`
	Currency    string                   `json:"c"`
	Dues        []dueRow                 `json:"d,omitempty"`
	Credits     string                   `json:"cr,omitempty"`
	OrderRef    string                   `json:"or,omitempty"`
	Method      receivable.PaymentMethod `json:"m,omitempty"`
	Returned    bool                     `json:"r,omitempty"`
	Assigned    bool                     `json:"as,omitempty"`
	EStatus     receivable.EStatus       `json:"e,omitempty"`
	Standing    receivable.Standing      `json:"s,omitempty"`
	Estimated   bool                     `json:"es,omitempty"`
	Note        string                   `json:"no,omitempty"`
	Fetchable   bool                     `json:"f,omitempty"`
	Used        []usedRow                `json:"u,omitempty"`
}

type dueRow struct {
	Rank        int           `json:"r"`
	On          calendar.Date `json:"d,omitempty"`
	Total       int64         `json:"t"`
	Outstanding int64         `json:"o"`
	Estimated   bool          `json:"e,omitempty"`
}

type usedRow struct {
	Invoice string `json:"i"`
	Amount  int64  `json:"a"`
}

func documentContent(d receivable.Document) documentRow {
	row := documentRow{
		Account: d.Account, Number: d.Number, IssuedOn: d.IssuedOn, Total: d.Total.Minor, Outstanding: d.Outstanding.Minor,
		Currency: d.Total.Currency, Credits: d.Credits, OrderRef: d.OrderRef, Method: d.Method, Returned: d.Returned,
		Assigned: d.Assigned, EStatus: d.EStatus, Standing: d.Standing, Estimated: d.Estimated, Note: d.Note, Fetchable: d.Fetchable,
	}
	if row.Currency == "" {
		row.Currency = d.Outstanding.Currency
	}
	for _, due := range d.Dues {
		row.Dues = append(row.Dues, dueRow{due.Rank, due.On, due.Total.Minor, due.Outstanding.Minor, due.Estimated})
	}
	// An invoice without due lines has one, of which nobody knows the day: the
	// due line is what is chased.
	if len(row.Dues) == 0 && d.Kind != receivable.CreditNote {
		row.Dues = []dueRow{{Rank: 1, Total: row.Total, Outstanding: row.Outstanding}}
	}
	for _, used := range d.CreditUsed {
		row.Used = append(row.Used, usedRow{used.Invoice, used.Amount.Minor})
	}
	return row
}

// paymentRow and allocationRow are the contents of their tables.
type paymentRow struct {
	Account     string                   `json:"a,omitempty"`
	On          calendar.Date            `json:"d,omitempty"`
	Amount      int64                    `json:"t"`
	Unallocated int64                    `json:"u,omitempty"`
	Currency    string                   `json:"c"`
	Label       string                   `json:"l,omitempty"`
	Method      receivable.PaymentMethod `json:"m,omitempty"`
	Derived     bool                     `json:"dv,omitempty"`
}

func paymentContent(p receivable.Payment) paymentRow {
	currency := p.Amount.Currency
	if currency == "" {
		currency = p.Unallocated.Currency
	}
	return paymentRow{p.Account, p.On, p.Amount.Minor, p.Unallocated.Minor, currency, p.Label, p.Method, p.Derived}
}

type allocationRow struct {
	Kind     receivable.ItemKind `json:"k"`
	Amount   int64               `json:"t,omitempty"`
	Currency string              `json:"c,omitempty"`
}

// contentOf returns a row's JSON and its hash.
func contentOf(v any) (content, hash string) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("store: encode %T: %w", v, err)) // only types of ours come here
	}
	sum := sha256.Sum256(b)
	return clean(string(b)), base64.RawStdEncoding.EncodeToString(sum[:12])
}

// fold makes numbers comparable as people type them: letters and digits alone.
func fold(number string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, number)
}

func amount(minor int64, currency string) money.Amount { return money.New(minor, currency) }
