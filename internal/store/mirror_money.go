package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"relanced/internal/receivable"
)

var (
	paymentColumns = []column{
		{"id", "bigint"},
		{"connection", "bigint"},
		{"external", "text"},
		{"account", "bigint"},
		{"customer", "bigint"},
		{"paid_on", "text"},
		{"currency", "text"},
		{"amount", "bigint"},
		{"unallocated", "bigint"},
		{"derived", "boolean"},
		{"hash", "text"},
		{"content", "text"},
		{"since", "bigint"},
		{"first_seen_at", "bigint"},
	}
	paymentChanged = []column{
		{"id", "bigint"},
		{"account", "bigint"},
		{"customer", "bigint"},
		{"paid_on", "text"},
		{"currency", "text"},
		{"amount", "bigint"},
		{"unallocated", "bigint"},
		{"derived", "boolean"},
		{"hash", "text"},
		{"content", "text"},
		{"since", "bigint"},
		{"gone_at", "bigint"},
	}
	allocationColumns = []column{
		{"connection", "bigint"},
		{"grp", "text"},
		{"item", "text"},
		{"kind", "text"},
		{"currency", "text"},
		{"amount", "bigint"},
		{"hash", "text"},
		{"content", "text"},
		{"since", "bigint"},
		{"first_seen_at", "bigint"},
		{"round", "bigint"},
	}
	allocationChanged = []column{
		{"id", "bigint"},
		{"kind", "text"},
		{"currency", "text"},
		{"amount", "bigint"},
		{"hash", "text"},
		{"content", "text"},
		{"since", "bigint"},
		{"round", "bigint"},
		{"gone_at", "bigint"},
	}
)

func (w *writer) payments() error {
	if len(w.page.Payments) == 0 {
		return nil
	}
	rows := slices.Clone(w.page.Payments)
	for i := range rows {
		rows[i].External = clean(rows[i].External)
	}
	rows = sorted(rows, func(p receivable.Payment) string { return p.External })
	have, err := w.lookup("payment", keys(rows, func(p receivable.Payment) string { return p.External }))
	if err != nil {
		return err
	}
	owners, err := w.owners(keys(rows, func(p receivable.Payment) string { return p.Account }))
	if err != nil {
		return err
	}
	now := micros(w.now)
	var fresh, changed [][]any
	var kept []int64
	for _, p := range rows {
		row := paymentContent(p)
		content, hash := contentOf(row)
		owner := owners[clean(p.Account)]
		k, ok := have[p.External]
		switch {
		case !ok:
			w.counts.New++
			w.tally.Payments++
			fresh = append(fresh, []any{
				int64(0), w.conn, p.External, owner.id, owner.customer, p.On.String(), clean(row.Currency), row.Amount, row.Unallocated,
				p.Derived, hash, content, now, now,
			})
		case k.hash == hash && !k.gone && k.account == owner.id:
			w.counts.Unchanged++
			continue
		default:
			w.counts.Changed++
			if k.gone {
				w.tally.Payments++
			}
			kept = append(kept, k.id)
			w.touch[k.customer] = true
			changed = append(changed, []any{
				k.id, owner.id, owner.customer, p.On.String(), clean(row.Currency), row.Amount, row.Unallocated, p.Derived, hash, content,
				now, int64(0),
			})
		}
		w.touch[owner.customer] = true
		w.linked[p.External] = true
	}
	ids, err := w.newIDs("payment", len(fresh))
	if err != nil {
		return err
	}
	for i, id := range ids {
		fresh[i][0] = id
	}
	if err := w.keep("payment", kept); err != nil {
		return err
	}
	if err := w.insertMany("payment", paymentColumns, fresh); err != nil {
		return err
	}
	return w.updateMany("payment", paymentChanged, changed)
}

// allocationKey names a link within its connection. An invoice and a payment may
// have the same id in their source, and stand in one group.
func allocationKey(a receivable.Allocation) string {
	return linkKey(clean(a.Group), clean(a.Item), a.Kind)
}

func linkKey(group, item string, kind receivable.ItemKind) string {
	return group + "\x00" + item + "\x00" + string(kind)
}

func (w *writer) allocations() error {
	if len(w.page.Allocations)+len(w.page.Groups) == 0 {
		return nil
	}
	rows := sorted(w.page.Allocations, allocationKey)
	type stored struct {
		id   int64
		hash string
		gone bool
	}
	have := map[string]stored{}
	groups := make([]string, 0, len(rows)+len(w.page.Groups))
	for _, a := range rows {
		groups = append(groups, clean(a.Group))
	}
	whole := map[string]bool{}
	for _, g := range w.page.Groups {
		groups = append(groups, clean(g))
		whole[clean(g)] = true
	}
	slices.Sort(groups)
	var ended []int64 // of groups told whole, what they name no more
	named := map[string]bool{}
	for _, a := range rows {
		named[allocationKey(a)] = true
	}
	for chunk := range slices.Chunk(slices.Compact(groups), 5000) {
		err := w.each(func(scan scanner) error {
			var s stored
			var group, item string
			var kind receivable.ItemKind
			var gone int64
			err := scan(&s.id, &group, &item, &kind, &s.hash, &gone)
			s.gone = gone != 0
			key := linkKey(group, item, kind)
			have[key] = s
			if whole[group] && !s.gone && !named[key] {
				ended = append(ended, s.id)
			}
			return err
		}, "SELECT id, grp, item, kind, hash, gone_at FROM allocation WHERE connection = $1 AND "+w.in("grp", 2), w.conn, texts(chunk))
		if err != nil {
			return err
		}
	}
	now := micros(w.now)
	var fresh, changed [][]any
	var kept []int64
	for _, a := range rows {
		row := allocationRow{a.Kind, a.Amount.Minor, a.Amount.Currency}
		content, hash := contentOf(row)
		s, ok := have[allocationKey(a)]
		switch {
		case !ok:
			w.counts.New++
			fresh = append(fresh, []any{w.conn, clean(a.Group), clean(a.Item), string(a.Kind), clean(row.Currency), row.Amount, hash, content, now, now, w.round})
		case s.hash == hash && !s.gone:
			w.counts.Unchanged++
			continue
		default:
			w.counts.Changed++
			kept = append(kept, s.id)
			changed = append(changed, []any{s.id, string(a.Kind), clean(row.Currency), row.Amount, hash, content, now, w.round, int64(0)})
		}
		w.linked[clean(a.Item)] = true
	}
	if err := w.keep("allocation", kept); err != nil {
		return err
	}
	if err := w.insertMany("allocation", allocationColumns, fresh); err != nil {
		return err
	}
	if err := w.updateMany("allocation", allocationChanged, changed); err != nil {
		return err
	}
	return w.vanish(receivable.ItemAllocation, ended)
}

// gone marks what was deleted at the source.
func (w *writer) gone() error {
	by := map[receivable.ItemKind][]string{}
	for _, ref := range w.page.Gone {
		by[ref.Kind] = append(by[ref.Kind], ref.External)
	}
	for _, kind := range []receivable.ItemKind{receivable.ItemAccount, receivable.ItemDocument, receivable.ItemPayment} {
		if len(by[kind]) == 0 {
			continue
		}
		var ids []int64
		err := w.each(func(scan scanner) error {
			var id int64
			err := scan(&id)
			ids = append(ids, id)
			return err
		}, "SELECT id FROM "+string(kind)+" WHERE connection = $1 AND gone_at = 0 AND "+w.in("external", 2), w.conn, texts(by[kind]))
		if err != nil {
			return err
		}
		if err := w.vanish(kind, ids); err != nil {
			return err
		}
	}
	var ids []int64
	for _, key := range by[receivable.ItemAllocation] {
		group, item, _ := strings.Cut(key, "\x00")
		err := w.each(func(scan scanner) error {
			var id int64
			err := scan(&id)
			ids = append(ids, id)
			return err
		}, "SELECT id FROM allocation WHERE connection = $1 AND gone_at = 0 AND grp = $2 AND item = $3", w.conn, group, item)
		if err != nil {
			return err
		}
	}
	return w.vanish(receivable.ItemAllocation, ids)
}

// vanish marks rows as gone, keeping what they said.
func (w *writer) vanish(kind receivable.ItemKind, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	w.counts.Gone += len(ids)
	list := numbers(ids)
	switch kind {
	case receivable.ItemPayment, receivable.ItemAllocation:
		w.counts.PaymentsGone += len(ids)
		if kind == receivable.ItemPayment {
			w.tally.Payments -= len(ids)
		}
		column := map[receivable.ItemKind]string{receivable.ItemPayment: "external", receivable.ItemAllocation: "item"}[kind]
		err := w.each(func(scan scanner) error {
			var external string
			err := scan(&external)
			w.linked[external] = true
			return err
		}, "SELECT "+column+" FROM "+string(kind)+" WHERE "+w.in("id", 1), list)
		if err != nil {
			return err
		}
	case receivable.ItemDocument:
		err := w.each(func(scan scanner) error {
			var kind receivable.DocumentKind
			var currency string
			var open int64
			err := scan(&kind, &currency, &open)
			w.rose(kind, -open, currency)
			w.tally.document(-1, kind, currency, open)
			if open != 0 {
				w.counts.Closed++
			}
			return err
		}, "SELECT kind, currency, outstanding FROM document WHERE "+w.in("id", 1), list)
		if err != nil {
			return err
		}
	case receivable.ItemAccount:
	}
	if kind != receivable.ItemAllocation {
		err := w.each(func(scan scanner) error {
			var customer int64
			err := scan(&customer)
			w.touch[customer] = true
			return err
		}, "SELECT DISTINCT customer FROM "+string(kind)+" WHERE "+w.in("id", 1), list)
		if err != nil {
			return err
		}
	}
	round := ""
	if kind == receivable.ItemDocument || kind == receivable.ItemAllocation {
		round = fmt.Sprintf(", round = %d", w.round)
	}
	if _, err := w.exec("UPDATE "+string(kind)+" SET gone_at = $1"+round+" WHERE "+w.in("id", 2), w.now, list); err != nil {
		return err
	}
	if kind == receivable.ItemDocument {
		_, err := w.exec("UPDATE due SET gone_at = $1, changed_at = $1 WHERE gone_at = 0 AND "+w.in("document", 2), w.now, list)
		return err
	}
	return nil
}

// links collects the invoices that what was written or has gone is linked to.
// Before anything of a connection was accepted they have all just been read.
func (w *writer) links() error {
	if w.first || len(w.linked) == 0 {
		return nil
	}
	here := map[string]bool{}
	for _, d := range w.page.Documents {
		here[clean(d.External)] = true
	}
	items := make([]string, 0, len(w.linked))
	for item := range w.linked {
		items = append(items, item)
	}
	slices.Sort(items)
	for chunk := range slices.Chunk(items, 5000) {
		err := w.each(func(scan scanner) error {
			var external string
			var customer int64
			err := scan(&external, &customer)
			w.touch[customer] = true
			if !here[external] {
				here[external] = true
				w.counts.Linked = append(w.counts.Linked, external)
			}
			return err
		}, `SELECT DISTINCT d.external, d.customer FROM allocation a
JOIN allocation b ON b.connection = a.connection AND b.grp = a.grp
JOIN document d ON d.connection = b.connection AND d.external = b.item AND d.kind = 'invoice' AND d.gone_at = 0
WHERE a.connection = $1 AND `+w.in("a.item", 2)+" ORDER BY d.external", w.conn, texts(chunk))
		if err != nil {
			return err
		}
	}
	return nil
}

// fall is an invoice of which less is outstanding than before.
type fall struct {
	external, account string
	amount            int64
	currency          string
}

// derive turns falls into payments where the source tells none.
func (w *writer) derive(falls []fall) error {
	if !w.page.Derive || len(falls) == 0 {
		return nil
	}
	counts := w.counts
	payments, allocations := w.page.Payments, w.page.Allocations
	w.page.Payments, w.page.Allocations = nil, nil
	for _, f := range falls {
		id := fmt.Sprintf("derived:%s:%d", f.external, micros(w.now))
		w.page.Payments = append(w.page.Payments, receivable.Payment{
			External: id, Account: f.account, On: w.page.PayOn, Amount: amount(f.amount, f.currency), Unallocated: amount(0, f.currency), Derived: true,
		})
		w.page.Allocations = append(w.page.Allocations,
			receivable.Allocation{Group: id, Item: f.external, Kind: receivable.ItemDocument, Amount: amount(f.amount, f.currency)},
			receivable.Allocation{Group: id, Item: id, Kind: receivable.ItemPayment, Amount: amount(-f.amount, f.currency)})
	}
	err := errors.Join(w.payments(), w.allocations())
	w.page.Payments, w.page.Allocations = payments, allocations
	w.counts = counts
	clear(w.linked)
	return err
}
