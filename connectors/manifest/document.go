package manifest

import (
	"errors"
	"fmt"
	"slices"

	"relanced/internal/conf"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Document maps a row to an invoice or a credit note. Amounts may be signed: a
// negative total is a credit note where `kind` does not say otherwise.
type Document struct {
	ID          Expr `yaml:"id"             doc:"the source's own key"`
	Customer    Expr `yaml:"customer"       doc:"the key of its customer"`
	Number      Expr `yaml:"number"         doc:"as the customer knows it"`
	Kind        Expr `yaml:"kind"           doc:"invoice or credit_note"`
	IssuedOn    Expr `yaml:"issued_on"      doc:"day of issue"`
	DueOn       Expr `yaml:"due_on"         doc:"due date of one without dues; else by the company's terms, estimated"`
	Total       Expr `yaml:"total"          doc:"including tax"`
	Outstanding Expr `yaml:"outstanding"    doc:"what is left to pay; of a credit note its unused part"`
	Paid        Expr `yaml:"paid"           doc:"instead of outstanding: what was paid or used"`
	Currency    Expr `yaml:"currency"       doc:"code; the company's where not told"`
	Dues        Expr `yaml:"dues"           doc:"instalments within the row: a list of {on, total, outstanding, rank}"`
	Credits     Expr `yaml:"credits"        doc:"of a credit note: the key of the invoice it corrects"`
	OrderRef    Expr `yaml:"order_ref"      doc:"the customer's order"`
	Method      Expr `yaml:"payment_method" doc:"transfer, direct_debit, bill, cheque or card"`
	Returned    Expr `yaml:"returned"       doc:"a debit, cheque or bill came back"`
	Assigned    Expr `yaml:"assigned"       doc:"sold to a factor"`
	EStatus     Expr `yaml:"e_status"       doc:"disputed, refused, rejected, paid, suspended, approved or other"`
	Standing    Expr `yaml:"standing"       doc:"why it is shown and not chased: unchecked, archived, doubtful, written_off, bill or incoming"`
	Estimated   Expr `yaml:"estimated"      doc:"what is outstanding is inferred: never sent without a person"`
	Note        Expr `yaml:"note"           doc:"what is odd about it, for people"`
	Skip        Expr `yaml:"skip"           doc:"the row is nothing that anybody owes (a draft, a quote)"`
}

// Check reports what is missing, and what contradicts itself.
func (m *Document) Check(p *conf.Problems) {
	required(p, map[string]Expr{"id": m.ID, "customer": m.Customer, "number": m.Number, "issued_on": m.IssuedOn, "total": m.Total}, "an invoice")
	switch {
	case m.Outstanding.IsZero() && m.Paid.IsZero():
		p.At("outstanding").Addf("an invoice needs outstanding, what is left to pay (or paid, what was)")
	case !m.Outstanding.IsZero() && !m.Paid.IsZero():
		p.At("paid").Addf("outstanding is given: paid follows from it")
	}
}

// Reads lists the expressions that were written.
func (m *Document) Reads() []Expr {
	return written(m.ID, m.Customer, m.Number, m.Kind, m.IssuedOn, m.DueOn, m.Total, m.Outstanding, m.Paid, m.Currency, m.Dues, m.Credits,
		m.OrderRef, m.Method, m.Returned, m.Assigned, m.EStatus, m.Standing, m.Estimated, m.Note, m.Skip)
}

// Read makes the document of a row. An invoice gets the due lines of the row:
// its `dues`, else, and where that is an empty list, the one of `due_on`. The error is an *Error, or ErrSkip.
func (m *Document) Read(row Row, d Defaults) (receivable.Document, error) {
	r := &reading{row: row}
	if r.flag("skip", &m.Skip) {
		return receivable.Document{}, ErrSkip
	}
	doc := receivable.Document{
		External:  r.key("id", &m.ID),
		Account:   r.text("customer", &m.Customer),
		Number:    r.text("number", &m.Number),
		Kind:      receivable.DocumentKind(r.word("kind", &m.Kind, string(receivable.Invoice), string(receivable.CreditNote))),
		IssuedOn:  r.day("issued_on", &m.IssuedOn),
		Credits:   r.text("credits", &m.Credits),
		OrderRef:  r.text("order_ref", &m.OrderRef),
		Method:    receivable.PaymentMethod(r.word("payment_method", &m.Method, "transfer", "direct_debit", "bill", "cheque", "card")),
		Returned:  r.flag("returned", &m.Returned),
		Assigned:  r.flag("assigned", &m.Assigned),
		EStatus:   receivable.EStatus(r.word("e_status", &m.EStatus, "disputed", "refused", "rejected", "paid", "suspended", "approved", "other")),
		Standing:  receivable.Standing(r.word("standing", &m.Standing, "unchecked", "archived", "doubtful", "written_off", "bill", "incoming")),
		Estimated: r.flag("estimated", &m.Estimated),
		Note:      r.text("note", &m.Note),
	}
	currency := r.currency(&m.Currency, d)
	total := r.amount("total", &m.Total, currency)
	left := r.amount("outstanding", &m.Outstanding, currency)
	if !m.Paid.IsZero() {
		left = total.Sub(r.amount("paid", &m.Paid, currency))
	}
	if r.err != nil {
		return doc, r.err
	}
	switch {
	case total.Sign() < 0: // whatever it is called, it lowers what is owed
		doc.Kind = receivable.CreditNote
	case doc.Kind == "" && d.Kind != "":
		doc.Kind = d.Kind
	case doc.Kind == "":
		doc.Kind = receivable.Invoice
	}
	settle(&doc, total, left)
	if doc.Kind == receivable.Invoice {
		m.dues(r, &doc, d)
	}
	return doc, r.err
}

// settle sets the amounts of a document: positive, whatever their sign in the
// source. What was paid too much is told, and nobody is asked for it.
func settle(doc *receivable.Document, total, left money.Amount) {
	if doc.Kind == receivable.CreditNote {
		total, left = total.Abs(), left.Abs()
	}
	if left.Sign() < 0 {
		over := "overpaid by " + left.Neg().String() + " " + left.Currency
		if doc.Note != "" {
			over = doc.Note + "; " + over
		}
		doc.Note, left.Minor = over, 0
	}
	doc.Total, doc.Outstanding = total, left
}

// dues gives an invoice its due lines.
func (m *Document) dues(r *reading, doc *receivable.Document, d Defaults) {
	rows := get(r, "dues", &m.Dues, asRows)
	if len(rows) == 0 {
		on, estimated := r.day("due_on", &m.DueOn), false
		if on.IsZero() {
			on = d.Terms.Due(doc.IssuedOn)
			estimated = !on.IsZero()
		}
		doc.Dues = []receivable.Due{{Rank: 1, On: on, Total: doc.Total, Outstanding: doc.Outstanding, Estimated: estimated}}
		return
	}
	var lines []DueLine
	for _, row := range rows {
		line, err := dueOf(row, doc.Total.Currency)
		if err != nil {
			r.err = m.Dues.wrong("dues", r.row, err)
			return
		}
		lines = append(lines, line)
	}
	if err := Instalments(doc, lines); err != nil && r.err == nil {
		r.err = m.Dues.wrong("dues", r.row, err)
	}
}

// dueOf reads an instalment that a row holds.
func dueOf(row Row, currency string) (DueLine, error) {
	var line DueLine
	var err error
	if line.On, err = asDay(row["on"]); err != nil {
		return line, err
	}
	if line.Rank, err = asRank(row["rank"]); err != nil {
		return line, err
	}
	if line.Total, err = asAmount(row["total"], currency); err != nil {
		return line, err
	}
	if row["outstanding"] != nil {
		line.Told = true
		line.Outstanding, err = asAmount(row["outstanding"], currency)
	}
	return line, err
}

// DueLine is an instalment as a source tells it.
type DueLine struct {
	receivable.Due
	Told bool // the source tells what is outstanding on it
}

// MostDues bounds the instalments of an invoice: their sum is always exact.
const MostDues = 1000

// Instalments gives an invoice its due lines. They must make up its total; what
// they tell to be outstanding must make up what the invoice says, and where they
// tell nothing, what was paid has settled the earliest ones.
func Instalments(doc *receivable.Document, lines []DueLine) error {
	switch {
	case len(lines) == 0:
		return errors.New("it has no due line")
	case len(lines) > MostDues:
		return fmt.Errorf("it has more than %d due lines", MostDues)
	}
	slices.SortStableFunc(lines, func(a, b DueLine) int {
		if a.Rank != b.Rank {
			return a.Rank - b.Rank
		}
		return int(a.On) - int(b.On)
	})
	total, left := money.New(0, doc.Total.Currency), money.New(0, doc.Total.Currency)
	told := 0
	for i := range lines {
		lines[i].Rank = i + 1
		total = total.Add(lines[i].Total)
		if lines[i].Told {
			told++
			left = left.Add(lines[i].Outstanding)
		}
	}
	switch {
	case total != doc.Total:
		return fmt.Errorf("its due lines sum to %s, it says %s", total, doc.Total)
	case told != 0 && told != len(lines):
		return errors.New("some of its due lines tell what is outstanding and some do not")
	case told != 0 && left != doc.Outstanding:
		return fmt.Errorf("%s is outstanding on its due lines, it says %s", left, doc.Outstanding)
	case told == 0:
		rest := doc.Outstanding
		for i := len(lines) - 1; i >= 0; i-- {
			lines[i].Outstanding = lines[i].Total
			if i == 0 || rest.Cmp(lines[i].Total) < 0 {
				lines[i].Outstanding = rest
			}
			rest = rest.Sub(lines[i].Outstanding)
		}
	}
	doc.Dues = doc.Dues[:0:0]
	for _, line := range lines {
		doc.Dues = append(doc.Dues, line.Due)
	}
	return nil
}
