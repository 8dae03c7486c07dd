package table

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

const pageSize = 500

func (l *lister) fresh(series int, asOf time.Time) {
	page := connectors.Page{AsOf: asOf, File: l.cfg.File, Format: l.cfg.Format}
	scope := func(kind receivable.ItemKind) *connectors.Scope {
		if l.spec.Shape != OpenItems {
			return nil
		}
		return &connectors.Scope{Kind: kind, Part: l.part, Absent: connectors.AbsentSettled}
	}
	if series == 0 {
		page.Listing = scope(receivable.ItemDocument)
		l.documents = page
	} else {
		page.Listing = scope(receivable.ItemPayment)
		l.payments = page
	}
}

// emit puts the pages: the lines of one customer and number are one document.
func (l *lister) emit(asOf time.Time) error {
	rows, err := l.db.QueryContext(l.ctx, `select customer, number, kind, currency, code, name, total, left_, on_, due_on, shown, more, no
		from line order by customer, number, kind, currency, no`)
	if err != nil {
		return fmt.Errorf("table: %w", err)
	}
	defer rows.Close()
	var lines []row
	for rows.Next() {
		var (
			r         row
			on, dueOn int64
			more      string
			no        int
		)
		if err := rows.Scan(&r.customer, &r.key, &r.kind, &r.currency, &r.code, &r.name, &r.total, &r.left, &on, &dueOn, &r.number, &more, &no); err != nil {
			return fmt.Errorf("table: %w", err)
		}
		r.on, r.dueOn = calendar.Date(on), calendar.Date(dueOn) //nolint:gosec // dates as they were written
		for i := range r.more {
			r.more[i], more, _ = strings.Cut(more, unit)
		}
		if len(lines) > 0 && (lines[0].customer != r.customer || lines[0].key != r.key || lines[0].kind != r.kind || lines[0].currency != r.currency) {
			if err := l.put(lines, asOf); err != nil {
				return err
			}
			lines = lines[:0]
		}
		lines = append(lines, r)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	if len(lines) > 0 {
		if err := l.put(lines, asOf); err != nil {
			return err
		}
	}
	l.documents.Bad = append(l.documents.Bad, l.bad...)
	l.documents.Whole, l.payments.Whole = l.documents.Listing != nil, l.payments.Listing != nil
	if err := l.db.Pages.Put(0, l.documents); err != nil {
		return err
	}
	if l.payments.Listing == nil && len(l.payments.Payments) == 0 {
		return nil
	}
	return l.db.Pages.Put(1, l.payments)
}

// put makes one document or payment of its lines.
func (l *lister) put(lines []row, asOf time.Time) error {
	first := lines[0]
	if first.customer != l.account {
		l.account = first.customer
		l.documents.Accounts = append(l.documents.Accounts, account(lines))
	}
	external := first.customer + "/" + first.key
	if first.currency != l.cfg.Currency {
		external += "/" + first.currency
	}
	var total, left int64
	for _, r := range lines {
		total += r.total
		left += r.left
	}
	amount := func(minor int64) money.Amount { return money.New(minor, first.currency) }
	if first.kind == payment {
		for n, r := range lines { // payments share numbers, or have none
			l.payments.Payments = append(l.payments.Payments, receivable.Payment{
				External: fmt.Sprintf("%s/%s/%d", external, r.on, n+1), Account: first.customer, On: r.on,
				Amount: amount(abs(r.total)), Unallocated: amount(abs(r.left)), Label: r.number,
			})
		}
	} else {
		doc := receivable.Document{
			External: external, Account: first.customer, Number: first.number, Kind: receivable.Invoice, IssuedOn: issued(lines),
			Total: amount(abs(total)), Outstanding: amount(abs(left)), OrderRef: first.more[1], Method: method(first.more[2]),
		}
		status(&doc, first.more[3])
		if total < 0 || (total == 0 && left < 0) {
			doc.Kind = receivable.CreditNote
		} else {
			doc.Outstanding = amount(max(left, 0))
			doc.Dues = l.dues(doc, lines)
		}
		l.documents.Documents = append(l.documents.Documents, doc)
	}
	if len(l.documents.Documents) >= pageSize || len(l.documents.Accounts) >= pageSize {
		if err := l.db.Pages.Put(0, l.documents); err != nil {
			return err
		}
		l.fresh(0, asOf)
	}
	if len(l.payments.Payments) >= pageSize {
		if err := l.db.Pages.Put(1, l.payments); err != nil {
			return err
		}
		l.fresh(1, asOf)
	}
	return nil
}

// dues keeps the schedule: one due line per date. Lines of one date (a rate of
// tax each) add up; what a negative line takes off comes off the last date.
func (l *lister) dues(doc receivable.Document, lines []row) []receivable.Due {
	zero := money.New(0, doc.Total.Currency)
	var dues []receivable.Due
	for _, r := range lines {
		on, estimated := r.dueOn, false
		if on == 0 {
			on, estimated = l.cfg.Terms.Due(doc.IssuedOn), true
		}
		i := slices.IndexFunc(dues, func(d receivable.Due) bool { return d.On == on })
		if i < 0 {
			i = len(dues)
			dues = append(dues, receivable.Due{On: on, Estimated: estimated, Total: zero, Outstanding: zero})
		}
		dues[i].Total.Minor += r.total
		dues[i].Outstanding.Minor += r.left
	}
	slices.SortFunc(dues, func(a, b receivable.Due) int { return int(a.On) - int(b.On) })
	negative := slices.ContainsFunc(dues, func(d receivable.Due) bool { return d.Outstanding.Minor < 0 || d.Total.Minor < 0 })
	if negative {
		last := dues[len(dues)-1]
		last.Total, last.Outstanding = doc.Total, doc.Outstanding
		dues = []receivable.Due{last}
	}
	for i := range dues {
		dues[i].Rank = i + 1
	}
	return dues
}

func issued(lines []row) calendar.Date {
	var on calendar.Date
	for _, r := range lines {
		if r.on != 0 && (on == 0 || r.on < on) {
			on = r.on
		}
	}
	return on
}

func account(lines []row) receivable.Account {
	r := lines[0]
	a := receivable.Account{External: r.customer, Code: r.code, Name: r.name, Kind: receivable.KindUnknown, Method: method(r.more[2]), SIREN: digits(r.more[4])}
	if a.Name == "" {
		a.Name = r.code
	}
	for _, r := range lines {
		for _, email := range strings.FieldsFunc(r.more[0], func(c rune) bool { return c == ';' || c == ',' || c == '|' }) {
			if email = strings.TrimSpace(email); email != "" && !slices.Contains(a.Emails, email) {
				a.Emails = append(a.Emails, email)
			}
		}
	}
	return a
}

func digits(text string) string {
	bare := strings.ReplaceAll(text, " ", "")
	if len(bare) == 9 && strings.Trim(bare, "0123456789") == "" {
		return bare
	}
	return ""
}

// method reads a means of payment, in our words or in those of exports.
func method(text string) receivable.PaymentMethod {
	switch plain(fold(text)) {
	case "transfer", "virement", "vir", "uberweisung":
		return receivable.MethodTransfer
	case "direct debit", "prelevement", "prlv", "prelevement sepa", "sepa", "lastschrift":
		return receivable.MethodDirectDebit
	case "bill", "lcr", "traite", "lettre de change", "effet", "bor":
		return receivable.MethodBill
	case "cheque", "chq", "check", "scheck":
		return receivable.MethodCheque
	case "card", "cb", "carte", "carte bancaire", "karte":
		return receivable.MethodCard
	}
	return ""
}

// status reads the state of an invoice in e-invoicing, in our words, by its code
// or in French.
func status(doc *receivable.Document, text string) {
	switch plain(fold(text)) {
	case "":
	case "disputed", "207", "en litige", "litige":
		doc.EStatus = receivable.EStatusDisputed
	case "refused", "210", "refusee":
		doc.EStatus = receivable.EStatusRefused
	case "rejected", "213", "rejetee", "501", "irrecevable", "220", "annulee", "221", "erreur de routage":
		doc.EStatus = receivable.EStatusRejected
	case "paid", "212", "encaissee", "payee":
		doc.EStatus = receivable.EStatusPaid
	case "suspended", "208", "suspendue":
		doc.EStatus = receivable.EStatusSuspended
	case "approved", "205", "approuvee":
		doc.EStatus = receivable.EStatusApproved
	case "211", "paiement transmis":
		doc.EStatus, doc.Standing = receivable.EStatusOther, receivable.StandingIncoming
	case "assigned", "225", "affacturee":
		doc.EStatus, doc.Assigned = receivable.EStatusOther, true
	default:
		doc.EStatus = receivable.EStatusOther
	}
}
