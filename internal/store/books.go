package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// tally is the running count of a connection's books: each page adds what it
// changed, so that nobody ever counts what is stored.
type tally struct {
	Payments int                 `json:"p"`
	Invoices int                 `json:"i"`
	Open     map[string]openBook `json:"o,omitempty"` // by currency
}

type openBook struct {
	N   int   `json:"n"`
	Sum int64 `json:"s"`
}

// document adds a document that is there (sign 1), or takes one away (-1).
func (t *tally) document(sign int, kind receivable.DocumentKind, currency string, outstanding int64) {
	if kind != receivable.Invoice {
		return
	}
	t.Invoices += sign
	if outstanding == 0 {
		return
	}
	if t.Open == nil {
		t.Open = map[string]openBook{}
	}
	o := t.Open[currency]
	o.N, o.Sum = o.N+sign, o.Sum+int64(sign)*outstanding
	if t.Open[currency] = o; o.N == 0 {
		delete(t.Open, currency)
	}
}

func (t *tally) stats() Stats {
	s := Stats{Payments: t.Payments}
	for _, currency := range slices.Sorted(maps.Keys(t.Open)) {
		s.Open += t.Open[currency].N
		s.OpenSums = append(s.OpenSums, amount(t.Open[currency].Sum, currency))
	}
	s.Paid = t.Invoices - s.Open
	return s
}

// Measure tells how the books of the connection are now. It counts nothing: the
// pages did.
func (tx *Tx) Measure(key ConnectionKey) (Stats, error) {
	var t tally
	err := tx.one([]any{doc(&t)}, "SELECT tally FROM connection WHERE company = $1 AND name = $2", key.Company, key.Name)
	if err != nil {
		return Stats{}, fmt.Errorf("connection %s: %w", key.Name, err)
	}
	return t.stats(), nil
}

// checkChunk is how many documents are checked at once: memory stays flat.
const checkChunk = 5000

// What was written since a pass last ended bears the connection's round: these
// find it by index, whatever is stored besides.
const (
	writtenQuery = "SELECT id FROM document WHERE connection = $1 AND round = $2 AND id > $3 ORDER BY id LIMIT $4"
	linkedQuery  = "SELECT id FROM allocation WHERE connection = $1 AND round = $2 AND id > $3 ORDER BY id LIMIT $4"
	// A group is settled as a whole: what one link of it says concerns all its documents.
	groupQuery = `SELECT DISTINCT d.id FROM allocation a
JOIN allocation b ON b.connection = a.connection AND b.grp = a.grp AND b.kind = 'document'
JOIN document d ON d.connection = b.connection AND d.external = b.item
WHERE a.connection = $1 AND a.round = $2 AND a.id > $3 AND a.id <= $4 AND d.round <> $2 ORDER BY d.id`
)

// CheckBooks compares total = open + allocated for what was written since a pass
// last ended, as far as extent (all, some, none) allows; a breach becomes a
// problem of the invoice, and goes when it is mended. It returns how many have
// one. What a group settles is known only where its amounts are told and sum to
// zero, or where the document is the only one on its side.
func (tx *Tx) CheckBooks(key ConnectionKey, extent string) (int, error) {
	c, err := tx.locked(key)
	if err != nil {
		return 0, err
	}
	bad := map[int64]bool{}
	next := func(query string, after int64) ([]int64, error) {
		return tx.numbers(query, c.id, c.round, after, checkChunk)
	}
	for last := int64(0); ; {
		ids, err := next(writtenQuery, last)
		if err != nil || len(ids) == 0 {
			if err != nil {
				return 0, err
			}
			break
		}
		last = ids[len(ids)-1]
		if err := tx.check(c.id, ids, extent, bad); err != nil {
			return 0, err
		}
	}
	for last := int64(0); ; {
		links, err := next(linkedQuery, last)
		if err != nil || len(links) == 0 {
			return len(bad), err
		}
		from := last
		last = links[len(links)-1]
		ids, err := tx.numbers(groupQuery, c.id, c.round, from, last)
		if err != nil {
			return 0, err
		}
		if err := tx.check(c.id, ids, extent, bad); err != nil {
			return 0, err
		}
	}
}

func (tx *Tx) numbers(query string, args ...any) ([]int64, error) {
	return all(tx, func(scan scanner) (int64, error) {
		var n int64
		err := scan(&n)
		return n, err
	}, query, args...)
}

// checked is a document as CheckBooks looks at it.
type checked struct {
	id, customer, total, open int64
	external, problem         string
	dues, lines               int64 // their sum and their number
	kind                      receivable.DocumentKind
}

const checkedQuery = `SELECT d.id, d.external, d.customer, d.kind, d.total, d.outstanding, d.problem,
  CAST(coalesce((SELECT sum(l.outstanding) FROM due l WHERE l.document = d.id AND l.gone_at = 0), 0) AS BIGINT),
  (SELECT count(*) FROM due l WHERE l.document = d.id AND l.gone_at = 0)
FROM document d WHERE d.gone_at = 0 AND `

// check notes what is wrong with these documents, and adds them to bad.
func (tx *Tx) check(connection int64, ids []int64, extent string, bad map[int64]bool) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := all(tx, func(scan scanner) (checked, error) {
		var d checked
		err := scan(&d.id, &d.external, &d.customer, &d.kind, &d.total, &d.open, &d.problem, &d.dues, &d.lines)
		return d, err
	}, checkedQuery+tx.in("d.id", 1)+" ORDER BY d.id", numbers(ids))
	if err != nil {
		return err
	}
	said := map[string]told{}
	if extent != "none" {
		externals := make([]string, len(list))
		for i, d := range list {
			externals[i] = d.external
		}
		if said, err = tx.allocated(connection, externals); err != nil {
			return err
		}
	}
	for _, d := range list {
		problem := d.wrong(said[d.external], extent)
		if problem != "" {
			bad[d.id] = true
		}
		if problem == d.problem || strings.HasPrefix(d.problem, cannotRead) {
			continue
		}
		if err := tx.setProblem([]int64{d.id}, problem); err != nil {
			return err
		}
		tx.Touch(dossier.CustomerID(d.customer))
	}
	return nil
}

// wrong says what contradicts itself, "" where nothing does.
func (d checked) wrong(t told, extent string) string {
	contradiction := func() string {
		return fmt.Sprintf("the source contradicts itself: total %s, outstanding %s, but %s allocated", plain(d.total), plain(d.open), plain(t.amount))
	}
	switch {
	case d.kind == receivable.Invoice && d.lines > 0 && d.dues != d.open:
		return fmt.Sprintf("its due lines sum to another amount than what is outstanding (difference %s)", plain(d.dues-d.open))
	case extent == "all" && !t.doubtful && d.open+t.amount != d.total:
		return contradiction()
	case extent == "some" && !t.doubtful && d.open+t.amount > max(d.total, d.open):
		return contradiction()
	}
	return ""
}

// setProblem changes what is wrong with documents; what was wrong until now is
// kept.
func (tx *Tx) setProblem(ids []int64, problem string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.exec("INSERT INTO history (tbl, row_id, from_at, until_at, content) SELECT 'problem', id, problem_at, CAST($1 AS BIGINT), problem FROM document WHERE problem_at < $1 AND "+tx.in("id", 2)+" ORDER BY id", tx.now, numbers(ids))
	if err != nil {
		return err
	}
	_, err = tx.exec("UPDATE document SET problem = $1, problem_at = $2 WHERE "+tx.in("id", 3), problem, tx.now, numbers(ids))
	return err
}

func plain(minor int64) string { return money.New(minor, "EUR").String() }

// told is what allocations say was settled of a document.
type told struct {
	amount   int64
	doubtful bool // some group does not tell how much
}

// allocated reads the groups that these documents are in.
func (tx *Tx) allocated(connection int64, externals []string) (map[string]told, error) {
	type item struct {
		group, item string
		document    bool
		currency    string
		amount      int64
	}
	groups := map[string][]item{}
	err := tx.each(func(scan scanner) error {
		var i item
		var kind receivable.ItemKind
		err := scan(&i.group, &i.item, &kind, &i.currency, &i.amount)
		i.document = kind == receivable.ItemDocument
		groups[i.group] = append(groups[i.group], i)
		return err
	}, `SELECT b.grp, b.item, b.kind, b.currency, b.amount FROM allocation b WHERE b.connection = $1 AND b.gone_at = 0
AND b.grp IN (SELECT a.grp FROM allocation a WHERE a.connection = $1 AND a.kind = 'document' AND a.gone_at = 0 AND `+tx.in("a.item", 2)+`) ORDER BY b.id`,
		connection, texts(externals))
	if err != nil {
		return nil, err
	}
	found := map[string]told{}
	for _, items := range groups {
		var plus, minus int64
		plusses, minuses, silent := 0, 0, false
		for _, i := range items {
			silent = silent || i.currency == ""
			if i.amount >= 0 {
				plus += i.amount
				plusses++
			} else {
				minus -= i.amount
				minuses++
			}
		}
		for _, i := range items {
			if !i.document {
				continue
			}
			t := found[i.item]
			own, other := i.amount, minus
			alone := plusses == 1
			if own < 0 {
				own, other, alone = -own, plus, minuses == 1
			}
			switch {
			case silent:
				t.doubtful = true
			case plus == minus:
				t.amount += own
			case alone:
				t.amount += min(own, other)
			default:
				t.doubtful = true
			}
			found[i.item] = t
		}
	}
	return found, nil
}
