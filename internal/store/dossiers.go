package store

import (
	"context"
	"fmt"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// remembered is how long ended holds, promises and disputes stay in a dossier.
const remembered = 400 * 24 * time.Hour

// gathering builds the dossiers of many customers in few queries.
type gathering struct {
	*Tx
	at        time.Time // zero: as it stands now
	roots     []int64
	members   []int64         // customers joined under the roots, roots included
	root      map[int64]int64 // of each member
	by        map[int64]*dossier.Dossier
	documents []dossier.DocumentID // besides open and reminded ones
	lines     map[dossier.DueID]bool
}

// Dossier is all that is known of one customer now. A joined account's customer
// gives the dossier of who pays for it.
func (tx *Tx) Dossier(id dossier.CustomerID) (dossier.Dossier, error) {
	return tx.dossier(id, gathering{})
}

// Dossier is Tx.Dossier in a transaction of its own.
func (s *Store) Dossier(ctx context.Context, id dossier.CustomerID) (dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) (dossier.Dossier, error) { return tx.Dossier(id) })
}

// Dossiers returns those of many customers in few queries, in the order of ids,
// unknown ones left out.
func (s *Store) Dossiers(ctx context.Context, ids []dossier.CustomerID) ([]dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) ([]dossier.Dossier, error) { return tx.gather(ids, gathering{}) })
}

// DossierOf is Dossier with all lines of one document, settled ones too.
func (s *Store) DossierOf(ctx context.Context, id dossier.CustomerID, document dossier.DocumentID) (dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) (dossier.Dossier, error) {
		return tx.dossier(id, gathering{documents: []dossier.DocumentID{document}})
	})
}

// DossierAt rebuilds the dossier as it was known at a past moment.
func (s *Store) DossierAt(ctx context.Context, id dossier.CustomerID, at time.Time) (dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) (dossier.Dossier, error) { return tx.dossier(id, gathering{at: at}) })
}

func (tx *Tx) dossier(id dossier.CustomerID, g gathering) (dossier.Dossier, error) {
	list, err := tx.gather([]dossier.CustomerID{id}, g)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("customer %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return dossier.Dossier{}, err
	}
	return list[0], nil
}

// CustomerIDs returns all customers of the company that are chased on their own
// account, by id.
func (s *Store) CustomerIDs(ctx context.Context, company receivable.CompanyID) ([]dossier.CustomerID, error) {
	return s.ids(ctx, "SELECT id FROM customer WHERE company = $1 AND root = id ORDER BY id", company)
}

// OpenCustomerIDs is CustomerIDs, those with an open due line.
func (s *Store) OpenCustomerIDs(ctx context.Context, company receivable.CompanyID) ([]dossier.CustomerID, error) {
	return s.ids(ctx, `SELECT DISTINCT c.root FROM due l JOIN customer c ON c.id = l.customer
WHERE l.outstanding <> 0 AND l.gone_at = 0 AND c.company = $1 ORDER BY c.root`, company)
}

func (s *Store) ids(ctx context.Context, query string, args ...any) ([]dossier.CustomerID, error) {
	return view(ctx, s, func(tx *Tx) ([]dossier.CustomerID, error) {
		return all(tx, func(scan scanner) (dossier.CustomerID, error) {
			var id dossier.CustomerID
			err := scan(&id)
			return id, err
		}, query, args...)
	})
}

func (tx *Tx) gather(ids []dossier.CustomerID, g gathering) ([]dossier.Dossier, error) {
	g.Tx, g.root, g.by, g.lines = tx, map[int64]int64{}, map[int64]*dossier.Dossier{}, map[dossier.DueID]bool{}
	order := map[dossier.CustomerID]int64{}
	err := tx.each(func(scan scanner) error {
		var asked dossier.CustomerID
		var member, root int64
		err := scan(&asked, &member, &root)
		order[asked] = root
		if _, ok := g.root[member]; !ok {
			g.members = append(g.members, member)
		}
		g.root[member] = root
		return err
	}, "SELECT a.id, m.id, m.root FROM customer a JOIN customer m ON m.root = a.root WHERE "+tx.in("a.id", 1)+" ORDER BY a.id, m.id", numbers(ids))
	if err != nil || len(g.members) == 0 {
		return nil, err
	}
	for _, root := range order {
		if g.by[root] == nil {
			g.by[root] = &dossier.Dossier{}
			g.roots = append(g.roots, root)
		}
	}
	for _, step := range []func() error{g.customers, g.messages, g.books, g.credits, g.settlements, g.holds, g.promises, g.disputes, g.replies, g.taken, g.tasks, g.bounced, g.undelivered} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("dossier: %w", err)
		}
	}
	list := make([]dossier.Dossier, 0, len(ids))
	for _, id := range ids {
		if root, ok := order[id]; ok {
			list = append(list, *g.by[root])
		}
	}
	return list, nil
}

// of returns the dossier that a member's facts belong to.
func (g *gathering) of(member int64) *dossier.Dossier { return g.by[g.root[member]] }

// past tells whether something lies after the moment asked for.
func (g *gathering) past(t time.Time) bool { return !g.at.IsZero() && t.After(g.at) }

// until forgets an end that lies after the moment asked for.
func (g *gathering) until(t *time.Time) {
	if g.past(*t) {
		*t = time.Time{}
	}
}

// old replaces a row's content by what it was at the moment asked for.
func (g *gathering) old(table string, ids []int64) (map[int64]string, error) {
	found := map[int64]string{}
	if g.at.IsZero() || len(ids) == 0 {
		return found, nil
	}
	err := g.each(func(scan scanner) error {
		var id int64
		var content string
		err := scan(&id, &content)
		found[id] = content
		return err
	}, "SELECT row_id, content FROM history WHERE tbl = $1 AND "+g.in("row_id", 2)+" AND from_at <= $3 AND until_at > $3 ORDER BY id", table, numbers(ids), g.at)
	return found, err
}
