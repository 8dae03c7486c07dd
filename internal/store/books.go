package store

import (
	"fmt"
	"slices"
	"strings"

	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// CheckBooks compares total = open + allocated for what the pass wrote, as far
// as extent (all, some, none) allows; a breach becomes a problem of the invoice,
// and goes when it is mended. It returns how many have one. What a group settles
// is known only where its amounts are told and sum to zero, or where the
// document is the only one on its side.
func (tx *Tx) CheckBooks(key ConnectionKey, extent string) (int, error) {
	c, id, err := tx.connection(key)
	if err != nil {
		return 0, err
	}
	type checked struct {
		id, customer, total, open int64
		external, problem         string
		dues                      int64
		lines                     int64
		kind                      receivable.DocumentKind
	}
	list, err := all(tx, func(scan scanner) (checked, error) {
		var d checked
		err := scan(&d.id, &d.external, &d.customer, &d.kind, &d.total, &d.open, &d.problem, &d.dues, &d.lines)
		return d, err
	}, `SELECT d.id, d.external, d.customer, d.kind, d.total, d.outstanding, d.problem,
  CAST(coalesce((SELECT sum(l.outstanding) FROM due l WHERE l.document = d.id AND l.gone_at = 0), 0) AS BIGINT),
  (SELECT count(*) FROM due l WHERE l.document = d.id AND l.gone_at = 0)
FROM document d WHERE d.connection = $1 AND d.gone_at = 0 AND d.id IN (
  SELECT id FROM document WHERE connection = $1 AND written_at >= $2
  UNION SELECT e.id FROM allocation a JOIN document e ON e.connection = a.connection AND e.external = a.item
  WHERE a.connection = $1 AND a.kind = 'document' AND a.written_at >= $2)
ORDER BY d.id`, id, c.PassStartedAt)
	if err != nil {
		return 0, err
	}
	externals := make([]string, len(list))
	for i, d := range list {
		externals[i] = d.external
	}
	told := map[string]told{}
	if extent != "none" {
		if told, err = tx.allocated(id, externals); err != nil {
			return 0, err
		}
	}
	bad := 0
	for _, d := range list {
		problem := ""
		t := told[d.external]
		switch {
		case d.kind == receivable.Invoice && d.lines > 0 && d.dues != d.open:
			problem = fmt.Sprintf("its due lines sum to another amount than what is outstanding (difference %s)", plain(d.dues-d.open))
		case extent == "all" && !t.doubtful && d.open+t.amount != d.total:
			problem = fmt.Sprintf("the source contradicts itself: total %s, outstanding %s, but %s allocated", plain(d.total), plain(d.open), plain(t.amount))
		case extent == "some" && !t.doubtful && d.open+t.amount > max(d.total, d.open):
			problem = fmt.Sprintf("the source contradicts itself: total %s, outstanding %s, but %s allocated", plain(d.total), plain(d.open), plain(t.amount))
		}
		if problem != "" {
			bad++
		}
		if problem == d.problem || strings.HasPrefix(d.problem, cannotRead) {
			continue
		}
		if _, err := tx.exec("UPDATE document SET problem = $2 WHERE id = $1", d.id, problem); err != nil {
			return bad, err
		}
		tx.Touch(dossier.CustomerID(d.customer))
	}
	return bad, nil
}

func plain(minor int64) string { return money.New(minor, "EUR").String() }

// told is what allocations say was settled of a document.
type told struct {
	amount   int64
	doubtful bool // some group does not tell how much
}

func (tx *Tx) allocated(connection int64, externals []string) (map[string]told, error) {
	type item struct {
		group, item string
		document    bool
		currency    string
		amount      int64
	}
	groups := map[string][]item{}
	for chunk := range slices.Chunk(externals, 5000) {
		err := tx.each(func(scan scanner) error {
			var i item
			var kind receivable.ItemKind
			err := scan(&i.group, &i.item, &kind, &i.currency, &i.amount)
			i.document = kind == receivable.ItemDocument
			if !slices.Contains(groups[i.group], i) {
				groups[i.group] = append(groups[i.group], i)
			}
			return err
		}, `SELECT b.grp, b.item, b.kind, b.currency, b.amount FROM allocation b WHERE b.connection = $1 AND b.gone_at = 0
AND b.grp IN (SELECT a.grp FROM allocation a WHERE a.connection = $1 AND a.kind = 'document' AND a.gone_at = 0 AND `+tx.in("a.item", 2)+`) ORDER BY b.id`,
			connection, texts(chunk))
		if err != nil {
			return nil, err
		}
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
