package store

import (
	"slices"

	"relanced/internal/money"
	"relanced/internal/receivable"
)

var (
	documentColumns = []column{
		{"id", "bigint"},
		{"connection", "bigint"},
		{"external", "text"},
		{"account", "bigint"},
		{"customer", "bigint"},
		{"kind", "text"},
		{"number", "text"},
		{"folded", "text"},
		{"currency", "text"},
		{"total", "bigint"},
		{"outstanding", "bigint"},
		{"hash", "text"},
		{"content", "text"},
		{"since", "bigint"},
		{"first_seen_at", "bigint"},
		{"round", "bigint"},
	}
	documentChanged = []column{
		{"id", "bigint"},
		{"account", "bigint"},
		{"customer", "bigint"},
		{"kind", "text"},
		{"number", "text"},
		{"folded", "text"},
		{"currency", "text"},
		{"total", "bigint"},
		{"outstanding", "bigint"},
		{"hash", "text"},
		{"content", "text"},
		{"since", "bigint"},
		{"round", "bigint"},
		{"gone_at", "bigint"},
	}
	dueColumns = []column{
		{"document", "bigint"},
		{"customer", "bigint"},
		{"rank", "bigint"},
		{"due_on", "text"},
		{"total", "bigint"},
		{"outstanding", "bigint"},
		{"estimated", "boolean"},
		{"changed_at", "bigint"},
	}
	dueChanged = []column{
		{"id", "bigint"},
		{"customer", "bigint"},
		{"due_on", "text"},
		{"total", "bigint"},
		{"outstanding", "bigint"},
		{"estimated", "boolean"},
		{"changed_at", "bigint"},
		{"gone_at", "bigint"},
	}
)

// changedDocument is a document whose content differs from what is stored.
type changedDocument struct {
	known
	doc receivable.Document
	row documentRow
}

func (w *writer) documents() error {
	if len(w.page.Documents) == 0 {
		return nil
	}
	docs := slices.Clone(w.page.Documents)
	for i := range docs {
		docs[i].External = clean(docs[i].External)
		if docs[i].Kind == "" {
			docs[i].Kind = receivable.Invoice
		}
	}
	docs = sorted(docs, func(d receivable.Document) string { return d.External })
	w.counts.DocumentsSeen += len(docs)
	have, err := w.lookup("document", keys(docs, func(d receivable.Document) string { return d.External }))
	if err != nil {
		return err
	}
	owners, err := w.owners(keys(docs, func(d receivable.Document) string { return d.Account }))
	if err != nil {
		return err
	}
	now := micros(w.now)
	var fresh, dues, changes [][]any
	var changed []changedDocument
	var kept []int64
	for _, d := range docs {
		row := documentContent(d)
		content, hash := contentOf(struct {
			K receivable.DocumentKind
			documentRow
		}{d.Kind, row})
		owner := owners[clean(d.Account)]
		k, ok := have[d.External]
		switch {
		case !ok:
			w.counts.New++
			fresh = append(fresh, []any{
				int64(0), w.conn, d.External, owner.id, owner.customer, string(d.Kind), clean(d.Number), fold(clean(d.Number)), clean(row.Currency),
				row.Total, row.Outstanding, hash, content, now, now, w.round,
			})
			w.rose(d.Kind, row.Outstanding, row.Currency)
			w.tally.document(1, d.Kind, clean(row.Currency), row.Outstanding)
			dues = append(dues, w.dueRows(len(fresh)-1, owner.customer, row)...)
		case k.hash == hash && !k.gone && k.account == owner.id:
			w.counts.Unchanged++
			continue
		default:
			w.counts.Changed++
			kept = append(kept, k.id)
			changes = append(changes, []any{
				k.id, owner.id, owner.customer, string(d.Kind), clean(d.Number), fold(clean(d.Number)), clean(row.Currency), row.Total,
				row.Outstanding, hash, content, now, w.round, int64(0),
			})
			w.touch[k.customer] = true
			k.customer = owner.customer
			changed = append(changed, changedDocument{k, d, row})
		}
		w.touch[owner.customer] = true
	}
	ids, err := w.newIDs("document", len(fresh))
	if err != nil {
		return err
	}
	for i, id := range ids {
		fresh[i][0] = id
	}
	for _, due := range dues {
		due[0] = ids[due[0].(int)] //nolint:forcetypeassert // set by dueRows
	}
	old, err := w.stored(kept)
	if err != nil {
		return err
	}
	if err := w.keep("document", kept); err != nil {
		return err
	}
	if err := w.insertMany("document", documentColumns, fresh); err != nil {
		return err
	}
	if err := w.insertMany("due", dueColumns, dues); err != nil {
		return err
	}
	if err := w.updateMany("document", documentChanged, changes); err != nil {
		return err
	}
	return w.changeDues(changed, old)
}

// dueRows are the due lines of the document that stands at place n of the new ones.
func (w *writer) dueRows(n int, customer int64, row documentRow) [][]any {
	rows := make([][]any, 0, len(row.Dues))
	seen := map[int]bool{}
	for _, d := range row.Dues {
		if !seen[d.Rank] {
			seen[d.Rank] = true
			rows = append(rows, []any{n, customer, int64(d.Rank), d.On.String(), d.Total, d.Outstanding, d.Estimated, micros(w.now)})
		}
	}
	return rows
}

// storedDue is a due line as it stands; storedDocument what it belongs to.
type storedDue struct {
	id, document, customer, total, outstanding int64
	rank                                       int
	on                                         string
	estimated, gone                            bool
}

type storedDocument struct {
	kind        receivable.DocumentKind
	currency    string
	outstanding int64
	gone        bool
	dues        map[int]storedDue
}

func (w *writer) stored(ids []int64) (map[int64]storedDocument, error) {
	found := map[int64]storedDocument{}
	if len(ids) == 0 {
		return found, nil
	}
	err := w.each(func(scan scanner) error {
		var id, gone int64
		d := storedDocument{dues: map[int]storedDue{}}
		err := scan(&id, &d.kind, &d.currency, &d.outstanding, &gone)
		d.gone = gone != 0
		found[id] = d
		return err
	}, "SELECT id, kind, currency, outstanding, gone_at FROM document WHERE "+w.in("id", 1), numbers(ids))
	if err != nil {
		return nil, err
	}
	err = w.each(func(scan scanner) error {
		var d storedDue
		var gone int64
		err := scan(&d.id, &d.document, &d.customer, &d.rank, &d.on, &d.total, &d.outstanding, &d.estimated, &gone)
		d.gone = gone != 0
		found[d.document].dues[d.rank] = d
		return err
	}, "SELECT id, document, customer, rank, due_on, total, outstanding, estimated, gone_at FROM due WHERE "+w.in("document", 1), numbers(ids))
	return found, err
}

// changeDues brings the due lines of changed documents up to date, and counts
// what the breaker looks at.
func (w *writer) changeDues(changed []changedDocument, old map[int64]storedDocument) error {
	var fresh, updates [][]any
	var falls []fall
	for _, c := range changed {
		was := old[c.id]
		before := was.outstanding
		if was.gone {
			before = 0
		} else {
			w.tally.document(-1, was.kind, was.currency, was.outstanding)
		}
		w.tally.document(1, c.doc.Kind, clean(c.row.Currency), c.row.Outstanding)
		if was.kind == receivable.Invoice {
			w.rose(was.kind, -before, was.currency)
		}
		w.rose(c.doc.Kind, c.row.Outstanding, c.row.Currency)
		if c.doc.Kind == receivable.Invoice && before == 0 && c.row.Outstanding != 0 {
			w.counts.Reopened++
		}
		if before != 0 && c.row.Outstanding == 0 {
			w.counts.Closed++
		}
		if c.doc.Kind == receivable.Invoice && was.currency == c.row.Currency && before > c.row.Outstanding {
			falls = append(falls, fall{external: c.doc.External, account: c.doc.Account, amount: before - c.row.Outstanding, currency: was.currency})
		}
		named := map[int]bool{}
		for _, d := range c.row.Dues {
			if named[d.Rank] {
				continue
			}
			named[d.Rank] = true
			s, ok := was.dues[d.Rank]
			at := micros(w.now)
			switch {
			case !ok:
				fresh = append(fresh, []any{c.id, c.customer, int64(d.Rank), d.On.String(), d.Total, d.Outstanding, d.Estimated, at})
				continue
			case s.on == d.On.String() && s.total == d.Total && s.outstanding == d.Outstanding && s.estimated == d.Estimated && !s.gone && s.customer == c.customer:
				continue
			}
			if s.on != d.On.String() {
				w.counts.DatesMoved++
			}
			updates = append(updates, []any{s.id, c.customer, d.On.String(), d.Total, d.Outstanding, d.Estimated, at, int64(0)})
		}
		for rank, s := range was.dues {
			if !named[rank] && !s.gone {
				updates = append(updates, []any{s.id, c.customer, s.on, s.total, int64(0), s.estimated, micros(w.now), micros(w.now)})
			}
		}
	}
	if err := w.insertMany("due", dueColumns, fresh); err != nil {
		return err
	}
	if err := w.updateMany("due", dueChanged, updates); err != nil {
		return err
	}
	return w.derive(falls)
}

// rose notes by how much what is open changed.
func (w *writer) rose(kind receivable.DocumentKind, by int64, currency string) {
	if kind != receivable.Invoice || by == 0 {
		return
	}
	w.counts.Outstanding = addTo(w.counts.Outstanding, amount(by, currency))
}

func addTo(sums []money.Amount, a money.Amount) []money.Amount {
	for i := range sums {
		if sums[i].Currency == a.Currency {
			sums[i] = sums[i].Add(a)
			return sums
		}
	}
	return append(sums, a)
}
