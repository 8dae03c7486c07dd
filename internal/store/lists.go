package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// InvoiceFilter chooses documents. The zero filter: those of every company
// with something left.
type InvoiceFilter struct {
	Company  receivable.CompanyID
	Customer dossier.CustomerID
	All      bool // settled and vanished ones too
}

// InvoiceRow is a document as the invoices command shows it.
type InvoiceRow struct {
	ID               dossier.DocumentID
	Company          receivable.CompanyID
	Connection       receivable.ConnectionID
	External         string
	Customer         string // code
	CustomerID       dossier.CustomerID
	ExternalCustomer string
	Name             string
	Number           string
	Kind             receivable.DocumentKind
	IssuedOn         calendar.Date
	DueOn            calendar.Date // earliest open due line
	Total            money.Amount
	Outstanding      money.Amount
	Dues             []receivable.Due
	GoneAt           time.Time
	Problems         []string
}

// CustomerRow is an account in one currency, as the customers command shows it.
type CustomerRow struct {
	ID          dossier.CustomerID
	Company     receivable.CompanyID
	Connection  receivable.ConnectionID
	External    string
	Code        string
	Name        string
	Kind        receivable.Kind
	Emails      []string
	Outstanding money.Amount
	Overdue     money.Amount
	Credit      money.Amount
	Held        bool // some hold of the whole customer lasts
	NextAt      time.Time
}

// AgedRow is a customer's open lines by age, in one currency.
type AgedRow struct {
	ID     dossier.CustomerID
	Code   string
	Name   string
	Ages   receivable.AgedBalance
	Credit money.Amount // not netted
}

// ReplyRow is an incoming message as the replies command shows it.
type ReplyRow struct {
	Incoming

	Customer   dossier.CustomerID
	Code       string
	Name       string
	Message    dossier.MessageID
	Label      string
	Confidence string
}

// EventRow is an event with the customer's code.
type EventRow struct {
	Event

	Code string
}

const invoiceQuery = `SELECT d.id, k.company, n.name, d.external, r.code, k.root, a.external, a.name, d.number, d.kind, d.content, d.problem, d.gone_at, r.overlay
FROM document d JOIN connection n ON n.id = d.connection JOIN account a ON a.id = d.account JOIN customer k ON k.id = d.customer JOIN customer r ON r.id = k.root `

func scanInvoice(scan scanner) (InvoiceRow, error) {
	var r InvoiceRow
	var row documentRow
	var problem string
	var overlay Overlay
	err := scan(&r.ID, &r.Company, &r.Connection, &r.External, &r.Customer, &r.CustomerID, &r.ExternalCustomer, &r.Name, &r.Number, &r.Kind, doc(&row), &problem, at(&r.GoneAt), doc(&overlay))
	r.Name = cmp.Or(overlay.Name, r.Name, r.Customer)
	r.IssuedOn, r.Total, r.Outstanding = row.IssuedOn, amount(row.Total, row.Currency).Abs(), amount(row.Outstanding, row.Currency)
	if r.Kind == receivable.CreditNote {
		r.Outstanding = r.Outstanding.Abs()
	}
	for _, d := range row.Dues {
		r.Dues = append(r.Dues, receivable.Due{Rank: d.Rank, On: d.On, Total: amount(d.Total, row.Currency), Outstanding: amount(d.Outstanding, row.Currency), Estimated: d.Estimated})
		if d.Outstanding != 0 && d.On != 0 && (r.DueOn == 0 || d.On < r.DueOn) {
			r.DueOn = d.On
		}
	}
	if r.DueOn == 0 && r.Outstanding.IsZero() && len(row.Dues) > 0 {
		r.DueOn = row.Dues[len(row.Dues)-1].On
	}
	for _, p := range []string{problem, row.Note} {
		if p != "" {
			r.Problems = append(r.Problems, p)
		}
	}
	return r, err
}

// Invoices yields documents by company, connection and number. What was read is
// not kept: a million of them cost no memory.
func (s *Store) Invoices(ctx context.Context, f InvoiceFilter) iter.Seq2[InvoiceRow, error] {
	query := invoiceQuery + "WHERE ($1 = '' OR k.company = $1) AND (k.root = $2 OR CAST($2 AS BIGINT) = 0)"
	if !f.All {
		query += " AND d.outstanding <> 0 AND d.gone_at = 0"
	}
	return stream(ctx, s, scanInvoice, query+" ORDER BY k.company, n.name, d.number, d.id", f.Company, f.Customer)
}

var errStop = errors.New("no more wanted")

// stream yields rows as they are read.
func stream[T any](ctx context.Context, s *Store, row func(scanner) (T, error), query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := s.View(ctx, func(tx *Tx) error {
			return tx.each(func(scan scanner) error {
				v, err := row(scan)
				if err == nil && !yield(v, nil) {
					err = errStop
				}
				return err
			}, query, args...)
		})
		if err != nil && !errors.Is(err, errStop) {
			var zero T
			yield(zero, err)
		}
	}
}

// Document returns the mirrored document with its connection.
func (s *Store) Document(ctx context.Context, id dossier.DocumentID) (InvoiceRow, error) {
	return view(ctx, s, func(tx *Tx) (InvoiceRow, error) {
		list, err := all(tx, scanInvoice, invoiceQuery+"WHERE d.id = $1", id)
		if err == nil && len(list) == 0 {
			err = fmt.Errorf("invoice %d: %w", id, ErrNotFound)
		}
		if err != nil {
			return InvoiceRow{}, err
		}
		return list[0], nil
	})
}

// filedAway tells by its content that a document was archived in the source:
// nobody expects its money. Within a text of the content the quotes are escaped.
const filedAway = `d.content LIKE '%"s":"` + string(receivable.StandingArchived) + `"%'`

// Customers yields accounts, one row per currency, by name; today decides what
// is overdue. What the source archived counts in no sum.
func (s *Store) Customers(ctx context.Context, company receivable.CompanyID, today calendar.Date) iter.Seq2[CustomerRow, error] {
	return stream(ctx, s, func(scan scanner) (CustomerRow, error) {
		var r CustomerRow
		var said receivable.Account
		var overlay Overlay
		var currency string
		var next int64
		err := scan(&r.ID, &r.Company, &r.Connection, &r.External, &r.Code, doc(&said), doc(&overlay), &currency, &r.Outstanding.Minor, &r.Overdue.Minor, &r.Credit.Minor, &r.Held, &next)
		r.Outstanding.Currency, r.Overdue.Currency, r.Credit.Currency = currency, currency, currency
		var c dossier.Customer
		c.Code = r.Code
		fill(&c, said, overlay)
		r.Name, r.Kind, r.Emails = c.Name, c.Kind, c.Emails
		if next != never {
			r.NextAt = instantOf(next)
		}
		return r, err
	}, `WITH money (account, currency, outstanding, overdue, credit) AS (
  SELECT d.account, d.currency, l.outstanding, CASE WHEN l.due_on <> '' AND l.due_on < $2 THEN l.outstanding ELSE 0 END, 0
  FROM due l JOIN document d ON d.id = l.document WHERE l.outstanding <> 0 AND l.gone_at = 0 AND d.gone_at = 0 AND NOT `+filedAway+`
  UNION ALL SELECT d.account, d.currency, 0, 0, abs(d.outstanding) FROM document d WHERE d.kind = 'credit_note' AND d.outstanding <> 0 AND d.gone_at = 0
  UNION ALL SELECT p.account, p.currency, 0, 0, p.unallocated FROM payment p WHERE p.unallocated > 0 AND p.gone_at = 0),
sums AS (SELECT account, currency, CAST(sum(outstanding) AS BIGINT) AS outstanding, CAST(sum(overdue) AS BIGINT) AS overdue, CAST(sum(credit) AS BIGINT) AS credit FROM money GROUP BY account, currency)
SELECT k.root, k.company, n.name, a.external, k.code, a.content, k.overlay, coalesce(s.currency, ''), coalesce(s.outstanding, 0), coalesce(s.overdue, 0), coalesce(s.credit, 0),
  EXISTS (SELECT 1 FROM hold h WHERE h.customer IN (k.id, k.root) AND h.document = 0 AND h.ended_at = 0 AND (h.until_on = '' OR h.until_on > $2)), coalesce(g.next_at, 0)
FROM account a JOIN customer k ON k.id = a.customer JOIN connection n ON n.id = a.connection LEFT JOIN sums s ON s.account = a.id LEFT JOIN agenda g ON g.customer = k.root
WHERE ($1 = '' OR k.company = $1) AND (a.gone_at = 0 OR s.account IS NOT NULL) AND (a.hash <> '' OR s.account IS NOT NULL)
ORDER BY lower(a.name), a.id, s.currency`, company, today)
}

// Aged returns open lines by age at the end of that day, per customer and
// currency, by currency, of each the largest overdue first. What the source
// archived does not count. at zero: as known now; else as known then.
func (s *Store) Aged(ctx context.Context, company receivable.CompanyID, today calendar.Date, at time.Time) ([]AgedRow, error) {
	ids, err := s.OpenCustomerIDs(ctx, company)
	if !at.IsZero() {
		ids, err = s.CustomerIDs(ctx, company)
	} else if err == nil {
		// Credits count also where nothing else is open.
		more, err := s.ids(ctx, `SELECT DISTINCT c.root FROM customer c WHERE c.company = $1 AND (
  EXISTS (SELECT 1 FROM document d WHERE d.customer = c.id AND d.outstanding <> 0 AND d.gone_at = 0)
  OR EXISTS (SELECT 1 FROM payment p WHERE p.customer = c.id AND p.unallocated <> 0 AND p.gone_at = 0))`, company)
		if err != nil {
			return nil, err
		}
		ids = slices.Concat(ids, more)
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	if err != nil {
		return nil, err
	}
	var rows []AgedRow
	for chunk := range slices.Chunk(ids, 500) {
		list, err := view(ctx, s, func(tx *Tx) ([]dossier.Dossier, error) { return tx.gather(chunk, gathering{at: at}) })
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			rows = append(rows, aged(d, today)...)
		}
	}
	slices.SortStableFunc(rows, func(a, b AgedRow) int {
		if by := cmp.Compare(a.Credit.Currency, b.Credit.Currency); by != 0 {
			return by // amounts of several do not compare
		}
		return cmp.Or(b.Ages.Overdue().Cmp(a.Ages.Overdue()), b.Ages.Total().Cmp(a.Ages.Total()), cmp.Compare(a.Code, b.Code), cmp.Compare(a.ID, b.ID))
	})
	return rows, nil
}

func aged(d dossier.Dossier, today calendar.Date) []AgedRow {
	var rows []AgedRow
	of := func(currency string) *AgedRow {
		for i := range rows {
			if rows[i].Credit.Currency == currency {
				return &rows[i]
			}
		}
		rows = append(rows, AgedRow{d.Customer.ID, d.Customer.Code, d.Customer.Name, receivable.NoBalance(currency), amount(0, currency)})
		return &rows[len(rows)-1]
	}
	for _, l := range d.Lines {
		if l.Outstanding.IsZero() || !l.GoneAt.IsZero() || l.Standing == receivable.StandingArchived {
			continue
		}
		of(l.Outstanding.Currency).Ages.Add(l.DueOn, today, l.Outstanding)
	}
	for _, c := range d.Credits {
		r := of(c.Amount.Currency)
		r.Credit = r.Credit.Add(c.Amount)
	}
	return rows
}

// Replies lists matched incoming messages, newest first. since zero: all.
func (s *Store) Replies(ctx context.Context, company receivable.CompanyID, since time.Time) ([]ReplyRow, error) {
	return view(ctx, s, func(tx *Tx) ([]ReplyRow, error) {
		return all(tx, func(scan scanner) (ReplyRow, error) {
			var r ReplyRow
			var labels string
			var overlay Overlay
			err := scan(append(incomingDest(&r.Incoming, &labels), &r.Customer, &r.Message, &r.Code, &r.Name, doc(&overlay))...)
			r.Labels = []byte(labels)
			r.Name = cmp.Or(overlay.Name, r.Name, r.Code)
			return r, err
		}, "SELECT "+incomingColumns+`, x.customer, x.outbox, k.code, coalesce((SELECT a.name FROM account a WHERE a.customer = k.id ORDER BY a.id LIMIT 1), ''), k.overlay
FROM message_match x JOIN message_in m ON m.id = x.message JOIN customer k ON k.id = x.customer
WHERE ($1 = '' OR m.company = $1) AND m.recorded_at >= $2 ORDER BY m.received_at DESC, m.id DESC, x.customer`, company, since)
	})
}
