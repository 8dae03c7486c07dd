package pennylane

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

const euro = "EUR"

// errIgnored tells that a row is no invoice or credit note that anybody owes:
// a draft, a quote, a delivery note.
var errIgnored = errors.New("not a receivable")

// standing is what a status means for reminders.
type standing int

const (
	open    standing = iota // chased for what remains
	closed                  // nothing is owed, whatever remains
	exclude                 // shown, never chased
	ignored                 // no receivable at all
)

var statuses = map[string]standing{
	"upcoming": open, "late": open, "partially_paid": open, "partially_cancelled": open,
	"paid": closed, "cancelled": closed,
	"credit_note": open,
	"archived":    exclude, "incomplete": exclude,
	"draft": ignored, "proforma": ignored, "shipping_order": ignored, "purchasing_order": ignored,
	"estimate_pending": ignored, "estimate_accepted": ignored, "estimate_invoiced": ignored, "estimate_denied": ignored,
}

// mapInvoice reads an invoice or a credit note. errIgnored: it is neither.
// terms give the day it falls due where the source tells none.
func mapInvoice(in invoice, terms calendar.Terms) (receivable.Document, error) {
	meaning, known := statuses[in.Status]
	switch {
	case in.ID == "":
		return receivable.Document{}, errors.New("id is missing")
	case in.Draft || meaning == ignored && known:
		return receivable.Document{}, errIgnored
	case !known:
		meaning = exclude
	}
	doc := receivable.Document{
		External:  string(in.ID),
		Account:   in.Customer.id(),
		Number:    strings.TrimSpace(in.Number),
		Kind:      receivable.Invoice,
		Fetchable: true,
	}
	if in.EInvoicing != nil {
		doc.EStatus = eStatus(in.EInvoicing.Status)
	}
	var err error
	if doc.IssuedOn, err = httpapi.Date("date", in.Date); err != nil {
		return doc, err
	}
	due, err := httpapi.Date("deadline", in.Deadline)
	if err != nil {
		return doc, err
	}
	total, err := total(in)
	if err != nil {
		return doc, err
	}
	if in.Status == "credit_note" || total.Sign() < 0 {
		doc.Kind = receivable.CreditNote
	}
	doc.Total = total.Abs()
	doc.Standing, doc.Note = standingOf(in, meaning, known)
	if doc.Standing == receivable.StandingArchived {
		meaning = exclude
	}
	if doc.Number == "" {
		doc.Number = doc.External // so that people can name it
	}
	if doc.Kind == receivable.CreditNote {
		err = credit(&doc, in, meaning)
	} else {
		err = owed(&doc, in, meaning, total)
		estimated := false
		if due.IsZero() {
			due = terms.Due(doc.IssuedOn)
			estimated = !due.IsZero()
		}
		if due.IsZero() && doc.Note == "" && meaning == open {
			doc.Note = "has no due date in Pennylane: set customers.terms for such invoices"
		}
		doc.Dues = []receivable.Due{{Rank: 1, On: due, Total: doc.Total, Outstanding: doc.Outstanding, Estimated: estimated}}
	}
	return doc, err
}

func standingOf(in invoice, meaning standing, known bool) (receivable.Standing, string) {
	switch {
	case in.Status == "archived" || in.ArchivedAt != "":
		return receivable.StandingArchived, ""
	case in.Status == "incomplete":
		return receivable.StandingUnchecked, "imported in Pennylane and not validated there yet"
	case !known:
		return receivable.StandingUnchecked, fmt.Sprintf("Pennylane gives it the unknown status %q", cut(in.Status, 40))
	case in.Status == "cancelled":
		return receivable.StandingNormal, "cancelled by a credit note"
	case meaning == open && in.Status != "credit_note" && strings.TrimSpace(in.Number) == "":
		return receivable.StandingUnchecked, "has no number in Pennylane"
	case meaning == open && in.Customer == nil:
		return receivable.StandingNormal, "names no customer in Pennylane"
	}
	return receivable.StandingNormal, ""
}

// total is what the invoice says, with its sign, in its own currency; in euros
// where it names none.
func total(in invoice) (money.Amount, error) {
	currency := strings.ToUpper(strings.TrimSpace(in.Currency))
	if currency == "" || in.CurrencyAmount == "" && currency == euro {
		return httpapi.Amount("amount", in.Amount, euro)
	}
	return httpapi.Amount("currency_amount", in.CurrencyAmount, currency)
}

// owed sets what is outstanding on an invoice. The vendor's "paid" is not asked:
// it is true on cancelled invoices and either on incomplete ones.
func owed(doc *receivable.Document, in invoice, meaning standing, total money.Amount) error {
	nothing := money.New(0, total.Currency)
	if meaning == closed || in.Remaining == "" && doc.Standing == receivable.StandingArchived {
		doc.Outstanding = nothing
		return nil
	}
	left, doubt, err := remaining(in, total)
	if err != nil {
		return err
	}
	switch {
	case left.Sign() < 0:
		doc.Note = "overpaid by " + left.Neg().String() + " " + left.Currency
		left = nothing
	case doubt != "":
		doc.Estimated, doc.Note = true, doubt
	}
	doc.Outstanding = left
	return nil
}

// remaining is what is left of an invoice, in its currency. Whether the source
// writes it in euros or in the currency is not documented: where the figures
// tell, they decide; elsewhere the smaller reading counts, with a doubt, which
// keeps the amount from being demanded before a person has looked.
func remaining(in invoice, total money.Amount) (left money.Amount, doubt string, err error) {
	const field = "remaining_amount_with_tax"
	if total.Currency == euro {
		left, err = httpapi.Amount(field, in.Remaining, euro)
		return left, "", err
	}
	inEuro, euroErr := httpapi.Amount(field, in.Remaining, euro)
	inCurrency, err := httpapi.Amount(field, in.Remaining, total.Currency)
	if euroErr != nil && err != nil {
		return money.Amount{}, "", err
	}
	totalEuro, totalErr := httpapi.Amount("amount", in.Amount, euro)
	if totalErr != nil || totalEuro.IsZero() {
		return inCurrency, "", err
	}
	fitsEuro := euroErr == nil && inEuro.Cmp(totalEuro) <= 0
	fitsCurrency := err == nil && inCurrency.Cmp(total) <= 0
	switch {
	case euroErr == nil && inEuro.IsZero():
		return money.New(0, total.Currency), "", nil
	case fitsEuro && inEuro == totalEuro, fitsCurrency && inCurrency == total:
		return total, "", nil
	case euroErr == nil && inEuro.Sign() < 0:
		return money.New(inEuro.Minor, total.Currency), "", nil
	}
	converted, convErr := convert(inEuro, totalEuro, total)
	fitsEuro = fitsEuro && convErr == nil
	switch {
	case fitsEuro && !fitsCurrency:
		return converted, "", nil
	case fitsCurrency && !fitsEuro:
		return inCurrency, "", nil
	case !fitsCurrency:
		return money.Amount{}, "", fmt.Errorf("%s is more than the invoice", field)
	}
	left = inCurrency
	if converted.Cmp(left) < 0 {
		left = converted
	}
	return left, "Pennylane does not say whether what remains is in EUR or " + total.Currency, nil
}

// convert takes the part of the total that left is of totalEuro.
func convert(left, totalEuro, total money.Amount) (money.Amount, error) {
	part, err := left.Decimal().Quo(totalEuro.Decimal())
	if err != nil {
		return money.Amount{}, err
	}
	product, err := part.Mul(total.Decimal())
	if err != nil {
		return money.Amount{}, err
	}
	return money.Round(product, total.Currency)
}

// credit sets what is unused of a credit note. A linked one has already lowered
// its invoice's remaining amount and counts for nothing more.
func credit(doc *receivable.Document, in invoice, meaning standing) error {
	doc.Credits = in.CreditedInvoice.id()
	switch {
	case doc.Credits != "":
		doc.Outstanding = money.New(0, doc.Total.Currency)
		if meaning != exclude {
			doc.CreditUsed = []receivable.Applied{{Invoice: doc.Credits, Amount: doc.Total}}
		}
		return nil
	case meaning == closed || meaning == exclude:
		doc.Outstanding = money.New(0, doc.Total.Currency)
		return nil
	case in.Remaining == "":
		doc.Outstanding = doc.Total // its remaining amount is its amount until it is linked
		return nil
	}
	positive := in
	positive.Remaining = httpapi.Text(strings.TrimPrefix(string(in.Remaining), "-"))
	positive.Amount = httpapi.Text(strings.TrimPrefix(string(in.Amount), "-"))
	left, doubt, err := remaining(positive, doc.Total)
	doc.Outstanding = left
	if doubt != "" {
		doc.Note = doubt
	}
	return err
}

func eStatus(status string) receivable.EStatus {
	switch status {
	case "":
		return receivable.EStatusNone
	case "in_dispute":
		return receivable.EStatusDisputed
	case "refused":
		return receivable.EStatusRefused
	case "rejected":
		return receivable.EStatusRejected
	case "collected":
		return receivable.EStatusPaid
	case "approved", "accepted":
		return receivable.EStatusApproved
	}
	return receivable.EStatusOther
}

// onTheWay are the states of a payment whose money may still come by itself;
// cameBack those that re-open the claim.
var (
	onTheWay = []string{
		"pending", "emitted", "pending_submission", "submitted", "confirmed", "resubmission_requested",
	}
	cameBack = []string{"charged_back", "failed"}
)

// applyPayments marks an open invoice whose money is on its way through
// Pennylane, or came back. Payments are newest first; amounts are not added:
// they would be counted twice with the bank's transactions.
func applyPayments(doc *receivable.Document, payments []payment) {
	if doc.Outstanding.Sign() <= 0 || len(payments) == 0 {
		return
	}
	slices.SortStableFunc(payments, func(a, b payment) int { return compareIDs(string(b.ID), string(a.ID)) })
	for _, p := range payments {
		if slices.Contains(onTheWay, p.Status) {
			if doc.Standing == receivable.StandingNormal {
				doc.Standing = receivable.StandingIncoming
				doc.Note = "a payment through Pennylane is " + strings.ReplaceAll(p.Status, "_", " ")
			}
			return
		}
	}
	if slices.Contains(cameBack, payments[0].Status) {
		doc.Returned = true
		doc.Note = "a payment through Pennylane has " + map[string]string{"charged_back": "been charged back", "failed": "failed"}[payments[0].Status]
	}
}

// applySchedule replaces the single due line by the instalments of a payment
// schedule, if they make sense: as many amounts as dates, and the invoice's sum.
func applySchedule(doc *receivable.Document, items []instalment) {
	if len(items) < 2 {
		return
	}
	dues := make([]receivable.Due, 0, len(items))
	sum, left, told := money.Amount{}, money.Amount{}, true
	for _, item := range items {
		on, err := httpapi.Date("due_date", string(item.text("due_date", "deadline", "due_on", "date")))
		amount, bad := httpapi.Amount("amount", item.text("currency_amount", "amount", "amount_with_tax"), doc.Total.Currency)
		if err != nil || bad != nil || on.IsZero() || amount.Sign() <= 0 {
			return
		}
		rest, missing := httpapi.Amount("remaining", item.text("remaining_currency_amount", "remaining_amount_with_tax", "remaining_amount", "remaining"), doc.Total.Currency)
		told = told && missing == nil && rest.Sign() >= 0 && rest.Cmp(amount) <= 0
		dues = append(dues, receivable.Due{On: on, Total: amount, Outstanding: rest})
		sum, left = sum.Add(amount), left.Add(rest)
	}
	if sum != doc.Total {
		return
	}
	slices.SortStableFunc(dues, func(a, b receivable.Due) int { return int(a.On - b.On) })
	if !told || left != doc.Outstanding {
		spread(dues, doc.Outstanding)
	}
	for i := range dues {
		dues[i].Rank = i + 1
	}
	doc.Dues = dues
}

// spread leaves what is outstanding on the latest instalments: the earliest are
// paid first.
func spread(dues []receivable.Due, outstanding money.Amount) {
	for i := len(dues) - 1; i >= 0; i-- {
		dues[i].Outstanding = dues[i].Total
		if outstanding.Cmp(dues[i].Total) < 0 {
			dues[i].Outstanding = outstanding
		}
		outstanding = outstanding.Sub(dues[i].Outstanding)
	}
}

// terms reads payment conditions as the configuration writes them.
func terms(conditions string) string {
	if conditions == "upon_receipt" {
		return "receipt"
	}
	days, eom := strings.CutSuffix(conditions, "_end_of_month")
	days, ok := strings.CutSuffix(days, "_days")
	switch {
	case !ok:
		return ""
	case eom:
		days += "d_eom"
	default:
		days += "d"
	}
	if _, err := calendar.ParseTerms(days); err != nil {
		return ""
	}
	return days
}

func rejected(kind receivable.ItemKind, id, text string) connectors.Rejected {
	return connectors.Rejected{Ref: connectors.Ref{Kind: kind, External: id}, Text: text}
}

// compareIDs orders ids by number, which for ids without a sign or leading
// zeros is by length, then by text.
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}
