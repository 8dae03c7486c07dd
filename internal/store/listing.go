package store

import (
	"errors"
	"slices"
	"strings"

	"relanced/internal/receivable"
)

var seenColumns = []column{{"connection", "bigint"}, {"kind", "text"}, {"part", "text"}, {"external", "text"}, {"generation", "bigint"}}

// generation is that of the listing under way: one more than the last whole one.
func (w *writer) generation() (int64, error) {
	l := w.page.Listing
	var last int64
	err := w.one([]any{&last}, "SELECT generation FROM listing WHERE connection = $1 AND kind = $2 AND part = $3", w.conn, l.Kind, l.Part)
	if errors.Is(err, ErrNotFound) {
		_, err = w.exec("INSERT INTO listing (connection, kind, part, generation, as_of) VALUES ($1, $2, $3, 0, 0)", w.conn, l.Kind, l.Part)
	}
	return last + 1, err
}

// linkMark stands between group, item and kind where an allocation has one key:
// texts of PostgreSQL hold no NUL.
const linkMark = "\x1f"

// seen notes the keys that a listing named.
func (w *writer) seen() error {
	l := w.page.Listing
	if l == nil {
		return nil
	}
	var externals []string
	switch l.Kind {
	case receivable.ItemAccount:
		externals = keys(w.page.Accounts, func(a receivable.Account) string { return clean(a.External) })
	case receivable.ItemDocument:
		externals = keys(w.page.Documents, func(d receivable.Document) string { return clean(d.External) })
	case receivable.ItemPayment:
		externals = keys(w.page.Payments, func(p receivable.Payment) string { return clean(p.External) })
	case receivable.ItemAllocation:
		externals = keys(w.page.Allocations, func(a receivable.Allocation) string {
			return clean(a.Group) + linkMark + clean(a.Item) + linkMark + string(a.Kind)
		})
	}
	for _, ref := range w.page.Seen {
		if ref.Kind == l.Kind {
			externals = append(externals, clean(ref.External))
		}
	}
	// A row that is there and could not be read is not absent.
	for _, bad := range w.page.Bad {
		if bad.Ref.Kind == l.Kind && bad.Ref.External != "" {
			externals = append(externals, clean(bad.Ref.External))
		}
	}
	slices.Sort(externals)
	externals = slices.Compact(externals)
	generation, err := w.generation()
	if err != nil {
		return err
	}
	rows := make([][]any, len(externals))
	for i, e := range externals {
		rows[i] = []any{w.conn, string(l.Kind), clean(l.Part), e, generation}
	}
	return w.upsertMany("seen", seenColumns, rows, "(connection, kind, part, external) DO UPDATE SET generation = excluded.generation")
}

// absent acts on what a whole listing did not name. A listing of all or of what
// is open covers the connection; a snapshot covers what the one before it named.
func (w *writer) absent() error {
	l := w.page.Listing
	if l == nil || !w.page.Whole {
		return nil
	}
	generation, err := w.generation()
	if err != nil {
		return err
	}
	table := string(l.Kind)
	covers := ""
	switch l.Part {
	case "all":
	case "open":
		switch l.Kind { //nolint:exhaustive // the others have no open part
		case receivable.ItemDocument:
			covers = " AND t.outstanding <> 0"
		case receivable.ItemPayment:
			covers = " AND t.unallocated <> 0"
		}
	default:
		covers = " AND EXISTS (SELECT 1 FROM seen p WHERE p.connection = t.connection AND p.kind = $2 AND p.part = $3 AND p.external = t.external)"
	}
	if l.Kind == receivable.ItemPayment {
		covers += " AND t.derived = FALSE"
	}
	if l.Kind == receivable.ItemAccount {
		covers += " AND t.hash <> ''"
	}
	args := []any{w.conn, l.Kind, l.Part, generation}
	external := "t.external"
	if l.Kind == receivable.ItemAllocation {
		external = "t.grp || CAST($5 AS TEXT) || t.item || CAST($5 AS TEXT) || t.kind"
		args = append(args, linkMark)
		covers += " AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.connection = t.connection AND p.external = t.grp AND p.derived = TRUE)"
	}
	var ids []int64
	var externals []string
	err = w.each(func(scan scanner) error {
		var id int64
		var external string
		err := scan(&id, &external)
		ids, externals = append(ids, id), append(externals, external)
		return err
	}, "SELECT t.id, "+external+" FROM "+table+" t WHERE t.connection = $1 AND t.gone_at = 0"+covers+
		" AND NOT EXISTS (SELECT 1 FROM seen s WHERE s.connection = t.connection AND s.kind = $2 AND s.part = $3 AND s.external = "+external+" AND s.generation = $4) ORDER BY t.id", args...)
	if err != nil {
		return err
	}
	switch {
	case l.Absent == AbsentReread && l.Kind == receivable.ItemDocument:
		w.counts.Reread = append(w.counts.Reread, externals...)
	case l.Absent == AbsentSettled && l.Kind == receivable.ItemDocument:
		err = w.settle(ids)
	case l.Absent == AbsentSettled && l.Kind == receivable.ItemPayment:
		err = w.vanish(l.Kind, ids)
	case l.Absent == AbsentGone:
		err = w.vanish(l.Kind, ids)
	}
	if err != nil {
		return err
	}
	forget := "DELETE FROM seen WHERE connection = $1 AND kind = $2 AND part = $3"
	args = []any{w.conn, l.Kind, l.Part}
	if l.Part != "all" && l.Part != "open" {
		forget += " AND generation < $4"
		args = append(args, generation)
	}
	if _, err := w.exec(forget, args...); err != nil {
		return err
	}
	_, err = w.exec("UPDATE listing SET generation = $4, as_of = $5 WHERE connection = $1 AND kind = $2 AND part = $3", w.conn, l.Kind, l.Part, generation, w.page.AsOf)
	return err
}

// settle makes documents settled that the source lists no longer: nothing of
// them is outstanding, and the money is told as a derived payment.
func (w *writer) settle(ids []int64) error {
	type open struct {
		id, outstanding, customer int64
		external                  string
		currency                  string
		kind                      receivable.DocumentKind
		row                       documentRow
	}
	var rows []open
	if len(ids) == 0 {
		return nil
	}
	err := w.each(func(scan scanner) error {
		var o open
		err := scan(&o.id, &o.external, &o.customer, &o.kind, &o.currency, &o.outstanding, doc(&o.row))
		rows = append(rows, o)
		return err
	}, "SELECT id, external, customer, kind, currency, outstanding, content FROM document WHERE outstanding <> 0 AND "+w.in("id", 1)+" ORDER BY id", numbers(ids))
	if err != nil {
		return err
	}
	now := micros(w.now)
	var updates [][]any
	var kept []int64
	var falls []fall
	for _, o := range rows {
		kept = append(kept, o.id)
		o.row.Outstanding = 0
		for i := range o.row.Dues {
			o.row.Dues[i].Outstanding = 0
		}
		content, _ := contentOf(o.row)
		// Without a hash, the row counts as changed when the source names it again.
		updates = append(updates, []any{o.id, int64(0), "", content, now, w.round})
		w.counts.Changed++
		w.counts.Closed++
		w.rose(o.kind, -o.outstanding, o.row.Currency)
		w.tally.document(-1, o.kind, o.currency, o.outstanding)
		w.tally.document(1, o.kind, o.currency, 0)
		w.touch[o.customer] = true
		if o.kind == receivable.Invoice && o.outstanding > 0 {
			falls = append(falls, fall{o.external, o.row.Account, o.outstanding, o.row.Currency})
		}
	}
	if err := w.keep("document", kept); err != nil {
		return err
	}
	err = w.updateMany("document", []column{
		{"id", "bigint"}, {"outstanding", "bigint"}, {"hash", "text"}, {"content", "text"}, {"since", "bigint"}, {"round", "bigint"},
	}, updates)
	if err != nil {
		return err
	}
	if _, err := w.exec("UPDATE due SET outstanding = 0, changed_at = $1 WHERE outstanding <> 0 AND "+w.in("document", 2), w.now, numbers(kept)); err != nil {
		return err
	}
	return w.derive(falls)
}

// bad keeps what could not be read, and forgets what was read since.
func (w *writer) bad() error {
	w.counts.Rejected += len(w.page.Bad)
	var any1 int64
	if err := w.one([]any{&any1}, "SELECT count(*) FROM (SELECT 1 FROM bad WHERE connection = $1 LIMIT 1) x", w.conn); err != nil {
		return err
	}
	if any1 > 0 {
		read := map[receivable.ItemKind][]string{
			receivable.ItemAccount:  keys(w.page.Accounts, func(a receivable.Account) string { return a.External }),
			receivable.ItemDocument: keys(w.page.Documents, func(d receivable.Document) string { return d.External }),
			receivable.ItemPayment:  keys(w.page.Payments, func(p receivable.Payment) string { return p.External }),
		}
		for _, list := range [][]Rejected{w.page.Bad, w.page.Notes} {
			for _, b := range list {
				if b.Ref.External != "" {
					read[b.Ref.Kind] = append(read[b.Ref.Kind], b.Ref.External)
				}
			}
		}
		for kind, externals := range read {
			if _, err := w.exec("DELETE FROM bad WHERE connection = $1 AND kind = $2 AND "+w.in("external", 3), w.conn, kind, texts(externals)); err != nil {
				return err
			}
		}
	}
	if err := w.unreadable(any1 > 0); err != nil {
		return err
	}
	for i, list := range [][]Rejected{w.page.Bad, w.page.Notes} {
		for _, b := range list {
			_, err := w.exec("INSERT INTO bad (connection, kind, external, file, line, text, note, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
				w.conn, b.Ref.Kind, b.Ref.External, b.File, b.Line, b.Text, i == 1, w.now)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// cannotRead begins the problem of a document whose row can no longer be read.
const cannotRead = "the source's row cannot be read any more: "

// unreadable marks known documents of which the source gave a row that cannot
// be read: what is known of them may be wrong. The mark goes when they are read.
func (w *writer) unreadable(some bool) error {
	if some && len(w.page.Documents) > 0 {
		err := w.mark("", "problem LIKE '"+strings.ReplaceAll(cannotRead, "'", "''")+"%' AND "+w.in("external", 3),
			texts(keys(w.page.Documents, func(d receivable.Document) string { return d.External })))
		if err != nil {
			return err
		}
	}
	for _, b := range w.page.Bad {
		if b.Ref.Kind == receivable.ItemDocument && b.Ref.External != "" {
			if err := w.mark(cannotRead+b.Text, "external = $3", b.Ref.External); err != nil {
				return err
			}
		}
	}
	return nil
}

// mark gives documents a problem that is not theirs yet; the condition begins
// with argument 3.
func (w *writer) mark(problem, where string, arg any) error {
	var ids []int64
	err := w.each(func(scan scanner) error {
		var id, customer int64
		err := scan(&id, &customer)
		ids = append(ids, id)
		w.touch[customer] = true
		return err
	}, "SELECT id, customer FROM document WHERE connection = $1 AND problem <> $2 AND "+where+" ORDER BY id", w.conn, problem, arg)
	if err != nil {
		return err
	}
	return w.setProblem(ids, problem)
}
