package sage

import (
	"encoding/json"
	"strings"
	"time"

	"relanced/connectors/httpapi"
)

// The records of the interface, with the fields we read. Any of them may come as
// text or as a number, and a missing date as "" or null: all are Text.

type reference struct {
	ID   httpapi.Text `json:"id"`
	Name httpapi.Text `json:"displayed_as"`
	Path string       `json:"$path"`
}

func (r *reference) id() string {
	if r == nil {
		return ""
	}
	return string(r.ID)
}

// code is a reference to an enumeration, of which only the id counts: as an object
// or as the id itself.
type code string

// UnmarshalJSON reads either.
func (c *code) UnmarshalJSON(data []byte) error {
	var id httpapi.Text
	if json.Unmarshal(data, &id) == nil {
		*c = code(id)
		return nil
	}
	var r reference
	err := json.Unmarshal(data, &r)
	*c = code(r.ID)
	return err
}

// record is what all have in common.
type record struct {
	ID      httpapi.Text `json:"id"`
	Name    httpapi.Text `json:"displayed_as"`
	Path    string       `json:"$path"`
	Updated httpapi.Text `json:"updated_at"`
	Deleted httpapi.Text `json:"deleted_at"`
}

func (r record) key() string  { return string(r.ID) }
func (r record) path() string { return r.Path }

// gone tells a record that is shown though it was deleted.
func (r record) gone() bool { return strings.TrimSpace(string(r.Deleted)) != "" }

// updated is the time of the last change; zero where it is not told.
func (r record) updated() time.Time {
	t, _ := time.Parse(time.RFC3339, strings.TrimSpace(string(r.Updated)))
	return t
}

type keyed interface {
	key() string
	path() string
	gone() bool
}

type person struct {
	Name      httpapi.Text `json:"name"`
	Role      httpapi.Text `json:"job_title"`
	Telephone httpapi.Text `json:"telephone"`
	Mobile    httpapi.Text `json:"mobile"`
	Email     httpapi.Text `json:"email"`
}

type contact struct {
	record
	FullName   httpapi.Text `json:"name"`
	Reference  httpapi.Text `json:"reference"`
	TaxNumber  httpapi.Text `json:"tax_number"`
	Locale     httpapi.Text `json:"locale"`
	Email      httpapi.Text `json:"email"`
	CreditDays httpapi.Text `json:"credit_days"`
	Currency   *reference   `json:"currency"`
	System     bool         `json:"system"`
	Obfuscated bool         `json:"gdpr_obfuscated"`
	Types      []reference  `json:"contact_types"`
	Person     *person      `json:"main_contact_person"`
	Address    *struct {
		Line1    httpapi.Text `json:"address_line_1"`
		Line2    httpapi.Text `json:"address_line_2"`
		City     httpapi.Text `json:"city"`
		Postcode httpapi.Text `json:"postal_code"`
		Country  *reference   `json:"country"`
	} `json:"main_address"`
}

// document is an invoice, a credit note, a quick entry or an opening balance.
type document struct {
	record
	Contact      *reference   `json:"contact"`
	ContactName  httpapi.Text `json:"contact_name"`
	Date         httpapi.Text `json:"date"`
	DueDate      httpapi.Text `json:"due_date"`
	Reference    httpapi.Text `json:"reference"`
	Total        httpapi.Text `json:"total_amount"`
	Outstanding  httpapi.Text `json:"outstanding_amount"`
	Currency     *reference   `json:"currency"`
	Status       *reference   `json:"status"`
	QuickType    code         `json:"quick_entry_type"`
	OpeningType  code         `json:"contact_opening_balance_type"`
	Settlements  []settlement `json:"payments_allocations"`
	InvoiceNo    httpapi.Text `json:"invoice_number"`
	InvoicePre   httpapi.Text `json:"invoice_number_prefix"`
	CreditNoteNo httpapi.Text `json:"credit_note_number"`
	CreditPre    httpapi.Text `json:"credit_note_number_prefix"`
}

// settlement is a part of a document that is settled, as the document tells it.
type settlement struct {
	Amount     httpapi.Text `json:"amount"`
	Discount   httpapi.Text `json:"discount"`
	Allocation *reference   `json:"contact_allocation"`
}

type artefact struct {
	Artefact *reference   `json:"artefact"`
	Amount   httpapi.Text `json:"amount"`
	Discount httpapi.Text `json:"discount"`
}

// settling is a payment or, without amounts of its own, an allocation.
type settling struct {
	record
	Type      *reference   `json:"transaction_type"`
	Contact   *reference   `json:"contact"`
	Date      httpapi.Text `json:"date"`
	Total     httpapi.Text `json:"total_amount"`
	Currency  *reference   `json:"currency"`
	Reference httpapi.Text `json:"reference"`
	Parts     []artefact   `json:"allocated_artefacts"`
	OnAccount *struct {
		Outstanding httpapi.Text `json:"outstanding_amount"`
	} `json:"payment_on_account"`
}

// thin is a record of which only the id is read.
type thin struct{ record }

// envelope is a page of a list.
type envelope struct {
	Total *int            `json:"$total"`
	Page  int             `json:"$page"`
	Items json.RawMessage `json:"$items"`
}
