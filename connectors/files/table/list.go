package table

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/files/ledger"
	"relanced/connectors/files/stage"
	"relanced/internal/calendar"
	"relanced/internal/money"
)

// List is a list of invoices or open items worked out: its pages wait.
type List struct {
	Part  string
	AsOf  time.Time
	Pages *stage.Pages
	Close func() error
}

const listSchema = `create table line(
	customer text not null, number text not null, kind text not null, currency text not null, no integer not null,
	code text not null, name text not null, total integer not null, left_ integer not null,
	on_ integer not null, due_on integer not null, shown text not null, more text not null)`

const unit = "\x1f"

// The kinds of lines.
const (
	invoice = "invoice"
	payment = "payment"
)

// ReadList reads a file of shape invoices or open_items.
func ReadList(ctx context.Context, open Opener, spec Spec, cfg ledger.Config) (*List, error) {
	s, err := examine(open, spec)
	if err != nil {
		return nil, err
	}
	db, err := stage.Open(ctx, cfg.Scratch, listSchema)
	if err != nil {
		return nil, err
	}
	l := &lister{sheet: s, ctx: ctx, cfg: cfg, db: db}
	list, err := l.run(open)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return list, nil
}

type lister struct {
	*sheet
	ctx context.Context //nolint:containedctx // of one reading
	cfg ledger.Config
	db  *stage.DB
	bad []connectors.Rejected

	group struct{ code, name string }

	documents, payments connectors.Page
	account             string
	part                string
}

func (l *lister) run(open Opener) (*List, error) {
	text, err := open()
	if err != nil {
		return nil, err
	}
	rec, err := openRecords(text, l.spec)
	if err != nil {
		return nil, err
	}
	bulk, err := l.db.Bulk(l.ctx, `insert into line values (?,?,?,?,?,?,?,?,?,?,?,?,?)`)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	rows := 0
	for rec.next() {
		if rec.no <= l.line || l.isHeader(rec.cells) {
			continue
		}
		r, why := l.row(rec.cells)
		switch {
		case why != "":
			if l.bad = append(l.bad, connectors.Rejected{Line: rec.no, Text: why}); len(l.bad) > 10_000 {
				bulk.Drop()
				return nil, fmt.Errorf("more than 10000 lines cannot be read, the last one line %d (%s): the file is damaged", rec.no, why)
			}
		case r != nil:
			rows++
			err := bulk.Add(l.ctx, r.customer, r.key, r.kind, r.currency, rec.no, r.code, r.name, r.total, r.left,
				int64(r.on), int64(r.dueOn), r.number, strings.Join(r.more[:], unit))
			if err != nil {
				bulk.Drop()
				return nil, fmt.Errorf("table: stage line: %w", err)
			}
		}
	}
	if err := rec.err; err != nil {
		bulk.Drop()
		return nil, err
	}
	if err := bulk.Done(); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	if len(l.bad) > rows {
		return nil, fmt.Errorf("most lines cannot be read (the first is line %d: %s): check csv.columns and csv.locale", l.bad[0].Line, l.bad[0].Text)
	}
	asOf := l.cfg.FileAt.UTC()
	l.part = string(l.spec.Shape)
	l.fresh(0, asOf)
	l.fresh(1, asOf)
	if err := l.emit(asOf); err != nil {
		return nil, err
	}
	return &List{Part: l.part, AsOf: asOf, Pages: l.db.Pages, Close: l.db.Close}, nil
}

// row is one line of the file.
type row struct {
	customer, code, name string
	number, key          string
	kind, currency       string
	total, left          int64
	on, dueOn            calendar.Date
	more                 [5]string // email, order_ref, payment_method, e_status, siren
}

// row reads a record; nil with no reason where the line is none of an invoice.
func (l *lister) row(cells []string) (_ *row, why string) {
	if l.closes(cells) {
		return nil, ""
	}
	r := &row{
		code: l.cell(cells, "customer"), name: l.cell(cells, "name"), number: strings.Join(strings.Fields(l.cell(cells, "number")), " "),
		currency: strings.ToUpper(l.cell(cells, "currency")), kind: kindOf(l.cell(cells, "kind")),
	}
	amounts := l.cell(cells, "total") + l.cell(cells, "outstanding")
	switch {
	case alone(cells) && amounts == "":
		r.code, r.name = l.cell(cells, "customer"), l.cell(cells, "name")
		l.heading(cells, r)
		return nil, ""
	case r.number == "" && amounts == "":
		l.heading(cells, r)
		return nil, ""
	case r.number == "" && (r.kind != payment || l.spec.Shape != OpenItems):
		return nil, "" // amounts without a number: a total
	}
	if r.code == "" && r.name == "" {
		r.code, r.name = l.group.code, l.group.name
	}
	if r.customer = r.code; r.customer == "" {
		r.customer = r.name
	}
	if r.customer == "" {
		return nil, "no customer is named"
	}
	if r.currency == "€" || r.currency == "" {
		r.currency = l.cfg.Currency
	}
	if !money.IsCode(r.currency) {
		return nil, fmt.Sprintf("%q is not a currency code", shorten(r.currency))
	}
	for i, word := range []string{"email", "order_ref", "payment_method", "e_status", "siren"} {
		r.more[i] = strings.ReplaceAll(l.cell(cells, word), unit, " ")
	}
	for _, d := range []struct {
		word string
		into *calendar.Date
	}{{"issued_on", &r.on}, {"due_on", &r.dueOn}} {
		if column := l.dates[d.word]; column != nil {
			on, err := column.read(l.cell(cells, d.word))
			if err != nil {
				return nil, column.title + ": " + err.Error()
			}
			*d.into = on
		}
	}
	if why = l.sums(cells, r); why != "" {
		return nil, why
	}
	r.key = strings.ToLower(r.number)
	return r, ""
}

// alone tells a record of one cell.
func alone(cells []string) bool {
	filled := 0
	for _, cell := range cells {
		if cell != "" {
			filled++
		}
	}
	return filled == 1
}

// heading takes a line with a customer's name alone: it stands for the lines
// below it.
func (l *lister) heading(cells []string, r *row) {
	if r.code == "" && r.name == "" {
		for _, cell := range cells {
			if cell != "" {
				r.name = cell
				break
			}
		}
	}
	l.group.code, l.group.name = r.code, r.name
}

// sums reads the amounts of a row.
func (l *lister) sums(cells []string, r *row) (why string) {
	digits := money.Digits(r.currency)
	read := func(word string) (value int64, there bool, why string) {
		column, cell := l.amounts[word], l.cell(cells, word)
		if column == nil || cell == "" {
			return 0, false, ""
		}
		value, err := column.read(cell, digits)
		if err != nil {
			return 0, false, column.title + ": " + err.Error()
		}
		return value, true, ""
	}
	total, hasTotal, why := read("total")
	if why != "" {
		return why
	}
	left, hasLeft, why := read("outstanding")
	if why != "" {
		return why
	}
	if !hasTotal && !hasLeft {
		return "the amount is missing"
	}
	if !hasTotal {
		total = left
	}
	if !hasLeft {
		if left, why = l.left(cells, total, read); why != "" {
			return why
		}
	}
	if r.kind == "credit" || r.kind == payment {
		total, left = -abs(total), -abs(left)
	}
	if r.kind != payment {
		r.kind = invoice
	}
	if total > 0 && left < 0 {
		left = 0 // overpaid: what is too much is the customer's, not owed
	}
	if abs(left) > abs(total) {
		return fmt.Sprintf("what is left (%s) exceeds the total (%s)", money.New(left, r.currency), money.New(total, r.currency))
	}
	r.total, r.left = total, left
	return ""
}

// left works out what is left to pay where no column gives it.
func (l *lister) left(cells []string, total int64, read func(string) (int64, bool, string)) (int64, string) {
	paid, status := plain(fold(l.cell(cells, "paid"))), plain(fold(l.cell(cells, "status")))
	switch {
	case isOne(paid, "oui", "yes", "paye", "payee", "paid", "regle", "reglee", "x", "ja", "true", "vrai", "solde", "soldee"):
		return 0, ""
	case isOne(paid, "non", "no", "impaye", "impayee", "unpaid", "nein", "false", "faux", "non regle", "non reglee", "non paye", "non payee"):
		return total, ""
	case paid != "":
		value, there, why := read("paid")
		if why != "" || there {
			return total - value, why
		}
	case isOne(status, "payee", "paye", "paid", "reglee", "regle", "soldee", "solde", "acquittee", "annulee", "annule", "cancelled", "brouillon", "draft", "bezahlt"):
		return 0, ""
	case status != "":
		return total, ""
	case l.spec.Shape == OpenItems:
		return total, ""
	case l.amounts["paid"] != nil && l.amounts["outstanding"] == nil:
		return total, "" // nothing paid yet
	}
	return 0, "what is left to pay is missing"
}

func isOne(text string, words ...string) bool { return slices.Contains(words, text) }

func kindOf(cell string) string {
	switch folded := plain(fold(cell)); {
	case isOne(folded, "avoir", "credit note", "credit", "gutschrift", "note de credit", "av", "a", "facture d avoir", "facture avoir"):
		return "credit"
	case isOne(folded, "reglement", "paiement", "payment", "acompte", "virement", "cheque", "zahlung", "r"):
		return payment
	}
	return invoice
}

func abs(n int64) int64 { return max(n, -n) }
