package einvoice

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Config is what an invoice is read against.
type Config struct {
	SIREN string         // of the company: the seller must be it
	Terms calendar.Terms // where the invoice names no date
}

// Receivable is what an invoice adds to the books.
type Receivable struct {
	Account  receivable.Account
	Document receivable.Document
	Replaces []string // external ids of the invoices that this one stands instead of
	Notes    []string // what a person should know
}

// invoiceTypes and creditTypes are the codes of UNTDID 1001 that are read as
// such; any other is kept to be looked at.
var (
	invoiceTypes = []string{"326", "380", "383", "384", "386", "389", "393", "875", "876", "877"}
	creditTypes  = []string{"381", "261", "396"}
)

const (
	corrected = "384"
	factored  = "393"
)

// Receivable turns an invoice into nouns of the books. The error says why it is
// none of this company's receivables, or cannot be read.
func (in Invoice) Receivable(c Config) (Receivable, error) {
	if in.Number == "" {
		return Receivable{}, errors.New("it has no invoice number (BT-1)")
	}
	if err := in.ours(c.SIREN); err != nil {
		return Receivable{}, err
	}
	var r Receivable
	var err error
	if r.Account, err = in.account(); err != nil {
		return Receivable{}, err
	}
	issued, err := day(in.IssuedOn)
	if err != nil {
		return Receivable{}, fmt.Errorf("its issue date (BT-2) %w", err)
	}
	total, due, err := in.sums()
	if err != nil {
		return Receivable{}, err
	}
	r.Document = receivable.Document{
		External: external(r.Account.External, in.Number), Account: r.Account.External, Number: squeeze(in.Number),
		Kind: receivable.Invoice, IssuedOn: issued, OrderRef: in.OrderRef, Method: in.method(), Assigned: in.Type == factored,
	}
	r.classify(in, total)
	if err := r.agree(in, total, due); err != nil {
		return Receivable{}, err
	}
	r.owe(total, due)
	if r.Document.Kind == receivable.Invoice {
		if err := r.schedule(in, c); err != nil {
			return Receivable{}, err
		}
	}
	r.link(in)
	return r, nil
}

// ours looks whether the company is the seller: suppliers' invoices end up in
// such folders too.
func (in Invoice) ours(siren string) error {
	if siren == "" {
		return errors.New("whether the invoice is the company's own cannot be told: write the company's siren into the configuration")
	}
	seller, _, vat := registers(in.Seller)
	switch {
	case seller == siren:
		return nil
	case seller == "" && vat == "":
		return fmt.Errorf("it does not say by a SIREN or VAT number who sold (%s): whether it is the company's own invoice cannot be told", in.Seller.Name)
	}
	who := fmt.Sprintf("%s (%s)", in.Seller.Name, cmp.Or(seller, vat))
	if buyer, _, _ := registers(in.Buyer); buyer == siren {
		return fmt.Errorf("the seller is %s and the company is the buyer: it is a supplier's invoice", who)
	}
	return fmt.Errorf("the seller is %s, not the company (%s)", who, siren)
}

// registers are a party's SIREN, SIRET and VAT number. A French VAT number and
// a SIRET hold the SIREN.
func registers(p Party) (siren, siret, vat string) {
	for _, n := range p.Numbers {
		id := strings.Join(strings.FieldsFunc(n.ID, func(r rune) bool { return r == ' ' || r == '.' || r == '\u00a0' }), "")
		if !digits(id) {
			continue
		}
		switch {
		case len(id) == 14 && (n.Scheme == "0009" || n.Scheme == "0002" || n.Scheme == "") && siret == "":
			siret = id
		case len(id) == 9 && (n.Scheme == "0002" || n.Scheme == "") && siren == "":
			siren = id
		}
	}
	vat = strings.ToUpper(strings.Join(strings.Fields(p.VAT), ""))
	if siren == "" && siret != "" {
		siren = siret[:9]
	}
	if siren == "" && len(vat) == 13 && strings.HasPrefix(vat, "FR") && digits(vat[4:]) {
		siren = vat[4:]
	}
	return siren, siret, vat
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// account is the buyer: known by what the seller calls it, else by its number
// in a register, else by its name.
func (in Invoice) account() (receivable.Account, error) {
	b := in.Buyer
	a := receivable.Account{
		Code: b.ID, Name: b.Name, Kind: receivable.KindUnknown, Phone: b.Phone, Country: strings.ToUpper(b.Country),
		Address: receivable.Address{Lines: b.Lines, Postcode: b.Postcode, City: b.City},
	}
	a.SIREN, a.SIRET, a.VAT = registers(b)
	a.External = cmp.Or(b.ID, a.SIREN, a.VAT, squeeze(b.Name))
	if a.External == "" {
		return a, errors.New("it names no buyer")
	}
	a.Name = cmp.Or(a.Name, a.External)
	if strings.EqualFold(b.Endpoint.Scheme, "EM") && b.Endpoint.ID != "" {
		a.Emails = append(a.Emails, b.Endpoint.ID)
	}
	if b.Email != "" && !slices.ContainsFunc(a.Emails, func(known string) bool { return strings.EqualFold(known, b.Email) }) {
		a.Emails = append(a.Emails, b.Email)
	}
	if b.Contact != "" || b.Email != "" {
		a.Contacts = []receivable.Contact{{Name: b.Contact, Email: b.Email, Phone: b.Phone, Role: "billing"}}
	}
	return a, nil
}

// external is the id of the buyer's document of a number, however it is spaced
// or capitalised.
func external(account, number string) string {
	return account + "/" + strings.ToLower(squeeze(number))
}

func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

// sums are the total and what is due, as signed as they were written.
func (in Invoice) sums() (total, due money.Amount, err error) {
	if !money.IsCode(in.Currency) {
		return total, due, fmt.Errorf("its currency (BT-5) %q is no currency code", in.Currency)
	}
	if due, err = money.Parse(in.Due, in.Currency); err != nil {
		return total, due, fmt.Errorf("the amount due (BT-115) in %s: %w", in.Currency, err)
	}
	if total, err = money.Parse(in.Total, in.Currency); err != nil {
		return total, due, fmt.Errorf("the total with tax (BT-112) in %s: %w", in.Currency, err)
	}
	return total, due, nil
}

// method is the means of payment that changes what is done.
func (in Invoice) method() receivable.PaymentMethod {
	var found receivable.PaymentMethod
	for _, code := range in.Means {
		switch code {
		case "49", "59":
			return receivable.MethodDirectDebit
		case "24", "44", "60", "70":
			return receivable.MethodBill
		case "30", "31", "42", "58":
			found = cmp.Or(found, receivable.MethodTransfer)
		case "20", "21", "22", "23", "25", "26":
			found = cmp.Or(found, receivable.MethodCheque)
		case "48", "54", "55":
			found = cmp.Or(found, receivable.MethodCard)
		}
	}
	return found
}

// classify tells an invoice from a credit note. A credit is said by the type
// with positive amounts, or by negative amounts under any other type.
func (r *Receivable) classify(in Invoice, total money.Amount) {
	typed := in.Credit || slices.Contains(creditTypes, in.Type)
	if typed || total.Sign() < 0 {
		r.Document.Kind = receivable.CreditNote
	}
	switch {
	case typed && total.Sign() < 0:
		r.check("it is a credit note (type %s) with a negative total, which says two things", in.Type)
	case !typed && !slices.Contains(invoiceTypes, in.Type):
		r.check("its type code %q is not known", in.Type)
	}
}

// check keeps the document from being chased until a person has looked.
func (r *Receivable) check(format string, args ...any) {
	r.Document.Standing = receivable.StandingUnchecked
	r.note(format, args...)
}

func (r *Receivable) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.Notes = append(r.Notes, text)
	if r.Document.Note == "" {
		r.Document.Note = text
	}
}

// agree keeps an invoice from being chased whose amounts contradict each other:
// what is due is the total less what was paid before, rounded by less than one
// unit of the currency. A profile that cannot tell a prepayment may owe less.
func (r *Receivable) agree(in Invoice, total, due money.Amount) error {
	if total.Sign() <= 0 {
		return nil
	}
	expected := total
	for _, told := range []struct {
		what, text string
		sign       int64
	}{{"what was paid before (BT-113)", in.Prepaid, -1}, {"its rounding (BT-114)", in.Rounding, 1}} {
		if told.text == "" {
			continue
		}
		a, err := money.Parse(told.text, in.Currency)
		if err != nil {
			return fmt.Errorf("%s in %s: %w", told.what, in.Currency, err)
		}
		expected.Minor += told.sign * a.Minor
	}
	unit, err := money.Parse("1", in.Currency)
	if err != nil {
		return err
	}
	over := due.Sub(expected)
	if over.Cmp(unit) >= 0 || in.Prepaid != "" && over.Cmp(unit.Neg()) <= 0 {
		r.check("it says that %s is due, its total of %s less what was paid before makes %s", due, total, expected)
	}
	return nil
}

// owe fills the amounts. What is owed is the amount due: less than the total
// where something was paid before issue.
func (r *Receivable) owe(total, due money.Amount) {
	d := &r.Document
	sign := total.Sign()
	if sign == 0 {
		sign = due.Sign()
	}
	if sign < 0 {
		total, due = total.Neg(), due.Neg()
	}
	if due.Sign() < 0 {
		r.note("more than its total was paid before it was issued: %s is the customer's", due.Neg())
		due = money.New(0, due.Currency)
	}
	d.Total, d.Outstanding = total, due
	if due.Cmp(total) > 0 {
		d.Total = due // rounding in favour of the seller, or sums brought forward
	}
}

// schedule fills the due lines: the dates that the invoice names, else one that
// is computed from its terms or the company's, and marked so.
func (r *Receivable) schedule(in Invoice, c Config) error {
	d := &r.Document
	whole := receivable.Due{Rank: 1, Total: d.Total, Outstanding: d.Outstanding}
	zero := money.New(0, d.Total.Currency)
	var dues []receivable.Due
	missing, sum := false, zero
	for _, term := range in.Terms {
		on, err := day(term.On)
		if err != nil {
			return fmt.Errorf("its due date (BT-9) %w", err)
		}
		whole.On = max(whole.On, on)
		amount := zero
		if missing = missing || term.Amount == ""; term.Amount != "" {
			if amount, err = money.Parse(term.Amount, in.Currency); err != nil {
				return fmt.Errorf("an instalment in %s: %w", in.Currency, err)
			}
		}
		sum = sum.Add(amount.Abs())
		i := slices.IndexFunc(dues, func(due receivable.Due) bool { return due.On == on })
		if i < 0 {
			i, dues = len(dues), append(dues, receivable.Due{On: on, Total: zero})
		}
		dues[i].Total = dues[i].Total.Add(amount.Abs())
	}
	switch {
	case len(dues) == 0:
		terms, told := suggested(in.TermsText)
		if !told {
			terms = c.Terms
		}
		whole.On, whole.Estimated = terms.Due(d.IssuedOn), true
	case len(dues) > 1 && !missing && (sum == d.Outstanding || sum == d.Total):
		d.Dues = instalments(dues, sum.Sub(d.Outstanding))
		return nil
	case len(dues) > 1:
		r.note("it names %d due dates whose amounts do not add up to what is due: the last one counts", len(dues))
	}
	d.Dues = []receivable.Due{whole}
	return nil
}

// instalments puts the due lines in order; what was paid before issue settles
// the first ones.
func instalments(dues []receivable.Due, paid money.Amount) []receivable.Due {
	slices.SortFunc(dues, func(a, b receivable.Due) int { return cmp.Compare(a.On, b.On) })
	for i := range dues {
		due := &dues[i]
		due.Rank, due.Outstanding = i+1, due.Total
		if paid.Sign() > 0 {
			part := due.Total
			if paid.Cmp(part) < 0 {
				part = paid
			}
			due.Outstanding, paid = due.Total.Sub(part), paid.Sub(part)
		}
	}
	return dues
}

// link ties the document to the invoices it speaks of. A corrected invoice
// stands instead of the first one; a credit note names what it corrects.
func (r *Receivable) link(in Invoice) {
	for _, number := range in.Preceding {
		before := external(r.Account.External, number)
		switch {
		case before == r.Document.External:
		case r.Document.Kind == receivable.CreditNote:
			if r.Document.Credits == "" {
				r.Document.Credits = before
			}
		case in.Type == corrected:
			r.Replaces = append(r.Replaces, before)
			r.note("it corrects %s, which is no longer asked for", number)
		}
	}
}

// day reads a date as either syntax writes it.
func day(text string) (calendar.Date, error) {
	if text == "" {
		return 0, errors.New("is missing")
	}
	short := text
	if len(text) >= 8 && digits(text[:8]) {
		short = text[:4] + "-" + text[4:6] + "-" + text[6:8]
	} else if len(text) > 10 {
		short = text[:10]
	}
	on, err := calendar.ParseDate(short)
	if err != nil {
		return 0, fmt.Errorf("%q is no date", text)
	}
	return on, nil
}
