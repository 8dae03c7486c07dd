package pennylane

import (
	"encoding/json"
	"strings"
	"time"

	"relanced/connectors/httpapi"
)

// The objects of the interface, with the fields we read. All keys are always
// present there; optional data is null, or "" for several strings.

type ref struct {
	ID httpapi.Text `json:"id"`
}

func (r *ref) id() string {
	if r == nil {
		return ""
	}
	return string(r.ID)
}

type me struct {
	Company *struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	} `json:"company"`
	Scopes []string `json:"scopes"` // nil: not told
}

type invoice struct {
	ID              httpapi.Text `json:"id"`
	Number          string       `json:"invoice_number"`
	Currency        string       `json:"currency"`
	Amount          httpapi.Text `json:"amount"`          // in EUR
	CurrencyAmount  httpapi.Text `json:"currency_amount"` // in Currency
	Remaining       httpapi.Text `json:"remaining_amount_with_tax"`
	Date            string       `json:"date"`
	Deadline        string       `json:"deadline"`
	Status          string       `json:"status"`
	Draft           bool         `json:"draft"`
	Customer        *ref         `json:"customer"`
	CreditedInvoice *ref         `json:"credited_invoice"`
	PublicFileURL   string       `json:"public_file_url"`
	Filename        string       `json:"filename"`
	ArchivedAt      string       `json:"archived_at"`
	EInvoicing      *struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	} `json:"e_invoicing"`
}

type customer struct {
	ID                httpapi.Text `json:"id"`
	Type              string       `json:"customer_type"`
	Name              string       `json:"name"`
	FirstName         string       `json:"first_name"`
	LastName          string       `json:"last_name"`
	Reference         string       `json:"reference"`
	Recipient         string       `json:"recipient"`
	Phone             string       `json:"phone"`
	VATNumber         string       `json:"vat_number"`
	RegNo             string       `json:"reg_no"`
	PaymentConditions string       `json:"payment_conditions"`
	BillingLanguage   string       `json:"billing_language"`
	Emails            []string     `json:"emails"`
	BillingAddress    struct {
		Address    string `json:"address"`
		PostalCode string `json:"postal_code"`
		City       string `json:"city"`
		Country    string `json:"country_alpha2"`
	} `json:"billing_address"`
}

type contact struct {
	ID        httpapi.Text `json:"id"`
	FirstName string       `json:"first_name"`
	LastName  string       `json:"last_name"`
	Role      string       `json:"role"`
	Email     string       `json:"email"`
	Telephone string       `json:"telephone_number"`
	Mobile    string       `json:"mobile_number"`
}

type transaction struct {
	ID                 httpapi.Text `json:"id"`
	Label              string       `json:"label"`
	Date               string       `json:"date"`
	Amount             httpapi.Text `json:"amount"`
	CurrencyAmount     httpapi.Text `json:"currency_amount"`
	Currency           string       `json:"currency"`            // "": unknown
	OutstandingBalance httpapi.Text `json:"outstanding_balance"` // "": unknown, not zero
	ArchivedAt         string       `json:"archived_at"`
	Customer           *ref         `json:"customer"`
}

type matchedInvoice struct {
	ID   httpapi.Text `json:"id"`
	Type string       `json:"type"` // customer or supplier
}

// payment is one initiated through Pennylane: a direct debit, a payment link.
type payment struct {
	ID     httpapi.Text `json:"id"`
	Status string       `json:"status"`
}

type change struct {
	ID          httpapi.Text `json:"id"`
	Operation   string       `json:"operation"`
	ProcessedAt time.Time    `json:"processed_at"`
}

// instalment is one line of a payment schedule. The names of its fields are not
// published yet: those it may have are tried in turn.
type instalment struct {
	fields map[string]json.RawMessage
}

func (i *instalment) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &i.fields) }

func (i *instalment) text(names ...string) httpapi.Text {
	for _, name := range names {
		var t httpapi.Text
		if raw, ok := i.fields[name]; ok && json.Unmarshal(raw, &t) == nil && t != "" {
			return t
		}
	}
	return ""
}

// page is one page of any list. A row that cannot be decoded lands in bad, and
// the others are kept.
type page[T any] struct {
	rows []T
	more bool
	next string
	bad  []badRow
}

type badRow struct {
	id   string
	text string
}

// DecodeJSON reads the envelope, at once where all rows are well-formed.
func (p *page[T]) DecodeJSON(data []byte) error {
	var fast struct {
		Items   []T          `json:"items"`
		HasMore bool         `json:"has_more"`
		Next    httpapi.Text `json:"next_cursor"`
	}
	err := json.Unmarshal(data, &fast)
	if err == nil && fast.Items != nil {
		*p = page[T]{rows: fast.Items, more: fast.HasMore, next: string(fast.Next)}
		return nil
	}
	if _, ok := err.(*json.SyntaxError); ok { //nolint:errorlint // as Unmarshal returns it
		return err
	}
	var slow struct {
		Items   json.RawMessage `json:"items"`
		HasMore bool            `json:"has_more"`
		Next    httpapi.Text    `json:"next_cursor"`
	}
	if err := json.Unmarshal(data, &slow); err != nil {
		return err
	}
	*p = page[T]{more: slow.HasMore, next: string(slow.Next)}
	p.rows, err = httpapi.Rows[T](slow.Items, func(raw json.RawMessage, err error) {
		var r ref
		_ = json.Unmarshal(raw, &r) // a row without a readable id is shown without one
		p.bad = append(p.bad, badRow{id: string(r.ID), text: rowProblem(err)})
	})
	return err
}

func rowProblem(err error) string {
	if t, ok := err.(*json.UnmarshalTypeError); ok && t.Field != "" { //nolint:errorlint // as Unmarshal returns it
		return t.Field + " has another type than known"
	}
	return "cannot be read: " + strings.TrimPrefix(err.Error(), "json: ")
}
