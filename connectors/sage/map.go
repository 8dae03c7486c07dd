package sage

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"relanced/connectors/httpapi"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// settings are what the reading of a row needs to know of the business.
type settings struct {
	home  string       // currency where neither a row nor its customer names one; "" unknown
	days  httpapi.Text // credit of customers who have none of their own; "" unknown
	terms calendar.Terms
}

// usualCredit is where neither the customer, nor the business, nor the
// configuration says: the term of the law in the United Kingdom and Ireland.
const usualCredit = 30

// The states of a document that ask for something special.
const (
	statusDraft    = "DRAFT"
	statusProForma = "PRO_FORMA"
	statusVoid     = "VOID"
)

// isDraft tells what is no receivable yet.
func (d document) isDraft() bool {
	return d.Status.id() == statusDraft || d.Status.id() == statusProForma
}

// isCredit tells what is owed to the customer.
func (d document) isCredit(r resource) bool {
	kind := d.QuickType
	if r.path == openings.path {
		kind = d.OpeningType
	}
	return r.path == creditNotes.path || strings.Contains(strings.ToUpper(string(kind)), "CREDIT")
}

// number is what people call it by.
func (d document) number() string {
	for _, parts := range [][2]httpapi.Text{{d.InvoicePre, d.InvoiceNo}, {d.CreditPre, d.CreditNoteNo}} {
		if parts[1] != "" {
			return string(parts[0] + parts[1])
		}
	}
	if d.Name == "" || d.Path != "" && strings.HasPrefix(d.Path, openings.path) && d.Reference != "" {
		return string(d.Reference)
	}
	return string(d.Name)
}

// currency is that of a row, else the only one its customer trades in, else the
// business's.
func (s settings) currency(row *reference, of dealing) (string, error) {
	for _, code := range []string{row.id(), of.currency.id(), s.home} {
		if code != "" {
			return strings.ToUpper(code), nil
		}
	}
	return "", errors.New("currency is missing, and the business's is not known")
}

// document reads a receivable or a credit. settled is what is settled of an
// opening balance, which does not tell; of says how its customer is dealt with,
// for what has no currency or due date.
func (s settings) document(r resource, in document, settled []httpapi.Text, of dealing) (receivable.Document, error) {
	doc := receivable.Document{
		External: r.external(in.key()), Account: in.Contact.id(), Number: in.number(), Kind: receivable.Invoice, OrderRef: strings.TrimSpace(string(in.Reference)),
		Fetchable: r.path == invoices.path || r.path == creditNotes.path,
	}
	if in.isCredit(r) {
		doc.Kind = receivable.CreditNote
	}
	if in.ID == "" {
		return doc, errors.New("id is missing")
	}
	currency, err := s.currency(in.Currency, of)
	if err != nil {
		return doc, err
	}
	if doc.IssuedOn, err = day("date", in.Date); err != nil {
		return doc, err
	}
	if doc.Total, err = amount("total_amount", in.Total, currency); err != nil {
		return doc, err
	}
	if doc.Kind == receivable.CreditNote {
		doc.Total = doc.Total.Abs()
	}
	if doc.Total.Sign() < 0 {
		return doc, fmt.Errorf("total_amount is negative (%s)", in.Total)
	}
	if doc.Outstanding, err = outstanding(r, in, doc, settled); err != nil {
		return doc, err
	}
	switch status := in.Status.id(); {
	case status == statusVoid:
		doc.Note = "voided in Sage"
	case doc.Outstanding.Sign() < 0:
		doc.Note = "overpaid by " + doc.Outstanding.Neg().String() + " " + currency
		doc.Outstanding = money.New(0, currency)
	case r.path != openings.path && !slices.Contains([]string{"UNPAID", "PART_PAID", "PAID"}, status):
		doc.Standing = receivable.StandingUnchecked
	}
	if doc.Kind == receivable.Invoice {
		doc.Dues, err = s.due(r, in, doc, of)
	}
	return doc, err
}

// outstanding is what is open: told, or for an opening balance computed. Nothing is
// of what is void, whatever is told.
func outstanding(r resource, in document, doc receivable.Document, settled []httpapi.Text) (money.Amount, error) {
	if in.Status.id() == statusVoid {
		return money.New(0, doc.Total.Currency), nil
	}
	if r.path != openings.path {
		left, err := amount("outstanding_amount", in.Outstanding, doc.Total.Currency)
		if doc.Kind == receivable.CreditNote {
			left = left.Abs()
		}
		return left, err
	}
	left := doc.Total
	for _, part := range settled {
		a, err := amount("what is allocated to it", part, doc.Total.Currency)
		if err != nil {
			return left, err
		}
		left = left.Sub(a.Abs())
	}
	return left, nil
}

// due is the one due line of an invoice. An opening balance is due at once; a
// quick entry after the customer's credit.
func (s settings) due(r resource, in document, doc receivable.Document, of dealing) ([]receivable.Due, error) {
	due := receivable.Due{Rank: 1, Total: doc.Total, Outstanding: doc.Outstanding}
	var err error
	if due.On, err = day("due_date", in.DueDate); err != nil {
		return nil, err
	}
	switch {
	case !due.On.IsZero():
	case r.path == openings.path:
		due.On = doc.IssuedOn
	default:
		due.On, due.Estimated = s.usual(doc.IssuedOn, of), true
	}
	return []receivable.Due{due}, nil
}

// usual is when something falls due that does not tell.
func (s settings) usual(issued calendar.Date, of dealing) calendar.Date {
	for _, credit := range []httpapi.Text{of.days, s.days} {
		if n, ok := days(credit); ok {
			return issued.AddDays(n)
		}
	}
	if on := s.terms.Due(issued); !on.IsZero() {
		return on
	}
	return issued.AddDays(usualCredit)
}

// days reads a whole number of days, "30" or "30.0".
func days(text httpapi.Text) (int, bool) {
	whole, fraction, _ := strings.Cut(strings.TrimSpace(string(text)), ".")
	n, err := strconv.Atoi(whole)
	return n, err == nil && n >= 0 && n < 10_000 && strings.Trim(fraction, "0") == ""
}

func amount(what string, text httpapi.Text, currency string) (money.Amount, error) {
	return httpapi.Amount(what, httpapi.Plain(httpapi.Text(strings.TrimSpace(string(text)))), currency)
}

func day(what string, text httpapi.Text) (calendar.Date, error) {
	return httpapi.Date(what, strings.TrimSpace(string(text)))
}
